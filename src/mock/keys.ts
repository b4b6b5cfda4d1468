import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  generateKeyPairSync,
  hash,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
  type SigningOptions,
  sign,
} from 'node:crypto';

/** Public members of a JWK, RFC 7517. */
export interface PublicJwk {
  readonly kty?: string | undefined;
  readonly kid?: string | undefined;
  readonly alg?: string | undefined;
  readonly use?: string | undefined;
  readonly crv?: string | undefined;
  readonly x?: string | undefined;
  readonly y?: string | undefined;
  readonly n?: string | undefined;
  readonly e?: string | undefined;
  readonly x5c?: readonly string[] | undefined;
  readonly 'x5t#S256'?: string | undefined;
}

// Imported, because tests of clients may replace the global function.
import { setImmediate } from 'node:timers';
import { promisify } from 'node:util';
import { calculateJwkThumbprint } from 'jose';
import { isObject, refuse } from './shape.ts';

export const mockAlgs = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const;
export type MockAlg = (typeof mockAlgs)[number];
export const usualAlg: MockAlg = 'RS256';

export interface SigningKey {
  readonly alg: MockAlg;
  /** Public members only, including `kid`, `alg` and `use`. */
  readonly publicJwk: PublicJwk & { readonly kid: string };
  /** Signs a JWS signing input (RFC 7515 section 5.1). Returns base64url. */
  sign(signingInput: string): Promise<string> | string;
}

/** A test can replace this to sign nothing or to sign incorrectly. */
export interface MockCrypto {
  generateKey(alg: MockAlg): Promise<SigningKey>;
  /** The UTF-8 bytes of `text` in base64url. */
  encode(text: string): string;
  /** `at_hash` of an access token: the left half of its hash in base64url (OpenID Connect Core section 3.1.3.6). */
  atHash(accessToken: string, alg: MockAlg): Promise<string> | string;
}

/** Adds the RFC 7638 thumbprint as `kid`. Pass public members only. */
export async function describeKey(publicJwk: PublicJwk, alg: MockAlg): Promise<SigningKey['publicJwk']> {
  const members = Object.fromEntries(Object.entries(publicJwk).filter(([, value]) => value !== undefined));
  return { ...members, kid: await calculateJwkThumbprint(members), alg, use: 'sig' };
}

interface Recipe {
  generate(): Promise<{ publicKey: KeyObject; privateKey: KeyObject }>;
  readonly digest: string | null;
  readonly options?: SigningOptions;
  /** One signature takes less time than handing it to another thread and back, so it is made in this thread. */
  readonly isQuick?: true;
  /** Turns what Node returns into what JWS needs, if they differ. */
  readonly format?: (signature: Buffer) => Buffer;
}

const generate = promisify(generateKeyPair);
const rsa = () => generate('rsa', { modulusLength: 2048 });
const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
const p256 = () => generate('ec', { namedCurve: 'P-256' });

const recipes: Record<MockAlg, Recipe> = {
  RS256: { generate: rsa, digest: 'sha256' },
  PS256: { generate: rsa, digest: 'sha256', options: pss },
  ES256: { generate: p256, digest: 'sha256', isQuick: true, format: joined },
  EdDSA: { generate: () => generate('ed25519'), digest: null, isQuick: true },
};

/**
 * The r and s of an ECDSA signature on P-256 as JWS needs them: 32 bytes each (RFC 7518 section 3.4). Node would do this
 * if an option beside the key asked for it, but Node 24 takes longer to read a key with options than to sign.
 */
function joined(der: Buffer): Buffer {
  // From Node's pool, because memory of its own costs more than all of this.
  const raw = Buffer.allocUnsafe(64).fill(0);
  // An integer can have fewer bytes than 32, or a zero before them.
  const place = (start: number, end: number, at: number) =>
    der.copy(raw, at + Math.max(0, 32 - (end - start)), Math.max(start, end - 32), end);
  // SEQUENCE { INTEGER r, INTEGER s }, with lengths of one byte each.
  const endOfR = 4 + der.readUInt8(3);
  place(4, endOfR, 0);
  place(endOfR + 2, der.length, 32);
  return raw;
}

const asIs = (signature: Buffer) => signature;

let turn: Promise<void> | undefined;

