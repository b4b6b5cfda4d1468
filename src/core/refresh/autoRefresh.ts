import type { Clock } from '../ports.ts';
import type { Session, Sessions } from '../records/sessions.ts';
import type { Refresher } from './refresher.ts';
import { type Plan, planRefresh } from './schedule.ts';

export interface AutoRefresh {
  /** What happens next to a connection in this window. */
  plan(session: Session): Plan;
  /** Plans anew at once: after a wake, a change of trust, a network that is back. */
  reschedule(): void;
  dispose(): void;
}

export interface AutoRefreshParts {
  readonly sessions: Sessions;
  readonly refresher: Refresher;
  readonly clock: Clock;
  /** From 0 to 1, one per window. */
  readonly jitter: number;
  /** False while nothing may be sent: in a workspace that nobody trusts yet. */
  readonly allowed: () => boolean;
}

/**
 * The longest sleep, in milliseconds. Timers stand still while a laptop sleeps: the wall clock is looked at least
 * this often, which also keeps every delay far below the 2^31 ms at which timers overflow.
 */
const longestSleep = 30_000;

/** A timer that comes this many milliseconds late was stopped by a sleep of the machine. */
const overslept = 5000;

/** Over how many milliseconds the windows of a machine that wakes spread their first requests. */
const wakeSpread = 2000;

/** Plans that fall into this many milliseconds are carried out together. */
const together = 50;

/** Keeps connections fresh with one timer for all of them. */
export function startAutoRefresh(parts: AutoRefreshParts): AutoRefresh {
  const { sessions, refresher, clock, jitter, allowed } = parts;
  let cancel: (() => void) | undefined;
  let planned = Number.POSITIVE_INFINITY;
  let expected = Number.POSITIVE_INFINITY;
  let disposed = false;

  function plan(session: Session): Plan {
    const next = planRefresh(session, jitter);
    return 'at' in next && !allowed() ? { never: 'not_trusted' } : next;
  }

  function run(): void {
    cancel = undefined;
    planned = Number.POSITIVE_INFINITY;
    if (disposed) return;
    const now = clock.now();
    const late = now - expected;
    const woke = late > overslept;
    // The time of day was set back while the timer ran: a wait that began by the old time is over.
    const isSetBack = late < -overslept;
    expected = Number.POSITIVE_INFINITY;
    // After a sleep every connection is due at once, and so is every window: each begins in its own moment.
    if (woke) {
      sleepUntil(now + jitter * wakeSpread, now);
      return;
    }
    let next = Number.POSITIVE_INFINITY;
    const dueNow: string[] = [];
    for (const session of sessions.list()) {
      if (session.refreshing) continue;
      const due = plan(session);
      if (!('at' in due)) continue;
      const isOver = isSetBack && due.because !== 'ending';
      if (isOver || due.at <= now + together) dueNow.push(session.connection.id);
      else next = Math.min(next, due.at);
    }
    sleepUntil(next, now);
    // Last: what a refresh changes plans anew, and must find the sleep as it is.
    for (const id of dueNow) void refresher.refresh(id);
  }

  function sleepUntil(next: number, now: number): void {
    cancel?.();
    if (!Number.isFinite(next)) return;
    planned = next;
    const delay = Math.min(Math.max(next - now, 0), longestSleep);
    expected = now + delay;
    cancel = clock.schedule(run, delay);
  }

  function reschedule(): void {
    cancel?.();
    expected = Number.POSITIVE_INFINITY;
    run();
  }

  /** A change of one connection can only bring the next moment nearer; otherwise the sleep goes on. */
  function consider(id: string | undefined): void {
    if (id === undefined) reschedule();
    const session = id === undefined ? undefined : sessions.get(id);
    if (session === undefined || session.refreshing) return;
    const now = clock.now();
    const due = plan(session);
    if ('at' in due && due.at < planned) sleepUntil(Math.max(due.at, now), now);
  }

  const stop = sessions.onDidChange(consider);
  reschedule();
  return {
    plan,
    reschedule,
    dispose() {
      disposed = true;
      stop();
      cancel?.();
    },
  };
}
