import { l10n } from 'vscode';
import type { DataOf } from '../../core/errors.ts';
import type { Grant } from '../../core/signIn/grants.ts';
import type { SignInResult } from '../../core/signIn/signIn.ts';
import type { StartingPoint } from '../../core/signIn/startingPoints.ts';
import { joined, show, unknownReason } from './answerErrors.ts';
import { durationText } from './time.ts';

type Addressed = { readonly redirectUri?: string | undefined };

/** The redirect URI to register at the issuer; the port does not matter (RFC 8252 §7.3). */
export const toRegister = ({ redirectUri }: Addressed) => show(redirectUri, 'http://127.0.0.1/callback');

/** An issuer that does not know the redirect URI reports it on its own page, and the browser does not return. */
export function redirectComplaintText(data: Addressed): string {
  const uri = toRegister(data);
  return joined(
    l10n.t('If the issuer rejected the redirect URI, register {0} there, then sign in again.', uri),
    ...(uri.startsWith('http://127.0.0.1/') ? [l10n.t('If the issuer also compares the port, set redirectPort.')] : []),
  );
}

export const signInSentences = {
  browser_not_opened: () => l10n.t('The browser was not opened. Run Sign In again and allow the page to open.'),
  listener_failed: ({ detail, port }: DataOf<'listener_failed'>) =>
    port !== undefined
      ? l10n.t(
          'Port {0} of 127.0.0.1, which redirectPort names, cannot be used ({1}). Close the program that uses it, or register and set another port.',
          show(port),
          show(detail, l10n.t('no reason given')),
        )
      : l10n.t(
          'JWT Workbench could not listen on 127.0.0.1 ({0}), so the browser could not return. Check firewall and security software.',
          show(detail, l10n.t('no reason given')),
        ),
  callback_invalid: ({ reason, expected, found }: DataOf<'callback_invalid'>) => {
    switch (reason) {
      case 'issuer':
        return l10n.t(
          'The redirect came from the issuer {0}, expected {1}. It was rejected and nothing was changed. Check issuer; if it is right, this may be an issuer mix-up attack.',
          show(found, l10n.t('an issuer without a name')),
          show(expected),
        );
      case 'code_missing':
        return l10n.t(
          'The redirect contains no authorization code. Check that the client may use the authorization code grant.',
        );
      case 'malformed':
        return l10n.t('The redirect from the browser is invalid. Sign in again.');
      default:
        return unknownReason(reason);
    }
  },
  sign_in_timeout: (data: DataOf<'sign_in_timeout'>) =>
    joined(
      l10n.t(
        'The sign-in was not finished in the browser within {0}, so it was cancelled.',
        durationText(data.after ?? 10 * 60_000),
      ),
      redirectComplaintText(data),
    ),
} as const;

export const clientUnprovenText = () =>
  l10n.t(
    'Unknown client, or client authentication failed. Check clientId and tokenEndpointAuthMethod, or run "Set Client Secret or Key".',
  );

interface GrantWords {
  readonly icon: string;
  readonly label: () => string;
  readonly detail: () => string;
  readonly waiting: (connection: string) => string;
  /** The message of a success, if it is not about how long the token is valid. */
  readonly done?: (connection: string) => string;
  /** The meaning of `invalid_grant` for this grant. */
  readonly invalidGrant: (data: DataOf<'oauth_error'>) => string;
}

