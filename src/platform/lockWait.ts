import { WorkbenchError } from '../core/errors.ts';
import type { Clock, Log } from '../core/ports.ts';
import { errorCode } from './files.ts';
import type { LockClaim, Sighting } from './lockClaim.ts';
import { cancelled, pause } from './waiting.ts';

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
  readonly times: LockTimes;
  readonly clock: Clock;
  readonly monotonic: () => number;
  readonly log: Log;
}

/**
 * Resolves when the claim holds its lock.
 * @throws WorkbenchError `cancelled`, `lock_timeout`; `lock_unavailable` with `reason` where the file system can hold no lock
 */
export async function acquire(claim: LockClaim, waiting: Waiting): Promise<void> {
  const { name, signal, deadline, times, clock, monotonic, log } = waiting;
  const stillness = watchStillness(times.poll, monotonic);
  let delay = 2;
  try {
    for (;;) {
      if (await take(claim, name)) break;
      const sighting = await claim.look();
      if (sighting && stillness(sighting) >= times.stale && (await claim.evict(sighting.owner))) {
        log('warn', 'lock taken over', { connection: name, process: sighting.owner.split('-')[0] });
        continue;
      }
      if (monotonic() >= deadline) throw new WorkbenchError('lock_timeout', { connection: name });
      // Nobody there: again at once, but never in a tight loop. Unequal steps keep contenders out of step.
      delay = sighting ? Math.min(delay * 1.5, times.poll) : 2;
      await pause(clock, delay * (0.75 + Math.random() / 2), signal);
    }
  } catch (error) {
    await claim.withdraw();
    throw error;
  }
  if (!signal.aborted) return;
  await claim.release();
  throw cancelled();
}

async function take(claim: LockClaim, name: string): Promise<boolean> {
  try {
    return await claim.take();
  } catch (error) {
    throw new WorkbenchError('lock_unavailable', { connection: name, reason: errorCode(error) });
  }
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
