import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createRemoteJWKSet, customFetch, decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose';
import { createMockIssuer, type MockIssuer } from '../../../src/mock/issuer.ts';
import { startMockServer } from '../../../src/mock/nodeServer.ts';
import type { MockIssuerOptions } from '../../../src/mock/options.ts';
import { personaNames, personas } from '../../../src/mock/personas.ts';
import { rsaPair } from '../../support/rsaPair.ts';
import { ask, authorizationParameters, authorizationUrl, codeOf, redeem, redirectUri, send } from './signInSupport.ts';
import { post, refresh, text } from './support.ts';

const make = (options: MockIssuerOptions = {}) => createMockIssuer({ alg: 'ES256', ...options });
const json = async (mock: MockIssuer, path: string, init: RequestInit = {}) => {
  const response = await mock.fetch(new URL(path, mock.issuer), init);
  return { status: response.status, headers: response.headers, body: await response.json().catch(() => undefined) };
};
const bearer = (token: unknown) => ({ headers: { authorization: `Bearer ${text(token)}` } });

describe('mock issuer: registration (RFC 7591)', () => {
  const register = (mock: MockIssuer, metadata: object | string) =>
    json(mock, '/register', {
      method: 'POST',
      body: typeof metadata === 'string' ? metadata : JSON.stringify(metadata),
    });

  it('registers clients that can then sign in', async () => {
    const mock = await make();
    const { status, body } = await register(mock, {
      client_name: 'An app',
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
    });
    assert.deepEqual([status, body.client_name, 'client_secret' in body], [201, 'An app', false]);
    const { client_id } = body;
    assert.equal((await redeem(mock, await codeOf(mock, { client_id }), { client_id })).status, 200);
    const usual = await register(mock, { redirect_uris: [redirectUri] });
    assert.deepEqual(
      [usual.body.token_endpoint_auth_method, usual.body.client_secret_expires_at],
      ['client_secret_basic', 0],
    );
    assert.match(usual.body.client_secret, /^[\w-]{43}$/);
  });

  it('rejects what it does not support, with the error of section 3.2.2', async () => {
    const mock = await make();
    const cases: [object | string, string][] = [
      ['{', 'invalid_client_metadata'],
      ['[]', 'invalid_client_metadata'],
      [{}, 'invalid_redirect_uri'],
      [{ redirect_uris: ['/cb'] }, 'invalid_redirect_uri'],
      [{ redirect_uris: [redirectUri], grant_types: ['password'] }, 'invalid_client_metadata'],
      [{ redirect_uris: [redirectUri], token_endpoint_auth_method: 'private_key_jwt' }, 'invalid_client_metadata'],
      [{ redirect_uris: [redirectUri], id_token_encrypted_response_alg: 'RSA-OAEP' }, 'invalid_client_metadata'],
    ];
    for (const [metadata, error] of cases) {
      const { status, body } = await register(mock, metadata);
      assert.deepEqual([status, body.error], [400, error], JSON.stringify(metadata));
    }
    const off = await make({ registration: false });
    assert.equal((await register(off, {})).status, 404);
    assert.ok(!('registration_endpoint' in (await json(off, '/.well-known/openid-configuration')).body));
  });
});

describe('mock issuer: a protected resource (RFC 9728)', () => {
  it('names its issuer, and says what is wrong with a token', async () => {
    const mock = await make({ scope: 'openid admin' });
    const none = await json(mock, '/api/things');
    assert.equal(none.status, 401);
    const [, at = ''] = /resource_metadata="([^"]+)"/.exec(text(none.headers.get('www-authenticate'))) ?? [];
    const { body } = await json(mock, at);
    assert.deepEqual([body.resource, body.authorization_servers], [`${mock.issuer}/api`, [mock.issuer]]);
    const { access_token } = await mock.issueTokens({ scope: 'openid' });
    const good = await json(mock, '/api/things', bearer(access_token));
    assert.deepEqual([good.status, good.body.path, good.body.claims.sub], [200, '/things', 'mock-user']);
    const more = await json(mock, '/api/scope/admin', bearer(access_token));
    assert.equal(more.status, 403);
    assert.match(text(more.headers.get('www-authenticate')), /error="insufficient_scope".*scope="admin"/);
    const { access_token: other } = await mock.issueTokens({ audience: 'https://other.example' });
    const foreign = await json(mock, '/api', bearer(other));
    assert.match(text(foreign.headers.get('www-authenticate')), /error="invalid_token".*audience.*resource_metadata=/);
  });
});

