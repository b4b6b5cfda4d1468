/** Finds tokens in a text that still work: a copy of them is as dangerous as the original. */

import { healthCardStart } from '../tokens/findJwts.ts';
import { decodeToken, expiresAt } from '../tokens/jwt.ts';
import {
  anyOf,
  type FoundOpaque,
  opaqueAt,
  opaquePatterns,
  opaquePrefixes,
  searchedPrefixes,
} from '../tokens/opaqueTokens.ts';
import { findTokens, mostTokens } from '../tokens/tokenRanges.ts';
import { tokenUse } from '../tokens/tokenUse.ts';
import { base64Text, percentDecoded, unescaped } from './escapes.ts';
import { orderMark, wordStarts } from './searching.ts';
import { isPlaceholder } from './tokenSets.ts';

export interface KnownToken {
  readonly token: string;
  readonly name: 'access_token' | 'id_token' | 'refresh_token';
  readonly connection: string;
  /** Milliseconds since the epoch, if it is known. */
  readonly expiresAt?: number;
}

export interface Leak {
  /** Offsets in UTF-16 code units, `end` exclusive. */
  readonly start: number;
  readonly end: number;
  readonly kind: 'token' | 'endless_token' | 'encrypted_token' | 'opaque_token' | 'refresh_token' | 'known_token';
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  /** The connection that holds this token. */
  readonly connection?: string;
  /** The issuer whose tokens have this prefix. */
  readonly issuer?: string;
}

/** The most leaks of one kind that are reported for one text. */
const mostLeaks = mostTokens;

/**
 * Patterns of which every text with a leak matches at least one: a file without a match need not be read. A JOSE
 * header starts with `{"`, `{ `, `{\n`, `{\r\n` or `{\t"`, in base64. `encodedStarts` are the same starts encoded in
 * base64 once more. JavaScript (with the flag m) and ripgrep read these patterns alike: they have no lookaround, and
 * ASCII alone.
 */
