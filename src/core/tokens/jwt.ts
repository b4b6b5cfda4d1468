/**
 * Reads tokens. Nothing here checks a signature: the results are *decoded*, never *verified* (see checks/verifier.ts).
 * Loaded at activation, so it imports no cryptography.
 */
import { classify, WorkbenchError } from '../errors.ts';
import { base64urlFlaw, decodeBase64url, encodeBase64url, isCanonical } from './base64url.ts';
import { type Form, inflate, unwrapped } from './forms.ts';
import { isObject, type JsonObject, own, readJson, textOf } from './json.ts';
import {
  checkEncoding,
  numericDate,
  type Part,
  readPart,
  readText,
  type TokenWarning,
  timeClaims,
  urlSafe,
  utf8,
} from './tokenParts.ts';

/** The longest token that is read, in characters. */
export const tokenLimit = 1024 * 1024;

/** A signed token (RFC 7515) that carries claims (RFC 7519). Its signature has NOT been checked. */
export interface DecodedJws {
  readonly kind: 'jws';
  readonly header: JsonObject;
  readonly payload: JsonObject;
  /** Set if the signed content is not a JSON object and nothing says that it should be one. `payload` is empty then. */
  readonly content?: 'text' | 'bytes';
  /** The JSON texts as they were signed, with their spacing and all their members. For `bytes`, their base64url. */
  readonly headerText: string;
  readonly payloadText: string;
  /** base64url, as in the token. */
  readonly signature: string;
  /** The three signed parts, without what `form` describes. */
  readonly compact: string;
  /** What surrounds them in the token's text. */
  readonly form?: Form;
  readonly warnings: readonly TokenWarning[];
}

/** An encrypted token (RFC 7516): only its header can be read. */
interface DecodedJwe {
  readonly kind: 'jwe';
  readonly header: JsonObject;
  readonly headerText: string;
  readonly warnings: readonly TokenWarning[];
}

/** Any other printable text: a token that only its issuer can read (RFC 6749 section 1.4). */
interface OpaqueToken {
  readonly kind: 'opaque';
  readonly warnings: readonly TokenWarning[];
}

export type DecodedToken = DecodedJws | DecodedJwe | OpaqueToken;

/**
 * Decodes a token in compact serialization. This does NOT verify anything. A text that starts like base64url of a JSON
 * object must be a JOSE token, and any flaw in it is an error; every other printable text is an opaque token.
 * @throws WorkbenchError `not_a_token` {reason}, `token_too_large` {size, limit}, `token_part_count` {parts},
 * `token_encoding` {part, reason, position: offset into the token}, `token_json` {part, reason}, `token_not_an_object`
 * {part}, `token_too_deep` {part, limit}; for a payload that is not JSON only if it should be a JWT
 * @param claimsOnly read it as a JWT, whatever its header says
 */
export function decodeToken(token: string, claimsOnly = false): DecodedToken {
  if (token.length > tokenLimit) {
    throw new WorkbenchError('token_too_large', { size: token.length, limit: tokenLimit });
  }
  if (token === '') throw new WorkbenchError('not_a_token', { reason: 'empty' });
  const inside = claimsOnly ? undefined : unwrapped(token);
  if (!inside) return decodeCompact(token, claimsOnly);
  const decoded = decodeCompact(inside.compact, false);
  return decoded.kind === 'jws' ? { ...decoded, form: inside.form } : { kind: 'opaque', warnings: [] };
}

