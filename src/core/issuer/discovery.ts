import { classify, WorkbenchError, withData } from '../errors.ts';
import { boundedFetch, requireSecureUrl } from '../http/http.ts';
import type { Clock, Fetch } from '../ports.ts';
import { type Connection, isMutualTls } from '../records/connection.ts';
import { type EndpointName, type IssuerMetadata, readMetadata } from './issuerMetadata.ts';

export interface Discovery {
  /**
   * What `issuer` says about itself, at most ten minutes old. Callers at the same time share one request.
   * @throws WorkbenchError `metadata_not_found`, `metadata_invalid`, `issuer_mismatch`, `redirect_refused`,
   * `http_error`, `url_invalid`, `url_insecure` and what boundedFetch throws, always with `sent: false`: no token
   * is part of these requests
   */
  metadata(issuer: string, signal?: AbortSignal): Promise<IssuerMetadata>;
}

/** Milliseconds for which an answer is used again. Failures are never kept. */
const lifetime = 10 * 60 * 1000;

export function createDiscovery({ fetch, clock }: { fetch: Fetch; clock: Clock }): Discovery {
  const cache = new Map<string, { readonly metadata: IssuerMetadata; readonly until: number }>();
  const flights = new Map<string, Flight>();

  function start(issuer: string): Flight {
    const abort = new AbortController();
    const result = discover(
      boundedFetch(fetch, { clock, signal: abort.signal, redirects: 'same_origin' }),
      issuer,
      clock,
    )
      .then(metadata => {
        const now = clock.now();
        for (const [key, { until }] of cache) if (until <= now) cache.delete(key);
        cache.set(issuer, { metadata, until: now + lifetime });
        return metadata;
      })
      .finally(() => {
        if (flights.get(issuer) === flight) flights.delete(issuer);
      });
    const flight: Flight = { abort, result, waiting: 0 };
    flights.set(issuer, flight);
    return flight;
  }

  return {
    async metadata(issuer, signal) {
      if (signal?.aborted) throw new WorkbenchError('cancelled', { sent: false });
      const known = cache.get(issuer);
      if (known !== undefined && clock.now() < known.until) return known.metadata;
      return wait(flights.get(issuer) ?? start(issuer), signal, () => flights.delete(issuer));
    },
  };
}

interface Flight {
  readonly abort: AbortController;
  readonly result: Promise<IssuerMetadata>;
  waiting: number;
}

/** One caller's abort ends that caller's wait; the request itself ends with the last one. */
async function wait(flight: Flight, signal: AbortSignal | undefined, abandon: () => void): Promise<IssuerMetadata> {
  flight.waiting++;
  let leave = () => {};
  try {
    return await Promise.race([
      flight.result,
      new Promise<never>((_, reject) => {
        leave = () => reject(new WorkbenchError('cancelled', { sent: false }));
        signal?.addEventListener('abort', leave, { once: true });
      }),
    ]);
  } finally {
    signal?.removeEventListener('abort', leave);
    flight.waiting--;
    if (flight.waiting === 0 && signal?.aborted) {
      abandon();
      flight.abort.abort();
    }
  }
}

/**
 * The places where an issuer's metadata can be: OpenID Connect Discovery §4 appends to the issuer, RFC 8414 §3.1
 * inserts before its path, and some servers append there as well.
 */
export function metadataUrls(issuer: URL): string[] {
  const path = issuer.pathname.replace(/\/$/, '');
  return [
    ...new Set([
      `${issuer.origin}${path}/.well-known/openid-configuration`,
      `${issuer.origin}/.well-known/oauth-authorization-server${path}`,
      `${issuer.origin}${path}/.well-known/oauth-authorization-server`,
    ]),
  ];
}

