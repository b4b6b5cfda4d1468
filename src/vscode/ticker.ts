import type { Clock } from '../core/ports.ts';

export interface Ticker {
  /** A text on screen reads differently from this moment on, in milliseconds since the epoch. */
  due(at: number): void;
  /** `redraw` runs when anything is due. It says what has changed, and what goes on counting says `due` again. */
  onTick(redraw: () => void): void;
  dispose(): void;
}

/** Longer than a day and setTimeout is of no use; what still counts then is only looked at once more. */
const longest = 24 * 3600_000;

/** The one timer of all countdowns. It sleeps until the next text changes, and not at all while nothing counts. */
export function createTicker(clock: Clock): Ticker {
  const redraws: (() => void)[] = [];
  let next = Number.POSITIVE_INFINITY;
  let cancel: (() => void) | undefined;

  function run(): void {
    next = Number.POSITIVE_INFINITY;
    for (const redraw of redraws) redraw();
  }

  return {
    due(at) {
      if (at >= next) return;
      next = at;
      cancel?.();
      cancel = clock.schedule(run, Math.min(Math.max(0, at - clock.now()), longest));
    },
    onTick: redraw => void redraws.push(redraw),
    dispose: () => cancel?.(),
  };
}
