import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { renameSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isWorkbenchError, WorkbenchError } from '../core/errors.ts';
import type { Clock, HistoryStore, Lease, LedgerEntry, LockUse, Log, SharedLock } from '../core/ports.ts';
import { cancelled, createTurns, pause, until } from '../core/waiting.ts';
import { type Draft, errorCode, flushNames, move, openDraft, readText, remove, replaceFile } from './files.ts';
import {
  combineSignOut,
  journalText,
  ledgerText,
  readJournal,
  readLedger,
  readSignOut,
  signOutText,
  unavailable,
  undamagedValue,
} from './ledgerFile.ts';
import {
  createClaim,
  fileName,
  type LockClaim,
  type LockFiles,
  lockFiles,
  removeLeftovers,
  watchFolder,
} from './lockClaim.ts';
import { acquire, type Holding, hold, type LockTimes, lockTimes } from './lockWait.ts';

export interface FileLockOptions {
  /** Created when first needed. Must be on a local disk: on network drives, renames and file times are unreliable. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly times?: Partial<LockTimes>;
  /** A clock in milliseconds that is never set back. Whether an owner is dead must not depend on the time of day. */
  readonly monotonic?: () => number;
}

export interface FileLock extends SharedLock {
  /** Resolves when everything written so far is synced to the disk. */
  flushed(): Promise<void>;
}

interface HeldLease extends Lease {
  close(): void;
  /** True if an answer has arrived and could not be written to the journal. */
  hasUnwrittenAnswer(): boolean;
  /** Tries to write that answer again. Never rejects. */
  retryAnswer(): Promise<void>;
}

/** How many generations to skip if those of other windows cannot be read. */
const generationGap = 1024;

