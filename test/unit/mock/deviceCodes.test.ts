import assert from 'node:assert/strict';
import { decodeJwt } from 'jose';
import { createMockIssuer, type MockIssuer } from '../../../src/mock/issuer.ts';
import type { MockIssuerOptions } from '../../../src/mock/options.ts';
import { ask, send } from './signInSupport.ts';
import { type Answer, assertError, post, text } from './support.ts';

async function make(options: MockIssuerOptions = {}): Promise<MockIssuer> {
  const mock = await createMockIssuer({ alg: 'ES256', ...options });
  mock.clock.freeze(Date.parse('2026-03-01T12:00:00Z'));
  return mock;
}

const start = async (mock: MockIssuer, more: Record<string, string> = {}) =>
  (await ask(mock, '/device_authorization', { client_id: 'demo', scope: 'openid offline_access', ...more })).body;

const poll = (mock: MockIssuer, code: unknown, more: Record<string, string> = {}): Promise<Answer> =>
  post(mock, {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    client_id: 'demo',
    device_code: text(code),
    ...more,
  });

const decide = (mock: MockIssuer, form: Record<string, string>, headers = {}) =>
  send(mock, '/device', form, { origin: new URL(mock.issuer).origin, ...headers });

describe('mock issuer: device codes', () => {
  it('are issued (RFC 8628 section 3.2)', async () => {
    const mock = await make();
    const { device_code, user_code, ...rest } = await start(mock);
    assert.match(text(device_code), /^[\w-]{43}$/);
    assert.match(text(user_code), /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    assert.deepEqual(rest, {
      verification_uri: 'https://issuer.example/device',
      verification_uri_complete: `https://issuer.example/device?user_code=${user_code}`,
      expires_in: 600,
      interval: 5,
    });
    const wide = { client_id: 'demo', scope: 'admin' };
    assertError(await ask(mock, '/device_authorization', wide), 400, 'invalid_scope');
    assertError(await ask(mock, '/device_authorization', {}), 401, 'invalid_client');
  });

  it('are pending first, answer slow_down to early polls, and yield tokens once', async () => {
    const mock = await make({ subject: 'alice' });
    const { device_code, user_code } = await start(mock);
    assertError(await poll(mock, device_code), 400, 'authorization_pending');
    mock.clock.advance(4_999);
    assertError(await poll(mock, device_code), 400, 'slow_down');
    mock.clock.advance(9_999);
    assertError(await poll(mock, device_code), 400, 'slow_down');
    mock.clock.advance(14_999);
    assertError(await poll(mock, device_code), 400, 'slow_down');
    mock.clock.advance(20_000);
    assertError(await poll(mock, device_code), 400, 'authorization_pending');
    mock.decideDevice(text(user_code));
    const { status, body } = await poll(mock, device_code);
    assert.equal(status, 200);
    assert.ok(text(body.refresh_token));
    assert.equal(decodeJwt(text(body.id_token)).sub, 'alice');
    assertError(await poll(mock, device_code), 400, 'invalid_grant');
    assert.throws(() => mock.decideDevice(text(user_code)), /No device waits/);
  });

  it('expire', async () => {
    const mock = await make({ deviceCodeLifetime: 60 });
    const { device_code, user_code, expires_in } = await start(mock);
    assert.equal(expires_in, 60);
    mock.clock.advance(60_000);
    assertError(await poll(mock, device_code), 400, 'expired_token');
    assert.throws(() => mock.decideDevice(text(user_code)), /No device waits/);
  });

  it('are rejected if denied, unknown or of another client', async () => {
    const mock = await make({ clients: [{ client_id: 'demo' }, { client_id: 'other' }] });
    const { device_code, user_code } = await start(mock);
    assertError(await poll(mock, device_code, { client_id: 'other' }), 400, 'invalid_grant');
    assertError(await poll(mock, 'never-issued'), 400, 'invalid_grant');
    assertError(await poll(mock, '', {}), 400, 'invalid_request');
    mock.decideDevice(text(user_code), { deny: true });
    assertError(await poll(mock, device_code), 400, 'access_denied');
    mock.setSignIn('deny');
    assertError(await poll(mock, (await start(mock)).device_code), 400, 'access_denied');
  });

  it('are approved on a page, by anyone with the code', async () => {
    const mock = await make();
    const { device_code, user_code, verification_uri, verification_uri_complete } = await start(mock);
    const entry = await mock.fetch(text(verification_uri));
    assert.equal(entry.status, 200);
    assert.match(await entry.text(), /name="user_code"/);
    assert.equal((await mock.fetch(`${verification_uri}?user_code=XXXX-XXXX`)).status, 400);
    for (const typed of [text(user_code), text(user_code).toLowerCase().replace('-', ''), ` ${user_code} `]) {
      const query = new URLSearchParams({ user_code: typed });
      const page = await (await mock.fetch(`${verification_uri}?${query}`)).text();
      assert.ok(page.includes(text(user_code)) && page.includes('demo') && page.includes('Deny'), page);
    }
    assert.equal((await mock.fetch(text(verification_uri_complete))).status, 200);
    assertError(await poll(mock, device_code), 400, 'authorization_pending');

    const form = { user_code: text(user_code), decision: 'allow', subject: 'bob' };
    assert.equal((await decide(mock, form, { origin: 'https://evil.example' })).status, 403);
    assert.equal((await send(mock, '/device', form)).status, 403, 'no Origin at all');
    const done = await decide(mock, form);
    assert.equal(done.status, 200);
    assert.match(await done.text(), /close this page/);
    assert.equal((await decide(mock, form)).status, 400, 'once');
    assert.equal(decodeJwt(text((await poll(mock, device_code)).body.id_token)).sub, 'bob');
    const other = await start(mock);
    await decide(mock, { user_code: text(other.user_code), decision: 'deny' });
    assertError(await poll(mock, other.device_code), 400, 'access_denied');
  });

  it('can be lost with a fault, like any response', async () => {
    const mock = await make();
    mock.faults.next(1, { type: 'oauthError', error: 'slow_down', at: 'device_authorization' });
    assert.equal((await start(mock)).error, 'slow_down');
    mock.faults.next(1, { type: 'member', name: 'interval', at: 'device_authorization' });
    assert.ok(!('interval' in (await start(mock))));
  });
});
