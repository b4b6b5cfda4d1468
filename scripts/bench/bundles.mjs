import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildExtension } from '../build.mjs';
import { bundle } from '../lib/bundle.mjs';
import { root } from '../lib/project.mjs';

const source = join(root, 'test', 'bench');
const output = join(root, 'out', 'bench');

/**
 * The modules of test/bench that run in Node, each an entry. They are bundled with the settings of the production
 * build: what that costs users pay.
 * @param {readonly string[]} names
 * @returns {Promise<Record<string, string>>} name -> file
 */
export async function bundleForNode(...names) {
  return bundled(names, {
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    // The rivals run as they are installed.
    external: ['vscode', 'oauth2-mock-server', 'oidc-provider'],
  });
}

/**
 * The same for modules that VS Code's extension host loads.
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
 * The extension as it is packaged: production bundles and everything else that may go into the package.
 * @param {string} folder
 * @param {(manifest: Record<string, any>) => void} [change] of its package.json
 * @returns {Promise<import('../lib/bundle.mjs').Output[]>}
 */
export async function stageExtension(folder, change = () => {}) {
  await mkdir(folder, { recursive: true });
  const outputs = await buildExtension({ production: true, to: join(folder, 'dist') });
  const packaged = /^(README\.md|CHANGELOG\.md|LICENSE|media|l10n|package\.nls.*\.json|\.vscodeignore)$/;
  for (const name of readdirSync(root).filter(each => packaged.test(each))) {
    await cp(join(root, name), join(folder, name), { recursive: true });
  }
  await copyManifest(root, folder, change);
  return outputs;
}

/**
 * @param {string} folder
 * @param {(manifest: Record<string, any>) => void} [change]
 */
export async function stageEmptyExtension(folder, change = () => {}) {
  const fixture = join(root, 'test', 'fixtures', 'empty-extension');
  await cp(fixture, folder, { recursive: true });
  await copyManifest(fixture, folder, change);
}

/**
 * @param {string} from
 * @param {string} to
 * @param {(manifest: Record<string, any>) => void} change
 */
async function copyManifest(from, to, change) {
  if (!existsSync(to)) await mkdir(to, { recursive: true });
  const manifest = JSON.parse(await readFile(join(from, 'package.json'), 'utf8'));
  change(manifest);
  await writeFile(join(to, 'package.json'), JSON.stringify(manifest, null, 2));
}
