import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecretStorage } from 'vscode';
import type * as Connections from '../../../src/vscode/connections.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

describe('SecretStorage as a store', () => {
  let createSecretStore: typeof Connections.createSecretStore;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'store-'));
    ({ createSecretStore } = await withoutVscode<typeof Connections>('connections', folder));
  });
  after(() => rm(folder, { recursive: true }));

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
