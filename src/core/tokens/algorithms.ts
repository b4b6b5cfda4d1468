/** Signature algorithms (RFC 7518 section 3.1, RFC 8037, RFC 9864): the key that each needs, and its hash. */

export interface SignatureAlgorithm {
  readonly kty: 'RSA' | 'EC' | 'OKP' | 'AKP' | 'oct';
  readonly crv?: string;
  /** For `at_hash`. EdDSA uses SHA-512 internally, and issuers use that. */
  readonly hash?: 'SHA-256' | 'SHA-384' | 'SHA-512';
  /** Bytes of a signature: fixed, or those of the usual keys if `varies`. */
  readonly bytes: readonly number[];
  /** The length depends on the key. */
  readonly varies?: true;
}

/** Keys of 2048, 3072 and 4096 bits. */
const rsa = { bytes: [256, 384, 512], varies: true } as const;

export const signatureAlgorithms: ReadonlyMap<string, SignatureAlgorithm> = new Map<string, SignatureAlgorithm>([
  ['RS256', { kty: 'RSA', hash: 'SHA-256', ...rsa }],
  ['RS384', { kty: 'RSA', hash: 'SHA-384', ...rsa }],
  ['RS512', { kty: 'RSA', hash: 'SHA-512', ...rsa }],
  ['PS256', { kty: 'RSA', hash: 'SHA-256', ...rsa }],
  ['PS384', { kty: 'RSA', hash: 'SHA-384', ...rsa }],
  ['PS512', { kty: 'RSA', hash: 'SHA-512', ...rsa }],
  ['ES256', { kty: 'EC', crv: 'P-256', hash: 'SHA-256', bytes: [64] }],
  ['ES384', { kty: 'EC', crv: 'P-384', hash: 'SHA-384', bytes: [96] }],
  ['ES512', { kty: 'EC', crv: 'P-521', hash: 'SHA-512', bytes: [132] }],
  ['EdDSA', { kty: 'OKP', crv: 'Ed25519', hash: 'SHA-512', bytes: [64, 114] }],
  ['Ed25519', { kty: 'OKP', crv: 'Ed25519', hash: 'SHA-512', bytes: [64] }],
  ['ML-DSA-44', { kty: 'AKP', bytes: [2420] }],
  ['ML-DSA-65', { kty: 'AKP', bytes: [3309] }],
  ['ML-DSA-87', { kty: 'AKP', bytes: [4627] }],
  ['HS256', { kty: 'oct', hash: 'SHA-256', bytes: [32] }],
  ['HS384', { kty: 'oct', hash: 'SHA-384', bytes: [48] }],
  ['HS512', { kty: 'oct', hash: 'SHA-512', bytes: [64] }],
]);

/** Registered, and on curves that Web Crypto does not have: such a token may be genuine, but cannot be checked here. */
export const lackingAlgorithms: readonly string[] = ['ES256K', 'Ed448'];

/** Whether the algorithm is on the list that `allowedAlgorithms` returns. */
export function isAllowed(alg: string, asked: readonly string[] | undefined, secret: boolean): boolean {
  const known = signatureAlgorithms.get(alg);
  return known !== undefined && (known.kty === 'oct') === secret && (asked === undefined || asked.includes(alg));
}

/**
 * The exact allow-list: HMAC only with a shared secret, and nothing else with it, so that a public key is never used as
 * a secret.
 */
export function allowedAlgorithms(asked: readonly string[] | undefined, secret: boolean): readonly string[] {
  const able = secret ? hmac : asymmetric;
  return asked === undefined ? able : asked.filter(alg => able.includes(alg));
}

const names = [...signatureAlgorithms];
const hmac = names.filter(([, { kty }]) => kty === 'oct').map(([alg]) => alg);
const asymmetric = names.filter(([, { kty }]) => kty !== 'oct').map(([alg]) => alg);

/** Algorithms for an issuer's answer or an ID token if its metadata lists none; never HMAC. */
export const usualAlgorithms = names.filter(([, { kty }]) => kty !== 'oct' && kty !== 'AKP').map(([alg]) => alg);
