import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildExtension, printSizes } from './build.mjs';
import { createDemoWorkspace, demoEnvironment } from './lib/demo.mjs';
import { ensureDependencies } from './lib/ensure.mjs';
import { root, runScript, UserError } from './lib/project.mjs';
import { startServer, windowUrl } from './lib/server.mjs';
import { ensureVSCodeFromNpm } from './lib/vscode-from-npm.mjs';

/**
 * `npm start`: a VS Code with this extension and a mock issuer in it, to try things out. Nothing has to be installed.
 */
async function main() {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '3200' },
      desktop: { type: 'boolean', default: false },
      open: { type: 'boolean', default: true },
    },
    allowNegative: true,
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_435)
    throw new UserError(`--port wants a number from 1 to 65435, and ${values.port} is none.`);
  await ensureDependencies();
  printSizes(await buildExtension());
  const workspace = await createDemoWorkspace();
  try {
    await (values.desktop ? runDesktop(workspace.folder) : runInBrowser(workspace, port, values.open));
  } finally {
    await workspace.remove();
  }
}

/**
 * @param {{ folder: string, extension: string }} workspace
 * @param {number} firstPort
 * @param {boolean} open
 */
async function runInBrowser({ folder, extension }, firstPort, open) {
  const asked = askedToStop();
  const vscode = await ensureVSCodeFromNpm({ browser: false });
  const port = await freePort(firstPort);
  const server = await startServer(vscode, { port, installed: extension, env: demoEnvironment });
  try {
    const url = windowUrl(server, { folder });
    const bar = '='.repeat(72);
    console.log(`\n${bar}\n\n  JWT Workbench in VS Code ${vscode.version}, with a mock issuer. Open:\n\n  ${url}\n`);
    console.log(`  Ctrl-C ends it.\n\n${bar}\n`);
    if (open) openBrowser(url);
    await Promise.race([asked, server.ended]);
  } finally {
    await server.stop();
    console.log('Stopped.');
  }
}

/** @returns {Promise<void>} resolves at Ctrl-C, a kill, or when the terminal is closed */
function askedToStop() {
  return new Promise(resolve => {
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.once(signal, () => resolve());
  });
}

/**
 * @param {number} first
 * @returns {Promise<number>} `first`, or the next port that is free on 127.0.0.1
 */
async function freePort(first) {
  for (let port = first; port < first + 100; port++) {
    const free = await new Promise(resolve => {
      const probe = createServer()
        .once('error', () => resolve(false))
        .listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new UserError(`No port from ${first} to ${first + 99} is free. Choose another: npm start -- --port 4000`);
}

/**
 * Where there is a screen. What goes wrong is no matter: the address has been printed.
 * @param {string} url
 */
function openBrowser(url) {
  const { platform, env } = process;
  if (platform === 'linux' && !env.DISPLAY && !env.WAYLAND_DISPLAY) return;
  /** @type {[string, string[]]} */
  const [command, args] =
    platform === 'darwin'
      ? ['open', [url]]
      : platform === 'win32'
        ? ['rundll32', ['url.dll,FileProtocolHandler', url]] // Not `start`: the shell would cut the address at its &.
        : ['xdg-open', [url]];
  spawn(command, args, { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref();
}

/**
 * The VS Code that is installed, with user data of its own.
 * @param {string} folder the workspace; user data goes beside it and is removed with it
 */
async function runDesktop(folder) {
  const asked = askedToStop().then(() => 'asked');
  const userData = join(folder, '..', 'u');
  const args = [
    `--extensionDevelopmentPath=${root}`,
    `--user-data-dir=${userData}`,
    `--extensions-dir=${join(folder, '..', 'e')}`,
    ...['--disable-workspace-trust', '--skip-welcome', '--new-window', '--wait', folder],
  ];
  const shell = process.platform === 'win32'; // There `code` is a .cmd file.
  const child = spawn('code', shell ? args.map(arg => `"${arg}"`) : args, {
    env: { ...process.env, ...demoEnvironment },
    stdio: 'inherit',
    shell,
  });
  console.log('VS Code opens in its own window. Closing the window ends it, and so does Ctrl-C.');
  const ended = new Promise((resolve, reject) => {
    const advice =
      'Install VS Code and its `code` command (in VS Code: "Shell Command: Install code command in PATH"), ' +
      'or run npm start without --desktop: that needs no VS Code.';
    child.on('error', () => reject(new UserError(`There is no command \`code\`. ${advice}`)));
    child.on('close', code => (code === 0 ? resolve(undefined) : reject(new UserError(`\`code\` failed. ${advice}`))));
  });
  // Ctrl-C ends the command as well, maybe a moment before it is heard here, and that is no failure.
  ended.catch(() => {});
  const first = await Promise.race([asked, ended.finally(() => new Promise(resolve => setTimeout(resolve, 100)))]);
  if (first === 'asked') await endDesktop(userData);
}

/**
 * The window is no child of the command that opened it. VS Code notes its process in its user data.
 * @param {string} userData
 */
async function endDesktop(userData) {
  const pid = Number(await readFile(join(userData, 'code.lock'), 'utf8').catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 0) return; // It had not come to open one.
  try {
    process.kill(pid, 'SIGTERM');
    for (let tries = 0; tries < 50; tries++) {
      await new Promise(resolve => setTimeout(resolve, 100));
      process.kill(pid, 0);
    }
  } catch {
    // It is gone.
  }
  console.log('Stopped.');
}

runScript(main);
