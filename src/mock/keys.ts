import { constants, createHash, generateKeyPair, type KeyObject, type SigningOptions, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint } from 'jose';
import type { PublicJwk } from './options.ts';

export const mockAlgs = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const;
export type MockAlg = (typeof mockAlgs)[number];

export interface SigningKey {
  readonly alg: MockAlg;
  /** Public members only, with `kid`, `alg` and `use`. */
  readonly publicJwk: PublicJwk & { readonly kid: string };
  /** The signature of a JWS signing input (RFC 7515 section 5.1), base64url. */
  sign(signingInput: string): Promise<string> | string;
}

/** What a test replaces to sign nothing, or to sign wrongly. */
export interface MockCrypto {
  generateKey(alg: MockAlg): Promise<SigningKey>;
  /** base64url of the UTF-8 bytes of `text`. */
  encode(text: string): string;
  /** `at_hash` of an access token: base64url of the left half of its hash (OpenID Connect Core section 3.1.3.6). */
  atHash(accessToken: string, alg: MockAlg): Promise<string> | string;
}

/** RFC 7638 thumbprint as `kid`. Only public members may be given. */
export async function describeKey(publicJwk: PublicJwk, alg: MockAlg): Promise<SigningKey['publicJwk']> {
  const members = Object.fromEntries(Object.entries(publicJwk).filter(([, value]) => value !== undefined));
  return { ...members, kid: await calculateJwkThumbprint(members), alg, use: 'sig' };
}

interface Recipe {
  generate(): Promise<{ publicKey: KeyObject; privateKey: KeyObject }>;
  readonly digest: string | null;
  readonly options: SigningOptions;
  /** Long enough to be worth a trip to the thread pool: an RSA signature takes 10 times as long as the others. */
  readonly slow: boolean;
}

const generate = promisify(generateKeyPair);
const rsa = () => generate('rsa', { modulusLength: 2048 });
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
const p256 = () => generate('ec', { namedCurve: 'P-256' });

const recipes: Record<MockAlg, Recipe> = {
  RS256: { generate: rsa, digest: 'sha256', options: {}, slow: true },
  PS256: { generate: rsa, digest: 'sha256', options: pss, slow: true },
  ES256: { generate: p256, digest: 'sha256', options: { dsaEncoding: 'ieee-p1363' }, slow: false },
  EdDSA: { generate: () => generate('ed25519'), digest: null, options: {}, slow: false },
};

export const nodeCrypto: MockCrypto = {
  async generateKey(alg) {
    const { generate: make, digest, options, slow } = recipes[alg];
    const { publicKey, privateKey } = await make();
    const key = { key: privateKey, ...options };
    return {
      alg,
      publicJwk: await describeKey(publicKey.export({ format: 'jwk' }) as PublicJwk, alg),
      sign(signingInput) {
        const bytes = Buffer.from(signingInput, 'latin1');
        if (!slow) return sign(digest, bytes, key).toString('base64url');
        return new Promise((resolve, reject) => {
          sign(digest, bytes, key, (error, signature) => {
            if (error) reject(error);
            else resolve(signature.toString('base64url'));
          });
        });
      },
    };
  },
  encode: text => Buffer.from(text).toString('base64url'),
  atHash(accessToken, alg) {
    // Ed25519 signs with SHA-512 inside, and at_hash follows it.
    const hash = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256')
      .update(accessToken)
      .digest();
    return hash.subarray(0, hash.length / 2).toString('base64url');
  },
};

// A mock that rotates its keys every minute for a week must not serve a JWKS of ten thousand keys.
const publishedLimit = 8;

/** The signing key and the public keys that the JWKS endpoint shows, the signing key's last. */
export interface KeyRing {
  readonly signing: SigningKey;
  readonly published: readonly SigningKey['publicJwk'][];
  rotate(alg: MockAlg | undefined, dropOld: boolean): Promise<void>;
}

export async function createKeyRing(backend: MockCrypto, alg: MockAlg): Promise<KeyRing> {
  let signing = await backend.generateKey(alg);
  let published = [signing.publicJwk];
  return {
    get signing() {
      return signing;
    },
    get published() {
      return published;
    },
    async rotate(nextAlg, dropOld) {
      const next = await backend.generateKey(nextAlg ?? signing.alg);
      published = [...(dropOld ? [] : published), next.publicJwk].slice(-publishedLimit);
      signing = next;
    },
  };
}
