import { root, UserError } from './project.mjs';

/** @typedef {{ file: string, bytes: number }} Output `file` is relative to the project, with slashes */

/**
 * One run of esbuild, which prints what is wrong with the sources by itself.
 * @param {import('esbuild').BuildOptions} options
 * @returns {Promise<Output[]>}
 * @throws UserError where the sources do not build
 */
export async function bundle(options) {
  const { build } = await import('esbuild'); // Not there yet when a fresh clone loads this module.
  const result = await build({
    ...options,
    bundle: true,
    metafile: true,
    absWorkingDir: root,
    logLevel: 'error',
  }).catch(error => {
    throw new UserError(error.message);
  });
  return Object.entries(result.metafile?.outputs ?? {}).map(([file, { bytes }]) => ({ file, bytes }));
}
