import assert from 'node:assert/strict';
import type { Difference } from '../../src/core/tokens/tokenUse.ts';
import { hmacJwt } from '../support/signing.ts';
import { codeOf, run, signedIn } from './support.ts';

describe('comparing two tokens in VS Code', () => {
  it('answers with what differs', async () => {
    const one = hmacJwt('secret', { iss: 'a', exp: 1000 });
    const other = hmacJwt('secret', { iss: 'a', exp: 1060, scope: 'more' });
    assert.deepEqual(await run('compare', { tokens: [one, other] }), {
      differences: [
        { part: 'payload', name: 'exp', change: 'changed', before: 1000, after: 1060, seconds: 60 },
        { part: 'payload', name: 'scope', change: 'added', after: 'more' },
      ],
    });
    assert.equal(await codeOf(run('compare', { tokens: [one] })), 'argument_invalid');
    assert.equal(await codeOf(run('compare', { tokens: [one, 'two words'] })), 'not_a_token');
  });

  it('compares a refresh with the one before, by what the earlier token said', async () => {
    const { mock, id, end } = await signedIn('refreshed');
    assert.equal(await codeOf(run('compare', { connection: id })), 'no_such_token');
    mock.clock.advance(5000);
    await run('refresh', { connection: id });
    const { differences } = await run<{ differences: Difference[] }>('compare', { connection: id });
    assert.deepEqual(
      differences.map(({ name, change }) => `${name} ${change}`),
      ['jti changed', 'iat changed', 'exp changed'],
    );
    assert.ok((differences.find(({ name }) => name === 'exp')?.seconds ?? 0) >= 5);
    await run('signOut', { connection: id });
    assert.equal(await codeOf(run('compare', { connection: id })), 'no_such_token');
    await end();
  });
});
