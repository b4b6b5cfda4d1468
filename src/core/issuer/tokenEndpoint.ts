import {
  type AuthorizationServer,
  clockSkew,
  genericTokenEndpointRequest,
  processAuthorizationCodeResponse,
  processRefreshTokenResponse,
} from 'oauth4webapi';
import { classify, type DataOf, type ResponseFlaw, WorkbenchError } from '../errors.ts';
import type { FetchLimits } from '../http/http.ts';
import { type ClockSkew, isNotable, issuedAtOf, measureSkew, skewData } from '../records/clockSkew.ts';
import { assertBound, type Connection } from '../records/connection.ts';
import { type Credentials, clientCredentialsOf, credentialsOf, type StoredRecord } from '../records/record.ts';
import type { RawTokens, ResponseWarning } from '../records/tokenSet.ts';
import { printable } from '../redact.ts';
import { allowedAlgorithms, usualAlgorithms } from '../tokens/algorithms.ts';
import { encodeBase64url } from '../tokens/base64url.ts';
import { defined } from '../tokens/json.ts';
import { timeClaims } from '../tokens/tokenParts.ts';
import {
  type Claims,
  changedClaim,
  claimsOf,
  isNoIdToken,
  isSameIssuer,
  missingClaims,
  timeAsText,
} from '../tokens/tokenUse.ts';
import { hasSuccessor, readTokenResponse } from './answers.ts';
import { askEndpoint, type ClientParts, requestParameters } from './askEndpoint.ts';
import { createProofs, newDpopKey } from './clientAuthentication.ts';
import type { Endpoints } from './discovery.ts';

/**
 * A token response in two steps: `raw` is stored first, since a rotated refresh token exists nowhere else; only then is
 * the rest validated.
 */
export interface TokenAnswer {
  readonly status: number;
  /** Milliseconds since the epoch, on this machine's clock. */
  readonly receivedAt: number;
  /** Milliseconds since the epoch, on the issuer's clock, if the answer has a `Date`. */
  readonly date?: number;
  /** The members of the response, read leniently. */
  readonly raw: RawTokens;
  /** The response may hold a refresh token that `raw` lacks: it is truncated, no JSON, or its refresh token is masked. */
  readonly incomplete?: true;
  /** The endpoint that issued the tokens, to which they are bound. */
  readonly tokenEndpoint: string;
  /**
   * RFC 6749 §5.1 and OpenID Connect Core §12.2. The ID token's signature is not verified, because it came from the
   * token endpoint itself over TLS (§3.1.3.7).
   * @throws WorkbenchError `response_invalid` with `reason`
   */
  validate(previous?: { readonly id_token?: string }): Promise<{ readonly warnings: readonly ResponseWarning[] }>;
}

export interface TokenRequest {
  readonly connection: Connection;
  readonly credentials?: Credentials;
  /** Endpoints that the caller has resolved already; resolved again if omitted. */
  readonly endpoints?: TokenEndpoints | undefined;
  readonly signal?: AbortSignal;
  readonly guard?: FetchLimits['guard'];
}

export type TokenEndpoints = Endpoints & { readonly token_endpoint: string };

interface CodeProof {
  /** The result of oauth4webapi's `validateAuthResponse`. */
  readonly callback: URLSearchParams;
  readonly redirectUri: string;
  readonly codeVerifier: string;
  /** The ID token must repeat it. If this is set, an answer without an ID token is rejected. */
  readonly nonce?: string;
}

/** RFC 8693 §3, without the prefix. */
export type Exchangeable = 'access_token' | 'id_token' | 'refresh_token';

interface ExchangeRequest {
  readonly connection: Connection;
  readonly record: StoredRecord;
  readonly subjectToken: Exchangeable;
  readonly audience?: string | undefined;
  readonly resource?: string | undefined;
  readonly scope?: string | undefined;
  /** A type of RFC 8693 §3 without the prefix, or a URI. */
  readonly requestedTokenType?: string | undefined;
  readonly signal: AbortSignal;
}

interface Exchanged {
  /** The token under the name by which it is stored, and the other members of the response. */
  readonly raw: RawTokens;
  readonly tokenEndpoint: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Without the prefix if RFC 8693 §3 defines it. */
  readonly issuedTokenType: string;
  readonly dpopKey?: string;
}

export type TokenClientParts = Omit<ClientParts, 'proofs'> & Partial<Pick<ClientParts, 'proofs'>>;

