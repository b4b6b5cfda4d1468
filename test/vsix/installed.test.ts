import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Output } from '../../scripts/lib/bundle.mjs';
import { root } from '../../scripts/lib/project.mjs';

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

  it('carries the licence of every package that is in its bundles', async () => {
    assert.ok(extension);
    const notices = await readFile(
      vscode.Uri.joinPath(extension.extensionUri, 'THIRD_PARTY_NOTICES.txt').fsPath,
      'utf8',
    );
    const bundles: Output[] = JSON.parse(await readFile(join(root, 'out', 'bundles.json'), 'utf8'));
    const inputs = bundles.flatMap(({ inputs }) => inputs);
    const bundled = new Set(inputs.flatMap(input => input.split('node_modules/').slice(1).at(-1) ?? []));
    const names = new Set([...bundled].map(path => path.split('/', path.startsWith('@') ? 2 : 1).join('/')));
    assert.ok(names.has('jose') && names.has('oauth4webapi'), [...names].join(', '));
    for (const name of names) {
      const [, text = ''] = notices.split(`\n\n${name} `);
      assert.match(
        text.split('-'.repeat(72))[0] ?? '',
        /Permission is hereby granted|Licensed under|Redistribution/,
        name,
      );
    }
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
