import { bundleForNode } from './bundles.mjs';
import { startChild } from './child.mjs';

export const title =
  'One sign-in over the browser, from the command to the tokens stored, less the time of the issuer (a mock on 127.0.0.1)';

/** Milliseconds. */
const goal = 50;

/** @param {string} temporary @returns {Promise<import('./table.mjs').Row[]>} */
export async function run(temporary) {
  const { signIn = '', ourIssuer = '' } = await bundleForNode('signIn', 'ourIssuer');
  /** @type {import('./table.mjs').Row[]} */
  const rows = [];
  for (const lock of ['in memory', 'in files']) {
    const issuer = startChild(ourIssuer);
    const client = startChild(signIn);
    try {
      const { issuer: address } = await issuer.ask('start', { alg: 'ES256' });
      const folder = lock === 'in files' ? { folder: temporary } : {};
      /** @type {{ first: number, median: number, most: number }} */
      const { first, median, most } = await client.ask('measure', { issuer: address, ...folder, rounds: 40 });
      const row = (/** @type {string} */ what, /** @type {number} */ ours) => {
        rows.push({
          what: `${what}, lock ${lock}`,
          unit: 'ms',
          ours,
          goal: `under ${goal} ms`,
          met: ours < goal,
        });
      };
      row('median of 40', median);
      row('slowest of 20', most);
      row('first of a process', first);
    } finally {
      await Promise.all([client.end(), issuer.end()]);
    }
  }
  return rows;
}
