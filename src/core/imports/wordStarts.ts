import { anyOf } from '../tokens/opaqueTokens.ts';

/** Finds where any of many words begins, at or after an offset, at a boundary as `\b` is one; -1 if nowhere. */
export type NextStart = (text: string, from: number, bytes?: Uint8Array) => number;

/**
 * Searches the bytes of a file in a seventh of the time that a regular expression takes for its text. If `bytes` are
 * given, `text` has one character for each.
 *
 * Every second pair of bytes is looked up in a table: a word has its first two characters there or its second two.
 * @param words at least three characters of ASCII each, the first one a letter or a digit
 */
export function wordStarts(words: readonly string[]): NextStart {
  const anywhere = new RegExp(`\\b${anyOf(words)}`, 'g');
  const here = new RegExp(anyOf(words), 'y');
  const pairs = new Uint8Array(0x10000);
  for (const word of words) {
    const [first, second, third] = [word.charCodeAt(0), word.charCodeAt(1), word.charCodeAt(2)];
    pairs[(first << 8) | second] = (pairs[(first << 8) | second] ?? 0) | isFirst;
    pairs[(second << 8) | third] = (pairs[(second << 8) | third] ?? 0) | isSecond;
  }

  function startsAt(text: string, at: number, from: number): boolean {
    if (at < from || (at > 0 && /\w/.test(text.charAt(at - 1)))) return false;
    here.lastIndex = at;
    return here.test(text);
  }

  function hasPair(bytes: Uint8Array, at: number, place: number): boolean {
    if (at < 0 || at + 1 >= bytes.length) return false;
    return ((pairs[((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)] ?? 0) & place) !== 0;
  }

  function inBytes(text: string, bytes: Uint8Array, from: number): number {
    // A local variable is read faster than one of the closure, and nothing beyond the end is read: see findJwts.ts.
    const table = pairs;
    const last = bytes.length - 1;
    for (let at = from; at < last; at += 2) {
      const hit = table[((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)] ?? 0;
      if (hit === 0) continue;
      if ((hit & isSecond) !== 0 && hasPair(bytes, at - 1, isFirst) && startsAt(text, at - 1, from)) return at - 1;
      if ((hit & isFirst) !== 0 && hasPair(bytes, at + 1, isSecond) && startsAt(text, at, from)) return at;
    }
    return -1;
  }

  return (text, from, bytes) => {
    if (bytes) return inBytes(text, bytes, from);
    anywhere.lastIndex = from;
    return anywhere.exec(text)?.index ?? -1;
  };
}

const isFirst = 1;
const isSecond = 2;
