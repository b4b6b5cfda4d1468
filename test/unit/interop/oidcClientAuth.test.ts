import assert from 'node:assert/strict';
import { decodeJwt } from 'jose';
import { createDiscovery } from '../../../src/core/issuer/discovery.ts';
import { readConnection } from '../../../src/core/records/connection.ts';
import { noHandover } from '../../../src/core/records/journalKeys.ts';
import { type Credentials, emptyRecord } from '../../../src/core/records/record.ts';
import { createSessions } from '../../../src/core/records/sessions.ts';
import { createVault } from '../../../src/core/records/vault.ts';
import { createIssuerClient } from '../../../src/core/signIn/signIn.ts';
import { systemClock } from '../../../src/core/waiting.ts';
import { createMutualTls } from '../../../src/platform/mutualTls.ts';
import { listenForRedirect } from '../../../src/platform/uriRedirect.ts';
import { testKey } from '../../support/clientKeys.ts';
import { failureOf } from '../../support/failureOf.ts';
import { miniBrowser } from '../../support/miniBrowser.ts';
import { type OidcProvider, startOidcProvider } from '../../support/oidcProvider.ts';
import { selfSigned, selfSignedClient } from '../../support/selfSigned.ts';
import { present, testLock, testStore } from '../core/refresh/refreshWorld.ts';

const never = new AbortController().signal;
const id = 'interop';

