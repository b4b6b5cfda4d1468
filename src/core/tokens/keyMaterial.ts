/** The one reader of texts that are given as keys: client keys, verification keys, decryption keys. PEM is RFC 7468. */
import { type KeyFlaw, WorkbenchError } from '../errors.ts';
import { decodeBase64 } from './base64url.ts';
import { containerOf, isDer, labelOf } from './der.ts';
import { isObject, type JsonObject, own, readJson } from './json.ts';

/** The content of a text without what an environment file, a shell, JSON or base64 has added around it. */
export type KeyMaterial =
  /** `kid` is set if the surrounding JSON names the key. `blocks` is empty if a block is begun but incomplete. */
  | { readonly kind: 'pem'; readonly text: string; readonly blocks: readonly Block[]; readonly kid?: string }
  | { readonly kind: 'json' | 'ssh' | 'other' | 'empty'; readonly text: string }
  | { readonly kind: 'foreign'; readonly text: string; readonly name: ForeignFormat };

/** Files with keys in formats that are not read here. */
export type ForeignFormat = 'PKCS #12' | 'PKCS #7' | 'PuTTY' | 'OpenPGP' | 'Java keystore';

export interface Block {
  readonly label: string;
  readonly body: string;
}

/** Never throws. Bare DER becomes the PEM block that it would be in. */
export function readKeyMaterial(given: string): KeyMaterial {
  const unquoted = given.trim().replace(/^(["'`])([\s\S]*)\1$/, '$2');
  const text = /-----BEGIN(?:%20|\+)/.test(unquoted) ? percentDecoded(unquoted) : unquoted;
  if (text === '') return { kind: 'empty', text };
  if (/^[{[]/.test(text)) return inJson(text);
  // A line of an environment file, or a query.
  const [, , json] = /^(?:export\s+)?[\w.-]{1,64}\s*=\s*(["'`]?)([{[][\s\S]*)\1$/.exec(text) ?? [];
  if (json !== undefined && readJson(json).ok) return inJson(json);
  if (/^(?:ssh-|ecdsa-sha2-)/.test(text)) return { kind: 'ssh', text };
  const [, name] = foreign.find(([pattern]) => pattern.test(text)) ?? [];
  if (name) return { kind: 'foreign', text, name };
  // Strings of a program, joined line by line.
  if (text.includes(begin))
    return pem(text.replace(/(?<!\\)\\+(?:r\\+n|[rn])/g, '\n').replace(/["'`]\s*(?:[+.,]\s*)?["'`]/g, ''));
  const bytes = decodeBase64(text.replace(/\s+/g, ''));
  if (bytes === undefined) return { kind: 'other', text };
  const container = containerOf(bytes);
  if (container) return { kind: 'foreign', text, name: container };
  if (isDer(bytes)) return pem(armoured({ label: labelOf(bytes), body: text }));
  // A PEM certificate or key that was encoded as a whole.
  const inner = bytes.length > begin.length ? new TextDecoder().decode(bytes) : '';
  return inner.includes(begin) ? readKeyMaterial(inner) : { kind: 'other', text };
}

const foreign: readonly (readonly [RegExp, ForeignFormat])[] = [
  [/^PuTTY-User-Key-File-\d/, 'PuTTY'],
  [/-----BEGIN PGP /, 'OpenPGP'],
  [/-----BEGIN (?:PKCS7|CMS)-----/, 'PKCS #7'],
];

function percentDecoded(text: string): string {
  const plain = text.replaceAll('+', '%20').replace(/%2B/gi, '+');
  return plain.replace(/%(\d[\da-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

function pem(text: string): KeyMaterial {
  return { kind: 'pem', text, blocks: blocksOf(text) ?? [] };
}

/**
 * Reads JSON that contains PEM, as the key files of Google's service accounts and GitHub Apps do. JSON in which every
 * member is PEM and none is a private key is a key set, and stays JSON.
 */
function inJson(text: string): KeyMaterial {
  const reading = readJson(text);
  const value: JsonObject = reading.ok && isObject(reading.value) ? reading.value : {};
  const isPem = (each: unknown): each is string => typeof each === 'string' && each.includes(begin);
  const members = Object.values(value);
  const pems = members.filter(isPem);
  const key =
    pems.find(each => each.includes('PRIVATE KEY-----')) ?? (pems.length < members.length ? pems[0] : undefined);
  if (key === undefined) return { kind: 'json', text };
  const kid = own(value, 'private_key_id') ?? own(value, 'kid');
  return { ...readKeyMaterial(key), ...(typeof kid === 'string' && { kid }) };
}

const begin = '-----BEGIN ';

/** The complete blocks of a PEM, up to the first incomplete one; `undefined` if there is no begin line. */
function blocksOf(text: string): Block[] | undefined {
  let at = text.indexOf(begin);
  if (at < 0) return undefined;
  const blocks: Block[] = [];
  while (at >= 0 && blocks.length < mostBlocks) {
    const start = at + begin.length;
    const label = /^[A-Z0-9 ]{1,40}(?=-----)/.exec(text.slice(start, start + 45))?.[0];
    const end = label === undefined ? -1 : text.indexOf(`-----END ${label}-----`, start);
    if (label === undefined || end < 0) break;
    // OpenSSL writes the parameters of an EC key in a block before it.
    if (label !== 'EC PARAMETERS') blocks.push({ label, body: text.slice(start + label.length + 5, end) });
    at = text.indexOf(begin, end);
  }
  return blocks;
}

/** The most blocks that are read: the certificates of a chain and the keys in one text. */
const mostBlocks = 16;

/** @throws WorkbenchError `key_invalid` {reason: 'pem' | 'encrypted' | 'ssh_private'} */
export function derOf(block: Block | undefined): Uint8Array {
  if (!block) throw invalid('pem');
  const { label, body } = block;
  if (isLocked(block)) throw invalid('encrypted');
  if (label === 'OPENSSH PRIVATE KEY') throw invalid('ssh_private');
  const der = decodeBase64(body.replace(/\s+/g, ''));
  if (!der || der.length === 0) throw invalid('pem');
  return der;
}

/** The certificates in a text that holds nothing else. Never throws. */
export function certificatesIn(text: string): Uint8Array[] {
  const material = readKeyMaterial(text);
  const blocks = material.kind === 'pem' ? material.blocks : [];
  if (!blocks.every(({ label }) => label === 'CERTIFICATE')) return [];
  return blocks.flatMap(({ body }) => decodeBase64(body.replace(/\s+/g, '')) ?? []);
}

/** The bytes of the first block. @throws WorkbenchError as `derOf` */
export function derOfPem(text: string): Uint8Array {
  const material = readKeyMaterial(text);
  return derOf(material.kind === 'pem' ? material.blocks[0] : undefined);
}

/** The block as PEM, with the line breaks that OpenSSL requires. */
export function armoured({ label, body }: Block): string {
  const [head = '', info = '', digits = ''] =
    /^\s*Proc-Type:\s*4,ENCRYPTED\s*DEK-Info:\s*([\w-]+),([\dA-F]+)/i.exec(body) ?? [];
  // RFC 1421: DEK-Info ends with the initialization vector, which is one cipher block long. A single-line input box
  // removes the line break between it and the key.
  const size = Math.min(digits.length, info.startsWith('DES') ? 16 : 32);
  const lines = body
    .slice(head.length - digits.length + size)
    .replace(/\s+/g, '')
    .replace(/.{1,64}/g, '$&\n');
  const headers = head && `Proc-Type: 4,ENCRYPTED\nDEK-Info: ${info},${digits.slice(0, size)}\n\n`;
  return `-----BEGIN ${label}-----\n${headers}${lines}-----END ${label}-----\n`;
}

/** True for a private key that a passphrase protects, in PKCS #8 or in OpenSSL's older form. */
export function isLocked({ label, body }: Block): boolean {
  return label === 'ENCRYPTED PRIVATE KEY' || /^\s*Proc-Type:\s*4,ENCRYPTED/.test(body);
}

/** The block of a private key, encrypted or not. */
export function privateBlock(blocks: readonly Block[]): Block | undefined {
  return blocks.find(({ label }) => label.endsWith('PRIVATE KEY'));
}

/** The encrypted private key in a text, as a PEM. */
export function lockedKey(text: string): string | undefined {
  const material = readKeyMaterial(text);
  const block = material.kind === 'pem' ? material.blocks.find(isLocked) : undefined;
  return block && armoured(block);
}

/** The text with its key decrypted: the key first, then the certificates. */
export function withOpened(text: string, opened: string): string {
  const material = readKeyMaterial(text);
  const others = material.kind === 'pem' ? material.blocks.filter(block => !isLocked(block)) : [];
  return [opened, ...others.map(armoured)].join('');
}

function invalid(reason: KeyFlaw): WorkbenchError {
  return new WorkbenchError('key_invalid', { reason });
}