describe('mock issuer: options that tests set', () => {
  it('opaque access tokens, which introspection and UserInfo accept', async () => {
    const mock = await make({ accessTokens: 'opaque' });
    const { access_token, refresh_token } = await mock.issueTokens();
    assert.match(access_token, /^[\w-]{43}$/);
    assert.equal((await json(mock, '/userinfo', bearer(access_token))).body.sub, 'mock-user');
    const { body } = await ask(mock, '/introspect', { token: access_token, client_id: 'demo' });
    assert.deepEqual([body.active, body.client_id], [true, 'demo']);
    await send(mock, '/revoke', { token: access_token, client_id: 'demo' });
    assert.equal((await json(mock, '/userinfo', bearer(access_token))).status, 401);
    assert.match(text((await refresh(mock, refresh_token)).body.access_token), /^[\w-]{43}$/);
  });

  it('private keys as PEM or JWK; an unsuitable one is named', async () => {
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const rsa = rsaPair().privateKey;
    const jwk = { ...ec.export({ format: 'jwk' }), kid: 'mine' };
    const mock = await make({ keys: [jwk, rsa.export({ format: 'pem', type: 'pkcs8' }).toString()] });
    const { access_token } = await mock.issueTokens();
    assert.equal(decodeProtectedHeader(access_token).kid, 'mine');
    const keys = createRemoteJWKSet(new URL(`${mock.issuer}/jwks`), { [customFetch]: mock.fetch });
    await jwtVerify(access_token, keys);
    assert.deepEqual(
      mock.jwks().keys.map(({ alg }) => alg),
      ['RS256', 'ES256'],
    );
    assert.doesNotMatch(JSON.stringify((await json(mock, '/jwks')).body), /"d"/);
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({
      format: 'pem',
      type: 'pkcs8',
    });
    for (const bad of ['canary', weak.toString(), { kty: 'EC', d: 'canary' }])
      await assert.rejects(make({ keys: [jwk, bad] }), (error: Error) => {
        assert.match(error.message, /^keys\[1\]: a private key/);
        return !error.message.includes('canary');
      });
  });

  it('metadata and responses changed by JSON Patch (RFC 6902)', async () => {
    const mock = await make({
      metadataPatch: [
        { op: 'remove', path: '/revocation_endpoint' },
        { op: 'add', path: '/scopes_supported/-', value: 'extra' },
        { op: 'replace', path: '/a~1b', value: 1 },
        { op: 'add', path: '/nowhere/there', value: 1 },
      ],
      tokenResponsePatch: [{ op: 'add', path: '/account', value: { id: 7 } }],
    });
    const { body } = await json(mock, '/.well-known/openid-configuration');
    assert.ok(!('revocation_endpoint' in body));
    assert.deepEqual([body.scopes_supported.at(-1), body['a/b'], body.nowhere], ['extra', 1, undefined]);
    const { refresh_token } = await mock.issueTokens();
    assert.deepEqual((await refresh(mock, refresh_token)).body.account, { id: 7 });
    // The second one would take longer than anybody waits if a slash could begin a name as well as stand in it.
    for (const path of ['x', `${'/'.repeat(60)}~`])
      await assert.rejects(make({ metadataPatch: [{ op: 'add', path }] }), /metadataPatch\[0\]\.path/);
  });

  for (const persona of personaNames)
    it(`the persona ${persona}: its paths lead to tokens that verify, with its claims`, async () => {
      const mock = await make({ persona, issuer: 'https://issuer.example/tenant' });
      const { slash, paths } = { slash: false, ...personas[persona] };
      assert.equal(mock.issuer.endsWith('/'), slash);
      const base = mock.issuer.replace(/\/$/, '');
      const metadata = (await json(mock, `${base}/.well-known/openid-configuration`)).body;
      assert.equal(metadata.issuer, mock.issuer);
      assert.equal(metadata.token_endpoint, `${base}/${paths.token}`);
      const { access_token, id_token } = await mock.issueTokens();
      const keys = createRemoteJWKSet(new URL(metadata.jwks_uri), { [customFetch]: mock.fetch });
      const { payload } = await jwtVerify(access_token, keys, { issuer: mock.issuer });
      const expected: Record<string, (access: JWTPayload, id: JWTPayload) => boolean> = {
        auth0: (access, id) =>
          access.azp === 'demo' &&
          access.client_id === undefined &&
          [access.aud].flat().at(-1) === `${base}/userinfo` &&
          id.name === 'mock-user',
        entra: (access, id) =>
          access.ver === '2.0' &&
          access.scp !== undefined &&
          access.uti === access.jti &&
          access.nbf === access.iat &&
          typeof id.oid === 'string' &&
          id.nbf === id.iat,
        keycloak: (access, id) => access.typ === 'Bearer' && id.typ === 'ID' && id.preferred_username === 'mock-user',
        genauth: (access, id) =>
          access.client_id === undefined && access.aud === 'demo' && id.azp === undefined && id.name === 'mock-user',
        cognito: (access, id) =>
          access.token_use === 'access' &&
          access.aud === undefined &&
          id.token_use === 'id' &&
          access.auth_time === id.auth_time,
      };
      assert.ok(expected[persona]?.(payload, decodeJwt(text(id_token))), JSON.stringify(payload));
      const told = await mock.fetch(metadata.userinfo_endpoint, bearer(access_token));
      assert.equal(told.status, 200);
      // Each names the client in a claim of its own, and not each has an audience.
      assert.equal((await mock.fetch(`${base}/api`, bearer(access_token))).status, 200);
      const form = (token: string) => ({ method: 'POST', body: new URLSearchParams({ client_id: 'demo', token }) });
      const seen = await (await mock.fetch(metadata.introspection_endpoint, form(access_token))).json();
      assert.deepEqual([seen.active, seen.client_id, typeof seen.scope], [true, 'demo', 'string']);
      assert.equal((await mock.fetch(metadata.revocation_endpoint, form(access_token))).status, 200);
      assert.equal((await mock.fetch(metadata.userinfo_endpoint, bearer(access_token))).status, 401);
      const { logout } = { logout: undefined, ...personas[persona] };
      if (logout !== undefined) {
        const back = new URLSearchParams({ client_id: 'demo', [logout.returnTo]: 'http://127.0.0.1/' });
        const path = 'path' in logout ? logout.path : paths.endSession;
        const left = await mock.fetch(`${base}/${path}?${back}`, { redirect: 'manual' });
        assert.equal(left.headers.get('location'), 'http://127.0.0.1/');
      }
      if (persona !== 'entra') return;
      const refused = await mock.fetch(metadata.token_endpoint, {
        method: 'POST',
        body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'demo', refresh_token: 'x' }),
      });
      assert.deepEqual((await refused.json()).error_codes, [70000]);
    });

  it('the persona entra: endpoints without the v2.0 of the issuer, and scp as the scope of the response, for users only', async () => {
    const issuer = 'https://issuer.example/tenant/v2.0';
    const clients = [
      { client_id: 'demo' },
      { client_id: 'service', client_secret: 'of-a-test', token_endpoint_auth_method: 'client_secret_post' as const },
    ];
    const scope = 'openid profile offline_access api';
    const mock = await make({ persona: 'entra', issuer, signIn: 'auto', scope, clients });
    const metadata = (await json(mock, `${issuer}/.well-known/openid-configuration`)).body;
    assert.deepEqual(
      [metadata.issuer, metadata.token_endpoint, metadata.jwks_uri],
      [issuer, 'https://issuer.example/tenant/oauth2/v2.0/token', 'https://issuer.example/tenant/discovery/v2.0/keys'],
    );
    const { refresh_token } = await mock.issueTokens();
    const scpOf = async (form: Record<string, string>) => {
      const response = await mock.fetch(metadata.token_endpoint, { method: 'POST', body: new URLSearchParams(form) });
      return decodeJwt((await response.json()).access_token).scp;
    };
    assert.equal(
      await scpOf({
        grant_type: 'refresh_token',
        client_id: 'demo',
        refresh_token: text(refresh_token),
        scope: 'openid',
      }),
      'openid',
    );
    assert.equal(
      await scpOf({
        grant_type: 'client_credentials',
        client_id: 'service',
        client_secret: 'of-a-test',
        scope: 'api',
      }),
      undefined,
    );
    const request = new URLSearchParams(authorizationParameters());
    const { headers } = await mock.fetch(`${metadata.authorization_endpoint}?${request}`, { redirect: 'manual' });
    assert.match(text(headers.get('location') ?? undefined), /[?&]code=/);
    assert.match(
      text(headers.get('set-cookie') ?? undefined),
      /; Path=\/tenant;/,
      'the browser sends it to every endpoint',
    );
  });

  it('the persona auth0: statuses of its own for some errors, and the claims of a client without a user', async () => {
    const clients = [
      { client_id: 'demo' },
      { client_id: 'job', client_secret: 's', token_endpoint_auth_method: 'client_secret_post' },
    ] as const;
    const mock = await make({ persona: 'auth0', issuer: 'https://issuer.example/', clients, signIn: 'page' });
    const ask = async (path: string, form: Record<string, string>) => {
      const answer = await mock.fetch(`${mock.issuer}${path}`, { method: 'POST', body: new URLSearchParams(form) });
      return { status: answer.status, body: await answer.json() };
    };
    const client_id = 'demo';
    const unknown = await ask('oauth/token', { grant_type: 'refresh_token', client_id, refresh_token: 'x' });
    assert.deepEqual([unknown.status, unknown.body.error], [403, 'invalid_grant']);
    const { device_code } = (await ask('oauth/device/code', { client_id })).body;
    const poll = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id, device_code };
    const polls = [await ask('oauth/token', poll), await ask('oauth/token', poll)];
    assert.deepEqual(
      polls.map(({ status, body }) => [status, body.error]),
      [
        [403, 'authorization_pending'],
        [429, 'slow_down'],
      ],
    );
    const other = await ask('oauth/token', { client_id });
    assert.deepEqual([other.status, other.body.error], [400, 'invalid_request']);
    const own = await ask('oauth/token', { grant_type: 'client_credentials', client_id: 'job', client_secret: 's' });
    const { sub, gty, azp } = decodeJwt(own.body.access_token);
    assert.deepEqual({ sub, gty, azp }, { sub: 'job@clients', gty: 'client-credentials', azp: 'job' });
    assert.equal(decodeJwt((await mock.issueTokens()).access_token).gty, undefined);
  });

  it('the persona cognito: no typ in any header; a front-channel ID token has the claims of its persona', async () => {
    const clients = [
      { client_id: 'page', redirect_uris: ['http://127.0.0.1/'], response_types: ['id_token' as const] },
    ];
    const users = [{ sub: 'ada', groups: ['admin'] }];
    const mock = await make({ persona: 'cognito', clients, users, subject: 'ada' });
    const { access_token, id_token } = await mock.issueTokens({ scope: 'openid groups' });
    for (const token of [access_token, text(id_token)]) {
      const { groups, 'cognito:groups': ofCognito } = decodeJwt(token);
      assert.deepEqual([groups, ofCognito], [undefined, ['admin']]);
    }
    for (const token of [access_token, text(id_token)])
      assert.deepEqual(Object.keys(decodeProtectedHeader(token)).sort(), ['alg', 'kid']);
    const request = {
      client_id: 'page',
      response_type: 'id_token',
      redirect_uri: 'http://127.0.0.1/',
      scope: 'openid',
      nonce: 'n',
    };
    const { hash } = await mock.authorize(`${mock.issuer}/oauth2/authorize?${new URLSearchParams(request)}`);
    const front = new URLSearchParams(hash.slice(1)).get('id_token');
    assert.equal(decodeJwt(text(front ?? undefined)).token_use, 'id');
  });

  it('one issuer of several on one server, each with its own users', async () => {
    const mock = await startMockServer({ alg: 'ES256', issuers: [{ path: '/b', alg: 'ES256', subject: 'bob' }] });
    try {
      const [, second] = mock.issuers;
      const tokens = await second?.issueTokens();
      const response = await fetch(`${mock.issuer}/b/userinfo`, bearer(tokens?.access_token));
      assert.equal((await response.json()).sub, 'bob');
      assert.equal((await fetch(`${mock.issuer}/userinfo`, bearer(tokens?.access_token))).status, 401);
    } finally {
      await mock.close();
    }
  });
});

