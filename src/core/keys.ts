/** Keys to check signatures with: where they come from, which one fits a token, and how strong they are. */
import { calculateJwkThumbprint, exportJWK, importJWK, importSPKI, importX509, type JWK } from 'jose';
import { signatureAlgorithms } from './algorithms.ts';
import { decodeBase64url, encodeBase64url } from './base64url.ts';
import type { Finding, KeyInfo } from './checks.ts';
import { WorkbenchError } from './errors.ts';
import { failed, passed, warning } from './finding.ts';
import { isObject, type JsonObject, own, readJson } from './json.ts';

/** One key, with its imported forms kept: importing takes longer than a signature. */
export interface VerificationKey {
  readonly kid?: string;
  readonly kty: string;
  readonly crv?: string;
  readonly alg?: string;
  readonly use?: string;
  readonly key_ops?: readonly string[];
  /** The private half was published with it. */
  readonly leaked: boolean;
  /** Imported for one algorithm. Rejects where the platform refuses the key. */
  cryptoKey(alg: string): Promise<CryptoKey>;
  info(): Promise<KeyInfo>;
  /** What is weak about the key itself; `undefined` where nothing is. */
  readonly weakness: Finding | undefined;
  readonly size: number | undefined;
}

export interface KeySet {
  readonly keys: readonly VerificationKey[];
  /** Members of the set that are no key that this program knows. */
  readonly ignored: number;
}

/**
 * Reads a JWK Set (RFC 7517 section 5). Keys of unknown kinds are ignored and counted, as the section says.
 * Shared secrets have no place in a set that is published, so they are ignored, too.
 * @throws WorkbenchError `jwks_invalid` {reason: 'not_an_object' | 'no_keys_member' | 'empty' | 'no_usable_key', ignored?}
 */
export function readKeySet(value: unknown, source: KeyInfo['source']): KeySet {
  if (!isObject(value)) throw new WorkbenchError('jwks_invalid', { reason: 'not_an_object' });
  const members = own(value, 'keys');
  if (!Array.isArray(members)) throw new WorkbenchError('jwks_invalid', { reason: 'no_keys_member' });
  if (members.length === 0) throw new WorkbenchError('jwks_invalid', { reason: 'empty' });
  const keys = members.flatMap(member => {
    const key = isObject(member) ? readJwk(member, source) : undefined;
    return key && key.kty !== 'oct' ? [key] : [];
  });
  const ignored = members.length - keys.length;
  if (keys.length === 0) throw new WorkbenchError('jwks_invalid', { reason: 'no_usable_key', ignored });
  return { keys, ignored };
}

/** @throws WorkbenchError `jwks_invalid` {reason: 'html' | 'not_json', and as `readKeySet`} */
export function parseKeySet(text: string, source: KeyInfo['source']): KeySet {
  const reading = readJson(text);
  if (reading.ok) return readKeySet(reading.value, source);
  throw new WorkbenchError('jwks_invalid', { reason: /^\s*</.test(text) ? 'html' : 'not_json' });
}

/**
 * Reads a key that a user pasted: a PEM public key or certificate, a JWK, a JWK Set, or else a shared secret.
 * A text that holds a public key in any of these forms never becomes a secret (RFC 8725 section 2.1).
 * @throws WorkbenchError `key_invalid` {reason: 'empty' | 'private_key' | 'pem' | 'json' | 'kty' | 'ssh'}, `jwks_invalid`
 */
