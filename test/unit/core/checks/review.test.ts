import assert from 'node:assert/strict';
import { runChecks } from '../../../../src/core/checks/checks.ts';
import type { CheckCode, Finding, VerificationPolicy } from '../../../../src/core/checks/finding.ts';
import { type ReviewFinding, reviewTable, reviewToken } from '../../../../src/core/checks/review.ts';
import { decodeToken } from '../../../../src/core/tokens/jwt.ts';
import { encode } from '../../../support/signing.ts';

const now = Date.UTC(2024, 0, 1);
const t = now / 1000;

interface Case {
  readonly header?: object;
  /** Members of the claims; text is used as it is. */
  readonly payload?: object | string;
  readonly signature?: string;
  readonly policy?: VerificationPolicy;
  /** The verification's finding about the key. */
  readonly key?: Finding;
  readonly jwe?: boolean;
  /** Hash of the access token that came with it. */
  readonly accessTokenHash?: string;
}

/** An access token without findings. */
const header = { alg: 'ES256', typ: 'at+jwt', kid: 'k1' };
const payload = {
  iss: 'https://as.example',
  sub: '248289761001',
  aud: 'https://api.example',
  client_id: 'c',
  jti: 'id-1',
  iat: t - 60,
  exp: t + 3540,
};
const signature = `${'A'.repeat(42)}_${'A'.repeat(42)}g`;
/** An ID token without findings. */
const idToken: Case = {
  header: { alg: 'RS256', typ: 'JWT' },
  payload: { client_id: undefined, aud: 'c', nonce: 'n', at_hash: 'a'.repeat(22) },
};

function review(case_: Case): ReviewFinding[] {
  const head = { ...header, ...case_.header };
  const claims = typeof case_.payload === 'string' ? case_.payload : { ...payload, ...case_.payload };
  const text = case_.jwe
    ? `${encode(head)}..aXY.Y2lwaGVydGV4dA.${'a'.repeat(22)}`
    : `${encode(head)}.${encode(claims)}.${case_.signature ?? signature}`;
  const token = decodeToken(text);
  const policy = case_.policy ?? {};
  return reviewToken(
    text,
    token,
    runChecks({ token, policy, now, key: case_.key, accessTokenHash: case_.accessTokenHash }),
  );
}

const failedKey = (code: CheckCode): Case => ({ key: { status: 'failed', code } });
const merged = (one: Case, payload: object, header: object = {}): Case => ({
  ...one,
  payload: { ...(one.payload as object), ...payload },
  header: { ...one.header, ...header },
});

