/** Tokens that are not written as three parts of base64url, and the compact JWS (RFC 7515 section 3.1) inside them. */
import { WorkbenchError } from '../errors.ts';
import { decodeBase64url, encodeBase64url } from './base64url.ts';
import { carryNumber, depthLimit, isObject, type JsonObject, own, readJson, textOf } from './json.ts';

/** What surrounds the compact JWS. */
export type Form =
  /** RFC 9901: disclosures follow, and optionally a JWT in which the holder proves possession of a key. */
  | { readonly kind: 'sd_jwt'; readonly disclosures: readonly Disclosure[]; readonly keyBinding?: string }
  /**
   * RFC 7515 section 7.2: a JSON object. `others` are further signatures of the same payload, each as a compact JWS.
   */
  | { readonly kind: 'json'; readonly others: readonly string[]; readonly unprotected: JsonObject }
  /** A text that the issuer puts before the JWT. */
  | { readonly kind: 'prefixed'; readonly prefix: string }
  /** SMART Health Cards: the characters as pairs of digits. */
  | { readonly kind: 'digits' }
  /** RFC 7515 appendix F: the signed content is detached and was given separately. */
  | { readonly kind: 'detached'; readonly bytes: Uint8Array }
  /** Only the header and the payload were copied. */
  | { readonly kind: 'cut' };

export interface Disclosure {
  /** The text that is hashed: base64url. */
  readonly encoded: string;
  /** Absent for an element of an array. */
  readonly name?: string;
  readonly value: unknown;
}

export interface Unwrapped {
  readonly compact: string;
  readonly form: Form;
}

/** A token with more disclosures or signatures is rejected. */
const mostPieces = 1000;

