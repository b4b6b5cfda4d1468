import { readdirSync, readFileSync, statSync } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { buildExtension } from './build.mjs';
import { ensureDependencies, installPinned, run } from './lib/ensure.mjs';
import { root, runScript, UserError } from './lib/project.mjs';

/** Sections of the README that only matter with the repository at hand. */
const ofRepository = ['Try it', 'Install', 'Contributing'];

/**
 * Files of the project's folder that are packed beside the bundles. The allow-list in .vscodeignore is a second check.
 */
const packed = /^(CHANGELOG\.md|LICENSE|media|schemas|syntaxes|l10n|package\.nls.*\.json|\.vscodeignore)$/;

/**
 * Prepares the extension as it is packaged: production bundles and all other files of the package.
 * @param {string} folder
 * @param {(manifest: Record<string, any>) => void} [change] of its package.json
 */
export async function stageExtension(folder, change = () => {}) {
  await mkdir(folder, { recursive: true });
  const outputs = await buildExtension({ production: true, to: join(folder, 'dist') });
  for (const name of readdirSync(root).filter(each => packed.test(each))) {
    await cp(join(root, name), join(folder, name), { recursive: true });
  }
  // Only VS Code reads them; without whitespace a schema takes a third less of the package.
  for (const part of ['schemas', 'l10n'])
    for (const name of readdirSync(join(folder, part))) {
      const file = join(folder, part, name);
      await writeFile(file, JSON.stringify(JSON.parse(readFileSync(file, 'utf8'))));
    }
  const { scripts: _, devDependencies: __, ...manifest } = JSON.parse(read('package.json'));
  change(manifest);
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(folder, 'README.md'), packagedReadme(read('README.md')));
  await writeFile(join(folder, 'THIRD_PARTY_NOTICES.txt'), notices(outputs));
  return outputs;
}

/**
 * Packs the staged files. vsce leaves the README's links as they are, so it needs no repository address.
 * @param {string} cwd
 * @param {string} packagePath
 * @param {boolean} [scan] whether vsce searches the files for secrets, which takes ten seconds
 */
export async function pack(cwd, packagePath, scan = false) {
  const vsce = join(await installPinned('scripts/vsce'), '@vscode', 'vsce', 'vsce');
  const flags = ['--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links'];
  if (!scan) flags.push('--allow-package-all-secrets');
  await run(process.execPath, [vsce, 'package', ...flags, '--out', packagePath], { cwd });
}

/**
 * Makes the production build in `out/package`; `dist` stays as it is. The tests of `ui` install it from there.
 * @returns {Promise<string>} the folder
 */
export async function prepareExtension() {
  const folder = join(root, 'out', 'package');
  await rm(folder, { recursive: true, force: true });
  const outputs = await stageExtension(folder);
  // test/vsix reads it to check that the notices have the licence of each package.
  await writeFile(join(root, 'out', 'bundles.json'), JSON.stringify(outputs));
  return folder;
}

/**
 * @param {string} packagePath of the .vsix
 * @param {boolean} [scan] see `pack`
 */
export async function packageExtension(packagePath, scan) {
  await pack(await prepareExtension(), packagePath, scan);
  console.log(`${relative('', packagePath)}: ${(statSync(packagePath).size / 1024).toFixed(1)} KB`);
}

/** @param {string} path @returns {string} */
function read(path) {
  return readFileSync(join(root, path), 'utf8');
}

/**
 * The licences of all packages that are part of a bundle.
 * @param {import('./lib/bundle.mjs').Output[]} outputs
 * @throws UserError if a package has no licence file, because it must not be packed then
 */
function notices(outputs) {
  const folders = outputs.flatMap(({ inputs }) =>
    inputs.flatMap(input => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []),
  );
  const sections = [...new Set(folders)].sort().map(folder => {
    const { name, version, license } = JSON.parse(read(join(folder, 'package.json')));
    const file = readdirSync(join(root, folder)).find(each => /^licen[cs]e(\.|$)/i.test(each));
    if (file === undefined) throw new UserError(`${name} is bundled and has no licence file.`);
    return `${name} ${version} (${license})\n\n${read(join(folder, file)).trim()}`;
  });
  return `JWT Workbench contains parts of these packages.\n\n${sections.join(`\n\n${'-'.repeat(72)}\n\n`)}\n`;
}

/**
 * The README for the extension's page in VS Code. That page cannot resolve relative addresses, so links and pictures
 * with such addresses are removed.
 * @param {string} readme
 */
function packagedReadme(readme) {
  return readme
    .split(/^(?=## )/m)
    .filter(section => !ofRepository.includes(/^## (.+)/.exec(section)?.[1] ?? ''))
    .join('')
    .replace(/^!\[[^\]]*\]\([^)]*\)\n+/gm, '')
    .replace(/\[([^\]]+)\]\((?!https:|#)[^)]*\)/g, '$1');
}

async function main() {
  await ensureDependencies();
  const { name, version } = JSON.parse(read('package.json'));
  await packageExtension(join(root, `${name}-${version}.vsix`), true);
}

if (basename(process.argv[1] ?? '') === 'package.mjs') runScript(main);
