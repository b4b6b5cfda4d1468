import { l10n } from 'vscode';
import type { DataOf } from '../../core/errors.ts';
import { valueText } from '../../core/redact.ts';
import { endedGrant, issuerResponse, joined } from './answerErrors.ts';
import { grantWords, toRegister, unproven } from './signIn.ts';
import { durationText } from './time.ts';

/** An error that the issuer named (RFC 6749 §5.2 and its extensions): what it means here, and its own words. */
export function oauthErrorText(data: DataOf<'oauth_error'>): string {
  // Absent in a history file, where free text is left out.
  const { error = '' } = data as { readonly error?: string };
  const known = Object.hasOwn(meanings, error) ? meanings[error]?.() : sharedMeaning(error);
  const asked = data.setting === undefined ? known : (refusals(data) ?? known);
  const meaning = data.ended === true ? endedGrant() : data.grant === undefined ? asked : signInMeaning(data);
  const wait =
    typeof data.retryAfter === 'number' && data.retryAfter > 0
      ? l10n.t('It asks to wait {0}.', durationText(data.retryAfter))
      : undefined;
  // What this side has noticed by itself is nobody's words.
  if (data.status === undefined && data.grant === 'device_code') return meaning ?? error;
  const words =
    data.error_description === undefined
      ? l10n.t('Issuer response: {0}.', error)
      : issuerResponse(data.error_description, error);
  return joined(meaning ?? unknownMeaning(data), wait, words);
}

function unknownMeaning({ status, signInAgain }: DataOf<'oauth_error'>): string {
  if ((status ?? 0) >= 500) return l10n.t('The issuer has a problem. Try again soon.');
  return signInAgain === true
    ? kept(l10n.t('The issuer refused the request. Sign in again or import new tokens.'))
    : kept(l10n.t('The issuer refused the request.'));
}

/** Of what is asked of another endpoint than the token endpoint. */
function refusals({ error, setting }: DataOf<'oauth_error'>): string | undefined {
  return ['invalid_grant', 'unauthorized_client', 'invalid_request'].includes(error)
    ? l10n.t(
        'The issuer does not do this for this client: it may not, or the token is of another one. Check clientId and {0}.',
        valueText(setting),
      )
    : undefined;
}

const kept = (text: string) => `${text} ${l10n.t('The refresh token is kept.')}`;
const atTheBrowser = () =>
  l10n.t('The issuer wants you to sign in again in the browser, for a new consent or a second factor.');

const meanings: Readonly<Record<string, () => string>> = {
  invalid_grant: endedGrant,
  bad_refresh_token: endedGrant,
  invalid_refresh_token: endedGrant,
  expired_token: () => l10n.t('The code for signing in has expired. Start the sign-in again.'),
  authorization_pending: () => l10n.t('The sign-in has not been confirmed yet. Confirm it in the browser.'),
  invalid_client: () => kept(unproven()),
  unauthorized_client: () =>
    kept(
      l10n.t(
        'This client may not use this grant. Allow refresh tokens for it at the issuer, or check clientId. If it worked before, sign in again: some issuers say this about a refresh token that has ended.',
      ),
    ),
  unsupported_grant_type: () => kept(l10n.t('The token endpoint does not know this grant. Check tokenEndpoint.')),
  invalid_request: () =>
    kept(
      l10n.t(
        'The issuer cannot make sense of the request. Check tokenEndpointAuthMethod, resource and extraParameters.',
      ),
    ),
  invalid_scope: () => kept(l10n.t('The issuer does not grant the scope that is asked for. Check scope.')),
  invalid_target: () => kept(l10n.t('The issuer gives no tokens for this resource. Check resource and audience.')),
  invalid_token: () =>
    l10n.t('The issuer does not take this access token: it has expired or was revoked. Refresh it, then ask again.'),
  insufficient_scope: () =>
    l10n.t('This access token may not be used for that. Add the scope (UserInfo needs openid) and sign in again.'),
  access_denied: () => l10n.t('The sign-in was declined, by you or by a rule of the issuer.'),
  interaction_required: atTheBrowser,
  login_required: atTheBrowser,
  consent_required: atTheBrowser,
  account_selection_required: atTheBrowser,
  server_error: () =>
    l10n.t('The issuer has a problem, and may have used the refresh token all the same. Try again soon.'),
  temporarily_unavailable: () => l10n.t('The issuer is overloaded or under maintenance. Try again later.'),
  slow_down: () => l10n.t('There were too many requests. Try again later.'),
};

