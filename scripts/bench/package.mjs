import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { npm } from '../lib/ensure.mjs';
import { root } from '../lib/project.mjs';
import { packageMock } from '../packageMock.mjs';
import { bundleForNode } from './bundles.mjs';
import { startChild } from './child.mjs';
import { compared, inTurns, quantile } from './measure.mjs';

export const title = 'The package mock-issuer, as it is installed';

const refreshes = 100_000;

/** @param {string} folder @returns {Promise<import('./table.mjs').Row[]>} */
export async function run(folder) {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{ "name": "empty", "private": true }');
  const tarball = await packageMock(folder);
  const nothing = await packageOfNothing(folder);
  await npm(['install', '--offline', '--no-audit', '--no-fund', tarball, nothing], folder);
  const untilClosed = '--until-stdin-closes';
  /** @param {string} command @param {string[]} args */
  const start = (command, args) => () => untilReady(folder, command, args);
  const starts = await inTurns(
    {
      npx: start('npx', ['mock-issuer', untilClosed]),
      npxNothing: start('npx', ['does-nothing']),
      node: start(process.execPath, ['node_modules/mock-issuer/bin.js', untilClosed]),
      nodeNothing: start(process.execPath, ['node_modules/does-nothing/bin.js']),
    },
    { rounds: 7, warmUp: 1 },
  );
  const ready = quantile(starts.npx);
  const memory = await memoryOf();
  const grown = memory.after - memory.before;
  const torture = await tortureOf(folder);
  return [
    {
      what: 'ready, from npx with a warm cache, and a package from npx that does nothing',
      unit: 'ms',
      ...compared(starts.npx, starts.npxNothing),
      goal: 'at most 500',
      met: ready <= 500,
    },
    {
      what: 'ready, from node, and the package that does nothing',
      unit: 'ms',
      ...compared(starts.node, starts.nodeNothing),
    },
    {
      what: `memory in use after ${refreshes} refreshes, and after the first ${refreshes / 10} of them`,
      unit: 'KB',
      ours: memory.after,
      rival: memory.before,
      difference: grown,
      goal: 'at most +2000',
      met: grown <= 2000,
    },
    {
      what: `torture of a client with openid-client, ${torture.count} scenarios`,
      unit: 'ms',
      ours: torture.milliseconds,
      goal: 'at most 30000',
      met: torture.milliseconds <= 30_000,
    },
  ];
}

/** The cost of npx and Node alone. @param {string} folder @returns {Promise<string>} its folder */
async function packageOfNothing(folder) {
  const made = join(folder, 'nothing');
  await mkdir(made);
  const manifest = { name: 'does-nothing', version: '1.0.0', bin: 'bin.js' };
  await writeFile(join(made, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(made, 'bin.js'), '#!/usr/bin/env node\nconsole.log(1);\nprocess.stdin.resume();\n');
  return made;
}

/** @param {string} folder @param {string} command @param {string[]} args milliseconds until its one line */
async function untilReady(folder, command, args) {
  const since = performance.now();
  const stdio = /** @type {const} */ (['pipe', 'pipe', 'inherit']);
  const child = spawn(command, args, { cwd: folder, stdio: [...stdio] });
  const ended = new Promise(resolve => child.once('exit', resolve));
  await new Promise(resolve => createInterface({ input: child.stdout }).once('line', resolve));
  const milliseconds = performance.now() - since;
  child.stdin.end();
  await ended;
  return milliseconds;
}

/** KB in use after garbage collection. One session is refreshed repeatedly, as by a test suite that runs for a week. */
async function memoryOf() {
  const { ourIssuer = '', loadClient = '' } = await bundleForNode('ourIssuer', 'loadClient');
  const [server, client] = [startChild(ourIssuer), startChild(loadClient)];
  try {
    const { tokenEndpoint } = await server.ask('start', { alg: 'ES256' });
    const refreshTokens = [];
    for (let i = 0; i < 16; i++)
      refreshTokens.push((await server.ask('signIn', 'profile offline_access')).refresh_token);
    await client.ask('add', { name: 'ours', tokenEndpoint, refreshTokens });
    let done = 0;
    /** @param {number} count */
    const until = async count => {
      while (done < count) done += (await client.ask('load', { name: 'ours', milliseconds: 2_000 })).refreshes;
      return server.ask('memory');
    };
    return { before: await until(refreshes / 10), after: await until(refreshes) };
  } finally {
    await Promise.all([server.end(), client.end()]);
  }
}

/** @param {string} folder */
async function tortureOf(folder) {
  /** @type {typeof import('../../src/mock/index.ts')} */
  const { startMockIssuer, torture } = await import(
    pathToFileURL(join(folder, 'node_modules', 'mock-issuer', 'dist', 'index.js')).href
  );
  const secret = { client_id: 'web', client_secret: 'of-a-test-alone' };
  const mock = await startMockIssuer({
    signIn: 'auto',
    clients: [{ ...secret, token_endpoint_auth_method: 'client_secret_post' }],
  });
  const host = join(root, 'test', 'torture', 'clients', 'host.mjs');
  const child = spawn(process.execPath, [host, 'openid-client'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, ISSUER: mock.issuer, CLIENT_ID: secret.client_id, CLIENT_SECRET: secret.client_secret },
  });
  try {
    const line = await new Promise(resolve => createInterface({ input: child.stdout }).once('line', resolve));
    const { origin } = JSON.parse(line);
    const since = performance.now();
    const target = { start: `${origin}/login`, signedIn: `${origin}/me`, logout: `${origin}/logout` };
    const { results } = await torture(mock, target);
    return { milliseconds: performance.now() - since, count: results.length };
  } finally {
    child.stdin.end();
    await mock.close();
  }
}
