import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { root } from '../../scripts/lib/project.mjs';
import { startWorkbench, type Workbench } from '../../scripts/lib/workbench.mjs';

/** A row of the sidebar by the start of what a screen reader hears. */
const row = (page: Page, spoken: string) => page.locator(`[role=treeitem][aria-label^="${spoken}"]`).first();

/** Seconds left by the status bar. */
async function secondsLeft(page: Page): Promise<number> {
  const text = await page.locator('#jwt-workbench\\.jwt-workbench\\.jwtWorkbench\\.active').innerText();
  return Number(/(\d+) s\b/.exec(text)?.[1] ?? Number.NaN);
}

describe('a person in the real workbench', function () {
  this.timeout(90_000);
  let workbench: Workbench;
  let page: Page;

  before(async () => {
    workbench = await startWorkbench({ env: { JWT_WORKBENCH_DEMO: '1' } });
    ({ page } = await workbench.openWindow({
      extensionDevelopmentPath: root,
      folder: `${root}/test/fixtures/demo-workspace`,
    }));
    await page.getByRole('tab', { name: 'JWT Workbench' }).first().click();
  });

  after(() => workbench?.close());

  it('sees the demo connection count down, clicks refresh, and sees it start again', async () => {
    const demo = row(page, 'Connection Demo');
    await demo.waitFor({ timeout: 60_000 });
    await page.waitForFunction(
      () =>
        /\b[1-4]?\d s\b/.test(
          document.querySelector('.statusbar [id$="jwtWorkbench.active"]')?.textContent ?? '',
        ) &&
        !/\b5[5-9] s/.test(
          document.querySelector('.statusbar [id$="jwtWorkbench.active"]')?.textContent ?? '',
        ),
    );
    const before = await secondsLeft(page);
    await demo.hover();
    await demo.getByRole('button', { name: 'Refresh Access Token' }).click();
    await page.waitForFunction(
      least =>
        Number(
          /(\d+) s\b/.exec(
            document.querySelector('.statusbar [id$="jwtWorkbench.active"]')?.textContent ?? '',
          )?.[1] ?? 0,
        ) > least,
      before + 3,
    );
    assert.ok((await secondsLeft(page)) > before);
  });

  it('opens the token and sees its claims explained and its checks passed', async () => {
    await row(page, 'Connection Demo').click();
    await row(page, 'Access token').click();
    await row(page, 'Claims').click();
    await row(page, 'iss:').waitFor();
    await row(page, 'Claims').click();
    await row(page, 'Verification').click();
    await page.locator('[role=treeitem][aria-label*="passed"]').first().waitFor();
    assert.equal(await page.locator('[role=treeitem][aria-label*="failed"]').count(), 0);
  });

  it('copies a Bearer header from the row', async () => {
    const token = row(page, 'Access token');
    await token.hover();
    await token.getByRole('button', { name: 'Copy Token...' }).click();
    await page.getByRole('option', { name: /Authorization header/ }).click();
    await page.getByText('Access token copied').waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /^Authorization: Bearer eyJ/);
  });
});
