import assert from 'node:assert/strict';
import { hmacJwt } from '../support/signing.ts';
import { codeOf, run } from './support.ts';

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
});
