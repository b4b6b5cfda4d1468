import { WorkbenchError } from './errors.ts';
import type { Clock, Lease, LedgerEntry, SharedLock } from './ports.ts';

/** Ways of waiting: for a delay, for work that the caller may leave, and for a turn in a queue. */

export function cancelled(): WorkbenchError {
  return new WorkbenchError('cancelled', { sent: false });
}

/** Waits for `promise` until `signal` is aborted. @throws WorkbenchError `cancelled` */
export function until<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(cancelled());
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/** Resolves after `delay` milliseconds. @throws WorkbenchError `cancelled` */
export async function pause(clock: Clock, delay: number, signal?: AbortSignal): Promise<void> {
  let cancel = () => {};
  const over = new Promise<void>(resolve => {
    cancel = clock.schedule(resolve, delay);
  });
  try {
    await (signal ? until(over, signal) : over);
  } finally {
    cancel();
  }
}

/** A queue per name for the callers of one process: they run one at a time, in the order in which they came. */
export interface Turns {
  /**
   * Runs `work` when all callers before have finished. `wait` gets a promise of that moment. If `wait` rejects, the
   * caller gives up its place in the queue and the next one moves up.
   */
  take<T>(name: string, work: () => Promise<T>, wait?: (turn: Promise<void>) => Promise<void>): Promise<T>;
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<void>>();
  return {
    async take(name, work, wait = turn => turn) {
      const before = last.get(name) ?? Promise.resolve();
      let done: () => void = () => {};
      const mine = new Promise<void>(resolve => {
        done = resolve;
      });
      const turn = before.then(() => mine);
      last.set(name, turn);
      try {
        await wait(before);
        return await work();
      } finally {
        done();
        // Only after all callers before: a caller that gives up must not let the next one overtake them.
        void turn.then(() => {
          if (last.get(name) === turn) last.delete(name);
        });
      }
    },
  };
}

/** Makes a value when it is first needed. A failure is not kept: the next caller tries again. */
export function lazy<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    if (made === undefined) {
      const attempt = make();
      made = attempt;
      attempt.catch(() => {
        if (made === attempt) made = undefined;
      });
    }
    return made;
  };
}

interface Listeners<Told extends unknown[]> {
  /** Returns the unsubscribe function. */
  add(listener: (...told: Told) => void): () => void;
  /**
   * Calls every listener. An error thrown by a listener stops neither the others nor the caller; the host reports it.
   */
  tell(...told: Told): void;
}

export function createListeners<Told extends unknown[]>(): Listeners<Told> {
  const listeners = new Set<(...told: Told) => void>();
  return {
    add(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell(...told) {
      for (const listener of [...listeners]) {
        try {
          listener(...told);
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
}

export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(callback, delay) {
    const timer = setTimeout(callback, delay);
    return () => clearTimeout(timer);
  },
};

/** A lock among the callers of this window, for stores that no other window shares. The ledger is in memory. */
export function createLocalLock(): SharedLock {
  const turns = createTurns();
  const ledger = new Map<string, LedgerEntry>();

  function covered(name: string, generation: number): void {
    const { signedOutAt, generation: last = 0 } = ledger.get(name) ?? {};
    if (signedOutAt !== undefined && generation <= last) {
      throw new WorkbenchError('superseded', { connection: name, signedOut: true });
    }
  }

  const leaseOf = (name: string): Lease => ({
    lost: false,
    shared: false,
    renew: async () => {},
    // No other window reads the ledger, so there is nothing to compare.
    fingerprint: () => '',
    readLedger: async () => ledger.get(name),
    writeLedger: async entry => {
      covered(name, entry.generation);
      ledger.set(name, entry);
    },
    mark: async entry => {
      covered(name, entry.generation);
      ledger.set(name, entry);
    },
    voidBelow: async () => {},
    // No other window reads the journal, and records in memory end with this window.
    handOver: async generation => covered(name, generation),
    takeOver: async () => undefined,
  });

  return {
    withLock: (name, signal, work) =>
      new Promise((resolve, reject) => {
        const giveUp = () => reject(cancelled());
        if (signal.aborted) return giveUp();
        signal.addEventListener('abort', giveUp, { once: true });
        const enter = async () => {
          signal.removeEventListener('abort', giveUp);
          if (!signal.aborted) resolve(await work(leaseOf(name)));
        };
        // A caller that gives up keeps its place in the queue: if the next one moved up early, it would enter beside
        // the holder.
        turns.take(name, enter).catch(reject);
      }),
    peek: async name => {
      const entry = ledger.get(name);
      return entry === undefined ? {} : { ledger: entry };
    },
    forget: async (name, generation, at) => {
      const last = Math.max(generation, ledger.get(name)?.generation ?? 0) + 1;
      ledger.set(name, { generation: last, signedOutAt: at });
      return last;
    },
    onDidChange: () => () => {},
  };
}

/**
 * Uses a local lock for connections that are kept in memory, so that they leave nothing on the disk. No other window
 * can share them anyway.
 */
export function routeLock(isMemoryOnly: (name: string) => boolean, shared: SharedLock, local: SharedLock): SharedLock {
  const of = (name: string) => (isMemoryOnly(name) ? local : shared);
  return {
    withLock: (name, ...asked) => of(name).withLock(name, ...asked),
    peek: name => of(name).peek(name),
    forget: (name, generation, at) => of(name).forget(name, generation, at),
    onDidChange: listener => shared.onDidChange(listener),
  };
}