export function leakMarks(known: readonly KnownToken[]): string[] {
  const writings = known.flatMap(writingsOf).filter(text => !isMarked(text));
  return [
    orderMark([...searchedBeginnings, ...writings]),
    ...formMarks,
    refreshTokenMark + generatedValue,
    `\\b${anyOf([...encodedStarts, ...headerStarts])}[A-Za-z\\d+/]{20}`,
    ...writings.map(text => text.slice(0, longestMark).replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')),
  ];
}

/** Characters of a token that tell it from other text: whole JWTs would make a pattern of some hundred kilobytes. */
const longestMark = 64;

/** After `{ ` comes a quote or more white space: `KeyAlgorithm` has an `eyA` in it as well. */
const headerStarts = ['eyJ', 'eyAi', 'eyAg', 'eyAJ', 'eyAK', 'eyAN', 'ewog', 'ewoJ', 'ewoi', 'ew0K', 'ewki'];

/** A dot, or the end of the line if the token is broken over several: `KeyJwkThumbprint` has an `eyJ` in it as well. */
const afterHeader = '(?:\\.|%2[Ee]|["\'`]?[ \\t]{0,4}[+\\\\=]?[ \\t]{0,4}\\r?$)';

/**
 * Without the first letter, which is written in two ways: each beginning that is saved leaves room for a token of a
 * connection.
 */
const refreshNames = ['efresh', 'EFRESH'];

/** The first four characters of tokens that are encoded in base64, from the tokens' first three bytes. */
const encodedStarts = [...new Set([...headerStarts, ...opaquePrefixes].map(start => btoa(start.slice(0, 3))))];

/** The patterns that match a token wherever it is. */
const formMarks: readonly string[] = [
  // Fewer characters are not the beginning of a header, even on the first of several lines.
  `${anyOf(headerStarts)}[\\w+/-]{8,}={0,2}${afterHeader}`,
  `${healthCardStart}(?:1/1/)?\\d{8}`,
  ...opaquePatterns,
];

/**
 * Whether these patterns find a token near its beginning, so that it needs no pattern of its own: JWTs and tokens with an
 * issuer's mark. Each that is left out leaves room for another one.
 */
function isMarked(text: string): boolean {
  // What follows the token in a file is not known, so it must not be taken for the end of a line.
  const at = `${text}\0`.search(new RegExp(formMarks.join('|')));
  return at >= 0 && at < 16;
}

/** What the patterns of `leakMarks` begin with. */
const searchedBeginnings = [...headerStarts, healthCardStart, ...refreshNames, ...encodedStarts, ...searchedPrefixes];

/**
 * Takes time linear in the text, for each known token.
 * @param now milliseconds since the epoch
 * @param bytes makes the scan faster if the text has one character for each byte of a file
 */
export function scanForLeaks(text: string, known: readonly KnownToken[], now: number, bytes?: Uint8Array): Leak[] {
  let leaks: readonly Leak[] = [];
  for (const token of known) leaks = merged(leaks, placesOf(token, text, now));
  const { opaque, encoded } = markedTokens(text, known, now, bytes);
  for (const found of [opaque, workingTokens(text, now), refreshTokens(text), encoded]) leaks = merged(leaks, found);
  return [...leaks];
}

/** All marks are searched at once: the search for them takes longer than everything that is done where one is. */
const nextMark = wordStarts([...opaquePrefixes, ...encodedStarts, ...headerStarts]);

// --- Tokens of connections ---

/** Shorter tokens could be any word. */
const leastKnown = 16;

/** The token in plain text, in a query, in JSON, and in base64 as far as that does not depend on what follows. */
function writingsOf({ token }: KnownToken): string[] {
  if (token.length < leastKnown || /[^\x21-\x7e]/.test(token)) return [];
  const base64 = btoa(token)
    .replace(/=+$/, '')
    .slice(0, Math.floor((token.length * 4) / 3));
  return [...new Set([token, encodeURIComponent(token), token.replaceAll('/', '\\/'), base64])];
}

function placesOf(known: KnownToken, text: string, now: number): readonly Leak[] {
  const { connection, expiresAt } = known;
  if (expiresAt !== undefined && expiresAt <= now) return [];
  const end = expiresAt === undefined ? {} : { expiresAt };
  return writingsOf(known).reduce<readonly Leak[]>((before, written) => {
    const leaks: Leak[] = [];
    for (
      let at = text.indexOf(written);
      at >= 0 && leaks.length < mostLeaks;
      at = text.indexOf(written, at + written.length)
    )
      leaks.push({ start: at, end: at + written.length, kind: 'known_token', connection, ...end });
    return merged(before, leaks);
  }, []);
}

// --- Tokens by their form ---

function workingTokens(text: string, now: number): Leak[] {
  const leaks: Leak[] = [];
  for (const { start, end, kind, token } of findTokens(text, mostLeaks)) {
    const leak = kind === 'jwe' ? { kind: 'encrypted_token' as const } : working(token, now);
    if (leak) leaks.push({ start, end, ...leak });
  }
  return leaks;
}

function markedTokens(
  text: string,
  known: readonly KnownToken[],
  now: number,
  bytes: Uint8Array | undefined,
): Record<'opaque' | 'encoded', Leak[]> {
  const opaque: Leak[] = [];
  const encoded: Leak[] = [];
  // Looking for them at each mark would take a fifth of the time of all the rest.
  const hasEncodedDots = text.includes('%2E') || text.includes('%2e');
  let from = 0;
  for (;;) {
    const start = nextMark(text, from, bytes);
    if (start < 0 || opaque.length >= mostLeaks || encoded.length >= mostLeaks) return { opaque, encoded };
    const { token, end } = opaqueAt(text, start);
    if (token) opaque.push(...opaqueLeak(token));
    const dotted = hasEncodedDots ? dottedAt(text, start, now) : undefined;
    const leak = token ? undefined : (dotted ?? encodedAt(text, start, known, now));
    if (leak) encoded.push(leak);
    from = Math.max(start + 1, end, leak?.end ?? 0);
  }
}

function opaqueLeak({ start, end, token, kind: { use, issuer } }: FoundOpaque): Leak[] {
  // A JWT behind GitHub's prefix is found as a JWT.
  if (/_ey[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return [];
  return [{ start, end, kind: use === 'refresh_token' ? use : ('opaque_token' as const), issuer }];
}

/** The leak of a signed token that has not expired or never expires. */
function working(token: string, now: number): Pick<Leak, 'kind' | 'expiresAt'> | undefined {
  try {
    const decoded = decodeToken(token);
    if (decoded.kind !== 'jws' || decoded.signature === '') return undefined;
    // The claims of a health card are compressed.
    if (decoded.content && decoded.form?.kind !== 'digits') return undefined;
    const end = expiresAt(decoded);
    if (end !== undefined && end <= now) return undefined;
    const kind =
      tokenUse(decoded)?.use === 'refresh_token' ? 'refresh_token' : end === undefined ? 'endless_token' : 'token';
    return end === undefined ? { kind } : { kind, expiresAt: end };
  } catch {
    // A token that cannot be read gives no access.
    return undefined;
  }
}

// --- Refresh tokens by their name ---

const quote = '(?:\\\\{0,7}["\'`]|%22|&quot;|&#34;|\\\\{1,3}u0022|\\^")?';

/** What stands between the name and its value, in any notation. */
const afterName = `${quote}[ \\t]{0,4}(?:[:=]>?|%3[ADad])[ \\t]{0,4}${quote}`;

/** The name as programs write it: a pattern that ignores case makes a search of many files much slower. */
const refreshTokenMark = `(?:${refreshNames.join('|')})[_-]?(?:token|Token|TOKEN)${afterName}`;

const tokenCharacter = (times: string) => `(?:[\\w~+/.%!*$-]|\\\\[/:=])${times}`;

const noDigit = (times: string) => `(?:[A-Za-z_~+/.%!*$-]|\\\\[/:=])${times}`;

/** Twenty characters with a digit among them, as `refreshTokens` requires: code has many names of that length. */
const generatedValue = `(?:${noDigit('{11,}')}\\d|${noDigit('{0,10}')}\\d${tokenCharacter('{9}')})`;

/**
 * `refresh_token=...` in any notation, also in nested strings, queries and pages, with a value that looks generated.
 */
const refreshTokenValues = new RegExp(`refresh[_-]?token${afterName}(${tokenCharacter('{20,4000}')}={0,2})`, 'gi');

function refreshTokens(text: string): Leak[] {
  const leaks: Leak[] = [];
  for (const match of text.matchAll(refreshTokenValues)) {
    const [whole, value = ''] = match;
    // The encoded end of a string in a query does not belong to the token.
    const written = value.replace(/%(?:22|27|26).*$|[.!]$/i, '');
    const token = percentDecoded(unescaped(written));
    // REFRESH_TOKEN, your-refresh-token-here and the like are placeholders, and JWTs are handled by `workingTokens`.
    if (
      token.length < 20 ||
      !/\d/.test(token) ||
      !/[a-z]/i.test(token) ||
      isPlaceholder(token) ||
      token.startsWith('ey')
    )
      continue;
    const start = match.index + whole.length - value.length;
    leaks.push({ start, end: start + written.length, kind: 'refresh_token' });
    if (leaks.length >= mostLeaks) break;
  }
  return leaks;
}

// --- Tokens in base64 and in percent-encoding ---

/** A word that starts like a token in base64, or like JSON with tokens in it. A JWT itself continues with a dot. */
const encodedWord = /(?<![+/=.-])[A-Za-z\d+/]{23,}={0,2}(?![\w.+/-])/y;

/** A JWT whose dots are percent-encoded, although nothing requires that (RFC 3986 section 2.3). */
const encodedDots = /(?<![\w-])ey[\w-]{10,}%2E[\w-]+%2E[\w-]+/iy;

function dottedAt(text: string, start: number, now: number): Leak | undefined {
  encodedDots.lastIndex = start;
  const written = encodedDots.exec(text)?.[0];
  const leak = written === undefined ? undefined : working(written.replace(/%2E/gi, '.'), now);
  return leak && { ...leak, start, end: start + (written ?? '').length };
}

function encodedAt(text: string, start: number, known: readonly KnownToken[], now: number): Leak | undefined {
  encodedWord.lastIndex = start;
  const word = encodedWord.exec(text)?.[0];
  const inner = word === undefined ? undefined : base64Text(word);
  if (word === undefined || inner === undefined) return undefined;
  const [leak] = scanForLeaks(inner, known, now);
  return leak && { ...leak, start, end: start + word.length };
}

/** Merges two lists in the order of the text. If two leaks overlap, that of the first list is kept. */
function merged(first: readonly Leak[], second: readonly Leak[]): readonly Leak[] {
  if (first.length === 0 || second.length === 0) return first.length === 0 ? second : first;
  const leaks: Leak[] = [];
  let next = 0;
  for (const leak of second) {
    for (let each = first[next]; each && each.end <= leak.start; each = first[++next]) leaks.push(each);
    const other = first[next];
    if (!other || leak.end <= other.start) leaks.push(leak);
  }
  return leaks.concat(first.slice(next));
}
