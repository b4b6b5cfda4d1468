import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { useWorkbench } from './harness.ts';

describe('a person who compares two tokens', function () {
  this.timeout(120_000);
  const ui = useWorkbench({ demo: true, viewport: { width: 1440, height: 900 } });

  it('picks both from the connections, and reads what differs side by side', async () => {
    const { page } = ui.window;
    await ui.window.openContainer('JWT Workbench');
    await page.locator('[role=treeitem][aria-label^="Connection Demo"]').first().waitFor({ timeout: 60_000 });
    await ui.window.runCommand('JWT Workbench: Compare Two Tokens...');
    await ui.window.quickItem('ID token of Demo').click();
    await page.getByText('Compare ID token of Demo With').waitFor();
    await ui.window.quickItem('Access token of Demo').click();
    const tab = page.locator('.tab.active', { hasText: 'ID token of Demo ↔ Access token of Demo' });
    await tab
      .getByText(/\(\d+ differences\)/)
      .first()
      .waitFor();
    await page.locator('.monaco-diff-editor .line-insert, .monaco-diff-editor .char-insert').first().waitFor();
    const text = (await page.locator('.monaco-diff-editor').innerText()).replaceAll('\u00a0', ' ');
    assert.match(text, /at\+jwt/);
    assert.match(text, /Kind of token/);
    assert.doesNotMatch(text, /eyJ/);
    await mkdir(join('out', 'screenshots'), { recursive: true });
    await page.screenshot({ path: join('out', 'screenshots', 'compare.png') });
  });

  it('sees the token before a refresh on the left, and no difference in times that have moved on together', async () => {
    const { page } = ui.window;
    await ui.window.runCommand('JWT Workbench: Refresh Access Token');
    await page.getByText('Demo has a new access token').first().waitFor();
    await ui.window.runCommand('JWT Workbench: Compare Two Tokens...');
    await ui.window.quickItem('Access token of Demo').click();
    await ui.window.quickItem('Access token of Demo before the last refresh').click();
    // Only the token's id differs.
    const names = 'Access token of Demo before the last refresh ↔ Access token of Demo';
    await page.locator('.tab.active', { hasText: `${names} (1 difference)` }).waitFor();
    await page.locator('.monaco-diff-editor .line-insert, .monaco-diff-editor .char-insert').first().waitFor();
    const text = (await page.locator('.monaco-diff-editor').innerText()).replaceAll('\u00a0', ' ');
    assert.match(text, /1 min after iat\./);
    assert.doesNotMatch(text, / ago\b/);
  });
});
