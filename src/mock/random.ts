import { base64url } from 'jose';

/** `bytes` random bytes as base64url; 16 bytes are 22 characters, 32 are 43. */
export function randomText(bytes: number): string {
  return base64url.encode(crypto.getRandomValues(new Uint8Array(bytes)));
}

/**
 * A short non-secret name for a secret: the same in, the same out, in one synchronous step so that the request
 * log costs nothing. 64 bits (two 32-bit hashes in the manner of FNV-1a) of a secret with 256: enough to tell two apart, not to rebuild it.
 */
export function fingerprint(secret: string): string {
  let a = 0x811c9dc5;
  let b = 0x050c5d1f;
  for (let i = 0; i < secret.length; i += 1) {
    const code = secret.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b);
  }
  return hex(a) + hex(b);
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}

/** Numbers in [0, 1), the same row for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
