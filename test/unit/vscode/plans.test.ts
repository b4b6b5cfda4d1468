import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plan } from '../../../src/core/refresh/schedule.ts';
import type * as Clocks from '../../../src/vscode/text/clock.ts';
import type * as Plans from '../../../src/vscode/text/plans.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

const now = Date.UTC(2026, 0, 1);
const minute = 60_000;

describe('what a row and the status bar say comes next', () => {
  let planText: typeof Plans.planText;
  let skewText: typeof Clocks.skewText;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plans-'));
    ({ planText } = await withoutVscode<typeof Plans>('text/plans', folder));
    ({ skewText } = await withoutVscode<typeof Clocks>('text/clock', folder));
  });
  after(() => rm(folder, { recursive: true }));

  for (const [plan, text] of [
    [{ at: now + 48 * minute, because: 'ending' }, 'next refresh in 48 min'],
    [{ at: now, because: 'ending' }, 'next refresh now'],
    [{ at: now + 30_000, because: 'offline' }, 'next try in 30 s: offline'],
    [{ at: now + 30_000, because: 'unreachable' }, 'next try in 30 s: issuer not reached'],
    [{ at: now + 30_000, because: 'backing_off' }, 'next try in 30 s'],
    [{ at: now + 10 * minute, because: 'waiting_for_issuer' }, 'next try in 10 min, as the issuer asked'],
    [{ never: 'sign_in' }, 'refresh paused until you sign in'],
    [{ never: 'answer_missing' }, 'refresh paused: two responses were lost'],
    [{ never: 'off' }, 'refresh only on request (autoRefresh is off)'],
  ] satisfies [Plan, string][]) {
    it(text, () => assert.equal(planText(plan, now), text));
  }

  it('and how far the clocks are apart', () => {
    assert.equal(skewText(93_000), 'This machine is 93 s ahead of the issuer.');
    assert.equal(skewText(-93_000), 'This machine is 93 s behind the issuer.');
  });
});
