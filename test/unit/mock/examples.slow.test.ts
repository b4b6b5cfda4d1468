import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { npm } from '../../../scripts/lib/ensure.mjs';
import { ensureVSCodeFromNpm } from '../../../scripts/lib/vscode-from-npm.mjs';
import { packageMock } from '../../../scripts/packageMock.mjs';
import { startMockServer } from '../../../src/mock/nodeServer.ts';

/** Includes the output in the error, because test runners print failures there. */
const execute = (command: string, args: readonly string[], options: { cwd: string }) =>
  promisify(execFile)(command, args, options).catch(error => {
    throw new Error(`${error.message}\n${error.stdout}`);
  });

/** Packages for this test that are not dependencies of the project: two test runners and an OpenAPI validator. */
const foreign = ['vitest@4.1.12', '@playwright/test@1.65.1', '@seriousme/openapi-schema-validator@2.11.0'];

describe('the package mock-issuer, with packages from npm', function () {
  this.timeout(300_000);
  let folder = '';

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mock-issuer-'));
    writeFileSync(join(folder, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }');
    const tarball = await packageMock(folder);
    await npm(['install', '--no-audit', '--no-fund', '--ignore-scripts', tarball, ...foreign], folder);
    // The unpacked package has its own examples, which a runner would find.
    await rm(join(folder, 'mock-issuer'), { recursive: true });
    mkdirSync(join(folder, 'examples'));
    cpSync(join(folder, 'node_modules', 'mock-issuer', 'examples'), join(folder, 'examples'), { recursive: true });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('runs the example for Vitest unchanged', async () => {
    // Beside all other tests, the key of the issuer alone can take longer than Vitest's five seconds.
    const args = ['vitest', 'run', 'examples/vitest.test.mjs', '--test-timeout=60000'];
    const { stdout } = await execute('npx', args, { cwd: folder });
    assert.match(stdout, /1 passed/);
  });

  it('runs the example for Playwright unchanged', async () => {
    const { browser } = await ensureVSCodeFromNpm();
    const args = ['--no-sandbox', '--disable-gpu'];
    const launchOptions = { executablePath: browser?.executablePath, env: { ...process.env, ...browser?.env }, args };
    const use = browser === undefined ? { channel: 'chrome' } : { launchOptions };
    writeFileSync(join(folder, 'playwright.config.mjs'), `export default { use: ${JSON.stringify(use)} };`);
    const { stdout } = await execute('npx', ['playwright', 'test', 'examples/playwright.spec.mjs'], { cwd: folder });
    assert.match(stdout, /1 passed/);
  });

  it('has an OpenAPI document that an independent validator accepts', async () => {
    const mock = await startMockServer({ alg: 'ES256', control: true });
    try {
      const { url, token } = mock.control ?? { url: '', token: '' };
      const answer = await fetch(`${url}/openapi.json`, { headers: { authorization: `Bearer ${token}` } });
      writeFileSync(join(folder, 'openapi.json'), await answer.text());
    } finally {
      await mock.close();
    }
    writeFileSync(
      join(folder, 'judge.mjs'),
      `import { Validator } from '@seriousme/openapi-schema-validator';
const validator = new Validator();
const { valid, errors } = await validator.validate('./openapi.json');
console.log(JSON.stringify({ valid, errors, version: validator.version }));
`,
    );
    const { stdout } = await execute(process.execPath, ['judge.mjs'], { cwd: folder });
    assert.deepEqual(JSON.parse(stdout), { valid: true, version: '3.1' });
  });
});
