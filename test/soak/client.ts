import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { createDiscovery, resolveEndpoints } from '../../src/core/issuer/discovery.ts';
import { createTokenClient } from '../../src/core/issuer/tokenEndpoint.ts';
import type { Fetch } from '../../src/core/ports.ts';
import type { Connection } from '../../src/core/records/connection.ts';
import { createHandover, createJournalKeys } from '../../src/core/records/journalKeys.ts';
import { createSessions } from '../../src/core/records/sessions.ts';
import { storeTokens } from '../../src/core/records/storeTokens.ts';
import type { RawTokens } from '../../src/core/records/tokenSet.ts';
import { createMemoryStore, createVault } from '../../src/core/records/vault.ts';
import { startAutoRefresh } from '../../src/core/refresh/autoRefresh.ts';
import { createRefresher } from '../../src/core/refresh/refresher.ts';
import { systemClock as clock } from '../../src/core/waiting.ts';
import { createFileLock } from '../../src/platform/fileLock.ts';

export interface SoakOptions {
  readonly issuer: string;
  readonly signIn: () => Promise<RawTokens>;
  readonly connections: number;
  /** Milliseconds. */
  readonly duration: number;
  /** Folder for the files of the lock among windows. */
  readonly folder: string;
  readonly progress: (text: string) => void;
}

export interface SoakResult {
  readonly refreshes: number;
  /** Failed refreshes by error code, whether or not the next one succeeded. */
  readonly failures: Readonly<Record<string, number>>;
  /** Tokens that expired before their successor arrived. */
  readonly missed: number;
  /** The least time left at a refresh in milliseconds; negative if it was late. */
  readonly leastLeft: number;
  /** Bytes of heap in use after garbage collection: after settling, half way, and at the end. */
  readonly heap: readonly [number, number, number];
  /** Milliseconds by which the event loop was late. */
  readonly delay: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Percent of one core. */
  readonly cpu: number;
  /** What the machine does without the product, in milliseconds; see `startIdle` and `timeFile`. */
  readonly machine: { readonly idleP99: number; readonly file: number };
}

/** Milliseconds between two samples of the event loop. */
const resolution = 10;

