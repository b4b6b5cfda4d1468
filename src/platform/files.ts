import { type FileHandle, open, rename, rm } from 'node:fs/promises';

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
}

/** What a file holds, or `undefined` where there is none. @throws what the file system says, `EFBIG` above `limit` bytes */
export async function readText(file: string, limit: number): Promise<string | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    // One call, where asking for the size and `readFile` would be four: each costs more than these few bytes.
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(limit + 1), 0, limit + 1, 0);
    if (bytesRead > limit) throw Object.assign(new Error('too big'), { code: 'EFBIG' });
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** For the owner's eyes only, where the system knows owners. */
const ownerOnly = 0o600;

/**
 * Replaces `file` by way of `temporary`, a path in the same file system: a reader finds the old text or the new one.
 * @param flush the text is on disk, not only in the system's cache, before it gets its name
 */
export async function replaceFile(
  file: string,
  temporary: string,
  text: string,
  flush: boolean,
): Promise<void> {
  const handle = await open(temporary, 'w', ownerOnly);
  try {
    await handle.writeFile(text);
    if (flush) await handle.datasync();
  } finally {
    await handle.close();
  }
  await move(temporary, file);
}

/** Milliseconds. Virus scanners and indexers hold a new file on Windows for a moment. */
const patience = [5, 20, 50, 100, 200];

async function move(from: string, to: string): Promise<void> {
  for (const delay of process.platform === 'win32' ? patience : []) {
    try {
      return await rename(from, to);
    } catch (error) {
      if (!['EPERM', 'EACCES', 'EBUSY'].includes(errorCode(error))) throw error;
      await new Promise(resolve => setTimeout(resolve, delay));
    }
  }
  return rename(from, to);
}

/**
 * Asks the system to write down the names in `folder` now and not within seconds. Nobody waits for it: a process that
 * ends loses nothing, and a failing power supply little. Windows has no such call.
 */
export async function flushNames(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Not every file system can do it.
  }
}

export function remove(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}
