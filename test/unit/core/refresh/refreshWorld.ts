import assert from 'node:assert/strict';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import { createDiscovery, resolveEndpoints } from '../../../../src/core/issuer/discovery.ts';
import { createTokenClient, type TokenClient } from '../../../../src/core/issuer/tokenEndpoint.ts';
import type {
  Clock,
  CrossWindowLock,
  Fetch,
  HandedOver,
  Lease,
  LedgerEntry,
  SecretVault,
  SharedLock,
  SharedNotes,
} from '../../../../src/core/ports.ts';
import type { Connection } from '../../../../src/core/records/connection.ts';
import type { FinishedRefresh } from '../../../../src/core/records/history.ts';
import { type Handover, noHandover } from '../../../../src/core/records/journalKeys.ts';
import type { StoredRecord } from '../../../../src/core/records/record.ts';
import { createSessions, type Sessions } from '../../../../src/core/records/sessions.ts';
import { storeTokens } from '../../../../src/core/records/storeTokens.ts';
import type { RawTokens } from '../../../../src/core/records/tokenSet.ts';
import { createVault, type Vault } from '../../../../src/core/records/vault.ts';
import { createRefresher, type Refresher } from '../../../../src/core/refresh/refresher.ts';
import type { AskedBy } from '../../../../src/core/refresh/refreshSteps.ts';
import { signOut } from '../../../../src/core/signIn/signOut.ts';
import type { Fault } from '../../../../src/mock/faults.ts';
import { createMockIssuer, type MockIssuer } from '../../../../src/mock/issuer.ts';
import type { MockIssuerOptions } from '../../../../src/mock/options.ts';
import { fingerprint } from '../../../../src/mock/shelf.ts';

export const id = 'main';
export const key = `jwtWorkbench.connection.${id}`;

/** A clock that stands still. Short waits end by themselves, long ones only with `advance`. */
export interface WorldClock extends Clock {
  advance(ms: number): void;
}

export function worldClock(start: number): WorldClock {
  let now = start;
  const timers = new Map<object, { readonly due: number; readonly callback: () => void }>();
  return {
    now: () => now,
    schedule(callback, delay) {
      const timer = {};
      if (delay <= 1000) {
        const handle = setImmediate(() => {
          now += delay;
          callback();
        });
        return () => clearImmediate(handle);
      }
      timers.set(timer, { due: now + delay, callback });
      return () => void timers.delete(timer);
    },
    advance(ms) {
      now += ms;
      for (const [timer, { due, callback }] of [...timers]) {
        if (due > now) continue;
        timers.delete(timer);
        callback();
      }
    },
  };
}

/** Runs before every call of a port. It may make the call fail or never return. */
export type Hook = (call: string, value?: string) => void | Promise<void>;

/** A secret store that tests can inspect, make fail, and observe. */
export interface TestStore extends SecretVault {
  readonly entries: Map<string, string>;
  hook: Hook;
  /** Notifies listeners of a change, whether or not it happened. */
  notify(key: string): void;
}

