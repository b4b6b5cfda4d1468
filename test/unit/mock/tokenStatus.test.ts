import assert from 'node:assert/strict';
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { sha256 } from '../../../src/mock/dpop.ts';
import { createMockIssuer, type MockIssuer } from '../../../src/mock/issuer.ts';
import { ask, send } from './signInSupport.ts';
import { assertError, basic, refresh, text } from './support.ts';

const frozen = Date.parse('2026-03-01T12:00:00Z');

async function make(options = {}): Promise<MockIssuer> {
  const mock = await createMockIssuer({
    alg: 'ES256',
    rotation: 'strict',
    subject: 'alice',
    clients: [{ client_id: 'demo' }, { client_id: 'api', client_secret: 'secret' }, { client_id: 'other' }],
    ...options,
  });
  mock.clock.freeze(frozen);
  return mock;
}

const about = async (mock: MockIssuer, token: unknown, client = 'demo') =>
  client === 'api'
    ? (await ask(mock, '/introspect', { token: text(token) }, basic('api', 'secret'))).body
    : (await ask(mock, '/introspect', { client_id: client, token: text(token) })).body;

const isActive = async (mock: MockIssuer, token: unknown) => (await about(mock, token)).active;

const revoke = (mock: MockIssuer, token: unknown, client_id = 'demo') =>
  send(mock, '/revoke', { client_id, token: text(token) });

describe('mock issuer: introspection (RFC 7662)', () => {
  it('describes an active token', async () => {
    const mock = await make({ refreshTokenLifetime: 100 });
    const tokens = await mock.issueTokens();
    const claims = decodeJwt(tokens.access_token);
    const active = { active: true, username: 'alice' };
    assert.deepEqual(await about(mock, tokens.access_token), { ...active, ...claims, token_type: 'Bearer' });
    assert.deepEqual(await about(mock, tokens.refresh_token), {
      ...active,
      iss: mock.issuer,
      sub: 'alice',
      client_id: 'demo',
      scope: 'openid profile offline_access',
      exp: frozen / 1000 + 100,
    });
    assert.deepEqual(await about(mock, tokens.id_token), {
      active: true,
      ...decodeJwt(text(tokens.id_token)),
    });
    assert.equal((await about(mock, tokens.access_token, 'api')).active, true);
    const bound = await mock.issueTokens({ jkt: 'x' });
    const { token_type, cnf } = await about(mock, bound.access_token);
    assert.deepEqual([token_type, cnf], ['DPoP', { jkt: 'x' }]);
  });

  it('says only that a token is not active, also if it is not for this client', async () => {
    const mock = await make();
    const tokens = await mock.issueTokens();
    const inactive = { active: false };
    for (const token of [tokens.access_token, tokens.refresh_token, tokens.id_token])
      assert.deepEqual(await about(mock, token, 'other'), inactive);
    assert.deepEqual(await about(mock, 'x'), inactive);
    assert.deepEqual(await about(mock, `${tokens.access_token}x`), inactive);
    assert.deepEqual(await about(mock, (await (await make()).issueTokens()).access_token), inactive);
    const spent = tokens.refresh_token;
    const { body } = await refresh(mock, spent);
    assert.deepEqual(await about(mock, spent), inactive);
    assert.equal(await isActive(mock, body.refresh_token), true, 'and asking about a spent one is no reuse');
    mock.clock.advance(3_600_000);
    assert.deepEqual(await about(mock, body.access_token), inactive);
    assert.deepEqual(await about(mock, body.id_token), inactive);
  });

  it('requires client authentication and a token', async () => {
    const mock = await make();
    assertError(await ask(mock, '/introspect', { client_id: 'demo' }), 400, 'invalid_request');
    assertError(await ask(mock, '/introspect', { token: 'x' }), 401, 'invalid_client');
    assertError(await ask(mock, '/introspect', { token: 'x' }, basic('api', 'no')), 401, 'invalid_client');
  });

  it('reports tokens that faults have changed as inactive', async () => {
    const mock = await make();
    const { refresh_token } = await mock.issueTokens();
    let token: unknown = refresh_token;
    for (const type of [
      'wrongSignature',
      'unknownKid',
      'wrongIss',
      'expiredAtBirth',
      'nbfInFuture',
      'algNone',
    ] as const) {
      mock.faults.next(1, { type });
      const { body } = await refresh(mock, token);
      token = body.refresh_token;
      assert.deepEqual(await about(mock, body.access_token), { active: false }, type);
    }
  });

  it('accepts tokens signed with an old key while that key is published', async () => {
    const mock = await make();
    const { access_token } = await mock.issueTokens();
    await mock.rotateKeys();
    assert.equal(await isActive(mock, access_token), true);
    await mock.rotateKeys('ES256', { dropOld: true });
    assert.equal(await isActive(mock, access_token), false);
  });
});

