import assert from 'node:assert/strict';
import fc from 'fast-check';
import { errorOf, WorkbenchError } from '../../../../src/core/errors.ts';
import type { HistoryStore } from '../../../../src/core/ports.ts';
import {
  createHistories,
  createMemoryHistory,
  historyText,
  readHistory,
} from '../../../../src/core/records/histories.ts';
import {
  failed,
  type HistoryEntry,
  historyEntry,
  historyLength,
  withEntry,
} from '../../../../src/core/records/history.ts';
import type { TokenSet } from '../../../../src/core/records/tokenSet.ts';
import { id, signedIn } from '../refresh/refreshWorld.ts';

const now = Date.UTC(2026, 0, 1);

function jwt(header: object, payload: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(payload)}.c2lnbmF0dXJl`;
}

function tokens(over: Partial<TokenSet> = {}): TokenSet {
  return {
    access_token: jwt({ alg: 'RS256', kid: 'one' }, { sub: 'a', roles: [] }),
    refresh_token: 'old-refresh-token',
    scope: 'openid profile',
    obtained_at: now,
    expires_at: now + 300_000,
    ...over,
  };
}

const changes = (before: TokenSet, after: TokenSet) =>
  historyEntry({ at: now, duration: 5, result: { outcome: 'refreshed', generation: 2 }, before, after }).changes;

const entry = (at: number): HistoryEntry => ({
  at,
  duration: 1,
  outcome: 'refreshed',
  generation: 1,
  adopted: false,
  changes: [],
});

describe('an entry of the history', () => {
  it('says what changed: scope, claims, lifetime, key, algorithm and refresh token', () => {
    const after = tokens({
      access_token: jwt({ alg: 'ES256', kid: 'two' }, { sub: 'a', tenant: 'x' }),
      refresh_token: 'new-refresh-token',
      scope: 'profile email openid',
      expires_at: now + 3_600_000,
    });
    assert.deepEqual(changes(tokens(), after), [
      { what: 'refresh_token' },
      { what: 'scope', gained: ['email'], lost: [] },
      { what: 'claims', token: 'access_token', gained: ['tenant'], lost: ['roles'] },
      { what: 'alg', token: 'access_token', from: 'RS256', to: 'ES256' },
      { what: 'kid', token: 'access_token', from: 'one', to: 'two' },
      { what: 'lifetime', from: 300, to: 3600 },
    ]);
  });

  it('says nothing where only the text of the tokens changed', () => {
    const fresh = jwt({ alg: 'RS256', kid: 'one' }, { sub: 'b', roles: ['x'] });
    const after = tokens({ access_token: fresh, expires_at: now + 301_000, scope: 'profile openid' });
    assert.deepEqual(changes(tokens(), after), []);
    assert.deepEqual(changes(tokens({ access_token: 'opaque' }), tokens({ access_token: 'other' })), []);
  });

  it('keeps the codes of an error and none of its words', () => {
    const error = new WorkbenchError('oauth_error', {
      error: 'invalid_grant',
      status: 400,
      sent: true,
      host: 'issuer.example:8443',
      error_description: 'the token 8xLOxBtZp8 is revoked',
      firstLine: 'secret words',
    });
    const made = historyEntry({
      at: now,
      duration: 5,
      result: failed(3, error),
      before: tokens(),
      after: tokens(),
    });
    assert.deepEqual(made, {
      at: now,
      duration: 5,
      outcome: 'reauthRequired',
      generation: 3,
      adopted: false,
      status: 400,
      error: {
        code: 'oauth_error',
        data: { error: 'invalid_grant', status: 400, sent: true, host: 'issuer.example:8443' },
      },
      changes: [],
    });
  });

  it('holds no token, wherever an issuer puts one', () => {
    const secret = jwt({ alg: 'none' }, { secret: 'canary' });
    const name = fc.constantFrom('error', 'reason', 'host', 'claim', 'member', 'found', 'error_description');
    fc.assert(
      fc.property(name, fc.boolean(), (where, inClaims) => {
        const error = errorOf('oauth_error', { error: 'e', [where]: secret });
        const before = tokens();
        const access_token = jwt({ alg: secret, kid: secret }, { [inClaims ? secret : 'a']: secret });
        const after = tokens({ access_token, scope: secret, refresh_token: secret });
        const result = failed(1, error);
        const text = historyText([historyEntry({ at: now, duration: 1, result, before, after })]);
        assert.ok(!text.includes(secret) && !text.includes('canary'));
        for (const part of secret.split('.')) assert.ok(!text.includes(part), part);
      }),
    );
  });
});

describe('the list of a history', () => {
  it('is bounded, in the order of time, whichever window comes late', () => {
    let list: readonly HistoryEntry[] = [];
    for (let at = 1; at <= historyLength + 10; at++) list = withEntry(list, entry(at));
    assert.equal(list.length, historyLength);
    assert.equal(list[0]?.at, 11);
    assert.deepEqual(
      withEntry([entry(1), entry(5)], entry(3)).map(({ at }) => at),
      [1, 3, 5],
    );
  });

  it('reads what it wrote', () => {
    const made = historyEntry({
      ...{ at: now, duration: 5, status: 200, before: tokens(), after: tokens({ scope: 'a' }) },
      result: failed(3, new WorkbenchError('http_error', { status: 503, sent: true })),
    });
    assert.deepEqual(readHistory(historyText([entry(1), made])), [entry(1), made]);
  });

  it('survives any text, and leaves out only unknown parts', () => {
    assert.deepEqual(readHistory(undefined), []);
    assert.deepEqual(readHistory('{"version":1,"entries":[1,null,{"at":"x"}'), []);
    const odd = [1, null, { ...entry(2), outcome: 'new' }, { ...entry(3), changes: [{ what: 'moon' }], extra: 1 }];
    assert.deepEqual(readHistory(JSON.stringify({ version: 9, entries: [...odd, entry(4)] })), [entry(3), entry(4)]);
    fc.assert(
      fc.property(fc.json(), fc.jsonValue(), (text, entries) => {
        readHistory(text);
        readHistory(JSON.stringify({ entries: [entries] }));
      }),
    );
  });
});

describe('the histories of connections', () => {
  async function kept(store: HistoryStore = createMemoryHistory()) {
    const world = await signedIn({ rotation: 'strict' });
    const logged: unknown[] = [];
    const { sessions } = world.first;
    const histories = createHistories({
      storeFor: () => store,
      sessions,
      log: (...line) => void logged.push(line),
    });
    return { world, histories, sessions, store, logged };
  }

  it('write down what a refresh came to, with the status of its answer', async () => {
    const { world, histories, sessions } = await kept();
    const window = world.window({ finished: histories.add });
    await window.vault.read(id).then(record => record && window.sessions.apply(record));
    await window.refresh();
    world.next({ type: 'oauthError', error: 'invalid_scope' });
    await window.refresh();
    await histories.settled();
    const list = await histories.list(id);
    assert.deepEqual(
      list.map(({ outcome, status, generation, error, changes }) => [
        ...[outcome, status, generation, error?.data.error],
        changes.map(({ what }) => what),
      ]),
      [
        ['refreshed', undefined, 2, undefined, ['refresh_token']],
        ['retryable', 400, 2, 'invalid_scope', []],
      ],
    );
    assert.deepEqual(sessions.get(id)?.history, list);
  });

  it('say in the window that came second that it took over what the first had fetched', async () => {
    const { world, histories } = await kept();
    const second = world.window({ finished: histories.add });
    const record = await second.vault.read(id);
    assert.ok(record);
    second.sessions.apply(record);
    assert.equal(await world.first.refresh(), 'refreshed');
    assert.equal(await second.refresh(), 'adopted');
    await histories.settled();
    const [only] = await histories.list(id);
    assert.deepEqual([only?.outcome, only?.adopted, only?.generation], ['adopted', true, 2]);
    assert.deepEqual(only?.changes, [{ what: 'refresh_token' }]);
  });

  it('take the status that was heard during the refresh, and no older one', async () => {
    const { histories } = await kept();
    const finished = { id, duration: 1, before: undefined, after: undefined };
    const result = { outcome: 'refreshed', generation: 1 } as const;
    histories.noteAnswer(id, 200, 1500);
    histories.add({ ...finished, at: 1000, result });
    histories.add({ ...finished, at: 2000, result: { outcome: 'adopted', generation: 1 } });
    histories.noteAnswer(id, 503, 2500);
    histories.add({ ...finished, at: 3000, result });
    await histories.settled();
    assert.deepEqual(
      (await histories.list(id)).map(({ at, status, adopted }) => [at, status, adopted]),
      [
        [1000, 200, false],
        [2000, undefined, true],
        [3000, undefined, false],
      ],
    );
  });

  it('go with the connection, and keep none of what was called back or came too late', async () => {
    const { histories, sessions, store } = await kept();
    const finished = { id, at: 1, duration: 1, before: undefined, after: undefined };
    const result = { outcome: 'refreshed', generation: 1 } as const;
    histories.add({ ...finished, result: failed(1, new WorkbenchError('cancelled')) });
    histories.add({ ...finished, result });
    await histories.remove(id);
    assert.equal(await store.read(id), undefined);
    sessions.setConnections([], []);
    histories.add({ ...finished, result });
    await histories.settled();
    assert.equal(await store.read(id), undefined);
  });

  it('fail no refresh where the disk is full, and remember in memory meanwhile', async () => {
    const full: HistoryStore = {
      read: () => Promise.reject(new Error('EIO')),
      update: () => Promise.reject(new Error('ENOSPC')),
      delete: () => Promise.reject(new Error('EROFS')),
    };
    const { histories, logged } = await kept(full);
    const finished = { id, at: 1, duration: 1, before: undefined, after: undefined };
    histories.add({ ...finished, result: { outcome: 'refreshed', generation: 1 } });
    await histories.settled();
    assert.equal((await histories.list(id)).length, 1);
    await histories.remove(id);
    assert.equal(logged.length, 3);
  });
});
