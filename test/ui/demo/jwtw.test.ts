import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { useWorkbench } from '../harness.ts';
import { until } from '../shop.ts';

/** The steps of a user: a terminal of VS Code, `jwtw`, and VS Code's question. */
describe('jwtw in a terminal', function () {
  this.timeout(120_000);
  const ui = useWorkbench({ demo: true });

  /** Runs a line in the terminal. Resolves with its output once its exit code is there. */
  async function type(line: string, name: string): Promise<() => Promise<{ code: string; out: string; err: string }>> {
    const file = join(ui.folder, name);
    await ui.window.page.locator('.terminal-wrapper.active .xterm-screen').click();
    await ui.window.page.keyboard.type(`${line} > ${name}.out 2> ${name}.err; echo $? > ${name}.code`);
    await ui.window.page.keyboard.press('Enter');
    return async () => {
      // The file exists before its content is written.
      await until(async () => existsSync(`${file}.code`) && (await readFile(`${file}.code`, 'utf8')) !== '');
      const [code, out, err] = await Promise.all(['code', 'out', 'err'].map(end => readFile(`${file}.${end}`, 'utf8')));
      return { code: code?.trim() ?? '', out: out ?? '', err: err ?? '' };
    };
  }

  it('asks the user once, and denied is denied', async () => {
    const { window } = ui;
    await window.openContainer('JWT Workbench');
    await window.treeItem('Demo').waitFor();
    await window.runCommand('Terminal: Create New Terminal');
    await window.page.locator('.terminal-wrapper.active .xterm-screen').waitFor();
    const first = await type('jwtw token', 'denied');
    const question = window.notification(/Allow terminals, tasks and launch configurations/);
    await question.waitFor();
    assert.match((await question.textContent()) ?? '', /"Demo".*jwtw token/s);
    await question.getByRole('button', { name: 'Deny' }).click();
    const { code, out, err } = await first();
    assert.deepEqual([code, out], ['5', '']);
    assert.match(err, /^jwtw: You denied tokens/);
    assert.deepEqual((await (await type('jwtw token', 'still'))()).code, '5', 'without another question');
  });

  it('prints the token and reaches an API after the user allowed it', async () => {
    const { window } = ui;
    await window.runCommand('JWT Workbench: Manage Token Access', 'Demo');
    await window.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
    const asked = await type('jwtw token', 'allowed');
    const question = window.notification(/Allow terminals, tasks and launch configurations/);
    await question.getByRole('button', { name: 'Allow Until VS Code Closes' }).click();
    const { code, out } = await asked();
    assert.equal(code, '0');
    assert.match(out, /^eyJ[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const issuer = JSON.parse(Buffer.from(out.split('.')[1] ?? '', 'base64url').toString('utf8')).iss;
    const userInfo = await (await type(`jwtw curl -s ${issuer}/userinfo`, 'curl'))();
    assert.equal(
      JSON.parse(userInfo.out).sub,
      JSON.parse(Buffer.from(out.split('.')[1] ?? '', 'base64url').toString()).sub,
    );
    const inChild = await (await type(`jwtw exec -- sh -c 'test "$ACCESS_TOKEN" && ps -eo args'`, 'exec'))();
    assert.equal(inChild.code, '0');
    assert.doesNotMatch(inChild.out, /eyJ[\w-]+\.eyJ/);
    await window.expand(window.treeItem('Demo'));
    const list = window.treeItem(/Used by.*jwtw exec sh, terminals and tasks/);
    await window.expand(list);
    await window.treeItem(/jwtw curl, terminals and tasks/).waitFor();
  });
});
