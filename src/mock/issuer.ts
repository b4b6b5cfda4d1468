import { createFamilies, type Rotation } from './families.ts';
import { createFaultPlan, type FaultPlan } from './faults.ts';
import {
  asGet,
  type Effect,
  type Exchange,
  type Fetch,
  fetchOf,
  type Handler,
  isAllowedOrigin,
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
  type MockIssuerOptions,
  registerRedirectUri,
  type SignIn,
  settle,
} from './options.ts';
import { type MockClient, type MockUser, usersShape } from './registry.ts';
import { createRequestLog, type Journal, type OpenEntry, type RequestLogEntry, writeForm } from './requestLog.ts';
import { createService, type Route } from './routes.ts';
import { read } from './shape.ts';
import { createClock, type MockClock } from './shelf.ts';
import type { FirstTokens } from './tokenEndpoint.ts';
import { createSigner, signAsAsked, type TokenResponse } from './tokens.ts';

interface MockStatus extends Lifetimes {
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
  /** The issuer in process, without a network. jose and oauth4webapi take it as `customFetch`. */
  readonly fetch: Fetch;
  /** As `fetch`, for a server that has its own request type. */
  readonly handle: Handler;
  readonly clients: readonly MockClient[];
  readonly clock: MockClock;
  readonly faults: FaultPlan;
  /** Same as `faults.set`. */
  readonly setFault: FaultPlan['set'];
  /** Whether an endpoint of this issuer has this path. */
  serves(path: string): boolean;
  /** Issues a first token set, as if a user had signed in. Faults do not apply to it. */
  issueTokens(first?: FirstTokens): Promise<TokenResponse>;
  /**
   * Plays the user, whatever `signIn` is: follows an authorization URL in process, signs in (or declines) and returns
   * the address that the browser would be sent to. Throws Error with the error code if the issuer would show an error
   * page instead.
   */
  authorize(url: string | URL, visitor?: Visitor): Promise<URL>;
  /** Plays the user of a device: approves or denies its user code. Throws Error if no device waits for this code. */
  decideDevice(userCode: string, visitor?: Visitor): void;
  /** Changes what the sign-in page does. `subject` is the user that signs in; if it is left out, it stays as it is. */
  setSignIn(signIn: SignIn, subject?: string): void;
  /** Adds a redirect URI for sign-in and sign-out, to the first client by default. */
  registerRedirectUri(uri: string, clientId?: string): void;
  /** Replaces the users that can sign in. Users who are signed in stay signed in. */
  setUsers(users: readonly MockUser[]): void;
  /** Signs out every browser. Tokens stay valid. */
  endSessions(): void;
  /** With `dpopNonce: 'required'`: invalidates all nonces issued so far. */
  expireDpopNonces(): void;
  /**
   * Signs with a new key from now on. The old public key stays in the JWKS unless `dropOld` is set. Resolves with a
   * function that brings the earlier keys back.
   */
  rotateKeys(alg?: MockAlg, how?: { readonly dropOld?: boolean }): Promise<() => void>;
  /**
   * Signs a JWT of the caller's making, to test a verifier. `alg` and `kid` of the header are set to those of the key.
   */
  sign(
    payload: Readonly<Record<string, unknown>> | string,
    header?: Readonly<Record<string, unknown>>,
  ): Promise<string>;
  /** The JWKS as its endpoint serves it; the signing key is last. */
  jwks(): { readonly keys: readonly SigningKey['publicJwk'][] };
  /** If `graceSeconds` is left out, it stays as it is. */
  setRotation(rotation: Rotation, graceSeconds?: number): void;
  /** Seconds. What is left out stays as it is. Tokens issued earlier keep their expiry. */
  setTokenLifetime(lifetimes: Lifetimes): void;
  /** Revokes every refresh token issued so far and the tokens that came from them. */
  revokeAll(): void;
  /**
   * Restores the state at the start, with these options replaced: no faults, the machine's clock, nothing issued. Keys
   * and client secrets stay.
   */
  reset(otherwise?: MockIssuerOptions): void;
  /** State without any secret. */
  readonly status: MockStatus;
  /** The last 1,000 requests, oldest first. */
  readonly requests: readonly RequestLogEntry[];
  /** The requests from this number on, and the number to pass next time. */
  requestsSince(number: number): Journal;
  clearRequests(): void;
  /** Resolves with the next request as it arrives, before it is answered. */
  nextRequest(): Promise<RequestLogEntry>;
  /**
   * Calls back when a request arrives, and again when it is answered or dropped. Returns a function that stops this; a
   * reset does not stop it.
   */
  watchRequests(listener: (entry: RequestLogEntry) => void): () => void;
  /** How many grants are remembered. Expired ones are removed only when there are many. */
  readonly familyCount: number;
}

/**
 * A mock OAuth 2.0 and OpenID Connect issuer. Its keys are generated here, stay in memory, and are valid for testing
 * only.
 * @throws MockOptionError for options that cannot be used
 */
export async function createMockIssuer(
  options: MockIssuerOptions = {},
  backend: MockCrypto = nodeCrypto,
): Promise<MockIssuer> {
  const { mock, ready } = await openMockIssuer(options, backend);
  await ready();
  return mock;
}

