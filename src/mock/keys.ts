import { base64url, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';

export type MockAlg = 'RS256' | 'PS256' | 'ES256' | 'EdDSA';

export const mockAlgs: readonly MockAlg[] = ['RS256', 'PS256', 'ES256', 'EdDSA'];

export interface SigningKey {
  readonly alg: MockAlg;
  /** Public members only, with `kid`, `alg` and `use`. */
  readonly publicJwk: JWK & { readonly kid: string };
  /** The signature of a JWS signing input (RFC 7515 section 5.1), base64url. */
  sign(signingInput: string): Promise<string> | string;
}

/** The two things that are quicker in Node's own crypto than in WebCrypto, so that a Node server can bring its own. */
export interface MockCrypto {
  generateKey(alg: MockAlg): Promise<SigningKey>;
  /** base64url of the UTF-8 bytes of `text`. */
  encode(text: string): string;
  /** `at_hash` of an access token: base64url of the left half of its hash (OpenID Connect Core section 3.1.3.6). */
  atHash(accessToken: string, alg: MockAlg): Promise<string> | string;
}

const subtleParameters = {
  RS256: { name: 'RSASSA-PKCS1-v1_5' },
  PS256: { name: 'RSA-PSS', saltLength: 32 },
  ES256: { name: 'ECDSA', hash: 'SHA-256' },
  EdDSA: { name: 'Ed25519' },
} as const satisfies Record<MockAlg, AlgorithmIdentifier | RsaPssParams | EcdsaParams>;

/** The hash that goes with an algorithm; Ed25519 signs with SHA-512 inside, and `at_hash` follows it. */
export function hashName(alg: MockAlg): 'SHA-256' | 'SHA-512' {
  return alg === 'EdDSA' ? 'SHA-512' : 'SHA-256';
}

/** RFC 7638 thumbprint as `kid`. Only public members may be handed in. */
export async function describeKey(publicJwk: JWK, alg: MockAlg): Promise<SigningKey['publicJwk']> {
  return { ...publicJwk, kid: await calculateJwkThumbprint(publicJwk), alg, use: 'sig' };
}

/** Works wherever WebCrypto does. Private keys cannot be extracted. */
export const webCrypto: MockCrypto = {
  async generateKey(alg) {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: false });
    const parameters = subtleParameters[alg];
    const encoder = new TextEncoder();
    return {
      alg,
      publicJwk: await describeKey(await exportJWK(publicKey), alg),
      async sign(signingInput) {
        const signature = await crypto.subtle.sign(parameters, privateKey, encoder.encode(signingInput));
        return base64url.encode(new Uint8Array(signature));
      },
    };
  },
  encode: base64url.encode,
  async atHash(accessToken, alg) {
    const hash = await crypto.subtle.digest(hashName(alg), new TextEncoder().encode(accessToken));
    return base64url.encode(new Uint8Array(hash, 0, hash.byteLength / 2));
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
