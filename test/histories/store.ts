import { randomUUID } from 'node:crypto';
import { appendFileSync, readFileSync, statSync } from 'node:fs';
import type { SecretVault } from '../../src/core/ports.ts';

interface Entry {
  readonly key: string;
  /** Left out if the secret was deleted. */
  readonly value?: string;
  /** Milliseconds since the epoch, by a clock that is never shifted. */
  readonly at: number;
  readonly by: string;
}

/** What was not written to its end counts as not written: a real store writes a secret in one step. */
function entryIn(line: string): Entry | undefined {
  try {
    return line === '' ? undefined : (JSON.parse(line) as Entry);
  } catch {
    return undefined;
  }
}

export interface StoreOptions {
  readonly file: string;
  /** Milliseconds until a window sees what others have stored; `never`: only after a restart. */
  readonly lag: number | 'never';
  /** Milliseconds until a stored value is written to the file. A window that ends earlier has stored nothing. */
  readonly flush: number;
}

export interface Store extends SecretVault {
  /**
   * Makes the next calls `throw`, or return nothing as VS Code does if it cannot decrypt.
   * @param which the secret concerned; all if it is left out
   */
  fail(how: 'throw' | 'empty' | undefined, which?: string): void;
  dispose(): void;
}

/**
 * SecretStorage with VS Code's behaviour: each window has its own view of one file, with delayed writes, delayed reads
 * and odd events.
 */
export function openStore({ file, lag, flush }: StoreOptions, now: () => number): Store {
  const me = randomUUID();
  const start = now();
  const own: Entry[] = [];
  const listeners = new Set<(key: string) => void>();
  let failing: 'throw' | 'empty' | undefined;
  let only: string | undefined;
  let told = 0;

  /** What was read of the file. It only grows, so each look reads what is new. */
  const known: Entry[] = [];
  let read = 0;
  const entries = (): readonly Entry[] => {
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (size <= read) return known; // Or deleted, as the history has ended.
    const bytes = readFileSync(file).subarray(read);
    // The last line is empty, or another window is writing it.
    const end = bytes.lastIndexOf('\n') + 1;
    read += end;
    for (const line of bytes.toString('utf8', 0, end).split('\n')) {
      const entry = entryIn(line);
      if (entry) known.push(entry);
    }
    return known;
  };
  const visible = (entry: Entry) =>
    entry.by !== me && entry.at <= (lag === 'never' ? start : Math.max(start, now() - lag));
  /** A window's cache shows its own writes at once; the latest write wins. */
  const newest = (key: string) =>
    [...entries().filter(visible), ...own]
      .filter(entry => entry.key === key)
      .sort((a, b) => a.at - b.at)
      .at(-1);

  function append(entry: Entry): void {
    try {
      appendFileSync(file, `\n${JSON.stringify(entry)}\n`);
    } catch {
      // The history has ended, and its folder is deleted.
    }
  }

  function write(key: string, value?: string): void {
    const entry: Entry = { key, ...(value !== undefined && { value }), at: now(), by: me };
    own.push(entry);
    // One line per write, so that appends of several windows do not mix. It begins one, because a window may have been
    // killed within its own.
    setTimeout(append, flush, entry);
    for (const listener of listeners) listener(key);
  }

  const how = (key: string) => (only === undefined || only === key ? failing : undefined);
  const check = (key: string) => {
    if (how(key) === 'throw') throw new Error('the keyring is locked');
  };
  const look = () => {
    const seen = entries().filter(visible);
    for (const { key } of seen.slice(told)) for (const listener of listeners) listener(key);
    told = seen.length;
  };
  const timer = setInterval(look, 50);
  return {
    async get(key) {
      check(key);
      return how(key) === 'empty' ? undefined : newest(key)?.value;
    },
    async store(key, value) {
      check(key);
      write(key, value);
    },
    async delete(key) {
      check(key);
      write(key);
    },
    keys: async () => undefined,
    onDidChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    fail(next, which) {
      failing = next;
      only = which;
    },
    dispose: () => clearInterval(timer),
  };
}
