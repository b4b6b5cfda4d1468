import assert from 'node:assert/strict';
import { decodeJwt } from 'jose';
import { createMockIssuer, type MockIssuer } from '../../../src/mock/issuer.ts';
import { authorizationUrl, type Changes, codeChallenge, codeOf, redeem, redirectUri } from './signInSupport.ts';
import { assertError, refresh, text } from './support.ts';

const make = (options = {}) => createMockIssuer({ alg: 'ES256', rotation: 'strict', ...options });

/** The parameters that the browser takes back to the client. */
async function answerTo(mock: MockIssuer, changes: Changes): Promise<Record<string, string>> {
  const { hash, searchParams } = await mock.authorize(authorizationUrl(mock, changes));
  return Object.fromEntries(hash === '' ? searchParams : new URLSearchParams(hash.slice(1)));
}

/** The page that is shown if the browser is not sent back. */
async function shown(mock: MockIssuer, changes: Changes | string): Promise<string> {
  const url = typeof changes === 'string' ? changes : authorizationUrl(mock, changes);
  const response = await mock.fetch(url, { redirect: 'manual' });
  assert.deepEqual([response.status, response.headers.get('location')], [400, null]);
  return response.text();
}

describe('mock issuer: authorization endpoint', () => {
  it('gives a code for the RFC 7636 example, with state and iss, and tokens for the code', async () => {
    const mock = await make({ subject: 'alice' });
    mock.clock.freeze(Date.parse('2026-03-01T12:00:00Z'));
    const back = await mock.authorize(authorizationUrl(mock));
    assert.equal(back.origin + back.pathname, redirectUri);
    assert.deepEqual([...back.searchParams.keys()].sort(), ['code', 'iss', 'state']);
    assert.equal(back.searchParams.get('state'), 'xyz');
    assert.equal(back.searchParams.get('iss'), 'https://issuer.example');
    const { status, headers, body } = await redeem(mock, text(back.searchParams.get('code')));
    assert.deepEqual([status, headers.get('cache-control'), headers.get('pragma')], [200, 'no-store', 'no-cache']);
    const { nonce, sub, aud, auth_time } = decodeJwt(text(body.id_token));
    assert.deepEqual([nonce, sub, aud], ['n-0S6_WzA2Mj', 'alice', 'demo']);
    assert.equal(auth_time, mock.clock.now() / 1000);
    const next = await refresh(mock, body.refresh_token);
    assert.equal(next.status, 200);
    assert.equal(decodeJwt(text(next.body.id_token)).nonce, undefined);
    const [first] = mock.requests;
    assert.deepEqual([first?.method, first?.path, first?.client_id], ['GET', '/authorize', 'demo']);
    assert.deepEqual([first?.status, first?.form?.response_type], [302, 'code']);
    assert.ok(!JSON.stringify(mock.requests).includes(text(back.searchParams.get('code'))), 'no code in the log');
  });

  it('issues a refresh token with openid only if offline_access is requested', async () => {
    const mock = await make({ scope: 'openid offline_access api' });
    for (const [scope, has] of [
      ['openid', false],
      ['openid offline_access', true],
      ['api', true],
    ] as const) {
      const { body } = await redeem(mock, await codeOf(mock, { scope }));
      assert.equal('refresh_token' in body, has, scope);
      assert.equal('id_token' in body, scope.includes('openid'));
    }
  });

  it('sends errors back (RFC 6749 section 4.1.2.1), with state and iss', async () => {
    const mock = await make({
      audiences: ['https://api.example'],
      clients: [{ client_id: 'demo' }, { client_id: 'device-only', grant_types: ['refresh_token'] }],
    });
    const cases: [Changes, string][] = [
      [{ response_type: undefined }, 'invalid_request'],
      [{ response_type: 'token' }, 'unsupported_response_type'],
      [{ response_type: 'code id_token' }, 'unsupported_response_type'],
      [{ response_mode: 'jwt' }, 'invalid_request'],
      [{ authorization_details: '[]' }, 'invalid_authorization_details'],
      [{ claims: '[]' }, 'invalid_request'],
      [{ id_token_hint: 'made up' }, 'invalid_request'],
      [{ code_challenge: undefined }, 'invalid_request'],
      [{ code_challenge: 'too-short' }, 'invalid_request'],
      [{ code_challenge_method: 'plain' }, 'invalid_request'],
      [{ code_challenge_method: undefined }, 'invalid_request'],
      [{ scope: 'openid admin' }, 'invalid_scope'],
      [{ resource: 'https://other.example' }, 'invalid_target'],
      [{ resource: 'not-absolute' }, 'invalid_target'],
      [{ resource: 'https://api.example#x' }, 'invalid_target'],
      [{ client_id: 'device-only' }, 'unauthorized_client'],
      [{ request: 'e30.e30.' }, 'request_not_supported'],
      [{ prompt: 'none login' }, 'invalid_request'],
      [{ prompt: 'sometimes' }, 'invalid_request'],
      [{ max_age: '-1' }, 'invalid_request'],
      [{ dpop_jkt: 'x' }, 'invalid_request'],
    ];
    for (const [changes, error] of cases) {
      const { error_description, ...rest } = await answerTo(mock, changes);
      assert.deepEqual(rest, { error, state: 'xyz', iss: mock.issuer }, JSON.stringify(changes));
      assert.match(text(error_description), /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
      assert.equal(mock.requests.at(-1)?.error, error);
    }
    const twice = await mock.authorize(`${authorizationUrl(mock)}&scope=openid`);
    assert.equal(twice.searchParams.get('error'), 'invalid_request');
    const stateless = await answerTo(mock, { state: undefined, scope: 'admin' });
    assert.ok(!('state' in stateless));
  });

  it('shows errors on a page if the redirect URI is not trusted', async () => {
    const mock = await make();
    const cases: [Changes, RegExp][] = [
      [{ client_id: undefined }, /No client_id/],
      [{ client_id: 'nobody' }, /Unknown client_id/],
      [{ redirect_uri: undefined }, /No redirect_uri/],
      [{ redirect_uri: 'https://evil.example/callback' }, /not registered[\s\S]*https:\/\/evil\.example\/callback/],
      [{ request_uri: 'https://client.example/request' }, /request_uri_not_supported/],
      [{ request_uri: 'urn:ietf:params:oauth:request_uri:x' }, /invalid_request_uri/],
    ];
    for (const [changes, message] of cases) assert.match(await shown(mock, changes), message);
    for (const name of ['client_id', 'redirect_uri'])
      assert.match(await shown(mock, `${authorizationUrl(mock)}&${name}=other`), /sent twice/);
    await assert.rejects(mock.authorize(authorizationUrl(mock, { client_id: 'nobody' })), /invalid_request/);
    await assert.rejects(mock.authorize('https://other.example/authorize'), /421/);
  });

  it('compares redirect URIs exactly, except for the port of a loopback address (RFC 8252 section 7.3)', async () => {
    const redirect_uris = [
      'http://127.0.0.1/cb',
      'http://[::1]:1/cb?x=1',
      'http://localhost:8080/cb',
      'https://client.example/cb',
      'vscode://publisher.extension/cb',
    ];
    const mock = await make({ clients: [{ client_id: 'demo', redirect_uris }] });
    const right = [
      ...redirect_uris,
      'http://127.0.0.1:1/cb',
      'http://127.0.0.1:65535/cb',
      'http://[::1]/cb?x=1',
      'http://[::1]:49152/cb?x=1',
    ];
    for (const uri of right) {
      const back = await mock.authorize(authorizationUrl(mock, { redirect_uri: uri }));
      assert.ok(back.href.startsWith(`${uri}${uri.includes('?') ? '&' : '?'}code=`), back.href);
    }
    const wrong = [
      'http://127.0.0.1/cb/',
      'http://127.0.0.1:1/CB',
      'http://127.0.0.1:1/cb?x=1',
      'http://127.0.0.1:1/cb#x',
      'http://127.0.0.1:1@evil.example/cb',
      'http://127.0.0.1.evil.example/cb',
      'http://127.0.0.1:1.evil.example/cb',
      'http://127.0.0.2/cb',
      'https://127.0.0.1/cb',
      'http://[::1]/cb',
      'http://localhost:8081/cb',
      'http://localhost/cb',
      'https://client.example:444/cb',
      'https://client.example/cb?x=1',
      'vscode://publisher.extension/',
      'javascript:alert(1)',
      'https://client.example/ü',
      'https://client.example/\r\nx-injected: 1',
      '/cb',
    ];
    for (const uri of wrong) assert.match(await shown(mock, { redirect_uri: uri }), /not registered/, uri);
    mock.registerRedirectUri('vscode://publisher.extension/cb?windowId=2');
    await codeOf(mock, { redirect_uri: 'vscode://publisher.extension/cb?windowId=2' });
    assert.throws(() => mock.registerRedirectUri('javascript:alert(1)'), TypeError);
    assert.throws(() => mock.registerRedirectUri('https://a.example', 'nobody'), TypeError);
  });

  it('does not require the redirect URI if the client has only one and openid is not requested', async () => {
    const mock = await make({
      scope: 'openid api',
      clients: [{ client_id: 'demo', redirect_uris: ['https://client.example/cb'] }],
    });
    const back = await mock.authorize(authorizationUrl(mock, { redirect_uri: undefined, scope: 'api' }));
    assert.equal(back.origin + back.pathname, 'https://client.example/cb');
    const code = text(back.searchParams.get('code'));
    assertError(await redeem(mock, code, { redirect_uri: 'https://client.example/cb' }), 400, 'invalid_grant');
    assert.equal((await redeem(mock, code, { redirect_uri: undefined })).status, 200);
    assert.match(await shown(mock, { redirect_uri: undefined, scope: 'openid' }), /No redirect_uri/);
  });

  it('signs in automatically, denies, or shows the page, for the configured user', async () => {
    const mock = await make({ signIn: 'auto', clients: [{ client_id: 'demo', subject: 'owner' }] });
    const location = async (changes: Changes = {}) => {
      const response = await mock.fetch(authorizationUrl(mock, changes), { redirect: 'manual' });
      return new URL(text(response.headers.get('location')));
    };
    const subject = async (code: string | null) => decodeJwt(text((await redeem(mock, text(code))).body.id_token)).sub;
    assert.equal(await subject((await location()).searchParams.get('code')), 'owner');
    assert.equal(await subject((await location({ login_hint: 'bob' })).searchParams.get('code')), 'bob');
    mock.setSignIn('auto', 'carol');
    assert.equal(await subject((await location({ login_hint: 'bob' })).searchParams.get('code')), 'carol');
    assert.equal(await subject((await location({ prompt: 'none' })).searchParams.get('code')), 'carol');
    const dave = await mock.authorize(authorizationUrl(mock), { subject: 'dave' });
    assert.equal(await subject(dave.searchParams.get('code')), 'dave');
    mock.setSignIn('deny');
    assert.equal((await location()).searchParams.get('error'), 'access_denied');
    assert.ok((await mock.authorize(authorizationUrl(mock))).searchParams.has('code'), 'a visitor decides');
    mock.setSignIn('auto');
    const denied = await mock.authorize(authorizationUrl(mock), { deny: true });
    assert.equal(denied.searchParams.get('error'), 'access_denied');
    mock.setSignIn('page');
    assert.equal((await location({ prompt: 'none' })).searchParams.get('error'), 'login_required');
    assert.throws(() => mock.setSignIn('maybe' as 'page'), /signIn/);
  });

  it('accepts the request as a POST too (OpenID Connect Core section 3.1.2.1)', async () => {
    const mock = await make({ signIn: 'auto' });
    const url = new URL(authorizationUrl(mock));
    const headers = { origin: mock.issuer };
    const init = { method: 'POST', headers, body: url.searchParams, redirect: 'manual' } as const;
    const response = await mock.fetch(url.origin + url.pathname, init);
    assert.equal(response.status, 303);
    assert.match(text(response.headers.get('location')), /[?&]code=/);
  });

  it('faults change the parameters that the browser returns', async () => {
    const mock = await make();
    mock.faults.next(1, { type: 'responseParameter', name: 'state', value: 'forged' });
    assert.equal((await answerTo(mock, {})).state, 'forged');
    mock.faults.next(1, { type: 'responseParameter', name: 'iss' });
    assert.ok(!('iss' in (await answerTo(mock, {}))));
    mock.faults.next(1, { type: 'authorizationError', error: 'server_error', description: 'Out of paper' });
    const { error, error_description, code } = await answerTo(mock, {});
    assert.deepEqual([error, error_description, code], ['server_error', 'Out of paper', undefined]);
    assert.deepEqual(mock.requests.at(-1)?.faults, ['authorizationError']);
    mock.faults.next(1, { type: 'serverError', at: 'authorization' });
    await assert.rejects(mock.authorize(authorizationUrl(mock)), /503/);
    mock.setFault({ type: 'member', name: 'x', value: 1, at: 'authorization' });
    assert.equal((await mock.fetch(authorizationUrl(mock))).status, 200, 'a page has no members');
  });
});

describe('mock issuer: authorization codes', () => {
  it('are valid once; a second use revokes the tokens of the first', async () => {
    const mock = await make();
    const code = await codeOf(mock);
    const { body } = await redeem(mock, code);
    const next = await refresh(mock, body.refresh_token);
    const again = await redeem(mock, code);
    assertError(again, 400, 'invalid_grant');
    assert.match(text(again.body.error_description), /used before/);
    assertError(await refresh(mock, next.body.refresh_token), 400, 'invalid_grant');
    const headers = { authorization: `Bearer ${text(next.body.access_token)}` };
    assert.equal((await mock.fetch(`${mock.issuer}/userinfo`, { headers })).status, 401);
  });

  it('count one of two concurrent uses as the second', async () => {
    const mock = await make();
    const code = await codeOf(mock);
    const answers = await Promise.all([redeem(mock, code), redeem(mock, code)]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400]);
    const refreshToken = answers.find(({ status }) => status === 200)?.body.refresh_token;
    assertError(await refresh(mock, refreshToken), 400, 'invalid_grant');
  });

  it('expire after 60 seconds', async () => {
    const mock = await make();
    mock.clock.freeze();
    const [early, late] = [await codeOf(mock), await codeOf(mock)];
    mock.clock.advance(59_999);
    assert.equal((await redeem(mock, early)).status, 200);
    mock.clock.advance(1);
    const answer = await redeem(mock, late);
    assertError(answer, 400, 'invalid_grant');
    assert.match(text(answer.body.error_description), /expired/);
  });

  it('are valid only for their client, redirect URI and verifier, and remain valid after a failed attempt', async () => {
    const mock = await make({ clients: [{ client_id: 'demo' }, { client_id: 'other' }] });
    const code = await codeOf(mock);
    assertError(await redeem(mock, code, { client_id: 'other' }), 400, 'invalid_grant');
    assertError(await redeem(mock, code, { redirect_uri: undefined }), 400, 'invalid_grant');
    assertError(await redeem(mock, code, { redirect_uri: 'http://127.0.0.1:1/callback' }), 400, 'invalid_grant');
    assertError(await redeem(mock, code, { code_verifier: 'x'.repeat(43) }), 400, 'invalid_grant');
    assertError(await redeem(mock, code, { code_verifier: codeChallenge }), 400, 'invalid_grant');
    assertError(await redeem(mock, code, { code_verifier: undefined }), 400, 'invalid_request');
    assertError(await redeem(mock, code, { code: undefined }), 400, 'invalid_request');
    assertError(await redeem(mock, 'never-issued'), 400, 'invalid_grant');
    assert.equal((await redeem(mock, code)).status, 200);
  });
});
