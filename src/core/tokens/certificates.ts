/**
 * Certificates (RFC 5280), as far as a chain in `x5c` needs it: who issued which, for how long, and whether they may. What
 * is not understood and critical ends a chain. Signatures are for Web Crypto to check.
 */
import type { JWK } from 'jose';
import { children, type Element, hex, publicJwk, sequence } from './der.ts';

interface Certificate {
  /** The common name of its subject, else its first name. */
  readonly name: string;
  readonly key: JWK;
  /** Object identifiers of its extensions, in hex. */
  readonly extensions: ReadonlySet<string>;
  readonly signed: Uint8Array<ArrayBuffer>;
  readonly algorithm: string;
  readonly signature: Uint8Array<ArrayBuffer>;
  readonly issuer: string;
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
  readonly isAuthority: boolean;
  /** Authorities that may stand between it and the end of a chain. */
  readonly pathLength: number;
  /** An extension that is critical and not understood. */
  readonly isBeyond: boolean;
}

export type ChainFlaw =
  | 'malformed'
  /** None of the certificates was issued by the one that is trusted. */
  | 'root'
  | 'signature'
  | 'time'
  /** One of the issuers may not issue certificates. */
  | 'authority'
  | 'critical'
  /** Not made for tokens of this kind. */
  | 'purpose';

export type ChainResult =
  | { readonly leaf: Certificate; readonly root: Certificate }
  /** `found`: the name of the certificate. */
  | { readonly flaw: ChainFlaw; readonly found?: string };

/** Longer chains are not followed. */
const mostCertificates = 8;

/**
 * The way from the first certificate to one that is trusted.
 * @param purposes extensions that the first certificate and its issuer must have
 * @param now milliseconds since the epoch
 */
export async function followChain(
  given: readonly Uint8Array[],
  trusted: readonly Uint8Array[],
  now: number,
  purposes: readonly string[] = [],
): Promise<ChainResult> {
  const chain = given.slice(0, mostCertificates).map(readCertificate);
  const roots = trusted.flatMap(each => readCertificate(each) ?? []);
  let below = 0;
  for (const [index, each] of chain.entries()) {
    if (!each) return { flaw: 'malformed' };
    const flaw = flawOf(each, now, index === 0 ? undefined : below - 1);
    if (flaw) return { flaw, found: each.name };
    const purpose = purposes[index];
    if (purpose !== undefined && !each.extensions.has(purpose)) return { flaw: 'purpose', found: each.name };
    below++;
    const [leaf] = chain;
    // Of those of one name, the one whose key signed it.
    let root: Certificate | undefined;
    for (const one of roots) if (one.subject === each.issuer && (await isSignedBy(each, one))) root = one;
    if (root && leaf) {
      const weak = flawOf(root, now, below - 1);
      const isMeant = purposes.slice(index + 1).every(id => root.extensions.has(id));
      const rootFlaw = weak ?? (isMeant ? undefined : 'purpose');
      return rootFlaw ? { flaw: rootFlaw, found: root.name } : { leaf, root };
    }
    const issuer = chain[index + 1];
    if (!issuer || issuer.subject !== each.issuer) return { flaw: 'root', found: each.name };
    if (!(await isSignedBy(each, issuer))) return { flaw: 'signature', found: each.name };
  }
  return { flaw: 'root' };
}

/** @param below authorities between it and the first certificate; `undefined` for that one itself */
function flawOf(
  { from, until, isBeyond, isAuthority, pathLength }: Certificate,
  now: number,
  below: number | undefined,
): ChainFlaw | undefined {
  if (isBeyond) return 'critical';
  if (!(now >= from && now <= until)) return 'time';
  return below !== undefined && (!isAuthority || below > pathLength) ? 'authority' : undefined;
}

/** Signature algorithms (RFC 5758, RFC 4055, RFC 8410): the kind of the key, and the hash. */
const algorithms: Readonly<Record<string, readonly [kty: string, hash?: string]>> = {
  '2a8648ce3d040302': ['EC', 'SHA-256'],
  '2a8648ce3d040303': ['EC', 'SHA-384'],
  '2a8648ce3d040304': ['EC', 'SHA-512'],
  '2a864886f70d01010b': ['RSA', 'SHA-256'],
  '2a864886f70d01010c': ['RSA', 'SHA-384'],
  '2a864886f70d01010d': ['RSA', 'SHA-512'],
  '2b6570': ['OKP'],
};

const sizes: Readonly<Record<string, number>> = { 'P-256': 32, 'P-384': 48, 'P-521': 66 };

