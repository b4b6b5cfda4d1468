import assert from 'node:assert/strict';
import { readConnections } from '../../../../src/core/records/connection.ts';
import { createKnownSecrets } from '../../../../src/core/records/knownSecrets.ts';
import { emptyRecord } from '../../../../src/core/records/record.ts';
import { createSessions } from '../../../../src/core/records/sessions.ts';

describe('what leaves the extension', () => {
  const { connections } = readConnections([
    { id: 'shop', label: 'Shop', issuer: 'https://a.example', clientId: 'demo' },
  ]);

  function known() {
    const sessions = createSessions();
    const secrets = createKnownSecrets(sessions);
    sessions.setConnections(
      connections.map(connection => ({ connection, memoryOnly: false })),
      [],
    );
    const tokens = { access_token: 'short-at', obtained_at: 0 };
    sessions.apply({
      ...{ ...emptyRecord('shop'), generation: 1, client_secret: 'p4ss/word+' },
      tokens: { ...tokens, refresh_token: 'RefreshOne' },
    });
    sessions.apply({
      ...{ ...emptyRecord('shop'), generation: 2, client_secret: 'p4ss/word+' },
      tokens: { ...tokens, refresh_token: 'RefreshTwo' },
    });
    return secrets;
  }

  it('has no token or secret, however an issuer echoes it', () => {
    const { mask } = known();
    for (const echoed of [
      'short-at',
      'RefreshTwo',
      // Superseded, but it was sent to the issuer.
      'RefreshOne',
      'refreshone.example',
      'p4ss/word+',
      encodeURIComponent('p4ss/word+'),
      Buffer.from('demo:p4ss/word+').toString('base64'),
      Buffer.from(`demo:${encodeURIComponent('p4ss/word+')}`).toString('base64'),
    ]) {
      const answer = mask({ message: `type "${echoed}" is odd, ${echoed}`, list: [{ [echoed]: 1 }], n: 5, none: null });
      assert.doesNotMatch(
        JSON.stringify(answer).toLowerCase(),
        new RegExp(echoed.toLowerCase().replace(/\W/g, '\\$&')),
      );
      assert.match(answer.message, /^type "\[hidden\]/);
      assert.deepEqual([answer.n, answer.none], [5, null]);
    }
  });

  it('is unchanged if it has none of them', () => {
    const answer = {
      outcome: 'refreshed',
      generation: 2,
      expiresAt: 1,
      error: { code: 'x', message: 'demo at a.example' },
    };
    assert.deepEqual(known().mask(answer), answer);
  });
});
