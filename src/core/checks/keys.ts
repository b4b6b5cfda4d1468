/** Keys to check signatures with: where they come from, which one fits a token, and how strong they are. */
import { calculateJwkThumbprint, importJWK, type JWK } from 'jose';
import { WorkbenchError } from '../errors.ts';
import { signatureAlgorithms } from '../tokens/algorithms.ts';
import { encodeBase64url } from '../tokens/base64url.ts';
import { isObject, type JsonObject, own, readJson } from '../tokens/json.ts';
import type { Finding, KeyInfo } from './checks.ts';
import { failed, passed, warning } from './finding.ts';
import { integer, rsaWeakness } from './rsa.ts';

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
 * Shared secrets have no place in a set that is published, so they are ignored, too, but where a user handed in
 * nothing else.
 * @throws WorkbenchError `jwks_invalid` {reason: 'not_an_object' | 'no_keys_member' | 'empty' | 'no_usable_key', ignored?}
 */
export function readKeySet(value: unknown, source: KeyInfo['source']): KeySet {
  if (!isObject(value)) throw new WorkbenchError('jwks_invalid', { reason: 'not_an_object' });
  const members = own(value, 'keys');
  if (!Array.isArray(members)) throw new WorkbenchError('jwks_invalid', { reason: 'no_keys_member' });
  if (members.length === 0) throw new WorkbenchError('jwks_invalid', { reason: 'empty' });
  const all = members.flatMap(member => (isObject(member) ? (readJwk(member, source) ?? []) : []));
  const secrets = source === 'given' && all.every(({ kty }) => kty === 'oct');
  const keys = secrets ? all : all.filter(({ kty }) => kty !== 'oct');
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

/** What there is to say about the key that was used with `alg`. */
export function keyFinding(key: VerificationKey, alg: string, info: KeyInfo): Finding {
  if (key.leaked && info.source === 'jwks_uri') return failed('private_key_published');
  if (key.weakness) return key.weakness;
  if (key.leaked) return warning('private_key_given');
  const hash = signatureAlgorithms.get(alg)?.hash;
  // RFC 7518 section 3.2: a secret at least as long as the hash.
  const least = key.kty === 'oct' ? Number(hash?.slice(4)) : 0;
  if ((key.size ?? 0) < least) return warning('hmac_too_short', { expected: String(least), found: String(key.size) });
  return passed('key_ok', { found: [info.kty, info.crv ?? info.size].filter(Boolean).join(' ') });
}

/** A JWK (RFC 7517), or `undefined` where its kind is unknown or a member is missing. */
export function readJwk(jwk: JsonObject, source: KeyInfo['source']): VerificationKey | undefined {
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

function verificationKey(jwk: JWK, described: Described, source: KeyInfo['source'], leaked: boolean): VerificationKey {
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

/** A shared secret that the user handed in. */
export function secretKey(bytes: Uint8Array): VerificationKey {
  return verificationKey({ kty: 'oct', k: encodeBase64url(bytes) }, {}, 'given', false);
}
