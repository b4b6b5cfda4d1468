import assert from 'node:assert/strict';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import type { Connection } from '../../../../src/core/records/connection.ts';
import { emptyRecord, type StoredRecord } from '../../../../src/core/records/record.ts';
import { createSessions, type LastRefresh, type Session, stateOf } from '../../../../src/core/records/sessions.ts';

const connection: Connection = {
  id: 'a',
  label: 'A',
  issuer: 'https://issuer.example',
  clientId: 'demo',
  tokenEndpointAuthMethod: 'none',
  autoRefresh: true,
  dpop: false,
  pushedAuthorizationRequests: false,
};
const listed = { connection, memoryOnly: false };
const other = { connection: { ...connection, id: 'b' }, memoryOnly: false };

const record = (generation: number, tokens: object = {}): StoredRecord => ({
  ...emptyRecord('a'),
  generation,
  binding: { client_id: 'demo' },
  tokens: { access_token: `access ${generation}`, refresh_token: 'refresh', obtained_at: 0, ...tokens },
});

const last: LastRefresh = { at: 1, duration: 2, outcome: 'refreshed' };
const failure = new WorkbenchError('timeout', { sent: true });

function setUp() {
  const sessions = createSessions();
  sessions.setConnections([listed], []);
  const events: (string | undefined)[] = [];
  const stop = sessions.onDidChange(id => events.push(id));
  const get = (): Session => sessions.get('a') ?? assert.fail('no session');
  return { sessions, events, stop, get };
}

/** The number of events that `change` causes. */
function eventsOf({ events }: ReturnType<typeof setUp>, change: () => void): number {
  const before = events.length;
  change();
  return events.length - before;
}

