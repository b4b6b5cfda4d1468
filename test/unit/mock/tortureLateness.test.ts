import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { type MockServer, startMockServer } from '../../../src/mock/nodeServer.ts';
import { patienceOf, type RealTime, takePulse } from '../../../src/mock/torture/lateness.ts';
import type { Driver } from '../../../src/mock/torture/rows.ts';
import { type TortureOptions, torture } from '../../../src/mock/torture/torture.ts';
import { listen } from '../../support/loopbackServer.ts';
import { still } from '../../torture/still.ts';
import { codeOf, redeem } from './signInSupport.ts';
import { type Answer, post, refresh, text } from './support.ts';

/** A clock whose timers fire as late as a test wants. */
function createTime() {
  let now = 0;
  const timers: { readonly at: number; readonly run: () => void }[] = [];
  const time: RealTime = { now: () => now, after: (ms, run) => void timers.push({ at: now + ms, run }) };
  /** Time passes without a timer. */
  const stall = (ms: number) => {
    now += ms;
  };
  const tick = () => {
    timers.sort((a, b) => a.at - b.at);
    const timer = timers.shift();
    if (timer === undefined) return false;
    now = Math.max(now, timer.at);
    timer.run();
    return true;
  };
  const until = (end: number) => {
    while (timers.some(({ at }) => at <= end)) tick();
    now = Math.max(now, end);
  };
  return { time, stall, until, timers };
}

