import { l10n } from 'vscode';

/** What an error of an issuer means whoever asked for whatever, where that is so. */
export function sharedMeaning(error: string | undefined): string | undefined {
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
