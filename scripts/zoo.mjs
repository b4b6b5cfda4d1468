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
    const theirs = rivals.map(([name, read]) => {
      try {
        const value = read(sample);
        return [name, value === null ? 'null' : typeof value === 'object' ? 'claims' : typeof value];
      } catch (error) {
        return [name, `error: ${error instanceof Error ? error.message.slice(0, 24) : error}`];
      }
    });
    return [variety.name, { here: seenHere(sample), ...Object.fromEntries(theirs) }];
  });
  console.table(Object.fromEntries(rows));
}

runScript(main);
