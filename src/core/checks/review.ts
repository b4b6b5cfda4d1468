/**
 * Reviews a token against best practices: RFC 8725 and its successor, RFC 9068, OpenID Connect Core. The review says
 * how well a token is made; the checks (checks.ts) say whether a verifier accepts it. One row per finding: to add one,
 * add a row here or in reviewClaims.ts, its sentence in src/vscode/text/review.ts, and two tokens to its test.
 */

import { signatureAlgorithms } from '../tokens/algorithms.ts';
import { decodeBase64url } from '../tokens/base64url.ts';
import { isObject, type JsonObject, own, textOf } from '../tokens/json.ts';
import { type DecodedToken, isNone } from '../tokens/jwt.ts';
import { tokenUse } from '../tokens/tokenUse.ts';
import { mostRounds } from './decrypt.ts';
import {
  type Check,
  type CheckCode,
  limitedText,
  type Observation,
  type ReviewInput,
  type ReviewRow,
  type Severity,
  shownMember,
} from './finding.ts';
import { claimRows, dataRows } from './reviewClaims.ts';

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
  ofCheck('b64', 'error', 'header', 'RFC 7797 section 7', any, 'b64_false', 'b64_invalid', 'b64_not_critical'),
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

/** Characters: common limits of servers and proxies for a header with "Authorization: Bearer " and the token. */
const headerLimits = { some: 4096, most: 8192 } as const;

/** PBES2 rounds: with fewer a password is guessed quickly, with more the reader is kept busy. */
const rounds = { least: 310_000, most: mostRounds } as const;

/** The longest usual `kid`: a thumbprint URI has about a hundred characters. */
const longestKid = 256;

/** The `kid`, cut to the length that the rows examine. */
const kidOf = (header: JsonObject): string => {
  const kid = own(header, 'kid');
  return typeof kid === 'string' ? kid.slice(0, 4 * longestKid) : '';
};

const kidRow = (id: string, severity: ReviewRow['severity'], isOdd: (kid: string) => boolean): ReviewRow => ({
  id,
  severity,
  section: 'RFC 8725 section 3.10',
  part: 'header',
  run: ({ header }) => isOdd(kidOf(header)) && { member: 'kid', found: limitedText(kidOf(header)) },
});

