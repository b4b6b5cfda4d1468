import { l10n } from 'vscode';
import type { Check, CheckStatus, TokenState, TokenStateKind } from '../../core/checks/finding.ts';
import type { RefreshResult } from '../../core/records/history.ts';
import type { Badge, SessionState, TokenName } from '../../core/records/sessions.ts';
import type { SummaryKind, TokenTime } from '../../core/view/tokenSummary.ts';
import { clockText, durationText, listText, relativeText } from './time.ts';

/** One or two words for a state. Every place that shows an icon shows this text as well. */
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
 * State and countdown in few words.
 * @param fixed the current time in milliseconds since the epoch, if the text should name a time instead of counting
 * down
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

/**
 * The same in the row of a connection. A narrow sidebar cuts off the end, so the time comes first, as in a token's row; the
 * icon shows that the connection is active.
 */
export function badgeRowText(badge: Badge, now: number): string {
  const { state, remaining } = badge;
  if (state === 'active' && remaining !== undefined)
    return l10n.t('until {0}, active', clockText(now + remaining, now));
  return badgeText(badge, now);
}

/** Icon and colour of a token's verification state, the same everywhere; `tokenStateText` is shown beside it. */
export const tokenStateLooks: Readonly<Record<TokenStateKind, { readonly icon: string; readonly color?: string }>> = {
  not_checked: { icon: 'shield' },
  verified: { icon: 'verified-filled', color: 'testing.iconPassed' },
  expired_valid_signature: { icon: 'watch', color: 'list.warningForeground' },
  failed: { icon: 'error', color: 'list.errorForeground' },
  unverifiable: { icon: 'question' },
};

/** For use inside a sentence or a row. */
export function tokenStateText(state: TokenState): string {
  switch (state.kind) {
    case 'not_checked':
      return l10n.t('not checked');
    case 'verified':
      return l10n.t('verified');
    case 'expired_valid_signature':
      return l10n.t('expired, signature valid');
    case 'failed':
      return l10n.t('verification failed');
    case 'unverifiable':
      return l10n.t('cannot be verified here: {0}', reasonText(state.reason));
  }
}

/** The state as a heading. */
export function tokenStateTitle(state: TokenState): string {
  switch (state.kind) {
    case 'not_checked':
      return l10n.t('Not checked');
    case 'verified':
      return l10n.t('Verified');
    case 'expired_valid_signature':
      return l10n.t('Expired, signature valid');
    case 'failed':
      return l10n.t('Verification failed');
    case 'unverifiable':
      return l10n.t('Cannot be verified here: {0}', reasonText(state.reason));
  }
}

/** Two or three words; the check's own sentence has the details. */
function reasonText({ code, found }: Check): string {
  switch (code) {
    case 'encrypted':
      return l10n.t('encrypted');
    case 'opaque':
      return l10n.t('opaque token');
    case 'signature_not_checked':
      return l10n.t('no key');
    case 'secret_needed':
      return l10n.t('shared secret needed');
    case 'signature_recipient':
      return l10n.t('only its recipient can');
    case 'platform_lacks_alg':
      return l10n.t('{0} is not supported', found ?? 'alg');
    case 'key_invalid':
      return l10n.t('the key cannot be read');
    default:
      return l10n.t('key set unavailable');
  }
}

/**
 * The expiry and the verification state of a token. A narrow sidebar cuts off the end, so the time comes first, which no
 * icon shows. Only a failed verification matters more.
 */
export function tokenRowText(state: TokenState, time: string): string {
  const verdict = state.kind === 'expired_valid_signature' ? l10n.t('signature valid') : tokenStateText(state);
  return listText(state.kind === 'failed' ? [verdict, time] : [time, verdict]);
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

/** The message of a successful refresh. Failures have their error's sentence. */
export function refreshedText(label: string, { outcome, expiresAt }: RefreshResult, now: number): string {
  const left = expiresAt === undefined ? undefined : durationText(expiresAt - now);
  if (outcome === 'adopted') return l10n.t('{0} was already fresh: another request had just refreshed it.', label);
  return left === undefined
    ? l10n.t('{0} has a new access token. No expiry is known.', label)
    : l10n.t('{0} has a new access token, valid for {1}.', label, left);
}

/** The message of a cancelled refresh. A request that was sent cannot be undone, and its response is still stored. */
export function cancelledText(label: string, sent: boolean): string {
  return sent
    ? l10n.t('{0}: cancelled. The request was sent; new tokens are stored if they arrive.', label)
    : l10n.t('{0}: cancelled, nothing was sent.', label);
}

/** Theme icons of checks; `statusText` is shown beside them. */
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

/** The kind of a token. None of these texts says that it is valid. */
export function kindText(kind: SummaryKind): string {
  switch (kind) {
    case 'signed':
      return l10n.t('Signed token');
    case 'encrypted':
      return l10n.t('Encrypted token');
    case 'opaque':
      return l10n.t('Opaque token');
    default:
      return tokenTitle(kind);
  }
}

export function timeName({ claim }: Pick<TokenTime, 'claim'>): string {
  switch (claim) {
    case 'auth_time':
      return l10n.t('Signed in');
    case 'iat':
      return l10n.t('Issued');
    case 'nbf':
      return l10n.t('Valid from');
    case 'exp':
      return l10n.t('Expires');
    case 'refresh':
      return l10n.t('Refresh token expires');
    default:
      return claim;
  }
}

/** The expiry of a token in few words: "expires in 5 min", "expired 3 h ago". @param at milliseconds since the epoch */
export function expiryText(at: number | undefined, now: number): string {
  if (at === undefined) return l10n.t('no expiry');
  return at > now ? l10n.t('expires in {0}', durationText(at - now)) : l10n.t('expired {0}', relativeText(at, now));
}
