import { type KeyFlaw, WorkbenchError } from '../errors.ts';
import { isObject, own, readJson } from '../tokens/json.ts';
import { isDer, publicJwk } from './der.ts';
import { type KeySet, readJwk, readKeySet, secretKey, type VerificationKey } from './keys.ts';
import { decodeBase64, guessSecrets, readSecret, refuseKeys, type SecretForm } from './secretText.ts';

const invalid = (reason: KeyFlaw) => new WorkbenchError('key_invalid', { reason });

/**
 * Reads a key that a user pasted: a PEM public key or certificate, a JWK, a JWK Set, or else a shared secret.
 * A text that holds a public key in any of these forms never becomes a secret (RFC 8725 section 2.1).
 * @param form that of a shared secret; then the text is read as one and as nothing else
 * @throws WorkbenchError `key_invalid` {reason: 'empty' | 'private_key' | 'encrypted' | 'pem' | 'compressed' | 'kind' |
 * 'json' | 'kty' | 'ssh' | 'not_in_form' | 'public_as_secret'}, `jwks_invalid`
 */
export async function readKeyText(text: string, form?: SecretForm): Promise<KeySet> {
  const trimmed = text.trim();
  if (trimmed === '') throw invalid('empty');
  if (form !== undefined) return single(secretKey(readSecret(text, form)));
  const blocks = blocksOf(trimmed);
  if (blocks) {
    const [first, ...others] = blocks;
    const key = fromDer(derOf(first));
    const more = others.flatMap(block => readable(block) ?? []);
    return { keys: [key, ...more], ignored: others.length - more.length };
  }
  if (/^(?:ssh-|ecdsa-sha2-)/.test(trimmed)) throw invalid('ssh');
  if (/^[{[]/.test(trimmed)) return readJsonKey(trimmed);
  const der = bareDer(trimmed);
  if (der) return single(fromDer(der));
  return { keys: guessSecrets(text).map(secret => secretKey(secret)), ignored: 0 };
}

/**
 * The bytes of the first block of a PEM (RFC 7468) that holds a key, or `undefined` where the text is none.
 * @throws WorkbenchError `key_invalid` {reason: 'pem' | 'encrypted' | 'ssh_private'}
 */
export function derOfPem(text: string): Uint8Array | undefined {
  const blocks = blocksOf(text);
  return blocks && derOf(blocks[0]);
}

/** A chain's other certificates and further keys count as well; what else stands behind the first is no key to check with. */
function readable(block: Block): VerificationKey | undefined {
  try {
    return fromDer(derOf(block));
  } catch {
    return undefined;
  }
}

interface Block {
  readonly label: string;
  readonly body: string;
}

function derOf(block: Block | undefined): Uint8Array {
  if (!block) throw invalid('pem');
  const { label, body } = block;
  if (label.startsWith('ENCRYPTED') || /^\s*Proc-Type:\s*4,ENCRYPTED/.test(body)) throw invalid('encrypted');
  if (label === 'OPENSSH PRIVATE KEY') throw invalid('ssh_private');
  const der = decodeBase64(body.replace(/\s+|\\[rn]/g, ''));
  if (!der || der.length === 0) throw invalid('pem');
  return der;
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

/** The bytes of a text that is base64 of one DER structure: a PEM without its lines, or a binary file. */
export function bareDer(text: string): Uint8Array | undefined {
  const der = decodeBase64(text.replace(/\s+/g, ''));
  return der && isDer(der) ? der : undefined;
}

function single(key: VerificationKey): KeySet {
  return { keys: [key], ignored: 0 };
}

function fromDer(der: Uint8Array): VerificationKey {
  const key = readJwk(publicJwk(der) as Readonly<Record<string, unknown>>, 'given');
  if (!key) throw invalid('pem');
  return key;
}

function readJsonKey(text: string): KeySet {
  const reading = readJson(text);
  if (!reading.ok) throw invalid('json');
  const value = Array.isArray(reading.value) ? { keys: reading.value } : reading.value;
  if (!isObject(value)) throw invalid('json');
  for (const member of [value, own(value, 'keys')].flat())
    if (isObject(member) && typeof own(member, 'k') === 'string') refuseKeys(String(member.k));
  if (Object.hasOwn(value, 'keys')) return readKeySet(value, 'given');
  const key = readJwk(value, 'given');
  if (!key) throw invalid('kty');
  return single(key);
}
