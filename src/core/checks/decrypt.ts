/** Decrypts a token (RFC 7516) with jose. Loaded with the first key. */
import { calculateJwkThumbprint, compactDecrypt, exportJWK, importJWK, importPKCS8, type JWK } from 'jose';
import { classify, type ErrorDataOf, type JweRefusal, type KeyFlaw, WorkbenchError } from '../errors.ts';
import { decodeBase64, encodeBase64url } from '../tokens/base64url.ts';
import { privateKey } from '../tokens/der.ts';
import { isObject, type JsonObject, own, readJson, sameData, textOf } from '../tokens/json.ts';
import { type DecodedToken, decodeToken, looksLikeJose, tokenLimit } from '../tokens/jwt.ts';
import { derOf, privateBlock, readKeyMaterial } from '../tokens/keyMaterial.ts';
import type { KeyInfo } from './finding.ts';
import { integer } from './keys.ts';
import { guessSecrets, readSecret, type SecretForm } from './secretText.ts';

export interface DecryptRequest {
  readonly token: string;
  /** A private key as PEM or JWK, a JWK Set of private keys, or a shared secret, as text. It is not stored. */
  readonly key: string;
  /** The encoding of a shared secret; if omitted, the encoding that fits is used. */
  readonly keyFormat?: SecretForm;
}

/** The content of an encrypted token. It is decrypted but not verified: anyone who has the public key can encrypt. */
export interface Decrypted {
  readonly header: JsonObject;
  readonly content: Content;
  /** Claims that the header repeats with another value (RFC 7519 section 5.3). */
  readonly differing: readonly string[];
  readonly key: KeyInfo;
}

