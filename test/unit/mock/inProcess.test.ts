import assert from 'node:assert/strict';
import * as oauth from 'oauth4webapi';
import { createMockIssuer } from '../../../src/mock/issuer.ts';
import { text } from './support.ts';

describe('mock issuer: in process', () => {
  it('is a customFetch for oauth4webapi, with no network', async () => {
    const mock = await createMockIssuer({ alg: 'ES256', rotation: 'strict' });
    const issuer = new URL(mock.issuer);
    const options = { [oauth.customFetch]: mock.fetch };
    const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
    const client = { client_id: 'demo', id_token_signed_response_alg: 'ES256' };
    const { refresh_token } = await mock.issueTokens();
    const response = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), text(refresh_token), options);
    const tokens = await oauth.processRefreshTokenResponse(server, client, response);
    await oauth.validateApplicationLevelSignature(server, response, options);
    const access = await oauth.validateJwtAccessToken(
      server,
      new Request('https://api.example', { headers: { authorization: `Bearer ${tokens.access_token}` } }),
      `${mock.issuer}/api`,
      options,
    );
    assert.equal(access.client_id, 'demo', 'and its access tokens pass for RFC 9068 ones');
  });

  it('accepts a URL, a string or a Request', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    const url = `${mock.issuer}/jwks`;
    for (const input of [url, new URL(url), new Request(url)]) assert.equal((await mock.fetch(input)).status, 200);
    assert.equal((await mock.fetch(new Request(url), { method: 'POST' })).status, 405);
  });
});
