import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { assertSentOnce, said, useWorld } from '../../histories/useWorld.ts';

/** Milliseconds of the windows' time: longer than the heartbeat and `stale`, shorter than `patience`. */
const hung = 14_000;
const pace = 20;

describe('a window that holds the lock', function () {
  this.timeout(120_000);
  const world = useWorld();

  for (const when of ['beforeWire', 'inFlight', 'afterAnswer'] as const) {
    it(`and stands still (${when}) is waited for: its token is not sent again`, async function () {
      if (process.platform !== 'linux') return this.skip();
      const one = await world.open({ pace, lag: 500 });
      await world.signIn(one);
      const two = await world.open({ pace, lag: 500 });
      const stopped = one.resumeAfter(hung / pace);
      if (when === 'inFlight') {
        const { onUse } = world.now.issuer;
        world.now.issuer.onUse = async use => {
          world.now.issuer.onUse = onUse;
          one.process.kill('SIGSTOP');
          await onUse(use);
        };
      } else await world.ask(one, 'wire', { when, signal: 'SIGSTOP' });
      const first = world.refresh(one);
      await stopped;
      const reply = await world.refresh(two);
      assert.match(said(reply), /adopted|refreshed|retryable lock_timeout/, JSON.stringify(reply.error));
      assert.match(said(await first), /refreshed|adopted/);
      assertSentOnce(world);
      assert.match(said(await world.refresh(two)), /refreshed|adopted/);
      assert.match(said(await world.refresh(one)), /refreshed|adopted/);
      assertSentOnce(world);
    });
  }

  it('and is dead gives way at once, also where the file system fails in between', async function () {
    if (process.platform !== 'linux') return this.skip();
    const two = await world.open({ pace: 4 });
    await world.signIn(two);
    for (const after of [1, 2, 3]) {
      const one = await world.open({ pace: 4 });
      await world.ask(one, 'wire', { when: 'beforeWire', signal: 'SIGKILL' });
      await assert.rejects(world.refresh(one));
      await world.ask(two, 'faults', { faults: [{ operation: 'readdir', code: 'EMFILE', after, times: 1 }] });
      assert.equal(said(await world.refresh(two)), 'refreshed', `call ${after}`);
      await world.ask(two, 'faults', { faults: [] });
    }
    assertSentOnce(world);
  });

  it('and stands still for longer than anybody waits is named', async function () {
    if (process.platform !== 'linux') return this.skip();
    const one = await world.open({ pace, lag: 500 });
    await world.signIn(one);
    const two = await world.open({ pace, lag: 500 });
    const stopped = one.resumeAfter(40_000 / pace);
    await world.ask(one, 'wire', { when: 'afterAnswer', signal: 'SIGSTOP' });
    const first = world.refresh(one);
    await stopped;
    const reply = await world.refresh(two);
    assert.equal(said(reply), 'retryable lock_timeout');
    assert.equal(reply.error?.data.process ?? reply.error?.data.holder, one.pid, JSON.stringify(reply.error));
    assert.equal(said(await first), 'refreshed');
    assertSentOnce(world);
    assert.match(said(await world.refresh(two)), /refreshed|adopted/);
  });

  it('and is killed soon after the first refresh of a profile leaves a token that can be opened', async () => {
    for (let round = 0; round < 3; round++) {
      // Longer than the window lives, so that SecretStorage has nothing of it, however slow the machine is.
      const one = await world.open({ pace: 4, flush: 600_000 });
      await world.signIn(one);
      assert.equal(said(await world.refresh(one)), 'refreshed');
      const { token } = await world.ask(one, 'state', { id: 'a' });
      await one.end();
      const two = await world.open({ pace: 4 });
      assert.equal((await world.ask(two, 'state', { id: 'a' })).token, token);
      assert.equal(said(await world.refresh(two)), 'refreshed');
    }
    assertSentOnce(world);
  });

  it('and is killed with its answer on the way costs one retry, and says what was lost', async () => {
    const one = await world.open({ pace: 4 });
    await world.signIn(one);
    const two = await world.open({ pace: 4 });
    const { onUse } = world.now.issuer;
    world.now.issuer.onUse = async use => {
      if (use.pid === one.pid) one.kill();
      await onUse(use);
    };
    await assert.rejects(world.refresh(one));
    const reply = await world.refresh(two);
    assert.equal(said(reply), 'reauthRequired answer_lost');
    assert.equal(said(await world.refresh(two)), 'reauthRequired answer_lost');
    assert.equal(world.uses.length, 2);
    await world.signIn(two);
    assert.equal(said(await world.refresh(two)), 'refreshed');
  });

  it('and loses two answers in a row sends its token again for a user alone, in every window', async () => {
    const one = await world.open({ pace: 4, lag: 'never' });
    await world.signIn(one);
    const two = await world.open({ pace: 4, lag: 'never' });
    world.now.issuer.next({ how: 'refuse' }, { how: 'refuse' });
    assert.equal((await world.refresh(one)).outcome, 'unknown');
    for (const window of [one, two, two, one]) {
      assert.equal((await world.refresh(window)).error?.code, 'answer_missing');
    }
    assert.equal(world.uses.length, 2);
    assert.equal(said(await world.refresh(two, { askedBy: 'user' })), 'refreshed');
    assert.equal(world.uses.length, 3);
  });

  it('and whose clock is set back blocks no one', async () => {
    // Creates the key that both windows have. What the other window stores never reaches its disk.
    const slowly = { pace: 4, lag: 'never' } as const;
    const blind = await world.open(slowly);
    const one = await world.open({ pace, flush: 1e9 });
    await world.signIn(one);
    assert.equal(said(await world.refresh(one)), 'refreshed');
    rmSync(join(world.now.folder, 'n-a.journal'));
    await world.now.begin(blind, slowly);
    const since = performance.now();
    // It waits for a record that never comes. In the meantime its clock is set back by an hour.
    const waiting = world.refresh(blind);
    await new Promise(resolve => setTimeout(resolve, 100));
    await world.ask(blind, 'shift', { by: -3600_000 });
    const reply = await waiting;
    assert.ok(performance.now() - since < 10_000, `${said(reply)} took ${performance.now() - since} ms`);
    assert.equal(said(reply), 'retryable record_behind');
    for (const by of [9 * 3600_000, -9 * 3600_000]) {
      await world.ask(one, 'shift', { by });
      assert.match(said(await world.refresh(one)), /refreshed|adopted/);
    }
    assertSentOnce(world);
  });
});
