import { bundleForNode } from './bundles.mjs';
import { startChild } from './child.mjs';

export const title = 'Finding tokens in text; the ratio is twice the text against the text';

/** @returns {Promise<import('./table.mjs').Row[]>} */
export async function run() {
  const { scan = '' } = await bundleForNode('scan');
  const child = startChild(scan);
  try {
    /** @type {{ what: string, speed: number, growth: number }[]} */
    const figures = await child.ask('measure');
    return figures.map(({ what, speed, growth }) => ({
      what,
      unit: /** @type {const} */ ('MB/s'),
      ours: speed,
      ...(Number.isNaN(growth)
        ? {}
        : { ratio: growth, goal: 'over 100 MB/s, ratio at most 2.2', met: speed > 100 && growth <= 2.2 }),
    }));
  } finally {
    await child.end();
  }
}
