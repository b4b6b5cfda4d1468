import { createClock, type MockClock } from './clock.ts';
import { createFamilies, type Rotation } from './families.ts';
import { createFaultPlan, type FaultPlan } from './faultPlan.ts';
import type { Endpoint } from './faults.ts';
import { type Fetch, fetchOf, type Handler, jsonReply, type MockReply, type MockRequest } from './http.ts';
import { createKeyRing, type MockAlg, type MockCrypto, type SigningKey, webCrypto } from './keys.ts';
import { metadataOf, pathsOf } from './metadata.ts';
import {
  applyLifetimes,
  applyRotation,
  type Lifetimes,
  type MockClient,
  type MockIssuerOptions,
  settle,
} from './options.ts';
import { createRequestLog, type OpenEntry, type RequestLogEntry, writeForm } from './requestLog.ts';
import {
  createTokenEndpoint,
  type FirstTokens,
  type TokenExchange,
  type TokenResponse,
} from './tokenEndpoint.ts';
import { createSigner } from './tokens.ts';

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
  /** A first token set, as if somebody had signed in. Faults do not touch it. */
  issueTokens(first?: FirstTokens): Promise<TokenResponse>;
  /** Signs with a new key from now on. The old public key stays in the JWKS unless `dropOld`. */
  rotateKeys(alg?: MockAlg, how?: { readonly dropOld?: boolean }): Promise<void>;
  /** What the JWKS endpoint shows, the signing key last. */
  jwks(): { readonly keys: readonly SigningKey['publicJwk'][] };
  /** `graceSeconds` stays as it is where it is left out. */
  setRotation(rotation: Rotation, graceSeconds?: number): void;
  /** Seconds; what is left out stays. Tokens that are out already keep their expiry. */
  setTokenLifetime(lifetimes: Lifetimes): void;
  /** Every refresh token issued so far is revoked. */
  revokeAll(): void;
  /** The last 1,000 requests, oldest first. */
  readonly requests: readonly RequestLogEntry[];
  clearRequests(): void;
  /** The next request to arrive, before it is answered. */
  nextRequest(): Promise<RequestLogEntry>;
  /** How many grants are remembered; dead ones go when there are many. */
  readonly familyCount: number;
}

interface Route {
  readonly method: 'GET' | 'POST';
  readonly endpoint: Endpoint;
  answer(exchange: TokenExchange): MockReply | Promise<MockReply>;
}

/**
 * A mock OAuth 2.0 and OpenID Connect issuer. Its keys are made here, live in memory and are good for nothing else.
 * `backend` is how a server brings quicker cryptography than WebCrypto. Throws TypeError for options that make no sense.
 */
export async function createMockIssuer(
  options: MockIssuerOptions = {},
  backend: MockCrypto = webCrypto,
): Promise<MockIssuer> {
  const settings = settle(options);
  const { issuer, clients } = settings;
  const clock = createClock();
  const families = createFamilies(settings);
  const faults = createFaultPlan(options.faults);
  const log = createRequestLog();
  const ring = await createKeyRing(backend, settings.alg);
  const tokens = createTokenEndpoint(settings, families, createSigner(backend, ring));
  const { host, origin } = new URL(issuer);
  const paths = pathsOf(issuer);
  const jwks = () => ({ keys: ring.published });

  const metadataRoute: Route = {
    method: 'GET',
    endpoint: 'metadata',
    answer: () => jsonReply(200, metadataOf(issuer)),
  };
  const routes = new Map<string, Route>([
    [paths.token, { method: 'POST', endpoint: 'token', answer: tokens.handle }],
    [paths.jwks, { method: 'GET', endpoint: 'jwks', answer: () => jsonReply(200, jwks()) }],
    ...paths.metadata.map(path => [path, metadataRoute] as const),
  ]);

  const answer = async (request: MockRequest, path: string, entry: OpenEntry): Promise<MockReply> => {
    // A page that has its own name resolve to 127.0.0.1 comes with that name here (DNS rebinding).
    if (request.host !== host) return jsonReply(421, { error: 'misdirected_request' });
    const from = request.header('origin');
    if (from !== undefined && from !== origin) return jsonReply(403, { error: 'foreign_origin' });
    const route = routes.get(path);
    if (route === undefined) return jsonReply(404, { error: 'not_found' });
    if (request.method !== route.method) {
      return jsonReply(405, { error: 'method_not_allowed' }, { allow: route.method });
    }
    const strikes = faults.strikes(route.endpoint);
    entry.faults = strikes.map(strike => strike.type);
    const effects = strikes.map(strike => strike.effect);
    for (const { delay } of effects) if (delay !== undefined) await clock.sleep(delay);
    for (const effect of effects) if (effect.reply !== undefined) return effect.reply(clock.now());
    let reply = await route.answer({
      request,
      effects,
      now: clock.now,
      saw: form => writeForm(entry, form),
      authenticated: client => {
        entry.client_id = client.client_id;
      },
    });
    entry.committed = route.endpoint === 'token' && reply.status === 200;
    for (const { delayAfter } of effects) if (delayAfter !== undefined) await clock.sleep(delayAfter);
    for (const effect of effects) reply = effect.finish?.(reply, clock.now()) ?? reply;
    return reply;
  };

  const handle: Handler = async request => {
    const [path = ''] = request.target.split('?', 1);
    const entry = log.open(clock.now(), request.method, path);
    const reply = await answer(request, path, entry);
    if (reply.broken === 'drop') return reply;
    entry.status = reply.status;
    if (reply.error !== undefined) entry.error = reply.error;
    return { ...reply, headers: { date: new Date(clock.now()).toUTCString(), ...reply.headers } };
  };

  return {
    issuer,
    clients,
    clock,
    faults,
    setFault: faults.set,
    handle,
    fetch: fetchOf(handle),
    issueTokens: (first = {}) => tokens.issue(first, clock.now()),
    rotateKeys: (alg, how = {}) => ring.rotate(alg, how.dropOld === true),
    jwks,
    setRotation: (rotation, graceSeconds) => applyRotation(settings, rotation, graceSeconds),
    setTokenLifetime: lifetimes => applyLifetimes(settings, lifetimes),
    revokeAll: families.revokeAll,
    get requests() {
      return log.entries;
    },
    clearRequests: log.clear,
    nextRequest: log.next,
    get familyCount() {
      return families.size;
    },
  };
}
