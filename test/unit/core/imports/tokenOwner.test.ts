import assert from 'node:assert/strict';
import { matchingConnections, tokenClaims } from '../../../../src/core/imports/tokenOwner.ts';
import type { Session } from '../../../../src/core/records/sessions.ts';

function jwt(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2ln`;
}

const issuer = 'https://issuer.example';

describe('tokenClaims', () => {
  for (const [name, tokens, expected] of [
    ['an ID token', { id_token: jwt({ iss: issuer, aud: 'demo' }) }, { issuer, clientId: 'demo' }],
    [
      'of several audiences azp',
      { id_token: jwt({ iss: issuer, aud: ['api', 'demo'], azp: 'demo' }) },
      { issuer, clientId: 'demo' },
    ],
    ['of several audiences the first', { id_token: jwt({ aud: ['one', 'two'] }) }, { clientId: 'one' }],
    [
      'an access token (RFC 9068)',
      { access_token: jwt({ iss: issuer, client_id: 'demo', aud: 'api' }) },
      { issuer, clientId: 'demo' },
    ],
    ['an audience of an access token is no client', { access_token: jwt({ iss: issuer, aud: 'api' }) }, { issuer }],
    ['a refresh token', { refresh_token: jwt({ iss: issuer, azp: 'demo' }) }, { issuer, clientId: 'demo' }],
    [
      'the ID token before the others',
      { id_token: jwt({ iss: issuer }), access_token: jwt({ iss: 'https://other.example' }) },
      { issuer },
    ],
    ['opaque tokens', { access_token: 'opaque', refresh_token: 'opaque' }, {}],
    ['damaged tokens', { access_token: 'eyJhbGciOiJub25lIn0', id_token: '' }, {}],
    ['claims of wrong types', { id_token: jwt({ iss: 5, aud: [5], azp: null }) }, {}],
    ['claims that every object has', { id_token: jwt({ sub: 'x' }) }, {}],
    ['nothing', {}, {}],
  ] as const) {
    it(`reads ${name}`, () => assert.deepEqual(tokenClaims(tokens), expected));
  }
});

describe('matchingConnections', () => {
  const session = (id: string, clientId: string, at = issuer) =>
    ({ connection: { id, clientId, issuer: at } }) as Session;
  const sessions = [session('a', 'one'), session('b', 'two'), session('c', 'one', `${issuer}/`)];
  const match = (claims: object) => matchingConnections(sessions, { access_token: jwt(claims) }).map(({ id }) => id);

  it('takes those of issuer and client', () => assert.deepEqual(match({ iss: issuer, client_id: 'two' }), ['b']));
  it('takes all of the issuer where the client is another', () =>
    assert.deepEqual(match({ iss: issuer, client_id: 'three' }), ['a', 'b']));
  it('compares issuers character for character', () => assert.deepEqual(match({ iss: `${issuer}/` }), ['c']));
  it('takes none without an issuer', () => assert.deepEqual(match({ client_id: 'one' }), []));
});
