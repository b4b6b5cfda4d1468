import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { root } from '../../scripts/lib/project.mjs';
import { type MockServer, startMockServer } from '../../src/mock/nodeServer.ts';
import { useWorkbench } from './harness.ts';

/** Free for the whole run, so that the settings can name it before the workbench starts. */
const port = 43_117;
const pictures = join(root, 'out', 'signIn');

describe('a person who signs in', function () {
  this.timeout(120_000);
  let mock: MockServer;
  before(async () => {
    await mkdir(pictures, { recursive: true });
    mock = await startMockServer({ port, signIn: 'page', deviceInterval: 1 });
  });
  after(() => mock.close());
  const connection = (id: string) => ({
    id,
    label: id,
    issuer: `http://127.0.0.1:${port}`,
    clientId: 'demo',
    scope: 'openid profile offline_access',
  });
  const ui = useWorkbench({
    userSettings: {
      'jwtWorkbench.connections': [
        connection('Shop'),
        connection('Television'),
        { ...connection('Cinema'), scope: 'openid profile' },
      ],
    },
  });
  const picture = (page: Page, name: string) => page.screenshot({ path: join(pictures, `${name}.png`) });

  /** A workbench in the browser opens addresses of its server's machine through a proxy, which this server lacks. */
  const throughProxy = (page: Page) =>
    page.context().route(`**/proxy/${port}/**`, route => {
      const location = route
        .request()
        .url()
        .replace(/^.*\/proxy\//, 'http://127.0.0.1:');
      return route.fulfill({ status: 302, headers: { location } });
    });

  it('presses Sign in, allows it on the issuer page, and has tokens', async () => {
    const { page } = ui.window;
    await throughProxy(page);
    await ui.window.openContainer('JWT Workbench');
    await ui.window.expand(ui.window.treeItem('Shop'));
    const signIn = page.locator('[role=treeitem][aria-label^="Sign in"]').first();
    await signIn.waitFor();
    await picture(page, '1-before');
    const popup = page.context().waitForEvent('page');
    await signIn.click();
    await ui.window.quickItem('In the browser').waitFor();
    await picture(page, '2-ways');
    await ui.window.quickItem('In the browser').click();
    const issuer = await popup;
    await issuer.locator('form').waitFor();
    await picture(issuer, '2-issuer');
    await page.bringToFront();
    await picture(page, '3-waiting');
    await issuer.getByRole('button', { name: 'Sign in and allow' }).click();
    await issuer.getByRole('heading', { name: 'Signed in' }).waitFor();
    await picture(issuer, '4-closing-page');
    await issuer.close();
    await page.bringToFront();
    await page.locator('[role=treeitem][aria-label^="Access token"]').first().waitFor();
    await picture(page, '5-after');
    assert.equal(await page.locator('[role=treeitem][aria-label^="Refresh token"]').count(), 1);
  });

  it('confirms a code on another device, and has tokens', async () => {
    const { page } = ui.window;
    await throughProxy(page);
    await ui.window.openContainer('JWT Workbench');
    await ui.window.expand(ui.window.treeItem('Television'));
    await page.locator('[role=treeitem][aria-label^="Sign in"]').first().click();
    await ui.window.quickItem('With a code, on any device').click();
    const panel = page.frameLocator('iframe.webview.ready').frameLocator('#active-frame');
    const code = await panel.locator('output').textContent();
    assert.match(code ?? '', /^[\w-]{8,}$/);
    await panel.getByText(/good for 9:\d\d/).waitFor();
    await picture(page, '6-code');
    await panel.getByRole('button', { name: 'Copy Code' }).click();
    await panel.getByText('Copied').waitFor();
    const popup = page.context().waitForEvent('page');
    await panel.getByRole('button', { name: 'Open Page' }).click();
    const issuer = await popup;
    await issuer.locator('form').waitFor();
    await picture(issuer, '7-device-page');
    await issuer.getByRole('button', { name: 'Sign in and allow' }).click();
    await page.bringToFront();
    await page.locator('[role=treeitem][aria-label^="Access token"]').nth(1).waitFor();
    await picture(page, '8-after-code');
    assert.equal(await page.locator('iframe.webview.ready').count(), 0);
  });

  it('is told why there is no refresh token, and gets one with one press', async () => {
    const { page } = ui.window;
    await throughProxy(page);
    await ui.window.openContainer('JWT Workbench');
    const signIn = async (start: () => Promise<void>) => {
      const popup = page.context().waitForEvent('page');
      await start();
      await ui.window.quickItem('In the browser').click();
      const issuer = await popup;
      await issuer.getByRole('button', { name: 'Sign in and allow' }).click();
      await issuer.getByRole('heading', { name: 'Signed in' }).waitFor();
      await issuer.close();
      await page.bringToFront();
    };
    await ui.window.expand(ui.window.treeItem('Cinema'));
    await signIn(() => page.locator('[role=treeitem][aria-label^="Sign in"]').first().click());
    // It came while the page of the issuer was in front: its place is behind the bell.
    await page.locator('.statusbar-item[id="status.notifications"]').click();
    const center = page.locator('.notifications-center');
    await center.getByText(/Many issuers give one only for the scope offline_access/).waitFor();
    await picture(page, '9-no-refresh-token');
    const before = await page.locator('[role=treeitem][aria-label^="Refresh token"]').count();
    await signIn(() => page.getByRole('button', { name: 'Add offline_access and Sign In Again' }).click());
    await page.locator('[role=treeitem][aria-label^="Refresh token"]').nth(before).waitFor();
    const settings = join(ui.workbench.server.userDataDir, 'User', 'settings.json');
    assert.match(await readFile(settings, 'utf8'), /"openid profile offline_access"/);
  });

  it('signs out here, and then in the browser as well', async () => {
    const { page } = ui.window;
    await throughProxy(page);
    await ui.window.openContainer('JWT Workbench');
    await ui.window.treeItem('Shop').click();
    await ui.window.runCommand('JWT Workbench: Sign Out...', 'Shop');
    await page.locator('.monaco-dialog-box').getByRole('button', { name: 'Sign Out', exact: true }).click();
    await page.locator('.statusbar-item[id="status.notifications"]').click();
    const center = page.locator('.notifications-center');
    await center.getByText(/may still know you in the browser/).waitFor();
    assert.equal(mock.requests.at(-1)?.path, '/revoke', 'the tokens are gone by now');
    await picture(page, '10-signed-out-here');
    const popup = page.context().waitForEvent('page');
    await center.getByRole('button', { name: 'Sign Out in the Browser' }).click();
    const issuer = await popup;
    await issuer.getByRole('heading', { name: 'Signed out' }).waitFor();
    await picture(issuer, '11-signed-out-in-the-browser');
    await issuer.close();
    await page.getByText(/The session of Shop in the browser has ended/).waitFor();
    assert.equal(mock.requests.at(-1)?.path, '/end_session');
  });
});
