import assert from 'node:assert/strict';
import fc from 'fast-check';
import { runChecks } from '../../../../src/core/checks/checks.ts';
import {
  createClockSkews,
  explains,
  isCertain,
  isNotable,
  issuedAtOf,
  measureSkew,
  noteSkew,
} from '../../../../src/core/records/clockSkew.ts';
import type { Connection } from '../../../../src/core/records/connection.ts';
import { createSessions } from '../../../../src/core/records/sessions.ts';
import { decodeToken } from '../../../../src/core/tokens/jwt.ts';

const now = Date.UTC(2026, 0, 1);
const second = 1000;

const connection = (id: string, issuer = 'https://a.example'): Connection => ({
  id,
  label: id,
  issuer,
  clientId: 'c',
  tokenEndpointAuthMethod: 'none',
  autoRefresh: true,
  dpop: false,
  pushedAuthorizationRequests: false,
});

function jwt(payload: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part(payload)}.c2lnbmF0dXJl`;
}

/** One request. `ahead`: how far this machine's clock is ahead; `trip`: how long the response takes. */
const exchange = fc
  .record({
    ahead: fc.integer({ min: -200_000, max: 200_000 }),
    begin: fc.integer({ min: 0, max: 5000 }),
    there: fc.integer({ min: 0, max: 3000 }),
    back: fc.integer({ min: 0, max: 3000 }),
  })
  .map(({ ahead, begin, there, back }) => {
    const sentAt = now + begin;
    const answered = sentAt + there - ahead;
    const date = Math.floor(answered / second) * second;
    return { ahead, answered, timed: { sentAt, receivedAt: sentAt + there + back, date } };
  });

describe('the clock skew of an answer', () => {
  it('is within its stated accuracy, for any latency and any fraction of a second', () => {
    fc.assert(
      fc.property(exchange, ({ ahead, timed }) => {
        const skew = measureSkew(timed);
        assert.ok(skew && Math.abs(skew.ahead - ahead) <= skew.uncertainty);
        const trip = timed.receivedAt - timed.sentAt;
        assert.equal(skew.uncertainty, trip / 2 + 500);
      }),
    );
  });

  it('stays within it when several are taken together, and gets no worse', () => {
    const together = fc.tuple(
      exchange,
      fc.array(fc.record({ there: fc.nat(3000), back: fc.nat(3000), later: fc.nat(60_000) }), {
        maxLength: 8,
      }),
    );
    fc.assert(
      fc.property(together, ([{ ahead, timed }, more]) => {
        const skews = createClockSkews();
        let skew = skews.measured(connection('a'), timed);
        for (const { there, back, later } of more) {
          const sentAt = timed.receivedAt + later;
          const date = Math.floor((sentAt + there - ahead) / second) * second;
          const before = skew;
          skew = skews.measured(connection('a'), { sentAt, receivedAt: sentAt + there + back, date });
          assert.ok(skew && before && skew.uncertainty <= before.uncertainty);
        }
        assert.ok(skew && Math.abs(skew.ahead - ahead) <= skew.uncertainty);
      }),
    );
  });

  it('is measured anew where a clock was set, and forgotten for none but its own issuer', () => {
    const skews = createClockSkews();
    const at = (ahead: number, issuer?: string) =>
      skews.measured(connection('a', issuer), { sentAt: now, receivedAt: now, date: now - ahead });
    at(93 * second);
    at(2 * second, 'https://b.example');
    assert.equal(skews.of('https://a.example')?.ahead, 92_500);
    assert.equal(skews.of(connection('other'))?.ahead, 92_500);
    assert.equal(at(0)?.ahead, -500);
    assert.equal(skews.of('https://b.example')?.ahead, 1500);
    assert.equal(skews.of('https://c.example'), undefined);
    assert.equal(skews.of(undefined), undefined);
  });

  it('by iat proves only that this machine is behind: tokens are dated back, and kept', () => {
    const timed = { sentAt: now, receivedAt: now };
    assert.equal(measureSkew({ ...timed, issuedAt: now - 300 * second }), undefined);
    assert.equal(measureSkew({ ...timed, issuedAt: now }), undefined);
    assert.deepEqual(measureSkew({ ...timed, issuedAt: now + 93 * second }), {
      ahead: -93_500,
      uncertainty: 500,
    });
    assert.equal(measureSkew(timed), undefined);
    const [old, fresh] = [jwt({ iat: 5 }), jwt({ iat: 9 })];
    assert.equal(issuedAtOf({ access_token: old, id_token: fresh }), 9000);
    assert.equal(issuedAtOf({ access_token: 'opaque', id_token: jwt({ iat: '9' }) }), undefined);
    assert.equal(issuedAtOf({}), undefined);
  });
});

describe('a check that fails by the clock alone', () => {
  const skewOf = (ahead: number) => ({ ahead, uncertainty: 500 });
  const codes = (payload: object, ahead: number) =>
    runChecks({ token: decodeToken(jwt(payload)), policy: {}, now, skew: skewOf(ahead) })
      .filter(({ data }) => data?.ahead !== undefined)
      .map(({ code, status, data }) => [code, status, data?.ahead]);
  const at = (offset: number) => now / second + offset;

  it('says so and still fails; one that fails on the clock of the issuer too does not', () => {
    assert.deepEqual(codes({ exp: at(-60) }, 93_000), [['exp_past', 'failed', 93_000]]);
    assert.deepEqual(codes({ exp: at(-120) }, 93_000), []);
    assert.deepEqual(codes({ exp: at(-60) }, -93_000), []);
    assert.deepEqual(codes({ exp: at(9), nbf: at(93), iat: at(93) }, -93_000), [
      ['nbf_ahead', 'failed', -93_000],
      ['iat_ahead', 'warning', -93_000],
    ]);
    assert.deepEqual(codes({ exp: at(9), nbf: at(100), iat: at(100) }, -93_000), []);
    assert.deepEqual(codes({ exp: at(0) }, 400), [], 'less than can be measured');
  });

  it('is explained by a certain skew only', () => {
    const always = () => true;
    assert.equal(explains(undefined, now, always), false);
    assert.equal(explains({ ahead: 500, uncertainty: 600 }, now, always), false);
    assert.ok(isCertain({ ahead: -700, uncertainty: 600 }));
    assert.equal(isNotable({ ahead: 5000, uncertainty: 500 }), false);
    assert.equal(isNotable({ ahead: -9000, uncertainty: 10_000 }), false);
    assert.ok(isNotable({ ahead: -5500, uncertainty: 500 }));
  });
});

describe('the skew that a connection shows', () => {
  it('is shown for all connections of one issuer, once, and removed when the clocks agree', () => {
    const sessions = createSessions();
    const listed = [connection('a'), connection('b'), connection('c', 'https://c.example')];
    sessions.setConnections(
      listed.map(each => ({ connection: each, memoryOnly: false })),
      [],
    );
    const events: unknown[] = [];
    sessions.onDidChange(id => events.push(id));
    const parts = { skews: createClockSkews(), sessions };
    const hear = (ahead: number) =>
      noteSkew(parts, connection('a'), { sentAt: now, receivedAt: now, date: now - ahead });
    hear(3000);
    hear(93_000);
    hear(93_000);
    hear(93_300);
    assert.deepEqual(events.splice(0), ['a', 'b']);
    assert.equal(sessions.get('b')?.clockSkew?.ahead, 92_500);
    hear(0);
    assert.deepEqual(events, ['a', 'b']);
    assert.equal(sessions.get('a')?.clockSkew, undefined);
  });
});
