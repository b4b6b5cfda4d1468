/**
 * Reads just enough DER (X.690) to find the key in a SubjectPublicKeyInfo (RFC 5280), a certificate, a PKCS #8 (RFC
 * 5958), a PKCS #1 (RFC 8017) or a SEC 1 (RFC 5915) structure. Web Crypto decides whether the numbers are a valid key.
 */
import type { JWK } from 'jose';
import { type KeyFlaw, WorkbenchError } from '../errors.ts';
import { encodeBase64url } from './base64url.ts';

export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  /** With its tag and length. */
  readonly raw: Uint8Array;
}

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OID = 0x06;
const SEQUENCE = 0x30;

const rsaKey = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const ecKey = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/** The key type of each algorithm identifier, with `crv` for types that imply one. */
const algorithms: Readonly<Record<string, { readonly kty: string; readonly crv?: string; readonly alg?: string }>> = {
  '2a864886f70d010101': { kty: 'RSA' },
  // RSASSA-PSS and RSAES-OAEP: the same key under a more specific name.
  '2a864886f70d01010a': { kty: 'RSA' },
  '2a864886f70d010107': { kty: 'RSA' },
  '2a8648ce3d0201': { kty: 'EC' },
  '2b656e': { kty: 'OKP', crv: 'X25519' },
  '2b6570': { kty: 'OKP', crv: 'Ed25519' },
  '608648016503040311': { kty: 'AKP', alg: 'ML-DSA-44' },
  '608648016503040312': { kty: 'AKP', alg: 'ML-DSA-65' },
  '608648016503040313': { kty: 'AKP', alg: 'ML-DSA-87' },
};

const curves: Readonly<Record<string, string>> = {
  '2a8648ce3d030107': 'P-256',
  '2b81040022': 'P-384',
  '2b81040023': 'P-521',
};

/** Key types that are recognized but cannot be used, because Web Crypto does not support them. */
const foreign: Readonly<Record<string, string>> = {
  '2b8104000a': 'secp256k1',
  '2b656f': 'X448',
  '2b6571': 'Ed448',
  '2a8648ce380401': 'DSA',
};

/**
 * The public key in a SubjectPublicKeyInfo, a certificate or a PKCS #1 structure.
 * @throws WorkbenchError `key_invalid` {reason: 'pem' | 'private_key' | 'encrypted' | 'compressed' | 'kind', found?}
 */
export function publicJwk(der: Uint8Array): JWK {
  const parts = sequence(der);
  const [first, second, third] = parts;
  switch (parts.map(({ tag }) => tag).join()) {
    case `${INTEGER},${INTEGER}`:
      return rsa(parts);
    case `${SEQUENCE},${BIT_STRING}`:
      return fromSpki(first, second);
    case `${SEQUENCE},${OCTET_STRING}`:
      throw invalid('encrypted');
    case `${SEQUENCE},${SEQUENCE},${BIT_STRING}`: {
      const certificate = children(first?.content);
      // Before the key come an optional version, then serial number, algorithm, issuer, validity and subject.
      const [algorithm, key] = children(certificate[certificate[0]?.tag === 0xa0 ? 6 : 5]?.content);
      return fromSpki(algorithm, key);
    }
  }
  const isPrivate =
    first?.tag === INTEGER && (second?.tag === OCTET_STRING || third?.tag === OCTET_STRING || parts.length >= 9);
  throw invalid(isPrivate ? 'private_key' : 'pem');
}

export interface PrivateKey {
  readonly pkcs8: Uint8Array;
  readonly kty: string;
}

/**
 * A private key as PKCS #8, converted from any of the three structures.
 * @throws WorkbenchError `key_invalid` {reason: 'pem' | 'public_key' | 'encrypted' | 'kind', found?}
 */
export function privateKey(der: Uint8Array): PrivateKey {
  const parts = sequence(der);
  const [first, second, third] = parts;
  if (first?.tag === SEQUENCE)
    throw invalid(
      second?.tag === OCTET_STRING ? 'encrypted' : second?.tag === BIT_STRING || third ? 'public_key' : 'pem',
    );
  if (first?.tag !== INTEGER || !second) throw invalid('pem');
  if (second.tag === SEQUENCE && third?.tag === OCTET_STRING) {
    const { kty } = kindOf(children(second.content));
    return { pkcs8: der, kty };
  }
  if (second.tag === OCTET_STRING) {
    const curve = parts.find(({ tag }) => tag === 0xa0)?.content;
    if (!curve) throw invalid('pem');
    const { kty } = kindOf([...children(Uint8Array.from(element(OID, ecKey))), ...children(curve)]);
    return { pkcs8: wrapped(ecKey, curve, der), kty };
  }
  if (parts.length < 9) throw invalid(parts.length === 2 ? 'public_key' : 'pem');
  return { pkcs8: wrapped(rsaKey, [0x05, 0x00], der), kty: 'RSA' };
}

/** True if the bytes are exactly one DER sequence: the body of a PEM without the lines around it. */
export function isDer(bytes: Uint8Array): boolean {
  try {
    return bytes.length >= 32 && sequence(bytes).length > 0;
  } catch {
    return false;
  }
}