async function isSignedBy({ algorithm, signed, signature }: Certificate, { key }: Certificate): Promise<boolean> {
  const [kty, hash = ''] = Object.hasOwn(algorithms, algorithm) ? (algorithms[algorithm] ?? []) : [];
  if (kty === undefined || kty !== key.kty) return false;
  const { crv = '' } = key;
  const name = kty === 'EC' ? 'ECDSA' : kty === 'RSA' ? 'RSASSA-PKCS1-v1_5' : crv;
  try {
    const parameters = { name, hash, namedCurve: crv };
    const cryptoKey = await crypto.subtle.importKey('jwk', key as JsonWebKey, parameters, false, ['verify']);
    const bytes = kty === 'EC' ? sideBySide(signature, sizes[crv] ?? 0) : signature;
    return await crypto.subtle.verify(parameters, cryptoKey, bytes, signed);
  } catch {
    // A key or a signature that Web Crypto does not take signed nothing.
    return false;
  }
}

/** Two integers in DER, as Web Crypto has them: of one size, one after the other. */
function sideBySide(signature: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(2 * size);
  for (const [index, { content }] of sequence(signature).slice(0, 2).entries()) {
    const digits = content[0] === 0 ? content.subarray(1) : content;
    both.set(digits, (index + 1) * size - digits.length);
  }
  return both;
}

const extensionsTag = 0xa3;
const TRUE = 0xff;

/** `undefined` where it is none. */
function readCertificate(der: Uint8Array): Certificate | undefined {
  try {
    const [body, algorithm, signature] = sequence(der);
    const [first, ...rest] = children(body?.content);
    const parts = first?.tag === 0xa0 ? rest : [first, ...rest];
    const [, , issuer, validity, subject] = parts;
    const [from, until] = children(validity?.content).map(timeOf);
    if (!body || !issuer || !subject || !signature || from === undefined || until === undefined) return undefined;
    const listed = parts.find(part => part?.tag === extensionsTag);
    const extensions = (listed ? sequence(listed.content) : []).map(extensionIn);
    return {
      name: nameIn(subject),
      key: publicJwk(der),
      extensions: new Set(extensions.map(({ id }) => id)),
      signed: Uint8Array.from(body.raw),
      algorithm: hex(children(algorithm?.content)[0]?.content ?? new Uint8Array()),
      // The first byte counts the unused bits of the last one.
      signature: Uint8Array.from(signature.content.subarray(1)),
      issuer: hex(issuer.raw),
      subject: hex(subject.raw),
      from,
      until,
      ...authorityIn(extensions),
      isBeyond: extensions.some(({ id, isCritical }) => isCritical && !understood.has(id)),
    };
  } catch {
    return undefined;
  }
}

interface Extension {
  readonly id: string;
  readonly isCritical: boolean;
  readonly value: Uint8Array;
}

const basicConstraints = '551d13';
const keyUsage = '551d0f';

/** Subject alternative name, policies and extended key usage as well: they take nothing from a signer of tokens. */
const understood: ReadonlySet<string> = new Set([basicConstraints, keyUsage, '551d11', '551d20', '551d25']);

function extensionIn({ content }: Element): Extension {
  const [id, ...rest] = children(content);
  return {
    id: hex(id?.content ?? new Uint8Array()),
    isCritical: rest.length > 1 && rest[0]?.content[0] === TRUE,
    value: rest.at(-1)?.content ?? new Uint8Array(),
  };
}

function authorityIn(extensions: readonly Extension[]): Pick<Certificate, 'isAuthority' | 'pathLength'> {
  const value = (wanted: string) => extensions.find(({ id }) => id === wanted)?.value;
  const [constraints, usage] = [value(basicConstraints), value(keyUsage)];
  const [authority, length] = constraints ? sequence(constraints) : [];
  // The sixth bit of key usage: certificates may be signed with it.
  const [bits] = usage ? children(usage) : [];
  const maySign = !usage || ((bits?.content[1] ?? 0) & 0x04) !== 0;
  return {
    isAuthority: authority?.content[0] === TRUE && maySign,
    pathLength: length?.content[0] ?? mostCertificates,
  };
}

/** UTCTime has two digits for the year: those from 50 on are of the last century (RFC 5280 section 4.1.2.5.1). */
function timeOf({ content }: Element): number {
  const text = new TextDecoder().decode(content);
  const [, year = '', ...rest] = /^(\d\d|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = rest.map(Number);
  const century = year.length === 4 ? 0 : Number(year) < 50 ? 2000 : 1900;
  return year === '' ? Number.NaN : Date.UTC(century + Number(year), month - 1, day, hour, minute, second);
}

const commonName = '550403';

function nameIn({ content }: Element): string {
  const names = children(content)
    .flatMap(set => children(set.content))
    .map(pair => children(pair.content));
  const [, value] = names.find(([type]) => type && hex(type.content) === commonName) ?? names[0] ?? [];
  return new TextDecoder().decode(value?.content);
}
