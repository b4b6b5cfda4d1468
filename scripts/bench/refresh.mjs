import { bundleForNode } from './bundles.mjs';
import { startChild } from './child.mjs';

export const title =
  'One refresh end to end (lock, vault, request, checks), against bare oauth4webapi, to the same mock issuer on 127.0.0.1';

const unit = /** @type {const} */ ('ms');

/**
 * The faster the issuer responds, the larger the client's share of the time. ES256 signs ten times as fast as RS256.
 */
const algorithms = ['RS256', 'ES256'];
/** @type {readonly { lock: string, algs: string[], away?: number }[]} */
const cases = [
  { lock: 'in memory', algs: algorithms },
  { lock: 'in files', algs: algorithms },
  // Milliseconds. Loopback responds faster than any issuer on another machine.
  { lock: 'in files', algs: ['RS256'], away: 20 },
];

/** @param {string} temporary @returns {Promise<import('./table.mjs').Row[]>} */
export async function run(temporary) {
  const { refresh = '', ourIssuer = '' } = await bundleForNode('refresh', 'ourIssuer');
  const rows = [];
  for (const { lock, algs, away } of cases) {
    const folder = lock === 'in files' ? { folder: temporary } : {};
    for (const alg of algs) {
      const issuer = startChild(ourIssuer);
      const client = startChild(refresh);
      try {
        const started = await issuer.ask('start', { alg, away });
        const scope = 'openid profile offline_access';
        const tokens = [await issuer.ask('signIn', scope), await issuer.ask('signIn', scope)];
        /** @type {import('./measure.mjs').Comparison} */
        const comparison = await client.ask('measure', { ...started, ...folder, tokens });
        const goal = { goal: 'at most 1.3', met: comparison.ratio <= 1.3 };
        const what = `${alg} tokens, lock ${lock}${away ? `, issuer ${away} ms away` : ''}`;
        rows.push({ what, unit, ...comparison, ...goal });
        if (lock === 'in memory' || away) continue;
        rows.push(onTop(comparison));
        if (alg === 'ES256') {
          const asked = { ...started, ...folder, tokens: [await issuer.ask('signIn', scope)] };
          rows.push(...callers(await client.ask('callers', asked)));
        }
      } finally {
        await Promise.all([client.end(), issuer.end()]);
      }
    }
  }
  return rows;
}

/** The cost of lock, ledger, intent mark and journal. @param {import('./measure.mjs').Comparison} figures */
function onTop({ ours, rival }) {
  const difference = ours - rival;
  const what = '  lock, ledger, intent mark, journal and vault on top';
  return { what, unit, ours: difference, goal: 'under 5 ms', met: difference < 5 };
}

/** @param {{ requests: number, median: number, slowest: number }} figures @returns {import('./table.mjs').Row[]} */
function callers({ requests, median, slowest }) {
  const goal = 'one request, the last within 1 ms of the first';
  const what = `100 callers for one token, ${requests} request each time: first to last answer`;
  return [
    { what, unit, ours: median, goal, met: requests === 1 && median < 1 },
    { what: '  slowest of 30', unit, ours: slowest },
  ];
}
