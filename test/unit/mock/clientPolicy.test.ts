import assert from 'node:assert/strict';
import { decodeJwt } from 'jose';
import { createMockIssuer, type MockIssuer } from '../../../src/mock/issuer.ts';
import { startMockServer } from '../../../src/mock/nodeServer.ts';
import type { MockIssuerOptions } from '../../../src/mock/options.ts';
import { authorizationUrl, type Changes, codeChallenge, codeOf, codeVerifier, redeem } from './signInSupport.ts';
import { assertError, basic, post, refresh, text } from './support.ts';

const make = (options: MockIssuerOptions = {}) => createMockIssuer({ alg: 'ES256', ...options });
const noPkce: Changes = { code_challenge: undefined, code_challenge_method: undefined };

describe('mock issuer: what it accepts from clients', () => {
  it('codes without PKCE and with the method plain, if requirePkce is false', async () => {
    const mock = await make({ requirePkce: false });
    const bare = await redeem(mock, await codeOf(mock, noPkce), { code_verifier: undefined });
    assert.equal(bare.status, 200);
    const plain: Changes = { code_challenge: codeVerifier, code_challenge_method: undefined };
    assert.equal((await redeem(mock, await codeOf(mock, plain))).status, 200);
    assertError(await redeem(mock, await codeOf(mock, plain), { code_verifier: codeChallenge }), 400, 'invalid_grant');
    assert.equal((await redeem(mock, await codeOf(mock))).status, 200, 'and S256 as before');
    const stolen = await codeOf(mock);
    assertError(await redeem(mock, stolen, { code_verifier: undefined }), 400, 'invalid_grant');
    assertError(await redeem(mock, await codeOf(mock, noPkce)), 400, 'invalid_grant');
    const metadata = await (await mock.fetch(`${mock.issuer}/.well-known/openid-configuration`)).json();
    assert.deepEqual(metadata.code_challenge_methods_supported, ['S256', 'plain']);
  });

  it('Basic with an empty password from a public client, and from no other', async () => {
    const mock = await make({ clients: [{ client_id: 'demo' }, { client_id: 'secret', client_secret: 's' }] });
    const { refresh_token } = await mock.issueTokens();
    const form = { grant_type: 'refresh_token', refresh_token: text(refresh_token) };
    assert.equal((await post(mock, form, basic('demo', ''))).status, 200);
    assertError(await post(mock, form, basic('demo', 'guessed')), 401, 'invalid_client');
    const { refresh_token: other } = await mock.issueTokens({ clientId: 'secret' });
    assertError(await post(mock, { ...form, refresh_token: text(other) }, basic('secret', '')), 401, 'invalid_client');
  });

  it('any client and any redirect URI, with anyClient and anyRedirectUri', async () => {
    const strict = await make();
    await assert.rejects(strict.authorize(authorizationUrl(strict, { client_id: 'made-up' })), /invalid_request/);
    const mock = await make({ anyClient: true });
    const changes = { client_id: 'made-up', redirect_uri: 'https://app.example/cb' };
    const code = await codeOf(mock, changes);
    const { body } = await redeem(mock, code, changes);
    assert.equal(decodeJwt(text(body.id_token)).aud, 'made-up');
    const again = await post(
      mock,
      { grant_type: 'refresh_token', refresh_token: text(body.refresh_token) },
      basic('made-up', 'any secret'),
    );
    assert.equal(again.status, 200);
    assertError(await refresh(mock, again.body.refresh_token), 400, 'invalid_grant');

    const open = await make({ anyRedirectUri: true });
    assert.match(
      (await open.authorize(authorizationUrl(open, { redirect_uri: 'https://app.example/cb' }))).href,
      /code=/,
    );
    await assert.rejects(open.authorize(authorizationUrl(open, { redirect_uri: 'javascript:alert(1)' })));
  });

  it('response modes query, fragment and form_post', async () => {
    const mock = await make({ signIn: 'auto' });
    const fragment = await mock.authorize(authorizationUrl(mock, { response_mode: 'fragment' }));
    assert.equal(fragment.search, '');
    assert.match(fragment.hash, /^#code=.*&state=xyz&iss=/);
    const response = await mock.fetch(authorizationUrl(mock, { response_mode: 'form_post', state: '"><b>' }));
    assert.equal(response.status, 200);
    const page = await response.text();
    assert.match(page, /<form method="post" action="http:\/\/127\.0\.0\.1:51004\/callback">/);
    assert.match(page, /name="state" value="&quot;&gt;&lt;b&gt;"/);
    const code = /name="code" value="([\w-]{43})"/.exec(page)?.[1];
    assert.equal((await redeem(mock, text(code))).status, 200);
    const nonce = /<script nonce="([\w-]+)">/.exec(page)?.[1];
    const policy = text(response.headers.get('content-security-policy'));
    assert.ok(
      policy.includes(`script-src 'nonce-${nonce}'`) && policy.includes("form-action 'self' http://127.0.0.1:51004"),
    );
  });

  it('ID tokens in the front channel, for clients that registered the response type', async () => {
    const mock = await make({
      users: [{ sub: 'ada', claims: { name: 'Ada', email: 'ada@example.com' } }],
      clients: [
        { client_id: 'demo', response_types: ['code', 'id_token', 'code id_token'] },
        { client_id: 'code-only' },
      ],
    });
    const id = await mock.authorize(
      authorizationUrl(mock, { ...noPkce, response_type: 'id_token', scope: 'openid email' }),
    );
    const only = decodeJwt(text(new URLSearchParams(id.hash.slice(1)).get('id_token')));
    assert.deepEqual([only.nonce, only.email, 'at_hash' in only], ['n-0S6_WzA2Mj', 'ada@example.com', false]);
    const both = new URLSearchParams(
      (await mock.authorize(authorizationUrl(mock, { response_type: 'id_token code' }))).hash.slice(1),
    );
    const hybrid = decodeJwt(text(both.get('id_token')));
    assert.match(text(hybrid.c_hash), /^[\w-]{22}$/);
    assert.equal((await redeem(mock, text(both.get('code')))).status, 200);
    const error = async (changes: Changes) => {
      const url = await mock.authorize(authorizationUrl(mock, changes));
      return (url.hash ? new URLSearchParams(url.hash.slice(1)) : url.searchParams).get('error');
    };
    assert.equal(await error({ response_type: 'id_token', client_id: 'code-only' }), 'unsupported_response_type');
    assert.equal(await error({ response_type: 'id_token', nonce: undefined }), 'invalid_request');
    assert.equal(await error({ response_type: 'id_token', response_mode: 'query' }), 'invalid_request');
  });
});

describe('mock issuer: pages of other origins', () => {
  const app = 'https://app.example';
  const look = (mock: MockIssuer, path: string, init: RequestInit = {}) => mock.fetch(mock.issuer + path, init);
  const options = { alg: 'ES256', clients: [{ client_id: 'demo', redirect_uris: [`${app}/cb`] }] } as const;

  it('of registered clients may read responses, also errors and those of faults', async () => {
    const mock = await make({ ...options, corsOrigins: ['https://other.example'] });
    for (const origin of [app, 'https://other.example']) {
      for (const path of ['/.well-known/openid-configuration', '/jwks', '/userinfo', '/nothing']) {
        const { headers } = await look(mock, path, { headers: { origin } });
        assert.equal(headers.get('access-control-allow-origin'), origin, path);
        assert.equal(headers.get('vary'), 'origin');
        assert.equal(headers.get('access-control-allow-credentials'), null);
      }
    }
    mock.setFault({ type: 'serverError', times: 1 });
    const failed = await look(mock, '/jwks', { headers: { origin: app } });
    assert.deepEqual([failed.status, failed.headers.get('access-control-allow-origin')], [503, app]);
    for (const origin of ['https://evil.example', 'null', 'http://app.example', `${app}.evil.example`]) {
      const { status, headers } = await look(mock, '/jwks', { headers: { origin } });
      assert.deepEqual([status, headers.get('access-control-allow-origin')], [403, null], origin);
    }
  });

  it('get an answer to their preflight request, as the Fetch standard requires', async () => {
    const mock = await make(options);
    const headers = { origin: app, 'access-control-request-method': 'POST', 'access-control-request-headers': 'dpop' };
    const answer = await look(mock, '/token', { method: 'OPTIONS', headers });
    assert.equal(answer.status, 204);
    assert.equal(answer.headers.get('access-control-allow-origin'), app);
    assert.equal(answer.headers.get('access-control-allow-methods'), 'POST');
    assert.match(text(answer.headers.get('access-control-allow-headers')), /authorization.*content-type.*dpop/);
    const foreign = await look(mock, '/token', {
      method: 'OPTIONS',
      headers: { ...headers, origin: 'https://evil.example' },
    });
    assert.equal(foreign.status, 403);
  });

  it('on this machine may read responses if a client has a redirect URI on this machine', async () => {
    const mock = await make();
    const allowed = async (origin: string) =>
      (await look(mock, '/jwks', { headers: { origin } })).headers.get('access-control-allow-origin');
    assert.equal(await allowed('http://localhost:5173'), 'http://localhost:5173');
    assert.equal(await allowed('http://127.0.0.1:3000'), 'http://127.0.0.1:3000');
    assert.equal(await allowed('http://localhost.evil.example'), null);
    const remote = await make(options);
    assert.equal((await look(remote, '/jwks', { headers: { origin: 'http://localhost:5173' } })).status, 403);
  });

  it('cannot submit the forms of the issuer’s own pages', async () => {
    const mock = await make({ ...options, corsOrigins: [app] });
    for (const path of ['/sign-in', '/device'])
      assert.equal((await look(mock, path, { method: 'POST', headers: { origin: app } })).status, 403, path);
  });
});

describe('mock issuer: names of the host', () => {
  it('are accepted if configured, with the token endpoint and key set under that name', async () => {
    const mock = await make({ issuer: 'http://localhost:8080', hosts: ['mock:8080'] });
    const metadata = async (base: string) =>
      (await (await mock.fetch(`${base}/.well-known/openid-configuration`)).json()) as Record<string, string>;
    const inside = await metadata('http://mock:8080');
    assert.deepEqual(
      [inside.issuer, inside.token_endpoint, inside.jwks_uri, inside.authorization_endpoint],
      ['http://localhost:8080', 'http://mock:8080/token', 'http://mock:8080/jwks', 'http://localhost:8080/authorize'],
    );
    assert.equal((await metadata('http://localhost:8080')).token_endpoint, 'http://localhost:8080/token');
    assert.equal((await mock.fetch('http://evil:8080/jwks')).status, 421);
  });

  it('include the address of the server, even if the issuer identifier differs', async () => {
    const mock = await startMockServer({ alg: 'ES256', publicUrl: 'https://issuer.example/one' });
    try {
      assert.equal(mock.issuer, 'https://issuer.example/one');
      const response = await fetch(`http://127.0.0.1:${mock.port}/one/.well-known/openid-configuration`);
      assert.equal((await response.json()).issuer, 'https://issuer.example/one');
    } finally {
      await mock.close();
    }
  });
});
