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
    end = runEnd(text, start);
    const jwt = jwtAt(text, start, end, read);
    if (jwt) found.push(jwt);
  }
  return found;
}

/** The token between two offsets, if all characters there belong to it, except dots that end a sentence. */
export function jwtAt(text: string, start: number, end: number, read: HeaderReader): FoundJwt | undefined {
  let last = end;
  while (last > start && text.charCodeAt(last - 1) === dot) last--;
  let headerEnd = last;
  let dots = 0;
  // A dot before that would end a header that is too short to be read.
  for (let at = start + leastHeader; at < last && dots < 5; at++) {
    if (text.charCodeAt(at) === dot && ++dots === 1) headerEnd = at;
  }
  // An unsigned token ends with a dot, so one dot is kept.
  if (last < end && dots === 1) {
    last++;
    dots++;
  }
  if (dots !== 2 && dots !== 4) return undefined;
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

const members = new Uint8Array(128);
for (const each of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.') {
  members[each.charCodeAt(0)] = 1;
}

/** True for a character of base64url, or the dot between two parts. */
export function isTokenCharacter(code: number): boolean {
  return code < 128 && members[code] === 1;
}

function wordEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && isTokenCharacter(text.charCodeAt(at))) at++;
  return at;
}

/** The end of the token characters that begin at `from`. Padding belongs to them if another part follows. */
export function runEnd(text: string, from: number): number {
  for (let at = wordEnd(text, from); ; at = wordEnd(text, at)) {
    if (text.charCodeAt(at) !== 0x3d) return at;
    const after = text.charCodeAt(at + 1) === 0x3d ? at + 2 : at + 1;
    if (text.charCodeAt(after) !== 0x2e || !isTokenCharacter(text.charCodeAt(after + 1))) return at;
    at = after;
  }
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
  for (let at = from; at < near; at++) if (opensHeader(text, at)) return at;
  starts.lastIndex = near;
  return starts.test(text) ? starts.lastIndex - 3 : -1;
}

/** Matches what `opensHeader` accepts. */
const starts = /e(?:y[A-DI-L]|w[k-r0-3])/g;

/**
 * True if base64url of `{"`, or of `{` and white space, starts here: `ey` and A to D or I to L, `ew` and k to r or 0 to
 * 3.
 */
export function opensHeader(text: string, at: number): boolean {
  if (text.charCodeAt(at) !== 0x65) return false;
  const third = text.charCodeAt(at + 2);
  switch (text.charCodeAt(at + 1)) {
    case 0x79:
      return (third >= 0x41 && third <= 0x44) || (third >= 0x49 && third <= 0x4c);
    case 0x77:
      return (third >= 0x6b && third <= 0x72) || (third >= 0x30 && third <= 0x33);
    default:
      return false;
  }
}

function mayStandAt(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  if (!isTokenCharacter(before)) return true;
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
    end = runEnd(text, start);
    if (end - start >= leastStart) return true;
  }
  return text.includes(healthCardStart);
}
