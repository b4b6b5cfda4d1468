import { createFamilies, type Rotation } from './families.ts';
import { createFaultPlan, type FaultPlan } from './faults.ts';
import {
  type Exchange,
  type Fetch,
  fetchOf,
  type Handler,
  jsonReply,
  type MockReply,
  type MockRequest,
  readForm,
  type Visitor,
} from './http.ts';
import { createKeyRing, type MockAlg, type MockCrypto, nodeCrypto, type SigningKey } from './keys.ts';
import {
  applyLifetimes,
  applyRotation,
  applySignIn,
  type Lifetimes,
  type MockClient,
  type MockIssuerOptions,
  registerRedirectUri,
  type SignIn,
  settle,
} from './options.ts';
import { isAllowedOrigin } from './requested.ts';
import { createRequestLog, type Journal, type OpenEntry, type RequestLogEntry, writeForm } from './requestLog.ts';
import { createService, type Route } from './routes.ts';
import { read } from './shape.ts';
import { createClock, type MockClock } from './shelf.ts';
import type { FirstTokens } from './tokenEndpoint.ts';
import { createSigner, signAsAsked, type TokenResponse } from './tokens.ts';
import { type MockUser, usersShape } from './users.ts';

export interface MockStatus extends Lifetimes {
  readonly rotation: Rotation;
  readonly graceSeconds: number;
  readonly signIn: SignIn;
  readonly users: readonly MockUser[];
  /** How many grants and browser sessions are remembered. */
  readonly grants: number;
  readonly sessions: number;
}

export interface MockIssuer {
  readonly issuer: string;
  /** The issuer in process, no network: what jose and oauth4webapi take as `customFetch`. */
  readonly fetch: Fetch;
  /** The same for a server that has its own idea of a request. */
  readonly handle: Handler;
  readonly clients: readonly MockClient[];
  readonly clock: MockClock;
  readonly faults: FaultPlan;
  /** As `faults.set`. */
  readonly setFault: FaultPlan['set'];
  /** Whether it has an endpoint at this path. */
  serves(path: string): boolean;
  /** A first token set, as if a user had signed in. Faults do not touch it. */
  issueTokens(first?: FirstTokens): Promise<TokenResponse>;
  /**
   * Plays the user, whatever `signIn` is: follows an authorization URL in process, signs in (or declines) and returns
   * where the browser would be sent. Throws Error with the code of what the issuer would show instead of sending back.
   */
  authorize(url: string | URL, visitor?: Visitor): Promise<URL>;
  /** Plays the user of a device: approves its user code, or denies it. Throws Error where no device waits for it. */
  decideDevice(userCode: string, visitor?: Visitor): void;
  /** What the sign-in page does from now on; `subject` is the user that signs in, and stays as it is where it is left out. */
  setSignIn(signIn: SignIn, subject?: string): void;
  /** One more address that answers may go to, after sign-in and sign-out; of the first client by default. */
  registerRedirectUri(uri: string, clientId?: string): void;
  /** The users that can sign in from now on; users that are signed in stay so. */
  setUsers(users: readonly MockUser[]): void;
  /** Every browser is signed out; tokens stay. */
  endSessions(): void;
  /** With `dpopNonce: 'required'`: no nonce that is out is good any longer. */
  expireDpopNonces(): void;
  /** Signs with a new key from now on. The old public key stays in the JWKS unless `dropOld`. */
  rotateKeys(alg?: MockAlg, how?: { readonly dropOld?: boolean }): Promise<void>;
  /** A JWT of the caller's making, to see what its verifier says: the header's `alg` and `kid` become the key's. */
  sign(
    payload: Readonly<Record<string, unknown>> | string,
    header?: Readonly<Record<string, unknown>>,
  ): Promise<string>;
  /** What the JWKS endpoint shows, the signing key last. */
  jwks(): { readonly keys: readonly SigningKey['publicJwk'][] };
  /** `graceSeconds` stays as it is where it is left out. */
  setRotation(rotation: Rotation, graceSeconds?: number): void;
  /** Seconds; what is left out stays. Tokens that are out already keep their expiry. */
  setTokenLifetime(lifetimes: Lifetimes): void;
  /** Every refresh token issued so far is revoked, and with it what came of it. */
  revokeAll(): void;
  /** As it was at the start but for these options: faults, clock, and nothing issued. Its keys and client secrets stay. */
  reset(otherwise?: MockIssuerOptions): void;
  /** How it stands; nothing in it is a secret. */
  readonly status: MockStatus;
  /** The last 1,000 requests, oldest first. */
  readonly requests: readonly RequestLogEntry[];
  /** Those from a number on, and the number to ask with next. */
  requestsSince(number: number): Journal;
  clearRequests(): void;
  /** The next request to arrive, before it is answered. */
  nextRequest(): Promise<RequestLogEntry>;
  /**
   * Calls back when a request has arrived, and when it is answered or dropped. Returns what ends it; a reset does not.
   */
  watchRequests(listener: (entry: RequestLogEntry) => void): () => void;
  /** How many grants are remembered; dead ones go when there are many. */
  readonly familyCount: number;
}

