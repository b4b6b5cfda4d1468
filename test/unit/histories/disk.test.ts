import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FsFault } from '../../histories/faultyFs.ts';
import { assertSentOnce, said, useWorld } from '../../histories/useWorld.ts';

const for_ever = 1_000_000;

/** Slow enough for a busy machine, where nothing is about time. */
const calm = { pace: 4 };

describe('a disk that fails', function () {
  this.timeout(60_000);
  const world = useWorld();

  it('and one that does not: windows refresh one after the other, however late they see each other', async () => {
    const one = await world.open({ ...calm, lag: 100 });
    await world.signIn(one);
    const two = await world.open({ ...calm, lag: 'never' });
    for (const window of [one, two, two, one]) assert.equal(said(await world.refresh(window)), 'refreshed');
    assertSentOnce(world);
  });

  describe('because it is full', () => {
    let folder: string | undefined;
    before(() => {
      folder = smallDisk();
      world.folder = folder;
    });
    after(() => {
      world.folder = undefined;
      if (folder === undefined) return;
      execFileSync('umount', [folder]);
      rmSync(folder, { recursive: true });
    });

    for (const lag of [100, 1500, 'never'] as const) {
      it(`sends nothing, says why and goes on afterwards; secrets late by ${lag}`, async () => {
        const one = await world.open({ ...calm, lag });
        await world.signIn(one);
        const two = await world.open({ ...calm, lag });
        assert.equal(said(await world.refresh(one)), 'refreshed');
        const full = folder === undefined ? undefined : fill(folder);
        if (full === undefined) {
          const faults: FsFault[] = [{ operation: 'anyWrite', code: 'ENOSPC', after: 1, times: for_ever }];
          for (const window of [one, two]) await world.ask(window, 'faults', { faults });
        }
        for (const window of [one, two, one, two]) {
          const reply = await world.refresh(window);
          assert.ok(['retryable lock_unavailable', 'adopted'].includes(said(reply)), said(reply));
          if (reply.error) assert.equal(reply.error.data.reason, 'ENOSPC');
        }
        assert.equal(world.uses.length, 1);
        if (full) rmSync(full);
        for (const window of [one, two]) await world.ask(window, 'faults', { faults: [] });
        for (const window of [two, one, two]) assert.match(said(await world.refresh(window)), /refreshed|adopted/);
        assertSentOnce(world);
      });
    }
  });

  /** What fails, and where. `.` is any file. */
  const calls = [
    ...(['open', 'read'] as const).flatMap(operation =>
      ['.ledger', '.journal', '.signed-out'].map(suffix => ({ operation, suffix })),
    ),
    ...(['write', 'sync', 'close', 'rename', 'mkdir', 'rmdir', 'readdir', 'stat', 'utimes', 'unlink'] as const).map(
      operation => ({ operation, suffix: '' }),
    ),
  ];
  for (const code of ['ENOSPC', 'EBUSY', 'EACCES', 'EIO', 'EMFILE', 'EROFS'] as const) {
    it(`with ${code}, whatever call it is, costs no token`, async () => {
      const one = await world.open({ lag: 'never' });
      await world.signIn(one);
      const two = await world.open({ lag: 'never' });
      const results: string[] = [];
      for (const { operation, suffix } of calls) {
        for (const [times, after] of [
          [for_ever, 1],
          [1, 2],
        ] as const) {
          const fault = { operation, code, after, times, ...(suffix && { suffix }) };
          await world.ask(one, 'faults', { faults: [fault] });
          const reply = await world.refresh(one);
          assert.notEqual(reply.error?.code, 'internal', `${operation}${suffix}: ${JSON.stringify(reply.error)}`);
          // The other one must not take what the first could not write down for an answer that is lost.
          const other = await world.refresh(two);
          results.push(`${operation}${suffix} ${times}: ${said(reply)}, then ${said(other)}`);
          await world.ask(one, 'faults', { faults: [] });
          const healed = await world.refresh(one);
          assert.match(said(healed), /refreshed|adopted/, results.at(-1) ?? '');
          assert.deepEqual([...world.now.issuer.revoked], [], results.at(-1) ?? '');
        }
      }
      assertSentOnce(world);
    });
  }
});

/** A disk of 256 KiB, where this process may mount one. */
function smallDisk(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'jwtw-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=700', 'tmpfs', folder], { stdio: 'ignore' });
    return folder;
  } catch {
    rmSync(folder, { recursive: true });
    return undefined;
  }
}

/** Takes every byte that is left. */
function fill(folder: string): string {
  const file = join(folder, 'full');
  for (let size = 256; size > 0; size -= 4) {
    try {
      writeFileSync(file, Buffer.alloc(size * 1024));
      return file;
    } catch {
      // Less, then.
    }
  }
  return file;
}
