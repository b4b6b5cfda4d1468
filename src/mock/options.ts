import { type Patch, patchShape } from './effects.ts';
import type { Rotation, RotationPolicy } from './families.ts';
import { faultShape } from './faults.ts';
import { type MockAlg, mockAlgs, usualAlg } from './keys.ts';
import { type Persona, personaNames, personaOf } from './personas.ts';
import {
  type ClientRegistry,
  clientFields,
  createClients,
  credentialProblems,
  defaultClients,
  isOrigin,
  type MockUser,
  notEmpty,
  redirectUri,
  type SettledClient,
  settleClient,
  standardScopeClaims,
  usersShape,
  usesTls,
} from './registry.ts';
import {
  anyText,
  anything,
  either,
  httpUrl,
  type Input,
  list,
  MockOptionError,
  members,
  object,
  oneOf,
  optional,
  read,
  refuse,
  seconds,
  text,
  uniqueList,
  type ValueOf,
  yesOrNo,
} from './shape.ts';

export const rotationShape = oneOf(['none', 'omit', 'strict', 'grace']);
export const signInShape = oneOf(['page', 'auto', 'deny']);
const dpopNonce = oneOf(['off', 'required']);
export type SignIn = ValueOf<typeof signInShape>;
export type DpopNonce = ValueOf<typeof dpopNonce>;

/** Seconds. They can be changed while the issuer runs. */
export const lifetimeFields = {
  accessTokenLifetime: optional(seconds, 'Seconds.', '3600'),
  idTokenLifetime: optional(seconds, 'Seconds.', '3600'),
  refreshTokenLifetime: optional(
    seconds,
    'Seconds. Responses then have `refresh_expires_in`, as Keycloak’s do.',
    'refresh tokens do not expire',
  ),
};
export type Lifetimes = Input<typeof lifetimeFields>;

/** The options of an issuer, all of them JSON. To add one, add a row here and its default in `settle`. */
export const issuerFields = {
  issuer: optional(
    httpUrl,
    'The issuer identifier. For a server, set `port` and `path` instead.',
    '`https://issuer.example`',
  ),
  clients: optional(
    uniqueList(object(clientFields), 'client_id'),
    'Clients, with the members of RFC 7591, see below.',
    'public `demo`, and `demo-confidential` with a random secret',
  ),
  rotation: optional(rotationShape, 'How a refresh changes the refresh token, see below.', '`none`'),
  graceSeconds: optional(seconds, 'How long `grace` keeps the predecessor usable.', '60'),
  alg: optional(oneOf(mockAlgs), 'Signature algorithm.', '`RS256`'),
  scope: optional(anyText, 'Scope granted if the request names none.', '`openid profile offline_access`'),
  audience: optional(either(anyText, list(anyText)), '`aud` of access tokens.', 'the issuer with `/api`'),
  subject: optional(anyText, 'Subject of the user who signs in by default.', '`mock-user`'),
  signIn: optional(
    signInShape,
    '`page` shows a sign-in page, `auto` signs in without one, `deny` denies access. `auto` and `deny` also apply to device codes, when the client polls.',
    '`page`',
  ),
  users: optional(usersShape, 'Users that can sign in; the sign-in page lists them.', 'any user name'),
  scopeClaims: optional(
    members(list(anyText)),
    'Claims that a scope adds, in addition to those of OpenID Connect Core section 5.4 and `groups`.',
    'none',
  ),
  sessionLifetime: optional(seconds, 'Seconds for which a browser stays signed in.', '28800'),
  singleSignOn: optional(yesOrNo, 'Skips the sign-in page if the browser is already signed in.', 'false'),
  requirePkce: optional(yesOrNo, 'With `false`, PKCE is optional and the method `plain` is allowed.', 'true'),
  anyClient: optional(yesOrNo, 'Accepts unregistered clients, with any credentials.', 'false'),
  anyRedirectUri: optional(
    yesOrNo,
    'Accepts any redirect URI. Do not use it where others can reach the issuer.',
    'false',
  ),
  corsOrigins: optional(
    list(text('an origin, for example https://app.example', isOrigin)),
    'Origins whose pages may read responses, in addition to those of `redirect_uris`.',
    'none',
  ),
  hosts: optional(
    list(
      text('a host name, with its port unless that is the default', value =>
        /^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i.test(value),
      ),
    ),
    'Additional values of the Host header to accept, for example the name of a container.',
    'none',
  ),
  registration: optional(yesOrNo, 'Clients may register themselves (RFC 7591).', 'true'),
  accessTokens: optional(oneOf(['jwt', 'opaque']), 'Format of access tokens; opaque ones need introspection.', '`jwt`'),
  keys: optional(
    list(either(notEmpty, members(anything)), 'an array of private keys'),
    'Private keys as PEM or JWK. The first one signs; the public keys of all are in the JWKS.',
    'one key is generated at the start',
  ),
  metadataPatch: optional(patchShape, 'JSON Patch (RFC 6902) of the metadata.', 'none'),
  tokenResponsePatch: optional(patchShape, 'JSON Patch of successful responses of the token endpoint.', 'none'),
  persona: optional(oneOf(personaNames), 'Uses the paths, claims and errors of this issuer.', 'none'),
  audiences: optional(list(anyText), 'The only accepted values of `resource` and `audience`.', 'any'),
  dpopNonce: optional(dpopNonce, '`required`: DPoP proofs need a nonce (RFC 9449 sections 8 and 9).', '`off`'),
  deviceInterval: optional(seconds, 'Seconds between two polls for a device code.', '5'),
  deviceCodeLifetime: optional(seconds, 'Seconds.', '600'),
  mutualTls: optional(
    yesOrNo,
    'Requests carry client certificates (RFC 8705). A server with `tls` sets this itself.',
    'false',
  ),
  faults: optional(list(faultShape, 'an array of faults'), 'Faults set from the start, see below.', 'none'),
  ...lifetimeFields,
};

