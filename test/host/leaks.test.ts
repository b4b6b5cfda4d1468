import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { type CodeAction, env, languages, commands as registry, Uri, workspace } from 'vscode';
import { leakCorpus } from '../support/leakCorpus.ts';
import { hmacJwt } from '../support/signing.ts';
import { run, signedIn } from './support.ts';

interface Found {
  readonly leaks: readonly { readonly uri: string; readonly line: number; readonly kind: string }[];
}

interface Moved {
  readonly moved: boolean;
  readonly connection?: string;
}

const seconds = Math.floor(Date.now() / 1000);
const valid = hmacJwt('a secret of the tests, long enough', { sub: 'ada', exp: seconds + 600 });
const another = hmacJwt('a secret of the tests, long enough', { sub: 'grace', exp: seconds + 600 });
const expired = hmacJwt('a secret of the tests, long enough', { sub: 'ada', exp: seconds - 600 });

describe('tokens in files of the workspace', () => {
  const folder = () => workspace.workspaceFolders?.[0]?.uri ?? Uri.file('/');
  const file = () => Uri.joinPath(folder(), 'leaks', '.env');
  after(() => workspace.fs.delete(Uri.joinPath(folder(), 'leaks'), { recursive: true }));

  it('are found and listed, moved out, and gone from the list', async () => {
    const { mock, end } = await signedIn('leaks');
    const tokens = await mock.issueTokens({ clientId: 'demo' });
    const lines = [`OLD=${expired}`, `ACCESS=${tokens.access_token}`, `PLAIN=${valid}`, 'REFRESH_TOKEN=your-token'];
    await workspace.fs.writeFile(file(), new TextEncoder().encode(lines.join('\n')));

    const { leaks } = await run<Found>('findLeaks');
    const here = leaks.filter(({ uri }) => uri === file().toString());
    assert.deepEqual(
      here.map(({ line, kind }) => [line, kind]),
      [
        [2, 'token'],
        [3, 'token'],
      ],
    );
    assert.ok(!leaks.some(({ uri }) => uri.endsWith('token.jwt')), 'the expired token of the demo is no leak');
    const [problem] = languages.getDiagnostics(file());
    assert.match(problem?.message ?? '', /^A token that expires in /);
    assert.doesNotMatch(problem?.message ?? '', /eyJ/);

    const document = await workspace.openTextDocument(file());
    const actions = await registry.executeCommand<CodeAction[]>(
      'vscode.executeCodeActionProvider',
      file(),
      problem?.range,
    );
    const move = actions.find(({ title }) => title.startsWith('Move into JWT Workbench'));
    assert.ok(move?.command);
    assert.doesNotMatch(JSON.stringify(move.command.arguments), /eyJ/);
    await registry.executeCommand(move.command.command, ...(move.command.arguments ?? []));
    assert.equal(document.lineAt(1).text, 'ACCESS=JWT_WORKBENCH_TOKEN:pasted:access_token');
    for (let tries = 0; tries < 60 && languages.getDiagnostics(file()).length > 1; tries++)
      await new Promise(resolve => setTimeout(resolve, 50));
    assert.equal(languages.getDiagnostics(file()).length, 1);
    await document.save();
    assert.equal((await run<Found>('findLeaks')).leaks.filter(({ uri }) => uri === file().toString()).length, 1);
    assert.ok(actions.some(({ command }) => command?.command === 'jwtWorkbench.decodeSelection'));
    await run('clearLeaks');
    assert.deepEqual(languages.getDiagnostics(file()), []);
    // The token was moved to `pasted`, because the connection holds another one, which must not be replaced.
    await run('removeConnection', { connection: 'pasted' });
    await end();
  });

  it('are found in hidden files and strings in strings, and nowhere that the settings exclude', async () => {
    const at = (...path: string[]) => Uri.joinPath(folder(), 'leaks', ...path);
    const write = (uri: Uri, text: string) => workspace.fs.writeFile(uri, new TextEncoder().encode(text));
    const refreshToken = 'v1.Mr8a2kd0xZq93hDkeQ_lls0';
    const har = {
      log: { entries: [{ response: { content: { text: JSON.stringify({ refresh_token: refreshToken }) } } }] },
    };
    await write(at('.hidden', 'a.har'), JSON.stringify(har));
    await write(at('secret.yaml'), `kind: Secret\ndata:\n  token: ${btoa(valid)}\n`);
    await write(at('query.sh'), `curl -d 'refresh_token=${encodeURIComponent('1//0gLu-abcDEF_ghiJKLmno012')}'\n`);
    await write(at('node_modules', 'a.env'), `TOKEN=${valid}\n`);
    await write(at('excluded', 'a.env'), `TOKEN=${valid}\n`);
    await write(at('binary.env'), `\0TOKEN=${valid}\n`);
    // The search uses VS Code's own program; one in the workspace must never run.
    const trap = at('..', 'node_modules', '@vscode', 'ripgrep', 'bin', 'rg');
    await write(trap, '#!/bin/sh\ntouch "$0.was-run"\n');
    if (trap.scheme === 'file') await chmod(trap.fsPath, 0o755);
    const exclude = workspace.getConfiguration('files').inspect<object>('exclude')?.globalValue;
    await workspace.getConfiguration('files').update('exclude', { '**/excluded': true }, true);
    try {
      const { leaks, searched } = await run<Found & { searched: number }>('findLeaks');
      const found = leaks.map(({ uri, line, kind }) => [uri.slice(uri.lastIndexOf('leaks/') + 6), line, kind]);
      assert.deepEqual(
        found.filter(([name]) => !String(name).includes('.env') || /node_modules|excluded|binary/.test(String(name))),
        [
          ['.hidden/a.har', 1, 'refresh_token'],
          ['query.sh', 1, 'refresh_token'],
          ['secret.yaml', 3, 'token'],
        ],
      );
      assert.ok(searched >= 4, `${searched} files were looked into`);
      await assert.rejects(async () => workspace.fs.stat(Uri.joinPath(trap, '..', 'rg.was-run')));
    } finally {
      await workspace.getConfiguration('files').update('exclude', exclude, true);
      await workspace.fs.delete(at('..', 'node_modules'), { recursive: true });
    }
  });

  it('are found in exactly those files in which a scan of all files finds one', async () => {
    const corpus = Uri.joinPath(folder(), 'leaks', 'corpus');
    const files = leakCorpus(Date.now());
    await Promise.all(
      files.map(({ name, text }) => workspace.fs.writeFile(Uri.joinPath(corpus, name), new TextEncoder().encode(text))),
    );
    const { leaks } = await run<Found>('findLeaks');
    const found = leaks.flatMap(({ uri, kind }) =>
      uri.startsWith(`${corpus}/`) ? [`${uri.slice(corpus.toString().length + 1)}: ${kind}`] : [],
    );
    await workspace.fs.delete(corpus, { recursive: true });
    await run('clearLeaks');
    const expected = files.flatMap(({ name, kind }) => (kind === undefined ? [] : [`${name}: ${kind}`]));
    assert.deepEqual(found.sort(), expected.sort());
  });

  it('are kept both where two are moved one after the other, and the file says where each is', async () => {
    const two = Uri.joinPath(folder(), 'leaks', 'two.env');
    const lines = [`ONE=${valid}`, `TWO=${another}`, `ONE_AGAIN=${valid}`];
    await workspace.fs.writeFile(two, new TextEncoder().encode(lines.join('\n')));
    const document = await workspace.openTextDocument(two);
    const move = (line: number) => {
      const { length } = document.lineAt(line).text;
      const start = document.lineAt(line).text.indexOf('=') + 1;
      return run<Moved>('moveToken', { uri: two.toString(), range: [line, start, line, length] });
    };
    const moved = [await move(0), await move(1), await move(2)];
    assert.deepEqual(
      moved.map(({ connection }) => connection),
      ['pasted', 'pasted-2', 'pasted'],
    );
    assert.equal(
      document.getText(),
      [
        'ONE=JWT_WORKBENCH_TOKEN:pasted:access_token',
        'TWO=JWT_WORKBENCH_TOKEN:pasted-2:access_token',
        'ONE_AGAIN=JWT_WORKBENCH_TOKEN:pasted:access_token',
      ].join('\n'),
    );
    for (const [connection, token] of [
      ['pasted', valid],
      ['pasted-2', another],
    ] as const) {
      await run('copyToken', { connection });
      assert.ok((await env.clipboard.readText()) === token, `${connection} has its token`);
      await run('removeConnection', { connection });
    }
    await document.save();
  });
});
