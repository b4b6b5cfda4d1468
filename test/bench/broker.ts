import { Agent, request } from 'node:http';
import { answer } from '../../scripts/bench/child.mjs';
import { quantile } from '../../scripts/bench/measure.mjs';
import { createBroker } from '../../src/core/broker/broker.ts';
import type { Connection } from '../../src/core/records/connection.ts';
import { createSessions } from '../../src/core/records/sessions.ts';
import { systemClock as clock } from '../../src/core/waiting.ts';
import { newBrokerAddress, openBrokerSocket } from '../../src/platform/brokerSocket.ts';

const address = newBrokerAddress();

answer({
  /** Starts a broker with one connection whose token is valid for an hour. It responds until the process ends. */
  async start() {
    const sessions = createSessions();
    const connection: Connection = {
      id: 'demo',
      label: 'Demo',
      issuer: 'https://issuer.example',
      clientId: 'demo',
      tokenEndpointAuthMethod: 'none',
      autoRefresh: false,
      dpop: false,
      pushedAuthorizationRequests: false,
    };
    sessions.setConnections([{ connection, memoryOnly: true }], []);
    const now = clock.now();
    const tokens = { access_token: 'x'.repeat(900), expires_at: now + 3_600_000, obtained_at: now };
    sessions.apply({ version: 1, connection: 'demo', generation: 1, binding: { client_id: 'demo' }, tokens });
    const broker = createBroker({
      sessions,
      clock,
      log: () => {},
      isTrusted: () => true,
      proof: async () => '',
      consents: { allowed: async () => {}, list: async () => [], revoke: async () => {}, forget: async () => {} },
      refresher: {
        refresh: () => Promise.reject(new Error('not needed')),
        askedBy: () => undefined,
        discard: () => {},
        dispose: () => {},
      },
    });
    await openBrokerSocket({
      address,
      asker: () => ({ kind: 'machine' }),
      answer: (_, body, asker) => broker.token(asker, body),
      refusal: ({ code }) => ({ reason: 'internal', code, message: code }),
      log: () => {},
    });
    return address;
  },

  /** Milliseconds of 1,000 requests over one connection, and how many bytes the heap grew after the 100th. */
  async ask() {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const headers = { authorization: `Bearer ${address.capability}` };
    const once = () =>
      new Promise<void>((done, fail) => {
        const asked = request(
          { socketPath: address.socket, path: '/v1/token', method: 'POST', agent, headers },
          response => response.resume().on('end', done),
        );
        asked.on('error', fail).end('{"connection":"demo"}');
      });
    const times: number[] = [];
    let before = 0;
    for (let count = 0; count < 1000; count++) {
      const since = performance.now();
      await once();
      times.push(performance.now() - since);
      if (count === 99) before = process.memoryUsage().heapUsed;
    }
    agent.destroy();
    return { median: quantile(times, 0.5), p95: quantile(times, 0.95), grown: process.memoryUsage().heapUsed - before };
  },
});
