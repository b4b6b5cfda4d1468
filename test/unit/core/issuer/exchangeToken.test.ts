import assert from 'node:assert/strict';
import { decodeJwt } from 'jose';
import type { Fetch } from '../../../../src/core/ports.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { present } from '../refresh/refreshWorld.ts';
import { signInWorld } from '../signIn/signInWorld.ts';

const { signal } = new AbortController();
const subjectToken = 'access_token' as const;

async function signedIn(options: Parameters<typeof signInWorld>[0] = {}, connection: object = {}) {
  const world = await signInWorld(options);
  await world.signIn({ connection });
  const record = world.stored();
  return {
    world,
    request: { connection: { ...world.connection, ...connection }, record, subjectToken, signal },
  };
}

describe('token exchange', () => {
  it('brings a token for another audience, and changes nothing that is stored', async () => {
    const { world, request } = await signedIn();
    const before = world.stored();
    const { raw, issuedTokenType, tokenEndpoint } = await world
      .client()
      .tokenClient.exchange({ ...request, audience: 'https://api.example' });
    assert.equal(decodeJwt(present(raw.access_token)).aud, 'https://api.example');
    assert.notEqual(raw.access_token, before.tokens?.access_token);
    assert.deepEqual([issuedTokenType, tokenEndpoint], ['access_token', `${world.mock.issuer}/token`]);
    assert.deepEqual(world.stored(), before);
  });

  it('exchanges an ID token too, and asks for the type and the scope that are wanted', async () => {
    const { world, request } = await signedIn();
    const { raw, issuedTokenType } = await world.client().tokenClient.exchange({
      ...request,
      subjectToken: 'id_token',
      requestedTokenType: 'jwt',
      scope: 'openid',
    });
    assert.deepEqual([issuedTokenType, raw.scope ?? 'openid'], ['jwt', 'openid']);
    assert.ok(raw.access_token);
  });

  it('keeps a token under its own name where another kind was issued', async () => {
    const { world, request } = await signedIn();
    const answer = {
      access_token: 'another',
      token_type: 'N_A',
      issued_token_type: 'urn:ietf:params:oauth:token-type:refresh_token',
    };
    const fetch: Fetch = async (input, init) =>
      input.endsWith('/token') ? Response.json(answer) : world.mock.fetch(input, init);
    const { raw, issuedTokenType } = await world.client({ fetch }).tokenClient.exchange(request);
    assert.deepEqual([raw.refresh_token, raw.access_token, issuedTokenType], ['another', undefined, 'refresh_token']);
  });

  it('rejects a response without a token, so that the sent token is not returned', async () => {
    const { world, request } = await signedIn();
    const fetch: Fetch = async (input, init) =>
      input.endsWith('/token') ? Response.json({ token_type: 'Bearer' }) : world.mock.fetch(input, init);
    const { code, data } = await failureOf(world.client({ fetch }).tokenClient.exchange(request));
    assert.deepEqual([code, data.reason], ['response_invalid', 'access_token_missing']);
  });

  it('is bound to the key of the exchanged token', async () => {
    const { world, request } = await signedIn({}, { dpop: true });
    const { raw, dpopKey } = await world.client().tokenClient.exchange(request);
    assert.match(present(raw.token_type), /^dpop$/i);
    assert.equal(dpopKey, request.record.dpop_key);
  });

  for (const [what, change, error] of [
    ['a target that there is not', { audience: 'https://nobody.example' }, 'invalid_target'],
    ['more than the token has', { scope: 'openid profile everything' }, 'invalid_scope'],
    ['a type that is not issued', { requestedTokenType: 'saml2' }, 'invalid_request'],
  ] as const) {
    it(`says what is wrong with ${what}`, async () => {
      const { world, request } = await signedIn({ audiences: ['https://api.example'] });
      const { code, data } = await failureOf(world.client().tokenClient.exchange({ ...request, ...change }));
      assert.deepEqual([code, data.error, data.grant], ['oauth_error', error, 'token_exchange']);
      assert.ok(!JSON.stringify(data).includes(present(request.record.tokens?.access_token)));
    });
  }

  it('says that the token is missing, and sends none to another issuer', async () => {
    const { world, request } = await signedIn();
    const asked = world.mock.requests.length;
    const { code } = await failureOf(
      world.client().tokenClient.exchange({ ...request, record: { ...request.record, tokens: { obtained_at: 0 } } }),
    );
    const moved = { ...request, connection: { ...request.connection, issuer: 'https://elsewhere.example' } };
    assert.deepEqual(
      [code, (await failureOf(world.client().tokenClient.exchange(moved))).code, world.mock.requests.length],
      ['no_such_token', 'binding_mismatch', asked],
    );
  });
});
