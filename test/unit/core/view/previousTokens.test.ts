import assert from 'node:assert/strict';
import { createSessions } from '../../../../src/core/records/sessions.ts';
import { createPreviousTokens } from '../../../../src/core/view/sessionView.ts';
import { hmacJwt } from '../../../support/signing.ts';

const connection = {
  id: 'shop',
  label: 'Shop',
  issuer: 'https://as.example',
  clientId: 'c',
  tokenEndpointAuthMethod: 'none',
  autoRefresh: true,
  dpop: false,
  pushedAuthorizationRequests: false,
} as const;
const token = (n: number) => hmacJwt('a secret of the tests, long enough', { sub: 'ada', n });

describe('what the tokens before said', () => {
  const sessions = createSessions();
  const previous = createPreviousTokens(sessions);
  const apply = (generation: number, access_token: string) =>
    sessions.apply({
      version: 1,
      connection: 'shop',
      generation,
      tokens: { access_token, token_type: 'Bearer', obtained_at: generation, id_token: token(0) },
    });
  const n = () => {
    const decoded = previous.of('shop', 'access_token');
    return decoded?.kind === 'jws' ? decoded.payload.n : undefined;
  };

  it('is known after a refresh, and contains no token', () => {
    sessions.setConnections([{ connection, memoryOnly: false }], []);
    apply(1, token(1));
    assert.equal(n(), undefined);
    apply(2, token(2));
    assert.equal(n(), 1);
    assert.equal(previous.of('shop', 'id_token'), undefined, 'it is the same as before');
    apply(3, token(3));
    assert.equal(n(), 2);
    const signature = token(2).split('.').at(-1) ?? '';
    assert.ok(!JSON.stringify(previous.of('shop', 'access_token')).includes(signature));
  });

  it('stays if a later record cannot be read, and goes with the tokens', () => {
    sessions.setConnections([{ connection, memoryOnly: false }], []);
    apply(3, token(3));
    apply(4, 'an opaque token 123');
    assert.equal(n(), 3);
    apply(5, token(5));
    assert.equal(n(), 3);
    sessions.forget('shop');
    assert.equal(n(), undefined);
    apply(6, token(6));
    assert.equal(n(), undefined);
    apply(7, token(7));
    assert.equal(n(), 6);
    sessions.setConnections([], []);
    assert.equal(n(), undefined);
    previous.dispose();
  });
});