/**
 * A mock OAuth 2.0 and OpenID Connect issuer. Its keys are made here, live in memory and are good for nothing else.
 * @throws MockOptionError for options that cannot be used
 */
export async function createMockIssuer(
  options: MockIssuerOptions = {},
  backend: MockCrypto = nodeCrypto,
): Promise<MockIssuer> {
  const described = settle(options);
  const { issuer } = described;
  // A reset gives the clients back as they were, with the secrets that were made for them.
  const asDescribed = { ...options, clients: described.clients.all.map(client => ({ ...client })) };
  const clock = createClock();
  const log = createRequestLog();
  const ring = await createKeyRing(backend, described.alg, options.keys);
  const signer = createSigner(backend, ring, described.persona);
  const build = (otherwise: MockIssuerOptions = {}) => {
    const settings = settle({ ...asDescribed, ...otherwise });
    const families = createFamilies(settings);
    const faults = createFaultPlan(options.faults);
    return { settings, families, faults, service: createService(settings, families, ring, signer) };
  };
  let state = build();
  const { host, protocol, origin } = new URL(issuer);
  const hosts = [host, ...described.hosts];
  const ownOrigins = hosts.map(each => `${protocol}//${each}`);

  const answer = async (
    request: MockRequest,
    path: string,
    entry: OpenEntry,
    visitor: Visitor | undefined,
  ): Promise<MockReply> => {
    // A page that has its own name resolve to 127.0.0.1 comes with that name here (DNS rebinding).
    if (!hosts.includes(request.host)) return jsonReply(421, { error: 'misdirected_request' });
    const { service, faults } = state;
    const route = service.find(path);
    const from = request.header('origin');
    const isForeign = from !== undefined && !ownOrigins.includes(from);
    // A page of a registered client may read answers, and send its user here with a form.
    if (isForeign && (route?.ownPage || !isReadable(from))) return jsonReply(403, { error: 'foreign_origin' });
    if (route === undefined) return jsonReply(404, { error: 'not_found' });
    if (request.method === 'OPTIONS' && isForeign)
      return preflight(route, request.header('access-control-request-headers'));
    if (!route.methods.some(method => method === request.method)) {
      return jsonReply(405, { error: 'method_not_allowed' }, { allow: route.methods.join(', ') });
    }
    const strikes = faults.strikes(route.endpoint);
    entry.faults = strikes.map(strike => strike.type);
    const effects = strikes.map(strike => strike.effect);
    for (const { delay } of effects) if (delay !== undefined) await clock.sleep(delay);
    const exchange: Exchange = {
      request,
      url: (request.host === host ? origin : `${protocol}//${request.host}`) + path,
      effects,
      visitor,
      now: clock.now,
      saw: form => writeForm(entry, form),
      authenticated: client => {
        entry.client_id = client.client_id;
      },
    };
    for (const effect of effects) {
      if (effect.reply === undefined) continue;
      // The log says which client met the fault.
      if (request.method === 'POST') await readForm(exchange);
      return effect.reply(clock.now());
    }
    let reply = await route.answer(exchange);
    entry.committed = route.endpoint === 'token' && reply.status === 200;
    for (const { delayAfter } of effects) if (delayAfter !== undefined) await clock.sleep(delayAfter);
    for (const effect of effects) reply = effect.finish?.(reply, clock.now()) ?? reply;
    return reply;
  };

  const isReadable = (from: string) => {
    const { corsOrigins, clients, anyRedirectUri, anyClient } = state.settings;
    if ((anyRedirectUri || anyClient) && from !== 'null') return true;
    const ofClients = clients.all.flatMap(client => client.redirect_uris.map(uri => new URL(uri).origin));
    return isAllowedOrigin(from, [...corsOrigins, ...ofClients]);
  };

  const serve = async (request: MockRequest, visitor?: Visitor): Promise<MockReply> => {
    const [path = ''] = request.target.split('?', 1);
    const entry = log.open(clock.now(), request.method, path);
    const reply = await answer(request, path, entry, visitor);
    if (reply.broken !== 'drop') entry.status = reply.status;
    if (reply.error !== undefined) entry.error = reply.error;
    log.tell(entry);
    if (reply.broken === 'drop') return reply;
    const from = request.header('origin');
    const shared = from !== undefined && reply.status !== 403 && !ownOrigins.includes(from) ? corsHeaders(from) : {};
    return { ...reply, headers: { date: new Date(clock.now()).toUTCString(), ...shared, ...reply.headers } };
  };
  const handle: Handler = request => serve(request);

  return {
    issuer,
    get clients() {
      return state.settings.clients.all;
    },
    clock,
    get faults() {
      return state.faults;
    },
    setFault: fault => state.faults.set(fault),
    handle,
    fetch: fetchOf(handle),
    serves: path => state.service.find(path) !== undefined,
    issueTokens: (first = {}) => state.service.issue(first, clock.now()),
    authorize: (url, visitor = {}) => actAsVisitor(serve, url, visitor),
    decideDevice(userCode, visitor = {}) {
      const { devices } = state.service;
      const request = devices.find(userCode, clock.now());
      if (request === undefined) throw new Error(`No device waits for ${JSON.stringify(userCode)}`);
      devices.decide(request, visitor);
    },
    get status() {
      const { settings, families, service } = state;
      const { rotation, graceSeconds, signIn, accessTokenLifetime, idTokenLifetime, refreshTokenLifetime } = settings;
      return {
        rotation,
        graceSeconds,
        signIn,
        accessTokenLifetime,
        idTokenLifetime,
        ...(refreshTokenLifetime !== undefined && { refreshTokenLifetime }),
        users: settings.users,
        grants: families.size,
        sessions: service.sessions.size,
      };
    },
    setSignIn: (signIn, subject) => applySignIn(state.settings, signIn, subject),
    registerRedirectUri: (uri, clientId) => registerRedirectUri(state.settings, uri, clientId),
    expireDpopNonces: () => state.service.proofs.expireNonces(),
    rotateKeys: (alg, how = {}) => ring.rotate(alg, how.dropOld === true),
    sign: (payload, header = {}) => signAsAsked(backend, ring.signing, payload, { ...header }),
    jwks: () => ({ keys: ring.published }),
    setRotation: (rotation, graceSeconds) => applyRotation(state.settings, rotation, graceSeconds),
    setTokenLifetime: lifetimes => applyLifetimes(state.settings, lifetimes),
    setUsers(users) {
      state.settings.users = read(usersShape, users, 'users');
    },
    endSessions: () => state.service.sessions.endAll(),
    revokeAll: () => state.families.revokeAll(),
    reset(otherwise) {
      state = build(otherwise);
      clock.reset();
      log.clear();
    },
    get requests() {
      return log.entries;
    },
    requestsSince: log.since,
    clearRequests: log.clear,
    nextRequest: log.next,
    watchRequests: log.watch,
    get familyCount() {
      return state.families.size;
    },
  };
}

