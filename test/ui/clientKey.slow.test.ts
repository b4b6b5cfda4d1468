import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JWK } from 'jose';
import { type MockServer, startMockServer } from '../../src/mock/nodeServer.ts';
import { testKey } from '../support/clientKeys.ts';
import { useWorkbench } from './harness.ts';

describe('a person whose client has a private key', function () {
  this.timeout(120_000);
  const key = testKey('P-256');
  let mock: MockServer;
  const userSettings: Record<string, unknown> = {};
  before(async () => {
    mock = await startMockServer({
      scope: 'read',
      clients: [
        {
          client_id: 'warehouse',
          token_endpoint_auth_method: 'private_key_jwt',
          jwks: { keys: [key.publicJwk as JWK] },
        },
      ],
    });
    userSettings['jwtWorkbench.connections'] = [
      {
        ...{ id: 'Warehouse', issuer: mock.issuer, clientId: 'warehouse', scope: 'read' },
        tokenEndpointAuthMethod: 'private_key_jwt',
        dpop: true,
      },
    ];
  });
  const ui = useWorkbench({ userSettings });

  it('is told what is wrong with each invalid key, signs in, sees the key that tokens are bound to, and replaces it', async () => {
    ui.onClose(() => mock.close());
    const { window } = ui;
    const { page } = window;
    const picture = (name: string) => window.picture(`clientKey-${name}`);
    const box = page.locator('.quick-input-widget:visible');
    const give = async (text: string) => {
      await window.quickInput().fill(text);
      await page.keyboard.press('Enter');
    };

    await window.openContainer('JWT Workbench');
    await window.expand(window.treeItem('Warehouse'));
    await window.signInBy('As the client itself');
    await box.getByText(/private key, as PEM \(PKCS #8\) or JWK/).waitFor();
    await give(JSON.stringify(key.publicJwk));
    await box.getByText(/This is the public key/).waitFor();
    await picture('1-public-key');
    const locked = key.privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'secret',
    } as never);
    await give(String(locked));
    // A single-line box removes the line breaks of a PEM.
    await box.getByText(/The passphrase of this private key/).waitFor();
    await give('wrong');
    await box.getByText(/does not open this key/).waitFor();
    await picture('2-encrypted');
    await give('secret');

    const token = page.locator('[role=treeitem][aria-label^="Access token"]').first();
    await token.waitFor();
    await window.expand(window.treeItem('Access token'));
    await window.expand(window.treeItem('Verification'));
    await window.treeItem('Bound to a key (cnf)').waitFor();
    await picture('3-bound');
    assert.match((await window.treeRows()).join('\n'), /Bound to a key \(cnf\).*key of this connection/);

    // Another key, from a file.
    const other = testKey('P-256');
    const file = join(ui.workbench.server.userDataDir, 'other.pem');
    await writeFile(file, other.pem);
    const asked = box.getByText(/private key, as PEM/);
    await window.pickFromMenu(window.treeItem('Warehouse'), 'Set Client Secret or Key...', asked);
    await picture('4-replace');
    await box.getByRole('button', { name: 'Read from a File' }).click();
    // The workbench's own dialog replaces the box, and then fills in the open folder once it was read.
    await window.quickItem('token.jwt').waitFor();
    await window.quickInput().fill(file);
    await window.quickItem('other.pem').waitFor();
    await box.getByRole('button', { name: 'OK' }).click();
    await page.getByText(/Stored for Warehouse/).waitFor();
    await window.treeAction(window.treeItem('Warehouse'), 'Refresh Access Token');
    await page
      .getByText(/client authentication failed/)
      .first()
      .waitFor();
    await picture('5-refused');

    const settings = join(ui.workbench.server.userDataDir, 'User', 'settings.json');
    assert.doesNotMatch(await readFile(settings, 'utf8'), /PRIVATE KEY/);
  });
});
