/** Rows of the review (review.ts) about times, audience and issuer, and about claims that kinds of tokens must have. */
import { signatureAlgorithms } from '../tokens/algorithms.ts';
import { findJwts } from '../tokens/findJwts.ts';
import { isObject, type JsonObject, own, textOf } from '../tokens/json.ts';
import { numericDate } from '../tokens/tokenParts.ts';
import type { ReviewInput, ReviewRow } from './finding.ts';
import { limitedText, shownMember } from './finding.ts';

/** Seconds: a longer lifetime of a bearer token has no good reason; RFC 6750 recommends one hour. */
const longestLife = 24 * 3600;

/** The longest `sub` (OpenID Connect Core section 2). */
const longestSubject = 255;

/** Characters of the left half of a hash in base64url. */
const hashLength = { 'SHA-256': 22, 'SHA-384': 32, 'SHA-512': 43 } as const;

export const claimRows: readonly ReviewRow[] = [
  claimRow('exp_before_iat', 'error', 'RFC 7519 section 4.1.4', ({ payload }) => {
    const end = timeOf(payload, 'exp');
    const member = ['iat', 'nbf'].find(name => end <= timeOf(payload, name));
    return member !== undefined && { member };
  }),
  claimRow('exp_far', 'warning', 'RFC 6750 section 5.3', ({ payload, use }) => {
    const amount = (timeOf(payload, 'exp') - timeOf(payload, 'iat')) / 1000;
    return use !== 'refresh_token' && amount > longestLife && { member: 'exp', amount };
  }),
  claimRow('aud_missing', 'warning', 'RFC 8725 section 3.9', ({ payload }) => {
    const aud = own(payload, 'aud');
    return (aud === undefined || aud === '' || (Array.isArray(aud) && aud.length === 0)) && { member: 'aud' };
  }),
  claimRow('aud_any', 'warning', 'RFC 8725 section 3.9', ({ payload }) => {
    const found = [own(payload, 'aud')].flat().find(aud => {
      return typeof aud === 'string' && /^(?:\*|any|all|https?:\/\/\*.*)$/i.test(aud);
    });
    return found !== undefined && { member: 'aud', found: limitedText(found) };
  }),
  claimRow('iss_missing', 'warning', 'RFC 8725 section 3.8', ({ payload }) => {
    return !Object.hasOwn(payload, 'iss') && { member: 'iss' };
  }),
  claimRow('iss_insecure', 'warning', 'RFC 8414 section 2', ({ payload }) => {
    const iss = textOf(payload, 'iss') ?? '';
    const local = /^http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(?::\d+)?(?:\/|$)/i;
    return /^http:/i.test(iss) && !local.test(iss) && { member: 'iss', found: limitedText(iss) };
  }),
  claimRow('sub_long', 'warning', 'OpenID Connect Core section 2', ({ payload }) => {
    const sub = own(payload, 'sub');
    const amount = typeof sub === 'string' ? sub.length : 0;
    return amount > longestSubject && { member: 'sub', amount };
  }),
  claimRow('sub_email', 'info', 'OpenID Connect Core section 5.7', ({ payload }) => {
    // Bounded, so that a long text is not scanned again from each of its dots.
    return /^[^\s@]{1,64}@[^\s@]{1,255}\.[a-z]{2,63}$/i.test(textOf(payload, 'sub') ?? '') && { member: 'sub' };
  }),
  claimRow('access_incomplete', 'error', 'RFC 9068 section 2.2', ({ header, payload }) => {
    if (!/(?:^|\/)at\+jwt$/i.test(textOf(header, 'typ') ?? '')) return undefined;
    // Claims that the rows above report are not repeated here.
    const missing = ['sub', 'client_id', 'iat', 'jti'].filter(name => !Object.hasOwn(payload, name));
    return missing.length > 0 && { found: missing.join(', ') };
  }),
  claimRow('nonce_missing', 'info', 'OpenID Connect Core section 3.1.2.1', ({ payload, use }) => {
    return use === 'id_token' && !Object.hasOwn(payload, 'nonce') && { member: 'nonce' };
  }),
  claimRow('azp_foreign', 'warning', 'OpenID Connect Core section 3.1.3.7 (5)', ({ payload, use, certain }) => {
    const azp = own(payload, 'azp');
    if (use !== 'id_token' || !certain || azp === undefined || !Object.hasOwn(payload, 'aud')) return undefined;
    return ![payload.aud].flat().includes(azp) && { member: 'azp', found: shownMember(payload, 'azp') };
  }),
  claimRow('hash_length', 'warning', 'OpenID Connect Core sections 3.1.3.6 and 3.3.2.11', ({ header, payload }) => {
    const hash = signatureAlgorithms.get(textOf(header, 'alg') ?? '')?.hash;
    if (hash === undefined) return undefined;
    const member = ['at_hash', 'c_hash', 's_hash'].find(
      name => Object.hasOwn(payload, name) && textOf(payload, name)?.length !== hashLength[hash],
    );
    return member !== undefined && { member, found: shownMember(payload, member) };
  }),
];

/** A row about the claims of a readable token that is not a proof or an event. */
function claimRow(
  id: string,
  severity: ReviewRow['severity'],
  section: string,
  look: (input: ReviewInput) => ReturnType<ReviewRow['run']>,
): ReviewRow {
  return {
    id,
    severity,
    section,
    part: 'payload',
    run: input => (input.readable ? look(input) : undefined),
  };
}

