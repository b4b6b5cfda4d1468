import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, rmdirSync, utimesSync } from 'node:fs';
import { readdir, rename, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, remove } from './files.ts';
import type { LockFiles } from './lockFiles.ts';

/*
 * The lock is a folder with one folder in it, which bears the owner's token:
 *
 *     n-example.lock/4711-0f3a.../
 *
 * - It is taken by renaming a prepared folder to that name. That fails while the one there has something in it, and
 *   succeeds for one contender only.
 * - It is taken away from a dead owner by renaming the owner's folder out of it. That too succeeds for one contender
 *   only, and it can hit no other owner than the one that was watched: tokens never come back. (`proper-lockfile`
 *   removes by the lock's own name and can so remove the lock that a quicker contender has just taken; two holders
 *   are then at work. Its issue 121, and it was seen to happen.)
 * - What a holder writes is prepared inside its own folder and renamed out of it. Of a holder whose lock was taken
 *   away that rename fails, however late it wakes up: there is no moment between a check and a write.
 */

/** What a look at the lock found: its owner, and a mark that changes with each heartbeat. */
export interface Sighting {
  readonly owner: string;
  readonly mark: string;
}

/** One contender's claim to one lock, from the first try to the release. */
export interface LockClaim {
  readonly owner: string;
  /** A path for a file on its way out; see above. */
  path(file: string): string;
  /** Tries once. @throws what the file system says where it can hold no lock at all */
  take(): Promise<boolean>;
  /** `undefined` where nobody holds the lock. */
  look(): Promise<Sighting | undefined>;
  /** Takes the lock away from `owner`; false where somebody else was quicker. */
  evict(owner: string): Promise<boolean>;
  /** Shows that the owner lives. `unsure` where the file system did not let it. */
  beat(): Promise<'held' | 'gone' | 'unsure'>;
  release(): Promise<void>;
  /** Cleans up after a claim that came to nothing. */
  withdraw(): Promise<void>;
}

const tokenPattern = /^[0-9]+-[0-9a-f]{32}$/;

/** How systems say that a folder cannot be renamed to where something is, or that somebody was in the way. */
const heldCodes = ['ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'ENOENT', 'EPERM', 'EACCES', 'EBUSY'];

/** Milliseconds by which heartbeats differ. FAT counts in steps of two seconds. */
const step = 2000;

export function createClaim(files: LockFiles): LockClaim {
  // The process id is for people who look into the folder. Whether it still runs is not asked: in a container or a
  // sandbox the same number is another process, or none. Random enough to need no boot time.
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
        // Windows says EPERM for what is ENOTEMPTY elsewhere, and EBUSY or EACCES while somebody looks into it.
        if (heldCodes.includes(errorCode(error))) return false;
        throw error;
      }
    },

    async look() {
      const owners: string[] = [];
      for (const name of await entries(files.lock)) {
        if (tokenPattern.test(name)) owners.push(name);
        // A file manager's own file would keep the lock from ever being free.
        else await remove(join(files.lock, name));
      }
      const [found] = owners;
      if (found === undefined) {
        // Only POSIX replaces an empty folder by renaming. It may be filled by now: then this fails, as it should.
        await quietly(rmdir(files.lock));
        return undefined;
      }
      try {
        const { mtimeMs } = await stat(join(files.lock, found));
        return { owner: found, mark: `${found} ${mtimeMs}` };
      } catch {
        return undefined;
      }
    },

    async evict(other) {
      const grave = files.temporary(other, 'old');
      try {
        await rename(join(files.lock, other), grave);
      } catch {
        return false;
      }
      await quietly(remove(grave));
      await quietly(rmdir(files.lock));
      return true;
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
        rmdirSync(mine);
        rmdirSync(files.lock);
      } catch {
        await quietly(remove(mine));
        await quietly(rmdir(files.lock));
      }
    },

    withdraw: () => quietly(remove(prepared)),
  };
}

async function entries(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    // A file where the folder belongs is not ours, and would be in the way for ever.
    if (errorCode(error) === 'ENOTDIR') await quietly(remove(folder));
    return [];
  }
}

/** For what somebody else may have done already, or will do later. */
async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch(() => {});
}
