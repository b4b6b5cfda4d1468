import assert from 'node:assert/strict';
import { runHistories } from '../../histories/run.ts';
import { sharedRig } from '../../histories/useWorld.ts';

/** Chosen for the events that occur in them. `npm run soak` runs as many others as you like. */
const seeds = { seed: 100, runs: 14 };

/** `JWT_WORKBENCH_HISTORY=seed` runs only that one and prints its story. */
const again = Number(process.env.JWT_WORKBENCH_HISTORY);

describe('random histories of windows as processes', function () {
  this.timeout(240_000);

  it('lose no token and revoke no family but by a kill before the answer was durable', async () => {
    const { seen, failures } = await runHistories(
      again ? { seed: again, runs: 1 } : seeds,
      undefined,
      await sharedRig(),
    );
    const told = failures.map(
      ({ seed, verdict: { broken, story } }) =>
        `seed ${seed}: ${broken.join('; ')}\n${story.join('\n')}\n` +
        `Again: JWT_WORKBENCH_HISTORY=${seed} npm test -- unit --grep 'random histories of windows'`,
    );
    assert.equal(told.join('\n\n'), '');
    if (again) return;
    for (const what of ['stop', 'kill', 'faults', 'diskFull', 'storeFails', 'signOut', 'shift', 'restart', 'answer']) {
      assert.ok(seen[`step ${what}`], `${what} never came up`);
    }
    assert.ok((seen['refresh refreshed'] ?? 0) > 50);
    assert.ok(seen['refresh retryable lock_unavailable']);
  });
});
