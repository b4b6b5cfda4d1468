import { WorkbenchError } from '../errors.ts';
import { type Base64urlFlaw, base64urlFlaw, decodeAscii, decodeBase64url, isCanonical } from './base64url.ts';
import { depthLimit, isObject, type JsonObject, readJson } from './json.ts';
import type { TimeFlaw } from './times.ts';

/** The parts of a token: base64url of JSON, or of bytes that nobody needs here. */

export type TokenPart = 'header' | 'payload' | 'signature' | 'encrypted_key' | 'iv' | 'ciphertext' | 'tag';

export type TokenWarningCode =
  /** The member comes twice; the last one counts here, the first one elsewhere. */
  | 'duplicate_member'
  | TimeFlaw
  | 'alg_missing'
  /** `alg` is `none` in any spelling: anyone could have written this token. */
  | 'alg_none'
  | 'signature_missing'
  /** The token demands that its reader understands the extensions in `member`. */
  | 'crit'
  | 'b64_false'
  /** `jwk`, `jku`, `x5u`, `x5c`: a key, or the way to one, that the token itself brings. Shown, never used. */
  | 'embedded_key'
  /** The payload is no JSON object: signed content (RFC 7515) that is no JWT. */
  | 'not_claims'
  /** The last character of the part could be another one without changing its bytes. */
  | 'non_canonical';

export interface TokenWarning {
  readonly code: TokenWarningCode;
  readonly part: TokenPart;
  /** The member that the warning is about, as the token spells it. */
  readonly member?: string;
  /** Where the member is, as a JSON Pointer (RFC 6901). */
  readonly path?: string;
}

export interface Part {
  readonly value: JsonObject;
  readonly text: string;
  readonly content?: 'text' | 'bytes';
}

/** Keeps no state between calls; making one takes longer than using it. */
export const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function readPart(token: string, part: TokenPart, start: number, end: number, warnings: TokenWarning[]): Part {
  const encoded = token.slice(start, end);
  const text = decodeAscii(encoded) ?? decodeUtf8(encoded, part, start);
  if (!isCanonical(encoded)) warnings.push({ code: 'non_canonical', part });
  return readText(text, part, warnings);
}

function decodeUtf8(encoded: string, part: TokenPart, start: number): string {
  const bytes = decodeBase64url(encoded);
  if ('reason' in bytes) throw encodingError(bytes, part, start);
  try {
    return utf8.decode(bytes);
  } catch {
    throw new WorkbenchError('token_json', { part, reason: 'utf8' });
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
  return { value: reading.value, text };
}

/** Looks at a part whose bytes nobody needs here. */
export function checkEncoding(encoded: string, part: TokenPart, start: number, warnings: TokenWarning[]): void {
  const flaw = base64urlFlaw(encoded);
  if (flaw) throw encodingError(flaw, part, start);
  if (!isCanonical(encoded)) warnings.push({ code: 'non_canonical', part });
}

function encodingError({ reason, position }: Base64urlFlaw, part: TokenPart, start: number): WorkbenchError {
  return new WorkbenchError('token_encoding', { part, reason, position: start + position });
}
