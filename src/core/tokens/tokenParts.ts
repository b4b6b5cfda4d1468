/** The parts of a token: base64url of JSON, or of bytes whose content is not needed here. */
import { WorkbenchError } from '../errors.ts';
import { type Base64urlFlaw, base64urlFlaw, decodeAscii, decodeBase64url, isCanonical } from './base64url.ts';
import { depthLimit, isObject, type JsonObject, readJson, textOf } from './json.ts';

export type TokenPart =
  | 'header'
  | 'payload'
  | 'signature'
  | 'encrypted_key'
  | 'iv'
  | 'ciphertext'
  | 'tag'
  /** A disclosure of an SD-JWT (RFC 9901). */
  | 'disclosure';

export type TokenWarningCode =
  /** The member occurs twice. This reader keeps the last value; other readers keep the first. */
  | 'duplicate_member'
  | TimeFlaw
  | 'alg_missing'
  /** `alg` is `none` in any spelling: anyone could have written this token. */
  | 'alg_none'
  | 'signature_missing'
  /** The token requires its reader to understand the extensions in `member`. */
  | 'crit'
  | 'b64_false'
  /** `jwk`, `jku`, `x5u`, `x5c`: the token itself contains or names a key. It is shown but never used. */
  | 'embedded_key'
  /** The payload is not a JSON object: signed content (RFC 7515) that is not a JWT. */
  | 'not_claims'
  /** Another last character of the part would decode to the same bytes. */
  | 'non_canonical'
  /** The part is base64 with `+`, `/` or padding. It is signed as it is written, and many readers reject it. */
  | 'base64'
  /** The text is not UTF-8 and was read as Latin-1 (RFC 7519 section 7.2 requires UTF-8). */
  | 'not_utf8'
  /** `found` is the number as written in the token; JavaScript rounds it. */
  | 'number_rounded'
  /** Header and payload without a signature: the rest was not copied. */
  | 'cut';

export interface TokenWarning {
  readonly code: TokenWarningCode;
  readonly part: TokenPart;
  /** The member that the warning is about, as the token spells it. */
  readonly member?: string;
  /** The place of the member, as a JSON Pointer (RFC 6901). */
  readonly path?: string;
  readonly found?: string;
}

export interface Part {
  readonly value: JsonObject;
  readonly text: string;
  readonly content?: 'text' | 'bytes';
}

/** Shared, because it keeps no state between calls and creating one takes longer than using it. */
export const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function readPart(token: string, part: TokenPart, start: number, end: number, warnings: TokenWarning[]): Part {
  const written = token.slice(start, end);
  const plain = decodeAscii(written);
  const encoded = plain === undefined ? urlSafe(written, part, warnings) : written;
  const text = plain ?? decodeText(encoded, part, start, warnings);
  if (!isCanonical(encoded)) warnings.push({ code: 'non_canonical', part });
  return readText(text, part, warnings);
}

/** `typ` of a header in lower case, without "application/" (RFC 7515 section 4.1.9); empty if it has none. */
export function typeOf(header: JsonObject): string {
  const typ = textOf(header, 'typ')?.toLowerCase() ?? '';
  return typ.startsWith('application/') ? typ.slice('application/'.length) : typ;
}

/** Converts base64 in its other alphabet or with padding, as some issuers write it, to base64url. */
export function urlSafe(encoded: string, part: TokenPart, warnings: TokenWarning[]): string {
  if (!/[+/=]/.test(encoded) || !/^[\w+/-]+={0,2}$/.test(encoded)) return encoded;
  warnings.push({ code: 'base64', part });
  return encoded.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_');
}

function decodeText(encoded: string, part: TokenPart, start: number, warnings: TokenWarning[]): string {
  const bytes = decodeBase64url(encoded);
  if ('reason' in bytes) throw encodingError(bytes, part, start);
  try {
    return utf8.decode(bytes);
  } catch {
    // Text in Latin-1 still parses as a JSON object; other bytes never do by chance.
    const text = new TextDecoder('latin1').decode(bytes);
    const reading = readJson(text);
    if (!reading.ok || !isObject(reading.value)) throw new WorkbenchError('token_json', { part, reason: 'utf8' });
    warnings.push({ code: 'not_utf8', part });
    return text;
  }
}

