import type { Rotation, RotationPolicy } from './families.ts';
import type { FaultSetting } from './faultPlan.ts';
import { type MockAlg, mockAlgs } from './keys.ts';
import { randomText } from './random.ts';

export type ClientAuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post';
export type GrantType = 'refresh_token' | 'client_credentials';

/** A client in the words of RFC 7591. */
export interface MockClient {
  readonly client_id: string;
  readonly client_secret?: string;
  /** By default `client_secret_basic` where there is a secret, else `none`. Only this one is accepted. */
  readonly token_endpoint_auth_method: ClientAuthMethod;
  /** By default `refresh_token`, and `client_credentials` where there is a secret. */
  readonly grant_types: readonly GrantType[];
  /** Whose tokens this client holds; the mock's `subject` by default. */
  readonly subject?: string;
}

export type MockClientOptions = Pick<MockClient, 'client_id'> & Partial<MockClient>;

/** Seconds. */
export interface Lifetimes {
  readonly accessTokenLifetime?: number;
  readonly idTokenLifetime?: number;
  /** When it is set, refresh tokens expire, and responses say `refresh_expires_in` as Keycloak's do. */
  readonly refreshTokenLifetime?: number;
}

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
  readonly subject?: string;
  readonly faults?: readonly FaultSetting[];
}

export interface Settings extends RotationPolicy {
  readonly issuer: string;
  readonly clients: readonly MockClient[];
  readonly alg: MockAlg;
  readonly scope: string;
  readonly audience: string | readonly string[];
  readonly subject: string;
  accessTokenLifetime: number;
  idTokenLifetime: number;
}

const rotations: readonly Rotation[] = ['none', 'omit', 'strict', 'grace'];
const grantTypes: readonly GrantType[] = ['refresh_token', 'client_credentials'];
const authMethods: readonly ClientAuthMethod[] = ['none', 'client_secret_basic', 'client_secret_post'];

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
  return {
    issuer,
    clients,
    rotation: oneOf('rotation', rotations, options.rotation ?? 'none'),
    graceSeconds: duration('graceSeconds', options.graceSeconds ?? 60),
    alg: oneOf('alg', mockAlgs, options.alg ?? 'RS256'),
    scope: string('scope', options.scope ?? 'openid profile offline_access'),
    audience: options.audience ?? `${issuer.replace(/\/$/, '')}/api`,
    subject: string('subject', options.subject ?? 'mock-user'),
    accessTokenLifetime: duration('accessTokenLifetime', options.accessTokenLifetime ?? 3600),
    idTokenLifetime: duration('idTokenLifetime', options.idTokenLifetime ?? 3600),
    refreshTokenLifetime:
      options.refreshTokenLifetime === undefined
        ? undefined
        : duration('refreshTokenLifetime', options.refreshTokenLifetime),
  };
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

function defaultClients(): MockClientOptions[] {
  return [{ client_id: 'demo' }, { client_id: 'demo-confidential', client_secret: randomText(32) }];
}

function settleClient(client: MockClientOptions): MockClient {
  if (typeof client.client_id !== 'string' || client.client_id === '') {
    throw new TypeError('clients: each needs a client_id');
  }
  const method = oneOf(
    'token_endpoint_auth_method',
    authMethods,
    client.token_endpoint_auth_method ?? (client.client_secret ? 'client_secret_basic' : 'none'),
  );
  const secret = method === 'none' ? {} : { client_secret: client.client_secret ?? randomText(32) };
  for (const grantType of client.grant_types ?? []) oneOf('grant_types', grantTypes, grantType);
  return {
    client_id: client.client_id,
    ...secret,
    token_endpoint_auth_method: method,
    grant_types:
      client.grant_types ?? (method === 'none' ? ['refresh_token'] : ['refresh_token', 'client_credentials']),
    ...(client.subject === undefined ? {} : { subject: client.subject }),
  };
}

function assertIssuer(issuer: string): void {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || /[?#]/.test(issuer)) {
    throw new TypeError('issuer: an http or https URL with no query and no fragment is needed');
  }
}

function oneOf<T extends string>(name: string, allowed: readonly T[], value: T): T {
  if (!allowed.includes(value)) throw new TypeError(`${name}: one of ${allowed.join(', ')} is needed`);
  return value;
}

function string(name: string, value: string): string {
  if (typeof value !== 'string') throw new TypeError(`${name}: a string is needed`);
  return value;
}

function duration(name: string, value: number): number {
  if (!Number.isFinite(value) || value < 0) throw new TypeError(`${name}: a number of seconds is needed`);
  return value;
}
