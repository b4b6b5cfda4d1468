import assert from 'node:assert/strict';
import type { Fetch } from '../../../../src/core/ports.ts';
import { jsonText } from '../../../../src/core/tokens/json.ts';
import { claimsOf } from '../../../../src/core/tokens/tokenUse.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { encode, hmacJwt, jwt, signer } from '../../../support/signing.ts';
import { present } from '../refresh/refreshWorld.ts';
import { type SignInWorld, signInWorld } from '../signIn/signInWorld.ts';

const { signal } = new AbortController();

async function signedIn(options: Parameters<typeof signInWorld>[0] = {}, connection: object = {}) {
  const world = await signInWorld(options);
  await world.signIn({ connection });
  return {
    world,
    connection: { ...world.connection, ...connection },
    tokens: present(world.stored().tokens),
  };
}

/** The issuer, with `body` as its response at `path`. */
const saying =
  (world: SignInWorld, path: string, body: string, type: string, keys?: object): Fetch =>
  async (input, init) => {
    if (keys && input.endsWith('/jwks')) return Response.json({ keys: [keys] });
    return input.endsWith(path)
      ? new Response(body, { headers: { 'content-type': type } })
      : world.mock.fetch(input, init);
  };

describe('introspection', () => {
  it('says that a token is active, and where issuer and token differ', async () => {
    const { world, connection, tokens } = await signedIn();
    const { claims, differences, signed } = await world
      .client()
      .introspect(connection, world.stored(), present(tokens.access_token), 'access_token', signal);
    assert.deepEqual([claims.active, claims.client_id, signed], [true, 'demo', false]);
    const named = Object.fromEntries(differences.map(({ name, change }) => [name, change]));
    assert.deepEqual([named.active, named.username, named.sub], ['added', 'added', undefined]);
    const last = present(world.mock.requests.at(-1));
    assert.equal(last.path, '/introspect');
    const answer = JSON.stringify({ claims, differences });
    assert.ok(!answer.includes(present(tokens.access_token)));
  });

  it('says that a revoked token is not active any more, and tells of a refresh token as well', async () => {
    const { world, connection, tokens } = await signedIn();
    const ask = (token?: string) =>
      world.client().introspect(connection, world.stored(), present(token), undefined, signal);
    assert.equal((await ask(tokens.refresh_token)).claims.active, true);
    await world.client().revoke(connection, world.stored(), signal);
    assert.deepEqual((await ask(tokens.refresh_token)).claims, { active: false });
    assert.deepEqual((await ask(tokens.access_token)).claims, { active: false });
  });

  it('repeats no token that the issuer repeats', async () => {
    const { world, connection, tokens } = await signedIn();
    const token = present(tokens.access_token);
    const body = JSON.stringify({ active: true, nested: { token, list: [`Bearer ${token}`] }, sub: 'alice' });
    const fetch = saying(world, '/introspect', body, 'application/json');
    const answer = await world.client({ fetch }).introspect(connection, world.stored(), token, undefined, signal);
    assert.deepEqual(answer.claims, {
      active: true,
      nested: { token: '[token]', list: ['[token]'] },
      sub: 'alice',
    });
    assert.ok(!JSON.stringify(answer).includes(token));
    const refused: Fetch = async (input, init) =>
      input.endsWith('/introspect')
        ? new Response('', {
            status: 401,
            headers: { 'www-authenticate': `Bearer error="invalid_token", error_description="${token}"` },
          })
        : world.mock.fetch(input, init);
    const { data } = await failureOf(
      world.client({ fetch: refused }).introspect(connection, world.stored(), token, undefined, signal),
    );
    assert.equal(data.error, 'invalid_token');
    assert.ok(!JSON.stringify(data).includes(token));
  });

  it('keeps numbers beyond 2^53 as the issuer wrote them', async () => {
    const { world, connection, tokens } = await signedIn();
    const token = present(tokens.access_token);
    const answer = (path: string, body: string) =>
      world.client({ fetch: saying(world, path, body, 'application/json') });
    const body = '{"active":true,"sub":"alice","uid":9007199254740993,"list":[1e400]}';
    const introspected = await answer('/introspect', body).introspect(
      connection,
      world.stored(),
      token,
      undefined,
      signal,
    );
    assert.equal(jsonText(introspected.claims), body);
    assert.deepEqual(
      introspected.differences.filter(({ name }) => name === 'uid'),
      [{ part: 'payload', name: 'uid', change: 'added', after: '9007199254740993' }],
    );
    const user = `{"sub":${JSON.stringify(claimsOf(tokens.id_token)?.sub)},"uid":9007199254740993}`;
    assert.equal(jsonText((await answer('/userinfo', user).userInfo(connection, world.stored(), signal)).claims), user);
  });

  it('asks only the issuer of the tokens', async () => {
    const { world, connection, tokens } = await signedIn();
    const moved = { ...connection, issuer: 'https://elsewhere.example' };
    const asked = world.mock.requests.length;
    const { code } = await failureOf(
      world.client().introspect(moved, world.stored(), present(tokens.access_token), undefined, signal),
    );
    assert.deepEqual([code, world.mock.requests.length], ['binding_mismatch', asked]);
  });

  const as = signer('ES256');
  const signedAnswer = (world: SignInWorld, more: object = {}, by = as) =>
    jwt(
      by,
      {
        iss: world.mock.issuer,
        aud: 'demo',
        iat: Math.floor(world.clock.now() / 1000),
        token_introspection: { active: true, sub: 'alice' },
        ...more,
      },
      { typ: 'token-introspection+jwt' },
    );
  const type = 'application/token-introspection+jwt';

  /** The issuer with other metadata, and a signed response at `path`. */
  const publishing =
    (world: SignInWorld, path: string, answer: string, change: (metadata: Record<string, unknown>) => object): Fetch =>
    async (input, init) => {
      if (input.endsWith(path)) return new Response(answer, { headers: { 'content-type': type } });
      const response = await world.mock.fetch(input, init);
      if (!input.includes('/.well-known/')) return response;
      return Response.json(change((await response.json()) as Record<string, unknown>));
    };

  it("verifies a signed response with keys in the issuer's metadata itself", async () => {
    const { world, connection, tokens } = await signedIn();
    const ask = (keys: object | undefined, by = as) => {
      const fetch = publishing(world, '/introspect', signedAnswer(world, {}, by), ({ jwks_uri: _, ...metadata }) => ({
        ...metadata,
        jwks: keys,
      }));
      return world
        .client({ fetch })
        .introspect(connection, world.stored(), present(tokens.access_token), undefined, signal);
    };
    assert.equal((await ask({ keys: [as.jwk] })).signed, true);
    const reasonOf = async (pending: Promise<unknown>) => {
      const { code, data } = await failureOf(pending);
      return [code, data.reason ?? data.setting];
    };
    assert.deepEqual(await reasonOf(ask({ keys: [as.jwk] }, signer('ES256', as.jwk.kid))), [
      'response_invalid',
      'answer_signature',
    ]);
    assert.deepEqual(await reasonOf(ask({ keys: [signer('ES256', 'other').jwk] })), ['response_invalid', 'answer_key']);
    assert.deepEqual(await reasonOf(ask(undefined)), ['endpoint_missing', 'jwksUri']);
  });

  it('verifies a signed response with the key set of the settings, without metadata of keys', async () => {
    const { world, connection, tokens } = await signedIn();
    const jwksUri = `${world.mock.issuer}/own-keys`;
    const inner = publishing(world, '/introspect', signedAnswer(world), metadata => ({ ...metadata, jwks: {} }));
    const ask = (keys: Response) =>
      world
        .client({ fetch: async (input, init) => (input === jwksUri ? keys : inner(input, init)) })
        .introspect({ ...connection, jwksUri }, world.stored(), present(tokens.access_token), undefined, signal);
    assert.equal((await ask(Response.json({ keys: [as.jwk] }))).signed, true);
    const { code, data } = await failureOf(ask(Response.json({ message: 'Keys are down.' }, { status: 503 })));
    assert.deepEqual([code, data.firstLine], ['http_error', 'Keys are down.']);
  });

  it("verifies a response that is signed with the client's secret, and says that it needs it", async () => {
    const { world, connection, tokens } = await signedIn();
    const secret = 'a secret of the client that is long enough';
    const ask = (signedWith: string, client_secret?: string) => {
      const claims = { iss: world.mock.issuer, aud: 'demo', iat: Math.floor(world.clock.now() / 1000) };
      const answer = hmacJwt(
        signedWith,
        { ...claims, token_introspection: { active: true } },
        { typ: 'token-introspection+jwt' },
      );
      return world
        .client({ fetch: saying(world, '/introspect', answer, type, as.jwk) })
        .introspect(
          connection,
          { ...world.stored(), ...(client_secret !== undefined && { client_secret }) },
          present(tokens.access_token),
          undefined,
          signal,
        );
    };
    assert.deepEqual((await ask(secret, secret)).signed, true);
    assert.equal(
      (await failureOf(ask('another secret, as long as the other one', secret))).data.reason,
      'answer_signature',
    );
    assert.equal((await failureOf(ask(secret))).data.reason, 'answer_secret');
  });

  it("accepts a signed response that the issuer's keys verify, and no other", async () => {
    const { world, connection, tokens } = await signedIn();
    const ask = (answer: string) =>
      world
        .client({ fetch: saying(world, '/introspect', answer, type, as.jwk) })
        .introspect(connection, world.stored(), present(tokens.access_token), undefined, signal);
    const { claims, signed } = await ask(signedAnswer(world));
    assert.deepEqual([claims, signed], [{ active: true, sub: 'alice' }, true]);
    const wrong = [
      signedAnswer(world, {}, signer('ES256')),
      signedAnswer(world, { iss: 'https://evil.example' }),
      signedAnswer(world, { aud: 'another' }),
      `${encode({ alg: 'none', typ: 'token-introspection+jwt' })}.${encode({})}.`,
    ];
    for (const answer of wrong) {
      const { code, data } = await failureOf(ask(answer));
      assert.deepEqual([code, data.reason], ['response_invalid', 'answer_signature'], answer);
    }
    const { data } = await failureOf(ask('a.b.c.d.e'));
    assert.equal(data.reason, 'answer_encrypted');
  });

  for (const [what, body, answered] of [
    ['a web page', '<html>Log in</html>', 'html'],
    ['no verdict', '{"sub":"alice"}', 'answer_malformed'],
    ['half an answer', '{"active":', 'answer_malformed'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const { world, connection, tokens } = await signedIn();
      const client = world.client({ fetch: saying(world, '/introspect', body, 'application/json') });
      const { code, data } = await failureOf(
        client.introspect(connection, world.stored(), present(tokens.access_token), undefined, signal),
      );
      assert.deepEqual([code, data.reason], ['response_invalid', answered]);
      assert.ok(!JSON.stringify(data).includes(present(tokens.access_token)));
    });
  }

  it('names the endpoint that is missing, with its setting', async () => {
    const { world, connection, tokens } = await signedIn();
    const fetch: Fetch = async (input, init) => {
      const response = await world.mock.fetch(input, init);
      if (!input.includes('.well-known')) return response;
      const { introspection_endpoint: _, ...metadata } = await response.json();
      return Response.json(metadata);
    };
    const { code, data } = await failureOf(
      world.client({ fetch }).introspect(connection, world.stored(), present(tokens.access_token), undefined, signal),
    );
    assert.deepEqual([code, data.setting], ['endpoint_missing', 'introspectionEndpoint']);
  });

  it('says that it is not offered to this client, where the metadata and a refusal say so', async () => {
    const { world, connection, tokens } = await signedIn();
    const words = { error: 'invalid_client', error_description: 'missing required credentials' };
    const fetch: Fetch = async (input, init) => {
      if (input.endsWith('/introspect')) return Response.json(words, { status: 401 });
      const response = await world.mock.fetch(input, init);
      if (!input.includes('.well-known')) return response;
      const offered = ['client_secret_basic', 'private_key_jwt'];
      return Response.json({ ...(await response.json()), introspection_endpoint_auth_methods_supported: offered });
    };
    const ask = (method: 'none' | 'client_secret_basic') => {
      const client = { ...connection, tokenEndpointAuthMethod: method };
      const record = { ...world.stored(), client_secret: 'a-secret' };
      const token = present(tokens.access_token);
      return failureOf(world.client({ fetch }).introspect(client, record, token, undefined, signal));
    };
    const { code, data } = await ask('none');
    assert.deepEqual(
      [code, data.method, data.offered, data.error_description],
      ['endpoint_missing', 'none', 'client_secret_basic, private_key_jwt', words.error_description],
    );
    // A client that is allowed to ask has another problem.
    assert.equal((await ask('client_secret_basic')).code, 'oauth_error');
  });
});

