import { l10n } from 'vscode';
import type { DataOf, ErrorCode, ErrorData } from '../../core/errors.ts';
import { textFrom } from '../../core/tokens/json.ts';
import { durationText, skewAdvice, waitText } from './time.ts';

/** Metadata that was found but cannot be used. */
export function invalidMetadata({ issuer, reason, endpoint, firstLine, error }: DataOf<'metadata_invalid'>): string {
  const name = show(issuer);
  switch (reason) {
    case 'html':
      return l10n.t(
        '{0} answers with a web page instead of metadata. Check the issuer; a proxy or a login page may be in between.',
        name,
      );
    case 'issuer_missing':
      return firstLine === undefined
        ? l10n.t(
            'The metadata of {0} names no issuer, so it cannot be trusted. Set the endpoints in the settings.',
            name,
          )
        : joined(l10n.t('{0} answered with an error.', name), issuerResponse(firstLine, error));
    case 'endpoint':
      return l10n.t('The metadata of {0} has no usable {1}. Set it in the settings.', name, show(endpoint));
    case 'not_json':
    case 'not_an_object':
    case 'status':
      return l10n.t(
        'The metadata of {0} is not a JSON object. Check the issuer, or set tokenEndpoint for an issuer without metadata.',
        name,
      );
    default:
      return unknownReason(reason);
  }
}

/** An error status with a body that is not an OAuth error. */
export function httpError(data: DataOf<'http_error'>): string {
  const { status, sent } = data;
  const host = show(data.host, l10n.t('The issuer'));
  const words =
    data.firstLine !== undefined
      ? issuerResponse(data.firstLine, data.error)
      : data.empty === true
        ? l10n.t('The response is empty.')
        : undefined;
  const what =
    status === 200
      ? l10n.t('{0} answered with an error.', host)
      : l10n.t('{0} answered with status {1}.', host, show(status));
  if (data.ended === true) return joined(endedGrant(), words);
  // The status and the page of a firewall mean nothing to a user who has not read that it is one.
  return data.blocked === true ? joined(advice(), what, words) : joined(what, words, advice());

  function advice(): string {
    if (typeof data.retryAfter === 'number' && data.retryAfter > 0) {
      return l10n.t('The issuer asks to wait {0} before the next request.', waitText(data.retryAfter));
    }
    if (data.later === true) return laterText();
    if (status === 429) return l10n.t('There were too many requests. Try again later.');
    if (status === 408 || status === 425) return l10n.t('The issuer has a problem. Try again soon.');
    const isTheirs = typeof status === 'number' && status >= 500;
    // Only a refresh sends a refresh token that could be kept or lost.
    const refreshed = sent === true && data.grant === undefined && data.setting === undefined;
    const kept = refreshed ? l10n.t('The refresh token is kept.') : undefined;
    if (data.blocked === true) return joined(blockedText(), kept);
    // Metadata and keys are requested without any token.
    if (sent !== true) {
      return isTheirs
        ? l10n.t('The issuer has a problem. No token was sent. Try again later.')
        : l10n.t('No token was sent. Check the URL.');
    }
    if (isTheirs) {
      // With a `Retry-After`, even of 0, the issuer has not processed the request.
      return refreshed && data.retryAfter === undefined
        ? l10n.t('The issuer has a problem and may have used the refresh token. Try again soon.')
        : l10n.t('The issuer has a problem. Try again soon.');
    }
    if (refreshed && status === 400 && data.empty === true) {
      return l10n.t(
        'Some issuers answer like this when the refresh token has expired. Sign in again or import a new one.',
      );
    }
    if (data.signInAgain === true) return joined(l10n.t('Sign in again or import new tokens.'), kept);
    if (status === 413)
      return l10n.t('The request is too large for the issuer. Shorten scope, resource and extraParameters.');
    // Only the access token is sent there.
    if (data.setting === 'userinfoEndpoint' && status === 401)
      return l10n.t('The issuer rejected the access token: it has expired or was revoked. Refresh it, then try again.');
    const check =
      status === 401 || status === 403
        ? l10n.t('Check clientId, tokenEndpointAuthMethod and the client secret or key.')
        : status === 404 || status === 405
          ? l10n.t('Check that {0} is right.', settingText(data))
          : l10n.t('Check the settings of this connection.');
    return joined(check, kept);
  }
}

