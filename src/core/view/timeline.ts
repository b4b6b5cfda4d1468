/** The lifetime of a token as a picture. Pure: it turns moments into SVG text, which tests can read. */

export interface Moment {
  /** The name of a claim, or `refresh` for the expiry of the refresh token. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

interface Mark {
  /** All moments at this time. */
  readonly ids: readonly string[];
  readonly at: number;
  /** Percent of the width. */
  readonly x: number;
}

export interface Timeline {
  readonly marks: readonly Mark[];
  /** The position of the current time, in percent of the width. */
  readonly now: number;
  /** The range in which the token is valid, in percent of the width. Without an `exp`, `to` is the right edge. */
  readonly valid: { readonly from: number; readonly to: number };
  /** For each pair of neighbouring marks: the middle, and the time between them in milliseconds. */
  readonly gaps: readonly { readonly x: number; readonly length: number }[];
}

const margin = 9;

/**
 * Places moments from left to right. The width of a gap grows slowly with its length, so that seconds beside days stay
 * visible and each label has room. The current time moves evenly within its gap.
 */
export function layoutTimeline(moments: readonly Moment[], now: number): Timeline | undefined {
  const times = [...new Set(moments.map(({ at }) => at))].toSorted((a, b) => a - b);
  const [first] = times;
  const last = times.at(-1);
  if (first === undefined || last === undefined) return undefined;
  // Before the first and after the last moment, the current time has its own place.
  const stops = [...(now < first ? [now] : []), ...times, ...(now > last ? [now] : [])];
  if (stops.length === 1) stops.push(first + 1);
  const shares = stops.slice(1).map((stop, index) => Math.max(1, stop - (stops[index] ?? stop)) ** 0.25);
  const total = shares.reduce((sum, share) => sum + share, 0);
  const even = 1 / shares.length;
  const width = 100 - 2 * margin;
  const places: number[] = [margin];
  for (const share of shares) {
    places.push((places.at(-1) ?? margin) + width * (0.55 * even + (0.45 * share) / total));
  }
  const xOf = (time: number) => {
    const after = stops.findIndex(stop => stop >= time);
    if (after <= 0) return places[0] ?? margin;
    const [from = 0, to = 0] = [stops[after - 1], stops[after]];
    const [left = 0, right = 0] = [places[after - 1], places[after]];
    return left + ((time - from) / (to - from)) * (right - left);
  };
  const marks = times.map(at => ({
    at,
    x: xOf(at),
    ids: moments.filter(each => each.at === at).map(({ id }) => id),
  }));
  const at = (id: string) => moments.find(each => each.id === id)?.at;
  const begin = at('nbf') ?? at('iat') ?? first;
  const end = at('exp');
  return {
    marks,
    now: xOf(now),
    valid: { from: xOf(begin), to: end === undefined ? 100 : Math.max(xOf(end), xOf(begin)) },
    gaps: marks.slice(1).map((mark, index) => {
      const before = marks[index] ?? mark;
      return { x: (before.x + mark.x) / 2, length: mark.at - before.at };
    }),
  };
}

/** The texts of the picture; src/vscode provides them. */
export interface TimelineTexts {
  readonly title: string;
  readonly now: string;
  name(id: string): string;
  /** The lines below a mark's name. */
  lines(at: number): readonly string[];
  length(ms: number): string;
}

/** Plain SVG with classes and without styles: the page that shows it has the styles. */
export function timelineSvg(timeline: Timeline, texts: TimelineTexts): string {
  const { marks, now, valid, gaps } = timeline;
  const x = (value: number) => `${Math.round(value * 100) / 100}%`;
  const text = (at: number, y: number, name: string, content: string) =>
    `<text x="${x(at)}" y="${y}" class="${name}" text-anchor="middle">${escaped(content)}</text>`;
  const bar = (from: number, to: number, name: string) =>
    to > from ? `<rect x="${x(from)}" width="${x(to - from)}" y="49" height="6" rx="3" class="${name}"/>` : '';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="124" role="img" aria-label="${escaped(texts.title)}">`,
    bar(2, 98, 'track'),
    bar(valid.from, Math.min(valid.to, 98), 'valid'),
    bar(valid.from, Math.min(valid.to, Math.max(valid.from, now)), 'spent'),
    // No room for a label where the current time is marked.
    ...gaps.filter(gap => Math.abs(gap.x - now) > 5).map(gap => text(gap.x, 41, 'gap', texts.length(gap.length))),
    ...marks.flatMap(({ ids, at, x: place }) => [
      `<circle cx="${x(place)}" cy="52" r="5" class="mark ${ids.map(id => escaped(id)).join(' ')}"/>`,
      text(place, 78, 'name', ids.map(id => texts.name(id)).join(', ')),
      ...texts.lines(at).map((line, index) => text(place, 95 + 15 * index, 'date', line)),
    ]),
    `<line x1="${x(now)}" x2="${x(now)}" y1="22" y2="62" class="now"/>`,
    text(now, 16, 'now', texts.now),
    '</svg>',
  ].join('');
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}
