import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FsFault } from '../../histories/faultyFs.ts';
import { assertSentOnce, said, useWorld } from '../../histories/useWorld.ts';
import type { Reply } from '../../histories/window.ts';

const codes = ['ENOSPC', 'EBUSY', 'EACCES', 'EIO', 'EMFILE', 'EROFS'] as const;
const forGood = 1_000_000;

/** Slow enough for a busy machine, because these tests are not about time. */
const calm = { pace: 4 };

describe('a disk that fails', function () {
  this.timeout(120_000);
  const world = useWorld();

  it('and one that does not: windows refresh one after the other, however late they see each other', async () => {
    const one = await world.open({ ...calm, lag: 100 });
    await world.signIn(one);
    const two = await world.open({ ...calm, lag: 'never' });
    for (const window of [one, two, two, one]) assert.match(said(await world.refresh(window)), /refreshed|adopted/);
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
          const faults: FsFault[] = [{ operation: 'anyWrite', code: 'ENOSPC', after: 1, times: forGood }];
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

  for (const code of codes) {
    it(`with ${code} when it is read is not taken as empty: nothing is sent`, async () => {
      const one = await world.open({ ...calm, lag: 'never' });
      await world.signIn(one);
      const two = await world.open({ ...calm, lag: 'never' });
      assert.equal(said(await world.refresh(one)), 'refreshed');
      for (const operation of ['open', 'read', 'stat'] as const) {
        // The files that would tell it how far the other window has come.
        const faults = ['.ledger', '.journal'].map(
          (suffix): FsFault => ({ operation, code, after: 1, times: forGood, suffix }),
        );
        await world.ask(two, 'faults', { faults });
        const reply = await world.refresh(two);
        assert.equal(said(reply), 'retryable lock_unavailable', operation);
        assert.equal(reply.error?.data.reason, code);
      }
      assert.equal(said(await world.ask(one, 'signOut', { id: 'a' })), 'signedOut');
      const fault: FsFault = { operation: 'open', code, after: 1, times: forGood, suffix: '.signed-out' };
      await world.ask(two, 'faults', { faults: [fault] });
      assert.equal(said(await world.refresh(two)), 'retryable lock_unavailable');
      await world.ask(two, 'faults', { faults: [] });
      assert.equal(said(await world.refresh(two)), 'reauthRequired no_refresh_token');
      assert.equal(world.uses.length, 1);
    });
  }

  it('after the response keeps the lock: no other window takes it over', async () => {
    const times = { patience: 6000 };
    const one = await world.open({ ...calm, times, lag: 'never' });
    await world.signIn(one);
    const two = await world.open({ ...calm, times, lag: 'never' });
    const { onUse } = world.now.issuer;
    const all = (['anyWrite', 'unlink', 'rmdir'] as const).map(
      (operation): FsFault => ({ operation, code: 'EROFS', after: 1, times: forGood }),
    );
    world.now.issuer.onUse = async use => {
      world.now.issuer.onUse = onUse;
      await onUse(use);
      await world.ask(one, 'faults', { faults: all });
    };
    assert.equal(said(await world.refresh(one)), 'refreshed');
    const waiting = await world.refresh(two);
    assert.equal(said(waiting), 'retryable lock_timeout');
    assert.equal(waiting.error?.data.process, one.pid);
    await world.ask(one, 'faults', { faults: [] });
    for (const window of [two, one]) {
      assert.match(said(await calmly(() => world.refresh(window))), /refreshed|adopted/);
    }
    assertSentOnce(world);
  });

  it('to take a text in one piece gets it in several', async () => {
    const one = await world.open({ ...calm, lag: 'never' });
    const two = await world.open({ ...calm, lag: 'never' });
    const fault: FsFault = { operation: 'write', code: 'SHORT', after: 1, times: forGood };
    for (const window of [one, two]) await world.ask(window, 'faults', { faults: [fault] });
    await world.signIn(one);
    for (const window of [one, two, one]) assert.match(said(await world.refresh(window)), /refreshed|adopted/);
    assertSentOnce(world);
  });

  it('when a lock is released blocks others only while the disk fails', async () => {
    const times = { patience: 6000 };
    const one = await world.open({ ...calm, times, lag: 'never' });
    await world.signIn(one);
    const two = await world.open({ ...calm, times, lag: 'never' });
    const { onUse } = world.now.issuer;
    // The response is stored by then: journal and ledger are the first two files that are renamed.
    const faults: FsFault[] = [
      { operation: 'unlink', code: 'EBUSY', after: 1, times: forGood },
      { operation: 'rmdir', code: 'EBUSY', after: 1, times: forGood },
      { operation: 'rename', code: 'EBUSY', after: 3, times: forGood },
    ];
    world.now.issuer.onUse = async use => {
      world.now.issuer.onUse = onUse;
      await onUse(use);
      await world.ask(one, 'faults', { faults });
    };
    assert.equal(said(await world.refresh(one)), 'refreshed');
    const waiting = await world.refresh(two);
    assert.equal(said(waiting), 'retryable lock_timeout');
    assert.equal(waiting.error?.data.process, one.pid);
    await world.ask(one, 'faults', { faults: [] });
    for (const window of [two, one]) assert.match(said(await world.refresh(window)), /refreshed|adopted/);
    assertSentOnce(world);
  });

  /** The calls that fail, and on which files. `.` is any file. */
  const calls = [
    ...(['open', 'read'] as const).flatMap(operation =>
      ['.ledger', '.journal', '.signed-out'].map(suffix => ({ operation, suffix })),
    ),
    ...(['write', 'sync', 'close', 'rename', 'mkdir', 'rmdir', 'readdir', 'stat', 'utimes', 'unlink'] as const).map(
      operation => ({ operation, suffix: '' }),
    ),
  ];
  for (const [round, start] of [
    ['once', 0],
    ['for good', 3],
  ] as const) {
    // Each call with one code, and each code with several calls. The random histories try all combinations.
    it(`${round}, at any call, loses no token`, async () => {
      const one = await world.open({ lag: 'never' });
      await world.signIn(one);
      const two = await world.open({ lag: 'never' });
      for (const [index, { operation, suffix }] of calls.entries()) {
        const code = codes[(index + start) % codes.length] ?? 'EIO';
        const often = round === 'once' ? { after: 2, times: 1 } : { after: 1, times: forGood };
        const fault = { operation, code, ...often, ...(suffix && { suffix }) };
        await world.ask(one, 'faults', { faults: [fault] });
        const reply = await world.refresh(one);
        // The other window must not mistake a response that the first one could not store for a lost one.
        const other = await world.refresh(two);
        const what = `${operation}${suffix} ${code}: ${said(reply)}, then ${said(other)}`;
        assert.notEqual(reply.error?.code, 'internal', what);
        await world.ask(one, 'faults', { faults: [] });
        assert.match(said(await calmly(() => world.refresh(one))), /refreshed|adopted/, what);
        assert.deepEqual([...world.now.issuer.revoked], [], what);
      }
      assertSentOnce(world);
    });
  }
});

/** Asks again if only the lock was in the way. */
async function calmly(ask: () => Promise<Reply>): Promise<Reply> {
  for (let more = 3; more > 0; more--) {
    const reply = await ask();
    if (!reply.error?.code.startsWith('lock_')) return reply;
  }
  return ask();
}

/** A disk of 256 KiB, if this process may mount one. */
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

/** Uses up all remaining space. */
function fill(folder: string): string {
  const file = join(folder, 'full');
  for (let size = 256; size > 0; size -= 4) {
    try {
      writeFileSync(file, Buffer.alloc(size * 1024));
      return file;
    } catch {
      // Tries a smaller size next.
    }
  }
  return file;
}