export type MockIssuerOptions = Input<typeof issuerFields>;

export interface Settings extends RotationPolicy {
  readonly issuer: string;
  readonly clients: ClientRegistry;
  readonly alg: MockAlg;
  readonly scope: string;
  readonly audience: string | readonly string[];
  readonly subject: string;
  signIn: SignIn;
  /**
   * Set by `setSignIn`. The name that a visitor gives takes precedence over it; it takes precedence over everything
   * else.
   */
  signInSubject: string | undefined;
  users: readonly MockUser[];
  readonly scopeClaims: Readonly<Record<string, readonly string[]>>;
  readonly sessionLifetime: number;
  readonly singleSignOn: boolean;
  readonly requirePkce: boolean;
  readonly anyClient: boolean;
  readonly anyRedirectUri: boolean;
  readonly corsOrigins: readonly string[];
  readonly hosts: readonly string[];
  readonly registration: boolean;
  readonly opaque: boolean;
  readonly metadataPatch: Patch;
  readonly tokenResponsePatch: Patch;
  readonly persona: Persona | undefined;
  readonly audiences: readonly string[] | undefined;
  readonly dpopNonce: DpopNonce;
  readonly deviceInterval: number;
  readonly deviceCodeLifetime: number;
  readonly mutualTls: boolean;
  accessTokenLifetime: number;
  idTokenLifetime: number;
}

