import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type MockServer, startMockServer } from '../../../src/mock/nodeServer.ts';
import { pageOf, useWorkbench } from '../harness.ts';
import { until } from '../shop.ts';

describe('a token in a file', function () {
  this.timeout(120_000);
  let mock: MockServer;
  const userSettings: Record<string, unknown> = {};
  before(async () => {
    mock = await startMockServer({ alg: 'ES256' });
    userSettings['jwtWorkbench.connections'] = [{ id: 'slow', issuer: mock.issuer, clientId: 'demo' }];
  });
  const ui = useWorkbench({ viewport: { width: 1440, height: 900 }, userSettings });
  after(() => mock.close());

  it('is shown before its issuer has answered, and verified when it has', async () => {
    const { access_token } = await mock.issueTokens();
    await writeFile(join(ui.folder, 'slow.jwt'), access_token);
    mock.clock.freeze();
    mock.setFault({ type: 'delay', ms: 5000 });
    const { page } = ui.window;
    await ui.window.openFile('slow.jwt');
    await page.locator('.codelens-decoration a', { hasText: 'Verify' }).first().click({ timeout: 30_000 });
    const inspector = pageOf(ui.window);
    await inspector.getByRole('status').getByText('Not checked', { exact: true }).waitFor({ timeout: 20_000 });
    assert.ok(mock.clock.sleeping > 0, 'the issuer has not answered');
    mock.faults.clear();
    mock.clock.advance(5000);
    await inspector.getByRole('status').getByText('Verified', { exact: true }).waitFor();
    mock.clock.resume();
    await page.locator('.tab.active [aria-label^="Close"]').click();
  });

  it('opens in the inspector from its hover, and sends its issuer nothing without a confirmation', async () => {
    const { page } = ui.window;
    await ui.window.openFile('token.jwt');
    const line = page.locator('.editor-instance .view-line', { hasText: 'eyJ' }).first();
    await line.waitFor();
    await page.locator('.codelens-decoration', { hasText: 'Decode' }).waitFor({ timeout: 30_000 });
    await page.locator('.view-lines', { hasText: /expired\s\d+/ }).waitFor();
    // It looks expired, and its expiry is visible however long the line is.
    const text = (await line.textContent()) ?? '';
    assert.match(text, /^expired\s\d+.*eyJ/);
    const struck = line.locator('span', { hasText: 'eyJ' }).last();
    await until(
      async () => (await struck.evaluate(each => getComputedStyle(each).textDecorationLine)) === 'line-through',
    );
    const hover = page.locator('.monaco-hover', { hasText: 'not checked' });
    const { x = 0, y = 0 } = (await line.boundingBox()) ?? {};
    let moves = 0;
    await until(async () => {
      // VS Code hides the hover of a line that it draws anew, as for a lens that comes late, until the pointer moves.
      await page.mouse.move(x + 200 + (moves++ % 20), y + 8);
      return hover.waitFor({ timeout: 1_000 }).then(
        () => true,
        () => false,
      );
    });
    await ui.window.picture('hover');
    await hover.getByText('Open in the inspector').click();
    const inspector = pageOf(ui.window);
    await inspector.getByRole('status').getByText('Not checked', { exact: true }).waitFor({ timeout: 20_000 });
    await inspector.getByText('Belongs to no connection').waitFor();
    await inspector.getByRole('button', { name: 'Verify', exact: true }).click();
    await ui.window.quickItem('Ask issuer.example').click();
    const question = page.locator('.monaco-dialog-box', { hasText: 'Fetch the keys of issuer.example?' });
    await question.waitFor();
    await ui.window.picture('inspector-asks');
    await page.keyboard.press('Escape');
    await question.waitFor({ state: 'hidden' });
    await inspector.getByRole('status').getByText('Not checked', { exact: true }).waitFor();
  });

  it('is verified by the command where the cursor is in it', async () => {
    await ui.window.openFile('token.jwt');
    await ui.window.page.locator('.editor-instance .view-line', { hasText: 'eyJ' }).first().click();
    await ui.window.runCommand('JWT Workbench: Verify Token...');
    await ui.window.quickItem('Ask issuer.example').waitFor();
    await ui.window.page.keyboard.press('Escape');
  });
});
