import { l10n } from 'vscode';
import type { NoPlan, Plan } from '../../core/refresh/schedule.ts';
import { durationText } from './time.ts';

/** What happens next to a connection, and when, inside a sentence: "next refresh in 48 min". @param now milliseconds since the epoch */
export function planText(plan: Plan, now: number): string {
  const { description } = planRow(plan, now);
  return 'never' in plan ? l10n.t('refresh {0}', description) : l10n.t('next {0}', description);
}

/** The same as a row of the tree, which is read in one: "Next refresh in 48 min". */
export function planRow(plan: Plan, now: number): { readonly label: string; readonly description: string } {
  return 'never' in plan
    ? { label: l10n.t('Refresh'), description: neverText(plan.never) }
    : { label: l10n.t('Next'), description: plannedText(plan, now) };
}

function plannedText(plan: Exclude<Plan, { never: NoPlan }>, now: number): string {
  const wait = plan.at - now;
  if (wait < 1000) return l10n.t('refresh now');
  switch (plan.because) {
    case 'ending':
      return l10n.t('refresh in {0}', durationText(wait));
    case 'waiting_for_issuer':
      return l10n.t('try in {0}, as the issuer asked', durationText(wait));
    case 'backing_off':
      return l10n.t('try in {0}', durationText(wait));
    case 'offline':
      return l10n.t('try in {0}: offline', durationText(wait));
    case 'unreachable':
      return l10n.t('try in {0}: issuer not reached', durationText(wait));
  }
}

function neverText(reason: NoPlan): string {
  switch (reason) {
    case 'off':
      return l10n.t('only on request (autoRefresh is off)');
    case 'no_refresh_token':
      return l10n.t('Refresh not possible without a refresh token');
    case 'end_unknown':
      return l10n.t('only on request: no expiry known');
    case 'sign_in':
      return l10n.t('paused until you sign in');
    case 'answer_missing':
      return l10n.t('paused: two responses were lost');
    case 'configuration':
      return l10n.t('paused until the settings or the issuer change');
    case 'unreadable':
      return l10n.t('paused: the stored tokens cannot be read');
    case 'folder_unwritable':
      return l10n.t('only on request: the folder that protects refreshes cannot be written');
    case 'not_trusted':
      return l10n.t('paused until you trust the workspace');
  }
}

/** Above the rows of the view, once for all connections. */
export function unwritableText(): string {
  return l10n.t(
    'VS Code cannot write to its own folder, so connections are not refreshed automatically: two windows could use the same token. Check the rights of the folder, or refresh a connection yourself.',
  );
}