/** For each row, a token with the finding and a nearly identical one without it. */
const cases: readonly (readonly [id: string, bad: Case, good: Case])[] = [
  ['alg_none', { header: { alg: 'nOnE' }, signature: '' }, { header: { alg: 'PS256' } }],
  ['symmetric', { header: { alg: 'HS256' } }, { header: { alg: 'RS256' } }],
  ['key_weak', failedKey('rsa_too_short'), { key: { status: 'passed', code: 'key_ok' } }],
  ['key_roca', failedKey('rsa_roca'), failedKey('rsa_exponent')],
  ['secret_short', failedKey('hmac_too_short'), { key: { status: 'passed', code: 'key_ok' } }],
  ['key_published', failedKey('private_key_published'), { key: { status: 'passed', code: 'key_ok' } }],
  ['header_key', { header: { jwk: { kty: 'EC' } } }, { header: { 'x5t#S256': 'abc' } }],
  ['crit', { header: { crit: ['exp'] } }, { header: { crit: ['b64'], b64: true } }],
  ['b64', { header: { b64: false, crit: ['b64'] } }, { header: { b64: true, crit: ['b64'] } }],
  ['used_as_other', merged({ ...idToken, policy: { kind: 'access_token' } }, {}), { policy: { kind: 'access_token' } }],
  ['typ', { header: { typ: 'JWT' }, policy: { kind: 'access_token' } }, { policy: { kind: 'access_token' } }],
  ['milliseconds', { payload: { exp: now + 60_000 } }, { payload: { exp: t + 60 } }],
  ['time', { payload: { nbf: 'now' } }, { payload: { nbf: t - 60.5 } }],
  ['exp_missing', { payload: { exp: undefined } }, { payload: { exp: undefined }, header: { typ: 'dpop+jwt' } }],
  ['sub_missing', merged({ ...idToken, policy: { kind: 'id_token' } }, { sub: undefined }), idToken],
  ['issued_later', { payload: { iat: t + 600 } }, { payload: { iat: t } }],
  ['duplicates', { payload: '{"iss":"https://a.example","iss":"https://b.example"}' }, {}],
  ['encoding', { signature: `${signature.slice(0, -1)}h` }, {}],
  [
    'at_hash',
    merged({ ...idToken, accessTokenHash: 'b'.repeat(22) }, {}),
    { ...idToken, accessTokenHash: 'a'.repeat(22) },
  ],
  [
    'nonce',
    { ...idToken, policy: { kind: 'id_token', nonce: 'm' } },
    { ...idToken, policy: { kind: 'id_token', nonce: 'n' } },
  ],
  [
    'azp',
    merged({ ...idToken, policy: { kind: 'id_token' } }, { aud: ['c', 'd'] }),
    { ...idToken, policy: { kind: 'id_token' } },
  ],

  ['secret_and_public', { header: { alg: 'HS256', x5t: 'abc' } }, { header: { alg: 'RS256', x5t: 'abc' } }],
  ['unsigned', { signature: '' }, { signature: '', header: { alg: 'none' } }],
  ['signature_zero', { signature: 'A'.repeat(86) }, {}],
  ['key_private', { header: { jwk: { kty: 'EC', d: 'x' } } }, { header: { jwk: { kty: 'EC', x: 'x' } } }],
  ['key_address', { header: { jku: 'http://a.example' } }, { header: { jku: 'https://a.example' } }],
  ['kid_path', { header: { kid: '../../dev/null' } }, { header: { kid: 'a/b.c..d' } }],
  ['kid_path', { header: { kid: '/etc/passwd' } }, { header: { kid: 'did:example:1#key-1' } }],
  ['kid_injection', { header: { kid: "x' UNION SELECT 'k" } }, { header: { kid: '2024-05-01--2' } }],
  ['kid_injection', { header: { kid: `drop-${'x'.repeat(500)} all` } }, { header: { kid: 'drop-it_all.2' } }],
  ['kid_injection', { header: { kid: 'key|whoami' } }, { header: { kid: 'A_b-c+d/e=' } }],
  ['kid_unusual', { header: { kid: 'k'.repeat(300) } }, { header: { kid: 'k'.repeat(100) } }],
  ['kid_unusual', { header: { kid: 'https://evil.example/key' } }, { header: { kid: 'urn:ietf:params:oauth' } }],
  ['kid_type', { header: { kid: 7 } }, { header: { kid: '7' } }],
  ['header_claim', { header: { iss: 'https://b.example' } }, { header: { iss: 'https://as.example' } }],
  [
    'alg_outdated',
    { jwe: true, header: { alg: 'RSA1_5', enc: 'A128GCM' } },
    { jwe: true, header: { alg: 'RSA-OAEP-256', enc: 'A128GCM' } },
  ],
  [
    'compressed',
    { jwe: true, header: { alg: 'dir', enc: 'A128GCM', zip: 'DEF' } },
    { jwe: true, header: { alg: 'dir', enc: 'A128GCM' } },
  ],
  [
    'rounds_few',
    { jwe: true, header: { enc: 'A128GCM', p2c: 1000 } },
    { jwe: true, header: { enc: 'A128GCM', p2c: 600_000 } },
  ],
  [
    'rounds_many',
    { jwe: true, header: { enc: 'A128GCM', p2c: 1_200_001 } },
    { jwe: true, header: { enc: 'A128GCM', p2c: 1_200_000 } },
  ],
  ['size_most', { payload: { groups: 'g'.repeat(8000) } }, { payload: { groups: 'g'.repeat(5000) } }],
  ['size_some', { payload: { groups: 'g'.repeat(5000) } }, { payload: { groups: 'g'.repeat(2000) } }],

  ['exp_before_iat', { payload: { exp: t - 60 } }, { payload: { exp: t - 59 } }],
  ['exp_before_iat', { payload: { nbf: t + 7200 } }, { payload: { nbf: t - 60 } }],
  ['exp_far', { payload: { exp: t + 30 * 86_400 } }, { payload: { exp: t + 86_340 } }],
  [
    'exp_far',
    { payload: { exp: t + 86_400 } },
    { payload: { exp: t + 30 * 86_400, typ: 'Refresh' }, header: { typ: 'JWT' } },
  ],
  ['aud_missing', { payload: { aud: [] } }, { payload: { aud: ['a'] } }],
  ['aud_missing', { payload: { aud: undefined } }, { payload: { aud: undefined }, header: { typ: 'dpop+jwt' } }],
  ['aud_any', { payload: { aud: ['https://api.example', '*'] } }, { payload: { aud: 'https://any.example' } }],
  ['iss_missing', { payload: { iss: undefined } }, {}],
  ['iss_insecure', { payload: { iss: 'http://as.example' } }, { payload: { iss: 'http://127.0.0.1:8080/a' } }],
  ['iss_insecure', { payload: { iss: 'http://localhost.evil.example' } }, { payload: { iss: 'accounts.example' } }],
  ['sub_long', { payload: { sub: 's'.repeat(256) } }, { payload: { sub: 's'.repeat(255) } }],
  ['sub_email', { payload: { sub: 'ada@example.com' } }, { payload: { sub: 'auth0|ada' } }],
  ['access_incomplete', { payload: { client_id: undefined } }, {}],
  ['nonce_missing', merged(idToken, { nonce: undefined }), idToken],
  ['azp_foreign', merged(idToken, { azp: 'other' }), merged(idToken, { azp: 'c' })],
  [
    'hash_length',
    merged(idToken, { c_hash: 'a'.repeat(43) }),
    merged(idToken, { c_hash: 'a'.repeat(43), at_hash: 'a'.repeat(43) }, { alg: 'RS512' }),
  ],

  ['secret', { payload: { user: { db_password: 'hunter2' } } }, { payload: { pwd_exp: 3600, password: '' } }],
  ['secret', { payload: { clientSecret: 'abc-def' } }, { payload: { secretary: 'Ada', passport_photo: 'x' } }],
  ['secret', { payload: { a: [`ghp_${'a1B2'.repeat(9)}`] } }, { payload: { a: ['ghp_short'] } }],
  ['secret', { payload: { url: 'postgres://u:p@db.example/x' } }, { payload: { url: 'https://u.example/p@q' } }],
  [
    'token_inside',
    { payload: { upstream: `${encode({ alg: 'none' })}.${encode({})}.c2ln` } },
    { payload: { _claim_sources: { a: { JWT: `${encode({ alg: 'none' })}.${encode({})}.c2ln` } } } },
  ],
  ['token_inside', { payload: { idp_access_token: 'gho_0123456789abcdef' } }, { payload: { token_type: 'Bearer' } }],
  ['sensitive', { payload: { card: '4111 1111 1111 1111' } }, { payload: { card: '4111 1111 1111 1112' } }],
  ['sensitive', { payload: { 'https://a.example/ssn': '078-05-1120' } }, { payload: { user_id: '4111111111111111' } }],
  ['personal', { payload: { email: 'ada@example.com' } }, merged(idToken, { email: 'ada@example.com' })],
  [
    'personal',
    { payload: { profile: { birthdate: '1815-12-10' } } },
    { payload: { email_verified: true, email: null } },
  ],
];

