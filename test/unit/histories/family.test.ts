import assert from 'node:assert/strict';
import { slowVariable } from '../../../scripts/lib/results.mjs';
import type { FsSignal } from '../../histories/faultyFs.ts';
import { assertSentOnce, said, useWorld } from '../../histories/useWorld.ts';
import type { TestWindow } from '../../histories/world.ts';

/** Slow enough for a busy machine, because these tests are not about time. */
const pace = 4;

/** At how many of its steps a sign-in is killed. Each takes a process. */
const points = process.env[slowVariable] ? 40 : 5;

describe('one refresh token in two connections', function () {
  this.timeout(120_000);
  const world = useWorld();
  const both = (window: TestWindow) => Promise.all(['a', 'b'].map(id => world.refresh(window, { id })));
  const wentOn = /refreshed|adopted/;

  /** Imports the same response into both connections, as if it had been pasted twice. */
  async function importTwice(one: TestWindow, two: TestWindow): Promise<void> {
    const raw = world.now.issuer.signIn();
    assert.equal(said(await world.ask(one, 'import', { id: 'a', raw })), 'imported');
    assert.equal(said(await world.ask(two, 'import', { id: 'b', raw })), 'imported');
  }

  it('of a window is sent once, and each goes on with what the other has brought', async () => {
    const one = await world.open({ pace });
    await importTwice(one, one);
    for (const id of ['a', 'b', 'b', 'a', 'a', 'b']) assert.match(said(await world.refresh(one, { id })), wentOn);
    assertSentOnce(world);
  });

  it('of a window is sent once where both are refreshed at the same moment', async () => {
    const one = await world.open({ pace });
    await importTwice(one, one);
    for (let round = 0; round < 4; round++) {
      for (const reply of await both(one)) assert.match(said(reply), wentOn);
    }
    assertSentOnce(world);
  });

  for (const lag of [100, 1500, 'never'] as const) {
    it(`of two windows is sent once, secrets late by ${lag}`, async () => {
      const one = await world.open({ pace, lag });
      const two = await world.open({ pace, lag });
      await importTwice(one, two);
      for (let round = 0; round < 3; round++) {
        const replies = await Promise.all([
          ...[world.refresh(one, { id: 'a' }), world.refresh(two, { id: 'b' })],
          ...[world.refresh(one, { id: 'b' }), world.refresh(two, { id: 'a' })],
        ]);
        for (const reply of replies) assert.match(said(reply), wentOn, JSON.stringify(reply.error));
      }
      assertSentOnce(world);
    });
  }

  for (const lag of [100, 'never'] as const)
    for (const leave of ['signIn', 'import', 'signOut'] as const)
      it(`is not lost to another window by ${leave} in the one that has its newest, secrets late by ${lag}`, async () => {
        const one = await world.open({ pace, lag });
        const two = await world.open({ pace, lag });
        await importTwice(one, two);
        assert.equal(said(await world.refresh(one, { id: 'a' })), 'refreshed');
        const raw = world.now.issuer.signIn();
        const left = await world.ask(one, leave, { id: 'a', raw });
        assert.equal(left.error, undefined);
        // The first one may only show the tokens that it was given.
        assert.match(said(await world.refresh(two, { id: 'b' })), wentOn);
        assert.equal(said(await world.refresh(two, { id: 'b' })), 'refreshed');
        if (leave !== 'signOut') assert.match(said(await world.refresh(two, { id: 'a' })), wentOn);
        assertSentOnce(world);
      });

  it('and what a sign-in has brought are both there where the window is killed at a step of it', async function () {
    this.timeout(120_000 + points * 10_000);
    /** Signs in where the other connection lacks the newest token. @returns what was expected, and the reply unless it died */
    async function signIn(signal?: FsSignal) {
      const one = await world.open({ pace });
      await importTwice(one, one);
      assert.equal(said(await world.refresh(one, { id: 'a' })), 'refreshed');
      const { token: newest } = await world.ask(one, 'state', { id: 'a' });
      await world.ask(one, 'faults', { faults: [], ...(signal && { signal }) });
      const raw = world.now.issuer.signIn();
      const reply = await world.ask(one, 'signIn', { id: 'a', raw }).catch(() => undefined);
      await one.end();
      return { newest, granted: raw.refresh_token, reply };
    }
    const { reply: whole } = await signIn();
    const calls = whole?.calls ?? 0;
    assert.ok(calls > 8, `${calls} calls`);
    let stored = Number.POSITIVE_INFINITY;
    const two = await world.open({ pace });
    await world.ask(two, 'end', {});
    for (let point = 0; point < points; point++) {
      const call = 1 + Math.floor((point * calls) / points);
      const what = `killed at call ${call} of ${calls}`;
      const { newest, granted, reply } = await signIn({ call, signal: 'SIGKILL' });
      await world.now.begin(two, { pace });
      const { token } = await world.ask(two, 'state', { id: 'a' });
      if (token === granted) stored = Math.min(stored, call);
      // How many calls come before the tokens are stored differs a little: a wait may look at its file more often.
      const isStored = token === granted || reply !== undefined || call > stored + 30;
      assert.equal(token, isStored ? granted : newest, what);
      for (const id of ['b', 'b', 'a']) {
        const then = await world.refresh(two, { id });
        assert.match(said(then), wentOn, `${what}: ${id} ${JSON.stringify(then)}`);
      }
      // Otherwise each sign-in that was killed leaves what it owes, and all windows read more and more.
      for (const id of ['a', 'b']) assert.equal((await world.ask(two, 'signOut', { id })).error, undefined, what);
      await world.ask(two, 'end', {});
      assertSentOnce(world);
    }
    assert.ok(stored < calls - 30, `stored at call ${stored} of ${calls}`);
  });

  it('is given to the other connection later where the window that signs in is killed while it waits for that', async () => {
    const one = await world.open({ pace });
    const two = await world.open({ pace });
    await importTwice(one, two);
    assert.equal(said(await world.refresh(one, { id: 'a' })), 'refreshed');
    const raw = world.now.issuer.signIn();
    const before = (await world.now.lock.peek('a')).ledger?.generation ?? 0;
    // As a window that hangs in work for the other connection does.
    await world.now.lock.withLock('b', new AbortController().signal, async () => {
      const signedIn = world.ask(one, 'signIn', { id: 'a', raw });
      signedIn.catch(() => {});
      for (let now = before; now <= before; await new Promise(setImmediate))
        now = (await world.now.lock.peek('a')).ledger?.generation ?? 0;
      one.kill();
      await assert.rejects(signedIn);
    });
    const three = await world.open({ pace });
    assert.equal((await world.ask(three, 'state', { id: 'a' })).token, raw.refresh_token);
    for (const [window, id] of [
      [two, 'b'],
      [three, 'b'],
      [two, 'b'],
      [three, 'a'],
    ] as const)
      assert.match(said(await world.refresh(window, { id })), wentOn);
    assertSentOnce(world);
  });

  it('is waited for where a window hangs that has marked it: process and connection are named, and a sign-in goes on', async function () {
    if (process.platform !== 'linux') return this.skip();
    // A busy machine looks at the lock less often, and only watched time counts: a sign-in must not give up before.
    const quick = { pace: 20, lag: 500, times: { patience: 48_000 } } as const;
    const one = await world.open(quick);
    const two = await world.open(quick);
    await importTwice(one, two);
    // Longer than all that the other window does meanwhile.
    const stopped = one.resumeAfter(8000);
    await world.ask(one, 'wire', { when: 'beforeWire', signal: 'SIGSTOP' });
    const first = world.refresh(one, { id: 'a' });
    await stopped;
    const reply = await world.refresh(two, { id: 'b' });
    assert.equal(said(reply), 'retryable lock_timeout');
    const { connection, otherLabel, process: holder, since } = reply.error?.data ?? {};
    assert.deepEqual([connection, otherLabel, holder, typeof since], ['a', 'a', one.pid, 'number']);
    const raw = world.now.issuer.signIn();
    assert.equal(said(await world.ask(two, 'signIn', { id: 'b', raw })), 'signedIn');
    assert.match(said(await world.refresh(two, { id: 'b' })), wentOn);
    assert.equal(world.uses.length, 1, 'the hung window has gone on too early for this test');
    assert.equal(said(await first), 'refreshed');
    assertSentOnce(world);
  });

  for (const turn of [1, 2])
    it(`is not sent again where its text of turn ${turn} of 3 is imported in another window`, async () => {
      const one = await world.open({ pace });
      const two = await world.open({ pace, lag: 'never' });
      const raw = world.now.issuer.signIn();
      await world.ask(one, 'import', { id: 'a', raw });
      const texts: (string | undefined)[] = [raw.refresh_token];
      for (let round = 0; round < 3; round++) {
        const reply = await world.refresh(one);
        assert.equal(said(reply), 'refreshed');
        texts.push(reply.token);
      }
      await world.ask(two, 'import', { id: 'b', raw: { ...raw, refresh_token: texts[turn] ?? '' } });
      for (const [window, id] of [
        [two, 'b'],
        [two, 'b'],
        [one, 'a'],
        [one, 'b'],
      ] as const)
        assert.match(said(await world.refresh(window, { id })), wentOn);
      assertSentOnce(world);
    });

  it('is known after the first of them has rotated it, and after a restart', async () => {
    const one = await world.open({ pace });
    await importTwice(one, one);
    assert.match(said(await world.refresh(one, { id: 'a' })), wentOn);
    const two = await world.open({ pace });
    assert.match(said(await world.refresh(two, { id: 'b' })), wentOn);
    assert.match(said(await world.refresh(two, { id: 'a' })), wentOn);
    assertSentOnce(world);
  });

  it('is not sent by the second one where the first one was killed with the answer', async () => {
    const one = await world.open({ pace });
    const two = await world.open({ pace, lag: 'never' });
    await importTwice(one, two);
    const { onUse } = world.now.issuer;
    world.now.issuer.onUse = async use => {
      world.now.issuer.onUse = onUse;
      one.kill();
      await onUse(use);
    };
    await assert.rejects(world.refresh(one, { id: 'a' }));
    // One retry for both together.
    const ends = [];
    for (const id of ['b', 'a', 'b', 'a']) ends.push(said(await world.refresh(two, { id })));
    assert.ok(world.uses.length <= 2, `${world.uses.length} uses: ${ends.join(', ')}`);
    for (const end of ends) assert.doesNotMatch(end, /^refreshed/);
  });
});
