import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { commands } from 'vscode';
import { grepVariable, runMocha } from '../../scripts/lib/results.mjs';
import { startSecretWatch, writeSecretWatch } from './secretWatch.ts';

/**
 * The entry of every run inside VS Code: loads the `*.test.js` files built beside it and runs them.
 * @throws an Error where a test failed, which is how VS Code learns its exit code
 */
export async function run(): Promise<void> {
  process.setSourceMapsEnabled(true); // Failures name lines of the .ts files.
  // Not a static import: mocha is an ES module, this file is CommonJS as VS Code wants it.
  const { default: Mocha } = await import('mocha');
  const grep = process.env[grepVariable];
  startSecretWatch();
  const mocha = new Mocha({
    ui: 'bdd',
    color: process.env.NO_COLOR === undefined,
    timeout: 20_000,
    slow: 2_000,
    ...(grep ? { grep } : {}),
  });
  // Loaded by require, for which VS Code provides the module `vscode`; mocha itself would import the files.
  const load = createRequire(__filename);
  for (const name of readdirSync(__dirname, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!name.endsWith('.test.js')) continue;
    const file = join(__dirname, name);
    mocha.suite.emit('pre-require', globalThis, file, mocha);
    mocha.suite.emit('require', load(file), file, mocha);
    mocha.suite.emit('post-require', globalThis, file, mocha);
  }
  const { failed } = await runMocha(mocha);
  writeSecretWatch();
  // Those that came while tests ran did not pop up.
  await commands.executeCommand('notifications.showList');
  if (failed > 0) throw new Error(`${failed} tests failed.`);
}
