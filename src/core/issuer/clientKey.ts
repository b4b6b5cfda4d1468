import { type CredentialFlaw, classify, type KeyFlaw, WorkbenchError } from '../errors.ts';
import { type TokenEndpointAuthMethod, usesKey } from '../records/connection.ts';
import type { ClientCredentials } from '../records/record.ts';
import { signatureAlgorithms } from '../tokens/algorithms.ts';
import { encodeBase64url } from '../tokens/base64url.ts';
import { privateKey } from '../tokens/der.ts';
import { isObject, type JsonObject, own, readJson, textOf } from '../tokens/json.ts';
import {
  armoured,
  type Block,
  derOf,
  isLocked,
  type KeyMaterial,
  privateBlock,
  readKeyMaterial,
} from '../tokens/keyMaterial.ts';

/** A private key that a client signs with (RFC 7523). */
export interface ClientKey {
  /**
   * What identifies the key in the header of an assertion: `kid`, and the thumbprint of the certificate if there is
   * one.
   */
  readonly header: Readonly<Record<string, string>>;
  /** The JWS algorithms that the key can sign with, the most common first. */
  readonly algorithms: readonly string[];
  /** @param extractable true to derive the public key, which is not stored */
  cryptoKey(alg: string, extractable?: boolean): Promise<CryptoKey>;
}

/** A private key and its certificate in PEM, as TLS needs them (RFC 8705). */
export interface TlsIdentity {
  readonly key: string;
  /** The certificate, then those that it was signed with. */
  readonly certificate: string;
}

/**
 * Reads a key that a user pasted: a private JWK, the JSON file of a service account, or a key in PEM or DER as PKCS #8,
 * PKCS #1 or SEC 1, with or without its certificate, however it is wrapped (src/core/tokens/keyMaterial.ts).
 * @throws WorkbenchError `credential_invalid` {reason: 'empty' | 'public_key' | 'certificate' | 'encrypted' | 'ssh' |
 * 'symmetric' | 'several' | 'kty' | 'broken' | 'unknown'}
 */
export async function readClientKey(text: string): Promise<ClientKey> {
  const material = readKeyMaterial(text);
  if (material.kind === 'json') return fromJson(material.text);
  const key = await fromPem(material);
  return material.kind === 'pem' && material.kid !== undefined
    ? { ...key, header: { ...key.header, kid: material.kid } }
    : key;
}

/** @throws WorkbenchError `credential_invalid`, as `readClientKey`, and {reason: 'certificate_missing'} */
export function readTlsIdentity(text: string): TlsIdentity {
  const material = readKeyMaterial(text);
  const blocks = blocksIn(material);
  const certificates = blocks.filter(({ label }) => label === 'CERTIFICATE');
  // OpenSSL also reads the older forms of a private key.
  const key = privateBlock(blocks);
  if (key === undefined) throw noKeyIn(material);
  if (isLocked(key)) throw invalid('encrypted');
  if (key.label.startsWith('OPENSSH')) throw invalid('ssh');
  if (certificates.length === 0) throw invalid('certificate_missing');
  return { key: armoured(key), certificate: certificates.map(armoured).join('') };
}

/**
 * Checks the credentials that the user entered for an authentication method, as far as possible without the issuer.
 * @throws WorkbenchError `credential_invalid` with `reason`
 */
export async function readCredentials(method: TokenEndpointAuthMethod, text: string): Promise<ClientCredentials> {
  if (!usesKey(method)) {
    if (method === 'client_secret_jwt') assertLongEnough(text);
    return { client_secret: text };
  }
  if (method === 'private_key_jwt') await readClientKey(text);
  else readTlsIdentity(text);
  return { private_key: text };
}

/**
 * RFC 7518 §3.2: an HMAC key must be at least as long as the hash. Issuers reject shorter ones without saying why.
 * @throws WorkbenchError `credential_invalid` {reason: 'secret_short', found, expected}
 */
export function assertLongEnough(clientSecret: string): void {
  const found = new TextEncoder().encode(clientSecret).length;
  if (found >= 32) return;
  throw new WorkbenchError('credential_invalid', {
    reason: 'secret_short',
    found,
    expected: 32,
    sent: false,
  });
}

async function fromPem(material: KeyMaterial): Promise<ClientKey> {
  const blocks = blocksIn(material);
  const block = privateBlock(blocks);
  if (block === undefined) throw noKeyIn(material);
  const der = Uint8Array.from(pkcs8Of(block));
  const certificate = blocks.find(({ label }) => label === 'CERTIFICATE');
  for (const algorithms of kinds.values()) {
    const cryptoKey = (alg: string, extractable = false) =>
      crypto.subtle.importKey('pkcs8', der, parameters(alg), extractable, ['sign']);
    try {
      await cryptoKey(algorithms[0] ?? '');
    } catch {
      // Another kind of key.
      continue;
    }
    if (certificate === undefined) return { header: {}, algorithms, cryptoKey };
    // RFC 7515 §4.1.8: Microsoft Entra ID finds the key by this thumbprint, and requires PS256 with it.
    const header = { 'x5t#S256': await thumbprint(certificate) };
    const isRsa = algorithms.includes('PS256');
    return { header, algorithms: isRsa ? ['PS256', ...algorithms] : algorithms, cryptoKey };
  }
  throw invalid('broken');
}

