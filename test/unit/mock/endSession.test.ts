import assert from 'node:assert/strict';
import { decodeJwt } from 'jose';
import { createMockIssuer, type MockIssuer } from '../../../src/mock/issuer.ts';
import type { MockClientOptions } from '../../../src/mock/registry.ts';
import { codeOf, redeem, send } from './signInSupport.ts';
import { refresh, text } from './support.ts';

const goodbye = 'https://client.example/bye';
const client = { client_id: 'demo', post_logout_redirect_uris: [goodbye, 'http://127.0.0.1/bye'] };

const make = () => createMockIssuer({ alg: 'ES256', clients: [client, { client_id: 'other' }] });

const end = (mock: MockIssuer, parameters: Record<string, string>) =>
  mock.fetch(`${mock.issuer}/end_session?${new URLSearchParams(parameters)}`, { redirect: 'manual' });

describe('mock issuer: sign-out (OpenID Connect RP-Initiated Logout)', () => {
  it('redirects to the registered URI, with state', async () => {
    const mock = await make();
    const id_token_hint = text((await mock.issueTokens()).id_token);
    mock.clock.advance(7_200_000);
    const uri = { id_token_hint, post_logout_redirect_uri: goodbye };
    const response = await end(mock, { ...uri, state: 'a b' });
    assert.deepEqual([response.status, response.headers.get('location')], [302, `${goodbye}?state=a+b`]);
    assert.equal((await end(mock, uri)).headers.get('location'), goodbye);
    const loopback = { ...uri, post_logout_redirect_uri: 'http://127.0.0.1:5000/bye' };
    assert.equal((await end(mock, loopback)).headers.get('location'), 'http://127.0.0.1:5000/bye');
    const posted = await send(mock, '/end_session', uri, { origin: mock.issuer });
    assert.deepEqual([posted.status, posted.headers.get('location')], [303, goodbye]);
    const known = { client_id: 'demo', post_logout_redirect_uri: goodbye };
    assert.equal((await end(mock, known)).headers.get('location'), goodbye);
  });

  it('redirects to the first registered URI if the persona does and the client names itself', async () => {
    const left = async (
      persona: 'auth0' | 'keycloak',
      path: string,
      query: string,
      clients: MockClientOptions[] = [client],
    ) => {
      const mock = await createMockIssuer({ alg: 'ES256', persona, clients });
      const base = mock.issuer.replace(/\/$/, '');
      return (await mock.fetch(`${base}/${path}?${query}`, { redirect: 'manual' })).headers.get('location');
    };
    assert.equal(await left('auth0', 'oidc/logout', 'client_id=demo&state=a'), `${goodbye}?state=a`);
    assert.equal(await left('auth0', 'v2/logout', 'client_id=demo'), goodbye);
    assert.equal(await left('auth0', 'v2/logout', ''), null);
    assert.equal(await left('keycloak', 'protocol/openid-connect/logout', 'client_id=demo'), null);
    assert.equal(await left('auth0', 'v2/logout', 'client_id=demo', [{ client_id: 'demo' }]), null);
  });

  it('shows a page without a redirect, and on errors', async () => {
    const mock = await make();
    const { id_token, access_token } = await mock.issueTokens();
    const id_token_hint = text(id_token);
    for (const right of [{}, { id_token_hint }, { client_id: 'demo' }]) {
      const response = await end(mock, right);
      assert.equal(response.status, 200);
      assert.match(await response.text(), /Signed out/);
    }
    const wrong = [
      { post_logout_redirect_uri: goodbye },
      { id_token_hint, post_logout_redirect_uri: 'https://evil.example' },
      { id_token_hint, post_logout_redirect_uri: `${goodbye}/` },
      { id_token_hint, client_id: 'other' },
      { id_token_hint: access_token },
      { id_token_hint: 'x', post_logout_redirect_uri: goodbye },
      { client_id: 'nobody' },
    ];
    for (const each of wrong) {
      const response = await end(mock, each);
      assert.deepEqual([response.status, response.headers.get('location')], [400, null], JSON.stringify(each));
    }
  });

  it('loads the clients’ logout URLs in frames first (OpenID Connect Front-Channel Logout)', async () => {
    const told = { ...client, frontchannel_logout_uri: 'https://client.example/out?a=1' };
    const mock = await createMockIssuer({ alg: 'ES256', clients: [told] });
    const id_token_hint = text((await mock.issueTokens()).id_token);
    const { sid } = decodeJwt(id_token_hint);
    const response = await end(mock, { id_token_hint, post_logout_redirect_uri: goodbye, state: 'x' });
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-security-policy') ?? '', /frame-src https:\/\/client\.example;/);
    const page = (await response.text()).replaceAll('&amp;', '&');
    const address = `https://client.example/out?a=1&iss=${encodeURIComponent(mock.issuer)}&sid=${sid}`;
    assert.ok(page.includes(`<iframe hidden src="${address}">`), page);
    assert.ok(page.includes(`<meta http-equiv="refresh" content="1;url=${goodbye}?state=x">`), page);
  });

  it('revokes the tokens of the sign-in, except those with offline_access', async () => {
    const mock = await make();
    const parameters = { client_id: 'demo', redirect_uri: 'http://127.0.0.1/callback' };
    const status = async (token: unknown) => {
      const headers = { authorization: `Bearer ${token}` };
      return (await mock.fetch(`${mock.issuer}/userinfo`, { headers })).status;
    };
    const online = (await redeem(mock, await codeOf(mock, { ...parameters, scope: 'openid' }), parameters)).body;
    const offline = (await redeem(mock, await codeOf(mock, parameters), parameters)).body;
    for (const { id_token } of [online, offline]) await end(mock, { id_token_hint: text(id_token) });
    assert.deepEqual([await status(online.access_token), await status(offline.access_token)], [401, 200]);
    assert.equal((await refresh(mock, offline.refresh_token)).status, 200);
  });
});
