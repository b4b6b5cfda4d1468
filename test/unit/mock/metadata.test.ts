import assert from 'node:assert/strict';
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

  it('is nowhere else', async () => {
    const mock = await createMockIssuer({ alg: 'ES256', issuer: 'https://issuer.example/realms/one' });
    for (const path of ['/.well-known/openid-configuration', '/token', '/jwks', '/realms/one']) {
      assert.equal((await mock.fetch(`https://issuer.example${path}`)).status, 404, path);
    }
  });

  it('answers for its own host and to its own pages only', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    const status = async (url: string, headers = {}) => (await mock.fetch(url, { headers })).status;
    assert.equal(await status('https://other.example/jwks'), 421);
    assert.equal(await status('https://issuer.example:444/jwks'), 421);
    assert.equal(await status('https://issuer.example/jwks', { origin: 'https://issuer.example' }), 200);
    assert.equal(await status('https://issuer.example/jwks', { origin: 'https://other.example' }), 403);
    assert.equal(await status('https://issuer.example/jwks', { origin: 'null' }), 403);
  });
});
