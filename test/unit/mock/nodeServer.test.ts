import assert from 'node:assert/strict';
import { get, request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { addressesOf, type MockServer, startMockServer } from '../../../src/mock/nodeServer.ts';
import { authorizationUrl, redeem } from './signInSupport.ts';
import { post, refresh, text } from './support.ts';

/** The mock over real HTTP, in the form that the helpers accept. */
const overHttp = (mock: MockServer) => ({ issuer: mock.issuer, fetch: globalThis.fetch });

function status(mock: MockServer, path: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port: mock.port, path, headers }, response => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
}

describe('mock issuer: server', () => {
  let mock: MockServer;
  before(async () => {
    mock = await startMockServer({ alg: 'ES256', rotation: 'strict', path: '/tenants/one' });
  });
  afterEach(() => {
    mock.faults.clear();
    mock.clearRequests();
  });
  after(() => mock.close());

  it('has its own URL as issuer identifier', async () => {
    assert.equal(mock.issuer, `http://127.0.0.1:${mock.port}/tenants/one`);
    const { refresh_token } = await mock.issueTokens();
    const { status: code, body, headers } = await refresh(overHttp(mock), refresh_token);
    assert.equal(code, 200);
    assert.notEqual(body.refresh_token, refresh_token);
    assert.equal(headers.get('access-control-allow-origin'), null);
    assert.equal(mock.requests.length, 1, 'the log is live');
    await assert.rejects(
      startMockServer({ issuer: 'https://accounts.example' } as object),
      /issuer: left out \(no such member/,
    );
    await assert.rejects(startMockServer({ path: 'x' }), /path/);
    await assert.rejects(startMockServer({ path: '/x/' }), /path/);
  });

  it('signs in over HTTP: page, form, redirect, tokens', async () => {
    const url = authorizationUrl(mock);
    const page = await fetch(url);
    assert.equal(page.status, 200);
    const ticket = /name="ticket" value="([^"]+)"/.exec(await page.text())?.[1] ?? '';
    const answer = await fetch(`${mock.issuer}/sign-in`, {
      method: 'POST',
      headers: { origin: `http://127.0.0.1:${mock.port}` },
      body: new URLSearchParams({ ticket, subject: 'alice', decision: 'allow' }),
      redirect: 'manual',
    });
    const back = new URL(text(answer.headers.get('location')));
    assert.equal(back.searchParams.get('iss'), mock.issuer);
    const { status: code, body } = await redeem(mock, text(back.searchParams.get('code')));
    assert.equal(code, 200);
    const headers = { authorization: `Bearer ${body.access_token}` };
    const userInfo = await fetch(`${mock.issuer}/userinfo`, { headers });
    assert.equal((await userInfo.json()).sub, 'alice');
    assert.equal(userInfo.headers.get('access-control-allow-origin'), null);
    mock.setSignIn('auto');
    assert.equal((await fetch(url, { redirect: 'manual' })).status, 302);
    mock.setSignIn('page');
  });

  it('sends the Date header of its own clock', async () => {
    mock.clock.freeze(Date.parse('2030-01-01T00:00:00Z'));
    const response = await fetch(`${mock.issuer}/jwks`);
    assert.equal(response.headers.get('date'), 'Tue, 01 Jan 2030 00:00:00 GMT');
    mock.clock.resume();
  });

  it('accepts only its exact Host header', async () => {
    const path = '/tenants/one/jwks';
    const own = `127.0.0.1:${mock.port}`;
    assert.equal(await status(mock, path, { host: own }), 200);
    assert.equal(await status(mock, path, { host: `localhost:${mock.port}` }), 200);
    const others = ['127.0.0.1', 'localhost', `127.0.0.1:${mock.port + 1}`, `${own}.evil.example`, 'evil'];
    for (const host of others) assert.equal(await status(mock, path, { host }), 421, host);
    assert.equal(await status(mock, path, { host: own, origin: `http://${own}` }), 200);
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1.evil.example', 'file://']) {
      assert.equal(await status(mock, path, { host: own, origin }), 403, origin);
    }
    assert.equal(await status(mock, `http://evil.example${path}`, { host: own }), 404, 'absolute form');
  });

  it('answers HEAD as GET without a body, also in process, and says which methods there are', async () => {
    const head = { method: 'HEAD' } as const;
    for (const ask of [fetch, mock.fetch]) {
      const [given, asked] = [await ask(`${mock.issuer}/jwks`), await ask(`${mock.issuer}/jwks`, head)];
      assert.deepEqual([asked.status, await asked.text()], [200, '']);
      assert.equal(asked.headers.get('content-type'), given.headers.get('content-type'));
      const posted = await ask(`${mock.issuer}/token`, head);
      assert.deepEqual([posted.status, posted.headers.get('allow')], [405, 'POST']);
    }
    assert.equal(mock.requests.at(-1)?.method, 'HEAD');
  });

  it('has the address at which it listens as issuer, and names the option where a name or an origin is refused', async () => {
    assert.deepEqual(addressesOf('127.0.0.1', 8080, false).origin, 'http://127.0.0.1:8080');
    assert.deepEqual(addressesOf('0.0.0.0', 8080, false).origin, 'http://127.0.0.1:8080');
    assert.deepEqual(addressesOf('::', 8443, true).origin, 'https://127.0.0.1:8443');
    assert.deepEqual(addressesOf('::1', 8080, false).origin, 'http://[::1]:8080');
    assert.deepEqual(addressesOf('localhost', 80, false), {
      origin: 'http://localhost',
      hosts: ['localhost', '127.0.0.1', 'localhost', '[::1]'],
    });
    assert.ok(addressesOf('192.0.2.7', 443, true).hosts.includes('192.0.2.7'));
    const named = await startMockServer({ host: 'localhost', alg: 'ES256' });
    try {
      assert.equal(named.issuer, `http://localhost:${named.port}`);
      assert.equal((await fetch(`${named.issuer}/jwks`)).status, 200);
      const told = async (headers: Record<string, string>) =>
        (await named.fetch(`http://${headers.host ?? `localhost:${named.port}`}/jwks`, { headers })).json();
      assert.match((await told({ host: 'issuer:8080' })).error_description, /option hosts/);
      assert.match((await told({ origin: 'https://evil.example' })).error_description, /corsOrigins/);
    } finally {
      await named.close();
    }
  });

  it('cannot be reached by another address of this machine', async () => {
    const others = Object.values(networkInterfaces())
      .flatMap(each => each ?? [])
      .filter(({ address }) => address !== '127.0.0.1' && !address.startsWith('fe80'));
    for (const { address } of others) {
      const code = await new Promise(resolve => {
        const socket = connect(mock.port, address, () => resolve('connected'));
        socket.on('error', error => resolve('code' in error ? error.code : error.message));
        socket.on('close', () => socket.destroy());
      });
      assert.notEqual(code, 'connected', address);
    }
  });

  it('drops connections before or after the request is handled', async () => {
    for (const type of ['dropBeforeCommit', 'dropAfterCommit'] as const) {
      const { refresh_token } = await mock.issueTokens();
      mock.faults.next(1, { type });
      await assert.rejects(refresh(overHttp(mock), refresh_token), TypeError);
      const again = await refresh(overHttp(mock), refresh_token);
      assert.equal(again.status, type === 'dropAfterCommit' ? 400 : 200);
    }
  });

  it('ends a response in the middle', async () => {
    mock.faults.next(1, { type: 'truncate' });
    const response = await fetch(`${mock.issuer}/jwks`);
    assert.equal(response.status, 200);
    await assert.rejects(response.text(), TypeError);
  });

  it('handles a request even if the client disconnects after sending it', async () => {
    const { refresh_token } = await mock.issueTokens();
    mock.clock.freeze();
    mock.faults.next(1, { type: 'delay', ms: 1_000 });
    const form = { grant_type: 'refresh_token', client_id: 'demo', refresh_token: text(refresh_token) };
    const controller = new AbortController();
    const { signal } = controller;
    const answer = fetch(`${mock.issuer}/token`, { method: 'POST', body: new URLSearchParams(form), signal });
    while (mock.clock.sleeping === 0) await new Promise(setImmediate);
    controller.abort();
    await assert.rejects(answer, { name: 'AbortError' });
    mock.clock.advance(1_000);
    while (mock.requests[0]?.status === undefined) await new Promise(setImmediate);
    assert.equal(mock.requests[0].committed, true);
    mock.clock.resume();
  });

  it('sends redirects and lets the client decide', async () => {
    const other = await startMockServer({ alg: 'ES256' });
    mock.setFault({ type: 'redirect', location: `${other.issuer}/token` });
    const response = await fetch(`${mock.issuer}/token`, { method: 'POST', redirect: 'manual' });
    assert.equal(response.status, 307);
    await assert.rejects(fetch(`${mock.issuer}/token`, { method: 'POST', redirect: 'error' }));
    assert.deepEqual(other.requests, []);
    await other.close();
  });

  it('rejects an endless body, and keeps running', async () => {
    const answer = await post(overHttp(mock), { x: 'x'.repeat(1_000_000) });
    assert.equal(answer.status, 413);
    assert.equal((await fetch(`${mock.issuer}/jwks`)).status, 200);
  });

  it('counts characters, not bytes, and joins a character that two chunks share', async () => {
    const state = 'ä€🔑'.repeat(15_000);
    const body = Buffer.from(`grant_type=x&scope=${state}`);
    const { status, entry } = await new Promise<{ status: number | undefined; entry: string | undefined }>(
      (resolve, reject) => {
        const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length };
        const sent = request({
          port: mock.port,
          host: '127.0.0.1',
          path: '/tenants/one/token',
          method: 'POST',
          headers,
        });
        sent.once('error', reject).once('response', ({ statusCode }) => {
          resolve({ status: statusCode, entry: mock.requests.at(-1)?.form?.scope });
        });
        const half = body.indexOf('€', 100) + 1;
        sent.write(body.subarray(0, half), () => setImmediate(() => sent.end(body.subarray(half))));
      },
    );
    assert.ok(body.length > 2 * 65_536);
    assert.equal(status, 401, 'no client_id');
    assert.equal(entry, state);
  });

  it('keeps running when a client disconnects in the middle of its request', async () => {
    const unfinished = request({
      host: '127.0.0.1',
      port: mock.port,
      path: '/tenants/one/token',
      method: 'POST',
    });
    unfinished.on('error', () => {});
    unfinished.setHeader('content-type', 'application/x-www-form-urlencoded');
    const arrived = mock.nextRequest();
    unfinished.write('grant_type=');
    await arrived;
    unfinished.destroy();
    assert.equal((await fetch(`${mock.issuer}/jwks`)).status, 200);
  });

  it('closes at once, even in the middle of a response, and frees its port', async () => {
    const closing = await startMockServer({ alg: 'ES256' });
    closing.setFault({ type: 'delay', ms: 3_600_000 });
    const arrived = closing.nextRequest();
    const answer = fetch(`${closing.issuer}/jwks`).catch((error: unknown) => error);
    await arrived;
    await closing.close();
    await closing.close();
    assert.ok((await answer) instanceof TypeError);
    const again = await startMockServer({ alg: 'ES256', port: closing.port });
    assert.equal(again.port, closing.port);
    await assert.rejects(startMockServer({ alg: 'ES256', port: again.port }), { code: 'EADDRINUSE' });
    await again.close();
  });

  it('frees its port if its options are invalid', async () => {
    const probe = await startMockServer({ alg: 'ES256' });
    const { port } = probe;
    await probe.close();
    await assert.rejects(startMockServer({ port, rotation: 'x' as 'none' }), /rotation/);
    await (await startMockServer({ alg: 'ES256', port })).close();
  });
});
