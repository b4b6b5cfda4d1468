import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { slowVariable } from '../../../../scripts/lib/results.mjs';
import type { Rotation } from '../../../../src/mock/families.ts';
import type { Seen } from './refreshHistories.ts';
import type { Share, ShareResult } from './refreshHistoriesWorker.ts';

const rotations: readonly Rotation[] = ['none', 'omit', 'strict', 'grace'];

/** More histories in `npm run test:slow`, where they take a minute, and in runs with a chosen seed. */
const thorough = Boolean(process.env[slowVariable] || process.env.JWT_WORKBENCH_HISTORY);

/** Number of histories per rotation, divided into shares. */
const runs = thorough ? 2600 : 80;
const shares = thorough ? 2 : 1;

/** Threads. A thread takes longer to load and to compile than a share of few histories does to run. */
const laneCount = thorough ? Math.min(4, availableParallelism()) : 1;

/** The default seed. For random ones, set `JWT_WORKBENCH_HISTORY=random`. */
const usualSeed = 20_190_406;

/** `random`, or what a failure printed: rotation, seed and path of one history. */
const wanted = process.env.JWT_WORKBENCH_HISTORY;

function sharesToRun(): Share[] {
  const [rotation, seed, path] = wanted?.split(',') ?? [];
  const known = rotations.find(each => each === rotation);
  if (known) return [{ rotation: known, seed: Number(seed), runs: 1, ...(path && { path }) }];
  const first = wanted === 'random' ? Math.floor(Math.random() * 2 ** 30) : usualSeed;
  return rotations.flatMap((rotation, index) =>
    Array.from({ length: shares }, (_, share) => ({
      rotation,
      seed: first + index * shares + share,
      runs: runs / shares,
    })),
  );
}

/** Events that must occur in ten thousand histories, because otherwise they were not tested. */
const variety = [
  'refreshed',
  'adopted',
  'signed out',
  'retryable cancelled',
  'retryable waiting_for_issuer',
  'retryable oauth_error invalid_client',
  'retryable oauth_error slow_down',
  'retryable response_invalid',
  'retryable redirect_refused',
  'retryable lock_lost',
  'unknown network_failed',
  'unknown http_error',
  'unknown response_invalid',
  'unknown answer_missing',
  'reauthRequired oauth_error invalid_grant',
  'reauthRequired answer_lost',
  'reauthRequired no_refresh_token',
  'reauthRequired refresh_token_refused',
  'retryable secret_unavailable',
  'a store that was not on disk',
  'ends active',
  'ends reauthRequired',
  'ends with two answers lost',
  'ends signed out',
  'retryable record_behind',
  ...['crash', 'stall', 'doze'].flatMap(how =>
    ['get', 'store', 'stored', 'readLedger', 'writeLedger', 'renew', 'post', 'answer', 'handOver', 'journal'].map(
      call => `${how} at ${call}`,
    ),
  ),
];

describe('random histories of two windows and an issuer', function () {
  this.timeout(240_000);
  let script = '';
  before(async () => {
    script = join(await mkdtemp(resolve('out', 'histories-')), 'worker.mjs');
    await build({
      entryPoints: [resolve('test', 'unit', 'core', 'refresh', 'refreshHistoriesWorker.ts')],
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: script,
      packages: 'external',
    });
  });
  after(() => rm(resolve(script, '..'), { recursive: true, force: true }));

  async function run(shares: readonly Share[]): Promise<ShareResult[]> {
    if (shares.length === 0) return [];
    return new Promise((resolve, reject) => {
      const results: ShareResult[] = [];
      const worker = new Worker(script, { workerData: shares });
      worker.on('message', (result: ShareResult) => {
        results.push(result);
        if (results.length === shares.length) resolve(results);
      });
      worker.once('error', reject);
      worker.once('exit', () =>
        reject(new Error(`a history came to no end: ${JSON.stringify(shares[results.length])}`)),
      );
    });
  }

  it('no token is sent twice except for one retry, none is lost, only the winner writes, and all end well', async () => {
    const all = sharesToRun();
    const lanes = Array.from({ length: laneCount }, (_, lane) => all.filter((_, at) => at % laneCount === lane));
    const results = (await Promise.all(lanes.map(run))).flat();
    const failures = results.flatMap(({ failure }) => failure ?? []);
    assert.ok(failures.length === 0, failures.join('\n\n'));
    const count = results.reduce((sum, each) => sum + each.runs, 0);
    if (!thorough || (wanted && wanted !== 'random')) return;
    assert.ok(count >= 10_000, `${count} histories`);
    const seen: Seen = {};
    for (const each of results)
      for (const [what, times] of Object.entries(each.seen)) seen[what] = (seen[what] ?? 0) + times;
    if (process.env.JWT_WORKBENCH_HISTORY_COUNTS) console.log(seen);
    assert.deepEqual(
      variety.filter(what => seen[what] === undefined),
      [],
      'what has never come up',
    );
  });
});