export async function readKeyText(text: string): Promise<KeySet> {
  const trimmed = text.trim();
  if (trimmed === '') throw new WorkbenchError('key_invalid', { reason: 'empty' });
  if (trimmed.includes('-----BEGIN ')) return single(await readPem(trimmed));
  if (/^(?:ssh-|ecdsa-sha2-)/.test(trimmed)) throw new WorkbenchError('key_invalid', { reason: 'ssh' });
  if (/^[{[]/.test(trimmed)) return readJsonKey(trimmed);
  const der = derOf(trimmed);
  if (der) return single(await readDer(der, 'pem'));
  return { keys: secretsOf(text).map(secret => secretKey(secret)), ignored: 0 };
}

export type Selection =
  | { readonly keys: readonly VerificationKey[]; readonly kidDiffers: boolean }
  | { readonly problem: 'kid_unknown' | 'kid_invalid' | 'key_unsuitable' };

/** The most keys that are tried for one token. */
const mostTried = 16;

/**
 * The keys that may have signed a token with this header: of its `kid`, where it has one, and fit for its
 * `alg`. `kid` is opaque and need not be unique. A key that the user handed in counts whatever its `kid` is.
 */
export function selectKeys({ keys }: KeySet, header: JsonObject, given: boolean): Selection {
  const kid = own(header, 'kid');
  if (kid !== undefined && typeof kid !== 'string') return { problem: 'kid_invalid' };
  const alg = String(own(header, 'alg'));
  const named = kid === undefined ? keys : keys.filter(key => key.kid === kid);
  const kidDiffers = given && named.length === 0;
  const candidates = kidDiffers ? keys : named;
  if (candidates.length === 0) return { problem: 'kid_unknown' };
  const fit = candidates.filter(key => fits(key, alg)).slice(0, mostTried);
  if (fit.length === 0) return { problem: 'key_unsuitable' };
  return { keys: fit, kidDiffers: kidDiffers && fit.every(key => key.kid !== undefined) };
}

function fits(key: VerificationKey, alg: string): boolean {
  const needed = signatureAlgorithms.get(alg);
  return (
    needed !== undefined &&
    needed.kty === key.kty &&
    needed.crv === key.crv &&
    (key.alg === undefined || sameAlgorithm(key.alg, alg)) &&
    (key.use === undefined || key.use === 'sig') &&
    (key.key_ops === undefined || key.key_ops.includes('verify'))
  );
}

/** `EdDSA` is the older name of `Ed25519` for a key on that curve (RFC 9864 section 2.2). */
function sameAlgorithm(one: string, other: string): boolean {
  const name = (alg: string) => (alg === 'EdDSA' ? 'Ed25519' : alg);
  return name(one) === name(other);
}

/** What there is to say about the key that was used with `alg`. */
export function keyFinding(key: VerificationKey, alg: string, info: KeyInfo): Finding {
  if (key.leaked && info.source === 'jwks_uri') return failed('private_key_published');
  if (key.weakness) return key.weakness;
  const hash = signatureAlgorithms.get(alg)?.hash;
  // RFC 7518 section 3.2: a secret at least as long as the hash.
  const least = key.kty === 'oct' ? Number(hash?.slice(4)) : 0;
  if ((key.size ?? 0) < least)
    return warning('hmac_too_short', { expected: String(least), found: String(key.size) });
  return passed('key_ok', { found: [info.kty, info.crv ?? info.size].filter(Boolean).join(' ') });
}

function readJwk(jwk: JsonObject, source: KeyInfo['source']): VerificationKey | undefined {
  const members = publicMembers.get(String(own(jwk, 'kty')));
  if (!members?.every(name => typeof own(jwk, name) === 'string' && own(jwk, name) !== '')) return undefined;
  // Only what the public key consists of is handed on: nothing else in the set can change what is imported.
  const bare = Object.fromEntries(['kty', ...members].map(name => [name, jwk[name]])) as JWK;
  const text = (name: string) => (typeof own(jwk, name) === 'string' ? { [name]: own(jwk, name) } : {});
  const ops = own(jwk, 'key_ops');
  const described = {
    ...text('kid'),
    ...text('alg'),
    ...text('use'),
    ...(Array.isArray(ops) && { key_ops: ops.map(String) }),
  };
  return verificationKey(
    bare,
    described,
    source,
    bare.kty !== 'oct' && ['d', 'priv'].some(name => Object.hasOwn(jwk, name)),
  );
}

/** What makes up a public key of each kind (RFC 7518 section 6, RFC 8037 section 2, RFC 9964 for ML-DSA). */
const publicMembers: ReadonlyMap<string, readonly string[]> = new Map([
  ['RSA', ['n', 'e']],
  ['EC', ['crv', 'x', 'y']],
  ['OKP', ['crv', 'x']],
  ['AKP', ['alg', 'pub']],
  ['oct', ['k']],
]);

type Described = Pick<VerificationKey, 'kid' | 'alg' | 'use' | 'key_ops'>;

function verificationKey(
  jwk: JWK,
  described: Described,
  source: KeyInfo['source'],
  leaked: boolean,
): VerificationKey {
  const imported = new Map<string, Promise<CryptoKey>>();
  let info: Promise<KeyInfo> | undefined;
  const { kty = '', crv } = jwk;
  const size = sizeOf(jwk);
  return {
    ...described,
    kty,
    ...(crv !== undefined && { crv }),
    leaked,
    size,
    weakness: kty === 'RSA' ? rsaWeakness(jwk) : undefined,
    cryptoKey(alg) {
      const known = imported.get(alg) ?? importKey(jwk, alg);
      imported.set(alg, known);
      return known;
    },
    info() {
      info ??= describe(jwk, described, size, source);
      return info;
    },
  };
}

async function importKey(jwk: JWK, alg: string): Promise<CryptoKey> {
  const key = await importJWK({ ...jwk, alg }, alg);
  if (!(key instanceof Uint8Array)) return key;
  const hash = signatureAlgorithms.get(alg)?.hash ?? 'SHA-256';
  return crypto.subtle.importKey('raw', new Uint8Array(key), { name: 'HMAC', hash }, false, ['verify']);
}

async function describe(
  jwk: JWK,
  { kid, alg }: Described,
  size: number | undefined,
  source: KeyInfo['source'],
): Promise<KeyInfo> {
  const { kty = '', crv } = jwk;
  return {
    ...(kid !== undefined && { kid }),
    kty,
    ...(alg !== undefined && { alg }),
    ...(size !== undefined && { size }),
    ...(crv !== undefined && { crv }),
    ...(kty !== 'oct' && { thumbprint: await calculateJwkThumbprint(jwk) }),
    source,
  };
}

function sizeOf({ kty, n, k }: JWK): number | undefined {
  if (kty === 'oct' && typeof k === 'string') return Math.floor((k.length * 3) / 4) * 8;
  const modulus = kty === 'RSA' ? integer(n) : undefined;
  return modulus?.toString(2).length;
}

// --- RSA ---

/** NIST SP 800-131A, and what jose insists on as well. */
const leastRsaBits = 2048;

/** Longer than any key in use: a modulus of megabytes is not worth the arithmetic. */
const longestInteger = 4096;

function rsaWeakness({ n, e }: JWK): Finding | undefined {
  const modulus = integer(n);
  const exponent = integer(e);
  if (modulus === undefined || exponent === undefined) return failed('key_rejected');
  const bits = modulus.toString(2).length;
  if (bits < leastRsaBits)
    return failed('rsa_too_short', { expected: String(leastRsaBits), found: String(bits) });
  // With e = 1 every message is its own signature; an even e is no RSA key.
  if (exponent < 3n || exponent % 2n === 0n)
    return failed('rsa_exponent', { expected: '65537', found: exponent.toString() });
  return isRoca(modulus) ? failed('rsa_roca') : undefined;
}

function integer(encoded: string | undefined): bigint | undefined {
  if (encoded === undefined || encoded.length > longestInteger) return undefined;
  const bytes = decodeBase64url(encoded);
  if ('reason' in bytes || bytes.length === 0) return undefined;
  return BigInt(`0x${Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')}`);
}

/**
 * The fingerprint of Infineon's faulty key generation (CVE-2017-15361): its primes are k * M + 65537^a mod M,
 * so that modulo each small prime the modulus is a power of 65537. Other moduli are so by chance once in 2^27.
 */
function isRoca(modulus: bigint): boolean {
  return smallPrimes.every(prime => {
    const residue = Number(modulus % BigInt(prime));
    for (let power = 1, i = 0; i < prime; i++) {
      if (power === residue) return true;
      power = (power * 65537) % prime;
    }
    return false;
  });
}

const smallPrimes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
  109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

// --- Keys as text ---

function single(key: VerificationKey): KeySet {
  return { keys: [key], ignored: 0 };
}

function readJsonKey(text: string): KeySet {
  const reading = readJson(text);
  if (!reading.ok) throw new WorkbenchError('key_invalid', { reason: 'json' });
  const value = Array.isArray(reading.value) ? { keys: reading.value } : reading.value;
  if (!isObject(value)) throw new WorkbenchError('key_invalid', { reason: 'json' });
  if (Object.hasOwn(value, 'keys')) return readKeySet(value, 'given');
  const key = readJwk(value, 'given');
  if (!key) throw new WorkbenchError('key_invalid', { reason: 'kty' });
  return single(key);
}

async function readPem(text: string): Promise<VerificationKey> {
  const block = /-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]+)-----END \1-----/.exec(text);
  if (!block?.[1] || !block[2]) throw new WorkbenchError('key_invalid', { reason: 'pem' });
  if (block[1].includes('PRIVATE KEY')) throw new WorkbenchError('key_invalid', { reason: 'private_key' });
  const body = block[2].replace(/\s+/g, '');
  return readDer(
    block[1] === 'RSA PUBLIC KEY' ? wrapPkcs1(body) : body,
    block[1].includes('CERTIFICATE') ? 'certificate' : 'pem',
  );
}

