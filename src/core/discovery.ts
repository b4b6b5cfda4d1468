import { type Connection, isMutualTls } from './connection.ts';
import { classify, type ErrorData, WorkbenchError } from './errors.ts';
import { sanitized } from './foreignText.ts';
import { boundedFetch, isLoopback, requireSecureUrl } from './http.ts';
import { isObject } from './json.ts';
import type { Clock, Fetch } from './ports.ts';
import { printable } from './redact.ts';
import { retryAfter } from './responseMeta.ts';

const endpointNames = [
  'token_endpoint',
  'authorization_endpoint',
  'device_authorization_endpoint',
  'jwks_uri',
  'revocation_endpoint',
  'introspection_endpoint',
  'userinfo_endpoint',
  'end_session_endpoint',
  'pushed_authorization_request_endpoint',
] as const;
export type EndpointName = (typeof endpointNames)[number];

const listNames = [
  'scopes_supported',
  'grant_types_supported',
  'token_endpoint_auth_methods_supported',
  'code_challenge_methods_supported',
  'id_token_signing_alg_values_supported',
  'dpop_signing_alg_values_supported',
  'token_endpoint_auth_signing_alg_values_supported',
  'introspection_signing_alg_values_supported',
  'userinfo_signing_alg_values_supported',
] as const;

const flagNames = [
  'authorization_response_iss_parameter_supported',
  'require_pushed_authorization_requests',
] as const;

/** What is used of an issuer's metadata (RFC 8414 §2, OpenID Connect Discovery §3), its types and URLs checked. */
export type IssuerMetadata = { readonly issuer: string } & {
  readonly [Name in EndpointName]?: string;
} & {
  readonly [Name in (typeof listNames)[number]]?: readonly string[];
} & {
  readonly [Name in (typeof flagNames)[number]]?: boolean;
} & {
  /** RFC 8705 §5. */
  readonly mtls_endpoint_aliases?: { readonly [Name in EndpointName]?: string };
};

/** Metadata with the settings on top. Without an issuer it holds the settings alone. */
export type Endpoints = Omit<IssuerMetadata, 'issuer'> & { readonly issuer?: string };

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
    const result = discover(boundedFetch(fetch, { clock, signal: abort.signal }), issuer, clock)
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
async function wait(
  flight: Flight,
  signal: AbortSignal | undefined,
  abandon: () => void,
): Promise<IssuerMetadata> {
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
      return await read(await fetch(place, { headers: { accept: 'application/json' } }), issuer, clock);
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

const keepsLooking: ReadonlySet<string> = new Set([
  'metadata_invalid',
  'issuer_mismatch',
  'redirect_refused',
]);

/** The metadata request may have arrived, but the token that these errors are asked about was not in it. */
function unsent({ code, data }: WorkbenchError): WorkbenchError {
  return new WorkbenchError(code, { ...data, sent: false });
}

async function read(response: Response, issuer: string, clock: Clock): Promise<IssuerMetadata> {
  const { status, headers } = response;
  if (status === 429 || status >= 500) {
    const wait = retryAfter(headers, clock.now());
    throw new WorkbenchError('http_error', {
      host: new URL(issuer).host,
      status,
      ...(wait !== undefined && { retryAfter: wait }),
    });
  }
  // Gateways answer 400, 401 or 403 for a path that they do not know.
  if (status >= 400)
    throw new WorkbenchError('metadata_not_found', { issuer: printable(issuer, 200), status });
  const invalid = (reason: string, more: ErrorData = {}) =>
    new WorkbenchError('metadata_invalid', { issuer: printable(issuer, 200), reason, ...more });
  if (status !== 200) throw invalid('status', { status });
  const text = await response.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(/^\s*</.test(text) ? 'html' : 'not_json');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('not_an_object');
  const metadata = value as Readonly<Record<string, unknown>>;
  if (typeof metadata.issuer !== 'string') throw invalid('issuer_missing');
  // RFC 8414 §3.3: identical, character for character. Anything looser lets one issuer speak for another.
  if (metadata.issuer !== issuer) {
    throw new WorkbenchError('issuer_mismatch', {
      expected: printable(issuer, 200),
      found: printable(metadata.issuer, 200),
      trailingSlash: metadata.issuer.replace(/\/$/, '') === issuer.replace(/\/$/, ''),
    });
  }
  return picked(metadata, issuer, invalid);
}

function picked(
  metadata: Readonly<Record<string, unknown>>,
  issuer: string,
  invalid: (reason: string, more: ErrorData) => WorkbenchError,
): IssuerMetadata {
  const entries: [string, unknown][] = [['issuer', issuer], ...endpointsIn(metadata, issuer, invalid)];
  const { mtls_endpoint_aliases: aliases } = metadata;
  if (isObject(aliases))
    entries.push(['mtls_endpoint_aliases', Object.fromEntries(endpointsIn(aliases, issuer, invalid))]);
  for (const name of listNames) {
    const value = metadata[name];
    if (Array.isArray(value)) entries.push([name, value.filter(item => typeof item === 'string')]);
  }
  for (const name of flagNames) {
    if (typeof metadata[name] === 'boolean') entries.push([name, metadata[name]]);
  }
  return Object.fromEntries(entries) as unknown as IssuerMetadata;
}

function endpointsIn(
  metadata: Readonly<Record<string, unknown>>,
  issuer: string,
  invalid: (reason: string, more: ErrorData) => WorkbenchError,
): [string, string][] {
  const endpoints: [string, string][] = [];
  for (const name of endpointNames) {
    const value = metadata[name];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'string') throw invalid('endpoint', { endpoint: name });
    const url = requireSecureUrl(value, name);
    // Else a remote issuer could have tokens sent to whatever listens on this machine.
    if (url.protocol === 'http:' && !isLoopback(new URL(issuer))) {
      throw new WorkbenchError('url_insecure', { field: name, found: sanitized(url.origin, 200) });
    }
    endpoints.push([name, value]);
  }
  return endpoints;
}

/** The settings that take an endpoint's place. */
const overrides = {
  token_endpoint: 'tokenEndpoint',
  authorization_endpoint: 'authorizationEndpoint',
  device_authorization_endpoint: 'deviceAuthorizationEndpoint',
  jwks_uri: 'jwksUri',
  revocation_endpoint: 'revocationEndpoint',
  introspection_endpoint: 'introspectionEndpoint',
} as const satisfies { [Name in EndpointName]?: keyof Connection };

/** The setting that takes an endpoint's place, where there is one. */
export function settingOf(name: EndpointName): string | undefined {
  return name in overrides ? overrides[name as keyof typeof overrides] : undefined;
}

/**
 * The endpoints of a connection: what the settings name wins, the rest is asked of the issuer. Those that it has for
 * clients with a certificate (RFC 8705 §5) take the place of the others for such a client. Where the settings
 * name all that is `needed`, nothing is asked.
 * @throws WorkbenchError `endpoint_missing` with `endpoint` and `setting`, and what Discovery throws
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
    metadata && !changed
      ? metadata
      : { ...(issuer !== undefined && { issuer }), ...metadata, ...aliases, ...own };
  for (const name of needed) {
    if (endpoints[name] !== undefined) continue;
    const setting = settingOf(name);
    throw new WorkbenchError('endpoint_missing', {
      endpoint: name,
      ...(setting && { setting }),
      sent: false,
    });
  }
  return endpoints as Endpoints & { readonly [Each in Name]: string };
}
