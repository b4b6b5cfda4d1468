import type { JWK } from 'jose';
import { oneOf, strings } from './checks.ts';
import { randomText } from './random.ts';
import { isRedirectUri } from './redirectUris.ts';

export const authMethods = [
  'none',
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
] as const;
export type ClientAuthMethod = (typeof authMethods)[number];

export const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code';
export const tokenExchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const grantTypes = [
  'authorization_code',
  'refresh_token',
  'client_credentials',
  deviceCodeGrant,
  tokenExchangeGrant,
] as const;
export type GrantType = (typeof grantTypes)[number];

/** A client in the words of RFC 7591, and of the RFCs that add to them. */
export interface MockClient {
  readonly client_id: string;
  readonly client_secret?: string;
  /** By default `client_secret_basic` where there is a secret, else `none`. Only this one is accepted. */
  readonly token_endpoint_auth_method: ClientAuthMethod;
  /** By default all of them, `client_credentials` only where the client can authenticate. */
  readonly grant_types: readonly GrantType[];
  /** Public keys, for `private_key_jwt`; each with `x5c` or `x5t#S256` for `self_signed_tls_client_auth`. */
  readonly jwks?: { readonly keys: readonly JWK[] };
  /** RFC 8705 section 2.1.2: the subject of the certificate, as in RFC 4514. */
  readonly tls_client_auth_subject_dn?: string;
  /** RFC 8705 section 3.4, for clients that prove themselves otherwise or not at all. */
  readonly tls_client_certificate_bound_access_tokens?: boolean;
  /** Exact, but for the port of http://127.0.0.1 and http://[::1]; by default `/` and `/callback` there. */
  readonly redirect_uris: readonly string[];
  /** By default as `redirect_uris`. */
  readonly post_logout_redirect_uris: readonly string[];
  /** RFC 9126 section 6. */
  readonly require_pushed_authorization_requests?: boolean;
  /** RFC 9449 section 5.2: no token without a DPoP proof. */
  readonly dpop_bound_access_tokens?: boolean;
  /** Whose tokens this client holds; the mock's `subject` by default. */
  readonly subject?: string;
}

export type MockClientOptions = Pick<MockClient, 'client_id'> & Partial<MockClient>;

/** As the mock holds it: a redirect URI may be added later. */
export interface SettledClient extends MockClient {
  readonly redirect_uris: string[];
  readonly post_logout_redirect_uris: string[];
}

const loopback = ['http://127.0.0.1/callback', 'http://[::1]/callback', 'http://127.0.0.1/', 'http://[::1]/'];

export function defaultClients(): MockClientOptions[] {
  return [{ client_id: 'demo' }, { client_id: 'demo-confidential', client_secret: randomText(32) }];
}

export function settleClient(client: MockClientOptions): SettledClient {
  if (typeof client.client_id !== 'string' || client.client_id === '') {
    throw new TypeError('clients: each needs a client_id');
  }
  const method = oneOf(
    'token_endpoint_auth_method',
    authMethods,
    client.token_endpoint_auth_method ?? (client.client_secret ? 'client_secret_basic' : 'none'),
  );
  const { jwks } = client;
  if (method === 'private_key_jwt' && !(Array.isArray(jwks?.keys) && jwks.keys.length > 0))
    throw new TypeError('jwks: private_key_jwt needs public keys');
  if (
    method === 'self_signed_tls_client_auth' &&
    !(Array.isArray(jwks?.keys) && jwks.keys.length > 0 && jwks.keys.every(key => key?.x5c?.[0] ?? key?.['x5t#S256']))
  )
    throw new TypeError('jwks: keys with x5c or x5t#S256 are needed');
  const { tls_client_auth_subject_dn: subjectDn } = client;
  if (method === 'tls_client_auth' && !(typeof subjectDn === 'string' && subjectDn !== ''))
    throw new TypeError('tls_client_auth_subject_dn: the subject of the certificate is needed');
  const secret = method.startsWith('client_secret') ? { client_secret: client.client_secret ?? randomText(32) } : {};
  for (const grantType of client.grant_types ?? []) oneOf('grant_types', grantTypes, grantType);
  const redirectUris = uris('redirect_uris', client.redirect_uris ?? loopback);
  const flags = [
    'require_pushed_authorization_requests',
    'dpop_bound_access_tokens',
    'tls_client_certificate_bound_access_tokens',
  ] as const;
  return {
    client_id: client.client_id,
    ...secret,
    token_endpoint_auth_method: method,
    grant_types: client.grant_types ?? grantTypes.filter(type => type !== 'client_credentials' || method !== 'none'),
    ...(jwks === undefined ? {} : { jwks }),
    ...(subjectDn === undefined ? {} : { tls_client_auth_subject_dn: subjectDn }),
    redirect_uris: redirectUris,
    post_logout_redirect_uris: uris('post_logout_redirect_uris', client.post_logout_redirect_uris ?? redirectUris),
    ...Object.fromEntries(flags.filter(flag => client[flag] === true).map(flag => [flag, true])),
    ...(client.subject === undefined ? {} : { subject: client.subject }),
  };
}

function uris(name: string, values: readonly string[]): string[] {
  for (const value of strings(name, values)) {
    if (!isRedirectUri(value)) throw new TypeError(`${name}: absolute URIs with no fragment are needed`);
  }
  return [...values];
}