/** The texts of each way to sign in. */
export const grantWords: { readonly [G in Grant]: GrantWords } = {
  authorization_code: {
    icon: 'globe',
    label: () => l10n.t('In the browser'),
    detail: () => l10n.t("Opens the issuer's page on this computer and returns by itself."),
    waiting: connection => l10n.t('Signing in to {0}', connection),
    invalidGrant: data =>
      l10n.t(
        'The issuer rejected the authorization code: it has expired, was already used, or the redirect URI differs. Register {0} at the issuer and sign in again.',
        toRegister(data),
      ),
  },
  device_code: {
    icon: 'device-mobile',
    label: () => l10n.t('With a code, on any device'),
    detail: () => l10n.t('For remote machines: shows a code to confirm in a browser anywhere.'),
    waiting: connection => l10n.t('Signing in to {0}: confirm the code', connection),
    invalidGrant: () => l10n.t('The issuer no longer accepts the device code. Sign in again to get a new one.'),
  },
  client_credentials: {
    icon: 'server',
    label: () => l10n.t('As the client itself'),
    detail: () => l10n.t('For service accounts: no user, no browser and no refresh token (client credentials).'),
    waiting: connection => l10n.t('Requesting a token for {0}', connection),
    done: connection =>
      l10n.t(
        '{0} has an access token for the client itself. This grant has no refresh token: a refresh requests a new token.',
        connection,
      ),
    invalidGrant: () => clientUnprovenText(),
  },
};

export function waitingText(label: string, grant: Grant): string {
  return grantWords[grant].waiting(label);
}

export function signedInText(label: string, { grant, expiresAt }: SignInResult, now: number): string {
  const { done } = grantWords[grant];
  if (done) return done(label);
  return expiresAt === undefined
    ? l10n.t('Signed in to {0}. No expiry of the access token is known.', label)
    : l10n.t('Signed in to {0}. The access token is valid for {1}.', label, durationText(expiresAt - now));
}

/** The connection requested tokens bound to a key (DPoP), but the issuer returned unbound ones. */
export function notBoundText(label: string): string {
  return l10n.t(
    'Signed in to {0}, but its tokens are not bound to a key although dpop is on: anyone who has them can use them. Allow DPoP for this client at the issuer, or turn dpop off.',
    label,
  );
}

/**
 * Why the tokens cannot be refreshed, and how to get a refresh token.
 * @param known false if the issuer lists its scopes and offline_access is not among them
 */
export function noRefreshTokenText(label: string, scope: string | undefined, known: boolean): string {
  if (scope?.split(' ').includes('offline_access'))
    return l10n.t(
      'Signed in to {0}, but the issuer issued no refresh token although offline_access was requested. Allow refresh tokens for this client there; some issuers also require the extra parameter prompt with the value consent.',
      label,
    );
  return known
    ? l10n.t(
        'Signed in to {0}, but without a refresh token: the access token cannot be refreshed. Many issuers issue one only for the scope offline_access. Add it to scope and sign in again.',
        label,
      )
    : l10n.t(
        'Signed in to {0}, but without a refresh token: the access token cannot be refreshed. This issuer does not support the scope offline_access. See its documentation for refresh tokens, or allow them for this client there.',
        label,
      );
}

/** @param others labels of the connections that hold the same refresh token */
export function sharedTokenText(label: string, others: readonly string[]): string {
  return l10n.t(
    "{0} has the same refresh token as {1}. They are refreshed one at a time, and each takes over the other's new tokens. Signing out of one may end both.",
    label,
    others.join(', '),
  );
}

/** For work that sends nothing and so takes long only where another window holds the lock. */
export function waitingForWindowText(label: string): string {
  return l10n.t('{0}: waiting for another window, which uses it or a connection with the same refresh token', label);
}

/** @param others labels of the connections that get the refresh token that a sign-in has replaced */
export function handingOnText(others: readonly string[]): string {
  return l10n.t(
    'signed in. Giving the earlier refresh token to {0}, which another window uses. It is kept if you cancel.',
    others.join(', '),
  );
}

/** What a sign-out means for the connections that hold the same refresh token. */
export function sharedSignOutText(others: readonly string[]): string {
  return l10n.t(
    'The same refresh token is in {0}: if it is revoked, that session ends too. If it is only deleted here, it stays valid there.',
    others.join(', '),
  );
}

/** What to expect of this issuer, in one line: how to get a refresh token, and how refreshing changes it. */
export function startingPointText(point: StartingPoint): string {
  return [refreshTokenText(point), rotationText(point), graceText(point)].filter(text => text !== undefined).join(' ');
}

/** How to get a refresh token. */
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
