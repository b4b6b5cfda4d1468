import { CompactSign } from 'jose';
import { type KeyFlaw, WorkbenchError } from '../errors.ts';
import { readClientKey } from '../issuer/clientKey.ts';
import { allowedAlgorithms } from '../tokens/algorithms.ts';
import { decodeBase64, encodeBase64url } from '../tokens/base64url.ts';
import { isDer, publicJwk } from '../tokens/der.ts';
import { isObject, type JsonObject, own, readJson, textOf } from '../tokens/json.ts';
import { type Block, derOf, readKeyMaterial } from '../tokens/keyMaterial.ts';
import { certificateMap, readKeySet, readLooseJwk } from './keySets.ts';
import { type KeySet, readJwk, secretKey, type VerificationKey } from './keys.ts';

/** The encodings of a shared secret as text. */
export const secretForms = ['text', 'base64', 'base64url', 'hex'] as const;
export type SecretForm = (typeof secretForms)[number];

/** Characters. A longer text is a file rather than a secret. */
const longestSecret = 64 * 1024;

/**
 * The bytes of a shared secret in the given encoding. A text that contains a public key is never used as a secret (RFC
 * 8725 section 2.1): everyone who has the public key could sign.
 * @throws WorkbenchError `key_invalid` {reason: 'empty' | 'too_long' | 'not_in_form' | 'public_as_secret', form}
 */
export function readSecret(text: string, form: SecretForm): Uint8Array {
  refuseKeys(text);
  const bytes = bytesOf(withoutLineEnd(text), form);
  if (!bytes) throw new WorkbenchError('key_invalid', { reason: 'not_in_form', form });
  if (bytes.length === 0) throw new WorkbenchError('key_invalid', { reason: 'empty' });
  return bytes;
}

/**
 * Possible secrets in a text without a given encoding: its characters, with and without a trailing line break, or the
 * bytes that it encodes if it looks like base64 or hex of at least 16 bytes.
 * @throws WorkbenchError `key_invalid` {reason: 'too_long' | 'public_as_secret'}
 */
