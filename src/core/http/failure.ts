import type { WorkbenchError } from '../errors.ts';

/**
 * - `configuration`: the issuer or this side will not take the request as it is made; the token stays.
 * - `refused`: the issuer will not take this refresh token any more.
 * - `retryable`: the token was not sent, or certainly not used.
 * - `unknown`: it may have been used, and the answer with its successor is lost.
 */
export type FailureKind = 'configuration' | 'refused' | 'retryable' | 'unknown';

/** RFC 6749 §5.2, and what GitHub and Slack say instead; the last three want the user at a browser (OpenID Connect Core §3.1.2.6). */
const refusing: ReadonlySet<unknown> = new Set([
  'invalid_grant',
  'bad_refresh_token',
  'invalid_refresh_token',
  'interaction_required',
  'login_required',
  'consent_required',
]);

/** What a failed token request means for the refresh token that it carried. */
export function failureKind({ code, data }: WorkbenchError): FailureKind {
  switch (code) {
    case 'oauth_error':
      if (data.ended === true || refusing.has(data.error)) return 'refused';
      if (data.error === 'temporarily_unavailable' || data.error === 'slow_down') return 'retryable';
      if (data.error === 'server_error') return 'unknown';
      return fromStatus(data.status, data.retryAfter !== undefined);
    case 'http_error':
      // Before the token was sent any answer is harmless; the ones that last need a hand.
      if (data.sent === false) return fromStatus(data.status, true);
      if (data.ended === true || (data.status === 400 && data.empty === true)) return 'refused';
      return fromStatus(data.status, data.retryAfter !== undefined);
    case 'connection_refused':
    case 'host_unknown':
    case 'certificate_untrusted':
    case 'lock_timeout':
    case 'lock_unavailable':
    case 'lock_lost':
    case 'record_behind':
    case 'superseded':
    case 'secret_unavailable':
      return 'retryable';
    case 'cancelled':
    case 'timeout':
    case 'connection_reset':
    case 'network_failed':
    case 'response_too_large':
      return data.sent === false ? 'retryable' : 'unknown';
    case 'response_invalid':
    case 'answer_missing':
    case 'internal':
      return 'unknown';
    case 'refresh_token_refused':
      return 'refused';
    default:
      // Settings, metadata, redirects: nothing that sending it again would change, and nothing that uses it up.
      return 'configuration';
  }
}

/** @param promised the issuer said when to come back, so it did not begin */
function fromStatus(status: unknown, promised: boolean): FailureKind {
  if (typeof status !== 'number') return 'unknown';
  if (status === 408 || status === 425 || status === 429) return 'retryable';
  if (status >= 500) return promised ? 'retryable' : 'unknown';
  return 'configuration';
}