/** The issuer's own words, in quotes. */
export function issuerResponse(words: ErrorData[string], code?: ErrorData[string]): string {
  return code === undefined
    ? l10n.t('Issuer response: "{0}".', show(words))
    : l10n.t('Issuer response: "{0}" ({1}).', show(words), show(code));
}

/** The issuer rejected the refresh token for good. */
export function endedGrant(): string {
  return l10n.t(
    'The issuer rejected the refresh token: it has expired, was already used or was revoked. Sign in again or import a new one.',
  );
}

/** The issuer has not dealt with the request, whatever its status and code say. */
export function laterText(): string {
  return l10n.t('The issuer is busy, limits requests or is down, and has done nothing. Try again later.');
}

export function blockedText(): string {
  return l10n.t('A firewall in front of the issuer has blocked the request. Try again later or from another network.');
}

/** The setting that names the endpoint. */
const settingText = ({ setting }: { readonly setting?: string | undefined }) => show(setting, 'tokenEndpoint');

/** A successful response that cannot be used. */
export function invalidResponse(data: DataOf<'response_invalid'>): string {
  const { reason, claim, found, expected } = data;
  const host = show(data.host, l10n.t('The issuer'));
  switch (reason) {
    case 'html':
      return joined(
        data.setting === undefined
          ? l10n.t('{0} answered with a web page instead of tokens.', host)
          : l10n.t('{0} answered with a web page.', host),
        data.firstLine === undefined ? undefined : issuerResponse(data.firstLine),
        l10n.t('Check {0}; a proxy or a login page may be in between.', settingText(data)),
      );
    case 'not_json':
    case 'not_an_object':
      if (data.setting !== undefined)
        return l10n.t(
          'The response of {0} is not a JSON object. Try again; if that does not help, check {1}.',
          host,
          settingText(data),
        );
      return l10n.t(
        'The response of {0} is not a token response, or only a part of one. Try again; if that does not help, check {1}.',
        host,
        settingText(data),
      );
    case 'access_token_missing':
      return joined(
        l10n.t('The response contains no access token.'),
        data.refreshToken === true ? l10n.t('Its new refresh token was stored.') : undefined,
        l10n.t('Check the scope and the settings of the client at the issuer.'),
      );
    case 'id_token_time':
      return joined(
        l10n.t('The ID token in the response is not valid now ({0}).', show(claim)),
        typeof data.ahead === 'number' ? skewAdvice(data.ahead) : l10n.t('Check the clock of this computer.'),
      );
    case 'id_token_claim':
      if (claim === 'nonce')
        return l10n.t(
          'The ID token in the response belongs to another sign-in (nonce differs), so the response was rejected. Sign in again.',
        );
      return found === undefined
        ? l10n.t('The ID token in the response is for another client ({0} differs). Check clientId.', show(claim))
        : l10n.t(
            'The ID token in the response is from the issuer {0}, expected {1}. Check issuer.',
            show(found),
            show(expected),
          );
    case 'id_token_changed':
      return l10n.t(
        'The ID token in the response has another subject or audience than before ({0} changed), so it was rejected. Sign in again.',
        show(claim),
      );
    case 'id_token_algorithm':
      return l10n.t(
        "The ID token in the response is signed with {0}, which the issuer's metadata does not list.",
        show(found),
      );
    case 'id_token_critical':
      return l10n.t('The ID token in the response has an unknown critical header (crit), so it was rejected.');
    case 'id_token_missing':
      return l10n.t(
        'The response contains no ID token although the scope openid was requested, so it was rejected: nothing says who signed in. Remove openid from scope if the issuer does not support OpenID Connect.',
      );
    case 'pushed_response':
      return l10n.t(
        '{0} accepted the request but returned no request_uri. Set pushedAuthorizationRequests to false if the issuer does not support them.',
        host,
      );
    case 'device_response':
      return l10n.t(
        'The response of {0} contains no code. Check deviceAuthorizationEndpoint, and that the client may use the device grant.',
        host,
      );
    case 'subject':
      return l10n.t(
        'The subject of the response is {0}, the subject of the ID token is {1}: the response was rejected. Sign in again; if that does not help, report it to the issuer.',
        show(found),
        show(expected),
      );
    case 'answer_signature':
      return l10n.t(
        'The response is a JWT whose signature, algorithm, issuer or audience is wrong, so it was rejected. Check issuer and jwksUri.',
      );
    case 'answer_key':
      return l10n.t(
        "The response is a JWT that none of the issuer's keys can verify, so it was rejected. Check issuer and jwksUri.",
      );
    case 'answer_secret':
      return l10n.t(
        "The response is signed with the client's secret, which is not stored, so it was rejected. Store the client secret.",
      );
    case 'answer_encrypted':
      return l10n.t('The response is encrypted, which is not supported. Turn that off for this client at the issuer.');
    case 'answer_malformed':
      return l10n.t('The response of {0} does not fit the request. Check {1}.', host, settingText(data));
    case 'id_token_malformed':
      return l10n.t('The ID token in the response cannot be read or lacks a required claim.');
    case 'malformed':
      return l10n.t('The response is invalid: it is not a token response. Check tokenEndpoint.');
    default:
      return unknownReason(reason);
  }
}

