import { WorkbenchError } from '../errors.ts';

/** One piece of work under way, as the work itself sees it. */
export interface Flight {
  /** Aborted when nobody waits any more, by `discard` and by `callOff`: nothing new may be sent. */
  readonly signal: AbortSignal;
  /** Aborted by `discard` alone: whatever the work still brings is dropped. */
  readonly discarded: AbortSignal;
  /** Set by the work when it cannot be undone any more: callers who leave then no longer call it back. */
  sent: boolean;
}

/** Single flight: callers for one id share one piece of work (RFC 9700 §4.14 makes two of them dangerous). */
export interface Flights<T> {
  /**
   * Waits for the work that is under way for `id`, or starts it. Aborting `signal` ends this caller's wait, and
   * the last one to leave calls the work back where it is not sent yet.
   * @throws WorkbenchError `cancelled` with `sent`
   */
  join(id: string, signal: AbortSignal | undefined, start: (flight: Flight) => Promise<T>): Promise<T>;
  /** False for work that was called back and has been followed by other work. */
  isCurrent(id: string, flight: Flight): boolean;
  /** Calls all work for `id` back and drops what it brings. */
  discard(id: string): void;
  /** Calls all work back that is not sent yet. */
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
  /** And that which was called back and has not ended yet. */
  const all = new Set<Entry<T>>();

  function launch(id: string, start: (flight: Flight) => Promise<T>): Entry<T> {
    const abort = new AbortController();
    const drop = new AbortController();
    const flight = { id, abort, drop, signal: abort.signal, discarded: drop.signal, sent: false, waiting: 0 };
    const entry: Entry<T> = Object.assign(flight, {
      // One turn later, so that the work finds itself to be the current one.
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
