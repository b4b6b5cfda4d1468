import assert from 'node:assert/strict';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import type { Session } from '../../../../src/core/records/sessions.ts';
import { leadTime, planRefresh } from '../../../../src/core/refresh/autoRefresh.ts';

const now = Date.UTC(2026, 0, 1);
const second = 1000;
const minute = 60 * second;

function session(lifetime: number | undefined, over: Partial<Session> = {}): Session {
  return {
    connection: {
      id: 'a',
      label: 'a',
      clientId: 'c',
      tokenEndpointAuthMethod: 'none',
      autoRefresh: true,
      dpop: false,
      pushedAuthorizationRequests: false,
    },
    memoryOnly: false,
    refreshing: false,
    failures: 0,
    record: {
      version: 1,
      connection: 'a',
      generation: 3,
      binding: { client_id: 'c' },
      tokens: {
        access_token: 'x',
        refresh_token: 'y',
        obtained_at: now,
        ...(lifetime !== undefined && { expires_at: now + lifetime }),
      },
    },
    ...over,
  };
}

const failed = (error: WorkbenchError, failures: number): Partial<Session> => ({
  failures,
  lastRefresh: { at: now, duration: 100, outcome: 'retryable', error },
});

describe('the plan of the next refresh', () => {
  it('leads the end by a fifth of the lifetime, from ten seconds to five minutes', () => {
    for (const [lifetime, lead] of [
      [60 * second, 12 * second],
      [30 * second, 10 * second],
      [10 * minute, 2 * minute],
      [60 * minute, 5 * minute],
      [30 * 24 * 60 * minute, 5 * minute],
      [20 * second, 10 * second],
      [14 * second, 7 * second],
      [8 * second, 4 * second],
    ] as const) {
      assert.equal(leadTime(lifetime), lead, `${lifetime}`);
      assert.deepEqual(planRefresh(session(lifetime), 0), {
        at: now + lifetime - lead,
        because: 'ending',
      });
    }
  });

  it('spreads windows by their jitter, and never makes one later', () => {
    const plans = [0, 0.5, 1].map(jitter => planRefresh(session(60 * minute), jitter));
    const times = plans.map(plan => ('at' in plan ? plan.at : 0));
    assert.deepEqual(
      [...times].sort((a, b) => b - a),
      times,
    );
    assert.ok(new Set(times).size === 3);
  });

  it('asks no issuer more often than the least interval allows', () => {
    for (const lifetime of [0, 1, second, 2 * second, 5 * second]) {
      assert.deepEqual(planRefresh(session(lifetime), 0), { at: now + 3 * second, because: 'ending' });
    }
  });

  it('waits twice as long after each access token that ends at once, up to ten minutes', () => {
    const { record } = session(0);
    assert.ok(record?.tokens);
    const { tokens } = record;
    const waits = [undefined, 1, 2, 3, 4, 9, 2000].map(short_lived => {
      const counted = { ...tokens, ...(short_lived !== undefined && { short_lived }) };
      const plan = planRefresh({ ...session(0), record: { ...record, tokens: counted } }, 0);
      assert.ok('at' in plan);
      assert.equal(plan.because, Number(short_lived ?? 0) > 1 ? 'short_lived' : 'ending');
      return (plan.at - now) / second;
    });
    assert.deepEqual(waits, [3, 3, 6, 12, 24, 600, 600]);
  });

  it('stays due at the same moment however late somebody looks', () => {
    const plan = planRefresh(session(60 * minute), 0.5);
    assert.ok('at' in plan && plan.at < now + 60 * minute);
    const { access_token: _, expires_at: __, ...bare } = session(0).record?.tokens ?? { obtained_at: now };
    const { record } = session(0);
    assert.ok(record);
    const alone = planRefresh({ ...session(0), record: { ...record, tokens: bare } }, 0.5);
    assert.deepEqual(alone, { at: now + 500, because: 'ending' });
  });

  it('backs off while nothing answers, and waits as long as the issuer asks', () => {
    const failing = new WorkbenchError('http_error', { status: 503, sent: true });
    const waits = [1, 2, 3, 9, 50].map(failures => {
      const plan = planRefresh(session(60 * second, failed(failing, failures)), 0);
      assert.ok('at' in plan && plan.because === 'backing_off');
      return (plan.at - now - 100) / second;
    });
    assert.deepEqual(waits, [5, 10, 20, 600, 600]);
    const busy = new WorkbenchError('http_error', { status: 429, retryAfter: 90 * second });
    assert.deepEqual(planRefresh(session(60 * second, failed(busy, 1)), 0), {
      at: now + 100 + 90 * second,
      because: 'waiting_for_issuer',
    });
    // The user has pressed Refresh in between: what is left of the pause is shorter than the time to back off.
    const waiting = new WorkbenchError('waiting_for_issuer', { retryAfter: 2 * second, sent: false });
    assert.deepEqual(planRefresh(session(60 * second, failed(waiting, 5)), 0), {
      at: now + 100 + 2 * second,
      because: 'waiting_for_issuer',
    });
  });

  it('says offline only if the network failed before a token was sent, and names the host', () => {
    const cases: [WorkbenchError, string][] = [
      [new WorkbenchError('host_unknown'), 'offline'],
      [new WorkbenchError('connection_refused'), 'unreachable'],
      [new WorkbenchError('timeout', { sent: false }), 'unreachable'],
      [new WorkbenchError('network_failed', { sent: false }), 'offline'],
      [new WorkbenchError('network_failed', { sent: true }), 'backing_off'],
      [new WorkbenchError('connection_reset', { sent: true }), 'backing_off'],
      [new WorkbenchError('http_error', { status: 503, sent: false }), 'backing_off'],
      [new WorkbenchError('lock_timeout'), 'backing_off'],
    ];
    for (const [error, because] of cases) {
      const plan = planRefresh(session(60 * second, failed(error, 1)), 0);
      assert.ok('at' in plan);
      assert.deepEqual({ ...plan, at: plan.at - now }, { at: 5.1 * second, because }, error.code);
    }
  });

  it('stays silent where asking is of no use, and says why', () => {
    const off = session(60 * second);
    const cases: [Partial<Session> | Session, string][] = [
      [{ ...off, connection: { ...off.connection, autoRefresh: false } }, 'off'],
      [session(undefined), 'end_unknown'],
      [{ ...off, problem: new WorkbenchError('record_unreadable', { reason: 'json' }) }, 'unreadable'],
      [
        session(60 * second, failed(new WorkbenchError('oauth_error', { error: 'invalid_client', status: 401 }), 1)),
        'configuration',
      ],
    ];
    const { record, ...signedOut } = off;
    assert.ok(record);
    cases.push([signedOut, 'no_refresh_token']);
    cases.push(
      [{ ...off, record: { ...record, refused: { generation: 3, error: 'invalid_grant', at: now } } }, 'sign_in'],
      [{ ...off, record: { ...record, intent: { generation: 3, at: now, retried: true } } }, 'answer_missing'],
    );
    for (const [each, never] of cases) assert.deepEqual(planRefresh(each as Session, 0), { never });
  });

  it('goes on after two lost answers where a use leaves the refresh token valid', () => {
    const lost = failed(new WorkbenchError('http_error', { status: 503, sent: true }), 2);
    const planAt = (token_endpoint: string | undefined, issuer?: string, kept?: true) => {
      const { record, ...rest } = session(60 * second, lost);
      assert.ok(record?.tokens);
      const binding = { client_id: 'app', ...(issuer && { issuer }), ...(token_endpoint && { token_endpoint }) };
      const tokens = { ...record.tokens, ...(kept && { refresh_token_kept: kept }) };
      return planRefresh(
        { ...rest, record: { ...record, tokens, binding, intent: { generation: 3, at: now, retried: true } } },
        0,
      );
    };
    for (const host of ['login.microsoftonline.com', 'login.microsoftonline.us', 'login.partner.microsoftonline.cn']) {
      assert.ok('at' in planAt(`https://${host}/common/oauth2/v2.0/token`), host);
      assert.ok('at' in planAt(undefined, `https://${host}/common/v2.0`), host);
    }
    assert.ok('at' in planAt('https://as.example/token', undefined, true));
    for (const other of ['https://as.example/token', 'https://login.microsoftonline.com.evil.example/token'])
      assert.deepEqual(planAt(other, 'https://login.microsoftonline.com/common/v2.0'), { never: 'answer_missing' });
  });
});
