import { classify, WorkbenchError } from '../errors.ts';
import type { Lease, LedgerEntry, Log } from '../ports.ts';
import { ledgerEntry, type RecordParts } from '../records/changeRecord.ts';
import { handRecord } from '../records/journalKeys.ts';
import { emptied, newest, type StoredRecord } from '../records/record.ts';
import { pause } from '../waiting.ts';

export interface Settled {
  readonly record: StoredRecord;
  /** Another window has stored a newer generation, which stays. */
  readonly isOvertaken: boolean;
  /** Why the record is in this window's memory only. */
  readonly error?: WorkbenchError;
}

export interface WriterParts extends RecordParts {
  readonly log: Log;
}

/** Milliseconds to wait for the lock with an answer that came when it was lost. */
const patience = 20_000;

/** The same for a store to show other windows what was written to it, and between two attempts at the journal. */
const visible = 3000;
const interval = 100;

/** Writes down the steps of one refresh. Once a token was sent, nothing may be lost. */
export function createWriter({ vault, lock, sessions, clock, log, handover }: WriterParts, id: string, flight: Flight) {
  /**
   * Stores a step, on the generation that was sent only: an overtaken refresh never writes. Where the store fails twice,
   * the step still counts in this window, and the next refresh stores it.
   */
  async function storeStep(sent: StoredRecord, change: (record: StoredRecord) => StoredRecord): Promise<Settled> {
    let isOvertaken = false;
    const write = (stored: StoredRecord | undefined) => {
      assertNotDiscarded();
      const current = newest(stored, sent);
      isOvertaken = current.generation > sent.generation;
      return isOvertaken ? current : change(current);
    };
    const update = async () => ({ record: await vault.update(id, write), isOvertaken });
    try {
      return await update().catch(update);
    } catch (error) {
      const failure = classify(error);
      if (failure.code === 'superseded') throw failure;
      log('error', 'record not stored', { connection: id, error: failure });
      const record = write(undefined);
      return { record, isOvertaken: false, error: failure };
    }
  }

  /** A window that stood still and kept its lock finds that out here. */
  async function renewLease(lease: Lease): Promise<void> {
    if (lease.lost) await lease.renew().catch(() => {});
  }

  /**
   * Leaves an answer for the other windows and the next start. Only a sign-out in another window makes it throw: after any
   * other failure the record is in SecretStorage alone. After the lock is lost, the journal belongs to another window.
   * @throws WorkbenchError `superseded`
   */
  async function publishRecord(lease: Lease, record: StoredRecord): Promise<'given' | 'failed' | 'lost'> {
    await renewLease(lease);
    assertNotDiscarded();
    try {
      await handRecord(handover, lease, record);
    } catch (error) {
      const failure = classify(error);
      log('warn', 'record not left for other windows', { connection: id, error: failure });
      if (failure.code === 'superseded') await signedOutElsewhere(lease, record, failure);
      return failure.code === 'lock_lost' ? 'lost' : 'failed';
    }
    return 'given';
  }

  /**
   * The same for an answer that is on no disk yet. While the journal cannot be written other windows know of a request
   * without an answer and would ask again: the lock is kept until their stores show what this one stores.
   */
  async function publishAgain(lease: Lease, record: StoredRecord): Promise<boolean> {
    for (let waited = 0; waited < visible; waited += interval) {
      await pause(clock, interval, flight.discarded).catch(() => {});
      assertNotDiscarded();
      const given = await publishRecord(lease, record);
      if (given !== 'failed') return given === 'given';
    }
    return true;
  }

  /**
   * A failed write does not fail the refresh: at worst another window waits in vain. After the lock is lost, the ledger
   * belongs to another window.
   * @throws WorkbenchError `superseded` where the user has signed out in another window: that wins
   */
  async function publishLedger(
    lease: Lease,
    record: StoredRecord,
    notes: Pick<LedgerEntry, 'notBefore' | 'notedAt'> = {},
  ): Promise<void> {
    await renewLease(lease);
    if (lease.lost) return;
    try {
      await lease.writeLedger({ ...ledgerEntry(lease, record), ...notes });
    } catch (error) {
      const failure = classify(error);
      log('warn', 'ledger not written', { connection: id, error: failure });
      if (failure.code === 'superseded') await signedOutElsewhere(lease, record, failure);
    }
  }

  /**
   * Leaves an answer for the others that arrived after the lock was lost. Waits
   * for the process that holds the lock now, and only so long: it may have stored a newer record, which stays.
   * @throws WorkbenchError `superseded`
   */
  async function publishLate(answer: StoredRecord): Promise<void> {
    const record = sessions.get(id)?.record;
    if (record?.generation !== answer.generation || record.tokens === undefined) return;
    try {
      const signal = AbortSignal.any([flight.discarded, AbortSignal.timeout(patience)]);
      await lock.withLock(id, signal, async lease => {
        const entry = ledgerEntry(lease, record);
        const { generation = 0, fingerprint } = (await lease.readLedger()) ?? {};
        const isMine = generation === record.generation && fingerprint === entry.fingerprint;
        if (generation >= record.generation && !isMine) return;
        await publishRecord(lease, record);
        await publishLedger(lease, record);
      });
    } catch (error) {
      const failure = classify(error);
      if (failure.code === 'superseded') throw failure;
      assertNotDiscarded();
      log('warn', 'late answer not left for other windows', { connection: id, error: failure });
    }
  }

  async function signedOutElsewhere(lease: Lease, record: StoredRecord, failure: WorkbenchError): Promise<never> {
    const ledger = await lease.readLedger();
    const generation = Math.max(record.generation, ledger?.generation ?? 0);
    const gone = await storeStep(record, current => emptied(current, generation));
    sessions.apply(gone.record);
    throw failure;
  }

  /**
   * For a record that was stored without journal and ledger: a sign-out meanwhile has not seen it.
   * @throws WorkbenchError `superseded` where the user has signed out in another window
   */
  async function assertSignedIn(lease: Lease, record: StoredRecord): Promise<void> {
    const { signedOutAt, generation = 0 } = (await lease.readLedger()) ?? {};
    if (signedOutAt === undefined || record.generation > generation || record.tokens === undefined) return;
    const failure = new WorkbenchError('superseded', { connection: id, signedOut: true });
    await signedOutElsewhere(lease, record, failure);
  }

  /** @throws WorkbenchError `superseded` where the user has signed out in this window */
  function assertNotDiscarded(): void {
    if (flight.discarded.aborted) throw new WorkbenchError('superseded', { connection: id, signedOut: true });
  }

  return {
    storeStep,
    renewLease,
    publishRecord,
    publishAgain,
    publishLate,
    publishLedger,
    assertNotDiscarded,
    assertSignedIn,
  };
}

/** One piece of work under way, as the work itself sees it. */
export interface Flight {
  /** Aborted when no caller waits any more, by `discard` and by `callOff`: nothing new may be sent. */
  readonly signal: AbortSignal;
  /** Aborted by `discard` alone: whatever the work still brings is dropped. */
  readonly discarded: AbortSignal;
  /** Set by the work when it cannot be undone any more: a caller that leaves then no longer calls it back. */
  sent: boolean;
}

/** Single flight: callers for one id share one piece of work (RFC 9700 §4.14 makes two of them dangerous). */
interface Flights<T> {
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
