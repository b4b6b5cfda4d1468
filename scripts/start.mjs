import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { buildExtension, printSizes } from './build.mjs';
import { ensureDependencies } from './lib/ensure.mjs';
import { runScript, UserError } from './lib/project.mjs';
import { startServer, windowUrl } from './lib/server.mjs';
import { ensureVSCodeFromNpm } from './lib/vscode-from-npm.mjs';

/**
 * `npm start` opens a VS Code in the browser with this extension and a mock issuer, to try things out. It shows the
 * extension's view and the README of a demo workspace. Nothing has to be installed.
 */
async function main() {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '3200' }, open: { type: 'boolean', default: true } },
    allowNegative: true,
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_435)
    throw new UserError(`--port wants a number from 1 to 65435, and ${values.port} is none.`);
  await ensureDependencies();
  printSizes(await buildExtension());
  // Resolves when the user presses Ctrl-C, kills the process or closes the terminal.
  const asked = new Promise(resolve => {
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.once(signal, resolve);
  });
  const vscode = await ensureVSCodeFromNpm({ browser: false });
  const server = await startServer(vscode, {
    ports: `${port}-${port + 99}`, // The first free port of the range is used.
    installed: true,
    env: { JWT_WORKBENCH_DEMO: 'shown' },
    userSettings: { 'workbench.startupEditor': 'readme' },
  });
  try {
    const url = windowUrl(server, { folder: server.folder, welcome: true });
    const bar = '='.repeat(72);
    console.log(`\n${bar}\n\n  JWT Workbench in VS Code ${vscode.version}, with a mock issuer. Open:\n\n  ${url}\n`);
    console.log(`  Ctrl-C ends it.\n\n${bar}\n`);
    if (values.open) openBrowser(url);
    await Promise.race([asked, server.ended]);
  } finally {
    await server.stop();
    console.log('Stopped.');
  }
}

/**
 * Opens the browser if there is a screen. Failures are ignored, because the address was printed.
 * @param {string} url
 */
function openBrowser(url) {
  const { platform, env } = process;
  if (platform === 'linux' && !env.DISPLAY && !env.WAYLAND_DISPLAY) return;
  const [command, ...args] =
    platform === 'darwin'
      ? ['open']
      : platform === 'win32'
        ? ['rundll32', 'url.dll,FileProtocolHandler'] // Not `start`, because the shell would cut the address at its &.
        : ['xdg-open'];
  spawn(command, [...args, url], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref();
}

runScript(main);
