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

/*
 * The lock's files are a few hundred bytes on a disk of this machine. Where a call takes microseconds, the way through
 * the system's four helper threads, which every extension shares, takes ten times as long: so these are made at once.
 * What does wait for the disk itself is not.
 */

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** What stands under a name and does not belong there: waiting changes nothing, and nothing of it is opened or followed. */
export function isMisplaced(code: string): boolean {
  return ['EISDIR', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EFBIG'].includes(code);
}

/** Windows knows neither flag, and no such file can be opened there by a name. */
const regularOnly = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** @param stats of the thing itself, no link followed. @throws `EISDIR`, `ENOTDIR`, `ELOOP`, `ENXIO` as `readText` */
export function assertKind(stats: Stats, kind: 'file' | 'folder'): void {
  if (kind === 'file' ? stats.isFile() : stats.isDirectory()) return;
  if (stats.isDirectory()) throw failure('EISDIR');
  if (stats.isFile()) throw failure('ENOTDIR');
  throw failure(stats.isSymbolicLink() ? 'ELOOP' : 'ENXIO');
}

/**
 * What a regular file holds, or `undefined` where there is none: every other failure is thrown, since "cannot be read"
 * is not "absent".
 * @throws what the file system says; `EFBIG` above `limit` bytes, `EISDIR`, `ELOOP` (a symbolic link) or `ENXIO` (a
 * pipe, a socket, a device) for what is no file
 */
export function readText(file: string, limit: number): string | undefined {
  // Most often the file is missing, and throwing costs more than asking.
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
    assertKind(fstatSync(handle), 'file');
    const buffer = Buffer.allocUnsafe(limit + 1);
    let size = 0;
    for (let read = -1; read !== 0 && size <= limit; size += read) {
      read = readSync(handle, buffer, size, limit + 1 - size, size);
    }
    if (size > limit) throw failure('EFBIG');
    return buffer.toString('utf8', 0, size);
  } finally {
    closeSync(handle);
  }
}

/** Milliseconds. Virus scanners and indexers hold a new file for a moment, and a process can be short of handles. */
const patience = [5, 20, 50, 100];

/** Like `readText`, with a few more attempts at what may pass: a busy file, a disk error, too many open files. */
export async function readPatiently(file: string, limit: number): Promise<string | undefined> {
  for (const delay of patience) {
    try {
      return readText(file, limit);
    } catch (error) {
      if (isMisplaced(errorCode(error))) throw error;
      await new Promise(resolve => setTimeout(resolve, delay));
    }
  }
  return readText(file, limit);
}

/** For the owner's eyes only, where the system knows owners. */
const ownerOnly = 0o600;

const writeOnly = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | (constants.O_NOFOLLOW ?? 0);

/** A file on its way to its place: written under a name of its own and then renamed. */
export interface Draft {
  /**
   * Replaces what was written before. Where that was longer, spaces stand at the end: to cut a file short takes many
   * times as long as to write it, and an answer must not wait for that.
   * @throws what the file system says
   */
  write(text: string): void;
  /** Waits until the text is on the disk itself. @throws what the disk says; a file system that cannot do it says nothing */
  flush(): Promise<void>;
  /** @throws what the disk says of what was not flushed */
  close(): void;
  /** Closes what is on the disk already, or is not wanted any more. Never throws. */
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
      // A disk that is nearly full takes a part and says so by the count alone.
      for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done, bytes.length - done, done);
    },
    flush: () => flushed(handle),
    close,
    discard() {
      try {
        close();
      } catch {
        // The system has taken the handle back all the same.
      }
    },
  };
}

/**
 * Replaces `file` by way of `temporary`, a path in the same file system: a reader finds the old text or the new one,
 * and so does the next start, however this process ends.
 * @param durable whether the new text is to be on the disk itself before it takes its place
 */
export async function replaceFile(file: string, temporary: string, text: string, durable = false): Promise<void> {
  const draft = openDraft(temporary);
  try {
    draft.write(text);
    if (durable) await draft.flush();
  } finally {
    draft.close();
  }
  await move(temporary, file);
}

export async function move(from: string, to: string): Promise<void> {
  if (process.platform !== 'win32') return renameSync(from, to);
  for (const delay of [...patience, 200]) {
    try {
      return renameSync(from, to);
    } catch (error) {
      if (!['EPERM', 'EACCES', 'EBUSY'].includes(errorCode(error))) throw error;
      await new Promise(resolve => setTimeout(resolve, delay));
    }
  }
  return rename(from, to);
}

/**
 * Puts the names in `folder` on the disk itself. Only a power cut makes a difference: what a process has done stays
 * when it ends.
 * @throws what the disk says
 */
export async function flushNames(folder: string): Promise<void> {
  // Windows has no such call for names.
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
    // Not every file system can do it. What a disk says that can and failed is another matter.
    if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM'].includes(errorCode(error))) throw error;
  }
}

export function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}
