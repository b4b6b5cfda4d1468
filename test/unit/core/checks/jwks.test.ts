import assert from 'node:assert/strict';
import { createJwksClient, type JwksClientOptions, parseKeySet } from '../../../../src/core/checks/keySets.ts';
import { verifyToken } from '../../../../src/core/checks/verifier.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { type LoopbackServer, loopbackServer, reply } from '../../../support/loopbackServer.ts';
import { manualClock } from '../../../support/manualClock.ts';
import { jwt, signer } from '../../../support/signing.ts';

const first = signer('ES256', 'first');
const second = signer('ES256', 'second');
const minute = 60_000;

describe('createJwksClient', () => {
  let server: LoopbackServer;
  let uri: string;
  const serve = (...keys: readonly object[]) => {
    server.answer = (_, response) => reply(response, 200, { keys });
  };

  beforeEach(async () => {
    server = await loopbackServer((_, response) => reply(response, 200, { keys: [first.jwk] }));
    uri = `${server.origin}/jwks`;
  });
  afterEach(() => server.close());

  function client(options: Partial<JwksClientOptions> = {}) {
    const clock = manualClock();
    return { clock, ...createJwksClient({ fetch: (input, init) => fetch(input, init), clock, ...options }) };
  }

  const kid = (name: string) => ({ alg: 'ES256', kid: name });

  it('asks once within ten minutes, and again after them', async () => {
    const { keysFor, clock } = client();
    await keysFor(uri, kid('first'));
    clock.advance(10 * minute - 1);
    await keysFor(uri, kid('first'));
    assert.equal(server.requests.length, 1);
    clock.advance(1);
    await keysFor(uri, kid('first'));
    assert.equal(server.requests.length, 2);
  });

  it('fetches immediately for a new kid, but at most every thirty seconds', async () => {
    const { keysFor, clock } = client();
    await keysFor(uri, kid('first'));
    serve(first.jwk, second.jwk);
    await keysFor(uri, kid('second'));
    assert.equal(server.requests.length, 1, 'within the cooldown of the first request');
    clock.advance(30_000);
    const { keys } = await keysFor(uri, kid('second'));
    assert.deepEqual(
      keys.keys.map(key => key.kid),
      ['first', 'second'],
    );
    for (let i = 0; i < 10; i++) await keysFor(uri, kid(`made up ${i}`));
    assert.equal(server.requests.length, 2);
  });

  it('has one request under way at a time', async () => {
    const { keysFor } = client();
    const lookups = await Promise.all(Array.from({ length: 20 }, () => keysFor(uri, kid('first'))));
    assert.equal(server.requests.length, 1);
    assert.equal(new Set(lookups.map(({ keys }) => keys)).size, 1);
  });

  it('goes on with the keys it has when they cannot be fetched again, and says so', async () => {
    const { clock, ...jwks } = client();
    await jwks.keysFor(uri, kid('first'));
    server.answer = (_, response) => reply(response, 503, 'down');
    clock.advance(11 * minute);
    const seconds = Math.floor(clock.now() / 1000);
    const token = jwt(first, { exp: seconds + 60 });
    const source = { kind: 'remote', jwks, jwksUri: uri } as const;
    const { verified, checks } = await verifyToken(token, {}, source, clock.now());
    assert.equal(verified, true);
    const { code, status, data } = checks.find(({ id }) => id === 'key') ?? {};
    assert.deepEqual(
      { code, status, error: data?.error },
      { code: 'keys_outdated', status: 'warning', error: 'http_error' },
    );
    await jwks.keysFor(uri, kid('first'));
    assert.equal(server.requests.length, 2, 'a failed request has its cooldown as well');
    serve(first.jwk);
    clock.advance(30_000);
    assert.equal((await jwks.keysFor(uri, kid('first'))).outdated, undefined);
  });

  it('fetches immediately after a failure without keys, and after forgetting them', async () => {
    const { keysFor, forget } = client();
    server.answer = (_, response) => reply(response, 500, 'down');
    await failureOf(keysFor(uri, {}));
    serve(first.jwk);
    await keysFor(uri, {});
    forget(uri);
    await keysFor(uri, {});
    forget();
    await keysFor(uri, {});
    assert.equal(server.requests.length, 4);
  });

  it('asks again when the clock was set back', async () => {
    const { keysFor, clock } = client();
    await keysFor(uri, kid('first'));
    clock.advance(-24 * 60 * minute);
    await keysFor(uri, kid('first'));
    assert.equal(server.requests.length, 2);
  });

  it('sends neither cookies nor credentials, and asks for a key set', async () => {
    await client().keysFor(uri, {});
    const { method, headers } = server.requests[0] ?? {};
    assert.equal(method, 'GET');
    assert.match(headers?.accept ?? '', /application\/jwk-set\+json/);
    assert.equal(headers?.authorization ?? headers?.cookie, undefined);
  });

  for (const [name, answer, code, data] of [
    ['an HTML page', [200, '<!doctype html><title>Sign in</title>'], 'jwks_invalid', { reason: 'html' }],
    ['no JSON', [200, 'keys'], 'jwks_invalid', { reason: 'not_json' }],
    ['a number', [200, 7], 'jwks_invalid', { reason: 'not_an_object' }],
    ['an empty array', [200, []], 'jwks_invalid', { reason: 'empty' }],
    ['no keys', [200, { key: [] }], 'jwks_invalid', { reason: 'no_keys_member' }],
    ['keys that are none', [200, { keys: { 0: 'first' } }], 'jwks_invalid', { reason: 'no_keys_member' }],
    ['an empty set', [200, { keys: [] }], 'jwks_invalid', { reason: 'empty' }],
    [
      'unknown keys only',
      [200, { keys: [{ kty: 'X' }, 7, null] }],
      'jwks_invalid',
      { reason: 'no_usable_key', ignored: 3 },
    ],
    ['5,000 levels', [200, '['.repeat(5000)], 'jwks_invalid', { reason: 'not_json' }],
    ['a status of 404', [404, 'no'], 'http_error', { status: 404 }],
    ['more than 512 KiB', [200, ' '.repeat(512 * 1024 + 1)], 'response_too_large', {}],
  ] as const) {
    it(`reports ${name} as ${code}, and so does the check of the signature`, async () => {
      server.answer = (_, response) => reply(response, answer[0], answer[1]);
      const { clock, ...jwks } = client();
      const error = await failureOf(jwks.keysFor(uri, {}));
      assert.equal(error.code, code);
      assert.deepEqual({ ...error.data, ...data }, error.data);
      assert.equal(error.data.host, new URL(uri).host);
      const source = { kind: 'remote', jwks, jwksUri: uri } as const;
      const { verified, checks } = await verifyToken(jwt(first, {}), {}, source, clock.now());
      assert.equal(verified, false);
      assert.equal(checks.find(({ id }) => id === 'signature')?.code, code);
    });
  }

  it('follows no redirect', async () => {
    const elsewhere = await loopbackServer((_, response) => reply(response, 200, { keys: [first.jwk] }));
    server.answer = (_, response) => reply(response, 302, '', { location: elsewhere.origin });
    const error = await failureOf(client().keysFor(uri, {}));
    assert.equal(error.code, 'redirect_refused');
    assert.equal(elsewhere.requests.length, 0);
    await elsewhere.close();
  });

  it('waits ten seconds at most', async () => {
    server.answer = () => {};
    const { keysFor, clock } = client();
    const failure = failureOf(keysFor(uri, {}));
    await new Promise(resolve => setImmediate(resolve));
    clock.advance(10_000);
    assert.equal((await failure).code, 'timeout');
  });

  it('says that the server cannot be reached', async () => {
    await server.close();
    assert.equal((await failureOf(client().keysFor(uri, {}))).code, 'connection_refused');
    server = await loopbackServer(() => {});
  });

  for (const address of [
    'http://as.example/jwks',
    'http://127.0.0.1.evil.example/jwks',
    'ftp://as.example',
    'https://u:p@as.example',
    'jwks',
  ]) {
    it(`does not ask ${address}`, async () => {
      const { keysFor } = client({ fetch: () => assert.fail('asked') });
      assert.match((await failureOf(keysFor(address, {}))).code, /^url_(?:invalid|insecure)$/);
    });
  }
});

