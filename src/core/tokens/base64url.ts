/**
 * Strict base64url as JOSE uses it (RFC 7515 section 2): the URL-safe alphabet, no padding, no whitespace. `atob` and
 * jose accept more than that, and a token that only some readers accept deserves a warning.
 */

/** Why a text is not base64url, and at which offset. */
export interface Base64urlFlaw {
  readonly reason: 'character' | 'length';
  readonly position: number;
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const values = new Int8Array(128).fill(-1);
for (let i = 0; i < alphabet.length; i++) values[alphabet.charCodeAt(i)] = i;

/** -1 for anything outside the alphabet, including characters above ASCII. */
function valueAt(text: string, index: number): number {
  return values[text.charCodeAt(index)] ?? -1;
}

/** The first flaw, or `undefined` if the text is strict base64url. An empty text counts as base64url. */
export function base64urlFlaw(text: string): Base64urlFlaw | undefined {
  const position = text.search(/[^A-Za-z0-9_-]/);
  if (position >= 0) return { reason: 'character', position };
  return text.length % 4 === 1 ? { reason: 'length', position: text.length } : undefined;
}

/** The bytes, or the first flaw. */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | Base64urlFlaw {
  const { length } = text;
  if (length % 4 === 1) return base64urlFlaw(text) ?? { reason: 'length', position: length };
  const bytes = new Uint8Array((length * 3) >> 2);
  const whole = length - (length % 4);
  let at = 0;
  for (let i = 0; i < whole; i += 4) {
    const bits =
      (valueAt(text, i) << 18) | (valueAt(text, i + 1) << 12) | (valueAt(text, i + 2) << 6) | valueAt(text, i + 3);
    if (bits < 0) return base64urlFlaw(text) ?? { reason: 'character', position: i };
    bytes[at++] = bits >> 16;
    bytes[at++] = bits >> 8;
    bytes[at++] = bits;
  }
  if (whole < length) {
    const third = length - whole === 3 ? valueAt(text, whole + 2) : 0;
    const bits = (valueAt(text, whole) << 18) | (valueAt(text, whole + 1) << 12) | (third << 6);
    if (bits < 0) return base64urlFlaw(text) ?? { reason: 'character', position: whole };
    bytes[at++] = bits >> 16;
    if (at < bytes.length) bytes[at] = bits >> 8;
  }
  return bytes;
}

/** base64 in either alphabet, padded or not. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = decodeBase64url(
    text
      .replace(/={1,2}$/, '')
      .replaceAll('+', '-')
      .replaceAll('/', '_'),
  );
  return 'reason' in bytes ? undefined : bytes;
}

/**
 * Decodes strict base64url if the result is all ASCII, as most JSON is: the platform decodes that fastest. `undefined`
 * for everything else.
 */
export function decodeAscii(text: string): string | undefined {
  if (base64urlFlaw(text)) return undefined;
  const decoded = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return /[^\0-\x7f]/.test(decoded) ? undefined : decoded;
}

/**
 * False if the last character has bits that belong to no byte: the text can be decoded, but another text decodes to the
 * same bytes (RFC 4648 section 3.5).
 */
export function isCanonical(text: string): boolean {
  const rest = text.length % 4;
  if (rest === 0) return true;
  return (valueAt(text, text.length - 1) & (rest === 2 ? 0b1111 : 0b11)) === 0;
}

/** base64url without padding. For hashes and keys; too slow for megabytes. */
export function encodeBase64url(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
