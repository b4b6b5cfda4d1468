import {
  type AuthorizationServer,
  allowInsecureRequests,
  type Client,
  clockSkew,
  customFetch,
  introspectionRequest,
  processIntrospectionResponse,
  processUserInfoResponse,
  revocationRequest,
  skipSubjectCheck,
  userInfoRequest,
  validateApplicationLevelSignature,
} from 'oauth4webapi';
import { type ErrorDataOf, type ResponseFlaw, WorkbenchError } from '../errors.ts';
import { boundedFetch } from '../http/http.ts';
import { assertBound, type Connection, isMutualTls } from '../records/connection.ts';
import { clientCredentialsOf, credentialsOf, type StoredRecord } from '../records/record.ts';
import { printable } from '../redact.ts';
import { signatureAlgorithms, usualAlgorithms } from '../tokens/algorithms.ts';
import { decodeBase64url } from '../tokens/base64url.ts';
import { isObject, type JsonObject, own, readJson, textFrom, withTexts } from '../tokens/json.ts';
import { decodeToken, isHmac, membersOf } from '../tokens/jwt.ts';
import { compareMembers, type Difference } from '../tokens/tokenUse.ts';
import { type AnswerContext, publicError, refuseAnyError, refuseError } from './answers.ts';
import { askEndpoint, type ClientParts, type EndpointResponse, issuerTime, notOffered } from './askEndpoint.ts';
import { type Endpoints, resolveEndpoints } from './discovery.ts';

export type AskedToken = 'access_token' | 'refresh_token';

/** The issuer's claims about a token, and where they differ from the token's own. Never contains the token. */
export interface IssuerAnswer {
  readonly claims: JsonObject;
  /** Empty if the token cannot be read. `before` is the token's value, `after` the issuer's. */
  readonly differences: readonly Difference[];
  /** True if the answer is a JWT whose signature was verified. Otherwise only TLS protects it. */
  readonly signed: boolean;
}

/**
 * RFC 7662: asks the issuer whether a token is active, and what it knows about it. If the answer is a JWT (RFC 9701),
 * it is verified.
 * @param record its credentials are used; its tokens are sent only to the issuer that issued them
 * @throws WorkbenchError `endpoint_missing`, `binding_mismatch`, `oauth_error`, `http_error`, `response_invalid` with
 * `reason`, and what askEndpoint throws
 */
export async function introspect(
  parts: ClientParts,
  connection: Connection,
  record: StoredRecord,
  token: string,
  hint: AskedToken | undefined,
  signal: AbortSignal,
): Promise<IssuerAnswer> {
  assertBound(connection, record);
  const name = 'introspection_endpoint';
  const received = await askEndpoint(parts, {
    connection,
    credentials: clientCredentialsOf(record),
    name,
    limits: { signal },
    secrets: [token],
    send: (as, client, auth, options) =>
      introspectionRequest(as, client, auth, token, {
        ...options,
        ...(hint && { additionalParameters: { token_type_hint: hint } }),
      }),
  });
  const refused = refuseError(received.response.clone(), received.context);
  await refused.catch(error => {
    throw notOffered(error, name, connection, received.endpoints);
  });
  return read(parts, connection, received, token, record.client_secret, (as, known) =>
    processIntrospectionResponse(as, known, received.response),
  );
}

/**
 * OpenID Connect Core §5.3: the issuer's claims about the subject of the access token, which must be that of the ID
 * token (§5.3.2).
 * @throws WorkbenchError as `introspect`, `no_such_token`
 */
export async function userInfo(
  parts: ClientParts,
  connection: Connection,
  record: StoredRecord,
  signal: AbortSignal,
): Promise<IssuerAnswer> {
  assertBound(connection, record);
  const { access_token: token, id_token, token_type } = record.tokens ?? {};
  if (token === undefined)
    throw new WorkbenchError('no_such_token', { connection: connection.id, token: 'access_token' });
  const name = 'userinfo_endpoint';
  // This endpoint takes the access token only, with a proof if the token is bound to a key.
  const shown = isMutualTls(connection.tokenEndpointAuthMethod)
    ? connection
    : { ...connection, tokenEndpointAuthMethod: 'none' as const };
  const { dpop_key, ...others } = credentialsOf(record);
  const isBound = token_type?.toLowerCase() === 'dpop' && dpop_key !== undefined;
  const received = await askEndpoint(parts, {
    connection: shown,
    credentials: isBound ? { ...others, dpop_key } : others,
    name,
    limits: { signal },
    secrets: [token],
    send: (as, client, _, options) => userInfoRequest(as, client, token, options as object),
  });
  await refuseError(received.response.clone(), received.context);
  const { sub } = payloadOf(id_token);
  return read(parts, connection, received, id_token ?? '', record.client_secret, (as, known) =>
    processUserInfoResponse(as, known, typeof sub === 'string' ? sub : skipSubjectCheck, received.response),
  );
}