/**
 * Resolves at the end of this turn of the event loop. The signatures of requests that arrive together are then made one
 * after the other. Otherwise each of them would fill the caches of the processor with its own code and tables, and the
 * work on each request would be a fifth slower.
 */
function endOfTurn(): Promise<void> {
  turn ??= new Promise(resolve => {
    setImmediate(() => {
      turn = undefined;
      resolve();
    });
  });
  return turn;
}

async function signingKey(
  alg: MockAlg,
  publicKey: KeyObject,
  privateKey: KeyObject,
  kid?: string,
): Promise<SigningKey> {
  const { digest, options, isQuick, format = asIs } = recipes[alg];
  const key = options === undefined ? privateKey : { key: privateKey, ...options };
  const described = await describeKey(publicKey.export({ format: 'jwk' }) as PublicJwk, alg);
  return {
    alg,
    publicJwk: kid === undefined ? described : { ...described, kid },
    sign(signingInput) {
      const bytes = Buffer.from(signingInput, 'latin1');
      if (isQuick) return endOfTurn().then(() => format(sign(digest, bytes, key)).toString('base64url'));
      // In the thread pool, so that another core signs while this thread reads and writes.
      return new Promise((resolve, reject) => {
        sign(digest, bytes, key, (error, signature) => {
          if (error) reject(error);
          else resolve(format(signature).toString('base64url'));
        });
      });
    },
  };
}

