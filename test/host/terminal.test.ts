import assert from 'node:assert/strict';
import {
  ConfigurationTarget,
  type Hover,
  type MarkdownString,
  Position,
  commands as registry,
  TabInputWebview,
  type Terminal,
  type TerminalLink,
  type TextDocument,
  Uri,
  window,
  workspace,
} from 'vscode';
import { hmacJwt } from '../support/signing.ts';
import { activate, eventually, signedIn } from './support.ts';

const seconds = Math.floor(Date.now() / 1000);
const token = hmacJwt('a secret of the tests, long enough', {
  iss: 'https://issuer.example',
  sub: 'ada',
  aud: 'https://api.example',
  scope: 'orders.read',
  iat: seconds - 7200,
  exp: seconds - 3600,
});

async function linksIn(line: string): Promise<readonly TerminalLink[]> {
  const { links } = (await activate()).testing;
  const found = await links.provideTerminalLinks(
    { line, terminal: undefined as unknown as Terminal },
    { isCancellationRequested: false, onCancellationRequested: () => ({ dispose() {} }) },
  );
  return found ?? [];
}

async function hoverText(document: TextDocument, character: number, line = 0): Promise<string> {
  const hovers = await registry.executeCommand<Hover[]>(
    'vscode.executeHoverProvider',
    document.uri,
    new Position(line, character),
  );
  return hovers
    .flatMap(({ contents }) => contents.map(each => (each as MarkdownString).value))
    .join('\n')
    .replaceAll('&nbsp;', ' ');
}

describe('tokens in terminals and in output', () => {
  it('are links that say what they are, and open the inspector', async () => {
    const line = `$ curl -H "Authorization: Bearer ${token}" https://api.example`;
    const [link, ...others] = await linksIn(line);
    assert.ok(link);
    assert.equal(others.length, 0);
    assert.equal(line.slice(link.startIndex, link.startIndex + link.length), token);
    // The token was created when this file was loaded.
    assert.match(link.tooltip ?? '', /^Access token, expired 1 h( \d+ min)? ago$/);
    const { links } = (await activate()).testing;
    await links.handleTerminalLink(link);
    const isOpen = () =>
      window.tabGroups.all
        .flatMap(({ tabs }) => tabs)
        .some(({ input }) => input instanceof TabInputWebview && input.viewType.includes('inspector'));
    await eventually(async () => isOpen());
    assert.ok(isOpen());
    await registry.executeCommand('workbench.action.closeAllEditors');
  });

  it('are links where a connection holds them, and none where the setting says no', async () => {
    const { mock, end } = await signedIn('terminal');
    const { refresh_token: opaque } = await mock.issueTokens({ clientId: 'demo' });
    assert.deepEqual(await linksIn(`REFRESH=${opaque}`), [], 'nobody holds this one');
    const { testing } = await activate();
    const stored = (await Promise.all((await testing.secrets.keys()).map(key => testing.secrets.get(key)))).join();
    const held = /"refresh_token":"([^"]+)"/.exec(stored.slice(stored.indexOf('"connection":"terminal"')))?.[1];
    assert.ok(held);
    assert.deepEqual(
      (await linksIn(`REFRESH=${held}`)).map(({ tooltip }) => tooltip),
      ['Refresh token'],
    );
    await end();
    const configuration = workspace.getConfiguration('jwtWorkbench');
    await configuration.update('terminalLinks', false, ConfigurationTarget.Global);
    assert.deepEqual(await linksIn(token), []);
    await configuration.update('terminalLinks', undefined, ConfigurationTarget.Global);
    assert.deepEqual(await linksIn('ls -la eyJust'), []);
  });

  it('are read on hover in an output channel', async () => {
    const channel = window.createOutputChannel('Tokens of a test');
    channel.appendLine(`GET /orders Authorization: Bearer ${token}`);
    channel.show(true);
    const output = () =>
      workspace.textDocuments.find(each => each.uri.scheme === 'output' && each.getText().includes('eyJ'));
    await eventually(async () => output() !== undefined);
    const document = output();
    assert.ok(document);
    assert.match(await hoverText(document, 60), /Access token.*not checked/);
    channel.dispose();
  });

  it('are read on hover in a cell of a notebook, and in a log', async () => {
    const folder = workspace.workspaceFolders?.[0]?.uri ?? Uri.file('/');
    const cell = { cell_type: 'code', source: [`token = "${token}"`], metadata: {}, outputs: [] };
    const book = { cells: [cell], metadata: {}, nbformat: 4, nbformat_minor: 5 };
    const bookFile = Uri.joinPath(folder, 'tokens.ipynb');
    await workspace.fs.writeFile(bookFile, new TextEncoder().encode(JSON.stringify(book)));
    const { document } = (await workspace.openNotebookDocument(bookFile)).cellAt(0);
    assert.equal(document.uri.scheme, 'vscode-notebook-cell');
    assert.match(await hoverText(document, 60), /not checked/);
    await workspace.fs.delete(bookFile);
    const file = Uri.joinPath(folder, 'server.log');
    await workspace.fs.writeFile(file, new TextEncoder().encode(`2026-11-24 10:00:00 INFO token=${token} user=ada\n`));
    const log = await workspace.openTextDocument(file);
    assert.match(await hoverText(log, 60), /not checked/);
    await workspace.fs.delete(file);
  });
});
