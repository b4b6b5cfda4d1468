import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CompactEncrypt } from 'jose';
import type { FrameLocator } from 'playwright-core';
import { hmacJwt, jwt, signer } from '../../support/signing.ts';
import { again, countLostFocus, pageOf, useWorkbench } from '../harness.ts';
import { readAll } from '../secrets.ts';
import { until } from '../shop.ts';

const by = signer('ES256');
const recipient = generateKeyPairSync('rsa', { modulusLength: 2048 });
const privatePem = recipient.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const secret = 'CANARY-a-shared-secret-of-nobody';
const token = jwt(by, { iss: 'https://issuer.example', sub: 'ada', exp: 4102444800 });

describe('a key in hand', function () {
  this.timeout(120_000);
  const ui = useWorkbench({
    viewport: { width: 1280, height: 900 },
    userSettings: {
      'jwtWorkbench.connections': [{ id: 'shop', label: 'Shop', issuer: 'https://shop.example', clientId: 'demo' }],
    },
  });

  before(async () => {
    const jwe = await new CompactEncrypt(Buffer.from(token))
      .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', cty: 'JWT' })
      .encrypt(recipient.publicKey);
    await writeFile(join(ui.folder, 'signed.jwt'), token);
    await writeFile(join(ui.folder, 'encrypted.jwt'), jwe);
    await writeFile(join(ui.folder, 'shared.jwt'), hmacJwt(secret, { sub: 'ada', exp: 4102444800 }));
  });

  async function openAnd(name: string, lens: string): Promise<FrameLocator> {
    const { page } = ui.window;
    await ui.window.openFile(name);
    await page.locator('.codelens-decoration a', { hasText: lens }).first().click({ timeout: 30_000 });
    return pageOf(ui.window);
  }

  async function paste(text: string): Promise<void> {
    await ui.window.quickItem('Paste a key...').click();
    await ui.window.secretInput().fill(text.replaceAll('\n', ''));
    await ui.window.page.keyboard.press('Enter');
  }

  const canForget = () =>
    ui.window.lists('JWT Workbench: Forget Remembered Keys...', 'JWT Workbench: Focus on JWT Workbench View');

  it('verifies a token of an unknown issuer, is remembered only on a click, and is then offered first', async () => {
    assert.equal(await canForget(), false, 'nothing is remembered');
    const inspector = await openAnd('signed.jwt', 'Verify');
    await ui.window.quickItem('Ask issuer.example').waitFor();
    const rows = await ui.window.page.locator('.quick-input-widget:visible .monaco-list-row').allTextContents();
    assert.match(rows[0] ?? '', /Ask issuer\.example/, 'before the connections of other issuers');
    assert.match(rows[1] ?? '', /Shop/);
    await ui.window.picture('verify-with');
    await paste(by.pem);
    await inspector.getByRole('status').getByText('Verified', { exact: true }).waitFor({ timeout: 20_000 });
    await inspector.locator('.key', { hasText: 'a pasted key' }).waitFor();
    await inspector.getByRole('button', { name: 'Remember the Key' }).click();
    await inspector.getByRole('button', { name: 'Remember the Key' }).waitFor({ state: 'hidden' });
    await inspector.getByRole('button', { name: 'Verify with...' }).click();
    const first = ui.window.page.locator('.quick-input-widget:visible .monaco-list-row').first();
    await first.getByText('P-256').waitFor();
    assert.match((await first.textContent()) ?? '', /for https:\/\/issuer\.example/);
    await first.click();
    await inspector.locator('.key', { hasText: 'a remembered key' }).waitFor();
    await inspector.getByRole('status').getByText('Verified', { exact: true }).waitFor();

    await again(async timeout => {
      await ui.window.runCommand('JWT Workbench: Forget Remembered Keys...');
      // When its palette closes, VS Code gives the focus back to the page, which can come after this list and close it.
      await ui.window.page
        .locator('.quick-input-titlebar:visible', { hasText: 'Forget Remembered Keys' })
        .waitFor({ timeout });
      await ui.window.page.locator('.quick-input-widget:visible .monaco-list-row').first().click({ timeout });
      await ui.window.page.keyboard.press('Enter');
    });
    await ui.window.statusBarItem('All remembered keys are deleted').waitFor();
    await until(async () => !(await canForget()));
  });

  it('is a shared secret first where a token is signed with one', async () => {
    const inspector = await openAnd('shared.jwt', 'Verify');
    const first = ui.window.page.locator('.quick-input-widget:visible .monaco-list-row').first();
    await first.getByText('Shared secret...').waitFor();
    assert.match((await first.textContent()) ?? '', /signed with a shared secret/);
    // The page has loaded meanwhile, and did not take the focus from the list.
    await inspector.getByRole('button', { name: 'Verify', exact: true }).waitFor();
    const lost = await countLostFocus(ui.window.page);
    await ui.window.page.keyboard.press('Enter');
    await ui.window.quickItem('plain text').click();
    await ui.window.secretInput().fill(secret);
    assert.equal(await lost(), 0, 'each question takes the place of the one before');
    await ui.window.page.keyboard.press('Enter');
    await inspector.getByRole('status').getByText('Verified', { exact: true }).waitFor();
    assert.equal(await lost(), 1);
  });

  it('opens an encrypted token, and the one inside', async () => {
    const inspector = await openAnd('encrypted.jwt', 'Decrypt');
    await paste(privatePem);
    await inspector.getByText('Decrypted here (RSA-OAEP-256, A256GCM)').waitFor({ timeout: 20_000 });
    await inspector.locator('.member', { hasText: 'ada' }).waitFor();
    await inspector.getByText('Header of the encrypted token').waitFor();
    await inspector.getByRole('status').getByText('Not checked', { exact: true }).waitFor();
    await ui.window.picture('decrypted');
    await inspector.getByRole('button', { name: 'Verify', exact: true }).click();
    await paste(by.pem);
    await inspector.getByRole('status').getByText('Verified', { exact: true }).waitFor();
    await inspector.getByRole('button', { name: 'Back to the Encrypted Token' }).click();
    await inspector.getByRole('button', { name: 'Decrypt...' }).click();
    await ui.window.quickItem('Shared secret...').click();
    await ui.window.quickItem('plain text').click();
    await ui.window.secretInput().fill(secret);
    await ui.window.page.keyboard.press('Enter');
    // A workbench under test does not pop up notifications; they are in the list behind the bell.
    await ui.window.page.locator('.statusbar-item[id="status.notifications"]').click();
    await ui.window.page.locator('.notifications-center').getByText('This is a shared secret').waitFor();
    assert.equal(await inspector.locator('.member', { hasText: 'ada' }).count(), 0);
  });

  it('is in no file of the user, the server and the logs, and not in what the browser keeps', async () => {
    const body = (pem: string) => pem.replace(/-----[^-]+-----|\s/g, '').slice(-40);
    const keys = [secret, body(by.pem), body(privatePem)];
    const files = await readAll(dirname(ui.workbench.server.userDataDir));
    assert.ok(
      files.some(({ name }) => name.endsWith('.log')),
      'there are logs',
    );
    for (const key of keys)
      assert.deepEqual(
        files.filter(({ text }) => text.includes(key)).map(({ name }) => name),
        [],
      );
    const kept = await ui.window.page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
    for (const key of keys) assert.ok(!kept.includes(key));
  });
});
