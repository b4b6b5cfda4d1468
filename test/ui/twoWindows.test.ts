import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { answerMintKey } from '../../scripts/lib/workbench.mjs';
import { extensionId } from '../../src/contributions.ts';
import { slowly, type UiWindow, useWorkbench } from './harness.ts';
import { keepSecrets } from './secrets.ts';
import { assertEachSentOnce, openShop, reveal, type Shop, until } from './shop.ts';

/** Two pages with an extension host each. In this workbench, neither sees what the other stores. */

describe('two windows', function () {
  this.timeout(90_000);
  let one: UiWindow;
  let two: UiWindow;
  let shop: Shop;
  let quick: Shop;
  const userSettings: Record<string, unknown> = {};
  before(async () => {
    shop = await openShop(userSettings, 'Shop');
    quick = await openShop(userSettings, 'Quick', { accessTokenLifetime: 4 });
  });
  const ui = useWorkbench({ userSettings, keepsSecrets: true });
  after(() => Promise.all([shop, quick].map(({ mock }) => mock.close())));

  const generation = async (window: UiWindow) => {
    await window.expand(shop.row(window));
    const text = await window.treeItem(/Refresh token.*generation \d+/).textContent();
    return Number(/generation (\d+)/.exec(text ?? '')?.[1]);
  };

  it('show the same connection', async () => {
    one = ui.window;
    await reveal(one, shop.row(one));
    two = await ui.openWindow();
    await shop.signIn(one);
    await shop.shows(one, 1);
    await shop.shows(two, 1);
  });

  it('show what the other has refreshed without a reload, and send the newest token', async () => {
    for (const [index, window] of [one, two, two, one].entries()) {
      await shop.refresh(window);
      await shop.shows(one, index + 2);
      await shop.shows(two, index + 2);
    }
    assert.equal(shop.refreshes().length, 4);
    assertEachSentOnce(shop.refreshes());
  });

  it('send one request where both refresh at the same moment', async () => {
    const before = shop.refreshes().length;
    shop.hold({ type: 'delay', at: 'token', ms: 60_000 });
    const asked = shop.mock.nextRequest();
    await shop.refresh(one);
    await asked;
    // The first window's request is held at the issuer, so this one starts before it has an outcome.
    await shop.refresh(two);
    await refreshing(two).waitFor();
    shop.release();
    await shop.shows(one, 6);
    await shop.shows(two, 6);
    for (const window of [one, two]) await refreshing(window).waitFor({ state: 'detached' });
    assert.equal(shop.refreshes().length, before + 1);
    assertEachSentOnce(shop.refreshes());
  });

  it('sign out for each other, even if a running refresh still returns tokens', async () => {
    shop.hold({ type: 'delay', at: 'token', ms: 60_000 });
    const asked = shop.mock.nextRequest();
    await shop.refresh(one);
    await asked;
    await two.runCommand('JWT Workbench: Sign Out...');
    await two.page
      .locator('.monaco-dialog-box')
      .getByRole('button', { name: 'Delete Locally Only', exact: true })
      .click();
    const signedOut = (window: UiWindow) => window.treeItem(/^Shop\s*no tokens/);
    await signedOut(two).waitFor();
    shop.release();
    await signedOut(one).waitFor();
    assert.equal(await two.treeItem('Refresh token').count(), 0);
    await one.treeItem(/Last refresh.*signed out/).waitFor();
  });

  slowly('are joined by a third, which has it all', async () => {
    await shop.signIn(one);
    const first = await generation(one);
    await shop.shows(two, first);
    const three = await ui.openWindow();
    await shop.shows(three, first);
    const before = shop.refreshes().length;
    await shop.refresh(three);
    for (const window of [one, two, three]) await shop.shows(window, first + 1);
    await shop.refresh(one);
    for (const window of [one, two, three]) await shop.shows(window, first + 2);
    assertEachSentOnce(shop.refreshes().slice(before));
    await three.page.close();
  });

  it('keep a connection with short-lived tokens fresh together, and send each token once', async () => {
    await quick.signIn(one);
    await until(() => quick.refreshes().length >= 3);
    for (const window of [one, two]) {
      await window.expand(quick.row(window));
      await window.treeItem(/Refresh token.*generation (?:[4-9]|\d\d+)\b/).waitFor();
    }
    quick.mock.clock.freeze();
    await until(() => quick.refreshes().every(({ status }) => status !== undefined));
    assertEachSentOnce(quick.refreshes());
  });

  slowly('offer a sign-in where VS Code keeps no secrets for one of them', async () => {
    await answerMintKey(ui.workbench.context);
    // The file with the journal's key exists for its first minute and would bring the tokens into this window.
    for (const name of await readdir(locks())) if (/journal-key.*\.journal$/.test(name)) await rm(join(locks(), name));
    const window = await ui.openWindow();
    await reveal(window, shop.row(window));
    await window.expand(shop.row(window));
    const elsewhere = window.treeItem(/Sign in again.*VS Code kept the tokens in memory only/);
    await elsewhere.waitFor();
    for (const each of [one, two]) await each.collapse(quick.row(each));
    const known = await generation(one);
    const before = shop.refreshes().length;
    const asked = shop.mock.nextRequest();
    await shop.refresh(one);
    await asked;
    await until(() => shop.refreshes().at(before)?.status === 200);
    for (const each of [one, two]) await shop.shows(each, known + 1);
    await elsewhere.waitFor();
    assert.equal(shop.refreshes().length, before + 1);
  });

  slowly(
    'lose a window that is killed after the issuer has rotated: one retry is sent, and all show the true outcome',
    async () => {
      // The slow test above has changed it.
      await keepSecrets(ui.workbench.context);
      const replaced = await generation(two);
      await shop.signIn(two);
      await two.page.locator('.monaco-dialog-box').getByText('Replace', { exact: true }).click();
      for (const window of [two, one]) await shop.shows(window, replaced + 1);
      const before = shop.refreshes().length;
      shop.hold({ type: 'delay', at: 'token', ms: 60_000, after: true });
      await shop.refresh(one);
      await until(() => shop.refreshes().at(before)?.committed === true);
      await killHolder();
      shop.release();
      await shop.refresh(two);
      const signInAgain = (window: UiWindow) =>
        window.page.locator('[role=treeitem][aria-label^="Connection Shop, sign in again"]');
      await signInAgain(two).waitFor();
      await two.treeItem(/Last refresh.*The response to the refresh on .*\d+:\d\d.* was lost/).waitFor();
      const [first, again, ...more] = shop.refreshes().slice(before);
      assert.equal(again?.refresh_token, first?.refresh_token, 'the same token, once more');
      assert.deepEqual([again?.status, more.length], [400, 0]);
      await one.page.reload();
      await one.ready();
      await reveal(one, signInAgain(one));
      await one.expand(shop.row(one));
      await one.treeItem(/Sign in again.*The response to the refresh on .* was lost/).waitFor();
      assert.equal(shop.refreshes().length, before + 2, 'a refused token is not sent again');
    },
  );

  /** Kills the extension host whose process id is in the lock of the shop. */
  async function killHolder(): Promise<void> {
    const lock = join(locks(), 'n-shop.lock');
    const host = Number.parseInt((await readdir(lock))[0] ?? '', 10);
    process.kill(host, 'SIGKILL');
    await until(() => {
      try {
        return !process.kill(host, 0);
      } catch {
        return true;
      }
    });
    // Simulates a user who comes back later, when nobody holds the lock.
    await rm(lock, { recursive: true, force: true });
  }

  const locks = () =>
    join(ui.workbench.server.userDataDir, 'User', 'globalStorage', extensionId.toLowerCase(), 'locks');

  const refreshing = (window: UiWindow) => window.page.locator('[role=treeitem][aria-label*="refreshing"]').first();
});