async function discover(fetch: Fetch, issuer: string, clock: Clock): Promise<IssuerMetadata> {
  const url = requireSecureUrl(issuer, 'issuer');
  if (issuer.includes('?'))
    throw new WorkbenchError('url_invalid', { field: 'issuer', reason: 'query', found: url.origin });
  let missing: WorkbenchError | undefined;
  let wrong: WorkbenchError | undefined;
  for (const place of metadataUrls(url)) {
    try {
      return await readMetadata(await fetch(place, { headers: { accept: 'application/json' } }), issuer, clock);
    } catch (error) {
      const failure = classify(error);
      // A site that answers every path with its start page or its login page may still have metadata elsewhere.
      if (failure.code === 'metadata_not_found') missing ??= failure;
      else if (keepsLooking.has(failure.code)) wrong ??= failure;
      else throw unsent(failure);
    }
  }
  throw unsent(wrong ?? missing ?? new WorkbenchError('metadata_not_found', { issuer }));
}

const keepsLooking: ReadonlySet<string> = new Set(['metadata_invalid', 'issuer_mismatch', 'redirect_refused']);

/** The metadata request may have arrived, but the token that these errors are asked about was not in it. */
function unsent(error: WorkbenchError): WorkbenchError {
  return withData(error, { sent: false });
}

// --- The endpoints of a connection ---

/** Metadata with the settings on top. Without an issuer it holds the settings alone. */
export type Endpoints = Omit<IssuerMetadata, 'issuer'> & { readonly issuer?: string };

/** The settings that take an endpoint's place. */
const overrides = {
  token_endpoint: 'tokenEndpoint',
  authorization_endpoint: 'authorizationEndpoint',
  device_authorization_endpoint: 'deviceAuthorizationEndpoint',
  jwks_uri: 'jwksUri',
  revocation_endpoint: 'revocationEndpoint',
  introspection_endpoint: 'introspectionEndpoint',
  userinfo_endpoint: 'userinfoEndpoint',
  end_session_endpoint: 'endSessionEndpoint',
} as const satisfies { [Name in EndpointName]?: keyof Connection };

/** The setting that takes an endpoint's place, where there is one. */
export function settingOf(name: EndpointName): (typeof overrides)[keyof typeof overrides] | undefined {
  return name in overrides ? overrides[name as keyof typeof overrides] : undefined;
}

/**
 * The endpoints of a connection: what the settings name wins, the rest is asked of the issuer. Those that it has for
 * clients with a certificate (RFC 8705 §5) take the place of the others for such a client. Where the settings
 * name all that is `needed`, nothing is asked. An endpoint that the metadata names badly spoils only what needs it.
 * @throws WorkbenchError `endpoint_missing` with `endpoint` and `setting`, `metadata_invalid` and `url_insecure` of the endpoint,
 * and what Discovery throws
 */
export async function resolveEndpoints<Name extends EndpointName = 'token_endpoint'>(
  connection: Connection,
  discovery: Discovery,
  signal?: AbortSignal,
  needed: readonly Name[] = ['token_endpoint' as Name],
): Promise<Endpoints & { readonly [Each in Name]: string }> {
  const { issuer } = connection;
  const own: Partial<Record<EndpointName, string>> = {};
  for (const [name, setting] of Object.entries(overrides)) {
    const url = connection[setting];
    if (url === undefined) continue;
    requireSecureUrl(url, setting);
    own[name as EndpointName] = url;
  }
  const complete = needed.every(name => own[name] !== undefined);
  const metadata = issuer === undefined || complete ? undefined : await discovery.metadata(issuer, signal);
  const aliases = isMutualTls(connection.tokenEndpointAuthMethod) && metadata?.mtls_endpoint_aliases;
  const changed = aliases || Object.keys(own).length > 0;
  const endpoints: Endpoints =
    metadata && !changed ? metadata : { ...(issuer !== undefined && { issuer }), ...metadata, ...aliases, ...own };
  for (const name of needed) {
    if (endpoints[name] !== undefined) continue;
    const flaw = metadata?.flaws?.[name];
    if (flaw) throw unsent(flaw);
    const setting = settingOf(name);
    throw new WorkbenchError('endpoint_missing', {
      endpoint: name,
      ...(setting && { setting }),
      sent: false,
    });
  }
  return endpoints as Endpoints & { readonly [Each in Name]: string };
}
