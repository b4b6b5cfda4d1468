/** The one way to call an endpoint of an issuer as the client of a connection. */
import {
  type AuthorizationServer,
  allowInsecureRequests,
  type Client,
  type ClientAuth,
  clockSkew,
  customFetch,
  type DPoPRequestOptions,
  type HttpRequestOptions,
} from 'oauth4webapi';
import { WorkbenchError } from '../errors.ts';
import { boundedFetch, type FetchLimits, issuerDate, requireSecureUrl } from '../http/http.ts';
import type { Clock, Fetch, MutualTls } from '../ports.ts';
import { type Connection, isReservedParameter } from '../records/connection.ts';
import type { Credentials } from '../records/record.ts';
import { isObject, own, readJson } from '../tokens/json.ts';
import type { AnswerContext } from './answers.ts';
import { clientAuthentication, type Proofs } from './clientAuthentication.ts';
import { type Discovery, type EndpointName, type Endpoints, resolveEndpoints, settingOf } from './discovery.ts';

export interface ClientParts {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly proofs: Proofs;
  readonly discovery: Discovery;
  readonly mutualTls?: MutualTls | undefined;
  /** Milliseconds by which this machine's clock is known to be ahead of the issuer's. */
  readonly aheadOf?: ((connection: Connection) => number) | undefined;
  /** Called for every answer, errors included, before it is checked. */
  readonly onAnswer?: ((connection: Connection, answer: ReceivedAnswer) => void) | undefined;
}

/** Times are milliseconds since the epoch. */
interface ReceivedAnswer {
  readonly endpoint: EndpointName;
  readonly status: number;
  readonly sentAt: number;
  readonly receivedAt: number;
  /** The issuer's time, if the answer has a `Date`. */
  readonly date?: number;
  /** The latest `iat` of the tokens in the answer, if there is no `date`. */
  readonly issuedAt?: number;
}

/** A request function of oauth4webapi, with the arguments that all of them take. */
type Send = (
  as: AuthorizationServer,
  client: Client,
  auth: ClientAuth,
  options: HttpRequestOptions<'POST', URLSearchParams> & DPoPRequestOptions,
) => Promise<Response>;

export interface Question<Name extends EndpointName> {
  readonly connection: Connection;
  readonly credentials: Credentials;
  readonly name: Name;
  /** Endpoints that the caller has resolved already; resolved here if omitted. */
  readonly endpoints?: (Endpoints & { readonly [Each in Name]: string }) | undefined;
  readonly limits?: Pick<FetchLimits, 'signal' | 'timeout' | 'guard' | 'enough'>;
  /** What is sent beside the client's secret and must not appear in an error's text. */
  readonly secrets?: readonly string[];
  /** The refresh token that is sent, if any. */
  readonly refreshToken?: string | undefined;
  readonly send: Send;
}

/** An answer, successful or not, with its body in memory. */
export interface EndpointResponse<Name extends EndpointName> {
  readonly response: Response;
  /** What the reader of the answer needs to know. */
  readonly context: AnswerContext;
  readonly endpoints: Endpoints & { readonly [Each in Name]: string };
  readonly answer: ReceivedAnswer;
}

/**
 * Calls the endpoint once, or twice if the issuer requires a DPoP nonce.
 * @throws WorkbenchError what clientAuthentication, resolveEndpoints and boundedFetch throw; `dpop_key_lost`,
 * `url_invalid`, `url_insecure`
 */
