import { decodeBase64url } from './base64url.ts';
import { isDer } from './der.ts';
import { WorkbenchError } from './errors.ts';
import { isObject, readJson } from './json.ts';

/** How the text of a shared secret stands for its bytes. */
export const secretForms = ['text', 'base64', 'base64url', 'hex'] as const;
export type SecretForm = (typeof secretForms)[number];

/**
 * The bytes of a shared secret in the form that was chosen. A text that holds a public key never becomes a secret
 * (RFC 8725 section 2.1): whoever has the key could then sign.
 * @throws WorkbenchError `key_invalid` {reason: 'empty' | 'not_in_form' | 'public_as_secret', form}
 */
export function readSecret(text: string, form: SecretForm): Uint8Array {
  const bytes = bytesOf(withoutLineEnd(text), form);
  if (!bytes) throw new WorkbenchError('key_invalid', { reason: 'not_in_form', form });
  if (bytes.length === 0) throw new WorkbenchError('key_invalid', { reason: 'empty' });
  if (holdsKey(text) || isDer(bytes)) throw new WorkbenchError('key_invalid', { reason: 'public_as_secret' });
  return bytes;
}

/** What a text without a named form may mean: its characters, or the bytes it encodes where it looks like base64 of 16 or more. */
export function guessSecrets(text: string): Uint8Array[] {
  const secret = withoutLineEnd(text);
  const asText = new TextEncoder().encode(secret);
  const decoded = decodeBase64(secret);
  return decoded && decoded.length >= 16 ? [asText, decoded] : [asText];
}

/** base64 in either alphabet, padded or not. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = decodeBase64url(
    text
      .replace(/={1,2}$/, '')
      .replaceAll('+', '-')
      .replaceAll('/', '_'),
  );
  return 'reason' in bytes ? undefined : bytes;
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
      return Uint8Array.from(digits.match(/../g) ?? [], pair => Number.parseInt(pair, 16));
    }
  }
}

/** A PEM, a JWK or a JWK Set, an SSH key. */
function holdsKey(text: string): boolean {
  if (text.includes('-----BEGIN ') || /^\s*(?:ssh-|ecdsa-sha2-)/.test(text)) return true;
  if (!/^\s*\{/.test(text)) {
    const der = decodeBase64(text.replace(/\s+/g, ''));
    return der !== undefined && isDer(der);
  }
  const reading = readJson(text);
  return (
    reading.ok &&
    isObject(reading.value) &&
    ['kty', 'keys'].some(name => Object.hasOwn(Object(reading.value), name))
  );
}

function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}
