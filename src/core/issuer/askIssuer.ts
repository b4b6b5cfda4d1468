import {
  type AuthorizationServer,
  allowInsecureRequests,
  type Client,
  clockSkew,
  customFetch,
  introspectionRequest,
  processIntrospectionResponse,
  processUserInfoResponse,
  skipSubjectCheck,
  userInfoRequest,
  validateApplicationLevelSignature,
} from 'oauth4webapi';
import { type ErrorDataOf, type ResponseFlaw, WorkbenchError } from '../errors.ts';
import { boundedFetch } from '../http/http.ts';
import { type Connection, isMutualTls } from '../records/connection.ts';
import { clientCredentialsOf, credentialsOf } from '../records/credentials.ts';
import type { StoredRecord } from '../records/record.ts';
import { printable } from '../redact.ts';
import { compareMembers, type Difference } from '../tokens/compareTokens.ts';
import type { JsonObject } from '../tokens/json.ts';
import { decodeToken } from '../tokens/jwt.ts';
import { refuseError } from './answers.ts';
import { asClient, type ClientParts, issuersTime } from './asClient.ts';
import type { Discovery } from './discovery.ts';
import { type Endpoints, resolveEndpoints } from './endpoints.ts';
import { assertBound } from './revoke.ts';

export interface AskParts extends ClientParts {
  readonly discovery: Discovery;
}

export type AskedToken = 'access_token' | 'refresh_token';

/** What the issuer says, and what the token itself says otherwise. Nothing of it is the token. */
export interface IssuerAnswer {
  readonly claims: JsonObject;
  /** Of the token, where it can be read: `before` is the token's, `after` the issuer's. */
  readonly differences: readonly Difference[];
  /** The answer is a JWT, and its signature is the issuer's. Else it is as good as the connection over which it came. */
  readonly signed: boolean;
}

/** What OpenID Connect Discovery §3 and RFC 9701 §7 leave open where the metadata says nothing; never HMAC or `none`. */
const signatures = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

/**
 * RFC 7662: whether the issuer takes a token for active, and what it knows of it. Answers that are JWTs (RFC 9701) are
 * verified.
 * @param record whose credentials are used; a token of its own goes only to the issuer that gave it
 * @throws WorkbenchError `endpoint_missing`, `binding_mismatch`, `oauth_error`, `http_error`, `response_invalid` with
 * `reason`, and what asClient, boundedFetch and Discovery throw
 */
export async function introspect(
  parts: AskParts,
  connection: Connection,
  record: StoredRecord,
  token: string,
  hint: AskedToken | undefined,
  signal: AbortSignal,
): Promise<IssuerAnswer> {
  assertBound(connection, record);
  const name = 'introspection_endpoint';
  const credentials = clientCredentialsOf(record);
  const client = await asClient(parts, connection, credentials);
  const endpoints = await resolveEndpoints(connection, parts.discovery, signal, [name]);
  const { response, host } = await client.ask(name, endpoints, { signal }, (as, client, auth, options) =>
    introspectionRequest(as, client, auth, token, {
      ...options,
      ...(hint && { additionalParameters: { token_type_hint: hint } }),
    }),
  );
  return read(
    parts,
    connection,
    endpoints,
    response,
    { host, setting: 'introspectionEndpoint' },
    token,
    [credentials.client_secret ?? ''],
    (as, known) => processIntrospectionResponse(as, known, response),
  );
}

/**
 * OpenID Connect Core §5.3: what the issuer says of whoever the access token stands for, who has to be the one of
 * the ID token (§5.3.2).
 * @throws WorkbenchError as `introspect`, `no_such_token`
 */
