import { basename, extname, join, relative, resolve } from 'node:path';
import { bundle } from './bundle.mjs';
import { root, UserError } from './project.mjs';

/**
 * Makes a bundle of the entry, and one of each dynamic import: `await import('../core/verifier.ts')` becomes a
 * `require('./verifier.js')` beside the bundle that holds it. Activation then reads a small file, and jose, oauth4webapi
 * and the mock issuer cost nothing until they are used. The bundles are found while bundling: there is no list to keep.
 *
 * A module is in one bundle alone, also where several need it: in the one that is sure to be loaded before the others,
 * which take it from there. Where there is no such bundle, a small module goes to the one that is loaded before all of
 * them anyway, and only a larger one gets a file of its own, `shared1.js`. esbuild can
 * share as well, but only in files of their own, and a dozen small files are slow to load. So it splits first, in
 * memory, and what belongs together is put together afterwards.
 * @param {string} name of the entry's bundle
 * @param {string} entry source file
 * @param {import('esbuild').BuildOptions & { outdir: string }} options
 * @returns {Promise<import('./bundle.mjs').Output[]>}
 */
export async function lazyBundles(name, entry, { minify = false, sourcemap = false, ...options }) {
  const pieces = await split(name, entry, {
    ...options,
    minify, // What pieces call each other is part of every bundle.
    sourcemap: sourcemap ? 'inline' : false,
  });
  const home = homesOf(pieces);
  /** How a bundle calls what another piece takes from one of its own. @param {string} path @param {string} name */
  const given = (path, name) => `$${[...pieces.keys()].indexOf(path)}${name}`;
  /** What a bundle, or all others, take from a piece. @param {string} path @param {(out: string) => boolean} by */
  const taken = (path, by) => {
    const takers = [...pieces].filter(([each]) => home.get(each) !== home.get(path) && by(home.get(each) ?? ''));
    return [...new Set(takers.flatMap(([, { imports }]) => imports.get(path) ?? []))];
  };

  const bundles = [...new Set(home.values())];
  return bundle({
    ...options,
    minify,
    sourcemap,
    entryPoints: bundles.map(out => ({ in: `bundle:${out}`, out })),
    format: 'cjs',
    // A bundle says by itself what it exports: esbuild's way takes half a kilobyte in each.
    logOverride: { 'commonjs-variable-in-esm': 'silent' },
    plugins: [{ name: 'lazy-bundles', setup }],
  });

  /** @param {import('esbuild').PluginBuild} build */
  function setup({ onResolve, onLoad }) {
    onResolve({ filter: /^bundle:/ }, ({ path }) => ({ namespace: 'bundle', path: path.slice(7) }));
    onLoad({ filter: /./, namespace: 'bundle' }, ({ path: out }) => {
      const own = [...pieces].filter(([path]) => home.get(path) === out);
      const lines = own.map(([path, { entry, exports }]) => {
        const names = [
          ...(entry ? exports : []),
          ...taken(path, () => true).map(each => `${each} as ${given(path, each)}`),
        ];
        return { names, line: `import { ${names.join(', ')} } from ${JSON.stringify(path)};` };
      });
      const exported = lines.flatMap(({ names }) => names.map(each => each.replace(/.* as /, '')));
      const contents = [...lines.map(({ line }) => line), `module.exports = { ${exported.join(', ')} };`];
      return { contents: contents.join('\n'), resolveDir: root };
    });
    onResolve({ filter: /./, namespace: 'bundle' }, ({ path }) => ({ namespace: 'piece', path }));
    onLoad({ filter: /./, namespace: 'piece' }, ({ path }) => ({
      // A require loads a CommonJS file beside this one.
      contents:
        pieces.get(path)?.text.replace(dynamicImport, (_, other) => {
          return `Promise.resolve().then(() => require("./${home.get(join(path, '..', other))}.js"))`;
        }) ?? '',
      resolveDir: root,
    }));
    // Its names are taken once in each bundle: esbuild would ask for them, by way of the whole, in each module.
    onResolve({ filter: /./, namespace: 'piece' }, ({ path, importer }) => {
      if (!path.startsWith('node:') && !options.external?.includes(path)) return undefined;
      const out = home.get(importer);
      return { namespace: 'outside', path, pluginData: out, suffix: `?${out}` };
    });
    onLoad({ filter: /./, namespace: 'outside' }, ({ path, pluginData }) => {
      const own = [...pieces].filter(([each]) => home.get(each) === pluginData);
      const names = new Set(own.flatMap(([, { text }]) => namesOf(text, path)));
      return { contents: `export const { ${[...names].join(', ')} } = require(${JSON.stringify(path)});` };
    });
    onResolve({ filter: /./, namespace: 'outside' }, ({ path }) => ({ path, external: true }));
    onResolve({ filter: /^\.\.?\//, namespace: 'piece' }, ({ kind, path, importer }) => {
      if (kind === 'require-call') return { path, external: true };
      const target = join(importer, '..', path);
      const out = home.get(importer);
      if (home.get(target) === out) return { namespace: 'piece', path: target };
      return { namespace: 'taken', path: target, pluginData: out, suffix: `?${out}` };
    });
    onLoad({ filter: /./, namespace: 'taken' }, ({ path, pluginData }) => {
      const names = taken(path, out => out === pluginData).map(each => `${given(path, each)}: ${each}`);
      return { contents: `export const { ${names.join(', ')} } = require("./${home.get(path)}.js");` };
    });
    onResolve({ filter: /^\.\//, namespace: 'taken' }, ({ path }) => ({ path, external: true }));
  }
}

/** Characters. To open a file costs more than to read so much that may not be needed. */
const worthAFile = 6000;

/** As esbuild writes them, minified or not. */
const dynamicImport = /\bimport\("([^"]+)"\)/g;
const namedImport = /\bimport\s*\{([^}]*)\}\s*from\s*"([^"]+)"/g;