export function readText(text: string, part: TokenPart, warnings: TokenWarning[]): Part {
  if (text === '') throw new WorkbenchError('token_json', { part, reason: 'empty' });
  const reading = readJson(text);
  if (!reading.ok) {
    if (reading.reason === 'depth') throw new WorkbenchError('token_too_deep', { part, limit: depthLimit });
    throw new WorkbenchError('token_json', { part, reason: 'syntax' });
  }
  if (!isObject(reading.value)) throw new WorkbenchError('token_not_an_object', { part });
  for (const { member, path } of reading.duplicates) {
    warnings.push({ code: 'duplicate_member', part, member, path });
  }
  for (const { written, path } of reading.rounded.slice(0, numbersNamed)) {
    warnings.push({
      code: 'number_rounded',
      part,
      member: path.split('/')[1] ?? '',
      path,
      found: written.slice(0, 100),
    });
  }
  return { value: reading.value, text };
}

/** How many rounded numbers are reported. */
const numbersNamed = 16;

/** Checks a part whose bytes are not needed here. */
export function checkEncoding(encoded: string, part: TokenPart, start: number, warnings: TokenWarning[]): void {
  const flaw = base64urlFlaw(encoded);
  if (flaw) throw encodingError(flaw, part, start);
  if (!isCanonical(encoded)) warnings.push({ code: 'non_canonical', part });
}

function encodingError({ reason, position }: Base64urlFlaw, part: TokenPart, start: number): WorkbenchError {
  return new WorkbenchError('token_encoding', { part, reason, position: start + position });
}

// --- Times in claims (RFC 7519 section 2), and which claims are times ---

export type TimeFlaw = 'time_not_a_number' | 'time_in_milliseconds' | 'time_out_of_range';

/** `at` is in milliseconds since the epoch. */
export type NumericDate = { readonly at: number } | { readonly flaw: TimeFlaw };

/** The last second of the year 9999, in seconds since the epoch. */
const lastSecond = 253_402_300_799;
/** The year 2000 in milliseconds: far beyond `lastSecond`, so that the two units cannot be confused. */
const year2000 = 946_684_800_000;

/** Reads a NumericDate: seconds since the epoch, fractions allowed (RFC 7519 section 2). */
export function numericDate(value: unknown): NumericDate {
  if (typeof value !== 'number') return { flaw: 'time_not_a_number' };
  if (value >= 0 && value <= lastSecond) return { at: Math.floor(value * 1000) };
  if (value >= year2000 && value <= lastSecond * 1000) return { flaw: 'time_in_milliseconds' };
  return { flaw: 'time_out_of_range' };
}

/** Claims that are times (RFC 7519 section 4.1, OpenID Connect Core sections 2 and 5.1, RFC 8417 section 2.2). */
export const timeClaims = ['exp', 'nbf', 'iat', 'auth_time', 'updated_at', 'toe'] as const;

export function isTimeClaim(name: string): boolean {
  return (timeClaims as readonly string[]).includes(name);
}

// --- Where the members of a part stand in its base64url ---

export interface MemberRange {
  /** As written in the text, with quotes and escapes. */
  readonly name: string;
  /**
   * Offsets into the encoded part, `end` exclusive. They include every character with at least one bit of the member.
   */
  readonly start: number;
  readonly end: number;
}

/**
 * The ranges of the top-level members of a JSON object, in their order and including duplicates, so that the inspector
 * can link the JSON with its base64url. `json` must be valid. Linear in the text.
 */
export function memberRanges(json: string): MemberRange[] {
  const found: { name: string; start: number; end: number }[] = [];
  let depth = 0;
  let start = -1;
  let name = '';
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === '"') {
      const end = closingQuote(json, at);
      if (depth === 1 && start < 0) {
        start = at;
        name = json.slice(at, end + 1);
      }
      at = end;
    } else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']' || character === ',') {
      if (depth === 1 && start >= 0) {
        found.push({ name, start, end: at });
        start = -1;
      }
      if (character !== ',') depth--;
    }
  }
  return toEncoded(json, found);
}

function closingQuote(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === '\\') at++;
    else if (json[at] === '"') return at;
  }
  return json.length;
}

/**
 * Converts offsets in the JSON to offsets in its base64url: three bytes are four characters, so a character can belong
 * to two members.
 */
function toEncoded(json: string, members: readonly MemberRange[]): MemberRange[] {
  const encoder = new TextEncoder();
  let bytes = 0;
  let read = 0;
  const bytesUntil = (offset: number) => {
    bytes += encoder.encode(json.slice(read, offset)).length;
    read = offset;
    return bytes;
  };
  return members.map(({ name, start, end }) => {
    const from = bytesUntil(start);
    const to = bytesUntil(start + json.slice(start, end).trimEnd().length);
    bytesUntil(end);
    return { name, start: Math.floor((from * 4) / 3), end: Math.ceil((to * 4) / 3) };
  });
}
