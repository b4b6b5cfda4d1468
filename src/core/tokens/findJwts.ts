import { decodeAscii, decodeBase64url } from './base64url.ts';
import { isObject, own, readJson } from './json.ts';
import { nextStart, runEnd } from './tokenStarts.ts';

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