/** What a module imports from another. @param {string} text @param {string} from @returns {string[]} */
function namesOf(text, from) {
  return [...text.matchAll(namedImport)].flatMap(([, names = '', other]) =>
    other === from ? names.split(',').map(each => each.trim().replace(/ as .*/, '')) : [],
  );
}

/**
 * @typedef {object} Piece
 * @property {string} text an ES module
 * @property {string} [entry] the name of the bundle that it begins
 * @property {Map<string, string[]>} imports what it imports statically, by piece
 * @property {string[]} loads the pieces that it imports dynamically
 * @property {string[]} exports
 */

/**
 * @param {string} name @param {string} entry
 * @param {import('esbuild').BuildOptions & { outdir: string }} options
 * @returns {Promise<Map<string, Piece>>} by path
 */
async function split(name, entry, options) {
  const { build } = await import('esbuild'); // Not there yet when a fresh clone loads this module.
  const { metafile, outputFiles } = await build({
    ...options,
    entryPoints: [{ in: entry, out: name }],
    bundle: true,
    format: 'esm',
    splitting: true,
    write: false,
    metafile: true,
    absWorkingDir: root,
    logLevel: 'error',
  }).catch(error => {
    throw new UserError(error.message);
  });
  /** @type {Map<string, Piece>} */
  const pieces = new Map();
  for (const { path, text } of outputFiles) {
    const output = metafile.outputs[relative(root, path).replaceAll('\\', '/')];
    if (output === undefined) continue;
    /** @type {Map<string, string[]>} */
    const imports = new Map();
    for (const each of output.imports)
      if (each.kind === 'import-statement' && !each.external) imports.set(resolve(root, each.path), []);
    for (const [, names = '', from = ''] of text.matchAll(namedImport))
      imports.get(join(path, '..', from))?.push(...names.split(',').map(each => each.trim().replace(/ as .*/, '')));
    pieces.set(path, {
      text,
      ...(output.entryPoint && { entry: basename(output.entryPoint, extname(output.entryPoint)) }),
      imports,
      loads: output.imports
        .filter(({ kind, external }) => kind === 'dynamic-import' && !external)
        .map(each => resolve(root, each.path)),
      exports: output.exports,
    });
  }
  // The entry first: nothing is loaded before it.
  const path = join(options.outdir, `${name}.js`);
  const first = pieces.get(path);
  if (first === undefined) throw new UserError(`${entry} has become nothing.`);
  pieces.delete(path);
  return new Map([[path, { ...first, entry: name }], ...pieces]);
}

/**
 * The bundle of each piece.
 * @param {Map<string, Piece>} pieces
 * @returns {Map<string, string>} path -> name of the bundle
 * @throws UserError where two bundles would have one name
 */
function homesOf(pieces) {
  const entries = [...pieces].flatMap(([path, { entry }]) => (entry ? [{ path, entry }] : []));
  /** The pieces that are loaded with each entry, itself among them. @type {Map<string, Set<string>>} */
  const together = new Map(entries.map(({ path }) => [path, reached(pieces, path)]));
  /** @param {string} path */
  const usersOf = path => entries.filter(each => together.get(each.path)?.has(path)).map(each => each.path);

  // The entries that are sure to be loaded before each: begun with all, and shortened until nothing changes.
  const everything = new Set(entries.map(({ path }) => path));
  const before = new Map(entries.map(({ path }, index) => [path, index === 0 ? new Set() : new Set(everything)]));
  for (let changed = true; changed; ) {
    changed = false;
    for (const [path, sure] of before) {
      for (const [importer, { loads }] of pieces) {
        if (!loads.includes(path)) continue;
        for (const user of usersOf(importer)) {
          for (const each of sure) {
            if (each === user || before.get(user)?.has(each)) continue;
            sure.delete(each);
            changed = true;
          }
        }
      }
    }
  }

  /** The one that was loaded last of those that are sure to be there before all of these. @param {string[]} users */
  const lastBefore = users =>
    [...everything]
      .filter(each => users.every(user => before.get(user)?.has(each)))
      .sort((one, other) => (before.get(one)?.size ?? 0) - (before.get(other)?.size ?? 0))
      .at(-1);

  /** @type {Map<string, string>} */
  const homes = new Map();
  let shared = 0;
  for (const [path, { entry, text }] of pieces) {
    const users = usersOf(path);
    const first = users.find(user => users.every(other => other === user || before.get(other)?.has(user)));
    const home = first ?? (text.length < worthAFile ? lastBefore(users) : undefined);
    homes.set(path, entry ?? pieces.get(home ?? '')?.entry ?? `shared${++shared}`);
  }
  const names = entries.map(({ entry }) => entry);
  const twice = names.find((each, index) => names.indexOf(each) !== index);
  if (twice) throw new UserError(`Two files would become ${twice}.js. Rename one.`);
  return homes;
}

/** @param {Map<string, Piece>} pieces @param {string} from @param {Set<string>} [seen] */
function reached(pieces, from, seen = new Set()) {
  if (seen.has(from)) return seen;
  seen.add(from);
  for (const next of pieces.get(from)?.imports.keys() ?? []) reached(pieces, next, seen);
  return seen;
}
