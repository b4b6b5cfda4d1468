import { byCertificate } from './certificates.ts';
import { oneOf, string, strings } from './checks.ts';
import { defaultClients, type MockClientOptions, type SettledClient, settleClient } from './clientOptions.ts';
import type { Rotation, RotationPolicy } from './families.ts';
import type { FaultSetting } from './faultPlan.ts';
import { type MockAlg, mockAlgs } from './keys.ts';
import { isRedirectUri } from './redirectUris.ts';

/** Seconds. */
export interface Lifetimes {
  readonly accessTokenLifetime?: number;
  readonly idTokenLifetime?: number;
  /** When it is set, refresh tokens expire, and responses say `refresh_expires_in` as Keycloak's do. */
  readonly refreshTokenLifetime?: number;
}

export type DpopNonce = 'off' | 'required';

/** `page` asks whoever sits in front of the browser; `auto` signs everybody in; `deny` refuses everybody. */
export type SignIn = 'page' | 'auto' | 'deny';

/** All of it JSON-serialisable. */
export interface MockIssuerOptions extends Lifetimes {
  /** The issuer identifier, with no query and no fragment; `https://issuer.example` by default. */
  readonly issuer?: string;
  /** By default public `demo` and confidential `demo-confidential` with a random secret. */
  readonly clients?: readonly MockClientOptions[];
  /** `none` by default. */
  readonly rotation?: Rotation;
  /** How long `grace` keeps the predecessor usable; 60 by default. */
  readonly graceSeconds?: number;
  /** RS256 by default. */
  readonly alg?: MockAlg;
  /** What is granted where nothing else is asked for; `openid profile offline_access` by default. */
  readonly scope?: string;
  /** `aud` of access tokens; the issuer with `/api` by default. */
  readonly audience?: string | readonly string[];
  /** Who has signed in where nobody says otherwise; `mock-user` by default. */
  readonly subject?: string;
  /** `page` by default. Of device codes: `auto` approves and `deny` refuses them when they are asked about. */
  readonly signIn?: SignIn;
  /** The only values of `resource` and `audience` there are; any by default. */
  readonly audiences?: readonly string[];
  /** `required`: DPoP proofs need a nonce from here, RFC 9449 sections 8 and 9. `off` by default. */
  readonly dpopNonce?: DpopNonce;
  /** Seconds between two questions about a device code; 5 by default. */
  readonly deviceInterval?: number;
  /** Seconds; 600 by default. */
  readonly deviceCodeLifetime?: number;
  /** Whoever serves it sees the certificates of clients, RFC 8705. Off by default. */
  readonly mutualTls?: boolean;
  readonly faults?: readonly FaultSetting[];
}

export interface Settings extends RotationPolicy {
  readonly issuer: string;
  readonly clients: readonly SettledClient[];
  readonly alg: MockAlg;
  readonly scope: string;
  readonly audience: string | readonly string[];
  readonly subject: string;
  signIn: SignIn;
  /** Who `setSignIn` said it is; comes before everything but a visitor with a name. */
  signInSubject: string | undefined;
  readonly audiences: readonly string[] | undefined;
  readonly dpopNonce: DpopNonce;
  readonly deviceInterval: number;
  readonly deviceCodeLifetime: number;
  readonly mutualTls: boolean;
  accessTokenLifetime: number;
  idTokenLifetime: number;
}

const rotations: readonly Rotation[] = ['none', 'omit', 'strict', 'grace'];
const signIns: readonly SignIn[] = ['page', 'auto', 'deny'];
const dpopNonces: readonly DpopNonce[] = ['off', 'required'];

