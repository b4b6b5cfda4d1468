import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plan } from '../../../src/core/refresh/autoRefresh.ts';
import type * as Plans from '../../../src/vscode/text/history.ts';
import type * as Clocks from '../../../src/vscode/text/time.ts';
import type * as Times from '../../../src/vscode/text/time.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

const now = Date.UTC(2026, 0, 1);
const minute = 60_000;

describe('what a row and the status bar say comes next', () => {
  let planText: typeof Plans.planText;
  let skewText: typeof Clocks.skewText;
  let times: typeof Times;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plans-'));
    ({ planText } = await withoutVscode<typeof Plans>('text/history', folder));
    times = await withoutVscode<typeof Times>('text/time', folder);
    ({ skewText } = await withoutVscode<typeof Clocks>('text/time', folder));
  });
  after(() => rm(folder, { recursive: true }));

  for (const [plan, text] of [
    [{ at: now + 48 * minute, because: 'ending' }, 'next refresh in 48 min'],
    [{ at: now, because: 'ending' }, 'next refresh now'],
    [{ at: now + 12_000, because: 'short_lived' }, 'next refresh in 12 s: new tokens expire at once'],
    [{ at: now + 30_000, because: 'offline' }, 'next retry in 30 s: offline'],
    [{ at: now + 30_000, because: 'unreachable' }, 'next retry in 30 s: issuer not reached'],
    [{ at: now + 30_000, because: 'backing_off' }, 'next retry in 30 s'],
    [{ at: now + 10 * minute, because: 'waiting_for_issuer' }, 'next retry in 10 min, as the issuer asked'],
    [{ never: 'sign_in' }, 'refresh paused until you sign in'],
    [{ never: 'answer_missing' }, 'refresh paused: the refresh token may be used up'],
    [{ never: 'off' }, 'refresh only on request (autoRefresh is off)'],
  ] satisfies [Plan, string][]) {
    it(text, () => assert.equal(planText(plan, now), text));
  }

  it('and lengths of time, to the nearest minute or day, with the moment at which each reads differently', () => {
    const [second, hour, day] = [1000, 60 * minute, 24 * 60 * minute];
    for (const [length, text] of [
      [59_999, '59 s'],
      [minute, '1 min'],
      [5 * minute - 1500, '5 min'],
      [hour - second, '1 h'],
      [3 * hour + 20 * minute - second, '3 h 20 min'],
      [90 * day - second, '3 months'],
      [14 * day - second, '14 days'],
    ] as const)
      assert.equal(times.durationText(length), text);
    for (const [length, text] of [
      [59_999, '< 60 s'],
      [50_000, '< 60 s'],
      [49_999, '< 50 s'],
      [0, '< 10 s'],
      [minute, '1 min'],
    ] as const)
      assert.equal(times.durationText(length, times.calmStep), text);
    assert.equal(times.relativeText(now - 10, now, times.calmStep), '< 10 s ago');
    assert.equal(times.relativeText(now - 10, now, times.calmStep, true), 'under 10 s ago');
    assert.equal(times.durationText(49_999, times.calmStep, true), 'under 50 s');
    for (const step of [second, times.calmStep])
      for (let length = 12_345; length < 4 * day; length = Math.ceil(length * 1.07)) {
        const textOf = (ms: number) => times.durationText(ms, step);
        const shown = textOf(length);
        const down = times.nextChange(now + length, now, step);
        assert.equal(textOf(length - down + 25), shown, `${length} is told too late`);
        assert.notEqual(textOf(length - down), shown, `${length} counting down`);
        const up = times.nextChange(now - length, now, step);
        assert.equal(textOf(length + up - 25), shown, `${length} is told too late`);
        assert.notEqual(textOf(length + up), shown, `${length} counting up`);
      }
  });

  it('and how far the clocks are apart', () => {
    assert.equal(skewText(93_000), "The clock of this computer is 93 s ahead of the issuer's.");
    assert.equal(skewText(-93_000), "The clock of this computer is 93 s behind the issuer's.");
  });
});
