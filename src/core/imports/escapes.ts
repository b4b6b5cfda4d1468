/** What shells, languages, pages and protocols have done to a text is undone here, in time linear in its length. */
import { decodeBase64url } from '../tokens/base64url.ts';
import { utf8 } from '../tokens/tokenParts.ts';

/** What editors and web pages slip in: byte order marks, zero-width characters, soft hyphens. */
export const invisible = /[\u00ad\u200b-\u200d\u2060\ufeff]+/g;

const entities: Readonly<Record<string, string>> = { quot: '"', amp: '&', apos: "'", lt: '<', gt: '>' };

/** Each way of writing by what gives it away, since its tokens read wrong as they stand. */
const writings: readonly { readonly sign: RegExp; readonly and?: RegExp; readonly undo: (text: string) => string }[] = [
  { sign: /[\u00ad\u200b-\u200d\u2060\ufeff]/, undo: text => text.replace(invisible, '') },
  { sign: /[“”„‟«»＂]/, undo: text => text.replace(/[“”„‟«»＂]/g, '"') },
  { sign: /[‘’‚‛]/, undo: text => text.replace(/[‘’‚‛]/g, "'") },
  {
    // HTML and XML
    sign: /&(?:quot|amp|apos|lt|gt|#\d{2,5}|#x[\da-f]{2,4});/i,
    undo: text =>
      // What stands in a page that shows a page is escaped twice.
      text
        .replaceAll('&amp;', '&')
        .replace(/&(?:(quot|amp|apos|lt|gt)|#(\d{2,5})|#x([\da-f]{2,4}));/gi, (_, name, decimal, hex) =>
          name ? (entities[name.toLowerCase()] ?? '') : character(decimal ? Number(decimal) : Number.parseInt(hex, 16)),
        ),
  },
  {
    // cmd.exe. A caret before a line break goes on with the line, and before two it means one.
    sign: /(?:^|[\s=])\^"|\^&|\^\r?\n/,
    undo: text => text.replace(/\^(?:(?:\r?\n){1,2}|([^\r\n]))/g, '$1'),
  },
  {
    // PowerShell, inside double quotes
    sign: /[{,:[(]\s?`"|`"\s?[:,}\])]/,
    undo: text => text.replace(/`(?:([nrt0])|\r?\n|(.))/g, (_, control, other) => (control ? ' ' : (other ?? ''))),
  },
  { sign: /""[\w-]*token""/i, undo: text => text.replaceAll('""', '"') }, // CSV, and old curl commands for cmd.exe
  {
    // Quoted-printable (RFC 2045 section 6.7)
    sign: /=3D/,
    and: /token"?=3D|=\r?\n/i,
    undo: text =>
      text.replace(/=(?:\r?\n|([\dA-F]{2}))/g, (_, hex) => (hex ? character(Number.parseInt(hex, 16)) : '')),
  },
];

/** The text as its writer meant it, as far as that can be told from how it is written. */
export function undoWriting(text: string): string {
  let plain = text;
  if (!/[\u00ad\u200b-\u201f\u2060\ufeff«»＂&^`=]|""/.test(text)) return text.trim();
  for (const { sign, and, undo } of writings) if (sign.test(plain) && and?.test(plain) !== false) plain = undo(plain);
  return plain.trim();
}

/** Other readings of a text that as it stands holds nothing, or not all: each only where it differs. */
export function* otherReadings(text: string): Generator<string> {
  if (/<\/?\w/.test(text)) yield text.replace(/<[^<>]*>/g, '');
  if (text.includes('\\')) yield withoutBackslashes(text);
  if (/%(?:22|3D|3A|7B)/i.test(text)) yield percentDecoded(text);
  const encoded = [...text.matchAll(encodedText)]
    .map(([, word = '']) => base64Text(word))
    .filter(each => each !== undefined);
  if (encoded.length > 0) yield encoded.join('\n');
}

/** Words that begin as JSON or a JWT in base64 does; a JWT itself goes on with a dot. */
const encodedText = /(?<![\w+/.])(?:base64-)?((?:eyJ|eyA|ew[o0k]|ZXlK)[\w+/-]{40,}={0,2})(?![\w.+/-])/g;

/** Strings in strings, however deep: their quotes stand bare. */
function withoutBackslashes(text: string): string {
  return text
    .replace(/(?<!\\)\\+(?=["'`/&=:#!$\\])/g, '')
    .replace(/(?<!\\)\\+(?:u00([\da-f]{2})|x([\da-f]{2}))/gi, (_, long, short) =>
      character(Number.parseInt(long ?? short, 16)),
    )
    .replace(/(?<!\\)\\+(?:[nrt]|\r?\n)/g, '\n');
}

/** The value of a string in a language with backslashes: JSON, C, shells, properties. */
export function unescaped(value: string): string {
  if (!value.includes('\\')) return value;
  return value.replace(
    /\\(?:u([\da-f]{4})|x([\da-f]{2})|([nrt]|\r?\n)|([\s\S])|$)/gi,
    (_, long, short, space, other) =>
      long || short ? character(Number.parseInt(long ?? short, 16)) : space ? ' ' : (other ?? ''),
  );
}

/** What percent-encoding (RFC 3986 section 2.1) meant, once more where it was encoded twice. */
export function percentDecoded(text: string): string {
  let decoded = text;
  for (let times = 0; times < 2 && /%[\da-f]{2}/i.test(decoded); times++) {
    decoded = decoded.replace(/(?:%[\da-f]{2})+/gi, run => {
      try {
        return decodeURIComponent(run);
      } catch {
        return run;
      }
    });
  }
  return decoded;
}

/**
 * The printable text that a word is the base64 of (RFC 4648), with or without padding; `undefined` where it is none.
 * @param least characters of a word that is looked at: short ones may be such a text by chance
 */
export function base64Text(word: string, least = 16): string | undefined {
  // Tools break it into lines of 64 or 76 characters.
  if (word.length < least || !/^[\w+/-]+(?:\r?\n[ \t]*[\w+/-]+)*={0,2}$/.test(word)) return undefined;
  const bare = word.replace(/\s+/g, '');
  const bytes = decodeBase64url(bare.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'));
  if (
    'reason' in bytes ||
    bytes.some(byte => byte > 0x7e || (byte < 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09))
  )
    return undefined;
  return utf8.decode(bytes).trim();
}

function character(code: number): string {
  return code > 0 ? String.fromCharCode(code) : '';
}
