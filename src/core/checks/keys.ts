/** Keys for checking signatures: their sources, which one fits a token, and how strong they are. */
import { calculateJwkThumbprint, importJWK, type JWK } from 'jose';
import { signatureAlgorithms } from '../tokens/algorithms.ts';
import { decodeBase64url, encodeBase64url } from '../tokens/base64url.ts';
import { type JsonObject, own, textOf } from '../tokens/json.ts';
import { type Finding, failed, type KeyInfo, passed, warning } from './finding.ts';

/** One key. Its imported forms are cached, because an import takes longer than a verification. */
export interface VerificationKey {
  readonly kid?: string;
  readonly kty: string;
  readonly crv?: string;
  readonly alg?: string;
  readonly use?: string;
  readonly key_ops?: readonly string[];
  /** True if the private half was published with the key. */
  readonly leaked: boolean;
  /** Members that are written differently from RFC 7517, and were read all the same. */
  readonly respelled: readonly string[];
  /** Members that are written as base64 instead of base64url (RFC 7518 section 6). */
  readonly base64: readonly string[];
  /** The key imported for one algorithm. Rejects if the platform refuses the key. */
  cryptoKey(alg: string): Promise<CryptoKey>;
  info(): Promise<KeyInfo>;
  /** A weakness of the key itself; `undefined` if there is none. */
  readonly weakness: Finding | undefined;
  readonly size: number | undefined;
}

export interface KeySet {
  readonly keys: readonly VerificationKey[];
  /** How many members of the set are not keys of a known kind. */
  readonly ignored: number;
}

export interface SelectedKeys {
  readonly keys: readonly VerificationKey[];
  /** `differs`: the given key has another id. `absent`: the keys of the set have no id. */
  readonly kid?: 'differs' | 'absent';
}

export type Selection = SelectedKeys | { readonly problem: 'kid_unknown' | 'kid_invalid' | 'key_unsuitable' };

/** The most keys that are tried for one token. */
const mostTried = 16;

/**
 * The keys that may have signed a token with this header: those with its `kid`, if it has one, that fit its `alg`.
 * `kid` is opaque and need not be unique. A key that the user gave is used whatever its `kid` is.
 */
export function selectKeys({ keys }: KeySet, header: JsonObject, given: boolean): Selection {
  const kid = own(header, 'kid');
  if (kid !== undefined && typeof kid !== 'string') return { problem: 'kid_invalid' };
  const alg = textOf(header, 'alg') ?? '';
  const named = kid === undefined ? keys : keys.filter(key => key.kid === kid);
  // Some issuers publish keys without an id. Those are tried, but no key with another id.
  const nameless = named.length === 0 ? keys.filter(key => key.kid === undefined) : [];
  const candidates = named.length > 0 ? named : given ? keys : nameless;
  if (candidates.length === 0) return { problem: 'kid_unknown' };
  const fit = candidates.filter(key => fits(key, alg)).slice(0, mostTried);
  if (fit.length === 0) return { problem: 'key_unsuitable' };
  if (named.length > 0) return { keys: fit };
  if (given) return { keys: fit, ...(fit.every(key => key.kid !== undefined) && { kid: 'differs' }) };
  return { keys: fit, kid: 'absent' };
}

function fits(key: VerificationKey, alg: string): boolean {
  const needed = signatureAlgorithms.get(alg);
  return (
    needed !== undefined &&
    needed.kty === key.kty &&
    needed.crv === key.crv &&
    (key.alg === undefined || key.alg === alg || sameAlgorithm(key.alg, alg)) &&
    (key.use === undefined || key.use === 'sig') &&
    (key.key_ops === undefined || key.key_ops.includes('verify'))
  );
}

/** `EdDSA` is the older name of `Ed25519` for a key on that curve (RFC 9864 section 2.2). */
function sameAlgorithm(one: string, other: string): boolean {
  const name = (alg: string) => (alg === 'EdDSA' ? 'Ed25519' : alg);
  return name(one) === name(other);
}

/** The finding about the key that was used with `alg`. */
export function keyFinding(key: VerificationKey, alg: string, info: KeyInfo): Finding {
  if (key.leaked && info.source === 'jwks_uri') return failed('private_key_published');
  if (key.weakness) return key.weakness;
  if (key.leaked) return warning('private_key_given');
  const hash = signatureAlgorithms.get(alg)?.hash;
  // RFC 7518 section 3.2: a secret must be at least as long as the hash.
  const least = key.kty === 'oct' ? Number(hash?.slice(4)) : 0;
  if ((key.size ?? 0) < least) return failed('hmac_too_short', { expected: String(least), found: String(key.size) });
  if (key.respelled.length > 0) return warning('key_respelled', { found: key.respelled.join(', ') });
  if (key.base64.length > 0) return warning('key_base64', { found: key.base64.join(', ') });
  const size = info.crv ?? info.size;
  return passed('key_ok', { found: size ? `${info.kty} ${size}` : info.kty });
}