/**
 * Refreshes connections automatically for a while. They are built as in extension.ts, except that their store is in
 * memory.
 */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { issuer, folder, duration, progress } = options;
  const fetch: Fetch = (input, init) => globalThis.fetch(input, init);
  const sessions = createSessions();
  const store = createMemoryStore();
  const vault = createVault(() => store, store);
  const discovery = createDiscovery({ fetch, clock });
  const client = createTokenClient({ fetch, discovery, clock });
  const log = () => {};
  const lock = createFileLock({ folder, clock, log });
  const handover = createHandover({ keys: createJournalKeys({ secrets: store, lock, clock, log }), log });
  const refresher = createRefresher({
    vault,
    lock,
    handover,
    sessions,
    clock,
    log,
    tokenClient: async () => client,
    endpointsOf: (connection, signal) => resolveEndpoints(connection, discovery, signal),
  });
  const connections = Array.from({ length: options.connections }, (_, index) => connectionOf(index, issuer));
  sessions.setConnections(
    connections.map(connection => ({ connection, memoryOnly: false })),
    [],
  );

  const ends = new Map<string, { generation: number; expiresAt: number; at: number }>();
  const failures: Record<string, number> = {};
  let refreshes = 0;
  let missed = 0;
  let leastLeft = Number.POSITIVE_INFINITY;
  /** @param expiresAt of the token that must have been replaced by now */
  const followed = (expiresAt: number) => {
    const left = expiresAt - clock.now();
    leastLeft = Math.min(leastLeft, left);
    if (left <= 0) missed++;
  };
  sessions.onDidChange(id => {
    const session = id === undefined ? undefined : sessions.get(id);
    const { record, lastRefresh } = session ?? {};
    if (id === undefined || record?.tokens?.expires_at === undefined) return;
    const before = ends.get(id);
    if (before && record.generation > before.generation) {
      refreshes++;
      followed(before.expiresAt);
    }
    const at = lastRefresh?.at ?? 0;
    if (lastRefresh?.error && at !== before?.at)
      failures[lastRefresh.error.code] = (failures[lastRefresh.error.code] ?? 0) + 1;
    ends.set(id, { generation: record.generation, expiresAt: record.tokens.expires_at, at });
  });

  const never = new AbortController().signal;
  const parts = { vault, lock, handover, sessions, clock };
  const autoRefresh = startAutoRefresh({
    sessions,
    refresher,
    clock,
    jitter: 0.5,
    allowed: () => true,
  });
  for (const connection of connections) {
    await storeTokens(parts, connection, await options.signIn(), clock.now(), never);
  }
  // Code is compiled, connections are open and refreshes planned. From here on memory must not grow.
  await pause(Math.max(10_000, duration / 15));
  const heap: number[] = [usedHeap()];
  const cpu = process.cpuUsage();
  const since = clock.now();
  const delay = monitorEventLoopDelay({ resolution });
  const idle = startIdle();
  delay.enable();
  for (let half = 1; half <= 2; half++) {
    const until = since + (duration * half) / 2;
    while (clock.now() < until) {
      await pause(Math.min(30_000, until - clock.now()));
      progress(`${refreshes} refreshes, ${missed} missed`);
    }
    // The collection blocks the event loop, and happens only for the measurement.
    delay.disable();
    heap.push(usedHeap());
    delay.enable();
  }
  delay.disable();
  const { user, system } = process.cpuUsage(cpu);
  const elapsed = clock.now() - since;
  const machine = { file: timeFile(folder), idleP99: await idle.end() };
  autoRefresh.dispose();
  refresher.dispose();
  for (const { expiresAt } of ends.values()) if (expiresAt <= clock.now()) followed(expiresAt);
  /** Without the sampling interval of the measurement itself. */
  const ms = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolution);
  return {
    refreshes,
    failures,
    missed,
    leastLeft,
    heap: [heap[0] ?? 0, heap[1] ?? 0, heap[2] ?? 0],
    delay: { p50: ms(delay.percentile(50)), p99: ms(delay.percentile(99)), max: ms(delay.max) },
    cpu: ((user + system) / 1000 / elapsed) * 100,
    machine,
  };
}

/** A thread without work, whose event loop is late only when the machine has no processor for it. */
function startIdle(): { end(): Promise<number> } {
  const code = `
    const { parentPort } = require('node:worker_threads');
    const delay = require('node:perf_hooks').monitorEventLoopDelay({ resolution: ${resolution} });
    delay.enable();
    parentPort.once('message', () => parentPort.postMessage(delay.percentile(99) / 1e6 - ${resolution}));`;
  const worker = new Worker(code, { eval: true });
  return {
    async end() {
      worker.postMessage('end');
      const [p99] = await once(worker, 'message');
      return Math.max(0, Number(p99));
    },
  };
}

/**
 * The median time to make, rename and remove a file. A refresh does each of it several times, in the thread of the event
 * loop. An ext4 without a journal takes milliseconds for it after many removals: it looks at every inode that was
 * removed in the last minutes before it makes a file.
 */
function timeFile(folder: string): number {
  const temporary = mkdtempSync(join(folder, 'time-'));
  const [one, other] = [join(temporary, 'one'), join(temporary, 'other')];
  const times = Array.from({ length: 100 }, () => {
    const since = performance.now();
    writeFileSync(one, 'x'.repeat(1000));
    renameSync(one, other);
    rmSync(other);
    return performance.now() - since;
  });
  rmSync(temporary, { recursive: true });
  return times.sort((one, other) => one - other)[50] ?? 0;
}

function connectionOf(index: number, issuer: string): Connection {
  return {
    id: `soak-${index}`,
    label: `Soak ${index}`,
    issuer,
    clientId: 'demo',
    tokenEndpointAuthMethod: 'none',
    autoRefresh: true,
    dpop: false,
    pushedAuthorizationRequests: false,
  };
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

function usedHeap(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  // Twice, because the first one only frees what finalisers release.
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
