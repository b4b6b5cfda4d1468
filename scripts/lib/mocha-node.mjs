import { resolve } from 'node:path';
import Mocha from 'mocha';
import { runTests } from './results.mjs';

// Runs the built tests of a folder in this process:  node --enable-source-maps scripts/lib/mocha-node.mjs FOLDER MILLISECONDS
const [folder = '', milliseconds] = process.argv.slice(2);
const timeout = Number(milliseconds);
const { failed } = await runTests(Mocha, resolve(folder), { timeout, slow: timeout / 10 });
// Not left to an empty event loop: a test that leaves a socket open should not hold everything up.
process.exit(failed > 0 ? 1 : 0);
