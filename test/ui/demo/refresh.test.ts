import assert from 'node:assert/strict';
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { extensionId } from '../../../src/contributions.ts';
import { again, slowly, useWorkbench } from '../harness.ts';
import { assertEachSentOnce, openShop, reveal, type Shop, until } from '../shop.ts';

describe('a person in the real workbench', function () {
  this.timeout(90_000);
  let shop: Shop;
  const userSettings: Record<string, unknown> = {};
  before(async () => {
    shop = await openShop(userSettings, 'Shop');
  });
  const ui = useWorkbench({ demo: true, userSettings });
  after(() => shop.mock.close());

  /** A row of the sidebar by the start of its text for screen readers. */
  const row = (spoken: string) => ui.window.page.locator(`[role=treeitem][aria-label^="${spoken}"]`).first();

  async function secondsLeft(): Promise<number> {
    const text = (await ui.window.statusBarItem(/Demo: \d+ s/).textContent()) ?? '';
    return Number(/(\d+) s\b/.exec(text)?.[1] ?? Number.NaN);
  }

  it('sees the demo connection count down, clicks refresh, and sees it start again', async () => {
    await ui.window.openContainer('JWT Workbench');
    const demo = row('Connection Demo');
    await demo.waitFor({ timeout: 60_000 });
    // In a window that was taken over, this row comes with the new settings, and moves the one below from under the pointer.
    await row('Connection Shop').waitFor();
    await ui.window.statusBarItem(/Demo: ([1-4]?\d|5[0-5]) s/).waitFor({ timeout: 20_000 });
    const before = await secondsLeft();
    await ui.window.treeAction(demo, 'Refresh Access Token');
    const above = Array.from({ length: 60 - before }, (_, index) => before + 1 + index).slice(1);
    await ui.window.statusBarItem(new RegExp(`Demo: (${above.join('|')}) s`)).waitFor({ timeout: 10_000 });
    assert.ok((await secondsLeft()) > before);
  });

  it('opens the token and sees its claims explained and its checks passed', async () => {
    await ui.window.expand(row('Connection Demo'));
    await ui.window.expand(row('Access token'));
    await ui.window.expand(row('Claims'));
    await row('iss:').waitFor();
    await ui.window.collapse(row('Claims'));
    await ui.window.expand(row('Verification'));
    await ui.window.page.locator('[role=treeitem][aria-label*="passed"]').first().waitFor();
    assert.deepEqual(
      (await ui.window.treeRows()).filter(text => /failed/.test(text)),
      [],
    );
  });

  it('copies a Bearer header of the connection', async () => {
    await ui.window.runCommand('JWT Workbench: Copy as Header or curl...', 'Authorization header');
    await ui.window.page.getByText('Authorization header of Demo copied').waitFor();
    assert.match(await ui.window.clipboard(), /^Authorization: Bearer eyJ/);
  });

  it('copies the access token with one press on its row', async () => {
    await ui.window.treeAction(row('Access token'), 'Copy Token');
    await ui.window.page.getByText('Access token of Demo copied').waitFor();
    assert.match(await ui.window.clipboard(), /^eyJ/);
  });

  /** The first command that the palette offers for a typed text, by its label. */
  async function firstCommand(typed: string): Promise<string> {
    const { page } = ui.window;
    await page.keyboard.press('F1');
    await ui.window.quickInput().fill(`>${typed}`);
    const first = page.locator('.quick-input-widget:visible .quick-input-list .monaco-list-row').first();
    await first.filter({ hasText: 'JWT Workbench' }).waitFor();
    return (await first.locator('.label-name').first().textContent()) ?? '';
  }

  it('types "copy token" in the palette, presses Enter, and has the token', async () => {
    const { page } = ui.window;
    await page.evaluate(() => navigator.clipboard.writeText(''));
    assert.equal(await firstCommand('copy token'), 'JWT Workbench: Copy Token');
    await page.keyboard.press('Enter');
    // The status bar may still show the text of the previous copy.
    await page.waitForFunction(async () => (await navigator.clipboard.readText()).startsWith('eyJ'));
  });

  it('types "show status" in the palette, presses Enter, and sees the connections', async () => {
    // VS Code gives the focus back to a tree that it has drawn anew. On a busy machine, that closes a list that has just opened.
    await again(async timeout => {
      assert.equal(await firstCommand('show status'), 'JWT Workbench: Show Connection Status...');
      await ui.window.page.keyboard.press('Enter');
      await ui.window.quickItem('Demo').waitFor({ timeout });
    });
    await ui.window.page.keyboard.press('Escape');
  });

  const progress = () => ui.window.notification('Refreshing Shop');

  /** Waits for the progress of a slow request and presses its button. */
  async function cancel(): Promise<void> {
    await progress().getByRole('button', { name: 'Cancel' }).click();
    await progress().waitFor({ state: 'detached' });
  }

  it('cancels a refresh before its token is sent, and nothing has changed', async () => {
    // The tokens are verified when their rows become visible, so the refresh waits for the same metadata request.
    shop.hold({ type: 'delay', at: 'metadata', ms: 60_000 });
    await shop.signIn(ui.window);
    await shop.shows(ui.window, 1);
    await shop.refresh(ui.window);
    await row('Connection Shop, refreshing').waitFor();
    await cancel();
    await ui.window.statusBarItem('Shop: cancelled, nothing was sent.').waitFor();
    shop.release();
    await row('Connection Shop, active').waitFor();
    await shop.shows(ui.window, 1);
    assert.equal(shop.refreshes().length, 0);
  });

  it('cancels the wait for a response, which is kept if it still arrives', async () => {
    shop.hold({ type: 'delay', at: 'token', ms: 60_000 });
    const asked = shop.mock.nextRequest();
    await shop.refresh(ui.window);
    await asked;
    await cancel();
    await ui.window.statusBarItem(/Shop: cancelled. The request was sent/).waitFor();
    await row('Connection Shop, refreshing').waitFor();
    shop.release();
    await shop.shows(ui.window, 2);
    await row('Connection Shop, active').waitFor();
    await shop.refresh(ui.window);
    await shop.shows(ui.window, 3);
    assert.equal(shop.refreshes().length, 2);
    assertEachSentOnce(shop.refreshes());
  });

  it('is asked before a refresh without the protection of the folder that cannot be written, and can sign out', async () => {
    const { page } = ui.window;
    const folder = join(ui.workbench.server.userDataDir, 'User', 'globalStorage', extensionId.toLowerCase(), 'locks');
    const aside = `${folder}-aside`;
    await rename(folder, aside);
    // A file in its place: root may write into every folder.
    await writeFile(folder, '');
    const before = shop.refreshes().length;
    await shop.refresh(ui.window);
    const question = page.locator('.monaco-dialog-box');
    await question.getByText('Refresh Shop without protection?').waitFor();
    await ui.window.picture('unprotected');
    await question.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('VS Code cannot write to its own folder').waitFor();
    assert.equal(shop.refreshes().length, before, 'nothing is sent before the answer');
    await shop.refresh(ui.window);
    await question.getByRole('button', { name: 'Refresh Without Protection' }).click();
    await shop.shows(ui.window, 4);
    assert.equal(shop.refreshes().length, before + 1);
    assertEachSentOnce(shop.refreshes());

    await ui.window.runCommand('JWT Workbench: Sign Out...', 'Shop');
    await page.getByRole('dialog').getByRole('button', { name: 'Sign Out', exact: true }).click();
    const untold = /The tokens of Shop are deleted here, but other windows could not be told.*(?:ENOTDIR|EEXIST)/;
    await page.getByText(untold).first().waitFor();
    await ui.window.picture('untold');
    // It does not come when the warning is closed, which may be after the next sign-in.
    await ui.window.notification('Signed out of Shop in VS Code. The browser may still have a session').waitFor();
    await ui.window.page.locator('[role=treeitem][aria-label^="Connection Shop, no tokens"]').waitFor();
    await rm(folder);
    await rename(aside, folder);
    await shop.signIn(ui.window);
    await row('Connection Shop, active').waitFor();
    await shop.refresh(ui.window);
    await until(() => shop.refreshes().filter(({ status }) => status === 200).length === before + 2);
    assertEachSentOnce(shop.refreshes());
  });

  slowly('is told above the view, and in the row, that this VS Code keeps secrets in memory only', async () => {
    const { page } = ui.window;
    const folder = join(ui.workbench.server.userDataDir, 'User', 'globalStorage', extensionId.toLowerCase(), 'locks');
    // The file with the journal's key exists for its first minute and would restore the tokens.
    for (const name of await readdir(folder)) if (/journal-key.*\.journal$/.test(name)) await rm(join(folder, name));
    await page.reload();
    await ui.window.ready();
    await reveal(ui.window, row('Connection Shop, sign in again'));
    await page.getByText('VS Code keeps secrets in memory only here').waitFor();
    await ui.window.expand(shop.row(ui.window));
    await ui.window.treeItem(/Sign in again.*VS Code kept the tokens in memory only/).waitFor();
    await ui.window.picture('memory-only');
  });
});
