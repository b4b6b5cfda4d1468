import {
  type AuthorizationServer,
  clockSkew,
  processAuthorizationCodeResponse,
  processRefreshTokenResponse,
} from 'oauth4webapi';
import { type DataOf, type ResponseFlaw, WorkbenchError } from '../errors.ts';
import { type ClockSkew, isNotable, skewData } from '../records/clockSkew.ts';
import type { Connection } from '../records/connection.ts';
import type { RawTokens, ResponseWarning } from '../records/tokenSet.ts';
import { printable } from '../redact.ts';
import { allowedAlgorithms, usualAlgorithms } from '../tokens/algorithms.ts';
import { defined } from '../tokens/json.ts';
import { type Claims, changedClaim, claimsOf, isSameIssuer } from '../tokens/tokenUse.ts';
import type { Endpoints } from './discovery.ts';

/** Milliseconds: with a larger skew, the issuer's clock is used and the user is told. */
const tolerableSkew = 60_000;

/**
 * The algorithms of OpenID Connect Discovery §3 and RFC 7518 §3.1, for issuers whose metadata lists none. Never `none`.
 */
const anyAlgorithm = [...usualAlgorithms, ...allowedAlgorithms(undefined, true)];

export interface Validation {
  readonly raw: RawTokens;
  /** Warnings from reading the response. */
  readonly warnings: readonly ResponseWarning[];
  readonly previous: { readonly id_token?: string };
  readonly endpoints: Endpoints;
  readonly connection: Connection;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Set if the sign-in requested an ID token: the ID token must exist and repeat this value. */
  readonly nonce?: string;
  /** The refresh token that was sent. */
  readonly sent?: string | undefined;
  /** The request had a DPoP proof (RFC 9449), so the tokens should be bound to its key. */
  readonly isProven?: boolean;
  /** Measured by this answer. */
  readonly skew: ClockSkew | undefined;
}

/**
 * Validates by RFC 6749 §5.1, and by OpenID Connect Core §12.2 if there is an ID token. Signatures are not verified.
 * @throws WorkbenchError `response_invalid` with `reason`
 */
export async function validateTokenResponse(
  validation: Validation,
): Promise<{ readonly warnings: readonly ResponseWarning[] }> {
  const { raw, connection, endpoints, previous, receivedAt, skew, nonce } = validation;
  const warnings = [...validation.warnings];
  if (raw.access_token === undefined) {
    const brought = raw.refresh_token !== undefined && raw.refresh_token !== validation.sent;
    throw invalid('access_token_missing', { ...(brought && { refreshToken: true }) });
  }
  const type = raw.token_type?.trim().toLowerCase();
  if (type === undefined) warnings.push({ code: 'token_type_missing' });
  else if (validation.isProven && type !== 'dpop') warnings.push({ code: 'token_not_bound' });
  else if (type !== 'bearer' && type !== 'dpop') warnings.push({ code: 'token_type_unknown', member: 'token_type' });
  const ahead = Math.round(skew?.ahead ?? 0);
  const isSkewed = Math.abs(ahead) > tolerableSkew;
  if (isSkewed) warnings.push({ code: 'clock_skew', ahead });
  const before = claimsOf(previous.id_token);
  const now = claimsOf(raw.id_token);
  const { id_token, expires_at: _, refresh_expires_at: __, ...others } = raw;
  const token_type = type === 'dpop' ? 'DPoP' : 'Bearer';
  // Five parts: only the client's own key could decrypt it. The access token is valid all the same.
  const isEncrypted = id_token?.split('.').length === 5;
  if (isEncrypted) warnings.push({ code: 'id_token_encrypted', member: 'id_token' });
  // Without an issuer identifier in the settings, the only reference is what the issuer called itself before.
  const named = endpoints.issuer ?? text(before?.iss) ?? text(now?.iss) ?? 'urn:none';
  const issuer = isSameIssuer(now?.iss, named) ? String(now?.iss) : named;
  const as: AuthorizationServer = {
    issuer,
    id_token_signing_alg_values_supported: [
      ...(endpoints.id_token_signing_alg_values_supported ?? anyAlgorithm),
    ].filter(alg => alg !== 'none'),
  };
  // oauth4webapi reads Date.now(); this difference turns it into our clock's time, or the issuer's if ours is wrong.
  const client = {
    client_id: connection.clientId,
    [clockSkew]: Math.round((receivedAt - (isSkewed ? ahead : 0) - Date.now()) / 1000),
  };
  const response = responseWith({ ...others, token_type, ...(!isEncrypted && { id_token }) });
  if (nonce !== undefined && raw.id_token === undefined) throw invalid('id_token_missing');
  try {
    // An encrypted ID token cannot be opened, so its nonce is unknown.
    if (nonce === undefined || isEncrypted) await processRefreshTokenResponse(as, client, response);
    else await processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce });
  } catch (error) {
    // If the issuer's clock was used, this machine's skew is not the cause.
    throw explained(error, raw, issuer, isSkewed ? undefined : skew);
  }
  if (before !== undefined && now !== undefined) warnings.push(...sameUser(before, now));
  return { warnings };
}

/** A minimal response for oauth4webapi. A real body would be serialized only to be parsed again. */
function responseWith(members: Partial<RawTokens>): Response {
  return Object.create(Response.prototype, {
    status: { value: 200 },
    bodyUsed: { value: false },
    json: { value: async () => defined(members) },
  });
}

/** OpenID Connect Core §12.2: a refreshed ID token has the same subject, issuer and audience as before. */
function sameUser(before: Claims, now: Claims): ResponseWarning[] {
  const claim = changedClaim(before, now);
  if (claim !== undefined) throw invalid('id_token_changed', { claim });
  return ['auth_time', 'azp', 'nonce']
    .filter(claim => before[claim] !== undefined && now[claim] !== undefined && before[claim] !== now[claim])
    .map(claim => ({ code: 'id_token_claim_changed', member: claim }));
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The message and cause of oauth4webapi's errors are not kept: the cause is the response itself. */
function explained(error: unknown, raw: RawTokens, issuer: string, skew: ClockSkew | undefined): WorkbenchError {
  const code = property(error, 'code');
  const cause = property(error, 'cause');
  const claim = text(property(cause, 'claim'));
  if (code === 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED')
    return invalid('id_token_time', { claim, ...(skew && isNotable(skew) && skewData(skew)) });
  if (code === 'OAUTH_JWT_CLAIM_COMPARISON_FAILED') {
    const found = claim === 'iss' ? text(property(property(cause, 'claims'), 'iss')) : undefined;
    return invalid('id_token_claim', {
      claim,
      ...(found !== undefined && { expected: printable(issuer, 200), found: printable(found, 200) }),
    });
  }
  const header = property(cause, 'header');
  if (property(header, 'crit') !== undefined) return invalid('id_token_critical');
  if (header !== undefined)
    return invalid('id_token_algorithm', { found: printable(text(property(header, 'alg')) ?? '', 40) });
  return invalid(raw.id_token === undefined ? 'malformed' : 'id_token_malformed');
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Claims)[name] : undefined;
}

function invalid(reason: ResponseFlaw, more: Partial<DataOf<'response_invalid'>> = {}): WorkbenchError {
  return new WorkbenchError('response_invalid', { reason, sent: true, ...more });
}
