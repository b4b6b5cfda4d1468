import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, UserError } from './project.mjs';

/**
 * Makes the extension start its mock issuer and a connection named "Demo" when VS Code starts. Pass it as `env`; the
 * server gives its environment to the extension host.
 */
export const demoEnvironment = { JWT_WORKBENCH_DEMO: '1' };

/**
 * Settings of every window: no animations, no welcome page, no network requests.
 * @type {Record<string, unknown>}
 */
const quietSettings = {
  'workbench.startupEditor': 'none',
  'workbench.reduceMotion': 'on',
  'workbench.tips.enabled': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'chat.disableAIFeatures': true,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'remote.autoForwardPorts': false,
  // Otherwise VS Code lists all processes every few seconds, to find the ports that they listen on.
  'remote.autoForwardPortsSource': 'output',
  // Renders terminals as text, so that tests can read it.
  'terminal.integrated.gpuAcceleration': 'off',
  // Otherwise the Git extension runs git for each file that is opened.
  'git.autoRepositoryDetection': false,
  'git.openRepositoryInParentFolders': 'never',
  'telemetry.telemetryLevel': 'off',
};

/**
 * @typedef {object} ServerOptions
 * @property {string} [ports] a port or a range of ports; any free one by default
 * @property {boolean} [workspaceTrust] whether untrusted folders open in Restricted Mode; false by default
 * @property {Record<string, unknown>} [userSettings] user settings, merged over the quiet ones above
 * @property {readonly object[]} [keybindings] the content of `keybindings.json`
 * @property {boolean | readonly string[]} [lean] whether most of VS Code's built-in extensions are left out, or the names of
 * further ones that stay: each makes the start of a window slower, and each change of a setting, because VS Code then sends
 * the defaults of all to the extension host
 * @property {string} [userDataDir] kept afterwards; a temporary one by default
 * @property {string} [extensionsDir] kept afterwards; a temporary, empty one by default
 * @property {boolean | string} [installed] whether this extension is installed in all windows, or the folder from which it
 * is; if not, windows can have extensions under development
 * @property {Record<string, string>} [beside] the files of another extension to install
 * @property {Record<string, string>} [env] added to the environment of the extension host
 *
 * @typedef {Pick<ServerOptions, 'userSettings' | 'keybindings'>} User
 *
 * @typedef {object} Server
 * @property {string} url
 * @property {number} port
 * @property {number} pid
 * @property {string} folder a copy of the demo workspace, so that no file under version control is edited
 * @property {string} userDataDir contains `User/settings.json`, as on the desktop
 * @property {string} extensionsDir
 * @property {() => string} output everything the server has printed, for error reports
 * @property {Promise<unknown>} ended resolves when the server has ended, for whatever reason
 * @property {(user: User, open?: boolean) => Promise<void>} renew starts over with a new user and workspace; Linux only.
 *   With `open`, a window stays open and the extension keeps its storage
 * @property {() => Promise<void>} stop ends the server and everything it started, and removes its temporary folders
 *
 * @typedef {object} WindowOptions
 * @property {string} [folder] a folder or a `.code-workspace` file to open
 * @property {string | string[]} [extensionDevelopmentPath]
 * @property {string} [extensionTestsPath]
 * @property {boolean} [welcome] whether the window opens what `workbench.startupEditor` says
 */

/**
 * Starts VS Code's server from npm and waits until it listens on 127.0.0.1.
 * @param {import('./vscode-from-npm.mjs').VSCodeFromNpm} vscode
 * @param {ServerOptions} [options]
 * @returns {Promise<Server>}
 */
