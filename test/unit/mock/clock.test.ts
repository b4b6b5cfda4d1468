import assert from 'node:assert/strict';
import { createClock } from '../../../src/mock/shelf.ts';

describe('mock issuer: clock', () => {
  it('runs, freezes, advances and resumes', () => {
    const clock = createClock();
    const before = Date.now();
    assert.ok(clock.now() >= before && clock.now() <= Date.now());
    clock.advance(3_600_000);
    assert.ok(clock.now() >= before + 3_600_000);
    clock.freeze(1_000);
    assert.equal(clock.now(), 1_000);
    clock.advance(500);
    assert.equal(clock.now(), 1_500);
    clock.freeze();
    assert.equal(clock.now(), 1_500);
    clock.resume();
    assert.ok(clock.now() >= 1_500 && clock.now() < 60_000, 'it goes on from where it stood');
  });

  it('ends a delay when its time has passed, not earlier', async () => {
    const clock = createClock();
    clock.freeze(0);
    const woken: string[] = [];
    const sleeps = [clock.sleep(200).then(() => woken.push('b')), clock.sleep(100).then(() => woken.push('a'))];
    await clock.sleep(0);
    clock.advance(99);
    await Promise.resolve();
    assert.deepEqual([woken, clock.sleeping], [[], 2]);
    clock.advance(1);
    await sleeps[1];
    assert.deepEqual([woken, clock.sleeping], [['a'], 1]);
    clock.wakeAll();
    await sleeps[0];
    assert.deepEqual([woken, clock.sleeping], [['a', 'b'], 0]);
  });

  it('ends a delay after the clock is resumed', async () => {
    const clock = createClock();
    clock.freeze(0);
    const sleep = clock.sleep(2 ** 40);
    clock.advance(2 ** 40 - 1);
    assert.equal(clock.sleeping, 1);
    clock.resume();
    await sleep;
  });
});
