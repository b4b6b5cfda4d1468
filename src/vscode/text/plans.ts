import { l10n } from 'vscode';
import type { NoPlan, Plan } from '../../core/refresh/schedule.ts';
import { durationText } from './time.ts';

/** What happens next to a connection, and when: "refreshes in 48 min". @param now milliseconds since the epoch */
export function planText(plan: Plan, now: number): string {
  if ('never' in plan) return neverText(plan.never);
  const wait = plan.at - now;
  if (wait < 1000) return l10n.t('refreshes now');
  switch (plan.because) {
    case 'ending':
      return l10n.t('refreshes in {0}', durationText(wait));
    case 'waiting_for_issuer':
      return l10n.t('next try in {0}, as the issuer asked', durationText(wait));
    case 'backing_off':
      return l10n.t('next try in {0}', durationText(wait));
    case 'offline':
      return l10n.t('offline, next try in {0}', durationText(wait));
    case 'unreachable':
      return l10n.t('issuer not reached, next try in {0}', durationText(wait));
  }
}

function neverText(reason: NoPlan): string {
  switch (reason) {
    case 'off':
      return l10n.t('only when you ask (autoRefresh is off)');
    case 'no_refresh_token':
      return l10n.t('not possible without a refresh token');
    case 'end_unknown':
      return l10n.t('only when you ask, the end of the access token is unknown');
    case 'sign_in':
      return l10n.t('not before you sign in again');
    case 'answer_missing':
      return l10n.t('not before you ask: two answers were lost');
    case 'configuration':
      return l10n.t('not before the settings or the issuer change, or you ask');
    case 'unreadable':
      return l10n.t('not while the stored data cannot be read');
    case 'folder_unwritable':
      return l10n.t('only when you ask: the folder that protects refreshes cannot be written');
    case 'not_trusted':
      return l10n.t('not before you trust the workspace');
  }
}

/** Above the rows of the view, once for all connections. */
export function unwritableText(): string {
  return l10n.t(
    'VS Code cannot write to its own folder, so connections are not refreshed automatically: two windows could use the same token. Check the rights of the folder, or refresh a connection yourself.',
  );
}
