import assert from 'node:assert/strict';
import { slowVariable } from '../../scripts/lib/results.mjs';
import { type UiWindow, useWorkbench } from './harness.ts';
import { keepSecrets } from './secrets.ts';
import { assertEachSentOnce, openShop, reveal, type Shop, until } from './shop.ts';

/** Two pages with an extension host each. In this workbench neither ever sees what the other stores. */
/** For what opens one more window. */
const slowly = (title: string, run: Mocha.AsyncFunc) => {
  if (process.env[slowVariable]) it(title, run);
};

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
  const ui = useWorkbench({ userSettings });
  after(() => Promise.all([shop, quick].map(({ mock }) => mock.close())));

  it('show the same connection', async () => {
    await keepSecrets(ui.workbench.context);
    await ui.window.page.close();
    one = await ui.openWindow();
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
    // The first one's request stays at the issuer, so this one begins before anything has come of it.
    await shop.refresh(two);
    await refreshing(two).waitFor();
    shop.release();
    await shop.shows(one, 6);
    await shop.shows(two, 6);
    for (const window of [one, two]) await refreshing(window).waitFor({ state: 'detached' });
    assert.equal(shop.refreshes().length, before + 1);
    assertEachSentOnce(shop.refreshes());
  });

  it('sign out for each other, whatever a refresh under way still brings', async () => {
    shop.hold({ type: 'delay', at: 'token', ms: 60_000 });
    const asked = shop.mock.nextRequest();
    await shop.refresh(one);
    await asked;
    await two.runCommand('JWT Workbench: Sign Out...');
    await two.page
      .locator('.monaco-dialog-box')
      .getByRole('button', { name: 'Only Delete Here', exact: true })
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
    const generation = async (window: UiWindow) => {
      await window.expand(shop.row(window));
      const text = await window.treeItem(/Refresh token.*generation \d+/).textContent();
      return Number(/generation (\d+)/.exec(text ?? '')?.[1]);
    };
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
      await window.treeItem(/Refresh token.*generation [4-9]\b/).waitFor();
    }
    quick.mock.clock.freeze();
    await until(() => quick.refreshes().every(({ status }) => status !== undefined));
    assertEachSentOnce(quick.refreshes());
  });

  slowly('say that the tokens are elsewhere where VS Code keeps no secrets for one of them', async () => {
    await ui.workbench.context.unroute('**/mint-key');
    const window = await ui.openWindow();
    await reveal(window, shop.row(window));
    await window.expand(shop.row(window));
    const elsewhere = window.treeItem(/There are newer tokens.*which this window cannot open/);
    await elsewhere.waitFor();
    const before = shop.refreshes().length;
    const asked = shop.mock.nextRequest();
    await shop.refresh(one);
    await asked;
    await until(() => shop.refreshes().at(before)?.status === 200);
    await elsewhere.waitFor();
    assert.equal(shop.refreshes().length, before + 1);
  });

  const refreshing = (window: UiWindow) =>
    window.page.locator('[role=treeitem][aria-label*="refreshing"]').first();
});
