/** Signature algorithms (RFC 7518 section 3.1, RFC 8037, RFC 9864): what key each needs and what it hashes with. */

export interface SignatureAlgorithm {
  readonly kty: 'RSA' | 'EC' | 'OKP' | 'AKP' | 'oct';
  readonly crv?: string;
  /** For `at_hash`. EdDSA has SHA-512 inside, and issuers take that. */
  readonly hash?: 'SHA-256' | 'SHA-384' | 'SHA-512';
}

export const signatureAlgorithms: ReadonlyMap<string, SignatureAlgorithm> = new Map<string, SignatureAlgorithm>([
  ['RS256', { kty: 'RSA', hash: 'SHA-256' }],
  ['RS384', { kty: 'RSA', hash: 'SHA-384' }],
  ['RS512', { kty: 'RSA', hash: 'SHA-512' }],
  ['PS256', { kty: 'RSA', hash: 'SHA-256' }],
  ['PS384', { kty: 'RSA', hash: 'SHA-384' }],
  ['PS512', { kty: 'RSA', hash: 'SHA-512' }],
  ['ES256', { kty: 'EC', crv: 'P-256', hash: 'SHA-256' }],
  ['ES384', { kty: 'EC', crv: 'P-384', hash: 'SHA-384' }],
  ['ES512', { kty: 'EC', crv: 'P-521', hash: 'SHA-512' }],
  ['EdDSA', { kty: 'OKP', crv: 'Ed25519', hash: 'SHA-512' }],
  ['Ed25519', { kty: 'OKP', crv: 'Ed25519', hash: 'SHA-512' }],
  ['ML-DSA-44', { kty: 'AKP' }],
  ['ML-DSA-65', { kty: 'AKP' }],
  ['ML-DSA-87', { kty: 'AKP' }],
  ['HS256', { kty: 'oct', hash: 'SHA-256' }],
  ['HS384', { kty: 'oct', hash: 'SHA-384' }],
  ['HS512', { kty: 'oct', hash: 'SHA-512' }],
]);

/** The exact allow-list: HMAC with a shared secret and with nothing else, so that a public key is never one. */
export function allowedAlgorithms(asked: readonly string[] | undefined, secret: boolean): readonly string[] {
  const able = secret ? hmac : asymmetric;
  return asked === undefined ? able : able.filter(alg => asked.includes(alg));
}

const names = [...signatureAlgorithms];
const hmac = names.filter(([, { kty }]) => kty === 'oct').map(([alg]) => alg);
const asymmetric = names.filter(([, { kty }]) => kty !== 'oct').map(([alg]) => alg);
