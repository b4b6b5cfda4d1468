import { decodeBase64url, encodeBase64url, isCanonical } from '../tokens/base64url.ts';

/*
 * The newest record on its way to other windows and to the next start, sealed with AES-256-GCM. It lies in a file, so
 * it is worth as much as its key, which lies in SecretStorage and nowhere else.
 */

/** The format: part of what is authenticated, and the first thing that is read. */
const format = 'jwtw1';

export interface JournalKey {
  /** Tells keys apart and says nothing about them. Public. */
  readonly id: string;
  readonly key: CryptoKey;
}

/**
 * - `format`: another program's text, another version's, or a torn one.
 * - `key`: sealed with a key that this window does not have.
 * - `sealed`: the key is right and the text is not: changed, or another connection's or generation's.
 */
export type JournalFault = 'format' | 'key' | 'sealed';

export type Opened = { readonly text: string } | { readonly fault: JournalFault };

/** What a sealed text is about. It opens for no other connection and no other generation. */
export interface Subject {
  readonly connection: string;
  readonly generation: number;
}

/** 32 random bytes as text, for the store of secrets. */
export function newKeyText(): string {
  return encodeBase64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** `undefined` where the text is no key. */
export async function readKey(text: string): Promise<JournalKey | undefined> {
  const bytes = decodeBase64url(text);
  if (!(bytes instanceof Uint8Array) || bytes.length !== 32 || !isCanonical(text)) return undefined;
  // Hashed under a name of its own, so that the id is good for nothing else.
  const named = new TextEncoder().encode(`${format} key ${text}`);
  const [key, digest] = await Promise.all([
    crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']),
    crypto.subtle.digest('SHA-256', named),
  ]);
  return { id: encodeBase64url(new Uint8Array(digest).subarray(0, 6)), key };
}

/** Format, key id, nonce and cipher text, joined by dots. */
export async function seal({ id, key }: JournalKey, subject: Subject, text: string): Promise<string> {
  // Random: 2^32 records under one key would be too many (NIST SP 800-38D §8.3), at one a second that is 136 years.
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt(
    { name: 'AES-GCM', iv, additionalData: additionalData(id, subject) },
    key,
    new TextEncoder().encode(text),
  );
  return [format, id, encodeBase64url(iv), encodeBase64url(new Uint8Array(sealed))].join('.');
}

export async function open(keys: readonly JournalKey[], subject: Subject, sealedText: string): Promise<Opened> {
  const [name, id, ivText, cipherText, ...rest] = sealedText.split('.');
  if (name !== format || id === undefined || ivText === undefined || cipherText === undefined || rest.length)
    return { fault: 'format' };
  const iv = decodeBase64url(ivText);
  const sealed = decodeBase64url(cipherText);
  if (!(iv instanceof Uint8Array) || iv.length !== 12 || !(sealed instanceof Uint8Array)) return { fault: 'format' };
  const known = keys.find(key => key.id === id);
  if (known === undefined) return { fault: 'key' };
  try {
    const plain = await crypto.subtle.decrypt(
      { name: 'AES-GCM', iv, additionalData: additionalData(id, subject) },
      known.key,
      sealed,
    );
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(plain) };
  } catch {
    return { fault: 'sealed' };
  }
}

/** An array, so that no two subjects are written alike. */
function additionalData(keyId: string, { connection, generation }: Subject) {
  return new TextEncoder().encode(JSON.stringify([format, keyId, connection, generation]));
}
