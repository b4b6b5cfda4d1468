import { createHmac } from 'node:crypto';
import { answer } from '../../scripts/bench/child.mjs';
import { inTurns, quantile } from '../../scripts/bench/measure.mjs';
import { scanForLeaks } from '../../src/core/imports/leakScan.ts';
import { findTokens } from '../../src/core/tokens/tokenRanges.ts';

const megabytes = 10;
const tokens = 10_000;

/** Each text is scanned in two sizes, to see whether twice the length takes twice the time. */
const texts: Record<string, (size: number) => string> = {
  [`a log of ${megabytes} MB with ${tokens.toLocaleString('en')} tokens`]: log,
  [`${megabytes} MB of eyJ and dots`]: size => repeated('eyJ.', size),
  [`${megabytes} MB of eyJ`]: size => repeated('eyJ', size),
  [`${megabytes} MB of eyJ.a.b, one word each`]: size => repeated('eyJ.a.b ', size),
  [`${megabytes} MB of headers with a line each`]: size => repeated(`${encode({ alg: 'HS256' })}.e30\n`, size),
  [`${megabytes} MB of base64url`]: noise,
};

interface Figure {
  readonly what: string;
  /** Megabytes per second. */
  readonly speed: number;
  /** Time for the text of twice the length divided by the time for the text. */
  readonly growth: number;
}

async function measure(what: string): Promise<Figure> {
  const text = texts[what];
  if (text === undefined) return measureLeaks();
  const sides = { once: text(megabytes * 1e6), twice: text(megabytes * 2e6) };
  const found = findTokens(sides.once, Number.POSITIVE_INFINITY).length;
  if (what.includes('tokens') && found !== tokens) throw new Error(`Found ${found} of ${tokens} tokens.`);
  const { once, twice } = await inTurns(
    {
      once: timed(() => findTokens(sides.once, Number.POSITIVE_INFINITY)),
      twice: timed(() => findTokens(sides.twice, Number.POSITIVE_INFINITY)),
    },
    { rounds: 11, warmUp: 2 },
  );
  return { what, speed: (megabytes * 1000) / quantile(once), growth: growthOf(once, twice) };
}

/** Scans two logs instead of one long one, because the number of reported leaks per text is limited. */
async function measureLeaks(): Promise<Figure> {
  const [file, other] = [log(5e6), log(10e6).slice(5e6)];
  const scan = (text: string) => scanForLeaks(text, [], Date.now());
  const { once, twice } = await inTurns(
    { once: timed(() => scan(file)), twice: timed(() => [scan(file), scan(other)]) },
    { rounds: 11, warmUp: 2 },
  );
  return { what: 'leaks in a log of 5 MB', speed: 5000 / quantile(once), growth: growthOf(once, twice) };
}

function growthOf(once: readonly number[], twice: readonly number[]): number {
  return quantile(twice.map((figure, round) => figure / (once[round] ?? Number.NaN)));
}

/** Milliseconds of CPU time, which other programs on the machine do not affect. */
function timed(work: () => unknown): () => Promise<number> {
  return async () => {
    const since = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(since);
    return (user + system) / 1000;
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** A log with a constant number of tokens per byte. */
function log(size: number): string {
  const header = encode({ alg: 'HS256', typ: 'at+jwt', kid: 'log' });
  const lines: string[] = [];
  const share = (megabytes * 1e6) / tokens;
  for (let line = 0, written = 0, next = 0; written < size; line++) {
    let text = `2026-11-23T10:00:00.${line} INFO [gateway] they knew few keys: GET /api/v1/orders/${line}?page=2 200 12ms`;
    if (written >= next) {
      const input = `${header}.${encode({ iss: 'https://as.example', sub: `user-${line}`, exp: 1_800_000_000 })}`;
      text += ` token=${input}.${createHmac('sha256', 'secret').update(input).digest('base64url')}`;
      next += share;
    }
    lines.push(text);
    written += text.length + 1;
  }
  return lines.join('\n');
}

function repeated(unit: string, size: number): string {
  // Flattened like the text of a document, instead of the rope that repeat() creates.
  return Buffer.from(unit.repeat(Math.ceil(size / unit.length))).toString('latin1');
}

/** Generates the same characters in each run. */
function noise(size: number): string {
  let state = 1;
  return Buffer.from(
    Uint32Array.from({ length: size / 5 }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state;
    }).buffer,
  ).toString('base64url');
}

answer({ names: async () => [...Object.keys(texts), 'leaks'], measure });
