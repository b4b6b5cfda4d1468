import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { decodeJwt } from 'jose';
import * as openid from 'openid-client';
import { createDiscovery } from '../../../src/core/issuer/discovery.ts';
import { readConnection } from '../../../src/core/records/connection.ts';
import { noHandover } from '../../../src/core/records/journalKeys.ts';
import { emptyRecord } from '../../../src/core/records/record.ts';
import { createSessions } from '../../../src/core/records/sessions.ts';
import { createVault } from '../../../src/core/records/vault.ts';
import { createIssuerClient } from '../../../src/core/signIn/signIn.ts';
import { systemClock } from '../../../src/core/waiting.ts';
import { createMockIssuer } from '../../../src/mock/issuer.ts';
import { type MockServer, type MockServerOptions, startMockServer } from '../../../src/mock/nodeServer.ts';
import { createMutualTls } from '../../../src/platform/mutualTls.ts';
import { failureOf } from '../../support/failureOf.ts';
import { selfSigned, selfSignedClient, selfSignedService } from '../../support/selfSigned.ts';
import { present, testLock, testStore } from '../core/refresh/refreshWorld.ts';
import { type Answer, assertError, post, text } from './support.ts';

interface Identity {
  readonly key: string;
  readonly cert: string;
}

const never = new AbortController().signal;
const byName = { client_id: 'by-name', token_endpoint_auth_method: 'tls_client_auth' } as const;
const byKey = { client_id: 'by-key', token_endpoint_auth_method: 'self_signed_tls_client_auth' } as const;
const der = (pem: string) => new X509Certificate(pem).raw;
const thumbprint = (pem: string) => createHash('sha256').update(der(pem)).digest('base64url');
const own = thumbprint(selfSignedClient.cert);