describe('createSessions', () => {
  it('takes newer records in and ignores older ones', () => {
    const all = setUp();
    const { sessions, get } = all;
    assert.equal(sessions.generation('a'), 0);
    assert.equal(
      eventsOf(all, () => sessions.apply(record(2))),
      1,
    );
    assert.equal(
      eventsOf(all, () => sessions.apply(record(1))),
      0,
    );
    assert.equal(get().record?.generation, 2);
    assert.equal(
      eventsOf(all, () => sessions.apply(record(3))),
      1,
    );
    assert.equal(sessions.generation('a'), 3);
    assert.deepEqual(all.events, ['a', 'a']);
  });

  it('says nothing where nothing changed', () => {
    const all = setUp();
    const { sessions } = all;
    sessions.apply(record(1));
    sessions.unreadable('a', failure);
    sessions.refreshing('a', true);
    for (const nothing of [
      () => sessions.unreadable('a', new WorkbenchError('timeout', { sent: true })),
      () => sessions.refreshing('a', true),
      () => sessions.setConnections([{ connection: { ...connection }, memoryOnly: false }], []),
      () => sessions.apply({ ...emptyRecord('unknown'), generation: 1 }),
      () => sessions.forget('unknown'),
      () => sessions.refreshed('unknown', last),
    ])
      assert.equal(eventsOf(all, nothing), 0, String(nothing));
    sessions.apply(record(1));
    assert.equal(
      eventsOf(all, () => sessions.apply(structuredClone(record(1)))),
      0,
    );
    sessions.forget('a');
    assert.equal(
      eventsOf(all, () => sessions.forget('a')),
      0,
    );
  });

  it('takes marks of the same generation in', () => {
    const all = setUp();
    const { sessions, get } = all;
    sessions.apply(record(1));
    const refused = { ...record(1), refused: { generation: 1, error: 'invalid_grant', at: 1 } };
    assert.equal(
      eventsOf(all, () => sessions.apply(refused)),
      1,
    );
    assert.equal(get().record, refused);
  });

  it('keeps tokens while the store cannot be read, and mends when it can', () => {
    const all = setUp();
    const { sessions, get } = all;
    sessions.apply(record(1));
    assert.equal(
      eventsOf(all, () => sessions.unreadable('a', failure)),
      1,
    );
    assert.equal(get().record?.generation, 1);
    assert.equal(
      eventsOf(all, () => sessions.apply(record(1))),
      1,
    );
    assert.equal(get().problem, undefined);
    assert.equal(
      eventsOf(all, () => sessions.unreadable('a', new WorkbenchError('secret_unavailable'))),
      1,
    );
    assert.equal(
      eventsOf(all, () => sessions.unreadable('a', failure)),
      1,
    );
  });

  it('ends a refresh and announces its result in one event', () => {
    const all = setUp();
    const { sessions, get } = all;
    assert.equal(
      eventsOf(all, () => sessions.refreshing('a', true)),
      1,
    );
    assert.equal(
      eventsOf(all, () => sessions.refreshed('a', last)),
      1,
    );
    assert.deepEqual([get().refreshing, get().lastRefresh, get().failures], [false, last, 0]);
  });

  it('counts failures until one succeeds, or somebody brings new tokens', () => {
    const { sessions, get } = setUp();
    const fail = () => {
      sessions.refreshing('a', true);
      // As after a response that rotated the token but was rejected.
      sessions.apply(record(sessions.generation('a') + 1));
      sessions.refreshed('a', { ...last, outcome: 'retryable', error: failure });
    };
    fail();
    fail();
    assert.equal(get().failures, 2);
    sessions.refreshed('a', last);
    assert.equal(get().failures, 0);
    fail();
    const generation = sessions.generation('a');
    sessions.apply({ ...record(generation), intent: { generation, at: 0 } });
    assert.equal(get().failures, 1);
    sessions.apply({ ...record(generation), client_secret: 'the right one' });
    assert.deepEqual([get().failures, get().lastRefresh], [0, undefined]);
    fail();
    sessions.setConnections([{ connection: { ...connection, scope: 'other' }, memoryOnly: false }], []);
    assert.deepEqual([get().failures, get().lastRefresh], [0, undefined]);
    fail();
    sessions.apply(record(sessions.generation('a') + 1));
    assert.deepEqual([get().failures, get().lastRefresh], [0, undefined]);
    fail();
    sessions.forget('a');
    assert.deepEqual([get().failures, get().lastRefresh, get().record], [0, undefined, undefined]);
  });

  it('keeps a success in mind when newer tokens come', () => {
    const { sessions, get } = setUp();
    sessions.apply(record(1));
    sessions.refreshed('a', last);
    sessions.apply(record(2));
    assert.equal(get().lastRefresh, last);
  });

  it('follows the settings, and leaves what is unchanged as it is', () => {
    const all = setUp();
    const { sessions, get } = all;
    sessions.apply(record(1));
    const before = get();
    assert.equal(
      eventsOf(all, () => sessions.setConnections([listed, other], [])),
      1,
    );
    assert.equal(get(), before);
    assert.deepEqual(
      sessions.list().map(each => each.connection.id),
      ['a', 'b'],
    );
    assert.equal(
      eventsOf(all, () => sessions.setConnections([other, listed], [])),
      1,
    );
    const renamed = { connection: { ...connection, label: 'New' }, memoryOnly: false };
    assert.equal(
      eventsOf(all, () => sessions.setConnections([other, renamed], [])),
      1,
    );
    assert.deepEqual([get().connection.label, get().record?.generation], ['New', 1]);
    const problem = { severity: 'error', index: 0, code: 'missing' } as const;
    assert.equal(
      eventsOf(all, () => sessions.setConnections([other, renamed], [problem])),
      1,
    );
    assert.deepEqual(sessions.problems(), [problem]);
    assert.equal(
      eventsOf(all, () => sessions.setConnections([], [problem])),
      1,
    );
    assert.equal(sessions.get('a'), undefined);
    assert.equal(sessions.connection('a'), undefined);
    assert.deepEqual(new Set(all.events.slice(1)), new Set([undefined]));
  });

  it('takes nothing from the store to memory', () => {
    const { sessions, get } = setUp();
    sessions.apply(record(1));
    sessions.setConnections([{ connection, memoryOnly: true }], []);
    assert.deepEqual([get().record, get().memoryOnly], [undefined, true]);
  });

  it('stops calling removed listeners, also during an event', () => {
    const { sessions, events, stop } = setUp();
    const unsubscribe = sessions.onDidChange(() => unsubscribe());
    sessions.refreshing('a', true);
    stop();
    sessions.refreshing('a', false);
    assert.deepEqual(events, ['a']);
  });
});

describe('stateOf', () => {
  const now = 1000;
  for (const [state, session] of [
    ['none', {}],
    ['none', { record: emptyRecord('a') }],
    ['none', { record: record(1, { access_token: undefined, refresh_token: undefined }) }],
    ['active', { record: record(1) }],
    ['active', { record: record(1, { expires_at: now + 1 }) }],
    ['expired', { record: record(1, { expires_at: now }) }],
    ['expired', { record: record(1, { access_token: undefined }) }],
    ['refreshing', { record: record(1), refreshing: true }],
    ['reauthRequired', { record: { ...record(1), refused: { generation: 1, error: 'e', at: 1 } } }],
    ['active', { record: { ...record(2), refused: { generation: 1, error: 'e', at: 1 } } }],
    ['unavailable', { record: record(1), problem: failure, refreshing: true }],
  ] as const) {
    it(`is ${state} for ${JSON.stringify(session).slice(0, 80)}`, () => {
      assert.equal(stateOf({ ...listed, refreshing: false, failures: 0, ...session }, now), state);
    });
  }
});
