import assert from 'node:assert/strict';
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { VerificationPolicy } from '../../../../src/core/checks/finding.ts';
import { parseKeySet } from '../../../../src/core/checks/keySets.ts';
import type { KeySource } from '../../../../src/core/checks/signatures.ts';
import { createVerifier, verifyToken } from '../../../../src/core/checks/verifier.ts';
import { createDiscovery } from '../../../../src/core/issuer/discovery.ts';
import type { Session } from '../../../../src/core/records/sessions.ts';
import { memberAsWritten } from '../../../../src/core/tokens/json.ts';
import { decodeToken, membersOf } from '../../../../src/core/tokens/jwt.ts';
import { compareTokens } from '../../../../src/core/tokens/tokenUse.ts';
import { manualClock } from '../../../support/manualClock.ts';
import { selfSigned } from '../../../support/selfSigned.ts';
import { encode, hmacJwt, jwt, signer, signerOf } from '../../../support/signing.ts';

/** Tokens and key sets found in the field, each with the report that it comes from. */
const now = Date.UTC(2030, 0, 1);
const t = now / 1000;
const rs256 = signer('RS256', 'k1');
const es256 = signer('ES256', 'k1');
const certified = signerOf(
  'ES256',
  { privateKey: createPrivateKey(selfSigned.key), publicKey: createPublicKey(selfSigned.key) },
  'k1',
);
const claims = { iss: 'https://issuer.example', sub: 'u-1', aud: 'api', iat: t - 60, exp: t + 300 };
const github = (report: string) => `https://github.com/${report.replace('#', '/issues/')}`;
const given = (key: { readonly pem: string }): KeySource => ({ kind: 'key', text: key.pem });

async function outcome(token: string, source: KeySource, policy: VerificationPolicy = {}) {
  const { verified, checks } = await verifyToken(token, policy, source, now);
  const codes = checks.filter(({ status }) => status !== 'passed' && status !== 'skipped');
  return { verified, said: codes.map(({ id, status, code }) => `${id} ${status}: ${code}`) };
}

/** The result for a token with a key set that is fetched from an address. */
async function published(token: string, answer: unknown) {
  const clock = manualClock(now);
  const fetch = async () => new Response(JSON.stringify(answer));
  const verifier = createVerifier({ fetch, clock, discovery: createDiscovery({ fetch, clock }) });
  const { verified, checks } = await verifier.verify({ token, jwksUri: 'https://issuer.example/keys' });
  return { verified, key: checks.find(({ id }) => id === 'key')?.code };
}

