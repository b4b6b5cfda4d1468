import { resolve } from 'node:path';
import fc from 'fast-check';
import Mocha from 'mocha';
import { runTests, slowVariable } from './results.mjs';

// A fixed seed, so that a failure comes from the change and not from new random values. `npm run test:slow` uses random
// seeds.
if (!process.env[slowVariable]) fc.configureGlobal({ seed: 20_261_126 });

// Runs the built tests of a folder in this process, or those whose file names match a regular expression:
// node --enable-source-maps scripts/lib/mocha-node.mjs FOLDER MILLISECONDS [FILES]
const [folder = '', milliseconds, files = ''] = process.argv.slice(2);
const timeout = Number(milliseconds);
const { failed } = await runTests(Mocha, resolve(folder), { timeout, slow: timeout / 10 }, new RegExp(files));
// Exits without waiting for the event loop to drain: a test that leaves a socket open must not block the run.
process.exit(failed > 0 ? 1 : 0);