/** The Fetch standard's answer to a page of another origin. No credentials: cookies are for the pages here alone. */
function corsHeaders(from: string): Record<string, string> {
  return {
    'access-control-allow-origin': from,
    'access-control-expose-headers': 'date, dpop-nonce, retry-after, www-authenticate',
    vary: 'origin',
  };
}

/** `asked`: headers of the page's own, such as `auth0-client`. */
function preflight({ methods }: Route, asked?: string): MockReply {
  const names = ['authorization, content-type, dpop, x-requested-with', ...(asked === undefined ? [] : [asked])];
  const headers = {
    'access-control-allow-methods': methods.join(', '),
    'access-control-allow-headers': names.join(', '),
    'access-control-max-age': '600',
  };
  return { status: 204, headers, body: '' };
}

/** A browser whose user decides at once, for as long as one request takes. */
async function actAsVisitor(
  serve: (request: MockRequest, visitor: Visitor) => Promise<MockReply>,
  url: string | URL,
  visitor: Visitor,
): Promise<URL> {
  const { host, pathname, search } = new URL(url);
  const request: MockRequest = {
    method: 'GET',
    target: pathname + search,
    host,
    header: () => undefined,
    text: async () => '',
  };
  const reply = await serve(request, visitor);
  const { location } = reply.headers;
  if (location === undefined) {
    const what = reply.error ?? `status ${reply.status}`;
    throw new Error(`The mock issuer did not redirect, but answered with ${what}`);
  }
  return new URL(location);
}
