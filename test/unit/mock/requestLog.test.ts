import assert from 'node:assert/strict';
import { createMockIssuer } from '../../../src/mock/issuer.ts';
import { fingerprint } from '../../../src/mock/shelf.ts';
import { basic, post, refresh, text } from './support.ts';

describe('mock issuer: request log', () => {
  it('records each request and its outcome', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    mock.clock.freeze(1_000);
    const { refresh_token, id_token = '' } = await mock.issueTokens();
    const { sid } = JSON.parse(Buffer.from(id_token.split('.')[1] ?? '', 'base64url').toString());
    await refresh(mock, refresh_token, { scope: 'openid' });
    mock.clock.advance(500);
    await refresh(mock, 'never issued');
    await mock.fetch(`${mock.issuer}/jwks?x=1`);
    const form = { grant_type: 'refresh_token', client_id: 'demo' };
    const seen = fingerprint(text(refresh_token));
    const unknown = fingerprint('never issued');
    assert.deepEqual(mock.requests, [
      {
        time: 1_000,
        method: 'POST',
        path: '/token',
        endpoint: 'token',
        ...form,
        refresh_token: seen,
        sid,
        form: { ...form, refresh_token: seen, scope: 'openid' },
        status: 200,
        committed: true,
        faults: [],
      },
      {
        time: 1_500,
        method: 'POST',
        path: '/token',
        endpoint: 'token',
        ...form,
        refresh_token: unknown,
        form: { ...form, refresh_token: unknown },
        status: 400,
        error: 'invalid_grant',
        committed: false,
        faults: [],
      },
      { time: 1_500, method: 'GET', path: '/jwks', endpoint: 'jwks', status: 200, committed: false, faults: [] },
    ]);
    mock.clearRequests();
    assert.deepEqual(mock.requests, []);
  });

  it('notifies listeners when a request arrives and when it is answered or dropped, with its faults', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    const told: string[] = [];
    const stop = mock.watchRequests(({ path, status, faults }) => void told.push(`${path} ${status} ${faults.join()}`));
    mock.setFault({ type: 'tooManyRequests', times: 1 });
    await refresh(mock, 'never issued');
    mock.reset();
    mock.setFault({ type: 'dropBeforeCommit', times: 1 });
    await assert.rejects(refresh(mock, 'never issued'));
    const [entry] = mock.requests;
    stop();
    await mock.fetch(`${mock.issuer}/jwks`);
    assert.deepEqual(told, [
      '/token undefined ',
      '/token 429 tooManyRequests',
      '/token undefined ',
      '/token undefined dropBeforeCommit',
    ]);
    assert.deepEqual([entry?.client_id, entry?.refresh_token], ['demo', fingerprint('never issued')]);
  });

  it('holds no secret, whatever its name', async () => {
    const mock = await createMockIssuer({
      alg: 'ES256',
      clients: [
        { client_id: 'basic', client_secret: 'canary-1' },
        { client_id: 'post', client_secret: 'canary-2', token_endpoint_auth_method: 'client_secret_post' },
      ],
    });
    const { refresh_token } = await mock.issueTokens();
    await post(mock, { grant_type: 'refresh_token', refresh_token: text(refresh_token) }, basic('basic', 'canary-1'));
    await post(mock, { grant_type: 'client_credentials', client_id: 'post', client_secret: 'canary-2' });
    await post(mock, { grant_type: 'password', password: 'canary-3', my_own_secret: 'canary-4' });
    const log = JSON.stringify(mock.requests);
    assert.equal(mock.requests[0]?.client_id, 'basic', 'known from the header');
    for (const canary of ['canary', text(refresh_token), 'ey']) assert.ok(!log.includes(canary), log);
  });

  it('has an entry as soon as the request arrives', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    const next = mock.nextRequest();
    const answer = mock.fetch(`${mock.issuer}/jwks`);
    const entry = await next;
    assert.equal(entry.path, '/jwks');
    await answer;
    assert.equal(entry.status, 200);
  });

  it('keeps the last 1,000 requests', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    for (let i = 0; i < 1_005; i += 1) await mock.fetch(`${mock.issuer}/${i}`);
    assert.equal(mock.requests.length, 1_000);
    assert.equal(mock.requests[0]?.path, '/5');
  });

  it('tells secrets apart by their fingerprints', () => {
    assert.equal(fingerprint('a'), fingerprint('a'));
    assert.match(fingerprint(''), /^[0-9a-f]{16}$/);
    const prints = new Set(Array.from({ length: 10_000 }, (_, i) => fingerprint(`secret-${i}`)));
    assert.equal(prints.size, 10_000);
  });
});
