import assert from 'node:assert/strict';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import type { Connection } from '../../../../src/core/records/connection.ts';
import { emptyRecord } from '../../../../src/core/records/record.ts';
import { createSessions } from '../../../../src/core/records/sessions.ts';
import type { RawTokens } from '../../../../src/core/records/tokenSet.ts';
import { startAutoRefresh } from '../../../../src/core/refresh/autoRefresh.ts';
import { answered } from '../../../../src/core/refresh/refreshSteps.ts';
import { manualClock } from '../../../support/manualClock.ts';

const second = 1000;
const connection = (id: string): Connection => ({
  id,
  label: id,
  clientId: 'c',
  tokenEndpointAuthMethod: 'none',
  autoRefresh: true,
  dpop: false,
  pushedAuthorizationRequests: false,
});

function world(ids: readonly string[], allowed = () => true, jitter = 0) {
  const clock = manualClock();
  const sessions = createSessions();
  sessions.setConnections(
    ids.map(id => ({ connection: connection(id), memoryOnly: false })),
    [],
  );
  const asked: string[] = [];
  const network = { up: true };
  const give = (id: string, lifetime: number) =>
    sessions.apply({
      version: 1,
      connection: id,
      generation: sessions.generation(id) + 1,
      binding: { client_id: 'c' },
      tokens: {
        access_token: 'a',
        refresh_token: 'r',
        obtained_at: clock.now(),
        expires_at: clock.now() + lifetime,
      },
    });
  const refresher = {
    refresh: async (id: string) => {
      asked.push(id);
      if (!network.up) {
        const error = new WorkbenchError('host_unknown');
        sessions.refreshed(id, { at: clock.now(), duration: 0, outcome: 'retryable', error });
        return { outcome: 'retryable' as const, generation: sessions.generation(id), error };
      }
      give(id, 60 * second);
      return { outcome: 'refreshed' as const, generation: sessions.generation(id) };
    },
    askedBy: () => undefined,
    discard: () => {},
    dispose: () => {},
  };
  const auto = startAutoRefresh({ sessions, refresher, clock, jitter, allowed });
  return { clock, sessions, asked, network, give, auto };
}

/** One connection, and an issuer that sends the same tokens again and again, for an hour. */
function hourWith(tokensAt: (now: number) => RawTokens, grant: 'refresh_token' | 'client_credentials') {
  const clock = manualClock(Date.UTC(2026, 0, 1));
  const sessions = createSessions();
  sessions.setConnections([{ connection: connection('a'), memoryOnly: false }], []);
  const binding = { client_id: 'c' };
  const ask = () => {
    const before = sessions.get('a')?.record ?? emptyRecord('a');
    const receivedAt = clock.now();
    const raw = tokensAt(receivedAt);
    const { record } = answered(before, { raw, receivedAt, generation: before.generation + 1, binding });
    const renewable = grant === 'client_credentials' && record.tokens && { tokens: { ...record.tokens, grant } };
    sessions.apply({ ...record, ...renewable });
  };
  let requests = 0;
  const refresher = {
    refresh: async () => {
      requests++;
      ask();
      return { outcome: 'refreshed' as const, generation: sessions.generation('a') };
    },
    askedBy: () => undefined,
    discard: () => {},
    dispose: () => {},
  };
  startAutoRefresh({ sessions, refresher, clock, jitter: 0, allowed: () => true });
  ask();
  for (let passed = 0; passed < 3600; passed++) clock.advance(second);
  return { requests, record: sessions.get('a')?.record };
}

const omitRefresh = ({ refresh_token: _, ...tokens }: RawTokens): RawTokens => tokens;

const jwtEnding = (at: number) =>
  [{ alg: 'RS256' }, { exp: Math.floor(at / second) }]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
    .concat('.c2ln');

