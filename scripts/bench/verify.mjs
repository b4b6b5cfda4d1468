import { bundleForNode } from './bundles.mjs';
import { startChild } from './child.mjs';

export const title = 'Decode and verify a token, against bare jose (jwtVerify with the imported key)';

/** @returns {Promise<import('./table.mjs').Row[]>} */
export async function run() {
  const { verify = '' } = await bundleForNode('verify');
  const rows = [];
  for (const alg of ['RS256', 'ES256']) {
    const child = startChild(verify);
    try {
      /** @type {import('./measure.mjs').Comparison} */
      const comparison = await child.ask('measure', alg);
      const goal = { goal: 'at most 1.25', met: comparison.ratio <= 1.25 };
      rows.push({ what: alg, unit: /** @type {const} */ ('ms'), ...comparison, ...goal });
    } finally {
      await child.end();
    }
  }
  return rows;
}
