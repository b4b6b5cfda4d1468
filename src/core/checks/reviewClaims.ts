/** Rows of the review (review.ts) about times, audience, issuer, and what kinds of tokens have to hold. */
import { signatureAlgorithms } from '../tokens/algorithms.ts';
import { type JsonObject, own, textOf } from '../tokens/json.ts';
import { numericDate } from '../tokens/times.ts';
import { shown } from './finding.ts';
import type { ReviewInput, ReviewRow } from './review.ts';

/** Seconds after which a bearer token has outlived every reason: RFC 6750 speaks of one hour. */
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
    return found !== undefined && { member: 'aud', found: shown(found) };
  }),
  claimRow('iss_missing', 'warning', 'RFC 8725 section 3.8', ({ payload }) => {
    return !Object.hasOwn(payload, 'iss') && { member: 'iss' };
  }),
  claimRow('iss_insecure', 'warning', 'RFC 8414 section 2', ({ payload }) => {
    const iss = textOf(payload, 'iss') ?? '';
    const local = /^http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(?::\d+)?(?:\/|$)/i;
    return /^http:/i.test(iss) && !local.test(iss) && { member: 'iss', found: shown(iss) };
  }),
  claimRow('sub_long', 'warning', 'OpenID Connect Core section 2', ({ payload }) => {
    const sub = own(payload, 'sub');
    const amount = typeof sub === 'string' ? sub.length : 0;
    return amount > longestSubject && { member: 'sub', amount };
  }),
  claimRow('sub_email', 'info', 'OpenID Connect Core section 5.7', ({ payload }) => {
    // Bounded, so that no long text is looked at again from each of its dots.
    return /^[^\s@]{1,64}@[^\s@]{1,255}\.[a-z]{2,63}$/i.test(textOf(payload, 'sub') ?? '') && { member: 'sub' };
  }),
  claimRow('access_incomplete', 'error', 'RFC 9068 section 2.2', ({ header, payload }) => {
    if (!/(?:^|\/)at\+jwt$/i.test(textOf(header, 'typ') ?? '')) return undefined;
    // What the rows above say is not said twice.
    const missing = ['sub', 'client_id', 'iat', 'jti'].filter(name => !Object.hasOwn(payload, name));
    return missing.length > 0 && { found: missing.join(', ') };
  }),
  claimRow('nonce_missing', 'info', 'OpenID Connect Core section 3.1.2.1', ({ payload, use }) => {
    return use === 'id_token' && !Object.hasOwn(payload, 'nonce') && { member: 'nonce' };
  }),
  claimRow('azp_foreign', 'warning', 'OpenID Connect Core section 3.1.3.7 (5)', ({ payload, use, certain }) => {
    const azp = own(payload, 'azp');
    if (use !== 'id_token' || !certain || azp === undefined || !Object.hasOwn(payload, 'aud')) return undefined;
    return ![payload.aud].flat().includes(azp) && { member: 'azp', found: shown(azp) };
  }),
  claimRow('hash_length', 'warning', 'OpenID Connect Core sections 3.1.3.6 and 3.3.2.11', ({ header, payload }) => {
    const hash = signatureAlgorithms.get(textOf(header, 'alg') ?? '')?.hash;
    if (hash === undefined) return undefined;
    const member = ['at_hash', 'c_hash', 's_hash'].find(
      name => Object.hasOwn(payload, name) && textOf(payload, name)?.length !== hashLength[hash],
    );
    return member !== undefined && { member, found: shown(payload[member]) };
  }),
];

/** A row about the claims of a token that can be read and is no proof or event. */
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

/** Milliseconds since the epoch; not a number, with which no comparison holds, where there is no good time. */
function timeOf(payload: JsonObject, name: string): number {
  const date = numericDate(own(payload, name));
  return 'at' in date ? date.at : Number.NaN;
}