export function testStore(entries = new Map<string, string>()): TestStore {
  const listeners = new Set<(key: string) => void>();
  const store: TestStore = {
    entries,
    hook: () => {},
    notify(changed) {
      for (const listener of [...listeners]) listener(changed);
    },
    async get(name) {
      await store.hook('get');
      return entries.get(name);
    },
    async store(name, value) {
      assert.notEqual(value, '');
      await store.hook('store', value);
      entries.set(name, value);
      store.notify(name);
    },
    async delete(name) {
      await store.hook('delete');
      entries.delete(name);
      store.notify(name);
    },
    keys: async () => [...entries.keys()],
    onDidChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return store;
}

export interface TestLock extends CrossWindowLock, Pick<SharedNotes, 'forget' | 'peek'> {
  readonly ledger: Map<string, LedgerEntry>;
  readonly journal: Map<string, HandedOver>;
  /** Set it to simulate that another window took the lock over. */
  lost: boolean;
  hook: Hook;
}

/** One lock for several windows. */
export function testLock(ledger = new Map<string, LedgerEntry>()): TestLock {
  const last = new Map<string, Promise<unknown>>();
  const journal = new Map<string, HandedOver>();
  const lock: TestLock = {
    ledger,
    journal,
    lost: false,
    hook: () => {},
    withLock(name, signal, work) {
      const turn = (last.get(name) ?? Promise.resolve()).then(() => {
        if (signal.aborted) throw new WorkbenchError('cancelled', { sent: false });
        const lease: Lease = {
          get lost() {
            return lock.lost;
          },
          shared: true,
          async renew() {
            await lock.hook('renew');
            if (lock.lost) throw new WorkbenchError('lock_lost');
          },
          fingerprint,
          async readLedger() {
            await lock.hook('readLedger');
            return ledger.get(name);
          },
          writeLedger: entry => write('writeLedger', entry),
          mark: entry => write('mark', entry),
          voidBelow: async () => {},
          handOver: async (generation, sealed) => void journal.set(name, { generation, sealed }),
          takeOver: async () => journal.get(name),
        };
        async function write(call: string, entry: LedgerEntry): Promise<void> {
          await lock.hook(call);
          const { signedOutAt, generation = 0 } = ledger.get(name) ?? {};
          if (signedOutAt !== undefined && entry.generation <= generation)
            throw new WorkbenchError('superseded', { connection: name, signedOut: true });
          ledger.set(name, entry);
        }
        return work(lease);
      });
      last.set(
        name,
        turn.catch(() => {}),
      );
      return turn;
    },
    async peek(name) {
      const [entry, handedOver] = [ledger.get(name), journal.get(name)];
      return { ...(entry && { ledger: entry }), ...(handedOver && { handedOver }) };
    },
    async forget(name, known, at) {
      const generation = Math.max(known, ledger.get(name)?.generation ?? 0) + 1;
      ledger.set(name, { generation, signedOutAt: at });
      return generation;
    },
  };
  return lock;
}

export interface Window {
  readonly sessions: Sessions;
  readonly vault: Vault;
  readonly refresher: Refresher;
  readonly record: () => StoredRecord | undefined;
  readonly events: (string | undefined)[];
  readonly logged: unknown[];
  import(raw: RawTokens): Promise<StoredRecord>;
  /** The result of a refresh, in short: outcome and error code. */
  refresh(signal?: AbortSignal, askedBy?: AskedBy): Promise<string>;
  signOut(): ReturnType<typeof signOut>;
}

export interface World {
  readonly mock: MockIssuer;
  readonly clock: WorldClock;
  readonly store: TestStore;
  readonly lock: TestLock;
  readonly connection: Connection;
  /** Called before each request to the token endpoint is sent. */
  onPost: (refreshToken: string | null) => void | Promise<void>;
  /** Called before each response is received. */
  onAnswer: (response: Response) => void | Promise<void>;
  /** Another window, on the same store and lock unless others are given. */
  window(parts?: {
    store?: SecretVault;
    lock?: TestLock;
    unshared?: SharedLock;
    connection?: Connection;
    handover?: Handover;
    tokenClient?: TokenClient;
    finished?: (finished: FinishedRefresh) => void;
  }): Window;
  /** The next token requests get this fault. */
  next(fault: Fault, times?: number): void;
  /** Fingerprints of the refresh tokens sent so far. */
  posts(): readonly (string | undefined)[];
  /** The stored record, parsed with JSON only. */
  stored(): StoredRecord;
  forward(ms: number): void;
}

export { fingerprint as printOf };

export async function createWorld(options: MockIssuerOptions = {}): Promise<World> {
  const mock = await createMockIssuer({ alg: 'ES256', ...options });
  const start = Date.now();
  mock.clock.freeze(start);
  const clock = worldClock(start);
  const store = testStore();
  const lock = testLock();
  const connection: Connection = {
    id,
    label: 'Main',
    issuer: mock.issuer,
    clientId: mock.clients[0]?.client_id ?? '',
    tokenEndpointAuthMethod: mock.clients[0]?.token_endpoint_auth_method ?? 'none',
    autoRefresh: true,
    dpop: false,
    pushedAuthorizationRequests: false,
  };
  const fetch: Fetch = async (input, init) => {
    if (init.method !== 'POST') return mock.fetch(input, init);
    await world.onPost(new URLSearchParams(String(init.body)).get('refresh_token'));
    const response = await mock.fetch(input, init);
    await world.onAnswer(response);
    return response;
  };
  const discovery = createDiscovery({ fetch, clock });

  const world: World = {
    mock,
    clock,
    store,
    lock,
    connection,
    onPost: () => {},
    onAnswer: () => {},
    window(parts = {}) {
      const own = { store, lock, connection, handover: noHandover, ...parts };
      const sessions = createSessions();
      const vault = createVault(() => own.store, own.store);
      sessions.setConnections([{ connection: own.connection, memoryOnly: false }], []);
      const events: (string | undefined)[] = [];
      sessions.onDidChange(changed => events.push(changed));
      const logged: unknown[] = [];
      const client = own.tokenClient ?? createTokenClient({ fetch, discovery, clock });
      const refresher = createRefresher({
        vault,
        lock: own.lock,
        sessions,
        clock,
        handover: own.handover,
        log: (...entry) => logged.push(entry),
        tokenClient: async () => client,
        ...(own.finished && { finished: own.finished }),
        ...(own.unshared && { unshared: own.unshared }),
        endpointsOf: (each, signal) => resolveEndpoints(each, discovery, signal),
      });
      const never = new AbortController().signal;
      return {
        sessions,
        vault,
        refresher,
        events,
        logged,
        record: () => sessions.get(id)?.record,
        import: raw =>
          storeTokens(
            { vault, lock: own.lock, sessions, clock, handover: own.handover },
            own.connection,
            raw,
            clock.now(),
            never,
          ),
        async refresh(signal, askedBy) {
          const { outcome, error } = await refresher.refresh(id, signal, askedBy);
          return error ? `${outcome} ${error.code}` : outcome;
        },
        signOut: () => signOut({ vault, sessions, lock: own.lock, clock, discard: refresher.discard }, id),
      };
    },
    next: (fault, times = 1) => mock.faults.next(times, { at: 'token', ...fault }),
    posts: () => mock.requests.filter(({ path }) => path === '/token').map(entry => entry.refresh_token),
    stored: () => JSON.parse(store.entries.get(key) ?? 'null'),
    forward(ms) {
      mock.clock.advance(ms);
      clock.advance(ms);
    },
  };
  return world;
}

/** A world with one signed-in window. */
export async function signedIn(options?: MockIssuerOptions): Promise<World & { readonly first: Window }> {
  const world = await createWorld(options);
  const first = world.window();
  await first.import(await world.mock.issueTokens());
  return Object.assign(world, { first });
}

/** Blocks its callers until a test opens it. */
export interface Gate {
  readonly pass: () => Promise<void>;
  /** Resolves when a caller has arrived. */
  readonly reached: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  let open = () => {};
  const opened = new Promise<void>(resolve => {
    open = resolve;
  });
  let reach = () => {};
  const reached = new Promise<void>(resolve => {
    reach = resolve;
  });
  return {
    pass() {
      reach();
      return opened;
    },
    reached,
    open: () => open(),
  };
}

/** Resolves when `condition` holds. The test's own timeout ends the wait. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve));
}

/** Waits some turns of the event loop, to see that something does not happen. */
export async function settled(turns = 50): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise(resolve => setImmediate(resolve));
}

/** Returns the value, or fails the test if it is undefined. */
export function present<T>(value: T | undefined): T {
  assert.ok(value !== undefined);
  return value;
}