/** A lock with one holder per name among all processes of this machine that use the same folder. */
export function createFileLock(options: FileLockOptions): FileLock {
  const { folder, clock, log } = options;
  const times: LockTimes = { ...lockTimes, ...options.times };
  const monotonic = options.monotonic ?? (() => performance.now());
  const turns = createTurns();
  const flushing = pendingWork();
  let swept = false;

  async function withLock<T>(
    name: string,
    signal: AbortSignal,
    work: (lease: Lease) => Promise<T>,
    use: LockUse = 'any',
  ): Promise<T> {
    const files = lockFiles(folder, name);
    const deadline = monotonic() + times.patience;
    const sendsNothing = use === 'new_grant';
    return turns.take(
      name,
      async () => {
        if (signal.aborted) throw cancelled();
        const claim = createClaim(files);
        await acquire(claim, { name, signal, deadline, sendsNothing, times, clock, monotonic, log });
        const holding = hold(claim, { times, clock, monotonic, name, log });
        const lease = leaseOf(name, files, claim, holding);
        try {
          return await work(lease);
        } finally {
          lease.close();
          const release = async () => {
            await cleanUp(name, files, claim);
            await holding.end();
          };
          if (lease.hasUnwrittenAnswer()) void releaseAfterAnswer(lease, release);
          else await release();
          if (!swept) {
            swept = true;
            void removeLeftovers(folder, clock.now());
          }
        }
      },
      turn => withTimeout(until(turn, signal), name, times.patience),
    );
  }

  /**
   * Keeps the lock until the journal can be written. Without it, other windows would see a request without an answer
   * and send its token again. So they wait, and their error names this process.
   */
  async function releaseAfterAnswer(lease: HeldLease, release: () => Promise<void>): Promise<void> {
    while (lease.hasUnwrittenAnswer()) {
      await pause(clock, times.heartbeat);
      await lease.retryAnswer();
    }
    await release();
  }

  /** Limits the wait in this process's queue to the same time as the wait for the lock. No other process is at fault. */
  function withTimeout(turn: Promise<void>, name: string, wait: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const expire = () => reject(new WorkbenchError('lock_timeout', { connection: name }));
      const cancel = clock.schedule(expire, wait);
      turn.then(resolve, reject).finally(cancel);
    });
  }

  function leaseOf(name: string, files: LockFiles, claim: LockClaim, holding: Holding): HeldLease {
    const lost = () => new WorkbenchError('lock_lost', { connection: name });
    /** Space on the disk for the answer, reserved before the request is sent. */
    let reserved: Draft | undefined;
    /** True from `mark` to the release: a journal write that fails then is an answer. */
    let isMarked = false;
    let unwrittenAnswer: Parameters<Lease['handOver']> | undefined;

    async function assertWanted(generation: number): Promise<number> {
      const signOut = undamagedValue(await readSignOut(files, name), name);
      if (signOut && generation <= signOut.generation) {
        throw new WorkbenchError('superseded', { connection: name, signedOut: true });
      }
      return signOut?.generation ?? 0;
    }

    /**
     * Runs a write that renames a file out of the owner's folder. That folder is gone if the lock is lost: see
     * lockClaim.ts.
     */
    async function place<T>(work: () => Promise<T>): Promise<T> {
      if (holding.lost) throw lost();
      try {
        return await work();
      } catch (error) {
        if (errorCode(error) !== 'ENOENT' || (await holding.confirm())) throw unavailable(name, error);
        throw lost();
      }
    }

    async function write(entry: LedgerEntry, reservation?: Draft): Promise<void> {
      const after = await assertWanted(entry.generation);
      const synced = reservation && [reservation];
      await place(() => replaceFile(files.ledger, claim.path('ledger'), ledgerText(entry, after), synced));
      // Checks again, because a sign-out between the check and the write has not seen this entry. Now one of the two
      // sees the other.
      await assertWanted(entry.generation);
    }

    async function writeJournal(generation: number, sealed: string): Promise<void> {
      const draft = reserved ?? openDraft(claim.path('journal'));
      reserved = undefined;
      try {
        draft.write(journalText(generation, sealed));
        await move(claim.path('journal'), files.journal);
      } catch (error) {
        draft.discard();
        throw error;
      }
      flushing.add(flush(draft, name));
    }

    return {
      get lost() {
        return holding.lost;
      },
      shared: true,
      async renew() {
        if (!(await holding.confirm())) throw lost();
      },
      // A quarter of the hash (64 bits): enough to distinguish tokens, and it reveals nothing else about them.
      fingerprint: token => createHash('sha256').update(token).digest('hex').slice(0, 16),
      async readLedger() {
        const { entry, signOut } = await readLedger(files, name);
        return combineSignOut(undamagedValue(entry, name), undamagedValue(signOut, name));
      },
      writeLedger: entry => write(entry),
      async mark(entry, room) {
        // A heartbeat first: from here on, no other process takes over without finding the note.
        if (!(await holding.confirm())) throw lost();
        await place(async () => {
          claim.announce(clock.now());
          reserved ??= openDraft(claim.path('journal'));
          reserved.write(' '.repeat(room));
        });
        // Without the space for an answer, the ledger stays as it was.
        await write(entry, reserved);
        await place(() => flushNames(folder));
        isMarked = true;
      },
      async voidBelow(generation) {
        const text = signOutText(generation - 1, clock.now());
        await place(() => replaceFile(files.signedOut, claim.path('signed-out'), text, []));
      },
      async handOver(...answer) {
        await assertWanted(answer[0]);
        if (isMarked) unwrittenAnswer = answer;
        await place(() => writeJournal(...answer));
        unwrittenAnswer = undefined;
      },
      async takeOver() {
        return undamagedValue(await readJournal(files, name), name);
      },
      close: () => reserved?.discard(),
      hasUnwrittenAnswer: () => unwrittenAnswer !== undefined,
      async retryAnswer() {
        if (unwrittenAnswer === undefined) return;
        try {
          await assertWanted(unwrittenAnswer[0]);
          await writeJournal(...unwrittenAnswer);
          unwrittenAnswer = undefined;
        } catch (error) {
          // After a sign-out or a takeover, the answer is not needed any more.
          const isVoid = isWorkbenchError(error) && error.code === 'superseded';
          if (isVoid || (errorCode(error) === 'ENOENT' && !(await holding.confirm()))) unwrittenAnswer = undefined;
        }
      },
    };
  }

  /**
   * Syncs the journal after the rename. The most likely failure is the end of this process, and a renamed file survives
   * that even without a sync.
   */
  async function flush(draft: Draft, name: string): Promise<void> {
    try {
      await draft.flush();
      await flushNames(folder);
    } catch (error) {
      log('warn', 'journal not flushed', { connection: name, reason: errorCode(error) });
    } finally {
      draft.discard();
    }
  }

  /**
   * After a sign-out, removes the ledger and the journal that it has voided. Only the lock's holder knows that nothing
   * newer is deleted.
   */
  async function cleanUp(name: string, files: LockFiles, claim: LockClaim): Promise<void> {
    try {
      const { value: signOut } = await readSignOut(files, name);
      if (signOut === undefined) return;
      const { generation } = signOut;
      const { entry } = await readLedger(files, name);
      // Renamed into the owner's folder, which is deleted at release. Like a write, this fails if the lock is lost.
      if (entry.value && entry.value.generation <= generation) renameSync(files.ledger, claim.path('void-ledger'));
      const journal = await readJournal(files, name);
      if (journal.value && journal.value.generation <= generation) {
        renameSync(files.journal, claim.path('void-journal'));
      }
    } catch {
      // The next holder does it.
    }
  }

  async function forget(name: string, generation: number, at: number): Promise<number> {
    const files = lockFiles(folder, name);
    const token = `${process.pid}-${randomBytes(16).toString('hex')}`;
    const temporary = files.temporary(token, 'new');
    let last = generation;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      for (;;) {
        const { entry, signOut } = await readLedger(files, name);
        // A damaged file does not tell how far other windows have come.
        const step = entry.damaged || signOut.damaged ? generationGap : 1;
        last = Math.max(last, entry.value?.generation ?? 0, signOut.value?.generation ?? 0) + step;
        await replaceFile(files.signedOut, temporary, signOutText(last, at), []);
        // A window may have written meanwhile without knowing of this sign-out: that is voided as well.
        const { value } = (await readLedger(files, name)).entry;
        if (value === undefined || value.generation <= last || value.after >= last) break;
      }
      await flushNames(folder);
    } catch (error) {
      await remove(temporary).catch(() => {});
      throw unavailable(name, error);
    }
    // If another process holds the lock, it cleans up when it is done.
    const claim = createClaim(files);
    if (await claim.take().catch(() => false)) {
      await cleanUp(name, files, claim);
      await claim.release();
    } else await claim.withdraw();
    return last;
  }

  async function peek(name: string) {
    const files = lockFiles(folder, name);
    const look = async <T>(what: string, read: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await read();
      } catch (error) {
        log('warn', `${what} unreadable`, { connection: name, ...unavailable(name, error).data });
        return undefined;
      }
    };
    const ledger = await look('ledger', async () => {
      const { entry, signOut } = await readLedger(files, name);
      return combineSignOut(undamagedValue(entry, name), undamagedValue(signOut, name));
    });
    const handedOver = await look('journal', async () => undamagedValue(await readJournal(files, name), name));
    return { ...(ledger && { ledger }), ...(handedOver && { handedOver }) };
  }

  return {
    withLock,
    forget,
    peek,
    onDidChange: listener => watchFolder(folder, listener, log),
    flushed: flushing.done,
  };
}

/** A set of background work that only the shutdown waits for. The work must not reject. */
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

/** Bytes: far more than fifty entries take. */
const largestHistory = 256 * 1024;

/** Milliseconds: a window writes its entry in a fraction of this. */
const historyTimes = { heartbeat: 1000, stale: 3000, patience: 5000 };

/**
 * Stores one file per name in `folder`, which is created when needed. Windows that write at the same time take turns.
 */
export function createHistoryFile(folder: string, clock: Clock, log: Log): HistoryStore {
  const lock = createFileLock({ folder, clock, log, times: historyTimes });
  const never = new AbortController().signal;
  const path = (name: string) => join(folder, `${fileName(name)}.json`);
  return {
    read: async name => textOf(path(name)),
    update: (name, change) =>
      lock.withLock(name, never, async () => {
        const file = path(name);
        await replaceFile(file, `${file}.${randomUUID()}.new`, change(textOf(file)));
      }),
    delete: name => lock.withLock(name, never, () => remove(path(name))),
  };
}

function textOf(file: string): string | undefined {
  try {
    return readText(file, largestHistory);
  } catch (error) {
    if (errorCode(error) !== 'EFBIG') throw error;
    return undefined;
  }
}
