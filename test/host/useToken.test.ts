import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  authentication,
  type CodeAction,
  type CodeLens,
  ConfigurationTarget,
  debug,
  env,
  type Hover,
  languages,
  type MarkdownString,
  Position,
  Range,
  commands as registry,
  Selection,
  ShellExecution,
  Task,
  TaskScope,
  tasks,
  WorkspaceEdit,
  window,
  workspace,
} from 'vscode';
import { hmacJwt } from '../support/signing.ts';
import { sawProcesses } from './secretWatch.ts';
import { activate, codeOf, eventually, run, signedIn } from './support.ts';

type SignedIn = Awaited<ReturnType<typeof signedIn>>;

describe('the token where it is used', function () {
  // Terminals, tasks and the debugger start at their first use.
  this.timeout(60_000);
  let session: SignedIn;
  let folder = '';
  const workspaceUri = () => workspace.workspaceFolders?.[0]?.uri.toString() ?? '';

  // Each test signs out at its end, so each starts anew.
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jwtw-use-'));
    session = await signedIn('use', { rotation: 'strict', accessTokenLifetime: 300 });
    const { testing } = await activate();
    // The consent that "Always Allow" stores; test/ui tests the question itself.
    const consent = { asker: { kind: 'workspace', uri: workspaceUri() }, connection: session.id, consent: 'always' };
    await testing.secrets.store('jwtWorkbench.consents', JSON.stringify([consent]));
  });
  afterEach(async () => {
    await session.end();
    await rm(folder, { recursive: true, force: true });
  });

  async function stored(): Promise<string> {
    await run('copyToken', { connection: session.id });
    return env.clipboard.readText();
  }

  it('is what getToken answers, fresh', async () => {
    assert.equal(await run<string>('getToken', { connection: session.id }), await stored());
    session.mock.clock.advance(1000);
    const fresh = await run<string>('getToken', { connection: session.id, minTtl: 299 });
    assert.equal(fresh, await stored());
    assert.equal(await codeOf(run('getToken', { connection: 'gone' })), 'connection_unknown');
    assert.equal(await codeOf(run('getToken', { connection: session.id, minTtl: 'soon' })), 'argument_invalid');
  });

  it('reaches a real terminal through jwtw, and is in no variable there', async () => {
    const terminal = window.createTerminal({ name: 'jwtw', shellPath: '/bin/bash' });
    // Shown, because visible text is searched for tokens too.
    terminal.show();
    const file = join(folder, 'token');
    terminal.sendText(`jwtw token ${session.id} > ${file} 2> ${file}.err; env > ${file}.env; echo $? > ${file}.done`);
    const isDone = async () => existsSync(`${file}.done`);
    // A shell starts slowly on a busy machine.
    for (let turn = 0; turn < 3; turn++) await eventually(isDone);
    assert.equal((await readFile(file, 'utf8')).trim(), await stored(), await readFile(`${file}.err`, 'utf8'));
    const variables = await readFile(`${file}.env`, 'utf8');
    assert.match(variables, /^JWTW_SOCKET=/m);
    assert.doesNotMatch(variables, /eyJ[\w-]{10}/);
    sawProcesses();
    terminal.dispose();
  });

  it('reaches a task through jwtw', async () => {
    const file = join(folder, 'task');
    const task = new Task(
      { type: 'shell' },
      TaskScope.Workspace,
      'token',
      'test',
      new ShellExecution(`jwtw token ${session.id} > ${file}`),
    );
    const ended = new Promise<number | undefined>(done => {
      const watch = tasks.onDidEndTaskProcess(event => {
        if (event.execution.task.name !== 'token') return;
        watch.dispose();
        done(event.exitCode);
      });
    });
    await tasks.executeTask(task);
    assert.equal(await ended, 0);
    assert.equal((await readFile(file, 'utf8')).trim(), await stored());
  });

  it('reaches a task of tasks.json through an input variable', async () => {
    const file = join(folder, 'task');
    const { reference } = await run<{ reference: string }>('useInConfiguration', {
      connection: session.id,
      file: 'tasks',
    });
    assert.equal(reference, `\${input:jwtWorkbench.${session.id}}`);
    assert.equal(await env.clipboard.readText(), reference);
    const written = workspace
      .getConfiguration('tasks', workspace.workspaceFolders?.[0]?.uri)
      .get<{ id: string }[]>('inputs');
    assert.deepEqual(
      written?.filter(({ id }) => id === `jwtWorkbench.${session.id}`),
      [
        {
          id: `jwtWorkbench.${session.id}`,
          type: 'command',
          command: 'jwtWorkbench.getToken',
          args: { connection: session.id },
        },
      ],
    );
    const configuration = workspace.getConfiguration('tasks', workspace.workspaceFolders?.[0]?.uri);
    const options = { env: { GIVEN: reference } };
    // Closed, because its shell has the token in a variable as long as it runs.
    const presentation = { close: true };
    const entries = [
      { label: 'given', type: 'shell', command: `printenv GIVEN > ${file}.given`, options, presentation },
    ];
    await configuration.update('tasks', entries, ConfigurationTarget.WorkspaceFolder);
    const isOver = new Promise<void>(done => {
      const watch = tasks.onDidEndTaskProcess(event => {
        if (event.execution.task.name !== 'given') return;
        watch.dispose();
        done();
      });
    });
    await registry.executeCommand('workbench.action.tasks.runTask', 'given');
    await isOver;
    assert.equal((await readFile(`${file}.given`, 'utf8')).trim(), await stored());
    await configuration.update('tasks', undefined, ConfigurationTarget.WorkspaceFolder);
    await eventually(async () => !window.terminals.some(({ name }) => name === 'given'));
  });

  it('reaches a launch configuration through an input variable', async () => {
    const { reference } = await run<{ reference: string }>('useInConfiguration', {
      connection: session.id,
      file: 'launch',
    });
    // VS Code inserts the token before it asks the debugger, so nothing has to be started.
    const resolved = new Promise<string>(done => {
      const provider = debug.registerDebugConfigurationProvider('*', {
        resolveDebugConfigurationWithSubstitutedVariables(_, { env: variables }) {
          provider.dispose();
          done(variables.GIVEN);
          return undefined;
        },
      });
    });
    const configuration = {
      name: 'given',
      type: 'node',
      request: 'launch',
      program: 'x.js',
      env: { GIVEN: reference },
    };
    await workspace
      .getConfiguration('launch', workspace.workspaceFolders?.[0]?.uri)
      .update('configurations', [configuration], ConfigurationTarget.WorkspaceFolder);
    void debug.startDebugging(workspace.workspaceFolders?.[0], 'given');
    assert.equal(await resolved, await stored());
  });

  it('is inserted at the cursor, and takes the place of an older one in one undo step', async () => {
    const document = await workspace.openTextDocument({ language: 'http', content: 'Authorization: Bearer \n' });
    const editor = await window.showTextDocument(document);
    editor.selection = new Selection(0, 22, 0, 22);
    assert.deepEqual(await run('insertToken', { connection: session.id }), { inserted: true });
    const older = await stored();
    assert.ok(document.lineAt(0).text.endsWith(older));
    session.mock.clock.advance(2000);
    await run('refresh', { connection: session.id });
    const range: [number, number, number, number] = [0, 22, 0, 22 + older.length];
    const answer = await run<{ replaced: boolean }>('replaceToken', { uri: document.uri.toString(), range });
    assert.equal(answer.replaced, true);
    assert.ok(document.lineAt(0).text.endsWith(await stored()));
    assert.notEqual(await stored(), older);
    await registry.executeCommand('undo');
    assert.ok(document.lineAt(0).text.endsWith(older));
    const edit = new WorkspaceEdit();
    edit.replace(document.uri, new Range(0, 0, 1, 0), '');
    await workspace.applyEdit(edit);
    await registry.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  it('is offered on hover, above and as a quick fix where an ended one of its issuer and client stands', async () => {
    const end = Math.floor(Date.now() / 1000) - 60;
    const own = { iss: session.mock.issuer, client_id: 'demo', sub: 'ada', aud: 'api', exp: end };
    const old = (more: object) => hmacJwt('a secret of the tests, long enough', { ...own, ...more });
    const lines = [
      old({}),
      old({ client_id: 'another' }),
      old({ iss: 'https://issuer.example' }),
      old({ typ: 'Refresh' }),
    ];
    const document = await workspace.openTextDocument({ language: 'jwt', content: lines.join('\n\n') });
    await window.showTextDocument(document);
    const lenses = await registry.executeCommand<CodeLens[]>('vscode.executeCodeLensProvider', document.uri, 99);
    const offered = lenses.filter(({ command }) => command?.command === 'jwtWorkbench.replaceToken');
    assert.deepEqual(
      offered.map(({ range }) => range.start.line),
      [0],
    );
    const at = (line: number) => new Position(line, 10);
    for (const line of [0, 2, 4, 6]) {
      const hovers = await registry.executeCommand<Hover[]>('vscode.executeHoverProvider', document.uri, at(line));
      const text = hovers.flatMap(({ contents }) => contents.map(each => (each as MarkdownString).value)).join();
      assert.equal(text.includes('(command:jwtWorkbench.replaceToken?'), line === 0, text);
    }
    let fixes: CodeAction[] = [];
    await eventually(async () => {
      const [problem] = languages.getDiagnostics(document.uri).filter(({ code }) => code === 'exp_past');
      const name = 'vscode.executeCodeActionProvider';
      fixes = problem ? await registry.executeCommand<CodeAction[]>(name, document.uri, problem.range) : [];
      return fixes.length > 0;
    });
    const fix = fixes.find(({ title }) => title === 'Replace with a fresh token');
    assert.equal(fix?.isPreferred, true);
    const { command = '', arguments: given = [] } = fix.command ?? {};
    await registry.executeCommand(command, ...given);
    assert.equal(document.lineAt(0).text, await stored());
    await registry.executeCommand('undo');
    assert.equal(document.getText(), lines.join('\n\n'));
    await registry.executeCommand('workbench.action.revertAndCloseActiveEditor');
  });

  it('is an account for other extensions', async () => {
    const accounts = await authentication.getAccounts('jwtWorkbench');
    assert.ok(accounts.some(({ id }) => id === session.id));
    // Nothing is returned before the user has agreed. A test can only ask silently.
    const silent = await authentication.getSession('jwtWorkbench', [], {
      silent: true,
      account: { id: session.id, label: session.id },
    });
    assert.equal(silent, undefined);
  });

  it('is listed with the program that got it', async () => {
    await run('getToken', { connection: session.id });
    const list = await run<{ asker: string; connection: string }[]>('manageAccess');
    assert.deepEqual(list, [{ asker: 'workspace', connection: session.id, consent: 'always' }]);
  });
});
