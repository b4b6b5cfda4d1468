import { randomUUID } from 'node:crypto';
import { mkdir, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { HistoryStore } from '../core/ports.ts';
import { createTurns } from '../core/waiting.ts';
import { errorCode, readText, remove, replaceFile } from './files.ts';
import { fileName } from './lockFiles.ts';

/** Far more than fifty entries take. */
const largest = 256 * 1024;

/** A guard older than this, in milliseconds, is one whose window has ended: nobody writes for so long. */
const abandoned = 3000;

/** How often, and after how many milliseconds, the guard is asked for again. */
const attempts = { most: 40, every: 25 };

/**
 * One file per name in `folder`, which is made when it is needed. Two windows that write at one time come one after
 * the other; a window that waits too long for the other writes all the same, and at worst an entry is lost.
 */
export function createHistoryFile(folder: string): HistoryStore {
  const turns = createTurns();
  const path = (name: string, suffix: string) => join(folder, `${fileName(name)}.${suffix}`);

  async function guarded(name: string, work: () => Promise<void>): Promise<void> {
    const guard = path(name, 'guard');
    const isMine = await take(guard);
    try {
      await work();
    } finally {
      if (isMine) await remove(guard);
    }
  }

  return {
    read: async name => textOf(path(name, 'json')),
    update: (name, change) =>
      turns.take(name, async () => {
        await mkdir(folder, { recursive: true });
        await guarded(name, async () => {
          const before = textOf(path(name, 'json'));
          await replaceFile(path(name, 'json'), path(name, `${randomUUID()}.new`), change(before));
        });
      }),
    delete: name => turns.take(name, () => remove(path(name, 'json'))),
  };
}

/** True where the guard is this window's now; false where it gave up waiting. */
async function take(guard: string): Promise<boolean> {
  for (let attempt = 0; attempt < attempts.most; attempt++) {
    try {
      await (await open(guard, 'wx')).close();
      return true;
    } catch (error) {
      // Windows says EPERM of a file that is just being deleted.
      if (!['EEXIST', 'EPERM', 'EACCES'].includes(errorCode(error))) throw error;
    }
    if (await isAbandoned(guard)) await remove(guard);
    else await new Promise(resolve => setTimeout(resolve, attempts.every));
  }
  return false;
}

async function isAbandoned(guard: string): Promise<boolean> {
  const found = await stat(guard).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > abandoned;
}

function textOf(file: string): string | undefined {
  try {
    return readText(file, largest);
  } catch (error) {
    if (errorCode(error) !== 'EFBIG') throw error;
    return undefined;
  }
}
