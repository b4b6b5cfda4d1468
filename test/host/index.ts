import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';
import { commands } from 'vscode';
import { grepVariable, runMocha } from '../../scripts/lib/results.mjs';
import { startSecretWatch, writeSecretWatch } from './secretWatch.ts';

/**
 * The entry of every run inside VS Code: loads the `*.test.mjs` files built beside it and runs them.
 * @throws an Error where a test failed, which is how VS Code learns its exit code
 */
export async function run(): Promise<void> {
  process.setSourceMapsEnabled(true); // Failures name lines of the .ts files.
  const grep = process.env[grepVariable];
  startSecretWatch();
  const mocha = new Mocha({
    ui: 'bdd',
    color: process.env.NO_COLOR === undefined,
    timeout: 20_000,
    slow: 2_000,
    ...(grep ? { grep } : {}),
  });
  for (const name of readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' }).sort()) {
    if (name.endsWith('.test.mjs')) mocha.addFile(join(import.meta.dirname, name));
  }
  await mocha.loadFilesAsync();
  const { failed } = await runMocha(mocha);
  writeSecretWatch();
  // Those that came while tests ran did not pop up.
  await commands.executeCommand('notifications.showList');
  if (failed > 0) throw new Error(`${failed} tests failed.`);
}
