import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The project's folder. Found by searching upwards for the lock file instead of counting `..`, because this module also
 * runs from bundles in `out/`.
 * @type {string}
 */
export const root = findRoot(dirname(fileURLToPath(import.meta.url)));

/** @param {string} folder @returns {string} */
function findRoot(folder) {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, 'package-lock.json'))) return at;
    if (at === dirname(at)) throw new Error(`No package-lock.json in ${folder} or above it.`);
  }
}

/** An error whose message is sufficient for users: it is printed without its stack. */
export class UserError extends Error {}

/**
 * Runs the main function of a script. Prints a `UserError` or an error of `parseArgs` as its message only, other errors
 * with their stack.
 * @param {() => Promise<number | void>} main resolves to the exit code
 */
export function runScript(main) {
  main().then(
    code => {
      process.exitCode = code ?? 0;
    },
    error => {
      const isPlain = error instanceof UserError || error?.code?.startsWith('ERR_PARSE_ARGS');
      console.error(isPlain ? `\n${error.message}` : error);
      process.exitCode = 1;
    },
  );
}

/**
 * @param {number} since a value of `performance.now()`
 * @returns {string} the elapsed time, like `3.2 s`
 */
export function elapsed(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/**
 * Prints every ten seconds that something slow is still running, on terminals and in CI logs.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withProgress(what, work) {
  const since = performance.now();
  console.log(`${what} ...`);
  const timer = setInterval(() => console.log(`${what}: still at it after ${elapsed(since)}`), 10_000);
  try {
    const result = await work();
    console.log(`${what}: done in ${elapsed(since)}`);
    return result;
  } finally {
    clearInterval(timer);
  }
}