/**
 * Reads a JWK (RFC 7517). `undefined` if its kind is unknown or a member is missing.
 * @param respelled members that were put into the form of RFC 7517 before
 */
export function readJwk(
  jwk: JsonObject,
  source: KeyInfo['source'],
  respelled: readonly string[] = [],
): VerificationKey | undefined {
  const members = publicMembers.get(textOf(jwk, 'kty') ?? '');
  if (!members) return undefined;
  // Only the members of the public key are kept, so that nothing else in the set affects the import.
  const bare: Record<string, string> = { kty: textOf(jwk, 'kty') ?? '' };
  const base64: string[] = [];
  for (const name of members) {
    const text = textOf(jwk, name) ?? '';
    const isName = name === 'crv' || name === 'alg';
    if (isName ? !/^[\w-]{1,40}$/.test(text) : text === '' || !/^[\w+/-]+={0,2}$/.test(text)) return undefined;
    bare[name] = isName ? text : text.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_');
    if (bare[name] !== text) base64.push(name);
  }
  const text = (name: string) => (typeof own(jwk, name) === 'string' ? { [name]: own(jwk, name) } : {});
  const ops = own(jwk, 'key_ops');
  const described = {
    ...text('kid'),
    ...text('alg'),
    ...text('use'),
    ...(Array.isArray(ops) && { key_ops: ops.filter(each => typeof each === 'string') }),
  };
  const leaked = bare.kty !== 'oct' && ['d', 'priv'].some(name => Object.hasOwn(jwk, name));
  return verificationKey(bare as unknown as JWK, described, source, { leaked, base64, respelled });
}

/** The members of a public key of each kind (RFC 7518 section 6, RFC 8037 section 2, RFC 9964 for ML-DSA). */
export const publicMembers: ReadonlyMap<string, readonly string[]> = new Map([
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
  {
    leaked = false,
    base64 = [],
    respelled = [],
  }: Partial<Pick<VerificationKey, 'leaked' | 'base64' | 'respelled'>> = {},
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
    base64,
    respelled,
    size,
    weakness: kty === 'RSA' ? rsaWeakness(jwk) : undefined,
    cryptoKey(alg) {
      let known = imported.get(alg);
      if (!known) {
        known = importKey(jwk, alg);
        imported.set(alg, known);
      }
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

/** A shared secret that the user gave. */
export function secretKey(bytes: Uint8Array): VerificationKey {
  return verificationKey({ kty: 'oct', k: encodeBase64url(bytes) }, {}, 'given');
}

/** The public members of an RSA key (RFC 7518 section 6.3.1). */
interface RsaMembers {
  readonly n?: string | undefined;
  readonly e?: string | undefined;
}

/** The minimum of NIST SP 800-131A, which jose requires as well. */
const leastRsaBits = 2048;

/** Characters: longer than any key in use. A modulus of megabytes would only waste time. */
const longestInteger = 4096;

/** A weakness that makes an RSA key worthless for any use (RFC 7518 section 3.3); `undefined` if there is none. */
function rsaWeakness({ n, e }: RsaMembers): Finding | undefined {
  const modulus = integer(n);
  const exponent = integer(e);
  if (modulus === undefined || exponent === undefined) return failed('key_rejected');
  const bits = modulus.toString(2).length;
  if (bits < leastRsaBits) return failed('rsa_too_short', { expected: String(leastRsaBits), found: String(bits) });
  // With e = 1 every message is its own signature; an even e is not a valid RSA exponent.
  if (exponent < 3n || exponent % 2n === 0n)
    return failed('rsa_exponent', { expected: '65537', found: exponent.toString() });
  return isRoca(modulus) ? failed('rsa_roca') : undefined;
}

/** Base64urlUInt (RFC 7518 section 2). */
export function integer(encoded: string | undefined): bigint | undefined {
  if (encoded === undefined || encoded.length > longestInteger) return undefined;
  const bytes = decodeBase64url(encoded);
  if ('reason' in bytes || bytes.length === 0) return undefined;
  return BigInt(`0x${Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')}`);
}

/**
 * Detects keys of Infineon's faulty generator (CVE-2017-15361): its primes are k * M + 65537^a mod M, so the modulus is
 * a power of 65537 modulo each small prime. For another modulus this happens by chance once in 2^27.
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
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
];
