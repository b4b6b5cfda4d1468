import { lstatSync, mkdirSync, watch } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { WorkbenchError } from '../core/errors.ts';
import type { Log } from '../core/ports.ts';
import { errorCode, remove } from './files.ts';

/** Where everything about one name is kept, all of it in one folder. */
export interface LockFiles {
  readonly folder: string;
  /** The folder that exists while the lock is held. */
  readonly lock: string;
  readonly ledger: string;
  readonly signedOut: string;
  readonly journal: string;
  /** A path of its own for whatever is on its way in or out. */
  temporary(token: string, kind: 'new' | 'old'): string;
}

/**
 * The same file name for the same name on every system: ids differ in case where file systems do not, and `con` or
 * `nul` name devices on Windows. Hence a prefix, and `=` before a letter that was upper case, which no name contains.
 */
export function fileName(name: string): string {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) throw new WorkbenchError('internal', { type: 'lock name' });
  return `n-${name.replace(/[A-Z]/g, letter => `=${letter.toLowerCase()}`)}`;
}

export function lockFiles(folder: string, name: string): LockFiles {
  const base = fileName(name);
  const path = (suffix: string) => join(folder, `${base}.${suffix}`);
  return {
    folder,
    lock: path('lock'),
    ledger: path('ledger'),
    signedOut: path('signed-out'),
    journal: path('journal'),
    temporary: (token, kind) => path(`${token}.${kind}`),
  };
}

/** The name whose ledger, journal or sign-out a file is; `undefined` for everything else in the folder. */
function nameOf(file: string): string | undefined {
  const base = /^n-(.+)\.(?:ledger|journal|signed-out)$/.exec(file)?.[1];
  return base?.replace(/=([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** What `temporary` made, by the process that made it. */
const temporaryPattern = /^n-.+\.[0-9]+-[0-9a-f]{32}\.(?:new|old)$/;

/** Milliseconds. No process waits for a lock that long. */
const old = 24 * 3600 * 1000;

/** Removes what processes that were killed while they waited have left. Nothing depends on it. */
export async function sweep(folder: string, now: number): Promise<void> {
  try {
    for (const name of await readdir(folder)) {
      if (!temporaryPattern.test(name)) continue;
      const path = join(folder, name);
      if (lstatSync(path).mtimeMs < now - old) await remove(path);
    }
  } catch {
    // The next start tries again.
  }
}

/**
 * Calls `listener` with the name whose files changed. Only a hint: events come twice or not at all, and where the
 * system cannot watch there are none. Returns the function that ends it.
 */
export function watchFolder(folder: string, listener: (name: string) => void, log: Log): () => void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const watcher = watch(folder, { persistent: false }, (_, file) => {
      const name = file === null ? undefined : nameOf(file);
      if (name !== undefined) listener(name);
    });
    watcher.on('error', error => {
      log('info', 'folder watch ended', { reason: errorCode(error) });
      watcher.close();
    });
    return () => watcher.close();
  } catch (error) {
    log('info', 'folder watch failed', { reason: errorCode(error) });
    return () => {};
  }
}
