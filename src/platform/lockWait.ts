import { WorkbenchError } from '../core/errors.ts';
import type { Clock, Log } from '../core/ports.ts';
import { cancelled, pause } from '../core/waiting.ts';
import { errorCode, isMisplaced } from './files.ts';
import type { LockClaim, Sighting } from './lockClaim.ts';

/** Milliseconds, all of them. */
export interface LockTimes {
  /** How often a holder shows that it lives. */
  readonly heartbeat: number;
  /**
   * How long an owner must be watched without a heartbeat before it counts as dead. Extension hosts do stand still for
   * seconds, and a holder whose request is under way must not be taken for dead lightly: its token would be sent again.
   */
  readonly stale: number;
  /** How long to wait for the lock at most. A holder may need two requests of 30 s. */
  readonly patience: number;
  /** The longest time between two looks. */
  readonly poll: number;
}

export const lockTimes: LockTimes = { heartbeat: 2000, stale: 10_000, patience: 90_000, poll: 100 };

export interface Waiting {
  readonly name: string;
  readonly signal: AbortSignal;
  /** By the monotonic clock. */
  readonly deadline: number;
  /** Whether the one that waits will send nothing that the holder may have sent. */
  readonly sendsNothing: boolean;
  readonly times: LockTimes;
  readonly clock: Clock;
  readonly monotonic: () => number;
  readonly log: Log;
}

/**
 * Resolves when the claim holds its lock.
 * @throws WorkbenchError `cancelled`; `lock_timeout` with the `process` that holds it, and since when it may be sending
 * (milliseconds since the epoch); `lock_unavailable` with `reason` where the file system can hold no lock
 */
export async function acquire(claim: LockClaim, waiting: Waiting): Promise<void> {
  const { name, signal, deadline, sendsNothing, times, clock, monotonic, log } = waiting;
  const stillness = watchStillness(times.poll, monotonic);
  let delay = 2;
  try {
    for (;;) {
      const tried = await attempt(claim);
      if (tried === 'taken') break;
      const { sighting, failure } = tried;
      if (failure !== undefined && isMisplaced(failure)) throw unavailable(name, failure);
      if (sighting && stillness(sighting) >= limitFor(sighting, waiting)) {
        // A request that has been announced since the look is another matter.
        if (await claim.takeOver(sighting.owner, sendsNothing || sighting.sender !== undefined)) {
          log('warn', 'lock taken over', { connection: name, process: processOf(sighting) });
          await claim.withdraw();
          break;
        }
      }
      if (monotonic() >= deadline) throw late(name, sighting, failure);
      // Free or failing: again at once, but never in a tight loop. Unequal steps keep contenders out of step.
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
function limitFor({ sender }: Sighting, { times, sendsNothing }: Waiting): number {
  if (sender?.state === 'dead') return 0;
  if (sender === undefined || sender.state === 'restarted' || sendsNothing) return times.stale;
  // A process that stands still may have sent its token, or be about to.
  return sender.state === 'alive' ? Number.POSITIVE_INFINITY : 6 * times.stale;
}

type Attempt = 'taken' | { readonly sighting?: Sighting | undefined; readonly failure?: string };

/** One attempt and, where it fails, a look at the holder of the lock. What fails may pass: too many open files, a disk error. */
async function attempt(claim: LockClaim): Promise<Attempt> {
  try {
    if (await claim.take()) return 'taken';
    return { sighting: await claim.look() };
  } catch (error) {
    return { failure: errorCode(error) };
  }
}

function unavailable(name: string, reason: string): WorkbenchError {
  return new WorkbenchError('lock_unavailable', { connection: name, reason, sent: false });
}

function processOf({ owner }: Sighting): number {
  return Number(owner.split('-')[0]);
}

function late(name: string, sighting: Sighting | undefined, failure: string | undefined): WorkbenchError {
  if (sighting === undefined) return unavailable(name, failure ?? 'EBUSY');
  const since = sighting.sender?.since;
  const process = processOf(sighting);
  return new WorkbenchError('lock_timeout', { connection: name, process, ...(since !== undefined && { since }) });
}

/**
 * For how long the owner has been seen without a new heartbeat. Only what was watched counts, so a time of day that
 * jumps changes nothing, and neither does a sleep of this process or of the whole machine: between two looks no more
 * is counted than a few of their usual distance.
 */
function watchStillness(poll: number, monotonic: () => number): (sighting: Sighting) => number {
  let last = { mark: '', at: 0, still: 0 };
  return ({ mark }) => {
    const at = monotonic();
    last = { mark, at, still: mark === last.mark ? last.still + Math.min(at - last.at, 4 * poll) : 0 };
    return last.still;
  };
}

/** A lock that is held, kept by heartbeats until `end`. */
export interface Holding {
  /** See `Lease.lost`. */
  readonly lost: boolean;
  /** Asks the file system. False: the lock was taken over. */
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
  /** No other process takes over before this much has passed since a heartbeat; the rest is for what still has to be done. */
  const certain = times.stale - times.heartbeat;
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

  /** A lock that stays would keep all windows waiting for as long as this process lives. */
  async function release(): Promise<void> {
    if (await claim.release()) return;
    log('warn', 'lock not released', { connection: name });
    clock.schedule(() => void release(), times.heartbeat);
  }

  return {
    /**
     * By the clock before the next heartbeat can tell: a process that wakes up runs whatever was waiting, and a timer
     * is not the first of that. A heartbeat that then succeeds shows that no other process had come.
     */
    get lost() {
      return gone || monotonic() - confirmed > certain;
    },
    async confirm() {
      await beat();
      return !gone && monotonic() - confirmed <= certain;
    },
    async end() {
      ended = true;
      cancel();
      await release();
    },
  };
}
