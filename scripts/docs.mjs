import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureDependencies } from './lib/ensure.mjs';
import { root, runScript } from './lib/project.mjs';

/**
 * `npm run docs` writes the files and tables that are generated from declarations in src. A test fails if they are out
 * of date.
 */
async function main() {
  await ensureDependencies();
  const { bundle } = await import('./lib/bundle.mjs');
  const outdir = join(root, 'out', 'docs');
  await bundle({
    entryPoints: [{ in: join(root, 'test', 'docs', 'made.ts'), out: 'made' }],
    outExtension: { '.js': '.mjs' },
    outdir,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
  });
  const { madeFiles } = await import(pathToFileURL(join(outdir, 'made.mjs')).href);
  /** @param {string} file */
  const read = file => readFile(join(root, file), 'utf8').catch(() => '');
  for (const [file, make] of Object.entries(await madeFiles())) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), make(await read(file)));
    console.log(`${file} is written.`);
  }
}

runScript(main);
