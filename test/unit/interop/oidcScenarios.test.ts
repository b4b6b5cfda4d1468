import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { createDiscovery, resolveEndpoints } from '../../../src/core/issuer/discovery.ts';
import { createTokenClient } from '../../../src/core/issuer/tokenEndpoint.ts';
import { type Connection, readConnection } from '../../../src/core/records/connection.ts';
import { noHandover } from '../../../src/core/records/journalKeys.ts';
import { emptyRecord, type StoredRecord } from '../../../src/core/records/record.ts';
import { createSessions } from '../../../src/core/records/sessions.ts';
import { storeTokens } from '../../../src/core/records/storeTokens.ts';
import { createVault } from '../../../src/core/records/vault.ts';
import { createRefresher } from '../../../src/core/refresh/refresher.ts';
import type { AskedBy } from '../../../src/core/refresh/refreshSteps.ts';
import { type LoopbackServer, loopbackServer, type Received } from '../../support/loopbackServer.ts';
import { type OidcProvider, startOidcProvider } from '../../support/oidcProvider.ts';
import { id, key, testLock, testStore, worldClock } from '../core/refresh/refreshWorld.ts';

/** What happens to one request on its way to the provider: nothing, or the connection ends before or after it. */
type Way = 'open' | 'lostBefore' | 'lostAfter';

/** A proxy on 127.0.0.1 between the client and the provider's token endpoint. */
interface Proxy {
  readonly server: LoopbackServer;
  /** One for each of the next requests; later ones pass. */
  ways: Way[];
}

