import { basename, dirname, extname, join, resolve } from 'node:path';
import { bundle } from './bundle.mjs';

/**
 * A relative dynamic import below `src` is a bundle of its own, loaded when it is reached:
 * `await import('../core/verify.ts')` becomes a `require('./verify.js')` beside the bundle that holds it. Activation then
 * reads a small file, and jose, oauth4webapi and the mock issuer cost nothing until they are used. The bundles are
 * found while bundling, so there is no list to keep.
 *
 * Of `src/vscode` that is `onDemand.ts` alone. The rest stays in the bundle that imports it and is evaluated when it is
 * reached: it shares its sentences with what is there, and a second copy of them would cost more.
 *
 * Each bundle has its own copy of what it imports statically. So compare errors by their code and never by class, and
 * keep shared state out of modules.
 * @param {Record<string, string>} entries bundle name -> source file
 * @param {string} source the folder in which the rule holds
 * @param {import('esbuild').BuildOptions} options
 * @returns {Promise<import('./bundle.mjs').Output[]>}
 */
export async function lazyBundles(entries, source, options) {
  /** @type {Map<string, string>} bundle name -> source file */
  const known = new Map(Object.entries(entries));
  /** @type {[string, string][]} */
  let next = [...known];
  /** @type {import('./bundle.mjs').Output[]} */
  const outputs = [];

  /** @type {import('esbuild').Plugin} */
  const discover = {
    name: 'lazy-bundles',
    setup({ onResolve }) {
      onResolve({ filter: /^\.\.?\// }, ({ kind, path, resolveDir }) => {
        if (kind !== 'dynamic-import' || !resolveDir.startsWith(source)) return undefined;
        const file = resolve(resolveDir, path);
        if (file.startsWith(join(source, 'vscode')) && bundleName(file) !== 'onDemand') return undefined;
        const name = bundleName(file);
        const taken = known.get(name);
        if (taken !== undefined && taken !== file) {
          return { errors: [{ text: `${taken} and ${file} would both become ${name}.js. Rename one.` }] };
        }
        if (taken === undefined) {
          known.set(name, file);
          next.push([name, file]);
        }
        return { path: `./${name}.js`, external: true };
      });
    },
  };

  while (next.length > 0) {
    const round = next;
    next = [];
    const built = await bundle({
      ...options,
      entryPoints: round.map(([out, file]) => ({ in: file, out })),
      // Makes a dynamic import a require, which is what loads a CommonJS file beside this one.
      supported: { 'dynamic-import': false },
      plugins: [discover],
    });
    outputs.push(...built);
  }
  return outputs;
}

/** @param {string} file @returns {string} the file's name, or its folder's name for an index file */
function bundleName(file) {
  const name = basename(file, extname(file));
  return name === 'index' ? basename(dirname(file)) : name;
}
