/** The mock's own time: it runs with the machine's clock until a test freezes or advances it. */
export interface MockClock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Stops time, at `atMs` (milliseconds since the epoch) or where it stands. */
  freeze(atMs?: number): void;
  /** Moves time by `ms` milliseconds, frozen or not; sleepers whose time has come wake up. */
  advance(ms: number): void;
  /** Lets time run on from where it stands. */
  resume(): void;
  /**
   * Resolves when `ms` milliseconds of the mock's time have passed. While time is frozen only `advance` gets
   * it there, so that a test can hold a request in flight for as long as it likes without sleeping.
   */
  sleep(ms: number): Promise<void>;
  /** The machine's time again. */
  reset(): void;
  readonly frozen: boolean;
  /** Wakes every sleeper, due or not: a request must not wait for a server that is closed. */
  wakeAll(): void;
  /** How many sleepers are waiting. */
  readonly sleeping: number;
}

interface Sleeper {
  readonly wakeAt: number;
  wake(): void;
  timer: ReturnType<typeof setTimeout> | undefined;
}

// Longer timers overflow a 32-bit integer and would fire at once.
const longestTimer = 0x7fff_ffff;

export function createClock(): MockClock {
  let offset = 0;
  let frozenAt: number | undefined;
  const sleepers = new Set<Sleeper>();

  const now = () => frozenAt ?? Date.now() + offset;

  /** Wakes the sleepers that are due and sets the timers of the others anew; called after every change of time's course. */
  const settle = () => {
    for (const sleeper of sleepers) {
      clearTimeout(sleeper.timer);
      const left = sleeper.wakeAt - now();
      if (left <= 0) {
        sleepers.delete(sleeper);
        sleeper.wake();
      } else if (frozenAt === undefined) {
        sleeper.timer = setTimeout(settle, Math.min(left, longestTimer));
      }
    }
  };

  return {
    now,
    freeze(atMs) {
      frozenAt = atMs ?? now();
      settle();
    },
    advance(ms) {
      if (frozenAt === undefined) offset += ms;
      else frozenAt += ms;
      settle();
    },
    resume() {
      if (frozenAt === undefined) return;
      offset = frozenAt - Date.now();
      frozenAt = undefined;
      settle();
    },
    sleep(ms) {
      if (ms <= 0) return Promise.resolve();
      return new Promise(resolve => {
        sleepers.add({ wakeAt: now() + ms, wake: resolve, timer: undefined });
        settle();
      });
    },
    reset() {
      offset = 0;
      frozenAt = undefined;
      settle();
    },
    get frozen() {
      return frozenAt !== undefined;
    },
    wakeAll() {
      for (const sleeper of sleepers) {
        clearTimeout(sleeper.timer);
        sleeper.wake();
      }
      sleepers.clear();
    },
    get sleeping() {
      return sleepers.size;
    },
  };
}
