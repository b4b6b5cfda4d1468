import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { boundedFetch } from '../../../src/core/http/http.ts';
import { createDiscovery } from '../../../src/core/issuer/discovery.ts';
import { createTokenClient } from '../../../src/core/issuer/tokenEndpoint.ts';
import { readConnection } from '../../../src/core/records/connection.ts';
import { systemClock } from '../../../src/core/waiting.ts';
import { createMutualTls } from '../../../src/platform/mutualTls.ts';
import { testKey } from '../../support/clientKeys.ts';
import { failureOf } from '../../support/failureOf.ts';
import { type LoopbackServer, loopbackServer, reply } from '../../support/loopbackServer.ts';
import { selfSigned, selfSignedClient } from '../../support/selfSigned.ts';
import { present } from '../core/refresh/refreshWorld.ts';

const identity = { key: selfSignedClient.key, certificate: selfSignedClient.cert };

describe('a client that shows a certificate (RFC 8705)', function () {
  this.timeout(60_000);
  let server: LoopbackServer;
  before(async () => {
    server = await loopbackServer(() => {}, {
      ...selfSigned,
      requestCert: true,
      rejectUnauthorized: true,
      ca: [selfSignedClient.cert],
    });
  });
  after(() => server.close());
  beforeEach(() => {
    server.requests.length = 0;
    server.answer = (_, response) => reply(response, 200, { access_token: 'at', token_type: 'Bearer' });
  });
  const connect = async (own = identity, ca: string | undefined = selfSigned.cert) =>
    boundedFetch(await createMutualTls(ca)(own), { timeout: 3000 });

  it('is known by it, and everything else is as with fetch', async () => {
    server.answer = (_, response) => reply(response, 400, { error: 'no' }, { 'dpop-nonce': 'n' });
    const answer = await (await connect())(`${server.origin}/token?a=b`, {
      method: 'POST',
      headers: { accept: 'application/json' },
      body: new URLSearchParams({ grant_type: 'x y' }),
    });
    assert.deepEqual([answer.status, answer.headers.get('dpop-nonce')], [400, 'n']);
    assert.deepEqual(await answer.json(), { error: 'no' });
    const [request] = server.requests;
    assert.equal(request?.client, 'CN=Test client');
    assert.deepEqual(
      [request?.method, request?.path, request?.body, request?.headers.accept],
      ['POST', '/token?a=b', 'grant_type=x+y', 'application/json'],
    );
  });

  it('checks the certificate of the other side first', async () => {
    const untrusted = await connect(identity, testAuthority());
    const { code, data } = await failureOf(untrusted(server.origin, { method: 'POST', body: 'canary' }));
    assert.deepEqual([code, data.sent], ['certificate_untrusted', false]);
    assert.equal(server.requests.length, 0);
  });

  it('is told if its certificate is rejected', async () => {
    // Fatal alerts (RFC 8446 §6.2), as sent by a server that checks the certificate during the handshake.
    for (const [alert, detail] of [
      [42, 'bad certificate'],
      [45, 'certificate expired'],
      [48, 'unknown ca'],
    ] as const) {
      const refusing = createServer(socket => {
        socket.on('error', () => {});
        socket.once('data', () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, alert])));
      }).listen(0, '127.0.0.1');
      await once(refusing, 'listening');
      const address = `https://127.0.0.1:${(refusing.address() as AddressInfo).port}/token`;
      const { code, data } = await failureOf((await connect())(address, { method: 'POST', body: 'canary' }));
      refusing.close();
      assert.deepEqual([code, data.sent, data.detail], ['client_certificate_refused', false, detail]);
    }
  });

  it('knows no more than that the connection broke where a server looks later', async () => {
    const other = await connect({ key: selfSigned.key, certificate: selfSigned.cert });
    const { code } = await failureOf(other(server.origin, { method: 'POST', body: 'canary' }));
    assert.equal(code, 'connection_reset');
    assert.equal(server.requests.length, 0);
  });

  it('finds out by itself that key and certificate do not belong together', async () => {
    const error = await failureOf(connect({ ...identity, key: testKey('P-256').pem }));
    assert.deepEqual([error.code, error.data.reason], ['credential_invalid', 'certificate_mismatch']);
  });

  it('follows no redirect, and ends with the timeout and with the caller', async () => {
    const fetch = await connect();
    server.answer = (_, response) => response.writeHead(307, { location: 'https://other.example/' }).end();
    const { code, data } = await failureOf(fetch(server.origin, { method: 'POST' }));
    assert.deepEqual([code, data.location], ['redirect_refused', 'other.example']);
    server.answer = () => {};
    const abort = new AbortController();
    const cancelled = failureOf(fetch(server.origin, { method: 'POST', signal: abort.signal }));
    server.answer = () => abort.abort();
    assert.equal((await cancelled).code, 'cancelled');
    server.answer = () => {};
    const impatient = boundedFetch(await createMutualTls(selfSigned.cert)(identity), { timeout: 50 });
    assert.equal((await failureOf(impatient(server.origin, {}))).code, 'timeout');
  });

  it('needs TLS', async () => {
    const { code, data } = await failureOf((await connect())('http://127.0.0.1:1/token', {}));
    assert.deepEqual([code, data.reason], ['credential_invalid', 'no_tls']);
  });

  it('does not treat other data as a response', async () => {
    const fetch = await connect();
    server.answer = (_, response) => response.writeHead(999).end();
    assert.deepEqual((await failureOf(fetch(server.origin, {}))).code, 'http_error');
    server.answer = (_, response) => response.writeHead(204).end();
    assert.equal((await fetch(server.origin, {})).status, 204);
    server.answer = (_, response) => response.destroy();
    assert.equal((await failureOf(fetch(server.origin, {}))).code, 'connection_reset');
  });

  describe('at a token endpoint', () => {
    const issuer = 'https://issuer.example';
    function ask(mutualTls: boolean, method = 'self_signed_tls_client_auth') {
      const asked: string[] = [];
      const clock = systemClock;
      const fetch = async (input: string) => {
        asked.push(input);
        const endpoints = { token_endpoint: `${issuer}/token`, revocation_endpoint: `${issuer}/revoke` };
        const aliases = { token_endpoint: `${server.origin}/mtls/token`, other: 1 };
        return Response.json({ issuer, ...endpoints, mtls_endpoint_aliases: aliases });
      };
      const { connection } = readConnection({
        id: 'main',
        issuer,
        clientId: 'app',
        tokenEndpointAuthMethod: method,
      });
      const client = createTokenClient({
        ...{ fetch, clock, discovery: createDiscovery({ fetch, clock }) },
        ...(mutualTls && { mutualTls: createMutualTls(selfSigned.cert) }),
      });
      const private_key = `${selfSignedClient.cert}${selfSignedClient.key}`.replaceAll('\n', '');
      const credentials = { private_key };
      return { asked, answer: client.clientCredentials({ connection: present(connection), credentials }) };
    }

    for (const method of ['tls_client_auth', 'self_signed_tls_client_auth']) {
      it(`asks where the issuer wants to see it: ${method}`, async () => {
        const { answer, asked } = ask(true, method);
        const { raw, tokenEndpoint } = await answer;
        assert.equal(raw.access_token, 'at');
        assert.equal(tokenEndpoint, `${server.origin}/mtls/token`);
        const [request] = server.requests;
        assert.deepEqual([request?.path, request?.client], ['/mtls/token', 'CN=Test client']);
        assert.equal(request?.body, 'grant_type=client_credentials&client_id=app');
        assert.equal(request?.headers.authorization, undefined);
        assert.ok(asked.every(each => each.includes('/.well-known/')));
      });
    }

    it('says that it cannot where the platform cannot', async () => {
      const { code, data } = await failureOf(ask(false).answer);
      assert.deepEqual([code, data.sent], ['auth_method_unsupported', false]);
      assert.equal(server.requests.length, 0);
    });
  });
});

/** An authority that has signed none of these certificates. */
function testAuthority(): string {
  return selfSignedClient.cert;
}
