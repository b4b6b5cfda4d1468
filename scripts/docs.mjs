import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { importTest } from './lib/bundle.mjs';
import { ensureDependencies } from './lib/ensure.mjs';
import { root, runScript } from './lib/project.mjs';

/**
 * `npm run docs` writes the files and tables that are generated from declarations in src. A test fails if they are out
 * of date.
 */
async function main() {
  await ensureDependencies();
  const { madeFiles } = await importTest('docs', 'docs/made');
  /** @param {string} file */
  const read = file => readFile(join(root, file), 'utf8').catch(() => '');
  for (const [file, make] of Object.entries(await madeFiles())) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), make(await read(file)));
    console.log(`${file} is written.`);
  }
}

runScript(main);
