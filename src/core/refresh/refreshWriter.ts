import { classify, WorkbenchError } from '../errors.ts';
import type { Lease, LedgerEntry, Log } from '../ports.ts';
import { ledgerEntry, type RecordParts } from '../records/changeRecord.ts';
import { handRecord } from '../records/handover.ts';
import { emptied, newest, type StoredRecord } from '../records/record.ts';
import { pause } from '../waiting.ts';
import type { Flight } from './flight.ts';

export interface Settled {
  readonly record: StoredRecord;
  /** Somebody else has stored a newer generation, which stays. */
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

/** How one refresh writes down what has happened, once something was sent and nothing may be lost any more. */
export function createWriter({ vault, lock, sessions, clock, log, handover }: WriterParts, id: string, flight: Flight) {
  /**
   * Stores a step, on the generation that was sent and no other: a loser never writes. Where the store fails, twice,
   * the step still counts in this window, and the next refresh stores it.
   */
  async function settle(sent: StoredRecord, change: (record: StoredRecord) => StoredRecord): Promise<Settled> {
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

  /** Who stood still, and was not taken over, finds that out here. */
  async function confirm(lease: Lease): Promise<void> {
    if (lease.lost) await lease.renew().catch(() => {});
  }

  /**
   * Leaves an answer for the other windows and the next start. Nothing fails of it but what a sign-out in another
   * window forbids: without it the store is the only place. A lost lock's journal is another's.
   * @throws WorkbenchError `superseded`
   */
  async function handOn(lease: Lease, record: StoredRecord): Promise<'given' | 'failed' | 'lost'> {
    await confirm(lease);
    assertNotDiscarded();
    try {
      await handRecord(handover, lease, record);
    } catch (error) {
      const failure = classify(error);
      log('warn', 'record not handed over', { connection: id, error: failure });
      if (failure.code === 'superseded') await signedOutElsewhere(lease, record, failure);
      return failure.code === 'lock_lost' ? 'lost' : 'failed';
    }
    return 'given';
  }

  /**
   * The same for an answer that is on no disk yet. While the journal cannot be written other windows know of a request
   * without an answer and would ask again: the lock is kept until their stores show what this one stores.
   */
  async function handOnAgain(lease: Lease, record: StoredRecord): Promise<boolean> {
    for (let waited = 0; waited < visible; waited += interval) {
      await pause(clock, interval, flight.discarded).catch(() => {});
      assertNotDiscarded();
      const given = await handOn(lease, record);
      if (given !== 'failed') return given === 'given';
    }
    return true;
  }

  /**
   * A refresh does not fail of it: at worst another window waits for nothing. A lost lock's ledger is another's.
   * @throws WorkbenchError `superseded` where somebody has signed out in another window: that wins
   */
  async function tellOthers(
    lease: Lease,
    record: StoredRecord,
    notes: Pick<LedgerEntry, 'notBefore' | 'notedAt'> = {},
  ): Promise<void> {
    await confirm(lease);
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
   * Leaves an answer for the others that came when the lock had been lost, and so could not be left under it. Waits
   * for whoever holds the lock now, and only so long: that one may have stored something newer, which stays.
   * @throws WorkbenchError `superseded`
   */
  async function handOnLate(answer: StoredRecord): Promise<void> {
    const record = sessions.get(id)?.record;
    if (record?.generation !== answer.generation || record.tokens === undefined) return;
    try {
      const signal = AbortSignal.any([flight.discarded, AbortSignal.timeout(patience)]);
      await lock.withLock(id, signal, async lease => {
        const entry = ledgerEntry(lease, record);
        const { generation = 0, fingerprint } = (await lease.readLedger()) ?? {};
        const isMine = generation === record.generation && fingerprint === entry.fingerprint;
        if (generation >= record.generation && !isMine) return;
        await handOn(lease, record);
        await tellOthers(lease, record);
      });
    } catch (error) {
      const failure = classify(error);
      if (failure.code === 'superseded') throw failure;
      assertNotDiscarded();
      log('warn', 'late answer not handed over', { connection: id, error: failure });
    }
  }

  async function signedOutElsewhere(lease: Lease, record: StoredRecord, failure: WorkbenchError): Promise<never> {
    const ledger = await lease.readLedger();
    const generation = Math.max(record.generation, ledger?.generation ?? 0);
    const gone = await settle(record, current => emptied(current, generation));
    sessions.apply(gone.record);
    throw failure;
  }

  /**
   * Of a record that was stored without anything else being written down: a sign-out that came meanwhile has not seen it.
   * @throws WorkbenchError `superseded` where somebody has signed out in another window
   */
  async function assertSignedIn(lease: Lease, record: StoredRecord): Promise<void> {
    const { signedOutAt, generation = 0 } = (await lease.readLedger()) ?? {};
    if (signedOutAt === undefined || record.generation > generation || record.tokens === undefined) return;
    const failure = new WorkbenchError('superseded', { connection: id, signedOut: true });
    await signedOutElsewhere(lease, record, failure);
  }

  /** @throws WorkbenchError `superseded` where somebody has signed out in this window */
  function assertNotDiscarded(): void {
    if (flight.discarded.aborted) throw new WorkbenchError('superseded', { connection: id, signedOut: true });
  }

  return { settle, confirm, handOn, handOnAgain, handOnLate, tellOthers, assertNotDiscarded, assertSignedIn };
}
