import { decodeAscii, decodeBase64url } from './base64url.ts';
import { isObject, own, readJson } from './json.ts';

/** The place of a compact JWS or JWE in a text: offsets in UTF-16 code units, `end` exclusive. */
export interface FoundJwt {
  readonly start: number;
  readonly end: number;
  readonly kind: 'jws' | 'jwe';
}

/** The members of a JOSE header that distinguish a token from other text. */
interface HeaderWords {
  readonly alg: string;
  readonly enc?: string;
}

/** Reads the header of a candidate; `undefined` if it is not a JOSE header. */
export type HeaderReader = (encoded: string) => HeaderWords | undefined;

/** Finds tokens in any text, in time linear in its length. Signatures and payloads are not examined. */
export function findJwts(text: string): FoundJwt[] {
  const found: FoundJwt[] = [];
  const read = headerReader();
  let end = 0;
  for (let start = nextHeaderStart(text, 0); start >= 0; start = nextHeaderStart(text, end)) {
    const run = runAt(text, start);
    end = run.end;
    const jwt = jwtOf(text, run, read);
    if (jwt) found.push(jwt);
  }
  return found;
}

/** The token that a run consists of, except for dots that end a sentence. */
export function jwtOf(text: string, run: Run, read: HeaderReader): FoundJwt | undefined {
  const { start, end } = run;
  let { dots } = run;
  if (dots < 2 || run.firstDot < start + leastHeader) return undefined;
  let last = end;
  while (text.charCodeAt(last - 1) === dot) last--;
  dots -= end - last;
  // An unsigned token ends with a dot, so one dot is kept.
  if (last < end && dots === 1) {
    last++;
    dots++;
  }
  if (dots !== 2 && dots !== 4) return undefined;
  let headerEnd = run.firstDot;
  // Padding (=) does not belong to base64url.
  while (text.charCodeAt(headerEnd - 1) === 0x3d) headerEnd--;
  const header = read(text.slice(start, headerEnd));
  if (header === undefined) return undefined;
  if (dots === 2) return { start, end: last, kind: 'jws' };
  return header.enc === undefined ? undefined : { start, end: last, kind: 'jwe' };
}

const dot = 0x2e;

/** Longer headers are not read, because real ones are shorter: certificates in `x5c` take a few thousand characters. */
const headerLimit = 64 * 1024;

/** Characters of `{"alg":""}`. */
const leastHeader = 14;

/** The most headers that are cached per text. An issuer usually uses one header for all its tokens. */
const mostKept = 64;

export function headerReader(): HeaderReader {
  const known = new Map<string, HeaderWords | undefined>();
  return encoded => {
    if (encoded.length < leastHeader || encoded.length > headerLimit || !endsObject(encoded)) return undefined;
    let words = known.get(encoded);
    if (words === undefined && !known.has(encoded)) {
      words = readWords(encoded);
      if (known.size < mostKept) known.set(encoded, words);
    }
    return words;
  };
}

/** True if the last byte can end a JSON object: `}` or white space. Most words that are not a header fail here. */
function endsObject(encoded: string): boolean {
  const tail = decodeBase64url(encoded.slice(encoded.length - (encoded.length % 4 || 4)));
  const last = 'reason' in tail ? undefined : tail.at(-1);
  return last === 0x7d || last === 0x20 || last === 0x0a || last === 0x0d || last === 0x09;
}

function readWords(encoded: string): HeaderWords | undefined {
  let text = decodeAscii(encoded);
  if (text === undefined) {
    const bytes = decodeBase64url(encoded);
    if ('reason' in bytes) return undefined;
    text = new TextDecoder().decode(bytes);
  }
  const reading = readJson(text);
  if (!reading.ok || !isObject(reading.value)) return undefined;
  const [alg, enc] = [own(reading.value, 'alg'), own(reading.value, 'enc')];
  if (typeof alg !== 'string') return undefined;
  return typeof enc === 'string' ? { alg, enc } : { alg };
}

// --- The loops that all searches for tokens use; they examine each character once, whatever the text is ---
// They do not read beyond the end of a text: V8 would compile every later read as a call.

/** 1 for a character of base64url, 2 for the dot between two parts. */
const kinds = new Uint8Array(128);
for (const each of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') kinds[each.charCodeAt(0)] = 1;
kinds[dot] = 2;

/** True for a character of base64url, or the dot between two parts. */
export function isTokenCharacter(code: number): boolean {
  return code < 128 && kinds[code] !== 0;
}

function isBase64url(code: number): boolean {
  return code < 128 && kinds[code] === 1;
}

function wordEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && isTokenCharacter(text.charCodeAt(at))) at++;
  return at;
}

/** Token characters without a gap; `end` is exclusive. */
export interface Run {
  readonly start: number;
  readonly end: number;
  readonly dots: number;
  /** The offset of the first dot, or `end` if there is none. */
  readonly firstDot: number;
}

/**
 * The token characters that begin at `start`. Padding belongs to them if another part follows. Dots are counted on the
 * way, because reading the characters once more takes as long as finding the end.
 */
