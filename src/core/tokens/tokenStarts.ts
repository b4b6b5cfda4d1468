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
  for (let at = from; at < text.length; at++) {
    if (text.charCodeAt(at) !== 0x65) continue;
    const second = text.charCodeAt(at + 1);
    if (second !== 0x79 && second !== 0x77) continue;
    if (opensHeader(text, at) && mayStandAt(text, at)) return at;
    // An escape ends a word, so that no other start can follow in this one.
    at = wordEnd(text, at + 2);
  }
  return -1;
}

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
