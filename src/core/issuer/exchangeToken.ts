import { genericTokenEndpointRequest } from 'oauth4webapi';
import { classify, WorkbenchError } from '../errors.ts';
import type { Connection } from '../records/connection.ts';
import { clientCredentialsOf, credentialsOf } from '../records/credentials.ts';
import type { StoredRecord } from '../records/record.ts';
import type { RawTokens } from '../records/tokenSet.ts';
import { isObject, own, readJson } from '../tokens/json.ts';
import { readTokenResponse } from './answers.ts';
import { asClient, type ClientParts } from './asClient.ts';
import type { Discovery } from './discovery.ts';
import { resolveEndpoints } from './endpoints.ts';
import { requestParameters } from './requestParameters.ts';
import { assertBound } from './revoke.ts';

export interface ExchangeParts extends ClientParts {
  readonly discovery: Discovery;
}

/** RFC 8693 §3, without the prefix. */
export const exchangeable = ['access_token', 'id_token', 'refresh_token'] as const;
export type Exchangeable = (typeof exchangeable)[number];

export interface ExchangeRequest {
  readonly connection: Connection;
  readonly record: StoredRecord;
  readonly subjectToken: Exchangeable;
  readonly audience?: string | undefined;
  readonly resource?: string | undefined;
  readonly scope?: string | undefined;
  /** One of RFC 8693 §3 by its last word, or a URI. */
  readonly requestedTokenType?: string | undefined;
  readonly signal: AbortSignal;
}

export interface Exchanged {
  /** The token by the name under which it is kept, and what came with it. */
  readonly raw: RawTokens;
  readonly tokenEndpoint: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** By its last word where RFC 8693 §3 knows it. */
  readonly issuedTokenType: string;
  readonly dpopKey?: string;
}

const prefix = 'urn:ietf:params:oauth:token-type:';
const typeUri = (name: string) => (name.includes(':') ? name : prefix + name);

/**
 * RFC 8693: a token of a connection for one that is meant for somebody else. What comes is not checked here.
 * @throws WorkbenchError with `grant`: `no_such_token`, `binding_mismatch`, `oauth_error`, `http_error`, `response_invalid`, and what
 * asClient, boundedFetch and Discovery throw
 */
export async function exchangeToken(parts: ExchangeParts, request: ExchangeRequest): Promise<Exchanged> {
  try {
    return await exchanged(parts, request);
  } catch (thrown) {
    const { code, data } = classify(thrown);
    throw new WorkbenchError(code, { ...data, grant: 'token_exchange' });
  }
}

async function exchanged(parts: ExchangeParts, request: ExchangeRequest): Promise<Exchanged> {
  const { connection, record, subjectToken, audience, resource, scope, requestedTokenType, signal } = request;
  const token = record.tokens?.[subjectToken];
  if (token === undefined)
    throw new WorkbenchError('no_such_token', { connection: connection.id, token: subjectToken });
  assertBound(connection, record);
  const { dpop_key: dpopKey, ...rest } = credentialsOf(record);
  const proves = connection.dpop && dpopKey !== undefined;
  const credentials = proves ? { ...rest, dpop_key: dpopKey } : clientCredentialsOf(rest);
  const client = await asClient(parts, connection, credentials);
  const endpoints = await resolveEndpoints(connection, parts.discovery, signal);
  const parameters = requestParameters(connection, {
    subject_token: token,
    subject_token_type: typeUri(subjectToken),
    requested_token_type: requestedTokenType && typeUri(requestedTokenType),
    audience,
    resource,
    scope,
  });
  const { response, host } = await client.ask('token_endpoint', endpoints, { signal }, (as, known, auth, options) =>
    genericTokenEndpointRequest(
      as,
      known,
      auth,
      'urn:ietf:params:oauth:grant-type:token-exchange',
      parameters,
      options,
    ),
  );
  const receivedAt = parts.clock.now();
  const secrets = [token, rest.client_secret ?? ''];
  const reading = readJson(await response.clone().text());
  const { raw } = await readTokenResponse(response, { host, now: receivedAt, secrets, known: [connection.clientId] });
  const { access_token: issued, ...others } = raw;
  // What went out with the request is no answer to it.
  if (issued === undefined)
    throw new WorkbenchError('response_invalid', { host, reason: 'access_token_missing', sent: true });
  const type = reading.ok && isObject(reading.value) ? own(reading.value, 'issued_token_type') : undefined;
  // Required by §2.2.1, and left out by some: then it is what was asked for.
  const named = typeof type === 'string' ? type : typeUri(requestedTokenType ?? 'access_token');
  const issuedTokenType = named.startsWith(prefix) ? named.slice(prefix.length) : named;
  const isOther = issuedTokenType === 'id_token' || issuedTokenType === 'refresh_token';
  return {
    raw: isOther ? { ...others, [issuedTokenType]: issued } : raw,
    receivedAt,
    issuedTokenType,
    tokenEndpoint: endpoints.token_endpoint,
    ...(proves && raw.token_type?.toLowerCase() === 'dpop' && { dpopKey }),
  };
}
