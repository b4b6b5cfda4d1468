import assert from 'node:assert/strict';
import { createPublicKey, verify as verifySignature, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRemoteJWKSet, customFetch, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { root } from '../../../scripts/lib/project.mjs';
import { type Fault, faultTypes } from '../../../src/mock/faults.ts';
import { createMockIssuer, type MockIssuer } from '../../../src/mock/issuer.ts';
import { assertError, refresh, text } from './support.ts';

interface Seen {
  /** Undefined if the request failed. */
  readonly status?: number;
  readonly headers: Headers;
  readonly body: string;
  /** Why there is no complete response. */
  readonly failure?: string;
}

const now = Date.parse('2026-03-01T12:00:00Z');

async function make(): Promise<MockIssuer> {
  const mock = await createMockIssuer({ alg: 'ES256', rotation: 'strict' });
  mock.clock.freeze(now);
  return mock;
}

async function look(mock: MockIssuer, path: string, init: RequestInit = {}): Promise<Seen> {
  try {
    const response = await mock.fetch(mock.issuer + path, { redirect: 'manual', ...init });
    const { status, headers } = response;
    try {
      return { status, headers, body: await response.text() };
    } catch (error) {
      return { status, headers, body: '', failure: text(error instanceof Error && error.message) };
    }
  } catch (error) {
    return { headers: new Headers(), body: '', failure: text(error instanceof Error && error.message) };
  }
}

function lookAtToken(mock: MockIssuer, refreshToken: string): Promise<Seen> {
  const form = { grant_type: 'refresh_token', client_id: 'demo', refresh_token: refreshToken };
  return look(mock, '/token', { method: 'POST', body: new URLSearchParams(form) });
}

const json = (seen: Seen) => JSON.parse(seen.body);
const accessToken = (seen: Seen) => text(json(seen).access_token);
const idToken = (seen: Seen) => text(json(seen).id_token);

async function verify(mock: MockIssuer, token: string): Promise<string> {
  const keys = createRemoteJWKSet(new URL(`${mock.issuer}/jwks`), { [customFetch]: mock.fetch });
  const expected = {
    issuer: mock.issuer,
    audience: [`${mock.issuer}/api`, 'demo'],
    currentDate: new Date(now),
  };
  return jwtVerify(token, keys, expected).then(
    () => 'verified',
    error => error.code,
  );
}

interface Case {
  readonly fault: Fault;
  /** Whether the rotation takes effect even if the client does not get the response. */
  readonly commits: boolean;
  check(seen: Seen, mock: MockIssuer): Promise<void> | void;
}

/** What each fault does to a refresh. */
const tokenCases: readonly Case[] = [
  {
    fault: { type: 'dropBeforeCommit' },
    commits: false,
    check: seen => assert.deepEqual([seen.status, seen.failure], [undefined, 'fetch failed']),
  },
  {
    fault: { type: 'dropAfterCommit' },
    commits: true,
    check: seen => assert.deepEqual([seen.status, seen.failure], [undefined, 'fetch failed']),
  },
  {
    fault: { type: 'truncate' },
    commits: true,
    check: seen => assert.deepEqual([seen.status, seen.failure], [200, 'terminated']),
  },
  {
    fault: { type: 'tooManyRequests', retryAfter: 7 },
    commits: false,
    check: seen => assert.deepEqual([seen.status, seen.headers.get('retry-after')], [429, '7']),
  },
  {
    fault: { type: 'tooManyRequests', retryAfter: 90, asDate: true },
    commits: false,
    check: seen => assert.equal(seen.headers.get('retry-after'), 'Sun, 01 Mar 2026 12:01:30 GMT'),
  },
  { fault: { type: 'serverError' }, commits: false, check: seen => assert.equal(seen.status, 503) },
  {
    fault: { type: 'serverError', status: 502, commit: true },
    commits: true,
    check: seen => assert.equal(seen.status, 502),
  },
  { fault: { type: 'htmlOk' }, commits: false, check: seen => assertHtml(seen, 200) },
  { fault: { type: 'htmlOk', commit: true }, commits: true, check: seen => assertHtml(seen, 200) },
  { fault: { type: 'htmlBadRequest' }, commits: false, check: seen => assertHtml(seen, 400) },
  {
    fault: { type: 'emptyBadRequest' },
    commits: false,
    check: seen => assert.deepEqual([seen.status, seen.body], [400, '']),
  },
  {
    fault: { type: 'invalidJson', commit: true },
    commits: true,
    check: seen => {
      assert.deepEqual([seen.status, seen.headers.get('content-type')], [200, 'application/json']);
      assert.throws(() => json(seen), SyntaxError);
    },
  },
  ...([301, 302, 303, 307, 308] as const).map(
    (status): Case => ({
      fault: { type: 'redirect', status, location: 'https://other.example/token' },
      commits: false,
      check: seen =>
        assert.deepEqual([seen.status, seen.headers.get('location')], [status, 'https://other.example/token']),
    }),
  ),
  {
    fault: { type: 'oauthError', error: 'use_dpop_nonce' },
    commits: false,
    check: seen => assert.deepEqual([seen.status, json(seen).error], [400, 'use_dpop_nonce']),
  },
  {
    fault: { type: 'wrongSignature' },
    commits: true,
    check: async (seen, mock) => {
      const failed = 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED';
      assert.deepEqual([await verify(mock, accessToken(seen)), await verify(mock, idToken(seen))], [failed, failed]);
    },
  },
  {
    fault: { type: 'unknownKid' },
    commits: true,
    check: async (seen, mock) => assert.equal(await verify(mock, accessToken(seen)), 'ERR_JWKS_NO_MATCHING_KEY'),
  },
  {
    fault: { type: 'wrongIss' },
    commits: true,
    check: seen => assert.equal(decodeJwt(idToken(seen)).iss, 'https://other.example'),
  },
  {
    fault: { type: 'wrongAud', token: 'id_token' },
    commits: true,
    check: async (seen, mock) => {
      assert.equal(decodeJwt(idToken(seen)).aud, 'someone-else');
      assert.equal(await verify(mock, accessToken(seen)), 'verified');
      assert.equal(await verify(mock, idToken(seen)), 'ERR_JWT_CLAIM_VALIDATION_FAILED');
    },
  },
  {
    fault: { type: 'wrongSub' },
    commits: true,
    check: seen => assert.equal(decodeJwt(idToken(seen)).sub, 'someone-else'),
  },
  {
    fault: { type: 'expiredAtBirth' },
    commits: true,
    check: async (seen, mock) => assert.equal(await verify(mock, accessToken(seen)), 'ERR_JWT_EXPIRED'),
  },
  {
    fault: { type: 'nbfInFuture' },
    commits: true,
    check: async (seen, mock) => assert.equal(await verify(mock, accessToken(seen)), 'ERR_JWT_CLAIM_VALIDATION_FAILED'),
  },
  {
    fault: { type: 'clockSkew', by: -600 },
    commits: true,
    check: seen => {
      assert.equal(seen.headers.get('date'), 'Sun, 01 Mar 2026 11:50:00 GMT');
      const { iat, exp, auth_time } = decodeJwt(idToken(seen));
      assert.deepEqual([iat, exp, auth_time], [now / 1000 - 600, now / 1000 + 3000, now / 1000 - 600]);
    },
  },
  {
    fault: { type: 'claim', name: 'at_hash', value: 'AAAA', token: 'id_token' },
    commits: true,
    check: seen => assert.equal(decodeJwt(idToken(seen)).at_hash, 'AAAA'),
  },
  {
    fault: { type: 'claim', name: 'exp' },
    commits: true,
    check: seen => assert.ok(!('exp' in decodeJwt(accessToken(seen)))),
  },
  {
    fault: { type: 'header', name: 'typ', value: 'JWT' },
    commits: true,
    check: seen => assert.equal(decodeProtectedHeader(accessToken(seen)).typ, 'JWT'),
  },
  {
    fault: { type: 'algNone' },
    commits: true,
    check: seen => {
      assert.equal(decodeProtectedHeader(accessToken(seen)).alg, 'none');
      assert.ok(accessToken(seen).endsWith('.'));
    },
  },
  {
    fault: { type: 'hmacWithPublicKey', token: 'id_token' },
    commits: true,
    check: async (seen, mock) => {
      assert.equal(decodeProtectedHeader(idToken(seen)).alg, 'HS256');
      assert.equal(await verify(mock, accessToken(seen)), 'verified', 'the other token is as it was');
    },
  },
  {
    fault: { type: 'expiresInMissing' },
    commits: true,
    check: seen => assert.ok(!('expires_in' in json(seen)) && 'access_token' in json(seen)),
  },
  ...['0', '-1', '"3600"', '1e400', 'null'].map(
    (literal): Case => ({
      fault: { type: 'expiresIn', literal },
      commits: true,
      check: seen => {
        assert.ok(seen.body.includes(`"expires_in":${literal},`), seen.body);
        assert.equal(json(seen).expires_in, JSON.parse(literal));
      },
    }),
  ),
  {
    fault: { type: 'refreshTokenMissing' },
    commits: true,
    check: seen => assert.ok(!('refresh_token' in json(seen)) && 'access_token' in json(seen)),
  },
  {
    fault: { type: 'idTokenMissing' },
    commits: true,
    check: seen => assert.ok(!('id_token' in json(seen)) && 'access_token' in json(seen)),
  },
  {
    fault: { type: 'tokenType', value: 'bEARER' },
    commits: true,
    check: seen => assert.equal(json(seen).token_type, 'bEARER'),
  },
  {
    fault: { type: 'member', name: 'token_type' },
    commits: true,
    check: seen => assert.ok(!('token_type' in json(seen)) && 'access_token' in json(seen)),
  },
];

function assertHtml(seen: Seen, status: number): void {
  assert.deepEqual([seen.status, seen.headers.get('content-type')], [status, 'text/html; charset=utf-8']);
  assert.match(seen.body, /^<!DOCTYPE html>/);
}

describe('mock issuer: faults', () => {
  it('every fault in the table has a test', () => {
    const folder = join(root, 'test', 'unit', 'mock');
    const tests = readdirSync(folder).map(name => readFileSync(join(folder, name), 'utf8'));
    assert.deepEqual(
      faultTypes.filter(type => !tests.some(text => text.includes(`type: '${type}'`))),
      [],
    );
  });

  for (const { fault, commits, check } of tokenCases) {
    it(`${JSON.stringify(fault)}: ${commits ? 'committed' : 'not committed'}`, async () => {
      const mock = await make();
      const sent = text((await mock.issueTokens()).refresh_token);
      mock.faults.next(1, fault);
      const seen = await lookAtToken(mock, sent);
      await check(seen, mock);
      const logged = mock.requests[0];
      assert.deepEqual([logged?.faults, logged?.committed, logged?.status], [[fault.type], commits, seen.status]);
      // A strict issuer accepts the same token again only if the first attempt had no effect.
      const again = await refresh(mock, sent);
      assert.equal(again.status, commits ? 400 : 200);
    });
  }

  it('delay: before or after the request is handled, by the mock’s clock', async () => {
    const mock = await make();
    for (const after of [false, true]) {
      const { refresh_token } = await mock.issueTokens();
      mock.faults.next(1, { type: 'delay', ms: 5_000, after });
      const answer = refresh(mock, refresh_token);
      while (mock.clock.sleeping === 0) await new Promise(setImmediate);
      assert.equal(mock.requests.at(-1)?.committed, after);
      assert.equal(mock.requests.at(-1)?.status, undefined);
      mock.clock.advance(5_000);
      assert.equal((await answer).status, 200);
      assert.equal(mock.requests.at(-1)?.status, 200);
    }
  });

  it('a request that the caller aborts ends at once, and the issuer keeps running', async () => {
    const mock = await make();
    const { refresh_token } = await mock.issueTokens();
    mock.faults.next(1, { type: 'delay', ms: 5_000 });
    const controller = new AbortController();
    const form = { grant_type: 'refresh_token', client_id: 'demo', refresh_token: text(refresh_token) };
    const { signal } = controller;
    const arrived = mock.nextRequest();
    const answer = mock.fetch(`${mock.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams(form),
      signal,
    });
    await arrived;
    controller.abort(new Error('too long'));
    await assert.rejects(answer, /too long/);
    while (mock.clock.sleeping === 0) await new Promise(setImmediate);
    mock.clock.advance(5_000);
    while (mock.requests[0]?.status === undefined) await new Promise(setImmediate);
    assertError(await refresh(mock, refresh_token), 400, 'invalid_grant');
    await assert.rejects(mock.fetch(mock.issuer, { signal: AbortSignal.abort(new Error('never')) }), /never/);
  });

  it('a redirect that would be followed fails in process, because no other server can be reached', async () => {
    const mock = await make();
    mock.setFault({ type: 'redirect', location: 'https://other.example' });
    for (const redirect of ['follow', 'error'] as const) {
      assert.equal((await look(mock, '/jwks', { redirect })).failure, 'fetch failed');
    }
  });

  it('JWKS: down, slow, stale, HTML, empty', async () => {
    const mock = await make();
    await mock.rotateKeys();
    const [old] = mock.jwks().keys;
    mock.faults.next(1, { type: 'jwksDown' });
    assert.equal((await look(mock, '/jwks')).status, 503);
    mock.faults.next(1, { type: 'jwksStale' });
    assert.deepEqual(json(await look(mock, '/jwks')), { keys: [old] });
    mock.faults.next(1, { type: 'jwksHtml' });
    assertHtml(await look(mock, '/jwks'), 200);
    mock.faults.next(1, { type: 'jwksEmpty' });
    assert.deepEqual(json(await look(mock, '/jwks')), { keys: [] });
    mock.faults.next(1, { type: 'jwksSlow', ms: 9_000 });
    const slow = look(mock, '/jwks');
    while (mock.clock.sleeping === 0) await new Promise(setImmediate);
    mock.clock.advance(9_000);
    assert.equal(json(await slow).keys.length, 2);
  });

  it('keys published only as certificates, and a weak RSA key', async () => {
    const mock = await make();
    const [key] = mock.jwks().keys;
    mock.faults.next(1, { type: 'jwksX5cOnly' });
    const [{ x5c, ...certified }] = json(await look(mock, '/jwks')).keys;
    assert.deepEqual(certified, { kty: 'EC', kid: key?.kid, alg: 'ES256', use: 'sig' });
    const { x, y } = new X509Certificate(Buffer.from(x5c[0], 'base64')).publicKey.export({ format: 'jwk' });
    assert.deepEqual([x, y], [key?.x, key?.y]);
    mock.setFault({ type: 'weakRsa', token: 'id_token' });
    const seen = await lookAtToken(mock, text((await mock.issueTokens()).refresh_token));
    const [weak] = json(await look(mock, '/jwks')).keys;
    const [head, body, signature] = idToken(seen).split('.');
    const input = Buffer.from(`${head}.${body}`);
    const publicKey = createPublicKey({ key: weak, format: 'jwk' });
    assert.equal(publicKey.asymmetricKeyDetails?.modulusLength, 1024);
    assert.ok(verifySignature('sha256', input, publicKey, Buffer.from(text(signature), 'base64url')));
    assert.equal(await verify(mock, accessToken(seen)), 'verified', 'the other token is as it was');
  });

  it('an API that requires another scope, and a callback that is sent twice', async () => {
    const mock = await make();
    mock.faults.next(1, { type: 'insufficientScope', scope: 'groups "x"' });
    const { status, headers } = await look(mock, '/api');
    assert.deepEqual(
      [status, headers.get('www-authenticate')],
      [403, 'Bearer error="insufficient_scope", scope="groups x"'],
    );
    mock.setSignIn('auto');
    mock.setFault({ type: 'doubleCallback' });
    const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
    const request = {
      client_id: 'demo',
      response_type: 'code',
      redirect_uri: 'http://127.0.0.1/callback',
      scope: 'openid',
    };
    const query = new URLSearchParams({ ...request, code_challenge: challenge, code_challenge_method: 'S256' });
    const page = await look(mock, `/authorize?${query}`);
    assert.equal(page.status, 200);
    assert.match(
      page.body,
      /<img hidden src="(http:\/\/127\.0\.0\.1\/callback\?code=[^"]+)"><meta http-equiv="refresh" content="0;url=\1">/,
    );
  });

  it('metadata of another issuer', async () => {
    const mock = await make();
    mock.setFault({ type: 'otherIssuer' });
    const seen = await look(mock, '/.well-known/openid-configuration');
    assert.equal(json(seen).issuer, 'https://other.example');
  });

  it('applies to its own endpoints, or to the configured ones', async () => {
    const mock = await make();
    const statuses = async () => [
      (await look(mock, '/jwks')).status,
      (await look(mock, '/.well-known/openid-configuration')).status,
      (await look(mock, '/token', { method: 'POST' })).status,
    ];
    mock.setFault({ type: 'serverError' });
    assert.deepEqual(await statuses(), [503, 503, 503]);
    mock.setFault({ type: 'serverError', at: 'jwks' });
    assert.deepEqual(await statuses(), [503, 200, 400]);
    mock.setFault({ type: 'serverError', at: ['metadata', 'token'] });
    assert.deepEqual(await statuses(), [200, 503, 503]);
    mock.faults.clear('serverError');
    assert.deepEqual(await statuses(), [200, 200, 400]);
  });

  it('affects only the grants it names, and does not count the others', async () => {
    const mock = await make();
    const status = async (grant_type: string) => {
      const body = new URLSearchParams({ grant_type, client_id: 'demo' });
      return (await look(mock, '/token', { method: 'POST', body })).status;
    };
    mock.setFault({ type: 'tooManyRequests', at: 'token', times: 1, grant_type: 'refresh_token' });
    const grants = ['password', 'refresh_token', 'refresh_token'];
    const statuses: unknown[] = [];
    for (const grant of grants) statuses.push(await status(grant));
    assert.deepEqual(statuses, [400, 429, 400]);
    mock.setFault({ type: 'serverError', at: 'token', grant_type: ['password', 'refresh_token'] });
    assert.deepEqual([await status('password'), await status('authorization_code')], [503, 400]);
    // A request without a form has no grant type.
    assert.equal((await look(mock, '/token', { method: 'POST' })).status, 400);
    mock.faults.clear();
    mock.faults.next(1, { type: 'serverError', grant_type: 'refresh_token' });
    assert.equal((await look(mock, '/jwks')).status, 200);
    assert.deepEqual(
      [await status('password'), await status('refresh_token'), await status('refresh_token')],
      [400, 503, 400],
    );
    for (const fault of [{ type: 'jwksDown' }, { type: 'serverError', at: ['jwks', 'userinfo'] }] as const)
      assert.throws(
        () => mock.setFault({ ...fault, grant_type: 'refresh_token' }),
        /fault\.grant_type: left out where at does not contain token/,
      );
  });

  it('affect the next n requests, in the order in which they were queued, or together', async () => {
    const mock = await make();
    mock.faults.next(2, { type: 'serverError', status: 500 });
    mock.faults.next(1, { type: 'serverError', status: 501, at: 'jwks' });
    const statuses: unknown[] = [];
    for (let i = 0; i < 4; i += 1) statuses.push((await look(mock, '/jwks')).status);
    assert.deepEqual(statuses, [500, 500, 501, 200]);

    mock.faults.next(1, [{ type: 'wrongIss' }, { type: 'refreshTokenMissing' }]);
    const seen = await lookAtToken(mock, text((await mock.issueTokens()).refresh_token));
    assert.equal(decodeJwt(accessToken(seen)).iss, 'https://other.example');
    assert.ok(!('refresh_token' in json(seen)));
    assert.deepEqual(mock.requests.at(-1)?.faults, ['wrongIss', 'refreshTokenMissing']);
  });

  it('affect requests the given number of times, or with a probability that one seed makes reproducible', async () => {
    const row = async (seed: number) => {
      const mock = await createMockIssuer({
        alg: 'ES256',
        faults: [{ type: 'jwksDown', times: 20, probability: 0.5, seed }],
      });
      let hits = '';
      for (let i = 0; i < 100; i += 1) hits += (await look(mock, '/jwks')).status === 503 ? 'x' : '.';
      return hits;
    };
    const one = await row(1);
    assert.equal(one.replaceAll('.', '').length, 20);
    assert.match(one.slice(0, 30), /x\.|\.x/);
    assert.equal(await row(1), one);
    assert.notEqual(await row(2), one);
  });
});
