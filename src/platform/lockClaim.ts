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
 * The lock is a folder with one folder in it, which bears the owner's token:
 *
 *     n-example.lock/4711-0f3a.../
 *
 * - It is taken by renaming a prepared folder to that name. That fails while the one there has something in it, and
 *   succeeds for one contender only.
 * - It is taken away from a dead owner by giving the owner's folder another owner's name. That too succeeds for one
 *   contender only, it can hit no other owner than the one that was watched, since tokens never come back, and at no
 *   moment is the lock free. (`proper-lockfile` removes by the lock's own name and can so remove the lock that a quicker
 *   contender has just taken; two holders are then at work. Its issue 121, and it was seen to happen.)
 * - What a holder writes is prepared inside its own folder and renamed out of it. Of a holder whose lock was taken
 *   away that rename fails, however late it wakes up: there is no moment between a check and a write.
 * - Before a holder sends a token it leaves in its folder which process it is. Its lock is not taken away while that
 *   process lives, however long it stands still: its request may be on the way, or about to be.
 * - No symbolic link is followed.
 */

/** What a look at the lock found: its owner, and a mark that changes with each heartbeat. */
export interface Sighting {
  readonly owner: string;
  readonly mark: string;
  /** Set where the owner may have sent a token. */
  readonly sender?: Sender;
}

export interface Sender {
  readonly state: ProcessState;
  /** Milliseconds since the epoch, where the owner's note could be read. */
  readonly since?: number;
}

/** One contender's claim to one lock, from the first try to the release. */
export interface LockClaim {
  readonly owner: string;
  /** A path for a file on its way out; see above. */
  path(file: string): string;
  /** Tries once. @throws what the file system says where it can hold no lock at all */
  take(): Promise<boolean>;
  /** `undefined` where the lock is free. @throws what the file system says where it cannot be told */
  look(): Promise<Sighting | undefined>;
  /**
   * Takes the lock over from `owner`; false where another contender was quicker, and where the owner turns out to have
   * announced a request since it was looked at.
   * @param force even from an owner that may have sent a token
   */
  takeOver(owner: string, force: boolean): Promise<boolean>;
  /** Says that this process is about to send a token. @throws what the file system says */
  announce(at: number): void;
  /** Shows that the owner lives. `unsure` where the file system did not let it. */
  beat(): Promise<'held' | 'gone' | 'unsure'>;
  /** False where the file system does not let it go: the lock is still held, and another try may succeed. */
  release(): Promise<boolean>;
  /** Cleans up after a claim that came to nothing. */
  withdraw(): Promise<void>;
}

const tokenPattern = /^[0-9]+-[0-9a-f]{32}$/;

/** The file in an owner's folder that says which process is sending. */
const note = 'sending';

/** Bytes. */
const noteLimit = 1024;

