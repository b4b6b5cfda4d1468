import { setMaxListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log, SharedLock } from '../../../src/core/ports.ts';
import { systemClock } from '../../../src/core/waiting.ts';
import { createFileLock, type FileLockOptions } from '../../../src/platform/fileLock.ts';

/** A new folder for each test, deleted after it. */
export function useFolder(): { readonly path: string } {
  let path = '';
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'jwtw-lock-'));
  });
  afterEach(() => rm(path, { recursive: true, force: true, maxRetries: 5 }));
  return {
    get path() {
      return path;
    },
  };
}

export interface LoggedEvent {
  readonly level: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function recordingLog(): { readonly log: Log; readonly events: LoggedEvent[] } {
  const events: LoggedEvent[] = [];
  return { events, log: (level, event, fields = {}) => void events.push({ level, event, fields }) };
}

/** A holder counts as dead after 0.4 s. */
export const quickTimes = { heartbeat: 25, stale: 400, patience: 3000, poll: 10 };

/** The lock as another window would create it. */
export function windowOf(folder: string, options: Partial<FileLockOptions> = {}): SharedLock {
  return createFileLock({ folder, clock: systemClock, log: () => {}, times: quickTimes, ...options });
}

export const never = new AbortController().signal;
setMaxListeners(0, never);

/** A promise and the function that resolves it. */
export function promised<T = void>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
} {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>(keep => {
    resolve = keep;
  });
  return { promise, resolve };
}
