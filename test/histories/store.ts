import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { SecretVault } from '../../src/core/ports.ts';

interface Entry {
  readonly key: string;
  /** Left out where the secret was deleted. */
  readonly value?: string;
  /** Milliseconds since the epoch, by a clock that nobody shifts. */
  readonly at: number;
  readonly by: string;
}

export interface StoreOptions {
  readonly file: string;
  /** Milliseconds until a window sees what others have stored; `never`: only after a restart. */
  readonly lag: number | 'never';
  /** Milliseconds until what was stored is in the file: a window that ends before has stored nothing. */
  readonly flush: number;
}

export interface Store extends SecretVault {
  /**
   * What the next calls do: `throw`, or answer nothing as VS Code does where it cannot decrypt.
   * @param which the one secret that it is about; all where it is left out
   */
  fail(how: 'throw' | 'empty' | undefined, which?: string): void;
  dispose(): void;
}

/** SecretStorage as VS Code has it: each window its own view of one file, late writes, late reads, odd events. */
export function openStore({ file, lag, flush }: StoreOptions, now: () => number): Store {
  const me = randomUUID();
  const start = now();
  const own: Entry[] = [];
  const listeners = new Set<(key: string) => void>();
  let failing: 'throw' | 'empty' | undefined;
  let only: string | undefined;
  let told = 0;

  const entries = (): Entry[] =>
    existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          .flatMap(line => (line === '' ? [] : [JSON.parse(line) as Entry]))
      : [];
  const visible = (entry: Entry) =>
    entry.by !== me && entry.at <= (lag === 'never' ? start : Math.max(start, now() - lag));
  /** A window's cache shows its own writes at once; of two the later one counts. */
  const newest = (key: string) =>
    [...entries().filter(visible), ...own]
      .filter(entry => entry.key === key)
      .sort((a, b) => a.at - b.at)
      .at(-1);

  function append(entry: Entry): void {
    try {
      appendFileSync(file, `${JSON.stringify(entry)}\n`);
    } catch {
      // The history is over, and its folder gone.
    }
  }

  function write(key: string, value?: string): void {
    const entry: Entry = { key, ...(value !== undefined && { value }), at: now(), by: me };
    own.push(entry);
    // One line in one write: appended as a whole, whichever window writes beside it.
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
