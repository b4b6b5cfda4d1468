import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { bundleTest, importTest } from './lib/bundle.mjs';
import { ensureDependencies } from './lib/ensure.mjs';
import { elapsed, runScript, UserError } from './lib/project.mjs';

/** Seconds. */
const lifetime = 5;

/** Limits that a run must keep, in bytes and milliseconds. */
const bounds = { growth: 3 * 1024 * 1024, p99: 100 };

/**
 * `npm run soak`, in three parts:
 *
 * - Many connections with short-lived tokens are refreshed automatically against the mock issuer, which runs in a
 * separate process on 127.0.0.1. Fails if a refresh was missed, memory grew or the event loop was blocked.
 * - Random histories of windows as processes against a strict issuer, with disk failures, stops, kills and clock
 * changes (test/histories). Fails if a token was lost or a family was revoked needlessly.
 * - How long a response is in memory only, and how often a kill in that time loses the token. This is only measured.
 *
 * `npm run soak -- --minutes 1 --connections 50 --histories 500 --seed 7 --kills 10` sets the sizes; 0 skips a part,
 * and `--lanes` is the number of simultaneous histories.
 */
async function main() {
  const since = performance.now();
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '5' },
      connections: { type: 'string', default: '200' },
      histories: { type: 'string', default: '300' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      lanes: { type: 'string', default: '2' },
      kills: { type: 'string', default: '20' },
    },
  });
  const minutes = number('minutes', values.minutes);
  const connections = Math.ceil(number('connections', values.connections));
  // Exiting runs the `exit` handlers, which end the child process and remove the folder.
  process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
  await ensureDependencies();
  let code = 0;
  if (minutes > 0) code |= await keepFresh(minutes, connections, since);
  const runs = number('histories', values.histories);
  if (runs > 0) code |= await histories(runs, number('seed', values.seed), number('lanes', values.lanes), since);
  const rounds = number('kills', values.kills);
  if (rounds > 0) await kills(rounds, since);
  return code;
}

/**
 * @param {number} rounds for each moment of a kill
 * @param {number} since
 */
async function kills(rounds, since) {
  console.log('\nThe time in which an answer is in memory only');
  const { measureKills } = await importHistories();
  const { window } = await measureKills(rounds, text => console.log(`${elapsed(since)}: ${text}`));
  const { p50, p99, refreshes } = window;
  console.log(`answer to durable record: median ${p50.toFixed(2)} ms, 99 % ${p99.toFixed(2)} ms of ${refreshes}`);
}

/**
 * @param {number} runs
 * @param {number} seed
 * @param {number} lanes
 * @param {number} since
 * @returns {Promise<number>} the exit code
 */
async function histories(runs, seed, lanes, since) {
  console.log(`\n${runs} random histories, seeds from ${seed} on, ${lanes} at a time`);
  let done = 0;
  const { runHistories } = await importHistories();
  const { seen, failures } = await runHistories({ seed, runs, lanes }, failure => {
    done++;
    if (failure) console.log(`\nseed ${failure.seed}:\n${failure.verdict.story.join('\n')}`);
    if (done % 50 === 0) console.log(`${elapsed(since)}: ${done} histories`);
  });
  const rows = Object.entries(seen).sort(([one], [other]) => one.localeCompare(other));
  for (const [what, times] of rows) console.log(`${String(times).padStart(7)}  ${what}`);
  console.log(`\n${runs} histories, ${failures.length} with something broken`);
  for (const { seed: which, verdict } of failures) console.log(`seed ${which}: ${verdict.broken.join('; ')}`);
  return failures.length > 0 ? 1 : 0;
}

/**
 * @param {number} minutes
 * @param {number} connections
 * @param {number} since
 * @returns {Promise<number>} the exit code
 */
async function keepFresh(minutes, connections, since) {
  const { startChild } = await import('./bench/child.mjs');
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'jwtw-')));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  const [client = '', issuer = ''] = await bundleTest('soak', 'soak/client', 'soak/issuer');
  const child = startChild(issuer);
  try {
    console.log(
      `${connections} connections, tokens of ${lifetime} s, ${minutes} min; cores ${cpus().length}, ` +
        `node ${process.versions.node}, load at the start ${loadavg()[0]?.toFixed(1)}`,
    );
    /** @type {typeof import('../test/soak/client.ts')} */
    const { soak } = await import(pathToFileURL(client).href);
    const result = await soak({
      issuer: await child.ask('start', { lifetime }),
      signIn: () => child.ask('signIn'),
      connections,
      folder,
      duration: minutes * 60_000,
      progress: text => console.log(`${elapsed(since)}: ${text}`),
    });
    return print(result);
  } finally {
    await child.end();
  }
}

/**
 * @param {import('../test/soak/client.ts').SoakResult} result
 * @returns {number} the exit code
 */
function print({ refreshes, failures, missed, leastLeft, heap, delay, cpu, machine }) {
  const growth = heap[2] - heap[0];
  const failed = Object.values(failures).reduce((sum, each) => sum + each, 0);
  const codes = Object.entries(failures).map(([code, times]) => `${times} ${code}`);
  const megabytes = heap.map(bytes => (bytes / 1024 / 1024).toFixed(1)).join(', ');
  const rows = /** @type {const} */ ([
    ['refreshes', String(refreshes), refreshes > 0],
    ['refreshes that failed', [failed, ...codes].join(', '), failed === 0],
    ['tokens that ended without a successor', String(missed), missed === 0],
    ['least time left when the successor came', `${leastLeft.toFixed(0)} ms`, leastLeft > 0],
    [
      'heap after collection: settled, half way, end',
      `${megabytes} MB; growth at most ${bounds.growth / 1024 / 1024} MB`,
      growth <= bounds.growth,
    ],
    ['event loop late by, median', `${delay.p50.toFixed(1)} ms`, true],
    ['event loop late by, 99 %', `${delay.p99.toFixed(1)} ms; at most ${bounds.p99} ms`, delay.p99 <= bounds.p99],
    ['event loop late by, most', `${delay.max.toFixed(1)} ms`, true],
    ['processor', `${cpu.toFixed(1)} % of one core`, true],
    // Not the product's: where these are high, the machine is busy, or its disk is slow.
    ['an idle thread late by, 99 %', `${machine.idleP99.toFixed(1)} ms`, true],
    ['a file made, renamed and removed there in', `${machine.file.toFixed(2)} ms`, true],
  ]);
  const width = Math.max(...rows.map(([what]) => what.length));
  console.log();
  for (const [what, found, met] of rows) console.log(`${what.padEnd(width)}  ${found}${met ? '' : '  TOO MUCH'}`);
  return rows.every(([, , met]) => met) ? 0 : 1;
}

/** @returns {Promise<typeof import('../test/histories/run.ts')>} */
function importHistories() {
  return importTest('soak', 'histories/run');
}

/**
 * @param {string} name
 * @param {string} text
 */
function number(name, text) {
  const value = Number(text);
  if (!(value >= 0)) throw new UserError(`--${name} needs a number, not ${text}.`);
  return value;
}

runScript(main);
