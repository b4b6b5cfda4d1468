/**
 * Finds tokens in a text as they occur in practice: in one piece, or broken over lines by a mail, a terminal or a
 * string.
 */
import { signatureAlgorithms } from './algorithms.ts';
import {
  type FoundJwt,
  type HeaderReader,
  headerReader,
  healthCardStart,
  jwtOf,
  nextHeaderStart,
  opensHeader,
  prefixBefore,
  type Run,
  runAt,
} from './findJwts.ts';
import { tokenLimit } from './jwt.ts';

export interface TokenRange {
  /** Offsets in UTF-16 code units, `end` exclusive. The text between is `token`, with line breaks if it is wrapped. */
  readonly start: number;
  readonly end: number;
  readonly kind: 'jws' | 'jwe';
  /** The token in one piece. */
  readonly token: string;
  /** True if it was joined from several lines. */
  readonly wrapped: boolean;
  /** The places of its pieces: one, or one per line. */
  readonly pieces: readonly Piece[];
}

export interface Piece {
  readonly start: number;
  readonly end: number;
}

/** The most tokens that are found in one text. */
export const mostTokens = 2000;

/** With fewer characters on the first line it is not the beginning of a header: `{"alg":"X"}` takes 15. */
const leastHeader = 12;

/** The most lines that one token may be broken into. */
const mostLines = 400;

/**
 * What may come between two pieces: the end of a string and an operator that joins strings or lines, a line break, and
 * what precedes the text on the next line. The next line must contain nothing but the piece.
 */
