import { classify, WorkbenchError } from '../errors.ts';
import type { Lease, LedgerEntry, Log } from '../ports.ts';
import { ledgerEntry, type RecordParts } from '../records/changeRecord.ts';
import { giveRecord } from '../records/journalKeys.ts';
import { newest, type StoredRecord, sharedAlso, withoutTokens } from '../records/record.ts';
import { type Flight, pause } from '../waiting.ts';

export interface Settled {
  readonly record: StoredRecord;
  /** Another window has stored a newer generation, which is kept. */
  readonly isOvertaken: boolean;
  /** The write error, if the record is in this window's memory only. */
  readonly error?: WorkbenchError;
}

export interface WriterParts extends RecordParts {
  readonly log: Log;
}

/** Milliseconds to wait for the lock with an answer that arrived after the lock was lost. */
const patience = 20_000;

/**
 * Milliseconds until other windows surely see what was written to SecretStorage, and between two attempts to write the
 * journal.
 */
const visible = 3000;
const interval = 100;

/**
 * Writes the steps of one refresh to SecretStorage, the journal and the ledger. After a token was sent, nothing may be
 * lost.
 */
export function createWriter({ vault, lock, sessions, clock, log, handover }: WriterParts, id: string, flight: Flight) {
  /**
   * Stores a step, but only on the generation that was sent: a refresh that another window has overtaken writes
   * nothing. If the store fails twice, the step counts in this window only, and the next refresh stores it.
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

  /** Checks whether a window that stood still for long has kept its lock after all. */
  async function renewLease(lease: Lease): Promise<void> {
    if (lease.lost) await lease.renew().catch(() => {});
  }

  /**
   * Writes the record to the journal for the other windows and the next start. Throws only if the user has signed out
   * in another window; after any other failure the record is in SecretStorage alone. If the lock is lost, nothing is
   * written, because the journal belongs to another window.
   * @throws WorkbenchError `superseded`
   */
  async function publishRecord(lease: Lease, record: StoredRecord): Promise<'given' | 'failed' | 'lost'> {
    await renewLease(lease);
    assertNotDiscarded();
    try {
      await giveRecord(handover, lease, record);
    } catch (error) {
      const failure = classify(error);
      log('warn', 'record not left for other windows', { connection: id, error: failure });
      if (failure.code === 'superseded') await signedOutElsewhere(lease, record, failure);
      return failure.code === 'lock_lost' ? 'lost' : 'failed';
    }
    return 'given';
  }

  /**
   * Retries `publishRecord` for an answer that is not on the disk yet. Until the journal is written, other windows know
   * only of a request without an answer and would send it again. So the lock is kept until their SecretStorage shows
   * the record.
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
   * Writes the ledger. A failed write does not fail the refresh: at worst another window waits longer than it needs to.
   * If the lock is lost, nothing is written, because the ledger belongs to another window.
   * @throws WorkbenchError `superseded` if the user has signed out in another window
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
   * Publishes an answer that arrived after the lock was lost. Waits up to `patience` for the process that holds the
   * lock now. If that process has stored a newer record, this one is dropped.
   * @throws WorkbenchError `superseded`
   */
  async function publishLate(answer: StoredRecord): Promise<void> {
    const record = sessions.get(id)?.record;
    if (record?.generation !== answer.generation || record.tokens === undefined) return;
    try {
      const signal = AbortSignal.any([flight.discarded, AbortSignal.timeout(patience)]);
      await lock.withLock(id, signal, async lease => {
        const entry = ledgerEntry(lease, record);
        const { generation = 0, fingerprint, family } = (await lease.readLedger()) ?? {};
        const isMine = generation === record.generation && fingerprint === entry.fingerprint;
        if (generation >= record.generation && !isMine) return;
        await publishRecord(lease, record);
        await publishLedger(lease, sharedAlso(record, family));
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
    const gone = await storeStep(record, current => withoutTokens(current, generation));
    sessions.apply(gone.record);
    throw failure;
  }

  /**
   * Throws if a sign-out in another window has voided this record. That sign-out may not have seen it: the record may
   * have been in SecretStorage but not yet in the journal or the ledger.
   * @throws WorkbenchError `superseded` if the user has signed out in another window
   */
  async function assertSignedIn(lease: Lease, record: StoredRecord): Promise<void> {
    const { signedOutAt, generation = 0 } = (await lease.readLedger()) ?? {};
    if (signedOutAt === undefined || record.generation > generation || record.tokens === undefined) return;
    const failure = new WorkbenchError('superseded', { connection: id, signedOut: true });
    await signedOutElsewhere(lease, record, failure);
  }

  /** @throws WorkbenchError `superseded` if the user has signed out in this window */
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
