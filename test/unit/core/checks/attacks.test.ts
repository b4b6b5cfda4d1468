import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import type { VerificationPolicy } from '../../../../src/core/checks/finding.ts';
import { reviewToken } from '../../../../src/core/checks/review.ts';
import type { KeySource } from '../../../../src/core/checks/signatures.ts';
import { verifyToken } from '../../../../src/core/checks/verifier.ts';
import { classify } from '../../../../src/core/errors.ts';
import { decodeToken } from '../../../../src/core/tokens/jwt.ts';
import { encode, hmacJwt, jwt, signer, signerOf } from '../../../support/signing.ts';

/**
 * Known attacks on verifiers, each with what rejects it: a failed check, an error of the decoder or, if the token is
 * genuine and only odd, a finding of the review. Attacks on keys and signatures are in verify.test.ts, those on
 * encryption in decrypt.test.ts.
 */
const now = Date.UTC(2024, 0, 1);
const t = now / 1000;
const issuer = 'https://as.example';
const claims = { iss: issuer, aud: 'api', sub: 'joe', iat: t - 60, exp: t + 300 };
const policy: VerificationPolicy = { issuer, audience: 'api', kind: 'access_token' };

const es256 = signer('ES256');
const rs256 = signer('RS256');
const published: KeySource = { kind: 'jwks', keys: { keys: [es256.jwk, rs256.jwk] } };

/** Signed with the issuer's own key, so that only the oddity can cause a rejection. */
const signed = (payload: unknown, header: object = {}) => jwt(es256, payload, { typ: 'at+jwt', ...header });
const withAlg = (alg: unknown, signature = '') =>
  `${encode({ alg, kid: es256.jwk.kid, typ: 'at+jwt' })}.${encode(claims)}.${signature}`;
/** JSON that no serializer writes. */
const text = (members: string) => `{"iss":"${issuer}","aud":"api","sub":"joe","exp":${t + 300},${members}}`;
const [head = '', body = '', proof = ''] = signed(claims).split('.');

