import { appendFile, readFile, writeFile } from 'node:fs/promises';
import type { SecretVault } from '../../../src/core/ports.ts';

interface Entry {
  readonly key: string;
  readonly value: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly by: number;
}

/** Adds values that exist before any window starts. */
export function seedStore(file: string, entries: Readonly<Record<string, string>>): Promise<void> {
  const seeded = Object.entries(entries).map(([key, value]): Entry => ({ key, value, at: 0, by: 0 }));
  return writeFile(file, seeded.map(entry => `${JSON.stringify(entry)}\n`).join(''));
}

/** A secret store that windows share. Each sees the others' writes only `lag` milliseconds later. */
export function laggingStore(file: string, lag: number | 'never'): SecretVault {
  const by = process.pid;
  const start = Date.now();
  const entries = async (): Promise<Entry[]> => {
    const text = await readFile(file, 'utf8').catch(() => '');
    return text.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line) as Entry]));
  };
  const visible = (entry: Entry) => entry.by === by || entry.at <= (lag === 'never' ? start : Date.now() - lag);
  return {
    get: async key => (await entries()).findLast(entry => entry.key === key && visible(entry))?.value,
    // One line per write, so that appends of several windows do not mix.
    store: (key, value) => appendFile(file, `${JSON.stringify({ key, value, at: Date.now(), by } satisfies Entry)}\n`),
    delete: () => Promise.reject(new Error('not needed')),
    keys: async () => undefined,
    onDidChange: () => () => {},
  };
}
