import { WorkbenchError } from '../core/errors.ts';
import type { Clock, Log } from '../core/ports.ts';
import { cancelled, pause } from '../core/waiting.ts';
import { errorCode, isMisplaced } from './files.ts';
import type { LockClaim, LockState } from './lockClaim.ts';

/** All in milliseconds. */
export interface LockTimes {
  /** The interval between heartbeats of a holder. */
  readonly heartbeat: number;
  /**
   * How long an owner must be watched without a heartbeat before it counts as dead. Extension hosts do stand still for
   * seconds. A holder whose request is on the way must not be declared dead too early, because its token would be sent
   * again.
   */
  readonly stale: number;
  /** The longest wait for the lock. A holder may need two requests of 30 s. */
  readonly patience: number;
  /** The longest time between two attempts. */
  readonly poll: number;
}

export const lockTimes: LockTimes = { heartbeat: 2000, stale: 10_000, patience: 90_000, poll: 100 };

export interface Waiting {
  readonly name: string;
  readonly signal: AbortSignal;
  /** On the monotonic clock. */
  readonly deadline: number;
  /** True if the waiting work sends none of the tokens that the holder may have sent. */
  readonly sendsNothing: boolean;
  readonly times: LockTimes;
  readonly clock: Clock;
  readonly monotonic: () => number;
  readonly log: Log;
}

/**
 * Resolves when the claim holds its lock.
 * @throws WorkbenchError `cancelled`; `lock_timeout` with the `process` that holds it, and since when it may be sending
 * (milliseconds since the epoch); `lock_unavailable` with `reason` if the file system cannot hold a lock
 */
export async function acquire(claim: LockClaim, waiting: Waiting): Promise<void> {
  const { name, signal, deadline, sendsNothing, times, clock, monotonic, log } = waiting;
  const timeSinceBeat = watchHeartbeats(times.poll, monotonic);
  let delay = 2;
  let lastSeen: LockState | undefined;
  async function isTakenOver(sighting: LockState): Promise<boolean> {
    if (timeSinceBeat(sighting) < limitFor(sighting, waiting)) return false;
    // Not by force if there was no note: the owner may have announced a request since.
    if (!(await claim.takeOver(sighting.owner, sendsNothing || sighting.sender !== undefined))) return false;
    log('warn', 'lock taken over', { connection: name, process: processOf(sighting) });
    await claim.withdraw();
    return true;
  }
  try {
    for (;;) {
      const tried = await attempt(claim, isTakenOver);
      if (tried === 'taken') break;
      const { sighting, failure } = tried;
      lastSeen = sighting ?? lastSeen;
      if (failure !== undefined && isMisplaced(failure)) throw unavailable(name, failure);
      // The last look may fall between two holders. The lock works then, and the error names the one that was seen.
      if (monotonic() >= deadline) throw timeoutError(name, failure ? sighting : lastSeen, failure);
      // Retry soon if the lock is free, but never in a tight loop. Random steps keep contenders from colliding again.
      delay = sighting ? Math.min(delay * 1.5, times.poll) : 2;
      await pause(clock, failure === undefined ? delay * (0.75 + Math.random() / 2) : times.poll, signal);
    }
  } catch (error) {
    await claim.withdraw();
    throw error;
  }
  if (!signal.aborted) return;
  await claim.release();
  throw cancelled();
}

/** Milliseconds without a heartbeat after which the lock may be taken over. */
function limitFor({ sender }: LockState, { times, sendsNothing }: Waiting): number {
  if (sender?.state === 'dead') return 0;
  if (sender === undefined || sender.state === 'restarted' || sendsNothing) return times.stale;
  // A process that stands still may have sent its token, or be about to send it.
  return sender.state === 'alive' ? Number.POSITIVE_INFINITY : 6 * times.stale;
}

type Attempt = 'taken' | { readonly sighting?: LockState | undefined; readonly failure?: string };

/**
 * Tries once and, if that fails, looks at the holder and whether the lock can be taken over. Failures may be temporary: too
 * many open files, a disk error.
 */
async function attempt(claim: LockClaim, isTakenOver: (sighting: LockState) => Promise<boolean>): Promise<Attempt> {
  try {
    if (await claim.take()) return 'taken';
    const sighting = await claim.look();
    return sighting && (await isTakenOver(sighting)) ? 'taken' : { sighting };
  } catch (error) {
    return { failure: errorCode(error) };
  }
}

function unavailable(name: string, reason: string): WorkbenchError {
  return new WorkbenchError('lock_unavailable', { connection: name, reason, sent: false });
}

function processOf({ owner }: LockState): number {
  return Number(owner.split('-')[0]);
}

function timeoutError(name: string, sighting: LockState | undefined, failure: string | undefined): WorkbenchError {
  if (sighting === undefined) return unavailable(name, failure ?? 'EBUSY');
  const since = sighting.sender?.since;
  const process = processOf(sighting);
  return new WorkbenchError('lock_timeout', { connection: name, process, ...(since !== undefined && { since }) });
}

/**
 * Returns how long the owner has been watched without a new heartbeat, in milliseconds. Only watched time counts, so a
 * change of the clock or a sleep of the process or machine has no effect: between two looks, at most a few polling
 * intervals are counted.
 */
function watchHeartbeats(poll: number, monotonic: () => number): (sighting: LockState) => number {
  let last = { mark: '', at: 0, still: 0 };
  return ({ mark }) => {
    const at = monotonic();
    last = { mark, at, still: mark === last.mark ? last.still + Math.min(at - last.at, 4 * poll) : 0 };
    return last.still;
  };
}

/** A held lock, kept by heartbeats until `end`. */
export interface Holding {
  /** See `Lease.lost`. */
  readonly lost: boolean;
  /** Checks the file system. False: the lock was taken over. */
  confirm(): Promise<boolean>;
  end(): Promise<void>;
}

export interface HoldingParts {
  readonly times: LockTimes;
  readonly clock: Clock;
  readonly monotonic: () => number;
  readonly name: string;
  readonly log: Log;
}

export function hold(claim: LockClaim, { times, clock, monotonic, name, log }: HoldingParts): Holding {
  /**
   * Milliseconds after a heartbeat in which no other process takes over. The rest of `stale` is a margin for the work
   * in progress.
   */
  const safeTime = times.stale - times.heartbeat;
  let confirmed = monotonic();
  let gone = false;
  let ended = false;
  let cancel = () => {};

  async function beat(): Promise<void> {
    const since = monotonic();
    const result = await claim.beat();
    if (ended || gone) return;
    if (result === 'held') confirmed = since;
    if (result !== 'gone') return;
    gone = true;
    log('warn', 'lock lost', { connection: name });
  }

  function next(): void {
    cancel = clock.schedule(() => {
      void beat().then(() => {
        if (!ended && !gone) next();
      });
    }, times.heartbeat);
  }
  next();

  /** Retries until the lock is released: otherwise all windows would wait as long as this process lives. */
  async function release(): Promise<void> {
    if (await claim.release()) return;
    log('warn', 'lock not released', { connection: name });
    clock.schedule(() => void release(), times.heartbeat);
  }

  return {
    /**
     * Uses the clock, because the next heartbeat may come too late: a process that wakes up runs other pending work
     * before its timers. A heartbeat that succeeds later shows that no other process has taken over.
     */
    get lost() {
      return gone || monotonic() - confirmed > safeTime;
    },
    async confirm() {
      await beat();
      return !gone && monotonic() - confirmed <= safeTime;
    },
    async end() {
      ended = true;
      cancel();
      await release();
    },
  };
}