/** Whether the issuer may have received the request, which matters for rotating refresh tokens. */
function arrival(sent: ErrorData[string]): string | undefined {
  if (sent === false) return l10n.t('No token was sent.');
  return sent === true ? l10n.t('The issuer may have received the request.') : undefined;
}

/** An error in a history file may have a reason that this version does not know. */
export function unknownReason(reason: never): string {
  return l10n.t('It failed for a reason that this version does not recognize ({0}). Try again.', show(reason));
}

export function joined(...parts: readonly (string | undefined)[]): string {
  return parts.filter(part => part !== undefined).join(' ');
}

export function show(value: ErrorData[string], otherwise = l10n.t('unknown')): string {
  return value === undefined ? otherwise : textFrom(value);
}

/** Requests without a response. */
export const networkSentences = {
  timeout: ({ host, after, sent }) =>
    joined(
      typeof after === 'number'
        ? l10n.t('{0} did not answer within {1}.', show(host, l10n.t('The issuer')), durationText(after))
        : l10n.t('{0} did not answer in time.', show(host, l10n.t('The issuer'))),
      arrival(sent),
      l10n.t('Check the network and try again.'),
    ),
  connection_refused: ({ host }) =>
    l10n.t(
      '{0} refuses connections, so nothing was sent. Check that the issuer is running and that the URL and port are right.',
      show(host),
    ),
  host_unknown: ({ host }) =>
    l10n.t(
      'The host {0} was not found, so nothing was sent. Check the URL, and whether a VPN or a proxy is required.',
      show(host),
    ),
  connection_reset: ({ host, sent }) =>
    joined(
      l10n.t('{0} closed the connection before the response was complete.', show(host, l10n.t('The issuer'))),
      arrival(sent),
      l10n.t('Try again.'),
    ),
  certificate_untrusted: ({ host, detail }) =>
    l10n.t(
      'The certificate of {0} is not trusted ({1}), so nothing was sent. For an issuer with its own certificate authority, add that to the system or to VS Code (http.systemCertificates).',
      show(host),
      show(detail, l10n.t('no reason given')),
    ),
  network_failed: ({ host, detail, sent }) =>
    joined(
      detail === undefined
        ? l10n.t('The request to {0} failed.', show(host, l10n.t('the issuer')))
        : l10n.t('The request to {0} failed ({1}).', show(host, l10n.t('the issuer')), show(detail)),
      arrival(sent),
      l10n.t('Check the network and the proxy settings, then try again.'),
    ),
} satisfies { readonly [C in ErrorCode]?: (data: DataOf<C>) => string };
