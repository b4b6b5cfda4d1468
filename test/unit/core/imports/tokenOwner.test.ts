import assert from 'node:assert/strict';
import {
  foreignOrigin,
  matchingConnections,
  planImport,
  tokenClaims,
} from '../../../../src/core/imports/tokenOwner.ts';
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
  it('matches no tokens without an issuer', () => assert.deepEqual(match({ client_id: 'one' }), []));
});

describe('what tokens say against a connection', () => {
  const connection = { id: 'a', clientId: 'one', issuer } as Session['connection'];
  const against = (tokens: object) => foreignOrigin(connection, planImport(JSON.stringify(tokens)));

  it('is another issuer, or none of the clients in them matches', () => {
    assert.deepEqual(against({ id_token: jwt({ iss: 'https://other.example', aud: 'one' }) }), {
      member: 'issuer',
      expected: issuer,
      found: 'https://other.example',
    });
    assert.deepEqual(against({ access_token: jwt({ iss: issuer, client_id: 'two' }) }), {
      member: 'client_id',
      expected: 'one',
      found: 'two',
    });
    assert.equal(against({ id_token: jwt({ iss: issuer, azp: 'an-app', aud: ['one', 'an-app'] }) }), undefined);
    assert.equal(against({ access_token: jwt({ iss: issuer, aud: 'two' }) }), undefined);
    assert.equal(against({ refresh_token: 'an-opaque-refresh-token' }), undefined);
  });
});

describe('the connection of a request', () => {
  const session = (id: string, more: object) => ({ connection: { id, clientId: id, ...more } }) as Session;
  const sessions = [
    session('first', { issuer: 'https://first.example' }),
    session('issuer', { issuer: 'https://login.example/realms/a' }),
    session('endpoint', { tokenEndpoint: 'https://api.example/oauth/token' }),
  ];
  const match = (text: string) => matchingConnections(sessions, planImport(text)).map(({ id }) => id);

  it('is the one at whose address the request is', () => {
    const form = '-d grant_type=refresh_token -d refresh_token=an-opaque-refresh-token';
    assert.deepEqual(match(`curl https://login.example/realms/a/protocol/token ${form}`), ['issuer']);
    assert.deepEqual(match(`curl https://api.example/oauth/token ${form}`), ['endpoint']);
    assert.deepEqual(match(`curl https://elsewhere.example/token ${form}`), []);
    assert.deepEqual(match('an-opaque-refresh-token'), []);
  });

  it('is proposed with the client that it names', () =>
    assert.deepEqual(planImport('client_id=my-app&refresh_token=an-opaque-refresh-token').claims, {
      clientId: 'my-app',
    }));
});
