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
  /** Called by VS Code when an address of this extension is opened. */
  handleUri(query: string): Promise<void>;
  /** Opens addresses; a test can replace `open`. */
  readonly browser: { open(url: string): PromiseLike<boolean> };
  /** Called by VS Code for each line of a terminal. */
  readonly links: TerminalLinkProvider;
}

export async function activate(): Promise<JwtWorkbenchApi & { readonly testing: Testing }> {
  const extension = extensions.getExtension<JwtWorkbenchApi & { testing(): Promise<Testing> }>(extensionId);
  assert.ok(extension, `${extensionId} is installed`);
  const api = await extension.activate();
  return { ...api, testing: await api.testing() };
}

/** Runs a command as another extension would: with one argument object and no user to ask. */
export async function run<Result = Record<string, unknown>>(name: CommandName, argument: object = {}): Promise<Result> {
  await activate();
  handedIn(argument);
  try {
    const answer = await registry.executeCommand<Result>(commands[name], argument);
    // The results of `decode` and `getToken` may contain a token, as requested, so they are not recorded.
    if (name !== 'decrypt' && name !== 'getToken') saw(`what ${name} answers`, answer);
    return answer;
  } catch (error) {
    saw(`why ${name} fails`, String(error));
    throw error;
  }
}

/** The code of the error that a command rejects with. The host passes on only the message, which ends with the code. */
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

/** The row with this path of labels. */
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

/** Fixtures that a failed test left open; they are closed so that the next test is not affected. */
const opened = new Set<Fixture>();
afterEach(async () => {
  for (const fixture of opened) await fixture.end();
});

/**
 * Starts a mock issuer for the test, adds a connection to it to the user's settings, and imports its first tokens. Signs with
 * ES256 unless the test wants another key, because making an RSA key takes longer than most tests.
 */
export async function signedIn(id: string, options: MockServerOptions = {}): Promise<Fixture> {
  const mock = await startMockServer({ alg: 'ES256', ...options });
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

/** Sets the user's setting to `value`, runs `work`, and restores the setting. */
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

/** Waits for effects of VS Code's own events, and yields to other tasks in the meantime. */
export async function eventually(condition: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 500; turn++) {
    if (await condition()) return;
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
