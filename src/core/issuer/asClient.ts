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
import { boundedFetch, type FetchLimits, requireSecureUrl } from '../http/http.ts';
import type { Clock, Fetch, MutualTls } from '../ports.ts';
import type { Connection } from '../records/connection.ts';
import type { Credentials } from '../records/credentials.ts';
import { isObject, own, readJson } from '../tokens/json.ts';
import { clientAuthentication } from './clientAuthentication.ts';
import type { Proofs } from './dpop.ts';
import { type Endpoints, settingOf } from './endpoints.ts';
import type { EndpointName } from './issuerMetadata.ts';

export interface ClientParts {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly proofs: Proofs;
  readonly mutualTls?: MutualTls | undefined;
  /** Milliseconds by which this machine's clock is known to be ahead of the issuer's. */
  readonly aheadOf?: ((connection: Connection) => number) | undefined;
}

/** A request function of oauth4webapi, with what they all take. */
export type Send = (
  as: AuthorizationServer,
  client: Client,
  auth: ClientAuth,
  options: HttpRequestOptions<'POST', URLSearchParams> & DPoPRequestOptions,
) => Promise<Response>;

/** One connection's client, which says who it is to whatever it asks. */
export interface AsClient {
  /**
   * @returns the answer, whatever it says, with its body in memory
   * @throws WorkbenchError `url_invalid`, `url_insecure`, `credential_invalid`, and what boundedFetch throws
   */
  ask<Name extends EndpointName>(
    name: Name,
    endpoints: Endpoints & { readonly [Each in Name]: string },
    limits: Pick<FetchLimits, 'signal' | 'timeout' | 'guard'>,
    send: Send,
  ): Promise<{ readonly response: Response; readonly host: string }>;
}

/** What the time is for the issuer, in seconds since the epoch. */
export function issuersTime(
  { clock, aheadOf }: Pick<ClientParts, 'clock' | 'aheadOf'>,
  connection: Connection,
): () => number {
  return () => Math.floor((clock.now() - (aheadOf?.(connection) ?? 0)) / 1000);
}

/** @throws WorkbenchError `dpop_key_lost`, and what clientAuthentication throws */
export async function asClient(
  parts: ClientParts,
  connection: Connection,
  credentials: Credentials,
): Promise<AsClient> {
  const { fetch, clock, proofs, mutualTls } = parts;
  const { auth, fetch: own = fetch } = await clientAuthentication(connection, credentials, mutualTls);
  const now = issuersTime(parts, connection);
  const { dpop_key } = credentials;
  const dpop = dpop_key === undefined ? undefined : await proofs.handle(dpop_key, now);
  return {
    async ask(name, endpoints, limits, send) {
      const url = requireSecureUrl(endpoints[name], settingOf(name) ?? name);
      const { issuer, token_endpoint, token_endpoint_auth_signing_alg_values_supported: algs } = endpoints;
      const as: AuthorizationServer = {
        // The audience of an assertion, and nothing else. Without an issuer by name the token endpoint is one as well.
        issuer:
          connection.clientAssertionAudience === 'endpoint' ? endpoints[name] : (issuer ?? token_endpoint ?? url.href),
        [name]: url.href,
        ...(algs && { token_endpoint_auth_signing_alg_values_supported: [...algs] }),
      };
      const client = {
        client_id: connection.clientId,
        // oauth4webapi reads Date.now(): this turns it into the issuer's time.
        [clockSkew]: now() - Math.floor(Date.now() / 1000),
      };
      const bounded = boundedFetch(own, { ...limits, clock });
      const attempt = () =>
        send(as, client, auth, {
          // Only ever true for this machine's own address; see requireSecureUrl.
          [allowInsecureRequests]: url.protocol === 'http:',
          [customFetch]: (input, init) => bounded(input, init as RequestInit),
          ...(dpop && { DPoP: dpop }),
        });
      const response = await attempt();
      // RFC 9449 §8: the answer brings the nonce, and nothing was done. Once: a second one would go on for ever.
      const again = dpop !== undefined && (await wantsNonce(response));
      return { response: again ? await attempt() : response, host: url.host };
    },
  };
}

async function wantsNonce(response: Response): Promise<boolean> {
  const { ok, headers } = response;
  if (ok || !headers.has('dpop-nonce')) return false;
  // §9: a resource says it there, and maybe nowhere else.
  if (/\berror="use_dpop_nonce"/.test(headers.get('www-authenticate') ?? '')) return true;
  const reading = readJson(await response.clone().text());
  return reading.ok && isObject(reading.value) && own(reading.value, 'error') === 'use_dpop_nonce';
}
