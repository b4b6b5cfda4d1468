import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The result of one mocha run. Runs happen in other processes and inside VS Code, so the result is written to a file;
 * counts are never parsed from printed text.
 * @typedef {object} Results
 * @property {number} passed
 * @property {number} failed
 * @property {number} pending
 * @property {{ title: string, message: string }[]} failures
 */

/** Names the file to which a run writes its results. */
export const resultsVariable = 'JWT_WORKBENCH_TEST_RESULTS';
/** A regular expression: only tests with matching titles run. */
export const grepVariable = 'JWT_WORKBENCH_TEST_GREP';
/** If set, tests that take minutes run too: files named `*.slow.test.ts`, and tests that check this variable. */
export const slowVariable = 'JWT_WORKBENCH_TEST_SLOW';

/**
 * Runs the built tests of a folder, and writes the results file if one is requested.
 * @param {typeof import('mocha')} Mocha
 * @param {string} folder
 * @param {{ timeout: number, slow: number, color?: boolean }} options
 * @param {RegExp} [files] which files of the folder, by their path in it
 * @returns {Promise<Results>}
 */
export async function runTests(Mocha, folder, options, files = /^/) {
  const { [grepVariable]: grep, [resultsVariable]: file, [slowVariable]: slow } = process.env;
  const mocha = new Mocha({ ui: 'bdd', ...options, ...(grep ? { grep } : {}) });
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!name.endsWith('.test.mjs') || (name.endsWith('.slow.test.mjs') && !slow) || !files.test(name)) continue;
    mocha.addFile(join(folder, name));
  }
  await mocha.loadFilesAsync();
  /** @type {Results} */
  const results = { passed: 0, failed: 0, pending: 0, failures: [] };
  return new Promise(resolve => {
    const runner = mocha.run(() => {
      if (file) writeFileSync(file, JSON.stringify(results));
      resolve(results);
    });
    runner.on('pass', () => results.passed++);
    runner.on('pending', () => results.pending++);
    runner.on('fail', (test, error) => {
      results.failed++;
      results.failures.push({ title: test.fullTitle(), message: String(error?.stack ?? error) });
    });
  });
}
