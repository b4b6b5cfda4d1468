import { WorkbenchError } from '../errors.ts';
import { decodeBase64 } from '../tokens/base64url.ts';
import { isDer } from '../tokens/der.ts';
import { isObject, readJson } from '../tokens/json.ts';

/** How the text of a shared secret stands for its bytes. */
export const secretForms = ['text', 'base64', 'base64url', 'hex'] as const;
export type SecretForm = (typeof secretForms)[number];

/** Characters. Longer texts are files that were taken for a secret. */
const longestSecret = 64 * 1024;

/**
 * The bytes of a shared secret in the form that was chosen. A text that holds a public key never becomes a secret
 * (RFC 8725 section 2.1): any holder of the public key could then sign.
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
 * What a text without a named form may mean: its characters, with a line end that came along or without, or the bytes
 * it encodes where it looks like base64 or hex of 16 or more.
 * @throws WorkbenchError `key_invalid` {reason: 'too_long' | 'public_as_secret'}
 */
export function guessSecrets(text: string): Uint8Array[] {
  refuseKeys(text);
  const secret = withoutLineEnd(text);
  const texts = secret === text ? [text] : [secret, text];
  const decoded = [decodeBase64(secret), bytesOf(secret, 'hex')];
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

/** @throws WorkbenchError `key_invalid` {reason: 'too_long' | 'public_as_secret'} where a text holds a public key in any spelling */
export function refuseKeys(text: string): void {
  if (text.length > longestSecret) throw new WorkbenchError('key_invalid', { reason: 'too_long' });
  if (holdsKey(text)) throw new WorkbenchError('key_invalid', { reason: 'public_as_secret' });
}

/** A PEM, DER, a JWK or a JWK Set, an SSH key; also as base64, hex, JSON text or percent-encoded, twice over at most. */
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
