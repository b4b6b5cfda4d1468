import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClaim, lockFiles, ownIdentity } from '../../../src/platform/lockClaim.ts';
import { useFolder } from './support.ts';

describe('a claim to a lock', () => {
  const folder = useFolder();
  const claims = (count: number) => Array.from({ length: count }, () => createClaim(lockFiles(folder.path, 'a')));

  it('is granted to one', async () => {
    const all = claims(8);
    const taken = await Promise.all(all.map(claim => claim.take()));
    assert.equal(taken.filter(Boolean).length, 1);
    await Promise.all(all.map(claim => claim.withdraw()));
    const owner = all[taken.indexOf(true)];
    assert.equal((await owner?.look())?.owner, owner?.owner);
    await owner?.release();
    assert.deepEqual(await readdir(folder.path), []);
  });

  it('is taken over by one, is never free in between, and does not affect a faster one', async () => {
    const [dead, quick, slow] = claims(3);
    assert.ok(dead && quick && slow);
    await dead.take();
    const seen = [await quick.look(), await slow.look()];
    assert.ok(seen.every(sighting => sighting?.owner === dead.owner));
    assert.equal(await quick.takeOver(dead.owner, false), true);
    assert.equal(await slow.takeOver(dead.owner, false), false);
    assert.equal(await slow.take(), false);
    assert.equal((await slow.look())?.owner, quick.owner);
    assert.equal(await quick.beat(), 'held');
    assert.equal(await dead.beat(), 'gone');
    await dead.release();
    assert.equal(await quick.beat(), 'held');
  });

  it('stays with an owner that has announced a request since it was looked at, and lives', async () => {
    const [owner, other] = claims(2);
    assert.ok(owner && other);
    await owner.take();
    assert.equal((await other.look())?.sender, undefined);
    owner.announce(77);
    assert.equal(await other.takeOver(owner.owner, false), false);
    assert.equal(await owner.beat(), 'held');
    const state = process.platform === 'linux' ? 'alive' : 'unknown';
    assert.deepEqual((await other.look())?.sender, { state, since: 77 });
    assert.equal(await other.takeOver(owner.owner, true), true);
    assert.equal(await owner.beat(), 'gone');
    assert.deepEqual(await readdir(other.path('')), []);
  });

  it('goes by the process and not by its number', async function () {
    if (process.platform !== 'linux') return this.skip();
    const [owner, other] = claims(2);
    assert.ok(owner && other);
    await owner.take();
    const me = { ...ownIdentity(), owner: owner.owner, at: 5 };
    const states = {
      alive: [me],
      // A reused process id, a process id that does not exist, and a process that ended as a zombie.
      dead: [
        { ...me, started: '1' },
        { ...me, pid: 2 ** 22 + 1 },
      ],
      restarted: [{ ...me, boot: 'another' }],
      unknown: [
        { ...me, started: undefined },
        { ...me, numbers: 'pid:[1]' },
        { ...me, host: 'elsewhere' },
        { ...me, pid: -1 },
        { ...me, pid: '1' },
        {},
      ],
    };
    for (const [state, notes] of Object.entries(states)) {
      for (const note of notes) {
        await writeFile(owner.path('sending'), JSON.stringify(note));
        assert.equal((await other.look())?.sender?.state, state, JSON.stringify(note));
      }
    }
    for (const text of ['', '{', 'null', ' '.repeat(2000)]) {
      await writeFile(owner.path('sending'), text);
      assert.equal((await other.look())?.sender?.state, 'unknown', text);
    }
    // From the previous owner.
    await writeFile(owner.path('sending'), JSON.stringify({ ...me, owner: 'other', started: '1' }));
    assert.equal((await other.look())?.sender, undefined);
  });

  it('follows no link and empties nothing that is not its own', async function () {
    if (process.platform === 'win32') return this.skip();
    const target = join(folder.path, 'target');
    await mkdir(join(target, 'inside'), { recursive: true });
    await writeFile(join(target, 'precious'), 'text');
    const lock = join(folder.path, 'n-a.lock');
    const [claim] = claims(1);
    assert.ok(claim);
    await symlink(target, lock);
    assert.equal(await claim.take(), false);
    await assert.rejects(claim.look(), { code: 'ELOOP' });
    await rm(lock);
    await mkdir(lock);
    await symlink(target, join(lock, 'link'));
    await symlink(target, join(lock, claim.owner));
    await assert.rejects(claim.look(), { code: 'ELOOP' });
    await rm(join(lock, claim.owner));
    assert.equal(await claim.look(), undefined);
    execFileSync('mkfifo', [join(folder.path, 'pipe')]);
    await rm(lock, { recursive: true });
    await rename(join(folder.path, 'pipe'), lock);
    await assert.rejects(claim.look(), { code: 'ENXIO' });
    assert.deepEqual((await readdir(target)).sort(), ['inside', 'precious']);
    await claim.withdraw();
  });

  it('shows each heartbeat, whatever the time of day', async () => {
    const [owner, other] = claims(2);
    assert.ok(owner && other);
    await owner.take();
    const marks = new Set<string | undefined>();
    for (let beat = 0; beat < 5; beat++) {
      marks.add((await other.look())?.mark);
      assert.equal(await owner.beat(), 'held');
    }
    assert.equal(marks.size, 5);
  });

  it('survives that its preparations are swept away', async () => {
    const [owner, waiting] = claims(2);
    assert.ok(owner && waiting);
    await owner.take();
    assert.equal(await waiting.take(), false);
    await waiting.withdraw();
    await owner.release();
    assert.equal(await waiting.take(), true);
    await waiting.release();
  });

  it('is not stopped by an empty folder', async () => {
    await mkdir(join(folder.path, 'n-a.lock'));
    const [claim] = claims(1);
    // POSIX replaces it at once; Windows only after it was read once.
    assert.ok(claim && ((await claim.take()) || ((await claim.look()) === undefined && (await claim.take()))));
  });
});