export async function userInfo(
  parts: AskParts,
  connection: Connection,
  record: StoredRecord,
  signal: AbortSignal,
): Promise<IssuerAnswer> {
  assertBound(connection, record);
  const { access_token: token, id_token, token_type } = record.tokens ?? {};
  if (token === undefined)
    throw new WorkbenchError('no_such_token', { connection: connection.id, token: 'access_token' });
  const name = 'userinfo_endpoint';
  // The token is all that is shown there, with a proof where it is bound to a key.
  const shown = isMutualTls(connection.tokenEndpointAuthMethod)
    ? connection
    : { ...connection, tokenEndpointAuthMethod: 'none' as const };
  const { dpop_key, ...others } = credentialsOf(record);
  const isBound = token_type?.toLowerCase() === 'dpop' && dpop_key !== undefined;
  const client = await asClient(parts, shown, isBound ? { ...others, dpop_key } : others);
  const endpoints = await resolveEndpoints(connection, parts.discovery, signal, [name]);
  const { response, host } = await client.ask(name, endpoints, { signal }, (as, client, _, options) =>
    userInfoRequest(as, client, token, options as object),
  );
  const { sub } = payloadOf(id_token);
  const from = { host, setting: name };
  return read(parts, connection, endpoints, response, from, id_token ?? '', [token], (as, known) =>
    processUserInfoResponse(as, known, typeof sub === 'string' ? sub : skipSubjectCheck, response),
  );
}

async function read(
  parts: AskParts,
  connection: Connection,
  endpoints: Endpoints,
  response: Response,
  { host, setting }: { readonly host: string; readonly setting: string },
  token: string,
  secrets: readonly string[],
  take: (as: AuthorizationServer, client: Client) => Promise<object>,
): Promise<IssuerAnswer> {
  const invalid = (reason: ResponseFlaw, more: Partial<ErrorDataOf['response_invalid']> = {}) =>
    new WorkbenchError('response_invalid', { host, setting, reason, sent: true, ...more });
  if (!response.ok) {
    await refuseError(response, {
      host,
      now: parts.clock.now(),
      secrets: [token, ...secrets],
      known: [connection.clientId],
      setting,
    });
  }
  const isJwt = /^application\/(?:[\w.-]+\+)?jwt\b/i.test(response.headers.get('content-type') ?? '');
  const { issuer = 'urn:none', userinfo_signing_alg_values_supported: user } = endpoints;
  const { introspection_signing_alg_values_supported: introspected } = endpoints;
  const as = {
    issuer,
    userinfo_signing_alg_values_supported: [...(user ?? signatures)],
    introspection_signing_alg_values_supported: [...(introspected ?? signatures)],
  };
  const text = await response.clone().text();
  let claims: object;
  try {
    claims = await take(as, {
      client_id: connection.clientId,
      // It reads Date.now(): this turns it into the issuer's time.
      [clockSkew]: issuersTime(parts, connection)() - Math.floor(Date.now() / 1000),
    });
    if (isJwt) await verifySignature(parts, connection, as, response);
  } catch (thrown) {
    const { code, cause } = (thrown ?? {}) as {
      code?: unknown;
      cause?: { expected?: unknown; body?: JsonObject };
    };
    if (code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED')
      throw invalid('subject', {
        expected: printable(String(cause?.expected), 100),
        found: printable(String(cause?.body?.sub), 100),
      });
    if (thrown instanceof WorkbenchError) throw thrown;
    if (isJwt) throw invalid(text.split('.').length === 5 ? 'answer_encrypted' : 'answer_signature');
    throw invalid(/^\s*</.test(text) ? 'html' : 'answer_malformed');
  }
  const echoed = [token, ...secrets].filter(each => each.length >= 16);
  const shown = JSON.parse(JSON.stringify(claims), (_, value) =>
    // An issuer that repeats what it was sent: what is shown and returned is no place for it.
    typeof value === 'string' && echoed.some(each => value.includes(each)) ? '[token]' : value,
  ) as JsonObject;
  return {
    claims: shown,
    differences: compareMembers('payload', payloadOf(token), shown),
    signed: isJwt,
  };
}

async function verifySignature(
  parts: AskParts,
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
