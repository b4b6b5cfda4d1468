import { WorkbenchError } from './errors.ts';
import type { Clock, Lease, LedgerEntry, SharedLock } from './ports.ts';

/** Ways of waiting: for a delay, for work that the caller may leave or shares with others, and for a turn in a queue. */

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

/** One running piece of work, as seen by the work itself. */
export interface Flight {
  /** Aborted by `discard`, by `callOff` and when the last caller has left: nothing new may be sent. */
  readonly signal: AbortSignal;
  /** Aborted by `discard` alone: the result of the work is dropped. */
  readonly discarded: AbortSignal;
  /** Set by the work when it cannot be undone any more. A caller that leaves later does not cancel it. */
  sent: boolean;
}

/**
 * Callers with the same id share one piece of work. Refreshes need this, because two at once can void the tokens (RFC
 * 9700 §4.14); for requests of metadata it saves requests.
 */
interface Flights<T> {
  /**
   * Joins the work that is running for `id`, or starts it. Aborting `signal` ends the wait of this caller. When the
   * last caller leaves and nothing has been sent, the work is cancelled.
   * @throws WorkbenchError `cancelled` with `sent`
   */
  join(id: string, signal: AbortSignal | undefined, start: (flight: Flight) => Promise<T>): Promise<T>;
  /** False if this work was cancelled and newer work for `id` has started. */
  isCurrent(id: string, flight: Flight): boolean;
  /** Cancels all work for `id` and drops its results. */
  discard(id: string): void;
  /** Cancels all work that has not been sent yet. */
  callOff(): void;
}

interface Entry<T> extends Flight {
  readonly id: string;
  readonly abort: AbortController;
  readonly drop: AbortController;
  readonly result: Promise<T>;
  waiting: number;
}

export function createFlights<T>(): Flights<T> {
  /** The work that callers join. */
  const current = new Map<string, Entry<T>>();
  /** The work of `current`, and cancelled work that has not ended yet. */
  const all = new Set<Entry<T>>();

  function launch(id: string, start: (flight: Flight) => Promise<T>): Entry<T> {
    const abort = new AbortController();
    const drop = new AbortController();
    const flight = { id, abort, drop, signal: abort.signal, discarded: drop.signal, sent: false, waiting: 0 };
    const entry: Entry<T> = Object.assign(flight, {
      // Deferred to a microtask, so that `isCurrent` is already true when the work starts.
      result: Promise.resolve().then(() => start(entry)),
    });
    current.set(id, entry);
    all.add(entry);
    const land = () => {
      all.delete(entry);
      if (current.get(id) === entry) current.delete(id);
    };
    entry.result.then(land, land);
    return entry;
  }

  return {
    join(id, signal, start) {
      if (signal?.aborted) return Promise.reject(new WorkbenchError('cancelled', { sent: false }));
      const known = current.get(id);
      const entry = known === undefined || known.signal.aborted ? launch(id, start) : known;
      entry.waiting++;
      return signal === undefined ? entry.result : orLeave(entry, signal);
    },
    isCurrent: (id, flight) => current.get(id) === flight,
    discard(id) {
      for (const entry of all) {
        if (entry.id !== id) continue;
        entry.drop.abort();
        entry.abort.abort();
      }
    },
    callOff() {
      for (const entry of all) entry.abort.abort();
    },
  };
}

function orLeave<T>(entry: Entry<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      entry.waiting--;
      if (entry.waiting === 0 && !entry.sent) entry.abort.abort();
      reject(new WorkbenchError('cancelled', { sent: entry.sent }));
    };
    const stay = () => signal.removeEventListener('abort', leave);
    signal.addEventListener('abort', leave, { once: true });
    entry.result.then(resolve, reject);
    entry.result.then(stay, stay);
  });
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
