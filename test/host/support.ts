import assert from 'node:assert/strict';
import {
  extensions,
  commands as registry,
  type SecretStorage,
  type TerminalLinkProvider,
  type TreeItem,
  workspace,
} from 'vscode';
import type { JwtWorkbenchApi } from '../../src/api.d.ts';
import { type CommandName, commands, extensionId } from '../../src/contributions.ts';
import type { ViewNode } from '../../src/core/view/viewNode.ts';
import { type MockServer, type MockServerOptions, startMockServer } from '../../src/mock/nodeServer.ts';
import type { ConnectionsTree } from '../../src/vscode/tree/provider.ts';
import { handedIn, saw } from './secretWatch.ts';

interface Testing {
  readonly tree: ConnectionsTree;
  readonly secrets: SecretStorage;
  /** As VS Code does with an address of this extension that is opened. */
  handleUri(query: string): Promise<void>;
  /** What opens addresses; a test puts its own there. */
  readonly browser: { open(url: string): PromiseLike<boolean> };
  /** What VS Code asks for each line of a terminal. */
  readonly links: TerminalLinkProvider;
}

export async function activate(): Promise<JwtWorkbenchApi & { readonly testing: Testing }> {
  const extension = extensions.getExtension<JwtWorkbenchApi & { testing(): Promise<Testing> }>(extensionId);
  assert.ok(extension, `${extensionId} is installed`);
  const api = await extension.activate();
  return { ...api, testing: await api.testing() };
}

/** Runs a command of ours as another extension would: with one argument object and nobody to ask. */
export async function run<Result = Record<string, unknown>>(name: CommandName, argument: object = {}): Promise<Result> {
  await activate();
  handedIn(argument);
  try {
    const answer = await registry.executeCommand<Result>(commands[name], argument);
    // What was encrypted may be a token, and is what was asked for; `getToken` answers nothing else.
    if (name !== 'decrypt' && name !== 'getToken') saw(`what ${name} answers`, answer);
    return answer;
  } catch (error) {
    saw(`why ${name} fails`, String(error));
    throw error;
  }
}

/** The code of the error that a command rejects with. The host hands on only the message, which ends with it. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof Error);
    assert.match(error.message, /^[A-Z0-9{].{20,} \[\w+\]$/s, 'a sentence, then the code');
    return /\[(\w+)\]$/.exec(error.message)?.[1] ?? error.message;
  }
  throw new assert.AssertionError({ message: 'the command should have failed' });
}

/** One row of the sidebar as text: "label: description". */
export interface Row {
  readonly text: string;
  readonly icon: string | undefined;
  readonly item: TreeItem;
  children(): Promise<Row[]>;
}

export async function rows(node?: ViewNode): Promise<Row[]> {
  const { tree } = (await activate()).testing;
  const children = (await tree.getChildren(node)) ?? [];
  return Promise.all(
    children.map(async child => {
      const item = await tree.getTreeItem(child);
      saw(`the row ${item.label}`, item);
      const icon =
        item.iconPath !== undefined && typeof item.iconPath === 'object' && 'id' in item.iconPath
          ? String(item.iconPath.id)
          : undefined;
      return { text: `${item.label}: ${item.description ?? ''}`, icon, item, children: () => rows(child) };
    }),
  );
}

/** The row whose label is `label`, below the rows that were asked for. */
export async function row(path: readonly string[]): Promise<Row> {
  let level = await rows();
  let found: Row | undefined;
  for (const label of path) {
    found = level.find(({ item }) => item.label === label);
    assert.ok(found, `"${label}" among ${level.map(({ text }) => text).join(' | ')}`);
    level = await found.children();
  }
  assert.ok(found);
  return found;
}

export interface Fixture {
  readonly mock: MockServer;
  readonly id: string;
  end(): Promise<void>;
}

/** What a test that failed half way has left open: it must not fail the next one. */
const opened = new Set<Fixture>();
afterEach(async () => {
  for (const fixture of opened) await fixture.end();
});

/** A mock issuer of the test's own, a connection to it in the user's settings, and its first tokens imported. */
export async function signedIn(id: string, options: MockServerOptions = {}): Promise<Fixture> {
  const mock = await startMockServer(options);
  await run('addConnection', { connection: { id, issuer: mock.issuer, clientId: 'demo' } });
  await run('importTokens', {
    connection: id,
    text: JSON.stringify(await mock.issueTokens({ clientId: 'demo' })),
  });
  const fixture: Fixture = {
    mock,
    id,
    async end() {
      opened.delete(fixture);
      await run('removeConnection', { connection: id });
      await mock.close();
    },
  };
  opened.add(fixture);
  return fixture;
}

/** Puts the user's setting to `value`, runs `work`, and puts it back. */
export async function withSetting(value: unknown, work: () => Promise<void>): Promise<void> {
  const configuration = workspace.getConfiguration('jwtWorkbench');
  const before = configuration.inspect('connections')?.globalValue;
  await configuration.update('connections', value, true);
  try {
    await work();
  } finally {
    await workspace.getConfiguration('jwtWorkbench').update('connections', before, true);
  }
}

/** What VS Code's own events bring comes in its own time; until then the turn of other tasks is yielded to. */
export async function eventually(condition: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 500; turn++) {
    if (await condition()) return;
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
