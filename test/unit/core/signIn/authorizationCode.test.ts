import assert from 'node:assert/strict';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import type { Fetch } from '../../../../src/core/ports.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { gate, id, present, settled, until } from '../refresh/refreshWorld.ts';
import { redirectUri, type SignInWorld, signInWorld } from './signInWorld.ts';

const query = (url: string | undefined) => Object.fromEntries(new URL(url ?? '').searchParams);

/** The browser waits until the test tells it what to do. */
function held(world: SignInWorld): () => Promise<string> {
  world.browse = async () => true;
  return async () => {
    // The listener must be ready before a response comes back.
    await until(() => world.opened.length > 0);
    await new Promise(resolve => setImmediate(resolve));
    return present(world.opened.at(-1));
  };
}

describe('signing in over the browser', () => {
  it('asks with PKCE, state and nonce, and stores what comes as a bound generation', async () => {
    const world = await signInWorld({ rotation: 'strict' });
    const result = await world.signIn({
      connection: { resource: 'https://api.example', extraParameters: { prompt: 'consent', audience: 'a' } },
    });
    const { state, nonce, code_challenge, ...asked } = query(world.opened[0]);
    assert.match(present(state), /^[\w-]{43}$/);
    assert.match(present(nonce), /^[\w-]{43}$/);
    assert.match(present(code_challenge), /^[\w-]{43}$/);
    assert.deepEqual(asked, {
      prompt: 'consent',
      audience: 'a',
      response_type: 'code',
      client_id: 'demo',
      redirect_uri: redirectUri,
      scope: 'openid offline_access',
      resource: 'https://api.example',
      code_challenge_method: 'S256',
    });
    const { binding, tokens, generation } = world.stored();
    assert.deepEqual(binding, {
      issuer: world.mock.issuer,
      token_endpoint: `${world.mock.issuer}/token`,
      client_id: 'demo',
    });
    assert.ok(tokens?.access_token && tokens.refresh_token && tokens.id_token);
    assert.deepEqual([result.generation, result.hasRefreshToken, result.warnings], [generation, true, []]);
    assert.equal(result.expiresAt, tokens.expires_at);
    assert.deepEqual([world.pages, world.listening()], [['signed_in'], 0]);
    assert.equal(await world.first.refresh(), 'refreshed');
  });

  for (const how of ['has ended', 'takes long'])
    it(`redeems the code when the work of another window ${how}, so that what it brings is stored at once`, async () => {
      const world = await signInWorld();
      const hold = gate();
      const other = world.lock.withLock(id, new AbortController().signal, hold.pass);
      await hold.reached;
      const redeemed = () => world.mock.requests.filter(({ path }) => path === '/token').length;
      const signedIn = world.signIn();
      await until(() => world.opened.length > 0);
      await settled();
      assert.equal(redeemed(), 0);
      if (how === 'takes long') {
        world.clock.advance(9999);
        await settled();
        assert.equal(redeemed(), 0);
        world.clock.advance(1);
        await until(() => redeemed() > 0);
      }
      hold.open();
      await other;
      assert.equal((await signedIn).hasRefreshToken, true);
      assert.equal(redeemed(), 1);
    });

  describe('keeps the lock from before the code is redeemed', () => {
    const never = new AbortController().signal;

    /** Calls `during` while the issuer is asked for tokens. */
    const asking =
      (world: SignInWorld, during: () => Response | undefined): Fetch =>
      async (input, init) => {
        const answer = input.endsWith('/token') ? during() : undefined;
        await settled();
        return answer ?? world.mock.fetch(input, init);
      };

    it('until its tokens are stored, so that no other window comes between', async () => {
      const world = await signInWorld();
      let other: Promise<number> | undefined;
      const fetch = asking(world, () => {
        other = world.lock.withLock(id, never, async () => world.stored().generation);
        return undefined;
      });
      const { generation } = await world.signIn({ fetch });
      assert.equal(await other, generation);
    });

    it('until it is refused', async () => {
      const world = await signInWorld();
      const refused = () => Response.json({ error: 'invalid_grant' }, { status: 400 });
      assert.equal((await failureOf(world.signIn({ fetch: asking(world, refused) }))).code, 'oauth_error');
      assert.equal(await world.lock.withLock(id, never, async () => 'free'), 'free');
    });

    it('until the sign-in is cancelled, and a sign-out waits for nothing', async () => {
      const world = await signInWorld();
      const cancel = new AbortController();
      const hangs: Fetch = (input, init) =>
        input.endsWith('/token')
          ? new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(init.signal?.reason)))
          : world.mock.fetch(input, init);
      const ended = failureOf(world.signIn({ fetch: hangs, signal: cancel.signal }));
      await until(() => world.opened.length > 0);
      await settled();
      await world.first.signOut();
      cancel.abort();
      assert.equal((await ended).code, 'cancelled');
      assert.equal(await world.lock.withLock(id, never, async () => 'free'), 'free');
    });

    it('and takes it again if it was lost meanwhile', async () => {
      const world = await signInWorld();
      const { withLock } = world.lock;
      let isFirst = true;
      const losing: typeof withLock = (name, signal, work) =>
        withLock(name, signal, lease => {
          const renew = () => Promise.reject(new WorkbenchError('lock_lost'));
          const taken = isFirst ? Object.create(lease, { lost: { value: true }, renew: { value: renew } }) : lease;
          isFirst = false;
          return work(taken);
        });
      Object.assign(world.lock, { withLock: losing });
      const { generation } = await world.signIn();
      assert.equal(world.stored().generation, generation);
    });
  });

  it('redeems no code where the shared folder cannot be used: what it brought could not be stored', async () => {
    const world = await signInWorld();
    const withLock: typeof world.lock.withLock = async name => {
      throw new WorkbenchError('lock_unavailable', { connection: name, reason: 'EROFS' });
    };
    Object.assign(world.lock, { withLock });
    const { code } = await failureOf(world.signIn());
    assert.equal(code, 'lock_unavailable');
    assert.equal(world.mock.requests.filter(({ path }) => path === '/token').length, 0);
  });

  it('pushes the request where that is set, so that the browser carries only its name', async () => {
    const world = await signInWorld();
    await world.signIn({ connection: { pushedAuthorizationRequests: true } });
    const { request_uri, ...others } = query(world.opened[0]);
    assert.ok(request_uri);
    assert.deepEqual(others, { client_id: 'demo' });
    assert.ok(world.stored().tokens?.refresh_token);
  });

  it('pushes the request where the issuer demands it, and says what is wrong with one that is refused', async () => {
    const world = await signInWorld();
    const fetch: Fetch = async (input, init) => {
      if (input.endsWith('/par'))
        return new Response('{"error":"invalid_request","error_description":"no"}', { status: 400 });
      const response = await world.mock.fetch(input, init);
      if (!input.includes('.well-known')) return response;
      const metadata = { ...(await response.json()), require_pushed_authorization_requests: true };
      return new Response(JSON.stringify(metadata), { status: 200 });
    };
    const { code, data } = await failureOf(world.signIn({ fetch }));
    assert.deepEqual([code, data.error, world.opened.length], ['oauth_error', 'invalid_request', 0]);
    assert.equal(world.listening(), 0);
  });

  it('names the setting that asks for pushed requests where there is nowhere to push to', async () => {
    const world = await signInWorld();
    const fetch: Fetch = async (input, init) => {
      const response = await world.mock.fetch(input, init);
      if (!input.includes('.well-known')) return response;
      const { pushed_authorization_request_endpoint: _, ...metadata } = await response.json();
      return Response.json(metadata);
    };
    const connection = { pushedAuthorizationRequests: true };
    const { code, data } = await failureOf(world.signIn({ fetch, connection }));
    assert.deepEqual([code, data.without], ['endpoint_missing', 'pushedAuthorizationRequests']);
    assert.deepEqual([world.opened.length, world.listening()], [0, 0]);
  });

  it('goes by the settings alone where the issuer has neither a name nor metadata, as GitHub', async () => {
    const world = await signInWorld();
    const { issuer } = world.mock;
    const fetch: Fetch = async (input, init) => {
      assert.ok(!input.includes('.well-known'), input);
      return world.mock.fetch(input, init);
    };
    const connection = {
      issuer: undefined,
      scope: 'profile',
      ...{ authorizationEndpoint: `${issuer}/authorize`, tokenEndpoint: `${issuer}/token` },
    };
    await world.signIn({ fetch, connection });
    assert.equal(query(world.opened[0]).code_challenge_method, 'S256');
    assert.deepEqual(world.stored().binding, { client_id: 'demo', token_endpoint: `${issuer}/token` });
    assert.ok(world.stored().tokens?.access_token);
  });

  it('asks for no nonce where no ID token is asked for', async () => {
    const world = await signInWorld();
    await world.signIn({ connection: { scope: 'offline_access' } });
    assert.equal(query(world.opened[0]).nonce, undefined);
    assert.ok(world.stored().tokens?.refresh_token);
  });

  it('keeps nothing of an earlier grant with the new one', async () => {
    const world = await signInWorld();
    await world.first.import(await world.mock.issueTokens());
    await world.first.vault.update(id, record => ({
      ...present(record),
      refused: { generation: 1, at: 1, error: 'invalid_grant' },
    }));
    const before = world.stored();
    const fetch: Fetch = async (input, init) => {
      const response = await world.mock.fetch(input, init);
      if (!input.endsWith('/token')) return response;
      const { access_token, token_type } = await response.json();
      return new Response(JSON.stringify({ access_token, token_type }), { status: 200 });
    };
    const { hasRefreshToken } = await world.signIn({ connection: { scope: 'profile' }, fetch });
    assert.equal(hasRefreshToken, false);
    const { tokens, refused, generation } = world.stored();
    assert.deepEqual([tokens?.refresh_token, tokens?.id_token, refused], [undefined, undefined, undefined]);
    assert.equal(generation, before.generation + 1);
  });

  it('comes back on the port that the settings name, for an issuer that compares it', async () => {
    const world = await signInWorld({ signIn: 'deny' });
    world.browse = async url => {
      assert.equal(new URL(url).searchParams.get('redirect_uri'), 'http://127.0.0.1:53682/callback');
      world.visit((await world.mock.authorize(url, { deny: true })).searchParams);
      return true;
    };
    const { data } = await failureOf(world.signIn({ connection: { redirectPort: 53_682 } }));
    assert.equal(data.redirectUri, 'http://127.0.0.1:53682/callback', 'what to register, port and all');
  });

  it('is declined calmly, and keeps what was there', async () => {
    const world = await signInWorld({ signIn: 'deny' });
    await world.first.import(await world.mock.issueTokens());
    const before = world.stored();
    world.browse = async url => {
      world.visit((await world.mock.authorize(url, { deny: true })).searchParams);
      return true;
    };
    const { code, data } = await failureOf(world.signIn());
    assert.deepEqual([code, data.error, data.grant], ['oauth_error', 'access_denied', 'authorization_code']);
    assert.equal(data.redirectUri, 'http://127.0.0.1/callback', 'what to register, whatever the port');
    assert.deepEqual([world.pages, world.listening()], [['declined'], 0]);
    assert.deepEqual(world.stored(), before);
  });

  it('goes on past forged callbacks, hears one answer, and is deaf afterwards', async () => {
    const world = await signInWorld();
    const browserIsOpen = held(world);
    const signedIn = world.signIn();
    const answer = (await world.mock.authorize(await browserIsOpen())).searchParams;
    const forged = [{}, { code: 'x' }, { code: 'x', state: 'guess' }, { error: 'access_denied', state: '' }];
    for (const parameters of forged) world.visit(parameters);
    assert.deepEqual(world.pages, ['foreign', 'foreign', 'foreign', 'foreign']);
    world.visit(answer);
    world.visit(answer);
    await signedIn;
    const stored = world.stored();
    world.visit(answer);
    assert.deepEqual(world.pages.slice(4), ['foreign', 'signed_in', 'foreign']);
    assert.deepEqual(world.stored(), stored);
    assert.equal(world.mock.requests.filter(({ path }) => path === '/token').length, 1);
  });

  for (const [what, iss] of [
    ['from another issuer', 'https://evil.example'],
    ['that hides its issuer', undefined],
  ] as const) {
    it(`refuses an answer ${what}, and sends its code nowhere`, async () => {
      const world = await signInWorld();
      world.browse = async url => {
        const { searchParams } = await world.mock.authorize(url);
        if (iss === undefined) searchParams.delete('iss');
        else searchParams.set('iss', iss);
        world.visit(searchParams);
        return true;
      };
      const { code, data } = await failureOf(world.signIn());
      assert.deepEqual([code, data.reason, data.found], ['callback_invalid', 'issuer', iss]);
      assert.equal(world.mock.requests.filter(({ path }) => path === '/token').length, 0);
      assert.deepEqual(world.pages, ['failed']);
    });
  }

  it('refuses an error of another issuer too, which nobody has declined', async () => {
    const world = await signInWorld();
    world.browse = async url => {
      const { searchParams } = await world.mock.authorize(url, { deny: true });
      searchParams.set('iss', 'https://evil.example');
      world.visit(searchParams);
      return true;
    };
    const { code, data } = await failureOf(world.signIn());
    assert.deepEqual([code, data.reason, data.error], ['callback_invalid', 'issuer', undefined]);
    assert.deepEqual(world.pages, ['failed']);
  });

  for (const [what, name, value] of [
    ['a second code', 'code', 'another'],
    ['a second state', 'state', 'guess'],
    ['a second issuer', 'iss', 'https://evil.example'],
    ['a signed response (JARM)', 'response', 'e30.e30.'],
  ] as const) {
    it(`sends no code of an answer that has ${what}`, async () => {
      const world = await signInWorld();
      world.browse = async url => {
        const { searchParams } = await world.mock.authorize(url);
        searchParams.append(name, value);
        world.visit(searchParams);
        return true;
      };
      const { code, data } = await failureOf(world.signIn());
      assert.deepEqual([code, data.reason], ['callback_invalid', 'malformed']);
      assert.ok(!world.mock.requests.some(({ path }) => path === '/token'));
      assert.deepEqual([world.pages, world.store.entries.size], [['failed'], 0]);
    });
  }

  it('refuses an answer without a code', async () => {
    const world = await signInWorld();
    world.browse = async url => {
      const { searchParams } = await world.mock.authorize(url);
      searchParams.delete('code');
      world.visit(searchParams);
      return true;
    };
    assert.equal((await failureOf(world.signIn())).data.reason, 'code_missing');
  });

  it('stores nothing of an answer with the nonce of another sign-in', async () => {
    const world = await signInWorld();
    world.browse = async url => {
      const other = new URL(url);
      other.searchParams.set('nonce', 'of-another-sign-in');
      world.visit((await world.mock.authorize(other)).searchParams);
      return true;
    };
    const { code, data } = await failureOf(world.signIn());
    assert.deepEqual([code, data.reason, data.claim], ['response_invalid', 'id_token_claim', 'nonce']);
    assert.equal(world.store.entries.size, 0);
  });

  it('keeps the refresh token of an answer whose ID token has a flaw', async () => {
    const world = await signInWorld();
    const fetch: Fetch = async (input, init) => {
      const response = await world.mock.fetch(input, init);
      if (!input.endsWith('/token')) return response;
      const body = { ...(await response.json()), id_token: 'no.token' };
      return new Response(JSON.stringify(body), { status: 200 });
    };
    const { code, data } = await failureOf(world.signIn({ fetch }));
    assert.deepEqual([code, data.reason], ['response_invalid', 'id_token_malformed']);
    const { tokens } = world.stored();
    assert.ok(tokens?.refresh_token);
    assert.deepEqual([tokens.access_token, tokens.id_token], [undefined, undefined]);
    assert.equal(await world.first.refresh(), 'refreshed');
  });

  for (const [what, fault, kept] of [
    ['that is for another client', { type: 'wrongAud', token: 'id_token' }, false],
    ['of another issuer', { type: 'wrongIss', token: 'id_token' }, false],
    ['that is not there', { type: 'idTokenMissing' }, false],
    ['that has expired', { type: 'expiredAtBirth', token: 'id_token' }, true],
    ['that is not valid yet', { type: 'nbfInFuture', token: 'id_token' }, true],
    ['that nobody has signed', { type: 'algNone' }, true],
    ['without a subject', { type: 'claim', token: 'id_token', name: 'sub' }, true],
    ['with a critical header', { type: 'header', name: 'crit', value: ['x'] }, true],
  ] as const) {
    it(`takes no ID token ${what}, and ${kept ? 'keeps the refresh token' : 'nothing of the answer'}`, async () => {
      const world = await signInWorld();
      world.next(fault);
      const { code } = await failureOf(world.signIn());
      assert.equal(code, 'response_invalid');
      assert.deepEqual(world.pages, ['failed']);
      if (!kept) return assert.equal(world.store.entries.size, 0);
      const { tokens } = world.stored();
      assert.ok(tokens?.refresh_token);
      assert.deepEqual([tokens.access_token, tokens.id_token], [undefined, undefined]);
    });
  }

  it('rejects an ID token for several audiences whose authorized party (azp) is another', async () => {
    const world = await signInWorld();
    const claim = { type: 'claim', token: 'id_token', at: 'token' } as const;
    const aud = { ...claim, name: 'aud', value: ['demo', 'another'] };
    world.mock.faults.next(1, [aud, { ...claim, name: 'azp', value: 'another' }]);
    const { code, data } = await failureOf(world.signIn());
    assert.deepEqual([code, data.claim, world.store.entries.size], ['response_invalid', 'azp', 0]);
  });

  it('takes an answer without token_type, and says so', async () => {
    const world = await signInWorld();
    world.next({ type: 'member', name: 'token_type' });
    const { warnings } = await world.signIn();
    assert.deepEqual(warnings, [{ code: 'token_type_missing' }]);
    assert.ok(world.stored().tokens?.access_token);
  });

  it('takes strings for numbers and any spelling of bearer', async () => {
    const world = await signInWorld();
    const fetch: Fetch = async (input, init) => {
      const response = await world.mock.fetch(input, init);
      if (!input.endsWith('/token')) return response;
      const body = { ...(await response.json()), token_type: 'bEARER', expires_in: '120' };
      return new Response(JSON.stringify(body), { status: 200 });
    };
    await world.signIn({ fetch });
    assert.equal(world.stored().tokens?.expires_at, world.clock.now() + 120_000);
  });

  it('can be cancelled while the browser is open, and closes its listener', async () => {
    const world = await signInWorld();
    const browserIsOpen = held(world);
    const abort = new AbortController();
    const signedIn = failureOf(world.signIn({ signal: abort.signal }));
    const answer = (await world.mock.authorize(await browserIsOpen())).searchParams;
    abort.abort();
    assert.equal((await signedIn).code, 'cancelled');
    assert.equal(world.listening(), 0);
    world.visit(answer);
    assert.equal(world.store.entries.size, 0);
  });

  // The requests: metadata, pushed request without and with a nonce, token request without and with one. The last one
  // returns tokens.
  for (const at of [1, 2, 3, 4]) {
    it(`can be cancelled while request ${at} is under way, and leaves nothing`, async () => {
      const world = await signInWorld({ dpopNonce: 'required' });
      const abort = new AbortController();
      let count = 0;
      const fetch: Fetch = async (input, init) => {
        const response = await world.mock.fetch(input, init);
        if (++count === at) abort.abort();
        return response;
      };
      const connection = { dpop: true, pushedAuthorizationRequests: true };
      const { code, data } = await failureOf(world.signIn({ fetch, connection, signal: abort.signal }));
      assert.deepEqual([code, count, world.listening()], ['cancelled', at, 0]);
      assert.equal(data.grant, 'authorization_code');
      assert.equal(world.opened.length, at < 4 ? 0 : 1);
      assert.deepEqual(world.pages, at < 4 ? [] : ['failed']);
      assert.equal(world.store.entries.size, 0);
    });
  }

  it('loses against a sign-out that comes while its tokens are on their way into the store', async () => {
    const world = await signInWorld();
    const hold = gate();
    world.lock.hook = call => (call === 'readLedger' ? hold.pass() : undefined);
    const abort = new AbortController();
    const signedIn = failureOf(world.signIn({ signal: abort.signal }));
    await hold.reached;
    // As in the sign-out command.
    abort.abort();
    await world.first.signOut();
    hold.open();
    assert.equal((await signedIn).code, 'cancelled');
    assert.equal(world.first.record()?.tokens, undefined);
    assert.ok(![...world.store.entries.values()].some(text => text.includes('access_token')));
  });

  it('does not start if it was cancelled before', async () => {
    const world = await signInWorld();
    assert.equal((await failureOf(world.signIn({ signal: AbortSignal.abort() }))).code, 'cancelled');
    assert.deepEqual([world.mock.requests.length, world.listening()], [0, 0]);
  });

  it('ends if the browser does not return within ten minutes', async () => {
    const world = await signInWorld();
    const browserIsOpen = held(world);
    const signedIn = failureOf(world.signIn());
    await browserIsOpen();
    world.clock.advance(600_000);
    assert.equal((await signedIn).code, 'sign_in_timeout');
    assert.equal(world.listening(), 0);
  });

  it('says where the browser was not opened, and where a client secret is missing, before anybody waits', async () => {
    const world = await signInWorld();
    world.browse = async () => false;
    assert.equal((await failureOf(world.signIn())).code, 'browser_not_opened');
    const secret = { tokenEndpointAuthMethod: 'client_secret_basic' };
    assert.equal((await failureOf(world.signIn({ connection: secret }))).code, 'client_secret_missing');
    assert.deepEqual([world.opened.length, world.listening()], [1, 0]);
  });

  it('sends a client secret only to the issuer that it belongs to', async () => {
    const world = await signInWorld();
    await world.first.import(await world.mock.issueTokens());
    await world.first.vault.update(id, record => ({ ...present(record), client_secret: 'canary' }));
    const connection = { clientId: 'another', tokenEndpointAuthMethod: 'client_secret_post' };
    assert.equal((await failureOf(world.signIn({ connection }))).code, 'client_secret_missing');
  });

  it('keeps no secret of another client with the new tokens', async () => {
    const world = await signInWorld({ clients: [{ client_id: 'demo' }, { client_id: 'another' }] });
    await world.first.import(await world.mock.issueTokens());
    const secrets = { client_secret: 'canary', private_key: 'canary' };
    await world.first.vault.update(id, record => ({ ...present(record), ...secrets }));
    await world.signIn({ connection: { clientId: 'another' } });
    assert.equal(world.stored().binding?.client_id, 'another');
    assert.doesNotMatch(JSON.stringify(world.stored()), /canary/);
  });

  it('keeps the secret of the same client with the new tokens', async () => {
    const world = await signInWorld();
    await world.first.import(await world.mock.issueTokens());
    await world.first.vault.update(id, record => ({ ...present(record), client_secret: 'kept' }));
    await world.signIn();
    assert.equal(world.stored().client_secret, 'kept');
  });

  it('names the endpoint that is missing and the setting that supplies it', async () => {
    const world = await signInWorld();
    const { issuer: _, ...connection } = world.connection;
    const { code, data } = await failureOf(
      world.signIn({
        connection: { ...connection, issuer: undefined, tokenEndpoint: 'https://a.example/t' },
      }),
    );
    assert.deepEqual([code, data.setting], ['endpoint_missing', 'authorizationEndpoint']);
  });

  for (const [at, setting, grant, connection] of [
    ['/device_authorization', 'deviceAuthorizationEndpoint', 'device_code', {}],
    ['/par', 'pushed_authorization_request_endpoint', 'authorization_code', { pushedAuthorizationRequests: true }],
    ['/token', undefined, 'authorization_code', {}],
  ] as const) {
    it(`names the invalid endpoint: ${at}`, async () => {
      const world = await signInWorld();
      for (const [answer, expected] of [
        [() => new Response('', { status: 404 }), 'http_error'],
        [() => new Response('<!doctype html>', { status: 200 }), 'response_invalid'],
      ] as const) {
        const fetch: Fetch = async (input, init) => (input.endsWith(at) ? answer() : world.mock.fetch(input, init));
        const { code, data } = await failureOf(world.signIn({ fetch, grant, connection }));
        assert.deepEqual([code, data.setting, data.grant], [expected, setting, grant]);
      }
    });
  }

  it('tells no secret in its errors', async () => {
    const world = await signInWorld();
    world.next({ type: 'oauthError', error: 'invalid_grant' });
    const error = await failureOf(world.signIn());
    const { state, nonce } = query(world.opened[0]);
    const text = JSON.stringify(error.data);
    assert.ok(!text.includes(present(state)) && !text.includes(present(nonce)));
  });
});
