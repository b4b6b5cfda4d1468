import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureDependencies } from './lib/ensure.mjs';
import { root, runScript } from './lib/project.mjs';

/** `npm run docs:mock`: writes the tables of docs/mock-issuer.md from the tables in src/mock. A test fails where they differ. */
async function main() {
  await ensureDependencies();
  const { bundle } = await import('./lib/bundle.mjs');
  const outdir = join(root, 'out', 'docs');
  await bundle({
    entryPoints: [{ in: join(root, 'test', 'docs', 'mockTables.ts'), out: 'mockTables' }],
    outExtension: { '.js': '.mjs' },
    outdir,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
  });
  const { withTables } = await import(pathToFileURL(join(outdir, 'mockTables.mjs')).href);
  const file = join(root, 'docs', 'mock-issuer.md');
  await writeFile(file, withTables(await readFile(file, 'utf8')));
  console.log('docs/mock-issuer.md is written.');
}

runScript(main);
