import assert from 'node:assert/strict';
import { answer } from '../../scripts/bench/child.mjs';
import { inTurns, quantile } from '../../scripts/bench/measure.mjs';
import type { Clock } from '../../src/core/ports.ts';
import { startAutoRefresh } from '../../src/core/refresh/autoRefresh.ts';
import type { Refresher } from '../../src/core/refresh/refresher.ts';
import { population } from './population.ts';

const size = 1000;

/**
 * Plans the refreshes of 1,000 connections, as after a wake-up.
 * @returns milliseconds, and the number of running timers
 */
async function measure() {
  const { sessions, clock } = population(size, 8 * 3600_000);
  let timers = 0;
  const counting: Clock = {
    ...clock,
    schedule(callback, delay) {
      timers++;
      const cancel = clock.schedule(callback, delay);
      return () => {
        timers--;
        cancel();
      };
    },
  };
  const refresh = () => assert.fail('none of them is due');
  const began = performance.now();
  const autoRefresh = startAutoRefresh({
    sessions,
    clock: counting,
    jitter: 0,
    allowed: () => true,
    refresher: { refresh } as unknown as Refresher,
  });
  const first = performance.now() - began;
  const plan = async () => {
    const since = performance.now();
    autoRefresh.reschedule();
    return performance.now() - since;
  };
  const { planned } = await inTurns({ planned: plan }, { rounds: 101, warmUp: 0 });
  const result = { first, median: quantile(planned), timers };
  autoRefresh.dispose();
  assert.equal(timers, 0);
  return result;
}

answer({ measure });