export interface TokenClient {
  /** Creates a key for DPoP-bound tokens (RFC 9449), with an algorithm that the issuer supports. */
  newKey(endpoints: Endpoints): Promise<string>;
  /**
   * RFC 6749 §6. No scope is sent, which requests the scope that was granted before.
   * @throws WorkbenchError `oauth_error`, `http_error`, `response_invalid`, `binding_mismatch`, and what askEndpoint
   * throws
   */
  refresh(request: TokenRequest & { readonly refreshToken: string }): Promise<TokenAnswer>;
  /** RFC 6749 §4.4. Throws as `refresh` does. */
  clientCredentials(request: TokenRequest): Promise<TokenAnswer>;
  /** RFC 6749 §4.1.3 with RFC 7636. Throws as `refresh` does. */
  authorizationCode(request: TokenRequest & CodeProof): Promise<TokenAnswer>;
  /** RFC 8628 §3.4. Polls once; throws as `refresh` does, `authorization_pending` included. */
  deviceCode(request: TokenRequest & { readonly deviceCode: string }): Promise<TokenAnswer>;
  /**
   * RFC 8693: exchanges a token of a connection for a token with another audience. The response is not validated here.
   * @throws WorkbenchError with `grant`: as `refresh`, and `no_such_token`
   */
  exchange(request: ExchangeRequest): Promise<Exchanged>;
}

const typePrefix = 'urn:ietf:params:oauth:token-type:';
const typeUri = (name: string) => (name.includes(':') ? name : typePrefix + name);

/** What a grant sends, and which parts of it must not appear in an error's text. */
interface Sent {
  readonly grantType: string;
  readonly parameters: Readonly<Record<string, string | undefined>>;
  readonly secrets?: readonly string[];
  readonly nonce?: string | undefined;
  readonly refreshToken?: string;
}

export function createTokenClient(given: TokenClientParts): TokenClient {
  const parts = { ...given, proofs: given.proofs ?? createProofs() };

  /** All grants use this function. */
  async function ask(request: TokenRequest, { grantType, parameters, secrets = [], nonce, refreshToken }: Sent) {
    const { connection, credentials = {}, signal, guard } = request;
    const { response, context, answer, endpoints } = await askEndpoint(parts, {
      connection,
      credentials,
      name: 'token_endpoint',
      endpoints: request.endpoints,
      limits: { signal, guard, enough: text => hasSuccessor(text, refreshToken) },
      secrets,
      refreshToken,
      send: (as, client, auth, options) =>
        genericTokenEndpointRequest(as, client, auth, grantType, requestParameters(connection, parameters), options),
    });
    const { raw, warnings, issuedTokenType } = await readTokenResponse(response, context);
    const { status, date, receivedAt } = answer;
    const issuedAt = date === undefined ? issuedAtOf(raw) : undefined;
    const timed = { ...answer, ...(issuedAt !== undefined && { issuedAt }) };
    if (issuedAt !== undefined) queueMicrotask(() => parts.onAnswer?.(connection, timed));
    const skew = measureSkew(timed);
    const isProven = credentials.dpop_key !== undefined;
    const known = { raw, warnings, endpoints, connection, receivedAt, skew, sent: refreshToken, isProven };
    return {
      status,
      receivedAt,
      ...(date !== undefined && { date }),
      raw,
      ...(warnings.some(isAboutRefreshToken) && { incomplete: true }),
      issuedTokenType,
      tokenEndpoint: endpoints.token_endpoint,
      validate: (previous = {}) => validateTokenResponse({ ...known, previous, ...(nonce !== undefined && { nonce }) }),
    } satisfies TokenAnswer & { issuedTokenType: string | undefined };
  }

  async function exchange(request: ExchangeRequest): Promise<Exchanged> {
    const { connection, record, subjectToken, audience, resource, scope, requestedTokenType, signal } = request;
    const token = record.tokens?.[subjectToken];
    if (token === undefined)
      throw new WorkbenchError('no_such_token', { connection: connection.id, token: subjectToken });
    assertBound(connection, record);
    const { dpop_key: dpopKey, ...rest } = credentialsOf(record);
    const proves = connection.dpop && dpopKey !== undefined;
    const credentials = proves ? { ...rest, dpop_key: dpopKey } : clientCredentialsOf(rest);
    const {
      raw,
      issuedTokenType: type,
      ...answer
    } = await ask(
      { connection, credentials, signal },
      {
        grantType: 'urn:ietf:params:oauth:grant-type:token-exchange',
        parameters: {
          subject_token: token,
          subject_token_type: typeUri(subjectToken),
          requested_token_type: requestedTokenType && typeUri(requestedTokenType),
          audience,
          resource,
          scope,
        },
        secrets: [token],
      },
    );
    const { access_token: issued, ...others } = raw;
    // The issued token is in `access_token`. Another member may repeat the token that was sent.
    if (issued === undefined)
      throw new WorkbenchError('response_invalid', { reason: 'access_token_missing', sent: true });
    // Required by §2.2.1, but some issuers omit it; the requested type applies then.
    const named = type ?? typeUri(requestedTokenType ?? 'access_token');
    const issuedTokenType = named.startsWith(typePrefix) ? named.slice(typePrefix.length) : named;
    const isOther = issuedTokenType === 'id_token' || issuedTokenType === 'refresh_token';
    return {
      raw: isOther ? { ...others, [issuedTokenType]: issued } : raw,
      receivedAt: answer.receivedAt,
      issuedTokenType,
      tokenEndpoint: answer.tokenEndpoint,
      ...(proves && raw.token_type?.trim().toLowerCase() === 'dpop' && { dpopKey }),
    };
  }

  return {
    newKey: endpoints => newDpopKey(endpoints.dpop_signing_alg_values_supported),
    refresh({ refreshToken, ...request }) {
      const { resource } = request.connection;
      const parameters = { refresh_token: refreshToken, resource };
      return ask(request, { grantType: 'refresh_token', parameters, secrets: [refreshToken], refreshToken });
    },
    clientCredentials(request) {
      const { scope, resource, audience } = request.connection;
      return ask(request, { grantType: 'client_credentials', parameters: { scope, resource, audience } });
    },
    authorizationCode({ callback, redirectUri, codeVerifier, nonce, ...request }) {
      const { resource } = request.connection;
      const code = callback.get('code') ?? '';
      return ask(request, {
        grantType: 'authorization_code',
        parameters: { code, redirect_uri: redirectUri, code_verifier: codeVerifier, resource },
        secrets: [code, codeVerifier],
        nonce,
      });
    },
    deviceCode({ deviceCode, ...request }) {
      const { resource } = request.connection;
      return ask(request, {
        grantType: 'urn:ietf:params:oauth:grant-type:device_code',
        parameters: { device_code: deviceCode, resource },
        secrets: [deviceCode],
      });
    },
    async exchange(request) {
      try {
        return await exchange(request);
      } catch (thrown) {
        const { code, data } = classify(thrown);
        throw new WorkbenchError(code, { ...data, grant: 'token_exchange' });
      }
    },
  };
}