type Content =
  /** A nested token (RFC 7519 section 5.2: `cty` is `JWT`), decoded and not verified. */
  | {
      readonly kind: 'token';
      readonly token: string;
      readonly decoded: Exclude<DecodedToken, { kind: 'opaque' }>;
    }
  | { readonly kind: 'claims'; readonly payload: JsonObject; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  /** Not text: base64url. */
  | { readonly kind: 'bytes'; readonly base64url: string };

/** The most keys of a set that are tried. */
const mostTried = 16;

/**
 * Decrypts one layer. The cost that the header asks for is checked before anything is computed.
 * @throws WorkbenchError what `decodeToken` throws, `not_encrypted` {kind}, `jwe_refused` {reason, found?, limit?},
 * `key_invalid` {reason, found?, form?}, `decryption_failed` {tried}
 */
export async function decrypt({ token, key, keyFormat }: DecryptRequest): Promise<Decrypted> {
  const decoded = decodeToken(token);
  if (decoded.kind !== 'jwe') throw new WorkbenchError('not_encrypted', { kind: decoded.kind });
  const { header } = decoded;
  const needed = neededFor(header);
  if ('refusal' in needed) throw new WorkbenchError('jwe_refused', needed.refusal);
  const { keys, failure } = await keysOrFailure(key, keyFormat, needed, header);
  let work = 0;
  for (const [tried, each] of keys.entries()) {
    work += workOf(needed.alg, own(header, 'p2c'), bitsOf(each));
    if (work > mostWork) throw new WorkbenchError('jwe_refused', { reason: 'work', found: tried, limit: keys.length });
    const bytes = await tryKey(token, each, needed, header);
    if (!bytes) continue;
    const content = contentOf(bytes);
    return { header, content, differing: differing(header, content), key: await describe(each) };
  }
  throw failure ?? new WorkbenchError('decryption_failed', { tried: keys.length });
}

/** The keys that a text may mean, including those derived from the session secret of a website. */
async function keysOrFailure(
  text: string,
  form: SecretForm | undefined,
  needed: Needed,
  header: JsonObject,
): Promise<{ readonly keys: readonly JWK[]; readonly failure?: unknown }> {
  const derived = (form ?? 'text') === 'text' ? await sessionKeys(text, needed) : [];
  try {
    return { keys: [...(await keysFor(text, form, needed, header)), ...derived] };
  } catch (failure) {
    const { data } = classify(failure);
    if (derived.length === 0 || !('reason' in data) || data.reason !== 'length') throw failure;
    return { keys: derived, failure };
  }
}

/** Names of the session cookie, which Auth.js 5 uses as the salt of its keys. */
const sessionCookies = ['authjs.session-token', '__Secure-authjs.session-token'];

/**
 * Auth.js 5 and NextAuth 4 encrypt a session with a key that they derive (HKDF, RFC 5869) from the secret in their
 * settings.
 */
async function sessionKeys(secret: string, { alg, enc, bits = 0 }: Needed): Promise<JWK[]> {
  if (alg !== 'dir' || !/^A256(?:GCM|CBC-HS512)$/.test(enc) || /^\s*[{[]|-----BEGIN /.test(secret)) return [];
  const inputs = [
    ...sessionCookies.map(salt => [salt, `Auth.js Generated Encryption Key (${salt})`] as const),
    ['', 'NextAuth.js Generated Encryption Key'] as const,
  ];
  const encoder = new TextEncoder();
  const base = await crypto.subtle.importKey('raw', encoder.encode(secret.trim()), 'HKDF', false, ['deriveBits']);
  return Promise.all(
    inputs.map(async ([salt, info]) => {
      const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: encoder.encode(salt), info: encoder.encode(info) };
      return { kty: 'oct', k: encodeBase64url(new Uint8Array(await crypto.subtle.deriveBits(hkdf, base, bits))) };
    }),
  );
}

async function tryKey(
  token: string,
  jwk: JWK,
  { alg, enc, kty }: Needed,
  header: JsonObject,
): Promise<Uint8Array | undefined> {
  try {
    const key = kty === 'oct' ? (decodeBase64(jwk.k ?? '') ?? new Uint8Array()) : await importJWK(jwk, alg);
    const { plaintext } = await compactDecrypt(token, key, {
      keyManagementAlgorithms: [alg],
      contentEncryptionAlgorithms: [enc],
      maxPBES2Count: mostRounds,
      maxDecompressedLength: mostInflated,
    });
    return plaintext;
  } catch (error) {
    // jose's error code, rather than its class or message.
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ERR_JWE_DECRYPTION_FAILED') return undefined;
    if (code === 'ERR_JWE_INVALID')
      throw new WorkbenchError('jwe_refused', {
        reason: Object.hasOwn(header, 'zip') ? 'inflated' : 'malformed',
        limit: mostInflated,
      });
    throw new WorkbenchError('key_invalid', { reason: 'unsuitable', found: alg });
  }
}

/** @throws WorkbenchError `key_invalid` */
async function keysFor(
  text: string,
  form: SecretForm | undefined,
  needed: Needed,
  header: JsonObject,
): Promise<readonly JWK[]> {
  const material = readKeyMaterial(text);
  const { alg, kty } = needed;
  if (material.kind === 'empty') throw invalid('empty');
  if (form !== undefined) return secrets([readSecret(text, form)], needed);
  if (material.kind === 'ssh') throw invalid('public_key');
  if (material.kind === 'foreign') throw invalid('foreign', material.name);
  if (material.kind === 'json') return fromJson(material.text, needed, header);
  if (material.kind !== 'pem') return secrets(guessSecrets(text), needed);
  const { blocks } = material;
  const found = privateKey(derOf(privateBlock(blocks) ?? blocks[0]));
  if (kty === 'oct') throw invalid('key_for_secret', alg);
  if (found.kty !== kty && !(kty === 'EC' && found.kty === 'OKP')) throw invalid('unsuitable', alg);
  try {
    const pem = `-----BEGIN PRIVATE KEY-----\n${btoa(binary(found.pkcs8))}\n-----END PRIVATE KEY-----`;
    return [requireStrongKey(await exportJWK(await importPKCS8(pem, alg, { extractable: true })))];
  } catch (error) {
    throw classify(error).code === 'key_invalid' ? error : invalid('unsuitable', alg);
  }
}

function fromJson(text: string, needed: Needed, header: JsonObject): readonly JWK[] {
  const { alg, kty } = needed;
  const reading = readJson(text);
  if (!reading.ok) throw invalid('json');
  const { value } = reading;
  const members: unknown = Array.isArray(value) ? value : isObject(value) && own(value, 'keys');
  const all = (Array.isArray(members) ? members : [value]).filter(isObject);
  const suits = (jwk: JsonObject) => own(jwk, 'kty') === kty || (kty === 'EC' && own(jwk, 'kty') === 'OKP');
  const kinds = all.filter(suits);
  if (kinds.length === 0) {
    const known = all.some(jwk => typeof own(jwk, 'kty') === 'string');
    const isSecret = all.some(jwk => own(jwk, 'kty') === 'oct');
    throw invalid(!known ? 'kty' : isSecret ? 'secret_for_key' : kty === 'oct' ? 'key_for_secret' : 'unsuitable', alg);
  }
  const whole = kinds.filter(jwk => typeof own(jwk, kty === 'oct' ? 'k' : 'd') === 'string');
  if (whole.length === 0) throw invalid(kty === 'oct' ? 'kty' : 'public_key', alg);
  const meant = whole.filter(jwk => isMeantFor(jwk, needed));
  if (meant.length === 0) throw invalid('unsuitable', alg);
  // Here `kid` is only a hint: a key that does not fit fails anyway.
  const named = meant.filter(jwk => own(jwk, 'kid') === own(header, 'kid'));
  const tried = (named.length > 0 ? named : meant).slice(0, mostTried);
  if (kty === 'oct') {
    return tried.map(jwk => {
      const bytes = decodeBase64(textOf(jwk, 'k') ?? '');
      if (!bytes) throw invalid('kty');
      return { kty, ...secrets([bytes], needed)[0], ...kidOf(jwk) };
    });
  }
  return tried.map(jwk => requireStrongKey({ ...bare(jwk), ...kidOf(jwk) }));
}

/**
 * Whether the key's own members allow this use (RFC 7517 sections 4.2 to 4.4). With `dir` the key encrypts the content.
 */
function isMeantFor(jwk: JsonObject, { alg, enc }: Needed): boolean {
  const [meant, use, ops] = [own(jwk, 'alg'), own(jwk, 'use'), own(jwk, 'key_ops')];
  return (
    (meant === undefined || meant === alg || (alg === 'dir' && meant === enc)) &&
    (use === undefined || use === 'enc') &&
    (!Array.isArray(ops) ||
      ops.some(each => typeof each === 'string' && /^(?:decrypt|unwrapKey|derive\w+)$/.test(each)))
  );
}

/** The only members of the JWK that are imported. */
const privateMembers = ['kty', 'crv', 'x', 'y', 'n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'] as const;

function bare(jwk: JsonObject): JWK {
  return Object.fromEntries(
    privateMembers.flatMap(name => (typeof own(jwk, name) === 'string' ? [[name, own(jwk, name)]] : [])),
  ) as unknown as JWK;
}

function kidOf(jwk: JsonObject): { kid?: string } {
  const kid = own(jwk, 'kid');
  return typeof kid === 'string' ? { kid } : {};
}

/** The secrets with the required length; a password for PBES2 may have any length. */
function secrets(candidates: readonly Uint8Array[], { alg, kty, bits }: Needed): JWK[] {
  if (kty !== 'oct') throw invalid('secret_for_key', alg);
  const fit = candidates.filter(({ length }) => bits === undefined || length * 8 === bits);
  if (fit.length === 0) {
    const found = candidates.map(({ length }) => length * 8).join(' / ');
    throw new WorkbenchError('key_invalid', { reason: 'length', form: bits, found });
  }
  return fit.map(bytes => ({ kty: 'oct', k: encodeBase64url(bytes) }));
}

function requireStrongKey(jwk: JWK): JWK {
  if (jwk.kty !== 'RSA') return jwk;
  const found = bitsOf(jwk);
  if (found < 2048) throw new WorkbenchError('key_invalid', { reason: 'rsa_too_short', found });
  return jwk;
}

/** Bits of an RSA modulus. */
function bitsOf({ n }: JWK): number {
  return integer(n)?.toString(2).length ?? 0;
}

/** @param jwk private; only public members are returned */
async function describe(jwk: JWK): Promise<KeyInfo> {
  const { kty = '', kid, crv, k } = jwk;
  const size = kty === 'oct' ? (decodeBase64(k ?? '')?.length ?? 0) * 8 : bitsOf(jwk) || undefined;
  return {
    ...(kid !== undefined && { kid }),
    kty,
    ...(crv !== undefined && { crv }),
    ...(size !== undefined && { size }),
    ...(kty !== 'oct' && { thumbprint: await calculateJwkThumbprint(jwk) }),
    source: 'given',
  };
}

function contentOf(bytes: Uint8Array): Content {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { kind: 'bytes', base64url: encodeBase64url(bytes) };
  }
  if (looksLikeJose(text)) {
    try {
      const decoded = decodeToken(text);
      if (decoded.kind !== 'opaque') return { kind: 'token', token: text, decoded };
    } catch {
      // A text that only starts like a token is shown as text.
    }
  }
  const reading = readJson(text);
  return reading.ok && isObject(reading.value)
    ? { kind: 'claims', payload: reading.value, text }
    : { kind: 'text', text };
}

function differing(header: JsonObject, content: Content): readonly string[] {
  const payload =
    content.kind === 'claims'
      ? content.payload
      : content.kind === 'token' && content.decoded.kind === 'jws'
        ? content.decoded.payload
        : undefined;
  if (!payload) return [];
  return ['iss', 'sub', 'aud'].filter(
    name => Object.hasOwn(header, name) && !sameData(own(header, name), own(payload, name)),
  );
}

function binary(bytes: Uint8Array): string {
  return Array.from(bytes, byte => String.fromCharCode(byte)).join('');
}

function invalid(reason: KeyFlaw, found?: string): WorkbenchError {
  return new WorkbenchError('key_invalid', { reason, ...(found !== undefined && { found }) });
}

interface KeyManagement {
  readonly kty: 'RSA' | 'EC' | 'oct';
  /** Bits of a shared secret, if they are fixed; for `dir` they are those of the content encryption. */
  readonly bits?: number;
}

const names = (one: string, ...bits: readonly number[]) =>
  bits.map(each => [one.replace('*', `${each}`), each] as const);

/**
 * The exact allow-list. RSA1_5 is known but not on it: its padding reveals too much to an attacker (RFC 8725 section
 * 3.2).
 */
export const keyManagement: ReadonlyMap<string, KeyManagement> = new Map<string, KeyManagement>([
  ...['RSA-OAEP', 'RSA-OAEP-256', 'RSA-OAEP-384', 'RSA-OAEP-512'].map(alg => [alg, { kty: 'RSA' }] as const),
  ...['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A192KW', 'ECDH-ES+A256KW'].map(alg => [alg, { kty: 'EC' }] as const),
  ...[...names('A*KW', 128, 192, 256), ...names('A*GCMKW', 128, 192, 256)].map(
    ([alg, bits]) => [alg, { kty: 'oct', bits }] as const,
  ),
  ...['dir', 'PBES2-HS256+A128KW', 'PBES2-HS384+A192KW', 'PBES2-HS512+A256KW'].map(
    alg => [alg, { kty: 'oct' }] as const,
  ),
]);

/** Bits of each content encryption key. */
export const contentEncryption: ReadonlyMap<string, number> = new Map([
  ...names('A*GCM', 128, 192, 256),
  ['A128CBC-HS256', 256],
  ['A192CBC-HS384', 384],
  ['A256CBC-HS512', 512],
]);

/**
 * The most PBKDF2 rounds that are computed, about a second, as rfc8725bis section 3.13 advises. A token could ask for
 * hours.
 */
export const mostRounds = 1_200_000;

/**
 * The most work for one decryption, over all keys that are tried, in PBKDF2 rounds: about a second. A set of keys must
 * not multiply the cost of one key.
 */
const mostWork = mostRounds;

/** The cost of trying one key, in the same unit: an RSA operation takes eight times as long for twice the bits. */
function workOf(alg: string, rounds: unknown, bits: number): number {
  if (alg.startsWith('PBES2')) return typeof rounds === 'number' ? rounds : mostRounds;
  return alg.startsWith('RSA') ? 600 * (bits / 2048) ** 3 : 600;
}

/** Bytes: the most that compressed content may expand to. Longer tokens are not read either. */
export const mostInflated = tokenLimit;

type Refusal = ErrorDataOf['jwe_refused'];

interface Needed extends KeyManagement {
  readonly alg: string;
  readonly enc: string;
}

/**
 * The requirements for decrypting a token with this header, or why that is refused. `jwk`, `jku`, `x5u` and `x5c` are
 * not decryption keys and are ignored; `epk` is half of a key agreement and proves nothing.
 */
function neededFor(header: JsonObject): Needed | { readonly refusal: Refusal } {
  const alg = own(header, 'alg');
  const enc = own(header, 'enc');
  const known = typeof alg === 'string' ? keyManagement.get(alg) : undefined;
  const refused = (reason: JweRefusal, found?: string | number) => ({
    refusal: { reason, ...(found !== undefined && { found }) },
  });
  if (alg === 'RSA1_5') return refused('rsa1_5', alg);
  if (typeof alg !== 'string' || !known) return refused('alg', shown(alg));
  const bits = typeof enc === 'string' ? contentEncryption.get(enc) : undefined;
  if (typeof enc !== 'string' || bits === undefined) return refused('enc', shown(enc));
  if (Object.hasOwn(header, 'crit')) return refused('crit', shown(own(header, 'crit')));
  const zip = own(header, 'zip');
  if (zip !== undefined && zip !== 'DEF') return refused('zip', shown(zip));
  if (zip !== undefined && typeof DecompressionStream === 'undefined') return refused('zip_platform');
  if (alg.startsWith('PBES2')) {
    const rounds = own(header, 'p2c');
    if (typeof rounds !== 'number' || !Number.isSafeInteger(rounds) || rounds < 1)
      return refused('p2c_invalid', shown(rounds));
    if (rounds > mostRounds) return { refusal: { reason: 'p2c', found: rounds, limit: mostRounds } };
  }
  return { alg, enc, ...known, ...(alg === 'dir' && { bits }) };
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.slice(0, 100);
}