describe('client authentication at oidc-provider', function () {
  this.timeout(60_000);
  const providers: { plain?: OidcProvider; nonces?: OidcProvider; tls?: OidcProvider } = {};
  before(async () => {
    providers.plain = await startOidcProvider();
    providers.nonces = await startOidcProvider({ dpopNonce: true });
    providers.tls = await startOidcProvider({ tls: true });
  });
  after(() => Promise.all(Object.values(providers).map(provider => provider.close())));

  type Method = keyof OidcProvider['clients'];
  /** A client that uses this method, with its credentials. */
  function client(kind: keyof typeof providers, method: Method, more: Credentials = {}, fields: object = {}) {
    const provider = present(providers[kind]);
    const { issuer, clients, clientSecret, clientKey } = provider;
    const { connection: read } = readConnection({
      id,
      issuer,
      clientId: clients[method],
      tokenEndpointAuthMethod: method,
      ...fields,
    });
    const connection = present(read);
    const credentials: Credentials = {
      ...(method.startsWith('client_secret') && { client_secret: clientSecret }),
      ...(method === 'private_key_jwt' && { private_key: clientKey.pem }),
      ...(method.includes('tls') && { private_key: `${selfSignedClient.key}${selfSignedClient.cert}` }),
      ...more,
    };
    const mutualTls = createMutualTls(selfSigned.cert);
    // Requests that need no client use another certificate, which is unknown.
    const other = mutualTls({ key: selfSigned.key, certificate: selfSigned.cert });
    const statuses: string[] = [];
    const fetch = async (input: string, init: RequestInit) => {
      const response = await (kind === 'tls' ? (await other)(input, init) : globalThis.fetch(input, init));
      statuses.push(`${new URL(input).pathname} ${response.status}`);
      return response;
    };
    const store = testStore();
    const sessions = createSessions();
    sessions.setConnections([{ connection, memoryOnly: false }], []);
    const vault = createVault(() => store, store);
    const issuerClient = createIssuerClient({
      fetch,
      mutualTls,
      clock: systemClock,
      sessions,
      vault,
      handover: noHandover,
      lock: testLock(),
      discovery: createDiscovery({ fetch, clock: systemClock }),
      listen: () => listenForRedirect(page => page),
      openBrowser: async url => {
        void miniBrowser().go(url);
        return true;
      },
    });
    return {
      connection,
      issuerClient,
      statuses,
      async signIn(grant: 'authorization_code' | 'client_credentials') {
        await vault.update(id, () => ({ ...emptyRecord(id), ...credentials }));
        return issuerClient.signIn({ connection, grant, signal: never });
      },
      record: () => present(sessions.get(id)?.record),
      refresh: async (refreshToken?: string) =>
        issuerClient.tokenClient.refresh({
          connection,
          credentials,
          refreshToken: refreshToken ?? (await provider.issueRefreshToken(connection.clientId)),
        }),
    };
  }

  for (const [kind, method] of [
    ['plain', 'client_secret_basic'],
    ['plain', 'client_secret_post'],
    ['plain', 'client_secret_jwt'],
    ['plain', 'private_key_jwt'],
    ['tls', 'tls_client_auth'],
    ['tls', 'self_signed_tls_client_auth'],
  ] as const) {
    it(`works by ${method}, from the token over the refresh to the end`, async () => {
      const { signIn, refresh, record, connection, issuerClient } = client(kind, method);
      await signIn('client_credentials');
      assert.ok(record().tokens?.access_token);
      const { status, raw, validate } = await refresh();
      assert.deepEqual([status, await validate()], [200, { warnings: [] }]);
      assert.deepEqual(await issuerClient.revoke(connection, record(), never), { revoked: true });
      const again = client(kind, method);
      assert.equal((await again.refresh(raw.refresh_token)).status, 200, 'the other one lives on');
    });
  }

  for (const [kind, method, wrong] of [
    ['plain', 'client_secret_jwt', { client_secret: 'another secret of thirty-two bytes' }],
    ['plain', 'private_key_jwt', { private_key: testKey('P-256').pem }],
    ['tls', 'tls_client_auth', { private_key: `${selfSigned.key}${selfSigned.cert}` }],
    ['tls', 'self_signed_tls_client_auth', { private_key: `${selfSigned.key}${selfSigned.cert}` }],
  ] as const) {
    it(`is refused with the wrong one: ${method}`, async () => {
      const { code, data } = await failureOf(client(kind, method, wrong).refresh());
      assert.deepEqual([code, data.error, data.status], ['oauth_error', 'invalid_client', 401]);
    });
  }

  it("is told if the key's algorithm is not accepted", async () => {
    const { jwk } = testKey('P-521');
    const wrong = client('plain', 'private_key_jwt', { private_key: JSON.stringify(jwk) });
    const { code, data } = await failureOf(wrong.refresh());
    assert.deepEqual([code, data.reason, data.found], ['credential_invalid', 'algorithm', 'ES512']);
  });

  for (const [kind, tries] of [
    ['plain', ['/token 200']],
    ['nonces', ['/token 400', '/token 200']],
  ] as const) {
    it(`gets tokens bound to a key, and refreshes them with it (${kind})`, async () => {
      const bound = client(
        kind,
        'none',
        {},
        {
          ...{ dpop: true, scope: 'openid offline_access', extraParameters: { prompt: 'consent' } },
          pushedAuthorizationRequests: kind === 'nonces',
        },
      );
      const { warnings } = await bound.signIn('authorization_code');
      assert.deepEqual(warnings, []);
      const { tokens, dpop_key = '' } = bound.record();
      assert.equal(tokens?.token_type, 'DPoP');
      const posts = bound.statuses.filter(each => /token|request/.test(each));
      assert.deepEqual(posts, kind === 'plain' ? tries : ['/request 400', '/request 201', '/token 200']);
      const own = client(kind, 'none', { dpop_key });
      const answer = await own.refresh(tokens?.refresh_token);
      assert.equal(answer.raw.token_type, 'DPoP');
      assert.deepEqual(await answer.validate(), { warnings: [] });
      assert.deepEqual(
        own.statuses.filter(each => each.startsWith('/token')),
        tries,
      );

      const userinfo = `${own.connection.issuer}/me`;
      const accessToken = present(answer.raw.access_token);
      const dpop = await own.issuerClient.proof(own.connection, dpop_key, accessToken, userinfo);
      const me = await fetch(userinfo, { headers: { authorization: `DPoP ${accessToken}`, dpop } });
      assert.equal(me.status, 200);
      assert.equal(Object(await me.json()).sub, decodeJwt(present(answer.raw.id_token)).sub);

      const refused = await failureOf(client(kind, 'none').refresh(answer.raw.refresh_token));
      assert.ok(['invalid_grant', 'invalid_dpop_proof', 'invalid_request'].includes(String(refused.data.error)));
    });
  }
});
