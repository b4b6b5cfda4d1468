import assert from 'node:assert/strict';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { createMockIssuer } from '../../../src/mock/issuer.ts';
import { assertError, basic, post, refresh, text } from './support.ts';

const frozen = Date.parse('2026-03-01T12:00:00Z');
/** Version 4 of RFC 9562. */
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('mock issuer: token endpoint', () => {
  it('refreshes: RFC 6749 response, RFC 9068 access token, OpenID Connect ID token', async () => {
    const mock = await createMockIssuer({
      alg: 'ES256',
      subject: 'alice',
      audience: 'urn:api',
      accessTokenLifetime: 300,
    });
    mock.clock.freeze(frozen);
    const first = await mock.issueTokens({ nonce: 'n-1' });
    mock.clock.advance(60_000);
    const { status, headers, body } = await refresh(mock, first.refresh_token);

    assert.equal(status, 200);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal(headers.get('content-type'), 'application/json');
    assert.equal(headers.get('date'), 'Sun, 01 Mar 2026 12:01:00 GMT');
    assert.equal(headers.get('access-control-allow-origin'), null);
    assert.deepEqual(Object.keys(body).sort(), [
      'access_token',
      'expires_in',
      'id_token',
      'refresh_token',
      'scope',
      'token_type',
    ]);
    assert.equal(body.token_type, 'Bearer');
    assert.equal(body.expires_in, 300);
    assert.equal(body.scope, 'openid profile offline_access');

    const now = frozen / 1000 + 60;
    const { kid } = mock.jwks().keys[0] ?? {};
    const access = text(body.access_token);
    assert.deepEqual(decodeProtectedHeader(access), { alg: 'ES256', typ: 'at+jwt', kid });
    const { jti, ...claims } = decodeJwt(access);
    assert.deepEqual(claims, {
      iss: 'https://issuer.example',
      sub: 'alice',
      aud: 'urn:api',
      client_id: 'demo',
      scope: 'openid profile offline_access',
      iat: now,
      exp: now + 300,
    });

    const { sid, auth_time, nonce } = decodeJwt(text(first.id_token));
    assert.match(text(jti), uuid);
    assert.equal(text(jti).slice(0, 18), sid);
    assert.notEqual(jti, decodeJwt(first.access_token).jti);
    assert.equal(nonce, 'n-1');
    const { at_hash, ...idClaims } = decodeJwt(text(body.id_token));
    assert.equal(text(at_hash).length, 22);
    assert.deepEqual(
      idClaims,
      { iss: mock.issuer, sub: 'alice', aud: 'demo', azp: 'demo', sid, auth_time, iat: now, exp: now + 3600 },
      'iss, sub, aud, azp and auth_time as before, no nonce, new times (OpenID Connect Core section 12.2)',
    );
    assert.equal(auth_time, frozen / 1000);
  });

  it('issues an ID token only if openid was granted and requested', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    const plain = await mock.issueTokens({ scope: 'offline_access api' });
    assert.equal(plain.id_token, undefined);
    assert.equal((await refresh(mock, plain.refresh_token)).body.id_token, undefined);
    const both = await mock.issueTokens({ scope: 'openid api' });
    const narrowed = await refresh(mock, both.refresh_token, { scope: 'api' });
    assert.equal(narrowed.body.id_token, undefined);
    assert.equal(narrowed.body.scope, 'api');
    assert.equal(decodeJwt(text(narrowed.body.access_token)).scope, 'api');
    const again = await refresh(mock, narrowed.body.refresh_token);
    assert.equal(again.body.scope, 'openid api', 'narrowing one access token does not narrow the grant');
  });

  it('rejects a wider scope than was granted, without rotation', async () => {
    const mock = await createMockIssuer({ alg: 'ES256', rotation: 'strict' });
    const { refresh_token } = await mock.issueTokens({ scope: 'api' });
    assertError(await refresh(mock, refresh_token, { scope: 'api admin' }), 400, 'invalid_scope');
    assert.equal((await refresh(mock, refresh_token)).status, 200);
  });

  it('rejects unknown, foreign, expired and revoked refresh tokens, each with its reason', async () => {
    const mock = await createMockIssuer({
      alg: 'ES256',
      clients: [{ client_id: 'demo' }, { client_id: 'other' }],
      refreshTokenLifetime: 60,
    });
    mock.clock.freeze(frozen);
    const reason = async (token: unknown, client = 'demo') => {
      const answer = await refresh(mock, token, { client_id: client });
      assertError(answer, 400, 'invalid_grant');
      return answer.body.error_description;
    };
    const { refresh_token, refresh_expires_in } = await mock.issueTokens();
    assert.equal(refresh_expires_in, 60);
    assert.match(text(await reason('never-issued')), /unknown/);
    assert.match(text(await reason(refresh_token, 'other')), /another client/);
    mock.clock.advance(59_999);
    assert.equal((await refresh(mock, refresh_token)).status, 200);
    mock.clock.advance(1);
    assert.match(text(await reason(refresh_token)), /expired/);
    const second = await mock.issueTokens();
    mock.revokeAll();
    assert.match(text(await reason(second.refresh_token)), /revoked/);
    assert.equal((await refresh(mock, (await mock.issueTokens()).refresh_token)).status, 200);
  });

  it('grants client credentials to a confidential client, with no refresh token and no ID token', async () => {
    const mock = await createMockIssuer({ alg: 'ES256', scope: 'openid api' });
    const client = mock.clients[1];
    const { status, body } = await post(
      mock,
      { grant_type: 'client_credentials' },
      basic('demo-confidential', text(client?.client_secret)),
    );
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(body).sort(), ['access_token', 'expires_in', 'scope', 'token_type']);
    const { sub, client_id, scope, jti } = decodeJwt(text(body.access_token));
    assert.deepEqual(
      { sub, client_id, scope },
      { sub: 'demo-confidential', client_id: 'demo-confidential', scope: 'api' },
    );
    assert.match(text(jti), uuid);
    const widened = { grant_type: 'client_credentials', scope: 'api admin' };
    assertError(
      await post(mock, widened, basic('demo-confidential', text(client?.client_secret))),
      400,
      'invalid_scope',
    );
    assertError(await post(mock, { grant_type: 'client_credentials', client_id: 'demo' }), 400, 'unauthorized_client');
  });

  describe('client authentication', () => {
    const secret = 'p:ä s+%/';
    const encode = (part: string) => new URLSearchParams({ '': part }).toString().slice(1);
    const make = () =>
      createMockIssuer({
        alg: 'ES256',
        clients: [
          { client_id: 'demo' },
          { client_id: 'a:b c', client_secret: secret },
          { client_id: 'poster', client_secret: secret, token_endpoint_auth_method: 'client_secret_post' },
        ],
      });
    const form = { grant_type: 'client_credentials', scope: '' };

    it('client_secret_basic: both parts form-urlencoded (RFC 6749 section 2.3.1)', async () => {
      const mock = await make();
      const right = basic(encode('a:b c'), encode(secret));
      assert.equal((await post(mock, form, right)).status, 200);
      assert.equal((await post(mock, { ...form, client_id: 'a:b c' }, right)).status, 200);
      assert.equal(
        (await post(mock, form, { authorization: right.authorization.replace('Basic', 'bAsIc') })).status,
        200,
      );
    });

    it('client_secret_post', async () => {
      const mock = await make();
      assert.equal((await post(mock, { ...form, client_id: 'poster', client_secret: secret })).status, 200);
    });

    it('invalid credentials: 401 invalid_client, with a challenge if Basic was used', async () => {
      const mock = await make();
      const basics = {
        'wrong secret': basic(encode('a:b c'), 'no'),
        'unknown client': basic('nobody', 'x'),
        'not encoded': basic('a%zz', 'x'),
        'no colon': { authorization: `Basic ${btoa('ab')}` },
        'not base64': { authorization: 'Basic ???' },
        'not Basic': { authorization: 'Bearer abc' },
        'registered with post': basic('poster', encode(secret)),
        'registered with none': basic('demo', 'x'),
      };
      for (const [name, headers] of Object.entries(basics)) {
        const answer = await post(mock, form, headers);
        assertError(answer, 401, 'invalid_client');
        assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic realm=/, name);
      }
      const bodies = [
        {},
        { client_id: 'nobody' },
        { client_id: 'poster' },
        { client_id: 'poster', client_secret: 'no' },
        { client_id: 'a:b c', client_secret: secret },
        { client_id: 'demo', client_secret: 'x' },
      ];
      for (const body of bodies) {
        const answer = await post(mock, { ...form, ...body });
        assertError(answer, 401, 'invalid_client');
        assert.equal(answer.headers.get('www-authenticate'), null);
      }
    });

    it('two methods or two clients in one request: invalid_request', async () => {
      const mock = await make();
      const right = basic(encode('a:b c'), encode(secret));
      assertError(await post(mock, { ...form, client_secret: secret }, right), 400, 'invalid_request');
      assertError(await post(mock, { ...form, client_id: 'demo' }, right), 400, 'invalid_request');
    });
  });

  it('rejects malformed requests', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    const { refresh_token } = await mock.issueTokens();
    const wellFormed = `grant_type=refresh_token&client_id=demo&refresh_token=${refresh_token}`;
    assertError(await post(mock, `${wellFormed}&client_id=demo`), 400, 'invalid_request');
    assertError(await post(mock, `${wellFormed}&scope=&scope=`), 400, 'invalid_request');
    assertError(await post(mock, 'client_id=demo'), 400, 'invalid_request');
    assertError(await post(mock, 'client_id=demo&grant_type='), 400, 'invalid_request');
    assertError(await post(mock, 'client_id=demo&grant_type=refresh_token'), 400, 'invalid_request');
    assertError(await post(mock, 'client_id=demo&grant_type=password'), 400, 'unsupported_grant_type');
    assertError(await post(mock, 'client_id=demo&grant_type=toString'), 400, 'unsupported_grant_type');
    assertError(await post(mock, wellFormed, { 'content-type': 'application/json' }), 400, 'invalid_request');
    assertError(await post(mock, `${wellFormed}&x=${'x'.repeat(70_000)}`), 413, 'invalid_request');
    const charset = { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' };
    assert.equal((await post(mock, `${wellFormed}&scope=`, charset)).status, 200, 'an empty one counts as left out');
  });

  it('rejects other paths and methods', async () => {
    const mock = await createMockIssuer({ alg: 'ES256' });
    const get = await mock.fetch(`${mock.issuer}/token`);
    assert.deepEqual([get.status, get.headers.get('allow')], [405, 'POST']);
    const posted = await mock.fetch(`${mock.issuer}/jwks`, { method: 'POST' });
    assert.deepEqual([posted.status, posted.headers.get('allow')], [405, 'GET, HEAD']);
    assert.equal((await mock.fetch(`${mock.issuer}/nothing`)).status, 404);
  });

  it('says which option is wrong', async () => {
    const wrong: [object, RegExp][] = [
      [{ alg: 'HS256' }, /^TypeError: alg/],
      [{ rotation: 'sometimes' }, /^TypeError: rotation/],
      [{ graceSeconds: -1 }, /^TypeError: graceSeconds/],
      [{ accessTokenLifetime: '60' }, /^TypeError: accessTokenLifetime/],
      [{ issuer: 'file:///x' }, /^TypeError: issuer/],
      [{ issuer: 'https://a.example?x' }, /^TypeError: issuer/],
      [{ clients: {} }, /^TypeError: clients/],
      [{ faults: {} }, /^TypeError: faults/],
      [{ scope: ['openid'] }, /^TypeError: scope/],
      [{ subject: 1 }, /^TypeError: subject/],
      [{ clients: [{}] }, /^TypeError: clients/],
      [{ clients: [{ client_id: 'a' }, { client_id: 'a' }] }, /^TypeError: clients/],
      [
        { clients: [{ client_id: 'a', grant_types: ['password'] }] },
        /^TypeError: clients\[0\]\.grant_types\[0\]: one of/,
      ],
      [{ signIn: 'maybe' }, /^TypeError: signIn/],
      [{ dpopNonce: true }, /^TypeError: dpopNonce/],
      [{ audiences: 'urn:api' }, /^TypeError: audiences/],
      [{ audiences: [1] }, /^TypeError: audiences/],
      [{ deviceInterval: '5' }, /^TypeError: deviceInterval/],
      [{ deviceCodeLifetime: -1 }, /^TypeError: deviceCodeLifetime/],
      [{ clients: [{ client_id: 'a', token_endpoint_auth_method: 'attest_jwt_client_auth' }] }, /clients\[0\]\.token_/],
      [{ clients: [{ client_id: 'a', redirect_uris: 'https://a.example' }] }, /clients\[0\]\.redirect_uris/],
      [{ clients: [{ client_id: 'a', redirect_uris: ['/cb'] }] }, /clients\[0\]\.redirect_uris\[0\]/],
      [{ clients: [{ client_id: 'a', redirect_uris: ['https://a.example#b'] }] }, /clients\[0\]\.redirect_uris/],
      [{ faults: [{ type: 'gremlins' }] }, /faults\[0\]\.type: one of delay/],
      [{ faults: [{ type: 'delay', ms: 1, at: 'moon' }] }, /faults\[0\]\.at: one of token/],
    ];
    for (const [options, message] of wrong) await assert.rejects(createMockIssuer(options), message);
    const mock = await createMockIssuer({ alg: 'ES256' });
    await assert.rejects(mock.issueTokens({ clientId: 'nobody' }), /clientId: one of demo/);
    assert.throws(() => mock.setTokenLifetime({ accessTokenLifetime: Number.NaN }), /accessTokenLifetime/);
  });
});