export function runAt(text: string, start: number): Run {
  let dots = 0;
  let firstDot = -1;
  let at = start;
  for (;;) {
    at = partEnd(text, at);
    let code = at < text.length ? text.charCodeAt(at) : 0;
    if (code === 0x3d) {
      const after = afterPadding(text, at);
      if (after >= 0) {
        at = after;
        code = dot;
      }
    }
    if (code !== dot) return { start, end: at, dots, firstDot: dots === 0 ? at : firstDot };
    if (dots++ === 0) firstDot = at;
    at++;
  }
}

/** The end of the characters of base64url from an offset on. */
function partEnd(text: string, from: number): number {
  // A local variable is read faster than one of the module.
  const table = kinds;
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 128 || table[code] !== 1) return at;
  }
  return at;
}

/** The offset of the dot after padding, or -1 if no other part follows. */
function afterPadding(text: string, at: number): number {
  const after = text.charCodeAt(at + 1) === 0x3d ? at + 2 : at + 1;
  return text.charCodeAt(after) === dot && isTokenCharacter(text.charCodeAt(after + 1)) ? after : -1;
}

/** The prefix of the JWT in GitHub's installation tokens; empty if there is none. */
export function prefixBefore(text: string, start: number): string {
  if (text.charCodeAt(start - 1) !== 0x5f) return '';
  return /(?<!\w)ghs_\d{1,20}_$/.exec(text.slice(Math.max(0, start - 26), start))?.[0] ?? '';
}

/**
 * The next offset at which a JOSE header can start, or -1. It must not be inside a word, but it may follow an escape as
 * in `"\neyJ..."`, `\u0022eyJ...` or `%20eyJ...`, or a terminal colour, whose last character looks like part of a word.
 */
export function nextHeaderStart(text: string, from: number): number {
  for (let at = nextOpening(text, from); at >= 0; at = nextOpening(text, at)) {
    if (mayStandAt(text, at)) return at;
    // An escape ends a word, so no other start can follow in this one.
    at = wordEnd(text, at + 2);
  }
  return -1;
}

/** A regular expression searches four times as fast as this loop if the next match is far away. */
function nextOpening(text: string, from: number): number {
  const near = Math.min(from + 16, text.length);
  for (let at = from; at < near; at++) if (text.charCodeAt(at) === 0x65 && opensHeader(text, at)) return at;
  starts.lastIndex = near;
  return starts.test(text) ? starts.lastIndex - 4 : -1;
}

/** Matches what `opensHeader` accepts. */
const starts = /e(?:y[A-DI-L]|w[k-r0-3])[\w-]/g;

/**
 * True if base64url of `{"`, or of `{` and white space, starts here, and more than that: `ey` and A to D or I to L, `ew`
 * and k to r or 0 to 3, and one more character.
 */
export function opensHeader(text: string, at: number): boolean {
  if (at + 3 >= text.length || text.charCodeAt(at) !== 0x65) return false;
  const third = text.charCodeAt(at + 2);
  return third < 128 && thirds[third] === text.charCodeAt(at + 1) && isBase64url(text.charCodeAt(at + 3));
}

/** By the third character of an opening: the second one that it follows. */
const thirds = new Uint8Array(128).fill(0xff);
for (const each of 'ABCDIJKL') thirds[each.charCodeAt(0)] = 0x79;
for (const each of 'klmnopqr0123') thirds[each.charCodeAt(0)] = 0x77;

function mayStandAt(text: string, at: number): boolean {
  return at === 0 || !isTokenCharacter(text.charCodeAt(at - 1)) || followsMark(text, at);
}

/** True if the characters before are an escape or a prefix and not the beginning of a word. */
function followsMark(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  if (before === 0x5f) return prefixBefore(text, at) !== '';
  const mark = text.charCodeAt(at - 2);
  if (mark === 0x5c) return before === 0x6e || before === 0x72 || before === 0x74;
  // Run the pattern only where an escape is possible: there may be megabytes of words that contain a start.
  const possible =
    before === 0x6d ||
    text.charCodeAt(at - 3) === 0x25 ||
    text.charCodeAt(at - 3) === 0x3d ||
    text.charCodeAt(at - 5) === 0x25 ||
    text.charCodeAt(at - 6) === 0x5c;
  return possible && escaped.test(text.slice(Math.max(0, at - longestEscape), at));
}

const escaped = /(?:%(?:25)?[\da-f]{2}|=3D|\\u[\da-f]{4}|\[[\d;]{0,15}m)$/i;

/** The length of the longest escape, a terminal colour. */
export const longestEscape = 18;

/** The start of a SMART Health Card, a JWS written in digits. */
export const healthCardStart = 'shc:/';

/**
 * With fewer characters it is not the beginning of a header, even on the first of several lines: `{"alg":"X"}` takes
 * 15.
 */
const leastStart = 11;

/** True if the text may contain a token, so that a search is worthwhile. */
export function mayHoldToken(text: string): boolean {
  let end = 0;
  for (let start = nextHeaderStart(text, 0); start >= 0; start = nextHeaderStart(text, end)) {
    ({ end } = runAt(text, start));
    if (end - start >= leastStart) return true;
  }
  return text.includes(healthCardStart);
}
