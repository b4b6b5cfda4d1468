import { parentPort, workerData } from 'node:worker_threads';
import fc from 'fast-check';
import type { Rotation } from '../../../../src/mock/families.ts';
import { histories, runHistory, type Seen } from './refreshHistories.ts';

/** A share of the histories. */
export interface Share {
  readonly rotation: Rotation;
  readonly seed: number;
  readonly runs: number;
  /** Path of one history that failed before; only that one is run. */
  readonly path?: string;
}

export interface ShareResult {
  readonly runs: number;
  readonly seen: Seen;
  /** Which rule was broken, how, and how to reproduce it. */
  readonly failure?: string;
}

for (const { rotation, seed, runs, path } of workerData as readonly Share[]) {
  const seen: Seen = {};
  const details = await fc.check(
    fc.asyncProperty(histories, fc.scheduler(), (steps, scheduler) => runHistory(rotation, steps, scheduler, seen)),
    { numRuns: runs, seed, ...(path !== undefined && { path }), endOnFailure: path !== undefined },
  );
  const failure = details.failed
    ? `${String(details.errorInstance)}\nafter ${JSON.stringify(details.counterexample?.[0])}\n` +
      `${String(details.counterexample?.[1])}\nAgain: JWT_WORKBENCH_HISTORY=${rotation},${details.seed},${details.counterexamplePath} ` +
      "npm test -- unit --grep 'random histories'"
    : undefined;
  parentPort?.postMessage({ runs: details.numRuns, seen, ...(failure && { failure }) } satisfies ShareResult);
}
