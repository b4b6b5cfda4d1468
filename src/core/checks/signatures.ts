/** Signatures: which key a token asks for, and whether it fits. Cryptography is jose's. Loaded when first needed. */
import { flattenedVerify } from 'jose';
import { classify, WorkbenchError } from '../errors.ts';
import { allowedAlgorithms, signatureAlgorithms } from '../tokens/algorithms.ts';
import { decodeBase64 } from '../tokens/base64url.ts';
import { type JsonObject, own, textOf } from '../tokens/json.ts';
import { type DecodedJws, isNone } from '../tokens/jwt.ts';
import { varietyOf } from '../tokens/varieties.ts';
import { type Finding, failed, type KeyInfo, passed, shown, type VerificationPolicy, warning } from './finding.ts';
import { b64, crit } from './headerChecks.ts';
import type { JwksClient, KeyLookup } from './jwks.ts';
import { type KeySet, keyFinding, readKeySet, selectKeys, type VerificationKey } from './keys.ts';
import { readKeyText } from './keyText.ts';
import type { SecretForm } from './secretText.ts';

export type KeySource =
  /** A key set that was read already (`readKeySet`), or as JSON: its object or the array of its keys. */
  | { readonly kind: 'jwks'; readonly keys: KeySet | object }
  /** The issuer's key set. `jwksUri` is the issuer's or the user's word, never the token's. */
  | { readonly kind: 'remote'; readonly jwks: JwksClient; readonly jwksUri: string }
  /** A PEM public key or certificate, a JWK or JWK Set, or a shared secret, as a user pastes it. */
  | { readonly kind: 'key'; readonly text: string; readonly form?: SecretForm | undefined }
  /** No key is to be had, and where that is a failure, why. Everything but the signature is still checked. */
  | { readonly kind: 'none'; readonly error?: WorkbenchError };

/** What came of a signature. */
export interface Outcome {
  readonly signature?: Finding;
  readonly key?: { readonly finding: Finding; readonly info: KeyInfo };
}

/**
 * Checks a signature (RFC 7515 section 5.2) with jose. What the keys or the header make impossible is a finding, not
 * an exception.
 */
export async function checkSignature(
  token: DecodedJws,
  policy: VerificationPolicy,
  { keys, secret, given, lookup, error }: FoundKeys,
): Promise<Outcome> {
  const { compact: text, header } = token;
  if (keys === undefined) return error ? { signature: failed(error.code, { data: { ...error.data } }) } : {};
  const refused = refusal(token, policy, secret);
  if (refused) return { signature: refused };
  const alg = textOf(header, 'alg') ?? '';
  const selection = selectKeys(keys, header, given);
  if ('problem' in selection) {
    const kid = own(header, 'kid');
    const details = {
      ...(kid !== undefined && { found: shown(kid) }),
      data: { keys: keys.keys.length, ignored: keys.ignored, alg },
    };
    const reason = selection.problem === 'kid_unknown' ? notForOthers(token, alg) : undefined;
    return { signature: reason ?? failed(selection.problem, details) };
  }
  const outcome = await tryKeys(text, alg, selection.keys, (key, info) => judge(key, alg, info, selection.kid, lookup));
  if (outcome.signature?.code !== 'signature_invalid') return outcome;
  const reason = whyInvalid(token, alg);
  return reason ? { ...outcome, signature: reason } : outcome;
}

/** What a source has for a token: keys, or where there are none, why that is a failure. */
export interface FoundKeys {
  readonly keys?: KeySet;
  readonly error?: WorkbenchError;
  /** A shared secret is among them: the only case in which HMAC is allowed. */
  readonly secret: boolean;
  /** The user handed them in. */
  readonly given: boolean;
  readonly lookup?: KeyLookup;
}

/** At once where they are at hand. Never throws and never rejects. */
export function keysFrom(source: KeySource, header: JsonObject): FoundKeys | Promise<FoundKeys> {
  try {
    switch (source.kind) {
      case 'key':
        return readKeyText(source.text, source.form).then(keys => found(keys, true), notFound);
      case 'jwks':
        return found(
          isKeySet(source.keys)
            ? source.keys
            : readKeySet(Array.isArray(source.keys) ? { keys: source.keys } : source.keys, 'jwks'),
          false,
        );
      case 'none':
        return { secret: false, given: false, ...(source.error && { error: source.error }) };
      case 'remote':
        return source.jwks
          .keysFor(source.jwksUri, header)
          .then(lookup => ({ ...found(lookup.keys, false), lookup }), notFound);
    }
  } catch (error) {
    return notFound(error);
  }
}

function found(keys: KeySet, given: boolean): FoundKeys {
  return { keys, given, secret: keys.keys.some(({ kty }) => kty === 'oct') };
}

function notFound(error: unknown): FoundKeys {
  return { error: classify(error), secret: false, given: false };
}

function isKeySet(keys: KeySet | object): keys is KeySet {
  return 'keys' in keys && 'ignored' in keys;
}

