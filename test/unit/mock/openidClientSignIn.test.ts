import assert from 'node:assert/strict';
import * as client from 'openid-client';
import { createMockIssuer, type MockIssuer } from '../../../src/mock/issuer.ts';
import type { MockIssuerOptions } from '../../../src/mock/options.ts';
import { text } from './support.ts';

const redirectUri = 'http://127.0.0.1:49152/callback';
const clientSecret = 'a secret that is long enough for HS256: /+%';

async function discover(
  options: MockIssuerOptions = {},
  clientId = 'demo',
  auth: client.ClientAuth = client.None(),
): Promise<{ mock: MockIssuer; config: client.Configuration }> {
  const mock = await createMockIssuer({ alg: 'ES256', ...options });
  return { mock, config: await configOf(mock, clientId, auth) };
}

function configOf(mock: MockIssuer, clientId: string, auth: client.ClientAuth): Promise<client.Configuration> {
  return client.discovery(new URL(mock.issuer), clientId, { id_token_signed_response_alg: 'ES256' }, auth, {
    execute: [client.enableNonRepudiationChecks],
    [client.customFetch]: (url, init) => mock.fetch(url, init as RequestInit),
  });
}

interface SignInHow {
  readonly dpop?: client.DPoPHandle;
  readonly pushed?: boolean;
  readonly more?: Record<string, string>;
}

/** Authorization code with PKCE, state, nonce and iss, all checked by openid-client. */
async function signIn(mock: MockIssuer, config: client.Configuration, how: SignInHow = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const nonce = client.randomNonce();
  const parameters = {
    redirect_uri: redirectUri,
    scope: 'openid profile offline_access',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...how.more,
  };
  const options = how.dpop === undefined ? {} : { DPoP: how.dpop };
  const url = how.pushed
    ? await client.buildAuthorizationUrlWithPAR(config, parameters, options)
    : client.buildAuthorizationUrl(config, parameters);
  if (how.pushed) assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri']);
  const back = await mock.authorize(url);
  const checks = {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  };
  return client.authorizationCodeGrant(config, back, checks, undefined, options);
}

