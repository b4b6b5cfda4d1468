import assert from 'node:assert/strict';
import { type CodeAction, env, languages, commands as registry, Uri, workspace } from 'vscode';
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
    assert.match(problem?.message ?? '', /still works/);
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
    // Beside the one that the connection has: nothing is replaced.
    await run('removeConnection', { connection: 'pasted' });
    await end();
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