/** How systems say that a folder cannot be renamed to where something is, or that another process was in the way. */
const heldCodes = ['ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'ENOENT', 'EPERM', 'EACCES', 'EBUSY'];

/** Milliseconds by which heartbeats differ. FAT counts in steps of two seconds. */
const step = 2000;

export function createClaim(files: LockFiles): LockClaim {
  // Random enough to need no boot time.
  const owner = `${process.pid}-${randomBytes(16).toString('hex')}`;
  const prepared = files.temporary(owner, 'new');
  const mine = join(files.lock, owner);
  const born = Date.now();
  let beats = 0;

  function prepare(): void {
    const inside = join(prepared, owner);
    try {
      mkdirSync(prepared, 0o700);
      mkdirSync(inside, 0o700);
    } catch {
      // The folder of all locks is missing, or this one is there from the last try.
      mkdirSync(inside, { recursive: true, mode: 0o700 });
    }
  }

  return {
    owner,
    path: file => join(mine, file),

    async take() {
      prepare();
      try {
        renameSync(prepared, files.lock);
        return true;
      } catch (error) {
        // Windows says EPERM for what is ENOTEMPTY elsewhere, and EBUSY or EACCES while another process looks into it.
        if (heldCodes.includes(errorCode(error))) return false;
        throw error;
      }
    },

    async look() {
      const found = (await entries(files.lock)).find(name => tokenPattern.test(name));
      if (found === undefined) {
        // Only POSIX replaces an empty folder by renaming. It may be filled by now: then this fails, as it should.
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
      // What was written between the look and the rename came along with the folder.
      const sender = senderOf(mine, other);
      if (sender !== undefined && sender.state !== 'dead' && !force) {
        renameSync(mine, theirs);
        return false;
      }
      for (const name of readdirSync(mine)) await remove(join(mine, name));
      return true;
    },

    announce(at) {
      const text = JSON.stringify({ ...ownIdentity(), owner, at });
      writeFileSync(join(mine, note), text, { mode: 0o600 });
    },

    async beat() {
      // Not the time of day, which may stand still or go back: a heartbeat only has to differ from the last one.
      const time = new Date(born + ++beats * step);
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
        // What cannot be deleted can often be moved out of the way; the sweep deletes it.
        const grave = files.temporary(owner, 'old');
        await quietly(rename(mine, grave));
        await quietly(remove(grave));
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
}

/** A note that is there and cannot be understood is one of a process that may live. */
function senderOf(folder: string, owner: string): Sender | undefined {
  let state: ProcessState = 'unknown';
  let since: number | undefined;
  try {
    const text = readText(join(folder, note), noteLimit);
    if (text === undefined) return undefined;
    const { at, owner: by, ...identity }: Note = JSON.parse(text);
    since = at;
    state = stateOfProcess(identity);
    // Of an owner before this one, which is about to take the note away.
    if (by !== owner && state === 'dead') return undefined;
  } catch {
    // As unreadable as a note can be, it is one.
  }
  return { state, ...(Number.isFinite(since) && { since: Number(since) }) };
}

interface Note extends ProcessIdentity {
  readonly owner: string;
  readonly at: number;
}

/** The names in the lock's folder, without what others put there: it would keep the lock from ever being free. */
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
    // A file manager's own. A folder or a link is nothing that a program puts there by itself, and is left alone.
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile()) await quietly(remove(path));
  }
  return names;
}

/** For what another process may have done already, or will do later. */
async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch(() => {});
}

/** Which process it is, in a way that another one can check. */
interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** One start of the machine, where the system names it: another one gives the same numbers to other processes. */
  readonly boot?: string;
  /** Containers count their processes for themselves. */
  readonly numbers?: string;
  /** Tells it from a later process with its number, where the system says when a process began. */
  readonly started?: string;
}

/**
 * - `alive`: for certain, stopped or not.
 * - `dead`: for certain.
 * - `restarted`: of an earlier start of this machine, or of a machine of the same name.
 * - `unknown`: its number answers, or cannot be asked for, and nothing says whether it is still the same process.
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
    // EPERM: it is there, and another user's.
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

/** As Linux has it; elsewhere nothing is known but the number. */
function statusOf(pid: number): { readonly started: string; readonly isOver: boolean } | undefined {
  try {
    // The name of the program stands in parentheses and may hold anything: fields are counted after the last one.
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    const started = fields[19];
    // A zombie answers signals, and does nothing any more.
    return started === undefined ? undefined : { started, isOver: state === 'Z' || state === 'X' };
  } catch {
    return undefined;
  }
}

/** Where everything about one name is kept, all of it in one folder. */
export interface LockFiles {
  readonly folder: string;
  /** The folder that exists while the lock is held. */
  readonly lock: string;
  readonly ledger: string;
  readonly signedOut: string;
  readonly journal: string;
  /** A path of its own for whatever is on its way in or out. */
  temporary(token: string, kind: 'new' | 'old'): string;
}

/**
 * The same file name for the same name on every system: ids differ in case where file systems do not, and `con` or
 * `nul` name devices on Windows. Hence a prefix, and `=` before a letter that was upper case, which no name contains.
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

/** The name whose ledger, journal or sign-out a file is; `undefined` for everything else in the folder. */
function nameOf(file: string): string | undefined {
  const base = /^n-(.+)\.(?:ledger|journal|signed-out)$/.exec(file)?.[1];
  return base?.replace(/=([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** What `temporary` made, by the process that made it. */
const temporaryPattern = /^n-.+\.[0-9]+-[0-9a-f]{32}\.(?:new|old)$/;

/** Milliseconds. No process waits for a lock that long. */
const old = 24 * 3600 * 1000;

/** Removes what processes that were killed while they waited have left. Nothing depends on it. */
export async function sweep(folder: string, now: number): Promise<void> {
  try {
    for (const name of await readdir(folder)) {
      if (!temporaryPattern.test(name)) continue;
      const path = join(folder, name);
      if (lstatSync(path).mtimeMs < now - old) await remove(path);
    }
  } catch {
    // The next start tries again.
  }
}

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
