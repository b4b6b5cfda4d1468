import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { useWorkbench } from './harness.ts';
import { until } from './shop.ts';

/** Another extension, which writes the token that it received to the workspace. */
const asking = {
  'package.json': JSON.stringify({
    ...{ name: 'asking', publisher: 'fixtures', version: '0.0.1', displayName: 'Asking', main: './extension.js' },
    engines: { vscode: '^1.105.0' },
    activationEvents: ['onStartupFinished'],
    contributes: { commands: [{ command: 'asking.ask', title: 'Asking: Ask' }] },
  }),
  'extension.js': `
    const { authentication, commands, Uri, workspace } = require('vscode');
    const ask = () => authentication.getSession('jwtWorkbench', [], { createIfNone: true });
    const write = answer => workspace.fs.writeFile(
      Uri.joinPath(workspace.workspaceFolders[0].uri, 'asked.json'), Buffer.from(JSON.stringify(answer)));
    exports.activate = () => commands.registerCommand('asking.ask', () =>
      ask().then(write, error => write({ error: error.message })));`,
};

describe('another extension', function () {
  this.timeout(120_000);
  const ui = useWorkbench({ demo: true, beside: asking });

  /** VS Code's own question. */
  const question = () =>
    ui.window.page.locator('.monaco-dialog-box', {
      hasText: "The extension 'Asking' wants to sign in using JWT Workbench",
    });

  async function answer(): Promise<{ error?: string; accessToken?: string; account?: { label: string } }> {
    const file = join(ui.folder, 'asked.json');
    let text = '';
    // The file exists before its content is written.
    await until(async () => {
      text = await readFile(file, 'utf8').catch(() => '');
      return text.endsWith('}');
    });
    await rm(file);
    return JSON.parse(text);
  }

  it('is denied a token where the user says no to VS Code', async () => {
    const { window } = ui;
    await window.openContainer('JWT Workbench');
    await window.treeItem('Demo').waitFor();
    await window.runCommand('Asking: Ask');
    await question().getByRole('button', { name: 'Cancel' }).click();
    assert.deepEqual(await answer(), { error: 'User did not consent to login.' });
  });

  it('gets the fresh token of the account that the user chooses', async () => {
    const { window } = ui;
    await window.runCommand('Asking: Ask');
    await question().getByRole('button', { name: 'Allow' }).click();
    await window.quickItem('Demo').click();
    const { accessToken = '', account } = await answer();
    assert.equal(account?.label, 'Demo');
    const { iss } = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString());
    const userInfo = await fetch(`${iss}/userinfo`, { headers: { authorization: `Bearer ${accessToken}` } });
    assert.equal(userInfo.status, 200);
  });
});
