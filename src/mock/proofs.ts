import { base64url } from 'jose';
import { mockAlgs } from './keys.ts';
import type { Shelf } from './shelf.ts';

/** What clients may sign with, for RFC 7523 assertions and DPoP proofs. */
export const asymmetricAlgs: readonly string[] = [...mockAlgs, 'Ed25519', 'ES384', 'ES512', 'RS384', 'RS512'];
export const secretAlgs: readonly string[] = ['HS256', 'HS384', 'HS512'];

// What is kept to recognise it again must not be of any length.
const longestJti = 256;

/** False where `jti` was there before, or is none. `until` in milliseconds: when nobody would take it again anyway. */
export function isFresh(seen: Shelf<true>, owner: string, jti: unknown, until: number, now: number): boolean {
  if (typeof jti !== 'string' || jti === '' || jti.length > longestJti) return false;
  const key = `${owner} ${jti}`;
  if (seen.get(key, now)) return false;
  seen.put(key, true, until, now);
  return true;
}

/** What jose found wrong, as far as an error description may say it: no quotes (RFC 6749 section 5.2). */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : 'it cannot be read';
  return message.replace(/[^\x20-\x7e]|["\\]/g, "'");
}

/** SHA-256, base64url. */
export async function sha256(text: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return base64url.encode(new Uint8Array(hash));
}
