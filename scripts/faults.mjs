import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { importTest } from './lib/bundle.mjs';
import { ensureDependencies } from './lib/ensure.mjs';
import { elapsed, root, runScript } from './lib/project.mjs';

/**
 * `npm run faults` prints a table of what every fault of the mock issuer does to a refresh, for every kind of rotation,
 * and what a failing disk does. `npm run faults -- --write` writes docs/faults.md. Fails if a fault has an unexpected
 * effect.
 */
async function main() {
  const since = performance.now();
  const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
  await ensureDependencies();
  /** @type {typeof import('../test/faults/run.ts')} The modules that `npm test` runs. */
  const { runMatrix, runDiskTable, plainTable, document } = await importTest('faults', 'faults/run');
  const cells = await runMatrix();
  const disk = await runDiskTable();
  console.log(plainTable(cells, disk));
  console.log(`\n${cells.length} combinations of fault and rotation in ${elapsed(since)}; all as expected.`);
  if (!values.write) return;
  await writeFile(join(root, 'docs', 'faults.md'), document(cells, disk));
  console.log('docs/faults.md is written.');
}

runScript(main);