export async function askEndpoint<Name extends EndpointName>(
  parts: ClientParts,
  question: Question<Name>,
): Promise<EndpointResponse<Name>> {
  const { clock, discovery, onAnswer } = parts;
  const { connection, credentials, name, limits = {}, secrets = [], refreshToken, send } = question;
  const { auth, fetch, dpop } = await clientOf(parts, connection, credentials);
  const endpoints = question.endpoints ?? (await resolveEndpoints(connection, discovery, limits.signal, [name]));
  const setting = settingOf(name) ?? name;
  const url = requireSecureUrl(endpoints[name], setting);
  const { issuer, token_endpoint, token_endpoint_auth_signing_alg_values_supported: algs } = endpoints;
  const as: AuthorizationServer = {
    // Used only as the audience of an assertion. Without an issuer identifier, the token endpoint serves as audience.
    issuer: connection.clientAssertionAudience === 'endpoint' ? url.href : (issuer ?? token_endpoint ?? url.href),
    [name]: url.href,
    ...(algs && { token_endpoint_auth_signing_alg_values_supported: [...algs] }),
  };
  const client = {
    client_id: connection.clientId,
    // oauth4webapi reads Date.now(); this difference turns it into the issuer's time.
    [clockSkew]: issuerTime(parts, connection)() - Math.floor(Date.now() / 1000),
  };
  const bounded = boundedFetch(fetch, { ...limits, clock });
  const attempt = () =>
    send(as, client, auth, {
      // True only for this machine's loopback address; see requireSecureUrl.
      [allowInsecureRequests]: url.protocol === 'http:',
      [customFetch]: (input, init) => bounded(input, init as RequestInit),
      ...(dpop && { DPoP: dpop }),
    });
  let sentAt = clock.now();
  let response = await attempt();
  // RFC 9449 §8: the answer contains the nonce, and the issuer did nothing else. Retry once only, or this could loop.
  if (dpop !== undefined && (await wantsNonce(response))) {
    sentAt = clock.now();
    response = await attempt();
  }
  const receivedAt = clock.now();
  const date = issuerDate(response.headers);
  const answer = { endpoint: name, status: response.status, sentAt, receivedAt, ...(date !== undefined && { date }) };
  // In a microtask, so that a listener that throws cannot lose a rotated token.
  if (onAnswer) queueMicrotask(() => onAnswer(connection, answer));
  const context: AnswerContext = {
    host: url.host,
    now: receivedAt,
    secrets: [...secrets, credentials.client_secret ?? ''],
    known: [connection.clientId],
    ...(name !== 'token_endpoint' && { setting }),
    refreshToken,
  };
  return { response, context, endpoints, answer };
}

/**
 * The client's authentication, fetch and DPoP handle. Calling it first finds errors of this side before anything is
 * sent.
 * @throws WorkbenchError `dpop_key_lost`, and what clientAuthentication throws
 */
export async function clientOf(parts: ClientParts, connection: Connection, credentials: Credentials) {
  const { auth, fetch = parts.fetch } = await clientAuthentication(connection, credentials, parts.mutualTls);
  const { dpop_key } = credentials;
  const dpop = dpop_key === undefined ? undefined : await parts.proofs.handle(dpop_key, issuerTime(parts, connection));
  return { auth, fetch, dpop };
}

/** The issuer's current time, in seconds since the epoch. */
export function issuerTime(
  { clock, aheadOf }: Pick<ClientParts, 'clock' | 'aheadOf'>,
  connection: Connection,
): () => number {
  return () => Math.floor((clock.now() - (aheadOf?.(connection) ?? 0)) / 1000);
}

/**
 * Adds the extra parameters of the settings. They replace none of the request's `own`; undefined values are not sent.
 */
export function requestParameters(
  { extraParameters = {} }: Connection,
  own: Readonly<Record<string, string | undefined>>,
): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(extraParameters)) {
    if (!isReservedParameter(name)) parameters.set(name, value);
  }
  for (const [name, value] of Object.entries(own)) if (value !== undefined) parameters.set(name, value);
  return parameters;
}

/**
 * Explains a rejection by an issuer that offers the endpoint to clients with other authentication methods only.
 * @returns `endpoint_missing` in that case, otherwise `error` unchanged
 */
export function notOffered(
  error: unknown,
  name: 'revocation_endpoint' | 'introspection_endpoint',
  { tokenEndpointAuthMethod: method }: Connection,
  endpoints: Endpoints,
): unknown {
  const offered = endpoints[`${name}_auth_methods_supported`];
  const isRefusal =
    error instanceof WorkbenchError &&
    (error.code === 'oauth_error' || error.code === 'http_error') &&
    Number(error.data.status) >= 400 &&
    Number(error.data.status) < 500 &&
    error.data.status !== 429 &&
    error.data.later !== true &&
    error.data.blocked !== true;
  if (!isRefusal || offered === undefined || offered.includes(method)) return error;
  const { host, status, error: word, error_description, firstLine } = error.data;
  return new WorkbenchError('endpoint_missing', {
    endpoint: name,
    method,
    offered: offered.join(', '),
    host,
    status,
    error: word,
    error_description,
    firstLine,
  });
}

async function wantsNonce(response: Response): Promise<boolean> {
  const { ok, headers } = response;
  if (ok || !headers.has('dpop-nonce')) return false;
  // §9: a resource server says it in this header, and maybe only there.
  if (/\berror="use_dpop_nonce"/.test(headers.get('www-authenticate') ?? '')) return true;
  const reading = readJson(await response.clone().text());
  return reading.ok && isObject(reading.value) && own(reading.value, 'error') === 'use_dpop_nonce';
}