describe('auto-refresh', () => {
  // https://github.com/picqer/exact-php-client/issues/487: tokens that expire right away
  for (const [name, tokensAt] of [
    ['with a lifetime of 0', () => ({ access_token: 'a', refresh_token: 'r', expires_in: 0 })],
    ['with a lifetime of one second', () => ({ access_token: 'a', refresh_token: 'r', expires_in: 1 })],
    [
      'that have ended by their own exp, as if a clock were wrong',
      now => ({ access_token: jwtEnding(now - 7200 * second), refresh_token: 'r' }),
    ],
    ['that have ended by a date', now => ({ access_token: 'a', refresh_token: 'r', expires_at: now - 1 })],
  ] as readonly (readonly [string, (now: number) => RawTokens])[]) {
    it(`asks an issuer of tokens ${name} less and less often`, () => {
      const { requests } = hourWith(tokensAt, 'refresh_token');
      // After 3, 6, 12 … seconds, and then every ten minutes.
      assert.ok(requests >= 9 && requests <= 14, String(requests));
      const renewed = hourWith(now => omitRefresh(tokensAt(now)), 'client_credentials');
      assert.ok(renewed.requests >= 9 && renewed.requests <= 14, String(renewed.requests));
    });
  }

  it('keeps its pace at the end of a session, whose tokens live shorter each time, and after it', () => {
    // https://github.com/owncloud/web/issues/7636
    const end = Date.UTC(2026, 0, 1) + 60 * second;
    const { requests, record } = hourWith(now => {
      const left = Math.floor((end - now) / second);
      return { access_token: 'a', refresh_token: 'r', expires_in: left > 0 ? left : 600 };
    }, 'refresh_token');
    assert.ok(requests < 20, String(requests));
    assert.equal(record?.tokens?.short_lived, undefined);
  });

  it('asks shortly before each end, again and again, with one timer', () => {
    const { clock, asked, give } = world(['a', 'b']);
    give('a', 60 * second);
    give('b', 300 * second);
    assert.equal(clock.pending, 1);
    clock.advance(47 * second);
    assert.equal(asked.length, 0);
    clock.advance(second);
    assert.deepEqual(asked, ['a']);
    clock.advance(48 * second);
    assert.deepEqual(asked, ['a', 'a']);
    clock.advance(150 * second);
    assert.ok(asked.includes('b'));
    assert.equal(clock.pending, 1);
  });

  it('looks at the wall clock at least every half minute, so that a sleep is noticed', () => {
    const { clock, asked, give } = world(['a']);
    give('a', 3600 * second);
    clock.advance(29 * second);
    assert.deepEqual(asked, []);
    clock.advance(9 * 3600 * second);
    assert.ok(asked.length > 0);
  });

  it('refreshes overdue tokens shortly after the machine wakes, at a different moment in each window', () => {
    for (const jitter of [0, 0.5, 1]) {
      const { clock, asked, give } = world(['a', 'b'], () => true, jitter);
      give('a', 60 * second);
      give('b', 300 * second);
      clock.sleep(9 * 3600 * second);
      clock.advance(35 * second);
      assert.deepEqual([...new Set(asked)].sort(), ['a', 'b'], `jitter ${jitter}`);
    }
  });

  it('carries tokens of a month without spinning', () => {
    const { clock, asked, give } = world(['a']);
    give('a', 30 * 24 * 3600 * second);
    assert.equal(clock.pending, 1);
    clock.advance(60 * second);
    assert.deepEqual([asked.length, clock.pending], [0, 1]);
  });

  it('sends nothing until it is allowed, and says so', () => {
    let trusted = false;
    const { clock, sessions, asked, give, auto } = world(['a'], () => trusted);
    give('a', 60 * second);
    clock.advance(120 * second);
    assert.deepEqual(asked, []);
    const session = sessions.get('a');
    assert.ok(session);
    assert.deepEqual(auto.plan(session), { never: 'not_trusted' });
    trusted = true;
    auto.reschedule();
    clock.advance(2 * second);
    assert.deepEqual(asked, ['a']);
  });

  it('after nine hours of sleep tries again and again while the network is away, and says so', () => {
    const { clock, sessions, asked, network, give, auto } = world(['a'], () => true, 0.5);
    give('a', 3600 * second);
    network.up = false;
    // The next check of the clock is near, because timers stop while the machine sleeps.
    clock.advance(29.8 * second);
    clock.sleep(9 * 3600 * second);
    const woke = clock.now();
    const at: number[] = [];
    for (let step = 0; step < 300; step++) {
      const before = asked.length;
      if (clock.now() - woke >= 30 * second) network.up = true;
      clock.advance(second / 5);
      if (asked.length > before) at.push(Math.round((clock.now() - woke) / second));
      const session = sessions.get('a');
      assert.ok(session && asked.length - before <= 1, 'one request at a time');
      if (session.failures > 0) {
        const plan = auto.plan(session);
        assert.ok('because' in plan && plan.because === 'offline');
      }
    }
    // Right after waking up, and then after 5, 10 and 20 s, each a little later because of the jitter.
    assert.deepEqual(at, [1, 7, 18, 41]);
    assert.equal(sessions.get('a')?.failures, 0);
    assert.ok((sessions.get('a')?.record?.tokens?.expires_at ?? 0) > clock.now());
  });

  it('does not wait out an hour by which the time of day was set back after a failure', () => {
    const { clock, asked, network, give } = world(['a']);
    give('a', 60 * second);
    network.up = false;
    clock.advance(48 * second);
    assert.equal(asked.length, 1);
    network.up = true;
    // Timers continue; only the time of day changed.
    clock.sleep(-3600 * second);
    clock.advance(30 * second);
    assert.equal(asked.length, 2);
  });

  it('ends when it is disposed', () => {
    const { clock, asked, give, auto } = world(['a']);
    give('a', 60 * second);
    auto.dispose();
    clock.advance(600 * second);
    assert.deepEqual([asked.length, clock.pending], [0, 0]);
  });
});
