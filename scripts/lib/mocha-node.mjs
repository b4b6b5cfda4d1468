import { resolve } from 'node:path';
import fc from 'fast-check';
import Mocha from 'mocha';
import { runTests, slowVariable } from './results.mjs';

// The same values in each run, so that a change is judged by itself. `npm run test:slow` takes new ones.
if (!process.env[slowVariable]) fc.configureGlobal({ seed: 20_261_126 });

// Runs the built tests of a folder in this process:  node --enable-source-maps scripts/lib/mocha-node.mjs FOLDER MILLISECONDS
const [folder = '', milliseconds] = process.argv.slice(2);
const timeout = Number(milliseconds);
const { failed } = await runTests(Mocha, resolve(folder), { timeout, slow: timeout / 10 });
// Not left to an empty event loop: a test that leaves a socket open should not hold everything up.
process.exit(failed > 0 ? 1 : 0);
