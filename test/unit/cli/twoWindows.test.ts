import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { createBroker } from '../../../src/core/broker/broker.ts';
import { createDiscovery, resolveEndpoints } from '../../../src/core/issuer/discovery.ts';
import { createTokenClient } from '../../../src/core/issuer/tokenEndpoint.ts';
import type { Clock } from '../../../src/core/ports.ts';
import type { Connection } from '../../../src/core/records/connection.ts';
import { createHandover } from '../../../src/core/records/handover.ts';
import { createJournalKeys } from '../../../src/core/records/journalKeys.ts';
import { createSessions } from '../../../src/core/records/sessions.ts';
import { storeTokens } from '../../../src/core/records/storeTokens.ts';
import { createVault } from '../../../src/core/records/vault.ts';
import { createRefresher } from '../../../src/core/refresh/refresher.ts';
import { type MockServer, startMockServer } from '../../../src/mock/nodeServer.ts';
import { newBrokerAddress } from '../../../src/platform/brokerAddress.ts';
import { openBrokerSocket } from '../../../src/platform/brokerSocket.ts';
import { createFileLock } from '../../../src/platform/fileLock.ts';
import { systemClock } from '../../../src/platform/systemClock.ts';
import { laggingStore } from '../platform/laggingStore.ts';
import { never, useFolder } from '../platform/support.ts';

/** Two windows with a broker each: one lock folder, real sockets, an issuer that ends the family of a reused token. */
describe('fifty programs and two windows', function () {
  this.timeout(120_000);
  const folder = useFolder();
  let mock: MockServer;
  let ahead = 0;
  const clock: Clock = { ...systemClock, now: () => Date.now() + ahead };

  beforeEach(async () => {
    ahead = 0;
    mock = await startMockServer({ rotation: 'strict', alg: 'ES256', accessTokenLifetime: 300 });
  });
  afterEach(() => mock.close());

  async function openWindow() {
    const connection: Connection = {
      id: 'demo',
      label: 'Demo',
      issuer: mock.issuer,
      clientId: 'demo',
      tokenEndpointAuthMethod: 'none',
      autoRefresh: true,
      dpop: false,
      pushedAuthorizationRequests: false,
    };
    const fetch = (input: string, init: RequestInit) => globalThis.fetch(input, init);
    const log = () => {};
    // Both are this process: what the other has stored is seen at once, what differs is what each window remembers.
    const secrets = laggingStore(join(folder.path, 'secrets'), 0);
    const sessions = createSessions();
    sessions.setConnections([{ connection, memoryOnly: false }], []);
    const vault = createVault(() => secrets, secrets);
    const lock = createFileLock({ folder: join(folder.path, 'locks'), clock, log });
    const keys = createJournalKeys({ secrets, lock, clock, log });
    const handover = createHandover({ keys, log });
    const discovery = createDiscovery({ fetch, clock });
    const client = createTokenClient({ fetch, discovery, clock });
    const refresher = createRefresher({
      vault,
      lock,
      handover,
      sessions,
      clock,
      log,
      tokenClient: async () => client,
      endpointsOf: (each, signal) => resolveEndpoints(each, discovery, signal),
    });
    const broker = createBroker({
      sessions,
      refresher,
      clock,
      log,
      isTrusted: () => true,
      proof: async () => '',
      consents: { allowed: async () => {}, list: async () => [], revoke: async () => {}, forget: async () => {} },
    });
    const address = newBrokerAddress();
    const socket = await openBrokerSocket({
      address,
      asker: () => ({ kind: 'machine' }),
      answer: (_, body, asker) => broker.token(asker, body),
      refusal: ({ code }) => ({ reason: 'issuer', code, message: code }),
      log,
    });
    const agent = new Agent({ maxSockets: 64 });
    return {
      close: () => socket.close(),
      import: async () =>
        storeTokens(
          { vault, lock, handover, sessions, clock },
          connection,
          await mock.issueTokens({ clientId: 'demo' }),
          clock.now(),
          never,
        ),
      load: async () => {
        const record = await vault.read('demo');
        if (record) sessions.apply(record);
      },
      ask: () =>
        new Promise<string>((done, fail) => {
          const headers = { authorization: `Bearer ${address.capability}` };
          const asked = request(
            { socketPath: address.socket, path: '/v1/token', method: 'POST', agent, headers },
            response => {
              let text = '';
              response.setEncoding('utf8').on('data', each => {
                text += each;
              });
              response.on('end', () => {
                const { token, error } = JSON.parse(text);
                done(token ?? `error ${error?.code}`);
              });
            },
          );
          asked.on('error', fail).end('{"connection":"demo"}');
        }),
    };
  }

  it('make one request to the issuer and get one token, twenty times of twenty', async () => {
    const windows = [await openWindow(), await openWindow()];
    const [first] = windows;
    await first?.import();
    for (const window of windows) await window.load();
    const sent = () => mock.requests.filter(({ grant_type }) => grant_type === 'refresh_token');
    const seen = new Set<string>();
    for (let round = 1; round <= 20; round++) {
      ahead += 301_000;
      mock.clock.advance(301_000);
      const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => windows[index % 2]?.ask()));
      const different = new Set(answers);
      assert.equal(different.size, 1, `round ${round}: ${[...different].map(each => each?.slice(0, 40)).join(', ')}`);
      assert.match([...different][0] ?? '', /^eyJ/);
      assert.equal(sent().length, round, `round ${round}`);
      seen.add([...different][0] ?? '');
    }
    assert.equal(seen.size, 20);
    assert.equal(new Set(sent().map(({ refresh_token }) => refresh_token)).size, 20, 'no token was sent twice');
    for (const window of windows) await window.close();
  });
});
