import { l10n } from 'vscode';
import type { DataOf } from '../../core/errors.ts';
import { textFrom } from '../../core/tokens/json.ts';
import { endedGrant, issuerResponse, joined, laterText } from './answerErrors.ts';
import { clientUnprovenText, grantWords, toRegister } from './signIn.ts';
import { waitText } from './time.ts';

/** An OAuth error of the issuer (RFC 6749 §5.2 and its extensions): its meaning, and the issuer's description. */
export function oauthErrorText(data: DataOf<'oauth_error'>): string {
  // Absent in a history file, where free text is left out.
  const { error = '' } = data as { readonly error?: string };
  const known = Object.hasOwn(meanings, error) ? meanings[error]?.() : sharedMeaning(error);
  const asked = data.setting === undefined ? known : (refusals(data) ?? known);
  const meaning = said() ?? (data.grant === undefined ? asked : signInMeaning(data));
  const wait =
    typeof data.retryAfter === 'number' && data.retryAfter > 0
      ? l10n.t('The issuer asks to wait {0}.', waitText(data.retryAfter))
      : undefined;
  // Errors detected by this extension have no text from the issuer.
  if (data.status === undefined && data.grant === 'device_code') return meaning ?? error;
  const words =
    data.error_description === undefined
      ? l10n.t('Issuer response: {0}.', error)
      : issuerResponse(data.error_description, error);
  return joined(meaning ?? unknownMeaning(data), wait, words);

  /** What the issuer's words mean goes before what its code means. */
  function said(): string | undefined {
    if (data.later === true) return laterText();
    return data.ended === true ? endedGrant() : undefined;
  }
}

function unknownMeaning({ status, signInAgain }: DataOf<'oauth_error'>): string {
  if ((status ?? 0) >= 500) return l10n.t('The issuer has a problem. Try again soon.');
  return signInAgain === true
    ? kept(l10n.t('The issuer rejected the request. Sign in again or import new tokens.'))
    : kept(l10n.t('The issuer rejected the request.'));
}

/** Errors of endpoints other than the token endpoint. */
function refusals({ error, setting }: DataOf<'oauth_error'>): string | undefined {
  const isOther = error === 'invalid_token' && setting === 'revocationEndpoint';
  return isOther || ['invalid_grant', 'unauthorized_client', 'invalid_request', 'access_denied'].includes(error)
    ? l10n.t(
        'The issuer rejected this for this client: the client may not do it, or the token belongs to another client. Check clientId and {0}.',
        textFrom(setting),
      )
    : undefined;
}

const kept = (text: string) => `${text} ${l10n.t('The refresh token is kept.')}`;
const atTheBrowser = () => l10n.t('The issuer requires a new sign-in in the browser, for consent or a second factor.');

const serverFault = () => l10n.t('The issuer has a problem and may have used the refresh token. Try again soon.');

const meanings: Readonly<Record<string, () => string>> = {
  invalid_grant: endedGrant,
  bad_refresh_token: endedGrant,
  invalid_refresh_token: endedGrant,
  expired_token: () => l10n.t('The code for signing in has expired. Start the sign-in again.'),
  authorization_pending: () => l10n.t('The sign-in has not been confirmed yet. Confirm it in the browser.'),
  invalid_client: () => kept(clientUnprovenText()),
  unauthorized_client: () =>
    kept(
      l10n.t(
        'This client may not use this grant. Allow refresh tokens for it at the issuer, or check clientId. If it worked before, sign in again: some issuers say this about a refresh token that has ended.',
      ),
    ),
  unsupported_grant_type: () => kept(l10n.t('The token endpoint does not support this grant. Check tokenEndpoint.')),
  invalid_request: () =>
    kept(
      l10n.t(
        'The issuer rejected the request as invalid. Check tokenEndpointAuthMethod, resource and extraParameters.',
      ),
    ),
  invalid_scope: () => kept(l10n.t('The issuer does not grant the requested scope. Check scope.')),
  invalid_target: () => kept(l10n.t('The issuer issues no tokens for this resource. Check resource and audience.')),
  invalid_token: () =>
    l10n.t('The issuer rejected the access token: it has expired or was revoked. Refresh it, then try again.'),
  insufficient_scope: () =>
    l10n.t('The access token lacks the required scope. Add the scope (UserInfo requires openid) and sign in again.'),
  access_denied: () => l10n.t('The sign-in was declined by you or by a policy of the issuer.'),
  interaction_required: atTheBrowser,
  login_required: atTheBrowser,
  consent_required: atTheBrowser,
  account_selection_required: atTheBrowser,
  server_error: serverFault,
  internal_error: serverFault,
  fatal_error: serverFault,
  temporarily_unavailable: () => l10n.t('The issuer is overloaded or under maintenance. Try again later.'),
  slow_down: () => l10n.t('There were too many requests. Try again later.'),
};

