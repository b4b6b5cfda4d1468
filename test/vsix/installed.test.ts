import assert from 'node:assert/strict';
import * as vscode from 'vscode';

const id = 'jwt-workbench.jwt-workbench';

describe('the packaged extension, installed', () => {
  const extension = vscode.extensions.getExtension(id);

  it('is the installed one, not the one under development', () => {
    assert.ok(extension, `${id} is not installed.`);
    assert.match(extension.extensionUri.path, /\/jwt-workbench\.jwt-workbench-\d+\.\d+\.\d+[^/]*$/);
  });

  it('activates from the bundles in the package', async () => {
    await extension?.activate();
    assert.equal(extension?.isActive, true);
  });

  it('has its words in its manifest', () => {
    assert.match(extension?.packageJSON.description, /^Keeps refresh tokens/);
    assert.doesNotMatch(JSON.stringify(extension?.packageJSON.contributes), /"%/);
  });

  it('has every command that its manifest names', async () => {
    const named: { command: string }[] = extension?.packageJSON.contributes?.commands ?? [];
    const known = await vscode.commands.getCommands(true);
    const missing = named.map(({ command }) => command).filter(command => !known.includes(command));
    assert.deepEqual(missing, []);
  });

  it('shows a README without broken pictures and dead links', async () => {
    assert.ok(extension);
    const file = vscode.Uri.joinPath(extension.extensionUri, 'readme.md');
    const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(file));
    assert.match(text, /^# JWT Workbench\n/);
    const addresses = [...text.matchAll(/\]\(([^)]*)\)/g)].map(([, address]) => address);
    assert.deepEqual(
      addresses.filter(address => !/^(https:|#)/.test(address ?? '')),
      [],
    );
  });
});