/** Reads a private key from the options, as PEM or JWK. @throws MockOptionError */
async function importKey(material: unknown, alg: MockAlg, field: string): Promise<SigningKey> {
  const expected = 'a private key as PEM or JWK: RSA of 2048 bits or more, P-256 or Ed25519';
  let privateKey: KeyObject;
  try {
    privateKey = isObject(material)
      ? createPrivateKey({ key: material as JsonWebKey, format: 'jwk' })
      : createPrivateKey(String(material));
  } catch {
    // The message of OpenSSL is dropped, because it could contain parts of the key.
    return refuse(field, expected);
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = privateKey;
  const isRsa = type === 'rsa' && (details?.modulusLength ?? 0) >= 2048;
  const fit: MockAlg | undefined = isRsa
    ? alg === 'PS256'
      ? 'PS256'
      : 'RS256'
    : type === 'ed25519'
      ? 'EdDSA'
      : details?.namedCurve === 'prime256v1'
        ? 'ES256'
        : undefined;
  if (fit === undefined) return refuse(field, expected);
  const kid = isObject(material) && typeof material.kid === 'string' ? material.kid : undefined;
  return signingKey(fit, createPublicKey(privateKey), privateKey, kid);
}

export const nodeCrypto: MockCrypto = {
  async generateKey(alg) {
    const { publicKey, privateKey } = await recipes[alg].generate();
    return signingKey(alg, publicKey, privateKey);
  },
  encode: text => Buffer.from(text).toString('base64url'),
  atHash(accessToken, alg) {
    // Ed25519 uses SHA-512 internally, so at_hash does too.
    // As text, because a buffer outside Node's pool costs more than the hash.
    const digest = hash(alg === 'EdDSA' ? 'sha512' : 'sha256', accessToken, 'hex');
    return Buffer.from(digest.slice(0, digest.length / 2), 'hex').toString('base64url');
  },
};

// Keeps the JWKS small even if the mock rotates its keys every minute for a week.
const publishedLimit = 8;

/** The signing key and the public keys of the JWKS; the signing key is last. */
export interface KeyRing {
  /**
   * Resolves when there is a signing key. Generating an RSA key takes longer than the rest of the start, so it is
   * generated at the first call, when the issuer may already be listening.
   */
  readonly ready: Promise<void>;
  /** Available once `ready` has resolved. */
  readonly signing: SigningKey;
  readonly published: readonly SigningKey['publicJwk'][];
  /** Resolves with a function that brings the keys of before back. */
  rotate(alg: MockAlg | undefined, dropOld: boolean): Promise<() => void>;
}

/** `wanted`: the algorithm that was asked for; without it the first own key decides. */
export async function createKeyRing(
  backend: MockCrypto,
  wanted: MockAlg | undefined,
  own: readonly unknown[] = [],
): Promise<KeyRing> {
  const alg = wanted ?? usualAlg;
  const imported = await Promise.all(own.map((material, index) => importKey(material, alg, `keys[${index}]`)));
  if (imported[0] !== undefined && wanted !== undefined && imported[0].alg !== wanted)
    refuse('keys[0]', `a key for alg, which is ${wanted}; this one is for ${imported[0].alg}`);
  let [signing] = imported;
  let published: KeyRing['published'] = [];
  let making: Promise<void> | undefined;
  const make = async () => {
    signing ??= await backend.generateKey(alg);
    published = [...imported.slice(1), signing].map(({ publicJwk }) => publicJwk);
  };
  const ready = () => {
    making ??= make();
    return making;
  };
  return {
    get ready() {
      return ready();
    },
    get signing() {
      if (signing === undefined) throw new Error('There is no key yet: `ready` was not awaited');
      return signing;
    },
    get published() {
      return published;
    },
    async rotate(nextAlg, dropOld) {
      await ready();
      const before = { signing, published };
      const next = await backend.generateKey(nextAlg ?? signing?.alg ?? alg);
      published = [...(dropOld ? [] : published), next.publicJwk].slice(-publishedLimit);
      signing = next;
      return () => {
        ({ signing, published } = before);
      };
    },
  };
}

/*
 * The certificate for `--tls`, generated at the start. Node can read certificates but not create them, so the few DER
 * elements of RFC 5280 section 4.1 are written here.
 */

const sequence = (...parts: Buffer[]) => element(0x30, ...parts);
const set = (...parts: Buffer[]) => element(0x31, ...parts);
const oid = (hex: string) => element(0x06, Buffer.from(hex, 'hex'));
const bits = (content: Buffer) => element(0x03, Buffer.from([0]), content);

const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
const commonName = oid('550403');
const subjectAltName = oid('551d11');
const basicConstraints = oid('551d13');

/** PEM. Valid for these host names, 127.0.0.1 and ::1, for a year from `now` (milliseconds since the epoch). */
export function selfSignedCertificate(names: readonly string[], now: number): { key: string; cert: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const addresses = [Buffer.from([127, 0, 0, 1]), Buffer.concat([Buffer.alloc(15), Buffer.from([1])])];
  const alternatives = sequence(
    ...names.map(each => element(0x82, Buffer.from(each, 'latin1'))),
    ...addresses.map(each => element(0x87, each)),
  );
  const critical = element(0x01, Buffer.from([0xff]));
  const extensions = sequence(
    sequence(subjectAltName, element(0x04, alternatives)),
    // Marked as CA, because it is self-signed and clients that add it to their authorities require that.
    sequence(basicConstraints, critical, element(0x04, sequence(critical))),
  );
  const cert = certificate(publicKey, privateKey, now, extensions);
  const lines = cert.toString('base64').replace(/.{64}(?!$)/g, '$&\n');
  return {
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}

/** DER of a certificate around this public key, signed with a key that is thrown away. */
export function certificateOf(key: JsonWebKey, now: number): Buffer {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return certificate(createPublicKey({ key, format: 'jwk' }), privateKey, now);
}

function certificate(publicKey: KeyObject, signer: KeyObject, now: number, ...extensions: Buffer[]): Buffer {
  const name = sequence(set(sequence(commonName, element(0x0c, Buffer.from('Mock issuer')))));
  const serial = randomBytes(16);
  serial[0] = 0x4d; // Positive, without padding.
  const body = sequence(
    element(0xa0, element(0x02, Buffer.from([2]))),
    element(0x02, serial),
    ecdsaWithSha256,
    name,
    sequence(time(now - 60_000), time(now + 365 * 86_400_000)),
    name,
    publicKey.export({ format: 'der', type: 'spki' }),
    ...extensions.map(each => element(0xa3, each)),
  );
  return sequence(body, ecdsaWithSha256, bits(sign('sha256', body, signer)));
}

function element(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

/** RFC 5280 requires UTCTime before 2050 and GeneralizedTime from 2050 on. */
function time(at: number): Buffer {
  const [year, rest] = [new Date(at).toISOString().slice(0, 4), new Date(at).toISOString().slice(4, 19)];
  const digits = `${rest.replace(/\D/g, '')}Z`;
  return Number(year) < 2050
    ? element(0x17, Buffer.from(year.slice(2) + digits))
    : element(0x18, Buffer.from(year + digits));
}
