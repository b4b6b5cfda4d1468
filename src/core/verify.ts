/** Checks a token: its signature with jose, everything else with the rows of checks.ts. Loaded when first needed. */
import { signatureAlgorithms } from './algorithms.ts';
import { encodeBase64url } from './base64url.ts';
import { beginChecks, runChecks, type VerificationPolicy, type VerificationResult } from './checks.ts';
import type { ClockSkew } from './clockSkew.ts';
import { own } from './json.ts';
import { type DecodedJws, openToken } from './jwt.ts';
import { checkSignature, type KeySource, keysFrom } from './signatures.ts';

export type { KeySource };

/** Turns of the microtask queue until jose has handed a signature to the thread pool. A wrong guess costs time only. */
const turns = 4;

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
  const opened = openToken(text);
  if (opened.kind !== 'jws')
    return { verified: false, checks: runChecks({ token: opened, policy, now, skew }) };
  // No issuer is asked for keys for a token that cannot be read.
  const read = keySource.kind === 'remote' ? opened.rest() : undefined;
  const looking = keysFrom(keySource, opened.header);
  const keys = looking instanceof Promise ? await looking : looking;
  const checking = checkSignature(text, opened.header, policy, keys);
  // Where the payload cannot be read, nobody waits for this any longer.
  checking.catch(() => {});
  for (let turn = 0; turn < turns; turn++) await undefined;
  // While another thread is busy with the signature. None of this says anything of it.
  const token = read ?? opened.rest();
  const hashing = hashFor(token, policy);
  const accessTokenHash = hashing && (await hashing);
  const end = beginChecks({ token, policy, now, skew, secret: keys.secret, accessTokenHash });
  const { signature, key } = await checking;
  const { verified, checks } = end({ signature, key: key?.finding });
  return key ? { verified, checks, key: key.info } : { verified, checks };
}

function hashFor(
  { header, payload }: DecodedJws,
  { accessToken }: VerificationPolicy,
): Promise<string> | undefined {
  if (accessToken === undefined || !Object.hasOwn(payload, 'at_hash')) return undefined;
  const hash = signatureAlgorithms.get(String(own(header, 'alg')))?.hash;
  return hash && leftHalf(hash, accessToken);
}

/** OpenID Connect Core section 3.1.3.6: the left half of the access token's hash. */
async function leftHalf(hash: string, accessToken: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest(hash, new TextEncoder().encode(accessToken)));
  return encodeBase64url(digest.subarray(0, digest.length / 2));
}
