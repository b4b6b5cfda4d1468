import { readdirSync, watch } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from './lib/bundle.mjs';
import { ensureDependencies } from './lib/ensure.mjs';
import { elapsed, root, runScript, UserError } from './lib/project.mjs';

/** @typedef {import('./lib/bundle.mjs').Output} Output */

/**
 * Bundles the extension as ES modules. VS Code waits only for `dist/extension.js`, and a terminal only for
 * `dist/jwtw.mjs`, so each is a single file that shares nothing with others. The first is CommonJS, because VS Code makes
 * a module of its whole API for the first ES module that imports it, which takes longer than the activation itself.
 * esbuild splits what they load later: one file for each dynamic import in `src`, and files for code that several of
 * them share. Code for webviews is bundled for the browser: each `*Page.ts` of `src/webview`, with the style beside it.
 * @param {{ production?: boolean, keep?: boolean, to?: string }} [options] `to` is the output folder; `keep` keeps
 * files of an earlier build, for a running VS Code that has yet to load some of them
 * @returns {Promise<Output[]>}
 */
export async function buildExtension({ production = false, keep = false, to = join(root, 'dist') } = {}) {
  const src = join(root, 'src');
  const common = /** @type {const} */ ({ outdir: to, minify: production, legalComments: 'none' });
  /** @type {import('esbuild').BuildOptions} */
  const options = {
    ...common,
    ...inNode,
    // Packages are bundled from their ES modules, so that unused code is dropped.
    mainFields: ['module', 'main'],
    sourcemap: production ? false : 'linked',
  };
  const pages = readdirSync(join(src, 'webview')).filter(name => /Page\.(ts|css)$/.test(name));
  const built = await Promise.all([
    bundle({
      ...options,
      entryPoints: { extension: join(src, 'main.node.ts') },
      format: 'cjs',
      outExtension: {},
      plugins: [late],
    }),
    bundle({ ...options, entryPoints: { jwtw: join(src, 'cli', 'jwtw.ts') }, plugins: [late] }),
    bundle({
      ...options,
      entryPoints: loadedLate.map(name => join(src, `${name}.ts`)),
      entryNames: '[name]',
      splitting: true,
      plugins: [sentences],
    }),
    bundle({
      ...common,
      entryPoints: pages.map(name => join(src, 'webview', name)),
      platform: 'browser',
      target: 'chrome130',
      format: 'iife',
      sourcemap: production ? false : 'inline',
    }),
  ]);
  if (!keep) await removeStale(to, built.flat());
  return built.flat();
}

/** @type {import('esbuild').BuildOptions} */
const inNode = {
  platform: 'node',
  target: 'node20',
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  external: ['vscode'],
};

/** Modules that the two entry files load on demand. */
const loadedLate = ['start.node', 'cli/run', 'cli/cliTokens'];

/** @type {import('esbuild').Plugin} */
const late = {
  name: 'late',
  setup({ onResolve }) {
    onResolve({ filter: /\.ts$/ }, ({ path, resolveDir }) => {
      const name = loadedLate.find(each => join(resolveDir, path) === join(root, 'src', `${each}.ts`));
      return name === undefined ? undefined : { path: `./${basename(name)}.mjs`, external: true };
    });
  },
};

/**
 * The sentences of the extension once more, for the command line, where no `vscode` can be imported. They use its
 * `l10n.t` alone, so here they get one that fills in the values. A text that imports more than that is not built.
 * @type {import('esbuild').Plugin}
 */
