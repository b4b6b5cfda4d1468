import { classify, type DataOf, WorkbenchError, withData } from '../errors.ts';
import { boundedFetch, isLoopback, requireSecureUrl } from '../http/http.ts';
import type { Clock, Fetch } from '../ports.ts';
import { type Connection, isMutualTls } from '../records/connection.ts';
import { printable, sanitized } from '../redact.ts';
import { isObject, type JsonObject, withoutGuard } from '../tokens/json.ts';
import { hasPlaceholder, isSameIssuer } from '../tokens/tokenUse.ts';
import { createFlights } from '../waiting.ts';
import { publicError, publicWords, saysError } from './answers.ts';
import { isFirewall } from './refusalWords.ts';

export interface Discovery {
  /**
   * The metadata of `issuer`, at most ten minutes old. Concurrent callers share one request.
   * @throws WorkbenchError `metadata_not_found`, `metadata_invalid`, `issuer_mismatch`, `redirect_refused`,
   * `http_error`, `url_invalid`, `url_insecure` and what boundedFetch throws, always with `sent: false`: no token is
   * part of these requests
   */
  metadata(issuer: string, signal?: AbortSignal): Promise<IssuerMetadata>;
}

/** Milliseconds for which metadata is cached. Failures are not cached. */
const lifetime = 10 * 60 * 1000;

export function createDiscovery({ fetch, clock }: { fetch: Fetch; clock: Clock }): Discovery {
  const cache = new Map<string, { readonly metadata: IssuerMetadata; readonly until: number }>();
  const flights = createFlights<IssuerMetadata>();

  async function fetchMetadata(issuer: string, signal: AbortSignal): Promise<IssuerMetadata> {
    const metadata = await discover(boundedFetch(fetch, { clock, signal, redirects: 'same_origin' }), issuer, clock);
    const now = clock.now();
    for (const [key, { until }] of cache) if (until <= now) cache.delete(key);
    cache.set(issuer, { metadata, until: now + lifetime });
    return metadata;
  }

  return {
    async metadata(issuer, signal) {
      if (signal?.aborted) throw new WorkbenchError('cancelled', { sent: false });
      const known = cache.get(issuer);
      if (known !== undefined && clock.now() < known.until) return known.metadata;
      return flights.join(issuer, signal, ({ signal }) => fetchMetadata(issuer, signal));
    },
  };
}

/**
 * The URLs at which an issuer's metadata can be: OpenID Connect Discovery §4 appends to the issuer, RFC 8414 §3.1
 * inserts before its path, and some servers append the RFC 8414 name as well.
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
      // A site that answers every path with its start page or login page may still have metadata at another place.
      if (failure.code === 'metadata_not_found') missing = missing?.data.firstLine === undefined ? failure : missing;
      else if (keepsLooking.has(failure.code)) wrong ??= failure;
      else throw unsent(failure);
    }
  }
  throw unsent(wrong ?? missing ?? new WorkbenchError('metadata_not_found', { issuer }));
}

const keepsLooking: ReadonlySet<string> = new Set(['metadata_invalid', 'issuer_mismatch', 'redirect_refused']);

/** Sets `sent: false`: the metadata request may have arrived, but it contained no token. */
function unsent(error: WorkbenchError): WorkbenchError {
  return withData(error, { sent: false });
}

// --- The endpoints of a connection ---

/** The metadata, with the settings on top. Without an issuer, only the settings. */
export type Endpoints = Omit<IssuerMetadata, 'issuer'> & { readonly issuer?: string };

/** The settings that override an endpoint of the metadata. */
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

/** The setting that overrides an endpoint, if there is one. */
export function settingOf(name: EndpointName): (typeof overrides)[keyof typeof overrides] | undefined {
  return name in overrides ? overrides[name as keyof typeof overrides] : undefined;
}

/**
 * The endpoints of a connection: those of the settings, then those of the issuer's metadata. For a client with a
 * certificate, the issuer's mTLS aliases (RFC 8705 §5) replace the others. If the settings name everything that is
 * `needed`, no metadata is fetched. An invalid endpoint in the metadata fails only the requests that need it.
 * @throws WorkbenchError `endpoint_missing` with `endpoint` and `setting`, `metadata_invalid` and `url_insecure` of the
 * endpoint, and what Discovery throws
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
  'revocation_endpoint_auth_methods_supported',
  'introspection_endpoint_auth_methods_supported',
  'userinfo_signing_alg_values_supported',
] as const;

const flagNames = ['authorization_response_iss_parameter_supported', 'require_pushed_authorization_requests'] as const;

type InvalidMetadata = DataOf<'metadata_invalid'>;
type Invalid = (reason: InvalidMetadata['reason'], more?: Partial<InvalidMetadata>) => WorkbenchError;

/**
 * The members of an issuer's metadata that are used (RFC 8414 §2, OpenID Connect Discovery §3), with types and URLs
 * checked.
 */