/** A file that holds keys and certificates in a structure of its own; `undefined` for anything else. */
export function containerOf(bytes: Uint8Array): 'PKCS #12' | 'PKCS #7' | 'Java keystore' | undefined {
  if (/^(?:feedfeed|cececece)/.test(hex(bytes.subarray(0, 4)))) return 'Java keystore';
  try {
    const [first, second] = sequence(bytes);
    const pkcs7 = '2a864886f70d0107';
    if (first?.tag === OID && hex(first.content).startsWith(pkcs7)) return 'PKCS #7';
    const [type] = first?.tag === INTEGER && second?.tag === SEQUENCE ? children(second.content) : [];
    return type?.tag === OID && hex(type.content).startsWith(pkcs7) ? 'PKCS #12' : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The largest number in an encrypted key's parameters: the cost of its key derivation. @throws WorkbenchError
 * `key_invalid`
 */
export function largestNumber(der: Uint8Array): number {
  const numbers = (parts: readonly Element[], depth: number): number[] =>
    parts.flatMap(({ tag, content }) => {
      if (tag === INTEGER) return [content.reduce((value, byte) => value * 256 + byte, 0)];
      return tag === SEQUENCE && depth > 0 ? numbers(children(content), depth - 1) : [];
    });
  return Math.max(0, ...numbers(sequence(der), 5));
}

/** The PEM label of the structure, by which OpenSSL reads it. */
export function labelOf(der: Uint8Array): string {
  const [first, second, third] = sequence(der);
  const tags = [first, second, third].map(part => part?.tag);
  if (tags[0] !== SEQUENCE)
    return tags[1] === OCTET_STRING
      ? 'EC PRIVATE KEY'
      : tags[1] === SEQUENCE
        ? 'PRIVATE KEY'
        : third
          ? 'RSA PRIVATE KEY'
          : 'RSA PUBLIC KEY';
  if (tags[1] === OCTET_STRING) return 'ENCRYPTED PRIVATE KEY';
  return third ? 'CERTIFICATE' : 'PUBLIC KEY';
}

function fromSpki(algorithm: Element | undefined, key: Element | undefined): JWK {
  if (algorithm?.tag !== SEQUENCE || key?.tag !== BIT_STRING) throw invalid('pem');
  const { kty, crv, alg } = kindOf(children(algorithm.content));
  // The first byte is the number of unused bits in the last one, which is 0 for keys.
  const bytes = key.content.subarray(1);
  if (kty === 'RSA') return rsa(sequence(bytes));
  if (kty === 'AKP') return { kty, alg: String(alg), pub: encodeBase64url(bytes) };
  if (kty === 'OKP') return { kty, crv: String(crv), x: encodeBase64url(bytes) };
  if (bytes[0] !== 0x04) throw invalid(bytes[0] === 0x02 || bytes[0] === 0x03 ? 'compressed' : 'pem');
  const half = (bytes.length + 1) / 2;
  return {
    kty,
    crv: String(crv),
    x: encodeBase64url(bytes.subarray(1, half)),
    y: encodeBase64url(bytes.subarray(half)),
  };
}

function kindOf([oid, parameter]: readonly Element[]): { kty: string; crv?: string; alg?: string } {
  const name = oid?.tag === OID ? hex(oid.content) : '';
  const curve = parameter?.tag === OID ? hex(parameter.content) : '';
  const known = Object.hasOwn(algorithms, name) ? algorithms[name] : undefined;
  const crv = Object.hasOwn(curves, curve) ? curves[curve] : undefined;
  if (known && (known.kty !== 'EC' || crv !== undefined)) return { ...(crv !== undefined && { crv }), ...known };
  const found = foreign[known ? curve : name];
  throw found === undefined ? invalid('pem') : new WorkbenchError('key_invalid', { reason: 'kind', found });
}

function rsa([n, e]: readonly Element[]): JWK {
  if (n?.tag !== INTEGER || e?.tag !== INTEGER) throw invalid('pem');
  const number = ({ content }: Element) => encodeBase64url(content[0] === 0 ? content.subarray(1) : content);
  return { kty: 'RSA', n: number(n), e: number(e) };
}

/** RFC 5958: version 0, the algorithm with its parameter, and the original key. */
function wrapped(oid: readonly number[], parameter: Iterable<number>, key: Uint8Array): Uint8Array {
  const algorithm = element(SEQUENCE, [...element(OID, oid), ...parameter]);
  return Uint8Array.from(
    element(SEQUENCE, [...element(INTEGER, [0]), ...algorithm, ...element(OCTET_STRING, [...key])]),
  );
}

function element(tag: number, content: readonly number[]): number[] {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return [tag, ...size, ...content];
}

/** The elements of one sequence that fills all of the bytes. */
export function sequence(bytes: Uint8Array): Element[] {
  const [only, more] = children(bytes);
  if (only?.tag !== SEQUENCE || more) throw invalid('pem');
  return children(only.content);
}

/** More elements than any of the structures has: longer data is something else. */
const mostParts = 64;

export function children(bytes: Uint8Array = new Uint8Array()): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [tag = 0, first = 0, second = 0, third = 0] = bytes.subarray(at, at + 4);
    const head = first < 0x80 ? 2 : first === 0x81 ? 3 : first === 0x82 ? 4 : 0;
    const length = head === 2 ? first : head === 3 ? second : second * 256 + third;
    const end = at + head + length;
    if (head === 0 || end > bytes.length || found.length >= mostParts) throw invalid('pem');
    found.push({ tag, content: bytes.subarray(at + head, end), raw: bytes.subarray(at, end) });
    at = end;
  }
  return found;
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

function invalid(reason: KeyFlaw): WorkbenchError {
  return new WorkbenchError('key_invalid', { reason });
}