describe('mock issuer: back-channel logout', () => {
  it('notifies the clients of the session with a logout token', async () => {
    const heard: string[] = [];
    const client = createServer((request, response) => {
      // On a kept connection the notification could get lost.
      assert.equal(request.headers.connection, 'close');
      let body = '';
      request.on('data', chunk => {
        body += chunk;
      });
      request.on('end', () => {
        heard.push(text(new URLSearchParams(body).get('logout_token')));
        response.end();
      });
    });
    await new Promise<void>(resolve => {
      client.listen(0, '127.0.0.1', resolve);
    });
    try {
      const uri = `http://127.0.0.1:${Object(client.address()).port}/logout`;
      const mock = await make({ clients: [{ client_id: 'demo', backchannel_logout_uri: uri }] });
      const { body } = await redeem(mock, await codeOf(mock));
      const id = decodeJwt(text(body.id_token));
      await mock.fetch(`${mock.issuer}/end_session?id_token_hint=${text(body.id_token)}`);
      const [token = ''] = heard;
      const keys = createRemoteJWKSet(new URL(`${mock.issuer}/jwks`), { [customFetch]: mock.fetch });
      const { payload } = await jwtVerify(token, keys, { issuer: mock.issuer, audience: 'demo', typ: 'logout+jwt' });
      assert.deepEqual([payload.sid, payload.sub, payload.nonce], [id.sid, id.sub, undefined]);
      assert.deepEqual(payload.events, { 'http://schemas.openid.net/event/backchannel-logout': {} });
    } finally {
      client.close();
    }
  });
});

