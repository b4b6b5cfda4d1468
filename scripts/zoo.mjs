import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureDependencies } from './lib/ensure.mjs';
import { root, runScript } from './lib/project.mjs';

/**
 * `npm run zoo` prints what jose, jsonwebtoken and jwt-decode make of the sample of each variety of tokens. `npm run
 * zoo -- --write` writes docs/tokens.md from the same table. A test fails if the file is out of date.
 */
async function main() {
  await ensureDependencies();
  const { bundle } = await import('./lib/bundle.mjs');
  const outdir = join(root, 'out', 'docs');
  await mkdir(outdir, { recursive: true });
  const entry = join(outdir, 'zooEntry.ts');
  const from = (/** @type {string} */ path) => JSON.stringify(join(root, path));
  await writeFile(
    entry,
    `export * from ${from('test/docs/zoo.ts')};\nexport * from ${from('test/support/withoutVscode.ts')};\n`,
  );
  await bundle({
    entryPoints: [{ in: entry, out: 'zoo' }],
    outExtension: { '.js': '.mjs' },
    outdir,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
  });
  const zoo = await import(pathToFileURL(join(outdir, 'zoo.mjs')).href);
  if (process.argv.includes('--write')) {
    const { varietyAdvice } = await zoo.withoutVscode('text/varieties', outdir);
    const file = join(root, 'docs', 'tokens.md');
    const page = zoo.tokensPage(varietyAdvice);
    if (page !== (await readFile(file, 'utf8').catch(() => ''))) await writeFile(file, page);
    console.log('docs/tokens.md is written.');
    return;
  }
  await print(zoo);
}

/** @param {any} zoo */
async function print({ varieties, sampleOf, seenHere }) {
  const jose = await import('jose');
  // It has no types.
  const jsonwebtoken = createRequire(import.meta.url)('jsonwebtoken');
  const { jwtDecode } = await import('jwt-decode');
  /** @type {readonly (readonly [string, (token: string) => unknown])[]} */
  const rivals = [
    ['jose', token => jose.decodeJwt(token)],
    ['jsonwebtoken', token => jsonwebtoken.decode(token)],
    ['jwt-decode', token => jwtDecode(token)],
  ];
  const rows = varieties.map((/** @type {{ name: string }} */ variety) => {
    const sample = sampleOf(variety);
    const theirs = rivals.map(([, read]) => {
      try {
        const value = read(sample);
        return value === null ? 'null' : typeof value === 'object' ? 'claims' : typeof value;
      } catch (error) {
        return `error: ${error instanceof Error ? error.message.slice(0, 24) : error}`;
      }
    });
    return [variety.name, seenHere(sample), ...theirs];
  });
  const head = ['variety', 'here', ...rivals.map(([name]) => name)];
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map(row => row[column].length)));
  for (const row of [head, ...rows]) {
    console.log(
      row
        .map((/** @type {string} */ cell, /** @type {number} */ at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}

runScript(main);
