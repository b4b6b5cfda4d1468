import { bundleForNode } from './bundles.mjs';
import { startChild } from './child.mjs';

export const title = 'Finding tokens in text; the ratio is twice the text against the text';

/** @returns {Promise<import('./table.mjs').Row[]>} */
export async function run() {
  const { scan = '' } = await bundleForNode('scan');
  const child = startChild(scan);
  try {
    const rows = [];
    // Each is a separate request, so that each has its own timeout.
    for (const name of /** @type {string[]} */ (await child.ask('names'))) {
      /** @type {{ what: string, speed: number, growth: number }} */
      const { what, speed, growth } = await child.ask('measure', name);
      rows.push({
        what,
        unit: /** @type {const} */ ('MB/s'),
        ours: speed,
        ...{ ratio: growth, goal: 'over 100 MB/s, ratio at most 2.2', met: speed > 100 && growth <= 2.2 },
      });
    }
    return rows;
  } finally {
    await child.end();
  }
}
