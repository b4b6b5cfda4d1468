import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { slowVariable } from '../../../scripts/lib/results.mjs';
import { startSampleClient } from '../../torture/sampleClient.ts';
import { countActions, useWorkbench } from '../harness.ts';
import { until } from '../shop.ts';

const themes = [
  ['light', 'Light Modern', 'light_modern'],
  ['contrast', 'Dark High Contrast', 'hc_black'],
  ['dark', 'Dark Modern', 'dark_modern'],
] as const;

describe('a person in front of the mock issuer', function () {
  this.timeout(180_000);
  const ui = useWorkbench({ demo: true, viewport: { width: 1440, height: 1000 } });

  const row = (spoken: string) => ui.window.page.locator(`[role=treeitem][aria-label^="${spoken}"]`).first();

  /** Takes the picture in each theme, for review. */
  async function pictured(name: string): Promise<void> {
    // The other themes are run only to review the pictures.
    for (const [theme, label, file] of process.env[slowVariable] ? themes : []) {
      await ui.window.runCommand('Preferences: Color Theme', label);
      await ui.window.page.locator(`.monaco-workbench[class*="${file}"]`).waitFor();
      await ui.window.picture(`${name}-${theme}`);
    }
    await ui.window.picture(`${name}`);
  }

  it('has a fresh token on the clipboard with one press, once the address of npm start is open', async () => {
    const { page } = ui.window;
    // VS Code draws the row anew when the signature is verified, and a press just then would be lost.
    const token = page.locator('[role=treeitem][aria-label^="Access token,"][aria-label$="verified"]').first();
    await token.waitFor({ timeout: 60_000 });
    const actions = await countActions(page);
    await ui.window.treeAction(token, 'Copy Token');
    await page.getByText('Access token of Demo copied').waitFor();
    assert.equal(actions(), 1);
    const [, claims = ''] = (await ui.window.clipboard()).split('.');
    assert.ok(JSON.parse(Buffer.from(claims, 'base64url').toString()).exp * 1000 > Date.now());
  });

  it('sees in the walkthrough which steps are done, and sees a step ticked when it is', async () => {
    const { page } = ui.window;
    await ui.window.treeAction(row('Connection Demo'), 'Refresh Access Token');
    await page.getByText('Demo has a new access token').waitFor();
    await ui.window.runCommand('Welcome: Open Walkthrough...', 'Get Started with JWT Workbench');
    const done = () =>
      page
        .locator('[data-done-step-id*="#"].complete')
        .evaluateAll(all => all.map(step => step.getAttribute('data-done-step-id')?.split('#').at(-1)));
    await until(async () => (await done()).length === 3);
    assert.deepEqual(await done(), ['mock', 'refresh', 'use']);
    await page.evaluate(() => navigator.clipboard.writeText('{"refresh_token":"not-one-that-is-used-anywhere"}'));
    await ui.window.runCommand('JWT Workbench: Import Tokens...', 'Clipboard', 'Keep in Memory Only');
    await until(async () => (await done()).includes('import'));
    await ui.window.picture('walkthrough');
    await page.keyboard.press('ControlOrMeta+k');
    await page.keyboard.press('ControlOrMeta+w');
    await ui.window.collapse(row('Connection Demo'));
    await ui.window.runCommand('JWT Workbench: Remove Connection...', 'Pasted tokens');
    const question = page.locator('.monaco-dialog-box', { hasText: 'in memory only' });
    await question.getByRole('button', { name: 'Remove', exact: true }).click();
    await row('Connection Pasted tokens').waitFor({ state: 'detached' });
  });

  it('sees the faults, what used them up and the requests, and removes a fault', async () => {
    await ui.window.openContainer('JWT Workbench');
    await row('Connection Demo').waitFor({ timeout: 60_000 });
    await row('Mock issuer at').waitFor();
    const canClear = () =>
      ui.window.lists('JWT Workbench: Clear Mock Issuer Faults', 'JWT Workbench: Compare Two Tokens...');
    assert.equal(await canClear(), false, 'no fault is set');
    // A fault after which the issuer does not ask for a pause, during which later tests could not refresh.
    const lost = 'Connection lost before the request is handled';
    for (const fault of [lost, 'Key set unavailable (503)'])
      await ui.window.runCommand('JWT Workbench: Inject Mock Issuer Fault...', fault, 'next request');
    await ui.window.expand(row('Mock issuer at'));
    await row(`Fault set: ${lost}, next request`).waitFor();
    await ui.window.treeAction(row('Connection Demo'), 'Refresh Access Token');
    await row(`Fault ${lost}, used up`).waitFor();
    await until(canClear);
    await ui.window.expand(row('Requests'));
    await pictured('mock-rows');
    await ui.window.treeAction(row('Fault set: Key set unavailable'), 'Remove Mock Issuer Fault');
    await row('Fault set').waitFor({ state: 'detached' });
  });

  it('sees in the editor the faults of a config file, and the lens that starts from it', async () => {
    await writeFile(join(ui.folder, 'mock-issuer.json'), '{\n  "rotation": "sometimes",\n  "colour": 1\n}\n');
    await ui.window.openFile('mock-issuer.json');
    await ui.window.page.locator('.codelens-decoration', { hasText: 'Start Mock Issuer from This File' }).waitFor();
    await ui.window.page.locator('.squiggly-warning, .squiggly-error').first().waitFor({ timeout: 60_000 });
    await ui.window.picture('mock-file');
  });

  it('moves the clock past the expiry and back', async () => {
    const move = async (choice: string, text: string) => {
      await ui.window.treeAction(row('Clock,'), 'Move Mock Issuer Clock');
      await ui.window.quickItem(choice).click();
      await row(`Clock, ${text}`).waitFor();
    };
    await move('1 hour ahead', '1 h');
    await move('Back to the time of this computer', 'as on this computer');
    assert.ok((await ui.window.treeRows()).length > 5);
  });

  it('tests a client, reads what it got wrong with keys alone, and can run it again', async () => {
    const { page } = ui.window;
    const said = (await row('Mock issuer at').getAttribute('aria-label')) ?? '';
    const issuer = `http://${/127\.0\.0\.1:\d+/.exec(said)?.[0]}`;
    const client = await startSampleClient({ issuer, flaw: 'id-token.nonce' });
    ui.onClose(() => client.close());
    await page.keyboard.press('ControlOrMeta+b');
    await ui.window.runCommand('JWT Workbench: Torture a Client...');
    const answer = async (path: string) => {
      await ui.window.quickInput().fill(client.origin + path);
      await page.keyboard.press('Enter');
    };
    await answer('/login');
    await ui.window.quickItem('Sign-out').click();
    await page.keyboard.press('Enter');
    await page.getByText('Which URL responds with 200').waitFor();
    await answer('/me');
    await page.getByText('Where does sign-out start?').waitFor();
    await answer('/logout');
    await ui.window.quickItem('ID token').waitFor();
    await ui.window.picture('torture-families');
    await page.locator('.quick-input-widget:visible').getByRole('checkbox', { name: 'Toggle all checkboxes' }).click();
    for (const family of ['ID token', 'UserInfo', 'Logout']) await ui.window.quickItem(family).click();
    await page.keyboard.press('Enter');
    const report = page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
    await report.getByRole('button', { name: 'Cancel' }).waitFor();
    await report.locator('.cell.passed').nth(3).waitFor();
    await ui.window.picture('torture-running');
    await report.getByRole('button', { name: 'Run Again' }).waitFor({ timeout: 120_000 });
    const status = await report.getByRole('status').textContent();
    assert.match(status ?? '', /The client violates requirements/);
    const cell = report.getByRole('gridcell', { name: /^nonce: fail/ });
    assert.equal(await cell.getAttribute('aria-selected'), 'true');
    assert.match((await report.locator('.details').textContent()) ?? '', /the client signed the user in/);
    assert.equal(await report.locator('[role=gridcell][tabindex="0"]').count(), 1);
    await pictured('torture');
    // The arrow key moves to the cell on the left, and the details follow.
    await cell.focus();
    await page.keyboard.press('ArrowLeft');
    assert.notEqual(await cell.getAttribute('aria-selected'), 'true');
    await page.keyboard.press('Home');
    await report.locator('.details .check.passed, .details .check.warning').waitFor();
    assert.equal(await report.getByRole('rowheader').count(), await report.getByRole('row').count());
  });

  it('reads it in a narrow window, writes it to a file, and stops what was started again', async () => {
    const { page } = ui.window;
    const report = page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
    await page.setViewportSize({ width: 760, height: 800 });
    await report.locator('.details').waitFor();
    await ui.window.picture('torture-narrow');
    await page.setViewportSize({ width: 1440, height: 1000 });
    await report.getByRole('button', { name: 'Export...' }).click();
    await ui.window.quickItem('JSON').click();
    const file = join(ui.folder, 'client-test.json');
    await page.waitForFunction(
      name => document.querySelector<HTMLInputElement>('.quick-input-box input')?.value.endsWith(name),
      'client-test.json',
    );
    await page.keyboard.press('Enter');
    await ui.window.statusBarItem('Report written as JSON').waitFor();
    const { counts, results } = JSON.parse(await readFile(file, 'utf8'));
    assert.equal(counts.fail, 1);
    assert.equal(results.find((each: { verdict: string }) => each.verdict === 'fail').id, 'id-token.nonce');
    const exported = async (format: string, name: string) => {
      await report.getByRole('button', { name: 'Export...' }).click();
      await ui.window.quickItem(format).click();
      await page.waitForFunction(
        wanted => document.querySelector<HTMLInputElement>('.quick-input-box input')?.value.endsWith(wanted),
        name,
      );
      await page.keyboard.press('Enter');
      await ui.window.statusBarItem(`Report written as ${format}`).waitFor();
      return readFile(join(ui.folder, name), 'utf8');
    };
    const html = await exported('HTML', 'client-test.html');
    const shown = await page.context().newPage();
    await shown.setContent(html);
    assert.match(
      (await shown.locator('tr[id="id-token.nonce"]').textContent()) ?? '',
      /fail.*the client signed the user in/,
    );
    await shown.close();
    const junit = await exported('JUnit', 'client-test.xml');
    const cases = await page.evaluate(text => {
      const found = new DOMParser().parseFromString(text, 'application/xml');
      return [
        found.querySelectorAll('parsererror, testcase > failure').length,
        found.querySelectorAll('testcase').length,
      ];
    }, junit);
    assert.deepEqual(cases, [1, results.length]);
    const sarif = JSON.parse(await exported('SARIF', 'client-test.sarif'));
    const errors = sarif.runs[0].results.filter((each: { level: string }) => each.level === 'error');
    assert.deepEqual([sarif.version, errors.length, errors[0].ruleId], ['2.1.0', 1, 'id-token.nonce']);
    await report.getByRole('button', { name: 'Run Again' }).click();
    await report.getByRole('button', { name: 'Cancel' }).click();
    await report.getByText('Stopped before the end').waitFor();
    assert.equal(await report.getByRole('button', { name: 'Export...' }).count(), 0);
  });
});
