import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle } from '../lib/bundle.mjs';
import { root } from '../lib/project.mjs';
import { demoEnvironment } from '../lib/server.mjs';
import { Stage } from './stage.mjs';

/**
 * Each scene has its own VS Code, so that none depends on the state another one left.
 * @type {Record<string, () => Promise<void>>}
 */
export const scenes = {
  start: () => onStage({ env: demoEnvironment }, start),
  light: () => onStage({ env: demoEnvironment, theme: 'light' }, light),
  add: () => onStage({ env: demoEnvironment }, add),
  signIn: () => onStage({ env: demoEnvironment }, signIn),
  settings: () => onStage({ settings: { 'jwtWorkbench.connections': someConnections } }, settings),
  import: () => onStage({ sideBar: 520 }, importing),
  refresh: () => onStage({ env: demoEnvironment }, refresh),
  tree: () => onStage({ env: demoEnvironment, size: { width: 1120, height: 1000 }, sideBar: 560 }, tree),
  checks: () => onStage({ env: demoEnvironment, size: { width: 1120, height: 1000 }, sideBar: 640 }, checks),
  contrast: () => onStage({ env: demoEnvironment, theme: 'contrast', sideBar: 640 }, contrast),
  editor: () => onStage({ env: demoEnvironment, size: { width: 1120, height: 560 } }, editor),
  inspector: () => onStage({ env: demoEnvironment, size: tall }, inspector),
  inspectorLight: () => onStage({ env: demoEnvironment, size: tall, theme: 'light' }, inspector),
  inspectorContrast: () => onStage({ env: demoEnvironment, size: tall, theme: 'contrast' }, inspector),
  mock: () => onStage({ size: { width: 960, height: 480 }, sideBar: 400 }, mock),
  dresses: async () => {
    for (const [name, dress] of Object.entries(dresses))
      await onStage({ env: demoEnvironment, ...dress }, stage => everyday(stage, name, dress?.language ?? 'en'));
  },
  torture: () => onStage({ env: demoEnvironment, size: { width: 1120, height: 860 }, sideBar: 560 }, torture),
};

const tall = { width: 1120, height: 1180 };

/**
 * Window settings of different users, in which the most used views are pictured. In a browser, a zoom of 200 % halves the
 * number of CSS pixels.
 * @type {Record<string, Parameters<typeof Stage.begin>[0]>}
 */
const dresses = {
  dark: {},
  light: { theme: 'light' },
  contrast: { theme: 'contrast' },
  zoomed: { size: { width: 800, height: 500 }, scale: 2, sideBar: 320 },
  narrow: { sideBar: 170 },
  chinese: { language: 'zh-cn' },
};

/** Labels by language. Everything else that a scene waits for is independent of the language; commands run by their keys. */
const labels = {
  en: { access: 'Access token', claims: 'Claims', clipboard: 'Clipboard', expired: /expired\s\d+/ },
  'zh-cn': { access: '访问令牌', claims: '声明', clipboard: '剪贴板', expired: /前已过期/ },
};

/**
 * Nothing responds at these addresses, because `.example` is reserved. One entry is invalid, to show the resulting
 * message.
 */
const someConnections = [
  {
    id: 'staging',
    label: 'Staging',
    issuer: 'https://login.staging.example',
    clientId: 'orders-web',
    scope: 'openid offline_access',
  },
  {
    id: 'production',
    redirectPort: '8400',
    label: 'Production',
    issuer: 'https://login.example',
    clientId: 'orders-web',
  },
];

/**
 * @param {Parameters<typeof Stage.begin>[0]} options
 * @param {(stage: Stage) => Promise<void>} play
 */
async function onStage(options, play) {
  const stage = await Stage.begin(options);
  try {
    await play(stage);
  } catch (error) {
    await stage.picture('failed').catch(() => {}); // The first error is the one to report.
    throw error;
  } finally {
    await stage.close();
  }
}

/** Tree, file and inspector. @param {Stage} stage @param {string} name @param {string} language */
async function everyday(stage, name, language) {
  const { page } = stage;
  const words = language === 'zh-cn' ? labels['zh-cn'] : labels.en;
  await stage.open('Demo');
  await stage.open(words.access);
  await stage.open(words.claims);
  await stage.unselect();
  await stage.rest();
  await stage.picture(`dress-${name}-tree`);
  await page.keyboard.press('ControlOrMeta+Alt+j');
  await page.keyboard.press('c');
  await page.evaluate(async () => {
    while (!(await navigator.clipboard.readText()).startsWith('eyJ')) await new Promise(go => setTimeout(go, 50));
  });
  await requests(stage);
  await openFile(stage, 'orders.http');
  await page.locator('.view-lines', { hasText: words.expired }).waitFor();
  await stage.rest();
  await stage.picture(`dress-${name}-file`);
  await page.keyboard.press('ControlOrMeta+Alt+j');
  await page.keyboard.press('i');
  await stage.choose(words.clipboard);
  const frame = page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
  await frame.locator('h1').waitFor();
  await frame.locator('svg text.now').waitFor();
  await stage.rest();
  await stage.picture(`dress-${name}-inspector`);
}