function isAboutRefreshToken({ code, member }: ResponseWarning): boolean {
  return code === 'response_incomplete' || (code === 'member_invalid' && member === 'refresh_token');
}

// --- Validating a response ---

/** Milliseconds: with a larger skew, the issuer's clock is used and the user is told. */
const tolerableSkew = 60_000;

/**
 * The algorithms of OpenID Connect Discovery §3 and RFC 7518 §3.1, for issuers whose metadata lists none. Never `none`.
 */
const anyAlgorithm = [...usualAlgorithms, ...allowedAlgorithms(undefined, true)];

interface Validation {
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
async function validateTokenResponse(
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
  // A refresh may return no ID token (section 12.2). One without the required claims counts as none and is left out, but the
  // claims that it has are validated: they may be those of another user.
  const isNone = validation.sent !== undefined && isNoIdToken(id_token);
  if (isNone) warnings.push({ code: 'id_token_left_out', member: 'id_token' });
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
  const missing = isNone && now ? missingClaims(now) : [];
  const seconds = Math.floor((receivedAt - (isSkewed ? ahead : 0)) / 1000);
  const whole = { iss: issuer, sub: 'unknown', aud: connection.clientId, exp: seconds + 60, iat: seconds };
  const filled = Object.fromEntries(missing.map(name => [name, whole[name]]));
  const times = timeClaims.filter(name => timeAsText.test(text(now?.[name]) ?? ''));
  for (const member of times) warnings.push({ code: 'id_token_time_as_text', member });
  const readable = withClaims(id_token, now, { ...asNumbers(now, times), ...filled });
  const hasClaims = !isEncrypted && !(isNone && now === undefined);
  const response = responseWith({
    ...others,
    token_type,
    ...(hasClaims && readable !== undefined && { id_token: readable }),
  });
  if (nonce !== undefined && raw.id_token === undefined) throw invalid('id_token_missing');
  try {
    // An encrypted ID token cannot be opened, so its nonce is unknown.
    if (nonce === undefined || isEncrypted) await processRefreshTokenResponse(as, client, response);
    else await processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce });
  } catch (error) {
    // If the issuer's clock was used, this machine's skew is not the cause.
    throw explained(error, raw, issuer, isSkewed ? undefined : skew);
  }
  if (before !== undefined && now !== undefined) {
    const compared = Object.entries(before).filter(([name]) => !missing.some(each => each === name));
    warnings.push(...sameUser(Object.fromEntries(compared), now));
  }
  return { warnings };
}

/**
 * The ID token as it is validated, so that an issuer's spelling costs no valid access token: with these claims in place of
 * its own. The stored token stays as it was sent; its signature is not verified here.
 */
function withClaims(token: string | undefined, claims: Claims | undefined, changed: Claims): string | undefined {
  if (token === undefined || Object.keys(changed).length === 0) return token;
  const [header, , signature] = token.split('.');
  const payload = encodeBase64url(new TextEncoder().encode(JSON.stringify({ ...claims, ...changed })));
  return `${header}.${payload}.${signature}`;
}

/** Times that an issuer wrote as text. */
function asNumbers(claims: Claims | undefined, times: readonly string[]): Claims {
  return Object.fromEntries(times.map(name => [name, Number(claims?.[name])]));
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
