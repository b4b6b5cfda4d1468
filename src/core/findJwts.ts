import { decodeBase64url } from './base64url.ts';
import { isObject, own, readJson } from './json.ts';

/** Where a compact JWS or JWE stands in a text: offsets in UTF-16 code units, `end` exclusive. */
export interface FoundJwt {
  readonly start: number;
  readonly end: number;
  readonly kind: 'jws' | 'jwe';
}

/** Longer headers are not looked into: none in earnest is. Certificates in `x5c` take a few thousand. */
const headerLimit = 64 * 1024;

/**
 * The start of a JOSE header, and then all that can belong to the token. It may not start inside a word, but it
 * may follow an escape as in `"\neyJ..."` or `%20eyJ...`, whose last character looks like a part of it.
 */
const candidates =
  /(?:(?<![\w.-])|(?<=\\[nrt])|(?<=%[\dA-Fa-f]{2}))(?:ey[A-DI-L]|ew[k-r0-3])[\w-]*\.[\w.-]+/g;

/** Finds tokens in any text, in time linear in its length. Their signatures and payloads are not looked at. */
export function findJwts(text: string): FoundJwt[] {
  const found: FoundJwt[] = [];
  for (const match of text.matchAll(candidates)) {
    const kind = kindOf(match[0]);
    if (kind) found.push({ start: match.index, end: match.index + kind.length, kind: kind.kind });
  }
  return found;
}

function kindOf(run: string): { kind: 'jws' | 'jwe'; length: number } | undefined {
  const length = withoutFullStops(run);
  const parts = countDots(run, length) + 1;
  if (parts !== 3 && parts !== 5) return undefined;
  const header = readHeader(run.slice(0, run.indexOf('.')));
  if (header === undefined || typeof own(header, 'alg') !== 'string') return undefined;
  if (parts === 3) return { kind: 'jws', length };
  return typeof own(header, 'enc') === 'string' ? { kind: 'jwe', length } : undefined;
}

/** The run's length without dots that end a sentence. One stays where it ends an unsigned token. */
function withoutFullStops(run: string): number {
  let length = run.length;
  while (run[length - 1] === '.') length--;
  return length < run.length && countDots(run, length) === 1 ? length + 1 : length;
}

/** Up to five: more are as wrong. */
function countDots(run: string, end: number): number {
  let dots = 0;
  for (let at = run.indexOf('.'); at >= 0 && at < end && dots < 5; at = run.indexOf('.', at + 1)) dots++;
  return dots;
}

function readHeader(encoded: string) {
  if (encoded.length > headerLimit) return undefined;
  const bytes = decodeBase64url(encoded);
  if ('reason' in bytes) return undefined;
  const reading = readJson(new TextDecoder().decode(bytes));
  return reading.ok && isObject(reading.value) ? reading.value : undefined;
}