async function read(
  parts: ClientParts,
  connection: Connection,
  {
    response,
    context,
    endpoints,
  }: Pick<EndpointResponse<never>, 'response' | 'endpoints'> & { readonly context: AnswerContext },
  token: string,
  secret: string | undefined,
  take: (as: AuthorizationServer, client: Client) => Promise<object>,
): Promise<IssuerAnswer> {
  const { host, setting } = context;
  const invalid = (reason: ResponseFlaw, more: Partial<ErrorDataOf['response_invalid']> = {}) =>
    new WorkbenchError('response_invalid', { host, setting, reason, sent: true, ...more });
  const isJwt = /^application\/(?:[\w.-]+\+)?jwt\b/i.test(response.headers.get('content-type') ?? '');
  const { issuer = 'urn:none', userinfo_signing_alg_values_supported: user } = endpoints;
  const { introspection_signing_alg_values_supported: introspected } = endpoints;
  const text = await response.clone().text();
  // Whether HMAC may be used is decided by `verifySignature`: it needs the secret of the client.
  const usual = [...usualAlgorithms, ...hmacOf(text)];
  const as = {
    issuer,
    userinfo_signing_alg_values_supported: [...(user ?? usual)],
    introspection_signing_alg_values_supported: [...(introspected ?? usual)],
  };
  let claims: object;
  try {
    claims = await take(as, {
      client_id: connection.clientId,
      // oauth4webapi reads Date.now(); this difference turns it into the issuer's time.
      [clockSkew]: issuerTime(parts, connection)() - Math.floor(Date.now() / 1000),
    });
    if (isJwt) await verifySignature(parts, connection, endpoints, response, text, secret);
  } catch (thrown) {
    const { code, cause } = (thrown ?? {}) as {
      code?: unknown;
      cause?: { expected?: unknown; body?: JsonObject };
    };
    if (code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED')
      throw invalid('subject', {
        expected: printable(textFrom(cause?.expected), 100),
        found: printable(textFrom(cause?.body?.sub), 100),
      });
    if (thrown instanceof WorkbenchError) throw thrown;
    if (isJwt && code === 'OAUTH_KEY_SELECTION_FAILED') throw invalid('answer_key');
    if (isJwt) throw invalid(text.split('.').length === 5 ? 'answer_encrypted' : 'answer_signature');
    throw invalid(/^\s*</.test(text) ? 'html' : 'answer_malformed');
  }
  const echoed = [token, ...context.secrets].filter(each => each.length >= 16);
  // An issuer may repeat the token that it was sent. It must not be shown or returned.
  const shown = withTexts(asReceived(text, isJwt, claims), value =>
    echoed.some(each => value.includes(each)) ? '[token]' : value,
  ) as JsonObject;
  return {
    claims: shown,
    differences: compareMembers('payload', payloadOf(token), shown),
    signed: isJwt,
  };
}

/** The same claims as read by our own JSON reader, which keeps numbers as they were written. */
function asReceived(text: string, isJwt: boolean, claims: object): unknown {
  const reading = isJwt ? undefined : readJson(text);
  const payload = isJwt ? payloadOf(text) : reading?.ok ? reading.value : undefined;
  const inside = isObject(payload) ? own(payload, 'token_introspection') : undefined;
  const plain = JSON.stringify(claims);
  return [payload, inside].find(each => JSON.stringify(each) === plain) ?? claims;
}

/** Milliseconds for one request: a sign-out must not wait long for an issuer that does not respond. */
const patience = 10_000;

export interface Revocation {
  /** The issuer has revoked the tokens, or does not know them any more. */
  readonly revoked: boolean;
  /** The issuer has not revoked the access token; it is valid until it expires. */
  readonly accessTokenLeft?: true;
}

/**
 * RFC 7009: revokes the refresh token first, which ends the grant at most issuers, then the access token. A token that
 * the issuer does not know (any more) counts as revoked (§2.2). After the refresh token is revoked, a failure to revoke
 * the access token is reported but not thrown: many issuers cannot revoke a JWT, or forget it together with its refresh
 * token.
 * @throws WorkbenchError `endpoint_missing`, `binding_mismatch`, `oauth_error`, `http_error` and what askEndpoint
 * throws; nothing stored has changed then
 */
export async function revoke(
  parts: ClientParts,
  connection: Connection,
  record: StoredRecord,
  signal: AbortSignal,
): Promise<Revocation> {
  const { refresh_token, access_token } = record.tokens ?? {};
  if (refresh_token === undefined && access_token === undefined) return { revoked: false };
  assertBound(connection, record);
  const name = 'revocation_endpoint';
  const ask = async (token: string, hint: AskedToken) => {
    const { response, context, endpoints } = await askEndpoint(parts, {
      connection,
      credentials: clientCredentialsOf(record),
      name,
      limits: { signal, timeout: patience },
      secrets: [token],
      refreshToken: hint === 'refresh_token' ? token : undefined,
      send: (as, client, auth, options) =>
        revocationRequest(as, client, auth, token, { ...options, additionalParameters: { token_type_hint: hint } }),
    });
    await refuseAnyError(response, context).catch(error => {
      if (!isUnknownToken(error)) throw notOffered(error, name, connection, endpoints);
    });
  };
  if (refresh_token !== undefined) await ask(refresh_token, 'refresh_token');
  if (access_token === undefined) return { revoked: true };
  try {
    await ask(access_token, 'access_token');
  } catch (error) {
    if (refresh_token === undefined) throw error;
    return { revoked: true, accessTokenLeft: true };
  }
  return { revoked: true };
}

/** RFC 7009 §2.2: "invalid tokens do not cause an error response". With some issuers they do (better-auth). */
function isUnknownToken(error: unknown): boolean {
  if (!(error instanceof WorkbenchError)) return false;
  const { ended, later, error: code, status } = error.data;
  if (later === true) return false;
  // A 401 is about how the request was authenticated (RFC 6750 section 3.1), so the token may still be valid.
  if (status === 401 && code === 'invalid_token') return false;
  return ended === true || code === 'invalid_grant' || code === 'invalid_token';
}

/**
 * Verifies with the keys that an ID token of this issuer is verified with: the client's secret for HMAC (OpenID Connect
 * Core section 10.1), the key set of the settings or the metadata, or the keys in the metadata itself.
 * @throws WorkbenchError `response_invalid` with `answer_secret`, `endpoint_missing` of `jwks_uri`, `http_error`
 */
async function verifySignature(
  parts: ClientParts,
  connection: Connection,
  { issuer = 'urn:none' }: Endpoints,
  response: Response,
  text: string,
  secret: string | undefined,
): Promise<void> {
  const [alg] = hmacOf(text);
  if (alg !== undefined) return verifyHmac(text, alg, secret);
  const metadata =
    connection.issuer === undefined || connection.jwksUri !== undefined
      ? undefined
      : await parts.discovery.metadata(connection.issuer);
  const inside = metadata?.jwks_uri === undefined ? metadata?.jwks : undefined;
  const bounded = boundedFetch(parts.fetch, { clock: parts.clock });
  const jwks_uri = inside
    ? new URL(issuer).href
    : (await resolveEndpoints(connection, parts.discovery, undefined, ['jwks_uri'])).jwks_uri;
  await validateApplicationLevelSignature({ issuer, jwks_uri }, response, {
    [allowInsecureRequests]: jwks_uri.startsWith('http:'),
    async [customFetch](input, { headers }) {
      if (inside) return Response.json(inside);
      const answer = await bounded(input, { headers });
      if (answer.status === 200) return answer;
      throw publicError(answer, await answer.text(), { host: new URL(input).host, now: parts.clock.now() });
    },
  });
}

/** The algorithm of a JWT if it is HMAC. */
function hmacOf(text: string): readonly string[] {
  try {
    const decoded = decodeToken(text);
    return isHmac(decoded) ? [String(membersOf(decoded, 'header').alg)] : [];
  } catch {
    return [];
  }
}

async function verifyHmac(text: string, alg: string, secret: string | undefined): Promise<void> {
  if (!secret) throw new WorkbenchError('response_invalid', { reason: 'answer_secret', sent: true });
  const algorithm = { name: 'HMAC', hash: signatureAlgorithms.get(alg)?.hash ?? 'SHA-256' };
  const encoder = new TextEncoder();
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, ['verify']);
  const dot = text.lastIndexOf('.');
  const signature = decodeBase64url(text.slice(dot + 1).trim());
  const signed = encoder.encode(text.slice(0, dot).trim());
  const valid = !('reason' in signature) && (await crypto.subtle.verify(algorithm, key, signature, signed));
  if (!valid) throw new WorkbenchError('response_invalid', { reason: 'answer_signature', sent: true });
}

function payloadOf(token: string | undefined): JsonObject {
  try {
    const decoded = decodeToken(token ?? '');
    return decoded.kind === 'jws' ? decoded.payload : {};
  } catch {
    return {};
  }
}
