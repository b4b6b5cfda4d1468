/** Signs a header and a payload that the user wrote, with a key of the user's own. Loaded when it is first needed. */
import { CompactSign } from 'jose';
import { WorkbenchError } from '../errors.ts';
import { readClientKey } from '../issuer/clientKey.ts';
import { decodeBase64, encodeBase64url } from '../tokens/base64url.ts';
import { isObject, type JsonObject, readJson, textOf } from '../tokens/json.ts';
import { readSecret, type SecretForm } from './secretText.ts';

export interface OwnKey {
  /** What a verifier needs to accept what this key signs: the public half, or the secret itself. */
  readonly verification: { readonly jwks: object } | { readonly key: string; readonly keyFormat: SecretForm };
  /** `alg` becomes the key's where it does not fit the key, and `kid` its own where it has one. The payload stays as written. */
  sign(header: JsonObject, payload: string): Promise<string>;
}

/**
 * Reads a private key as `readClientKey` does, a secret in the form that was chosen, or a secret as a JWK.
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

const hmac = ['HS256', 'HS384', 'HS512'];

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
