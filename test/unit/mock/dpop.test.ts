import assert from 'node:assert/strict';
import {
  type CryptoKey,
  calculateJwkThumbprint,
  decodeJwt,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  SignJWT,
} from 'jose';
import { createDpopVerifier } from '../../../src/mock/dpop.ts';
import { createMockIssuer, type MockIssuer } from '../../../src/mock/issuer.ts';
import { ask, authorizationParameters, codeOf, redeem } from './signInSupport.ts';
import { assertError, basic, post, refresh, text } from './support.ts';

// RFC 9449 figure 2 (section 5), the thumbprint of section 6.1, and figures 13 (section 7.1).
const rfcHeader =
  'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19';
const rfcProof = `${rfcHeader}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg`;
const rfcResourceProof = `${rfcHeader}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA`;
const rfcJkt = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I';
const rfcAccessToken = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU';

interface Prover {
  readonly jkt: string;
  /** A proof for a POST to the token endpoint; `claims` and `header` override its members. */
  prove(mock: MockIssuer, claims?: Record<string, unknown>, header?: object): Promise<{ dpop: string }>;
}

async function prover(alg = 'ES256'): Promise<Prover> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return {
    jkt: await calculateJwkThumbprint(jwk),
    async prove(mock, claims = {}, header = {}) {
      const usual = {
        htm: 'POST',
        htu: `${mock.issuer}/token`,
        iat: Math.floor(mock.clock.now() / 1000),
        jti: crypto.randomUUID(),
      };
      const dpop = await new SignJWT({ ...usual, ...claims } as JWTPayload)
        .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk, ...header })
        .sign(privateKey as CryptoKey);
      return { dpop };
    },
  };
}

async function make(options = {}): Promise<MockIssuer> {
  const mock = await createMockIssuer({ alg: 'ES256', ...options });
  mock.clock.freeze(Date.parse('2026-03-01T12:00:00Z'));
  return mock;
}

