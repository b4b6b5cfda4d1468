import assert from 'node:assert/strict';
import { createJwksClient, type JwksClientOptions, parseKeySet } from '../../../../src/core/checks/keySets.ts';
import { createVerifier, verifyToken } from '../../../../src/core/checks/verifier.ts';
import { createDiscovery } from '../../../../src/core/issuer/discovery.ts';
import { readConnection } from '../../../../src/core/records/connection.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { type LoopbackServer, loopbackServer, reply } from '../../../support/loopbackServer.ts';
import { manualClock } from '../../../support/manualClock.ts';
import { jwt, signer } from '../../../support/signing.ts';

const first = signer('ES256', 'first');
const second = signer('ES256', 'second');
const minute = 60_000;

describe('the keys in the metadata itself', () => {
  const issuer = 'https://as.example';
  // One moment for all: the tests may run long after this file was loaded.
  const start = manualClock().now();
  const seconds = Math.floor(start / 1000);
  const token = jwt(first, { iss: issuer, exp: seconds + 60 });
  const withMetadata = (metadata: object) => {
    const asked: string[] = [];
    const clock = manualClock(start);
    const fetch = async (input: string) => {
      asked.push(input);
      return Response.json({ issuer, ...metadata });
    };
    return { asked, ...createVerifier({ fetch, clock, discovery: createDiscovery({ fetch, clock }) }) };
  };
  const connection = (more: object = {}) => {
    const read = readConnection({ id: 'a', clientId: 'c', issuer, ...more });
    assert.ok('connection' in read, JSON.stringify(read));
    return read.connection;
  };

  it('verify a token of the issuer and of its connection, without another request', async () => {
    const { asked, verify, keysOf } = withMetadata({ jwks: { keys: [first.jwk] } });
    for (const request of [{ issuer }, { connection: connection() }]) {
      const { verified, checks } = await verify({ token, ...request });
      assert.ok(verified, JSON.stringify(checks));
      const [key, ...others] = await keysOf(request);
      assert.deepEqual([key?.kid, key?.source, others.length], ['first', 'jwks_uri', 0]);
    }
    assert.equal(asked.length, 1);
  });

  it('are not used if the metadata or the settings name a URL', async () => {
    const jwksUri = 'https://as.example/keys';
    for (const [metadata, more] of [
      [{ jwks: { keys: [first.jwk] }, jwks_uri: jwksUri }, {}],
      [{ jwks: { keys: [first.jwk] } }, { jwksUri }],
    ]) {
      const { asked, verify } = withMetadata(metadata ?? {});
      await verify({ token, connection: connection(more) });
      assert.equal(asked.at(-1), jwksUri);
    }
  });

  it('are named if they cannot be used or were published with their private half', async () => {
    for (const [jwks, code] of [
      [{ keys: [] }, 'jwks_invalid'],
      [{ keys: [{ ...first.jwk, d: 'AQAB' }] }, 'private_key_published'],
    ] as const) {
      const { verified, checks } = await withMetadata({ jwks }).verify({ token, issuer });
      assert.equal(verified, false);
      assert.ok(
        checks.some(check => check.code === code),
        JSON.stringify(checks),
      );
    }
  });
});

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
    [
      'a firewall',
      [403, '<!doctype html><title>Just a moment... | Cloudflare</title>'],
      'http_error',
      { status: 403, blocked: true },
    ],
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

  const said: readonly [string, number, unknown, string, string?][] = [
    [
      'OAuth',
      400,
      { error: 'invalid_tenant', error_description: 'Tenant acme was not found.' },
      'Tenant acme was not found.',
      'invalid_tenant',
    ],
    ['OAuth with a code alone', 401, { error: 'invalid_client' }, 'invalid_client'],
    ['Keycloak', 404, { error: 'Realm does not exist' }, 'Realm does not exist'],
    ['Cognito', 400, { message: 'User pool eu-1 does not exist.' }, 'User pool eu-1 does not exist.'],
    ['Okta', 404, { errorCode: 'E0000007', errorSummary: 'Not found: default' }, 'Not found: default', 'E0000007'],
    [
      'Google',
      404,
      { error: { code: 404, message: 'Entity was not found.', status: 'NOT_FOUND' } },
      'Entity was not found.',
    ],
    [
      'Spring',
      500,
      { timestamp: 1, status: 500, error: 'Internal Server Error', path: '/jwks' },
      'Internal Server Error',
    ],
    [
      'RFC 9457',
      403,
      { type: 'about:blank', title: 'Forbidden', status: 403, detail: 'Your network is blocked.' },
      'Your network is blocked.',
    ],
    [
      'Kubernetes',
      403,
      { kind: 'Status', status: 'Failure', message: 'anonymous cannot get path', reason: 'Forbidden', code: 403 },
      'anonymous cannot get path',
    ],
    [
      'Django',
      403,
      { detail: 'Authentication credentials were not provided.' },
      'Authentication credentials were not provided.',
    ],
    [
      'JSON:API',
      404,
      { errors: [{ status: '404', title: 'Not Found', detail: 'No such tenant.' }] },
      'No such tenant.',
    ],
    [
      'Apigee',
      404,
      { fault: { faultstring: 'Unable to identify proxy', detail: { errorcode: 'messaging.no_app' } } },
      'Unable to identify proxy',
      'messaging.no_app',
    ],
    ['Kong', 404, { message: 'no Route matched with those values' }, 'no Route matched with those values'],
    ['Supabase', 401, { msg: 'No API key found in request' }, 'No API key found in request'],
    [
      'XML',
      403,
      '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>',
      'Access Denied',
      'AccessDenied',
    ],
    ['plain words', 503, 'upstream connect error', 'upstream connect error'],
    ['status 200 and a code', 200, { error: 'not_found', message: 'No such realm.' }, 'No such realm.', 'not_found'],
    [
      'status 200 and an envelope',
      200,
      { code: 40001, msg: 'The application was not found.', data: null },
      'The application was not found.',
      '40001',
    ],
    ['status 200 of GraphQL', 200, { errors: [{ message: 'Must provide a query.' }] }, 'Must provide a query.'],
    ['status 200 and a list', 200, { success: false, messages: ['Tenant is suspended.'] }, 'Tenant is suspended.'],
    ['an error beside no keys', 200, { keys: [], error: 'tenant_suspended' }, 'tenant_suspended'],
  ];
  for (const [name, status, body, words, code] of said) {
    it(`tells in the issuer's own words what ${name} says instead of keys`, async () => {
      server.answer = (_, response) => reply(response, status, body);
      const { code: error, data } = await failureOf(client().keysFor(uri, {}));
      assert.deepEqual(
        { error, status: data.status, words: data.firstLine, code: data.error, sent: data.sent, host: data.host },
        { error: 'http_error', status, words, code, sent: false, host: new URL(uri).host },
      );
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
