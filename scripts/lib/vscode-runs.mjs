import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, UserError } from './project.mjs';
import { grepVariable, readResults, resultsVariable } from './results.mjs';
import { searchForSecrets, secretsVariable } from './secrets.mjs';
import { writeUserSettings } from './server.mjs';
import { ensureVSCodeFromNpm } from './vscode-from-npm.mjs';

/**
 * @typedef {{ executable: string, fromNpm: boolean, label: string }} VSCode `label` says which one it is
 */

const npmExecutable = join(root, 'scripts', 'vscode-npm-cli.mjs');

/** @returns {Promise<VSCode>} */
export async function vscodeFromNpm() {
  const { version } = await ensureVSCodeFromNpm();
  return { executable: npmExecutable, fromNpm: true, label: `VS Code ${version}, web workbench, from npm` };
}

/**
 * The VS Code for the tests inside it. `wanted` is `npm`, or a version for `@vscode/test-electron` to download
 * (`stable`, `insiders`, `1.105.0`); without it a download of the stable desktop is tried, and where that fails (no way
 * to the internet) the one from npm takes its place.
 * @param {string | undefined} wanted
 * @returns {Promise<VSCode>}
 */
export async function chooseVSCode(wanted) {
  if (wanted === 'npm') return vscodeFromNpm();
  const hasScreen = process.platform !== 'linux' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY;
  if (!wanted && !hasScreen) return vscodeFromNpm();
  try {
    const { downloadAndUnzipVSCode } = await import('@vscode/test-electron');
    const version = wanted ?? 'stable';
    const executable = await downloadAndUnzipVSCode({ version, cachePath: join(root, '.vscode-test') });
    // The folder of the download is named after what it holds, like vscode-linux-x64-1.139.1.
    const exact = /[\\/]vscode-[a-z0-9-]+?-(\d+\.\d+\.\d+[^\\/]*)[\\/]/.exec(executable)?.[1] ?? version;
    return { executable, fromNpm: false, label: `VS Code ${exact}, desktop` };
  } catch (error) {
    if (wanted) throw error;
    console.log('No desktop VS Code can be downloaded here; the one from npm takes its place.');
    return vscodeFromNpm();
  }
}

/**
 * Runs the built tests of `out/test/<kind>` inside VS Code, on a copy of the demo workspace and fresh user data.
 * @param {VSCode} vscode
 * @param {'host' | 'vsix'} kind
 * @param {{ extensionDevelopmentPath: string, install?: string, grep?: string | undefined }} options `install`: a .vsix to be installed first
 * @returns {Promise<import('./results.mjs').Results>}
 */
export async function runInVSCode(vscode, kind, { extensionDevelopmentPath, install, grep }) {
  // Short names: the desktop makes a socket below user-data, and on macOS its path may have 103 characters only.
  const temporary = mkdtempSync(join(tmpdir(), 'jwtw-'));
  const userData = join(temporary, 'u');
  const extensions = join(temporary, 'e');
  const workspace = join(temporary, 'workspace');
  const resultsFile = join(temporary, 'results.json');
  const secretsFile = join(temporary, 'secrets.json');
  try {
    cpSync(join(root, 'test', 'fixtures', 'demo-workspace'), workspace, { recursive: true });
    await writeUserSettings(userData);
    const profile = [`--user-data-dir=${userData}`, `--extensions-dir=${extensions}`];
    if (install) await installExtension(vscode, install, profile);
    const { runTests } = await import('@vscode/test-electron');
    const error = await runTests({
      vscodeExecutablePath: vscode.executable,
      extensionDevelopmentPath,
      extensionTestsPath: join(root, 'out', 'test', kind, 'index.mjs'),
      launchArgs: [workspace, ...profile],
      extensionTestsEnv: {
        [resultsVariable]: resultsFile,
        [grepVariable]: grep,
        [secretsVariable]: secretsFile,
        NO_COLOR: process.stdout.isTTY ? undefined : '1',
      },
    }).then(
      () => undefined,
      error => error,
    );
    const results = readResults(resultsFile);
    // Without results VS Code or the loading of the tests failed; with them the failures are known one by one.
    if (!results) throw error ?? new Error('VS Code ended without running the tests.');
    if (error && results.failed === 0) throw error;
    return kind === 'host' ? withSecrecy(results, secretsFile, [userData, extensions], !grep) : results;
  } finally {
    rmSync(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/**
 * One more test, which only the end of VS Code makes possible: no secret of the run is in what the extension said and
 * showed, nor in any file that it has left, logs and output channels among them.
 * @param {import('./results.mjs').Results} results
 * @param {string} file
 * @param {string[]} folders
 * @param {boolean} whole whether all tests ran
 * @returns {import('./results.mjs').Results}
 */
function withSecrecy(results, file, folders, whole) {
  const { leaks, secrets, files } = searchForSecrets(file, folders);
  const logs = files.filter(({ where, text }) => where.endsWith('.log') && text.includes(' refresh {'));
  // What finds nothing must have looked at something.
  if (whole && (secrets < 100 || logs.length === 0))
    leaks.push(`${secrets} secrets and ${logs.length} logs of refreshes are too few`);
  console.log(`  secrets of this run: ${secrets}, looked for in ${files.length} files`);
  if (leaks.length === 0) return { ...results, passed: results.passed + 1 };
  const title = 'secrets of the whole run are in no file, log, answer, row or notification';
  const failures = [...results.failures, { title, message: leaks.join(', ') }];
  return { ...results, failed: results.failed + 1, failures };
}

/**
 * @param {VSCode} vscode
 * @param {string} file
 * @param {string[]} profile
 * @returns {Promise<void>}
 */
async function installExtension(vscode, file, profile) {
  const { resolveCliPathFromVSCodeExecutablePath } = await import('@vscode/test-electron');
  const command = vscode.fromNpm ? vscode.executable : resolveCliPathFromVSCodeExecutablePath(vscode.executable);
  if (!existsSync(command)) throw new UserError(`${command} is missing, so the package cannot be installed.`);
  const shell = process.platform === 'win32';
  const child = spawn(shell ? `"${command}"` : command, [`--install-extension=${file}`, '--force', ...profile], {
    shell,
    stdio: 'inherit',
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', code =>
      code === 0 ? resolve() : reject(new UserError(`Installing ${file} failed (exit code ${code}).`)),
    );
  });
}