/** Milliseconds since the epoch, or NaN without a valid time: comparisons with NaN are false. */
function timeOf(payload: JsonObject, name: string): number {
  const date = numericDate(own(payload, name));
  return 'at' in date ? date.at : Number.NaN;
}

// --- Data that should not be in a token, which every holder can read; findings never repeat a claim's value ---

/** The most values of a token that are examined. */
const mostValues = 2000;

const secretName =
  /(?:^|[_.:/-]|(?<=[a-z])(?=[A-Z]))(?:pwd|passw(?:or)?d|passphrase|secret|private_?key|api_?key|access_?key|credentials?|otp|pin)$/i;

/** Prefixes and formats that only keys and passwords have, by their issuer. */
const secretValue =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----|^(?:AKIA|ASIA)[A-Z0-9]{16}$|^gh[pousr]_\w{30,}|^github_pat_\w{20,}|^glpat-[\w-]{20,}|^xox[abpsr]-[\w-]{10,}|^(?:sk|rk)_live_\w{10,}|^AIza[\w-]{35}$|^[a-z][a-z+]*:\/\/[^\s:@/]+:[^\s@/]+@/;

const personalName =
  /^(?:email|emails|phone_?numbers?|phone|mobile|msisdn|address|street_address|birth_?date|birthday|date_of_birth|dob|gender|given_name|family_name|middle_name|place_of_birth|nationalit(?:y|ies))$/i;

const sensitiveName =
  /(?:^|[_.:/-])(?:ssn|social_?security(?:_?number)?|passport(?:_?(?:no|number))?|national_?id|tax_?id|id_?card|driving_?licen[cs]e|(?:credit_?)?card_?number|cvv|iban|bank_?account|health|medical|diagnosis|religion|ethnicity|biometrics?)$/i;

/** Members that are meant to contain tokens. */
const carriers = new Set(['_claim_sources', 'JWT', 'vp', 'vc', 'trust_chain', 'trust_marks', 'attestation']);

export const dataRows: readonly ReviewRow[] = [
  dataRow('secret', 'error', 'RFC 7519 section 11', (name, value) => {
    return typeof value === 'string' && value.length > 2 && (secretName.test(name) || secretValue.test(value));
  }),
  dataRow('token_inside', 'error', 'RFC 7519 section 11', (name, value, path) => {
    if (typeof value !== 'string' || path.some(each => carriers.has(each))) return false;
    return findJwts(value).length > 0 || (/refresh_?token$|access_?token$/i.test(name) && value.length > 15);
  }),
  dataRow('sensitive', 'warning', 'RFC 7519 section 12', (name, value) => {
    return (isSaid(value) && sensitiveName.test(name)) || isCardNumber(name, value);
  }),
  {
    ...dataRow(
      'personal',
      'info',
      'RFC 9068 section 6, RFC 7519 section 12',
      (name, value) => {
        return isSaid(value) && personalName.test(name);
      },
      ({ use }) => use !== 'id_token',
    ),
  },
];

function dataRow(
  id: string,
  severity: ReviewRow['severity'],
  section: string,
  matches: (name: string, value: unknown, path: readonly string[]) => boolean,
  applies: (input: ReviewInput) => boolean = () => true,
): ReviewRow {
  return {
    id,
    severity,
    section,
    part: 'payload',
    run: input => {
      if (!applies(input)) return undefined;
      const found = namesOf(input.payload, matches);
      return found.length > 0 && { member: found[0]?.split('.')[0] ?? '', found: limitedText(found.join(', ')) };
    },
  };
}

/** The dotted paths of the members that match. */
function namesOf(
  payload: JsonObject,
  matches: (name: string, value: unknown, path: readonly string[]) => boolean,
): string[] {
  const found: string[] = [];
  let left = mostValues;
  const look = (value: unknown, path: readonly string[]) => {
    if (left-- <= 0) return;
    const name = path.findLast(each => !/^\d+$/.test(each)) ?? '';
    if (matches(name, value, path)) found.push(path.join('.'));
    else if (Array.isArray(value)) value.forEach((item, index) => void look(item, [...path, String(index)]));
    else if (isObject(value)) for (const [member, item] of Object.entries(value)) look(item, [...path, member]);
  };
  for (const [name, value] of Object.entries(payload)) look(value, [name]);
  return found;
}

function isSaid(value: unknown): boolean {
  return value !== null && value !== '' && value !== undefined && typeof value !== 'boolean';
}

/**
 * 13 to 19 digits with a payment network's prefix and a valid check digit (ISO/IEC 7812). Members whose names suggest
 * an id are skipped.
 */
function isCardNumber(name: string, value: unknown): boolean {
  if (typeof value !== 'string' || /^sub$|id$|^jti$/i.test(name)) return false;
  const digits = value.replace(/[ -]/g, '');
  if (!/^[3-6]\d{12,18}$/.test(digits)) return false;
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const weighted = Number(digit) * (index % 2 === 1 ? 2 : 1);
    return total + (weighted > 9 ? weighted - 9 : weighted);
  }, 0);
  return sum % 10 === 0;
}
