import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { basename, join } from 'node:path';
import { root, UserError, withProgress } from './project.mjs';

/**
 * Runs `npm ci` unless `node_modules` matches package-lock.json, so that `npm start` and `npm test` work in a fresh
 * clone and after every pull. Uses only Node itself, for the same reason.
 * @returns {Promise<void>}
 */
export async function ensureDependencies() {
  assertNode(process.versions.node, JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node);
  if (dependenciesMatch(join(root, 'package-lock.json'), join(root, 'node_modules', '.package-lock.json'))) return;
  await withProgress('Installing the dependencies (npm ci)', () => npm(['ci'], root));
}

/**
 * @param {string} version like `20.19.0`
 * @param {string} wanted like `>=20.19`
 */
export function assertNode(version, wanted) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = wanted.replace('>=', '').split('.').map(Number);
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return;
  throw new UserError(
    `Node ${leastMajor}.${leastMinor} or later is needed, and this is ${version}. Get it from https://nodejs.org, then run this again.`,
  );
}

/**
 * Compares the lock file with the record that npm writes after each complete install. A marker file of our own would
 * miss a manual `npm install`, and modification times are meaningless in a fresh checkout.
 * @param {string} wanted path of package-lock.json
 * @param {string} installed path of node_modules/.package-lock.json
 * @returns {boolean}
 */
function dependenciesMatch(wanted, installed) {
  if (!existsSync(installed)) return false;
  const [asked, there = {}] = [wanted, installed].map(file => JSON.parse(readFileSync(file, 'utf8')).packages);
  return Object.entries(asked).every(([path, { version, optional, devOptional }]) => {
    const found = there[path];
    // Optional packages are those of other platforms: they may be missing, but must not differ.
    return found === undefined ? path === '' || optional === true || devOptional === true : found.version === version;
  });
}

/**
 * Installs what a folder of the project pins with hashes in its lock file, in a folder of its own. These packages are not
 * in devDependencies, because few runs need them and they would double the time of `npm ci`.
 * @param {string} from relative to the project, such as `test/recipes`
 * @returns {Promise<string>} path of their node_modules
 */
export async function installPinned(from) {
  const to = join(root, '.vscode-test', basename(from));
  await mkdir(to, { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) await copyFile(join(root, from, name), join(to, name));
  const installed = join(to, 'node_modules');
  if (!dependenciesMatch(join(to, 'package-lock.json'), join(installed, '.package-lock.json')))
    await withProgress(`Installing ${from} (npm ci)`, () =>
      npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], to),
    );
  return installed;
}

/**
 * Runs npm. Under `npm start` and `npm test`, this is the npm that started us, run with Node: on Windows `npm` is a .cmd
 * file, which Node can start only through a shell, and a shell would need every argument quoted.
 * @param {string[]} args
 * @param {string} cwd
 */
export function npm(args, cwd) {
  const cli = process.env.npm_execpath ?? '';
  if (basename(cli) === 'npm-cli.js') return run(process.execPath, [cli, ...args], { cwd });
  return run('npm', args, { cwd, shell: process.platform === 'win32' });
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').ExecFileOptions & { background?: boolean }} [options] `background`: with less
 * priority than other processes
 * @returns {Promise<string>} what the command wrote to stdout
 */
export function run(command, args, { background = false, ...options } = {}) {
  return new Promise((resolve, reject) => {
    // The message of the error includes what the command wrote to stderr.
    const child = execFile(command, args, { ...options, maxBuffer: Number.POSITIVE_INFINITY }, (error, stdout) =>
      error ? reject(new UserError(`${error.message}\n${stdout}`)) : resolve(`${stdout}`),
    );
    if (background && child.pid) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  });
}

/**
 * Runs the TypeScript compiler in the way that takes the least work: with one thread, as each further one reads the same
 * types again, and without collecting garbage, as it ends before its memory matters.
 * @param {string[]} args
 * @param {string} cwd
 * @param {{ background?: boolean }} [options]
 */
export function tsc(args, cwd, options = {}) {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const env = { ...process.env, GOGC: 'off', GOMEMLIMIT: '1500MiB' };
  return run(process.execPath, [compiler, ...args, '--singleThreaded'], { cwd, env, ...options });
}