describe('trust, tried on oidc-provider', function () {
  this.timeout(60_000);
  const providers: Record<string, OidcProvider> = {};
  const proxies: LoopbackServer[] = [];
  before(async () => {
    providers.strict = await startOidcProvider();
    providers.grace = await startOidcProvider({ grace: true });
  });
  afterEach(() => Promise.all(proxies.splice(0).map(proxy => proxy.close())));
  after(() => Promise.all(Object.values(providers).map(provider => provider.close())));

  async function startProxy(target: string): Promise<Proxy> {
    const forward = ({ method, headers, body }: Received) => {
      const { authorization = '', 'content-type': type = '' } = headers;
      return fetch(target, { method, body, headers: { authorization, 'content-type': type } });
    };
    const server = await loopbackServer(async (received: Received, response: ServerResponse) => {
      const way = proxy.ways.shift() ?? 'open';
      const answer = way === 'lostBefore' ? undefined : await forward(received);
      const text = await answer?.text();
      if (way !== 'open' || answer === undefined) return response.destroy();
      response.writeHead(answer.status, { 'content-type': 'application/json' });
      return response.end(text);
    });
    proxies.push(server);
    const proxy: Proxy = { server, ways: [] };
    return proxy;
  }

  /** A signed-in connection to the provider through a proxy, and any number of windows on its store. */
  async function world(kind: 'strict' | 'grace' = 'strict') {
    const provider = providers[kind];
    assert.ok(provider);
    const proxy = await startProxy(`${provider.issuer}/token`);
    const { connection } = readConnection({
      id,
      issuer: provider.issuer,
      clientId: provider.clientId,
      tokenEndpointAuthMethod: 'client_secret_basic',
      tokenEndpoint: `${proxy.server.origin}/token`,
    });
    assert.ok(connection);
    const clock = worldClock(Date.now());
    const store = testStore();
    const lock = testLock();
    const { fetch } = globalThis;
    const discovery = createDiscovery({ fetch, clock });
    const client = createTokenClient({ fetch, discovery, clock });
    const vault = createVault(() => store, store);
    const signal = new AbortController().signal;

    function window(own: Connection = connection as Connection) {
      const sessions = createSessions();
      sessions.setConnections([{ connection: own, memoryOnly: false }], []);
      const refresher = createRefresher({
        ...{
          vault: createVault(() => store, store),
          lock,
          sessions,
          clock,
          handover: noHandover,
          log: () => {},
        },
        tokenClient: async () => client,
        endpointsOf: (each, aborted) => resolveEndpoints(each, discovery, aborted),
      });
      return {
        sessions,
        async refresh(askedBy?: AskedBy) {
          const { outcome, error } = await refresher.refresh(id, undefined, askedBy);
          return error ? `${outcome} ${error.code}` : outcome;
        },
      };
    }

    const first = window();
    const refreshToken = await provider.issueRefreshToken();
    await setSecret(provider.clientSecret);
    await storeTokens(
      { vault, lock, sessions: first.sessions, clock, handover: noHandover },
      connection,
      { refresh_token: refreshToken },
      clock.now(),
      signal,
    );

    async function setSecret(client_secret: string): Promise<void> {
      await vault.update(id, (record = emptyRecord(id)) => ({ ...record, client_secret }));
    }
    return {
      provider,
      proxy,
      clock,
      window,
      first,
      refreshToken,
      setSecret,
      stored: (): StoredRecord => JSON.parse(store.entries.get(key) ?? 'null'),
      sent: () => proxy.server.requests.map(({ body }) => new URLSearchParams(body).get('refresh_token')),
    };
  }

  /** A request of another program with the client's credentials. */
  function asSomebody({ issuer, clientId, clientSecret }: OidcProvider, path: string, form: Record<string, string>) {
    const credentials = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`;
    const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    return fetch(`${issuer}${path}`, {
      method: 'POST',
      headers: { authorization },
      body: new URLSearchParams(form),
    });
  }

  it('rotates: each refresh token is sent once, and the newest is kept', async () => {
    const { first, stored, sent } = await world();
    const held: (string | undefined)[] = [];
    for (let i = 0; i < 4; i++) {
      held.push(stored().tokens?.refresh_token);
      assert.equal(await first.refresh(), 'refreshed');
    }
    assert.deepEqual(sent(), held);
    assert.equal(new Set(sent()).size, 4);
    assert.equal(stored().generation, 5);
  });

  it('two windows at the same time send one request, and the other adopts', async () => {
    const { first, window, stored, sent } = await world();
    await first.refresh();
    const second = window();
    second.sessions.apply(stored());
    const results = await Promise.all([first.refresh(), second.refresh()]);
    assert.deepEqual(results.sort(), ['adopted', 'refreshed']);
    assert.equal(sent().length, 2);
    // Reuse would have ended the family.
    assert.equal(await second.refresh(), 'refreshed');
    assert.equal(await first.refresh(), 'adopted');
  });

  it('a window that has just started goes on where another one ended', async () => {
    const { first, window, sent } = await world();
    await first.refresh();
    assert.equal(await window().refresh(), 'refreshed');
    assert.equal(new Set(sent()).size, 2);
  });

  it('a request that was lost on its way is sent once more', async () => {
    const { first, proxy, sent, refreshToken } = await world();
    proxy.ways = ['lostBefore'];
    assert.equal(await first.refresh(), 'refreshed');
    assert.deepEqual(sent(), [refreshToken, refreshToken]);
    assert.equal(await first.refresh(), 'refreshed');
  });

  it('an answer that was lost after the rotation: it says so, and the token is not sent again', async () => {
    const { first, proxy, sent, stored, refreshToken } = await world();
    proxy.ways = ['lostAfter'];
    assert.equal(await first.refresh(), 'reauthRequired answer_lost');
    assert.deepEqual(sent(), [refreshToken, refreshToken]);
    assert.equal(stored().tokens?.refresh_token, refreshToken);
    assert.equal(await first.refresh(), 'reauthRequired answer_lost');
    assert.equal(sent().length, 2);
  });

  it('the same if the provider accepts the retry: the user notices nothing', async () => {
    const { first, proxy, sent, refreshToken } = await world('grace');
    proxy.ways = ['lostAfter'];
    assert.equal(await first.refresh(), 'refreshed');
    assert.deepEqual(sent(), [refreshToken, refreshToken]);
    assert.equal(await first.refresh(), 'refreshed');
    assert.notEqual(sent()[2], refreshToken);
  });

  it('both responses lost: no window retries automatically, only on request', async () => {
    const { proxy, first, window, sent, stored } = await world('grace');
    proxy.ways = ['lostAfter', 'lostAfter', 'lostAfter'];
    assert.match(await first.refresh(), /^unknown /);
    assert.ok(stored().intent);
    assert.equal(await window().refresh(), 'unknown answer_missing');
    assert.equal(sent().length, 2);
    assert.match(await window().refresh('user'), /^unknown /);
    assert.equal(sent().length, 3);
    assert.equal(await window().refresh('user'), 'refreshed');
    assert.equal(sent().length, 4);
  });

  it('a family that ended because somebody used an old token: sign in again, and nothing more is sent', async () => {
    const { first, provider, refreshToken, sent, stored } = await world();
    await first.refresh();
    const grant = { grant_type: 'refresh_token', refresh_token: refreshToken };
    assert.equal((await asSomebody(provider, '/token', grant)).status, 400);
    assert.equal(await first.refresh(), 'reauthRequired oauth_error');
    assert.equal(await first.refresh(), 'reauthRequired refresh_token_refused');
    assert.equal(sent().length, 2);
    assert.equal(stored().refused?.error, 'invalid_grant');
    assert.ok(stored().tokens?.refresh_token, 'the record stays');
  });

  it('a token that was revoked', async () => {
    const { first, provider, refreshToken } = await world();
    const revoked = await asSomebody(provider, '/token/revocation', { token: refreshToken });
    assert.equal(revoked.status, 200);
    assert.equal(await first.refresh(), 'reauthRequired oauth_error');
  });

  it('a token that has expired', async () => {
    const { first, sent } = await world();
    const { now } = Date;
    // The provider uses the machine's clock.
    Date.now = () => now() + 2 * 3600_000;
    try {
      assert.equal(await first.refresh(), 'reauthRequired oauth_error');
    } finally {
      Date.now = now;
    }
    assert.equal(sent().length, 1);
  });

  it('a wrong client secret costs nothing: with the right one the same token is good', async () => {
    const { first, provider, setSecret, stored, refreshToken, sent } = await world();
    await setSecret('wrong');
    assert.equal(await first.refresh(), 'retryable oauth_error');
    assert.equal(first.sessions.get(id)?.lastRefresh?.error?.data.error, 'invalid_client');
    assert.equal(stored().tokens?.refresh_token, refreshToken);
    assert.equal(stored().intent, undefined);
    await setSecret(provider.clientSecret);
    assert.equal(await first.refresh(), 'refreshed');
    assert.deepEqual(sent(), [refreshToken, refreshToken]);
  });
});
