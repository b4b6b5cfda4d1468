import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type MockServer, startMockServer } from '../../../src/mock/nodeServer.ts';
import { again, useWorkbench } from '../harness.ts';
import { openShop, reveal, type Shop } from '../shop.ts';

describe('adding a connection by hand', function () {
  this.timeout(90_000);
  const ui = useWorkbench();

  it('asks four questions, discovers the rest, writes the setting and keeps the secret out of it', async () => {
    const clients = [{ client_id: 'shop', client_secret: 'only-the-issuer-knows' }];
    const mock = await startMockServer({ alg: 'ES256', clients });
    ui.onClose(() => mock.close());
    const { window } = ui;
    await window.openContainer('JWT Workbench');
    await window.page.getByRole('button', { name: 'Add a Connection' }).click();

    const answer = async (prompt: RegExp, text: string) => {
      await window.page.locator('.quick-input-widget').getByText(prompt).first().waitFor();
      await window.quickInput().fill(text);
      await window.page.keyboard.press('Enter');
    };
    // Without a scheme and with an additional slash, because issuers are compared character by character.
    await answer(/Any issuer, by its URL/, `${mock.issuer.replace('http://', '')}/`);
    await window.quickItem(`Use ${mock.issuer}`).click();
    const box = window.page.locator('.quick-input-widget');
    await box.getByText('Add Connection (3/5)').waitFor();
    await box.getByRole('button', { name: 'Copy Redirect URI' }).click();
    await window.page.waitForFunction(
      async expected => (await navigator.clipboard.readText()) === expected,
      'http://127.0.0.1/callback',
    );
    await answer(/Found: token endpoint.*http:\/\/127\.0\.0\.1\/callback/, 'shop');
    await answer(/offline_access/, 'openid offline_access');
    await window.quickItem('client_secret_basic').click();
    await answer(/kept in VS Code SecretStorage/, 'only-the-issuer-knows');
    // Signing in is the next question, but the tokens of this client come from elsewhere.
    await window.quickItem('Import existing tokens').waitFor();
    await window.page.keyboard.press('Escape');
    // VS Code gives the focus back when it has hidden the list. On a busy machine, this would close the next one.
    await window.quickInput().waitFor({ state: 'hidden' });
    const name = new URL(mock.issuer).host;
    await window.treeItem(name).waitFor();

    const written = await readFile(join(ui.workbench.server.userDataDir, 'User', 'settings.json'), 'utf8');
    assert.match(written, /"clientId": "shop"/);
    assert.ok(written.includes(`"issuer": "${mock.issuer}"`));
    assert.doesNotMatch(written, /only-the-issuer-knows/);

    const tokens = JSON.stringify(await mock.issueTokens({ clientId: 'shop' }));
    await window.page.evaluate(text => navigator.clipboard.writeText(text), tokens);
    await window.expand(window.treeItem(name));
    await window.press(window.treeItem('Import tokens'), timeout => window.quickItem('Clipboard').waitFor({ timeout }));
    await window.quickItem('Clipboard').click();
    await window.treeItem('Access token').waitFor();
    await window.treeAction(window.treeItem(name), 'Refresh Access Token');
    await window.page.getByText(`${name} has a new access token`).waitFor();
    const last = mock.requests.at(-1);
    assert.deepEqual([last?.grant_type, last?.status], ['refresh_token', 200]);
  });

  it('knows what to fill in for a well-known issuer, and asks only for what it cannot know', async () => {
    const { window } = ui;
    await window.runCommand('JWT Workbench: Add Connection...');
    const item = window.quickItem('GitHub');
    await window.quickInput().fill('GitHub');
    await item.getByText(/A GitHub App whose user tokens expire/).waitFor();
    await item.click();
    const answer = async (prompt: RegExp, text: string) => {
      await window.page.locator('.quick-input-widget').getByText(prompt).first().waitFor();
      await window.quickInput().fill(text);
      await window.page.keyboard.press('Enter');
    };
    await answer(/Scopes are not used.*client ID/, 'Iv1.example');
    await window.quickItem('client_secret_post').click();
    await answer(/kept in VS Code SecretStorage/, 'only-github-knows');
    await window.quickItem('Import existing tokens').waitFor();
    await window.page.keyboard.press('Escape');
    await window.treeItem('GitHub').waitFor();
    const written = await readFile(join(ui.workbench.server.userDataDir, 'User', 'settings.json'), 'utf8');
    assert.match(written, /"tokenEndpoint": "https:\/\/github.com\/login\/oauth\/access_token"/);
    assert.match(written, /"deviceAuthorizationEndpoint": "https:\/\/github.com\/login\/device\/code"/);
    assert.doesNotMatch(written, /only-github-knows/);
  });
});

