import { l10n } from 'vscode';
import type { StartingPoint } from '../../core/signIn/startingPoints.ts';

/** What to expect of this issuer, in one line: how it gives refresh tokens, and what becomes of one that is used. */
export function startingPointText(point: StartingPoint): string {
  return [refreshTokenText(point), rotationText(point), graceText(point)].filter(text => text !== undefined).join(' ');
}

/** What to do for a refresh token. */
export function refreshTokenText({ refreshToken }: StartingPoint): string {
  switch (refreshToken) {
    case 'offline_access':
      return l10n.t('The scope offline_access gives a refresh token.');
    case 'offline_access_allowed':
      return l10n.t('The scope offline_access gives a refresh token, if the application may have one.');
    case 'access_type':
      return l10n.t('The extra parameter access_type=offline gives a refresh token.');
    case 'always':
      return l10n.t('Every sign-in gives a refresh token.');
    case 'expiring_tokens':
      return l10n.t('A GitHub App whose user tokens expire gets a refresh token. Scopes are not used.');
  }
}

function rotationText({ rotation }: StartingPoint): string {
  switch (rotation) {
    case 'always':
      return l10n.t('Each refresh replaces it.');
    case 'optional':
      return l10n.t('Each refresh replaces it if rotation is on at the issuer.');
    case 'kept_alive':
      return l10n.t('Each refresh brings a new one, and the old one is not revoked.');
    case 'never':
      return l10n.t('Each refresh brings the same one, until it expires.');
    default:
      return l10n.t('Whether a refresh replaces it is not documented.');
  }
}

function graceText({ rotation, grace }: StartingPoint): string | undefined {
  if (rotation !== 'always' && rotation !== 'optional') return undefined;
  if (grace === undefined) return l10n.t('How long the old one stays valid is not documented.');
  if (grace.most !== undefined) return l10n.t('The old one can be set to stay valid for up to {0} s.', grace.most);
  return grace.usual === 0
    ? l10n.t('The old one becomes invalid at once by default.')
    : l10n.t('The old one stays valid for {0} s by default.', grace.usual);
}

/** The question for a placeholder. */
export function placeholderText(name: string): string {
  switch (name) {
    case 'domain':
      return l10n.t('The domain of your tenant or server, without https://');
    case 'tenant':
      return l10n.t('The directory (tenant) ID of your organization. "common" is not an issuer.');
    case 'realm':
      return l10n.t('The realm');
    case 'region':
      return l10n.t('The region of the user pool');
    case 'userPool':
      return l10n.t('The ID of the user pool');
    case 'server':
      return l10n.t('The ID of the authorization server');
    default:
      return name;
  }
}
