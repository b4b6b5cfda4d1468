import { type CredentialFlaw, classify, type KeyFlaw, WorkbenchError } from '../errors.ts';
import { type TokenEndpointAuthMethod, usesKey } from '../records/connection.ts';
import type { ClientCredentials } from '../records/record.ts';
import { signatureAlgorithms } from '../tokens/algorithms.ts';
import { decodeBase64, encodeBase64url } from '../tokens/base64url.ts';
import { type Block, blocksOf, derOf, isDer, privateKey } from '../tokens/der.ts';
import { isObject, type JsonObject, own, readJson, textOf } from '../tokens/json.ts';

/** A private key that a client signs with (RFC 7523). */
export interface ClientKey {
  /** What the header of an assertion names the key by: `kid`, and the thumbprint of a certificate where there is one. */
  readonly header: Readonly<Record<string, string>>;
  /** The JWS algorithms that it can sign with, the most common first. */
  readonly algorithms: readonly string[];
  cryptoKey(alg: string): Promise<CryptoKey>;
}

/** A private key and the certificate for it, as TLS takes them (RFC 8705). */
export interface TlsIdentity {
  readonly key: string;
  /** The certificate, then those that it was signed with. */
  readonly certificate: string;
}

/**
 * Reads what a user pasted: a private JWK, the JSON file of a service account, or a key in PEM or DER, there maybe with its
 * certificate, as PKCS #8, PKCS #1 or SEC 1. The line breaks of a PEM may be missing or written as `\\n`.
 * @throws WorkbenchError `credential_invalid` {reason: 'empty' | 'public_key' | 'certificate' | 'encrypted' |
 * 'ssh' | 'symmetric' | 'several' | 'kty' | 'broken' | 'unknown'}
 */
