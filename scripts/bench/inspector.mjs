import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stageExtension } from '../package.mjs';
import { compared } from './measure.mjs';

export const title = 'The inspector, from Enter in the command palette to its first paint';

const rounds = 7;
/** The first round of each side loads code, so it does not count. */
const warmUp = 2;

/** An extension whose webview is a single heading, as the baseline for any webview. */
const bare = {
  'package.json': JSON.stringify({
    name: 'bare',
    publisher: 'jwt-workbench-fixtures',
    version: '0.0.1',
    engines: { vscode: '^1.105.0' },
    main: './main.js',
    contributes: { commands: [{ command: 'bench.bare', title: 'Bench: Bare' }] },
  }),
  'main.js': `const { commands, window } = require('vscode');
exports.activate = context => context.subscriptions.push(commands.registerCommand('bench.bare', () => {
  window.createWebviewPanel('bare', 'Bare', 1, {}).webview.html = '<!DOCTYPE html><h1>Bare</h1>';
}));`,
};

/** @param {string} temporary @returns {Promise<import('./table.mjs').Row[]>} */
export async function run(temporary) {
  const extensionsDir = join(temporary, 'extensions');
  await stageExtension(join(extensionsDir, 'ours'));
  mkdirSync(join(extensionsDir, 'bare'));
  for (const [name, content] of Object.entries(bare)) writeFileSync(join(extensionsDir, 'bare', name), content);
  const folder = join(temporary, 'folder');
  mkdirSync(folder);
  writeFileSync(join(folder, 'sample.jwt'), token());
  const { startWorkbench } = await import('../lib/workbench.mjs');
  const workbench = await startWorkbench({ extensionsDir });
  try {
    const prepared = async () => {
      const { page } = await workbench.openWindow({ folder });
      await page.locator('.statusbar-item').first().waitFor();
      await page.evaluate(noteEnter);
      await pick(page, 'sample.jwt', 'sample.jwt');
      await page.locator('.editor-instance .view-line').first().click();
      // The extension host is still starting other extensions, which would count as our time.
      await page.waitForTimeout(8_000);
      return page;
    };
    // The first webview of a window loads what all webviews need. Therefore the baseline's first one is measured in
    // another window.
    const other = await prepared();
    const firstBare = await opened(other, 'Bench: Bare');
    await other.close();
    const page = await prepared();
    /** @type {Record<'ours' | 'bare', number[]>} */
    const painted = { ours: [], bare: [] };
    for (let round = 0; round < rounds + warmUp; round++) {
      painted.ours.push(await opened(page, 'JWT Workbench: Inspect Token...'));
      painted.bare.push(await opened(page, 'Bench: Bare'));
    }
    const comparison = compared(painted.ours.slice(warmUp), painted.bare.slice(warmUp));
    /** @param {string} what @param {number} ours */
    const limited = (what, ours) => ({
      ...{ what, unit: /** @type {const} */ ('ms'), ours },
      goal: 'under 300 ms',
      met: ours < 300,
    });
    const [first = Number.NaN] = painted.ours;
    return [
      { ...limited('opened again; rival: a webview with one heading', comparison.ours), ...comparison },
      { ...limited('for the first time in a window', first), rival: firstBare },
    ];
  } finally {
    await workbench.close();
  }
}

/**
 * Runs a command that opens a webview with a heading, and closes it.
 * @param {import('playwright-core').Page} page
 * @param {string} command
 * @returns {Promise<number>} milliseconds from Enter until the heading was painted
 */
async function opened(page, command) {
  await pick(page, `>${command}`, command);
  const frame = page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
  await frame.locator('h1').waitFor();
  const at = await frame.locator('h1').evaluate(paintedAt);
  const enter = await page.evaluate(() => /** @type {{ enter?: number }} */ (globalThis).enter ?? Number.NaN);
  await page.locator('.tab.active [aria-label^="Close"]').click();
  await page.locator('iframe.webview').first().waitFor({ state: 'detached' });
  await page.locator('.editor-instance .view-line').first().click();
  return at - enter;
}

/** @param {import('playwright-core').Page} page @param {string} text @param {string} label */
async function pick(page, text, label) {
  await page.keyboard.press(text.startsWith('>') ? 'F1' : 'Control+P');
  await page.locator('.quick-input-widget:visible .quick-input-box input').fill(text);
  await page
    .locator('.quick-input-widget:visible .monaco-list-row.focused')
    .filter({ has: page.locator('.label-name').getByText(label, { exact: true }) })
    .waitFor();
  await page.keyboard.press('Enter');
}

/** Runs in the window: records the time of each Enter, in milliseconds since the epoch. */
function noteEnter() {
  window.addEventListener(
    'keydown',
    event => {
      if (event.key === 'Enter') Object.assign(globalThis, { enter: Date.now() });
    },
    true,
  );
}

/**
 * Runs in the page: the time of its first contentful paint, in milliseconds since the epoch.
 * @returns {Promise<number>}
 */
async function paintedAt() {
  for (;;) {
    const [entry] = performance.getEntriesByName('first-contentful-paint');
    if (entry) return performance.timeOrigin + entry.startTime;
    await new Promise(requestAnimationFrame);
  }
}

function token() {
  const encode = (/** @type {object} */ part) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const header = { alg: 'RS256', typ: 'at+jwt', kid: 'bench' };
  const payload = {
    iss: 'https://as.example',
    sub: 'ada',
    aud: 'api',
    iat: 1_700_000_000,
    exp: 1_900_000_000,
  };
  return `${encode(header)}.${encode(payload)}.${'A'.repeat(342)}\n`;
}
