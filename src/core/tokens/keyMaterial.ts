/** The one reader of texts that are given as keys: client keys, verification keys, decryption keys. PEM is RFC 7468. */
import { type KeyFlaw, WorkbenchError } from '../errors.ts';
import { decodeBase64 } from './base64url.ts';
import { isDer, labelOf } from './der.ts';
import { isObject, type JsonObject, own, readJson } from './json.ts';

/** What a text holds once everything is taken off that an environment file, a shell, JSON or base64 has put around it. */
export type KeyMaterial =
  /** `kid` where what was around it names the key. No block where the text only begins one. */
  | { readonly kind: 'pem'; readonly text: string; readonly blocks: readonly Block[]; readonly kid?: string }
  | { readonly kind: 'json' | 'ssh' | 'other' | 'empty'; readonly text: string };

export interface Block {
  readonly label: string;
  readonly body: string;
}

/** Never throws. A bare DER becomes the block that it would be. */
export function readKeyMaterial(given: string): KeyMaterial {
  const text = given.trim().replace(/^(["'`])([\s\S]*)\1$/, '$2');
  if (text === '') return { kind: 'empty', text };
  if (/^[{[]/.test(text)) return inJson(text);
  if (/^(?:ssh-|ecdsa-sha2-)/.test(text)) return { kind: 'ssh', text };
  if (text.includes(begin)) return pem(text.replace(/\\+r\\+n|\\+[rn]/g, '\n'));
  const bytes = decodeBase64(text.replace(/\s+/g, ''));
  if (bytes === undefined) return { kind: 'other', text };
  if (isDer(bytes)) return pem(armoured({ label: labelOf(bytes), body: text }));
  // A certificate or a key in PEM that was encoded as a whole.
  const inner = bytes.length > begin.length ? new TextDecoder().decode(bytes) : '';
  return inner.includes(begin) ? readKeyMaterial(inner) : { kind: 'other', text };
}

function pem(text: string): KeyMaterial {
  return { kind: 'pem', text, blocks: blocksOf(text) ?? [] };
}

/** The files of Google's service accounts, GitHub Apps and their like hold a PEM; a key set of certificates is all PEM. */
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

/** The whole blocks of a PEM, up to the first that is none; `undefined` where nothing begins one. */
function blocksOf(text: string): Block[] | undefined {
  let at = text.indexOf(begin);
  if (at < 0) return undefined;
  const blocks: Block[] = [];
  while (at >= 0 && blocks.length < mostBlocks) {
    const start = at + begin.length;
    const label = /^[A-Z0-9 ]{1,40}(?=-----)/.exec(text.slice(start, start + 45))?.[0];
    const end = label === undefined ? -1 : text.indexOf(`-----END ${label}-----`, start);
    if (label === undefined || end < 0) break;
    // OpenSSL writes the parameters of an EC key before it.
    if (label !== 'EC PARAMETERS') blocks.push({ label, body: text.slice(start + label.length + 5, end) });
    at = text.indexOf(begin, end);
  }
  return blocks;
}

/** Certificates of a chain, and keys in one text. */
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

/** The bytes of the first block. @throws WorkbenchError as `derOf` */
export function derOfPem(text: string): Uint8Array {
  const material = readKeyMaterial(text);
  return derOf(material.kind === 'pem' ? material.blocks[0] : undefined);
}

/** A block with the line breaks that OpenSSL wants. */
export function armoured({ label, body }: Block): string {
  const [head = '', info = '', digits = ''] =
    /^\s*Proc-Type:\s*4,ENCRYPTED\s*DEK-Info:\s*([\w-]+),([\dA-F]+)/i.exec(body) ?? [];
  // RFC 1421: the first block of the cipher. A box of one line takes out the break between it and the key.
  const size = Math.min(digits.length, info.startsWith('DES') ? 16 : 32);
  const lines = body
    .slice(head.length - digits.length + size)
    .replace(/\s+/g, '')
    .replace(/.{1,64}/g, '$&\n');
  const headers = head && `Proc-Type: 4,ENCRYPTED\nDEK-Info: ${info},${digits.slice(0, size)}\n\n`;
  return `-----BEGIN ${label}-----\n${headers}${lines}-----END ${label}-----\n`;
}

/** True for a private key that a passphrase protects, as PKCS #8 or in OpenSSL's older form. */
export function isLocked({ label, body }: Block): boolean {
  return label === 'ENCRYPTED PRIVATE KEY' || /^\s*Proc-Type:\s*4,ENCRYPTED/.test(body);
}

/** The block of a private key, however it is protected. */
export function privateBlock(blocks: readonly Block[]): Block | undefined {
  return blocks.find(({ label }) => label.endsWith('PRIVATE KEY'));
}

/** The private key in a text that a passphrase protects, as a PEM. */
export function lockedKey(text: string): string | undefined {
  const material = readKeyMaterial(text);
  const block = material.kind === 'pem' ? material.blocks.find(isLocked) : undefined;
  return block && armoured(block);
}

/** The text with its key opened: the key, then the certificates beside it. */
export function withOpened(text: string, opened: string): string {
  const material = readKeyMaterial(text);
  const others = material.kind === 'pem' ? material.blocks.filter(block => !isLocked(block)) : [];
  return [opened, ...others.map(armoured)].join('');
}

function invalid(reason: KeyFlaw): WorkbenchError {
  return new WorkbenchError('key_invalid', { reason });
}
