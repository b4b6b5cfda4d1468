import type { Clock } from '../core/ports.ts';
import type { Sessions } from '../core/sessions.ts';
import { nextChange } from './text/time.ts';

/**
 * The one timer of all countdowns. It sleeps until the next text changes, and not at all while nothing that
 * counts is on screen. Returns the function that stops it.
 * @param watched asked once each time: whether anyone can see a countdown of a session
 */
export function startTicker(
  sessions: Sessions,
  clock: Clock,
  watched: () => (id: string) => boolean,
  tick: () => void,
): { reschedule(): void; dispose(): void } {
  let cancel: (() => void) | undefined;

  function reschedule(): void {
    cancel?.();
    const now = clock.now();
    const visible = watched();
    let wait = Number.POSITIVE_INFINITY;
    for (const { connection, record } of sessions.list()) {
      const end = record?.tokens?.expires_at;
      if (end !== undefined && visible(connection.id)) wait = Math.min(wait, nextChange(end, now));
    }
    // Longer than a day and setTimeout is of no use; the next event reschedules anyway.
    cancel = Number.isFinite(wait) ? clock.schedule(run, Math.min(wait, 24 * 3600_000)) : undefined;
  }

  function run(): void {
    tick();
    reschedule();
  }

  const stop = sessions.onDidChange(reschedule);
  reschedule();
  return {
    reschedule,
    dispose() {
      stop();
      cancel?.();
    },
  };
}