describe('mock issuer: more faults', () => {
  it('unusual key sets', async () => {
    const mock = await make();
    const keys = async () => (await json(mock, '/jwks')).body.keys;
    const [right] = await keys();
    mock.setFault({ type: 'jwksNoKid', times: 1 });
    assert.ok(!('kid' in (await keys())[0]));
    mock.setFault({ type: 'jwksSameKid', times: 1 });
    const [wrong, same] = await keys();
    assert.deepEqual([wrong.kid, same], [right.kid, right]);
    assert.notEqual(wrong.x, right.x);
    mock.setFault({ type: 'jwksWrongUse', times: 1 });
    assert.equal((await keys())[0].use, 'enc');
    mock.setFault({ type: 'jwksMany', times: 1 });
    const many = await keys();
    assert.deepEqual([many.length, many.at(-1)], [101, right]);
  });

  it('unusual responses', async () => {
    const mock = await make();
    const look = async () => mock.fetch(`${mock.issuer}/jwks`, { redirect: 'manual' });
    mock.setFault({ type: 'hugeBody', bytes: 1000, times: 1, at: 'jwks' });
    assert.ok((await (await look()).text()).length > 1000);
    mock.setFault({ type: 'contentType', times: 1, at: 'jwks' });
    assert.equal((await look()).headers.get('content-type'), 'text/html');
    mock.setFault({ type: 'notGzip', times: 1, at: 'jwks' });
    assert.equal((await look()).headers.get('content-encoding'), 'gzip');
    mock.setFault({ type: 'slowDrip', times: 1, at: 'jwks' });
    await assert.rejects((await look()).text());
    mock.setFault({ type: 'metadataRedirect', location: 'https://other.example', times: 1 });
    const moved = await mock.fetch(`${mock.issuer}/.well-known/openid-configuration`, { redirect: 'manual' });
    assert.deepEqual([moved.status, moved.headers.get('location')], [302, 'https://other.example']);
  });

  it('an error after the token was revoked', async () => {
    const mock = await make();
    const { refresh_token } = await mock.issueTokens();
    mock.setFault({ type: 'errorAfterCommit', times: 1 });
    const form = { token: text(refresh_token), client_id: 'demo' };
    assert.equal((await send(mock, '/revoke', form)).status, 400);
    assert.equal((await refresh(mock, refresh_token)).status, 400);
    assert.equal((await post(mock, { grant_type: 'password' })).body.error, 'invalid_client');
    assert.match(authorizationUrl(mock), /^https/);
  });
});
