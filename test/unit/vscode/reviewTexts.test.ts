import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reviewTable } from '../../../src/core/checks/review.ts';
import type * as Texts from '../../../src/vscode/text/review.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

describe('the sentences of the review', function () {
  this.timeout(60_000);
  let texts: typeof Texts;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'review-'));
    texts = await withoutVscode<typeof Texts>('text/review', folder);
  });
  after(() => rm(folder, { recursive: true }));

  for (const { run, ...row } of reviewTable) {
    it(`say what ${row.id} is and what to do, in plain sentences`, () => {
      const check = run({
        header: {},
        payload: {},
        readable: true,
        signature: '',
        size: 0,
        certain: false,
        use: undefined,
        checks: [],
      });
      assert.ok(check !== true || row.id === 'unsigned');
      if (!texts.reviewSentenceIds.includes(row.id)) return;
      const text = texts.reviewText({ ...row, member: 'kid', found: 'A\u202eb', amount: 9000 });
      for (const each of [text.detail, text.advice]) {
        assert.match(each, /^["A-Z0-9].*\.$/s);
        assert.doesNotMatch(each, /undefined|(?<!u)\{\d+\}|\u202e/u);
      }
    });
  }

  it('are those of the rows: every other row has the sentence of its check', () => {
    const own = reviewTable.filter(({ run }) => !run.toString().includes('checks')).map(({ id }) => id);
    assert.deepEqual([...texts.reviewSentenceIds].sort(), own.sort());
    const check = { id: 'alg', status: 'failed', code: 'alg_none', found: 'none' } as const;
    const row = { id: 'alg_none', severity: 'error', section: '', part: 'header' } as const;
    assert.match(texts.reviewText({ ...row, check }).detail, /^Algorithm \(alg\): The algorithm is "none"/);
  });
});
