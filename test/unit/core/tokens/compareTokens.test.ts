import assert from 'node:assert/strict';
import { decodeToken } from '../../../../src/core/tokens/jwt.ts';
import { compareTokens, inSameOrder } from '../../../../src/core/tokens/tokenUse.ts';
import { hmacJwt } from '../../../support/signing.ts';

const token = (payload: object, header = {}) => decodeToken(hmacJwt('secret', payload, header));

describe('compareTokens', () => {
  it('finds nothing between a token and itself, or one whose members stand in another order', () => {
    const one = token({ a: 1, b: { c: [1, 2], d: 2 } });
    assert.deepEqual(compareTokens(one, one), []);
    assert.deepEqual(compareTokens(one, token({ b: { d: 2, c: [1, 2] }, a: 1 })), []);
  });

  it('names what was added, removed and changed, and times by their difference', () => {
    const before = token({ iss: 'a', exp: 1000, aud: ['x', 'y'], old: true });
    const after = token({ iss: 'b', exp: 4600, aud: ['y', 'x'], new: null }, { kid: '2' });
    assert.deepEqual(compareTokens(before, after), [
      { part: 'header', name: 'kid', change: 'added', after: '2' },
      { part: 'payload', name: 'iss', change: 'changed', before: 'a', after: 'b' },
      { part: 'payload', name: 'exp', change: 'changed', before: 1000, after: 4600, seconds: 3600 },
      { part: 'payload', name: 'aud', change: 'changed', before: ['x', 'y'], after: ['y', 'x'] },
      { part: 'payload', name: 'old', change: 'removed', before: true },
      { part: 'payload', name: 'new', change: 'added', after: null },
    ]);
  });

  it('knows no member that every object has, and takes an opaque token for an empty one', () => {
    const differences = compareTokens(token({}), token(JSON.parse('{"constructor":1,"__proto__":2}')));
    assert.deepEqual(
      differences.map(({ name, change }) => [name, change]),
      [
        ['constructor', 'added'],
        ['__proto__', 'added'],
      ],
    );
    assert.deepEqual(
      compareTokens(decodeToken('opaque-token'), token({})).map(({ name }) => name),
      ['alg'],
    );
  });

  it('brings the second token into the order of the first', () => {
    assert.deepEqual(Object.keys(inSameOrder({ a: 1, b: 2, c: 3 }, { d: 1, c: 1, a: 1 })), ['a', 'c', 'd']);
  });
});
