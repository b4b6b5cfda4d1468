import assert from 'node:assert/strict';
import type { SecretStorage } from 'vscode';
import { createSecretStore } from '../../../src/vscode/secretStore.ts';

describe('SecretStorage as a store', () => {
  it('of a host that cannot list its keys says that it does not know them', async () => {
    const old = { get: async () => undefined } as unknown as SecretStorage;
    assert.equal(await createSecretStore(old).keys(), undefined);
    const today = { keys: async () => ['a'] } as unknown as SecretStorage;
    assert.deepEqual(await createSecretStore(today).keys(), ['a']);
  });

  it('stops listening', () => {
    let disposed = 0;
    const secrets = { onDidChange: () => ({ dispose: () => disposed++ }) } as unknown as SecretStorage;
    createSecretStore(secrets).onDidChange(() => {})();
    assert.equal(disposed, 1);
  });
});
