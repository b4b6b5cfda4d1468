import { randomFillSync } from 'node:crypto';

/**
 * Values that are remembered for a limited time, under keys that the mock or a client chose: codes, used proofs,
 * pending sign-ins. It holds at most `limit` entries; beyond that the oldest are dropped, expired or not.
 */
export interface ExpiringMap<T> {
  readonly size: number;
  /** `expiresAt` and `now` in milliseconds since the epoch. */
  put(key: string, value: T, expiresAt: number, now: number): void;
  get(key: string | undefined, now: number): T | undefined;
  delete(key: string): void;
}

const sweepFrom = 64;

export function createExpiringMap<T>(limit = 10_000): ExpiringMap<T> {
  const entries = new Map<string, { readonly value: T; readonly expiresAt: number }>();
  let sweepAt = Math.min(sweepFrom, limit);

  /** Runs once per doubling of the map, so the cost per entry does not grow with the number of entries. */
  const sweep = (now: number) => {
    for (const [key, { expiresAt }] of entries) if (now >= expiresAt) entries.delete(key);
    if (entries.size >= limit) {
      const kept = Math.floor(limit * 0.9);
      for (const key of entries.keys()) {
        if (entries.size <= kept) break;
        entries.delete(key);
      }
    }
    sweepAt = Math.min(Math.max(sweepFrom, entries.size * 2), limit);
  };

  return {
    get size() {
      return entries.size;
    },
    put(key, value, expiresAt, now) {
      if (entries.size >= sweepAt) sweep(now);
      entries.set(key, { value, expiresAt });
    },
    get(key, now) {
      if (key === undefined) return undefined;
      const entry = entries.get(key);
      return entry === undefined || now >= entry.expiresAt ? undefined : entry.value;
    },
    delete(key) {
      entries.delete(key);
    },
  };
}

// Random bytes are fetched in bulk: 16 cost as much as 4,096.
const randomness = Buffer.alloc(4096);
let taken = randomness.length;

/** `bytes` random bytes as text: in base64url, 16 bytes give 22 characters and 32 give 43. */
export function randomText(bytes: number, encoding: 'base64url' | 'hex' = 'base64url'): string {
  if (taken + bytes > randomness.length) {
    randomFillSync(randomness);
    taken = 0;
  }
  taken += bytes;
  return randomness.toString(encoding, taken - bytes, taken);
}

/**
 * A short, deterministic, non-secret name for a secret. It is synchronous and cheap, because the request log computes
 * it for every request. It has 64 bits (two 32-bit hashes in the manner of FNV-1a) of a 256-bit secret: enough to tell
 * secrets apart, too few to recover one.
 */
export function fingerprint(secret: string): string {
  let a = 0x811c9dc5;
  let b = 0x050c5d1f;
  for (let i = 0; i < secret.length; i += 1) {
    const code = secret.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b);
  }
  return hex(a) + hex(b);
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}

/** Numbers in [0, 1); the same seed gives the same sequence (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** The mock's own clock. It follows the machine's clock until a test freezes or advances it. */
export interface MockClock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Stops the clock at `atMs` (milliseconds since the epoch), or at the current time. */
  freeze(atMs?: number): void;
  /** Advances the clock by `ms` milliseconds, frozen or not, and wakes the sleepers that are due. */
  advance(ms: number): void;
  /** Lets the clock run on from its current time. */
  resume(): void;
  /**
   * Resolves when `ms` milliseconds have passed on this clock. While it is frozen, only `advance` gets it there, so
   * that a test can hold a request in flight without sleeping.
   */
  sleep(ms: number): Promise<void>;
  /** Returns to the machine's time. */
  reset(): void;
  readonly frozen: boolean;
  /** Wakes every sleeper, due or not, so that no request waits for a server that has closed. */
  wakeAll(): void;
  /** Number of waiting sleepers. */
  readonly sleeping: number;
}

interface Sleeper {
  readonly wakeAt: number;
  wake(): void;
  timer: ReturnType<typeof setTimeout> | undefined;
}

// Longer timeouts overflow a 32-bit integer and fire at once.
const longestTimer = 0x7fff_ffff;

export function createClock(): MockClock {
  let offset = 0;
  let frozenAt: number | undefined;
  const sleepers = new Set<Sleeper>();

  const now = () => frozenAt ?? Date.now() + offset;

  /** Wakes the sleepers that are due and restarts the timers of the others. Called after every change of the clock. */
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
