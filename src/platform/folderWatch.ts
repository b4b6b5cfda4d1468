import { mkdirSync, watch } from 'node:fs';
import type { Log } from '../core/ports.ts';
import { errorCode } from './files.ts';
import { nameOf } from './lockFiles.ts';

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
