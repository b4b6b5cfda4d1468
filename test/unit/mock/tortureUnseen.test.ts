import assert from 'node:assert/strict';
import { startMockServer } from '../../../src/mock/nodeServer.ts';
import type { MockClientOptions } from '../../../src/mock/registry.ts';
import type { Driver } from '../../../src/mock/torture/rows.ts';
import { scenarios } from '../../../src/mock/torture/scenarios.ts';
import { type TortureReport, torture } from '../../../src/mock/torture/torture.ts';
import { freePort, loopbackServer } from '../../support/loopbackServer.ts';
import { startSampleClient } from '../../torture/sampleClient.ts';
import { startSampleMcp } from '../../torture/sampleMcp.ts';
import type { Lapse, SampleOptions } from '../../torture/sampleOptions.ts';
import { still } from '../../torture/still.ts';
import { codeOf, redeem } from './signInSupport.ts';

const pace = 20;
const patience = 1_500;

const told = ({ results }: TortureReport) =>
  results.map(({ id, verdict, detail = '' }) => `${id}: ${verdict} ${detail}`.trim());
const passed = ({ results }: TortureReport) => results.filter(({ verdict }) => verdict === 'pass').map(({ id }) => id);

/** What a client of each lapse never comes to, and what the report says about it. */
const unseen: Readonly<Record<Lapse, Readonly<Record<string, string>>>> = {
  'polls once': {
    'device.interval': 'the client did not poll again',
    'device.slow-down': 'the client did not poll again',
  },
  'refreshes once': { 'refresh.rotation': 'the client sent no second refresh request' },
  'goes on without tokens': {
    'refresh.lost-answer': 'the client sent no second refresh request',
    'refresh.retry-after': 'the client sent no second refresh request',
  },
  'signs out at a refresh': {
    'refresh.other-subject': 'the session ended',
    'refresh.other-issuer': 'the session ended',
  },
  'signs out at the second look': { 'logout.back-channel': 'the client received no logout notification' },
  'redeems no code': { 'id-token.iss': 'the client did not receive the ID token' },
  'refuses every ID token': { 'id-token.iss': 'the client does not sign in' },
  'uses no ID token': {
    'id-token.aud-list': 'the client does not use an ID token',
    'keys.rotated': 'the client does not use an ID token',
  },
  'keeps its keys': { 'keys.down': 'the client did not request the key set' },
};

