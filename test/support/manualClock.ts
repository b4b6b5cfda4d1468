import type { Clock } from '../../src/core/ports.ts';

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Advances by `ms` and runs the timers that become due, in order. */
  advance(ms: number): void;
  /** Simulates a sleeping machine: the time of day advances, but timers stop and fire `ms` later. */
  sleep(ms: number): void;
  /** Number of waiting timers. */
  readonly pending: number;
}

/**
 * @param start milliseconds since the epoch; the default is the current time, because certificates and tokens are
 * checked against it
 */
export function manualClock(start = Date.now()): ManualClock {
  let now = start;
  const timers = new Map<object, { readonly due: number; readonly callback: () => void }>();
  return {
    now: () => now,
    schedule(callback, delay) {
      const key = {};
      timers.set(key, { due: now + delay, callback });
      return () => void timers.delete(key);
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const [next] = [...timers].filter(([, { due }]) => due <= end).sort(([, a], [, b]) => a.due - b.due);
        if (next === undefined) break;
        const [key, { due, callback }] = next;
        timers.delete(key);
        now = Math.max(now, due);
        callback();
      }
      now = end;
    },
    sleep(ms) {
      now += ms;
      for (const [key, { due, callback }] of [...timers]) timers.set(key, { due: due + ms, callback });
    },
    get pending() {
      return timers.size;
    },
  };
}
