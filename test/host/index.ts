import Mocha from 'mocha';
import { commands } from 'vscode';
import { runTests } from '../../scripts/lib/results.mjs';
import { startSecretWatch, writeSecretWatch } from './secretWatch.ts';

/**
 * The entry of every run inside VS Code: runs the tests that are built beside it.
 * @throws an Error if a test failed, from which VS Code derives its exit code
 */
export async function run(): Promise<void> {
  process.setSourceMapsEnabled(true); // Makes failures name lines of the .ts files.
  startSecretWatch();
  const color = process.env.NO_COLOR === undefined;
  const { failed } = await runTests(Mocha, import.meta.dirname, { color, timeout: 20_000, slow: 2_000 });
  writeSecretWatch();
  // Shows the notifications that did not pop up during the tests.
  await commands.executeCommand('notifications.showList');
  if (failed > 0) throw new Error(`${failed} tests failed.`);
}
