import { randomBytes } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  utimesSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { readdir, rename, rmdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { WorkbenchError } from '../core/errors.ts';
import type { Log } from '../core/ports.ts';
import { defined } from '../core/tokens/json.ts';
import { assertKind, errorCode, readText, remove } from './files.ts';

/*
 * The lock is a folder that contains one folder, named by the owner's token:
 *
 *     n-example.lock/4711-0f3a.../
 *
 * - A process takes the lock by renaming a prepared folder to that name. The rename fails while the existing folder
 *   has content, and succeeds for one contender only.
 * - A contender takes the lock from a dead owner by renaming the owner's folder to its own token. This too succeeds for
 *   one contender only. It cannot hit another owner than the one that was watched, since tokens are never reused, and
 *   the lock is free at no moment. (`proper-lockfile` removes the lock by the lock's own name, so it can remove the lock
 *   that a faster contender has just taken, and two holders work at once. Its issue 121; it was seen to happen.)
 * - A holder prepares what it writes inside its own folder and renames it out. If its lock was taken over, that rename
 *   fails, however late the holder wakes up: there is no gap between a check and a write.
 * - Before a holder sends a token, it leaves a note in its folder that identifies its process. The lock is not taken over
 *   while that process lives, however long it stands still: its request may be on the way, or about to be sent.
 * - Symbolic links are never followed.
 */

/** The state of a held lock: its owner, and a mark that changes with each heartbeat. */
export interface LockState {
  readonly owner: string;
  readonly mark: string;
  /** Set if the owner may have sent a token. */
  readonly sender?: Sender;
}

interface Sender {
  readonly state: ProcessState;
  /** Milliseconds since the epoch, if the owner's note could be read. */
  readonly since?: number;
}

/** One contender's claim to one lock, from the first attempt to the release. */
export interface LockClaim {
  readonly owner: string;
  /** The path in the owner's folder where a file is prepared; see above. */
  path(file: string): string;
  /** Tries once. @throws the file system's error if no lock is possible there */
  take(): Promise<boolean>;
  /** Resolves with `undefined` if the lock is free. @throws the file system's error if that cannot be determined */
  look(): Promise<LockState | undefined>;
  /**
   * Takes the lock over from `owner`. Resolves with false if another contender was faster, or if the owner has
   * announced a request since the last `look`.
   * @param force take it even from an owner that may have sent a token
   * @throws the file system's error; a lock that was taken over is free again
   */
  takeOver(owner: string, force: boolean): Promise<boolean>;
  /** Notes that this process is about to send a token. @throws the file system's error */
  announce(at: number): void;
  /** Shows that the owner is alive. `unsure` if the file system rejected the write. */
  beat(): Promise<'held' | 'gone' | 'unsure'>;
  /**
   * Resolves with false if the file system did not allow it: the lock is still held, and another attempt may succeed.
   */
  release(): Promise<boolean>;
  /** Removes the prepared folder of a claim that did not get the lock. */
  withdraw(): Promise<void>;
}

const tokenPattern = /^[0-9]+-[0-9a-f]{32}$/;

/** The file in an owner's folder that identifies the sending process. */
const noteFile = 'sending';

/** Bytes. */
const noteLimit = 1024;

/** Errors of a rename whose target exists, or that another process interfered with. */
const heldCodes = ['ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'ENOENT', 'EPERM', 'EACCES', 'EBUSY'];

/** Milliseconds between the times of two heartbeats. FAT stores times in steps of two seconds. */
const beatStep = 2000;

export function createClaim(files: LockFiles): LockClaim {
  // Random enough to be unique without the boot time.
  const owner = `${process.pid}-${randomBytes(16).toString('hex')}`;
  const prepared = files.temporary(owner, 'new');
  const mine = join(files.lock, owner);
  const createdAt = Date.now();
  let beats = 0;

  function prepare(): void {
    const inside = join(prepared, owner);
    try {
      mkdirSync(prepared, 0o700);
      mkdirSync(inside, 0o700);
    } catch {
      // The folder of all locks is missing, or the prepared one exists from the last attempt.
      mkdirSync(inside, { recursive: true, mode: 0o700 });
    }
  }

  const claim: LockClaim = {
    owner,
    path: file => join(mine, file),

    async take() {
      prepare();
      try {
        renameSync(prepared, files.lock);
        return true;
      } catch (error) {
        // Windows reports EPERM instead of ENOTEMPTY, and EBUSY or EACCES while another process reads the folder.
        if (heldCodes.includes(errorCode(error))) return false;
        throw error;
      }
    },

    async look() {
      const found = (await entries(files.lock)).find(name => tokenPattern.test(name));
      if (found === undefined) {
        // Removed because only POSIX replaces an empty folder by a rename. If it has content by now, this fails, as it
        // should.
        await quietly(rmdir(files.lock));
        return undefined;
      }
      const path = join(files.lock, found);
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats === undefined) return undefined;
      assertKind(stats, 'folder');
      const sender = senderOf(path, found);
      return { owner: found, mark: `${found} ${stats.mtimeMs}`, ...(sender && { sender }) };
    },

    async takeOver(other, force) {
      const theirs = join(files.lock, other);
      try {
        renameSync(theirs, mine);
      } catch {
        return false;
      }
      // The folder contains everything that was written between the look and the rename.
      const sender = senderOf(mine, other);
      if (sender !== undefined && sender.state !== 'dead' && !force) {
        renameSync(mine, theirs);
        return false;
      }
      try {
        for (const name of readdirSync(mine)) await remove(join(mine, name));
      } catch (error) {
        // Nothing would keep it alive, and others would have to wait until it is stale.
        await claim.release();
        throw error;
      }
      return true;
    },

    announce(at) {
      const text = JSON.stringify({ ...ownIdentity(), owner, at });
      writeFileSync(join(mine, noteFile), text, { mode: 0o600 });
    },

    async beat() {
      // Not the current time, which may stand still or go back: a heartbeat only needs to differ from the last one.
      const time = new Date(createdAt + ++beats * beatStep);
      try {
        utimesSync(mine, time, time);
        return 'held';
      } catch (error) {
        return ['ENOENT', 'ENOTDIR'].includes(errorCode(error)) ? 'gone' : 'unsure';
      }
    },

    async release() {
      try {
        for (const name of readdirSync(mine)) unlinkSync(join(mine, name));
        rmdirSync(mine);
        rmdirSync(files.lock);
        return true;
      } catch {
        // A folder that cannot be deleted can often be renamed; `sweep` deletes it later.
        const discarded = files.temporary(owner, 'old');
        await quietly(rename(mine, discarded));
        await quietly(remove(discarded));
        await quietly(remove(mine));
        await quietly(rmdir(files.lock));
      }
      try {
        return lstatSync(mine, { throwIfNoEntry: false }) === undefined;
      } catch {
        return false;
      }
    },

    withdraw: () => quietly(remove(prepared)),
  };
  return claim;
}

/** The sender's note in an owner's folder. A note that cannot be read counts as that of a process that may be alive. */
function senderOf(folder: string, owner: string): Sender | undefined {
  let state: ProcessState = 'unknown';
  let since: number | undefined;
  try {
    const text = readText(join(folder, noteFile), noteLimit);
    if (text === undefined) return undefined;
    const { at, owner: by, ...identity }: Note = JSON.parse(text);
    since = at;
    state = stateOfProcess(identity);
    // The note of an earlier owner, which the current owner is about to delete.
    if (by !== owner && state === 'dead') return undefined;
  } catch {
    // Unreadable, but there is a note: the state stays `unknown`.
  }
  return { state, ...(Number.isFinite(since) && { since: Number(since) }) };
}

interface Note extends ProcessIdentity {
  readonly owner: string;
  readonly at: number;
}

/**
 * The names in the lock's folder. Files that other programs put there are removed: the lock could never be released.
 */
async function entries(folder: string): Promise<string[]> {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  if (stats.isFile()) {
    await quietly(remove(folder));
    return [];
  }
  assertKind(stats, 'folder');
  const names = await readdir(folder).catch(error => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
  for (const name of names) {
    if (tokenPattern.test(name)) continue;
    const path = join(folder, name);
    // A file of a file manager, for example. No program creates folders or links here by itself, so these are left
    // alone.
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile()) await quietly(remove(path));
  }
  return names;
}

/** Ignores errors of work that another process may have done already or will do later. */
async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch(() => {});
}

