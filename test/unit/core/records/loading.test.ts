import assert from 'node:assert/strict';
import { createLoading } from '../../../../src/core/records/changeRecord.ts';
import { noHandover } from '../../../../src/core/records/journalKeys.ts';
import { emptyRecord, type StoredRecord } from '../../../../src/core/records/record.ts';
import { createSessions, stateOf } from '../../../../src/core/records/sessions.ts';
import { createVault } from '../../../../src/core/records/vault.ts';
import { createLocalLock } from '../../../../src/core/waiting.ts';
import { createWorld, gate, id, key, settled, signedIn, testStore } from '../refresh/refreshWorld.ts';

const text = (generation: number, more: Partial<StoredRecord> = {}) =>
  JSON.stringify({ ...emptyRecord(id), generation, ...more });

async function setUp() {
  const { connection } = await createWorld();
  const store = testStore();
  const sessions = createSessions();
  const listed = { connection, memoryOnly: false };
  sessions.setConnections([listed], []);
  const loading = createLoading({
    vault: createVault(() => store, store),
    sessions,
    lock: createLocalLock(),
    handover: noHandover,
  });
  let reads = 0;
  store.hook = call => void (call === 'get' && reads++);
  return { store, sessions, loading, listed, reads: () => reads };
}

describe('createLoading', () => {
  it('reads each connection once', async () => {
    const { store, sessions, loading, listed, reads } = await setUp();
    store.entries.set(key, text(3));
    await Promise.all([loading.loadNew(), loading.loadNew(), loading.settled()]);
    assert.equal(sessions.generation(id), 3);
    await loading.loadNew();
    assert.equal(reads(), 1);
    const other = { ...listed, connection: { ...listed.connection, id: 'other' } };
    sessions.setConnections([listed, other], []);
    await loading.loadNew();
    assert.equal(reads(), 2);
  });

  it('reads again what was away, and what has moved to another store', async () => {
    const { sessions, loading, listed, reads } = await setUp();
    await loading.loadNew();
    sessions.setConnections([], []);
    await loading.loadNew();
    sessions.setConnections([listed], []);
    await loading.loadNew();
    sessions.setConnections([{ ...listed, memoryOnly: true }], []);
    await loading.loadNew();
    assert.equal(reads(), 3);
  });

  it('follows changes that are doubled, reordered and made up', async () => {
    const { store, sessions, loading, reads } = await setUp();
    for (const generation of [1, 3, 2]) {
      store.entries.set(key, text(generation));
      for (let i = 0; i < 5; i++) store.notify(key);
      store.notify('jwtWorkbench.connection.unknown');
      await loading.settled();
    }
    assert.equal(sessions.generation(id), 3);
    assert.ok(reads() <= 6, String(reads()));
  });

  it('does not miss a change during a read', async () => {
    const { store, sessions, loading } = await setUp();
    const hold = gate();
    store.entries.set(key, text(1));
    const hook = store.hook;
    store.get = async () => {
      const stale = store.entries.get(key);
      await hold.pass();
      await hook('get');
      return stale;
    };
    const loaded = loading.loadNew();
    await hold.reached;
    store.entries.set(key, text(1, { client_secret: 'set' }));
    store.notify(key);
    hold.open();
    await loaded;
    await loading.settled();
    assert.equal(sessions.get(id)?.record?.client_secret, 'set');
  });

  it('takes an empty answer for no answer', async () => {
    const { store, sessions, loading } = await setUp();
    store.entries.set(key, text(3));
    await loading.loadNew();
    store.entries.clear();
    store.notify(key);
    await loading.settled();
    assert.equal(sessions.generation(id), 3);
    assert.equal(sessions.get(id)?.problem, undefined);
  });

  it('says what cannot be read and keeps what it knows', async () => {
    const { store, sessions, loading } = await setUp();
    store.entries.set(key, text(3));
    await loading.loadNew();
    for (const [broken, code] of [
      ['{', 'record_unreadable'],
      ['{"version":2}', 'record_newer_version'],
    ] as const) {
      store.entries.set(key, broken);
      store.notify(key);
      await loading.settled();
      assert.equal(sessions.get(id)?.problem?.code, code);
      assert.equal(sessions.generation(id), 3);
      assert.equal(store.entries.get(key), broken);
    }
    store.hook = () => {
      throw new Error('no keyring');
    };
    store.notify(key);
    await loading.settled();
    assert.equal(sessions.get(id)?.problem?.code, 'secret_unavailable');
    store.hook = () => {};
    store.entries.set(key, text(3));
    store.notify(key);
    await loading.settled();
    assert.equal(sessions.get(id)?.problem, undefined);
  });

  it('says that tokens were not kept where VS Code keeps secrets in memory only, and takes a sign-in for new ones', async () => {
    const world = await signedIn({});
    await world.first.refresh();
    world.store.entries.clear();
    for (const [keeping, code] of [
      ['memory_only', 'secrets_not_kept'],
      ['kept', undefined],
    ] as const) {
      const window = world.window();
      const loading = createLoading({
        ...window,
        lock: { ...world.lock, onDidChange: () => () => {} },
        handover: noHandover,
        keeping: async () => keeping,
      });
      await loading.loadNew();
      const session = window.sessions.get(id);
      assert.equal(session?.problem?.code, code);
      assert.equal(session && stateOf(session, 0), code ? 'reauthRequired' : 'none');
      window.sessions.apply({ ...emptyRecord(id), generation: 9, tokens: { access_token: 'a', obtained_at: 0 } });
      assert.equal(window.sessions.get(id)?.problem, undefined);
      loading.dispose();
    }
  });

  it('stops listening', async () => {
    const { store, loading, reads } = await setUp();
    loading.dispose();
    store.notify(key);
    await settled();
    assert.equal(reads(), 0);
  });

  it('passes refreshed tokens to another window, and fires no event twice', async () => {
    const world = await signedIn({ rotation: 'strict' });
    const second = world.window();
    const loading = createLoading({
      vault: second.vault,
      sessions: second.sessions,
      lock: createLocalLock(),
      handover: noHandover,
    });
    await loading.loadNew();
    assert.deepEqual(second.record(), world.stored());
    await world.first.refresh();
    await loading.settled();
    assert.deepEqual(second.record(), world.stored());
    const before = second.events.length;
    for (let i = 0; i < 3; i++) world.store.notify(key);
    await loading.settled();
    assert.equal(second.events.length, before);
    loading.dispose();
  });
});
