/**
 * Fetches issuers' key sets and reads them: JWK Sets (RFC 7517 section 5), and the other forms that occur in practice. A
 * key in another form is used with a warning that names what differs, because other verifiers refuse it.
 */
import { classify, WorkbenchError, withData } from '../errors.ts';
import { boundedFetch, requireSecureUrl } from '../http/http.ts';
import { publicError, saysError } from '../issuer/answers.ts';
import type { Clock, Fetch } from '../ports.ts';
import { signatureAlgorithms } from '../tokens/algorithms.ts';
import { decodeBase64, encodeBase64url } from '../tokens/base64url.ts';
import { publicJwk } from '../tokens/der.ts';
import { isObject, type JsonObject, own, readJson, textOf, withoutGuard } from '../tokens/json.ts';
import { derOf, derOfPem, readKeyMaterial } from '../tokens/keyMaterial.ts';
import type { KeyInfo } from './finding.ts';
import { type KeySet, publicMembers, readJwk, type VerificationKey } from './keys.ts';

/**
 * Keys of unknown kinds are ignored and counted, as section 5 requires. Shared secrets must not be in a published set, so
 * they are ignored as well, unless the user gave a set of nothing but secrets.
 * @throws WorkbenchError `jwks_invalid` {reason: 'not_an_object' | 'no_keys_member' | 'empty' | 'no_usable_key',
 * ignored?}
 */
export function readKeySet(value: unknown, source: KeyInfo['source']): KeySet {
  if (!isObject(value) && !Array.isArray(value)) throw new WorkbenchError('jwks_invalid', { reason: 'not_an_object' });
  const { members, form } = membersOf(value);
  if (!members) throw new WorkbenchError('jwks_invalid', { reason: 'no_keys_member' });
  if (members.length === 0) throw new WorkbenchError('jwks_invalid', { reason: 'empty' });
  const all = members.flatMap(member => (isObject(member) ? (readLooseJwk(member, source, form) ?? []) : []));
  const secrets = source === 'given' && all.every(({ kty }) => kty === 'oct');
  const keys = secrets ? all : all.filter(({ kty }) => kty !== 'oct');
  const ignored = members.length - keys.length;
  if (keys.length === 0) throw new WorkbenchError('jwks_invalid', { reason: 'no_usable_key', ignored });
  return { keys, ignored };
}

/** @throws WorkbenchError `jwks_invalid` {reason: 'html' | 'not_json', and as `readKeySet`} */
export function parseKeySet(text: string, source: KeyInfo['source']): KeySet {
  const plain = text.replace(/^\ufeff/, '');
  const value = valueIn(plain) ?? valueIn(withoutGuard(plain));
  if (value !== undefined) return readKeySet(value, source);
  throw new WorkbenchError('jwks_invalid', { reason: /^\s*</.test(text) ? 'html' : 'not_json' });
}

/** The value of JSON, perhaps in a string; or the keys and certificates of a PEM. */
function valueIn(text: string): unknown {
  const reading = readJson(text);
  if (reading.ok && typeof reading.value !== 'string') return reading.value;
  const inner = reading.ok ? String(reading.value) : text;
  const again = reading.ok ? readJson(inner) : undefined;
  if (again?.ok) return again.value;
  const material = inner.includes('-----BEGIN ') ? readKeyMaterial(inner) : undefined;
  if (material?.kind !== 'pem') return undefined;
  return material.blocks.map(block => jwkOf(() => derOf(block)));
}

interface Members {
  readonly members?: readonly unknown[];
  /** What of the set is written differently from RFC 7517. */
  readonly form: readonly string[];
}

const keysDiffer = ['keys'];

function membersOf(value: JsonObject | readonly unknown[]): Members {
  if (Array.isArray(value)) return { members: value, form: keysDiffer };
  const set = value as JsonObject;
  const keys = own(set, 'keys');
  if (Array.isArray(keys)) return { members: keys, form: [] };
  if (keys !== undefined) {
    const isOne = isObject(keys) && textOf(keys, 'kty') !== undefined;
    const members = isOne ? [keys] : isObject(keys) ? byKid(keys) : undefined;
    return { ...(members && { members }), form: keysDiffer };
  }
  const certificates = certificateMap(set);
  if (certificates) return { members: certificates, form: [] };
  if (textOf(set, 'kty') !== undefined) return { members: [set], form: [] };
  // The envelope that some frameworks put around every answer.
  const inner = ['jwks', 'data', 'result', 'response'].map(name => own(set, name)).find(each => each !== undefined);
  if (Array.isArray(inner) || (isObject(inner) && (own(inner, 'keys') || own(inner, 'kty')))) return membersOf(inner);
  const members = byKid(set) ?? (pemIn(set) === undefined ? undefined : [set]);
  return { ...(members && { members }), form: keysDiffer };
}

/** An object of keys, each under its id. */
function byKid(set: JsonObject): readonly JsonObject[] | undefined {
  const entries = Object.entries(set);
  const isKey = (each: unknown): each is JsonObject =>
    isObject(each) && (textOf(each, 'kty') !== undefined || pemIn(each) !== undefined);
  if (entries.length === 0 || !entries.every(([, each]) => isKey(each))) return undefined;
  return entries.map(([kid, each]) => ({ kid, ...(each as JsonObject) }));
}

