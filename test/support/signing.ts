import { createHmac, createSign, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { rsaPair } from './rsaPair.ts';

/** A signer based on node:crypto, so that no test checks jose against itself. */
export interface Signer {
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Public JWK with `kid` and `alg`. */
  readonly jwk: JsonWebKey & { readonly kid: string; readonly alg: string };
  readonly pem: string;
}

const makers = {
  RS256: rsaPair,
  PS256: rsaPair,
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ES512: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
} as const;

/** @param which the number of an RSA key, see `rsaPair`; other keys are new each time */
export function signer(alg: keyof typeof makers, kid = `kid-${alg}`, which = 0): Signer {
  return signerOf(alg, makers[alg](which), kid);
}

export function signerOf(alg: string, pair: { publicKey: KeyObject; privateKey: KeyObject }, kid: string): Signer {
  const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid, alg };
  return { alg, ...pair, jwk, pem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString() };
}

export function encode(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/**
 * A JWS over `payload` (text is signed as it is), with the signer's `alg` and `kid` unless the header overrides them.
 */
export function jwt(by: Signer, payload: unknown, header: object = {}): string {
  const input = `${encode({ alg: by.alg, kid: by.jwk.kid, ...header })}.${encode(payload)}`;
  return `${input}.${signature(by, input).toString('base64url')}`;
}

/** Signs parts that are already encoded. */
export function signature({ alg, privateKey: key }: Signer, input: string): Buffer {
  if (alg === 'EdDSA') return sign(null, Buffer.from(input), key);
  const hash = createSign(`sha${alg.slice(2)}`).update(input);
  return alg.startsWith('ES')
    ? hash.sign({ key, dsaEncoding: 'ieee-p1363' })
    : hash.sign(alg.startsWith('PS') ? { key, padding: 6, saltLength: Number(alg.slice(2)) / 8 } : key);
}

export function hmacJwt(secret: string | Buffer, payload: object, header: object = {}): string {
  const { alg = 'HS256' } = header as { alg?: string };
  const input = `${encode({ alg, ...header })}.${encode(payload)}`;
  return `${input}.${createHmac(`sha${alg.slice(2)}`, secret)
    .update(input)
    .digest('base64url')}`;
}