describe('torture on a machine that is late', () => {
  let mock: MockServer;
  before(async () => {
    mock = await startMockServer({ alg: 'ES256' });
  });
  after(() => mock.close());

  const run = async (ids: readonly string[], options: Partial<TortureOptions>) => {
    const common = { start: mock.issuer, scenarios: ids, patience: 5_000, takePulse: () => still };
    const { results } = await torture(mock, { ...common, ...options });
    return results.map(({ id, verdict, detail = '' }) => `${id}: ${verdict} ${detail}`.trim());
  };

  /** A client in the same process, whose steps a test puts in order. */
  const clientOf = (isSignedIn: (client: { tokens: Answer['body']; looks: number }) => Promise<boolean>): Driver => {
    const client = { tokens: {}, looks: 0 };
    return {
      async signIn() {
        client.looks = 0;
        client.tokens = (await redeem(mock, await codeOf(mock))).body;
        return true;
      },
      isSignedIn() {
        client.looks += 1;
        return isSignedIn(client);
      },
      signOut: async () => {},
    };
  };

  it('measures how long this process stands still, and the most of it within one second', async () => {
    const { time, stall, until, timers } = createTime();
    const pulse = takePulse(time);
    until(1_000);
    assert.deepEqual([pulse.lost(), pulse.worst()], [0, 0]);
    stall(200);
    // Also before the next timer fires.
    assert.deepEqual([pulse.lost(), pulse.worst()], [200, 175]);
    until(1_500);
    stall(200);
    until(4_000);
    stall(100);
    until(5_000);
    assert.deepEqual([pulse.lost(), pulse.worst()], [500, 350]);
    let respond = () => {};
    const response = pulse.during(
      new Promise<void>(resolve => {
        respond = resolve;
      }),
    );
    until(5_700);
    respond();
    await response;
    assert.equal(pulse.slowest(), 700);
    pulse.stop();
    until(9_000);
    assert.equal(timers.length, 0);
  });

  it('loses patience only over time in which this process ran', () => {
    const { time, stall, until } = createTime();
    const signal = patienceOf(1_000, time);
    until(950);
    stall(5_000);
    // What arrived meanwhile can be read now.
    until(5_950);
    assert.equal(signal.aborted, false);
    until(6_200);
    assert.equal(signal.aborted, true);
    assert.deepEqual([signal.reason.name, signal.reason.milliseconds], ['TimeoutError', 1_000]);
    // Nor is it endless.
    const other = patienceOf(1_000, time);
    for (let i = 0; i < 200; i += 1) {
      stall(1_000);
      until(time.now());
    }
    assert.equal(other.aborted, true);
  });

  it('plays a scenario again in which this process stood still, and judges by a play in which it did not', async () => {
    const never = Number.POSITIVE_INFINITY;
    const played = async (
      works: readonly boolean[],
      lost: readonly number[],
      silentFrom = never,
      slow: readonly number[] = [],
    ) => {
      let play = 0;
      const signIn = async () => {
        play += 1;
        if (works[play - 1] && play <= silentFrom) await redeem(mock, await codeOf(mock));
        return works[play - 1] ?? false;
      };
      const of = (values: readonly number[]) => () => values[play - 1] ?? 0;
      const takePulse = () => ({ ...still, worst: of(lost), slowest: of(slow) });
      const driver = { ...clientOf(async () => true), signIn };
      return [...(await run(['sign-in'], { driver, takePulse })), play];
    };
    const failed = 'sign-in: fail the client did not sign the user in';
    assert.deepEqual(await played([false, true], [900, 0]), ['sign-in: pass', 2]);
    assert.deepEqual(await played([false, true], [0, 0]), [failed, 1]);
    assert.deepEqual(await played([false, false], [900, 0]), [failed, 2]);
    assert.deepEqual(await played([true], [900]), ['sign-in: pass', 1]);
    // A client that only is late itself must fail twice.
    assert.deepEqual(await played([false, true], [0, 0], never, [900, 0]), ['sign-in: pass', 2]);
    assert.deepEqual(await played([false, false], [0, 0], never, [900, 900]), [failed, 2]);
    assert.deepEqual(await played([false, true], [0, 0], 1, [900, 900]), [failed, 2]);
    // After the first play the client may not come to the point any more.
    assert.deepEqual(await played([false, true], [900, 0], 1), [
      'sign-in: not judged this machine was too busy to judge: the test stood still for 900 ms',
      2,
    ]);
    assert.deepEqual(await played([], [900, 900, 900, 900, 900]), [
      'sign-in: not judged this machine was too busy to judge: the test stood still for 900 ms',
      4,
    ]);
  });

  it('judges nothing by a valid response that it could not judge', async () => {
    const takePulse = () => ({ ...still, worst: () => 900 });
    const because = 'this machine was too busy to judge: the test stood still for 900 ms';
    // A client that asks the issuer, and then signs nobody in.
    const signIn = async () => (await codeOf(mock).catch(() => '')) === 'a code';
    const driver = { ...clientOf(async () => false), signIn };
    // The second one has its control played for it.
    for (const ids of [['sign-in', 'answer.error'], ['answer.error']])
      assert.deepEqual(
        await run(ids, { driver, takePulse }),
        ids.map(id => `${id}: not judged ${because}`),
      );
  });

  it('needs no second play for what no lateness explains', async () => {
    const takePulse = () => ({ ...still, worst: () => 900 });
    // It signs in with any ID token.
    const driver = clientOf(async () => true);
    assert.deepEqual(await run(['id-token.iss'], { driver, takePulse }), [
      'id-token.iss: fail the client signed the user in',
    ]);
  });

  it('keeps the requests of a scenario that the log of the issuer forgets', async () => {
    const driver = clientOf(async () => true);
    const signIn = async (start: string) => {
      const is = await driver.signIn(start);
      for (let i = 0; i < 1_000; i += 1) await mock.fetch(`${mock.issuer}/jwks`);
      return is;
    };
    assert.deepEqual(await run(['sign-in'], { driver: { ...driver, signIn } }), ['sign-in: pass']);
  });

  it('takes no refresh of a session from before the scenario for one of the visitor', async () => {
    const { refresh_token: earlier } = await mock.issueTokens();
    const driver = clientOf(async client => {
      // The visitor's own token is still fresh when the earlier session is renewed.
      const token = client.looks === 1 ? earlier : client.tokens.refresh_token;
      if (token === undefined) return false;
      // The body of a server error is no JSON.
      const { status, body } = await refresh(mock, token).catch(() => ({ status: 503, body: {} }));
      if (client.looks === 1) return true;
      if (status === 200) client.tokens = { ...client.tokens, ...body };
      if (status === 400) client.tokens = {};
      return status !== 400;
    });
    const ids = ['refresh.rotation', 'refresh.revoked', 'refresh.unavailable'];
    assert.deepEqual(
      await run(ids, { driver, pace: 1_000 }),
      ids.map(id => `${id}: pass`),
    );
  });

  it('gives a client that renewed just before its fault was set the time to do so once more', async () => {
    const { refresh_token: earlier } = await mock.issueTokens();
    const driver = clientOf(async client => {
      // The earlier session takes the fault, and then the visitor's token is fresh for a while.
      if (client.looks === 1) await assert.rejects(refresh(mock, earlier));
      if (client.looks === 2) return true;
      const { body } = await refresh(mock, client.tokens.refresh_token).catch(() => ({ body: {} }));
      client.tokens = { ...client.tokens, ...body };
      return true;
    });
    assert.deepEqual(await run(['refresh.unavailable'], { driver, pace: 1_000 }), ['refresh.unavailable: pass']);
  });

  it('counts no renewal of the client’s own schedule among those that five requests cause', async () => {
    let renewals: Promise<unknown> = Promise.resolve();
    const driver = clientOf(async client => {
      const renew = async () => {
        const { body } = await refresh(mock, client.tokens.refresh_token);
        client.tokens = { ...client.tokens, ...body };
      };
      // The first request renews, and then a timer that fires late.
      if (client.looks === 1) renewals = renew().then(renew);
      await renewals;
      return true;
    });
    assert.deepEqual(await run(['refresh.at-once'], { driver, pace: 1_000 }), [
      'refresh.at-once: not exercised the client also renewed its tokens by itself',
    ]);
  });

  for (const [then, verdict] of [
    ['tries again', 'pass'],
    ['ends the session', 'warning the session ended'],
  ] as const)
    it(`waits for a client that uses its earlier token after a lost response, and then ${then}`, async () => {
      const driver = clientOf(async client => {
        if (client.looks === 1) await assert.rejects(refresh(mock, client.tokens.refresh_token));
        if (client.looks < 3) return true;
        if (then === 'tries again') await refresh(mock, client.tokens.refresh_token);
        return then === 'tries again';
      });
      assert.deepEqual(await run(['refresh.lost-answer'], { driver, pace: 1_000 }), [
        `refresh.lost-answer: ${verdict}`,
      ]);
    });

  const devices = async (server: Server, ids: readonly string[], patience = 5_000) => {
    const { origin, close } = await listen(server);
    return run(ids, { device: origin, pace: 100, patience }).finally(close);
  };
  const authorized = async () => {
    const body = 'client_id=demo';
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const response = await mock.fetch(`${mock.issuer}/device_authorization`, { method: 'POST', body, headers });
    return text((await response.json()).device_code);
  };
  const poll = (device_code: string) =>
    post(mock, { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: 'demo', device_code });

  it('tells a device to slow down that the scenario began with, not one from before', async () => {
    const earlier = await authorized();
    const server = createServer(async (_, response) => {
      mock.clock.freeze();
      const code = await authorized();
      await poll(earlier);
      let wait = 1_000;
      let last: Answer | undefined;
      for (let i = 0; i < 4 && last?.status !== 200; i += 1) {
        mock.clock.advance(wait);
        last = await poll(code);
        if (last.body.error === 'slow_down') wait += 5_000;
      }
      response.writeHead(last?.status ?? 500).end();
    });
    assert.deepEqual(await devices(server, ['device.slow-down']), ['device.slow-down: pass']);
  });

  it('tells a client that keeps polling from one whose response is late', async () => {
    const server = (polls: number) =>
      createServer(async (_, response) => {
        // Its control signs in.
        const code = await authorized();
        let last = await poll(code);
        for (let i = 1; i < polls && last.status !== 200; i += 1) last = await poll(code);
        if (last.status === 200) response.end();
      });
    assert.deepEqual(await devices(server(1), ['device.expired'], 100), [
      'device.expired: hung no response within 200 ms',
    ]);
    assert.deepEqual(await devices(server(2), ['device.expired'], 100), [
      'device.expired: fail the client keeps polling',
    ]);
  });

  it('judges no polls by their times while this process may have read the first of them late', async () => {
    const server = createServer(async (_, response) => {
      const code = await authorized();
      mock.clock.freeze();
      await poll(code);
      mock.clock.advance(5);
      const { status } = await poll(code);
      response.writeHead(status).end();
    });
    const { origin, close } = await listen(server);
    const judged = (lost: number) =>
      run(['device.interval'], { device: origin, pace: 100, takePulse: () => ({ ...still, lost: () => lost }) });
    try {
      assert.deepEqual(await judged(0), ['device.interval: fail the client polled again after 5 ms']);
      assert.deepEqual(await judged(8), [
        'device.interval: not judged this machine was too busy to judge: the test stood still for 8 ms',
      ]);
    } finally {
      await close();
    }
  });

  it('uses no connection of a client or API twice, because it may be closed at that moment', async () => {
    const used = new WeakSet<object>();
    const server = createServer(({ headers, socket }, response) => {
      if (used.has(socket)) {
        socket.destroy();
        return;
      }
      used.add(socket);
      const [, body = ''] = headers.authorization?.split('.') ?? [];
      const { exp = 0 } = JSON.parse(Buffer.from(body, 'base64url').toString() || '{}');
      response.writeHead(exp * 1_000 > Date.now() ? 200 : 401).end();
    });
    const { origin, close } = await listen(server);
    try {
      const ids = ['resource.good', 'resource.exp', 'resource.rotated'];
      assert.deepEqual(
        await run(ids, { resource: origin }),
        ids.map(id => `${id}: pass`),
      );
    } finally {
      await close();
    }
  });

  it('follows redirects of an API, with the token only to the same origin', async () => {
    const seen: string[] = [];
    const elsewhere = createServer(({ url = '', headers }, response) => {
      seen.push(`${url} ${headers.authorization === undefined ? 'without' : 'with'} token`);
      response.writeHead(401).end();
    });
    const other = await listen(elsewhere);
    const server = createServer(({ url = '', headers }, response) => {
      seen.push(`${url} ${headers.authorization === undefined ? 'without' : 'with'} token`);
      response.writeHead(307, { location: url === '/api' ? '/api/' : other.origin }).end();
    });
    const { origin, close } = await listen(server);
    try {
      assert.deepEqual(await run(['resource.good'], { resource: `${origin}/api` }), [
        'resource.good: fail the API answered with status 401',
      ]);
      assert.deepEqual(seen, ['/api with token', '/api/ with token', '/ without token']);
    } finally {
      await close();
      await other.close();
    }
  });
});
