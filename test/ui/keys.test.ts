import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CompactEncrypt } from 'jose';
import type { FrameLocator } from 'playwright-core';
import { jwt, signer } from '../support/signing.ts';
import { type UiWindow, useWorkbench } from './harness.ts';

const pictures = join(process.cwd(), 'out', 'screenshots');
const by = signer('ES256');
const recipient = generateKeyPairSync('rsa', { modulusLength: 2048 });
const token = jwt(by, { iss: 'https://issuer.example', sub: 'ada', exp: 4102444800 });

const pageOf = (window: UiWindow): FrameLocator =>
  window.page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');

describe('a key in hand', function () {
  this.timeout(120_000);
  const ui = useWorkbench({ viewport: { width: 1280, height: 900 } });

  before(async () => {
    const jwe = await new CompactEncrypt(Buffer.from(token))
      .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', cty: 'JWT' })
      .encrypt(recipient.publicKey);
    await writeFile(join(ui.folder, 'signed.jwt'), token);
    await writeFile(join(ui.folder, 'encrypted.jwt'), jwe);
    await mkdir(pictures, { recursive: true });
  });

  async function openAnd(name: string, lens: string): Promise<FrameLocator> {
    const { page } = ui.window;
    await page.keyboard.press('ControlOrMeta+p');
    await ui.window.quickInput().fill(name);
    await page.locator('.quick-input-list .monaco-list-row', { hasText: name }).first().click();
    await page.locator('.codelens-decoration a', { hasText: lens }).first().click({ timeout: 30_000 });
    return pageOf(ui.window);
  }

  async function paste(text: string): Promise<void> {
    await ui.window.quickItem('Paste a key...').click();
    await ui.window.quickInput().fill(text.replaceAll('\n', ''));
    await ui.window.page.keyboard.press('Enter');
  }

  it('verifies a token of nobody known, is remembered on a click alone, and is offered first', async () => {
    const inspector = await openAnd('signed.jwt', 'Verify');
    await ui.window.quickItem('Ask issuer.example').waitFor();
    await ui.window.page.screenshot({ path: join(pictures, 'verify-with.png') });
    await paste(by.pem);
    await inspector.getByRole('status').getByText('Verified', { exact: true }).waitFor({ timeout: 20_000 });
    await inspector.locator('.key', { hasText: 'a key that was pasted' }).waitFor();
    await inspector.getByRole('button', { name: 'Remember the Key' }).click();
    await inspector.getByRole('button', { name: 'Remember the Key' }).waitFor({ state: 'hidden' });
    await inspector.getByRole('button', { name: 'Verify with...' }).click();
    const first = ui.window.page.locator('.quick-input-widget:visible .monaco-list-row').first();
    await first.getByText('P-256').waitFor();
    assert.match((await first.textContent()) ?? '', /for https:\/\/issuer\.example/);
    await first.click();
    await inspector.locator('.key', { hasText: 'a remembered key' }).waitFor();
    await inspector.getByRole('status').getByText('Verified', { exact: true }).waitFor();

    await ui.window.runCommand('JWT Workbench: Forget Remembered Keys...');
    await ui.window.page.locator('.quick-input-widget:visible .monaco-list-row').first().click();
    await ui.window.page.keyboard.press('Enter');
    await ui.window.statusBarItem('No keys are remembered any more').waitFor();
  });

  it('opens an encrypted token, and the one inside', async () => {
    const inspector = await openAnd('encrypted.jwt', 'Decrypt');
    await paste(recipient.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    await inspector.getByText('Decrypted here (RSA-OAEP-256, A256GCM)').waitFor({ timeout: 20_000 });
    await inspector.locator('.member', { hasText: 'ada' }).waitFor();
    await inspector.getByText('Header of the encrypted token').waitFor();
    await inspector.getByText('Decoded, not verified').waitFor();
    await ui.window.page.screenshot({ path: join(pictures, 'decrypted.png') });
    await inspector.getByRole('button', { name: 'Verify', exact: true }).click();
    await paste(by.pem);
    await inspector.getByRole('status').getByText('Verified', { exact: true }).waitFor();
    await inspector.getByRole('button', { name: 'Back to the Encrypted Token' }).click();
    await inspector.getByRole('button', { name: 'Decrypt...' }).waitFor();
    assert.equal(await inspector.locator('.member', { hasText: 'ada' }).count(), 0);
  });
});