// openid-client, an independent and certified client, signs in, sends requests and signs out.
describe('mock issuer: as openid-client signs in', () => {
  it('authorization code with PKCE, state, nonce and iss', async () => {
    const { mock, config } = await discover({ subject: 'alice' });
    const tokens = await signIn(mock, config);
    assert.equal(tokens.claims()?.sub, 'alice');
    assert.equal(tokens.token_type, 'bearer');
    assert.equal(tokens.scope, 'openid profile offline_access');
    const next = await client.refreshTokenGrant(config, text(tokens.refresh_token));
    assert.equal(next.claims()?.sub, 'alice');
  });

  it('max_age and login_hint', async () => {
    const { mock, config } = await discover();
    const tokens = await signIn(mock, config, { more: { login_hint: 'bob', max_age: '0' } });
    const { sub, auth_time } = tokens.claims() ?? {};
    assert.equal(sub, 'bob');
    assert.ok(Math.abs(Number(auth_time) - Date.now() / 1000) < 5);
  });

  it('rejects a forged state, another issuer (RFC 9207), a missing iss, and a denied sign-in', async () => {
    const { mock, config } = await discover();
    const other = { value: 'https://other.example' };
    for (const fault of [
      { type: 'responseParameter', name: 'state', value: 'forged' },
      { type: 'responseParameter', name: 'iss', ...other },
      { type: 'responseParameter', name: 'iss' },
    ] as const) {
      mock.faults.next(1, fault);
      await assert.rejects(signIn(mock, config), { name: 'ClientError' }, JSON.stringify(fault));
    }
    mock.faults.next(1, { type: 'claim', name: 'nonce', value: 'another', token: 'id_token' });
    await assert.rejects(signIn(mock, config), { name: 'ClientError' }, 'nonce');
    mock.faults.next(1, { type: 'authorizationError', error: 'access_denied' });
    await assert.rejects(signIn(mock, config), {
      name: 'AuthorizationResponseError',
      error: 'access_denied',
    });
  });

  it('pushed authorization requests', async () => {
    const { mock, config } = await discover({
      clients: [{ client_id: 'demo', require_pushed_authorization_requests: true }],
    });
    assert.equal((await signIn(mock, config, { pushed: true })).claims()?.sub, 'mock-user');
    await assert.rejects(signIn(mock, config), { error: 'invalid_request' });
  });

  for (const dpopNonce of ['off', 'required'] as const) {
    it(`DPoP, nonces ${dpopNonce}: code, PAR, refresh, UserInfo`, async () => {
      const { mock, config } = await discover({ dpopNonce });
      const dpop = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
      for (const pushed of [false, true]) {
        const tokens = await signIn(mock, config, { dpop, pushed });
        assert.equal(tokens.token_type, 'dpop');
        mock.expireDpopNonces();
        const next = await client.refreshTokenGrant(config, text(tokens.refresh_token), undefined, {
          DPoP: dpop,
        });
        assert.equal(next.token_type, 'dpop');
        const options = { DPoP: dpop };
        const info = await client.fetchUserInfo(config, next.access_token, 'mock-user', options);
        assert.equal(info.preferred_username, 'mock-user');
        const bearer = client.fetchUserInfo(config, next.access_token, 'mock-user');
        await assert.rejects(bearer, { name: 'WWWAuthenticateChallengeError', status: 401 });
        const unproven = client.refreshTokenGrant(config, text(next.refresh_token));
        await assert.rejects(unproven, { error: 'invalid_grant' });
      }
    });
  }

  it('device flow: pending, then approved, denied or signed in automatically', async () => {
    const { mock, config } = await discover({ deviceInterval: 0.001, rotation: 'strict' });
    const start = () => client.initiateDeviceAuthorization(config, { scope: 'openid offline_access' });
    const first = await start();
    const polling = client.pollDeviceAuthorizationGrant(config, first);
    while (!mock.requests.some(({ error }) => error === 'authorization_pending')) await mock.nextRequest();
    mock.decideDevice(first.user_code, { subject: 'carol' });
    assert.equal((await polling).claims()?.sub, 'carol');
    const second = await start();
    mock.decideDevice(second.user_code.toLowerCase().replace('-', ' '), { deny: true });
    const denied = client.pollDeviceAuthorizationGrant(config, second);
    await assert.rejects(denied, { name: 'ResponseBodyError', error: 'access_denied' });
    mock.setSignIn('auto', 'dave');
    const third = await client.pollDeviceAuthorizationGrant(config, await start());
    assert.equal(third.claims()?.sub, 'dave');
  });

  it('authenticates by client_secret_jwt and private_key_jwt, everywhere', async () => {
    const pair = await client.randomDPoPKeyPair('ES256', { extractable: false });
    const publicKey = await crypto.subtle.exportKey('jwk', pair.publicKey);
    const mock = await createMockIssuer({
      alg: 'ES256',
      scope: 'openid profile offline_access api',
      clients: [
        {
          client_id: 'by-secret',
          client_secret: clientSecret,
          token_endpoint_auth_method: 'client_secret_jwt',
          redirect_uris: [redirectUri],
        },
        {
          client_id: 'by-key',
          token_endpoint_auth_method: 'private_key_jwt',
          jwks: { keys: [{ kty: 'EC', ...publicKey }] },
          redirect_uris: [redirectUri],
        },
      ],
    });
    const others = await client.randomDPoPKeyPair('ES256');
    const ways = [
      ['by-secret', client.ClientSecretJwt(clientSecret), client.ClientSecretJwt(`${clientSecret}!`)],
      ['by-key', client.PrivateKeyJwt(pair.privateKey), client.PrivateKeyJwt(others.privateKey)],
    ] as const;
    for (const [clientId, right, wrong] of ways) {
      const config = await configOf(mock, clientId, right);
      const service = await client.clientCredentialsGrant(config, { scope: 'api' });
      assert.equal(service.scope, 'api');
      const tokens = await signIn(mock, config, { pushed: true });
      const { active, username } = await client.tokenIntrospection(config, tokens.access_token);
      assert.deepEqual([active, username], [true, 'mock-user']);
      await client.tokenRevocation(config, text(tokens.refresh_token));
      assert.deepEqual(await client.tokenIntrospection(config, tokens.access_token), { active: false });
      const refused = client.clientCredentialsGrant(await configOf(mock, clientId, wrong));
      await assert.rejects(refused, { name: 'ResponseBodyError', status: 401, error: 'invalid_client' });
    }
  });

  it('introspection, UserInfo, revocation, sign-out', async () => {
    const { mock, config } = await discover({ subject: 'alice' });
    const tokens = await signIn(mock, config);
    const introspected = await client.tokenIntrospection(config, tokens.access_token);
    assert.deepEqual(
      [introspected.active, introspected.sub, introspected.client_id, introspected.token_type],
      [true, 'alice', 'demo', 'Bearer'],
    );
    const info = await client.fetchUserInfo(config, tokens.access_token, 'alice');
    assert.deepEqual({ ...info }, { sub: 'alice', name: 'alice', preferred_username: 'alice' });
    await client.tokenRevocation(config, text(tokens.refresh_token), { token_type_hint: 'refresh_token' });
    const gone = client.fetchUserInfo(config, tokens.access_token, 'alice');
    await assert.rejects(gone, { name: 'WWWAuthenticateChallengeError', status: 401 });
    await assert.rejects(client.refreshTokenGrant(config, text(tokens.refresh_token)), {
      error: 'invalid_grant',
    });
    const url = client.buildEndSessionUrl(config, {
      id_token_hint: text(tokens.id_token),
      post_logout_redirect_uri: redirectUri,
      state: 's-1',
    });
    const response = await mock.fetch(url, { redirect: 'manual' });
    assert.equal(response.headers.get('location'), `${redirectUri}?state=s-1`);
  });

  it('exchanges a token for one with another audience', async () => {
    const { mock, config } = await discover({ audiences: ['https://api.example'] });
    const tokens = await signIn(mock, config);
    const type = 'urn:ietf:params:oauth:token-type:access_token';
    const grant = 'urn:ietf:params:oauth:grant-type:token-exchange';
    const exchanged = await client.genericGrantRequest(config, grant, {
      subject_token: tokens.access_token,
      subject_token_type: type,
      audience: 'https://api.example',
    });
    assert.equal(exchanged.issued_token_type, type);
    const { aud } = await client.tokenIntrospection(config, exchanged.access_token);
    assert.equal(aud, 'https://api.example');
  });
});
