import assert from 'node:assert/strict';
import { createExpiringMap } from '../../../src/mock/shelf.ts';

describe('mock issuer: temporary storage', () => {
  it('returns a value until it expires', () => {
    const shelf = createExpiringMap<string>();
    shelf.put('a', 'x', 100, 0);
    assert.equal(shelf.get('a', 99), 'x');
    assert.equal(shelf.get('a', 100), undefined);
    assert.equal(shelf.get('b', 0), undefined);
    assert.equal(shelf.get(undefined, 0), undefined);
    shelf.delete('a');
    assert.equal(shelf.get('a', 0), undefined);
  });

  it('removes expired values', () => {
    const shelf = createExpiringMap<number>();
    for (let i = 0; i < 50_000; i += 1) shelf.put(`${i}`, i, i + 10, i);
    assert.ok(shelf.size <= 128, `${shelf.size}`);
  });

  it('removes the oldest values beyond its limit', () => {
    const shelf = createExpiringMap<number>(1_000);
    for (let i = 0; i < 50_000; i += 1) shelf.put(`${i}`, i, 1e9, 0);
    assert.ok(shelf.size <= 1_000, `${shelf.size}`);
    assert.equal(shelf.get('49999', 0), 49_999);
    assert.equal(shelf.get('0', 0), undefined);
  });
});
