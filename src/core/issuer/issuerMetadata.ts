import { classify, type DataOf, WorkbenchError } from '../errors.ts';
import { isLoopback, requireSecureUrl, retryAfter } from '../http/http.ts';
import type { Clock } from '../ports.ts';
import { printable, sanitized } from '../redact.ts';
import { isObject, type JsonObject } from '../tokens/json.ts';
import { hasPlaceholder, isSameIssuer } from '../tokens/tokenUse.ts';

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
  const { status, headers } = response;
  if (status === 429 || status >= 500) {
    const wait = retryAfter(headers, clock.now());
    throw new WorkbenchError('http_error', {
      host: new URL(issuer).host,
      status,
      ...(wait !== undefined && { retryAfter: wait }),
    });
  }
  // Gateways answer 400, 401 or 403 for unknown paths.
  if (status >= 400) throw new WorkbenchError('metadata_not_found', { issuer: printable(issuer, 200), status });
  const invalid: Invalid = (reason, more) =>
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
