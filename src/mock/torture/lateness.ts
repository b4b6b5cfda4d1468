/*
 * How late this machine is. A client must not be judged by the time in which the test itself stood still: its issuer
 * answered late then, and its timers fired late.
 */

/** Real time. Tests replace it. */
export interface RealTime {
  /** Milliseconds of a clock that nobody sets. */
  now(): number;
  after(milliseconds: number, run: () => void): void;
}

const realTime: RealTime = {
  now: () => performance.now(),
  // An exit of the process does not wait for it.
  after: (milliseconds, run) => void setTimeout(run, milliseconds).unref(),
};

export interface Pulse {
  /** Milliseconds in which this process stood still, at most. */
  lost(): number;
  /** The most milliseconds that were lost within one second. */
  worst(): number;
  /** Measures how long the client takes for this. */
  during<T>(work: Promise<T>): Promise<T>;
  /** The most milliseconds that the client took. */
  slowest(): number;
  stop(): void;
}

const beat = 25;
/** Timers of an idle machine are this late, too. */
const usual = 10;
const second = 1_000;

/** Counts from now on. */
export function takePulse(time: RealTime = realTime): Pulse {
  let last = time.now();
  let sum = 0;
  let worst = 0;
  let recent: { readonly at: number; readonly late: number }[] = [];
  let slowest = 0;
  let isOver = false;
  const look = () => {
    const now = time.now();
    const gap = now - last;
    if (gap <= beat + usual) return;
    last = now;
    // The whole gap, because the process may have stopped right after the last beat.
    sum += gap;
    recent = [...recent.filter(({ at }) => now - at < second), { at: now, late: gap - beat }];
    worst = Math.max(
      worst,
      recent.reduce((total, { late }) => total + late, 0),
    );
  };
  const next = () =>
    time.after(beat, () => {
      if (isOver) return;
      look();
      last = time.now();
      next();
    });
  next();
  return {
    lost() {
      look();
      return sum;
    },
    worst() {
      look();
      return worst;
    },
    during(work) {
      const since = time.now();
      return work.finally(() => {
        slowest = Math.max(slowest, time.now() - since);
      });
    },
    slowest: () => slowest,
    stop() {
      isOver = true;
    },
  };
}

const steps = 10;
/** How many steps may be late before the patience ends all the same. */
const lateSteps = 100;

/**
 * Aborts after this time with a TimeoutError. Waits in steps, of which only those count that were in time: a response
 * that arrived while this process stood still is read before the patience ends.
 */
export function patienceOf(milliseconds: number, time: RealTime = realTime): AbortSignal {
  const controller = new AbortController();
  const step = milliseconds / steps;
  let left = steps;
  let late = 0;
  const next = () => {
    const since = time.now();
    time.after(step, () => {
      if (time.now() - since < 2 * step + usual) left -= 1;
      else late += 1;
      if (left > 0 && late < lateSteps) next();
      else controller.abort(new NoResponse(milliseconds));
    });
  };
  next();
  return controller.signal;
}

export class NoResponse extends Error {
  override readonly name = 'TimeoutError';
  readonly milliseconds: number;
  constructor(milliseconds: number) {
    super(`no response within ${milliseconds} ms`);
    this.milliseconds = milliseconds;
  }
}
