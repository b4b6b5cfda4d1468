import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { type MockServer, startMockServer } from '../../../src/mock/nodeServer.ts';
import { countActions, useWorkbench } from '../harness.ts';

describe('a person who signs in', function () {
  this.timeout(120_000);
  let mock: MockServer;
  const userSettings: Record<string, unknown> = {};
  before(async () => {
    mock = await startMockServer({
      signIn: 'page',
      deviceInterval: 1,
      clients: [{ client_id: 'demo' }, { client_id: 'museum', redirect_uris: ['https://museum.example/callback'] }],
    });
    userSettings['jwtWorkbench.connections'] = [
      connection('Shop'),
      connection('Television'),
      { ...connection('Cinema'), scope: 'openid profile' },
      { ...connection('Museum'), clientId: 'museum' },
    ];
  });
  after(() => mock?.close());
  const connection = (id: string) => ({
    id,
    label: id,
    issuer: mock.issuer,
    clientId: 'demo',
    scope: 'openid profile offline_access',
  });
  const ui = useWorkbench({ userSettings });
  const picture = (page: Page, name: string) => ui.window.picture(`signIn-${name}`, page);

  /** Waits for a notification. Those that appeared while the issuer's page was in front are behind the bell. */
  const told = async (words: RegExp) => {
    const { page } = ui.window;
    await page.bringToFront();
    const shown = page.locator('.notifications-center, .notifications-toasts').locator('.monaco-list-row:visible');
    const row = shown.filter({ hasText: words }).first();
    if (!(await row.isVisible())) await ui.window.showNotifications();
    await row.waitFor();
    return row;
  };

  it('presses Sign in, allows it on the issuer page, and has tokens', async () => {
    const { page } = ui.window;
    await ui.window.openContainer('JWT Workbench');
    // Until this row is there, the window shows the "Shop" of the previous group.
    await ui.window.treeItem('Television').waitFor();
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
    const waiting = ui.window.notification(/finish in the browser/);
    await waiting.getByText('Redirect URI: http://127.0.0.1/callback').waitFor();
    await picture(page, '3-waiting');
    await waiting.getByText('Copy Redirect URI').click();
    await page.getByText('Redirect URI copied').waitFor();
    assert.equal(await ui.window.clipboard(), 'http://127.0.0.1/callback');
    await waiting.getByText('Copy Sign-In Link').click();
    await page.getByText('Sign-in link copied').waitFor();
    const state = (url: string) => new URL(url).searchParams.get('state');
    assert.equal(state(await ui.window.clipboard()), state(issuer.url()));
    await issuer.getByRole('button', { name: 'Sign in and allow' }).click();
    await issuer.getByRole('heading', { name: 'Signed in' }).waitFor();
    await picture(issuer, '4-closing-page');
    await issuer.close();
    await page.bringToFront();
    await page.locator('[role=treeitem][aria-label^="Access token"]').first().waitFor();
    await picture(page, '5-after');
    assert.equal(await page.locator('[role=treeitem][aria-label^="Refresh token"]').count(), 1);
  });

  it('gets from the address of an issuer to a fresh token with eight presses', async () => {
    const { page } = ui.window;
    await ui.window.openContainer('JWT Workbench');
    const copy = (text: string) => page.evaluate(text => navigator.clipboard.writeText(text), text);
    const asked = (text: string | RegExp) =>
      page.locator('.quick-input-widget:visible').getByText(text).first().waitFor();
    const tokens = page.locator('[role=treeitem][aria-label^="Access token"]');
    const before = await tokens.count();
    // The address and the client ID were copied from the issuer's page.
    await copy(mock.issuer);
    const actions = await countActions(page);
    await page.locator('.part.sidebar').getByRole('button', { name: 'Add Connection...' }).click();
    await asked(`Use ${mock.issuer}`);
    await picture(page, '18-add-1-issuer');
    await page.keyboard.press('Enter');
    await asked(/client ID/);
    await copy('demo');
    await page.keyboard.press('ControlOrMeta+v');
    await page.keyboard.press('Enter');
    await asked(/offline_access/);
    await page.keyboard.press('Enter');
    await asked('a public client, without a secret');
    await page.keyboard.press('Enter');
    await asked('Import existing tokens');
    await picture(page, '19-add-5-sign-in');
    const popup = page.context().waitForEvent('page');
    await page.keyboard.press('Enter');
    const issuer = await popup;
    await issuer.locator('form').waitFor();
    const atIssuer = await countActions(issuer);
    await issuer.getByRole('button', { name: 'Sign in and allow' }).click();
    await issuer.getByRole('heading', { name: 'Signed in' }).waitFor();
    await issuer.close();
    await page.bringToFront();
    await tokens.nth(before).waitFor();
    assert.equal(actions() + atIssuer(), 8);
    await ui.window.collapse(ui.window.treeItem(new URL(mock.issuer).host));
  });

  it('is told that the sign-in was declined, and which redirect URI is not registered', async () => {
    const { page } = ui.window;
    await ui.window.openContainer('JWT Workbench');
    const open = async (label: string) => {
      await ui.window.expand(ui.window.treeItem(label));
      const popup = page.context().waitForEvent('page');
      await ui.window.signInBy('In the browser');
      return popup;
    };
    const issuer = await open('Museum');
    await issuer.getByRole('heading', { name: 'This does not work' }).waitFor();
    await issuer.getByText(/^http:\/\/127\.0\.0\.1:\d+\/callback$/).waitFor();
    await picture(issuer, '12-unknown-redirect-uri');
    await issuer.close();
    await (await told(/finish in the browser/)).getByRole('button', { name: 'Cancel' }).click();
    const advice = await told(/register http:\/\/127\.0\.0\.1\/callback there/);
    await picture(page, '13-cancelled');
    await advice.getByRole('button', { name: 'Copy Redirect URI' }).click();
    await page.waitForFunction(
      async expected => (await navigator.clipboard.readText()) === expected,
      'http://127.0.0.1/callback',
    );
    await ui.window.collapse(ui.window.treeItem('Museum'));

    const other = await open('Cinema');
    await other.getByRole('button', { name: 'Deny' }).click();
    await other.getByRole('heading', { name: 'You declined' }).waitFor();
    await picture(other, '14-declined');
    await other.close();
    const row = await told(/The sign-in was declined by you/);
    await row.locator('.codicon-info').waitFor();
    assert.equal(await row.getByRole('button', { name: 'Open Settings' }).count(), 0, 'nothing is to be mended');
    await picture(page, '15-declined');
    await ui.window.collapse(ui.window.treeItem('Cinema'));
    assert.equal(await page.locator('[role=treeitem][aria-label^="Access token"]').count(), 1, 'of Shop alone');
  });

  it('confirms a code on another device, and has tokens', async () => {
    const { page } = ui.window;
    await ui.window.openContainer('JWT Workbench');
    await ui.window.expand(ui.window.treeItem('Television'));
    await ui.window.signInBy('With a code, on any device');
    const panel = page.frameLocator('iframe.webview.ready').frameLocator('#active-frame');
    const code = await panel.locator('output').textContent();
    assert.match(code ?? '', /^[\w-]{8,}$/);
    await panel.getByText(/valid for 9:\d\d/).waitFor();
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

  it('is told why there is no refresh token, and gets one with one click', async () => {
    const { page } = ui.window;
    await ui.window.openContainer('JWT Workbench');
    const signIn = async (start: () => Promise<void>) => {
      const popup = page.context().waitForEvent('page');
      await start();
      const issuer = await popup;
      await issuer.getByRole('button', { name: 'Sign in and allow' }).click();
      await issuer.getByRole('heading', { name: 'Signed in' }).waitFor();
      await issuer.close();
      await page.bringToFront();
    };
    await ui.window.expand(ui.window.treeItem('Cinema'));
    await signIn(() => ui.window.signInBy('In the browser'));
    await told(/Many issuers issue one only for the scope offline_access/);
    await picture(page, '9-no-refresh-token');
    const before = await page.locator('[role=treeitem][aria-label^="Refresh token"]').count();
    await signIn(async () => {
      await page.getByRole('button', { name: 'Add offline_access and Sign In Again' }).click();
      await ui.window.quickItem('In the browser').click();
    });
    await page.locator('[role=treeitem][aria-label^="Refresh token"]').nth(before).waitFor();
    const settings = join(ui.workbench.server.userDataDir, 'User', 'settings.json');
    assert.match(await readFile(settings, 'utf8'), /"openid profile offline_access"/);
  });

  it('introspects a token, sees the differences, and keeps the tokens until the user deletes them', async () => {
    const { page } = ui.window;
    await ui.window.openContainer('JWT Workbench');
    await ui.window.runCommand('JWT Workbench: Introspect Token...', 'Television', 'Access token');
    await page.locator('.tab.active', { hasText: 'Active at the issuer.' }).waitFor();
    await page
      .getByText(/DIFFERENT:\s+the\s+token\s+does/)
      .first()
      .waitFor();
    await picture(page, '16-active');
    mock.setFault({ type: 'serverError', status: 503, at: 'revocation', times: 1 });
    await ui.window.runCommand('JWT Workbench: Sign Out...', 'Television');
    await page.locator('.monaco-dialog-box').getByRole('button', { name: 'Sign Out', exact: true }).click();
    const kept = await told(/Not signed out: the tokens could not be revoked/);
    assert.match((await ui.window.treeRows()).join('\n'), /^Connection Television, active/m);
    await picture(page, '17-not-signed-out');
    await kept.getByRole('button', { name: 'Delete Locally Anyway' }).click();
    await ui.window.treeItem(/Television.*no tokens/).waitFor();
  });

  it('signs out here, and then in the browser as well', async () => {
    const { page } = ui.window;
    await ui.window.openContainer('JWT Workbench');
    await ui.window.treeItem('Shop').click();
    await ui.window.runCommand('JWT Workbench: Sign Out...', 'Shop');
    await page.locator('.monaco-dialog-box').getByRole('button', { name: 'Sign Out', exact: true }).click();
    const question = await told(/browser may still have a session at the issuer/);
    assert.equal(mock.requests.at(-1)?.path, '/revoke', 'the tokens are gone by now');
    await picture(page, '10-signed-out-here');
    const popup = page.context().waitForEvent('page');
    await question.getByRole('button', { name: 'Sign Out in the Browser' }).click();
    const issuer = await popup;
    await issuer.getByRole('heading', { name: 'Signed out' }).waitFor();
    await picture(issuer, '11-signed-out-in-the-browser');
    await issuer.close();
    await page.getByText(/The browser session of Shop has ended/).waitFor();
    assert.equal(mock.requests.at(-1)?.path, '/end_session');
  });
});
