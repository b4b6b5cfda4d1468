import { createPublicKey, type JsonWebKey } from 'node:crypto';
import type { PublicJwk } from './keys.ts';
import {
  anyText,
  anything,
  type Input,
  isObject,
  list,
  members,
  needed,
  object,
  oneOf,
  optional,
  shape,
  text,
  uniqueList,
  yesOrNo,
} from './shape.ts';
import { randomText } from './shelf.ts';

/* Who is registered: clients, with their credentials and redirect URIs, and users. */

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

export const responseTypes = ['code', 'id_token', 'code id_token'] as const;
export type MockResponseType = (typeof responseTypes)[number];

/** The grants of the token endpoint. */
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

/**
 * Whether a browser may be sent to this address: it has no fragment (RFC 6749 section 3.1.2) and is not a script or
 * local scheme.
 */
export function isRedirectUri(uri: string): boolean {
  // A Location header holds ASCII without blanks only.
  if (!URL.canParse(uri) || !/^[\x21\x22\x24-\x7e]+$/.test(uri)) return false;
  return !/^(javascript|data|vbscript|blob|file|about):/i.test(uri);
}

/**
 * An exact match, except for the port of a loopback address, which a client learns only when it listens (RFC 8252
 * section 7.3).
 */
export function isRegistered(uri: string, registered: readonly string[]): boolean {
  const wanted = withoutLoopbackPort(uri);
  return isRedirectUri(uri) && registered.some(each => withoutLoopbackPort(each) === wanted);
}

function withoutLoopbackPort(uri: string): string {
  return uri.replace(/^(http:\/\/(?:127\.0\.0\.1|\[::1\])):\d{1,5}(?=[/?]|$)/, '$1');
}

export function isOrigin(value: string): boolean {
  return URL.canParse(value) && new URL(value).origin === value;
}

const jwk = shape<PublicJwk>(
  'a public key as JWK, without d',
  { type: 'object', not: { required: ['d'] } },
  value => isObject(value) && !('d' in value),
);
const jwks = object({ keys: needed(list(jwk), 'Public keys.') }, 'an object with keys');
export const notEmpty = text('a string that is not empty', value => value !== '');
export const redirectUri = text('an absolute URI with no fragment', isRedirectUri);
const webAddress = text('an http or https URL', value =>
  /^https?:$/.test(URL.canParse(value) ? new URL(value).protocol : ''),
);

/** A client, with the member names of RFC 7591 and the RFCs that extend it. */
export const clientFields = {
  client_id: needed(notEmpty, 'The client identifier.'),
  client_secret: optional(notEmpty, 'Random if the method needs a secret and none is given.'),
  token_endpoint_auth_method: optional(
    oneOf(authMethods),
    'The client must authenticate with this method.',
    '`client_secret_basic` with a secret, otherwise `none`',
  ),
  grant_types: optional(
    list(oneOf(grantTypes)),
    'Grant types that the client may use.',
    'all; `client_credentials` only if the client can authenticate',
  ),
  jwks: optional(
    jwks,
    'Public keys for `private_key_jwt`; each with `x5c` or `x5t#S256` for `self_signed_tls_client_auth`.',
  ),
  tls_client_auth_subject_dn: optional(notEmpty, 'Subject of the certificate as in RFC 4514 (RFC 8705 section 2.1.2).'),
  tls_client_certificate_bound_access_tokens: optional(
    yesOrNo,
    'Binds tokens to the certificate of a client that authenticates by another method or not at all (RFC 8705 section 3.4).',
  ),
  redirect_uris: optional(
    list(redirectUri),
    'Compared exactly, except for the port of http://127.0.0.1 and http://[::1].',
    '`/` and `/callback` on these hosts',
  ),
  post_logout_redirect_uris: optional(list(redirectUri), 'URLs that sign-out may redirect to.', 'as `redirect_uris`'),
  require_pushed_authorization_requests: optional(yesOrNo, 'RFC 9126 section 6.'),
  dpop_bound_access_tokens: optional(yesOrNo, 'Token requests need a DPoP proof (RFC 9449 section 5.2).'),
  response_types: optional(list(oneOf(responseTypes)), 'Response types that the client may request.', '`["code"]`'),
  subject: optional(anyText, 'Subject of the tokens of this client.', '`subject` of the issuer'),
  backchannel_logout_uri: optional(
    webAddress,
    'Receives a logout token when a session ends (OpenID Connect Back-Channel Logout).',
  ),
  frontchannel_logout_uri: optional(
    webAddress,
    'Loaded in a frame of the page that ends a session (OpenID Connect Front-Channel Logout).',
  ),
  claims: optional(members(anything), 'Claims added to all of its access and ID tokens.'),
};

export type MockClientOptions = Input<typeof clientFields>;

type SettledMember =
  | 'token_endpoint_auth_method'
  | 'grant_types'
  | 'response_types'
  | 'redirect_uris'
  | 'post_logout_redirect_uris';

