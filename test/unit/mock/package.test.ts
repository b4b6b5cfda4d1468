import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { npm, tsc } from '../../../scripts/lib/ensure.mjs';
import { root } from '../../../scripts/lib/project.mjs';
import { slowVariable } from '../../../scripts/lib/results.mjs';
import { ensureNewestNode } from '../../../scripts/lib/vscode-from-npm.mjs';
import { packageMock } from '../../../scripts/packageMock.mjs';
import { main } from '../../../src/mock/cli.ts';
import { startSampleClient } from '../../torture/sampleClient.ts';

const execute = promisify(execFile);

interface Ready {
  readonly issuer: string;
  readonly clients: readonly { readonly client_id: string }[];
  readonly control: { readonly url: string; readonly token: string };
  readonly certificate?: string;
}

describe('the package mock-issuer', function () {
  this.timeout(120_000);
  let folder = '';
  let bin = '';

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mock-issuer-'));
    const tarball = await packageMock(folder);
    writeFileSync(join(folder, 'package.json'), '{ "name": "empty", "private": true }');
    await npm(['install', '--offline', '--no-audit', '--no-fund', tarball], folder);
    bin = join(folder, 'node_modules', '.bin', 'mock-issuer');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** Starts the command and reads its one line. */
  async function start(
    ...args: string[]
  ): Promise<{ process: ChildProcess; ready: Ready; ended: Promise<number | null> }> {
    const process = spawn(bin, args, { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'] });
    const ended = new Promise<number | null>(resolve => process.once('exit', resolve));
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: process.stdout }).once('line', resolve);
      process.stderr.setEncoding('utf8').once('data', reject);
    });
    return { process, ready: JSON.parse(line), ended };
  }

  /** Runs the command in this process, because starting processes takes most of the time. */
  const inProcess = async (...args: string[]) => {
    const seen = { stdout: '', stderr: '' };
    const code = await main(args, {
      write: line => {
        seen.stdout += `${line}\n`;
      },
      warn: line => {
        seen.stderr += `${line}\n`;
      },
      line: async () => {},
      ended: async () => {},
    });
    return { code, ...seen };
  };

  const file = (name: string) => join(folder, name);

  const node = async (name: string, source: string, executable = process.execPath) => {
    writeFileSync(join(folder, name), source);
    const { stdout, stderr } = await execute(executable, [name], { cwd: folder });
    assert.equal(stderr, '', 'no warning');
    return stdout.trim();
  };

  it('is imported by ES modules and required by others, in slow runs with the newest Node too', async () => {
    const use =
      'createMockIssuer({ alg: "ES256" }).then(mock => mock.issueTokens()).then(t => console.log(t.token_type))';
    for (const each of [process.execPath, ...(process.env[slowVariable] ? [await ensureNewestNode()] : [])]) {
      assert.equal(await node('a.mjs', `import { createMockIssuer } from 'mock-issuer'; ${use}`, each), 'Bearer');
      assert.equal(await node('a.cjs', `const { createMockIssuer } = require('mock-issuer'); ${use}`, each), 'Bearer');
    }
  });

  it('asks for a Node that can require ES modules', () => {
    const { engines } = JSON.parse(readFileSync(join(folder, 'node_modules', 'mock-issuer', 'package.json'), 'utf8'));
    assert.deepEqual(engines, { node: '^20.19.0 || >=22.12.0' });
  });

  it('has types', async () => {
    const use = `import { createMockIssuer, MockOptionError, startMockIssuer, type MockServer } from 'mock-issuer';
export async function main(): Promise<void> {
const mock: MockServer = await startMockIssuer({ rotation: 'strict', users: [{ sub: 'ada' }], faults: [{ type: 'delay', ms: 1 }] });
mock.setFault({ type: 'claim', name: 'sub', value: 1, times: 2, at: 'token' });
const { refresh_token } = await mock.issueTokens({ clientId: 'demo' });
const text: string | undefined = refresh_token;
// @ts-expect-error there is no such way of rotation
await createMockIssuer({ rotation: 'sometimes' });
// @ts-expect-error the fault needs ms
mock.setFault({ type: 'delay' });
// @ts-expect-error there is no such option
await createMockIssuer({ colour: 'red' });
const problems = (error: MockOptionError) => error.problems;
console.log(text, problems(new MockOptionError([])));
}
`;
    // As modules and as CommonJS, for Node and for bundlers.
    for (const name of ['a.mts', 'a.cts']) writeFileSync(join(folder, name), use);
    const modes = [{ module: 'node16' }, { module: 'nodenext' }, { module: 'esnext', moduleResolution: 'bundler' }];
    const projects = modes.map((mode, index) => {
      const compilerOptions = {
        strict: true,
        noEmit: true,
        // What TypeScript itself ships need not be checked; all others are.
        skipDefaultLibCheck: true,
        target: 'es2023',
        types: ['node'],
        typeRoots: [join(root, 'node_modules', '@types')],
        ...mode,
      };
      const files = mode.module === 'esnext' ? ['a.mts'] : ['a.mts', 'a.cts'];
      const project = `tsconfig.${index}.json`;
      writeFileSync(join(folder, project), JSON.stringify({ compilerOptions, files }));
      return project;
    });
    // In one process, which reads the declarations once.
    await tsc(['--build', ...projects], folder);
  });

  it('starts from a config file, says when it is ready in one line, and ends on SIGTERM', async () => {
    writeFileSync(
      join(folder, 'mock.json'),
      '{ "$schema": "x", "alg": "ES256", "rotation": "strict", "path": "/one", "clients": [{ "client_id": "mine" }] }',
    );
    const { process, ready, ended } = await start('--config', 'mock.json', '--control');
    assert.match(ready.issuer, /^http:\/\/127\.0\.0\.1:\d+\/one$/);
    assert.equal(ready.clients[0]?.client_id, 'mine');
    const { url, token } = ready.control;
    const state = await (await fetch(`${url}/state`, { headers: { authorization: `Bearer ${token}` } })).json();
    assert.equal(state.rotation, 'strict');
    process.kill('SIGTERM');
    assert.equal(await ended, 0);
  });

  it('ends with its standard input if --until-stdin-closes is given; the config may be a module', async () => {
    writeFileSync(join(folder, 'mock.mjs'), 'export default { alg: "ES256", signIn: "auto" }');
    const { process, ready, ended } = await start('--config', 'mock.mjs', '--until-stdin-closes');
    assert.equal((await fetch(`${ready.issuer}/jwks`)).status, 200);
    process.stdin?.end();
    assert.equal(await ended, 0);
  });

  it('makes a certificate for --tls that clients can trust', async () => {
    const { process, ready, ended } = await start('--tls');
    const script = `require('node:https').get(${JSON.stringify(`${ready.issuer}/jwks`.replace('127.0.0.1', 'localhost'))},
      { ca: ${JSON.stringify(ready.certificate)} }, answer => { console.log(answer.statusCode); process.exit(); })`;
    assert.equal(await node('tls.cjs', script), '200');
    process.kill('SIGTERM');
    assert.equal(await ended, 0);
  });

  it('reads a file with a byte order mark', async () => {
    writeFileSync(join(folder, 'marked.json'), '\ufeff{ "alg": "ES256", "subject": "ada" }');
    const { process, ended } = await start('--config', 'marked.json', '--until-stdin-closes');
    process.stdin?.end();
    assert.equal(await ended, 0);
  });

  it('says which version it is', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    assert.equal((await execute(bin, ['--version'], { cwd: folder })).stdout, `${version}\n`);
  });

  it('reports each problem in one line, and exits with 2', async () => {
    const taken = createServer();
    const port = await new Promise<number>(resolve => {
      taken.listen(0, '127.0.0.1', () => resolve(Object(taken.address()).port));
    });
    const clients = [{ client_id: 'a', redirect_uris: ['/cb'] }];
    writeFileSync(file('several.json'), JSON.stringify({ rotation: 'x', clients, faults: [{ type: 'gremlins' }] }));
    writeFileSync(file('bad.json'), '{');
    writeFileSync(file('bad.mjs'), 'throw new Error("boom\\nsecond line")');
    writeFileSync(file('commented.json'), '// no comments\n{}');
    writeFileSync(file('extra.json'), '{ "colour": "red" }');
    writeFileSync(file('later.mjs'), 'export default Promise.resolve({ rotation: "x" });');
    const [bad, none] = [file('bad.json'), file('none.json')];
    const asProcess: [string[], RegExp][] = [
      [
        ['--config', 'several.json'],
        /^mock-issuer: clients\[0\]\.redirect_uris\[0\]: must be an absolute URI.*\nmock-issuer: rotation: must be one of none, .*\nmock-issuer: faults\[0\]\.type: must be one of delay, .*\n$/,
      ],
      [['--nonsense'], /^mock-issuer: .*--nonsense.*\n$/],
    ];
    for (const [args, expected] of asProcess) {
      const failed = await execute(bin, args, { cwd: folder }).then(
        () => ({ code: 0, stderr: '', stdout: '' }),
        error => error,
      );
      assert.equal(failed.code, 2, args.join(' '));
      assert.match(failed.stderr, expected);
      assert.equal(failed.stdout, '');
    }
    const cases: [string[], string][] = [
      [
        ['--config', file('bad.mjs')],
        `${file('bad.mjs')}: must be a module whose default export is the options (boom)`,
      ],
      [['--config', file('later.mjs')], 'rotation: must be one of none, '],
      [['--config', '.'], '.: must be a file that can be read (EISDIR)'],
      [['--config', bad], `${bad}: must be JSON (line`],
      [['--config', none], `${none}: must be a file that can be read (ENOENT)`],
      [
        ['--config', file('commented.json')],
        `${file('commented.json')}: must be JSON (line 1, column 1: it has no comments)\n`,
      ],
      [['--config', file('extra.json')], 'colour: must be left out (no such member; there are '],
      [['--host', 'nowhere.invalid'], 'host: must be an address of this machine'],
      [['--port', String(port)], 'port: already in use'],
      [['--port', 'x'], '--port: must be a number'],
      [['--cofig', bad], "Unknown option '--cofig' (--help lists the options)\n"],
      [['start'], "Unexpected argument 'start' (--help lists the options)\n"],
      [['--tls-key', bad], '--tls-key: must be given together with --tls-cert'],
      [['--tls-key', bad, '--tls-cert', bad], 'tls: must be a key and its certificate as PEM'],
    ];
    for (const [args, expected] of cases) {
      const { code, stderr, stdout } = await inProcess(...args);
      assert.deepEqual([code, stdout], [2, ''], args.join(' '));
      assert.ok(stderr.startsWith(`mock-issuer: ${expected}`), stderr);
      assert.match(stderr, /^.*\n$/, 'one line');
    }
    taken.close();
  });

  it('tests a client from the command line: exits with 0 if it passes, 1 if it fails, 2 if nothing was tested', async () => {
    const taken = createServer();
    const port = await new Promise<number>(resolve => {
      taken.listen(0, '127.0.0.1', () => resolve(Object(taken.address()).port));
    });
    const client = await startSampleClient({ issuer: `http://127.0.0.1:${port}`, flaw: 'id-token.iss' });
    // An RSA key would take longer than most of these runs.
    writeFileSync(file('quick.json'), '{ "alg": "ES256" }');
    const started = ['--start', `${client.origin}/login`, '--signed-in', `${client.origin}/me`];
    const target = [...started, '--port', String(port), '--config', file('quick.json')];
    const torture = (...args: string[]) => inProcess('torture', ...args);
    const short = ['--start', client.origin, '--scenario', 'sign-in'];
    writeFileSync(file('no-driver.mjs'), 'export const signIn = 1;');
    writeFileSync(file('bad.json'), JSON.stringify({ alg: 'RS257', clients: [{ redirect_uris: 'x' }] }));
    const wrong: [string[], RegExp][] = [
      [[...target, '--scenario', 'sign-in'], /^mock-issuer: port: already in use/],
      [[], /^mock-issuer: --start: must be an http or https URL\n$/],
      [['--start', 'nowhere'], /^mock-issuer: --start: must be an http or https URL\n$/],
      [['--start', client.origin, '--scenario', 'gremlins'], /^mock-issuer: scenario: must be one of sign-in, /],
      [[...short, '--patience', 'x'], /^mock-issuer: --patience: must be a number\n$/],
      [
        [...short, '--driver', file('no-driver.mjs')],
        /^mock-issuer: --driver: must be a module that exports the functions/,
      ],
      [[...short, '--driver', file('none.mjs')], /^mock-issuer: --driver: must be a module .*none\.mjs.*\n$/],
      [[...short, '--expect', file('bad.json')], /^mock-issuer: --expect: must be a report of torture as JSON\n$/],
      [
        [...short, '--config', file('bad.json')],
        /^mock-issuer: clients\[0\]\.client_id: must be .*\nmock-issuer: clients\[0\]\.redirect_uris: must be .*\nmock-issuer: alg: must be one of /,
      ],
    ];
    for (const [args, expected] of wrong) {
      const { code, stderr, stdout } = await torture(...args);
      assert.deepEqual([code, stdout], [2, ''], args.join(' '));
      assert.match(stderr, expected);
    }
    await new Promise(resolve => {
      taken.close(resolve);
    });
    const two = ['torture', ...target, '--scenario', 'id-token.aud', '--scenario', 'sign-in'];
    const right = await execute(bin, two, { cwd: folder });
    assert.equal(right.stderr, '');
    assert.match(right.stdout, /^pass +sign-in [\s\S]*\n2 pass\n$/);
    const failed = await torture(
      ...target,
      '--scenario',
      'id-token.iss',
      '--json',
      file('report.json'),
      '--html',
      file('report.html'),
    );
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /^fail +id-token\.iss .* – the client signed the user in\n\n1 fail\n$/);
    assert.match(readFileSync(join(folder, 'report.html'), 'utf8'), /<table>/);
    const accepted = JSON.parse(readFileSync(file('report.json'), 'utf8'));
    const against = async (verdict: string) => {
      const results = accepted.results.map((each: object) => ({ ...each, verdict }));
      writeFileSync(file('accepted.json'), JSON.stringify({ ...accepted, results }));
      const { code, stdout } = await torture(
        ...target,
        '--scenario',
        'id-token.iss',
        '--expect',
        file('accepted.json'),
      );
      return [code, stdout.split('\n\n1 fail\n')[1]];
    };
    assert.deepEqual(await against('fail'), [0, '']);
    assert.deepEqual(await against('pass'), [1, 'worse: id-token.iss: fail, accepted: pass\n']);
    writeFileSync(file('accepted.json'), JSON.stringify({ results: [{ id: 'sign-in', verdict: 'hung\u001b[2J' }] }));
    const better = await torture(...target, '--scenario', 'sign-in', '--expect', file('accepted.json'));
    assert.equal(better.code, 0);
    assert.match(better.stdout, /\n1 pass\nbetter: sign-in: pass, accepted: hung\\u\{1b\}\[2J\nAccept the new report/);
    await client.close();
  });

  it('warns if other machines can reach it or if it accepts any client', async () => {
    const child = spawn(bin, ['--host', '0.0.0.0', ...['--config', 'any.json']], { cwd: folder });
    writeFileSync(join(folder, 'any.json'), '{ "alg": "ES256", "anyClient": true }');
    let warned = '';
    await new Promise<void>(resolve => {
      child.stderr.setEncoding('utf8').on('data', text => {
        warned += text;
        if (warned.includes('anyClient')) resolve();
      });
    });
    assert.match(warned, /listens at 0\.0\.0\.0: other machines may reach it/);
    child.kill('SIGTERM');
  });

  it('runs its examples unchanged: node:test, and in slow runs mocha and, if it is installed, pytest', async () => {
    const examples = join(folder, 'examples');
    mkdirSync(examples);
    cpSync(join(folder, 'node_modules', 'mock-issuer', 'examples'), examples, { recursive: true });
    await execute(process.execPath, ['--test', 'examples/node-test.test.mjs'], {
      cwd: folder,
      env: withoutTestContext(),
    });
    if (!process.env[slowVariable]) return;
    const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
    await execute(process.execPath, [mocha, 'examples/mocha.test.mjs'], { cwd: folder, timeout: 60_000 });
    const python = await execute('python3', ['-c', 'import pytest, requests']).then(
      () => true,
      () => false,
    );
    if (python) await execute('python3', ['-m', 'pytest', '-q', 'examples/test_refresh.py'], { cwd: folder });
  });

  it('carries the schema that editors complete, and the licence of what it bundles', () => {
    const file = (name: string) => readFileSync(join(folder, 'node_modules', 'mock-issuer', name), 'utf8');
    const schema = JSON.parse(file('schema.json'));
    assert.deepEqual(schema.properties.rotation.enum, ['none', 'omit', 'strict', 'grace']);
    assert.match(schema.properties.rotation.description, /refresh/);
    assert.match(file('THIRD-PARTY.md'), /jose[\s\S]*Permission is hereby granted/);
  });
});

/** Without this variable, node:test inside another test runner would report to that one. */
function withoutTestContext(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return env;
}