/** Converts the key to PKCS #8 from any structure that src/core/tokens/der.ts reads. */
function pkcs8Of(block: Block): Uint8Array {
  try {
    return privateKey(derOf(block)).pkcs8;
  } catch (error) {
    const reason = classify(error).data as { readonly reason?: KeyFlaw };
    throw invalid(keyFlaws[reason.reason ?? 'pem'] ?? 'broken');
  }
}

/** The credential flaw for each flaw of a key. */
const keyFlaws: Partial<Record<KeyFlaw, CredentialFlaw>> = {
  encrypted: 'encrypted',
  ssh_private: 'ssh',
  public_key: 'public_key',
  kind: 'kty',
};

async function fromJson(text: string): Promise<ClientKey> {
  const reading = readJson(text);
  if (!reading.ok) throw invalid('broken');
  const keys = isObject(reading.value) ? own(reading.value, 'keys') : reading.value;
  const members: readonly unknown[] = Array.isArray(keys) ? keys : [reading.value];
  // A set may hold keys of others, and keys to decrypt with.
  const signing = members.filter(each => isObject(each) && Object.hasOwn(each, 'd') && own(each, 'use') !== 'enc');
  if (signing.length > 1) throw invalid('several');
  const jwk = withJwk(signing[0] ?? members[0]);
  if (!isObject(jwk)) throw invalid('unknown');
  const { kty, alg } = jwk;
  if (kty === 'oct') throw invalid('symmetric');
  const possible = kinds.get((kty === 'RSA' ? kty : textOf(jwk, 'crv')) ?? '');
  if (possible === undefined) throw invalid('kty');
  if (typeof own(jwk, 'd') !== 'string') throw invalid('public_key');
  const named = possible.filter(each => each === alg);
  const algorithms = named.length > 0 ? named : possible;
  const cryptoKey = (name: string, extractable = false) => importPrivateJwk(jwk, name, extractable);
  await cryptoKey(algorithms[0] ?? '').catch(() => {
    throw invalid('broken');
  });
  const header = Object.entries(jwk).filter(
    (entry): entry is [string, string] => ['kid', 'x5t', 'x5t#S256'].includes(entry[0]) && typeof entry[1] === 'string',
  );
  return { header: Object.fromEntries(header), algorithms, cryptoKey };
}

/** Finds the key itself where the JSON of a client has it under a name of its own. */
function withJwk(value: unknown): unknown {
  if (!isObject(value) || Object.hasOwn(value, 'kty')) return value;
  const isPrivate = (each: unknown) => isObject(each) && Object.hasOwn(each, 'kty') && Object.hasOwn(each, 'd');
  return Object.values(value).find(isPrivate) ?? value;
}

/** Passes on only the key itself: the other members of a JWK restrict its use. */
export function importPrivateJwk(jwk: JsonObject, alg: string, extractable = false): Promise<CryptoKey> {
  const { kid: _, alg: __, use: ___, key_ops: ____, ext: _____, ...bare } = jwk;
  return crypto.subtle.importKey('jwk', bare as JsonWebKey, parameters(alg), extractable, ['sign']);
}

/** The algorithms of each kind of key, by `crv`, or `kty` for RSA. */
const kinds: ReadonlyMap<string, readonly string[]> = new Map([
  ['RSA', ['RS256', 'PS256', 'RS384', 'PS384', 'RS512', 'PS512']],
  ['P-256', ['ES256']],
  ['P-384', ['ES384']],
  ['P-521', ['ES512']],
  ['Ed25519', ['EdDSA', 'Ed25519']],
]);

/** The WebCrypto parameters of a JWS algorithm. */
export function parameters(alg: string): { name: string; hash?: string; namedCurve?: string } {
  const { kty, crv = '', hash = 'SHA-256' } = signatureAlgorithms.get(alg) ?? {};
  if (kty === 'OKP') return { name: crv };
  if (kty === 'EC') return { name: 'ECDSA', namedCurve: crv };
  return { name: alg.startsWith('PS') ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash };
}

/** The thumbprint of the first certificate beside a private key, or `undefined` if none can be read. Never throws. */
export async function certificateThumbprint(text = ''): Promise<string | undefined> {
  const certificate = blocksIn(readKeyMaterial(text)).find(({ label }) => label === 'CERTIFICATE');
  return certificate && thumbprint(certificate).catch(() => undefined);
}

async function thumbprint(certificate: Block): Promise<string> {
  return encodeBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(derOf(certificate)))));
}

function blocksIn(material: KeyMaterial): readonly Block[] {
  return material.kind === 'pem' ? material.blocks : [];
}

/** The error for material without a readable private key, by what it contains instead. */
function noKeyIn(material: KeyMaterial): WorkbenchError {
  if (material.kind === 'foreign')
    return new WorkbenchError('credential_invalid', { reason: 'foreign', found: material.name, sent: false });
  if (material.kind !== 'pem')
    return invalid(material.kind === 'json' || material.kind === 'other' ? 'unknown' : material.kind);
  const { text, blocks } = material;
  const has = (pattern: RegExp) => blocks.some(({ label }) => pattern.test(label));
  if (text.includes('BEGIN ENCRYPTED')) return invalid('encrypted');
  if (text.includes('OPENSSH PRIVATE KEY')) return invalid('ssh');
  if (has(/PUBLIC KEY$/)) return invalid('public_key');
  return invalid(has(/^CERTIFICATE$/) ? 'certificate' : 'broken');
}

function invalid(reason: CredentialFlaw): WorkbenchError {
  return new WorkbenchError('credential_invalid', { reason, sent: false });
}