export async function startServer(vscode, options = {}) {
  const temporary = await realpath(await mkdtemp(join(tmpdir(), 'jwt-workbench-')));
  const userDataDir = options.userDataDir ?? join(temporary, 'user-data');
  const extensionsDir = options.extensionsDir ?? join(temporary, 'extensions');
  await mkdir(extensionsDir, { recursive: true });
  const folder = join(temporary, 'demo');
  await copyWorkspace(folder);
  if (options.installed) await install(extensionsDir, options.installed === true ? root : options.installed);
  for (const [name, text] of Object.entries(options.beside ?? {})) {
    await mkdir(join(extensionsDir, 'beside'), { recursive: true });
    await writeFile(join(extensionsDir, 'beside', name), text);
  }
  await writeUser(userDataDir, options);
  /** @type {Server['renew']} */
  const renew = async (user, open = false) => {
    // A closed window leaves its extension host and terminals running for a while, in case the user comes back.
    for (const pid of open ? [] : await childrenOf(child.pid ?? 0, /--type=(?:extensionHost|ptyHost)/))
      process.kill(pid, 'SIGKILL');
    if (!open) await rm(join(userDataDir, 'User'), { recursive: true, force: true });
    // An open window watches the folder itself, so it stays.
    for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
    await copyWorkspace(folder);
    await writeUser(userDataDir, user);
  };
  const redirector = await startRedirector();
  const args = [
    vscode.serverMain,
    ...['--host', '127.0.0.1', '--port', options.ports ?? '0', '--without-connection-token'],
    ...['--accept-server-license-terms', '--telemetry-level', 'off'],
    // Compressing costs both sides time, and the browser runs on the same machine.
    '--disable-websocket-compression',
    ...['--server-data-dir', join(temporary, 'server'), '--user-data-dir', userDataDir],
    ...['--extensions-dir', extensionsDir],
    ...(options.lean
      ? ['--builtin-extensions-dir', await leanExtensions(vscode, temporary, [options.lean].flat())]
      : []),
    // The built workbench ignores extensions under development without this flag. With it, notifications do not pop up.
    ...(options.installed ? [] : ['--enable-smoke-test-driver']),
    ...(options.workspaceTrust ? [] : ['--disable-workspace-trust']),
  ];
  const child = spawn(vscode.node, args, {
    // A separate process group, so that extension hosts and terminals can be ended together with the server.
    detached: process.platform !== 'win32',
    env: {
      ...process.env,
      EXTENSIONS_GALLERY: '{"serviceUrl":""}', // Prevents requests to an extension gallery, here and in the browser.
      VSCODE_PROXY_URI: redirector.template,
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk));
  const ended = new Promise(resolve => child.once('close', resolve));
  // For an exit caused by an uncaught error; normally stop() is called.
  const onExit = () => endGroup(child, 'SIGKILL');
  process.once('exit', onExit);

  const stop = async () => {
    process.off('exit', onExit);
    redirector.close();
    endGroup(child, 'SIGTERM');
    const impatient = setTimeout(() => endGroup(child, 'SIGKILL'), 2_000);
    await ended;
    clearTimeout(impatient);
    endGroup(child, 'SIGKILL'); // The server has ended, but an extension host may still be running.
    await rm(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  try {
    const port = await listening(child, () => output);
    const url = `http://127.0.0.1:${port}/`;
    const pid = child.pid ?? 0;
    return { url, port, pid, folder, userDataDir, extensionsDir, output: () => output, ended, renew, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The built-in extensions that all tests need: the colour themes, JSON with its schemas, and the kinds of files that they
 * open. */
const leanNames = [
  ...['theme-defaults', 'json', 'json-language-features', 'configuration-editing', 'shellscript'],
  ...['dotenv', 'ipynb', 'log', 'yaml'],
];

/**
 * @param {import('./vscode-from-npm.mjs').VSCodeFromNpm} vscode
 * @param {string} temporary
 * @param {(boolean | string | undefined)[]} further
 * @returns {Promise<string>} a folder with links to the built-in extensions that are left
 */
async function leanExtensions({ serverMain }, temporary, further) {
  const folder = join(temporary, 'built-in');
  await mkdir(folder);
  for (const name of [...leanNames, ...further.filter(each => typeof each === 'string')])
    await symlink(join(serverMain, '..', '..', 'extensions', name), join(folder, name));
  return folder;
}

/** @param {string} folder */
function copyWorkspace(folder) {
  return cp(join(root, 'test', 'fixtures', 'demo-workspace'), folder, { recursive: true });
}

/**
 * Reads Linux's process table.
 * @param {number} parent
 * @param {RegExp} command
 */
export async function childrenOf(parent, command) {
  const names = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const found = await Promise.all(
    names.map(async name => {
      const [status = '', line = ''] = await Promise.all(
        ['status', 'cmdline'].map(file => readFile(`/proc/${name}/${file}`, 'utf8').catch(() => '')),
      );
      return new RegExp(`^PPid:\\s*${parent}$`, 'm').test(status) && command.test(line) ? [Number(name)] : [];
    }),
  );
  return found.flat();
}

/**
 * At its first start, VS Code treats extensions in this folder as installed. The files are copied, because the next
 * build changes `dist`.
 * @param {string} extensionsDir
 * @param {string} folder with the extension
 */
async function install(extensionsDir, folder) {
  const { publisher, name, version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  for (const part of (await readdir(folder)).filter(each =>
    /^(package\.(nls\..*)?json|dist|l10n|media|schemas|syntaxes)$/.test(each),
  ))
    await cp(join(folder, part), join(extensionsDir, `${publisher}.${name}-${version}`, part), { recursive: true });
}

/**
 * A workbench in the browser opens addresses on its server's machine, such as an issuer's on 127.0.0.1, through a proxy
 * that this server lacks. The browser runs on the same machine, so it is redirected to the address itself.
 */
async function startRedirector() {
  const server = createServer(({ url = '' }, response) => {
    const [, port, rest = ''] = /^\/(\d{1,5})(\/.*)?$/.exec(url) ?? [];
    if (port === undefined) response.writeHead(404).end();
    else response.writeHead(302, { location: `http://127.0.0.1:${port}${rest || '/'}` }).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  return {
    // VS Code inserts the port. The workbench does not start if the template's own port is {{port}}.
    template: `http://127.0.0.1:${typeof address === 'object' && address?.port}/{{port}}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * @param {import('node:child_process').ChildProcessByStdio<null, import('node:stream').Readable, import('node:stream').Readable>} child
 * @param {() => string} output
 * @returns {Promise<number>} the port
 */
function listening(child, output) {
  return new Promise((resolve, reject) => {
    const fail = (/** @type {string} */ why) => {
      clearTimeout(timer);
      reject(new UserError(`VS Code's server ${why}. It printed:\n${output()}`));
    };
    const timer = setTimeout(() => fail('did not listen within 60 s'), 60_000);
    child.once('error', error => fail(`could not be started: ${error.message}`));
    child.once('exit', code => fail(`ended with exit code ${code} before it listened`));
    child.stdout.on('data', () => {
      const port = /Extension host agent listening on (\d+)/.exec(output())?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    });
  });
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {'SIGTERM' | 'SIGKILL'} signal
 */
function endGroup(child, signal) {
  if (child.pid === undefined) return;
  if (process.platform === 'win32') {
    if (child.exitCode === null) spawnSync('taskkill', ['/pid', String(child.pid), '/t', '/f']);
    return;
  }
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is already empty.
  }
}

/**
 * Writes the settings, over the quiet ones, and the keybindings. The server provides its `User` folder to the browser, so
 * what is written before the window opens applies from the start, including application-scoped settings.
 * @param {string} userDataDir
 * @param {User} [user]
 */
export async function writeUser(userDataDir, { userSettings, keybindings = [] } = {}) {
  const folder = join(userDataDir, 'User');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'settings.json'), JSON.stringify({ ...quietSettings, ...userSettings }, null, 2));
  await writeFile(join(folder, 'keybindings.json'), JSON.stringify(keybindings));
}

/**
 * @param {Server} server
 * @param {WindowOptions} options
 * @returns {string} the address of a window of this server
 */
export function windowUrl(server, { folder, extensionDevelopmentPath = [], extensionTestsPath, welcome = false }) {
  /** @param {string} path */
  const remote = path => `vscode-remote://127.0.0.1:${server.port}${pathToFileURL(path).pathname}`;
  const payload = [
    ...[extensionDevelopmentPath].flat().map(path => ['extensionDevelopmentPath', remote(path)]),
    ...(extensionTestsPath ? [['extensionTestsPath', remote(extensionTestsPath)]] : []),
    ...(welcome ? [] : [['skipWelcome', 'true']]),
  ];
  const url = new URL(server.url);
  if (folder) {
    const path = decodeURIComponent(pathToFileURL(folder).pathname);
    url.searchParams.set(folder.endsWith('.code-workspace') ? 'workspace' : 'folder', path);
  }
  url.searchParams.set('payload', JSON.stringify(payload));
  return url.href;
}