/** An OAuth error of a sign-in or an exchange, where no refresh token was sent that could be kept or lost. */
function signInMeaning(data: DataOf<'oauth_error'>): string {
  const { error, status, grant } = data;
  const exchanges = grant === 'token_exchange';
  switch (error) {
    case 'access_denied':
      return l10n.t('You declined the sign-in, or a rule of the issuer did. Nothing was changed.');
    case 'expired_token':
      return l10n.t('The code ended before anybody confirmed it. Sign in again to get a new one.');
    case 'invalid_grant':
      // RFC 8693 §2.2.2 wants invalid_request here.
      return grant === 'token_exchange' || grant === undefined
        ? unexchangeable()
        : grantWords[grant].invalidGrant(data);
    case 'redirect_uri_mismatch':
    case 'redirect_mismatch':
    case 'invalid_redirect_uri':
      return l10n.t(
        'The issuer does not know the address that the browser is to come back to. Register exactly {0} as a redirect URI of this client, then sign in again.',
        toRegister(data),
      );
    case 'invalid_client':
      return unproven();
    case 'unauthorized_client':
    case 'unsupported_grant_type':
      if (exchanges)
        return l10n.t('The issuer exchanges no tokens for this client. Allow the grant token exchange for it there.');
      return l10n.t(
        'This client may not sign in this way. Allow the grant for it at the issuer, or choose another way to sign in.',
      );
    case 'invalid_request':
      if (exchanges) return unexchangeable();
      if (grant !== 'authorization_code')
        return l10n.t('The issuer cannot make sense of the request. Check scope, resource and extraParameters.');
      return l10n.t(
        'The issuer cannot make sense of the request. Check that {0} is registered as a redirect URI, and check resource and extraParameters.',
        toRegister(data),
      );
    case 'invalid_scope':
      return l10n.t('The issuer does not grant the scope that is asked for. Check scope.');
    case 'invalid_target':
      if (exchanges) return l10n.t('The issuer gives this client no tokens for this audience. Ask for another one.');
      return l10n.t('The issuer gives no tokens for this resource. Check resource and extraParameters.');
    case 'login_required':
    case 'interaction_required':
    case 'consent_required':
    case 'account_selection_required':
      return l10n.t('The issuer has to ask you something, and was told not to. Remove prompt from extraParameters.');
    case 'temporarily_unavailable':
    case 'slow_down':
      return l10n.t('The issuer is overloaded or under maintenance. Try again later.');
    case 'server_error':
      return l10n.t('The issuer has a problem. Try again soon.');
    default:
      return (
        sharedMeaning(error) ??
        (typeof status === 'number' && status >= 500
          ? l10n.t('The issuer has a problem. Try again soon.')
          : l10n.t('The issuer refused this. Nothing was changed.'))
      );
  }
}

const unexchangeable = () =>
  l10n.t(
    'The issuer takes this token for no exchange: it has expired, was revoked, or is of a wrong kind. Refresh it, or choose another token or type.',
  );

/** What an error of an issuer means whoever asked for whatever, where that is so. */
function sharedMeaning(error: string | undefined): string | undefined {
  switch (error) {
    // RFC 9449
    case 'use_dpop_nonce':
      return l10n.t(
        'The issuer wants tokens that are bound to a key (DPoP). Set dpop to true; where it is, the nonce changed once more in between: try again.',
      );
    case 'invalid_dpop_proof':
      return l10n.t(
        'The issuer wants a proof for the key that tokens are bound to (DPoP), and took none or not this one. Set dpop to true; where it is, check the clock of this computer.',
      );
    // RFC 9126, RFC 9101, OpenID Connect Core 3.1.2.6
    case 'invalid_request_uri':
      return l10n.t(
        'The issuer does not know the request that was pushed to it, or not any more: it had ended before the browser came. Sign in again without a long pause.',
      );
    case 'invalid_request_object':
      return l10n.t(
        'The issuer wants requests that are signed (JAR), which JWT Workbench does not make. Allow this client plain or pushed requests.',
      );
    case 'request_not_supported':
    case 'request_uri_not_supported':
      return l10n.t(
        'The issuer does not take {0}. Remove it from extraParameters, or set pushedAuthorizationRequests to false.',
        error === 'request_not_supported' ? 'request' : 'request_uri',
      );
    case 'registration_not_supported':
      return l10n.t('The issuer does not take the parameter registration. Remove it from extraParameters.');
    // RFC 9396
    case 'invalid_authorization_details':
      return l10n.t(
        'The issuer cannot grant what authorization_details in extraParameters asks for. Check its types and fields.',
      );
    // RFC 9470, OpenID Connect Core: Unmet Authentication Requirements
    case 'insufficient_user_authentication':
    case 'unmet_authentication_requirements':
      return l10n.t(
        'The issuer wants a stronger sign-in than this one was ({0}). Sign in again, with acr_values in extraParameters where the issuer needs it.',
        error,
      );
    // RFC 6749 section 4.1.2.1
    case 'unsupported_response_type':
      return l10n.t('The issuer gives this client no codes. Allow the authorization code grant for it.');
    // RFC 7009
    case 'unsupported_token_type':
      return l10n.t('The issuer cannot revoke this kind of token. It ends by itself.');
    // RFC 6750
    case 'invalid_token':
      return l10n.t('The issuer does not take this access token: it has expired or was revoked. Refresh it.');
    case 'insufficient_scope':
      return l10n.t('The access token lacks a scope that is needed for this. Add it to scope and sign in again.');
    default:
      return undefined;
  }
}
