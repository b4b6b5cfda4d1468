import assert from 'node:assert/strict';
import { createFaultPlan } from '../../../src/mock/faultPlan.ts';
import { readFaults } from '../../../src/mock/faultReader.ts';
import { faultTypes } from '../../../src/mock/faults.ts';

const path = (value: unknown): string => {
  try {
    readFaults(value);
  } catch (error) {
    assert.ok(error instanceof TypeError);
    assert.match(error.message, /^faults[\w[\].-]*: ./);
    return error.message.split(':')[0] ?? '';
  }
  return 'accepted';
};

describe('faults as JSON', () => {
  it('reads what the plan takes', () => {
    const faults = [
      { type: 'delay', ms: 5, at: ['token', 'jwks'], times: 3 },
      { type: 'serverError', status: 500, commit: true, probability: 0.5, seed: 7 },
      { type: 'claim', name: 'sub' },
      { type: 'claim', name: 'roles', value: ['a'], token: 'access_token' },
    ];
    assert.deepEqual(readFaults(JSON.parse(JSON.stringify(faults))), faults);
    const [first] = createFaultPlan(readFaults(faults)).strikes('jwks');
    assert.equal(first?.type, 'delay');
    assert.deepEqual(readFaults([]), []);
  });

  it('says for every fault what is missing or unknown, and never lets one do nothing in silence', () => {
    for (const type of faultTypes) {
      const outcome = path([{ type }]);
      assert.ok(outcome === 'accepted' || outcome.startsWith('faults[0].'), `${type}: ${outcome}`);
      assert.match(path([{ type, ms: 1, literal: '1', name: 'a', nonsense: 1 }]), /^faults\[0\]\.\w+$/, type);
    }
  });

  it('names the path of what is wrong', () => {
    const cases: [unknown, string][] = [
      [undefined, 'faults'],
      [{ type: 'delay' }, 'faults'],
      [[null], 'faults[0]'],
      [[{}], 'faults[0].type'],
      [[{ type: 'toString' }], 'faults[0].type'],
      [[{ type: 'truncate' }, { type: 'delay' }], 'faults[1].ms'],
      [[{ type: 'delay', ms: '5' }], 'faults[0].ms'],
      [[{ type: 'delay', ms: Number.NaN }], 'faults[0].ms'],
      [[{ type: 'truncate', at: 'nowhere' }], 'faults[0].at'],
      [[{ type: 'truncate', times: 0 }], 'faults[0].times'],
      [[{ type: 'truncate', times: 1.5 }], 'faults[0].times'],
      [[{ type: 'truncate', probability: 2 }], 'faults[0].probability'],
      [[{ type: 'truncate', seed: 'a' }], 'faults[0].seed'],
      [[{ type: 'wrongIss', token: 'refresh_token' }], 'faults[0].token'],
    ];
    for (const [value, expected] of cases) assert.equal(path(value), expected);
  });
});
