import assert from 'node:assert/strict';
import { emptyRecord, recordLimit, type StoredRecord } from '../../../../src/core/records/record.ts';
import { createMemoryStore, createVault } from '../../../../src/core/records/vault.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { id, key, testStore } from '../refresh/refreshWorld.ts';

function setUp() {
  const store = testStore();
  return { store, vault: createVault(() => store, store) };
}

const next = (record: StoredRecord = emptyRecord(id)) => ({ ...record, generation: record.generation + 1 });

describe('createVault', () => {
  it('tells nothing stored from anything else', async () => {
    const { vault } = setUp();
    assert.equal(await vault.read(id), undefined);
    assert.deepEqual(await vault.update(id, next), { ...emptyRecord(id), generation: 1 });
    assert.equal((await vault.read(id))?.generation, 1);
  });

  it('makes changes one after the other', async () => {
    const { vault } = setUp();
    await Promise.all(Array.from({ length: 50 }, () => vault.update(id, next)));
    assert.equal((await vault.read(id))?.generation, 50);
  });

  it('does not store what did not change', async () => {
    const { vault, store } = setUp();
    await vault.update(id, next);
    store.hook = call => assert.notEqual(call, 'store');
    await vault.update(id, (record = emptyRecord(id)) => record);
  });

  it('goes on after a change that failed', async () => {
    const { vault } = setUp();
    const failed = assert.rejects(
      vault.update(id, () => {
        throw new Error('no');
      }),
    );
    const second = vault.update(id, next);
    await failed;
    assert.equal((await second).generation, 1);
  });

  for (const text of ['', '{', 'null', '{"version":9}', `{"version":1,"connection":"other","generation":0}`]) {
    it(`leaves unreadable records byte for byte: ${text}`, async () => {
      const { vault, store } = setUp();
      store.entries.set(key, text);
      const codes = [(await failureOf(vault.read(id))).code, (await failureOf(vault.update(id, next))).code];
      const expected = text.includes('9') ? 'record_newer_version' : 'record_unreadable';
      assert.deepEqual(codes, [expected, expected]);
      assert.equal(store.entries.get(key), text);
      await vault.delete(id);
      assert.equal(store.entries.has(key), false);
    });
  }

  it('says that the store does not answer, and repeats nothing of its message', async () => {
    const { vault, store } = setUp();
    store.hook = () => {
      throw new TypeError('canary: the secret itself');
    };
    for (const failing of [vault.read(id), vault.update(id, next), vault.delete(id)]) {
      const { code, data } = await failureOf(failing);
      assert.deepEqual([code, data], ['secret_unavailable', { connection: id, type: 'TypeError' }]);
    }
  });

  it('stores nothing that is too large', async () => {
    const { vault, store } = setUp();
    const failing = vault.update(id, () => ({ ...emptyRecord(id), client_secret: 'x'.repeat(recordLimit) }));
    assert.equal((await failureOf(failing)).code, 'record_too_large');
    assert.equal(store.entries.size, 0);
  });

  it('hears of its own keys only, until it no longer listens', () => {
    const { vault, store } = setUp();
    const heard: string[] = [];
    const stop = vault.onDidChange(each => heard.push(each));
    for (const changed of [key, 'other', 'jwtWorkbench.connection.', `${key}.more`]) store.notify(changed);
    assert.deepEqual(heard, [id, '', `${id}.more`]);
    stop();
    store.notify(key);
    assert.equal(heard.length, 3);
  });

  it('keeps each connection in its own store', async () => {
    const [secret, memory] = [testStore(), createMemoryStore()];
    const vault = createVault(each => (each === 'mock' ? memory : secret), secret);
    await vault.update('mock', () => emptyRecord('mock'));
    assert.equal(secret.entries.size, 0);
    assert.deepEqual(await memory.keys(), ['jwtWorkbench.connection.mock']);
    assert.ok(await vault.read('mock'));
    await vault.delete('mock');
    assert.equal(await vault.read('mock'), undefined);
    memory.onDidChange(() => {})();
  });
});
