import assert from 'node:assert/strict';
import { createRememberedKeys } from '../../../../src/core/checks/rememberedKeys.ts';
import { createMemoryStore } from '../../../../src/core/records/vault.ts';
import { failureOf } from '../../../support/failureOf.ts';

const clock = { now: () => 1000 };
const name = 'jwtWorkbench.rememberedKeys';
const pem = {
  use: 'verify',
  issuer: 'https://as.example',
  source: { key: 'PEM canary' },
  about: { kty: 'RSA', size: 2048 },
} as const;
const secret = { use: 'decrypt', source: { key: 'c2VjcmV0', keyFormat: 'base64' } } as const;

describe('remembered keys', () => {
  it('start empty, and are listed newest first', async () => {
    const store = createMemoryStore();
    const keys = createRememberedKeys(store, clock);
    assert.deepEqual(await keys.list(), []);
    await keys.add(pem);
    await Promise.all([keys.add(secret), keys.add({ use: 'verify', source: { jwksUri: 'https://as.example/jwks' } })]);
    const again = await createRememberedKeys(store, clock).list();
    assert.deepEqual(
      again.map(({ source }) => source),
      [{ jwksUri: 'https://as.example/jwks' }, secret.source, pem.source],
    );
    assert.equal(again[2]?.addedAt, 1000);
    assert.deepEqual(await store.keys(), [name]);
    assert.equal(JSON.parse((await store.get(name)) ?? '').version, 1);
  });

  it('are kept once for each issuer and use', async () => {
    const keys = createRememberedKeys(createMemoryStore(), clock);
    await keys.add(pem);
    await keys.add({ ...pem, about: { kty: 'RSA' } });
    assert.equal((await keys.list()).length, 1);
    await keys.add({ ...pem, issuer: 'https://other.example' });
    await keys.add({ ...pem, use: 'decrypt' });
    assert.equal((await keys.list()).length, 3);
  });

  it('are forgotten by id; with the last one nothing is stored', async () => {
    const store = createMemoryStore();
    const keys = createRememberedKeys(store, clock);
    await keys.add(pem);
    await keys.add(secret);
    const [first] = await keys.list();
    assert.deepEqual(
      (await keys.forget([first?.id ?? ''])).map(({ source }) => source),
      [pem.source],
    );
    assert.equal((await keys.forget(['unknown'])).length, 1);
    await keys.forget((await keys.list()).map(({ id }) => id));
    assert.deepEqual(await store.keys(), []);
  });

  it('are at most 50', async () => {
    const keys = createRememberedKeys(createMemoryStore(), clock);
    for (let at = 0; at < 50; at++) await keys.add({ use: 'verify', source: { key: `key ${at}` } });
    const { code } = await failureOf(keys.add(pem));
    assert.equal(code, 'keys_full');
    assert.equal((await keys.list()).length, 50);
  });

  for (const [text, reason] of [
    ['not json canary', 'json'],
    ['[]', 'shape'],
    ['{"version":1}', 'shape'],
    ['{"version":1,"keys":[{"id":"a"}]}', 'shape'],
    ['{"version":1,"keys":[{"id":"a","use":"verify","addedAt":1,"source":{}}]}', 'shape'],
    ['{"version":1,"keys":[{"id":"a","use":"verify","addedAt":1,"source":{"key":"k","keyFormat":"rot13"}}]}', 'shape'],
    ['{"version":1,"keys":[{"id":"a","use":"sign","addedAt":1,"source":{"key":"k"}}]}', 'shape'],
    ['{"version":2,"keys":[]}', 'newer'],
    ['{"version":0,"keys":[]}', 'version'],
    [' '.repeat(300_000), 'size'],
  ] as const) {
    it(`that cannot be read (${reason}: ${text.slice(0, 60).trim()}) are reported and left as they are`, async () => {
      const store = createMemoryStore();
      await store.store(name, text);
      const keys = createRememberedKeys(store, clock);
      for (const attempt of [() => keys.list(), () => keys.add(pem), () => keys.forget(['a'])]) {
        const { code, data } = await failureOf(attempt());
        assert.deepEqual({ code, reason: data.reason }, { code: 'keys_unreadable', reason });
      }
      assert.equal(await store.get(name), text);
      await keys.forgetAll();
      assert.deepEqual(await keys.list(), []);
    });
  }

  it('say that SecretStorage failed, and not why in its words', async () => {
    const store = { ...createMemoryStore(), get: () => Promise.reject(new Error('canary')) };
    const { code } = await failureOf(createRememberedKeys(store, clock).list());
    assert.equal(code, 'secret_unavailable');
  });
});
