import assert from 'node:assert/strict';
import fc from 'fast-check';
import { layoutTimeline, type Moment, type TimelineTexts, timelineSvg } from '../../../../src/core/view/timeline.ts';

const minute = 60_000;
const life: readonly Moment[] = [
  { id: 'auth_time', at: -60 * minute },
  { id: 'iat', at: 0 },
  { id: 'nbf', at: 0 },
  { id: 'exp', at: 10 * minute },
];
const texts: TimelineTexts = {
  title: 'A <title>',
  now: 'now',
  name: id => id,
  lines: at => [`${at / minute} min`],
  length: ms => `${ms / minute} min long`,
};
const layout = (moments: readonly Moment[], now: number) => {
  const timeline = layoutTimeline(moments, now);
  assert.ok(timeline);
  return timeline;
};

describe('the timeline', () => {
  it('puts moments in their order, those of one time together, and now between them', () => {
    const { marks, now, valid, gaps } = layout(life, 5 * minute);
    assert.deepEqual(
      marks.map(({ ids }) => ids),
      [['auth_time'], ['iat', 'nbf'], ['exp']],
    );
    const [, begin = 0, end = 0] = marks.map(({ x }) => x);
    assert.equal(now, (begin + end) / 2);
    assert.deepEqual(valid, { from: begin, to: end });
    assert.deepEqual(
      gaps.map(({ length }) => length),
      [60 * minute, 10 * minute],
    );
  });

  it('moves now to the right as time goes by, and past the end', () => {
    const places = [-90, -30, 0, 1, 5, 10, 11, 1000].map(at => layout(life, at * minute).now);
    assert.deepEqual(
      places.slice(1, 6).toSorted((a, b) => a - b),
      places.slice(1, 6),
    );
    const late = layout(life, 1000 * minute);
    assert.ok(late.now > (late.marks.at(-1)?.x ?? 100));
    const early = layout(life, -90 * minute);
    assert.ok(early.now < (early.marks[0]?.x ?? 0));
  });

  it('has room for every label, whatever the times', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 4e12 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 0, max: 4e12 }),
        (times, now) => {
          const { marks, now: place } = layout(
            times.map((at, index) => ({ id: `m${index}`, at })),
            now,
          );
          for (const [index, { x }] of marks.entries()) {
            assert.ok(x >= 9 - 1e-9 && x <= 91 + 1e-9, `${x}`);
            const before = marks[index - 1];
            if (before) assert.ok(x - before.x > 7.4, `${x - before.x}`);
          }
          assert.ok(place >= 9 - 1e-9 && place <= 91 + 1e-9);
        },
      ),
    );
  });

  it('is nothing without moments, and works with one', () => {
    assert.equal(layoutTimeline([], 0), undefined);
    assert.equal(layout([{ id: 'iat', at: 5 }], 5).valid.to, 100);
  });

  it('is drawn as plain SVG: no style, no script, every text escaped', () => {
    const svg = timelineSvg(layout(life, 5 * minute), { ...texts, name: id => `<b>${id}` });
    assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" .*role="img" aria-label="A &#60;title&#62;">/);
    assert.match(svg, /<circle cx="[\d.]+%" cy="52" r="5" class="mark iat nbf"\/>/);
    assert.match(svg, /&#60;b&#62;iat, &#60;b&#62;nbf/);
    assert.match(svg, />60 min long</);
    assert.doesNotMatch(svg, /style=|<script|<b>|NaN|undefined/);
  });
});
