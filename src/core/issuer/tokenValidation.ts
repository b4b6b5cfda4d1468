import {
  type AuthorizationServer,
  clockSkew,
  processAuthorizationCodeResponse,
  processRefreshTokenResponse,
} from 'oauth4webapi';
import { type DataOf, type ResponseFlaw, WorkbenchError } from '../errors.ts';
import { type ClockSkew, isNotable, skewData } from '../records/clockSkew.ts';
import type { Connection } from '../records/connection.ts';
import type { RawTokens } from '../records/tokenSet.ts';
import { printable } from '../redact.ts';
import { allowedAlgorithms, usualAlgorithms } from '../tokens/algorithms.ts';
import { defined } from '../tokens/json.ts';
import { type Claims, changedClaim, claimsOf, isSameIssuer } from '../tokens/tokenUse.ts';
import type { Endpoints } from './discovery.ts';

/** A harmless mistake of an issuer. */
export interface ResponseWarning {
  readonly code:
    | 'member_invalid'
    | 'token_type_missing'
    /** Neither Bearer nor DPoP, as Slack's `bot` and `user`: the token is used as a bearer token. */
    | 'token_type_unknown'
    /** The tokens stood somewhere below the top of the response. */
    | 'response_nested'
    /** The response was cut off or is no JSON; whole members of it were taken. */
    | 'response_incomplete'
    | 'token_not_bound'
    | 'clock_skew'
    | 'id_token_claim_changed'
    | 'id_token_encrypted';
  /** The member of the response or the claim of the ID token. */
  readonly member?: string;
  /** Milliseconds by which this machine's clock is ahead of the issuer's. */
  readonly ahead?: number;
}

/** Milliseconds between the clocks from which on the issuer's own is used, and the user is told. */
const tolerableSkew = 60_000;

/** What OpenID Connect Discovery §3 and RFC 7518 §3.1 know, for issuers whose metadata says nothing. Never `none`. */
const anyAlgorithm = [...usualAlgorithms, ...allowedAlgorithms(undefined, true)];

export interface Validation {
  readonly raw: RawTokens;
  /** What was left out of the response already. */
  readonly warnings: readonly ResponseWarning[];
  readonly previous: { readonly id_token?: string };
  readonly endpoints: Endpoints;
  readonly connection: Connection;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Of a sign-in that asked for an ID token: it has to be there and to repeat this. */
  readonly nonce?: string;
  /** The refresh token that went out. */
  readonly sent?: string | undefined;
  /** The request had a proof (RFC 9449), so that the tokens should be bound to its key. */
  readonly isProven?: boolean;
  /** By this very answer. */
  readonly skew: ClockSkew | undefined;
}

/**
 * RFC 6749 §5.1, and OpenID Connect Core §12.2 where there is an ID token. This does not validate signatures.
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
  // Five parts: only the client's own key could open it, and no access token is worse for that.
  const isEncrypted = id_token?.split('.').length === 5;
  if (isEncrypted) warnings.push({ code: 'id_token_encrypted', member: 'id_token' });
  // An issuer without a name can be held to nothing but what it called itself before.
  const named = endpoints.issuer ?? text(before?.iss) ?? text(now?.iss) ?? 'urn:none';
  const issuer = isSameIssuer(now?.iss, named) ? String(now?.iss) : named;
  const as: AuthorizationServer = {
    issuer,
    id_token_signing_alg_values_supported: [
      ...(endpoints.id_token_signing_alg_values_supported ?? anyAlgorithm),
    ].filter(alg => alg !== 'none'),
  };
  // Its clock reads Date.now(): this turns it into ours, or into the issuer's where ours is wrong.
  const client = {
    client_id: connection.clientId,
    [clockSkew]: Math.round((receivedAt - (isSkewed ? ahead : 0) - Date.now()) / 1000),
  };
  const response = responseWith({ ...others, token_type, ...(!isEncrypted && { id_token }) });
  if (nonce !== undefined && raw.id_token === undefined) throw invalid('id_token_missing');
  try {
    // An encrypted one cannot be opened, so what it repeats cannot be told.
    if (nonce === undefined || isEncrypted) await processRefreshTokenResponse(as, client, response);
    else await processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce });
  } catch (error) {
    // Where the issuer's own clock was used, this machine's explains nothing.
    throw explained(error, raw, issuer, isSkewed ? undefined : skew);
  }
  if (before !== undefined && now !== undefined) warnings.push(...sameUser(before, now));
  return { warnings };
}

/** What oauth4webapi reads of a response. A body would be written only to be parsed again. */
function responseWith(members: Partial<RawTokens>): Response {
  return Object.create(Response.prototype, {
    status: { value: 200 },
    bodyUsed: { value: false },
    json: { value: async () => defined(members) },
  });
}

/** OpenID Connect Core §12.2: a refreshed ID token is about the same user, of the same issuer, for the same client. */
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

/** Neither message nor cause of oauth4webapi's errors is kept: the cause is the response itself. */
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
