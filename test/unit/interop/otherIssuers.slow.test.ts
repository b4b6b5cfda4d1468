import assert from 'node:assert/strict';
import { createVerifier } from '../../../src/core/checks/verifier.ts';
import { createDiscovery } from '../../../src/core/issuer/discovery.ts';
import { readConnection } from '../../../src/core/records/connection.ts';
import { noHandover } from '../../../src/core/records/journalKeys.ts';
import { createSessions } from '../../../src/core/records/sessions.ts';
import { storeTokens } from '../../../src/core/records/storeTokens.ts';
import { createVault } from '../../../src/core/records/vault.ts';
import { createRefresher } from '../../../src/core/refresh/refresher.ts';
import { createIssuerClient } from '../../../src/core/signIn/signIn.ts';
import { systemClock } from '../../../src/core/waiting.ts';
import { listenForRedirect } from '../../../src/platform/uriRedirect.ts';
import { loopbackServer } from '../../support/loopbackServer.ts';
import { miniBrowser } from '../../support/miniBrowser.ts';
import {
  installIssuers,
  type OtherIssuers,
  startBetterAuth,
  startNodeOAuth,
  startOpenAuth,
} from '../../support/otherIssuers.ts';
import { present, testLock, testStore } from '../core/refresh/refreshWorld.ts';

const signal = new AbortController().signal;

/** The product's core with one connection to an issuer. */
function world(entry: object, port?: number) {
  const store = testStore();
  const { fetch } = globalThis;
  const clock = systemClock;
  const parts = {
    ...{ clock, lock: testLock(), handover: noHandover },
    ...{ sessions: createSessions(), vault: createVault(() => store, store) },
  };
  const connection = present(readConnection({ id: 'other', ...entry }).connection);
  parts.sessions.setConnections([{ connection, memoryOnly: false }], []);
  const discovery = createDiscovery({ fetch, clock });
  const issuer = createIssuerClient({
    ...{ ...parts, fetch, discovery },
    async openBrowser(url) {
      void miniBrowser().go(url);
      return true;
    },
    listen: () => listenForRedirect(page => page, port),
  });
  const refresher = createRefresher({
    ...parts,
    log: () => {},
    tokenClient: async () => issuer.tokenClient,
    endpointsOf: async each => ({ token_endpoint: each.tokenEndpoint ?? (await metadataOf(each.issuer)) }),
  });
  const metadataOf = async (of: string | undefined) => present((await discovery.metadata(present(of))).token_endpoint);
  return {
    ...{ connection, issuer, refresher, parts },
    verifier: createVerifier({ fetch, clock, discovery }),
    tokens: () => present(parts.sessions.get('other')?.record?.tokens),
    signIn: () => issuer.signIn({ connection, grant: 'authorization_code', signal }),
  };
}

describe('issuers that others wrote', function () {
  this.timeout(120_000);
  let installed: OtherIssuers;
  before(async () => {
    installed = await installIssuers();
  });
  after(() => installed.remove());

  it('OpenAuth: sign in, verify, refresh, and a token that was used before is refused', async () => {
    const server = await startOpenAuth(installed);
    const { signIn, tokens, refresher, verifier, connection, parts } = world({
      issuer: server.issuer,
      clientId: 'app',
    });
    await signIn();
    const first = tokens();
    const access = present(first.access_token);
    const { verified, checks } = await verifier.verify({ token: access, connection });
    assert.equal(verified, true, JSON.stringify(checks.filter(({ status }) => status === 'failed')));
    assert.deepEqual(
      [(await refresher.refresh('other')).outcome, tokens().access_token !== access],
      ['refreshed', true],
    );
    const unknown = { access_token: access, refresh_token: `${present(first.refresh_token).slice(0, -4)}AAAA` };
    await storeTokens(parts, connection, unknown, systemClock.now(), signal);
    assert.equal((await refresher.refresh('other')).outcome, 'reauthRequired');
    await server.close();
  });

  it('better-auth: sign in with an ID token, refresh with rotation, ask who the user is', async function () {
    this.timeout(60_000);
    const free = await loopbackServer(() => {});
    const port = Number(new URL(free.origin).port);
    await free.close();
    const server = await startBetterAuth(installed, `http://127.0.0.1:${port}/callback`);
    const scope = 'openid profile offline_access';
    const { signIn, tokens, refresher, verifier, connection, issuer, parts } = world(
      { issuer: server.issuer, clientId: server.clientId, scope, redirectPort: port },
      port,
    );
    await signIn();
    const { id_token, refresh_token } = tokens();
    const { verified, checks } = await verifier.verify({ token: present(id_token), connection });
    assert.equal(verified, true, JSON.stringify(checks.filter(({ status }) => status === 'failed')));
    assert.equal((await refresher.refresh('other')).outcome, 'refreshed');
    assert.notEqual(tokens().refresh_token, refresh_token);
    const record = present(parts.sessions.get('other')?.record);
    const { claims } = await issuer.userInfo(connection, record, signal);
    assert.equal(claims.name, 'Alice');
    await server.close();
  });

  it('node-oauth2-server: a token endpoint alone rotates, and refuses what it does not know', async () => {
    const first = 'first-refresh-token-0001';
    const server = await startNodeOAuth(installed, first);
    const { parts, connection, refresher, tokens } = world({
      tokenEndpoint: `${server.issuer}/token`,
      clientId: 'app',
    });
    const store = (refresh_token: string) =>
      storeTokens(parts, connection, { access_token: 'a', refresh_token }, systemClock.now(), signal);
    await store(first);
    assert.equal((await refresher.refresh('other')).outcome, 'refreshed');
    assert.notEqual(tokens().refresh_token, first);
    await store('never-issued-refresh-token');
    const { outcome, error } = await refresher.refresh('other');
    assert.deepEqual([outcome, error?.code, error?.data.error], ['reauthRequired', 'oauth_error', 'invalid_grant']);
    await server.close();
  });
});
