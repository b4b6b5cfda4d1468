import { l10n } from 'vscode';
import { errorOf } from '../../core/errors.ts';
import { isErrorCode } from '../../core/errorTable.ts';
import type { HistoryChange, HistoryEntry, HistoryError, HistoryToken } from '../../core/records/history.ts';
import type { Asker, HandOut } from '../../core/records/sessions.ts';
import { printable } from '../../core/redact.ts';
import type { NoPlan, Plan } from '../../core/refresh/autoRefresh.ts';
import { describeError } from './errors.ts';
import { durationText, listText } from './time.ts';

/** The outcome of a refresh, in a word or two. */
export function outcomeText({ outcome, error }: HistoryEntry): string {
  switch (outcome) {
    case 'refreshed':
      return error ? l10n.t('refreshed, not stored in full') : l10n.t('refreshed');
    case 'adopted':
      return l10n.t('taken over from another window');
    case 'reauthRequired':
      return l10n.t('rejected, sign in again');
    case 'retryable':
      return l10n.t('failed, tokens unchanged');
    case 'unknown':
      return l10n.t('failed, response lost');
  }
}

/** The sentence for a recorded error, whose free text was not stored. */
export function pastErrorText({ code, data }: HistoryError): string {
  return isErrorCode(code) ? describeError(errorOf(code, data)) : code;
}

export function changeText(change: HistoryChange): string {
  switch (change.what) {
    case 'refresh_token':
      return l10n.t('new refresh token');
    case 'scope':
      return l10n.t('scope {0}', differenceText(change));
    case 'claims':
      return change.token === 'id_token'
        ? l10n.t('claims of the ID token {0}', differenceText(change))
        : l10n.t('claims {0}', differenceText(change));
    case 'lifetime':
      return l10n.t('lifetime {0}, before {1}', lengthText(change.to), lengthText(change.from));
    case 'alg':
      return l10n.t('{0} signed with {1}, before {2}', tokenText(change.token), ...stepText(change));
    case 'kid':
      return l10n.t('{0} signed with key {1}, before {2}', tokenText(change.token), ...stepText(change));
  }
}

/** Every refresh rotates the refresh token, so that change is left out. */
export function notableChanges(changes: readonly HistoryChange[]): readonly HistoryChange[] {
  return changes.filter(({ what }) => what !== 'refresh_token');
}

function differenceText({ gained, lost }: { readonly gained: readonly string[]; readonly lost: readonly string[] }) {
  return [...gained.map(name => `+${name}`), ...lost.map(name => `-${name}`)].join(' ');
}

function stepText({ from, to }: { readonly from?: string; readonly to?: string }): [string, string] {
  return [to ?? l10n.t('none'), from ?? l10n.t('none')];
}

function lengthText(seconds: number | undefined): string {
  return seconds === undefined ? l10n.t('unknown') : durationText(seconds * 1000);
}

function tokenText(token: HistoryToken): string {
  return token === 'id_token' ? l10n.t('ID token') : l10n.t('access token');
}

/**
 * The next event of a connection and its time, for use inside a sentence: "next refresh in 48 min".
 * @param now milliseconds since the epoch
 */
export function planText(plan: Plan, now: number): string {
  const { description } = planRow(plan, now);
  return 'never' in plan ? l10n.t('refresh {0}', description) : l10n.t('next {0}', description);
}

/** The next event as a tree row: "Next refresh in 48 min". `step`: see `durationText`. */
export function planRow(
  plan: Plan,
  now: number,
  step?: number,
): { readonly label: string; readonly description: string } {
  return 'never' in plan
    ? { label: l10n.t('Refresh'), description: neverText(plan.never) }
    : { label: l10n.t('Next'), description: plannedText(plan, now, step) };
}

function plannedText(plan: Exclude<Plan, { never: NoPlan }>, now: number, step?: number): string {
  const wait = plan.at - now;
  if (wait < 1000) return l10n.t('refresh now');
  switch (plan.because) {
    case 'ending':
      return l10n.t('refresh in {0}', durationText(wait, step));
    case 'short_lived':
      return l10n.t('refresh in {0}: new tokens expire at once', durationText(wait, step));
    case 'waiting_for_issuer':
      return l10n.t('retry in {0}, as the issuer asked', durationText(wait, step));
    case 'backing_off':
      return l10n.t('retry in {0}', durationText(wait, step));
    case 'offline':
      return l10n.t('retry in {0}: offline', durationText(wait, step));
    case 'unreachable':
      return l10n.t('retry in {0}: issuer not reached', durationText(wait, step));
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
      return l10n.t('paused: the refresh token may be used up');
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

/** Shown above the rows of the view, once for all connections. */
export function memoryOnlyText(isInBrowser: boolean): string {
  return isInBrowser
    ? l10n.t('VS Code keeps secrets in memory only here: a reload loses the tokens.')
    : l10n.t(
        'VS Code keeps secrets in memory only here: a reload loses the tokens. On Linux, install and unlock a keyring.',
      );
}

/** Shown when windows cannot agree on which of them refreshes. */
export function unwritableText(): string {
  return l10n.t(
    'VS Code cannot write to its own folder, so connections are not refreshed automatically: two windows could use the same token. Check the rights of the folder, or refresh a connection yourself.',
  );
}

export function askerText(asker: Asker): string {
  switch (asker.kind) {
    case 'workspace':
      return asker.uri === '' ? l10n.t('terminals and tasks') : l10n.t('terminals and tasks of {0}', asker.uri);
    case 'machine':
      return l10n.t('every program of this user');
    case 'extension':
      return l10n.t('another extension');
    case 'user':
      return l10n.t('you');
  }
}

/** The receiver and the purpose. @param whole include the workspace, which usually is that of this window */
export function handOutText({ asker, purpose }: HandOut, whole = false): string {
  const who = askerText(asker.kind === 'workspace' && !whole ? { ...asker, uri: '' } : asker);
  return purpose === '' ? who : listText([printable(purpose, 100), who]);
}
