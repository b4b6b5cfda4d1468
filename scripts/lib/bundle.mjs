import { root, UserError } from './project.mjs';

/**
 * @typedef {object} Output
 * @property {string} file relative to the project, with slashes
 * @property {number} bytes
 * @property {string[]} inputs its source files, relative to the project, with slashes
 */

/**
 * Runs esbuild once.
 * @param {import('esbuild').BuildOptions} options
 * @returns {Promise<Output[]>}
 * @throws UserError with a line for each error, in the format of the problem matcher in .vscode/tasks.json
 */
export async function bundle(options) {
  const { build } = await import('esbuild'); // Not installed yet when a fresh clone loads this module.
  const result = await build({
    ...options,
    bundle: true,
    metafile: true,
    absWorkingDir: root,
    logLevel: 'silent',
  }).catch((/** @type {import('esbuild').BuildFailure} */ { errors = [], message }) => {
    const lines = errors.map(({ location, text }) =>
      location ? `${location.file}:${location.line}:${location.column + 1}: error: ${text}` : text,
    );
    throw new UserError(lines.join('\n') || message);
  });
  return Object.entries(result.metafile?.outputs ?? {}).map(([file, { bytes, inputs }]) => ({
    file,
    bytes,
    inputs: Object.keys(inputs),
  }));
}
