import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Clock, HistoryStore, Log } from '../core/ports.ts';
import { createFileLock } from './fileLock.ts';
import { errorCode, readText, remove, replaceFile } from './files.ts';
import { fileName } from './lockFiles.ts';

/** Far more than fifty entries take. */
const largest = 256 * 1024;

/** Milliseconds: a window that writes is done in a fraction of it. */
const times = { heartbeat: 1000, stale: 3000, patience: 5000 };

/** One file per name in `folder`, which is made when it is needed. Windows that write at one time take turns. */
export function createHistoryFile(folder: string, clock: Clock, log: Log): HistoryStore {
  const lock = createFileLock({ folder, clock, log, times });
  const never = new AbortController().signal;
  const path = (name: string) => join(folder, `${fileName(name)}.json`);
  return {
    read: async name => textOf(path(name)),
    update: (name, change) =>
      lock.withLock(name, never, async () => {
        const file = path(name);
        await replaceFile(file, `${file}.${randomUUID()}.new`, change(textOf(file)));
      }),
    delete: name => lock.withLock(name, never, () => remove(path(name))),
  };
}

function textOf(file: string): string | undefined {
  try {
    return readText(file, largest);
  } catch (error) {
    if (errorCode(error) !== 'EFBIG') throw error;
    return undefined;
  }
}
