import assert from 'node:assert/strict';
import * as vscode from 'vscode';

describe('the extension in VS Code', () => {
  it('is there and can be activated', async () => {
    const extension = vscode.extensions.getExtension('jwt-workbench.jwt-workbench');
    assert.ok(extension, 'VS Code does not know the extension: does package.json name its entry?');
    await extension.activate();
    assert.ok(extension.isActive);
    assert.doesNotMatch(JSON.stringify(extension.packageJSON.contributes), /"%/, 'package.nls.json was read');
  });
});
