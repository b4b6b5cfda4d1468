import assert from 'node:assert/strict';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { failureKind } from '../../../src/core/errorTable.ts';
import { createDiscovery } from '../../../src/core/issuer/discovery.ts';
import { createTokenClient } from '../../../src/core/issuer/tokenEndpoint.ts';
import { type Connection, readConnection } from '../../../src/core/records/connection.ts';
import { failureOf } from '../../support/failureOf.ts';
import { manualClock } from '../../support/manualClock.ts';
import { type OidcProvider, startOidcProvider } from '../../support/oidcProvider.ts';

describe('with oidc-provider', function () {
  this.timeout(60_000);
  let provider: OidcProvider;
  before(async () => {
    provider = await startOidcProvider();
  });
  after(() => provider.close());

  type Method = keyof OidcProvider['clients'];
  const parts = () => {
    const clock = manualClock();
    const { fetch } = globalThis;
    const discovery = createDiscovery({ fetch, clock });
    return { discovery, client: createTokenClient({ fetch, clock, discovery }) };
  };
  function connectionOf(method: Method, fields: object = {}): Connection {
    const { connection } = readConnection({
      id: 'interop',
      issuer: provider.issuer,
      clientId: provider.clients[method],
      tokenEndpointAuthMethod: method,
      ...fields,
    });
    assert.ok(connection);
    return connection;
  }
  const refresh = (method: Method, refreshToken: string, clientSecret = provider.clientSecret) =>
    parts().client.refresh({
      connection: connectionOf(method),
      credentials: { client_secret: clientSecret },
      refreshToken,
    });

  it('finds its metadata', async () => {
    const metadata = await parts().discovery.metadata(provider.issuer);
    assert.equal(metadata.token_endpoint, `${provider.issuer}/token`);
    assert.equal(metadata.jwks_uri, `${provider.issuer}/jwks`);
    assert.ok(metadata.grant_types_supported?.includes('refresh_token'));
  });

  for (const method of ['client_secret_basic', 'client_secret_post', 'none'] as const) {
    it(`refreshes with ${method}, again and again, as its tokens rotate`, async () => {
      let refreshToken = await provider.issueRefreshToken(provider.clients[method]);
      let idToken: string | undefined;
      const seen = new Set([refreshToken]);
      for (let round = 0; round < 3; round++) {
        const answer = await refresh(method, refreshToken);
        const { raw } = answer;
        assert.equal(raw.token_type, 'Bearer');
        assert.equal(raw.expires_in, 300);
        assert.ok(raw.access_token && raw.refresh_token && raw.id_token);
        assert.deepEqual(await answer.validate(idToken === undefined ? {} : { id_token: idToken }), {
          warnings: [],
        });
        refreshToken = raw.refresh_token;
        idToken = raw.id_token;
        seen.add(refreshToken);
      }
      assert.equal(seen.size, 4);
    });
  }

  it('brings an ID token that its own keys verify', async () => {
    const answer = await refresh('client_secret_basic', await provider.issueRefreshToken());
    const { jwks_uri = '' } = await parts().discovery.metadata(provider.issuer);
    const { payload } = await jwtVerify(answer.raw.id_token ?? '', createRemoteJWKSet(new URL(jwks_uri)), {
      issuer: provider.issuer,
      audience: provider.clientId,
      algorithms: ['RS256'],
      requiredClaims: ['exp', 'iat', 'sub'],
    });
    assert.equal(payload.sub, 'alice');
  });

  it('ends the family when a token comes a second time', async () => {
    const first = await provider.issueRefreshToken();
    const { raw } = await refresh('client_secret_basic', first);
    const reuse = await failureOf(refresh('client_secret_basic', first));
    assert.deepEqual([reuse.code, reuse.data.error, reuse.data.status], ['oauth_error', 'invalid_grant', 400]);
    assert.equal(failureKind(reuse), 'refused');
    const successor = await failureOf(refresh('client_secret_basic', raw.refresh_token ?? ''));
    assert.equal(successor.data.error, 'invalid_grant');
  });

  it('leaves the token alone where the client is wrong', async () => {
    const token = await provider.issueRefreshToken();
    const error = await failureOf(refresh('client_secret_basic', token, 'wrong'));
    assert.deepEqual([error.code, error.data.error, error.data.status], ['oauth_error', 'invalid_client', 401]);
    assert.equal(failureKind(error), 'configuration');
    assert.ok((await refresh('client_secret_basic', token)).raw.access_token);
  });

  it('does not take a token of another client', async () => {
    const token = await provider.issueRefreshToken(provider.clients.none);
    const error = await failureOf(refresh('client_secret_basic', token));
    assert.equal(error.data.error, 'invalid_grant');
  });

  it('gives tokens for client credentials', async () => {
    const answer = await parts().client.clientCredentials({
      connection: connectionOf('client_secret_basic'),
      credentials: { client_secret: provider.clientSecret },
    });
    assert.ok(answer.raw.access_token);
    assert.equal(answer.raw.refresh_token, undefined);
    assert.deepEqual(await answer.validate(), { warnings: [] });
  });

  it('is not found under a name that differs by a slash', async () => {
    const connection = connectionOf('none', { issuer: `${provider.issuer}/` });
    const error = await failureOf(parts().client.refresh({ connection, refreshToken: 'canary' }));
    assert.deepEqual([error.code, error.data.difference], ['issuer_mismatch', 'slash']);
  });
});
