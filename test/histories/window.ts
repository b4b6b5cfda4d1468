import { createBroker } from '../../src/core/broker/broker.ts';
import type { BrokerAddress, BrokerSocket } from '../../src/core/broker/protocol.ts';
import { classify, WorkbenchError } from '../../src/core/errors.ts';
import { createDiscovery } from '../../src/core/issuer/discovery.ts';
import { createTokenClient } from '../../src/core/issuer/tokenEndpoint.ts';
import type { Clock, Fetch, Log } from '../../src/core/ports.ts';
import { createLoading } from '../../src/core/records/changeRecord.ts';
import type { Connection } from '../../src/core/records/connection.ts';
import { createHandover, createJournalKeys } from '../../src/core/records/journalKeys.ts';
import { createSessions, type SessionState, stateOf } from '../../src/core/records/sessions.ts';
import { storeTokens } from '../../src/core/records/storeTokens.ts';
import type { RawTokens } from '../../src/core/records/tokenSet.ts';
import { createVault } from '../../src/core/records/vault.ts';
import { createRefresher } from '../../src/core/refresh/refresher.ts';
import type { AskedBy } from '../../src/core/refresh/refreshSteps.ts';
import { handOnAndSignOut } from '../../src/core/signIn/signOut.ts';
import { openBrokerSocket } from '../../src/platform/brokerSocket.ts';
import { createFileLock } from '../../src/platform/fileLock.ts';
import type { LockTimes } from '../../src/platform/lockWait.ts';
import type { FaultyFs, FsFault, FsSignal } from './faultyFs.ts';
import { openStore } from './store.ts';

/*
 * A window in a separate process: the product's core and platform, connected as in extension.ts, with real HTTP. The
 * differences: the secret store, the pace of its clock, and that it obeys its parent.
 */

export interface Begin {
  readonly name: string;
  readonly tokenEndpoint: string;
  /** Folder of the locks. */
  readonly folder: string;
  /** File of the secret store. */
  readonly secrets: string;
  /** Milliseconds of the window's own time, as is `flush`; see store.ts. */
  readonly lag: number | 'never';
  readonly flush: number;
  /** How many times faster than real time its clock runs, so that the product's own timeouts need not be changed. */
  readonly pace: number;
  /** Milliseconds since the epoch at which the clocks of all windows of a history agree. */
  readonly epoch: number;
  readonly times: Partial<LockTimes>;
}