/** Options, which may come straight from a user's JSON, with the defaults filled in. Throws TypeError, saying which one is wrong. */
export function settle(options: MockIssuerOptions): Settings {
  const issuer = options.issuer ?? 'https://issuer.example';
  assertIssuer(issuer);
  for (const name of ['clients', 'faults'] as const) {
    if (options[name] === undefined || Array.isArray(options[name])) continue;
    throw new TypeError(`${name}: an array is needed`);
  }
  const clients = (options.clients ?? defaultClients()).map(settleClient);
  if (new Set(clients.map(client => client.client_id)).size !== clients.length) {
    throw new TypeError('clients: two have the same client_id');
  }
  const { mutualTls = false } = options;
  // Without it nobody could ever be one of these clients.
  if (!mutualTls && clients.some(client => usesTls(client)))
    throw new TypeError('tls: a key and its certificate as PEM are needed');
  const settings: Settings = {
    issuer,
    clients,
    rotation: oneOf('rotation', rotations, options.rotation ?? 'none'),
    graceSeconds: duration('graceSeconds', options.graceSeconds ?? 60),
    alg: oneOf('alg', mockAlgs, options.alg ?? 'RS256'),
    scope: string('scope', options.scope ?? 'openid profile offline_access'),
    audience: audience(options.audience ?? `${issuer.replace(/\/$/, '')}/api`),
    subject: string('subject', options.subject ?? 'mock-user'),
    signIn: oneOf('signIn', signIns, options.signIn ?? 'page'),
    signInSubject: undefined,
    audiences: options.audiences === undefined ? undefined : strings('audiences', options.audiences),
    dpopNonce: oneOf('dpopNonce', dpopNonces, options.dpopNonce ?? 'off'),
    deviceInterval: duration('deviceInterval', options.deviceInterval ?? 5),
    deviceCodeLifetime: duration('deviceCodeLifetime', options.deviceCodeLifetime ?? 600),
    mutualTls,
    accessTokenLifetime: duration('accessTokenLifetime', options.accessTokenLifetime ?? 3600),
    idTokenLifetime: duration('idTokenLifetime', options.idTokenLifetime ?? 3600),
    refreshTokenLifetime:
      options.refreshTokenLifetime === undefined
        ? undefined
        : duration('refreshTokenLifetime', options.refreshTokenLifetime),
  };
  // One that is misspelt would be one that silently does nothing.
  const unknown = Object.keys(options).find(name => name !== 'faults' && !(name in settings));
  if (unknown !== undefined) throw new TypeError(`${unknown}: no such option`);
  return settings;
}

/** Changes the lifetimes that are given and leaves the others. */
export function applyLifetimes(settings: Settings, lifetimes: Lifetimes): void {
  for (const name of ['accessTokenLifetime', 'idTokenLifetime', 'refreshTokenLifetime'] as const) {
    const value = lifetimes[name];
    if (value !== undefined) settings[name] = duration(name, value);
  }
}

export function applyRotation(settings: Settings, rotation: Rotation, graceSeconds?: number): void {
  settings.rotation = oneOf('rotation', rotations, rotation);
  if (graceSeconds !== undefined) settings.graceSeconds = duration('graceSeconds', graceSeconds);
}

export function applySignIn(settings: Settings, signIn: SignIn, subject?: string): void {
  settings.signIn = oneOf('signIn', signIns, signIn);
  if (subject !== undefined) settings.signInSubject = string('subject', subject);
}

/** Throws TypeError where there is no such client, or the address is none that a browser may be sent to. */
export function registerRedirectUri(clients: readonly SettledClient[], uri: string, clientId?: string): void {
  const client = clientId === undefined ? clients[0] : clients.find(each => each.client_id === clientId);
  if (client === undefined) throw new TypeError(`No client is called ${JSON.stringify(clientId)}`);
  if (!isRedirectUri(uri)) throw new TypeError('uri: an absolute URI with no fragment is needed');
  for (const list of [client.redirect_uris, client.post_logout_redirect_uris]) if (!list.includes(uri)) list.push(uri);
}

function usesTls(client: SettledClient): boolean {
  return client.tls_client_certificate_bound_access_tokens === true || byCertificate(client.token_endpoint_auth_method);
}

function assertIssuer(issuer: string): void {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || /[?#]/.test(issuer)) {
    throw new TypeError('issuer: an http or https URL with no query and no fragment is needed');
  }
}

function audience(value: string | readonly string[]) {
  return Array.isArray(value) ? strings('audience', value) : string('audience', value as string);
}

function duration(name: string, value: number): number {
  if (!Number.isFinite(value) || value < 0) throw new TypeError(`${name}: a number of seconds is needed`);
  return value;
}
