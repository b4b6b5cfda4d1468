import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import { failureKind } from '../../../../src/core/errorTable.ts';
import { createDiscovery } from '../../../../src/core/issuer/discovery.ts';
import { createTokenClient, type TokenRequest } from '../../../../src/core/issuer/tokenEndpoint.ts';
import type { Fetch } from '../../../../src/core/ports.ts';
import { type Connection, readConnection } from '../../../../src/core/records/connection.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { type LoopbackServer, loopbackServer, reply } from '../../../support/loopbackServer.ts';
import { manualClock } from '../../../support/manualClock.ts';

const start = Date.now();
const refreshToken = 'canary-refresh-token';
const clientSecret = 'canary/secret+with: all~kinds-of_signs.é';
const credentials = { client_secret: clientSecret };

describe('the token endpoint', () => {
  let server: LoopbackServer;
  before(async () => {
    server = await loopbackServer(() => {});
  });
  after(() => server.close());
  beforeEach(() => {
    server.requests.length = 0;
    succeed({ access_token: 'new-access-token', token_type: 'Bearer' });
  });

  function succeed(body: unknown, headers = {}): void {
    server.answer = (_, response) => reply(response, 200, body, headers);
  }

  function connectionOf(fields: object = {}): Connection {
    const tokenEndpoint = `${server.origin}/token`;
    const { connection, problems } = readConnection({ id: 'a', clientId: 'app', tokenEndpoint, ...fields });
    assert.ok(connection, JSON.stringify(problems));
    return connection;
  }

  function client(fetch: Fetch = globalThis.fetch, clock = manualClock(start)) {
    return createTokenClient({ fetch, clock, discovery: createDiscovery({ fetch, clock }) });
  }

  const refresh = (request: Partial<TokenRequest> = {}, fetch?: Fetch) =>
    client(fetch).refresh({ connection: connectionOf(), refreshToken, ...request });

  const form = () => Object.fromEntries(new URLSearchParams(server.requests.at(-1)?.body));

  describe('is asked', () => {
    it('for a refresh with nothing that need not be sent', async () => {
      await refresh({ connection: connectionOf({ scope: 'openid', audience: 'https://api.example' }) });
      const [request] = server.requests;
      assert.equal(request?.method, 'POST');
      assert.equal(request?.path, '/token');
      assert.equal(request?.headers.accept, 'application/json');
      assert.match(request?.headers['content-type'] ?? '', /^application\/x-www-form-urlencoded/);
      assert.equal(request?.headers.authorization, undefined);
      assert.equal(request?.headers.cookie, undefined);
      assert.deepEqual(form(), {
        grant_type: 'refresh_token',
        client_id: 'app',
        refresh_token: refreshToken,
      });
    });

    it('with resource and extra parameters, which replace nothing', async () => {
      const connection = connectionOf({
        resource: 'https://api.example',
        extraParameters: { tenant: 'a b' },
      });
      const forced = {
        ...connection,
        extraParameters: {
          tenant: 'a b',
          grant_type: 'password',
          refresh_token: 'other',
          client_id: 'other',
          client_secret: 'other',
          client_assertion: 'other',
          scope: 'other',
        },
      };
      await refresh({ connection: forced });
      assert.deepEqual(form(), {
        grant_type: 'refresh_token',
        client_id: 'app',
        refresh_token: refreshToken,
        resource: 'https://api.example',
        tenant: 'a b',
      });
    });

    it('for client credentials with scope, audience and resource', async () => {
      await client().clientCredentials({
        connection: connectionOf({
          scope: 'read write',
          audience: 'https://api.example',
          resource: 'https://api.example/v1',
          tokenEndpointAuthMethod: 'client_secret_post',
        }),
        credentials,
      });
      assert.deepEqual(form(), {
        grant_type: 'client_credentials',
        client_id: 'app',
        client_secret: clientSecret,
        scope: 'read write',
        audience: 'https://api.example',
        resource: 'https://api.example/v1',
      });
    });

    it('with the secret in the header, in the form encoding and no more than that', async () => {
      const connection = connectionOf({
        clientId: 'my-app_1.0',
        tokenEndpointAuthMethod: 'client_secret_basic',
      });
      await refresh({ connection, credentials });
      const [scheme, encoded = ''] = server.requests[0]?.headers.authorization?.split(' ') ?? [];
      assert.equal(scheme, 'Basic');
      assert.equal(
        Buffer.from(encoded, 'base64').toString(),
        'my-app_1.0:canary%2Fsecret%2Bwith%3A+all%7Ekinds-of_signs.%C3%A9',
      );
      assert.deepEqual(form(), { grant_type: 'refresh_token', refresh_token: refreshToken });
    });

    it('with the secret in the body', async () => {
      await refresh({
        connection: connectionOf({ tokenEndpointAuthMethod: 'client_secret_post' }),
        credentials,
      });
      assert.equal(server.requests[0]?.headers.authorization, undefined);
      assert.deepEqual(form(), {
        grant_type: 'refresh_token',
        client_id: 'app',
        client_secret: clientSecret,
        refresh_token: refreshToken,
      });
    });

    it('without the secret where the client is public', async () => {
      await refresh({ credentials });
      assert.doesNotMatch(JSON.stringify(server.requests), /canary\/secret/);
    });

    for (const [method, code] of [
      ['client_secret_basic', 'client_secret_missing'],
      ['client_secret_post', 'client_secret_missing'],
      ['client_secret_jwt', 'client_secret_missing'],
      ['private_key_jwt', 'private_key_missing'],
      ['tls_client_auth', 'private_key_missing'],
      ['self_signed_tls_client_auth', 'private_key_missing'],
    ] as const) {
      it(`not at all for ${method} without what it needs`, async () => {
        const error = await failureOf(refresh({ connection: connectionOf({ tokenEndpointAuthMethod: method }) }));
        assert.deepEqual([error.code, error.data.method], [code, method]);
        assert.equal(failureKind(error), 'configuration');
        assert.equal(server.requests.length, 0);
      });
    }

    it('where the caller has found it to be, and nowhere else', async () => {
      const { tokenEndpoint: _, ...connection } = connectionOf({ issuer: server.origin });
      await refresh({ connection, endpoints: { token_endpoint: `${server.origin}/resolved` } });
      assert.deepEqual(
        server.requests.map(({ path }) => path),
        ['/resolved'],
      );
    });

    it('where the metadata says', async () => {
      server.answer = ({ path }, response) =>
        path === '/.well-known/openid-configuration'
          ? reply(response, 200, { issuer: server.origin, token_endpoint: `${server.origin}/found` })
          : reply(response, 200, { access_token: 'a', token_type: 'Bearer' });
      const { tokenEndpoint: _, ...connection } = connectionOf({ issuer: server.origin });
      await refresh({ connection });
      assert.deepEqual(
        server.requests.map(({ path }) => path),
        ['/.well-known/openid-configuration', '/found'],
      );
    });
  });

  describe('answers', () => {
    it('with everything that is kept, as it came', async () => {
      const body = {
        access_token: 'a',
        token_type: 'bEaReR',
        refresh_token: 'b',
        scope: 'openid',
        expires_in: 300,
        refresh_expires_in: 1800,
        session_state: 'c',
      };
      succeed(body, { date: new Date(start + 5000).toUTCString() });
      const answer = await refresh();
      const { session_state: _, ...kept } = body;
      assert.deepEqual(answer.raw, kept);
      assert.equal(answer.status, 200);
      assert.equal(answer.receivedAt, start);
      assert.equal(answer.date, Math.floor((start + 5000) / 1000) * 1000);
      assert.deepEqual(await answer.validate(), { warnings: [] });
    });

    for (const [name, value, kept] of [
      ['expires_in', '3600', 3600],
      ['expires_in', ' 3600 ', 3600],
      ['expires_in', '3599.5', 3599.5],
      ['expires_in', 0, 0],
      ['expires_in', 2592000, 2592000],
      ['refresh_token_expires_in', 15897600, undefined],
    ] as const) {
      it(`with ${name} ${JSON.stringify(value)}`, async () => {
        succeed({ access_token: 'a', token_type: 'Bearer', [name]: value });
        const answer = await refresh();
        assert.equal(answer.raw.expires_in, kept);
        if (kept === undefined) assert.equal(answer.raw.refresh_expires_in, value);
        assert.deepEqual((await answer.validate()).warnings, []);
      });
    }

    for (const [name, value] of [
      ['expires_in', '-1'],
      ['expires_in', '"soon"'],
      ['expires_in', '1e400'],
      ['expires_in', '-1e400'],
      ['expires_in', '1e300'],
      ['expires_in', 'true'],
      ['expires_in', '"1e3"'],
      ['expires_in', '{}'],
      ['refresh_expires_in', '-5'],
      ['scope', '["openid", 1]'],
      ['id_token', '{}'],
      ['refresh_token', '42'],
    ] as const) {
      it(`with ${name} ${value}, which is left out and spoils nothing`, async () => {
        server.answer = (_, response) =>
          reply(response, 200, `{"refresh_token":"b","access_token":"a","token_type":"Bearer","${name}":${value}}`);
        const answer = await refresh();
        assert.deepEqual(answer.raw, {
          access_token: 'a',
          token_type: 'Bearer',
          ...(name !== 'refresh_token' && { refresh_token: 'b' }),
        });
        assert.deepEqual((await answer.validate()).warnings, [{ code: 'member_invalid', member: name }]);
      });
    }

    it('with empty and absent members, which are the same', async () => {
      succeed({
        access_token: 'a',
        token_type: 'Bearer',
        refresh_token: '',
        id_token: null,
        scope: '',
        expires_in: null,
      });
      const answer = await refresh();
      assert.deepEqual(answer.raw, { access_token: 'a', token_type: 'Bearer' });
      assert.deepEqual(await answer.validate(), { warnings: [] });
    });

    it('without a token type, which is taken for Bearer and told', async () => {
      succeed({ access_token: 'a' });
      const answer = await refresh();
      assert.deepEqual(await answer.validate(), { warnings: [{ code: 'token_type_missing' }] });
    });

    it('with only a new refresh token: it is passed on before the response is rejected', async () => {
      succeed({ refresh_token: 'the only copy' });
      const answer = await refresh();
      assert.deepEqual(answer.raw, { refresh_token: 'the only copy' });
      const error = await failureOf(answer.validate());
      assert.deepEqual([error.code, error.data.reason], ['response_invalid', 'access_token_missing']);
    });

    it('with an unregistered token type, which is used as a bearer token with a warning', async () => {
      succeed({ access_token: 'a', token_type: 'bot', refresh_token: 'b' });
      const answer = await refresh();
      assert.equal(answer.raw.refresh_token, 'b');
      assert.deepEqual(await answer.validate(), {
        warnings: [{ code: 'token_type_unknown', member: 'token_type' }],
      });
    });

    it('as GitHub does where JSON is not asked for, with a form', async () => {
      const type = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
      succeed('access_token=gho_a&expires_in=28800&refresh_token=ghr_%2Bb&scope=&token_type=bearer', type);
      const { raw, validate } = await refresh();
      const { access_token, refresh_token } = { access_token: 'gho_a', refresh_token: 'ghr_+b' };
      assert.deepEqual(raw, { access_token, refresh_token, expires_in: 28800, token_type: 'bearer' });
      assert.deepEqual((await validate()).warnings, []);
      succeed('error=bad_refresh_token&error_description=It+has+expired.', type);
      const error = await failureOf(refresh());
      assert.equal(error.data.error_description, 'It has expired.');
      succeed('nothing', type);
      assert.equal((await failureOf(refresh())).code, 'response_invalid');
    });

    it('as GitHub does, with status 200 and an error', async () => {
      succeed({
        error: 'bad_refresh_token',
        error_description: 'The refresh token passed is incorrect or expired.',
      });
      const error = await failureOf(refresh());
      assert.deepEqual([error.code, error.data.error, error.data.status], ['oauth_error', 'bad_refresh_token', 200]);
      assert.equal(failureKind(error), 'refused');
    });
  });

  describe('with an ID token', () => {
    const seconds = Math.floor(start / 1000);
    const claims = { iss: 'https://as.example', sub: 'u', aud: 'app', exp: seconds + 300, iat: seconds };
    const jwt = (payload: object, header: object = { alg: 'RS256' }) =>
      `${base64url(header)}.${base64url(payload)}.c2ln`;

    async function validate(now: string, before?: string, fields: object = {}, headers = {}) {
      succeed({ access_token: 'a', token_type: 'Bearer', refresh_token: 'b', id_token: now }, headers);
      const answer = await refresh({ connection: connectionOf({ issuer: claims.iss, ...fields }) });
      // Whatever is wrong with the response, the part that must be stored first is there.
      assert.equal(answer.raw.refresh_token, 'b');
      return answer.validate(before === undefined ? {} : { id_token: before });
    }

    it('of the same user, issuer and client', async () => {
      assert.deepEqual(await validate(jwt(claims), jwt({ ...claims, exp: seconds - 9000 })), {
        warnings: [],
      });
      assert.deepEqual(await validate(jwt(claims)), { warnings: [] });
      assert.deepEqual(await validate(jwt({ ...claims, aud: ['app'] }), jwt(claims)), { warnings: [] });
    });

    for (const [name, now, before, data] of [
      ['another subject', claims, { ...claims, sub: 'v' }, { reason: 'id_token_changed', claim: 'sub' }],
      [
        'another issuer than before',
        claims,
        { ...claims, iss: 'https://b.example' },
        { reason: 'id_token_changed', claim: 'iss' },
      ],
      ['an audience less', claims, { ...claims, aud: ['app', 'api'] }, { reason: 'id_token_changed', claim: 'aud' }],
      [
        'another issuer',
        { ...claims, iss: 'https://evil.example' },
        undefined,
        { reason: 'id_token_claim', claim: 'iss', expected: claims.iss, found: 'https://evil.example' },
      ],
      ['another client', { ...claims, aud: 'other' }, undefined, { reason: 'id_token_claim', claim: 'aud' }],
      [
        'an authorized party that is another',
        { ...claims, aud: ['app', 'b'], azp: 'b' },
        undefined,
        { reason: 'id_token_claim', claim: 'azp' },
      ],
      ['an end that is over', { ...claims, exp: seconds - 60 }, undefined, { reason: 'id_token_time', claim: 'exp' }],
      [
        'a start that is to come',
        { ...claims, nbf: seconds + 60 },
        undefined,
        { reason: 'id_token_time', claim: 'nbf' },
      ],
      [
        'another issuer, without a required claim',
        { ...claims, iss: 'https://evil.example', iat: undefined },
        undefined,
        { reason: 'id_token_claim', claim: 'iss', expected: claims.iss, found: 'https://evil.example' },
      ],
      [
        'another client, without a required claim',
        { ...claims, aud: 'other', exp: undefined },
        undefined,
        { reason: 'id_token_claim', claim: 'aud' },
      ],
      [
        'another subject, without a required claim',
        { ...claims, iat: undefined },
        { ...claims, sub: 'v' },
        { reason: 'id_token_changed', claim: 'sub' },
      ],
      [
        'an end that is over, without a required claim',
        { ...claims, exp: seconds - 60, sub: undefined },
        undefined,
        { reason: 'id_token_time', claim: 'exp' },
      ],
    ] as const) {
      it(`refuses ${name}`, async () => {
        // The server's own Date header would depend on how long earlier tests took.
        const date = { date: new Date(start).toUTCString() };
        const error = await failureOf(validate(jwt(now), before && jwt(before), {}, date));
        assert.equal(error.code, 'response_invalid');
        assert.deepEqual(error.data, { sent: true, ...data });
      });
    }

    for (const [name, token, data] of [
      ['no signature', jwt(claims, { alg: 'none' }), { reason: 'id_token_algorithm', found: 'none' }],
      [
        'no signature in another spelling',
        jwt(claims, { alg: 'nOnE' }),
        { reason: 'id_token_algorithm', found: 'nOnE' },
      ],
      ['a critical header', jwt(claims, { alg: 'RS256', crit: ['x'] }), { reason: 'id_token_critical' }],
      [
        'no signature and no issue time',
        jwt({ ...claims, iat: undefined }, { alg: 'none' }),
        { reason: 'id_token_algorithm', found: 'none' },
      ],
    ] as const) {
      it(`refuses one with ${name}`, async () => {
        assert.deepEqual((await failureOf(validate(token))).data, { sent: true, ...data });
      });
    }

    const without = (name: keyof typeof claims) => jwt({ ...claims, [name]: undefined });
    for (const [name, token] of [
      ['no JWT', 'canary'],
      ['no JSON', 'Y2FuYXJ5.Y2FuYXJ5.c2ln'],
      ['no issuer', without('iss')],
      ['no subject', without('sub')],
      ['no audience', without('aud')],
      ['no end', without('exp')],
      ['no issue time', without('iat')],
      ['an end that is a text', jwt({ ...claims, exp: 'soon' })],
      ['an audience that is a number', jwt({ ...claims, aud: 7 })],
    ] as const) {
      it(`leaves out one with ${name}, which is no ID token, and keeps the access token`, async () => {
        const left = [{ code: 'id_token_left_out', member: 'id_token' }];
        assert.deepEqual((await validate(token)).warnings, left);
        assert.deepEqual((await validate(token, jwt(claims))).warnings, left);
      });
    }

    it('of a sign-in must be one', async () => {
      succeed({ access_token: 'a', token_type: 'Bearer', id_token: without('iat') });
      const answer = await client().deviceCode({ connection: connectionOf({ issuer: claims.iss }), deviceCode: 'd' });
      const { data } = await failureOf(answer.validate());
      assert.equal(data.reason, 'id_token_malformed');
    });

    it('whose times are texts: they are read as numbers, checked like them, and told', async () => {
      // https://github.com/aspnet-contrib/AspNet.Security.OpenIdConnect.Server/issues/176
      const texts = {
        exp: `${claims.exp}`,
        iat: `${claims.iat}`,
        nbf: `${seconds - 1}.5`,
        auth_time: `${seconds - 9}`,
      };
      const { warnings } = await validate(jwt({ ...claims, ...texts }), jwt(claims));
      const told = ['exp', 'nbf', 'iat', 'auth_time'].map(member => ({ code: 'id_token_time_as_text', member }));
      assert.deepEqual(warnings, told);
      for (const [changed, reason] of [
        [{ exp: `${seconds - 60}` }, 'id_token_time'],
        [{ nbf: `${seconds + 60}` }, 'id_token_time'],
        [{ aud: 'other' }, 'id_token_claim'],
      ] as const) {
        const date = { date: new Date(start).toUTCString() };
        const { data } = await failureOf(validate(jwt({ ...claims, ...texts, ...changed }), undefined, {}, date));
        assert.equal(data.reason, reason, JSON.stringify(changed));
      }
    });

    it('of Google, which uses two issuer names, and of no other issuer with two', async () => {
      for (const [issuer, iss] of [
        ['https://accounts.google.com', 'accounts.google.com'],
        ['https://accounts.google.com', 'https://accounts.google.com'],
      ] as const) {
        const token = jwt({ ...claims, iss });
        assert.deepEqual(await validate(token, jwt({ ...claims, iss: issuer }), { issuer }), { warnings: [] });
      }
      const { data } = await failureOf(validate(jwt({ ...claims, iss: 'as.example' })));
      assert.deepEqual([data.claim, data.found], ['iss', 'as.example']);
    });

    it('that is encrypted: it is kept, not read, and told', async () => {
      assert.deepEqual((await validate('a.b.c.d.e')).warnings, [{ code: 'id_token_encrypted', member: 'id_token' }]);
    });

    it('whose other claims changed: a warning', async () => {
      const { warnings } = await validate(
        jwt({ ...claims, auth_time: 2, nonce: 'n' }),
        jwt({ ...claims, auth_time: 1, nonce: 'n' }),
      );
      assert.deepEqual(warnings, [{ code: 'id_token_claim_changed', member: 'auth_time' }]);
    });

    for (const skew of [-3_600_000, 3_600_000]) {
      it(`of an issuer whose clock is ${skew / 1000} s off: its own clock is used, with a warning`, async () => {
        const then = seconds + skew / 1000;
        const { warnings } = await validate(
          jwt({ ...claims, iat: then, nbf: then, exp: then + 300 }),
          undefined,
          {},
          { date: new Date(start + skew).toUTCString() },
        );
        assert.equal(warnings[0]?.code, 'clock_skew');
        assert.ok(Math.abs((warnings[0]?.ahead ?? 0) + skew) <= 1000);
      });
    }

    it('of an issuer whose clock is a little off: what fails because of that says so', async () => {
      const token = jwt({ ...claims, exp: seconds - 40 });
      const date = (skew: number) => ({ date: new Date(start + skew).toUTCString() });
      const { data } = await failureOf(validate(token, undefined, {}, date(-45_000)));
      assert.equal(data.reason, 'id_token_time');
      assert.ok(Math.abs(Number(data.ahead) - 45_000) <= 1000, String(data.ahead));
      const other = await failureOf(validate(token, undefined, {}, date(0)));
      assert.equal(other.data.ahead, undefined);
    });

    it('of an issuer without a name: it must match the previous issuer', async () => {
      const { issuer: _, ...unnamed } = connectionOf();
      const check = async (now: object, before?: object) => {
        succeed({ access_token: 'a', token_type: 'Bearer', id_token: jwt(now) });
        const answer = await refresh({ connection: unnamed });
        return answer.validate(before ? { id_token: jwt(before) } : {});
      };
      assert.deepEqual(await check(claims, claims), { warnings: [] });
      assert.deepEqual(await check(claims), { warnings: [] });
      const error = await failureOf(check(claims, { ...claims, iss: 'https://b.example' }));
      assert.equal(error.data.claim, 'iss');
    });
  });

  describe('fails', () => {
    const bidi = '\u202eevil\u200b\u0007';
    for (const [name, status, body, headers, code, data, kind] of [
      [
        'as RFC 6749 says',
        400,
        { error: 'invalid_grant', error_description: 'Token is not active' },
        {},
        'oauth_error',
        { error: 'invalid_grant', error_description: 'Token is not active' },
        'refused',
      ],
      [
        'for the client',
        401,
        { error: 'invalid_client' },
        {},
        'oauth_error',
        { error: 'invalid_client' },
        'configuration',
      ],
      [
        'for the scope',
        400,
        { error: 'invalid_scope' },
        {},
        'oauth_error',
        { error: 'invalid_scope' },
        'configuration',
      ],
      [
        'for the grant',
        400,
        { error: 'unauthorized_client' },
        {},
        'oauth_error',
        { error: 'unauthorized_client' },
        'configuration',
      ],
      [
        'for the resource',
        400,
        { error: 'invalid_target' },
        {},
        'oauth_error',
        { error: 'invalid_target' },
        'configuration',
      ],
      [
        'for a second factor',
        400,
        { error: 'interaction_required' },
        {},
        'oauth_error',
        { error: 'interaction_required' },
        'refused',
      ],
      [
        'with a word of its own',
        400,
        { error: 'something_else' },
        {},
        'oauth_error',
        { error: 'something_else' },
        'configuration',
      ],
      [
        'with a word and a 500',
        500,
        { error: 'something_else' },
        {},
        'oauth_error',
        { error: 'something_else' },
        'unknown',
      ],
      ['with server_error', 400, { error: 'server_error' }, {}, 'oauth_error', { error: 'server_error' }, 'unknown'],
      [
        'for now',
        503,
        { error: 'temporarily_unavailable' },
        { 'retry-after': '120' },
        'oauth_error',
        { error: 'temporarily_unavailable', retryAfter: 120_000 },
        'retryable',
      ],
      [
        'with the wait in the body, as Discord writes it (https://discord.com/developers/docs/topics/rate-limits)',
        429,
        { message: 'You are being rate limited.', retry_after: 64.57, global: false },
        {},
        'http_error',
        { firstLine: 'You are being rate limited.', retryAfter: 64_570 },
        'retryable',
      ],
      [
        'with a link',
        400,
        { error: 'invalid_request', error_uri: 'https://a.example/e' },
        {},
        'oauth_error',
        { error: 'invalid_request', error_uri: 'https://a.example/e' },
        'configuration',
      ],
      [
        'with a link that is none',
        400,
        { error: 'invalid_request', error_uri: 'javascript:alert(1)' },
        {},
        'oauth_error',
        { error: 'invalid_request' },
        'configuration',
      ],
      [
        'in invisible signs',
        400,
        { error: 'invalid_grant', error_description: bidi },
        {},
        'oauth_error',
        { error: 'invalid_grant', error_description: '\\u{202e}evil\\u{200b}\\u{7}' },
        'refused',
      ],
      [
        'and repeats the token',
        400,
        { error: 'invalid_grant', error_description: `bad token ${refreshToken}!` },
        {},
        'oauth_error',
        { error: 'invalid_grant', error_description: 'bad token [hidden]!' },
        'refused',
      ],
      [
        'and names the token as the error',
        400,
        { error: refreshToken },
        {},
        'oauth_error',
        { error: '[hidden]' },
        'configuration',
      ],
      [
        'and repeats a JWT',
        400,
        { error: 'invalid_request', error_description: 'got eyJhbGciOiJSUzI1NiJ9.Y2FuYXJ5Y2FuYXJ5.c2ln' },
        {},
        'oauth_error',
        { error: 'invalid_request', error_description: 'got [hidden]' },
        'configuration',
      ],
      ['with no word', 400, '', {}, 'http_error', { empty: true }, 'refused'],
      ['with white space', 400, ' \r\n', {}, 'http_error', { empty: true }, 'refused'],
      [
        'with a page',
        400,
        '<html><title>Blocked by the firewall</title></html>',
        {},
        'http_error',
        { firstLine: 'Blocked by the firewall' },
        'configuration',
      ],
      ['unauthorized, empty', 401, '', {}, 'http_error', { empty: true }, 'configuration'],
      [
        'forbidden',
        403,
        '<html><body>\n<h1>Forbidden</h1>\n<p>nginx</p>',
        {},
        'http_error',
        { firstLine: 'Forbidden' },
        'configuration',
      ],
      [
        'not found',
        404,
        'Cannot POST /token\nmore',
        {},
        'http_error',
        { firstLine: 'Cannot POST /token' },
        'configuration',
      ],
      [
        'with a message of a gateway',
        403,
        { message: 'Missing Authentication' },
        {},
        'http_error',
        { firstLine: 'Missing Authentication' },
        'configuration',
      ],
      [
        'with a problem detail',
        400,
        { title: 'Bad', detail: 'No such tenant' },
        {},
        'http_error',
        { firstLine: 'No such tenant' },
        'configuration',
      ],
      [
        'with an error object',
        400,
        { error: { message: 'API key not valid' } },
        {},
        'http_error',
        { firstLine: 'API key not valid' },
        'configuration',
      ],
      [
        'with too many requests',
        429,
        '',
        { 'retry-after': '30' },
        'http_error',
        { empty: true, retryAfter: 30_000 },
        'retryable',
      ],
      [
        'with too many requests until a date',
        429,
        '',
        { date: new Date(0).toUTCString(), 'retry-after': new Date(90_000).toUTCString() },
        'http_error',
        { empty: true, retryAfter: 90_000 },
        'retryable',
      ],
      [
        'with a wait without end',
        429,
        '',
        { 'retry-after': '99999999999' },
        'http_error',
        { empty: true, retryAfter: 3_600_000 },
        'retryable',
      ],
      [
        'with a wait that is over',
        429,
        '',
        { 'retry-after': new Date(0).toUTCString() },
        'http_error',
        { empty: true, retryAfter: 0 },
        'retryable',
      ],
      [
        'with a fraction',
        429,
        '',
        { 'retry-after': '30.5' },
        'http_error',
        { empty: true, retryAfter: 30_500 },
        'retryable',
      ],
      [
        'with a unit',
        429,
        '',
        { 'retry-after': '30 seconds' },
        'http_error',
        { empty: true, retryAfter: 30_000 },
        'retryable',
      ],
      ...(
        [
          [{ 'retry-after': '30, 60' }, 30_000],
          [{ 'x-ratelimit-reset': '50' }, 50_000],
          [{ 'x-ratelimit-reset': '1000', 'retry-after': '2' }, 2000],
          [{ date: new Date(1.8e12).toUTCString(), 'x-rate-limit-reset': '1800000090' }, 90_000],
          [{ date: new Date(1.8e12).toUTCString(), 'x-ratelimit-reset': '1800900000' }, 3_600_000],
          [{ 'x-ratelimit-reset-after': '12.5', 'x-ratelimit-reset': '1800000090' }, 12_500],
          [{ date: new Date(1.8e12).toUTCString(), 'x-ratelimit-reset': '1799999990' }, undefined],
          [{ 'ratelimit-reset': 'soon' }, undefined],
        ] as const
      ).map(
        ([headers, retryAfter]) =>
          [
            `with its limit in a header, ${JSON.stringify(headers)}`,
            429,
            '',
            headers,
            'http_error',
            { empty: true, ...(retryAfter !== undefined && { retryAfter }) },
            'retryable',
          ] as const,
      ),
      [
        'with a limit that is not the reason',
        403,
        '',
        { 'x-ratelimit-reset': '50' },
        'http_error',
        { empty: true },
        'configuration',
      ],
      ['with a wait that is none', 429, '', { 'retry-after': 'soon' }, 'http_error', { empty: true }, 'retryable'],
      [
        'inside',
        500,
        '<!DOCTYPE html><style>p{}</style><p>Oops &amp; sorry</p>',
        {},
        'http_error',
        { firstLine: 'Oops & sorry' },
        'unknown',
      ],
      [
        'behind a gateway',
        502,
        '<html><head><title>502 Bad Gateway</title></head>',
        {},
        'http_error',
        { firstLine: '502 Bad Gateway' },
        'unknown',
      ],
      ['without a promise', 503, '', {}, 'http_error', { empty: true }, 'unknown'],
      ['with a promise', 503, '', { 'retry-after': '5' }, 'http_error', { empty: true, retryAfter: 5000 }, 'retryable'],
      [
        'with a success that is a page',
        200,
        '<html><title>Welcome</title>',
        {},
        'response_invalid',
        { reason: 'html', firstLine: 'Welcome' },
        'unknown',
      ],
      [
        'with half a JSON',
        200,
        '{"refresh_token":"canary-next',
        {},
        'response_invalid',
        { reason: 'not_json' },
        'unknown',
      ],
      ['with nothing', 200, '', {}, 'response_invalid', { reason: 'not_json' }, 'unknown'],
      ['with a text', 200, 'access granted', {}, 'response_invalid', { reason: 'not_json' }, 'unknown'],
      ['with a list', 200, ['canary'], {}, 'response_invalid', { reason: 'not_an_object' }, 'unknown'],
    ] as const) {
      it(`${name} (${status})`, async () => {
        server.answer = (_, response: ServerResponse) => {
          response.sendDate = false;
          reply(response, status, body, headers);
        };
        const error = await failureOf(refresh());
        const host = new URL(server.origin).host;
        assert.deepEqual([error.code, error.data], [code, { host, status, sent: true, ...data }]);
        assert.equal(failureKind(error), kind);
        assert.equal(server.requests.length, 1);
      });
    }

    it('with words that are too many', async () => {
      const answer = (words: string) => {
        server.answer = (_, response) => reply(response, 400, { error: 'invalid_grant', error_description: words });
        return failureOf(refresh());
      };
      const { error_description } = (await answer('so sorry '.repeat(100_000))).data;
      assert.equal(String(error_description).length, 301);
      assert.equal((await answer('   ')).data.error_description, undefined);
    });

    for (const status of [301, 302, 303, 307, 308]) {
      it(`by a redirect (${status}), and the second host sees nothing`, async () => {
        const second = await loopbackServer((_, response) => reply(response, 200, { access_token: 'a' }));
        server.answer = (_, response) => response.writeHead(status, { location: `${second.origin}/token` }).end();
        const error = await failureOf(
          refresh({
            connection: connectionOf({ tokenEndpointAuthMethod: 'client_secret_basic' }),
            credentials,
          }),
        );
        await second.close();
        assert.deepEqual([error.code, error.data.location], ['redirect_refused', new URL(second.origin).host]);
        assert.equal(failureKind(error), 'configuration');
        assert.equal(second.requests.length, 0);
      });
    }

    it('when the connection breaks in the middle of the answer', async () => {
      server.answer = (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' });
        response.write('{"refresh_token":"canary-next"', () => response.destroy());
      };
      const error = await failureOf(refresh());
      assert.deepEqual([error.code, failureKind(error)], ['connection_reset', 'unknown']);
    });

    it('when the connection is refused', async () => {
      const gone = await loopbackServer(() => {});
      await gone.close();
      const error = await failureOf(refresh({ connection: connectionOf({ tokenEndpoint: `${gone.origin}/token` }) }));
      assert.deepEqual([error.code, failureKind(error)], ['connection_refused', 'retryable']);
    });

    it('after 30 seconds', async () => {
      const clock = manualClock(start);
      server.answer = () => clock.advance(30_000);
      const error = await failureOf(client(undefined, clock).refresh({ connection: connectionOf(), refreshToken }));
      assert.deepEqual([error.code, failureKind(error)], ['timeout', 'unknown']);
      assert.equal(clock.pending, 0);
    });

    it('when the metadata takes too long, and no token was sent', async () => {
      const clock = manualClock(start);
      server.answer = () => clock.advance(30_000);
      const { tokenEndpoint: _, ...connection } = connectionOf({ issuer: server.origin });
      const error = await failureOf(client(undefined, clock).refresh({ connection, refreshToken }));
      assert.deepEqual([error.code, error.data.sent, failureKind(error)], ['timeout', false, 'retryable']);
    });

    it('when the caller gives up', async () => {
      const abort = new AbortController();
      server.answer = () => abort.abort();
      const error = await failureOf(refresh({ signal: abort.signal }));
      assert.deepEqual([error.code, failureKind(error)], ['cancelled', 'unknown']);
      const early = await failureOf(refresh({ signal: AbortSignal.abort() }));
      assert.deepEqual([early.code, failureKind(early)], ['cancelled', 'retryable']);
    });
  });
});

describe('failureKind', () => {
  for (const [code, kind] of [
    ['host_unknown', 'retryable'],
    ['certificate_untrusted', 'retryable'],
    ['lock_timeout', 'retryable'],
    ['lock_unavailable', 'retryable'],
    ['refresh_token_refused', 'refused'],
    ['response_too_large', 'unknown'],
    ['network_failed', 'unknown'],
    ['internal', 'unknown'],
    ['metadata_not_found', 'configuration'],
    ['issuer_mismatch', 'configuration'],
    ['binding_mismatch', 'configuration'],
    ['url_insecure', 'configuration'],
  ] as const) {
    it(`takes ${code} for ${kind}`, () => {
      assert.equal(failureKind(new WorkbenchError(code)), kind);
    });
  }
});

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