describe('torture of clients that do not come to the point', function () {
  this.timeout(60_000);
  const startMock = (client: MockClientOptions = { client_id: 'demo' }) =>
    startMockServer({
      alg: 'ES256',
      clients: [client],
      issuers: [{ path: '/other', alg: 'ES256', clients: [client] }],
    });

  const run = async (
    mock: Awaited<ReturnType<typeof startMock>>,
    chosen: readonly string[],
    options: Omit<SampleOptions, 'issuer' | 'pace'>,
    // So slow that even on a busy machine a token is used before it expires.
    pace = 4,
  ) => {
    const second = mock.issuers[1]?.issuer ?? '';
    const client = await startSampleClient({ issuer: mock.issuer, second, pace, ...options });
    const { origin } = client;
    const target = {
      start: `${origin}/login`,
      signedIn: `${origin}/me`,
      device: `${origin}/device`,
      secondStart: `${origin}/login2`,
    };
    return torture(mock, { ...target, scenarios: chosen, pace, patience, takePulse: () => still }).finally(
      client.close,
    );
  };

  for (const [lapse, details] of Object.entries(unseen) as [Lapse, Record<string, string>][])
    it(`passes no client that ${lapse} where that hides what is judged`, async () => {
      // Nobody listens at port 1, so that no logout notification arrives.
      const mock = await startMock({ client_id: 'demo', backchannel_logout_uri: 'http://127.0.0.1:1/' });
      const chosen = Object.keys(details);
      try {
        // Its only refresh must not come at once after the sign-in, before the scenario begins.
        const pace = lapse === 'refreshes once' ? 1 : undefined;
        const report = await run(mock, lapse === 'keeps its keys' ? ['sign-in', ...chosen] : chosen, { lapse }, pace);
        const own = told(report).filter(line => !line.startsWith('sign-in'));
        assert.deepEqual(
          own,
          Object.entries(details).map(([id, detail]) => `${id}: not exercised ${detail}`),
        );
      } finally {
        await mock.close();
      }
    });

  /** Scenarios in which a program that never speaks to the issuer does what it must. */
  const withoutIssuer: Readonly<Record<number, readonly string[]>> = {
    200: ['resource.good', 'resource.rotated'],
    401: [],
    404: [],
  };

  for (const [status, right] of Object.entries(withoutIssuer))
    it(`passes no program that answers everything with ${status} and never speaks to the issuer`, async () => {
      const server = await loopbackServer((_, response) => response.writeHead(Number(status)).end());
      const { origin } = server;
      const uri = `${origin}/logout`;
      const mock = await startMock({ client_id: 'demo', backchannel_logout_uri: uri, frontchannel_logout_uri: uri });
      const target = {
        start: origin,
        signedIn: origin,
        logout: origin,
        resource: origin,
        secondStart: origin,
        device: origin,
        mcp: true,
      };
      try {
        const report = await torture(mock, { ...target, pace, patience });
        assert.equal(report.results.length, scenarios.length);
        assert.deepEqual(passed(report), right);
      } finally {
        await server.close();
        await mock.close();
      }
    });

  it('counts no failure that a client has with a valid response, too', async () => {
    const mock = await startMock({ client_id: 'demo' });
    const driver: Driver = {
      // The issuer is content with it, but it signs nobody in.
      signIn: async () => (await redeem(mock, await codeOf(mock))).status === 0,
      isSignedIn: async () => false,
      signOut: async () => {},
    };
    try {
      const ids = ['sign-in', 'token.no-expiry'];
      const report = await torture(mock, { start: mock.issuer, driver, pace, patience, scenarios: ids });
      assert.deepEqual(told(report), [
        'sign-in: fail the client did not sign the user in',
        'token.no-expiry: not exercised the client does not sign in',
      ]);
      let times = 0;
      const breaking = async () => {
        await redeem(mock, await codeOf(mock));
        times += 1;
        throw new Error(`broken ${times}`);
      };
      const other = { start: mock.issuer, driver: { ...driver, signIn: breaking }, pace, patience, scenarios: ids };
      // These are two failures.
      assert.deepEqual(told(await torture(mock, other)), ['sign-in: fail broken 1', 'token.no-expiry: fail broken 2']);
    } finally {
      await mock.close();
    }
  });

  it('counts no refusal of a client that does not do what is right either', async () => {
    const port = await freePort();
    const uri = `http://127.0.0.1:${port}/backchannel`;
    const mock = await startMock({ client_id: 'demo', backchannel_logout_uri: uri });
    const api = await loopbackServer((_, response) => response.writeHead(401).end());
    const refused = async (flaw: string, ids: readonly string[], because: string) => {
      const report = await run(mock, ids, { flaw, port });
      assert.deepEqual(
        told(report),
        ids.map(id => `${id}: not exercised ${because}`),
      );
    };
    try {
      const devices = ['device.denied', 'device.expired'];
      await refused('device.good', devices, 'the client does not sign in by device code');
      const forged = ['logout.back-channel-signature', 'logout.back-channel-iss'];
      await refused('logout.back-channel', forged, 'a valid logout notification does not sign the user out');
      const ids = ['resource.aud', 'resource.cool-down'];
      assert.deepEqual(
        told(await torture(mock, { start: api.origin, resource: api.origin, pace, patience, scenarios: ids })),
        ids.map(id => `${id}: not exercised the API does not accept a valid token`),
      );
    } finally {
      await api.close();
      await mock.close();
    }
  });

  it('takes a client that was not told of a sign-out for one that cannot know of it', async () => {
    // Nobody listens at port 1.
    const mock = await startMock({ client_id: 'demo', backchannel_logout_uri: 'http://127.0.0.1:1/' });
    try {
      assert.deepEqual(told(await run(mock, ['logout.back-channel'], {})), [
        'logout.back-channel: not exercised the client received no logout notification',
      ]);
    } finally {
      await mock.close();
    }
  });

  it('needs the honest issuer to sign the user in for a mix-up, and a registration for a client to be registered', async () => {
    const elsewhere = { client_id: 'demo', redirect_uris: ['https://elsewhere.example/callback'] };
    const issuers = [{ path: '/other', alg: 'ES256', clients: [] }] as const;
    const mock = await startMockServer({ alg: 'ES256', clients: [elsewhere], issuers });
    const open = await startMockServer({ alg: 'ES256', anyClient: true });
    const client = await startSampleMcp(`${open.issuer}/api`, 'mcp.registration');
    const { origin } = client;
    const target = { start: `${origin}/login`, signedIn: `${origin}/me`, mcp: true, scenarios: ['mcp.registration'] };
    try {
      assert.deepEqual(told(await run(mock, ['answer.mix-up'], {})), [
        'answer.mix-up: not exercised the issuer did not sign the user in',
      ]);
      assert.deepEqual(told(await torture(open, { ...target, patience })), [
        'mcp.registration: not exercised the client did not register itself',
      ]);
    } finally {
      await client.close();
      await open.close();
      await mock.close();
    }
  });
});