export type IssuerMetadata = { readonly issuer: string } & {
  readonly [Name in EndpointName]?: string;
} & {
  readonly [Name in (typeof listNames)[number]]?: readonly string[];
} & {
  readonly [Name in (typeof flagNames)[number]]?: boolean;
} & {
  /** The key set itself, which some issuers publish here instead of at a `jwks_uri`. */
  readonly jwks?: JsonObject;
  /** RFC 8705 §5. */
  readonly mtls_endpoint_aliases?: { readonly [Name in EndpointName]?: string };
  /** Why an endpoint in the metadata is left out: its URL is invalid or insecure. */
  readonly flaws?: { readonly [Name in EndpointName]?: WorkbenchError };
};

/**
 * Reads the metadata in an answer and checks that it is this issuer's.
 * @throws WorkbenchError `metadata_not_found`, `metadata_invalid`, `issuer_mismatch`, `http_error`
 */
export async function readMetadata(response: Response, issuer: string, clock: Clock): Promise<IssuerMetadata> {
  const { status } = response;
  const text = await response.text();
  if (status === 429 || status >= 500)
    throw publicError(response, text, { host: new URL(issuer).host, now: clock.now() });
  // Gateways answer 400, 401 or 403 for unknown paths.
  if (status >= 400)
    throw new WorkbenchError('metadata_not_found', {
      issuer: printable(issuer, 200),
      status,
      ...publicWords(text),
      ...(isFirewall(response, text) && { blocked: true }),
    });
  const invalid: Invalid = (reason, more) =>
    new WorkbenchError('metadata_invalid', { issuer: printable(issuer, 200), reason, ...more });
  if (status !== 200) throw invalid('status', { status });
  let value: unknown;
  try {
    value = JSON.parse(withoutGuard(text));
  } catch {
    throw invalid(/^\s*</.test(text) ? 'html' : 'not_json');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('not_an_object');
  const metadata = value as Readonly<Record<string, unknown>>;
  if (typeof metadata.issuer !== 'string')
    throw invalid('issuer_missing', saysError(text) ? publicWords(text) : undefined);
  // RFC 8414 §3.3: must be identical, character for character. Otherwise one issuer could speak for another.
  if (!isSameIssuer(metadata.issuer, issuer)) {
    throw new WorkbenchError('issuer_mismatch', {
      expected: printable(issuer, 200),
      found: printable(metadata.issuer, 200),
      ...(metadata.issuer.replace(/\/$/, '') === issuer.replace(/\/$/, '') && { difference: 'slash' }),
      ...(hasPlaceholder(metadata.issuer) && { difference: 'placeholder' }),
      ...(`https://${metadata.issuer}` === issuer && { difference: 'scheme' }),
    });
  }
  return picked(metadata, issuer);
}

function picked(metadata: JsonObject, issuer: string): IssuerMetadata {
  const { endpoints, flaws } = endpointsIn(metadata, issuer);
  const entries: [string, unknown][] = [['issuer', issuer], ...endpoints];
  const { mtls_endpoint_aliases: aliases } = metadata;
  if (isObject(aliases))
    entries.push(['mtls_endpoint_aliases', Object.fromEntries(endpointsIn(aliases, issuer).endpoints)]);
  if (flaws.length > 0) entries.push(['flaws', Object.fromEntries(flaws)]);
  for (const name of listNames) {
    const value = metadata[name];
    if (Array.isArray(value)) entries.push([name, value.filter(item => typeof item === 'string')]);
  }
  const { jwks } = metadata;
  if (isObject(jwks)) entries.push(['jwks', jwks]);
  for (const name of flagNames) {
    if (typeof metadata[name] === 'boolean') entries.push([name, metadata[name]]);
  }
  return Object.fromEntries(entries) as unknown as IssuerMetadata;
}

/** Checks each endpoint separately: an invalid one fails only the requests that need it. */
function endpointsIn(metadata: JsonObject, issuer: string) {
  const endpoints: [EndpointName, string][] = [];
  const flaws: [EndpointName, WorkbenchError][] = [];
  for (const name of endpointNames) {
    const value = metadata[name];
    if (value === undefined || value === null) continue;
    const flaw = flawOf(name, value, issuer);
    if (flaw === undefined) endpoints.push([name, String(value)]);
    else flaws.push([name, flaw]);
  }
  return { endpoints, flaws };
}

function flawOf(name: EndpointName, value: unknown, issuer: string): WorkbenchError | undefined {
  const invalid = new WorkbenchError('metadata_invalid', {
    issuer: printable(issuer, 200),
    reason: 'endpoint',
    endpoint: name,
  });
  if (typeof value !== 'string' || value === '') return invalid;
  try {
    const url = requireSecureUrl(value, name);
    // Otherwise a remote issuer could have tokens sent to any program that listens on this machine.
    return url.protocol === 'http:' && !isLoopback(new URL(issuer))
      ? new WorkbenchError('url_insecure', { field: name, found: sanitized(url.origin, 200) })
      : undefined;
  } catch (error) {
    return classify(error);
  }
}