describe('mock issuer: revocation (RFC 7009)', () => {
  it('of a refresh token revokes its family, and introspection reports its access tokens as inactive', async () => {
    const mock = await make();
    const [first, other] = [await mock.issueTokens(), await mock.issueTokens()];
    const second = (await refresh(mock, first.refresh_token)).body;
    const response = await revoke(mock, second.refresh_token);
    assert.deepEqual([response.status, await response.text()], [200, '']);
    for (const token of [first.access_token, second.access_token, second.refresh_token])
      assert.equal(await isActive(mock, token), false);
    assertError(await refresh(mock, second.refresh_token), 400, 'invalid_grant');
    assert.equal(await isActive(mock, other.access_token), true);
    assert.equal((await revoke(mock, second.refresh_token)).status, 200, 'again');
  });

  it('of an access token revokes only that token', async () => {
    const mock = await make();
    const first = await mock.issueTokens();
    const second = (await refresh(mock, first.refresh_token)).body;
    assert.equal((await revoke(mock, first.access_token)).status, 200);
    assert.equal(await isActive(mock, first.access_token), false);
    assert.equal(await isActive(mock, second.access_token), true);
    assert.equal((await refresh(mock, second.refresh_token)).status, 200);
  });

  it('of an unknown token succeeds; of a foreign token or an ID token is rejected', async () => {
    const mock = await make();
    const tokens = await mock.issueTokens();
    assert.equal((await revoke(mock, 'never-issued')).status, 200);
    const form = { client_id: 'other', token: '' };
    assertError(await ask(mock, '/revoke', form), 400, 'invalid_request');
    for (const token of [tokens.access_token, text(tokens.refresh_token)]) {
      assertError(await ask(mock, '/revoke', { ...form, token }), 400, 'invalid_grant');
      assert.equal(await isActive(mock, token), true);
    }
    const idToken = { client_id: 'demo', token: text(tokens.id_token) };
    assertError(await ask(mock, '/revoke', idToken), 400, 'unsupported_token_type');
    mock.faults.next(1, { type: 'serverError', at: 'revocation' });
    assert.equal((await revoke(mock, tokens.refresh_token)).status, 503);
    assert.equal(await isActive(mock, tokens.access_token), true);
  });
});

