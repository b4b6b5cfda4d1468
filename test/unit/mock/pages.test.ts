import assert from 'node:assert/strict';
import { decodeJwt } from 'jose';
import { createMockIssuer, type MockIssuer } from '../../../src/mock/issuer.ts';
import { html, page } from '../../../src/mock/pages.ts';
import { authorizationUrl, type Changes, redeem, redirectUri, send } from './signInSupport.ts';
import { text } from './support.ts';

const hostile = `"><script>alert('x')</script>&`;

async function open(mock: MockIssuer, changes: Changes = {}): Promise<{ page: string; ticket: string }> {
  const response = await mock.fetch(authorizationUrl(mock, changes));
  assert.equal(response.status, 200);
  const page = await response.text();
  return { page, ticket: /name="ticket" value="([\w-]{43})"/.exec(page)?.[1] ?? '' };
}

function decide(mock: MockIssuer, form: Record<string, string>, headers = {}): Promise<Response> {
  return send(mock, '/sign-in', form, { origin: new URL(mock.issuer).origin, ...headers });
}

describe('mock issuer: sign-in page', () => {
  it('says that it is a mock, which client requests which scope, and where the response goes', async () => {
    const mock = await createMockIssuer({ alg: 'ES256', subject: 'alice' });
    const { page: shown } = await open(mock, { resource: 'https://api.example' });
    for (const part of ['mock issuer', 'demo', 'openid offline_access', redirectUri, 'https://api.example', 'alice'])
      assert.ok(shown.includes(part), part);
    assert.ok(!/<script|javascript:| on\w+=/i.test(shown));
    assert.match(shown, /color-scheme:light dark/);
    assert.match((await open(mock, { login_hint: 'bob' })).page, /value="bob"/);
  });

  it('signs in the configured user, once', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    const { ticket } = await open(mock);
    const response = await decide(mock, { ticket, subject: ' Zoë ', decision: 'allow' });
    assert.equal(response.status, 303);
    const back = new URL(text(response.headers.get('location')));
    assert.equal(back.searchParams.get('state'), 'xyz');
    const { body } = await redeem(mock, text(back.searchParams.get('code')));
    assert.equal(decodeJwt(text(body.id_token)).sub, 'Zoë');
    const again = await decide(mock, { ticket, subject: 'alice', decision: 'allow' });
    assert.deepEqual([again.status, again.headers.get('location')], [400, null]);
  });

  it('denies unless the user allows', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    for (const form of [{ decision: 'deny', subject: '' }, { decision: 'x' }, {}]) {
      const response = await decide(mock, { ticket: (await open(mock)).ticket, ...form });
      const back = new URL(text(response.headers.get('location')));
      assert.equal(back.searchParams.get('error'), 'access_denied');
      assert.equal(back.searchParams.get('iss'), mock.issuer);
    }
  });

  it('expires after ten minutes', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    mock.clock.freeze();
    const [early, late] = [await open(mock), await open(mock)];
    mock.clock.advance(599_999);
    assert.equal((await decide(mock, { ticket: early.ticket, decision: 'allow' })).status, 303);
    mock.clock.advance(1);
    assert.equal((await decide(mock, { ticket: late.ticket, decision: 'allow' })).status, 400);
  });

  it('accepts its form only from its own pages', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    const { ticket } = await open(mock);
    const form = { ticket, decision: 'allow' };
    for (const origin of ['https://evil.example', 'null', 'http://issuer.example']) {
      assert.equal((await decide(mock, form, { origin })).status, 403, origin);
    }
    assert.equal((await send(mock, '/sign-in', form)).status, 403, 'no Origin at all');
    const asGet = await mock.fetch(`${mock.issuer}/sign-in?${new URLSearchParams(form)}`);
    assert.equal(asGet.status, 405);
    assert.equal((await decide(mock, form)).status, 303, 'and none of that used it up');
  });

  it('escapes text from every source', async () => {
    const mock = await createMockIssuer({
      alg: 'ES256',
      subject: hostile,
      scope: `openid ${hostile.replaceAll(' ', '')}`,
      clients: [{ client_id: hostile, redirect_uris: [`https://client.example/?${hostile.replaceAll(' ', '')}`] }],
    });
    const changes = { client_id: hostile, scope: undefined, login_hint: hostile, resource: 'urn:<script>' };
    const { page: shown } = await open(mock, { ...changes, redirect_uri: mock.clients[0]?.redirect_uris[0] });
    const typed = await mock.fetch(`${mock.issuer}/device?user_code=${encodeURIComponent(hostile)}`);
    for (const each of [shown, await typed.text()]) assert.ok(!/<script|<\/script|"">/.test(each), each);
    assert.ok(shown.includes('&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;'));
    assert.equal(html`<p title="${hostile}">${[html`<b>${'<'}</b>`, html`&`]}</p>`.markup.indexOf('<script'), -1);
  });

  it('has a strict Content-Security-Policy that lets its form end at the redirect URI', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    const response = await mock.fetch(authorizationUrl(mock));
    const policy = text(response.headers.get('content-security-policy'));
    const nonce = /'nonce-([\w-]{22})'/.exec(policy)?.[1];
    assert.equal(
      policy,
      `default-src 'none'; style-src 'nonce-${nonce}'; form-action 'self' http://127.0.0.1:51004; frame-ancestors 'none'; base-uri 'none'`,
    );
    assert.ok((await response.text()).includes(`<style nonce="${nonce}">`));
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(response.headers.get('referrer-policy'), 'same-origin');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.equal(response.headers.get('access-control-allow-origin'), null);
    for (const [uri, source] of [
      ['vscode://publisher.extension/cb', 'vscode:'],
      ['http://[::1]:5/cb', 'http:'],
      ["https://client.example/;script-src 'unsafe-inline'", 'https://client.example'],
    ] as const) {
      const { headers } = page(200, 'T', html``, { leadsTo: uri });
      assert.match(text(headers['content-security-policy']), new RegExp(`form-action 'self' ${source};`));
    }
  });
});
