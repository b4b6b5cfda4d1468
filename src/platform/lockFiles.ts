import { join } from 'node:path';
import { WorkbenchError } from '../core/errors.ts';

/** Where everything about one name is kept, all of it in one folder. */
export interface LockFiles {
  readonly folder: string;
  /** The folder that exists while somebody holds the lock. */
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
export function nameOf(file: string): string | undefined {
  const base = /^n-(.+)\.(?:ledger|journal|signed-out)$/.exec(file)?.[1];
  return base?.replace(/=([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** What `temporary` made, by whom it was made. */
export const temporaryPattern = /^n-.+\.[0-9]+-[0-9a-f]{32}\.(?:new|old)$/;