/** `fetch` with or without a client certificate, over Node's https and without code of this project. */
const showing = (identity?: Identity) => (input: string | URL, init?: object) =>
  new Promise<Response>((resolve, reject) => {
    const { method, headers, body }: RequestInit = { ...init };
    const options = { headers: Object.fromEntries(new Headers(headers)), ca: selfSigned.cert, agent: false };
    const sent = request(input, { ...options, ...identity, method: method ?? 'GET' }, async answer => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk);
      const pairs = Object.entries(answer.headers).map(([name, value]) => [name, String(value)] as const);
      resolve(
        new Response(Buffer.concat(chunks), {
          status: answer.statusCode ?? 0,
          headers: new Map(pairs) as never,
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body === undefined || body === null ? undefined : String(body));
  });

describe('mock issuer: mutual TLS (RFC 8705)', () => {
  let mock: MockServer;
  before(async () => {
    mock = await startMockServer({
      alg: 'ES256',
      signIn: 'auto',
      tls: selfSigned,
      scope: 'openid offline_access api',
      clients: [
        { ...byName, tls_client_auth_subject_dn: 'cn=Test client' },
        { ...byKey, jwks: { keys: [{ kty: 'EC', x5c: [der(selfSignedClient.cert).toString('base64')] }] } },
        { ...byKey, client_id: 'by-hash', jwks: { keys: [{ kty: 'EC', 'x5t#S256': own }] } },
        {
          ...byName,
          client_id: 'service',
          tls_client_auth_subject_dn: 'CN=Test service, O=Tests\\, and more,C=DE',
        },
        { client_id: 'public', tls_client_certificate_bound_access_tokens: true },
        { client_id: 'demo' },
      ],
    });
  });
  afterEach(() => {
    mock.clock.freeze(Date.now());
    mock.clock.resume();
  });
  after(() => mock.close());

  const as = (identity?: Identity) => ({ issuer: mock.issuer, fetch: showing(identity) });
  const ask = (clientId: string, identity?: Identity, more: Record<string, string> = {}): Promise<Answer> =>
    post(as(identity), { grant_type: 'client_credentials', client_id: clientId, ...more });
  const userInfo = async (token: unknown, identity?: Identity) => {
    const headers = { authorization: `Bearer ${text(token)}` };
    return showing(identity)(`${mock.issuer}/userinfo`, { headers });
  };
  const at = async (path: string, form: Record<string, string>, identity?: Identity) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = new URLSearchParams(form).toString();
    return (await showing(identity)(mock.issuer + path, { method: 'POST', headers, body })).json();
  };

  it('accepts the registered certificate, and binds the token to it', async () => {
    for (const id of ['by-name', 'by-key', 'by-hash']) {
      const { status, body } = await ask(id, selfSignedClient);
      assert.deepEqual([status, body.token_type], [200, 'Bearer'], id);
      assert.deepEqual(decodeJwt(text(body.access_token)).cnf, { 'x5t#S256': own });
    }
    const { status, body } = await ask('service', selfSignedService);
    assert.equal(status, 200, 'parts of a name in the order of RFC 4514');
    assert.deepEqual(decodeJwt(text(body.access_token)).cnf, {
      'x5t#S256': thumbprint(selfSignedService.cert),
    });
  });

  for (const id of ['by-name', 'by-key', 'by-hash']) {
    it(`rejects certificates other than that of ${id}`, async () => {
      assertError(await ask(id), 401, 'invalid_client');
      for (const other of [selfSigned, selfSignedService]) assertError(await ask(id, other), 401, 'invalid_client');
      const headers = { 'client-cert': `:${der(selfSignedClient.cert).toString('base64')}:` };
      const forged = await post(as(), { grant_type: 'client_credentials', client_id: id }, headers);
      assertError(forged, 401, 'invalid_client');
      const secret = await ask(id, selfSignedClient, { client_secret: 'x' });
      assertError(secret, 401, 'invalid_client');
      for (const [when, status] of [
        ['2019-12-31T23:59:59Z', 401],
        ['2020-01-01T00:00:01Z', 200],
        ['2119-12-31T23:59:59Z', 200],
        ['2120-01-01T00:00:01Z', 401],
      ] as const) {
        mock.clock.freeze(Date.parse(when));
        assert.equal((await ask(id, selfSignedClient)).status, status, when);
      }
    });
  }

  it("checks the certificate's authority if one is configured", async () => {
    const subject = { tls_client_auth_subject_dn: 'CN=Test client' };
    for (const [ca, status] of [
      [selfSignedClient.cert, 200],
      [selfSignedService.cert, 401],
    ] as const) {
      const strict = await startMockServer({
        ...{ alg: 'ES256', tls: { ...selfSigned, ca }, clients: [{ ...byName, ...subject }] },
      });
      const form = { grant_type: 'client_credentials', client_id: 'by-name' };
      const reach = { issuer: strict.issuer, fetch: showing(selfSignedClient) };
      assert.equal((await post(reach, form)).status, status);
      await strict.close();
    }
  });

  it('accepts a public client only with the certificate of its first request', async () => {
    const started = await at('/device_authorization', { client_id: 'public' }, selfSignedClient);
    const deviceCode = 'urn:ietf:params:oauth:grant-type:device_code';
    const redeem = { grant_type: deviceCode, device_code: started.device_code };
    assertError(await ask('public', undefined, redeem), 400, 'invalid_request');
    const { body } = await ask('public', selfSignedClient, redeem);
    const refresh_token = text(body.refresh_token);
    const told = await at('/introspect', { client_id: 'public', token: refresh_token });
    assert.deepEqual(told.cnf, { 'x5t#S256': own });
    const refresh = { grant_type: 'refresh_token', refresh_token };
    assertError(await ask('public', selfSignedService, refresh), 400, 'invalid_grant');
    const again = await ask('public', selfSignedClient, refresh);
    assert.equal(again.status, 200);
    assert.deepEqual(decodeJwt(text(again.body.access_token)).cnf, { 'x5t#S256': own });
  });

  it('binds no token of a client that has not registered for it', async () => {
    const { refresh_token } = await mock.issueTokens({ clientId: 'demo' });
    const refresh = { grant_type: 'refresh_token', refresh_token: text(refresh_token) };
    const { body } = await ask('demo', selfSignedClient, refresh);
    assert.equal(decodeJwt(text(body.access_token)).cnf, undefined);
    assert.equal((await userInfo(body.access_token)).status, 200);
  });

  it('enforces the binding at UserInfo, and shows it in introspection', async () => {
    const { refresh_token } = await mock.issueTokens({ clientId: 'by-name' });
    const refresh = { grant_type: 'refresh_token', refresh_token: text(refresh_token) };
    const { body } = await ask('by-name', selfSignedClient, refresh);
    assert.equal((await userInfo(body.access_token, selfSignedClient)).status, 200);
    for (const other of [undefined, selfSignedService]) {
      const refused = await userInfo(body.access_token, other);
      assert.equal(refused.status, 401);
      assert.match(text(refused.headers.get('www-authenticate')), /^Bearer .*error="invalid_token"/);
    }
    const token = text(body.access_token);
    const told = await at('/introspect', { client_id: 'by-name', token }, selfSignedClient);
    assert.deepEqual([told.active, told.token_type, told.cnf], [true, 'Bearer', { 'x5t#S256': own }]);
    assert.equal((await at('/introspect', { client_id: 'by-name', token })).error, 'invalid_client');
  });

  it('lists in its metadata what it accepts, with TLS and without', async () => {
    const secured = await (await showing()(`${mock.issuer}/.well-known/openid-configuration`)).json();
    const plain = await createMockIssuer({ alg: 'ES256' });
    const open = await (await plain.fetch(`${plain.issuer}/.well-known/openid-configuration`)).json();
    for (const [metadata, offered] of [
      [secured, true],
      [open, false],
    ] as const) {
      assert.equal(metadata.tls_client_certificate_bound_access_tokens, offered);
      for (const place of ['token', 'introspection', 'revocation']) {
        const methods: string[] = metadata[`${place}_endpoint_auth_methods_supported`];
        for (const { token_endpoint_auth_method: method } of [byName, byKey])
          assert.equal(methods.includes(method), offered);
      }
    }
    assert.match(mock.issuer, /^https:\/\/127\.0\.0\.1:\d+$/);
    assert.ok(secured.token_endpoint.startsWith(`${mock.issuer}/`));
  });

  it('says which option is missing or wrong', async () => {
    const { key, cert } = selfSigned;
    const subject = { tls_client_auth_subject_dn: 'CN=x' };
    const cases: readonly (readonly [string, object])[] = [
      ['tls', { clients: [{ ...byName, ...subject }] }],
      ['tls', { clients: [{ client_id: 'a', tls_client_certificate_bound_access_tokens: true }] }],
      ...[null, true, {}, { key }, { cert }, { key, cert: 'x' }, { key, cert, ca: 1 }].map(
        tls => ['tls', { tls }] as const,
      ),
      ['tls', { tls: { key: selfSignedClient.key, cert } }],
      ['mutualTls', { mutualTls: true }],
      ['clients[0].tls_client_auth_subject_dn', { tls: selfSigned, clients: [byName] }],
      ...[undefined, {}, { keys: [] }, { keys: [{ kty: 'EC' }] }, { keys: [null] }].map(
        jwks => ['clients[0].jwks', { tls: selfSigned, clients: [{ ...byKey, jwks }] }] as const,
      ),
    ];
    for (const [field, options] of cases) {
      const starting = startMockServer({ alg: 'ES256', ...options } as MockServerOptions);
      await assert.rejects(starting, ({ name, message }: Error) => {
        assert.equal(name, 'TypeError');
        assert.ok(message.startsWith(field), message);
        return !message.includes(key);
      });
    }
  });

  it('rejects client certificates in process, because only a TLS server receives them', async () => {
    const inProcess = await createMockIssuer({
      ...{ alg: 'ES256', mutualTls: true, clients: [{ ...byName, tls_client_auth_subject_dn: 'CN=x' }] },
    });
    const form = { grant_type: 'client_credentials', client_id: 'by-name' };
    assertError(await post(inProcess, form), 401, 'invalid_client');
  });

  for (const id of ['by-name', 'by-key'])
    it(`serves openid-client as ${id}`, async () => {
      const options = { [openid.customFetch]: showing(selfSignedClient) as openid.CustomFetch };
      const algs = { id_token_signed_response_alg: 'ES256' };
      const config = await openid.discovery(new URL(mock.issuer), id, algs, openid.TlsClientAuth(), options);
      const { refresh_token } = await mock.issueTokens({ clientId: id });
      const { access_token } = await openid.refreshTokenGrant(config, text(refresh_token));
      assert.deepEqual(decodeJwt(access_token).cnf, { 'x5t#S256': own });
      const { sub } = await openid.fetchUserInfo(config, access_token, 'mock-user');
      assert.equal(sub, 'mock-user');
      assert.equal((await openid.tokenIntrospection(config, access_token)).active, true);
    });

  for (const { client_id: clientId, token_endpoint_auth_method: method } of [byName, byKey]) {
    const id = 'mutual';
    const client = async ({ key, cert }: Identity) => {
      const connection = present(
        readConnection({ id, issuer: mock.issuer, clientId, tokenEndpointAuthMethod: method, scope: 'api' }).connection,
      );
      const credentials = { private_key: `${key}\n${cert}` };
      const fetch = showing();
      const mutualTls = createMutualTls(selfSigned.cert);
      const store = testStore();
      const sessions = createSessions();
      sessions.setConnections([{ connection, memoryOnly: false }], []);
      const vault = createVault(() => store, store);
      const issuerClient = createIssuerClient({
        fetch,
        mutualTls,
        clock: systemClock,
        sessions,
        vault,
        handover: noHandover,
        lock: testLock(),
        discovery: createDiscovery({ fetch, clock: systemClock }),
        listen: () => assert.fail('no browser'),
        openBrowser: () => assert.fail('no browser'),
      });
      await vault.update(id, () => ({ ...emptyRecord(id), ...credentials }));
      return { connection, credentials, issuerClient, record: () => present(sessions.get(id)?.record) };
    };

    it(`serves our own client by ${method}, from the token to its end`, async () => {
      const { connection, credentials, issuerClient, record } = await client(selfSignedClient);
      await issuerClient.signIn({ connection, grant: 'client_credentials', signal: never });
      const token = text(record().tokens?.access_token);
      assert.deepEqual(decodeJwt(token).cnf, { 'x5t#S256': own });
      const asked = [connection, record(), token, 'access_token', never] as const;
      assert.equal((await issuerClient.introspect(...asked)).claims.active, true);
      const refreshToken = text((await mock.issueTokens({ clientId })).refresh_token);
      const { raw, validate } = await issuerClient.tokenClient.refresh({
        connection,
        credentials,
        refreshToken,
      });
      assert.deepEqual(await validate(), { warnings: [] });
      assert.deepEqual(decodeJwt(text(raw.access_token)).cnf, { 'x5t#S256': own });
      assert.deepEqual(await issuerClient.revoke(connection, record(), never), { revoked: true });
      assert.equal((await issuerClient.introspect(...asked)).claims.active, false);
    });

    it(`rejects our own client with another certificate by ${method}`, async () => {
      const { connection, issuerClient } = await client(selfSignedService);
      const signIn = issuerClient.signIn({ connection, grant: 'client_credentials', signal: never });
      const { code, data } = await failureOf(signIn);
      assert.deepEqual([code, data.error, data.status], ['oauth_error', 'invalid_client', 401]);
    });
  }
});
