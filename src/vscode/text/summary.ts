import { l10n } from 'vscode';
import type { SummaryKind, TokenTime } from '../../core/view/tokenSummary.ts';
import { tokenTitle } from './states.ts';
import { durationText, relativeText } from './time.ts';

/** What a token is. None of these words says that it is valid. */
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

/** The end of a token in few words: "expires in 5 min", "expired 3 h ago". @param at milliseconds since the epoch */
export function expiryText(at: number | undefined, now: number): string {
  if (at === undefined) return l10n.t('no expiry');
  return at > now ? l10n.t('expires in {0}', durationText(at - now)) : l10n.t('expired {0}', relativeText(at, now));
}
