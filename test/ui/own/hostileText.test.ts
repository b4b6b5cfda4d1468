import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LoopbackServer, loopbackServer, reply } from '../../support/loopbackServer.ts';
import { useWorkbench } from '../harness.ts';

/** A command link and an icon, which must not work anywhere. */
const link = '[Verify now](command:workbench.action.toggleZenMode)';
const hostile = `${link} $(squirrel) ok`;
/** The same text as shown: a space breaks up both. */
const shown = '[Verify now] (command:workbench.action.toggleZenMode) $ (squirrel) ok';

/** The user's own keybindings, which call commands with arguments. */
const keys = { importTokens: 'Control+Shift+F2', copyToken: 'Control+Shift+F4', removeConnection: 'Control+Shift+F6' };

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** An unsigned token whose texts are all hostile. */
function token(header: object, payload: object): string {
  return `${encode(header)}.${encode(payload)}.AAAA`;
}

describe('text of others', function () {
  this.timeout(120_000);
  let issuer: LoopbackServer;
  const userSettings: Record<string, unknown> = {};
  before(async () => {
    issuer = await loopbackServer(({ path }, response) => {
      const { origin } = issuer;
      if (path.includes('other'))
        return reply(response, 200, { issuer: `https://a.example/${link}`, token_endpoint: origin });
      if (path.includes('well-known'))
        return reply(response, 200, { issuer: origin, token_endpoint: `${origin}/token` });
      return reply(response, 400, { error: 'invalid_request', error_description: hostile });
    });
    userSettings['jwtWorkbench.connections'] = [
      { id: 'evil', label: hostile, issuer: issuer.origin, clientId: link, autoRefresh: false },
      { id: 'other', label: 'Other', issuer: issuer.origin, clientId: 'a', autoRefresh: false },
    ];
  });
  const tokens = {
    access_token: token({ alg: 'RS256' }, { iss: hostile, exp: 4e9 }),
    refresh_token: 'a-refresh-token-x',
  };
  const bindings = [
    { command: 'importTokens', args: { connection: 'evil', text: JSON.stringify(tokens), anyIssuer: true } },
    { command: 'copyToken', args: { connection: 'evil' } },
    { command: 'removeConnection', args: { connection: 'evil' } },
  ] as const;
  const keybindings = bindings.map(({ command, args }) => ({
    key: keys[command].replace('Control', 'Ctrl').toLowerCase(),
    command: `jwtWorkbench.${command}`,
    args,
  }));
  const ui = useWorkbench({ userSettings, keybindings });
  after(() => issuer.close());

  const press = (name: keyof typeof keys) => ui.window.page.keyboard.press(keys[name]);
  const row = () => ui.window.page.locator('[role=treeitem][aria-label^="Connection [Verify now]"]').first();

  /** Asserts that nothing on the screen runs the command or shows the icon. */
  async function assertPlain(where: string): Promise<void> {
    const { page } = ui.window;
    const links = await page.evaluate(() =>
      [...document.querySelectorAll('a, [data-href], button')]
        .filter(each =>
          [...each.attributes].some(({ value }) => value.includes('command:workbench.action.toggleZenMode')),
        )
        .filter(each => each.tagName === 'A' || each.hasAttribute('data-href'))
        .filter(each => each.hasAttribute('href') || each.hasAttribute('data-href'))
        .map(each => each.outerHTML),
    );
    assert.deepEqual(links, [], where);
    assert.equal(await page.locator('.codicon-squirrel').count(), 0, where);
  }

  it('is text in the tree and the status bar', async () => {
    await ui.window.openContainer('JWT Workbench');
    await row().waitFor();
    await press('importTokens');
    const question = ui.window.page.locator('.monaco-dialog-box', { hasText: shown });
    await question.waitFor();
    await assertPlain('question before an import');
    await question.getByRole('button', { name: 'Import Anyway' }).click();
    await ui.window.statusBarItem(shown).waitFor();
    assert.match((await row().textContent()) ?? '', /\[Verify now\] \(command:/);
    await assertPlain('tree, status bar');
  });

  it('is text in notifications of every caller', async () => {
    await press('copyToken');
    await ui.window.notification('copied to the clipboard by a keybinding').waitFor();
    await assertPlain('notification of a hand-out');
    await ui.window.treeAction(row(), 'Refresh Access Token');
    await ui.window.notification('[Verify now] (command:').last().waitFor();
    await ui.window.page.locator('.notification-toast').filter({ hasText: 'ssuer' }).first().waitFor();
    await assertPlain('notification of an error');
  });

  it('is text in a modal question, which a keybinding or a link asks as well', async () => {
    const { page } = ui.window;
    await ui.window.openContainer('JWT Workbench');
    await row().waitFor();
    await press('removeConnection');
    const dialog = page.locator('.monaco-dialog-box');
    await dialog.filter({ hasText: '[Verify now] (command:' }).waitFor();
    await assertPlain('modal question');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.equal(await row().count(), 1, 'nothing was removed');
  });

  it('is text in quick picks, prompts and validation messages', async () => {
    const { page } = ui.window;
    await ui.window.runCommand('JWT Workbench: Show Connection Status...');
    await page.locator('.quick-input-list .monaco-list-row', { hasText: '[Verify now] (command:' }).waitFor();
    await assertPlain('quick pick');
    await page.keyboard.press('Escape');
    await ui.window.runCommand('JWT Workbench: Add Connection...', 'Any issuer, by its URL');
    await page.locator('.quick-input-widget', { hasText: 'Enter the full URL' }).waitFor();
    await ui.window.quickInput().fill(`ftp://a.example/${link}`);
    await page.keyboard.press('Enter');
    await page.locator('.quick-input-message', { hasText: 'ftp' }).waitFor();
    await assertPlain('validation message');
    await ui.window.quickInput().fill(`${issuer.origin}/other`);
    await page.keyboard.press('Enter');
    await page.locator('.quick-input-list .monaco-list-row', { hasText: 'Change the URL' }).waitFor();
    await assertPlain('prompt of a list');
    await page.keyboard.press('Escape');
  });

  it('is text in hovers and problems, and any JSON may stand in any member', async () => {
    const { page } = ui.window;
    const odd = { toString: 1, valueOf: hostile };
    const claims = { iss: hostile, sub: link, aud: [hostile], token_use: hostile };
    await writeFile(join(ui.folder, 'hostile.jwt'), token({ alg: hostile, typ: hostile, kid: hostile }, claims));
    await ui.window.openFile('hostile.jwt');
    const line = page.locator('.editor-instance .view-line').first();
    await page.locator('.codelens-decoration').first().waitFor({ timeout: 30_000 });
    await line.hover({ position: { x: 60, y: 8 } });
    const hover = page.locator('.monaco-hover', { hasText: 'Decode' }).first();
    await hover.waitFor({ timeout: 20_000 });
    assert.match((await hover.textContent()) ?? '', /\[Verify.now\].\(command:/);
    await assertPlain('hover');
    await page.keyboard.press('Escape');
    const unusual = token({ alg: odd, typ: odd }, { iss: odd, sub: odd, aud: odd, exp: odd, token_use: odd });
    await page.evaluate(text => navigator.clipboard.writeText(text), unusual);
    await ui.window.runCommand('JWT Workbench: Decode Token...', 'Clipboard');
    await page.locator('.tab.active', { hasText: 'Decoded token' }).waitFor();
    await page.locator('.view-line', { hasText: 'toString' }).first().waitFor();
    await assertPlain('document');
    await ui.window.runCommand('Problems: Focus on Problems View');
    await page.locator('.markers-panel .monaco-list-row').first().waitFor();
    await assertPlain('problems');
  });
});