/** What the header says that no key can make good. The rows of checks.ts say what exactly is wrong. */
function refusal(token: DecodedJws, policy: VerificationPolicy, secret: boolean): Finding | undefined {
  const { header, signature } = token;
  const alg = own(header, 'alg');
  if (signature === '' && !isNone(alg)) return failed('signature_missing');
  if (typeof alg !== 'string' || !allowedAlgorithms(policy.algorithms, secret).includes(alg)) {
    return typeof alg === 'string' && signatureAlgorithms.get(alg)?.kty === 'oct' && !secret
      ? failed('secret_needed')
      : failed('refused_by_header', { found: 'alg' });
  }
  if (crit({ token }).status === 'failed') return failed('refused_by_header', { found: 'crit' });
  if (b64({ token }).status === 'failed') return failed('refused_by_header', { found: 'b64' });
  return undefined;
}

/** What is known to make signatures fail that were made by the right key. */
function whyInvalid(token: DecodedJws, alg: string): Finding | undefined {
  const bytes = decodeBase64(token.signature);
  const known = signatureAlgorithms.get(alg);
  if (bytes && known && !known.varies && !known.bytes.includes(bytes.length)) {
    const details = { expected: String(known.bytes[0]), found: String(bytes.length) };
    // A sequence of two integers (X.690): what OpenSSL and Java make of ECDSA unless they are told otherwise.
    const isDer = alg.startsWith('ES') && bytes[0] === 0x30 && (bytes[2] === 0x02 || bytes[3] === 0x02);
    return failed(isDer ? 'signature_der' : 'signature_length', details);
  }
  return notForOthers(token, alg);
}

/** A token that nobody but its recipient or its issuer can verify. */
function notForOthers(token: DecodedJws, alg: string): Finding | undefined {
  const variety = varietyOf(token.compact, token);
  if (variety?.verifiers !== 'recipient' && variety?.verifiers !== 'issuer') return undefined;
  return failed('signature_recipient', { found: alg, data: { variety: variety.id } });
}

/** Two keys may share a `kid` (RFC 7517 section 4.5), and a token may have none: each that fits is tried. */
async function tryKeys(
  text: string,
  alg: string,
  keys: readonly VerificationKey[],
  judged: (key: VerificationKey, info: KeyInfo) => Finding,
): Promise<Outcome> {
  let first: Outcome = {};
  for (const key of keys) {
    const trying = tryKey(text, alg, key);
    // While another thread is busy with the signature.
    const info = await key.info();
    const outcome = { key: { info, finding: judged(key, info) }, signature: await trying };
    if (outcome.signature.status === 'passed') return outcome;
    if (!first.signature || first.signature.code === 'key_rejected') first = outcome;
  }
  if (!first.signature) throw new WorkbenchError('internal', { type: 'no key' });
  return keys.length === 1 ? first : { ...first, signature: { ...first.signature, data: { tried: keys.length } } };
}

/** base64 with padding is signed as it stands, and jose reads base64url alone. */
async function asWritten(text: string, alg: string, key: CryptoKey): Promise<Finding> {
  const { signature } = partsOf(text);
  const hash = signatureAlgorithms.get(alg)?.hash ?? 'SHA-256';
  const parameters = { name: key.algorithm.name, hash, saltLength: Number(hash.slice(4)) / 8 };
  const signed = new TextEncoder().encode(text.slice(0, text.lastIndexOf('.')));
  const valid = await crypto.subtle.verify(parameters, key, decodeBase64(signature) ?? new Uint8Array(), signed);
  return valid ? passed('signature_valid', { found: alg }) : failed('signature_invalid', { found: alg });
}

/** By the first and the last dot: content that is not encoded (RFC 7797) may have some of its own. */
function partsOf(text: string) {
  const [first, last] = [text.indexOf('.'), text.lastIndexOf('.')];
  return { protected: text.slice(0, first), payload: text.slice(first + 1, last), signature: text.slice(last + 1) };
}

async function tryKey(text: string, alg: string, key: VerificationKey): Promise<Finding> {
  try {
    const cryptoKey = await key.cryptoKey(alg);
    if (/[=+/]/.test(text) && !text.includes('{')) return await asWritten(text, alg, cryptoKey);
    await flattenedVerify(partsOf(text), cryptoKey, { algorithms: [alg] });
    return passed('signature_valid', { found: alg });
  } catch (error) {
    // jose's own code, not its class or its text.
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') return failed('signature_invalid', { found: alg });
    // Web Crypto says by this name that it has no such algorithm, as most have no ML-DSA yet.
    const lacking = error instanceof Error && error.name === 'NotSupportedError';
    return failed(lacking ? 'platform_lacks_alg' : 'key_rejected', { found: alg });
  }
}

function judge(
  key: VerificationKey,
  alg: string,
  info: KeyInfo,
  kid: 'differs' | 'absent' | undefined,
  lookup: KeyLookup | undefined,
): Finding {
  const finding = keyFinding(key, alg, info);
  if (finding.status !== 'passed') return finding;
  if (lookup?.outdated) {
    return warning('keys_outdated', {
      at: lookup.fetchedAt,
      data: { ...lookup.outdated.data, error: lookup.outdated.code },
    });
  }
  if (kid === 'differs') return warning('kid_differs', { ...(info.kid !== undefined && { found: info.kid }) });
  if (kid === 'absent') return warning('kid_absent');
  return finding;
}