/** A word of SQL, and a blank or a parenthesis anywhere behind it. In two steps, as many words would make one slow. */
function hasSqlWord(kid: string): boolean {
  const word = /\b(?:union|select|insert|drop|sleep)\b/i.exec(kid);
  return word !== null && /[\s(]/.test(kid.slice(word.index));
}

const headerRows: readonly ReviewRow[] = [
  {
    id: 'secret_and_public',
    severity: 'error',
    section: 'RFC 8725 section 2.1',
    part: 'header',
    // A shared secret has no certificate or URL: a verifier that sees both may use the public key as the secret.
    run: ({ header }) => {
      if (signatureAlgorithms.get(textOf(header, 'alg') ?? '')?.kty !== 'oct') return undefined;
      const member = ['jwk', 'jku', 'x5u', 'x5c', 'x5t', 'x5t#S256'].find(name => Object.hasOwn(header, name));
      return member !== undefined && { member };
    },
  },
  {
    id: 'unsigned',
    severity: 'error',
    section: 'RFC 7519 section 6',
    part: 'signature',
    run: ({ header, signature }) => signature === '' && !isNone(own(header, 'alg')),
  },
  {
    id: 'signature_zero',
    severity: 'error',
    section: 'RFC 7518 section 3.4, CVE-2022-21449',
    part: 'signature',
    run: ({ header, signature }) => {
      if (!/^ES\d/.test(textOf(header, 'alg') ?? '') || !signature) return undefined;
      const bytes = decodeBase64url(signature);
      if ('reason' in bytes) return undefined;
      const half = bytes.length / 2;
      return bytes.subarray(0, half).every(byte => byte === 0) || bytes.subarray(half).every(byte => byte === 0);
    },
  },
  {
    id: 'key_private',
    severity: 'error',
    section: 'RFC 7515 section 4.1.3',
    part: 'header',
    run: ({ header }) => {
      const jwk = own(header, 'jwk');
      return isObject(jwk) && ['d', 'k', 'p', 'priv'].some(name => Object.hasOwn(jwk, name)) && { member: 'jwk' };
    },
  },
  {
    id: 'key_address',
    severity: 'error',
    section: 'RFC 7515 sections 4.1.2 and 4.1.5',
    part: 'header',
    run: ({ header }) => {
      const member = ['jku', 'x5u'].find(
        name => Object.hasOwn(header, name) && !/^https:\/\//i.test(textOf(header, name) ?? ''),
      );
      return member !== undefined && { member, found: shownMember(header, member) };
    },
  },
  kidRow('kid_path', 'error', kid =>
    /(?:^|[\\/])\.\.(?:[\\/]|$)|^(?:[\\/]|[a-z]:[\\/]|file:)|%2e%2e|%2f|\0/i.test(kid),
  ),
  kidRow('kid_injection', 'error', kid => /['"`;|<>]|\$[({]|--\s|--$|\/\*|[()*&]{2}/.test(kid) || hasSqlWord(kid)),
  kidRow(
    'kid_unusual',
    'warning',
    kid => kid.length > longestKid || /[\p{Cc}\p{Cf}]/u.test(kid) || /^https?:/.test(kid),
  ),
  {
    id: 'kid_type',
    severity: 'warning',
    section: 'RFC 7515 section 4.1.4',
    part: 'header',
    run: ({ header }) =>
      Object.hasOwn(header, 'kid') &&
      typeof header.kid !== 'string' && { member: 'kid', found: shownMember(header, 'kid') },
  },
  {
    id: 'header_claim',
    severity: 'warning',
    section: 'RFC 7519 section 5.3',
    part: 'header',
    run: ({ header, payload, readable }) => {
      if (!readable) return undefined;
      const member = ['iss', 'sub', 'aud'].find(
        name => Object.hasOwn(header, name) && JSON.stringify(header[name]) !== JSON.stringify(own(payload, name)),
      );
      return member !== undefined && { member, found: shownMember(header, member) };
    },
  },
  {
    id: 'alg_outdated',
    severity: 'warning',
    section: 'RFC 8725 section 3.2',
    part: 'header',
    run: ({ header }) =>
      /^(?:RSA1_5|RS1|HS1)$/.test(textOf(header, 'alg') ?? '') && { member: 'alg', found: limitedText(header.alg) },
  },
  {
    id: 'compressed',
    severity: 'info',
    section: 'RFC 8725 section 3.6',
    part: 'header',
    run: ({ header }) => Object.hasOwn(header, 'zip') && { member: 'zip', found: limitedText(header.zip) },
  },
  {
    id: 'rounds_few',
    severity: 'warning',
    section: 'RFC 7518 section 4.8.1.2',
    part: 'header',
    run: ({ header: { p2c } }) => typeof p2c === 'number' && p2c < rounds.least && { member: 'p2c', amount: p2c },
  },
  {
    id: 'rounds_many',
    severity: 'error',
    section: 'RFC 7518 section 8.8, rfc8725bis section 3.13',
    part: 'header',
    run: ({ header: { p2c } }) => typeof p2c === 'number' && p2c > rounds.most && { member: 'p2c', amount: p2c },
  },
  {
    id: 'size_most',
    severity: 'error',
    section: 'RFC 9110 section 5.4',
    part: 'payload',
    run: ({ size }) => size > headerLimits.most && { amount: size },
  },
  {
    id: 'size_some',
    severity: 'warning',
    section: 'RFC 6265 section 6.1, RFC 9110 section 5.4',
    part: 'payload',
    run: ({ size }) => size > headerLimits.some && size <= headerLimits.most && { amount: size },
  },
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