describe('tokens and key sets from the field', () => {
  const { kid: _, alg: __, ...bare } = rs256.jwk;

  it(`a key set of certificates under their kid (${github('potatosalad/erlang-jose#30')})`, async () => {
    const certificate = selfSigned.cert;
    const token = jwt(certified, claims, { kid: 'c1' });
    assert.deepEqual(await published(token, { c0: certificate, c1: certificate }), { verified: true, key: 'key_ok' });
    assert.deepEqual(await published(token, { c1: certified.pem }), { verified: true, key: 'key_ok' });
    assert.equal((await published(token, { c1: 'no certificate' })).verified, false);
  });

  it(`keys of a set that have no kid (${github('GluuFederation/oxd#555')})`, async () => {
    assert.deepEqual(await published(jwt(rs256, claims), { keys: [bare] }), { verified: true, key: 'kid_absent' });
    const stranger = signer('RS256', 'k1', 1);
    assert.equal((await published(jwt(stranger, claims), { keys: [bare] })).verified, false);
  });

  it(`numbers of a key in plain base64 (${github('cloudfoundry/uaa#424')})`, async () => {
    const n = Buffer.from(String(rs256.jwk.n), 'base64url').toString('base64');
    assert.match(n, /=$/);
    const token = jwt(rs256, claims);
    assert.deepEqual(await published(token, { keys: [{ ...rs256.jwk, n }] }), { verified: true, key: 'key_base64' });
  });

  // RFC 7517 sections 4 and 5 in other words. None of it changes which key it is.
  const { kid: _____, ...unnamed } = rs256.jwk;
  const p256 = (more: object) => ({ keys: [{ ...es256.jwk, ...more }] });
  for (const [name, answer, by] of [
    ['an array', [rs256.jwk], rs256],
    ['keys as an object by kid', { keys: { k0: signer('RS256', 'k0', 1).jwk, k1: unnamed } }, rs256],
    ['an object by kid', { k0: signer('RS256', 'k0', 1).jwk, k1: unnamed }, rs256],
    ['keys as a single key', { keys: rs256.jwk }, rs256],
    ['n with line breaks', { keys: [{ ...rs256.jwk, n: String(rs256.jwk.n).replace(/.{64}/g, '$&\r\n') }] }, rs256],
    ['x with a line break', p256({ x: String(es256.jwk.x).replace(/.{20}/, '$&\n') }), es256],
    ['kty in lower case', { keys: [{ ...rs256.jwk, kty: 'rsa' }] }, rs256],
    ['alg in lower case', { keys: [{ ...rs256.jwk, alg: 'rs256' }] }, rs256],
    ['crv in lower case', p256({ crv: 'p-256' }), es256],
    ['crv by another name', p256({ crv: 'secp256r1' }), es256],
    ['use in capitals', { keys: [{ ...rs256.jwk, use: 'SIG' }] }, rs256],
    ['use as a word', { keys: [{ ...rs256.jwk, use: 'signature' }] }, rs256],
    ['key_ops as text', { keys: [{ ...rs256.jwk, key_ops: 'verify' }] }, rs256],
    ['no key_ops', { keys: [{ ...rs256.jwk, key_ops: [] }] }, rs256],
    ['a PEM in a member (UAA)', { keys: [{ kty: 'RSA', kid: 'k1', value: rs256.pem }] }, rs256],
    ['a PEM under another name', { keys: [{ kid: 'k1', publicKey: rs256.pem }] }, rs256],
    ['a string with the set in it', JSON.stringify({ keys: [{ ...rs256.jwk, kty: 'Rsa' }] }), rs256],
    [
      'the page of a realm (Keycloak)',
      { realm: 'demo', public_key: rs256.pem.replace(/-----[^-]+-----|\s/g, '') },
      rs256,
    ],
  ] as const) {
    it(`a key set written as ${name}, with a warning`, async () => {
      assert.deepEqual(await published(jwt(by, claims), answer), {
        verified: true,
        key: 'key_respelled',
      });
    });
  }

  it('a number as kid', async () => {
    const set = {
      keys: [
        { ...signer('RS256', '8', 1).jwk, kid: 8 },
        { ...unnamed, kid: 7 },
      ],
    };
    const token = jwt(rs256, claims, { kid: '7' });
    assert.deepEqual(await published(token, set), { verified: true, key: 'key_respelled' });
    assert.equal((await published(jwt(rs256, claims, { kid: 7 }), set)).verified, false);
  });

  it('a key set behind a guard or a mark, in a call (JSONP), in an envelope, or as PEM', () => {
    const json = JSON.stringify({ keys: [rs256.jwk] });
    const empty = `for(;;);${json}`;
    for (const name of ['jwks', 'data', 'result', 'response'])
      assert.equal(parseKeySet(`{"${name}":${json}}`, 'jwks_uri').keys.length, 1, name);
    assert.equal(parseKeySet(`\ufeff${json}`, 'given').keys.length, 1);
    for (const text of [`)]}'\n${json}`, empty, `callback(${json});`, `/**/ jQuery.cb_1( ${json} )`, rs256.pem])
      assert.equal(parseKeySet(text, 'jwks_uri').keys.length, 1, text.slice(0, 20));
    assert.equal(parseKeySet(`${selfSigned.cert}\n${es256.pem}`, 'jwks_uri').keys.length, 2);
    for (const text of ['callback()', 'callback(', `callback(${json}`, 'x(1)'])
      assert.throws(() => parseKeySet(text, 'jwks_uri'), { data: { reason: 'not_json' } });
  });

  it('the key of a proof, which has to be written as RFC 7517 says', async () => {
    const { kid: ___, alg: ____, ...jwk } = es256.jwk;
    const proof = { jti: 'j', htm: 'GET', htu: 'https://api.example', iat: t };
    const look = (crv: string) =>
      outcome(jwt(es256, proof, { typ: 'dpop+jwt', jwk: { ...jwk, crv } }), { kind: 'none' });
    assert.equal((await look('P-256')).verified, true);
    assert.equal((await look('p-256')).verified, false);
  });

  it('a proof or a key binding with a nonce, which is no ID token (RFC 9901 section 4.3, OpenID4VCI)', async () => {
    const clock = manualClock(now);
    const fetch = async () => new Response('{}');
    const verifier = createVerifier({ fetch, clock, discovery: createDiscovery({ fetch, clock }) });
    for (const typ of ['kb+jwt', 'openid4vci-proof+jwt']) {
      const token = jwt(es256, { iat: t, aud: 'https://v.example', nonce: 'n', sd_hash: 'x' }, { typ });
      const { verified, checks } = await verifier.verify({ token, key: es256.pem });
      assert.deepEqual([verified, checks.filter(({ status }) => status === 'failed')], [true, []], typ);
    }
  });

  it('an audience that is almost the expected one: a slash, or the other name of an API at Entra', async () => {
    const id = '11111111-2222-3333-4444-555555555555';
    const said = async (aud: unknown, audience: string) =>
      (await outcome(jwt(rs256, { ...claims, aud }), given(rs256), { audience })).said;
    assert.deepEqual(await said('https://api.example/', 'https://api.example'), ['aud failed: aud_slash']);
    assert.deepEqual(await said(['x', `api://${id}`], id), ['aud failed: aud_api']);
    assert.deepEqual(await said(id, `api://${id}`), ['aud failed: aud_api']);
    assert.deepEqual(await said('api://orders', 'orders'), ['aud failed: mismatch']);
  });

  it('a set in an envelope, and a key alone', async () => {
    const token = jwt(rs256, claims);
    for (const answer of [{ jwks: { keys: [rs256.jwk] } }, { data: { keys: [rs256.jwk] } }, rs256.jwk])
      assert.deepEqual(await published(token, answer), { verified: true, key: 'key_ok' });
    assert.equal((await published(token, { data: { keys: 'none' } })).verified, false);
  });

  it('a key that is its certificate alone (RFC 7517 section 4.7)', async () => {
    const x5c = [selfSigned.cert.replace(/-----[^-]+-----|\s/g, '')];
    assert.equal((await published(jwt(certified, claims), { keys: [{ kty: 'EC', kid: 'k1', x5c }] })).verified, true);
    assert.equal((await published(jwt(es256, claims), { keys: [{ kid: 'k1', x5c: [7] }] })).verified, false);
  });

  it(`a token for Microsoft Graph (${github('justinlettau/azure-ad-verify-token#5')})`, async () => {
    const nonce = 'AQABAAAAAAq7x2Yk';
    const iss = 'https://sts.windows.net/11111111-2222-3333-4444-555555555555/';
    const head = (value: string) => encode({ typ: 'JWT', nonce: value, alg: 'RS256', kid: 'k1' });
    const body = encode({ ...claims, iss, aud: '00000003-0000-0000-c000-000000000000' });
    const hashed = head(createHash('sha256').update(nonce).digest('base64url'));
    const signature = sign('sha256', Buffer.from(`${hashed}.${body}`), rs256.privateKey).toString('base64url');
    assert.deepEqual(await outcome(`${head(nonce)}.${body}.${signature}`, given(rs256)), {
      verified: false,
      said: ['signature failed: signature_recipient'],
    });
  });

  it('an access token of an Okta org authorization server (developer.okta.com, validate access tokens)', async () => {
    const token = jwt(signer('RS256', 'k2'), { ...claims, iss: 'https://example.okta.com', cid: 'c', scp: ['openid'] });
    const { said } = await outcome(token, { kind: 'jwks', keys: { keys: [rs256.jwk] } });
    assert.deepEqual(said, ['signature failed: signature_recipient']);
  });

  it(`an ES256 signature in DER (${github('auth0/java-jwt#187')})`, async () => {
    const input = `${encode({ alg: 'ES256' })}.${encode(claims)}`;
    const der = sign('sha256', Buffer.from(input), es256.privateKey).toString('base64url');
    assert.deepEqual((await outcome(`${input}.${der}`, given(es256))).said, ['signature failed: signature_der']);
    const cut = jwt(es256, claims).slice(0, -10);
    assert.ok((await outcome(cut, given(es256))).said.includes('signature failed: signature_length'));
  });

  it(`the v1.0 name of an Entra tenant (${github('AzureAD/microsoft-authentication-library-for-python#600')})`, async () => {
    const tenant = '11111111-2222-3333-4444-555555555555';
    const issuer = `https://login.microsoftonline.com/${tenant}/v2.0`;
    const token = (of: string) => jwt(rs256, { ...claims, iss: `https://sts.windows.net/${of}/`, ver: '1.0' });
    assert.deepEqual(await outcome(token(tenant), given(rs256), { issuer }), {
      verified: false,
      said: ['iss failed: issuer_v1'],
    });
    const other = await outcome(token('99999999-2222-3333-4444-555555555555'), given(rs256), { issuer });
    assert.deepEqual(other.said, ['iss failed: mismatch']);
  });

  it(`the issuer of several Entra tenants (${github('panva/openid-client#893')})`, async () => {
    const tid = '11111111-2222-3333-4444-555555555555';
    const issuer = 'https://login.microsoftonline.com/{tenantid}/v2.0';
    const iss = issuer.replace('{tenantid}', tid);
    assert.equal((await outcome(jwt(rs256, { ...claims, iss, tid }), given(rs256), { issuer })).verified, true);
    const forged = jwt(rs256, { ...claims, iss: 'https://evil.example/v2.0', tid });
    assert.equal((await outcome(forged, given(rs256), { issuer })).verified, false);
    const without = jwt(rs256, { ...claims, iss, tid: '../x' });
    assert.equal((await outcome(without, given(rs256), { issuer })).verified, false);
  });

  it('the two names of Google (developers.google.com, OpenID Connect)', async () => {
    const token = jwt(rs256, { ...claims, iss: 'accounts.google.com' });
    assert.deepEqual(await outcome(token, given(rs256), { issuer: 'https://accounts.google.com' }), {
      verified: true,
      said: ['iss warning: issuer_alias'],
    });
    assert.equal((await outcome(token, given(rs256), { issuer: 'https://accounts.google.com.evil' })).verified, false);
  });

  it(`an access token of Cognito, which has no aud (${github('PrefectHQ/fastmcp#3739')})`, async () => {
    const { aud: ___, ...others } = claims;
    const token = jwt(rs256, { ...others, token_use: 'access', client_id: 'client-1' });
    assert.equal((await outcome(token, given(rs256), { audience: 'client-1' })).verified, true);
    assert.deepEqual((await outcome(token, given(rs256), { audience: 'client-2' })).said, [
      'aud failed: aud_client_id',
    ]);
    const plain = jwt(rs256, { ...others, client_id: 'client-1' });
    assert.deepEqual((await outcome(plain, given(rs256), { audience: 'client-1' })).said, ['aud failed: missing']);
  });

  it(`x-amzn-oidc-data with padding (${github('awsdocs/elb-application-load-balancers-user-guide#42')})`, async () => {
    const padded = (value: object) =>
      Buffer.from(JSON.stringify(value)).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    const input = `${padded({ typ: 'JWT', kid: 'k1', alg: 'ES256' })}.${padded({ ...claims, email: 'ada@example.co' })}`;
    assert.match(input, /=/);
    const signature = sign('sha256', Buffer.from(input), { key: es256.privateKey, dsaEncoding: 'ieee-p1363' });
    const token = `${input}.${signature.toString('base64')}`;
    const decoded = decodeToken(token);
    assert.ok(decoded.kind === 'jws' && decoded.warnings.some(({ code }) => code === 'base64'));
    assert.equal(decoded.payload.sub, 'u-1');
    assert.deepEqual(await outcome(token, given(es256)), {
      verified: true,
      said: ['encoding warning: encoding_base64'],
    });
    const changed = `${padded({ typ: 'JWT', kid: 'k1', alg: 'ES256' })}.${padded({ ...claims, sub: 'root' })}`;
    assert.equal((await outcome(`${changed}.${signature.toString('base64')}`, given(es256))).verified, false);
  });

  it(`a payload in Latin-1 (${github('auth0/node-jws#17')})`, async () => {
    const decoded = decodeToken(jwtOver(Buffer.from(JSON.stringify({ ...claims, name: 'Zoë' }), 'latin1')));
    assert.ok(decoded.kind === 'jws');
    assert.equal(decoded.payload.name, 'Zoë');
    assert.deepEqual(decoded.warnings, [{ code: 'not_utf8', part: 'payload' }]);
  });

  it(`numbers beyond 2^53 (${github('jsonwebtoken/jsonwebtoken.github.io#450')})`, async () => {
    const token = (uid: string) => jwtOver(Buffer.from(`{"sub":"u-1","exp":${t + 300},"a":{"uid":[${uid}]}}`));
    const [one, other] = [decodeToken(token('9007199254740993')), decodeToken(token('9007199254740992'))];
    assert.deepEqual(
      one.warnings.map(({ code, path, found }) => [code, path, found]),
      [['number_rounded', '/a/uid/0', '9007199254740993']],
    );
    assert.deepEqual(memberAsWritten(membersOf(one, 'payload'), 'a'), { uid: ['9007199254740993'] });
    assert.deepEqual(
      compareTokens(one, other).map(({ name }) => name),
      ['a'],
    );
    assert.deepEqual(compareTokens(one, decodeToken(token('9007199254740993'))), []);
    assert.deepEqual((await outcome(token('9007199254740993'), given(rs256))).said, [
      'numbers warning: number_rounded',
    ]);
  });

  it(`a token that was copied without its signature (${github('DevToys-app/DevToys#1032')})`, async () => {
    const decoded = decodeToken(jwt(rs256, claims).replace(/\.[^.]+$/, ''));
    assert.ok(decoded.kind === 'jws');
    assert.equal(decoded.payload.sub, 'u-1');
    assert.deepEqual(decoded.warnings, [{ code: 'cut', part: 'signature' }]);
  });

  it('a DPoP proof, with the key that it brings (RFC 9449 section 4.2)', async () => {
    const jwk = { kty: 'EC', crv: 'P-256', x: es256.jwk.x, y: es256.jwk.y };
    const proof = { jti: 'j1', htm: 'POST', htu: 'https://as.example/token', iat: t };
    const token = (payload: object, header: object = {}) =>
      jwt(es256, payload, { typ: 'dpop+jwt', kid: undefined, jwk, ...header });
    const said = async (text: string, policy: VerificationPolicy = {}) => outcome(text, { kind: 'none' }, policy);
    assert.deepEqual(await said(token(proof)), {
      verified: true,
      said: ['key warning: proof_key', 'exp warning: missing'],
    });
    const ath = createHash('sha256').update('at').digest('base64url');
    assert.equal((await said(token({ ...proof, ath }), { accessToken: 'at' })).verified, true);
    for (const [text, reason] of [
      [token({ ...proof, htu: 'https://as.example/token?a=1' }), 'proof failed: proof_address'],
      [token({ ...proof, jti: undefined }), 'claims failed: claims_missing'],
      [token({ ...proof, ath: 'other' }), 'proof failed: hash_mismatch'],
      [token(proof, { jwk: undefined }), 'proof failed: proof_key_missing'],
      [token(proof, { jwk: { kty: 'oct', k: 'AAAA' } }), 'proof failed: hash_mismatch'],
      [token(proof, { jwk: signer('ES256').jwk }), 'signature failed: signature_invalid'],
    ] as const) {
      const { verified, said: found } = await said(text, { accessToken: 'at' });
      assert.equal(verified, false);
      assert.ok(found.includes(reason), `${reason}: ${found}`);
    }
    assert.ok((await said(token({ ...proof, iat: t - 3600 }))).said.includes('proof warning: proof_old'));
  });

  it('content that is kept apart (RFC 7515 appendix F, RFC 7797)', async () => {
    const clock = manualClock(now);
    const fetch = async () => new Response('{}');
    const verifier = createVerifier({ fetch, clock, discovery: createDiscovery({ fetch, clock }) });
    const content = '{"amount": 1.00, "to": "ada.b"}\n';
    const detached = jwt(es256, content).replace(/\.[^.]+\./, '..');
    const head = encode({ alg: 'ES256', b64: false, crit: ['b64'] });
    const raw = sign('sha256', Buffer.from(`${head}.${content}`), { key: es256.privateKey, dsaEncoding: 'ieee-p1363' });
    for (const token of [detached, `${head}..${raw.toString('base64url')}`]) {
      const look = (payload: string) => verifier.verify({ token, key: es256.pem, payload });
      assert.equal((await look(content)).checks.find(({ id }) => id === 'signature')?.status, 'passed');
      assert.equal((await look(`${content} `)).checks.find(({ id }) => id === 'signature')?.status, 'failed');
    }
    // The bytes of any file, which are not text.
    const bytes = Uint8Array.from({ length: 300 }, (_, at) => at * 7);
    const bare = sign('sha256', Buffer.concat([Buffer.from(`${head}.`), bytes]), {
      key: es256.privateKey,
      dsaEncoding: 'ieee-p1363',
    });
    const plain = encode({ alg: 'ES256' });
    const input = `${plain}.${Buffer.from(bytes).toString('base64url')}`;
    const plainSignature = sign('sha256', Buffer.from(input), { key: es256.privateKey, dsaEncoding: 'ieee-p1363' });
    const encoded = `${plain}..${plainSignature.toString('base64url')}`;
    for (const token of [encoded, `${head}..${bare.toString('base64url')}`]) {
      const look = async (payload: Uint8Array) =>
        (await verifier.verify({ token, key: es256.pem, payload })).checks.find(({ id }) => id === 'signature')?.status;
      assert.deepEqual([await look(bytes), await look(bytes.subarray(1))], ['passed', 'failed']);
    }
    // A JWT must not leave its claims unencoded.
    const jwtHead = encode({ alg: 'ES256', typ: 'JWT', b64: false, crit: ['b64'] });
    const forged = await verifier.verify({ token: `${jwtHead}..AAAA`, key: es256.pem, payload: content });
    assert.equal(forged.checks.find(({ id }) => id === 'b64')?.code, 'b64_false');
  });

  it('an ID token under HMAC with the secret of the client (OpenID Connect Core section 10.1)', async () => {
    const clock = manualClock(now);
    const fetch = async () => new Response('{}');
    const verifier = createVerifier({ fetch, clock, discovery: createDiscovery({ fetch, clock }) });
    const secret = 'the secret of a client, thirty-two long';
    const connection = { id: 'demo', issuer: claims.iss, clientId: 'api' } as Session['connection'];
    const look = (client_secret: string | undefined) => {
      const tokens = { id_token: hmacJwt(secret, claims), access_token: 'a', obtained_at: now };
      const session = { connection, record: { client_secret, tokens } } as unknown as Session;
      return verifier.verifySession(connection, 'id_token', session);
    };
    assert.equal((await look(secret)).verified, true);
    assert.equal((await look(`${secret}!`)).verified, false);
    assert.equal((await look(undefined)).verified, false);
  });
});

/** A signature over bytes that need not be JSON in UTF-8. */
function jwtOver(payload: Buffer): string {
  const input = `${encode({ alg: 'RS256', kid: 'k1' })}.${payload.toString('base64url')}`;
  return `${input}.${sign('sha256', Buffer.from(input), rs256.privateKey).toString('base64url')}`;
}