describe('mock issuer: DPoP', () => {
  it('accepts the proofs of RFC 9449, and computes the same thumbprint', async () => {
    const mock = await make({ issuer: 'https://server.example.com', scope: 'api' });
    mock.clock.freeze(1562262616_000);
    const { access_token } = (await redeem(mock, await codeOf(mock, { scope: 'api' }), {}, { dpop: rfcProof })).body;
    assert.deepEqual(decodeJwt(text(access_token)).cnf, { jkt: rfcJkt });

    const exchange = {
      request: {
        method: 'GET',
        target: '/protectedresource?x=1',
        host: 'resource.example.org',
        header: (name: string) => (name === 'dpop' ? rfcResourceProof : undefined),
        text: async () => '',
      },
      url: 'https://resource.example.org/protectedresource',
      effects: [],
      now: () => 1562262618_000,
      saw() {},
      authenticated() {},
      notified() {},
    };
    const desk = createDpopVerifier('off');
    assert.deepEqual(await desk.check(exchange, rfcAccessToken), { jkt: rfcJkt });
    const other = await createDpopVerifier('off').check(exchange, `${rfcAccessToken}x`);
    assert.ok('refused' in other && /ath/.test(other.description));
    const again = await desk.check(exchange, rfcAccessToken);
    assert.ok('refused' in again && /used before/.test(again.description));
  });

  for (const alg of ['ES256', 'RS256', 'PS256', 'EdDSA', 'ES384']) {
    it(`binds tokens to a key: ${alg}`, async () => {
      const mock = await make();
      const { jkt, prove } = await prover(alg);
      const { status, body } = await redeem(mock, await codeOf(mock), {}, await prove(mock));
      assert.deepEqual([status, body.token_type], [200, 'DPoP']);
      assert.deepEqual(decodeJwt(text(body.access_token)).cnf, { jkt });
      assert.equal(decodeJwt(text(body.id_token)).cnf, undefined);
    });
  }

  it('rejects an invalid proof for this request: invalid_dpop_proof', async () => {
    const mock = await make();
    const { prove } = await prover();
    const { refresh_token } = await mock.issueTokens();
    const now = mock.clock.now() / 1000;
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const secretJwk: JWK = await exportJWK(privateKey);
    const bad: Record<string, { dpop: string }> = {
      'no JWT': { dpop: 'x' },
      'two of them': { dpop: `${(await prove(mock)).dpop}, ${(await prove(mock)).dpop}` },
      htm: await prove(mock, { htm: 'GET' }),
      htu: await prove(mock, { htu: 'https://other.example/token' }),
      'htu elsewhere': await prove(mock, { htu: `${mock.issuer}/userinfo` }),
      'htu missing': await prove(mock, { htu: undefined }),
      'iat too old': await prove(mock, { iat: now - 61 }),
      'iat to come': await prove(mock, { iat: now + 61 }),
      'iat missing': await prove(mock, { iat: undefined }),
      'jti missing': await prove(mock, { jti: undefined }),
      'jti too long': await prove(mock, { jti: 'x'.repeat(257) }),
      typ: await prove(mock, {}, { typ: 'JWT' }),
      'key missing': await prove(mock, {}, { jwk: undefined }),
      'another key': await prove(mock, {}, { jwk: await exportJWK(publicKey) }),
      'a private key': await prove(mock, {}, { jwk: secretJwk }),
      'a shared secret': {
        dpop: await new SignJWT({ htm: 'POST', htu: `${mock.issuer}/token`, iat: now, jti: 'x' })
          .setProtectedHeader({ alg: 'HS256', typ: 'dpop+jwt', jwk: { kty: 'oct', k: 'AAAA' } as object })
          .sign(new Uint8Array(32)),
      },
    };
    for (const [name, headers] of Object.entries(bad)) {
      const answer = await post(
        mock,
        { grant_type: 'refresh_token', client_id: 'demo', refresh_token: text(refresh_token) },
        headers,
      );
      assert.deepEqual([name, answer.status, answer.body.error], [name, 400, 'invalid_dpop_proof']);
      assert.match(text(answer.body.error_description), /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
    }
    const good = await prove(mock, { htu: `${mock.issuer}/token?x=1#y`, iat: now - 60 });
    const form = { grant_type: 'refresh_token', client_id: 'demo', refresh_token: text(refresh_token) };
    assert.equal((await post(mock, form, good)).status, 200, 'query and fragment do not count');
    assertError(await post(mock, form, good), 400, 'invalid_dpop_proof');
  });

  it("binds a public client's refresh tokens to the key, a confidential client's not", async () => {
    const mock = await make({
      rotation: 'strict',
      clients: [{ client_id: 'demo' }, { client_id: 'confidential', client_secret: 'secret' }],
    });
    const [mine, theirs] = [await prover(), await prover()];
    const first = await redeem(mock, await codeOf(mock), {}, await mine.prove(mock));
    const form = {
      grant_type: 'refresh_token',
      client_id: 'demo',
      refresh_token: text(first.body.refresh_token),
    };
    assertError(await post(mock, form), 400, 'invalid_grant');
    assertError(await post(mock, form, await theirs.prove(mock)), 400, 'invalid_grant');
    const second = await post(mock, form, await mine.prove(mock));
    assert.deepEqual([second.status, second.body.token_type], [200, 'DPoP'], 'and nothing was rotated meanwhile');

    const auth = basic('confidential', 'secret');
    const code = await codeOf(mock, { client_id: 'confidential' });
    const headers = { ...auth, ...(await mine.prove(mock)) };
    const { body } = await redeem(mock, code, { client_id: undefined }, headers);
    assert.equal(body.token_type, 'DPoP');
    const plain = { grant_type: 'refresh_token', refresh_token: text(body.refresh_token) };
    const bearer = await post(mock, plain, auth);
    assert.deepEqual([bearer.status, bearer.body.token_type], [200, 'Bearer']);
    const again = { ...plain, refresh_token: text(bearer.body.refresh_token) };
    const rebound = await post(mock, again, { ...auth, ...(await theirs.prove(mock)) });
    assert.deepEqual([rebound.status, rebound.body.token_type], [200, 'DPoP']);
  });

  it('issues bound tokens to tests (issueTokens with jkt)', async () => {
    const mock = await make();
    const { jkt, prove } = await prover();
    const { token_type, refresh_token } = await mock.issueTokens({ jkt });
    assert.equal(token_type, 'DPoP');
    assertError(await refresh(mock, refresh_token), 400, 'invalid_grant');
    const form = { grant_type: 'refresh_token', client_id: 'demo', refresh_token: text(refresh_token) };
    assert.equal((await post(mock, form, await prove(mock))).status, 200);
  });

  it('is required of clients with dpop_bound_access_tokens', async () => {
    const mock = await make({ clients: [{ client_id: 'demo', dpop_bound_access_tokens: true }] });
    const code = await codeOf(mock);
    assertError(await redeem(mock, code), 400, 'invalid_dpop_proof');
    const { prove } = await prover();
    assert.equal((await redeem(mock, code, {}, await prove(mock))).status, 200);
  });

  it('binds a code: dpop_jkt, or the proof of the pushed request (section 10)', async () => {
    const mock = await make();
    const [mine, theirs] = [await prover(), await prover()];
    const code = await codeOf(mock, { dpop_jkt: mine.jkt });
    assertError(await redeem(mock, code), 400, 'invalid_grant');
    assertError(await redeem(mock, code, {}, await theirs.prove(mock)), 400, 'invalid_grant');
    assert.equal((await redeem(mock, code, {}, await mine.prove(mock))).status, 200);

    const htu = `${mock.issuer}/par`;
    const both = authorizationParameters({ dpop_jkt: theirs.jkt });
    assertError(await ask(mock, '/par', both, await mine.prove(mock, { htu })), 400, 'invalid_request');
    assertError(await ask(mock, '/par', both, await mine.prove(mock)), 400, 'invalid_dpop_proof');
    const pushed = await ask(mock, '/par', authorizationParameters(), await mine.prove(mock, { htu }));
    const query = new URLSearchParams({ client_id: 'demo', request_uri: text(pushed.body.request_uri) });
    const back = await mock.authorize(`${mock.issuer}/authorize?${query}`);
    const pushedCode = text(back.searchParams.get('code'));
    assertError(await redeem(mock, pushedCode, {}, await theirs.prove(mock)), 400, 'invalid_grant');
    assert.equal((await redeem(mock, pushedCode, {}, await mine.prove(mock))).status, 200);
  });

  it('nonces: use_dpop_nonce with the nonce in a header (section 8), valid for 5 to 10 minutes', async () => {
    const mock = await make({ dpopNonce: 'required' });
    const { prove } = await prover();
    const { refresh_token } = await mock.issueTokens();
    const form = { grant_type: 'refresh_token', client_id: 'demo', refresh_token: text(refresh_token) };
    const tryWith = async (nonce: string | undefined) => post(mock, form, await prove(mock, { nonce }));
    const first = await tryWith(undefined);
    assertError(first, 400, 'use_dpop_nonce');
    const nonce = text(first.headers.get('dpop-nonce'));
    assertError(await tryWith('made-up'), 400, 'use_dpop_nonce');
    assert.equal((await tryWith(nonce)).status, 200);
    mock.clock.advance(299_999);
    assert.equal((await tryWith(nonce)).headers.get('dpop-nonce'), nonce);
    mock.clock.advance(1);
    const renewed = await tryWith(nonce);
    assert.equal(renewed.status, 200, 'the one before still counts');
    const next = text(renewed.headers.get('dpop-nonce'));
    assert.notEqual(next, nonce);
    mock.clock.advance(300_000);
    assertError(await tryWith(nonce), 400, 'use_dpop_nonce');
    mock.expireDpopNonces();
    const last = await tryWith(next);
    assertError(last, 400, 'use_dpop_nonce');
    assert.equal((await tryWith(text(last.headers.get('dpop-nonce')))).status, 200);
    const lastNonce = text(last.headers.get('dpop-nonce'));
    mock.clock.advance(600_000);
    assertError(await tryWith(lastNonce), 400, 'use_dpop_nonce');
    const bearer = await post(mock, form);
    assert.deepEqual([bearer.status, bearer.headers.get('dpop-nonce')], [200, null], 'Bearer needs none');
  });
});