describe('mock issuer: UserInfo', () => {
  const userInfo = (mock: MockIssuer, headers: Record<string, string>, method = 'GET', query = '') =>
    mock.fetch(`${mock.issuer}/userinfo${query}`, { method, headers });
  const challenge = (response: Response) => response.headers.get('www-authenticate') ?? '';

  it('returns the claims that the scope covers', async () => {
    const mock = await make();
    const claims = async (scope: string) => {
      const { access_token } = await mock.issueTokens({ scope, subject: 'zoë' });
      const headers = { authorization: `bEARER ${access_token}` };
      return (await userInfo(mock, headers, 'POST')).json();
    };
    assert.deepEqual(await claims('openid'), { sub: 'zoë' });
    assert.deepEqual(await claims('openid profile email'), {
      sub: 'zoë',
      name: 'zoë',
      preferred_username: 'zoë',
      email: 'zo%C3%AB@example.com',
      email_verified: true,
    });
  });

  it('rejects requests as RFC 6750 section 3.1 requires', async () => {
    const mock = await make();
    const tokens = await mock.issueTokens();
    const bare = await userInfo(mock, {});
    assert.equal(bare.status, 401);
    assert.match(challenge(bare), /^Bearer realm="mock issuer", DPoP realm="mock issuer", algs="RS256 /);
    assert.ok(!challenge(bare).includes('error'), 'no error where nothing was tried');
    const cases: [string, number, string][] = [
      ['Bearer', 400, 'invalid_request'],
      ['Bearer x', 401, 'invalid_token'],
      [`Bearer ${tokens.refresh_token}`, 401, 'invalid_token'],
      [`Bearer ${tokens.id_token}`, 401, 'invalid_token'],
      [`DPoP ${tokens.access_token}`, 401, 'invalid_token'],
      [`Bearer ${(await mock.issueTokens({ jkt: 'x' })).access_token}`, 401, 'invalid_token'],
      [`Bearer ${(await mock.issueTokens({ scope: 'api' })).access_token}`, 403, 'insufficient_scope'],
    ];
    for (const [authorization, status, error] of cases) {
      const response = await userInfo(mock, { authorization });
      assert.equal(response.status, status, authorization);
      assert.ok(challenge(response).includes(`error="${error}"`), challenge(response));
    }
    mock.clock.advance(3_600_000);
    const late = await userInfo(mock, { authorization: `Bearer ${tokens.access_token}` });
    assert.match(challenge(late), /error="invalid_token", error_description="This access token has expired/);
  });

  it('accepts the token in the form of a POST, and only one token (RFC 6750 sections 2.2 and 3.1)', async () => {
    const mock = await make();
    const { access_token } = await mock.issueTokens({ subject: 'zoë', scope: 'openid' });
    const header = { authorization: `Bearer ${access_token}` };
    const sent = `access_token=${access_token}`;
    const post = (body: string, headers: Record<string, string> = {}, path = '/userinfo') =>
      mock.fetch(mock.issuer + path, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8', ...headers },
        body,
      });

    const accepted = await post(sent);
    assert.equal(accepted.status, 200);
    assert.deepEqual(await accepted.json(), { sub: 'zoë' });
    assert.equal((await post('', header)).status, 200, 'an empty form beside the header');
    const { form } = mock.requests[0] ?? {};
    assert.match(form?.access_token ?? '', /^[0-9a-f]{16}$/, 'a fingerprint in the request log');

    const refusals: [string, Promise<Response>, number, string][] = [
      ['header too', post(sent, header), 400, 'invalid_request'],
      ['header without a token too', post(sent, { authorization: 'Bearer' }), 400, 'invalid_request'],
      ['twice', post(`${sent}&${sent}`), 400, 'invalid_request'],
      ['query too', post(sent, {}, `/userinfo?${sent}`), 400, 'invalid_request'],
      ['header and query', userInfo(mock, header, 'GET', `?${sent}`), 400, 'invalid_request'],
      ['not a token', post('access_token=x'), 401, 'invalid_token'],
      [
        'bound to a key',
        post(`access_token=${(await mock.issueTokens({ jkt: 'x' })).access_token}`),
        401,
        'invalid_token',
      ],
    ];
    for (const [name, asked, status, error] of refusals) {
      const response = await asked;
      assert.equal(response.status, status, name);
      assert.ok(challenge(response).startsWith(`Bearer realm="mock issuer", error="${error}"`), challenge(response));
    }
    const ignored: [string, Promise<Response>][] = [
      ['no value', post('access_token=')],
      ['another content type', post(sent, { 'content-type': 'text/plain' })],
      ['a query alone', userInfo(mock, {}, 'GET', `?${sent}`)],
      ['another endpoint', post(sent, {}, '/api')],
    ];
    for (const [name, asked] of ignored) {
      const response = await asked;
      assert.equal(response.status, 401, name);
      assert.ok(!challenge(response).includes('error='), name);
    }
  });

  it('accepts a bound token only with a proof that contains its hash (RFC 9449 section 7)', async () => {
    const mock = await make({ dpopNonce: 'required' });
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const jwk = await exportJWK(publicKey);
    const { access_token } = await mock.issueTokens({ jkt: await calculateJwkThumbprint(jwk) });
    const ask = async (claims: object, key = privateKey, header = jwk) => {
      const usual = {
        htm: 'GET',
        htu: `${mock.issuer}/userinfo`,
        iat: frozen / 1000,
        jti: crypto.randomUUID(),
      };
      const dpop = await new SignJWT({ ...usual, ath: await sha256(access_token), ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: header })
        .sign(key);
      return userInfo(mock, { authorization: `DPoP ${access_token}`, dpop });
    };
    const first = await ask({});
    assert.equal(first.status, 401);
    assert.match(challenge(first), /^DPoP realm="mock issuer", error="use_dpop_nonce", .*algs="RS256 PS256 ES256/);
    const nonce = first.headers.get('dpop-nonce');
    assert.equal((await ask({ nonce })).status, 200);
    assert.match(challenge(await ask({ nonce, ath: undefined })), /invalid_dpop_proof/);
    assert.match(challenge(await ask({ nonce, ath: await sha256('another') })), /invalid_dpop_proof/);
    assert.match(challenge(await ask({ nonce, htm: 'POST' })), /invalid_dpop_proof/);
    const other = await generateKeyPair('ES256');
    const bound = await ask({ nonce }, other.privateKey, await exportJWK(other.publicKey));
    assert.match(challenge(bound), /error="invalid_token"/);
    const unproven = await userInfo(mock, { authorization: `DPoP ${access_token}` });
    assert.match(challenge(unproven), /invalid_dpop_proof/);
  });

  it('can return wrong values with a fault', async () => {
    const mock = await make();
    const { access_token } = await mock.issueTokens();
    mock.faults.next(1, { type: 'member', name: 'sub', value: 'mallory', at: 'userinfo' });
    const response = await userInfo(mock, { authorization: `Bearer ${access_token}` });
    assert.equal((await response.json()).sub, 'mallory');
  });
});
