import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isWorkbenchError } from '../../../src/core/errors.ts';
import type { Lease, SecretVault } from '../../../src/core/ports.ts';
import { createHandover, createJournalKeys } from '../../../src/core/records/journalKeys.ts';
import { systemClock } from '../../../src/core/waiting.ts';
import { createFileLock } from '../../../src/platform/fileLock.ts';
import type { LockTimes } from '../../../src/platform/lockWait.ts';
import { laggingStore } from './laggingStore.ts';

/** One of several windows, as a process. It executes orders and reports the results. `begin` makes it a new window. */
export interface Orders {
  readonly folder: string;
  readonly times: Partial<LockTimes>;
  /** Milliseconds until this window sees what others have stored. */
  readonly lag: number | 'never';
}

export type Order =
  | { readonly type: 'begin'; readonly orders: Orders }
  | { readonly type: 'count'; readonly rounds: number }
  | { readonly type: 'hold'; readonly marks?: boolean }
  | { readonly type: 'write' }
  | { readonly type: 'refresh'; readonly stopAfter?: 'journal' | 'vault' }
  | { readonly type: 'answer'; readonly token: string };

export interface Word {
  readonly type: string;
  readonly [field: string]: unknown;
}

interface TestRecord {
  readonly generation: number;
  readonly token: string;
}

const connection = 'a';

function open(orders: Orders) {
  const events: string[] = [];
  const log = (_: unknown, event: string) => void events.push(event);
  const lock = createFileLock({ ...orders, clock: systemClock, log });
  const secrets: SecretVault = laggingStore(join(orders.folder, 'secrets'), orders.lag);
  const keys = createJournalKeys({
    secrets,
    lock,
    log,
    // Delays are a tenth of those on users' machines.
    clock: { ...systemClock, schedule: (callback, delay) => systemClock.schedule(callback, delay / 10) },
  });
  return { ...orders, events, lock, secrets, keys, handover: createHandover({ keys, log }) };
}

let opened: ReturnType<typeof open> | undefined;
const never = new AbortController().signal;
let answered: (token: string) => void = () => {};
let held: Lease | undefined;

const say = (word: Word) => void process.send?.(word);
const forEver = () => new Promise<never>(() => {});

function current(): ReturnType<typeof open> {
  if (opened === undefined) throw new Error('not begun');
  return opened;
}

async function begin(orders: Orders): Promise<void> {
  opened?.keys.dispose();
  opened = open(orders);
  say({ type: 'ready' });
}

/** Counts in an unprotected file, so that simultaneous access would show: read, wait, write. */
async function count(rounds: number): Promise<void> {
  const { folder, lock } = current();
  const file = join(folder, 'count');
  for (let round = 0; round < rounds; round++) {
    await lock.withLock(connection, never, async () => {
      const before = Number(await readFile(file, 'utf8'));
      await new Promise(setImmediate);
      await writeFile(file, String(before + 1));
    });
  }
  say({ type: 'counted' });
}

async function hold(marks = false): Promise<void> {
  await current().lock.withLock(connection, never, async lease => {
    held = lease;
    if (marks) await lease.mark({ generation: 1, intent: { at: 1 } }, 100);
    say({ type: 'held' });
    return forEver();
  });
}

/** The first action after a stop: `lost` is read before anything was awaited. */
async function write(): Promise<void> {
  const lost = held?.lost;
  const code = async (work: Promise<unknown> | undefined) => {
    try {
      await work;
      return 'written';
    } catch (error) {
      return isWorkbenchError(error) ? error.code : String(error);
    }
  };
  const ledger = await code(held?.writeLedger({ generation: 1000 }));
  const journal = await code(held?.handOver(1000, 'sealed'));
  say({ type: 'tried', lost, ledger, journal, renewed: await code(held?.renew()) });
}

/** A refresh reduced to what windows share. The parent is the issuer. */
async function refresh(stopAfter?: 'journal' | 'vault'): Promise<void> {
  const { events, lock, secrets, handover } = current();
  await lock.withLock(connection, never, async lease => {
    const ledger = await lease.readLedger();
    const text = await secrets.get(connection);
    let record: TestRecord = text === undefined ? { generation: 0, token: '' } : JSON.parse(text);
    const newer = await handover.take(await lease.takeOver(), connection, record.generation);
    if (newer && 'text' in newer) {
      record = JSON.parse(newer.text);
      await secrets.store(connection, newer.text);
    }
    if (record.generation < (ledger?.generation ?? 0)) return say({ type: 'behind', events });
    await lease.renew();
    const answer = new Promise<string>(resolve => {
      answered = resolve;
    });
    say({ type: 'post', token: record.token, generation: record.generation });
    const next: TestRecord = { generation: record.generation + 1, token: await answer };
    const sealed = JSON.stringify(next);
    await handover.give(lease, { connection, generation: next.generation }, sealed);
    if (stopAfter === 'journal') return stop();
    await secrets.store(connection, sealed);
    if (stopAfter === 'vault') return stop();
    await lease.writeLedger({ generation: next.generation });
    say({ type: 'refreshed', generation: next.generation });
  });
}

function stop(): Promise<never> {
  say({ type: 'stopped' });
  return forEver();
}

const work = {
  begin: ({ orders }: { orders: Orders }) => begin(orders),
  count: ({ rounds }: { rounds: number }) => count(rounds),
  hold: ({ marks }: { marks?: boolean }) => hold(marks),
  write,
  refresh: ({ stopAfter }: { stopAfter?: 'journal' | 'vault' }) => refresh(stopAfter),
  answer: async ({ token }: { token: string }) => answered(token),
};

process.on('message', (order: Order) => {
  const run: (order: never) => Promise<void> = work[order.type];
  run(order as never).catch(error => say({ type: 'failed', error: String(error?.stack ?? error) }));
});
