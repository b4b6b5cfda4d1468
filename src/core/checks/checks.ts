/**
 * The checks of a token, one row each: to add a check, add a row. Rows are pure and independent. All of them run, so
 * that one result names every fault. No cryptography is loaded here: the result of the signature is passed in (see
 * verifier.ts). Without it, the rows serve a token that is only shown.
 */
import type { DecodedToken } from '../tokens/jwt.ts';
import { aud, azp, claims, cnf, exp, iat, iss, nbf, nonce, sub, tokenHash } from './claimChecks.ts';
import { type Check, type CheckInput, type Finding, withDetails } from './finding.ts';
import { disclosures, keyBinding, proof } from './possession.ts';
import { alg, b64, crit, embeddedKeys, encoding, members, numbers, typ } from './signatures.ts';

interface CheckRow {
  readonly id: string;
  /**
   * The part of the token that the row is about. Rows of the payload also apply to claims that are not from a signed
   * token.
   */
  readonly part: 'header' | 'payload' | 'signature';
  readonly section: string;
  readonly run: (input: CheckInput) => Finding;
}

export const checkTable = [
  { id: 'signature', part: 'signature', section: 'RFC 7515 section 5.2', run: signature },
  { id: 'key', part: 'signature', section: 'RFC 7518 sections 3.2 and 3.3', run: key },
  { id: 'alg', part: 'header', section: 'RFC 8725 section 3.1', run: alg },
  { id: 'typ', part: 'header', section: 'RFC 8725 section 3.11, RFC 9068 section 4', run: typ },
  { id: 'crit', part: 'header', section: 'RFC 7515 section 4.1.11', run: crit },
  { id: 'b64', part: 'header', section: 'RFC 7797 section 7', run: b64 },
  { id: 'header_key', part: 'header', section: 'RFC 8725 section 3.10', run: embeddedKeys },
  { id: 'members', part: 'payload', section: 'RFC 7515 section 4, RFC 7519 section 4', run: members },
  { id: 'encoding', part: 'signature', section: 'RFC 4648 section 3.5', run: encoding },
  { id: 'numbers', part: 'payload', section: 'RFC 8259 section 6, RFC 7493 section 2.2', run: numbers },
  { id: 'claims', part: 'payload', section: 'RFC 8725 section 3.12, and the specification of the type', run: claims },
  { id: 'iss', part: 'payload', section: 'RFC 7519 section 4.1.1, OpenID Connect Core section 3.1.3.7 (2)', run: iss },
  { id: 'aud', part: 'payload', section: 'RFC 7519 section 4.1.3, OpenID Connect Core section 3.1.3.7 (3)', run: aud },
  { id: 'azp', part: 'payload', section: 'OpenID Connect Core section 3.1.3.7 (4, 5)', run: azp },
  { id: 'sub', part: 'payload', section: 'OpenID Connect Core sections 2 and 12.2, RFC 9068 section 2.2', run: sub },
  { id: 'exp', part: 'payload', section: 'RFC 7519 section 4.1.4', run: exp },
  { id: 'nbf', part: 'payload', section: 'RFC 7519 section 4.1.5', run: nbf },
  { id: 'iat', part: 'payload', section: 'RFC 7519 section 4.1.6', run: iat },
  { id: 'nonce', part: 'payload', section: 'OpenID Connect Core section 3.1.3.7 (11)', run: nonce },
  { id: 'at_hash', part: 'payload', section: 'OpenID Connect Core section 3.1.3.6', run: tokenHash },
  { id: 'cnf', part: 'payload', section: 'RFC 9449 section 6, RFC 8705 section 3', run: cnf },
  { id: 'disclosures', part: 'payload', section: 'RFC 9901 section 7.1', run: disclosures },
  { id: 'key_binding', part: 'payload', section: 'RFC 9901 section 7.3', run: keyBinding },
  { id: 'proof', part: 'payload', section: 'RFC 9449 section 4.3', run: proof },
] as const satisfies readonly CheckRow[];

/**
 * `signature`, or the claim or parameter that a check is about. Its name on screen is in src/vscode/text/checkWords.ts.
 */
export type CheckId = (typeof checkTable)[number]['id'];

/** The part of the token that a check is about. */
export function partOf(id: string): CheckRow['part'] {
  return checkTable.find(row => row.id === id)?.part ?? 'payload';
}

/** Runs all rows. A token that cannot be read gets a single check, which says why. */
export function runChecks(input: Omit<CheckInput, 'token'> & { readonly token: DecodedToken }): Check[] {
  const { token } = input;
  if (token.kind !== 'jws') {
    return [{ id: 'signature', status: 'skipped', code: token.kind === 'jwe' ? 'encrypted' : 'opaque' }];
  }
  const whole = { ...input, token };
  return checkTable.map(({ id, run }) => {
    const finding = run(whole);
    return withDetails<Check>({ id, status: finding.status, code: finding.code }, finding);
  });
}

function signature({ signature }: CheckInput): Finding {
  return signature ?? { status: 'skipped', code: 'signature_not_checked' };
}

function key({ key }: CheckInput): Finding {
  return key ?? { status: 'skipped', code: 'key_none' };
}
