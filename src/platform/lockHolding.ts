import type { Clock, Log } from '../core/ports.ts';
import type { LockClaim } from './lockClaim.ts';
import type { LockTimes } from './lockWait.ts';

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
  /** Nobody takes over before this much has passed since a heartbeat; the rest is for what still has to be done. */
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

  return {
    /**
     * By the clock before the next heartbeat can tell: a process that wakes up runs whatever was waiting, and a timer
     * is not the first of that. A heartbeat that then succeeds shows that nobody had come.
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
      await claim.release();
    },
  };
}