export function guessSecrets(text: string): Uint8Array[] {
  refuseKeys(text);
  const secret = withoutLineEnd(text);
  // A line of an environment file: what stands behind the name is tried as well.
  const [, , quoted, bare] = /^(?:export )?[A-Z][A-Z\d_]{2,63}=(?:(["'])(.*)\1|(\S+))$/.exec(secret) ?? [];
  const inside = quoted ?? bare;
  const texts = [...new Set([secret, text, ...(inside === undefined ? [] : [inside])])];
  const decoded = [secret, ...(inside === undefined ? [] : [inside])].flatMap(each => [
    decodeBase64(each),
    bytesOf(each, 'hex'),
  ]);
  return [
    ...texts.map(each => new TextEncoder().encode(each)),
    ...decoded.flatMap(bytes => (bytes && bytes.length >= 16 ? [bytes] : [])),
  ];
}

function bytesOf(text: string, form: SecretForm): Uint8Array | undefined {
  const dense = text.replace(/\s+/g, '');
  switch (form) {
    case 'text':
      return new TextEncoder().encode(text);
    case 'base64':
      return /[-_]/.test(dense) ? undefined : decodeBase64(dense);
    case 'base64url':
      return /[+/]/.test(dense) ? undefined : decodeBase64(dense);
    case 'hex': {
      const digits = dense.replace(/^0x/i, '').replaceAll(':', '');
      if (digits.length % 2 === 1 || !/^[\da-f]*$/i.test(digits)) return undefined;
      const bytes = new Uint8Array(digits.length / 2);
      for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16);
      return bytes;
    }
  }
}

/**
 * @throws WorkbenchError `key_invalid` {reason: 'too_long' | 'public_as_secret'} if the text contains a public key in
 * any encoding
 */
function refuseKeys(text: string): void {
  if (text.length > longestSecret) throw new WorkbenchError('key_invalid', { reason: 'too_long' });
  if (holdsKey(text)) throw new WorkbenchError('key_invalid', { reason: 'public_as_secret' });
}

/**
 * True for PEM, DER, a JWK or JWK Set, and SSH keys; also if encoded up to twice in base64, hex, JSON text or
 * percent-encoding.
 */
function holdsKey(text: string, layers = 2): boolean {
  const plain = text.replace(/%[\da-f]{2}/gi, code => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
  if (/-\s*begin[\w ]*(?:key|certificate)/i.test(plain) || /^\s*(?:ssh-|ecdsa-sha2-)/.test(plain)) return true;
  const reading = /^\s*["{[]/.test(plain) ? readJson(plain) : undefined;
  if (reading?.ok) {
    return [reading.value]
      .flat()
      .some(value =>
        typeof value === 'string'
          ? layers > 0 && holdsKey(value, layers - 1)
          : isObject(value) && (Object.hasOwn(value, 'kty') || Object.hasOwn(value, 'keys')),
      );
  }
  return [decodeBase64(plain.replace(/\s+/g, '')), bytesOf(plain, 'hex')].some(
    bytes =>
      bytes !== undefined &&
      (isDer(bytes) || (layers > 0 && holdsKey(new TextDecoder('latin1').decode(bytes), layers - 1))),
  );
}

function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}

const invalid = (reason: KeyFlaw) => new WorkbenchError('key_invalid', { reason });

/**
 * Reads a key that a user pasted: a PEM public key or certificate, a JWK, a JWK Set, or otherwise a shared secret. A
 * text that contains a public key in any of these forms is never used as a secret (RFC 8725 section 2.1).
 * @param form the encoding of a shared secret; if given, the text is read as a shared secret only
 * @throws WorkbenchError `key_invalid` {reason: 'empty' | 'private_key' | 'encrypted' | 'pem' | 'compressed' | 'kind' |
 * 'json' | 'kty' | 'ssh' | 'not_in_form' | 'public_as_secret'}, `jwks_invalid`
 */
export async function readKeyText(text: string, form?: SecretForm): Promise<KeySet> {
  const material = readKeyMaterial(text);
  if (material.kind === 'empty') throw invalid('empty');
  if (form !== undefined) return single(secretKey(readSecret(text, form)));
  switch (material.kind) {
    case 'pem': {
      const [first, ...others] = material.blocks;
      const key = fromDer(derOf(first));
      const more = others.flatMap(block => readable(block) ?? []);
      return { keys: [key, ...more], ignored: others.length - more.length };
    }
    case 'ssh':
      throw invalid('ssh');
    case 'foreign':
      throw new WorkbenchError('key_invalid', { reason: 'foreign', found: material.name });
    case 'json':
      return readJsonKey(material.text);
    default:
      return { keys: guessSecrets(text).map(secret => secretKey(secret)), ignored: 0 };
  }
}

/** Reads the blocks after the first: other certificates of a chain and further keys count, anything else is ignored. */
function readable(block: Block): VerificationKey | undefined {
  try {
    return fromDer(derOf(block));
  } catch {
    return undefined;
  }
}

function single(key: VerificationKey): KeySet {
  return { keys: [key], ignored: 0 };
}

function fromDer(der: Uint8Array): VerificationKey {
  const key = readJwk(publicJwk(der) as Readonly<Record<string, unknown>>, 'given');
  if (!key) throw invalid('pem');
  return key;
}

function readJsonKey(text: string): KeySet {
  const reading = readJson(text);
  if (!reading.ok) throw invalid('json');
  const { value } = reading;
  if (Array.isArray(value)) return readKeySet(value, 'given');
  if (!isObject(value)) throw invalid('json');
  for (const member of [value, own(value, 'keys')].flat())
    if (isObject(member) && typeof own(member, 'k') === 'string') refuseKeys(textOf(member, 'k') ?? '');
  if (Object.hasOwn(value, 'keys') || certificateMap(value)) return readKeySet(value, 'given');
  const key = readLooseJwk(value, 'given');
  if (!key) throw invalid('kty');
  return single(key);
}

/** Signs a header and a payload that the user wrote, with the user's own key. Loaded when it is first needed. */
export interface OwnKey {
  /** What a verifier needs to verify signatures of this key: the public half, or the secret itself. */
  readonly verification: { readonly jwks: object } | { readonly key: string; readonly keyFormat: SecretForm };
  /** Replaces `alg` if it does not fit the key, and sets `kid` if the key has one. The payload is signed as written. */
  sign(header: JsonObject, payload: string): Promise<string>;
}

/**
 * Reads a private key as `readClientKey` does, a secret in the given encoding, or a secret as a JWK.
 * @throws WorkbenchError `credential_invalid`, `key_invalid`
 */
export async function readOwnKey(text: string, form?: SecretForm): Promise<OwnKey> {
  if (form !== undefined) return secretOf(readSecret(text, form), { key: text, keyFormat: form });
  const reading = readJson(text);
  if (reading.ok && isObject(reading.value) && reading.value.kty === 'oct') {
    const bytes = decodeBase64(textOf(reading.value, 'k') ?? '');
    if (!bytes?.length) throw new WorkbenchError('key_invalid', { reason: 'kty' });
    return secretOf(bytes, { key: encodeBase64url(bytes), keyFormat: 'base64url' }, textOf(reading.value, 'kid'));
  }
  const key = await readClientKey(text);
  const [first = ''] = key.algorithms;
  const { kty, crv, n, e, x, y } = await crypto.subtle.exportKey('jwk', await key.cryptoKey(first, true));
  const { kid } = key.header;
  const publicJwk = JSON.parse(JSON.stringify({ kty, crv, n, e, x, y, kid })) as JsonObject;
  return {
    verification: { jwks: { keys: [publicJwk] } },
    sign: async (header, payload) => {
      const alg = fitting(header, key.algorithms);
      return compact({ ...header, ...(kid !== undefined && { kid }), alg }, payload, await key.cryptoKey(alg));
    },
  };
}

const hmac = allowedAlgorithms(undefined, true);

function secretOf(secret: Uint8Array, verification: OwnKey['verification'], kid?: string): OwnKey {
  return {
    verification,
    sign: (header, payload) =>
      compact({ ...header, ...(kid !== undefined && { kid }), alg: fitting(header, hmac) }, payload, secret),
  };
}

function fitting(header: JsonObject, algorithms: readonly string[]): string {
  const asked = textOf(header, 'alg') ?? '';
  return algorithms.includes(asked) ? asked : (algorithms[0] ?? '');
}

function compact(header: JsonObject & { alg: string }, payload: string, key: CryptoKey | Uint8Array): Promise<string> {
  return new CompactSign(new TextEncoder().encode(payload)).setProtectedHeader(header).sign(key);
}
