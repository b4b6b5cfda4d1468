/** Checks a token: its signature with jose, everything else with the rows of checks.ts. Loaded when first needed. */
import { compactVerify } from 'jose';
import { allowedAlgorithms, signatureAlgorithms } from './algorithms.ts';
import { encodeBase64url } from './base64url.ts';
import {
  type Finding,
  isVerified,
  type KeyInfo,
  runChecks,
  type VerificationPolicy,
  type VerificationResult,
} from './checks.ts';
import type { ClockSkew } from './clockSkew.ts';
import { classify, WorkbenchError } from './errors.ts';
import { failed, passed, shown, warning } from './finding.ts';
import { b64, crit } from './headerChecks.ts';
import { type JsonObject, own } from './json.ts';
import type { JwksClient, KeyLookup } from './jwks.ts';
import { type DecodedJws, decodeToken, isNone } from './jwt.ts';
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

/**
 * Verifies a JWS (RFC 7515, RFC 7519) under a policy. Every check runs and has its line, whatever became of the
 * others. What stops the keys from being had is the `signature` check's failure, not an exception. Encrypted and
 * opaque tokens cannot be checked and say so.
 * @param now milliseconds since the epoch
 * @param skew what is known of the issuer's clock; it changes no verdict and explains some
 * @throws WorkbenchError what `decodeToken` throws
 */
export async function verifyToken(
  text: string,
  policy: VerificationPolicy,
  keySource: KeySource,
  now: number,
  skew?: ClockSkew,
): Promise<VerificationResult> {
  const token = decodeToken(text);
  if (token.kind !== 'jws') return { verified: false, checks: runChecks({ token, policy, now, skew }) };
  const { signature, secret, key } = await checkSignature(text, token.header, policy, keySource);
  const accessTokenHash = await hashFor(token, policy);
  const checks = runChecks({
    ...{ token, policy, now, skew, signature, secret, accessTokenHash },
    key: key?.finding,
  });
  return { verified: isVerified(checks), checks, ...(key && { key: key.info }) };
}

interface Outcome {
  readonly signature?: Finding;
  readonly secret: boolean;
  readonly key?: { readonly finding: Finding; readonly info: KeyInfo };
}

async function checkSignature(
  text: string,
  header: JsonObject,
  policy: VerificationPolicy,
  source: KeySource,
): Promise<Outcome> {
  if (source.kind === 'none' && source.error === undefined) return { secret: false };
  let found: FoundKeys;
  try {
    found = await keysFrom(source, header);
  } catch (error) {
    const { code, data } = classify(error);
    return { signature: failed(code, { data }), secret: false };
  }
  const { keys, lookup } = found;
  const secret = keys.keys.some(({ kty }) => kty === 'oct');
  const refused = refusal(text, header, policy, secret);
  if (refused) return { signature: refused, secret };
  const alg = String(own(header, 'alg'));
  const selection = selectKeys(keys, header, source.kind === 'key');
  if ('problem' in selection) {
    const kid = own(header, 'kid');
    const details = {
      ...(kid !== undefined && { found: shown(kid) }),
      data: { keys: keys.keys.length, ignored: keys.ignored, alg },
    };
    return { signature: failed(selection.problem, details), secret };
  }
  const { key, signature } = await tryKeys(text, alg, selection.keys);
  const info = await key.info();
  return { signature, secret, key: { info, finding: judge(key, alg, info, selection.kidDiffers, lookup) } };
}

interface FoundKeys {
  readonly keys: KeySet;
  readonly lookup?: KeyLookup;
}

async function keysFrom(source: KeySource, header: JsonObject): Promise<FoundKeys> {
  switch (source.kind) {
    case 'key':
      return { keys: await readKeyText(source.text, source.form) };
    case 'jwks':
      return {
        keys: isKeySet(source.keys)
          ? source.keys
          : readKeySet(Array.isArray(source.keys) ? { keys: source.keys } : source.keys, 'jwks'),
      };
    case 'none':
      throw source.error;
    case 'remote': {
      const lookup = await source.jwks.keysFor(source.jwksUri, header);
      return { keys: lookup.keys, lookup };
    }
  }
}

function isKeySet(keys: KeySet | object): keys is KeySet {
  return 'keys' in keys && 'ignored' in keys;
}

/** What the header says that no key can make good. The rows of checks.ts say what exactly is wrong. */
function refusal(
  text: string,
  header: JsonObject,
  policy: VerificationPolicy,
  secret: boolean,
): Finding | undefined {
  const alg = own(header, 'alg');
  if (text.endsWith('.') && !isNone(alg)) return failed('signature_missing');
  if (typeof alg !== 'string' || !allowedAlgorithms(policy.algorithms, secret).includes(alg)) {
    return typeof alg === 'string' && signatureAlgorithms.get(alg)?.kty === 'oct' && !secret
      ? failed('secret_needed')
      : failed('refused_by_header', { found: 'alg' });
  }
  const token = { header };
  if (crit({ token }).status === 'failed') return failed('refused_by_header', { found: 'crit' });
  if (b64({ token }).status === 'failed') return failed('refused_by_header', { found: 'b64' });
  return undefined;
}

interface Tried {
  readonly key: VerificationKey;
  readonly signature: Finding;
}

/** Two keys may share a `kid` (RFC 7517 section 4.5), and a token may have none: each that fits is tried. */
async function tryKeys(text: string, alg: string, keys: readonly VerificationKey[]): Promise<Tried> {
  let first: Tried | undefined;
  for (const key of keys) {
    const signature = await tryKey(text, alg, key);
    if (signature.status === 'passed') return { key, signature };
    if (!first || first.signature.code === 'key_rejected') first = { key, signature };
  }
  if (!first) throw new WorkbenchError('internal', { type: 'no key' });
  return keys.length === 1
    ? first
    : { ...first, signature: { ...first.signature, data: { tried: keys.length } } };
}

async function tryKey(text: string, alg: string, key: VerificationKey): Promise<Finding> {
  try {
    await compactVerify(text, await key.cryptoKey(alg), { algorithms: [alg] });
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
  kidDiffers: boolean,
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
  if (kidDiffers) return warning('kid_differs', { ...(info.kid !== undefined && { found: info.kid }) });
  return finding;
}

/** OpenID Connect Core section 3.1.3.6: the left half of the access token's hash. */
async function hashFor(
  { header, payload }: DecodedJws,
  { accessToken }: VerificationPolicy,
): Promise<string | undefined> {
  if (accessToken === undefined || !Object.hasOwn(payload, 'at_hash')) return undefined;
  const hash = signatureAlgorithms.get(String(own(header, 'alg')))?.hash;
  if (hash === undefined) return undefined;
  const digest = new Uint8Array(await crypto.subtle.digest(hash, new TextEncoder().encode(accessToken)));
  return encodeBase64url(digest.subarray(0, digest.length / 2));
}
