import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle } from '../lib/bundle.mjs';
import { root } from '../lib/project.mjs';

const source = join(root, 'test', 'bench');
const output = join(root, 'out', 'bench');

/**
 * Bundles modules of test/bench that run in Node, each as an entry. They use the settings of the production build, so
 * that the figures are those of users.
 * @param {readonly string[]} names
 * @returns {Promise<Record<string, string>>} name -> file
 */
export async function bundleForNode(...names) {
  return bundled(names, {
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    // Competing packages run as installed.
    external: ['vscode', 'oauth2-mock-server', 'oidc-provider', 'esbuild'],
  });
}

/**
 * As bundleForNode, for modules that VS Code's extension host loads.
 * @param {readonly string[]} names
 */
export async function bundleForHost(...names) {
  return bundled(names, { format: 'cjs', external: ['vscode'] });
}

/**
 * @param {readonly string[]} names
 * @param {import('esbuild').BuildOptions} options
 */
async function bundled(names, options) {
  await bundle({
    ...options,
    entryPoints: names.map(name => ({ in: join(source, `${name}.ts`), out: name })),
    outdir: output,
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    minify: true,
    legalComments: 'none',
  });
  const extension = options.format === 'esm' ? 'mjs' : 'js';
  return Object.fromEntries(names.map(name => [name, join(output, `${name}.${extension}`)]));
}

/**
 * @param {string} folder
 * @param {(manifest: Record<string, any>) => void} [change]
 */
export async function stageEmptyExtension(folder, change = () => {}) {
  const fixture = join(root, 'test', 'fixtures', 'empty-extension');
  await cp(fixture, folder, { recursive: true });
  const manifest = JSON.parse(await readFile(join(fixture, 'package.json'), 'utf8'));
  change(manifest);
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest, null, 2));
}
