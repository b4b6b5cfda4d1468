import assert from 'node:assert/strict';
import * as client from 'openid-client';
import { type MockAlg, mockAlgs } from '../../../src/mock/keys.ts';
import { type MockServer, startMockServer } from '../../../src/mock/nodeServer.ts';
import { text } from './support.ts';

const secret = 's3cr:t /+%';

// openid-client is an independent, certified client, so it can judge the mock.
describe('mock issuer: as openid-client sees it', () => {
  let mock: MockServer;
  before(async () => {
    mock = await startMockServer({
      alg: 'ES256',
      rotation: 'strict',
      path: '/tenants/one',
      scope: 'openid offline_access api',
      clients: [
        { client_id: 'demo' },
        { client_id: 'by basic', client_secret: secret },
        { client_id: 'by-post', client_secret: secret, token_endpoint_auth_method: 'client_secret_post' },
      ],
    });
  });
  after(() => mock.close());

  const discover = (clientId: string, auth: client.ClientAuth, alg = 'RS256', algorithm: 'oidc' | 'oauth2' = 'oidc') =>
    client.discovery(new URL(mock.issuer), clientId, { id_token_signed_response_alg: alg }, auth, {
      // Without the last one, it trusts ID tokens from the token endpoint without checking their signature.
      execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
      algorithm,
    });

  /** Makes a new key unless one of this kind signs already, because an RSA key takes longer than these tests. */
  const signWith = async (alg: MockAlg) => {
    if (mock.jwks().keys.at(-1)?.alg !== alg) await mock.rotateKeys(alg);
  };

  for (const alg of mockAlgs) {
    for (const algorithm of ['oidc', 'oauth2'] as const) {
      it(`discovers it by ${algorithm} and refreshes, checking ID tokens signed with ${alg}`, async () => {
        await signWith(alg);
        const config = await discover('demo', client.None(), alg, algorithm);
        assert.equal(config.serverMetadata().issuer, mock.issuer);
        let { refresh_token } = await mock.issueTokens();
        for (let i = 0; i < 3; i += 1) {
          const tokens = await client.refreshTokenGrant(config, text(refresh_token));
          assert.equal(tokens.claims()?.sub, 'mock-user');
          assert.equal(tokens.expires_in, 3600);
          assert.notEqual(tokens.refresh_token, refresh_token);
          refresh_token = text(tokens.refresh_token);
        }
      });
    }
  }

  it('rejects the tokens that faults have changed', async () => {
    await mock.rotateKeys('ES256');
    const config = await discover('demo', client.None(), 'ES256');
    for (const type of ['wrongIss', 'wrongAud', 'wrongSignature', 'expiredAtBirth'] as const) {
      const { refresh_token } = await mock.issueTokens();
      mock.faults.next(1, { type });
      await assert.rejects(client.refreshTokenGrant(config, text(refresh_token)), { name: 'ClientError' }, type);
    }
    mock.faults.next(1, { type: 'otherIssuer' });
    await assert.rejects(discover('demo', client.None()), { name: 'ClientError' });
  });

  it('receives invalid_grant for a refresh token that was already used', async () => {
    await mock.rotateKeys('ES256');
    const config = await discover('demo', client.None(), 'ES256');
    const { refresh_token } = await mock.issueTokens();
    await client.refreshTokenGrant(config, text(refresh_token));
    await assert.rejects(client.refreshTokenGrant(config, text(refresh_token)), {
      name: 'ResponseBodyError',
      status: 400,
      error: 'invalid_grant',
    });
  });

  it('authenticates with each method for client credentials', async () => {
    for (const [id, auth] of [
      ['by basic', client.ClientSecretBasic(secret)],
      ['by-post', client.ClientSecretPost(secret)],
    ] as const) {
      const tokens = await client.clientCredentialsGrant(await discover(id, auth), { scope: 'api' });
      assert.equal(tokens.token_type, 'bearer');
      assert.equal(tokens.refresh_token, undefined);
    }
    const wrong = await discover('by basic', client.ClientSecretBasic('no'));
    await assert.rejects(client.clientCredentialsGrant(wrong), {
      name: 'WWWAuthenticateChallengeError',
      status: 401,
    });
  });
});
