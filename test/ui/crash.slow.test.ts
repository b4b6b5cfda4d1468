import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { childrenOf } from '../../scripts/lib/server.mjs';
import { extensionId } from '../../src/contributions.ts';
import { type UiWindow, useWorkbench } from './harness.ts';
import { openShop, reveal, type Shop, until } from './shop.ts';

/** The issuer rotates strictly, so a lost response costs the sign-in. What is shown must be true. */
describe('a killed extension host', function () {
  this.timeout(90_000);
  let shop: Shop;
  let window: UiWindow;
  let generation = 0;
  /** Process id of the window's extension host. Those of earlier windows may take time to end. */
  let host = 0;
  const userSettings: Record<string, unknown> = {};
  before(async () => {
    shop = await openShop(userSettings, 'Shop');
  });
  const ui = useWorkbench({ userSettings, keepsSecrets: true, opens: 'nothing' });
  after(() => shop.mock.close());

  it('has a connection', async () => {
    await started(async () => {
      window = await ui.openWindow();
    });
    ui.window = window;
    await shop.signIn(window);
    generation = 1;
    await shop.shows(window, generation);
  });

  it('before the refresh token is sent: nothing has happened', async () => {
    // A new process must first request the issuer's metadata.
    await restart();
    shop.hold({ type: 'delay', at: 'metadata', ms: 60_000 });
    const asked = shop.mock.nextRequest();
    await shop.refresh(window);
    await asked;
    await kill();
    shop.release();
    await restart();
    await shop.shows(window, generation);
    assert.equal(shop.refreshes().length, 0);
    await refreshes();
  });

  it('as soon as the new tokens are shown: they are there', async () => {
    await refreshes();
    await kill();
    await restart();
    await refreshes();
  });

  it('in the moment in which the answer is sent: the new tokens, or the truth', async () => {
    const sent = shop.refreshes().length;
    const asked = shop.mock.nextRequest();
    await shop.refresh(window);
    await asked;
    while (shop.refreshes().at(-1)?.status === undefined) await new Promise(setImmediate);
    await kill();
    await restart();
    await newTokensOrTheTruth(sent);
  });

  it('while the response is in transit: one retry, and the user is told when it was lost', async () => {
    const sent = shop.refreshes().length;
    shop.hold({ type: 'delay', at: 'token', ms: 60_000, after: true });
    await shop.refresh(window);
    await until(() => shop.refreshes().at(sent)?.committed === true);
    await kill();
    shop.release();
    await restart();
    await shop.shows(window, generation);
    await shop.refresh(window);
    await assertTold(sent);
    await restart();
    await window.expand(shop.row(window));
    await window.treeItem(/Sign in again.*The response to the refresh on .* was lost/).waitFor();
    assert.equal(shop.refreshes().length, sent + 2, 'a refused token is not sent again');
  });

  it('not killed but reloaded meanwhile: the new tokens, or the truth', async () => {
    await shop.signIn(window);
    await window.treeItem(new RegExp(`Refresh token.*generation ${++generation}\\b`)).waitFor();
    const sent = shop.refreshes().length;
    shop.hold({ type: 'delay', at: 'token', ms: 60_000, after: true });
    await shop.refresh(window);
    await until(() => shop.refreshes().at(sent)?.committed === true);
    await window.page.reload();
    shop.release();
    await window.ready();
    await newTokensOrTheTruth(sent);
  });

  async function refreshes(): Promise<void> {
    await shop.refresh(window);
    await shop.shows(window, ++generation);
    assert.equal(shop.refreshes().at(-1)?.status, 200);
  }

  /** @param sent number of requests before the one whose outcome is unknown */
  async function newTokensOrTheTruth(sent: number): Promise<void> {
    await shop.refresh(window);
    await until(() => shop.refreshes().at(sent + 1)?.status !== undefined);
    const [before, after] = shop.refreshes().slice(sent);
    if (after?.refresh_token !== before?.refresh_token) {
      assert.equal(after?.status, 200);
      generation += 2;
      await shop.shows(window, generation);
    } else {
      await assertTold(sent);
      await shop.signIn(window);
      await shop.shows(window, ++generation);
    }
  }

  async function assertTold(sent: number): Promise<void> {
    await shop.shows(window, generation);
    await window.treeItem(/Last refresh.*The response to the refresh on .*\d+:\d\d.* was lost/).waitFor();
    await window.page.locator('[role=treeitem][aria-label^="Connection Shop, sign in again"]').waitFor();
    const [before, after, ...more] = shop.refreshes().slice(sent);
    assert.equal(after?.refresh_token, before?.refresh_token, 'the same token, once more');
    assert.deepEqual([after?.status, more.length], [400, 0]);
  }

  async function restart(): Promise<void> {
    await started(async () => {
      await window.page.reload();
      await window.ready();
    });
    await reveal(window, shop.row(window));
  }

  /** Determines which extension host `open` starts. */
  async function started(open: () => Promise<void>): Promise<void> {
    const { pid } = ui.workbench.server;
    const before = await childrenOf(pid, /--type=extensionHost/);
    await open();
    await until(async () => {
      const [found] = (await childrenOf(pid, /--type=extensionHost/)).filter(each => !before.includes(each));
      host = found ?? 0;
      return found !== undefined;
    });
  }

  async function kill(): Promise<void> {
    process.kill(host, 'SIGKILL');
    await until(async () => !(await childrenOf(ui.workbench.server.pid, /--type=extensionHost/)).includes(host));
    // Simulates a user who comes back later, when nobody holds the lock. The last test waits for that.
    const { userDataDir } = ui.workbench.server;
    const locks = join(userDataDir, 'User', 'globalStorage', extensionId.toLowerCase(), 'locks');
    await rm(join(locks, 'n-shop.lock'), { recursive: true, force: true });
  }
});
