import { l10n } from 'vscode';
import type { DataOf } from '../../core/errors.ts';
import { valueText } from '../../core/redact.ts';
import { endedGrant, issuerResponse, joined } from './answerErrors.ts';
import { sharedMeaning } from './protocolErrors.ts';
import { signInMeaning, unproven } from './signIn.ts';
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
