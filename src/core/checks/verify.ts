/** Checks a token: its signature with jose, everything else with the rows of checks.ts. Loaded when first needed. */

import type { ClockSkew } from '../records/clockSkew.ts';
import { signatureAlgorithms } from '../tokens/algorithms.ts';
import { encodeBase64url } from '../tokens/base64url.ts';
import { own } from '../tokens/json.ts';
import { type DecodedJws, decodeToken } from '../tokens/jwt.ts';
import { runChecks, type VerificationPolicy, type VerificationResult } from './checks.ts';
import { checkSignature, type KeySource, keysFrom } from './signatures.ts';

export type { KeySource };

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
  const looking = keysFrom(keySource, token.header);
  const keys = looking instanceof Promise ? await looking : looking;
  const { signature, key } = await checkSignature(text, token.header, policy, keys);
  const hashing = hashFor(token, policy);
  const accessTokenHash = hashing && (await hashing);
  const checks = runChecks({
    token,
    policy,
    now,
    skew,
    secret: keys.secret,
    accessTokenHash,
    signature,
    key: key?.finding,
  });
  // The only way to `verified`.
  const verified = signature?.status === 'passed' && checks.every(({ status }) => status !== 'failed');
  return { verified, checks, ...(key && { key: key.info }) };
}

function hashFor({ header, payload }: DecodedJws, { accessToken }: VerificationPolicy): Promise<string> | undefined {
  if (accessToken === undefined || !Object.hasOwn(payload, 'at_hash')) return undefined;
  const hash = signatureAlgorithms.get(String(own(header, 'alg')))?.hash;
  return hash && leftHalf(hash, accessToken);
}

/** OpenID Connect Core section 3.1.3.6: the left half of the access token's hash. */
async function leftHalf(hash: string, accessToken: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest(hash, new TextEncoder().encode(accessToken)));
  return encodeBase64url(digest.subarray(0, digest.length / 2));
}
