/**
 * Reviews a token against best practices: RFC 8725 and its successor, RFC 9068, OpenID Connect Core. The review says
 * how well a token is made; the checks (checks.ts) say whether a verifier accepts it. One row per finding: to add one,
 * add a row here or in a file beside it, its sentence in src/vscode/text/review.ts, and two tokens to its test.
 */
import { own } from '../tokens/json.ts';
import type { DecodedToken } from '../tokens/jwt.ts';
import { tokenUse } from '../tokens/tokenUse.ts';
import type { Check, CheckCode, Observation, ReviewInput, ReviewRow, Severity } from './finding.ts';
import { claimRows, dataRows } from './reviewClaims.ts';
import { headerRows } from './reviewHeader.ts';

export interface ReviewFinding extends Omit<ReviewRow, 'run'>, Observation {}

/** A row that takes its finding from a failed or warning check, so that the review does not repeat the check. */
const ofCheck = (
  id: string,
  severity: Severity,
  part: ReviewRow['part'],
  section: string,
  checkId: string | undefined,
  ...codes: CheckCode[]
): ReviewRow => ({
  id,
  severity,
  section,
  part,
  run: ({ checks, readable }) => {
    if (id === 'exp_missing' && !readable) return undefined;
    const check = checks.find(
      ({ id, status, code }) =>
        codes.includes(code) && (checkId ?? id) === id && (status === 'failed' || status === 'warning'),
    );
    return check && { check };
  },
});

const [any, core] = [undefined, 'OpenID Connect Core section'];

const checkedRows: readonly ReviewRow[] = [
  ofCheck(
    'alg_none',
    'error',
    'header',
    'RFC 8725 section 3.2, rfc8725bis section 2.11',
    any,
    'alg_none',
    'alg_missing',
  ),
  ofCheck('symmetric', 'error', 'header', 'RFC 8725 section 3.1', any, 'alg_symmetric', 'secret_needed'),
  ofCheck('key_weak', 'error', 'header', 'RFC 8725 section 3.5', any, 'rsa_too_short', 'rsa_exponent'),
  ofCheck('key_roca', 'error', 'header', 'RFC 8725 section 3.5, CVE-2017-15361', any, 'rsa_roca'),
  ofCheck('secret_short', 'error', 'header', 'RFC 7518 section 3.2', any, 'hmac_too_short'),
  ofCheck('key_published', 'error', 'header', 'RFC 7517 section 9.2', any, 'private_key_published'),
  ofCheck('header_key', 'warning', 'header', 'RFC 8725 section 3.10', any, 'embedded_key_ignored'),
  ofCheck('crit', 'error', 'header', 'RFC 7515 section 4.1.11', any, 'crit_unknown', 'crit_invalid'),
  ofCheck('b64', 'error', 'header', 'RFC 7797 section 7', any, 'b64_false', 'b64_invalid'),
  ofCheck('used_as_other', 'error', 'header', 'RFC 8725 section 3.12', any, 'used_as_other', 'typ_wrong'),
  ofCheck('typ', 'info', 'header', 'RFC 8725 section 3.11', any, 'typ_missing', 'typ_generic'),
  ofCheck('milliseconds', 'error', 'payload', 'RFC 7519 section 2', any, 'time_in_milliseconds'),
  ofCheck('time', 'error', 'payload', 'RFC 7519 section 2', any, 'time_not_a_number', 'time_out_of_range'),
  ofCheck('exp_missing', 'warning', 'payload', `RFC 9068 section 2.2, ${core} 2`, 'exp', 'missing'),
  ofCheck('sub_missing', 'error', 'payload', `${core} 2`, 'sub', 'missing'),
  ofCheck('issued_later', 'warning', 'payload', 'RFC 7519 section 4.1.6', any, 'iat_ahead'),
  ofCheck('duplicates', 'warning', 'payload', 'RFC 7515 section 4', any, 'members_duplicate'),
  ofCheck('encoding', 'info', 'signature', 'RFC 4648 section 3.5', any, 'encoding_ambiguous'),
  ofCheck('at_hash', 'error', 'payload', `${core} 3.1.3.6`, any, 'hash_mismatch'),
  ofCheck('nonce', 'error', 'payload', `${core} 3.1.3.7 (11)`, 'nonce', 'mismatch', 'missing'),
  ofCheck('azp', 'warning', 'payload', `${core} 3.1.3.7 (4, 5)`, 'azp', 'azp_missing', 'mismatch'),
];

export const reviewTable: readonly ReviewRow[] = [...checkedRows, ...headerRows, ...claimRows, ...dataRows];

const order: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

/** Worst findings first. An opaque token has nothing to review. @param text the token itself */
export function reviewToken(text: string, token: DecodedToken, checks: readonly Check[]): ReviewFinding[] {
  if (token.kind === 'opaque') return [];
  const hint = tokenUse(token);
  const typ = own(token.header, 'typ');
  const input: ReviewInput = {
    header: token.header,
    payload: token.kind === 'jws' ? token.payload : {},
    readable: token.kind === 'jws' && !token.content && !isOther(typ),
    signature: token.kind === 'jws' ? token.signature : undefined,
    size: text.length,
    use: hint?.use,
    certain: hint?.certain === true,
    checks,
  };
  return reviewTable
    .flatMap(({ run, ...row }) => {
      const found = run(input);
      return found ? [{ ...row, ...(found === true ? {} : found) }] : [];
    })
    .toSorted((one, other) => order[one.severity] - order[other.severity]);
}

/** Proofs, events and statements (`dpop+jwt`, `secevent+jwt`) have their own rules for times and audiences. */
function isOther(typ: unknown): boolean {
  return typeof typ === 'string' && /\+jwt$/i.test(typ) && !/(?:^|\/)at\+jwt$/i.test(typ);
}
