import { readFileSync, writeFileSync } from 'node:fs';

/**
 * What one mocha run came to. Runs happen in other processes (and inside VS Code), so it travels as a file:
 * counts are never read from printed text.
 * @typedef {object} Results
 * @property {number} passed
 * @property {number} failed
 * @property {number} pending
 * @property {{ title: string, message: string, file?: string, waiting?: boolean }[]} failures `waiting` where it failed
 *   because something did not show on a page in time, and not because anything was wrong that did
 * @property {Record<string, number>} passedIn by file
 * @property {string} [note]
 */

/** Names the file that a run writes its results to. */
export const resultsVariable = 'JWT_WORKBENCH_TEST_RESULTS';
/** A regular expression: only tests with matching titles run. */
export const grepVariable = 'JWT_WORKBENCH_TEST_GREP';

/** Set where the tests that take minutes run as well: files named `*.slow.test.ts`, and what asks for it. */
export const slowVariable = 'JWT_WORKBENCH_TEST_SLOW';

/**
 * Runs what has been loaded into mocha and writes the results file, if one is asked for.
 * @param {import('mocha')} mocha
 * @returns {Promise<Results>}
 */
export function runMocha(mocha) {
  /** @type {Results} */
  const results = { passed: 0, failed: 0, pending: 0, failures: [], passedIn: {} };
  return new Promise(resolve => {
    const runner = mocha.run(() => {
      const file = process.env[resultsVariable];
      if (file) writeFileSync(file, JSON.stringify(results));
      resolve(results);
    });
    runner.on('pass', ({ file = '' }) => {
      results.passed++;
      results.passedIn[file] = (results.passedIn[file] ?? 0) + 1;
    });
    runner.on('pending', () => results.pending++);
    runner.on('fail', (test, error) => {
      results.failed++;
      const waiting = error?.name === 'TimeoutError';
      const message = String(error?.stack ?? error);
      results.failures.push({ title: test.fullTitle(), message, file: test.file ?? '', waiting });
    });
  });
}

/**
 * @param {string} file
 * @returns {Results | undefined} undefined where the run ended before it could write any
 */
export function readResults(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
