import { readFileSync, statSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { buildExtension, printSizes } from './build.mjs';
import { ensureDependencies } from './lib/ensure.mjs';
import { packagedReadme } from './lib/packagedReadme.mjs';
import { root, runScript } from './lib/project.mjs';

/**
 * Makes the production build and packs it. What goes in is the allow-list in .vscodeignore.
 * @param {{ to?: string }} [options] `to`: path of the .vsix, in the project's folder by default
 * @returns {Promise<string>} path of the .vsix
 */
export async function packageExtension({ to } = {}) {
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const packagePath = to ?? join(root, `${name}-${version}.vsix`);
  await mkdir(dirname(packagePath), { recursive: true });
  printSizes(await buildExtension({ production: true }));
  const readmePath = 'out/README.md';
  await mkdir(join(root, 'out'), { recursive: true });
  await writeFile(join(root, readmePath), packagedReadme(await readFile(join(root, 'README.md'), 'utf8')));
  const { createVSIX } = await import('@vscode/vsce');
  // Prints the files that it packs.
  await createVSIX({
    cwd: root,
    packagePath,
    // Everything is bundled.
    dependencies: false,
    readmePath,
    // No question is asked: links in the README are taken as they are.
    allowMissingRepository: true,
    rewriteRelativeLinks: false,
  });
  console.log(`${relative('', packagePath)}: ${(statSync(packagePath).size / 1024).toFixed(1)} KB`);
  return packagePath;
}

async function main() {
  await ensureDependencies();
  await packageExtension();
}

if (basename(process.argv[1] ?? '') === 'package.mjs') runScript(main);
