import { decodeBase64url } from '../tokens/base64url.ts';
import type { Finding } from './checks.ts';
import { failed } from './finding.ts';

/** The public members of an RSA key (RFC 7518 section 6.3.1). */
export interface RsaMembers {
  readonly n?: string | undefined;
  readonly e?: string | undefined;
}

/** NIST SP 800-131A, and what jose insists on as well. */
const leastRsaBits = 2048;

/** Longer than any key in use: a modulus of megabytes is not worth the arithmetic. */
const longestInteger = 4096;

/** What makes an RSA key worthless whatever it signs (RFC 7518 section 3.3); `undefined` where nothing does. */
export function rsaWeakness({ n, e }: RsaMembers): Finding | undefined {
  const modulus = integer(n);
  const exponent = integer(e);
  if (modulus === undefined || exponent === undefined) return failed('key_rejected');
  const bits = modulus.toString(2).length;
  if (bits < leastRsaBits) return failed('rsa_too_short', { expected: String(leastRsaBits), found: String(bits) });
  // With e = 1 every message is its own signature; an even e is no RSA key.
  if (exponent < 3n || exponent % 2n === 0n)
    return failed('rsa_exponent', { expected: '65537', found: exponent.toString() });
  return isRoca(modulus) ? failed('rsa_roca') : undefined;
}

/** Base64urlUInt (RFC 7518 section 2). */
export function integer(encoded: string | undefined): bigint | undefined {
  if (encoded === undefined || encoded.length > longestInteger) return undefined;
  const bytes = decodeBase64url(encoded);
  if ('reason' in bytes || bytes.length === 0) return undefined;
  return BigInt(`0x${Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')}`);
}

/**
 * The fingerprint of Infineon's faulty key generation (CVE-2017-15361): its primes are k * M + 65537^a mod M,
 * so that modulo each small prime the modulus is a power of 65537. Other moduli are so by chance once in 2^27.
 */
function isRoca(modulus: bigint): boolean {
  return smallPrimes.every(prime => {
    const residue = Number(modulus % BigInt(prime));
    for (let power = 1, i = 0; i < prime; i++) {
      if (power === residue) return true;
      power = (power * 65537) % prime;
    }
    return false;
  });
}

const smallPrimes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
];
