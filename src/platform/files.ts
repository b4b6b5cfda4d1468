import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { pause, systemClock } from '../core/waiting.ts';

/*
 * The lock's files have a few hundred bytes and are on a local disk. A synchronous call takes microseconds, while an
 * asynchronous one takes ten times as long in the system's four helper threads, which all extensions share. So these
 * calls are synchronous, except those that wait for the disk itself.
 */

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/**
 * True for errors that mean that something else has this name: a folder in place of a file or the reverse, a link, a pipe,
 * or a file that is far too large. Waiting does not help.
 */
export function isMisplaced(code: string): boolean {
  return ['EISDIR', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EFBIG'].includes(code);
}

/** Windows has neither flag, but there no link, pipe or device can be opened under a file's name. */
const regularOnly = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * @param stats of the file itself, without following links. @throws `EISDIR`, `ENOTDIR`, `ELOOP`, `ENXIO` as `readText`
 */
export function assertKind(stats: Stats, kind: 'file' | 'folder'): void {
  if (kind === 'file' ? stats.isFile() : stats.isDirectory()) return;
  if (stats.isDirectory()) throw failure('EISDIR');
  if (stats.isFile()) throw failure('ENOTDIR');
  throw failure(stats.isSymbolicLink() ? 'ELOOP' : 'ENXIO');
}

/**
 * The text of a regular file, or `undefined` if the file does not exist. All other failures are thrown, since "cannot
 * be read" does not mean "absent".
 * @throws the file system's error; `EFBIG` above `limit` bytes, `EISDIR`, `ELOOP` (a symbolic link) or `ENXIO` (a pipe,
 * a socket, a device) if it is not a regular file
 */
export function readText(file: string, limit: number): string | undefined {
  // Most often the file is missing, and an exception costs more than this call.
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  assertKind(found, 'file');
  let handle: number;
  try {
    handle = openSync(file, regularOnly);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const stats = fstatSync(handle);
    assertKind(stats, 'file');
    // The second time only if the file has grown since.
    for (const most of [Math.min(stats.size, limit), limit]) {
      const buffer = Buffer.allocUnsafe(most + 1);
      let size = 0;
      for (let read = -1; read !== 0 && size <= most; size += read) {
        read = readSync(handle, buffer, size, most + 1 - size, size);
      }
      if (size <= most) return buffer.toString('utf8', 0, size);
    }
    throw failure('EFBIG');
  } finally {
    closeSync(handle);
  }
}

/**
 * Milliseconds between attempts. Virus scanners and indexers open new files for a moment, and a process may run out of
 * handles.
 */
const patience = [5, 20, 50, 100];

/** Like `readText`, but retries after temporary errors: a busy file, a disk error, too many open files. */
export async function readPatiently(file: string, limit: number): Promise<string | undefined> {
  for (const delay of patience) {
    try {
      return readText(file, limit);
    } catch (error) {
      if (isMisplaced(errorCode(error))) throw error;
      await pause(systemClock, delay);
    }
  }
  return readText(file, limit);
}

/** Only the owner may read and write, on systems with file permissions. */
const ownerOnly = 0o600;

const writeOnly = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | (constants.O_NOFOLLOW ?? 0);

/** A file that is written under a temporary name and then renamed. */
export interface Draft {
  /**
   * Replaces the content. If the old content was longer, the new one is padded with spaces: truncating a file takes
   * many times as long as writing it, and an answer must not wait for that.
   * @throws the file system's error
   */
  write(text: string): void;
  /**
   * Waits until the text is synced to the disk. @throws the disk's error; ignored if the file system does not support
   * it
   */
  flush(): Promise<void>;
  /** @throws the disk's error for content that was not flushed */
  close(): void;
  /** Closes a file that is flushed already or not needed any more. Never throws. */
  discard(): void;
}

export function openDraft(path: string): Draft {
  const handle = openSync(path, writeOnly, ownerOnly);
  let isOpen = true;
  let size = 0;
  function close(): void {
    if (!isOpen) return;
    isOpen = false;
    closeSync(handle);
  }
  return {
    write(text) {
      const written = Buffer.byteLength(text);
      const bytes = Buffer.from(text + ' '.repeat(Math.max(0, size - written)));
      size = bytes.length;
      // A nearly full disk may write only a part, and reports that only by the returned count.
      for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done, bytes.length - done, done);
    },
    flush: () => flushed(handle),
    close,
    discard() {
      try {
        close();
      } catch {
        // The system has released the handle all the same.
      }
    },
  };
}

/**
 * Replaces `file` by renaming `temporary`, a path in the same file system: readers and the next start find the old text
 * or the new one, even if this process is killed.
 * @param synced sync the new text to the disk before the rename, and these drafts with it: one wait for all of them
 */
export async function replaceFile(
  file: string,
  temporary: string,
  text: string,
  synced?: readonly Draft[],
): Promise<void> {
  const draft = openDraft(temporary);
  try {
    draft.write(text);
    if (synced) await flushAll([draft, ...synced]);
  } finally {
    draft.close();
  }
  await move(temporary, file);
}

/** Waits for all of them, also if one fails: the handle of a running sync must not be closed. */
async function flushAll(drafts: readonly Draft[]): Promise<void> {
  for (const result of await Promise.allSettled(drafts.map(draft => draft.flush()))) {
    if (result.status === 'rejected') throw result.reason;
  }
}

export async function move(from: string, to: string): Promise<void> {
  if (process.platform !== 'win32') return renameSync(from, to);
  for (const delay of [...patience, 200]) {
    try {
      return renameSync(from, to);
    } catch (error) {
      if (!['EPERM', 'EACCES', 'EBUSY'].includes(errorCode(error))) throw error;
      await pause(systemClock, delay);
    }
  }
  return rename(from, to);
}

/**
 * Syncs the names in `folder` to the disk. This matters only for a power cut: the changes of a process survive its end.
 * @throws the disk's error
 */
export async function flushNames(folder: string): Promise<void> {
  // Windows has no such call for folders.
  if (process.platform === 'win32') return;
  const handle = openSync(folder, constants.O_RDONLY);
  try {
    await flushed(handle);
  } finally {
    closeSync(handle);
  }
}

const sync = promisify(fsync);

async function flushed(handle: number): Promise<void> {
  try {
    await sync(handle);
  } catch (error) {
    // Some file systems do not support fsync. Real failures are thrown.
    if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM'].includes(errorCode(error))) throw error;
  }
}

export function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}