/** Google and Firebase publish an object of PEM certificates or public keys, each under its `kid`. */
export function certificateMap(value: JsonObject): readonly JsonObject[] | undefined {
  const entries = Object.entries(value);
  if (entries.length === 0 || !entries.every(([, text]) => typeof text === 'string' && text.includes('-----BEGIN ')))
    return undefined;
  // A single one under such a name is the key itself.
  if (pemIn(value) !== undefined) return undefined;
  return entries.map(([kid, text]) => ({ ...jwkOf(() => derOfPem(String(text))), kid }));
}

/** Members in which a key stands as PEM or as the base64 of its DER: UAA, Keycloak's realm page, and others. */
const pemNames = ['value', 'public_key', 'publicKey', 'publicKeyPem', 'pem', 'key', 'certificate', 'cert', 'x509'];

function pemIn(value: JsonObject): string | undefined {
  const text = pemNames.map(name => textOf(value, name) ?? '').find(each => each.length > 100);
  return text !== undefined && readKeyMaterial(text).kind === 'pem' ? text : undefined;
}

/** The members of a public key in DER; an empty object if it cannot be read. */
function jwkOf(der: () => Uint8Array | undefined): JsonObject {
  try {
    return publicJwk(der() ?? new Uint8Array()) as JsonObject;
  } catch {
    return {};
  }
}

/** A JWK whose members may be written differently from RFC 7517. @param form what of its set is */
export function readLooseJwk(
  given: JsonObject,
  source: KeyInfo['source'],
  form: readonly string[] = [],
): VerificationKey | undefined {
  const whole = withNumbers(given);
  const changed = Object.entries(spellings).flatMap(([name, respell]) => {
    const value = own(whole, name);
    const spelled = value === undefined ? undefined : respell(value);
    return value === undefined || spelled === value ? [] : [[name, spelled] as const];
  });
  const jwk = changed.length === 0 ? whole : { ...whole, ...Object.fromEntries(changed) };
  const fromPem =
    whole !== given && !Object.hasOwn(given, 'x5c') ? pemNames.filter(name => Object.hasOwn(given, name)) : [];
  return readJwk(jwk, source, [...new Set([...form, ...fromPem, ...changed.map(([name]) => name)])]);
}

/** Some issuers omit the key's numbers and send only a certificate (RFC 7517 section 4.7), or a PEM. */
function withNumbers(jwk: JsonObject): JsonObject {
  const members = publicMembers.get(kindOf(own(jwk, 'kty')) ?? '');
  if (members?.every(name => Object.hasOwn(jwk, name))) return jwk;
  const chain = own(jwk, 'x5c');
  const first: unknown = Array.isArray(chain) ? chain[0] : undefined;
  if (typeof first === 'string') return { ...jwk, ...jwkOf(() => decodeBase64(first)) };
  const pem = pemIn(jwk);
  return pem === undefined ? jwk : { ...jwk, ...jwkOf(() => derOfPem(pem)) };
}

/** A member in the form of RFC 7517; `undefined` is left out. */
const spellings: Readonly<Record<string, (value: unknown) => unknown>> = {
  kty: value => kindOf(value) ?? value,
  crv: value => (typeof value === 'string' ? (curves.get(value.toLowerCase()) ?? value) : value),
  alg: value => (typeof value === 'string' ? (algorithms.get(value.toLowerCase()) ?? value) : value),
  kid: value => (typeof value === 'number' ? String(value) : value),
  // Base64url of a modulus is never hex alone.
  n(value) {
    const text = withoutBreaks(value);
    return typeof text === 'string' && /^(?:[\da-f]{2}){128,}$/i.test(text) ? fromHex(text) : text;
  },
  x: withoutBreaks,
  y: withoutBreaks,
  e(value) {
    const number = value === '65537' || value === '010001' ? 65_537 : value;
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 1) return value;
    const hex = number.toString(16);
    return fromHex(hex.length % 2 === 0 ? hex : `0${hex}`);
  },
  use: value => {
    const use = typeof value === 'string' ? value.toLowerCase() : value;
    return use === 'signature' || use === 'sign' ? 'sig' : use === 'encryption' ? 'enc' : use;
  },
  key_ops(value) {
    if (typeof value === 'string') return value.split(/[\s,]+/);
    return Array.isArray(value) && value.length === 0 ? undefined : value;
  },
};

/** Base64 of command lines has line breaks. */
function withoutBreaks(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/[\r\n]+/g, '') : value;
}

function fromHex(hex: string): string {
  return encodeBase64url(Uint8Array.from(hex.match(/../g) ?? [], byte => Number.parseInt(byte, 16)));
}

const lowered = (names: Iterable<string>) => [...names].map(name => [name.toLowerCase(), name] as const);

