import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { slowVariable } from '../../../scripts/lib/results.mjs';
import { useWorkbench } from '../harness.ts';

describe('a person who looks at tokens in files and compares two', function () {
  this.timeout(120_000);
  const ui = useWorkbench({ demo: true, viewport: { width: 1440, height: 900 } });

  it('sees expired tokens struck through in any file, behind long lines and in notebooks', async () => {
    const { page } = ui.window;
    const old = /eyJ\S+/.exec(await readFile(join(ui.folder, 'token.jwt'), 'utf8'))?.[0] ?? '';
    const cell = { cell_type: 'code', source: [`token = "${old}"`], metadata: {}, outputs: [], execution_count: null };
    const files: Record<string, string> = {
      'old.http': `GET https://api.example/\nAuthorization: Bearer ${old}\n`,
      'old.env': `A=1\nTOKEN=${old}\n`,
      'old.yaml': `api:\n  token: "${old}"\n`,
      'old.log': `12:00:00 INFO ${'x'.repeat(300)} authorization="Bearer ${old}"\n`,
      'old.ipynb': JSON.stringify({ cells: [cell], metadata: {}, nbformat: 4, nbformat_minor: 5 }),
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(ui.folder, name), text);
    // Each kind of file is looked at in slow runs only, the long line always.
    for (const name of process.env[slowVariable] ? Object.keys(files) : ['old.http', 'old.log']) {
      await ui.window.openFile(name);
      await page
        .locator('.view-lines', { hasText: /expired\s\d+\smonths\sago/ })
        .first()
        .waitFor();
      // In a line that is not wrapped the token itself is out of sight.
      if (name === 'old.log') {
        await page.locator('.view-lines', { hasText: /token\sin\scolumn\s\d+/ }).waitFor();
        await page.keyboard.press('End');
      }
      await page.waitForFunction(() =>
        [...document.querySelectorAll('.view-line span')].some(
          span => span.textContent?.includes('eyJ') && getComputedStyle(span).textDecorationLine === 'line-through',
        ),
      );
      await ui.window.runCommand('View: Close All Editors');
    }
  });

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
    await ui.window.picture('compare');
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
