import { createRequire } from 'node:module';
import { importTest } from './lib/bundle.mjs';
import { ensureDependencies } from './lib/ensure.mjs';
import { runScript } from './lib/project.mjs';

/** `npm run zoo` prints what jose, jsonwebtoken and jwt-decode make of the sample of each variety of tokens. */
async function main() {
  await ensureDependencies();
  /** @type {typeof import('../test/docs/zoo.ts')} */
  const { varieties, sampleOf, seenHere } = await importTest('docs', 'docs/zoo');
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
  const rows = varieties.map(variety => {
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
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map(row => row[column]?.length ?? 0)));
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
