import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { rsaPair } from './rsaPair.ts';

/** A client key in the usual formats. */
export interface TestKey {
  readonly privateKey: KeyObject;
  /** PKCS #8. */
  readonly pem: string;
  readonly jwk: Readonly<Record<string, unknown>>;
  readonly publicJwk: Readonly<Record<string, unknown>>;
}

const makers = {
  RSA: rsaPair,
  'P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  'P-521': () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  Ed25519: () => generateKeyPairSync('ed25519'),
};

/** @param which the number of an RSA key, see `rsaPair`; other keys are new each time */
export function testKey(kind: keyof typeof makers, which = 0): TestKey {
  const { privateKey, publicKey } = makers[kind](which);
  return {
    privateKey,
    pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    jwk: privateKey.export({ format: 'jwk' }) as Record<string, unknown>,
    publicJwk: publicKey.export({ format: 'jwk' }) as Record<string, unknown>,
  };
}
