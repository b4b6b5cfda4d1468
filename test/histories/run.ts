export { measureKills } from './kills.ts';

import { rm } from 'node:fs/promises';
import { runHistory, type Verdict } from './history.ts';
import { planHistory } from './plan.ts';
import { buildScripts, type Rig, startRig } from './world.ts';

export interface Failure {
  readonly seed: number;
  readonly verdict: Verdict;
}

export interface HistoriesResult {
  readonly runs: number;
  readonly seen: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
}

/**
 * Runs the histories of the seeds from `seed` on, several at a time.
 * @param shared a rig whose windows are used, and more left to it
 */
export async function runHistories(
  { seed, runs, lanes = 2 }: { readonly seed: number; readonly runs: number; readonly lanes?: number },
  progress: (failure?: Failure) => void = () => {},
  shared?: Rig,
): Promise<HistoriesResult> {
  const scripts = shared?.scripts ?? (await buildScripts());
  const seen: Record<string, number> = {};
  const failures: Failure[] = [];
  let next = 0;
  const lane = async () => {
    const rig = await startRig(scripts, shared?.idle);
    try {
      while (next < runs) {
        const mine = seed + next++;
        const verdict = await runHistory(rig, planHistory(mine));
        for (const [what, times] of Object.entries(verdict.seen)) seen[what] = (seen[what] ?? 0) + times;
        const failure = verdict.broken.length > 0 ? { seed: mine, verdict } : undefined;
        if (failure) failures.push(failure);
        progress(failure);
      }
    } finally {
      await rig.close();
    }
  };
  try {
    await Promise.all(Array.from({ length: lanes }, lane));
  } finally {
    if (shared === undefined) await rm(scripts.folder, { recursive: true, force: true });
  }
  return { runs, seen, failures };
}
