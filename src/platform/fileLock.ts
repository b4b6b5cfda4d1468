import { createHash, randomBytes } from 'node:crypto';
import { renameSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { WorkbenchError } from '../core/errors.ts';
import type { Clock, Lease, Log, SharedLock } from '../core/ports.ts';
import { errorCode, flush, replaceFile } from './files.ts';
import { watchFolder } from './folderWatch.ts';
import { combined, journalText, ledgerText, readJournal, readLedger, readSignOut, signOutText } from './ledgerFile.ts';
import { createClaim, type LockClaim } from './lockClaim.ts';
import { type LockFiles, lockFiles } from './lockFiles.ts';
import { type Holding, hold } from './lockHolding.ts';
import { sweep } from './lockSweep.ts';
import { acquire, type LockTimes, lockTimes } from './lockWait.ts';
import { createTurns } from './turns.ts';
import { cancelled, until } from './waiting.ts';

export interface FileLockOptions {
  /** Made when it is first needed. On a disk of this machine: network drives rename and report times as they like. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly times?: Partial<LockTimes>;
  /** Milliseconds since any moment, never set back. Whether an owner is dead must not depend on the time of day. */
  readonly monotonic?: () => number;
}

export interface FileLock extends SharedLock {
  /** Resolves when everything that was written is on the disk itself. */
  flushed(): Promise<void>;
}

/** One holder per name among all processes of this machine that are given the same folder. */
export function createFileLock(options: FileLockOptions): FileLock {
  const { folder, clock, log } = options;
  const times: LockTimes = { ...lockTimes, ...options.times };
  const monotonic = options.monotonic ?? (() => performance.now());
  const turns = createTurns();
  const flushing = pendingWork();
  let swept = false;

  async function withLock<T>(name: string, signal: AbortSignal, work: (lease: Lease) => Promise<T>): Promise<T> {
    const files = lockFiles(folder, name);
    const deadline = monotonic() + times.patience;
    const patience = { name, signal, deadline, times, clock, monotonic, log };
    return turns.take(
      name,
      turn => inTime(until(turn, signal), name, times.patience),
      async () => {
        if (signal.aborted) throw cancelled();
        const claim = createClaim(files);
        await acquire(claim, patience);
        const holding = hold(claim, { times, clock, monotonic, name, log });
        try {
          return await work(leaseOf(name, files, claim, holding));
        } finally {
          cleanUp(name, files, claim);
          await holding.end();
          if (!swept) {
            swept = true;
            void sweep(folder, clock.now());
          }
        }
      },
    );
  }

  /** The same patience for the queue in this process as for the lock itself. */
  function inTime(turn: Promise<void>, name: string, wait: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = () => reject(new WorkbenchError('lock_timeout', { connection: name }));
      const cancel = clock.schedule(late, wait);
      turn.then(resolve, reject).finally(cancel);
    });
  }

  function leaseOf(name: string, files: LockFiles, claim: LockClaim, holding: Holding): Lease {
    const lost = () => new WorkbenchError('lock_lost', { connection: name });

    function assertWanted(generation: number): number {
      const signOut = readSignOut(files, name, log);
      if (signOut && generation <= signOut.generation) {
        throw new WorkbenchError('superseded', { connection: name, signedOut: true });
      }
      return signOut?.generation ?? 0;
    }

    async function write(file: string, own: string, text: string): Promise<void> {
      if (holding.lost) throw lost();
      try {
        // Out of the owner's own folder, which is gone when the lock is: see lockClaim.ts.
        await replaceFile(file, claim.path(own), text);
      } catch (error) {
        if (errorCode(error) !== 'ENOENT' || (await holding.confirm())) throw error;
        throw lost();
      }
    }

    return {
      get lost() {
        return holding.lost;
      },
      shared: true,
      async renew() {
        if (!(await holding.confirm())) throw lost();
      },
      // Half of it tells tokens apart, and says nothing else about them.
      fingerprint: token => createHash('sha256').update(token).digest('hex').slice(0, 16),
      readLedger: async () => combined(readLedger(files, name, log)),
      async writeLedger(entry) {
        const after = assertWanted(entry.generation);
        await write(files.ledger, 'ledger', ledgerText(entry, after));
        // A sign-out that came between the two has not seen this entry; now one of the two sees the other.
        assertWanted(entry.generation);
      },
      async handOver(generation, sealed) {
        assertWanted(generation);
        await write(files.journal, 'journal', journalText(generation, sealed));
        flushing.add(flush(files.journal, folder));
      },
      takeOver: async () => readJournal(files, name, log),
    };
  }

  /** After a sign-out nothing stays but the fact. Only who holds the lock can tell that it deletes nothing newer. */
  function cleanUp(name: string, files: LockFiles, claim: LockClaim): void {
    const signOut = readSignOut(files, name, log);
    if (signOut === undefined) return;
    const { entry } = readLedger(files, name, log);
    // Into the owner's own folder, and gone with it: like a write, this fails where the lock is no longer held.
    const drop = (file: string, to: string) => {
      try {
        renameSync(file, claim.path(to));
      } catch {
        // The next holder does it.
      }
    };
    if (entry && entry.generation <= signOut.generation) drop(files.ledger, 'void-ledger');
    const journal = readJournal(files, name, log);
    if (journal && journal.generation <= signOut.generation) drop(files.journal, 'void-journal');
  }

  async function forget(name: string, generation: number, at: number): Promise<number> {
    const files = lockFiles(folder, name);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    let last = generation;
    for (;;) {
      const before = readLedger(files, name, log);
      last = Math.max(last, before.entry?.generation ?? 0, before.signOut?.generation ?? 0) + 1;
      const token = `${process.pid}-${randomBytes(16).toString('hex')}`;
      await replaceFile(files.signedOut, files.temporary(token, 'new'), signOutText(last, at));
      // What was written meanwhile by somebody who did not know of this sign-out is void as well.
      const { entry } = readLedger(files, name, log);
      if (entry === undefined || entry.generation <= last || entry.after >= last) break;
    }
    await flush(files.signedOut, folder);
    // Whoever holds the lock now cleans up when it is done.
    const claim = createClaim(files);
    if (await claim.take().catch(() => false)) {
      cleanUp(name, files, claim);
      await claim.release();
    } else await claim.withdraw();
    return last;
  }

  return {
    withLock,
    forget,
    async peek(name) {
      const files = lockFiles(folder, name);
      const ledger = combined(readLedger(files, name, log));
      const handedOver = readJournal(files, name, log);
      return { ...(ledger && { ledger }), ...(handedOver && { handedOver }) };
    },
    onDidChange: listener => watchFolder(folder, listener, log),
    flushed: flushing.done,
  };
}

/** Work that nobody waits for but the end. It never rejects. */
function pendingWork() {
  const pending = new Set<Promise<void>>();
  return {
    add(work: Promise<void>) {
      pending.add(work);
      void work.then(() => pending.delete(work));
    },
    done: async () => void (await Promise.all(pending)),
  };
}
