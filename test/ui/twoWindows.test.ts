import assert from 'node:assert/strict';
import { type UiWindow, useWorkbench } from './harness.ts';
import { keepSecrets } from './secrets.ts';
import { assertEachSentOnce, openShop, reveal, type Shop, until } from './shop.ts';

/** Two pages with an extension host each. In this workbench neither ever sees what the other stores. */
describe('two windows', function () {
  this.timeout(90_000);
  let one: UiWindow;
  let two: UiWindow;
  let shop: Shop;
  let quick: Shop;
  let memory: Shop;
  const userSettings: Record<string, unknown> = {};
  before(async () => {
    shop = await openShop(userSettings, 'Shop');
    quick = await openShop(userSettings, 'Quick', { accessTokenLifetime: 4 });
    memory = await openShop(userSettings, 'Memory');
  });
  const ui = useWorkbench({ userSettings });
  after(() => Promise.all([shop, quick, memory].map(({ mock }) => mock.close())));

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
    await two.runCommand('JWT Workbench: Delete Stored Tokens...');
    await two.page.locator('.monaco-dialog-box').getByRole('button', { name: 'Delete', exact: true }).click();
    const signedOut = (window: UiWindow) => window.treeItem(/^Shop\s*no tokens/);
    await signedOut(two).waitFor();
    shop.release();
    await signedOut(one).waitFor();
    assert.equal(await two.treeItem('Refresh token').count(), 0);
    await one.treeItem(/Last refresh.*signed out/).waitFor();
  });

  it('are joined by a third, which has it all', async () => {
    await shop.signIn(one);
    const generation = async (window: UiWindow) => {
      await window.expand(shop.row(window));
      const text = await window.treeItem(/Refresh token.*no\. \d+/).textContent();
      return Number(/no\. (\d+)/.exec(text ?? '')?.[1]);
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
      await window.treeItem(/Refresh token.*no\. [4-9]\b/).waitFor();
    }
    quick.mock.clock.freeze();
    await until(() => quick.refreshes().every(({ status }) => status !== undefined));
    assertEachSentOnce(quick.refreshes());
  });

  it('say that the tokens are in the other one where VS Code keeps no secrets, and send nothing', async () => {
    await ui.workbench.context.unroute('**/mint-key');
    const window = await ui.openWindow();
    await memory.signIn(window);
    await memory.shows(window, 1);
    const other = await ui.openWindow();
    await reveal(other, memory.row(other));
    await other.expand(memory.row(other));
    await other.treeItem(/There are newer tokens.*which this window cannot open/).waitFor();
    await memory.refresh(window);
    await memory.shows(window, 2);
    assert.equal(memory.refreshes().length, 1);
    assertEachSentOnce(memory.refreshes());
  });

  const refreshing = (window: UiWindow) =>
    window.page.locator('[role=treeitem][aria-label*="refreshing"]').first();
});