/** Identifies a process so that another process can check whether it is alive. */
interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Identifies one boot of the machine, if the system has that: process ids are reused after a reboot. */
  readonly boot?: string;
  /** The PID namespace: containers number their processes independently. */
  readonly numbers?: string;
  /** When the process started, if the system tells: distinguishes it from a later process with the same id. */
  readonly started?: string;
}

/**
 * - `alive`: certainly alive, stopped or not.
 * - `dead`: certainly dead.
 * - `restarted`: from an earlier boot of this machine, or from another machine of the same name.
 * - `unknown`: a process with this id exists or cannot be queried, and it may or may not be the same one.
 */
type ProcessState = 'alive' | 'dead' | 'restarted' | 'unknown';

let own: ProcessIdentity | undefined;

export function ownIdentity(): ProcessIdentity {
  own ??= identityOf(process.pid);
  return own;
}

function identityOf(pid: number): ProcessIdentity {
  const boot = textOf(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const numbers = textOf(() => readlinkSync('/proc/self/ns/pid'));
  const started = statusOf(pid)?.started;
  return { pid, host: hostname(), ...defined({ boot, numbers, started }) };
}

function stateOfProcess({ pid, host, boot, numbers, started }: ProcessIdentity): ProcessState {
  const mine = ownIdentity();
  if (host !== mine.host || !Number.isSafeInteger(pid) || pid <= 0) return 'unknown';
  if (boot !== undefined && mine.boot !== undefined && boot !== mine.boot) return 'restarted';
  if (numbers !== mine.numbers) return 'unknown';
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process exists and belongs to another user.
    return errorCode(error) === 'ESRCH' ? 'dead' : 'unknown';
  }
  const now = statusOf(pid);
  if (now === undefined || started === undefined) return 'unknown';
  return now.isOver || now.started !== started ? 'dead' : 'alive';
}

