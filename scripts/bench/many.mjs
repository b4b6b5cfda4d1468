import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { stageExtension } from '../package.mjs';
import { compared } from './measure.mjs';

export const title = 'A user with 200 connections in groups; rival: the same with one connection';

const rounds = 3;
const warmUp = 1;

/** @param {number} count */
const settings = count => ({
  'jwtWorkbench.connections': Array.from({ length: count }, (_, index) => ({
    id: `connection-${index}`,
    label: `Connection ${index}`,
    issuer: 'http://127.0.0.1:9',
    clientId: 'bench',
    ...(count > 1 && { group: `Group ${index % 10}` }),
  })),
});

/** @param {string} temporary @returns {Promise<import('./table.mjs').Row[]>} */
export async function run(temporary) {
  const extensionsDir = join(temporary, 'extensions');
  await stageExtension(join(extensionsDir, 'ours'));
  const folder = join(temporary, 'folder');
  mkdirSync(folder);
  const { startWorkbench } = await import('../lib/workbench.mjs');
  /** @param {number} count */
  const user = async count => {
    const workbench = await startWorkbench({ extensionsDir, userSettings: settings(count) });
    /** @type {{ started: number[], filtered: number[] }} */
    const figures = { started: [], filtered: [] };
    return { workbench, last: `Connection ${count - 1}`, ...figures };
  };
  const users = [await user(200), await user(1)];
  try {
    for (let round = 0; round < rounds + warmUp; round++)
      for (const each of users) {
        const { page } = await each.workbench.openWindow({ folder });
        each.started.push(await page.evaluate(rowsShown, 'JWT Workbench'));
        each.filtered.push(await found(page, each.last));
        await page.close();
      }
    const [many, one] = users.map(({ started, filtered }) => [started.slice(warmUp), filtered.slice(warmUp)]);
    const times = { unit: /** @type {const} */ ('ms') };
    return [
      { what: 'from opening a window to rows on screen', ...times, ...compared(many?.[0] ?? [], one?.[0] ?? []) },
      {
        what: 'from a typed name to the last connection on screen',
        ...times,
        ...compared(many?.[1] ?? [], one?.[1] ?? []),
      },
    ];
  } finally {
    for (const { workbench } of users) await workbench.close();
  }
}

/**
 * Runs in the window: opens the view as soon as its icon is there, and waits for rows.
 * @param {string} name
 * @returns {Promise<number>} milliseconds since the window began to load
 */
async function rowsShown(name) {
  for (let clicked = false; ; ) {
    const icon = document.querySelector(`.activitybar a[aria-label^="${name}"]`);
    if (!clicked && icon instanceof HTMLElement) {
      icon.click();
      clicked = true;
    }
    const rows = document.querySelectorAll('.sidebar .pane-body .monaco-list-row');
    if (clicked && [...rows].some(row => /Group|Connection/.test(row.textContent ?? ''))) break;
    await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
  return performance.now();
}

/**
 * Finds a connection in the search box of the tree.
 * @param {import('playwright-core').Page} page
 * @param {string} label
 * @returns {Promise<number>} milliseconds
 */
async function found(page, label) {
  await page.locator('.sidebar .pane-body .monaco-list-row').first().click();
  await page.keyboard.press('F1');
  await page.locator('.quick-input-widget:visible .quick-input-box input').fill('>JWT Workbench: Filter Connections');
  await page.locator('.quick-input-widget:visible .monaco-list-row', { hasText: 'Filter Connections' }).first().click();
  const input = page.locator('.monaco-tree-type-filter input');
  await input.waitFor();
  const since = performance.now();
  await input.fill(label);
  await page.locator('.sidebar .monaco-list-row .monaco-highlighted-label .highlight', { hasText: label }).waitFor();
  return performance.now() - since;
}