const attacks: readonly (readonly [name: string, token: string, refusedBy: string])[] = [
  // Unsigned, in spellings that a deny-list does not contain
  ['none in full width', withAlg('\uff4e\uff4f\uff4e\uff45'), 'alg_unsupported'],
  ['none with a zero-width space', withAlg('no\u200bne'), 'alg_unsupported'],
  ['none in Cyrillic', withAlg('n\u043ene'), 'alg_unsupported'],
  ['none with a null', withAlg('none\u0000'), 'alg_unsupported'],
  ['none with line breaks', withAlg('\r\n\tNone\u00a0'), 'alg_none'],
  ['none with a signature', withAlg('none', proof), 'alg_none'],
  ['an empty alg', withAlg(''), 'alg_unsupported'],
  ['alg null', withAlg(null), 'alg_missing'],
  ['alg as a list', withAlg(['ES256']), 'alg_missing'],
  ['alg as an object', withAlg({ toString: 'ES256' }), 'alg_missing'],
  ['alg in another case', withAlg('es256', proof), 'alg_unsupported'],
  ['alg of a name that objects inherit', withAlg('constructor', proof), 'alg_unsupported'],
  ['a key agreement as alg', withAlg('ECDH-ES', proof), 'alg_unsupported'],
  ['alg under __proto__', `${encode('{"__proto__":{"alg":"ES256"}}')}.${body}.${proof}`, 'alg_missing'],
  ['none hidden behind a second alg', `${encode('{"alg":"ES256","alg":"none"}')}.${body}.${proof}`, 'alg_none'],
  // Signatures that would be valid elsewhere
  ['RSASSA-PSS called RS256', jwt({ ...rs256, alg: 'PS256' }, claims, { alg: 'RS256' }), 'signature_invalid'],
  ['PKCS #1 called PS256', jwt(rs256, claims, { alg: 'PS256' }), 'key_unsuitable'],
  ['ECDSA in DER', inDer(), 'signature_der'],
  ['bytes behind the signature', `${head}.${body}.${proof}AAAA`, 'signature_length'],
  ['half a signature', `${head}.${body}.${proof.slice(0, 43)}`, 'signature_length'],
  ['another spelling of the signature', ambiguous(), 'encoding_ambiguous'],
  ['the signature of another header', `${encode({ alg: 'ES256' })}.${body}.${proof}`, 'signature_invalid'],
  ['a header that was spaced', `${encode(`{ "alg":"ES256"}`)}.${body}.${proof}`, 'signature_invalid'],
  // Key injection
  [
    'a kid that is a path',
    jwt(signerOf('ES256', signer('ES256'), '/dev/null'), claims, { typ: 'at+jwt' }),
    'kid_unknown',
  ],
  [
    'an HMAC with an empty key, its kid a path',
    hmacJwt('', claims, { kid: '../../../../dev/null', typ: 'at+jwt' }),
    'secret_needed',
  ],
  [
    'an HMAC with the kid as key',
    hmacJwt(es256.jwk.kid, claims, { kid: es256.jwk.kid, typ: 'at+jwt' }),
    'secret_needed',
  ],
  [
    'a kid of SQL that selects a known key',
    hmacJwt('k', claims, { kid: "x' UNION SELECT 'k", typ: 'at+jwt' }),
    'secret_needed',
  ],
  // Extensions
  ['crit with a name of the specification', signed(claims, { crit: ['alg'] }), 'crit_unknown'],
  [
    'crit twice, the harmless one last',
    signedText('{"alg":"ES256","typ":"at+jwt","crit":["x"],"x":1,"crit":[]}'),
    'crit_invalid',
  ],
  ['b64 as a text', signed(claims, { b64: 'false' }), 'b64_invalid'],
  // Times that comparisons get wrong
  ['no end', signed({ ...claims, exp: undefined }), 'missing'],
  ['an end that is null', signed({ ...claims, exp: null }), 'time_not_a_number'],
  ['an end as a text', signed({ ...claims, exp: `${t + 300}` }), 'time_not_a_number'],
  ['an end as a list', signed({ ...claims, exp: [t + 300] }), 'time_not_a_number'],
  ['an end in milliseconds', signed({ ...claims, exp: now + 300_000 }), 'time_in_milliseconds'],
  ['an end that is infinite', signed(`{"iss":"${issuer}","aud":"api","exp":1e400}`), 'time_out_of_range'],
  ['an end far away', signed({ ...claims, exp: 1e18 }), 'time_out_of_range'],
  ['an end before all time', signed({ ...claims, exp: -1 }), 'time_out_of_range'],
  ['an end under __proto__', signed(`{"iss":"${issuer}","__proto__":{"exp":${t + 300}}}`), 'missing'],
  ['a beginning in milliseconds', signed({ ...claims, nbf: now }), 'time_in_milliseconds'],
  ['a second end that is over', signed(text('"exp":1')), 'exp_past'],
  // Issuers and audiences that look alike
  ['an issuer with a slash', signed({ ...claims, iss: `${issuer}/` }), 'slash_differs'],
  ['an issuer in another case', signed({ ...claims, iss: 'https://AS.example' }), 'mismatch'],
  ['an issuer that begins so', signed({ ...claims, iss: `${issuer}.evil.example` }), 'mismatch'],
  ['an issuer with a letter of another alphabet', signed({ ...claims, iss: 'https://\u0430s.example' }), 'mismatch'],
  ['a list of issuers', signed({ ...claims, iss: [issuer] }), 'wrong_type'],
  ['an audience that holds the name', signed({ ...claims, aud: 'api-admin' }), 'mismatch'],
  ['audiences in one text', signed({ ...claims, aud: 'other api' }), 'mismatch'],
  ['an audience as an object', signed({ ...claims, aud: { api: true } }), 'wrong_type'],
  ['a list in the list of audiences', signed({ ...claims, aud: [['api']] }), 'wrong_type'],
  ['no audience', signed({ ...claims, aud: [] }), 'mismatch'],
  // Tokens of another kind
  ['an ID token', signed({ ...claims, nonce: 'n' }, { typ: 'JWT' }), 'used_as_other'],
  ['a refresh token', signed({ ...claims, typ: 'Refresh' }, { typ: 'JWT' }), 'used_as_other'],
  ['a security event', signed(claims, { typ: 'secevent+jwt' }), 'typ_wrong'],
  ['an encrypted token', `${encode({ alg: 'dir', enc: 'A128GCM' })}..aXY.Y2k.dGFn`, 'encrypted'],
  ['a text that is signed', jwt(es256, 'joe is admin'), 'not_claims'],
  // Tokens that only some readers can read
  ['a space in front', ` ${signed(claims)}`, 'not_a_token'],
  ['a line break behind', `${signed(claims)}\n`, 'token_encoding'],
  ['padding', `${head}=.${body}.${proof}`, 'signature_invalid'],
  ['a tab within', `${head}.${body.slice(0, 9)}\t${body.slice(9)}.${proof}`, 'token_encoding'],
  ['a part more', `${head}.${body}.${proof}.${proof}`, 'token_part_count'],
  ['a part less', `${head}.${body}`, 'signature_missing'],
  ['the JSON form', `{"payload":"${body}","protected":"${head}","signature":"${proof}"}`, 'form_json'],
  ['a byte order mark', signed(`\ufeff${JSON.stringify(claims)}`), 'token_json'],
  [
    'claims that are no UTF-8',
    `${head}.${Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22]).toString('base64url')}.${proof}`,
    'token_json',
  ],
  ['comments in claims', signed(text('/* */"a":1')), 'token_json'],
  ['a list of claims', signed([claims]), 'token_not_an_object'],
  ['5,000 levels', signed(text(`"a":${'['.repeat(5000)}${']'.repeat(5000)}`)), 'token_too_deep'],
  ['10 MB', signed(text(`"a":"${'a'.repeat(7_500_000)}"`)), 'token_too_large'],
];

