import { exportJWK, importSPKI, importX509 } from 'jose';
import { decodeBase64url } from './base64url.ts';
import { WorkbenchError } from './errors.ts';
import { isObject, readJson } from './json.ts';
import { type KeySet, readJwk, readKeySet, secretKey, type VerificationKey } from './keys.ts';

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