/** What `npm start` shows. @param {Stage} stage */
async function start(stage) {
  await look(stage);
  await openFile(stage, 'README.md');
  await stage.page.waitForTimeout(1500); // The preview gives no sign when it is done.
  await freshly(stage);
  await stage.picture('start', { readme: true });
}

/** @param {Stage} stage */
async function light(stage) {
  await look(stage);
  await openFile(stage, 'README.md');
  await stage.page.waitForTimeout(1500); // The preview gives no sign when it is done.
  await freshly(stage);
  await stage.picture('start-light');
}

/** @param {Stage} stage */
async function look(stage) {
  await stage.open('Demo');
  await stage.open('Access token');
  await stage.open('Claims');
}

/** Refreshes, so that the countdown shows a minute instead of two seconds. @param {Stage} stage */
async function freshly(stage) {
  await stage.run('JWT Workbench: Refresh Access Token');
  await stage.inStatusBar('new access token');
  await stage.unselect();
  await stage.rest();
  await stage.drawn(/^Demo.*until .*, active/);
}

/** @param {Stage} stage @param {string} name */
async function openFile(stage, name) {
  await stage.page.keyboard.press('ControlOrMeta+p');
  await stage.input().fill(name);
  await stage.choose(name);
  await stage.page.locator('.tab.active').filter({ hasText: name }).waitFor();
}

/**
 * Adds a connection. The screen shows what the issuer's metadata says before the second question.
 * @param {Stage} stage
 */
async function add(stage) {
  const { page } = stage;
  await stage.row('Demo').waitFor();
  await stage.run('JWT Workbench: Copy Mock Issuer URL');
  await stage.inStatusBar('Copied');
  const issuer = await page.evaluate(() => navigator.clipboard.readText());
  await stage.run('JWT Workbench: Add Connection...');
  await stage.asked('Any issuer, by its URL');
  await stage.rest();
  await stage.picture('add-0-starting-points', { of: 'top' });
  await stage.input().fill(issuer);
  await stage.asked(`Use ${issuer}`);
  await stage.picture('add-1-issuer', { of: 'top' });
  await page.keyboard.press('Enter');
  await stage.asked('client ID');
  await stage.input().fill('demo');
  await stage.picture('add-2-client', { readme: true, of: 'top' });
  await page.keyboard.press('Enter');
  await stage.answer('Scopes');
  await stage.asked(/public client/);
  await stage.picture('add-3-authentication', { of: 'top' });
  await page.keyboard.press('Enter');
  await stage.asked('Import existing tokens');
  await stage.picture('add-4-sign-in', { of: 'top' });
  await page.keyboard.press('Escape');
  await stage.row(new URL(issuer).host).waitFor();
  await stage.rest();
  await stage.picture('add-5-added', { of: 'sidebar', height: 260 });
}