describe('parseKeySet', () => {
  it('ignores keys that it does not know, and counts them', () => {
    const set = {
      keys: [first.jwk, { kty: 'oct', k: 'c2VjcmV0' }, { kty: 'EC', crv: 'P-256', x: 1, y: 2 }, { kty: 'new' }],
    };
    const { keys, ignored } = parseKeySet(JSON.stringify(set), 'jwks');
    assert.deepEqual(
      keys.map(({ kid }) => kid),
      ['first'],
    );
    assert.equal(ignored, 3);
  });

  it('flags an issuer that publishes a private key', async () => {
    const jwk = { ...first.privateKey.export({ format: 'jwk' }), kid: 'first' };
    const server = await loopbackServer((_, response) => reply(response, 200, { keys: [jwk] }));
    const clock = manualClock();
    const jwks = createJwksClient({ fetch: (input, init) => fetch(input, init), clock });
    const token = jwt(first, { exp: Math.floor(clock.now() / 1000) + 60 });
    const source = { kind: 'remote', jwks, jwksUri: server.origin } as const;
    const { verified, checks } = await verifyToken(token, {}, source, clock.now());
    assert.equal(checks.find(({ id }) => id === 'signature')?.status, 'passed');
    assert.equal(checks.find(({ id }) => id === 'key')?.code, 'private_key_published');
    assert.equal(verified, false);
    await server.close();
  });
});
