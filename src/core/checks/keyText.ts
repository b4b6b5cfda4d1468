import { type KeyFlaw, WorkbenchError } from '../errors.ts';
import { publicJwk } from '../tokens/der.ts';
import { isObject, own, readJson, textOf } from '../tokens/json.ts';
import { type Block, derOf, readKeyMaterial } from '../tokens/keyMaterial.ts';
import { certificateMap, type KeySet, readJwk, readKeySet, secretKey, type VerificationKey } from './keys.ts';
import { guessSecrets, readSecret, refuseKeys, type SecretForm } from './secretText.ts';

const invalid = (reason: KeyFlaw) => new WorkbenchError('key_invalid', { reason });

/**
 * Reads a key that a user pasted: a PEM public key or certificate, a JWK, a JWK Set, or else a shared secret.
 * A text that holds a public key in any of these forms never becomes a secret (RFC 8725 section 2.1).
 * @param form that of a shared secret; then the text is read as one and as nothing else
 * @throws WorkbenchError `key_invalid` {reason: 'empty' | 'private_key' | 'encrypted' | 'pem' | 'compressed' | 'kind' |
 * 'json' | 'kty' | 'ssh' | 'not_in_form' | 'public_as_secret'}, `jwks_invalid`
 */
export async function readKeyText(text: string, form?: SecretForm): Promise<KeySet> {
  const material = readKeyMaterial(text);
  if (material.kind === 'empty') throw invalid('empty');
  if (form !== undefined) return single(secretKey(readSecret(text, form)));
  switch (material.kind) {
    case 'pem': {
      const [first, ...others] = material.blocks;
      const key = fromDer(derOf(first));
      const more = others.flatMap(block => readable(block) ?? []);
      return { keys: [key, ...more], ignored: others.length - more.length };
    }
    case 'ssh':
      throw invalid('ssh');
    case 'json':
      return readJsonKey(material.text);
    default:
      return { keys: guessSecrets(text).map(secret => secretKey(secret)), ignored: 0 };
  }
}

/** A chain's other certificates and further keys count as well; what else stands behind the first is no key to check with. */
function readable(block: Block): VerificationKey | undefined {
  try {
    return fromDer(derOf(block));
  } catch {
    return undefined;
  }
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
    if (isObject(member) && typeof own(member, 'k') === 'string') refuseKeys(textOf(member, 'k') ?? '');
  if (Object.hasOwn(value, 'keys') || certificateMap(value)) return readKeySet(value, 'given');
  const key = readJwk(value, 'given');
  if (!key) throw invalid('kty');
  return single(key);
}
