/**
 * What has to be remembered for a while, under keys that the mock or a client chose: codes, proofs that were used,
 * sign-ins under way. It never holds more than `limit`; beyond that the oldest go, expired or not.
 */
export interface Shelf<T> {
  readonly size: number;
  /** `expiresAt` and `now` in milliseconds since the epoch. */
  put(key: string, value: T, expiresAt: number, now: number): void;
  get(key: string | undefined, now: number): T | undefined;
  delete(key: string): void;
}

const sweepFrom = 64;

export function createShelf<T>(limit = 10_000): Shelf<T> {
  const entries = new Map<string, { readonly value: T; readonly expiresAt: number }>();
  let sweepAt = Math.min(sweepFrom, limit);

  /** Each entry is looked at once per doubling, so the cost per entry does not grow with their number. */
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