/** Signs in with the browser, then with a code on another device. @param {Stage} stage */
async function signIn(stage) {
  const { page } = stage;
  await stage.row('Demo').waitFor();
  // A workbench in the browser opens addresses of its server's machine through a proxy, which this server lacks.
  await page.context().route('**/proxy/*/**', route => {
    const location = route
      .request()
      .url()
      .replace(/^.*\/proxy\//, 'http://127.0.0.1:');
    return route.fulfill({ status: 302, headers: { location } });
  });
  await stage.run('JWT Workbench: Sign In...');
  await stage.asked('In the browser');
  await stage.picture('sign-in-1-ways', { of: 'top' });
  let popup = page.context().waitForEvent('page');
  await stage.choose('In the browser');
  const issuer = await popup;
  await issuer.locator('form').waitFor();
  await stage.picture('sign-in-2-issuer', { page: issuer });
  await page.bringToFront();
  await stage.notified('finish in the browser');
  await stage.picture('sign-in-3-waiting');
  await issuer.getByRole('button', { name: 'Sign in and allow' }).click();
  await issuer.getByRole('heading', { name: 'Signed in' }).waitFor();
  await stage.picture('sign-in-4-back', { page: issuer });
  await issuer.close();
  await page.bringToFront();
  await stage.inStatusBar('Signed in to Demo');
  await stage.picture('sign-in-5-signed-in');

  await stage.run('JWT Workbench: Sign In...');
  await stage.choose('With a code, on any device');
  const panel = page.frameLocator('iframe.webview.ready').frameLocator('#active-frame');
  await panel.getByText(/valid for \d+:\d\d/).waitFor();
  await stage.rest();
  await stage.picture('sign-in-code', { readme: true });
  popup = page.context().waitForEvent('page');
  await panel.getByRole('button', { name: 'Open Page' }).click();
  const device = await popup;
  await device.locator('form').waitFor();
  await stage.picture('sign-in-7-device', { page: device });
  await device.getByRole('button', { name: 'Sign in and allow' }).click();
  await page.bringToFront();
  await page.locator('iframe.webview.ready').waitFor({ state: 'detached' });
  await stage.picture('sign-in-8-signed-in');

  await stage.run('JWT Workbench: Introspect Token...');
  await stage.choose('Access token');
  await page.locator('.monaco-diff-editor').first().waitFor();
  await stage.rest();
  await stage.picture('ask-the-issuer');
}

/** The setting: completion, hover texts, and mistakes shown in both places. @param {Stage} stage */
async function settings(stage) {
  const { page } = stage;
  await stage.row('Production').click();
  await page.locator('.tab.active').filter({ hasText: 'settings.json' }).waitFor();
  await page.waitForTimeout(1500);
  await page.mouse.move(800, 300);
  await page.mouse.wheel(0, 400); // Scrolls past the other settings.
  await stage.unselect();
  await stage.rest();
  await stage.picture('settings-problem', { readme: true, height: 380 });
  await page.locator('.editor-instance .view-line').filter({ hasText: 'orders-web' }).last().click();
  await page.keyboard.press('End');
  await page.keyboard.type(',');
  await page.keyboard.press('Enter');
  await page.keyboard.press('ControlOrMeta+Space');
  await page.locator('.suggest-widget.visible').getByText('autoRefresh').waitFor();
  await page.waitForTimeout(800);
  await stage.picture('settings-completion');
  await page.keyboard.press('Escape');
  const tokens = { access_token: 'opaque-access-token', refresh_token: 'a-refresh-token', expires_in: 3600 };
  await page.evaluate(text => navigator.clipboard.writeText(text), JSON.stringify(tokens));
  await stage.run('JWT Workbench: Import Tokens...');
  await stage.choose('Clipboard');
  await stage.choose('Staging');
  await stage.row('Access token').waitFor();
  await stage.run('JWT Workbench: Remove Connection...');
  await page.locator('.monaco-dialog-box').waitFor();
  await page.waitForTimeout(400);
  await stage.picture('remove', { readme: true, of: page.locator('.monaco-dialog-box') });
  await page.keyboard.press('Escape');
}

/** Imports tokens with line wraps from a selection, for an issuer without a connection. @param {Stage} stage */
async function importing(stage) {
  const { page } = stage;
  const name = 'token-response.json';
  await copyFile(join(root, 'test', 'fixtures', 'wrappedTokenResponse.json'), join(stage.folder, name));
  await openFile(stage, name);
  await page.locator('.editor-instance .view-line').first().click();
  await page.keyboard.press('ControlOrMeta+a');
  await stage.run('JWT Workbench: Import Tokens...');
  await stage.asked('Selection');
  await stage.picture('import-1-source', { of: 'top' });
  await stage.choose('Selection');
  await stage.asked('Keep in Memory Only');
  await stage.picture('import-2-target', { of: 'top' });
  await stage.choose('Keep in Memory Only');
  await stage.row('Pasted tokens').waitFor();
  await page.keyboard.press('ControlOrMeta+k');
  await page.keyboard.press('ControlOrMeta+w');
  await stage.open('Pasted tokens');
  await stage.open('Access token');
  await stage.open('Claims');
  await stage.row('exp').waitFor();
  await stage.unselect();
  await stage.notified('Imported into');
  await stage.rest();
  await stage.picture('import-3-imported');
  await stage.picture('import', { readme: true, of: 'sidebar', height: 500 });
}

/** @param {Stage} stage */
async function refresh(stage) {
  const { page } = stage;
  await stage.open('Demo');
  await stage.open('Refresh token');
  await page.waitForTimeout(3000); // Lets some seconds of the minute pass.
  await stage.row('Demo').hover();
  const button = stage.row('Demo').locator('.action-label[aria-label*="Refresh"]');
  await button.hover();
  await page.waitForTimeout(1200);
  await stage.picture('refresh-1-before', { of: 'sidebar', height: 260 });
  await button.click();
  await stage.inStatusBar('new access token');
  await page.waitForTimeout(300);
  await stage.unselect();
  await stage.row('Demo').hover();
  await page.waitForTimeout(300);
  await stage.picture('refresh', { readme: true, of: 'sidebar', height: 260 });
  await stage.rest();
  await stage.picture('refresh-2-after');
  await stage.run('JWT Workbench: Copy as Header or curl...');
  await stage.asked('Authorization header');
  await stage.picture('copy', { readme: true, of: 'top' });
  await page.keyboard.press('Escape');
}

/** @param {Stage} stage */
async function tree(stage) {
  await look(stage);
  await stage.open('Header');
  await stage.open('Refresh token');
  await freshly(stage);
  await stage.picture('tree', { readme: true, of: 'sidebar', height: 700 });
}

/** @param {Stage} stage */
async function checks(stage) {
  const { page } = stage;
  await stage.open('Demo');
  await stage.open('Access token');
  await stage.open('Verification');
  await page.waitForTimeout(1500);
  await freshly(stage);
  await page.waitForTimeout(1500);
  await stage.picture('checks-passed', { readme: true, of: 'sidebar', height: 540 });
  await tamper(stage);
  await stage.run('JWT Workbench: Verify Token...');
  await stage.choose('Clipboard');
  await stage.asked('Paste a key...');
  await stage.choose('Demo');
  await stage.asked('Verification failed');
  await stage.picture('checks-failed', { readme: true, of: 'top' });
  await page.keyboard.press('Escape');
}

/** A file with an expired and a fresh token, on lines that are not wrapped. @param {Stage} stage */
async function editor(stage) {
  const { page } = stage;
  await stage.open('Demo');
  await stage.run('JWT Workbench: Copy Token');
  await stage.inStatusBar('copied');
  await requests(stage);
  await openFile(stage, 'orders.http');
  await page.locator('.view-lines', { hasText: /expired\s\d+/ }).waitFor();
  await page.waitForTimeout(1000);
  await stage.unselect();
  await stage.rest();
  await stage.picture('editor', { readme: true, height: 300 });
}

/** Writes orders.http, with the token on the clipboard and one that has expired. @param {Stage} stage */
async function requests(stage) {
  const fresh = await stage.page.evaluate(() => navigator.clipboard.readText());
  const old = /eyJ\S+/.exec(await readFile(join(stage.folder, 'token.jwt'), 'utf8'))?.[0] ?? '';
  const request = (/** @type {string} */ token) => `GET https://api.example/orders\nAuthorization: Bearer ${token}\n`;
  await writeFile(
    join(stage.folder, 'orders.http'),
    `### Fresh\n${request(fresh)}\n### From last year\n${request(old)}`,
  );
}

/** @param {Stage} stage */
async function contrast(stage) {
  await stage.open('Demo');
  await stage.open('Access token');
  await stage.open('Verification');
  await freshly(stage);
  await stage.picture('contrast');
}

/** A valid token, a forged one, and an edited copy. @param {Stage} stage */
async function inspector(stage) {
  const { page } = stage;
  const theme = stage.theme === 'dark' ? '' : `-${stage.theme}`;
  const frame = page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
  const show = async () => {
    await stage.run('JWT Workbench: Inspect Token...');
    await stage.choose('Clipboard');
    await frame.locator('h1').waitFor();
  };
  await stage.row('Demo').waitFor();
  await stage.run('JWT Workbench: Copy Token');
  await stage.inStatusBar('copied');
  await show();
  await frame.getByRole('status').getByText('Verified', { exact: true }).waitFor();
  await stage.run('View: Toggle Primary Side Bar Visibility');
  await page.locator('.part.sidebar').waitFor({ state: 'hidden' });
  await frame.locator('svg text.now').waitFor();
  await frame.locator('.member', { hasText: 'sub' }).first().hover();
  await frame.locator('.part.payload mark').waitFor();
  await stage.picture(`inspector${theme}`, { readme: theme === '', height: 1060 });
  await frame.locator('.checks').evaluate(section => section.scrollIntoView());
  await stage.picture(`inspector-checks${theme}`);
  await frame.locator('h1').evaluate(heading => heading.scrollIntoView());
  await frame.getByRole('button', { name: 'Edit a Copy' }).click();
  const payload = frame.getByLabel('Payload as JSON');
  const claims = JSON.parse(await payload.inputValue());
  await payload.fill(JSON.stringify({ ...claims, sub: 'admin', password: 'hunter2' }, undefined, 2));
  await frame.getByRole('button', { name: "Sign with the Mock Issuer's Test Key" }).click();
  await frame.getByRole('status').getByText('valid for testing only').waitFor();
  await stage.picture(`inspector-edited${theme}`);
  await stage.run('View: Close All Editors');
  await tamper(stage);
  await show();
  await frame.getByRole('status').getByText('Verification failed').waitFor();
  await stage.rest();
  await stage.picture(`inspector-forged${theme}`);
}

/**
 * Copies an access token to the clipboard in which an attacker made themselves an administrator.
 * @param {Stage} stage
 */
async function tamper(stage) {
  // The status bar may still show an earlier copy, so the clipboard tells when this one is done. A webview may have the
  // focus, and only a focused page may write to the clipboard.
  await stage.page.keyboard.press('F1');
  await stage.input().focus();
  await stage.page.evaluate(() => navigator.clipboard.writeText(''));
  await stage.page.keyboard.press('Escape');
  await stage.run('JWT Workbench: Copy Token');
  await stage.page.evaluate(async () => {
    let token = '';
    while (token === '') {
      await new Promise(resolve => setTimeout(resolve, 50));
      token = await navigator.clipboard.readText();
    }
    const [header = '', payload = '', signature = ''] = token.split('.');
    const claims = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
    const changed = btoa(JSON.stringify({ ...claims, sub: 'admin', aud: 'https://other.example' }));
    const forged = changed.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    await navigator.clipboard.writeText(`${header}.${forged}.${signature}`);
  });
}

/** The first view without connections, and starting the mock from the palette. @param {Stage} stage */
async function mock(stage) {
  const { page } = stage;
  await stage.rest();
  await stage.picture('welcome', { readme: true, of: 'sidebar', height: 380 });
  await page.keyboard.press('F1');
  await stage.input().fill('>JWT Workbench: Start');
  await page.waitForTimeout(600);
  await stage.picture('mock-1-palette', { of: 'top' });
  await stage.choose('JWT Workbench: Start Mock Issuer');
  await stage.row('Mock connection').waitFor();
  await stage.unselect();
  await stage.notified('mock issuer runs at');
  await stage.rest();
  await stage.picture('mock', { readme: true });
}

/** The mock's state, and the test of a deliberately broken client. @param {Stage} stage */
async function torture(stage) {
  const { page } = stage;
  await bundle({
    entryPoints: [{ in: join(root, 'test', 'torture', 'sampleClient.ts'), out: 'sampleClient' }],
    outExtension: { '.js': '.mjs' },
    outdir: join(root, 'out', 'screenshots'),
    format: 'esm',
    platform: 'node',
    target: 'node20',
  });
  const { startSampleClient } = await import(pathToFileURL(join(root, 'out', 'screenshots', 'sampleClient.mjs')).href);
  const row = page.locator('[role=treeitem][aria-label^="Mock issuer at"]');
  await row.waitFor();
  const issuer = `http://${/127\.0\.0\.1:\d+/.exec((await row.getAttribute('aria-label')) ?? '')?.[0]}`;
  await stage.run('JWT Workbench: Inject Mock Issuer Fault...');
  await stage.choose('Too many requests (429)');
  await stage.choose('next request');
  await stage.run('JWT Workbench: Inject Mock Issuer Fault...');
  await stage.choose('Delayed response');
  await stage.choose('until cleared');
  await stage.run('JWT Workbench: Refresh Access Token');
  await page.getByText('There were too many requests').first().waitFor();
  await stage.open('Mock issuer');
  await stage.open('Requests');
  await page.keyboard.press('Escape');
  await stage.unselect();
  await stage.rest();
  await stage.picture('mock-rows', { readme: true, of: 'sidebar', height: 430 });
  const client = await startSampleClient({ issuer, flaw: 'id-token.nonce' });
  try {
    await page.keyboard.press('ControlOrMeta+b');
    await stage.run('Notifications: Clear All Notifications');
    await stage.run('JWT Workbench: Torture a Client...');
    await stage.answer('Where does sign-in start?', `${client.origin}/login`);
    await stage.choose('Sign-out');
    await page.keyboard.press('Enter');
    await stage.answer('Which URL responds with 200', `${client.origin}/me`);
    await stage.answer('Where does sign-out start?', `${client.origin}/logout`);
    await page.locator('.quick-input-widget:visible').getByText('ID token', { exact: true }).waitFor();
    await page.keyboard.press('Enter');
    const report = page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
    await report.getByRole('button', { name: 'Run Again' }).waitFor();
    await stage.rest();
    await stage.picture('client-test', { readme: true });
  } finally {
    await client.close();
  }
}
