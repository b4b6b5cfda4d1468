import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import type { FrameLocator } from 'playwright-core';
import { slowVariable } from '../../../scripts/lib/results.mjs';
import { pageOf, type UiWindow, useWorkbench } from '../harness.ts';

async function inspectAccessToken(window: UiWindow): Promise<FrameLocator> {
  await window.openContainer('JWT Workbench');
  const row = (spoken: string) => window.page.locator(`[role=treeitem][aria-label^="${spoken}"]`).first();
  await row('Connection Demo').waitFor({ timeout: 60_000 });
  await window.expand(row('Connection Demo'));
  const page = pageOf(window);
  await window.pickFromMenu(row('Access token'), 'Inspect Token...', page.locator('h1', { hasText: 'Access token' }));
  return page;
}

const themes = [
  ['dark', 'Default Dark Modern'],
  ['light', 'Default Light Modern'],
  ['contrast', 'Default High Contrast'],
] as const;

// The other themes are run only to review the pictures.
for (const [name, colorTheme] of process.env[slowVariable] ? themes : themes.slice(0, 1)) {
  describe(`the inspector, ${name}`, function () {
    this.timeout(120_000);
    const ui = useWorkbench({ demo: true, colorTheme, viewport: { width: 1440, height: 1180 } });

    it('shows a token of a connection verified, with its lifetime and its key', async () => {
      const page = await inspectAccessToken(ui.window);
      await page.getByRole('status').getByText('Verified', { exact: true }).waitFor();
      await page.locator('svg text.now').waitFor();
      assert.match((await page.locator('.timeline .spoken').textContent()) ?? '', /Expires in \d+ s\./);
      assert.ok((await page.locator('.check').count()) > 5);
      assert.ok((await page.locator('.key-list li').count()) >= 1);
      await page.locator('.member', { hasText: 'sub' }).first().hover();
      await page.locator('.part.payload mark').waitFor();
      await ui.window.picture(`inspector-${name}`);
      await page.locator('.review').getByText('No problems found in how').waitFor();
      await page.locator('.checks').evaluate(section => section.scrollIntoView());
      await ui.window.picture(`inspector-checks-${name}`);
    });

    it('has a colour for each of its signs: what a theme lacks leaves none', async () => {
      const html = pageOf(ui.window).locator('html');
      const missing = await html.evaluate(root => {
        const style = getComputedStyle(root);
        const names = ['good', 'bad', 'warn', 'line', 'quiet', 'header', 'payload', 'signature'];
        return names.filter(each => style.getPropertyValue(`--${each}`).trim() === '');
      });
      assert.deepEqual(missing, []);
    });

    if (name !== 'dark') return;

    it('links each claim to its characters', async () => {
      const page = pageOf(ui.window);
      await page.locator('.member').first().focus();
      const text = (await page.locator('.part.header mark').textContent()) ?? '';
      // The first character also contains the brace before it.
      assert.match(Buffer.from(`e${text}`, 'base64url').toString(), /^\{"alg":"\w+"/);
    });

    it('links the characters back to their claim', async () => {
      const page = pageOf(ui.window);
      await page.locator('h1').click();
      await page.locator('.part.payload').hover({ position: { x: 40, y: 30 } });
      await page.locator('.decoded .member.pointed').waitFor();
      assert.equal(await page.locator('.member.pointed').count(), 1);
      await page.locator('h1').hover();
      assert.equal(await page.locator('.member.pointed').count(), 0);
    });

    it('can be gone through by keyboard, and each region has its name', async () => {
      const page = pageOf(ui.window);
      await page.getByRole('button', { name: 'Verify Again' }).focus();
      const seen: string[] = [];
      for (let step = 0; step < 6; step++) {
        seen.push((await page.locator(':focus').first().textContent()) ?? '');
        await ui.window.page.keyboard.press('Tab');
      }
      assert.match(seen.join('|'), /^Verify Again\|Verify with\.\.\.\|Edit a Copy\|Copy Payload\|eyJ.*\|alg/);
      for (const name of ['Lifetime', 'Encoded', 'Decoded', 'Verification', 'Review', 'Keys of the issuer'])
        await page.getByRole('region', { name }).waitFor();
      assert.equal(await page.locator('.icon:not([aria-hidden=true])').count(), 0);
    });

    it('keeps nothing in the page, and lets nothing in from elsewhere', async () => {
      const frame = pageOf(ui.window).locator('html');
      const policy = await frame.evaluate(
        html => html.querySelector('meta[http-equiv="Content-Security-Policy"]')?.getAttribute('content') ?? '',
      );
      assert.match(policy, /^default-src 'none'; style-src 'nonce-[\w-]{20,}'; script-src 'nonce-[\w-]{20,}'$/);
      assert.doesNotMatch(policy, /unsafe/);
      // What a page loads delays its first paint.
      const loaded = await frame.evaluate(html => [
        ...[...html.querySelectorAll('[src], [href]')].map(({ outerHTML }) => outerHTML),
        ...performance.getEntriesByType('resource').map(({ name }) => name),
      ]);
      assert.deepEqual(loaded, []);
      // Neither VS Code's state for the page nor the storage of its origin contains a part of the token.
      const kept = await frame.evaluate(html => {
        const { localStorage, sessionStorage, history } = html.ownerDocument.defaultView ?? window;
        return JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state]);
      });
      assert.doesNotMatch(kept, /eyJ/);
    });

    it('checks an edited copy while it is typed, and makes no token of it', async () => {
      const page = pageOf(ui.window);
      const verdict = page.locator('.verdict strong');
      await page.getByRole('button', { name: 'Edit a Copy' }).click();
      const payload = page.getByLabel('Payload as JSON');
      const original = await payload.inputValue();
      assert.equal(await verdict.textContent(), 'Verified', 'nothing is changed yet');
      // Checked synchronously after the input, before anything can respond.
      const atOnce = await payload.evaluate((area: HTMLTextAreaElement) => {
        area.value = area.value.replace('"sub": "', '"sub": "admin-');
        area.dispatchEvent(new Event('input', { bubbles: true }));
        return document.querySelector('.verdict strong')?.textContent;
      });
      assert.equal(atOnce, 'Edited');
      await verdict.getByText('Edited, not signed').waitFor();
      assert.equal(await page.locator('.token').count(), 0);
      assert.equal(await payload.getAttribute('aria-invalid'), 'false');
      await payload.fill('{ "sub": "ada"\n  "aud": 1 }');
      await page
        .locator('#error-payload')
        .getByText('Line 2, column 3: a comma or a closing bracket is missing.')
        .waitFor();
      assert.equal(await payload.getAttribute('aria-invalid'), 'true');
      assert.equal(await payload.getAttribute('aria-describedby'), 'error-payload');
      assert.equal(await verdict.textContent(), 'Edited, not a token');
      assert.equal(await page.locator('.check').count(), 0);
      await ui.window.picture('inspector-broken');
      await payload.fill('["no", "object"]');
      await page.locator('#error-payload').getByText('The payload is not a JSON object.').waitFor();
      await payload.fill(JSON.stringify({ iss: 'https://other.example', exp: 1 }));
      await page.locator('.check.failed', { hasText: 'Expiry (exp)' }).waitFor();
      assert.equal(await payload.evaluate(area => area === document.activeElement), true, 'the focus stays');
      await ui.window.picture('inspector-edited');
      await payload.fill(original);
      await verdict.getByText('Verified', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Back to the Token' }).click();
      await page.locator('.token').waitFor();
    });

    it('signs an edited copy with a secret of the user, and keeps it nowhere', async () => {
      const { page: workbench } = ui.window;
      const page = pageOf(ui.window);
      await page.getByRole('button', { name: 'Edit a Copy' }).click();
      await page.getByRole('button', { name: 'Sign with a Key or Secret...' }).click();
      await ui.window.quickItem('Shared secret...').click();
      await ui.window.quickItem('plain text').click();
      const secret = 'a secret of the tests, long enough';
      await ui.window.secretInput().fill(secret);
      await workbench.keyboard.press('Enter');
      await page.locator('.verdict').getByText('Edited, signed with your own key').waitFor();
      await page.locator('.check.passed', { hasText: 'Signature' }).waitFor();
      await page.locator('.member', { hasText: 'HS256' }).waitFor();
      await workbench.getByRole('tab', { name: /^Edited: Access token of Demo/ }).waitFor();
      assert.equal(await page.getByRole('button', { pressed: true }).textContent(), 'Sign with a Key or Secret...');
      const written = (await page.locator('.token').textContent()) ?? '';
      const [header, payload, signature] = written.split('.');
      const made = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url');
      assert.equal(signature, made);
      await page.getByRole('button', { name: 'Not Signed' }).click();
      await page.locator('.verdict').getByText('Verified', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Back to the Token' }).click();
      await page.locator('.token:not(.fixed)').waitFor();
    });

    it('signs an edited copy with the test key of the mock issuer, and copies it on a yes alone', async () => {
      const page = pageOf(ui.window);
      await page.getByRole('button', { name: 'Edit a Copy' }).click();
      const payload = page.getByLabel('Payload as JSON');
      const claims = JSON.parse(await payload.inputValue());
      await payload.fill(JSON.stringify({ ...claims, sub: 'eve', password: 'hunter2', aud: undefined }));
      await page.getByRole('button', { name: "Sign with the Mock Issuer's Test Key" }).click();
      const mark = "Signed by the mock issuer's test key: valid for testing only";
      await page.getByRole('status').getByText(mark).waitFor();
      await page.locator('.review .check.failed', { hasText: 'password' }).waitFor();
      await page.locator('.check.passed', { hasText: 'Signature' }).waitFor();
      assert.equal(await page.locator('.token.fixed').getAttribute('aria-label'), mark);
      const select = await page.locator('.token').evaluate(box => getComputedStyle(box).userSelect);
      assert.equal(select, 'none');
      await ui.window.picture('inspector-signed');
      await page.locator('.review').evaluate(section => section.scrollIntoView());
      await ui.window.picture('inspector-review');
      await page.getByRole('button', { name: 'Copy Test Token...' }).click();
      const question = ui.window.page.locator('.monaco-dialog-box', { hasText: 'Copy this test token?' });
      await question.getByText('valid for testing only').waitFor();
      await ui.window.page.keyboard.press('Escape');
      await question.waitFor({ state: 'hidden' });
      await page.getByRole('button', { name: 'Back to the Token' }).click();
      await page.locator('.token:not(.fixed)').waitFor();
    });

    it('says that the connection has a newer token, and shows that one', async () => {
      const page = pageOf(ui.window);
      await page.locator('.verdict').getByText('Verified', { exact: true }).waitFor();
      const before = await page.locator('.token').textContent();
      await ui.window.treeAction(ui.window.treeItem('Demo'), 'Refresh');
      await page.getByText('The connection "Demo" now holds a newer token.').waitFor();
      await ui.window.picture('inspector-newer');
      await page.getByRole('button', { name: 'Show the Newer Token' }).click();
      await page.getByText('holds a newer token').waitFor({ state: 'detached' });
      await page.locator('.verdict').getByText('Verified', { exact: true }).waitFor();
      assert.notEqual(await page.locator('.token').textContent(), before);
      await ui.window.page.getByRole('tab', { name: /^Access token of Demo/ }).waitFor();
    });
  });
}
