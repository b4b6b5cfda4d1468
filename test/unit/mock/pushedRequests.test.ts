import assert from 'node:assert/strict';
import { createMockIssuer, type MockIssuer } from '../../../src/mock/issuer.ts';
import {
  ask,
  authorizationParameters,
  authorizationUrl,
  type Changes,
  redeem,
  redirectUri,
  send,
} from './signInSupport.ts';
import { assertError, basic, text } from './support.ts';

const secret = 'a secret';
const make = () =>
  createMockIssuer({
    alg: 'ES256',
    clients: [
      { client_id: 'demo', require_pushed_authorization_requests: true },
      { client_id: 'other' },
      { client_id: 'confidential', client_secret: secret },
    ],
  });

const push = (mock: MockIssuer, changes: Changes = {}, headers = {}) =>
  ask(mock, '/par', authorizationParameters(changes), headers);

const urlOf = (mock: MockIssuer, requestUri: unknown, clientId = 'demo', more = '') =>
  `${mock.issuer}/authorize?${new URLSearchParams({ client_id: clientId, request_uri: text(requestUri) })}${more}`;

describe('mock issuer: pushed authorization requests', () => {
  it('replace the parameters of the authorization request, which are then ignored (RFC 9126)', async () => {
    const mock = await make();
    const { status, headers, body } = await push(mock);
    assert.deepEqual([status, body.expires_in, headers.get('cache-control')], [201, 60, 'no-store']);
    assert.match(text(body.request_uri), /^urn:ietf:params:oauth:request_uri:[\w-]{43}$/);
    const url = urlOf(mock, body.request_uri, 'demo', '&state=forged&redirect_uri=https://evil.example&scope=x');
    const back = await mock.authorize(url);
    assert.equal(back.origin + back.pathname, redirectUri);
    assert.equal(back.searchParams.get('state'), 'xyz');
    assert.equal((await redeem(mock, text(back.searchParams.get('code')))).status, 200);
  });

  it('are valid once, for one client, for one minute', async () => {
    const mock = await make();
    mock.clock.freeze();
    const { request_uri } = (await push(mock)).body;
    await assert.rejects(mock.authorize(urlOf(mock, request_uri, 'other')), /invalid_request/);
    await mock.authorize(urlOf(mock, request_uri));
    await assert.rejects(mock.authorize(urlOf(mock, request_uri)), /invalid_request_uri/);
    const late = (await push(mock)).body.request_uri;
    mock.clock.advance(60_000);
    await assert.rejects(mock.authorize(urlOf(mock, late)), /invalid_request_uri/);
  });

  it('can be shown twice, and decided in one of two windows', async () => {
    const mock = await make();
    mock.clock.freeze();
    const { request_uri } = (await push(mock)).body;
    const tickets: string[] = [];
    for (let i = 0; i < 2; i += 1) {
      const page = await (await mock.fetch(urlOf(mock, request_uri))).text();
      tickets.push(/name="ticket" value="([^"]+)"/.exec(page)?.[1] ?? '');
    }
    mock.clock.advance(120_000);
    const origin = { origin: mock.issuer };
    const statuses: number[] = [];
    for (const ticket of tickets)
      statuses.push((await send(mock, '/sign-in', { ticket, decision: 'allow' }, origin)).status);
    assert.deepEqual(statuses, [303, 400]);
    const again = (await push(mock)).body.request_uri;
    await mock.authorize(urlOf(mock, again));
    assert.equal((await mock.fetch(urlOf(mock, again))).status, 400, 'nor is it shown again');
  });

  it('are rejected at once for every error of an authorization request', async () => {
    const mock = await make();
    const cases: [Changes, string][] = [
      [{ redirect_uri: 'https://evil.example' }, 'invalid_request'],
      [{ code_challenge_method: 'plain' }, 'invalid_request'],
      [{ response_type: 'token' }, 'unsupported_response_type'],
      [{ scope: 'admin' }, 'invalid_scope'],
      [{ request_uri: 'urn:ietf:params:oauth:request_uri:x' }, 'invalid_request'],
    ];
    for (const [changes, error] of cases) assertError(await push(mock, changes), 400, error);
  });

  it('can be required of a client', async () => {
    const mock = await make();
    const back = await mock.authorize(authorizationUrl(mock));
    assert.equal(back.searchParams.get('error'), 'invalid_request');
    await mock.authorize(authorizationUrl(mock, { client_id: 'other' }));
  });

  it('require client authentication', async () => {
    const mock = await make();
    const changes = { client_id: undefined };
    const right = await push(mock, changes, basic('confidential', secret));
    assert.equal(right.status, 201);
    await mock.authorize(urlOf(mock, right.body.request_uri, 'confidential'));
    assertError(await push(mock, changes, basic('confidential', 'no')), 401, 'invalid_client');
    assertError(await push(mock, { client_id: 'confidential' }), 401, 'invalid_client');
    assertError(await push(mock, changes), 401, 'invalid_client');
  });
});
