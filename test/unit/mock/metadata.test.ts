import assert from 'node:assert/strict';
import { grants } from '../../../src/core/signIn/grants.ts';
import { createMockIssuer } from '../../../src/mock/issuer.ts';

describe('mock issuer: metadata', () => {
  const places = {
    'https://issuer.example': [
      'https://issuer.example/.well-known/openid-configuration',
      'https://issuer.example/.well-known/oauth-authorization-server',
    ],
    'https://issuer.example/': [
      'https://issuer.example/.well-known/openid-configuration',
      'https://issuer.example/.well-known/oauth-authorization-server',
    ],
    'https://issuer.example/realms/one': [
      'https://issuer.example/realms/one/.well-known/openid-configuration',
      'https://issuer.example/.well-known/openid-configuration/realms/one',
      'https://issuer.example/.well-known/oauth-authorization-server/realms/one',
    ],
  };
  for (const [issuer, urls] of Object.entries(places)) {
    it(`is where OpenID Connect Discovery and RFC 8414 look for it: ${issuer}`, async () => {
      const mock = await createMockIssuer({ alg: 'ES256', issuer });
      for (const url of urls) {
        const response = await mock.fetch(url);
        assert.equal(response.status, 200, url);
        const metadata = await response.json();
        assert.equal(metadata.issuer, issuer);
        assert.equal((await mock.fetch(metadata.jwks_uri)).status, 200);
        assert.equal((await mock.fetch(metadata.token_endpoint, { method: 'POST' })).status, 400);
      }
    });
  }

  it('offers every grant with which users sign in', async () => {
    const { fetch, issuer } = await createMockIssuer({ alg: 'ES256' });
    const { grant_types_supported } = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
    for (const { type } of Object.values(grants)) assert.ok(grant_types_supported.includes(type), type);
  });

  it('is at no other path', async () => {
    const mock = await createMockIssuer({ alg: 'ES256', issuer: 'https://issuer.example/realms/one' });
    for (const path of ['/.well-known/openid-configuration', '/token', '/jwks', '/realms/one']) {
      assert.equal((await mock.fetch(`https://issuer.example${path}`)).status, 404, path);
    }
  });

  it('rejects requests for other hosts and from other pages', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    const status = async (url: string, headers = {}) => (await mock.fetch(url, { headers })).status;
    assert.equal(await status('https://other.example/jwks'), 421);
    assert.equal(await status('https://issuer.example:444/jwks'), 421);
    assert.equal(await status('https://issuer.example/jwks', { origin: 'https://issuer.example' }), 200);
    assert.equal(await status('https://issuer.example/jwks', { origin: 'https://other.example' }), 403);
    assert.equal(await status('https://issuer.example/jwks', { origin: 'null' }), 403);
  });

  it('names every endpoint and the supported features', async () => {
    const mock = await createMockIssuer({
      alg: 'ES256',
      issuer: 'https://issuer.example/one',
      scope: 'openid api',
    });
    const response = await mock.fetch('https://issuer.example/.well-known/oauth-authorization-server/one');
    const metadata: Record<string, unknown> = await response.json();
    const endpoints = Object.entries(metadata).filter(([name]) => name.endsWith('_endpoint'));
    assert.deepEqual(Object.fromEntries(endpoints), {
      authorization_endpoint: 'https://issuer.example/one/authorize',
      token_endpoint: 'https://issuer.example/one/token',
      pushed_authorization_request_endpoint: 'https://issuer.example/one/par',
      device_authorization_endpoint: 'https://issuer.example/one/device_authorization',
      introspection_endpoint: 'https://issuer.example/one/introspect',
      revocation_endpoint: 'https://issuer.example/one/revoke',
      userinfo_endpoint: 'https://issuer.example/one/userinfo',
      end_session_endpoint: 'https://issuer.example/one/end_session',
      registration_endpoint: 'https://issuer.example/one/register',
    });
    for (const [, url] of endpoints) {
      const statuses = [
        (await mock.fetch(String(url))).status,
        (await mock.fetch(String(url), { method: 'POST' })).status,
      ];
      assert.ok(!statuses.includes(404), String(url));
    }
    const methods = ['none', 'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt'];
    const lists = {
      response_types_supported: ['code'],
      response_modes_supported: ['query', 'fragment', 'form_post'],
      code_challenge_methods_supported: ['S256'],
      grant_types_supported: [
        'authorization_code',
        'refresh_token',
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:device_code',
        'urn:ietf:params:oauth:grant-type:token-exchange',
      ],
      scopes_supported: ['openid', 'profile', 'email', 'address', 'phone', 'offline_access', 'api'],
      token_endpoint_auth_methods_supported: methods,
      introspection_endpoint_auth_methods_supported: methods,
      revocation_endpoint_auth_methods_supported: methods,
      authorization_response_iss_parameter_supported: true,
      require_pushed_authorization_requests: false,
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
    };
    for (const [name, value] of Object.entries(lists)) assert.deepEqual(metadata[name], value, name);
    const { dpop_signing_alg_values_supported: algs } = metadata;
    assert.ok(Array.isArray(algs) && algs.includes('ES256') && !algs.includes('HS256') && !algs.includes('none'));
    const strict = await createMockIssuer({
      alg: 'ES256',
      clients: [{ client_id: 'a', require_pushed_authorization_requests: true }],
    });
    const of = await (await strict.fetch(`${strict.issuer}/.well-known/openid-configuration`)).json();
    assert.equal(of.require_pushed_authorization_requests, true);
  });
});