function textOf(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Reads Linux's /proc; on other systems only the process id is known. */
function statusOf(pid: number): { readonly started: string; readonly isOver: boolean } | undefined {
  try {
    // The program's name is in parentheses and may contain anything, so fields are counted from the last parenthesis.
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    const started = fields[19];
    // A zombie accepts signals but does nothing any more.
    return started === undefined ? undefined : { started, isOver: state === 'Z' || state === 'X' };
  } catch {
    return undefined;
  }
}

/** The files of one name, all of them in one folder. */
export interface LockFiles {
  readonly folder: string;
  /** The folder that exists while the lock is held. */
  readonly lock: string;
  readonly ledger: string;
  readonly signedOut: string;
  readonly journal: string;
  /** A unique path for a file or folder before it is moved in or after it is moved out. */
  temporary(token: string, kind: 'new' | 'old'): string;
}

/**
 * The same file name for the same name on every system: ids are case-sensitive where file systems are not, and `con`
 * and `nul` are devices on Windows. Hence the prefix, and `=` before each letter that was upper case; no name contains
 * `=`.
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

/** The name that a ledger, journal or sign-out file belongs to; `undefined` for other files in the folder. */
function nameOf(file: string): string | undefined {
  const base = /^n-(.+)\.(?:ledger|journal|signed-out)$/.exec(file)?.[1];
  return base?.replace(/=([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Names that `temporary` makes. */
const temporaryPattern = /^n-.+\.[0-9]+-[0-9a-f]{32}\.(?:new|old)$/;

/** Milliseconds. No process waits for a lock that long. */
const abandonedAge = 24 * 3600 * 1000;

/** Removes the leftovers of processes that were killed while they waited. Nothing depends on it. */
export async function removeLeftovers(folder: string, now: number): Promise<void> {
  try {
    for (const name of await readdir(folder)) {
      if (!temporaryPattern.test(name)) continue;
      const path = join(folder, name);
      if (lstatSync(path).mtimeMs < now - abandonedAge) await remove(path);
    }
  } catch {
    // The next start tries again.
  }
}

/**
 * Calls `listener` with the name whose files have changed. Events are hints: they may come twice or not at all, and
 * some systems cannot watch. Returns the function that stops it.
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
