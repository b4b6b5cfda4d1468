import { isErrorCode } from '../errorTable.ts';
import type { Check, VerificationResult } from './finding.ts';

/** What is known of a token's signature and claims, in one word: every place that shows a token shows one of these. */
export type TokenState =
  /** The signature was not checked yet. */
  | { readonly kind: 'not_checked' }
  | { readonly kind: 'verified' }
  /** The issuer signed it, and the only thing against it is that it has ended. */
  | { readonly kind: 'expired_valid_signature' }
  | { readonly kind: 'failed'; readonly failed: readonly Check[] }
  /** It may be genuine: what it takes to tell is missing. `reason` is the check of the signature. */
  | { readonly kind: 'unverifiable'; readonly reason: Check };

export type TokenStateKind = TokenState['kind'];

/** @param result of checks with keys; left out where none were made */
export function tokenStateOf(result: VerificationResult | undefined): TokenState {
  const signature = result?.checks.find(({ id }) => id === 'signature');
  if (result?.verified) return { kind: 'verified' };
  if (result === undefined || signature === undefined) return { kind: 'not_checked' };
  const failed = result.checks.filter(({ status }) => status === 'failed');
  const others = failed.filter(check => check !== signature && check.code !== 'exp_past');
  if (signature.status === 'passed' && others.length === 0) return { kind: 'expired_valid_signature' };
  // Without the secret no HMAC is allowed: that says the same once more.
  const isMissing = lacksKey(signature) && others.every(({ code }) => code === 'alg_symmetric');
  return isMissing ? { kind: 'unverifiable', reason: signature } : { kind: 'failed', failed };
}

/** What the checks of a token come to that only exist without a key: those that cannot be had say why. */
export function unkeyedState({ checks }: Pick<VerificationResult, 'checks'>): TokenState {
  const reason = checks.find(({ code }) => code === 'encrypted' || code === 'opaque');
  return reason ? { kind: 'unverifiable', reason } : { kind: 'not_checked' };
}

/** A check of the signature that could not be made, as against one that failed. */
function lacksKey({ status, code }: Check): boolean {
  return status === 'skipped' || isErrorCode(code) || lacking.has(code);
}

const lacking: ReadonlySet<string> = new Set(['secret_needed', 'platform_lacks_alg', 'signature_recipient']);