export async function readClientKey(text: string): Promise<ClientKey> {
  const { content, kid } = unwrapped(text);
  if (/^[{[]/.test(content)) return fromJson(content);
  const key = await fromPem(content);
  return kid === undefined ? key : { ...key, header: { ...key.header, kid } };
}

/** What an environment file, a shell, JSON or base64 has wrapped around a key. @returns `kid` where the wrapping names the key */
function unwrapped(text: string): { readonly content: string; readonly kid?: string } {
  const trimmed = text.trim().replace(/^(["'`])([\s\S]*)\1$/, '$2');
  if (/^[{[]/.test(trimmed)) {
    const reading = readJson(trimmed);
    const value = reading.ok && isObject(reading.value) ? reading.value : {};
    // The files of Google's service accounts, GitHub Apps and their like.
    const pem = Object.values(value).find(each => typeof each === 'string' && each.includes(begin));
    if (typeof pem !== 'string') return { content: trimmed };
    const kid = own(value, 'private_key_id') ?? own(value, 'kid');
    return { ...unwrapped(pem), ...(typeof kid === 'string' && { kid }) };
  }
  if (trimmed.includes(begin)) return { content: trimmed.replace(/\\+r\\+n|\\+[rn]/g, '\n') };
  const bytes = decodeBase64(trimmed.replace(/\s+/g, ''));
  if (bytes === undefined) return { content: trimmed };
  if (isDer(bytes)) return { content: armoured({ label: 'PRIVATE KEY', body: trimmed }) };
  const inner = new TextDecoder().decode(bytes);
  return inner.includes(begin) ? unwrapped(inner) : { content: trimmed };
}

const begin = '-----BEGIN ';

/** @throws WorkbenchError `credential_invalid`, as `readClientKey`, and {reason: 'certificate_missing'} */
export function readTlsIdentity(text: string): TlsIdentity {
  const { content } = unwrapped(text);
  const blocks = blocksOf(content) ?? [];
  const certificates = blocks.filter(({ label }) => label === 'CERTIFICATE');
  // OpenSSL reads the older forms of a private key as well.
  const key = blocks.find(({ label }) => /^(?:(?:RSA|EC) )?PRIVATE KEY$/.test(label));
  if (key === undefined) throw noKeyIn(content, blocks);
  if (isLocked(key)) throw invalid('encrypted');
  if (certificates.length === 0) throw invalid('certificate_missing');
  return { key: armoured(key), certificate: certificates.map(armoured).join('') };
}

/**
 * What somebody typed in for a way of authenticating, checked as far as that is possible without the issuer.
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
 * RFC 7518 §3.2: a key of HMAC has at least the size of the hash. Issuers refuse shorter ones, and don't say why.
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

async function fromPem(text: string): Promise<ClientKey> {
  const blocks = blocksOf(text) ?? [];
  const block = blocks.find(({ label }) => /PRIVATE KEY$/.test(label));
  if (block === undefined) throw noKeyIn(text, blocks);
  const der = Uint8Array.from(pkcs8Of(block));
  const certificate = blocks.find(({ label }) => label === 'CERTIFICATE');
  for (const algorithms of kinds.values()) {
    const cryptoKey = (alg: string) => crypto.subtle.importKey('pkcs8', der, parameters(alg), false, ['sign']);
    try {
      await cryptoKey(algorithms[0] ?? '');
    } catch {
      // Of another kind.
      continue;
    }
    if (certificate === undefined) return { header: {}, algorithms, cryptoKey };
    // RFC 7515 §4.1.8: Microsoft Entra ID finds the key by it, and wants PS256 then.
    const header = { 'x5t#S256': await thumbprint(certificate) };
    const isRsa = algorithms.includes('PS256');
    return { header, algorithms: isRsa ? ['PS256', ...algorithms] : algorithms, cryptoKey };
  }
  throw invalid('broken');
}

/** Whatever structure the key comes in (src/core/tokens/der.ts). */
function pkcs8Of(block: Block): Uint8Array {
  try {
    return privateKey(derOf(block)).pkcs8;
  } catch (error) {
    const reason = classify(error).data as { readonly reason?: KeyFlaw };
    throw invalid(keyFlaws[reason.reason ?? 'pem'] ?? 'broken');
  }
}

/** What is wrong with a key, in the words of a client's credentials. */
const keyFlaws: Partial<Record<KeyFlaw, CredentialFlaw>> = {
  encrypted: 'encrypted',
  ssh_private: 'ssh',
  public_key: 'public_key',
  kind: 'kty',
};

function isLocked({ label, body }: Block): boolean {
  return label.startsWith('ENCRYPTED') || /Proc-Type:\s*4,ENCRYPTED/.test(body);
}

async function fromJson(text: string): Promise<ClientKey> {
  const reading = readJson(text);
  if (!reading.ok) throw invalid('broken');
  const keys = isObject(reading.value) ? own(reading.value, 'keys') : reading.value;
  const jwk = Array.isArray(keys) ? keys[0] : reading.value;
  if (Array.isArray(keys) && keys.length > 1) throw invalid('several');
  if (!isObject(jwk)) throw invalid('unknown');
  const { kty, alg } = jwk;
  if (kty === 'oct') throw invalid('symmetric');
  const possible = kinds.get((kty === 'RSA' ? kty : textOf(jwk, 'crv')) ?? '');
  if (possible === undefined) throw invalid('kty');
  if (typeof own(jwk, 'd') !== 'string') throw invalid('public_key');
  const named = possible.filter(each => each === alg);
  const algorithms = named.length > 0 ? named : possible;
  const cryptoKey = (name: string) => importPrivateJwk(jwk, name);
  await cryptoKey(algorithms[0] ?? '').catch(() => {
    throw invalid('broken');
  });
  const header = Object.entries(jwk).filter(
    (entry): entry is [string, string] => ['kid', 'x5t', 'x5t#S256'].includes(entry[0]) && typeof entry[1] === 'string',
  );
  return { header: Object.fromEntries(header), algorithms, cryptoKey };
}

/** Nothing but the key itself is handed on: what else a JWK says of its use was for somebody else. */
export function importPrivateJwk(jwk: JsonObject, alg: string): Promise<CryptoKey> {
  const { kid: _, alg: __, use: ___, key_ops: ____, ext: _____, ...bare } = jwk;
  return crypto.subtle.importKey('jwk', bare as JsonWebKey, parameters(alg), false, ['sign']);
}

/** The algorithms of each kind of key, by `crv`, for RSA by `kty`. */
const kinds: ReadonlyMap<string, readonly string[]> = new Map([
  ['RSA', ['RS256', 'PS256', 'RS384', 'PS384', 'RS512', 'PS512']],
  ['P-256', ['ES256']],
  ['P-384', ['ES384']],
  ['P-521', ['ES512']],
  ['Ed25519', ['EdDSA', 'Ed25519']],
]);

/** What WebCrypto has to be told of a JWS algorithm. */
export function parameters(alg: string): { name: string; hash?: string; namedCurve?: string } {
  const { kty, crv = '', hash = 'SHA-256' } = signatureAlgorithms.get(alg) ?? {};
  if (kty === 'OKP') return { name: crv };
  if (kty === 'EC') return { name: 'ECDSA', namedCurve: crv };
  return { name: alg.startsWith('PS') ? 'RSA-PSS' : 'RSASSA-PKCS1-v1_5', hash };
}

function armoured({ label, body }: Block): string {
  return `-----BEGIN ${label}-----\n${body.replace(/\s+/g, '').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;
}

/** Of the first certificate beside a private key, where there is one that can be read. Never throws. */
export async function certificateThumbprint(text = ''): Promise<string | undefined> {
  const certificate = blocksOf(unwrapped(text).content)?.find(({ label }) => label === 'CERTIFICATE');
  return certificate && thumbprint(certificate).catch(() => undefined);
}

async function thumbprint(certificate: Block): Promise<string> {
  return encodeBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(derOf(certificate)))));
}

/** What there is instead of a private key that can be read. */
function noKeyIn(text: string, blocks: readonly Block[]): WorkbenchError {
  const has = (pattern: RegExp) => blocks.some(({ label }) => pattern.test(label));
  if (text === '') return invalid('empty');
  if (/BEGIN ENCRYPTED/.test(text)) return invalid('encrypted');
  if (/^(?:ssh-|ecdsa-sha2-)|OPENSSH PRIVATE KEY/.test(text)) return invalid('ssh');
  if (has(/PUBLIC KEY$/)) return invalid('public_key');
  if (has(/^CERTIFICATE$/)) return invalid('certificate');
  return invalid(text.includes(begin) ? 'broken' : 'unknown');
}

function invalid(reason: CredentialFlaw): WorkbenchError {
  return new WorkbenchError('credential_invalid', { reason, sent: false });
}
