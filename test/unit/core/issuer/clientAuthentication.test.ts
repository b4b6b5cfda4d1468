import assert from 'node:assert/strict';
import { decodeJwt, decodeProtectedHeader, type JWK } from 'jose';
import { createDiscovery } from '../../../../src/core/issuer/discovery.ts';
import { createTokenClient } from '../../../../src/core/issuer/tokenEndpoint.ts';
import type { Fetch } from '../../../../src/core/ports.ts';
import { type Connection, readConnection } from '../../../../src/core/records/connection.ts';
import { createMockIssuer, type MockIssuer } from '../../../../src/mock/issuer.ts';
import { testKey } from '../../../support/clientKeys.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { manualClock } from '../../../support/manualClock.ts';
import { present } from '../refresh/refreshWorld.ts';

const secret = 'canary: a secret of more than thirty-two bytes';

describe('a client that proves itself with a signature (RFC 7523)', function () {
  this.timeout(60_000);
  const rsa = testKey('RSA');
  const ed = testKey('Ed25519');
  let mock: MockIssuer;
  let algs: readonly string[] | undefined;
  const forms: URLSearchParams[] = [];
  before(async () => {
    mock = await createMockIssuer({
      alg: 'ES256',
      clients: [
        { client_id: 'secret', client_secret: secret, token_endpoint_auth_method: 'client_secret_jwt' },
        ...[rsa, ed].map(({ publicJwk }, index) => ({
          client_id: ['rsa', 'ed'][index] ?? '',
          token_endpoint_auth_method: 'private_key_jwt' as const,
          jwks: { keys: [{ ...publicJwk, kid: 'one' } as JWK] },
        })),
      ],
    });
  });
  beforeEach(() => {
    algs = undefined;
    forms.length = 0;
  });

  const fetch: Fetch = async (input, init) => {
    if (init.method === 'POST') forms.push(new URLSearchParams(String(init.body)));
    const response = await mock.fetch(input, init);
    if (algs === undefined || !input.includes('/.well-known/')) return response;
    return Response.json({
      ...(await response.json()),
      token_endpoint_auth_signing_alg_values_supported: algs,
    });
  };
  function connectionOf(clientId: string, fields: object = {}): Connection {
    const tokenEndpointAuthMethod = clientId === 'secret' ? 'client_secret_jwt' : 'private_key_jwt';
    const { connection } = readConnection({
      id: 'main',
      issuer: mock.issuer,
      clientId,
      tokenEndpointAuthMethod,
      ...fields,
    });
    return present(connection);
  }
  function ask(connection: Connection, credentials: object, { at = 0, ahead = 0 } = {}) {
    const clock = manualClock(mock.clock.now() + at);
    const discovery = createDiscovery({ fetch, clock });
    const client = createTokenClient({ fetch, clock, discovery, aheadOf: () => ahead });
    return client.clientCredentials({ connection, credentials });
  }
  const assertion = () => forms.at(-1)?.get('client_assertion') ?? '';

  it('is known by its secret, which is not sent', async () => {
    assert.equal((await ask(connectionOf('secret'), { client_secret: secret })).status, 200);
    assert.doesNotMatch(String(forms), /canary/);
    const { alg } = decodeProtectedHeader(assertion());
    const { iss, sub, aud, exp = 0, iat = 0, nbf } = decodeJwt(assertion());
    assert.deepEqual([alg, iss, sub, aud], ['HS256', 'secret', 'secret', mock.issuer]);
    assert.deepEqual([exp - iat, iat - Number(nbf)], [60, 30]);
  });

  it('is known by its key, as PEM and as JWK', async () => {
    for (const [clientId, key, alg] of [
      ['rsa', rsa, 'RS256'],
      ['ed', ed, 'EdDSA'],
    ] as const) {
      for (const [private_key, kid] of [
        [key.pem, undefined],
        [JSON.stringify({ ...key.jwk, kid: 'one' }), 'one'],
      ] as const) {
        assert.equal((await ask(connectionOf(clientId), { private_key })).status, 200);
        assert.deepEqual(decodeProtectedHeader(assertion()), { alg, ...(kid && { kid }) });
      }
    }
  });

  it('signs with what the issuer takes', async () => {
    for (const [supported, alg] of [
      [['ES256', 'PS256'], 'PS256'],
      [['PS256', 'RS256'], 'RS256'],
    ] as const) {
      algs = supported;
      await ask(connectionOf('rsa'), { private_key: rsa.pem });
      assert.equal(decodeProtectedHeader(assertion()).alg, alg);
    }
    algs = ['Ed25519'];
    await ask(connectionOf('ed'), { private_key: ed.pem });
    assert.equal(decodeProtectedHeader(assertion()).alg, 'Ed25519');
    algs = ['ES256', 'ES384'];
    const before = forms.length;
    const { code, data } = await failureOf(ask(connectionOf('ed'), { private_key: ed.pem }));
    assert.deepEqual(
      [code, data.reason, data.found, data.expected, data.sent],
      ['credential_invalid', 'algorithm', 'EdDSA, Ed25519', 'ES256, ES384', false],
    );
    assert.equal(forms.length, before);
  });

  it('uses the issuer’s clock if it is known to differ', async () => {
    const hour = 3_600_000;
    const connection = connectionOf('secret');
    const { code, data } = await failureOf(ask(connection, { client_secret: secret }, { at: -hour }));
    assert.deepEqual([code, data.error], ['oauth_error', 'invalid_client']);
    await ask(connection, { client_secret: secret }, { at: -hour, ahead: -hour });
  });

  it('names the token endpoint as its audience if the issuer has no name', async () => {
    const tokenEndpoint = `${mock.issuer}/token`;
    await ask(connectionOf('secret', { issuer: undefined, tokenEndpoint }), { client_secret: secret });
    assert.equal(decodeJwt(assertion()).aud, tokenEndpoint);
  });

  it('says so to the endpoint that is asked where the settings want that', async () => {
    const connection = connectionOf('secret', { clientAssertionAudience: 'endpoint' });
    await ask(connection, { client_secret: secret });
    assert.equal(decodeJwt(assertion()).aud, `${mock.issuer}/token`);
  });

  it('is told what is wrong before a request is sent', async () => {
    const wrong = 'another secret of more than thirty-two bytes';
    for (const [clientId, credentials, code, reason] of [
      ['secret', {}, 'client_secret_missing', undefined],
      ['secret', { client_secret: 'canary' }, 'credential_invalid', 'secret_short'],
      ['secret', { client_secret: wrong }, 'oauth_error', undefined],
      ['rsa', {}, 'private_key_missing', undefined],
      ['rsa', { private_key: 'canary' }, 'credential_invalid', 'unknown'],
      ['rsa', { private_key: testKey('RSA', 1).pem }, 'oauth_error', undefined],
    ] as const) {
      const error = await failureOf(ask(connectionOf(clientId), credentials));
      assert.deepEqual([error.code, error.data.reason], [code, reason]);
      assert.doesNotMatch(JSON.stringify(error.data), /canary/);
    }
  });
});
