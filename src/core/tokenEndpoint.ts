import {
  type AuthorizationServer,
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretPost,
  clientCredentialsGrantRequest,
  customFetch,
  None,
  refreshTokenGrantRequest,
} from 'oauth4webapi';
import { issuedAtOf, measureSkew } from './clockSkew.ts';
import type { Connection } from './connection.ts';
import { type Discovery, type Endpoints, resolveEndpoints } from './discovery.ts';
import { isReservedParameter } from './entryReader.ts';
import { WorkbenchError } from './errors.ts';
import { boundedFetch, requireSecureUrl } from './http.ts';
import type { Clock, Fetch } from './ports.ts';
import { issuerDate } from './responseMeta.ts';
import { readTokenResponse } from './tokenResponse.ts';
import type { RawTokens } from './tokenSet.ts';
import { type ResponseWarning, validateTokenResponse } from './tokenValidation.ts';

/**
 * A token response in two steps: `raw` is stored first, since a rotated refresh token exists nowhere else;
 * only then is the rest asked whether it is right.
 */
export interface TokenAnswer {
  readonly status: number;
  /** Milliseconds since the epoch, on this machine's clock. */
  readonly receivedAt: number;
  /** Milliseconds since the epoch, on the issuer's clock, where it says it. */
  readonly date?: number;
  /** What the response holds, taken leniently. */
  readonly raw: RawTokens;
  /**
   * RFC 6749 §5.1 and OpenID Connect Core §12.2. This does not validate the ID token's signature: it came from
   * the token endpoint itself, over TLS (§3.1.3.7).
   * @throws WorkbenchError `response_invalid` with `reason`
   */
  validate(previous?: {
    readonly id_token?: string;
  }): Promise<{ readonly warnings: readonly ResponseWarning[] }>;
}

export interface TokenRequest {
  readonly connection: Connection;
  readonly clientSecret?: string;
  /** What the caller found the token endpoint to be; where it is another by now, nothing is sent. */
  readonly tokenEndpoint?: string;
  readonly signal?: AbortSignal;
}

/** Of any answer, errors included, before anything asks whether it is right. Times are milliseconds since the epoch. */
export interface HeardAnswer {
  readonly status: number;
  readonly sentAt: number;
  readonly receivedAt: number;
  /** The issuer's clock, where it says it. */
  readonly date?: number;
  /** Where it does not: the latest `iat` of what came. */
  readonly issuedAt?: number;
}

export interface TokenClientParts {
  readonly fetch: Fetch;
  readonly discovery: Discovery;
  readonly clock: Clock;
  readonly heard?: (connection: Connection, answer: HeardAnswer) => void;
}

export interface TokenClient {
  /**
   * RFC 6749 §6. No scope is sent: that asks for what was granted before.
   * @throws WorkbenchError `oauth_error`, `http_error`, `response_invalid`, `client_secret_missing`,
   * `auth_method_unsupported`, `binding_mismatch`, what boundedFetch and resolveEndpoints throw
   */
  refresh(request: TokenRequest & { readonly refreshToken: string }): Promise<TokenAnswer>;
  /** RFC 6749 §4.4. Throws as `refresh` does. */
  clientCredentials(request: TokenRequest): Promise<TokenAnswer>;
}

