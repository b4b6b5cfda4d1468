import assert from 'node:assert/strict';
import { claimKind, headerParameters, registeredClaims } from '../../../src/core/claims.ts';
import { embeddedKeyParameters, timeClaims } from '../../../src/core/jwt.ts';

describe('claims', () => {
  it('have their kinds by name, and none for names that every object inherits', () => {
    assert.equal(claimKind('exp'), 'time');
    assert.equal(claimKind('aud'), 'string_or_strings');
    assert.equal(claimKind('https://example.com/claim'), undefined);
    for (const name of ['constructor', '__proto__', 'toString']) assert.equal(claimKind(name), undefined);
  });

  it('that are times here are those that the decoder looks at', () => {
    const times = [...registeredClaims].filter(([, { kind }]) => kind === 'time').map(([name]) => name);
    assert.deepEqual(times.sort(), [...timeClaims].sort());
  });

  it('and header parameters name where they are defined', () => {
    for (const { spec } of [...registeredClaims.values(), ...headerParameters.values()]) assert.ok(spec);
    for (const name of embeddedKeyParameters) assert.ok(headerParameters.has(name));
  });
});