/** What jose has to be told before it looks: one algorithm for each kind of key there is. */
const kinds = ['RS256', 'ES256', 'ES384', 'ES512', 'Ed25519'] as const;

async function readDer(base64: string, form: 'pem' | 'certificate'): Promise<VerificationKey> {
  const lines = base64.replace(/.{64}/g, '$&\n');
  const readers = form === 'certificate' ? [importX509] : [importSPKI, importX509];
  for (const read of readers) {
    const label = read === importSPKI ? 'PUBLIC KEY' : 'CERTIFICATE';
    const pem = `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----`;
    for (const alg of kinds) {
      try {
        const { kty, n, e, crv, x, y } = await exportJWK(await read(pem, alg, { extractable: true }));
        const key = readJwk({ kty, n, e, crv, x, y }, 'given');
        if (key) return key;
      } catch {
        // Not of this kind.
      }
    }
  }
  throw new WorkbenchError('key_invalid', { reason: 'pem' });
}

/** RFC 8017's RSAPublicKey inside RFC 5280's SubjectPublicKeyInfo. */
function wrapPkcs1(base64: string): string {
  const key = decodeBase64(base64) ?? new Uint8Array();
  const algorithm = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
  ];
  const bits = [...header(0x03, key.length + 1), 0x00, ...key];
  const body = [...algorithm, ...bits];
  return btoa(String.fromCharCode(...header(0x30, body.length), ...body));
}

