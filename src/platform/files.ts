import { closeSync, existsSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';

/*
 * The lock's files are a few hundred bytes on a disk of this machine. Where a call takes microseconds, the way through
 * the system's four helper threads, which every extension shares, takes ten times as long: so these are made at once.
 * What does wait for the disk itself is not.
 */

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
}

/** What a file holds, or `undefined` where there is none. @throws what the file system says, `EFBIG` above `limit` bytes */
export function readText(file: string, limit: number): string | undefined {
  // Most often there is none, and an error costs more than the question.
  if (!existsSync(file)) return undefined;
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const buffer = Buffer.allocUnsafe(limit + 1);
    const size = readSync(handle, buffer, 0, limit + 1, 0);
    if (size > limit) throw Object.assign(new Error('too big'), { code: 'EFBIG' });
    return buffer.toString('utf8', 0, size);
  } finally {
    closeSync(handle);
  }
}

/** For the owner's eyes only, where the system knows owners. */
const ownerOnly = 0o600;

/**
 * Replaces `file` by way of `temporary`, a path in the same file system: a reader finds the old text or the new one,
 * and so does the next start, however this process ends.
 */
export async function replaceFile(file: string, temporary: string, text: string): Promise<void> {
  const handle = openSync(temporary, 'w', ownerOnly);
  try {
    writeSync(handle, text);
  } finally {
    closeSync(handle);
  }
  await move(temporary, file);
}

/** Milliseconds. Virus scanners and indexers hold a new file on Windows for a moment. */
const patience = [5, 20, 50, 100, 200];

async function move(from: string, to: string): Promise<void> {
  if (process.platform !== 'win32') return renameSync(from, to);
  for (const delay of patience) {
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
 * Puts what was written to `file`, and its name in `folder`, on the disk itself. Only a power cut makes a difference:
 * what a process has written stays when it ends. Never rejects.
 */
export async function flush(file: string, folder: string): Promise<void> {
  await flushed(file, 'r+');
  // Windows has no such call for names.
  if (process.platform !== 'win32') await flushed(folder, 'r');
}

async function flushed(path: string, flags: string): Promise<void> {
  try {
    const handle: FileHandle = await open(path, flags);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Not every file system can do it, and a file may have been replaced by a newer one.
  }
}

export function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}
