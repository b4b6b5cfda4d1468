import assert from 'node:assert/strict';
import { type MockServer, startMockServer } from '../../../src/mock/nodeServer.ts';
import { refresh } from './support.ts';

describe('mock issuer: control over HTTP', () => {
  let mock: MockServer;
  before(async () => {
    const issuers = [{ path: '/two', users: [{ sub: 'eve' }], alg: 'EdDSA' as const }];
    mock = await startMockServer({ alg: 'ES256', control: true, rotation: 'strict', issuers });
  });
  afterEach(() => mock.reset());
  after(() => mock.close());

  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const { url, token } = mock.control ?? { url: '', token: '' };
    const response = await fetch(`${url}/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  const demo = { issuer: '', fetch: (url: string, init: RequestInit) => fetch(mock.issuer + url, init) };

  it('requires the token, and rejects requests of web pages', async () => {
    for (const authorization of ['', 'Bearer x', `bearer ${mock.control?.token}x`])
      assert.equal((await ask('GET', 'state', undefined, { authorization })).status, 401);
    assert.equal((await ask('GET', 'state', undefined, { origin: mock.issuer })).status, 403);
    assert.match((await ask('GET', 'state', undefined, { authorization: '' })).body.error_description, /ready line/);
    const unknown = await ask('GET', 'nothing');
    assert.equal(unknown.status, 404);
    assert.match(unknown.body.error_description, /\/control\/openapi\.json lists/);
    assert.equal((await ask('DELETE', 'state')).status, 405);
    const without = await startMockServer({ alg: 'ES256' });
    assert.equal((await fetch(`${without.issuer}/control/state`)).status, 404);
    await without.close();
  });

  it('sets faults, permanently or once, and names invalid members', async () => {
    await ask('PUT', 'faults', [{ type: 'jwksDown', times: 2 }]);
    const status = async () => (await fetch(`${mock.issuer}/jwks`)).status;
    assert.deepEqual([await status(), await status(), await status()], [503, 503, 200]);
    await ask('POST', 'faults/once', { type: 'jwksDown', status: 500 });
    assert.deepEqual([await status(), await status()], [500, 200]);
    const wrong = await ask('PUT', 'faults', [{ type: 'jwksDown' }, { type: 'delay' }]);
    assert.deepEqual(wrong, {
      status: 400,
      body: { error: 'invalid_request', problems: [{ field: 'body[1].ms', expected: 'a number' }] },
    });
    assert.equal(await status(), 200, 'the first of the two was not set');
    assert.equal((await ask('PUT', 'clock', { freeze: true })).body.problems[0].field, 'freeze');
  });

  it('moves the clock, rotates keys and revokes tokens; reset restores the initial state', async () => {
    const before = (await ask('GET', 'state')).body;
    const set = await ask('PUT', 'clock', { now: 1_900_000_000_000, frozen: true });
    assert.deepEqual(set.body, { now: 1_900_000_000_000, frozen: true });
    assert.equal((await ask('PUT', 'clock', { advance: 5_000 })).body.now, 1_900_000_005_000);
    assert.equal((await ask('POST', 'keys/rotate', {})).body.keys.length, 2);
    const { refresh_token } = (await ask('POST', 'tokens', { scope: 'openid offline_access' })).body;
    await ask('POST', 'revoke-all');
    assert.equal((await refresh(demo, refresh_token)).status, 400);
    await ask('PUT', 'users', [{ sub: 'ada' }]);
    await ask('PUT', 'rotation', { rotation: 'grace', graceSeconds: 5 });
    await ask('PUT', 'sign-in', { signIn: 'auto' });
    await ask('PUT', 'lifetimes', { accessTokenLifetime: 5 });
    const changed = (await ask('GET', 'state')).body;
    assert.deepEqual(
      [changed.rotation, changed.users, changed.signIn, changed.accessTokenLifetime],
      ['grace', [{ sub: 'ada' }], 'auto', 5],
    );
    await ask('POST', 'reset');
    const { clock, requests, ...after } = (await ask('GET', 'state')).body;
    assert.equal(clock.frozen, false);
    assert.equal(requests, changed.requests, 'requests are counted on');
    assert.deepEqual({ ...after, clock: 0, requests: 0 }, { ...before, clock: 0, requests: 0 });
  });

  it('returns the request log, with long polling and without secrets', async () => {
    const { next } = (await ask('GET', 'requests')).body;
    const waiting = ask('GET', `requests?since=${next}&wait=20000`);
    await refresh(demo, 'canary-refresh-token');
    const { body } = await waiting;
    assert.equal(body.requests[0].path, '/token');
    assert.equal(body.next, next + 1);
    assert.doesNotMatch(JSON.stringify((await ask('GET', `requests?since=${next}`)).body), /canary/);
    assert.deepEqual((await ask('GET', `requests?since=${body.next}`)).body.requests, []);
  });

  it('signs, and addresses each issuer of the server by its path', async () => {
    const { token } = (await ask('POST', 'sign?issuer=/two', { payload: { sub: 'x' } })).body;
    assert.match(token, /^eyJ/);
    const state = (await ask('GET', 'state?issuer=/two')).body;
    assert.deepEqual([state.issuer, state.users], [`${mock.issuer}/two`, [{ sub: 'eve' }]]);
    assert.equal((await ask('GET', 'state?issuer=/three')).status, 404);
    const metadata = await (await fetch(`${mock.issuer}/two/.well-known/openid-configuration`)).json();
    assert.equal(metadata.issuer, `${mock.issuer}/two`);
    const [one, two] = await Promise.all(
      ['', '/two'].map(async path => (await fetch(`${mock.issuer}${path}/jwks`)).json()),
    );
    assert.notEqual(one.keys[0].kid, two.keys[0].kid);
  });

  it('is described by an OpenAPI 3.1 document that names every operation', async () => {
    const { body } = await ask('GET', 'openapi.json');
    assert.equal(body.openapi, '3.1.0');
    for (const [path, operations] of Object.entries<Record<string, { operationId: string; responses: object }>>(
      body.paths,
    ))
      for (const [method, operation] of Object.entries(operations)) {
        const { status } = await ask(
          method.toUpperCase(),
          path.slice(1),
          method === 'get' || method === 'delete' ? undefined : null,
        );
        assert.ok(![404, 405].includes(status), `${method} ${path}`);
        assert.ok('200' in operation.responses);
      }
  });
});