/** As `createMockIssuer`, but before its key exists: only metadata is answered at once. `ready` generates the key or waits for it. */
export async function openMockIssuer(
  options: MockIssuerOptions,
  backend: MockCrypto = nodeCrypto,
): Promise<{ readonly mock: MockIssuer; ready(): Promise<void> }> {
  const described = settle(options);
  const { issuer } = described;
  // A reset restores the clients with the secrets that were generated for them.
  const asDescribed = { ...options, clients: described.clients.all.map(client => ({ ...client })) };
  const clock = createClock();
  const log = createRequestLog();
  const ring = await createKeyRing(backend, options.alg, options.keys);
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
    // Rejects DNS rebinding: a page whose own host name resolves to 127.0.0.1 sends that name as Host.
    if (!hosts.includes(request.host))
      return refusal(421, 'misdirected_request', 'The option hosts does not list this host name and port');
    const { service, faults, families } = state;
    const route = service.find(path);
    const from = request.header('origin');
    const isForeign = from !== undefined && !ownOrigins.includes(from);
    // Pages of registered clients may read responses, and may send their user here with a form.
    if (isForeign && (route?.ownPage || !isReadable(from)))
      return refusal(403, 'foreign_origin', 'Neither corsOrigins nor a redirect URI of a client has this origin');
    if (route === undefined) return jsonReply(404, { error: 'not_found' });
    entry.endpoint = route.endpoint;
    if (request.method === 'OPTIONS' && isForeign)
      return preflight(route, request.header('access-control-request-headers'));
    if (!route.methods.some(method => method === asGet(request.method))) {
      const allow = route.methods.flatMap(method => (method === 'GET' ? [method, 'HEAD'] : [method]));
      return jsonReply(405, { error: 'method_not_allowed' }, { allow: allow.join(', ') });
    }
    const effects: Effect[] = [];
    const exchange: Exchange = {
      request,
      url: (request.host === host ? origin : `${protocol}//${request.host}`) + path,
      effects,
      visitor,
      now: clock.now,
      saw(form) {
        writeForm(entry, form);
        const holder = families.holderOf(form.get('refresh_token') ?? '');
        if (holder !== undefined) entry.sid = holder.grant.sid;
      },
      authenticated: client => {
        entry.client_id = client.client_id;
      },
      notified: clientIds => {
        if (clientIds.length > 0) entry.notified = clientIds;
      },
    };
    if (request.method === 'POST' && faults.readsGrant(route.endpoint)) await readForm(exchange);
    const strikes = faults.strikes(route.endpoint, entry.grant_type);
    entry.faults = strikes.map(strike => strike.type);
    effects.push(...strikes.map(strike => strike.effect));
    for (const { delay } of effects) if (delay !== undefined) await clock.sleep(delay);
    for (const effect of effects) {
      if (effect.reply === undefined) continue;
      // Reads the form only so that the log names the client.
      if (request.method === 'POST') await readForm(exchange);
      return effect.reply(clock.now());
    }
    if (route.endpoint !== 'metadata') await ring.ready;
    let reply = await route.answer(exchange);
    entry.committed = route.endpoint === 'token' && reply.status === 200;
    for (const { delayAfter } of effects) if (delayAfter !== undefined) await clock.sleep(delayAfter);
    for (const effect of effects) reply = effect.finish?.(reply, clock.now()) ?? reply;
    return reply;
  };

  let dated = { second: Number.NaN, date: '' };
  /** The Date header; many responses have the same one, and formatting it costs more than their other headers. */
  const dateOf = (now: number) => {
    const second = Math.floor(now / 1000);
    if (dated.second !== second) dated = { second, date: new Date(now).toUTCString() };
    return dated.date;
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
    return { ...reply, headers: { date: dateOf(clock.now()), ...shared, ...reply.headers } };
  };
  const handle: Handler = request => serve(request);

  const mock: MockIssuer = {
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
    async issueTokens(first = {}) {
      await ring.ready;
      return state.service.issue(first, clock.now());
    },
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
    async sign(payload, header = {}) {
      await ring.ready;
      return signAsAsked(backend, ring.signing, payload, { ...header });
    },
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
  return { mock, ready: () => ring.ready };
}

/** Names the option that would allow the request: in a container or on a page, nothing else tells the user. */
const refusal = (status: number, error: string, error_description: string) =>
  jsonReply(status, { error, error_description });

/**
 * CORS headers of the Fetch standard. Credentials are not allowed, because cookies are for the issuer's own pages only.
 */
function corsHeaders(from: string): Record<string, string> {
  return {
    'access-control-allow-origin': from,
    'access-control-expose-headers': 'date, dpop-nonce, retry-after, www-authenticate',
    vary: 'origin',
  };
}

/** `asked`: additional headers that the page wants to send, such as `auth0-client`. */
function preflight({ methods }: Route, asked?: string): MockReply {
  const names = ['authorization, content-type, dpop, x-requested-with', ...(asked === undefined ? [] : [asked])];
  const headers = {
    'access-control-allow-methods': methods.join(', '),
    'access-control-allow-headers': names.join(', '),
    'access-control-max-age': '600',
  };
  return { status: 204, headers, body: '' };
}

/** Follows redirects like a browser whose user decides at once, for one request. */
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
