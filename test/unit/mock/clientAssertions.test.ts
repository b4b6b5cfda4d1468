import assert from 'node:assert/strict';
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { createMockIssuer, type MockIssuer } from '../../../src/mock/issuer.ts';
import { ask } from './signInSupport.ts';
import { assertError, basic, post, text } from './support.ts';

const secret = 'a shared secret of more than 32 bytes';
const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const frozen = Date.parse('2026-03-01T12:00:00Z');

interface Way {
  readonly clientId: string;
  assertion(mock: MockIssuer, claims?: Record<string, unknown>): Promise<string>;
}

describe('mock issuer: client assertions (RFC 7523)', () => {
  let mock: MockIssuer;
  const ways: Way[] = [];
  let otherAlg: (claims: JWTPayload) => Promise<string>;

  before(async () => {
    const keys: JWK[] = [];
    const sign = async (alg: string, kid: string) => {
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
      keys.push({ ...(await exportJWK(publicKey)), kid, alg });
      return (claims: JWTPayload) => new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(privateKey);
    };
    const bySecret = (claims: JWTPayload) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(secret));
    const byKey = await sign('ES256', 'one');
    otherAlg = await sign('PS256', 'two');
    const way = (clientId: string, signed: (claims: JWTPayload) => Promise<string>): Way => ({
      clientId,
      assertion: (issuer, claims = {}) =>
        signed({
          iss: clientId,
          sub: clientId,
          aud: issuer.issuer,
          exp: issuer.clock.now() / 1000 + 60,
          jti: crypto.randomUUID(),
          ...claims,
        } as JWTPayload),
    });
    ways.push(way('by-secret', bySecret), way('by-key', byKey));
    mock = await createMockIssuer({
      alg: 'ES256',
      clients: [
        { client_id: 'by-secret', client_secret: secret, token_endpoint_auth_method: 'client_secret_jwt' },
        { client_id: 'by-key', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys } },
        { client_id: 'by-basic', client_secret: secret },
        { client_id: 'demo' },
      ],
    });
    mock.clock.freeze(frozen);
  });

  const form = (client_assertion: string, more: Record<string, string> = {}) => ({
    grant_type: 'client_credentials',
    client_assertion_type: jwtBearer,
    client_assertion,
    ...more,
  });

  it('identifies the client, so that client_id is not required', async () => {
    for (const { clientId, assertion } of ways) {
      assert.equal((await post(mock, form(await assertion(mock)))).status, 200, clientId);
      assert.equal(mock.requests.at(-1)?.client_id, clientId);
      assert.equal((await post(mock, form(await assertion(mock), { client_id: clientId }))).status, 200);
      const other = await post(mock, form(await assertion(mock), { client_id: 'demo' }));
      assertError(other, 401, 'invalid_client');
    }
    const claims = { iss: 'by-key', sub: 'by-key', aud: mock.issuer, exp: frozen / 1000 + 60, jti: 'ps256' };
    assert.equal((await post(mock, form(await otherAlg(claims)))).status, 200, 'the second of its keys');
  });

  it('has as audience the issuer, its token endpoint, or the endpoint of the request', async () => {
    for (const { assertion } of ways) {
      for (const aud of [mock.issuer, `${mock.issuer}/token`, ['x', mock.issuer]])
        assert.equal((await post(mock, form(await assertion(mock, { aud })))).status, 200);
      const at = await assertion(mock, { aud: `${mock.issuer}/introspect` });
      const asked = { client_assertion_type: jwtBearer, client_assertion: at, token: 'x' };
      assert.deepEqual((await ask(mock, '/introspect', asked)).body, { active: false });
      for (const aud of ['https://other.example', `${mock.issuer}/introspect`, `${mock.issuer}/`, undefined]) {
        assertError(await post(mock, form(await assertion(mock, { aud }))), 401, 'invalid_client');
      }
    }
  });

  it('is rejected if expired, too long-lived, replayed or invalid', async () => {
    const now = frozen / 1000;
    for (const { assertion } of ways) {
      const once = form(await assertion(mock));
      assert.equal((await post(mock, once)).status, 200);
      const bad = [
        once,
        form(await assertion(mock, { exp: now })),
        form(await assertion(mock, { exp: undefined })),
        form(await assertion(mock, { exp: now + 3601 })),
        form(await assertion(mock, { nbf: now + 1 })),
        form(await assertion(mock, { jti: undefined })),
        form(await assertion(mock, { jti: '' })),
        form(await assertion(mock, { iss: 'demo' })),
        form(await assertion(mock, { sub: 'demo' })),
        form(await assertion(mock, { sub: 'by-basic' })),
        form(await assertion(mock, { sub: 'nobody' })),
        form((await assertion(mock)).replace(/\.[^.]+$/, `.${'A'.repeat(86)}`)),
        form('x'),
        { ...form(await assertion(mock)), client_assertion_type: 'urn:other' },
        { grant_type: 'client_credentials', client_assertion_type: jwtBearer },
        { grant_type: 'client_credentials', client_assertion: await assertion(mock) },
      ];
      for (const [i, each] of bad.entries()) {
        const answer = await post(mock, each);
        assert.deepEqual([i, answer.status, answer.body.error], [i, 401, 'invalid_client']);
        assert.match(text(answer.body.error_description), /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
      }
    }
  });

  it('is not accepted for the other method, nor with a public key as the secret', async () => {
    const { keys = [] } = mock.clients[1]?.jwks ?? {};
    const claims = {
      aud: mock.issuer,
      exp: frozen / 1000 + 60,
      iss: 'by-key',
      sub: 'by-key',
      jti: 'confusion',
    };
    const asSecret = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(JSON.stringify(keys[0])));
    assertError(await post(mock, form(asSecret)), 401, 'invalid_client');
    const unsigned = `${btoa('{"alg":"none"}').replaceAll('=', '')}.${asSecret.split('.')[1]}.`;
    assertError(await post(mock, form(unsigned)), 401, 'invalid_client');
    const crossed = await ways[1]?.assertion(mock, { iss: 'by-secret', sub: 'by-secret' });
    assertError(await post(mock, form(text(crossed))), 401, 'invalid_client');
    for (const id of ['by-secret', 'by-key']) {
      const asPost = { grant_type: 'client_credentials', client_id: id, client_secret: secret };
      assertError(await post(mock, asPost), 401, 'invalid_client');
    }
  });

  it('is rejected together with another authentication method', async () => {
    for (const { assertion } of ways) {
      const headers = basic('by-basic', secret);
      assertError(await post(mock, form(await assertion(mock)), headers), 400, 'invalid_request');
      const both = form(await assertion(mock), { client_secret: secret });
      assertError(await post(mock, both), 400, 'invalid_request');
    }
  });

  it('requires a client with public keys', async () => {
    const client = { client_id: 'x', token_endpoint_auth_method: 'private_key_jwt' } as const;
    await assert.rejects(createMockIssuer({ clients: [client] }), /^TypeError: clients\[0\]\.jwks/);
  });
});