/** An OAuth error of a sign-in or an exchange, where no refresh token was sent that could be kept or lost. */
function signInMeaning(data: DataOf<'oauth_error'>): string {
  const { error, status, grant } = data;
  const exchanges = grant === 'token_exchange';
  switch (error) {
    case 'access_denied':
      return l10n.t('The sign-in was declined by you or by a policy of the issuer. Nothing was changed.');
    case 'expired_token':
      return l10n.t('The code expired before it was confirmed. Sign in again to get a new one.');
    case 'invalid_grant':
      // RFC 8693 §2.2.2 prescribes invalid_request, but issuers send this too.
      return grant === 'token_exchange' || grant === undefined
        ? unexchangeable()
        : grantWords[grant].invalidGrant(data);
    case 'redirect_uri_mismatch':
    case 'redirect_mismatch':
    case 'invalid_redirect_uri':
      return l10n.t(
        'The redirect URI is not registered at the issuer. Register exactly {0} for this client, then sign in again.',
        toRegister(data),
      );
    case 'invalid_client':
      return clientUnprovenText();
    case 'unauthorized_client':
    case 'unsupported_grant_type':
      if (exchanges) return l10n.t('The issuer does not allow token exchange for this client. Allow that grant there.');
      return l10n.t(
        'The issuer does not allow this grant for this client. Allow it there, or choose another way to sign in.',
      );
    case 'invalid_request':
      if (exchanges) return unexchangeable();
      if (grant !== 'authorization_code')
        return l10n.t('The issuer rejected the request as invalid. Check scope, resource and extraParameters.');
      return l10n.t(
        'The issuer rejected the request as invalid. Check that {0} is registered as a redirect URI, and check resource and extraParameters.',
        toRegister(data),
      );
    case 'invalid_scope':
      return l10n.t('The issuer does not grant the requested scope. Check scope.');
    case 'invalid_target':
      if (exchanges)
        return l10n.t('The issuer issues no tokens for this audience to this client. Request another audience.');
      return l10n.t('The issuer issues no tokens for this resource. Check resource and extraParameters.');
    case 'login_required':
    case 'interaction_required':
    case 'consent_required':
    case 'account_selection_required':
      return l10n.t(
        'The issuer must ask you something, and the request forbids it. Remove prompt from extraParameters.',
      );
    case 'temporarily_unavailable':
    case 'slow_down':
      return l10n.t('The issuer is overloaded or under maintenance. Try again later.');
    case 'server_error':
    case 'internal_error':
    case 'fatal_error':
      return l10n.t('The issuer has a problem. Try again soon.');
    default:
      return (
        sharedMeaning(error) ??
        (typeof status === 'number' && status >= 500
          ? l10n.t('The issuer has a problem. Try again soon.')
          : l10n.t('The issuer rejected the request. Nothing was changed.'))
      );
  }
}

const unexchangeable = () =>
  l10n.t(
    'The issuer rejected the token for exchange: it has expired, was revoked, or has the wrong type. Refresh it, or choose another token or type.',
  );

/** Errors that mean the same in every request. */
function sharedMeaning(error: string | undefined): string | undefined {
  switch (error) {
    // RFC 9449
    case 'use_dpop_nonce':
      return l10n.t(
        'The issuer requires tokens that are bound to a key (DPoP). Set dpop to true; if it is set, the nonce changed in between: try again.',
      );
    case 'invalid_dpop_proof':
      return l10n.t(
        'The issuer rejected the DPoP proof. Set dpop to true; if it is set, check the clock of this computer.',
      );
    // RFC 9126, RFC 9101, OpenID Connect Core 3.1.2.6
    case 'invalid_request_uri':
      return l10n.t('The pushed authorization request has expired at the issuer. Sign in again without a long pause.');
    case 'invalid_request_object':
      return l10n.t(
        'The issuer requires signed requests (JAR), which JWT Workbench does not support. Allow plain or pushed requests for this client.',
      );
    case 'request_not_supported':
    case 'request_uri_not_supported':
      return l10n.t(
        'The issuer does not accept {0}. Remove it from extraParameters, or set pushedAuthorizationRequests to false.',
        error === 'request_not_supported' ? 'request' : 'request_uri',
      );
    case 'registration_not_supported':
      return l10n.t('The issuer does not accept the parameter registration. Remove it from extraParameters.');
    // RFC 9396
    case 'invalid_authorization_details':
      return l10n.t('The issuer rejected authorization_details in extraParameters. Check its types and fields.');
    // RFC 9470, OpenID Connect Core: Unmet Authentication Requirements
    case 'insufficient_user_authentication':
    case 'unmet_authentication_requirements':
      return l10n.t(
        'The issuer requires a stronger sign-in ({0}). Sign in again, with acr_values in extraParameters if the issuer requires it.',
        error,
      );
    // RFC 6749 section 4.1.2.1
    case 'unsupported_response_type':
      return l10n.t('The issuer does not allow the authorization code grant for this client. Allow it there.');
    // RFC 7009
    case 'unsupported_token_type':
      return l10n.t('The issuer cannot revoke this kind of token. It expires by itself.');
    // RFC 6750
    case 'invalid_token':
      return l10n.t('The issuer rejected the access token: it has expired or was revoked. Refresh it.');
    case 'insufficient_scope':
      return l10n.t('The access token lacks a required scope. Add it to scope and sign in again.');
    default:
      return undefined;
  }
}
