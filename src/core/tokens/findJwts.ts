import { decodeAscii, decodeBase64url } from './base64url.ts';
import { isObject, own, readJson } from './json.ts';

/** Where a compact JWS or JWE stands in a text: offsets in UTF-16 code units, `end` exclusive. */
export interface FoundJwt {
  readonly start: number;
  readonly end: number;
  readonly kind: 'jws' | 'jwe';
}

/** What a JOSE header says that tells a token from other text. */
export interface HeaderWords {
  readonly alg: string;
  readonly enc?: string;
}

/** Reads the header of a candidate; `undefined` where it is none. */
export type HeaderReader = (encoded: string) => HeaderWords | undefined;

/** Finds tokens in any text, in time linear in its length. Their signatures and payloads are not looked at. */
export function findJwts(text: string): FoundJwt[] {
  const found: FoundJwt[] = [];
  const read = headerReader();
  let end = 0;
  for (let start = nextStart(text, 0); start >= 0; start = nextStart(text, end)) {
    end = runEnd(text, start);
    const jwt = jwtAt(text, start, end, read);
    if (jwt) found.push(jwt);
  }
  return found;
}

/** The token that all the characters between two offsets are, but for dots that end a sentence. */
export function jwtAt(text: string, start: number, end: number, read: HeaderReader): FoundJwt | undefined {
  let last = end;
  while (last > start && text.charCodeAt(last - 1) === dot) last--;
  let headerEnd = last;
  let dots = 0;
  for (let at = start; at < last && dots < 5; at++) {
    if (text.charCodeAt(at) === dot && ++dots === 1) headerEnd = at;
  }
  // One dot stays where it ends an unsigned token.
  if (last < end && dots === 1) {
    last++;
    dots++;
  }
  if (dots !== 2 && dots !== 4) return undefined;
  // Padding (=) is no part of base64url.
  while (text.charCodeAt(headerEnd - 1) === 0x3d) headerEnd--;
  const header = read(text.slice(start, headerEnd));
  if (header === undefined) return undefined;
  if (dots === 2) return { start, end: last, kind: 'jws' };
  return header.enc === undefined ? undefined : { start, end: last, kind: 'jwe' };
}

const dot = 0x2e;

/** Longer headers are not looked into: none in earnest is. Certificates in `x5c` take a few thousand. */
const headerLimit = 64 * 1024;

/** Characters of `{"alg":""}`. */
const leastHeader = 14;

/** Issuers have one header for all their tokens: as many different ones are remembered, for one text. */
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

/** Whether the last byte can end a JSON object: `}` or white space. Most of what is no header fails here. */
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

/** The loops below all that finds tokens. They look at each character once, whatever the text is. */

const members = new Uint8Array(128);
for (const each of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.') {
  members[each.charCodeAt(0)] = 1;
}

/** A character of base64url, or the dot between two parts. */
export function isTokenCharacter(code: number): boolean {
  return code < 128 && members[code] === 1;
}

function wordEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && isTokenCharacter(text.charCodeAt(at))) at++;
  return at;
}

/** Where the characters of a token end that begin at `from`. Padding belongs to it where another part follows. */
export function runEnd(text: string, from: number): number {
  for (let at = wordEnd(text, from); ; at = wordEnd(text, at)) {
    if (text.charCodeAt(at) !== 0x3d) return at;
    const after = text.charCodeAt(at + 1) === 0x3d ? at + 2 : at + 1;
    if (text.charCodeAt(after) !== 0x2e || !isTokenCharacter(text.charCodeAt(after + 1))) return at;
    at = after;
  }
}

/** What GitHub puts in front of the JWT in an installation token; nothing where there is none. */
export function prefixBefore(text: string, start: number): string {
  if (text.charCodeAt(start - 1) !== 0x5f) return '';
  return /(?<!\w)ghs_\d{1,20}_$/.exec(text.slice(Math.max(0, start - 26), start))?.[0] ?? '';
}

/**
 * The next offset at which a JOSE header can start, -1 where there is none. It may not stand inside a word, but it may
 * follow an escape as in `"\neyJ..."`, `\u0022eyJ...` or `%20eyJ...`, or a colour of a terminal, whose last character
 * looks like a part of it.
 */
export function nextStart(text: string, from: number): number {
  for (let at = nextOpening(text, from); at >= 0; at = nextOpening(text, at)) {
    if (mayStandAt(text, at)) return at;
    // An escape ends a word, so that no other start can follow in this one.
    at = wordEnd(text, at + 2);
  }
  return -1;
}

/** The engine's own search is four times as quick as a look at each character, where what it looks for is not near. */
function nextOpening(text: string, from: number): number {
  const near = Math.min(from + 16, text.length);
  for (let at = from; at < near; at++) if (opensHeader(text, at)) return at;
  starts.lastIndex = near;
  return starts.test(text) ? starts.lastIndex - 3 : -1;
}

/** What opensHeader says. */
const starts = /e(?:y[A-DI-L]|w[k-r0-3])/g;

/** Whether `{"`, or `{` and white space, can stand here in base64url: `ey` and A to D or I to L, `ew` and k to r or 0 to 3. */
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
  // Where they can be at all: words with a start inside may come by the megabyte.
  const possible =
    before === 0x6d ||
    text.charCodeAt(at - 3) === 0x25 ||
    text.charCodeAt(at - 3) === 0x3d ||
    text.charCodeAt(at - 5) === 0x25 ||
    text.charCodeAt(at - 6) === 0x5c;
  return possible && escaped.test(text.slice(Math.max(0, at - longestEscape), at));
}

const escaped = /(?:%(?:25)?[\da-f]{2}|=3D|\\u[\da-f]{4}|\[[\d;]{0,15}m)$/i;

/** That of a colour. */
export const longestEscape = 18;

/** Fewer characters are no beginning of a header, not even on the first of many lines: `{"alg":"X"}` takes 15. */
const leastStart = 11;

/** Whether it is worth the while to look for tokens. */
export function mayHoldToken(text: string): boolean {
  let end = 0;
  for (let start = nextStart(text, 0); start >= 0; start = nextStart(text, end)) {
    end = runEnd(text, start);
    if (end - start >= leastStart) return true;
  }
  return false;
}
