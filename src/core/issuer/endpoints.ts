import { WorkbenchError } from '../errors.ts';
import { requireSecureUrl } from '../http/http.ts';
import { type Connection, isMutualTls } from '../records/connection.ts';
import type { Discovery } from './discovery.ts';
import type { EndpointName, IssuerMetadata } from './issuerMetadata.ts';

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
    metadata && !changed ? metadata : { ...(issuer !== undefined && { issuer }), ...metadata, ...aliases, ...own };
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
