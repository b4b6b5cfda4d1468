import { l10n } from 'vscode';
import type { CheckStatus } from '../../core/checks/finding.ts';
import type { Badge, TokenName } from '../../core/records/session.ts';
import type { SessionState } from '../../core/records/sessions.ts';
import type { RefreshResult } from '../../core/refresh/refresher.ts';
import { clockText, durationText, relativeText } from './time.ts';

/** One word or two for a state; every place that shows an icon shows these as well. */
export function stateText(state: SessionState): string {
  switch (state) {
    case 'none':
      return l10n.t('no tokens');
    case 'active':
      return l10n.t('active');
    case 'refreshing':
      return l10n.t('refreshing');
    case 'expired':
      return l10n.t('expired');
    case 'reauthRequired':
      return l10n.t('sign in again');
    case 'unavailable':
      return l10n.t('unavailable');
  }
}

/** Theme icons by state; the text beside them says the same. */
export const stateIcons = {
  none: 'circle-outline',
  active: 'pass',
  refreshing: 'sync~spin',
  expired: 'watch',
  reauthRequired: 'account',
  unavailable: 'error',
} as const satisfies Record<SessionState, string>;

export const stateColors: Partial<Record<SessionState, string>> = {
  active: 'testing.iconPassed',
  expired: 'list.warningForeground',
  reauthRequired: 'list.warningForeground',
  unavailable: 'list.errorForeground',
};

/**
 * State and countdown in few words, the ones that differ first: a narrow sidebar cuts the end.
 * @param fixed the moment now, in milliseconds since the epoch, where the text is to name a time instead of counting
 */
export function badgeText({ state, remaining }: Badge, fixed?: number): string {
  if (fixed !== undefined && remaining !== undefined) {
    const end = clockText(fixed + remaining, fixed);
    if (state === 'active') return l10n.t('active until {0}', end);
    if (state === 'expired') return l10n.t('expired at {0}', end);
  }
  if (state === 'active' && remaining !== undefined) return l10n.t('{0} left', durationText(remaining));
  if (state === 'active') return l10n.t('active, no expiry known');
  if (state === 'expired' && remaining !== undefined) return l10n.t('expired {0}', relativeText(remaining, 0));
  if (state === 'expired') return l10n.t('no access token yet, refresh to get one');
  return stateText(state);
}

export function tokenTitle(name: TokenName): string {
  switch (name) {
    case 'access_token':
      return l10n.t('Access token');
    case 'id_token':
      return l10n.t('ID token');
    case 'refresh_token':
      return l10n.t('Refresh token');
  }
}

/** What a successful refresh says. Failures have their error's own sentence. */
export function refreshedText(label: string, { outcome, expiresAt }: RefreshResult, now: number): string {
  const left = expiresAt === undefined ? undefined : durationText(expiresAt - now);
  if (outcome === 'adopted') return l10n.t('{0} was already fresh: another request had just refreshed it.', label);
  return left === undefined
    ? l10n.t('{0} has a new access token. No expiry is known.', label)
    : l10n.t('{0} has a new access token, valid for {1}.', label, left);
}

/** What a cancelled refresh says: a request that is under way cannot be taken back, and its answer is not thrown away. */
export function cancelledText(label: string, sent: boolean): string {
  return sent
    ? l10n.t('{0}: cancelled. The request was sent; new tokens are stored if they arrive.', label)
    : l10n.t('{0}: cancelled, nothing was sent.', label);
}

/** Theme icons of checks; `statusText` stands beside them. */
export const checkIcons = {
  passed: 'pass',
  failed: 'error',
  warning: 'warning',
  skipped: 'circle-slash',
} as const;

export function statusText(status: CheckStatus): string {
  switch (status) {
    case 'passed':
      return l10n.t('passed');
    case 'failed':
      return l10n.t('failed');
    case 'warning':
      return l10n.t('warning');
    case 'skipped':
      return l10n.t('not checked');
  }
}