export function createTokenClient(parts: TokenClientParts): TokenClient {
  const { fetch, discovery, clock } = parts;

  /** Apart from the answer's own way: a listener that throws must not cost a rotated token. */
  function tell(connection: Connection, answer: HeardAnswer): void {
    queueMicrotask(() => parts.heard?.(connection, answer));
  }

  async function ask(request: TokenRequest, send: Send, secrets: readonly string[]): Promise<TokenAnswer> {
    const { connection, clientSecret, signal } = request;
    const clientAuth = clientAuthentication(connection, clientSecret);
    const endpoints = await resolveEndpoints(connection, discovery, signal);
    const { token_endpoint } = endpoints;
    if (request.tokenEndpoint !== undefined && request.tokenEndpoint !== token_endpoint) {
      throw new WorkbenchError('binding_mismatch', {
        member: 'token_endpoint',
        expected: request.tokenEndpoint,
        found: token_endpoint,
        sent: false,
      });
    }
    const url = requireSecureUrl(token_endpoint, 'tokenEndpoint');
    const bounded = boundedFetch(fetch, { clock, signal });
    const sentAt = clock.now();
    const response = await send(serverOf(endpoints, url), { client_id: connection.clientId }, clientAuth, {
      // Only ever true for this machine's own address; see requireSecureUrl.
      [allowInsecureRequests]: url.protocol === 'http:',
      [customFetch]: (input, init) => bounded(input, init as RequestInit),
    });
    const receivedAt = clock.now();
    const date = issuerDate(response.headers);
    const { status } = response;
    const heard = { status, sentAt, receivedAt, ...(date !== undefined && { date }) };
    const read = await readTokenResponse(response, url.host, receivedAt, secrets).catch(error => {
      tell(connection, heard);
      throw error;
    });
    const { raw, warnings } = read;
    const issuedAt = date === undefined ? issuedAtOf(raw) : undefined;
    const timed = { ...heard, ...(issuedAt !== undefined && { issuedAt }) };
    tell(connection, timed);
    const skew = measureSkew(timed);
    return {
      status,
      receivedAt,
      ...(date !== undefined && { date }),
      raw,
      validate: (previous = {}) =>
        validateTokenResponse({ raw, warnings, previous, endpoints, connection, receivedAt, skew }),
    };
  }

  return {
    refresh({ refreshToken, ...request }) {
      const { resource } = request.connection;
      const parameters = additional(request.connection, { resource });
      return ask(
        request,
        (as, client, auth, options) =>
          refreshTokenGrantRequest(as, client, auth, refreshToken, {
            ...options,
            additionalParameters: parameters,
          }),
        [refreshToken, request.clientSecret ?? ''],
      );
    },
    clientCredentials(request) {
      const { scope, resource, audience } = request.connection;
      const parameters = additional(request.connection, { scope, resource, audience });
      return ask(
        request,
        (as, client, auth, options) => clientCredentialsGrantRequest(as, client, auth, parameters, options),
        [request.clientSecret ?? ''],
      );
    },
  };
}

type Send = (
  as: AuthorizationServer,
  client: { client_id: string },
  auth: ClientAuth,
  options: NonNullable<Parameters<typeof clientCredentialsGrantRequest>[4]>,
) => Promise<Response>;

/** oauth4webapi wants an issuer by name; where there is none, no check of ours reads it. */
function serverOf({ issuer = 'urn:none' }: Endpoints, tokenEndpoint: URL): AuthorizationServer {
  return { issuer, token_endpoint: tokenEndpoint.href };
}

function additional(
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

function clientAuthentication(connection: Connection, clientSecret: string | undefined): ClientAuth {
  const method = connection.tokenEndpointAuthMethod;
  const secret = () => {
    if (clientSecret) return clientSecret;
    throw new WorkbenchError('client_secret_missing', { connection: connection.id, method, sent: false });
  };
  switch (method) {
    case 'none':
      return None();
    case 'client_secret_basic':
      return basic(secret());
    case 'client_secret_post':
      return ClientSecretPost(secret());
    case 'client_secret_jwt':
    case 'private_key_jwt':
      throw new WorkbenchError('auth_method_unsupported', { connection: connection.id, method, sent: false });
  }
}

/**
 * RFC 6749 §2.3.1. oauth4webapi's own percent-encodes `-`, `_` and `.` too, which the form encoding of Appendix B
 * leaves as they are, and which the many issuers that do not decode then take for a wrong secret.
 */
function basic(clientSecret: string): ClientAuth {
  return (_as, { client_id }, _body, headers) => {
    headers.set('authorization', `Basic ${btoa(`${formEncoded(client_id)}:${formEncoded(clientSecret)}`)}`);
  };
}

function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}
