import { isDer, publicJwk } from './der.ts';
import { WorkbenchError } from './errors.ts';
import { isObject, readJson } from './json.ts';
import { type KeySet, readJwk, readKeySet, secretKey, type VerificationKey } from './keys.ts';
import { decodeBase64, guessSecrets, readSecret, type SecretForm } from './secretText.ts';

/**
 * Reads a key that a user pasted: a PEM public key or certificate, a JWK, a JWK Set, or else a shared secret.
 * A text that holds a public key in any of these forms never becomes a secret (RFC 8725 section 2.1).
 * @param form that of a shared secret; then the text is read as one and as nothing else
 * @throws WorkbenchError `key_invalid` {reason: 'empty' | 'private_key' | 'encrypted' | 'pem' | 'compressed' | 'kind' |
 * 'json' | 'kty' | 'ssh' | 'not_in_form' | 'public_as_secret'}, `jwks_invalid`
 */
export async function readKeyText(text: string, form?: SecretForm): Promise<KeySet> {
  const trimmed = text.trim();
  if (trimmed === '') throw new WorkbenchError('key_invalid', { reason: 'empty' });
  if (form !== undefined) return single(secretKey(readSecret(text, form)));
  const pem = derOfPem(trimmed);
  if (pem) return single(fromDer(pem));
  if (/^(?:ssh-|ecdsa-sha2-)/.test(trimmed)) throw new WorkbenchError('key_invalid', { reason: 'ssh' });
  if (/^[{[]/.test(trimmed)) return readJsonKey(trimmed);
  const der = bareDer(trimmed);
  if (der) return single(fromDer(der));
  return { keys: guessSecrets(text).map(secret => secretKey(secret)), ignored: 0 };
}

/**
 * The bytes of the first block of a PEM (RFC 7468) that holds a key, or `undefined` where the text is none.
 * @throws WorkbenchError `key_invalid` {reason: 'pem' | 'encrypted' | 'ssh_private'}
 */
export function derOfPem(text: string): Uint8Array | undefined {
  if (!text.includes(begin)) return undefined;
  const invalid = (reason: string) => new WorkbenchError('key_invalid', { reason });
  const { label, body } = blockOf(text) ?? {};
  if (label === undefined || body === undefined) throw invalid('pem');
  if (label.startsWith('ENCRYPTED') || /^\s*Proc-Type:\s*4,ENCRYPTED/.test(body)) throw invalid('encrypted');
  if (label === 'OPENSSH PRIVATE KEY') throw invalid('ssh_private');
  const der = decodeBase64(body.replace(/\s+/g, ''));
  if (!der || der.length === 0) throw invalid('pem');
  return der;
}

const begin = '-----BEGIN ';

function blockOf(text: string): { label: string; body: string } | undefined {
  for (let at = text.indexOf(begin), tries = 0; at >= 0 && tries < 4; tries++) {
    const start = at + begin.length;
    const label = /^[A-Z0-9 ]{1,40}(?=-----)/.exec(text.slice(start, start + 45))?.[0];
    const end = label === undefined ? -1 : text.indexOf(`-----END ${label}-----`, start);
    if (label === undefined || end < 0) return undefined;
    // OpenSSL writes the parameters of an EC key before it.
    if (label !== 'EC PARAMETERS') return { label, body: text.slice(start + label.length + 5, end) };
    at = text.indexOf(begin, end);
  }
  return undefined;
}

/** The bytes of a text that is base64 of one DER structure: a PEM without its lines, or a binary file. */
export function bareDer(text: string): Uint8Array | undefined {
  const der = decodeBase64(text.replace(/\s+/g, ''));
  return der && isDer(der) ? der : undefined;
}

function single(key: VerificationKey): KeySet {
  return { keys: [key], ignored: 0 };
}

function fromDer(der: Uint8Array): VerificationKey {
  const key = readJwk(publicJwk(der) as Readonly<Record<string, unknown>>, 'given');
  if (!key) throw new WorkbenchError('key_invalid', { reason: 'pem' });
  return key;
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
