import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scenarios } from '../../../src/mock/torture/scenarios.ts';
import type { Result, Verdict } from '../../../src/mock/torture/torture.ts';
import type * as Reports from '../../../src/vscode/torture/report.ts';
import { withoutVscode } from '../../support/withoutVscode.ts';

describe('the report of a client test', function () {
  this.timeout(60_000);
  let folder: string;
  let reports: typeof Reports;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'torture-page-'));
    reports = await withoutVscode<typeof Reports>('torture/report', folder);
  });
  after(() => rm(folder, { recursive: true }));

  const chosen = scenarios.slice(0, 4);
  const played = (...verdicts: readonly Verdict[]): Result[] =>
    verdicts.flatMap((verdict, index) => {
      const { run: _, ...row } = chosen[index] ?? {};
      return {
        ...(row as (typeof chosen)[number]),
        verdict,
        milliseconds: 5,
        ...(verdict === 'fail' && { detail: '<b>' }),
      };
    });
  const model = (results: readonly Result[], running = false, cancelled = false) =>
    reports.tortureModel({
      start: 'http://127.0.0.1:1/x',
      issuer: 'http://127.0.0.1:2',
      chosen,
      results,
      running,
      cancelled,
    });

  it('has a sign and a word for every verdict, and for scenarios still to run', () => {
    const { families, progress, verdict } = model(played('fail', 'hung', 'not judged'), true);
    const cells = families.flatMap(family => family.cells);
    assert.deepEqual(
      cells.map(({ mood, status }) => `${mood} ${status}`),
      ['failed fail', 'failed hung', 'skipped not judged', 'info waiting'],
    );
    assert.deepEqual(progress, { done: 3, count: 4 });
    assert.deepEqual([verdict.mood, verdict.detail], ['info', '1 fail, 1 hung, 1 not judged']);
    assert.equal(cells[0]?.seen, '<b>, 5 ms');
  });

  it('says in the user’s language what was seen, and an error as its message stands', () => {
    const [first] = played('fail');
    assert.ok(first);
    const seen = (result: Partial<Result>) => model([{ ...first, ...result }]).families[0]?.cells[0]?.seen;
    const observed = { text: 'the session ended at refresh {0}', values: [2] } as const;
    // VS Code translates the text with its placeholders, which the English detail has no longer.
    assert.equal(seen({ detail: 'English', observed }), 'the session ended at refresh 2, 5 ms');
    assert.equal(seen({ detail: 'socket hang\u202e up' }), 'socket hang\\u{202e} up, 5 ms');
  });

  it('calls no test a success that failed, was cut short or looked at nothing', () => {
    const moods = (...verdicts: readonly Verdict[]) => model(played(...verdicts)).verdict.mood;
    assert.equal(moods('pass', 'pass', 'pass', 'pass'), 'passed');
    assert.equal(moods('pass', 'hung', 'pass', 'pass'), 'failed');
    const text = (...verdicts: readonly Verdict[]) => model(played(...verdicts)).verdict.text;
    assert.equal(text('pass', 'hung'), 'The client did not respond in time', 'it may do what it must, only later');
    assert.equal(text('fail', 'hung'), 'The client violates requirements');
    assert.equal(moods('pass', 'warning', 'pass', 'pass'), 'warning');
    assert.equal(moods('not exercised', 'not exercised'), 'skipped');
    assert.equal(moods('pass', 'not judged', 'warning'), 'warning');
    assert.equal(text('pass', 'not judged', 'warning'), 'This computer was too busy to judge every scenario');
    assert.equal(text('not judged', 'hung'), 'The client did not respond in time');
    assert.equal(moods(), 'skipped');
    const cut = model(played('pass'), false, true);
    assert.equal(cut.verdict.mood, 'skipped');
    assert.deepEqual(
      cut.actions.map(({ id }) => id),
      ['again'],
    );
  });

  it('leads to the RFCs and specifications that a section names, and nowhere else', () => {
    const of = (section: string) => reports.linksOf(section).map(({ url }) => url);
    assert.deepEqual(of('RFC 9700 section 4.14.2: reuse ends the session'), [
      'https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2',
    ]);
    assert.deepEqual(of('OpenID Connect Core 1.0 section 3.1.3.7 no. 6 permits it'), [
      'https://openid.net/specs/openid-connect-core-1_0.html',
    ]);
    assert.deepEqual(of('see https://evil.example/RFC 1'), []);
    for (const { id, section } of scenarios)
      assert.ok(of(section).length > 0 || !/RFC \d|OpenID|Model Context/.test(section), `${id}: ${section}`);
  });
});
