import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
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
 * @throws UserError with a line for each error, in the format of the problem matcher in .vscode/tasks.json; warnings are printed
 * in the same format
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
    throw new UserError(linesOf(errors, 'error') || message);
  });
  if (result.warnings.length > 0) console.log(linesOf(result.warnings, 'warning'));
  return Object.entries(result.metafile?.outputs ?? {}).map(([file, { bytes, inputs }]) => ({
    file,
    bytes,
    inputs: Object.keys(inputs),
  }));
}

/** @param {import('esbuild').Message[]} messages @param {'error' | 'warning'} severity */
function linesOf(messages, severity) {
  return messages
    .map(({ location, text }) =>
      location ? `${location.file}:${location.line}:${location.column + 1}: ${severity}: ${text}` : text,
    )
    .join('\n');
}

/**
 * Bundles modules of `test` for scripts. Packages are imported from node_modules.
 * @param {string} outdir below `out`
 * @param {...string} names paths from `test`, without extension
 * @returns {Promise<string[]>} the bundles, in the same order
 */
export async function bundleTest(outdir, ...names) {
  const folder = join(root, 'out', outdir);
  await bundle({
    entryPoints: names.map(name => ({ in: join(root, 'test', `${name}.ts`), out: basename(name) })),
    outExtension: { '.js': '.mjs' },
    outdir: folder,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: 'linked',
  });
  return names.map(name => join(folder, `${basename(name)}.mjs`));
}

/**
 * Bundles a module of `test` and imports it.
 * @param {string} outdir below `out`
 * @param {string} name path from `test`, without extension
 */
export async function importTest(outdir, name) {
  const [file = ''] = await bundleTest(outdir, name);
  return import(pathToFileURL(file).href);
}
