import assert from 'node:assert/strict';
import { type CodeAction, languages, commands as registry, Uri, workspace } from 'vscode';
import { hmacJwt } from '../support/signing.ts';
import { run, signedIn } from './support.ts';

interface Found {
  readonly leaks: readonly { readonly uri: string; readonly line: number; readonly kind: string }[];
}

const seconds = Math.floor(Date.now() / 1000);
const valid = hmacJwt('a secret of the tests, long enough', { sub: 'ada', exp: seconds + 600 });
const expired = hmacJwt('a secret of the tests, long enough', { sub: 'ada', exp: seconds - 600 });

describe('tokens in files of the workspace', () => {
  const folder = () => workspace.workspaceFolders?.[0]?.uri ?? Uri.file('/');
  const file = () => Uri.joinPath(folder(), 'leaks', '.env');
  after(() => workspace.fs.delete(Uri.joinPath(folder(), 'leaks'), { recursive: true }));

  it('are found and listed, moved out, and gone from the list', async () => {
    const { mock, id, end } = await signedIn('leaks');
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
    assert.equal(document.lineAt(1).text, 'ACCESS=JWT_WORKBENCH_TOKEN');
    for (let tries = 0; tries < 60 && languages.getDiagnostics(file()).length > 1; tries++)
      await new Promise(resolve => setTimeout(resolve, 50));
    assert.equal(languages.getDiagnostics(file()).length, 1);
    await document.save();
    assert.equal((await run<Found>('findLeaks')).leaks.filter(({ uri }) => uri === file().toString()).length, 1);
    assert.ok(id);
    await end();
  });
});
