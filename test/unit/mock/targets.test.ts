import assert from 'node:assert/strict';
import { decodeJwt } from 'jose';
import { createMockIssuer, type MockIssuer } from '../../../src/mock/issuer.ts';
import { ask, authorizationUrl, codeOf, redeem } from './signInSupport.ts';
import { assertError, basic, post, refresh, text } from './support.ts';

const [one, two, three] = ['https://one.example', 'https://two.example/api', 'urn:three'] as const;
const audiences = [one, two, three];

const audOf = (token: unknown) => decodeJwt(text(token)).aud;
const tokenType = (name: string) => `urn:ietf:params:oauth:token-type:${name}`;

describe('mock issuer: resource (RFC 8707) and audience', () => {
  it('become aud; a later request may name fewer of them, but no others', async () => {
    const mock = await createMockIssuer({ alg: 'ES256', audiences });
    const back = await mock.authorize(
      `${authorizationUrl(mock, { resource: one })}&resource=${encodeURIComponent(two)}`,
    );
    const code = text(back.searchParams.get('code'));
    assertError(await redeem(mock, code, { resource: three }), 400, 'invalid_target');
    const first = await redeem(mock, code, { resource: two });
    assert.equal(audOf(first.body.access_token), two);
    const { refresh_token } = first.body;
    assert.deepEqual(audOf((await refresh(mock, refresh_token)).body.access_token), [one, two]);
    assert.equal(audOf((await refresh(mock, refresh_token, { audience: one })).body.access_token), one);
    assertError(await refresh(mock, refresh_token, { resource: three }), 400, 'invalid_target');
    assertError(await refresh(mock, refresh_token, { resource: 'two' }), 400, 'invalid_target');
    assert.equal(decodeJwt(text(first.body.id_token)).aud, 'demo');
  });

  it('may be named later if the authorization request named none', async () => {
    const mock = await createMockIssuer({ alg: 'ES256', audiences });
    const { body } = await redeem(mock, await codeOf(mock));
    assert.equal(audOf(body.access_token), 'https://issuer.example/api');
    assert.equal(audOf((await refresh(mock, body.refresh_token, { resource: two })).body.access_token), two);
    assertError(await refresh(mock, body.refresh_token, { resource: 'urn:x' }), 400, 'invalid_target');
  });

  it('may have any value if none are configured', async () => {
    const mock = await createMockIssuer({
      alg: 'ES256',
      clients: [{ client_id: 'service', client_secret: 'secret' }],
    });
    const form = { grant_type: 'client_credentials', audience: 'whatever' };
    assert.equal(audOf((await post(mock, form, basic('service', 'secret'))).body.access_token), 'whatever');
  });
});

describe('mock issuer: token exchange (RFC 8693)', () => {
  const exchange = (mock: MockIssuer, form: Record<string, string>, client = 'demo') =>
    post(mock, {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client_id: client,
      subject_token_type: tokenType('access_token'),
      ...form,
    });

  const make = async () => {
    const mock = await createMockIssuer({
      alg: 'ES256',
      subject: 'alice',
      scope: 'openid offline_access read write',
      audiences,
      clients: [{ client_id: 'demo' }, { client_id: 'api' }, { client_id: 'plain', grant_types: ['refresh_token'] }],
    });
    mock.clock.freeze(Date.parse('2026-03-01T12:00:00Z'));
    const tokens = await mock.issueTokens();
    return { mock, tokens, subject_token: tokens.access_token };
  };

  it('issues a token for another audience, with no longer lifetime and no wider scope', async () => {
    const { mock, subject_token } = await make();
    mock.clock.advance(3_000_000);
    const { status, body } = await exchange(mock, { subject_token, audience: two, scope: 'read' }, 'api');
    assert.equal(status, 200);
    const { access_token, ...rest } = body;
    assert.deepEqual(rest, {
      issued_token_type: tokenType('access_token'),
      token_type: 'Bearer',
      expires_in: 600,
      scope: 'read',
    });
    const { sub, aud, client_id, scope } = decodeJwt(text(access_token));
    assert.deepEqual({ sub, aud, client_id, scope }, { sub: 'alice', aud: two, client_id: 'api', scope: 'read' });
    const jwt = await exchange(mock, { subject_token, requested_token_type: tokenType('jwt') });
    assert.equal(jwt.body.issued_token_type, tokenType('jwt'));
  });

  it('accepts an ID token from the client that it was issued to', async () => {
    const { mock, tokens } = await make();
    const form = {
      subject_token: text(tokens.id_token),
      subject_token_type: tokenType('id_token'),
      resource: one,
    };
    const { body } = await exchange(mock, form);
    assert.deepEqual([audOf(body.access_token), decodeJwt(text(body.access_token)).sub], [one, 'alice']);
    assertError(await exchange(mock, form, 'api'), 400, 'invalid_request');
  });

  it('issues tokens that are revoked with the original grant', async () => {
    const { mock, tokens, subject_token } = await make();
    const { access_token } = (await exchange(mock, { subject_token, audience: one })).body;
    const isActive = async () =>
      (await ask(mock, '/introspect', { client_id: 'demo', token: text(access_token) })).body.active;
    assert.equal(await isActive(), true);
    await mock.fetch(`${mock.issuer}/revoke`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: 'demo', token: text(tokens.refresh_token) }),
    });
    assert.equal(await isActive(), false);
    assertError(await exchange(mock, { subject_token }), 400, 'invalid_request');
  });

  it('rejects tokens that it cannot exchange', async () => {
    const { mock, tokens, subject_token } = await make();
    const foreign = await createMockIssuer({ alg: 'ES256' });
    const cases: [Record<string, string>, string][] = [
      [{ subject_token: '' }, 'invalid_request'],
      [{ subject_token, subject_token_type: '' }, 'invalid_request'],
      [{ subject_token, subject_token_type: tokenType('saml2') }, 'invalid_request'],
      [{ subject_token, subject_token_type: tokenType('id_token') }, 'invalid_request'],
      [{ subject_token: text(tokens.id_token) }, 'invalid_request'],
      [{ subject_token: 'x' }, 'invalid_request'],
      [{ subject_token: (await foreign.issueTokens()).access_token }, 'invalid_request'],
      [{ subject_token, requested_token_type: tokenType('refresh_token') }, 'invalid_request'],
      [{ subject_token, actor_token: subject_token, actor_token_type: tokenType('jwt') }, 'invalid_request'],
      [{ subject_token, audience: 'urn:unknown' }, 'invalid_target'],
      [{ subject_token, scope: 'read admin' }, 'invalid_scope'],
    ];
    for (const [form, error] of cases) assertError(await exchange(mock, form), 400, error);
    assertError(await exchange(mock, { subject_token }, 'plain'), 400, 'unauthorized_client');
    mock.clock.advance(3_600_000);
    assertError(await exchange(mock, { subject_token }), 400, 'invalid_request');
  });
});
