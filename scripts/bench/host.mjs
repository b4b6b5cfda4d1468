import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { root, UserError } from '../lib/project.mjs';
import { bundleForHost } from './bundles.mjs';

const patience = 120_000;

/**
 * Opens a window of the real workbench with a module of test/bench as its extension, waits for the figures that the
 * module writes to host.json, and passes figures and page to `use`.
 * @template Result
 * @param {object} options
 * @param {string} options.name of the module
 * @param {string} options.temporary a folder for this run
 * @param {Record<string, unknown>} options.contributes
 * @param {Record<string, string>} [options.env]
 * @param {{ width: number, height: number }} [options.viewport]
 * @param {(figures: any, page: import('playwright-core').Page) => Promise<Result> | Result} use
 * @returns {Promise<Result>}
 */
export async function inHost({ name, temporary, contributes, env, viewport }, use) {
  const { [name]: module = '' } = await bundleForHost(name);
  const extension = join(temporary, 'extension');
  mkdirSync(extension, { recursive: true });
  await cp(module, join(extension, 'main.js'));
  await cp(join(root, 'media', 'activity.svg'), join(extension, 'icon.svg'));
  writeFileSync(
    join(extension, 'package.json'),
    JSON.stringify({
      name,
      publisher: 'jwt-workbench-fixtures',
      version: '0.0.1',
      engines: { vscode: '^1.105.0' },
      main: './main.js',
      activationEvents: ['onStartupFinished'],
      contributes,
    }),
  );
  const { startWorkbench } = await import('../lib/workbench.mjs');
  const workbench = await startWorkbench({
    ...(viewport && { viewport }),
    env: { ...env, JWT_WORKBENCH_BENCH_RESULTS: temporary },
  });
  try {
    /** @type {string[]} */
    const said = [];
    const { page } = await workbench.openWindow({
      extensionDevelopmentPath: extension,
      onConsole: (type, text) => said.push(`${type}: ${text}`),
    });
    const file = join(temporary, 'host.json');
    for (const since = performance.now(); !existsSync(file); await pause(100)) {
      if (performance.now() - since > patience)
        throw new UserError(`The extension host did not come to its end. It said:\n${said.join('\n')}`);
    }
    return await use(JSON.parse(readFileSync(file, 'utf8')), page);
  } finally {
    await workbench.close();
  }
}
