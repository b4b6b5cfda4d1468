import assert from 'node:assert/strict';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createClaim } from '../../../src/platform/lockClaim.ts';
import { lockFiles } from '../../../src/platform/lockFiles.ts';
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

  it('cannot hit the one who was quicker to take over', async () => {
    const [dead, quick, slow] = claims(3);
    assert.ok(dead && quick && slow);
    await dead.take();
    const seen = [await quick.look(), await slow.look()];
    assert.ok(seen.every(sighting => sighting?.owner === dead.owner));
    assert.equal(await quick.evict(dead.owner), true);
    assert.equal(await quick.take(), true);
    assert.equal(await slow.evict(dead.owner), false);
    assert.equal(await slow.take(), false);
    assert.equal(await quick.beat(), 'held');
    assert.equal(await dead.beat(), 'gone');
    await dead.release();
    assert.equal(await quick.beat(), 'held');
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
    // POSIX replaces it at once; Windows after somebody has looked.
    assert.ok(claim && ((await claim.take()) || ((await claim.look()) === undefined && (await claim.take()))));
  });
});
