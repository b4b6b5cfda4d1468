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
import { usualAlgorithms } from '../tokens/algorithms.ts';
import { isObject, type JsonObject, own, readJson, textFrom, withTexts } from '../tokens/json.ts';
import { decodeToken } from '../tokens/jwt.ts';
import { compareMembers, type Difference } from '../tokens/tokenUse.ts';
import { type AnswerContext, refuseError } from './answers.ts';
import { askEndpoint, type ClientParts, type EndpointResponse, issuerTime, notOffered } from './askEndpoint.ts';
import { resolveEndpoints } from './discovery.ts';

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
  return read(parts, connection, received, token, (as, known) =>
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
  return read(parts, connection, received, id_token ?? '', (as, known) =>
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
  take: (as: AuthorizationServer, client: Client) => Promise<object>,
): Promise<IssuerAnswer> {
  const { host, setting } = context;
  const invalid = (reason: ResponseFlaw, more: Partial<ErrorDataOf['response_invalid']> = {}) =>
    new WorkbenchError('response_invalid', { host, setting, reason, sent: true, ...more });
  const isJwt = /^application\/(?:[\w.-]+\+)?jwt\b/i.test(response.headers.get('content-type') ?? '');
  const { issuer = 'urn:none', userinfo_signing_alg_values_supported: user } = endpoints;
  const { introspection_signing_alg_values_supported: introspected } = endpoints;
  const as = {
    issuer,
    userinfo_signing_alg_values_supported: [...(user ?? usualAlgorithms)],
    introspection_signing_alg_values_supported: [...(introspected ?? usualAlgorithms)],
  };
  const text = await response.clone().text();
  let claims: object;
  try {
    claims = await take(as, {
      client_id: connection.clientId,
      // oauth4webapi reads Date.now(); this difference turns it into the issuer's time.
      [clockSkew]: issuerTime(parts, connection)() - Math.floor(Date.now() / 1000),
    });
    if (isJwt) await verifySignature(parts, connection, as, response);
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
    if (response.ok) return;
    await refuseError(response, context).catch(error => {
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
  const { ended, error: code } = error.data;
  return ended === true || code === 'invalid_grant' || code === 'invalid_token';
}

async function verifySignature(
  parts: ClientParts,
  connection: Connection,
  as: { readonly issuer: string },
  response: Response,
): Promise<void> {
  const { jwks_uri } = await resolveEndpoints(connection, parts.discovery, undefined, ['jwks_uri']);
  const bounded = boundedFetch(parts.fetch, { clock: parts.clock });
  await validateApplicationLevelSignature({ ...as, jwks_uri }, response, {
    [allowInsecureRequests]: jwks_uri.startsWith('http:'),
    [customFetch]: (input, { headers }) => bounded(input, { headers }),
  });
}

function payloadOf(token: string | undefined): JsonObject {
  try {
    const decoded = decodeToken(token ?? '');
    return decoded.kind === 'jws' ? decoded.payload : {};
  } catch {
    return {};
  }
}
