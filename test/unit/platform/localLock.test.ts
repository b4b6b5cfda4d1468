import assert from 'node:assert/strict';
import { createLocalLock } from '../../../src/core/waiting.ts';
import { failureOf } from '../../support/failureOf.ts';

const never = new AbortController().signal;
const turn = () => new Promise(resolve => setImmediate(resolve));

/** Work under the lock `a` that the test ends, and a record of who holds it. */
function holders() {
  const lock = createLocalLock();
  const inside: string[] = [];
  let most = 0;
  function hold(name: string, signal = never) {
    let leave = () => {};
    const until = new Promise<void>(resolve => {
      leave = resolve;
    });
    const done = lock.withLock('a', signal, async () => {
      inside.push(name);
      most = Math.max(most, inside.length);
      await until;
      inside.splice(inside.indexOf(name), 1);
      return name;
    });
    return { done, leave };
  }
  return { lock, inside, hold, most: () => most };
}

describe('createLocalLock', () => {
  it('lets callers in one at a time, in their order', async () => {
    const { hold, inside, most } = holders();
    const all = ['one', 'two', 'three'].map(name => hold(name));
    for (const [index, { done, leave }] of all.entries()) {
      await turn();
      assert.deepEqual(inside, [['one', 'two', 'three'][index]]);
      leave();
      await done;
    }
    assert.equal(most(), 1);
  });

  it('does not let names wait for each other', async () => {
    const { lock, hold } = holders();
    const { done, leave } = hold('one');
    assert.equal(await lock.withLock('b', never, async () => 'in'), 'in');
    leave();
    await done;
  });

  it('goes on after work that failed', async () => {
    const { lock } = holders();
    await assert.rejects(lock.withLock('a', never, () => Promise.reject(new Error('no'))));
    assert.equal(await lock.withLock('a', never, async () => 'in'), 'in');
  });

  it('lets a caller give up, without letting another in', async () => {
    const { hold, inside, most } = holders();
    const first = hold('first');
    const abort = new AbortController();
    const second = failureOf(hold('second', abort.signal).done);
    await turn();
    abort.abort();
    const { code, data } = await second;
    assert.deepEqual([code, data.sent], ['cancelled', false]);
    const third = hold('third');
    await turn();
    assert.deepEqual(inside, ['first']);
    first.leave();
    await first.done;
    await turn();
    assert.deepEqual(inside, ['third']);
    third.leave();
    await third.done;
    assert.equal(most(), 1);
  });

  it('does not start work for a caller who has left already', async () => {
    const { hold, inside } = holders();
    assert.equal((await failureOf(hold('one', AbortSignal.abort()).done)).code, 'cancelled');
    assert.deepEqual(inside, []);
    const { done, leave } = hold('two');
    leave();
    assert.equal(await done, 'two');
  });

  it('keeps a ledger for each name, and in it a sign-out', async () => {
    const { lock } = holders();
    await lock.withLock('a', never, async lease => {
      assert.equal(await lease.readLedger(), undefined);
      await lease.writeLedger({ generation: 4, fingerprint: 'f' });
      assert.equal(lease.lost, false);
    });
    assert.deepEqual(await lock.peek('a'), { ledger: { generation: 4, fingerprint: 'f' } });
    assert.deepEqual(await lock.peek('b'), {});
    assert.equal(await lock.forget('a', 2, 99), 5);
    await lock.withLock('a', never, async lease => {
      assert.deepEqual(await lease.readLedger(), { generation: 5, signedOutAt: 99 });
      const { code, data } = await failureOf(lease.writeLedger({ generation: 5 }));
      assert.deepEqual([code, data.signedOut], ['superseded', true]);
      await lease.writeLedger({ generation: 6 });
      assert.deepEqual(await lease.readLedger(), { generation: 6 });
    });
  });
});
