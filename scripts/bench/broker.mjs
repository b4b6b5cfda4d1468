import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildExtension } from '../build.mjs';
import { bundleForNode } from './bundles.mjs';
import { startChild } from './child.mjs';
import { compared, inTurns } from './measure.mjs';

export const title =
  'A token for a terminal: at the socket of the broker, and the whole process of jwtw beside an empty Node';

const run1 = promisify(execFile);

/** @param {string} temporary @returns {Promise<import('./table.mjs').Row[]>} */
export async function run(temporary) {
  const { broker = '' } = await bundleForNode('broker');
  const dist = join(temporary, 'dist');
  await buildExtension({ production: true, to: dist });
  const empty = join(temporary, 'empty.mjs');
  await writeFile(empty, '');
  const child = startChild(broker);
  try {
    /** @type {{ socket: string, capability: string }} */
    const { socket, capability } = await child.ask('start');
    /** @type {{ median: number, p95: number, grown: number }} */
    const { median, p95, grown } = await child.ask('ask');
    const env = { ...process.env, JWTW_SOCKET: socket, JWTW_CAPABILITY: capability };
    /** @param {string[]} args */
    const timed = async args => {
      const since = performance.now();
      await run1(process.execPath, args, { env });
      return performance.now() - since;
    };
    const figures = await inTurns(
      { ours: () => timed([join(dist, 'jwtw.mjs'), 'token', 'demo']), rival: () => timed([empty]) },
      { rounds: 30, warmUp: 2 },
    );
    const whole = compared(figures.ours, figures.rival);
    return [
      { what: 'at the socket, 95th percentile of 1,000', unit: 'ms', ours: p95, goal: 'at most 30 ms', met: p95 <= 30 },
      { what: 'at the socket, median', unit: 'ms', ours: median },
      {
        what: 'heap grown over 900 requests',
        unit: 'KB',
        ours: grown / 1024,
        goal: 'flat: under 4,096 KB',
        met: grown < 4096 * 1024,
      },
      {
        what: 'jwtw token, whole process',
        unit: 'ms',
        ...whole,
        goal: 'at most 150 ms, and 1.3 times an empty Node',
        met: whole.ours <= 150 && whole.ratio <= 1.3,
      },
    ];
  } finally {
    await child.end();
  }
}
