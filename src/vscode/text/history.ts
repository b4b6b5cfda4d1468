import { l10n } from 'vscode';
import { errorOf } from '../../core/errors.ts';
import { isErrorCode } from '../../core/errorTable.ts';
import type { HistoryChange, HistoryEntry, HistoryError, HistoryToken } from '../../core/records/history.ts';
import { describeError } from './errors.ts';
import { durationText } from './time.ts';

/** What a refresh came to, in a word or two. */
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

/** The sentence for an error that was written down without its free text. */
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

/** A rotated refresh token is what every refresh brings: of interest in detail only. */
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