describe('the review', () => {
  for (const [id, bad, good] of cases) {
    const said = JSON.stringify([bad.header, bad.payload, bad.key?.code].filter(Boolean)).slice(0, 90);
    it(`${id}: ${said}, and not its neighbour`, () => {
      const found = review(bad).filter(each => each.id === id);
      assert.equal(found.length, 1, `found ${review(bad).map(each => each.id)}`);
      const row = reviewTable.find(each => each.id === id);
      assert.equal(found[0]?.severity, row?.severity);
      assert.deepEqual(
        review(good).filter(each => each.id === id),
        [],
      );
    });
  }

  it('has a pair of tokens for each row, and each row once', () => {
    const ids = reviewTable.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual([...new Set(cases.map(([id]) => id))].sort(), [...ids].sort());
  });

  it('names a section of a specification in each row', () => {
    for (const { section, id } of reviewTable)
      assert.match(section, /^(?:RFC \d{4}|OpenID Connect Core) sections? \d/, id);
  });

  it('has nothing against good tokens, and says nothing about opaque ones', () => {
    assert.deepEqual(review({}), []);
    assert.deepEqual(review(idToken), []);
    assert.deepEqual(reviewToken('opaque', decodeToken('opaque'), []), []);
  });

  it('names the worst first, and never repeats a secret', () => {
    const found = review({
      payload: { api_key: 'k-123456', email: 'ada@example.com', card: '4111111111111111', aud: undefined },
    });
    assert.deepEqual(
      found.map(({ severity, id }) => `${severity} ${id}`),
      ['error secret', 'warning aud_missing', 'warning sensitive', 'info personal'],
    );
    assert.doesNotMatch(JSON.stringify(found), /k-123456|4111|ada@/);
    assert.equal(found[0]?.found, 'api_key');
  });

  it('takes time in proportion to the token', () => {
    const hostile = (size: number) => ({
      header: { kid: 'select '.repeat(size) },
      payload: { sub: 'a@b.'.repeat(size), aud: 'x'.repeat(2 * size), n: Array(size / 10).fill('-----BEGIN ') },
    });
    /** The minimum of three runs in milliseconds of CPU time, because other work on the machine only adds time. */
    const cost = (size: number) => {
      const token = hostile(size);
      const times = [1, 2, 3].map(() => {
        const before = process.cpuUsage();
        review(token);
        const { user, system } = process.cpuUsage(before);
        return (user + system) / 1000;
      });
      return Math.min(...times);
    };
    const grown = cost(48_000) / cost(12_000);
    assert.ok(grown < 9, `${grown.toFixed(1)} times as long for 4 times the token`);
    for (const { found: text = '' } of review(hostile(48_000))) assert.ok(text.length <= 203);
  });
});
