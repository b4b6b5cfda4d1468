import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { buildExtension } from '../../../scripts/build.mjs';
import { installPinned } from '../../../scripts/lib/ensure.mjs';
import type { BrokerAddress, BrokerSocket } from '../../../src/core/broker/protocol.ts';
import { writeCliScripts } from '../../../src/platform/brokerPlatform.ts';
import { newBrokerAddress, openBrokerSocket } from '../../../src/platform/brokerSocket.ts';
import { type LoopbackServer, loopbackServer } from '../../support/loopbackServer.ts';
import { selfSigned } from '../../support/selfSigned.ts';

const token = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.';

/**
 * Every recipe of docs/use-the-token.md, unchanged, with the real programs. Only the address of the API is replaced.
 */
describe('the recipes of docs/use-the-token.md', function () {
  this.timeout(300_000);
  let folder = '';
  let bin = '';
  /** Why the programs from npm are not available. */
  let missing: string | undefined;
  let address: BrokerAddress;
  let socket: BrokerSocket;
  let api: LoopbackServer;
  /** kubectl sends credentials only over TLS. */
  let cluster: LoopbackServer;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'jwtw-recipes-'));
    await buildExtension({ to: join(folder, 'dist') });
    bin = await writeCliScripts(folder, join(folder, 'dist', 'jwtw.mjs'), process.execPath);
    missing = await installPrograms(join(folder, 'node_modules'));
    address = newBrokerAddress();
    socket = await openBrokerSocket({
      address,
      asker: () => ({ kind: 'machine' }),
      answer: async route =>
        route === 'connections'
          ? [{ id: 'demo', label: 'Demo', state: 'active' }]
          : { connection: 'demo', token, type: 'Bearer', expiresAt: Date.UTC(2040, 0, 1) },
      refusal: ({ code }) => ({ reason: 'internal', code, message: code }),
      log: () => {},
    });
    const answer: LoopbackServer['answer'] = ({ headers }, response) => {
      response.writeHead(headers.authorization === undefined ? 401 : 200, {
        'content-type': 'application/json',
        'www-authenticate': 'Bearer',
      });
      response.end('{"sub":"ada"}');
    };
    [api, cluster] = await Promise.all([loopbackServer(answer), loopbackServer(answer, selfSigned)]);
    // Stand-ins for `npm test` and `npm run smoke` in the recipes.
    const scripts = Object.fromEntries(['test', 'smoke'].map(name => [name, 'node -p "process.env.ACCESS_TOKEN"']));
    await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, scripts }));
  });
  after(async () => {
    await socket.close();
    await Promise.all([api.close(), cluster.close()]);
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    api.requests.length = 0;
  });

  function assertSent(method: string, path: string, body = ''): void {
    const sent = api.requests.map(request => [
      request.method,
      request.path,
      request.headers.authorization,
      request.body,
    ]);
    assert.deepEqual(sent, [[method, path, `Bearer ${token}`, body]]);
  }

  /** Runs a shell line as a terminal of VS Code does. */
  function shell(line: string, env: NodeJS.ProcessEnv = {}): Promise<{ code: number; out: string; err: string }> {
    const path = [bin, join(folder, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
    const own = { HOME: folder, PATH: path, JWTW_SOCKET: address.socket, JWTW_CAPABILITY: address.capability };
    return new Promise(done => {
      const child = execFile(
        'sh',
        ['-c', line],
        { cwd: folder, env: { ...process.env, ...own, ...env } },
        (_, out, err) => done({ code: child.exitCode ?? -1, out, err }),
      );
    });
  }

  /** The code block of a section, by language. */
  function recipe(section: string, language: string): string {
    const [, text = ''] = readFileSync(resolve('docs', 'use-the-token.md'), 'utf8').split(`\n## ${section}\n`);
    const [own = ''] = text.split('\n## ');
    const [, found] = new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(own) ?? [];
    assert.ok(found, `${section} has a recipe in ${language}`);
    return found.replaceAll('https://api.example.com', api.origin);
  }

  it('Terminal', async () => {
    const lines = recipe('Terminal', 'sh').trim().split('\n');
    const answers = await Promise.all(lines.map(line => shell(line)));
    assert.deepEqual(
      answers.map(({ code }) => code),
      lines.map(() => 0),
    );
    const [asked = '', header, userInfo, ran, status] = answers.map(({ out }) => out);
    assert.equal(asked.trim(), token);
    assert.equal(header, `Authorization: Bearer ${token}\n`);
    assert.equal(userInfo, '{"sub":"ada"}');
    assert.match(ran ?? '', new RegExp(token));
    assert.equal(status, 'demo\tactive\n');
  });

  it('Task', async () => {
    const { command } = JSON.parse(recipe('Task', 'json'));
    assert.match((await shell(command)).out, new RegExp(token));
  });

  it('REST Client, httpYac and other request files', async function () {
    if (missing) return this.skip();
    const section = 'REST Client, httpYac and other request files';
    await writeFile(join(folder, 'requests.http'), recipe(section, 'http'));
    const { code, out } = await shell(recipe(section, 'sh'));
    assert.equal(code, 0, out);
    assertSent('GET', '/me');
  });

  it('Postman', async function () {
    if (missing) return this.skip();
    const header = [{ key: 'Authorization', value: 'Bearer {{token}}' }];
    const item = [{ name: 'me', request: { method: 'GET', url: `${api.origin}/me`, header } }];
    const schema = 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json';
    await writeFile(join(folder, 'collection.json'), JSON.stringify({ info: { name: 'demo', schema }, item }));
    const { code, out, err } = await shell(recipe('Postman', 'sh'));
    assert.equal(code, 0, out + err);
    assertSent('GET', '/me');
  });

  it('kubectl', async function () {
    if ((await shell('kubectl version --client')).code !== 0) return this.skip();
    const authority = Buffer.from(selfSigned.cert).toString('base64');
    const server = `{ server: "${cluster.origin}", certificate-authority-data: ${authority} }`;
    const clusters = `clusters:\n  - name: c\n    cluster: ${server}\n`;
    const contexts = 'contexts:\n  - name: x\n    context: { cluster: c, user: me }\ncurrent-context: x\n';
    const file = join(folder, 'kubeconfig');
    await writeFile(file, `apiVersion: v1\nkind: Config\n${clusters}${contexts}${recipe('kubectl', 'yaml')}`);
    const { code, out, err } = await shell(`kubectl --kubeconfig ${file} get --raw /version`);
    assert.equal(code, 0, err);
    assert.equal(out, '{"sub":"ada"}');
    assert.equal(cluster.requests.at(-1)?.headers.authorization, `Bearer ${token}`);
  });

  it('git', async () => {
    const config = { GIT_CONFIG_GLOBAL: join(folder, 'gitconfig'), GIT_TERMINAL_PROMPT: '0' };
    const line = recipe('git', 'sh').replace('https://git.example.com', api.origin);
    assert.equal((await shell(line, config)).code, 0);
    const { err } = await shell(`git ls-remote ${api.origin}/repository`, config);
    const [, major = 0, minor = 0] = (await shell('git --version')).out.match(/(\d+)\.(\d+)/) ?? [];
    if (Number(major) > 2 || Number(minor) >= 46)
      assert.equal(api.requests.at(-1)?.headers.authorization, `Bearer ${token}`);
    else assert.match(err, /^jwtw: This git cannot use bearer tokens .* Install git 2\.46 or later\.$/m);
    assert.ok(!err.includes(token));
  });

  it('curl', async () => {
    assert.equal((await shell(recipe('curl', 'sh'))).out, '{"sub":"ada"}');
    assertSent('POST', '/orders', '{"item":1}');
  });

  it('Playwright', async function () {
    if (missing) return this.skip();
    await writeFile(join(folder, 'playwright.config.ts'), `export default { ${recipe('Playwright', 'ts')} };`);
    const test = "import { expect, test } from '@playwright/test';\ntest('me', async ({ request }) => {\n";
    await writeFile(
      join(folder, 'me.spec.ts'),
      `${test}expect((await request.get('${api.origin}/me')).ok()).toBe(true);\n});\n`,
    );
    const { code, out, err } = await shell(recipe('Playwright', 'sh'));
    assert.equal(code, 0, out + err);
    assertSent('GET', '/me');
  });

  it('Claude Code and other agents', async () => {
    const { mcpServers } = JSON.parse(recipe('Claude Code and other agents', 'json'));
    const { out } = await shell(mcpServers.api.headersHelper);
    assert.deepEqual(JSON.parse(out), { Authorization: `Bearer ${token}` });
  });
});

/**
 * Installs the programs of test/recipes with the hashes of its lock file. They are not in devDependencies, because they
 * take 170 MB for one test.
 * @returns why they are not available, or `undefined`
 */
async function installPrograms(place: string): Promise<string | undefined> {
  try {
    await symlink(await installPinned('test/recipes'), place, 'dir');
    return undefined;
  } catch (error) {
    const why = `The programs of the recipes cannot be had from npm: ${error instanceof Error ? error.message.split('\n')[0] : error}`;
    console.log(`    ${why}`);
    return why;
  }
}
