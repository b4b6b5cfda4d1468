import assert from 'node:assert/strict';
import { createFamilies, type RotationPolicy } from '../../../src/mock/families.ts';

const grant = { clientId: 'demo', subject: 's', scope: 'api', audience: 'a', sid: 'x', authTime: 0 };

function make(policy: Partial<RotationPolicy> = {}) {
  return createFamilies({ rotation: 'strict', graceSeconds: 0, refreshTokenLifetime: undefined, ...policy });
}

describe('mock issuer: grants are removed from memory', () => {
  it('once they are revoked', () => {
    const families = make();
    for (let i = 0; i < 1_000; i += 1) families.start(grant, 0);
    families.revokeAll();
    for (let i = 0; i < 2_000; i += 1) families.start(grant, 0);
    assert.ok(families.size <= 2_000, `${families.size}`);
  });

  it('once they have expired', () => {
    const families = make({ refreshTokenLifetime: 1 });
    for (let i = 0; i < 50_000; i += 1) families.start(grant, i * 10);
    assert.ok(families.size <= 512, `${families.size}`);
  });

  it('beyond 10,000, the least recently used ones', () => {
    const families = make();
    const kept = families.start(grant, 0);
    const unused = families.start(grant, 0);
    for (let i = 0; i < 25_000; i += 1) {
      families.start(grant, 0);
      families.rotate(kept, kept.current, 0);
    }
    assert.ok(families.size <= 10_000, `${families.size}`);
    assert.deepEqual(families.find(kept.current, 'demo', 0), { family: kept });
    assert.deepEqual(families.find(unused.current, 'demo', 0), { refused: 'unknown' });
  });

  it('but not while one of their access tokens can be introspected', () => {
    const families = make();
    const asked = families.start({ ...grant, sid: 'a'.repeat(18) }, 0);
    asked.accessUntil = 1_000;
    families.revoke(asked);
    for (let i = 0; i < 1_000; i += 1) families.start(grant, 500);
    assert.equal(families.ofSession(`${'a'.repeat(18)}-rest-of-a-jti`), asked);
    for (let i = 0; i < 2_000; i += 1) families.start(grant, 1_000);
    assert.equal(families.ofSession('a'.repeat(18)), undefined);
  });
});
