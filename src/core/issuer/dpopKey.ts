import type { TokenSet } from '../records/tokenSet.ts';
import { isObject, own, readJson } from '../tokens/json.ts';
import { decodeToken } from '../tokens/jwt.ts';

/** What can be told of keys that tokens are bound to (RFC 9449) without using them. */

/** RFC 7638 thumbprint of a key as a record holds it. */
export function thumbprintOf(dpopKey: string | undefined): string | undefined {
  const reading = readJson(dpopKey ?? '');
  const kid = reading.ok && isObject(reading.value) ? own(reading.value, 'kid') : undefined;
  return typeof kid === 'string' ? kid : undefined;
}

/** RFC 9449 §6.1: the thumbprint of the key that an access token is bound to, where it says it. */
export function boundTo(accessToken: string | undefined): string | undefined {
  try {
    const decoded = decodeToken(accessToken ?? '');
    const cnf = decoded.kind === 'jws' ? own(decoded.payload, 'cnf') : undefined;
    const jkt = isObject(cnf) ? own(cnf, 'jkt') : undefined;
    return typeof jkt === 'string' ? jkt : undefined;
  } catch {
    // Any text can be an access token (RFC 6749 §1.4).
    return undefined;
  }
}

/** True for tokens that are of no use without a proof. */
export function isBound({ token_type, access_token }: TokenSet): boolean {
  return token_type?.toLowerCase() === 'dpop' || boundTo(access_token) !== undefined;
}