const lineBreak =
  /(?:["'`]?[ \t]{0,4}[+\\=]?[ \t]{0,4})\r?\n[ \t]{0,100}(?:(?:[>#*|+]|\/\/)[ \t]{0,4})?["'`]?(?=[\w.-])([\w.-]+)(?=["'`]?[ \t]{0,4}[+\\=,;)\]}>]{0,4}[ \t]{0,4}(?:\r?\n|$))/y;

/** Takes time linear in the text. Signatures and payloads are not examined. */
export function findTokens(text: string, limit = mostTokens): TokenRange[] {
  const found: TokenRange[] = [];
  const read = headerReader();
  let end = 0;
  for (let start = nextHeaderStart(text, 0); start >= 0 && found.length < limit; start = nextHeaderStart(text, end)) {
    const run = runAt(text, start);
    end = run.end;
    if (isNoToken(text, run)) continue;
    const range = rangeAt(text, run, read);
    if (!range) continue;
    const whole = withSurroundings(text, range);
    found.push(whole);
    end = Math.max(end, whole.end);
  }
  return text.includes(healthCardStart) ? withHealthCards(text, found, limit) : found;
}

/** SMART Health Cards stand in QR codes and files as digits, two for each character of a JWS. */
function withHealthCards(text: string, found: readonly TokenRange[], limit: number): TokenRange[] {
  const cards = Array.from(text.matchAll(healthCard), ({ 0: token, index: start }): TokenRange => {
    const end = start + token.length;
    return { start, end, kind: 'jws', token, wrapped: false, pieces: [{ start, end }] };
  });
  return [...found, ...cards].sort((one, other) => one.start - other.start).slice(0, limit);
}

/** A header and a signature take more than fifty characters. */
const healthCard = /(?<!\w)shc:\/(?:1\/1\/)?\d{100,}/g;

/** What follows the JWT of an SD-JWT (RFC 9901). */
const disclosures = /~[\w.~-]*[\w~-]/y;

/** Includes what some tokens have around the JWT: a prefix, or the disclosures of an SD-JWT. */
function withSurroundings(text: string, range: TokenRange): TokenRange {
  if (range.wrapped) return range;
  disclosures.lastIndex = range.end;
  const after = text.charCodeAt(range.end) === 0x7e ? (disclosures.exec(text)?.[0] ?? '~') : '';
  const start = range.start - prefixBefore(text, range.start).length;
  const end = range.end + after.length;
  if (start === range.start && end === range.end) return range;
  return { ...range, start, end, token: text.slice(start, end), pieces: [{ start, end }] };
}

/** The token at an offset of the text. */
export function tokenAt(ranges: readonly TokenRange[], offset: number): TokenRange | undefined {
  return ranges.find(({ start, end }) => start <= offset && offset <= end);
}

/** True if a run is neither a token in one piece nor the first line of one, without reading its header. */
function isNoToken(text: string, { start, end, dots }: Run): boolean {
  if (end - start < leastHeader) return true;
  return dots < 2 && text.charCodeAt(end - 1) !== 0x2e && isHeaderBelow(text, end);
}

function rangeAt(text: string, run: Run, read: HeaderReader): TokenRange | undefined {
  const { start, end } = run;
  const whole = end - start > tokenLimit * 2 ? undefined : jwtOf(text, run, read);
  const single = whole && inOnePiece(text, whole);
  // Without a line that could continue the token, there is nothing to compare.
  const next = lineAfter(text, end, text.charCodeAt(end - 1) === 0x2e);
  if (!next) return single;
  if (single && isWhole(outline(single.token), read)) return single;
  const wrapped = wrappedAt(text, run, next, read);
  return wrapped && (!single || isWhole(outline(wrapped.token), read)) ? wrapped : single;
}

function inOnePiece(text: string, { start, end, kind }: FoundJwt): TokenRange {
  return { start, end, kind, token: text.slice(start, end), wrapped: false, pieces: [{ start, end }] };
}

/**
 * The piece on the line after `end`, if it can continue the token. It must not look like the start of another token,
 * unless a dot before it shows that it is this token's payload: otherwise each of many lines would be read again from
 * every line before it.
 */
function lineAfter(text: string, end: number, dotBefore: boolean): Piece | undefined {
  if (end >= text.length) return undefined;
  if (!dotBefore && isHeaderBelow(text, end)) return undefined;
  lineBreak.lastIndex = end;
  const piece = lineBreak.exec(text)?.[1];
  if (piece === undefined || (opensHeader(piece, 0) && !dotBefore)) return undefined;
  // The pattern looks ahead at the closing quote and what follows it, without including it.
  return { start: lineBreak.lastIndex - piece.length, end: lineBreak.lastIndex };
}

/** True if the next line starts with a header. The pattern is too slow to find that in a file of nothing but headers. */
function isHeaderBelow(text: string, end: number): boolean {
  if (end >= text.length) return false;
  const lineEnd = text.charCodeAt(end) === 0x0d ? end + 1 : end;
  if (lineEnd >= text.length || text.charCodeAt(lineEnd) !== 0x0a) return false;
  let at = lineEnd + 1;
  while (at < text.length && (text.charCodeAt(at) === 0x20 || text.charCodeAt(at) === 0x09)) at++;
  return opensHeader(text, at);
}

function wrappedAt(text: string, first: Piece, second: Piece, read: HeaderReader): TokenRange | undefined {
  const pieces = [first];
  const texts = [text.slice(first.start, first.end)];
  let current = outline(texts[0] ?? '');
  let next: Piece | undefined = second;
  while (next && pieces.length < mostLines) {
    const piece = text.slice(next.start, next.end);
    current = joined(current, outline(piece));
    if (current.length > tokenLimit || current.dots > 4) break;
    pieces.push(next);
    texts.push(piece);
    // Checked only after a part has ended, because the header must be complete.
    if ((current.dots === 2 || current.dots === 4) && !piece.endsWith('.') && isWhole(current, read)) break;
    next = lineAfter(text, next.end, piece.endsWith('.'));
  }
  if (pieces.length < 2 || (current.dots !== 2 && current.dots !== 4)) return undefined;
  const token = texts.join('');
  const found = jwtOf(token, runAt(token, 0), read);
  if (found?.end !== token.length) return undefined;
  const end = pieces.at(-1)?.end ?? first.end;
  return { start: first.start, end, kind: found.kind, token, wrapped: true, pieces };
}

/** The facts about a token's text that are kept while it grows line by line. */
interface Outline {
  readonly length: number;
  readonly dots: number;
  /** The text before the first dot. */
  readonly header: string;
  /** Characters after the last dot. */
  readonly last: number;
}

function outline(text: string): Outline {
  const first = text.indexOf('.');
  return {
    length: text.length,
    dots: dotsIn(text),
    header: first < 0 ? text : text.slice(0, first),
    last: text.length - 1 - text.lastIndexOf('.'),
  };
}

/** Counts up to five dots: more are wrong just the same. */
function dotsIn(text: string): number {
  let dots = 0;
  for (let at = text.indexOf('.'); at >= 0 && dots < 5; at = text.indexOf('.', at + 1)) dots++;
  return dots;
}

function joined(one: Outline, other: Outline): Outline {
  return {
    length: one.length + other.length,
    dots: one.dots + other.dots,
    header: one.dots > 0 ? one.header : one.header + other.header,
    last: other.dots > 0 ? other.last : one.last + other.last,
  };
}

/**
 * True if the last part has the length that its algorithm prescribes: the next line does not belong to the token then.
 * Always false for an algorithm without a fixed length.
 */
function isWhole({ dots, header, last }: Outline, read: HeaderReader): boolean {
  if (dots !== 2 && dots !== 4) return false;
  const words = read(header);
  const name = dots === 2 ? words?.alg : words?.enc;
  return name !== undefined && (lengths.get(name) ?? []).includes(last);
}

/** Characters of the signature by `alg`, and of the tag by `enc`. */
const lengths: ReadonlyMap<string, readonly number[]> = new Map([
  ...[...signatureAlgorithms].map(([alg, { bytes }]) => [alg, bytes.map(each => Math.ceil((each * 4) / 3))] as const),
  ['none', [0]],
  ['A128GCM', [22]],
  ['A192GCM', [22]],
  ['A256GCM', [22]],
  ['A128CBC-HS256', [22]],
  ['A192CBC-HS384', [32]],
  ['A256CBC-HS512', [43]],
]);
