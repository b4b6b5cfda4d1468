import {
  authorizationCodeGrantRequest,
  clientCredentialsGrantRequest,
  deviceCodeGrantRequest,
  refreshTokenGrantRequest,
} from 'oauth4webapi';
import { WorkbenchError } from '../errors.ts';
import type { FetchLimits } from '../http/http.ts';
import { issuerDate } from '../http/responseMeta.ts';
import { issuedAtOf, measureSkew } from '../records/clockSkew.ts';
import type { Connection } from '../records/connection.ts';
import type { Credentials } from '../records/credentials.ts';
import type { RawTokens } from '../records/tokenSet.ts';
import { readTokenResponse } from './answers.ts';
import { asClient, type ClientParts, type Send } from './asClient.ts';
import type { Discovery } from './discovery.ts';
import { createProofs, newDpopKey } from './dpop.ts';
import { resolveEndpoints } from './endpoints.ts';
import { requestParameters } from './requestParameters.ts';
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
  /** Where the tokens came from: what they are bound to. */
  readonly tokenEndpoint: string;
  /**
   * RFC 6749 §5.1 and OpenID Connect Core §12.2. This does not validate the ID token's signature: it came from
   * the token endpoint itself, over TLS (§3.1.3.7).
   * @throws WorkbenchError `response_invalid` with `reason`
   */
  validate(previous?: { readonly id_token?: string }): Promise<{ readonly warnings: readonly ResponseWarning[] }>;
}

export interface TokenRequest {
  readonly connection: Connection;
  readonly credentials?: Credentials;
  /** What the caller found the token endpoint to be; where it is another by now, nothing is sent. */
  readonly tokenEndpoint?: string;
  readonly signal?: AbortSignal;
  readonly guard?: FetchLimits['guard'];
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

export interface CodeProof {
  /** As oauth4webapi's `validateAuthResponse` gave them. */
  readonly callback: URLSearchParams;
  readonly redirectUri: string;
  readonly codeVerifier: string;
  /** What the ID token has to repeat; an answer without an ID token is refused then. */
  readonly nonce?: string;
}

export interface TokenClientParts extends Omit<ClientParts, 'proofs'>, Partial<Pick<ClientParts, 'proofs'>> {
  readonly discovery: Discovery;
  readonly heard?: (connection: Connection, answer: HeardAnswer) => void;
}

export interface TokenClient {
  /** A key for tokens to be bound to (RFC 9449), of a kind that the issuer takes. Throws as resolveEndpoints does. */
  newKey(connection: Connection, signal?: AbortSignal): Promise<string>;
  /**
   * RFC 6749 §6. No scope is sent: that asks for what was granted before.
   * @throws WorkbenchError `oauth_error`, `http_error`, `response_invalid`, `binding_mismatch`, what
   * asClient, its `ask` and resolveEndpoints throw
   */
  refresh(request: TokenRequest & { readonly refreshToken: string }): Promise<TokenAnswer>;
  /** RFC 6749 §4.4. Throws as `refresh` does. */
  clientCredentials(request: TokenRequest): Promise<TokenAnswer>;
  /** RFC 6749 §4.1.3 with RFC 7636. Throws as `refresh` does. */
  authorizationCode(request: TokenRequest & CodeProof): Promise<TokenAnswer>;
  /** RFC 8628 §3.4. One question; throws as `refresh` does, `authorization_pending` included. */
  deviceCode(request: TokenRequest & { readonly deviceCode: string }): Promise<TokenAnswer>;
}

export function createTokenClient(parts: TokenClientParts): TokenClient {
  const { discovery, clock, proofs = createProofs() } = parts;

  /** Apart from the answer's own way: a listener that throws must not cost a rotated token. */
  function tell(connection: Connection, answer: HeardAnswer): void {
    queueMicrotask(() => parts.heard?.(connection, answer));
  }

  async function ask(
    request: TokenRequest & { readonly nonce?: string; readonly refreshToken?: string },
    send: Send,
    secrets: readonly string[],
  ): Promise<TokenAnswer> {
    const { connection, credentials = {}, signal, guard, nonce, refreshToken } = request;
    const client = await asClient({ ...parts, proofs }, connection, credentials);
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
    const sentAt = clock.now();
    const { response, host } = await client.ask('token_endpoint', endpoints, { signal, guard }, send);
    const receivedAt = clock.now();
    const date = issuerDate(response.headers);
    const { status } = response;
    const heard = { status, sentAt, receivedAt, ...(date !== undefined && { date }) };
    const read = await readTokenResponse(response, {
      host,
      now: receivedAt,
      secrets: [...secrets, credentials.client_secret ?? ''],
      known: [connection.clientId],
      refreshes: refreshToken !== undefined,
    }).catch(error => {
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
      tokenEndpoint: token_endpoint,
      validate: (previous = {}) =>
        validateTokenResponse({
          raw,
          warnings,
          previous,
          endpoints,
          connection,
          receivedAt,
          skew,
          sent: refreshToken,
          ...(nonce !== undefined && { nonce }),
          isProven: credentials.dpop_key !== undefined,
        }),
    };
  }

  return {
    async newKey(connection, signal) {
      const { dpop_signing_alg_values_supported } = await resolveEndpoints(connection, discovery, signal);
      return newDpopKey(dpop_signing_alg_values_supported);
    },
    refresh({ refreshToken, ...request }) {
      const { resource } = request.connection;
      const parameters = requestParameters(request.connection, { resource });
      return ask(
        { ...request, refreshToken },
        (as, client, auth, options) =>
          refreshTokenGrantRequest(as, client, auth, refreshToken, {
            ...options,
            additionalParameters: parameters,
          }),
        [refreshToken],
      );
    },
    clientCredentials(request) {
      const { scope, resource, audience } = request.connection;
      const parameters = requestParameters(request.connection, { scope, resource, audience });
      return ask(
        request,
        (as, client, auth, options) => clientCredentialsGrantRequest(as, client, auth, parameters, options),
        [],
      );
    },
    authorizationCode({ callback, redirectUri, codeVerifier, ...request }) {
      const { resource } = request.connection;
      const additionalParameters = requestParameters(request.connection, { resource });
      return ask(
        request,
        (as, client, auth, options) =>
          authorizationCodeGrantRequest(as, client, auth, callback, redirectUri, codeVerifier, {
            ...options,
            additionalParameters,
          }),
        [callback.get('code') ?? '', codeVerifier],
      );
    },
    deviceCode({ deviceCode, ...request }) {
      const { resource } = request.connection;
      const additionalParameters = requestParameters(request.connection, { resource });
      return ask(
        request,
        (as, client, auth, options) =>
          deviceCodeGrantRequest(as, client, auth, deviceCode, { ...options, additionalParameters }),
        [deviceCode],
      );
    },
  };
}