const kinds = new Map(lowered(publicMembers.keys()));
const algorithms = new Map(lowered(signatureAlgorithms.keys()));
const curves = new Map([
  ...lowered(['P-256', 'P-384', 'P-521', 'Ed25519', 'X25519']),
  ...(['P-256', 'P-384', 'P-521'] as const).map(name => [name.toLowerCase().replace('-', ''), name] as const),
  ['secp256r1', 'P-256'],
  ['prime256v1', 'P-256'],
  ['secp384r1', 'P-384'],
  ['secp521r1', 'P-521'],
]);

function kindOf(kty: unknown): string | undefined {
  return typeof kty === 'string' ? kinds.get(kty.toLowerCase()) : undefined;
}

export interface KeyLookup {
  readonly keys: KeySet;
  /** Milliseconds since the epoch. */
  readonly fetchedAt: number;
  /** Why the keys could not be fetched again; those of `fetchedAt` are still used. */
  readonly outdated?: WorkbenchError;
}

/** Fetches key sets: bounded, cached, and fetched again when a token names an unknown key. */
export interface JwksClient {
  /**
   * The key set at `jwksUri`, from the cache if it is fresh and has a key with the header's `kid`; otherwise it is
   * fetched. `jwksUri` must come from the issuer's metadata or from the user, never from a token.
   * @throws WorkbenchError `url_invalid`, `url_insecure`, `jwks_invalid` {reason}, `http_error` {status}, and what
   * `boundedFetch` throws
   */
  keysFor(jwksUri: string, header: JsonObject): Promise<KeyLookup>;
  /** Removes the keys of one URL, or all, from the cache, so that the next call fetches them. */
  forget(jwksUri?: string): void;
}

export interface JwksClientOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** Milliseconds for one request; 10 seconds if omitted. */
  readonly timeout?: number;
  /** Bytes of one key set; 512 KiB if omitted. */
  readonly maxBytes?: number;
  /** Milliseconds for which a key set counts as fresh; 10 minutes if omitted. */
  readonly maxAge?: number;
  /**
   * The least time between two requests for one key set, in milliseconds, whatever tokens name; 30 seconds if omitted.
   */
  readonly cooldown?: number;
}

/** The most key sets in the cache. With more issuers, the oldest are fetched again. */
const mostKept = 64;

interface Cached {
  lookup?: KeyLookup;
  askedAt: number;
  flight?: Promise<KeyLookup>;
}

export function createJwksClient(options: JwksClientOptions): JwksClient {
  const { clock, timeout = 10_000, maxBytes = 512 * 1024, maxAge = 10 * 60_000, cooldown = 30_000 } = options;
  const fetch = boundedFetch(options.fetch, { timeout, maxBytes, clock });
  const cache = new Map<string, Cached>();

  async function download(jwksUri: string): Promise<KeySet> {
    const { host } = new URL(jwksUri);
    const response = await fetch(jwksUri, {
      headers: { accept: 'application/jwk-set+json, application/json' },
    });
    const text = await response.text();
    if (response.status !== 200) throw publicError(response, text, { host, now: clock.now() });
    try {
      return parseKeySet(text, 'jwks_uri');
    } catch (error) {
      // Some servers answer every error with status 200.
      throw saysError(text)
        ? publicError(response, text, { host, now: clock.now() })
        : withData(classify(error), { host });
    }
  }

  async function renew(jwksUri: string, entry: Cached): Promise<KeyLookup> {
    entry.askedAt = clock.now();
    try {
      const keys = await download(jwksUri);
      entry.lookup = { keys, fetchedAt: clock.now() };
    } catch (error) {
      // Without older keys there is nothing to use; the next call may fetch at once.
      if (!entry.lookup) throw classify(error);
      entry.lookup = { ...entry.lookup, outdated: classify(error) };
    }
    return entry.lookup;
  }

  /** After the clock was set back, everything counts as old. */
  const within = (since: number, span: number) => clock.now() >= since && clock.now() < since + span;

  return {
    async keysFor(jwksUri, header) {
      requireSecureUrl(jwksUri, 'jwksUri');
      const entry = cache.get(jwksUri) ?? { askedAt: Number.NEGATIVE_INFINITY };
      keep(cache, jwksUri, entry);
      const { lookup } = entry;
      if (lookup) {
        const fresh = within(lookup.fetchedAt, maxAge) && names(lookup.keys, own(header, 'kid'));
        if (fresh || within(entry.askedAt, cooldown)) return entry.flight ?? lookup;
      }
      entry.flight ??= renew(jwksUri, entry).finally(() => {
        delete entry.flight;
      });
      return entry.flight;
    },
    forget(jwksUri) {
      if (jwksUri === undefined) cache.clear();
      else cache.delete(jwksUri);
    },
  };
}

function names({ keys }: KeySet, kid: unknown): boolean {
  return typeof kid !== 'string' || keys.some(key => key.kid === kid);
}

/** Evicts the least recently used entries. */
function keep(cache: Map<string, Cached>, jwksUri: string, entry: Cached): void {
  cache.delete(jwksUri);
  cache.set(jwksUri, entry);
  for (const oldest of cache.keys()) {
    if (cache.size <= mostKept) break;
    cache.delete(oldest);
  }
}