function decodeCompact(token: string, claimsOnly: boolean): DecodedToken {
  // Neither of the two that only look like JOSE has a dot.
  if (!looksLikeJose(token) || (!token.includes('.') && (isForeignObject(token) || isSignedCookie(token)))) {
    // A JWT is never in this form (RFC 7519 section 1), and readers that accepted it have been exploited.
    if (/^\s*\{[\s\S]*"(?:payload|ciphertext)"\s*:/.test(token))
      throw new WorkbenchError('not_a_token', { reason: 'json' });
    const position = token.search(/[^\x21-\x7e]/);
    if (position >= 0) throw new WorkbenchError('not_a_token', { reason: 'character', position });
    return { kind: 'opaque', warnings: [] };
  }
  const dots = dotsIn(token);
  if (dots.length === 2) {
    const [first = 0, second = 0] = dots;
    const decoded = decodeJws(token, first, second, claimsOnly);
    // A signed cookie of a web framework: its first part is the session rather than a header.
    const isCookie = decoded.content && !Object.hasOwn(decoded.header, 'alg');
    return isCookie ? { kind: 'opaque', warnings: [] } : decoded;
  }
  if (dots.length === 4) return decodeJwe(token, dots);
  const [dot] = dots;
  if (dot !== undefined && dots.length === 1 && !claimsOnly) {
    const cut = decodeCut(token, dot);
    if (cut) return cut;
  }
  throw new WorkbenchError('token_part_count', { parts: countParts(token) });
}

/**
 * Decodes a token whose content is detached (RFC 7515 appendix F), with that content in its place; with `b64: false` it
 * is not encoded (RFC 7797). A token that has a payload is decoded as it is. @throws WorkbenchError as `decodeToken`
 */
export function decodeDetached(token: string, content: string | Uint8Array): DecodedToken {
  if (!isDetached(token)) return decodeToken(token);
  const [head = '', , signature = ''] = token.split('.', 3);
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const decoded = decodeToken(`${head}.${encodeBase64url(bytes)}.${signature}`);
  return decoded.kind === 'jws' ? { ...decoded, form: { kind: 'detached', bytes } } : decoded;
}

/** A signature whose content was kept apart. */
export function isDetached(token: string): boolean {
  return looksLikeJose(token) && /^[\w-]+\.\.[\w-]+$/.test(token);
}

/** Decompresses the payload of a token with `zip: DEF`, for example a SMART Health Card, and reads its claims. */
export async function inflated(token: DecodedJws): Promise<DecodedJws> {
  if (own(token.header, 'zip') !== 'DEF') return token;
  const bytes = token.content === 'bytes' ? decodeBase64url(token.payloadText) : undefined;
  const text = bytes === undefined || 'reason' in bytes ? undefined : await inflate(bytes);
  const reading = text === undefined ? undefined : readJson(text);
  if (text === undefined || !reading?.ok || !isObject(reading.value)) return token;
  const { content: _, ...others } = token;
  const warnings = token.warnings.filter(({ code }) => code !== 'not_claims');
  return { ...others, payload: reading.value, payloadText: text, warnings };
}

/** The members of one part; empty if it cannot be read. */
export function membersOf(decoded: DecodedToken, part: 'header' | 'payload'): JsonObject {
  if (decoded.kind === 'opaque') return {};
  return part === 'header' ? decoded.header : decoded.kind === 'jws' ? decoded.payload : {};
}

/** True if the token is signed with a shared secret, which is in no key set. */
export function isHmac(decoded: DecodedToken): boolean {
  return decoded.kind === 'jws' && /^HS\d{3}$/.test(textOf(decoded.header, 'alg') ?? '');
}

/** For texts that may be anything. This does NOT verify anything. */
export function tryDecode(token: string): DecodedToken | { readonly error: WorkbenchError } {
  try {
    return decodeToken(token);
  } catch (error) {
    return { error: classify(error) };
  }
}

/**
 * True if the text starts with base64url of `{"`, `{}` or `{` and a space, tab or line break, as every JOSE header
 * does. The rest is not examined.
 */
export function looksLikeJose(text: string): boolean {
  return /^(?:ey[A-DI-L]|ew[k-r0-3]|e3[0-3])/.test(text);
}

/** `exp` in milliseconds since the epoch. Unverified; `undefined` if it is missing or absurd. */
export function expiresAt(decoded: DecodedToken): number | undefined {
  if (decoded.kind !== 'jws') return undefined;
  const date = numericDate(own(decoded.payload, 'exp'));
  return 'at' in date ? date.at : undefined;
}

/** True for `none` and for what a careless comparison would take for it. */
export function isNone(alg: unknown): boolean {
  return typeof alg === 'string' && alg.trim().toLowerCase() === 'none';
}

/** Header parameters by which a token brings its own key (RFC 7515 sections 4.1.2 to 4.1.6). */
export const embeddedKeyParameters = ['jwk', 'jku', 'x5u', 'x5c'] as const;

/** @param first the offset of the first dot @param second the offset of the second dot */
function decodeJws(token: string, first: number, second: number, claimsOnly: boolean): DecodedJws {
  const warnings: TokenWarning[] = [];
  const header = readHeader(token, first, warnings);
  const unencoded = own(header.value, 'b64') === false && token[first + 1] === '{';
  const payload = unencoded
    ? readText(token.slice(first + 1, second), 'payload', warnings)
    : readPayload(token, header.value, first + 1, second, warnings, claimsOnly);
  const signature = token.slice(second + 1);
  if (base64urlFlaw(signature))
    checkEncoding(urlSafe(signature, 'signature', warnings), 'signature', second + 1, warnings);
  else if (!isCanonical(signature)) warnings.push({ code: 'non_canonical', part: 'signature' });
  if (signature === '' && !isNone(own(header.value, 'alg'))) {
    warnings.push({ code: 'signature_missing', part: 'signature' });
  }
  timeWarnings(payload.value, warnings);
  const decoded: DecodedJws = {
    kind: 'jws',
    header: header.value,
    payload: payload.value,
    headerText: header.text,
    payloadText: payload.text,
    signature,
    compact: token,
    warnings,
  };
  return payload.content ? { ...decoded, content: payload.content } : decoded;
}

/** The last header, cached because an issuer uses one header for many tokens. It is not a secret. */
let lastHeader:
  | { readonly encoded: string; readonly part: Part; readonly warnings: readonly TokenWarning[] }
  | undefined;

function readHeader(token: string, end: number, warnings: TokenWarning[]): Part {
  const encoded = token.slice(0, end);
  if (lastHeader?.encoded !== encoded) {
    const found: TokenWarning[] = [];
    const part = readPart(token, 'header', 0, end, found);
    headerWarnings(part.value, found);
    lastHeader = { encoded, part, warnings: found };
  }
  warnings.push(...lastHeader.warnings);
  return lastHeader.part;
}

/** Decodes a token whose signature was not copied: it can be read but not verified. */
function decodeCut(token: string, dot: number): DecodedJws | undefined {
  try {
    const decoded = decodeJws(`${token}.`, dot, token.length, true);
    if (typeof own(decoded.header, 'alg') !== 'string') return undefined;
    const warnings = decoded.warnings.filter(({ code }) => code !== 'signature_missing');
    return { ...decoded, form: { kind: 'cut' }, warnings: [...warnings, { code: 'cut', part: 'signature' }] };
  } catch {
    return undefined;
  }
}

function decodeJwe(token: string, dots: readonly number[]): DecodedJwe {
  const warnings: TokenWarning[] = [];
  const [headerEnd = token.length] = dots;
  const { value, text } = readHeader(token, headerEnd, warnings);
  (['encrypted_key', 'iv', 'ciphertext', 'tag'] as const).forEach((part, index) => {
    const start = (dots[index] ?? token.length) + 1;
    checkEncoding(token.slice(start, dots[index + 1]), part, start, warnings);
  });
  return { kind: 'jwe', header: value, headerText: text, warnings };
}

/** Reads claims, or any other content that a JWS may sign. A flawed payload that should be claims is still an error. */
function readPayload(
  token: string,
  header: JsonObject,
  start: number,
  end: number,
  warnings: TokenWarning[],
  claimsOnly: boolean,
): Part {
  try {
    return readPart(token, 'payload', start, end, warnings);
  } catch (error) {
    const isJwt = claimsOnly || /(?:^|[/+])jwt$/i.test(textOf(header, 'typ') ?? '');
    const refused = isJwt || classify(error).code === 'token_too_deep';
    const part = refused ? undefined : readContent(token, start, end);
    if (!part) throw error;
    warnings.push({ code: 'not_claims', part: 'payload' });
    return part;
  }
}

function readContent(token: string, start: number, end: number): Part | undefined {
  const encoded = token.slice(start, end);
  const bytes = decodeBase64url(encoded);
  if ('reason' in bytes) return undefined;
  try {
    const text = utf8.decode(bytes);
    return text.trimStart().startsWith('{') ? undefined : { value: {}, text, content: 'text' };
  } catch {
    return { value: {}, text: encoded, content: 'bytes' };
  }
}

function headerWarnings(header: JsonObject, warnings: TokenWarning[]): void {
  const part = 'header';
  const alg = own(header, 'alg');
  if (typeof alg !== 'string') warnings.push({ code: 'alg_missing', part, member: 'alg' });
  else if (isNone(alg)) warnings.push({ code: 'alg_none', part, member: 'alg' });
  if (Object.hasOwn(header, 'crit')) warnings.push({ code: 'crit', part, member: 'crit' });
  if (own(header, 'b64') === false) warnings.push({ code: 'b64_false', part, member: 'b64' });
  for (const member of embeddedKeyParameters) {
    if (Object.hasOwn(header, member)) warnings.push({ code: 'embedded_key', part, member });
  }
}

function timeWarnings(payload: JsonObject, warnings: TokenWarning[]): void {
  for (const member of timeClaims) {
    if (!Object.hasOwn(payload, member)) continue;
    const date = numericDate(payload[member]);
    if ('flaw' in date) warnings.push({ code: date.flaw, part: 'payload', member, path: `/${member}` });
  }
}

/** True for values signed by Rails and Django: base64 and a digest after dashes, or three pieces between colons. */
function isSignedCookie(token: string): boolean {
  return signedCookie.test(token);
}

const signedCookie = /^[\w+/=%-]{8,4096}--[\da-f]{40,64}$|^[\w-]{2,4096}:[\w-]{6,12}:[\w-]{27,90}$/;

/**
 * True for base64 of a whole JSON object without `alg`, which some issuers' opaque tokens look like. A JOSE header has
 * `alg`.
 */
function isForeignObject(token: string): boolean {
  const bytes = decodeBase64url(
    token
      .replace(/={1,2}$/, '')
      .replaceAll('+', '-')
      .replaceAll('/', '_'),
  );
  if ('reason' in bytes) return false;
  const reading = readJson(new TextDecoder().decode(bytes));
  return reading.ok && isObject(reading.value) && !Object.hasOwn(reading.value, 'alg');
}

/** The offsets of the first five dots: a token with more than four has too many anyway. */
function dotsIn(token: string): number[] {
  const dots: number[] = [];
  for (let at = token.indexOf('.'); at >= 0 && dots.length < 5; at = token.indexOf('.', at + 1)) dots.push(at);
  return dots;
}

function countParts(token: string): number {
  let parts = 1;
  for (let at = token.indexOf('.'); at >= 0; at = token.indexOf('.', at + 1)) parts++;
  return parts;
}