/** A signal that the window sends itself at this moment of its next request. */
export interface WireSignal {
  readonly when: 'beforeWire' | 'afterAnswer';
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

export interface Orders {
  begin: Begin;
  refresh: { readonly id: string; readonly askedBy: AskedBy };
  signIn: { readonly id: string; readonly raw: RawTokens };
  /** Imports tokens, which another connection may hold too. */
  import: { readonly id: string; readonly raw: RawTokens };
  signOut: { readonly id: string };
  /** Serves programs at this address, as a window does for its terminals. */
  serve: BrokerAddress;
  state: { readonly id: string };
  faults: { readonly faults: readonly FsFault[]; readonly signal?: FsSignal };
  wire: Partial<WireSignal>;
  store: { readonly fail?: 'throw' | 'empty'; readonly key?: string };
  shift: { readonly by: number };
  end: Record<never, never>;
}
export type OrderName = keyof Orders;

export interface Reply {
  readonly outcome: string;
  readonly generation: number;
  readonly state: SessionState;
  readonly token?: string;
  readonly error?: { readonly code: string; readonly data: Readonly<Record<string, unknown>> };
  /** Milliseconds between the head of the last response and the journal entry with its tokens. */
  readonly inMemory: number;
  /** Number of file system calls since faults were armed. */
  readonly calls: number;
  /** Log lines since the last reply. */
  readonly log: readonly string[];
}

const faultyFs: FaultyFs | undefined = Reflect.get(globalThis, Symbol.for('faultyFs'));
const never = new AbortController().signal;
const ids = ['a', 'b'];
let wire: WireSignal | undefined;
let shift = 0;
let answeredAt = 0;
const lines: string[] = [];

/** Real time, for the issuer and the store. */
const realNow = () => performance.timeOrigin + performance.now();

function compose({ name, tokenEndpoint, folder, secrets: file, lag, flush, pace, epoch, times }: Begin) {
  const clock: Clock = {
    now: () => Math.round(epoch + (realNow() - epoch) * pace) + shift,
    schedule(callback, delay) {
      const timer = setTimeout(callback, delay / pace);
      return () => clearTimeout(timer);
    },
  };
  const monotonic = () => performance.now() * pace;
  const log: Log = (level, event, fields = {}) => void lines.push(JSON.stringify([level, event, fields]));
  const strike = (when: WireSignal['when']) => {
    if (wire?.when !== when) return;
    const { signal } = wire;
    wire = undefined;
    process.kill(process.pid, signal);
  };
  const fetch: Fetch = async (input, init) => {
    strike('beforeWire');
    const headers = new Headers(init.headers);
    headers.set('x-window', name);
    headers.set('x-pid', String(process.pid));
    const response = await globalThis.fetch(input, { ...init, headers });
    answeredAt = performance.now();
    strike('afterAnswer');
    return response;
  };
  const connections = ids.map(
    (id): Connection => ({
      ...{ id, label: id, clientId: 'demo', tokenEndpoint, tokenEndpointAuthMethod: 'none', autoRefresh: true },
      ...{ dpop: false, pushedAuthorizationRequests: false },
    }),
  );
  const inWorld = (ms: number | 'never') => (ms === 'never' ? ms : ms / pace);
  const secrets = openStore({ file, lag: inWorld(lag), flush: flush / pace }, realNow);
  const sessions = createSessions();
  const vault = createVault(() => secrets, secrets);
  const lock = createFileLock({ folder, clock, log, times, monotonic });
  const keys = createJournalKeys({ secrets, lock, clock, log });
  const handover = createHandover({ keys, log });
  const loading = createLoading({ vault, sessions, lock, handover });
  // Requests use real time, so that a busy machine does not look like an unresponsive issuer.
  const issuerClock = { now: clock.now, schedule: realSchedule };
  const discovery = createDiscovery({ fetch, clock: issuerClock });
  const client = createTokenClient({ fetch, discovery, clock: issuerClock });
  const refresher = createRefresher({
    ...{ vault, lock, handover, sessions, clock, log },
    tokenClient: async () => client,
    endpointsOf: async () => ({ token_endpoint: tokenEndpoint }),
  });
  sessions.setConnections(
    connections.map(connection => ({ connection, memoryOnly: false })),
    [],
  );
  return { clock, log, lock, keys, handover, vault, sessions, loading, refresher, secrets, tokenEndpoint };
}

function realSchedule(callback: () => void, delay: number): () => void {
  const timer = setTimeout(callback, delay);
  return () => clearTimeout(timer);
}

type Window = ReturnType<typeof compose>;
let current: Window | undefined;
let served: BrokerSocket | undefined;

function window(): Window {
  if (current === undefined) throw new WorkbenchError('internal', { type: 'no window' });
  return current;
}

type Result = { readonly outcome: string; readonly error?: WorkbenchError };

const working = new Set<Promise<unknown>>();

/** Nothing of a finished history may affect the next one. */
async function end(): Promise<void> {
  faultyFs?.arm([]);
  wire = undefined;
  shift = 0;
  current?.secrets.fail(undefined);
  await served?.close();
  served = undefined;
  current?.refresher.dispose();
  await Promise.allSettled(working);
  current?.loading.dispose();
  current?.keys.dispose();
  current?.secrets.dispose();
  current = undefined;
}

const handlers: { readonly [Name in OrderName]: (order: Orders[Name]) => Promise<Result> } = {
  async begin(order) {
    await end();
    if (faultyFs) faultyFs.folder = order.folder;
    current = compose(order);
    await current.loading.loadNew();
    await current.keys.prepare();
    return { outcome: 'begun' };
  },
  async refresh({ id, askedBy }) {
    const { outcome, error } = await window().refresher.refresh(id, undefined, askedBy);
    return { outcome, ...(error && { error }) };
  },
  async signIn({ id, raw }) {
    const { sessions, clock, tokenEndpoint } = window();
    const connection = sessions.connection(id);
    if (connection === undefined) throw new WorkbenchError('connection_unknown');
    await storeTokens(window(), connection, raw, clock.now(), never, { tokenEndpoint });
    return { outcome: 'signedIn' };
  },
  async import({ id, raw }) {
    const { sessions, clock } = window();
    const connection = sessions.connection(id);
    if (connection === undefined) throw new WorkbenchError('connection_unknown');
    await storeTokens(window(), connection, raw, clock.now(), never);
    return { outcome: 'imported' };
  },
  async signOut({ id }) {
    await handOnAndSignOut({ ...window(), discard: window().refresher.discard }, id, never);
    return { outcome: 'signedOut' };
  },
  async serve(address) {
    const consents = { allowed: async () => {}, list: async () => [], revoke: async () => {}, forget: async () => {} };
    const broker = createBroker({ ...window(), consents, isTrusted: () => true, proof: async () => '' });
    served = await openBrokerSocket({
      address,
      asker: () => ({ kind: 'machine' }),
      answer: (_, body, asker, signal) => broker.token(asker, body, signal),
      refusal: ({ code }) => ({ reason: 'issuer', code, message: code }),
      log: window().log,
    });
    return { outcome: 'serving' };
  },
  state: async () => ({ outcome: 'state' }),
  async faults({ faults, signal }) {
    faultyFs?.arm(faults, signal);
    return { outcome: 'armed' };
  },
  async wire(order) {
    const { when, signal } = order;
    wire = when && signal && { when, signal };
    return { outcome: 'armed' };
  },
  async store({ fail, key }) {
    window().secrets.fail(fail, key);
    return { outcome: 'armed' };
  },
  async shift({ by }) {
    shift += by;
    return { outcome: 'shifted' };
  },
  async end() {
    await end();
    return { outcome: 'ended' };
  },
};

async function answer<Name extends OrderName>(name: Name, order: Orders[Name]): Promise<Reply> {
  const work = handlers[name](order);
  if (name !== 'begin' && name !== 'end') {
    working.add(work);
    const done = () => working.delete(work);
    work.then(done, done);
  }
  const result = await work.catch((error): Result => ({ outcome: 'failed', error: classify(error) }));
  const id = 'id' in order ? order.id : 'a';
  const session = current?.sessions.get(id);
  const { tokens, generation = 0 } = session?.record ?? {};
  const { outcome, error } = result;
  return {
    ...{ outcome, generation, calls: faultyFs?.calls ?? 0, log: lines.splice(0) },
    state: session && current ? stateOf(session, current.clock.now()) : 'none',
    inMemory: (faultyFs?.journalAt ?? 0) - answeredAt,
    ...(tokens?.refresh_token !== undefined && { token: tokens.refresh_token }),
    ...(error && { error: { code: error.code, data: error.data } }),
  };
}

process.on('disconnect', () => process.exit());
process.on('message', async ({ number, name, order }: { number: number; name: OrderName; order: never }) => {
  process.send?.({ number, reply: await answer(name, order) });
});
process.send?.({ ready: true });