describe('UserInfo', () => {
  it("shows the user's claims that the ID token lacks", async () => {
    const scope = 'openid profile offline_access';
    const { world, connection } = await signedIn({}, { scope });
    const { claims, differences } = await world.client().userInfo(connection, world.stored(), signal);
    assert.equal(typeof claims.name, 'string');
    const changes = Object.fromEntries(differences.map(({ name, change }) => [name, change]));
    assert.deepEqual([changes.sub, changes.aud], [undefined, 'removed']);
  });

  it('shows a proof where the token is bound to a key', async () => {
    const { world, connection } = await signedIn({}, { dpop: true });
    const { claims } = await world.client().userInfo(connection, world.stored(), signal);
    assert.ok(claims.sub);
  });

  it('shows a token to no issuer but its own', async () => {
    const { world, connection } = await signedIn();
    const moved = { ...connection, issuer: 'https://elsewhere.example' };
    const asked: string[] = [];
    const fetch: Fetch = async input => {
      asked.push(input);
      return new Response('', { status: 404 });
    };
    const { code } = await failureOf(world.client({ fetch }).userInfo(moved, world.stored(), signal));
    assert.deepEqual([code, asked], ['binding_mismatch', []]);
  });

  it('refuses an answer about somebody else', async () => {
    const { world, connection } = await signedIn();
    const fetch = saying(world, '/userinfo', '{"sub":"mallory"}', 'application/json');
    const { code, data } = await failureOf(world.client({ fetch }).userInfo(connection, world.stored(), signal));
    assert.deepEqual([code, data.reason, data.found], ['response_invalid', 'subject', 'mallory']);
    const odd = saying(world, '/userinfo', '{"sub":{"toString":1}}', 'application/json');
    const failure = await failureOf(world.client({ fetch: odd }).userInfo(connection, world.stored(), signal));
    assert.equal(failure.code, 'response_invalid');
  });

  it('verifies a signed answer', async () => {
    const { world, connection } = await signedIn();
    const as = signer('ES256');
    const { sub } = (await world.client().userInfo(connection, world.stored(), signal)).claims;
    const ask = (by = as) => {
      const answer = jwt(by, { iss: world.mock.issuer, aud: 'demo', sub, name: 'Alice' });
      const fetch = saying(world, '/userinfo', answer, 'application/jwt', as.jwk);
      return world.client({ fetch }).userInfo(connection, world.stored(), signal);
    };
    const { claims, signed } = await ask();
    assert.deepEqual([claims.name, signed], ['Alice', true]);
    assert.equal((await failureOf(ask(signer('ES256')))).data.reason, 'answer_signature');
  });

  for (const [written, description] of [
    ['Bearer error="invalid_token", error_description="It has ended"', 'It has ended'],
    ['Bearer realm=api, error=invalid_token, error_description=ended', 'ended'],
  ] as const) {
    it(`says what the issuer says in the header of a refusal: ${written}`, async () => {
      const { world, connection } = await signedIn();
      const fetch: Fetch = async (input, init) =>
        input.endsWith('/userinfo')
          ? new Response('', { status: 401, headers: { 'www-authenticate': written } })
          : world.mock.fetch(input, init);
      const { code, data } = await failureOf(world.client({ fetch }).userInfo(connection, world.stored(), signal));
      assert.deepEqual([code, data.error, data.error_description], ['oauth_error', 'invalid_token', description]);
    });
  }
});
