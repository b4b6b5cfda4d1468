import assert from 'node:assert/strict';
import { sameData } from '../../../src/core/tokens/json.ts';
import { createListeners } from '../../../src/core/waiting.ts';

describe('createListeners', () => {
  it('calls each listener once, and none that was removed or added meanwhile', () => {
    const listeners = createListeners<[string, number]>();
    const told: string[] = [];
    const leave = listeners.add((name, count) => {
      told.push(`one ${name} ${count}`);
      leave();
      listeners.add(() => told.push('late'));
    });
    listeners.add(name => told.push(`two ${name}`));
    listeners.tell('a', 1);
    assert.deepEqual(told, ['one a 1', 'two a']);
    listeners.tell('b', 2);
    assert.deepEqual(told.slice(2), ['two b', 'late']);
  });
});

describe('sameData', () => {
  for (const [one, other, same] of [
    [1, 1, true],
    [Number.NaN, Number.NaN, true],
    ['a', 'b', false],
    [null, null, true],
    [null, {}, false],
    [undefined, null, false],
    [{ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 }, true],
    [{ a: 1 }, { a: 1, b: undefined }, false],
    [{ a: undefined }, { b: undefined }, false],
    [[1, 2], [2, 1], false],
    [[], {}, false],
    [{ constructor: 1 }, {}, false],
    [{}, { toString: 1 }, false],
  ] as const) {
    it(`of ${JSON.stringify(one)} and ${JSON.stringify(other)}: ${same}`, () => {
      assert.equal(sameData(one, other), same);
      assert.equal(sameData(other, one), same);
    });
  }
});
