import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { remove } from './files.ts';
import { temporaryPattern } from './lockFiles.ts';

/** Milliseconds. Nobody waits for a lock that long. */
const old = 24 * 3600 * 1000;

/** Removes what processes that were killed while they waited have left. Nothing depends on it. */
export async function sweep(folder: string, now: number): Promise<void> {
  try {
    for (const name of await readdir(folder)) {
      if (!temporaryPattern.test(name)) continue;
      const path = join(folder, name);
      if ((await stat(path)).mtimeMs < now - old) await remove(path);
    }
  } catch {
    // The next start tries again.
  }
}