/** Genuine tokens that no check rejects: the review and the warnings must report the oddity. */
const odd: readonly (readonly [name: string, token: string, saidBy: string])[] = [
  ['a claim twice', signed(text('"sub":"root"')), 'duplicates'],
  ['a claim twice, once with an escape', signed(text('"s\\u0075b":"root"')), 'duplicates'],
  ['a claim that is called __proto__, twice', signed(text('"__proto__":1,"__proto__":2')), 'duplicates'],
  ['a key in the header', signed(claims, { jwk: es256.jwk }), 'header_key'],
  ['an address of keys on this machine', signed(claims, { jku: 'http://169.254.169.254/latest' }), 'key_address'],
  ['an address of a file', signed(claims, { x5u: 'file:///etc/passwd' }), 'key_address'],
];

describe('attacks', () => {
  for (const [name, token, refusedBy] of attacks) {
    it(`${name}: ${refusedBy}`, async () => {
      const { verified, codes } = await refusal(token);
      assert.equal(verified, false);
      assert.ok(codes.includes(refusedBy), codes.join(', '));
    });
  }

  for (const [name, token, saidBy] of odd) {
    it(`${name}: said by ${saidBy}`, async () => {
      const { checks } = await verifyToken(token, policy, published, now);
      assert.equal(checks.find(({ id }) => id === 'signature')?.status, 'passed');
      const said = reviewToken(token, decodeToken(token), checks);
      assert.ok(
        said.some(({ id }) => id === saidBy),
        said.map(({ id }) => id).join(', '),
      );
    });
  }

  it('leave a good token good', async () => {
    const { checks } = await verifyToken(signed(claims), policy, published, now);
    assert.deepEqual(
      checks.filter(({ status }) => status === 'failed' || status === 'warning'),
      [],
    );
  });
});

async function refusal(token: string) {
  try {
    const { verified, checks } = await verifyToken(token, policy, published, now);
    const against = checks.filter(({ status }) => status !== 'passed');
    return { verified, codes: against.map(({ code }): string => code) };
  } catch (error) {
    return { verified: false, codes: [classify(error).code] };
  }
}

function inDer(): string {
  const input = `${head}.${body}`;
  return `${input}.${sign('sha256', Buffer.from(input), es256.privateKey).toString('base64url')}`;
}

function signedText(header: string): string {
  const input = `${encode(header)}.${encode(claims)}`;
  const { privateKey: key } = es256;
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** The same signature with unused bits set in its last character. */
function ambiguous(): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const token = signed(claims);
  return `${token.slice(0, -1)}${alphabet[alphabet.indexOf(token.at(-1) ?? '') + 1]}`;
}
