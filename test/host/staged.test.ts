import assert from 'node:assert/strict';
import { ConfigurationTarget, DiagnosticSeverity, extensions, languages, Uri, workspace } from 'vscode';
import { hmacJwt } from '../support/signing.ts';
import { codeOf, eventually, run } from './support.ts';

interface Found {
  readonly searched: number;
  readonly leaks: readonly { readonly uri: string; readonly line: number; readonly kind: string }[];
}

interface Repository {
  add(paths: string[]): Promise<void>;
  readonly state: { readonly indexChanges: readonly { readonly uri: Uri }[] };
  status(): Promise<void>;
}

interface Git {
  getAPI(version: 1): { init(root: Uri): Promise<Repository | null> };
}

const seconds = Math.floor(Date.now() / 1000);
const token = (exp: number) => hmacJwt('a secret of the tests, long enough', { sub: 'ada', exp });
const encode = (text: string) => new TextEncoder().encode(text);

describe('tokens that are about to be committed', function () {
  this.timeout(60_000);
  const folder = Uri.joinPath(workspace.workspaceFolders?.[0]?.uri ?? Uri.file('/'), 'staged');
  const [staged, loose] = [Uri.joinPath(folder, 'staged.env'), Uri.joinPath(folder, 'loose.env')];
  const configuration = () => workspace.getConfiguration('jwtWorkbench');
  let repository: Repository | null = null;

  before(async function () {
    const git = extensions.getExtension<Git>('vscode.git');
    if (!git) {
      assert.equal(await codeOf(run('findLeaks', { staged: true })), 'git_unavailable');
      this.skip();
    }
    await workspace.fs.createDirectory(folder);
    repository = await (await git.activate()).getAPI(1).init(folder);
    assert.ok(repository, 'a repository of the test');
  });
  after(async () => {
    await configuration().update('warnWhenStaged', undefined, ConfigurationTarget.Global);
    await workspace.fs.delete(folder, { recursive: true });
  });

  it('are found in the staged content, even if the file has changed, and nothing else is', async () => {
    assert.ok(repository);
    await workspace.fs.writeFile(staged, encode(`# a comment\nTOKEN=${token(seconds + 600)}\n`));
    await workspace.fs.writeFile(loose, encode(`TOKEN=${token(seconds + 700)}\n`));
    await repository.add([staged.fsPath]);
    // The file no longer contains the token, but the staged content does.
    await workspace.fs.writeFile(staged, encode('# a comment\nTOKEN=\n'));
    await repository.status();
    const { leaks, searched } = await run<Found>('findLeaks', { staged: true });
    assert.equal(searched, 1);
    assert.deepEqual(leaks, [{ uri: staged.toString(), line: 2, kind: 'token' }]);
    const [problem] = languages.getDiagnostics(staged);
    assert.equal(problem?.severity, DiagnosticSeverity.Error);
    assert.match(problem?.message ?? '', /token that expires in .*about to be committed/i);
    assert.doesNotMatch(problem?.message ?? '', /eyJ/);
    assert.deepEqual(languages.getDiagnostics(loose), []);
  });

  it('are not called absent if Git cannot read the staged content', async () => {
    assert.ok(repository);
    const objects = Uri.joinPath(folder, '.git', 'objects');
    await workspace.fs.delete(objects, { recursive: true });
    await workspace.fs.createDirectory(objects);
    assert.equal(await codeOf(run('findLeaks', { staged: true })), 'staged_unreadable');
    await workspace.fs.writeFile(staged, encode(`# a comment\nTOKEN=${token(seconds + 600)}\n`));
    await repository.add([staged.fsPath]);
    const { leaks } = await run<Found>('findLeaks', { staged: true });
    assert.deepEqual(leaks, [{ uri: staged.toString(), line: 2, kind: 'token' }]);
  });

  it('are looked for by themselves where the setting says so', async () => {
    assert.ok(repository);
    await configuration().update('warnWhenStaged', true, ConfigurationTarget.Global);
    // Files that were already staged are reported at once.
    await repository.add([loose.fsPath]);
    await repository.status();
    await eventually(async () => languages.getDiagnostics(loose).length > 0);
    assert.match(languages.getDiagnostics(loose)[0]?.message ?? '', /about to be committed/);
  });
});