/** @throws WorkbenchError `not_a_token` {reason: 'json'}, `token_json` and `token_encoding` of a part `disclosure` */
export function unwrapped(token: string): Unwrapped | undefined {
  // Nearly every token starts like this, so none of the other forms need be tried.
  if (token.startsWith('e')) return token.includes('~') ? fromSdJwt(token) : undefined;
  if (/^\s*\{/.test(token)) return fromJson(token);
  // GitHub's installation tokens, and the header of a push message (RFC 8292 section 3).
  const [, prefix, compact] = /^(ghs_\d{1,20}_|vapid t=)(ey[\w.-]+)(?:, ?k=[\w-]{80,100})?$/.exec(token) ?? [];
  if (prefix !== undefined && compact !== undefined) return { compact, form: { kind: 'prefixed', prefix } };
  const digits = /^shc:\/(?:1\/1\/)?(\d+)$/.exec(token)?.[1];
  return digits === undefined ? undefined : fromDigits(digits);
}

function fromSdJwt(token: string): Unwrapped {
  const [compact = '', ...rest] = token.split('~', mostPieces + 2);
  if (rest.length > mostPieces) throw new WorkbenchError('token_part_count', { parts: rest.length });
  // The last piece is empty if no key binding follows. A piece that was cut off is read as a disclosure without its
  // end.
  const last = rest.pop() ?? '';
  const isJwt = last.includes('.');
  let position = compact.length + 1;
  const disclosures = [...rest, ...(last !== '' && !isJwt ? [last] : [])].map(each => {
    const disclosure = readDisclosure(each, position);
    position += each.length + 1;
    return disclosure;
  });
  return { compact, form: { kind: 'sd_jwt', disclosures, ...(isJwt && { keyBinding: last }) } };
}

function readDisclosure(encoded: string, start: number): Disclosure {
  const bytes = decodeBase64url(encoded);
  if ('reason' in bytes) {
    const { reason, position } = bytes;
    throw new WorkbenchError('token_encoding', { part: 'disclosure', reason, position: start + position });
  }
  const reading = readJson(new TextDecoder().decode(bytes));
  const pieces: readonly unknown[] = reading.ok && Array.isArray(reading.value) ? reading.value : [];
  const [salt, second, third, ...more] = pieces;
  if (typeof salt !== 'string' || more.length > 0 || second === undefined)
    throw new WorkbenchError('token_json', { part: 'disclosure', reason: 'syntax' });
  const isElement = third === undefined;
  if (!isElement && typeof second !== 'string')
    throw new WorkbenchError('token_json', { part: 'disclosure', reason: 'syntax' });
  const disclosure = isElement ? { encoded, value: second } : { encoded, name: String(second), value: third };
  carryNumber(pieces, isElement ? 1 : 2, disclosure, 'value');
  return disclosure;
}

function fromDigits(digits: string): Unwrapped {
  // Each pair is the code of a character minus the code of "-".
  const compact = (digits.match(/\d\d/g) ?? []).map(pair => String.fromCharCode(Number(pair) + 45)).join('');
  return { compact, form: { kind: 'digits' } };
}

function fromJson(token: string): Unwrapped | undefined {
  const reading = readJson(token);
  if (!reading.ok || !isObject(reading.value)) return undefined;
  const { value } = reading;
  const payload = textOf(value, 'payload');
  const list = own(value, 'signatures');
  const signatures = (Array.isArray(list) ? list : [value]).filter(isObject).slice(0, mostPieces);
  const compacts = signatures.flatMap(each => {
    const [head, signature] = [textOf(each, 'protected'), textOf(each, 'signature')];
    return head === undefined || signature === undefined ? [] : [`${head}.${payload ?? ''}.${signature}`];
  });
  const [compact, ...others] = compacts;
  if (payload === undefined || compact === undefined || compacts.length < signatures.length) return undefined;
  const member = own(signatures[0] ?? {}, 'header');
  const unprotected = isObject(member) ? member : {};
  const disclosed = own(unprotected, 'disclosures');
  if (!Array.isArray(disclosed)) return { compact, form: { kind: 'json', others, unprotected } };
  // An SD-JWT in JSON (RFC 9901 section 8): the same parts under other names.
  const keyBinding = textOf(unprotected, 'kb_jwt');
  const disclosures = disclosed
    .slice(0, mostPieces)
    .map(each => readDisclosure(typeof each === 'string' ? each : '', token.length));
  return { compact, form: { kind: 'sd_jwt', disclosures, ...(keyBinding !== undefined && { keyBinding }) } };
}

// --- SD-JWT: puts the disclosures into the claims (RFC 9901 section 7) ---

type SdProblem =
  /** No digest in the token matches the disclosure: it was added later. */
  | 'undigested'
  /** A digest occurs twice, or a disclosure names a claim that exists already. */
  | 'duplicate'
  | 'algorithm'
  | 'depth'
  | 'name';

export interface Disclosed {
  /** The claims with all disclosures in their places. */
  readonly payload: JsonObject;
  /** Number of digests without a disclosure: hidden claims and decoys. */
  readonly hidden: number;
  readonly problem?: SdProblem;
}

/** @param signed the payload as its issuer signed it */
export async function disclose(signed: JsonObject, disclosures: readonly Disclosure[]): Promise<Disclosed> {
  const named = own(signed, '_sd_alg') ?? 'sha-256';
  const hash = named === 'sha-256' || named === 'sha-384' || named === 'sha-512' ? named.toUpperCase() : undefined;
  if (hash === undefined) return { payload: signed, hidden: 0, problem: 'algorithm' };
  const known = new Map<string, Disclosure>();
  for (const each of disclosures) known.set(await digestOf(each.encoded, hash), each);
  const seen = new Set<string>();
  let hidden = 0;
  let problem: SdProblem | undefined = known.size < disclosures.length ? 'duplicate' : undefined;

  function take(digest: unknown): Disclosure | undefined {
    if (typeof digest !== 'string') return undefined;
    if (seen.has(digest)) {
      problem ??= 'duplicate';
      return undefined;
    }
    seen.add(digest);
    const found = known.get(digest);
    if (!found) hidden++;
    return found;
  }

  function resolve(value: unknown, depth: number): unknown {
    if (depth > depthLimit) {
      problem ??= 'depth';
      return undefined;
    }
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      for (const [index, item] of value.entries()) {
        if (isObject(item) && Object.keys(item).length === 1 && Object.hasOwn(item, '...')) {
          const found = take(item['...']);
          if (found?.name !== undefined) problem ??= 'name';
          if (found) put(items, items.length, found, 'value', depth);
        } else put(items, items.length, value, index, depth);
      }
      return items;
    }
    if (!isObject(value)) return value;
    const members: Record<string, unknown> = {};
    const digesting = depth === 0 ? ['_sd', '_sd_alg'] : ['_sd'];
    for (const name of Object.keys(value)) if (!digesting.includes(name)) put(members, name, value, name, depth);
    const digests = own(value, '_sd');
    for (const digest of Array.isArray(digests) ? digests : []) {
      const found = take(digest);
      if (!found) continue;
      const { name } = found;
      if (name === undefined || name === '_sd' || name === '...') problem ??= 'name';
      else if (Object.hasOwn(members, name)) problem ??= 'duplicate';
      else put(members, name, found, 'value', depth);
    }
    return members;
  }

  /** Adds a member under any name; `__proto__` is a name like any other. */
  function put(to: object, as: string | number, from: object, name: string | number, depth: number): void {
    const value = resolve(Reflect.get(from, name), depth + 1);
    Object.defineProperty(to, as, { value, enumerable: true, configurable: true, writable: true });
    carryNumber(from, name, to, as);
  }

  const payload = resolve(signed, 0) as JsonObject;
  for (const digest of known.keys()) if (!seen.has(digest)) problem ??= 'undigested';
  return { payload, hidden, ...(problem && { problem }) };
}

/** base64url of the hash of an ASCII text, as in disclosures and `sd_hash`. */
export async function digestOf(text: string, hash: string): Promise<string> {
  return encodeBase64url(new Uint8Array(await crypto.subtle.digest(hash, new TextEncoder().encode(text))));
}

/** Characters that a compressed payload may expand to. */
const mostInflated = 1024 * 1024;

/** The text of a compressed payload (`zip: DEF`, RFC 1951), up to a limit; `undefined` if it cannot be read. */
export async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  try {
    const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
    const decoder = new TextDecoder('utf-8', { fatal: true });
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      text += decoder.decode(value, { stream: true });
      if (text.length <= mostInflated) continue;
      await reader.cancel();
      return undefined;
    }
  } catch {
    return undefined;
  }
}
