import assert from 'node:assert/strict';
import { createDiscovery } from '../../../../src/core/issuer/discovery.ts';
import { createProofs } from '../../../../src/core/issuer/dpop.ts';
import { revoke } from '../../../../src/core/issuer/revoke.ts';
import type { Fetch } from '../../../../src/core/ports.ts';
import { noHandover } from '../../../../src/core/records/handover.ts';
import { endSession } from '../../../../src/core/signIn/endSession.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { gate, id, key, present, signedIn, type World } from '../refresh/refreshWorld.ts';

const never = new AbortController().signal;

function ending(world: Awaited<ReturnType<typeof signedIn>>, how: { fetch?: Fetch; connection?: object } = {}) {
  const { clock, lock, first } = world;
  const fetch: Fetch = how.fetch ?? ((input, init) => world.mock.fetch(input, init));
  const discovery = createDiscovery({ fetch, clock });
  const parts = {
    clock,
    lock,
    vault: first.vault,
    sessions: first.sessions,
    handover: noHandover,
    discard: first.refresher.discard,
    revoke: (_: string, ...rest: [Parameters<typeof revoke>[2], AbortSignal]) =>
      revoke({ fetch, clock, discovery, proofs: createProofs() }, { ...world.connection, ...how.connection }, ...rest),
  };
  return (revocation: 'required' | 'offered' = 'offered') => endSession(parts, id, revocation, never);
}
const revocations = (world: World) => world.mock.requests.filter(({ path }) => path === '/revoke');

describe('signing out', () => {
  it('revokes the refresh token, then the access token, and then deletes both', async () => {
    const world = await signedIn({ rotation: 'strict' });
    const { refresh_token } = present(world.stored().tokens);
    assert.equal(await ending(world)(), true);
    assert.deepEqual(
      revocations(world).map(({ status }) => status),
      [200, 200],
    );
    assert.equal(world.stored().tokens, undefined);
    await world.first.import({ refresh_token: present(refresh_token) });
    assert.equal(await world.first.refresh(), 'reauthRequired oauth_error');
  });

  it('waits for a refresh under way and revokes what it brought', async () => {
    const world = await signedIn({ rotation: 'strict' });
    const hold = gate();
    world.onPost = hold.pass;
    const refreshed = world.window().refresh();
    await hold.reached;
    const ended = ending(world)();
    hold.open();
    assert.equal(await refreshed, 'refreshed');
    assert.equal(await ended, true);
    assert.equal(world.stored().tokens, undefined);
    assert.ok(world.stored().generation > 2);
  });

  for (const [what, answer, code] of [
    ['cannot be reached', () => Promise.reject(new TypeError('fetch failed')), 'network_failed'],
    ['is in trouble', async () => new Response('', { status: 503 }), 'http_error'],
    [
      'does not know the client',
      async () => new Response('{"error":"invalid_client"}', { status: 401 }),
      'oauth_error',
    ],
  ] as const) {
    it(`keeps everything where the issuer ${what}`, async () => {
      const world = await signedIn();
      const before = world.stored();
      const fetch: Fetch = (input, init) => (input.endsWith('/revoke') ? answer() : world.mock.fetch(input, init));
      const failure = await failureOf(ending(world, { fetch })());
      assert.equal(failure.code, code);
      // Else the user would be sent to the setting of another endpoint.
      if (failure.data.status !== undefined) assert.equal(failure.data.setting, 'revocationEndpoint');
      assert.deepEqual(world.stored(), before);
      assert.equal(await world.first.refresh(), 'refreshed');
    });
  }

  it('revokes nothing where another window has taken over the lock, whose tokens these may not be', async () => {
    const world = await signedIn();
    const before = world.stored();
    world.lock.hook = () => {
      world.lock.lost = true;
    };
    assert.equal((await failureOf(ending(world)())).code, 'lock_lost');
    assert.equal(revocations(world).length, 0);
    assert.deepEqual(world.stored(), before);
  });

  it('deletes where the issuer revokes nothing, unless it has to', async () => {
    const world = await signedIn();
    const connection = { issuer: undefined, tokenEndpoint: `${world.mock.issuer}/token` };
    const { binding: _, ...unbound } = world.stored();
    world.store.entries.set(
      key,
      JSON.stringify({
        ...unbound,
        binding: { client_id: 'demo', token_endpoint: connection.tokenEndpoint },
      }),
    );
    assert.equal((await failureOf(ending(world, { connection })('required'))).code, 'endpoint_missing');
    assert.ok(world.stored().tokens);
    assert.equal(await ending(world, { connection })(), false);
    assert.equal(world.stored().tokens, undefined);
  });

  it('is content where a JWT cannot be revoked, since the grant has ended', async () => {
    const world = await signedIn();
    const fetch: Fetch = (input, init) =>
      input.endsWith('/revoke') && String(init.body).includes('token_type_hint=access_token')
        ? Promise.resolve(new Response('{"error":"unsupported_token_type"}', { status: 400 }))
        : world.mock.fetch(input, init);
    assert.equal(await ending(world, { fetch })(), true);
  });

  it('sends the tokens to no issuer but their own', async () => {
    const world = await signedIn();
    const moved = { issuer: 'https://other.example', revocationEndpoint: 'https://other.example/revoke' };
    assert.equal((await failureOf(ending(world, { connection: moved })())).code, 'binding_mismatch');
    assert.ok(world.stored().tokens);
  });

  it('deletes what cannot be read, and where there is nothing it tells nobody', async () => {
    const world = await signedIn();
    world.store.entries.set(key, '{');
    assert.equal(await ending(world)(), false);
    assert.equal(world.store.entries.size, 0);
    assert.equal(await ending(world)(), false);
    assert.equal(revocations(world).length, 0);
  });
});