function header(tag: number, length: number): number[] {
  if (length < 0x80) return [tag, length];
  return length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
}

/** base64 of a DER sequence that takes up the whole text: a PEM body without its lines around. */
function derOf(text: string): string | undefined {
  const base64 = text.replace(/\s+/g, '');
  const bytes = decodeBase64(base64);
  if (!bytes || bytes.length < 32 || bytes[0] !== 0x30) return undefined;
  const [, first = 0, second = 0, third = 0] = bytes;
  const length =
    first < 0x80 ? first + 2 : first === 0x81 ? second + 3 : first === 0x82 ? second * 256 + third + 4 : 0;
  return length === bytes.length ? base64 : undefined;
}

function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = decodeBase64url(
    text
      .replace(/={1,2}$/, '')
      .replaceAll('+', '-')
      .replaceAll('/', '_'),
  );
  return 'reason' in bytes ? undefined : bytes;
}

/** A secret is its characters; where these look like base64 of at least 16 bytes, it may be those bytes as well. */
function secretsOf(text: string): Uint8Array[] {
  const secret = text.replace(/\r?\n$/, '');
  const decoded = decodeBase64(secret);
  const asText = new TextEncoder().encode(secret);
  return decoded && decoded.length >= 16 ? [asText, decoded] : [asText];
}

function secretKey(bytes: Uint8Array): VerificationKey {
  return verificationKey({ kty: 'oct', k: encodeBase64url(bytes) }, {}, 'given', false);
}
