import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../lib/project.mjs';
import { stageExtension } from '../package.mjs';
import { bundleForHost, stageEmptyExtension } from './bundles.mjs';
import { compared, quantile } from './measure.mjs';

export const title =
  "Activation in VS Code's extension host, against an extension that does nothing, in the same windows";

const windows = { least: 4, most: 8 };
/**
 * Milliseconds. After this, only the minimum number of windows is opened, because a busy machine takes long for each.
 */
const longEnough = 45_000;
/** Milliseconds for one window to open and run the module. */
const windowTimeout = 60_000;

/**
 * Prevents both extensions from activating by themselves: the module in the window triggers it.
 * @param {Record<string, any>} manifest
 */
const asleep = manifest => {
  manifest.activationEvents = [];
};

/** @param {string} temporary @returns {Promise<import('./table.mjs').Row[]>} */
export async function run(temporary) {
  const { activation = '' } = await bundleForHost('activation');
  // Installed, because a window in the browser accepts only one extension under development.
  const extensionsDir = join(temporary, 'extensions');
  await stageExtension(join(extensionsDir, 'ours'), asleep);
  await stageEmptyExtension(join(extensionsDir, 'empty'), asleep);
  const warmUp = join(temporary, 'warm-up');
  await stageEmptyExtension(warmUp, manifest => {
    asleep(manifest);
    manifest.name = 'warm-up';
  });
  const results = join(temporary, 'results');
  mkdirSync(results);
  const { startWorkbench } = await import('../lib/workbench.mjs');
  const workbench = await startWorkbench({
    extensionsDir,
    env: { JWT_WORKBENCH_BENCH_RESULTS: results },
  });
  try {
    const since = performance.now();
    for (let window = 0; window < windows.most; window++) {
      // An even number of windows, so that each side goes first in half of them.
      if (window >= windows.least && window % 2 === 0 && performance.now() - since > longEnough) break;
      /** @type {string[]} */
      const said = [];
      const { page, exit } = await workbench.openWindow({
        extensionDevelopmentPath: warmUp,
        extensionTestsPath: activation,
        onConsole: (type, text) => said.push(`${type}: ${text}`),
      });
      const code = await Promise.race([exit, after(windowTimeout)]);
      await page.close();
      if (code !== 0) throw new UserError(`A window did not come to its end. It said:\n${said.join('\n')}`);
    }
  } finally {
    await workbench.close();
  }
  return rowsOf(readdirSync(results).map(name => JSON.parse(readFileSync(join(results, name), 'utf8'))));
}

/**
 * @param {Record<'ours' | 'rival', Record<string, number>>[]} figures one per window
 * @returns {import('./table.mjs').Row[]}
 */
function rowsOf(figures) {
  /** @param {string} what @param {string} name @returns {import('./table.mjs').Row & { difference: number }} */
  const row = (what, name) => {
    const ours = figures.map(each => each.ours[name] ?? Number.NaN);
    const rival = figures.map(each => each.rival[name] ?? Number.NaN);
    const difference = quantile(ours.map((figure, window) => figure - (rival[window] ?? Number.NaN)));
    return { what, unit: 'ms', ...compared(ours, rival), difference };
  };
  const total = row('extension.activate(), all of it', 'total');
  return [
    { ...total, goal: 'at most 5 ms more', met: total.difference <= 5 },
    row('until its API has answered once, all that is started later included', 'answer'),
  ];
}

/** @param {number} milliseconds @returns {Promise<undefined>} */
function after(milliseconds) {
  return new Promise(resolve => {
    setTimeout(() => resolve(undefined), milliseconds).unref();
  });
}
