import assert from 'node:assert/strict';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { createVerifier } from '../../../src/core/checks/verifier.ts';
import { createDiscovery } from '../../../src/core/issuer/discovery.ts';
import { readConnection } from '../../../src/core/records/connection.ts';
import { noHandover } from '../../../src/core/records/journalKeys.ts';
import { type Credentials, emptyRecord } from '../../../src/core/records/record.ts';
import { createSessions } from '../../../src/core/records/sessions.ts';
import { createVault } from '../../../src/core/records/vault.ts';
import { createIssuerClient } from '../../../src/core/signIn/signIn.ts';
import { systemClock } from '../../../src/core/waiting.ts';
import { listenForRedirect } from '../../../src/platform/uriRedirect.ts';
import { failureOf } from '../../support/failureOf.ts';
import { miniBrowser } from '../../support/miniBrowser.ts';
import {
  fapiClient,
  knownResource,
  type OidcProvider,
  startOidcProvider,
  strictClients,
} from '../../support/oidcProvider.ts';
import { present, testLock, testStore } from '../core/refresh/refreshWorld.ts';

const signal = new AbortController().signal;

describe('oidc-provider at its strictest', function () {
  this.timeout(60_000);
  let provider: OidcProvider;
  before(async () => {
    provider = await startOidcProvider({ strict: true });
  });
  after(() => provider.close());

  function client(clientId: string, extra: object = {}, credentials: Credentials = {}) {
    const store = testStore();
    const vault = createVault(() => store, store);
    const { fetch } = globalThis;
    const clock = systemClock;
    const sessions = createSessions();
    const read = readConnection({
      id: 'strict',
      issuer: provider.issuer,
      clientId,
      scope: 'openid offline_access',
      extraParameters: { prompt: 'consent' },
      ...extra,
    });
    const connection = present(read.connection);
    sessions.setConnections([{ connection, memoryOnly: false }], []);
    const discovery = createDiscovery({ fetch, clock });
    const opened: string[] = [];
    const issuer = createIssuerClient({
      ...{ fetch, clock, sessions, vault, discovery },
      handover: noHandover,
      lock: testLock(),
      async openBrowser(url) {
        opened.push(url);
        void miniBrowser().go(url);
        return true;
      },
      listen: () => listenForRedirect(page => page),
    });
    return {
      connection,
      issuer,
      opened,
      verifier: createVerifier({ fetch, clock, discovery }),
      async signIn() {
        if (Object.keys(credentials).length > 0) {
          const binding = { issuer: provider.issuer, client_id: clientId };
          await vault.update('strict', () => ({ ...emptyRecord('strict'), binding, ...credentials }));
        }
        return issuer.signIn({ connection, grant: 'authorization_code', signal });
      },
      record: () => present(sessions.get('strict')?.record),
    };
  }

  for (const [alg, clientId] of Object.entries(strictClients)) {
    it(`signs ID tokens and UserInfo with ${alg} for a user whom each client knows by another name`, async () => {
      const secret = alg === 'HS256';
      const extra = secret ? { tokenEndpointAuthMethod: 'client_secret_basic' } : {};
      const credentials = secret ? { client_secret: provider.clientSecret } : {};
      const { signIn, issuer, connection, record, verifier } = client(clientId, extra, credentials);
      const { warnings } = await signIn();
      assert.deepEqual(warnings, []);
      const { id_token, refresh_token } = present(record().tokens);
      assert.equal(decodeProtectedHeader(present(id_token)).alg, alg);
      assert.equal(decodeJwt(present(id_token)).sub, `alice of ${clientId}`);
      const key = secret ? { key: provider.clientSecret } : {};
      const { verified } = await verifier.verify({ token: present(id_token), connection, audience: clientId, ...key });
      assert.equal(verified, true);
      if (!secret) {
        const { claims, signed } = await issuer.userInfo(connection, record(), signal);
        assert.deepEqual([claims.sub, signed], [`alice of ${clientId}`, true]);
      }
      const answer = await issuer.tokenClient.refresh({
        connection,
        credentials,
        refreshToken: present(refresh_token),
      });
      assert.deepEqual(await answer.validate({ id_token: present(id_token) }), { warnings: [] });
      assert.equal(decodeProtectedHeader(present(answer.raw.id_token)).alg, alg);
    });
  }

  it('gives UserInfo that is signed with the secret of the client, which verifies it', async () => {
    const extra = { tokenEndpointAuthMethod: 'client_secret_basic' };
    const { signIn, issuer, connection, record } = client(strictClients.HS256, extra, {
      client_secret: provider.clientSecret,
    });
    await signIn();
    assert.equal((await issuer.userInfo(connection, record(), signal)).signed, true);
    const { code, data } = await failureOf(
      issuer.userInfo(connection, { ...record(), client_secret: 'another secret, as long as theirs' }, signal),
    );
    assert.deepEqual([code, (data as { reason?: string }).reason], ['response_invalid', 'answer_signature']);
  });

  it('gives JWTs for a resource, signed as every other', async () => {
    const { signIn, connection, record, verifier } = client(strictClients.PS256, { resource: knownResource });
    await signIn();
    const token = present(record().tokens?.access_token);
    const { typ, alg } = decodeProtectedHeader(token);
    assert.equal(typ, 'at+jwt');
    assert.ok(alg);
    const { verified, checks } = await verifier.verify({ token, connection, audience: knownResource });
    assert.equal(verified, true, JSON.stringify(checks.filter(({ status }) => status === 'failed')));
  });

  it('takes a client of FAPI 2.0: a pushed request, a signed assertion, tokens bound to a key', async () => {
    const private_key = JSON.stringify(provider.clientKey.jwk);
    const extra = { tokenEndpointAuthMethod: 'private_key_jwt', dpop: true, pushedAuthorizationRequests: true };
    const { signIn, issuer, connection, record, opened } = client(fapiClient, extra, { private_key });
    await signIn();
    assert.deepEqual([...new URL(opened[0] ?? '').searchParams.keys()].sort(), ['client_id', 'request_uri']);
    const { tokens, dpop_key } = record();
    assert.equal(tokens?.token_type, 'DPoP');
    assert.equal(decodeProtectedHeader(present(tokens?.id_token)).alg, 'EdDSA');
    const { claims } = await issuer.userInfo(connection, record(), signal);
    assert.equal(claims.sub, `alice of ${fapiClient}`);
    const answer = await issuer.tokenClient.refresh({
      connection,
      credentials: { private_key, dpop_key: present(dpop_key) },
      refreshToken: present(tokens?.refresh_token),
    });
    assert.deepEqual(await answer.validate({ id_token: present(tokens?.id_token) }), { warnings: [] });
  });
});