/** A client with its defaults filled in. */
export type MockClient = MockClientOptions & {
  readonly [K in SettledMember]-?: NonNullable<MockClientOptions[K]>;
} & {
  /**
   * Created for a request of an unregistered client_id. It may authenticate with any secret or none, and use any
   * redirect URI.
   */
  readonly anyone?: true;
};

/** As the mock stores it; redirect URIs can be added later. */
export type SettledClient = MockClient & {
  readonly redirect_uris: string[];
  readonly post_logout_redirect_uris: string[];
};

const loopback = ['http://127.0.0.1/callback', 'http://[::1]/callback', 'http://127.0.0.1/', 'http://[::1]/'];

export function defaultClients(): MockClientOptions[] {
  return [{ client_id: 'demo' }, { client_id: 'demo-confidential', client_secret: randomText(32) }];
}

export function settleClient(client: MockClientOptions): SettledClient {
  const method = client.token_endpoint_auth_method ?? (client.client_secret ? 'client_secret_basic' : 'none');
  const redirectUris = [...(client.redirect_uris ?? loopback)];
  const { client_secret = randomText(32), ...rest } = client;
  return {
    ...(Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as typeof rest),
    ...(method.startsWith('client_secret') && { client_secret }),
    token_endpoint_auth_method: method,
    response_types: client.response_types ?? ['code'],
    grant_types: client.grant_types ?? grantTypes.filter(type => type !== 'client_credentials' || method !== 'none'),
    redirect_uris: redirectUris,
    post_logout_redirect_uris: [...(client.post_logout_redirect_uris ?? redirectUris)],
  };
}

/** The registered clients. More can be added while the issuer runs. */
export interface ClientRegistry {
  readonly all: readonly SettledClient[];
  get(clientId: string): SettledClient | undefined;
  add(client: SettledClient): void;
  remove(clientId: string): void;
}

export function createClients(clients: SettledClient[], anyClient: boolean): ClientRegistry {
  const byId = new Map(clients.map(client => [client.client_id, client]));
  return {
    all: clients,
    get(clientId) {
      const known = byId.get(clientId);
      if (known !== undefined || !anyClient) return known;
      const made: SettledClient = {
        ...settleClient({ client_id: clientId, grant_types: grantTypes, response_types: responseTypes }),
        anyone: true,
      };
      // Each client_id keeps its object, because codes and tokens are compared with the client that received them.
      if (byId.size < 10_000) byId.set(clientId, made);
      return made;
    },
    add(client) {
      clients.push(client);
      byId.set(client.client_id, client);
    },
    remove(clientId) {
      byId.delete(clientId);
      const index = clients.findIndex(client => client.client_id === clientId);
      if (index >= 0) clients.splice(index, 1);
    },
  };
}

/** What the client lacks for its authentication method, as pairs of member and expectation. */
export function credentialProblems(client: MockClient): readonly (readonly [name: string, expected: string])[] {
  const { token_endpoint_auth_method: method, jwks, tls_client_auth_subject_dn: subject } = client;
  const keys = jwks?.keys ?? [];
  if (method === 'private_key_jwt') {
    const unfit = keys.flatMap((key, index) => (isPublicKey(key) ? [] : [`jwks.keys[${index}]`]));
    if (keys.length > 0) return unfit.map(name => [name, 'a public key as JWK, without d'] as const);
    return [['jwks', 'public keys, which private_key_jwt requires']];
  }
  if (method === 'self_signed_tls_client_auth') {
    const fit = keys.length > 0 && keys.every(key => key.x5c?.[0] ?? key['x5t#S256']);
    return fit ? [] : [['jwks', 'keys with x5c or x5t#S256']];
  }
  if (method === 'tls_client_auth' && subject === undefined)
    return [['tls_client_auth_subject_dn', 'the subject of the certificate']];
  return [];
}

function isPublicKey(key: PublicJwk): boolean {
  try {
    createPublicKey({ key: { ...key } as JsonWebKey, format: 'jwk' });
    return true;
  } catch {
    return false;
  }
}

export const byCertificate = (method: ClientAuthMethod) => method.endsWith('tls_client_auth');

export function usesTls(client: SettledClient): boolean {
  return client.tls_client_certificate_bound_access_tokens === true || byCertificate(client.token_endpoint_auth_method);
}

export const userFields = {
  sub: needed(notEmpty, 'The subject.'),
  claims: optional(members(anything), 'Claims for ID tokens and UserInfo: `{ "email": "ada@example.com" }`.'),
  groups: optional(list(anyText), 'The claim `groups`; with the scope `groups` it is in access tokens too.'),
  acr: optional(anyText, 'The claim `acr`: how this user authenticates (OpenID Connect Core section 2).'),
  amr: optional(list(anyText), 'The claim `amr` (RFC 8176).'),
};

export type MockUser = Input<typeof userFields>;
export const usersShape = uniqueList(object(userFields, 'a user, an object with sub'), 'sub', 'an array of users');

/** OpenID Connect Core section 5.4, plus `groups` in the form many issuers use. */
export const standardScopeClaims: Readonly<Record<string, readonly string[]>> = {
  profile: [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
  groups: ['groups'],
};
