import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../../../scripts/lib/project.mjs';
import { type FaultType, faultTypes } from '../../../src/mock/faults.ts';
import { runDiskTable } from '../../faults/disk.ts';
import { type Cell, runMatrix } from '../../faults/matrix.ts';
import { document } from '../../faults/table.ts';

describe('every fault times every rotation', () => {
  const done = new Map<string, Promise<Cell[]>>();
  const cellsOf = (type: FaultType) => {
    const cells = done.get(type) ?? runMatrix([type]);
    done.set(type, cells);
    return cells;
  };

  for (const type of faultTypes) it(type, () => cellsOf(type));

  it('is what docs/faults.md says; `npm run faults -- --write` writes it anew', async function () {
    this.timeout(240_000);
    const cells = await Promise.all(faultTypes.map(cellsOf));
    const disk = await runDiskTable();
    assert.equal(await readFile(join(root, 'docs', 'faults.md'), 'utf8'), document(cells.flat(), disk));
  });
});
