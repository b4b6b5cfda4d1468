import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Mocha from 'mocha';
import { grepVariable, runMocha, slowVariable } from './results.mjs';

// Runs the built tests of a folder in this process:  node --enable-source-maps scripts/lib/mocha-node.mjs FOLDER [MILLISECONDS [FILE...]]
const folder = resolve(process.argv[2] ?? '');
const timeout = Number(process.argv[3] ?? 5_000);
const files = process.argv.slice(4);
const grep = process.env[grepVariable];
const mocha = new Mocha({ ui: 'bdd', timeout, slow: timeout / 10, ...(grep ? { grep } : {}) });
for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
  if (files.length > 0 && !files.includes(join(folder, name))) continue;
  if (name.endsWith('.slow.test.mjs') && !process.env[slowVariable]) continue;
  if (name.endsWith('.test.mjs')) mocha.addFile(join(folder, name));
}
await mocha.loadFilesAsync();
const { failed } = await runMocha(mocha);
// Not left to an empty event loop: a test that leaves a socket open should not hold everything up.
process.exit(failed > 0 ? 1 : 0);