/** Fills in the defaults of options, which may come from a user's JSON. @throws MockOptionError with every problem */
export function settle(options: MockIssuerOptions): Settings {
  const {
    issuer: plainIssuer = 'https://issuer.example',
    clients: described = defaultClients(),
    ...given
  } = read(object(issuerFields), options, '');
  const persona = personaOf(given.persona);
  const issuer = persona?.slash ? `${plainIssuer.replace(/\/$/, '')}/` : plainIssuer;
  const mutualTls = given.mutualTls ?? false;
  const clients = described.map(settleClient);
  const problems = clients.flatMap((client, index) => {
    const at = (name: string, expected: string) => ({ field: `clients[${index}].${name}`, expected });
    return [
      ...credentialProblems(client).map(([name, expected]) => at(name, expected)),
      // The issuer sees client certificates only over TLS, so these clients could never authenticate without it.
      ...(!mutualTls && usesTls(client) ? [{ field: 'tls', expected: 'a key and its certificate as PEM' }] : []),
    ];
  });
  for (const [index, { client_secret, token_endpoint_auth_method: method = 'client_secret' }] of described.entries())
    if (client_secret !== undefined && !method.startsWith('client_secret'))
      problems.push({ field: `clients[${index}].client_secret`, expected: `left out (${method} uses no secret)` });
  if (problems.length > 0) throw new MockOptionError(problems);
  return {
    issuer,
    clients: createClients(clients, given.anyClient === true),
    mutualTls,
    rotation: given.rotation ?? 'none',
    graceSeconds: given.graceSeconds ?? 60,
    alg: given.alg ?? usualAlg,
    scope: given.scope ?? 'openid profile offline_access',
    audience: given.audience ?? `${issuer.replace(/\/$/, '')}/api`,
    subject: given.subject ?? given.users?.[0]?.sub ?? 'mock-user',
    signIn: given.signIn ?? 'page',
    signInSubject: undefined,
    users: given.users ?? [],
    scopeClaims: { ...standardScopeClaims, ...given.scopeClaims },
    sessionLifetime: given.sessionLifetime ?? 28_800,
    singleSignOn: given.singleSignOn ?? false,
    requirePkce: given.requirePkce ?? true,
    anyClient: given.anyClient ?? false,
    anyRedirectUri: given.anyRedirectUri ?? false,
    corsOrigins: given.corsOrigins ?? [],
    hosts: given.hosts ?? [],
    registration: given.registration ?? true,
    opaque: given.accessTokens === 'opaque',
    metadataPatch: given.metadataPatch ?? [],
    tokenResponsePatch: given.tokenResponsePatch ?? [],
    persona,
    audiences: given.audiences,
    dpopNonce: given.dpopNonce ?? 'off',
    deviceInterval: given.deviceInterval ?? 5,
    deviceCodeLifetime: given.deviceCodeLifetime ?? 600,
    accessTokenLifetime: given.accessTokenLifetime ?? 3600,
    idTokenLifetime: given.idTokenLifetime ?? 3600,
    refreshTokenLifetime: given.refreshTokenLifetime,
  };
}

/** Changes only the lifetimes that are given. */
export function applyLifetimes(settings: Settings, lifetimes: Lifetimes): void {
  const { accessTokenLifetime, idTokenLifetime, refreshTokenLifetime } = read(object(lifetimeFields), lifetimes, '');
  settings.accessTokenLifetime = accessTokenLifetime ?? settings.accessTokenLifetime;
  settings.idTokenLifetime = idTokenLifetime ?? settings.idTokenLifetime;
  settings.refreshTokenLifetime = refreshTokenLifetime ?? settings.refreshTokenLifetime;
}

export function applyRotation(settings: Settings, to: Rotation, graceSeconds = settings.graceSeconds): void {
  settings.rotation = read(rotationShape, to, 'rotation');
  settings.graceSeconds = read(seconds, graceSeconds, 'graceSeconds');
}

export function applySignIn(settings: Settings, to: SignIn, subject?: string): void {
  settings.signIn = read(signInShape, to, 'signIn');
  if (subject !== undefined) settings.signInSubject = read(anyText, subject, 'subject');
}

export function clientCalled(settings: Settings, clientId: string | undefined): SettledClient {
  const { clients } = settings;
  const client = clientId === undefined ? clients.all[0] : clients.get(clientId);
  return client ?? refuse('clientId', `one of ${clients.all.map(each => each.client_id).join(', ')}`);
}

export function registerRedirectUri(settings: Settings, uri: string, clientId?: string): void {
  const client = clientCalled(settings, clientId);
  read(redirectUri, uri, 'uri');
  for (const list of [client.redirect_uris, client.post_logout_redirect_uris]) if (!list.includes(uri)) list.push(uri);
}
