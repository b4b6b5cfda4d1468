import Mocha from 'mocha';
import { commands } from 'vscode';
import { runTests } from '../../scripts/lib/results.mjs';
import { startSecretWatch, writeSecretWatch } from './secretWatch.ts';

/**
 * The entry of every run inside VS Code: runs the tests that are built beside it.
 * @throws an Error where a test failed, which is how VS Code learns its exit code
 */
export async function run(): Promise<void> {
  process.setSourceMapsEnabled(true); // Failures name lines of the .ts files.
  startSecretWatch();
  const color = process.env.NO_COLOR === undefined;
  const { failed } = await runTests(Mocha, import.meta.dirname, { color, timeout: 20_000, slow: 2_000 });
  writeSecretWatch();
  // Those that came while tests ran did not pop up.
  await commands.executeCommand('notifications.showList');
  if (failed > 0) throw new Error(`${failed} tests failed.`);
}
