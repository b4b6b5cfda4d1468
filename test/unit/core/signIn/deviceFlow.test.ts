import assert from 'node:assert/strict';
import type { Fetch } from '../../../../src/core/ports.ts';
import type { SignInStep } from '../../../../src/core/signIn/grants.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { present, settled, until } from '../refresh/refreshWorld.ts';
import { type SignInWorld, signInWorld } from './signInWorld.ts';

type Device = SignInStep & { waitingFor: 'device' };

async function shown(world: SignInWorld): Promise<Device> {
  await until(() => world.steps.length > 0);
  const step = present(world.steps[0]);
  assert.equal(step.waitingFor, 'device');
  return step as Device;
}
const asked = (world: SignInWorld) => world.mock.requests.filter(({ path }) => path === '/token').length;

/** Advances both clocks by `ms` and runs what becomes due. */
async function pass(world: SignInWorld, ms: number): Promise<void> {
  const before = asked(world);
  world.forward(ms);
  await settled(200);
  assert.ok(asked(world) - before <= 1);
}

describe('signing in with a device code', () => {
  const start = async (options = {}) => {
    const world = await signInWorld({ signIn: 'page', deviceInterval: 5, ...options });
    return { world, signedIn: world.signIn({ grant: 'device_code' }) };
  };

  it("shows the code, polls at the issuer's interval, and stores the tokens", async () => {
    const { world, signedIn } = await start();
    const { userCode, address, complete, until } = await shown(world);
    assert.match(userCode, /^[\w-]{8,}$/);
    assert.equal(address, `${world.mock.issuer}/device`);
    assert.ok(complete?.includes(userCode));
    assert.equal(until, world.clock.now() + 600_000);
    await pass(world, 5000);
    await pass(world, 5000);
    assert.equal(asked(world), 2, 'authorization_pending');
    world.mock.decideDevice(userCode);
    await pass(world, 5000);
    const { hasRefreshToken } = await signedIn;
    assert.equal(hasRefreshToken, true);
    assert.equal(world.stored().binding?.token_endpoint, `${world.mock.issuer}/token`);
    assert.equal(await world.first.refresh(), 'refreshed');
  });

  it('takes the address by the name that Google has for it, and numbers that are texts', async () => {
    const world = await signInWorld({ signIn: 'page' });
    const fetch: Fetch = async (input, init) => {
      const response = await world.mock.fetch(input, init);
      if (!input.endsWith('/device_authorization')) return response;
      const { verification_uri: verification_url, expires_in, ...others } = await response.json();
      return Response.json({ ...others, verification_url, expires_in: String(expires_in), interval: '7' });
    };
    const signedIn = world.signIn({ grant: 'device_code', fetch });
    const { userCode, address, until } = await shown(world);
    assert.deepEqual([address, until], [`${world.mock.issuer}/device`, world.clock.now() + 600_000]);
    world.mock.decideDevice(userCode);
    await pass(world, 6999);
    assert.equal(asked(world), 0);
    await pass(world, 1);
    assert.equal((await signedIn).hasRefreshToken, true);
  });

  it('takes a code that is a number, and members without a value', async () => {
    const world = await signInWorld({ signIn: 'page' });
    const fetch: Fetch = async (input, init) => {
      const response = await world.mock.fetch(input, init);
      if (!input.endsWith('/device_authorization')) return response;
      const { verification_uri: verification_url, ...body } = await response.json();
      const answer = { ...body, verification_url, verification_uri: null, verification_uri_complete: null };
      return new Response(JSON.stringify(answer).replace(/"user_code":"[^"]*"/, '"user_code":12345678901234567890'));
    };
    const abort = new AbortController();
    const failure = failureOf(world.signIn({ grant: 'device_code', fetch, signal: abort.signal }));
    const { userCode, address, complete } = await shown(world);
    assert.deepEqual([userCode, address, complete], ['12345678901234567890', `${world.mock.issuer}/device`, undefined]);
    abort.abort();
    assert.equal((await failure).code, 'cancelled');
  });

  it('waits five seconds if the issuer gives no interval or an invalid one', async () => {
    for (const interval of [undefined, null, 'soon', -1, { toString: 1 }]) {
      const world = await signInWorld({ signIn: 'page' });
      const fetch: Fetch = async (input, init) => {
        const response = await world.mock.fetch(input, init);
        if (!input.endsWith('/device_authorization')) return response;
        return Response.json({ ...(await response.json()), interval });
      };
      const signedIn = world.signIn({ grant: 'device_code', fetch });
      world.mock.decideDevice((await shown(world)).userCode);
      await pass(world, 4999);
      assert.equal(asked(world), 0, JSON.stringify(interval));
      await pass(world, 1);
      await signedIn;
    }
  });

  it('slows down on slow_down', async () => {
    const { world, signedIn } = await start();
    const { userCode } = await shown(world);
    world.next({ type: 'oauthError', error: 'slow_down' });
    await pass(world, 5000);
    await pass(world, 5000);
    assert.equal(asked(world), 1);
    world.mock.decideDevice(userCode);
    await pass(world, 5000);
    assert.equal(asked(world), 2);
    await signedIn;
  });

  it('waits for no code longer than an hour, and never longer than a minute between two questions', async () => {
    const world = await signInWorld({ signIn: 'page' });
    const fetch: Fetch = async (input, init) => {
      const response = await world.mock.fetch(input, init);
      if (!input.endsWith('/device_authorization')) return response;
      return Response.json({ ...(await response.json()), expires_in: 1e9 });
    };
    const failure = failureOf(world.signIn({ grant: 'device_code', fetch }));
    assert.equal((await shown(world)).until, world.clock.now() + 3_600_000);
    world.next({ type: 'tooManyRequests', retryAfter: 3000 });
    await pass(world, 5000);
    assert.equal(asked(world), 1);
    await pass(world, 60_000);
    assert.equal(asked(world), 2, 'an hour was asked for');
    await pass(world, 3_600_000);
    assert.equal((await failure).data.error, 'expired_token');
  });

  it('asks less often while the issuer is in trouble, and does not give up', async () => {
    const { world, signedIn } = await start();
    const { userCode } = await shown(world);
    world.next({ type: 'serverError', status: 503 });
    await pass(world, 5000);
    await pass(world, 5000);
    assert.equal(asked(world), 1);
    world.mock.decideDevice(userCode);
    await pass(world, 5000);
    await signedIn;
    assert.equal(asked(world), 2);
  });

  for (const [what, answer] of [
    [
      'the issuer limits requests with the status of a refusal',
      () => Response.json({ error: 'access_denied', error_description: 'Rate limit exceeded' }, { status: 400 }),
    ],
    [
      'a firewall blocks one of them',
      () => new Response('<html><title>Attention Required! | Cloudflare</title></html>', { status: 403 }),
    ],
  ] as const) {
    it(`goes on where ${what}`, async () => {
      let limits = true;
      const world = await signInWorld({ signIn: 'page', deviceInterval: 5 });
      const fetch: Fetch = async (input, init) => {
        const response = await world.mock.fetch(input, init);
        if (!input.endsWith('/token') || !limits) return response;
        limits = false;
        return answer();
      };
      const signedIn = world.signIn({ grant: 'device_code', fetch });
      const { userCode } = await shown(world);
      await pass(world, 5000);
      world.mock.decideDevice(userCode);
      await pass(world, 10_000);
      await signedIn;
      assert.equal(asked(world), 2);
    });
  }

  it('ends calmly when it is declined', async () => {
    const { world, signedIn } = await start();
    const failure = failureOf(signedIn);
    world.mock.decideDevice((await shown(world)).userCode, { deny: true });
    await pass(world, 5000);
    const { code, data } = await failure;
    assert.deepEqual([code, data.error, data.grant], ['oauth_error', 'access_denied', 'device_code']);
    assert.equal(world.store.entries.size, 0);
  });

  it('ends when the code expires, by either clock', async () => {
    const { world, signedIn } = await start();
    const failure = failureOf(signedIn);
    await shown(world);
    await pass(world, 601_000);
    assert.equal((await failure).data.error, 'expired_token');
    assert.equal(asked(world), 0);
  });

  it('can be cancelled at any moment', async () => {
    const world = await signInWorld({ signIn: 'page' });
    const abort = new AbortController();
    const failure = failureOf(world.signIn({ grant: 'device_code', signal: abort.signal }));
    await shown(world);
    abort.abort();
    assert.equal((await failure).code, 'cancelled');
    await pass(world, 5000);
    assert.equal(asked(world), 0);
  });

  it('names what the issuer has not', async () => {
    const world = await signInWorld();
    const connection = { issuer: undefined, tokenEndpoint: 'https://a.example/token' };
    const { code, data } = await failureOf(world.signIn({ grant: 'device_code', connection }));
    assert.deepEqual([code, data.setting], ['endpoint_missing', 'deviceAuthorizationEndpoint']);
  });

  it('hides nothing of a code that an issuer has disguised', async () => {
    const world = await signInWorld({ signIn: 'page' });
    const fetch: Fetch = async (input, init) => {
      const response = await world.mock.fetch(input, init);
      if (!input.endsWith('/device_authorization')) return response;
      return Response.json({
        ...(await response.json()),
        user_code: `AB\u202e\u200bCD\n${'x'.repeat(1000)}`,
      });
    };
    const abort = new AbortController();
    const failure = failureOf(world.signIn({ grant: 'device_code', fetch, signal: abort.signal }));
    assert.match((await shown(world)).userCode, /^AB\\u\{202e\}\\u\{200b\}CD\\u\{a\}x{80,100}…$/);
    abort.abort();
    await failure;
  });

  it('opens no invalid URL, and rejects a response without a code', async () => {
    for (const [body, expected] of [
      [{ device_code: 'd', user_code: 'u', verification_uri: 'javascript:1', expires_in: 60 }, 'url_invalid'],
      [{ device_code: 'd', verification_uri: 'https://a.example', expires_in: 60 }, 'response_invalid'],
      [
        {
          device_code: 'd',
          user_code: 'u',
          verification_uri: 'https://a.example',
          expires_in: 60,
          verification_uri_complete: 'http://a.example/?user_code=u',
        },
        'url_insecure',
      ],
      [{ error: 'invalid_scope' }, 'oauth_error'],
    ] as const) {
      const world = await signInWorld();
      const fetch: Fetch = async (input, init) =>
        input.endsWith('/device_authorization')
          ? new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json' } })
          : world.mock.fetch(input, init);
      assert.equal((await failureOf(world.signIn({ grant: 'device_code', fetch }))).code, expected);
    }
  });
});
