/** Rows of the review (review.ts) about the header and the form of a token. */
import { signatureAlgorithms } from '../tokens/algorithms.ts';
import { decodeBase64url } from '../tokens/base64url.ts';
import { isObject, type JsonObject, own, textOf } from '../tokens/json.ts';
import { isNone } from '../tokens/jwt.ts';
import { mostRounds } from './decrypt.ts';
import { type ReviewRow, shown, shownMember } from './finding.ts';

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
  run: ({ header }) => isOdd(kidOf(header)) && { member: 'kid', found: shown(kidOf(header)) },
});

export const headerRows: readonly ReviewRow[] = [
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
  kidRow('kid_injection', 'error', kid =>
    /['"`;|<>]|\$[({]|--\s|--$|\/\*|[()*&]{2}|\b(?:union|select|insert|drop|sleep)\b.*[\s(]/i.test(kid),
  ),
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
      /^(?:RSA1_5|RS1|HS1)$/.test(textOf(header, 'alg') ?? '') && { member: 'alg', found: shown(header.alg) },
  },
  {
    id: 'compressed',
    severity: 'info',
    section: 'RFC 8725 section 3.6',
    part: 'header',
    run: ({ header }) => Object.hasOwn(header, 'zip') && { member: 'zip', found: shown(header.zip) },
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