describe('a connection with tokens', function () {
  this.timeout(90_000);
  const userSettings: Record<string, unknown> = {};
  let bakery: Shop;
  let mock: MockServer;
  before(async () => {
    bakery = await openShop(userSettings, 'Bakery');
    ({ mock } = bakery);
  });
  // The last one of this folder: the tokens that it keeps in memory only are in the tree until the window is closed.
  const ui = useWorkbench({ userSettings, handsOn: false });
  let signedIn: Promise<void> | undefined;
  // Once, before whichever test is the first, so that each can be run alone.
  beforeEach(() => (signedIn ??= signIn()));

  /** On a busy machine, the focus that comes back after the last test can close the question which connection it is. */
  async function signIn(): Promise<void> {
    const { window } = ui;
    await reveal(window, bakery.row(window));
    const without = window.treeItem(/^Bakery\s*no tokens/);
    await without.waitFor();
    await again(async timeout => {
      if (await without.isVisible()) await bakery.signIn(window);
      await without.waitFor({ state: 'detached', timeout });
    });
    await bakery.shows(window, 1);
  }

  after(() => mock.close());

  it('shows what the issuer calls itself, and sets it in the settings where that is wanted', async () => {
    const { window } = ui;
    const { page } = window;
    const path = join(ui.workbench.server.userDataDir, 'User', 'settings.json');
    // With an additional slash or without a scheme, as copied from documentation.
    const written = JSON.parse(await readFile(path, 'utf8'));
    const [own] = written['jwtWorkbench.connections'];
    const others = [{ id: 'google', clientId: 'a', issuer: 'accounts.google.com' }];
    written['jwtWorkbench.connections'] = [{ ...own, issuer: `${mock.issuer}/` }, ...others];
    await writeFile(path, JSON.stringify(written, undefined, 2));
    await ui.readSettings();
    await window.openContainer('JWT Workbench');
    const problem = window.treeItem('google');
    await problem.waitFor();

    await window.treeAction(window.treeItem('Bakery'), 'Refresh Access Token');
    const told = page.locator('.notification-list-item', { hasText: 'they differ only in the trailing slash' });
    await told.getByText('Set Issuer...', { exact: true }).click();
    const question = page.locator('.monaco-dialog-box');
    await question.getByText('Set the issuer of "Bakery" in your settings?').waitFor();
    await question.getByText(`New: ${mock.issuer}`).waitFor();
    await question.getByText('Set Issuer', { exact: true }).click();
    await window.statusBarItem('its metadata matches').waitFor();
    assert.ok((await readFile(path, 'utf8')).includes(`"issuer": "${mock.issuer}"`));
    // The tokens belong to the same issuer, so they stay.
    await window.treeAction(window.treeItem('Bakery'), 'Refresh Access Token');
    await page.getByText(/Bakery has a new access token/).waitFor();
    assert.equal(mock.requests.at(-1)?.status, 200);

    await problem.click();
    await question.getByText('New: https://accounts.google.com').waitFor();
    await question.getByText('Cancel', { exact: true }).click();
    assert.ok((await readFile(path, 'utf8')).includes('"issuer": "accounts.google.com"'));
  });

  it('imports what is typed, and what is selected', async () => {
    const { window } = ui;
    const { page } = window;
    await again(async timeout => {
      await window.runCommand('JWT Workbench: Import Tokens...', 'Type or paste');
      const prompt = page.locator('.quick-input-widget').getByText(/Paste a token response/);
      await prompt.first().waitFor({ timeout });
      await window.quickInput().fill('WPsGJbvpBjqXz6IJIr1UHKyrdVF', { timeout });
      await page.keyboard.press('Enter');
    });
    await window.quickItem('Bakery').click();
    const question = page.locator('.monaco-dialog-box');
    await question.getByText('Replace the refresh token of Bakery?').waitFor();
    await question.getByText('Replace', { exact: true }).click();
    const told = page.locator('.notification-list-item', { hasText: 'It replaced another refresh token' });
    await told.getByText('Undo', { exact: true }).click();
    await window.statusBarItem('Bakery has its earlier tokens again').waitFor();
    await window.treeAction(window.treeItem('Bakery'), 'Refresh Access Token');
    await page.getByText(/Bakery has a new access token/).waitFor();
    assert.equal(mock.requests.at(-1)?.status, 200);

    await window.openFile('token.jwt');
    await window.page.locator('.monaco-editor.focused').waitFor();
    await window.page.keyboard.press('ControlOrMeta+a');
    await window.runCommand('JWT Workbench: Import Tokens...', 'Selection', 'Keep in Memory Only');
    await window.treeItem('Pasted tokens').waitFor();
  });

  it('undoes an import once, even if its button is pressed after the command was run', async () => {
    const { window } = ui;
    const { page } = window;
    const { refresh_token } = await mock.issueTokens({ clientId: 'demo' });
    const generation = (rows: readonly string[]) =>
      Number(/generation (\d+)/.exec(rows.find(row => row.startsWith('Refresh token')) ?? '')?.[1]);
    const before = generation(await window.treeRows());
    await page.evaluate(text => navigator.clipboard.writeText(text), JSON.stringify({ refresh_token }));
    await window.runCommand('JWT Workbench: Import Tokens...', 'Clipboard', 'Bakery');
    await page.locator('.monaco-dialog-box').getByText('Replace', { exact: true }).click();
    // The imported token is refreshed by itself.
    await bakery.shows(window, before + 2);
    await window.runCommand('JWT Workbench: Undo Import');
    await page
      .getByText(/The others had been refreshed/)
      .first()
      .waitFor();
    const rows = await window.treeRows();
    const told = page.locator('.notification-list-item', { hasText: 'It replaced another refresh token' });
    await told.getByText('Undo', { exact: true }).click();
    await window.statusBarItem('Bakery has its earlier tokens again').waitFor();
    assert.equal(generation(await window.treeRows()), generation(rows));
  });
});
