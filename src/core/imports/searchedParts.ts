/**
 * Which parts of a file to scan, once a search has told where its patterns match. Every token begins within a match: at
 * its start, or later in it where another pattern began earlier. So what is far from all matches need not be read.
 */

/** Bytes before a match, for what may stand before a token and tells what it is. */
const before = 1024;

/** Bytes after the start of a match. Names, quotes and the operators of a program may come first, and they are short. */
const after = 64 * 1024;

/** Bytes beyond the character that ends the last token, for a name that this character follows. */
const beyond = 8 * 1024;

/** Characters that are in no token and in nothing that joins its lines, so that none reaches across them. */
const ends = new Uint8Array(256);
for (const character of '()[]{};,<&@?^') ends[character.charCodeAt(0)] = 1;

type Part = readonly [from: number, to: number];

/**
 * The parts of a file with all tokens that begin in one of its matches, however long they are. Takes time linear in the
 * file and the number of matches.
 * @param places where the matches start, in bytes, in ascending order; without them, the whole file
 */
export function searchedParts(bytes: Uint8Array, places: readonly number[] | undefined): readonly Part[] {
  const whole: Part = [0, bytes.length];
  // A search ends at a NUL, and the file may have changed since.
  const isKnown = places?.every(place => Number.isSafeInteger(place) && place >= 0 && place < bytes.length);
  if (places === undefined || !isKnown || bytes.includes(0)) return [whole];
  const parts: [number, number][] = [];
  for (const place of places) {
    const last = parts.at(-1);
    // The same character ends both.
    if (last && (last[1] === bytes.length || place + after <= last[1] - beyond)) continue;
    let end = place + after;
    while (end < bytes.length && ends[bytes[end] ?? 0] === 0) end++;
    const to = Math.min(end + beyond, bytes.length);
    const from = Math.max(0, place - before);
    if (last && from <= last[1]) last[1] = to;
    else parts.push([from, to]);
  }
  return parts;
}