const sentences = {
  name: 'sentences',
  setup({ onResolve, onLoad }) {
    const namespace = 'sentences';
    const isText = (/** @type {string} */ file) => dirname(file) === join(root, 'src', 'vscode', 'text');
    onResolve({ filter: /\.ts$/ }, ({ path, resolveDir, importer, namespace: of }) => {
      const file = join(resolveDir, path);
      const isOurs = of === namespace || dirname(importer) === join(root, 'src', 'cli');
      return isOurs ? { path: file, ...(isText(file) && { namespace }) } : undefined;
    });
    onResolve({ filter: /^vscode$/, namespace }, () => ({ path: 'l10n', namespace }));
    onLoad({ filter: /^l10n$/, namespace }, () => ({
      contents: `export const l10n = { t: (text, ...values) => text.replace(/\\{(\\d+)\\}/g, (whole, at) => values[at] ?? whole) };`,
    }));
    onLoad({ filter: /\.ts$/, namespace }, async ({ path }) => ({
      contents: await readFile(path, 'utf8'),
      loader: 'ts',
      resolveDir: dirname(path),
    }));
  },
};

/** The kinds of tests: `unit` and `ui` run in bare Node, `host` and `vsix` inside VS Code. */
export const testKinds = /** @type {const} */ (['unit', 'ui', 'host', 'vsix']);

/**
 * Bundles `test/<kind>` to `out/test/<kind>`.
 * @param {typeof testKinds[number]} kind
 * @returns {Promise<Output[]>}
 */
export async function buildTests(kind) {
  const folder = join(root, 'test', kind);
  const outdir = join(root, 'out', 'test', kind);
  const tests = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.test.ts'));
  const outputs = await bundle({
    ...inNode,
    entryPoints: [
      ...tests.map(name => ({ in: join(folder, name), out: name.slice(0, -'.ts'.length) })),
      ...(kind === 'host' || kind === 'vsix' ? [{ in: join(root, 'test', 'host', 'index.ts'), out: 'index' }] : []),
    ],
    outdir,
    // A module that several tests import is bundled once, as in the extension.
    splitting: true,
    packages: 'external',
    sourcemap: 'linked',
  });
  await removeStale(outdir, outputs);
  return outputs;
}

/**
 * Removes the files of an earlier build. Runs after the build and file by file, so that a VS Code running on the folder
 * never finds it empty.
 * @param {string} folder
 * @param {Output[]} outputs
 */
async function removeStale(folder, outputs) {
  const kept = new Set(outputs.map(({ file }) => resolve(root, file)));
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = join(folder, name);
    if (/\.(m?js|css)(\.map)?$/.test(name) && !kept.has(file)) await rm(file, { force: true });
  }
}

/** @param {Output[]} outputs */
export function printSizes(outputs) {
  for (const { file, bytes } of outputs) {
    if (!/\.(m?js|css)$/.test(file) || dirname(file) !== 'dist') continue;
    console.log(`${(bytes / 1024).toFixed(1).padStart(8)} KB  ${file}`);
  }
}

/** `npm run build` builds once, or with `--watch` after each change. A full build takes less than a second. */
async function main() {
  const { values } = parseArgs({ options: { watch: { type: 'boolean' }, production: { type: 'boolean' } } });
  await ensureDependencies();
  const once = async () => {
    const since = performance.now();
    const { production = false, watch: keep = false } = values;
    const built = await Promise.all([buildExtension({ production, keep }), ...testKinds.map(buildTests)]);
    printSizes(built.flat());
    console.log(`Built in ${elapsed(since)}.`);
  };
  if (!values.watch) return once();
  // .vscode/tasks.json waits for these messages.
  const again = async () => {
    console.log('Building ...');
    await once().catch(error => console.log(`${error instanceof UserError ? error.message : error.stack}\nNot built.`));
  };
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  /** The build in progress. Changes in the meantime cause one more. */
  let building = again();
  for (const folder of ['src', 'test', 'scripts']) {
    watch(join(root, folder), { recursive: true }, () => {
      clearTimeout(timer);
      timer = setTimeout(() => (building = building.then(again)), 100);
    });
  }
  await building;
  console.log('Watching for changes; Ctrl-C ends.');
}

if (basename(process.argv[1] ?? '') === 'build.mjs') runScript(main);
