/** Checks a token: its signature with jose, everything else with the rows of checks.ts. Loaded when first needed. */
import type { ClockSkew } from '../records/clockSkew.ts';
import { signatureAlgorithms } from '../tokens/algorithms.ts';
import { encodeBase64url } from '../tokens/base64url.ts';
import { digestOf } from '../tokens/forms.ts';
import { isObject, type JsonObject, own, textOf } from '../tokens/json.ts';
import { type DecodedJws, type DecodedToken, decodeToken, inflated, tryDecode } from '../tokens/jwt.ts';
import { runChecks } from './checks.ts';
import { type Finding, failed, type VerificationPolicy, type VerificationResult, warning } from './finding.ts';
import { type KeySet, readJwk } from './keys.ts';
import { isProof, present } from './possession.ts';
import { checkSignature, type FoundKeys, type KeySource, keysFrom, type Outcome } from './signatures.ts';

export type { KeySource };

/**
 * Verifies a JWS (RFC 7515, RFC 7519) under a policy. Every check runs and has its line, whatever became of the
 * others. What stops the keys from being had is the `signature` check's failure, not an exception. Encrypted and
 * opaque tokens cannot be checked and say so.
 * @param given the token, or what `decodeToken` made of `text`
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
  given: DecodedToken = decodeToken(text),
): Promise<VerificationResult> {
  if (given.kind !== 'jws') return { verified: false, checks: runChecks({ token: given, policy, now, skew }) };
  const token = own(given.header, 'zip') === 'DEF' ? await inflated(given) : given;
  const source = isProof(token.header) && keySource.kind === 'none' ? ownKey(token.header, keySource) : keySource;
  const looking = keysFrom(source, token.header);
  const keys = looking instanceof Promise ? await looking : looking;
  const { signature, key } = await (token.form?.kind === 'json' ? signaturesOf : checkSignature)(token, policy, keys);
  const hashing = hashFor(token, policy);
  const accessTokenHash = hashing && (await hashing);
  const { form } = token;
  const presentation = form?.kind === 'sd_jwt' ? await present(token, form, policy, holderKey, signedBy) : undefined;
  const disclosed = presentation?.disclosed.payload;
  const checks = runChecks({
    token: disclosed ? { ...token, payload: disclosed } : token,
    policy,
    now,
    skew,
    secret: keys.secret,
    accessTokenHash,
    presentation,
    signature,
    key: source === keySource ? key?.finding : key && ownKeyFinding(key.finding),
  });
  // The only way to `verified`.
  const verified = signature?.status === 'passed' && checks.every(({ status }) => status !== 'failed');
  return { verified, checks, ...(key && { key: key.info }), ...(disclosed && { disclosed }) };
}

/** All signatures of a JWS in JSON: one that is wrong is the outcome. */
async function signaturesOf(token: DecodedJws, policy: VerificationPolicy, keys: FoundKeys): Promise<Outcome> {
  const first = await checkSignature(token, policy, keys);
  if (token.form?.kind !== 'json') return first;
  for (const compact of token.form.others) {
    const other = tryDecode(compact);
    if ('error' in other || other.kind !== 'jws') return { signature: failed('signature_malformed') };
    const outcome = await checkSignature(other, policy, keys);
    if (outcome.signature?.status !== 'passed') return outcome;
  }
  return first;
}

/** A proof is checked with the key that it brings where nobody gave another one. */
function ownKey(header: JsonObject, otherwise: KeySource): KeySource {
  const jwk = own(header, 'jwk');
  const keys = isObject(jwk) ? holderKey(jwk) : undefined;
  return keys ? { kind: 'jwks', keys } : otherwise;
}

/** Such a key says that the sender has its private half, and nothing about who that is. */
function ownKeyFinding(finding: Finding): Finding {
  return finding.status === 'passed'
    ? warning('proof_key', { ...(finding.found && { found: finding.found }) })
    : finding;
}

/** The public key of a holder; `undefined` for anything else, a shared secret above all. */
function holderKey(jwk: JsonObject): KeySet | undefined {
  const key = readJwk(jwk, 'header');
  return key && key.kty !== 'oct' ? { keys: [key], ignored: 0 } : undefined;
}

async function signedBy(token: DecodedJws, keys: KeySet): Promise<Finding> {
  const { signature } = await checkSignature(token, {}, { keys, secret: false, given: true });
  return signature ?? failed('signature_invalid');
}

/** Of the access token: `at_hash` takes the left half under the algorithm of the ID token, a proof's `ath` all of SHA-256. */
function hashFor({ header, payload }: DecodedJws, { accessToken }: VerificationPolicy): Promise<string> | undefined {
  if (accessToken === undefined) return undefined;
  if (isProof(header)) return digestOf(accessToken, 'SHA-256');
  const hash = Object.hasOwn(payload, 'at_hash') && signatureAlgorithms.get(textOf(header, 'alg') ?? '')?.hash;
  return hash ? leftHalf(hash, accessToken) : undefined;
}

/** OpenID Connect Core section 3.1.3.6: the left half of the access token's hash. */
async function leftHalf(hash: string, accessToken: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest(hash, new TextEncoder().encode(accessToken)));
  return encodeBase64url(digest.subarray(0, digest.length / 2));
}
