import assert from 'node:assert/strict';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import { revoke } from '../../../../src/core/issuer/askIssuer.ts';
import { createProofs } from '../../../../src/core/issuer/clientAuthentication.ts';
import { createDiscovery } from '../../../../src/core/issuer/discovery.ts';
import type { Fetch } from '../../../../src/core/ports.ts';
import { noHandover } from '../../../../src/core/records/journalKeys.ts';
import { revokeAndSignOut } from '../../../../src/core/signIn/signOut.ts';
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
  return (revocation: 'required' | 'offered' = 'offered') => revokeAndSignOut(parts, id, revocation, never);
}
const revocations = (world: World) => world.mock.requests.filter(({ path }) => path === '/revoke');

describe('signing out', () => {
  it('revokes the refresh token, then the access token, and then deletes both', async () => {
    const world = await signedIn({ rotation: 'strict' });
    const { refresh_token } = present(world.stored().tokens);
    assert.deepEqual(await ending(world)(), { revoked: true });
    assert.deepEqual(
      revocations(world).map(({ status }) => status),
      [200, 200],
    );
    assert.equal(world.stored().tokens, undefined);
    await world.first.import({ refresh_token: present(refresh_token) });
    assert.equal(await world.first.refresh(), 'reauthRequired oauth_error');
  });

  it('believes what an issuer answers beside the status of success', async () => {
    for (const body of ['', '{}', 'OK', '{"ok":true,"revoked":true}', '{"errcode":0,"errmsg":"ok"}', '<ok/>']) {
      const world = await signedIn();
      const fetch: Fetch = (input, init) =>
        input.endsWith('/revoke') ? Promise.resolve(new Response(body)) : world.mock.fetch(input, init);
      assert.deepEqual(await ending(world, { fetch })(), { revoked: true }, body);
    }
  });

  it('waits for a running refresh and revokes its tokens', async () => {
    const world = await signedIn({ rotation: 'strict' });
    const hold = gate();
    world.onPost = hold.pass;
    const refreshed = world.window().refresh();
    await hold.reached;
    const ended = ending(world)();
    hold.open();
    assert.equal(await refreshed, 'refreshed');
    assert.deepEqual(await ended, { revoked: true });
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
    ['denies with status 200 (Slack)', async () => Response.json({ ok: false, error: 'invalid_auth' }), 'oauth_error'],
    ['says no success', async () => Response.json({ success: false, message: 'Not now' }), 'http_error'],
    ['sends a code of an error', async () => Response.json({ errcode: 40001, errmsg: 'fail' }), 'http_error'],
    ['shows a login page', async () => new Response('<!doctype html><form>'), 'response_invalid'],
    [
      'is still busy with this token (Salesforce)',
      async () =>
        Response.json(
          { error: 'invalid_grant', error_description: 'token request is already being processed' },
          { status: 400 },
        ),
      'oauth_error',
    ],
  ] as const) {
    it(`keeps everything where the issuer ${what}`, async () => {
      const world = await signedIn();
      const before = world.stored();
      const fetch: Fetch = (input, init) => (input.endsWith('/revoke') ? answer() : world.mock.fetch(input, init));
      const failure = await failureOf(ending(world, { fetch })());
      assert.equal(failure.code, code);
      // Otherwise the user would be sent to the setting of another endpoint.
      if (failure.data.status !== undefined) assert.equal(failure.data.setting, 'revocationEndpoint');
      assert.deepEqual(world.stored(), before);
      assert.equal(await world.first.refresh(), 'refreshed');
    });
  }

  it('revokes nothing if another window has taken over the lock', async () => {
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
    assert.deepEqual(await ending(world, { connection })(), { revoked: false });
    assert.equal(world.stored().tokens, undefined);
  });

  /** Responses of a revocation endpoint by kind of token; by default the mock's. */
  const answering =
    (world: World, answers: { [hint: string]: readonly [status: number, body: object] | Error | undefined }): Fetch =>
    (input, init) => {
      const answer = answers[new URLSearchParams(String(init.body)).get('token_type_hint') ?? ''];
      if (!input.endsWith('/revoke') || answer === undefined) return world.mock.fetch(input, init);
      return answer instanceof Error
        ? Promise.reject(answer)
        : Promise.resolve(Response.json(answer[1], { status: answer[0] }));
    };

  for (const [what, answer] of [
    ['cannot revoke a JWT (RFC 7009 section 2.2.1)', [400, { error: 'unsupported_token_type' }]],
    // The response of better-auth for an access token that was revoked with its refresh token.
    ['knows no such access token', [400, { error: 'invalid_request', error_description: 'Invalid access token' }]],
    ['is in trouble by then', [503, {}]],
    ['is gone by then', new TypeError('fetch failed')],
  ] as const) {
    it(`deletes if the refresh token is revoked and the issuer ${what}, and says what still works`, async () => {
      const world = await signedIn();
      const fetch = answering(world, { access_token: answer });
      assert.deepEqual(await ending(world, { fetch })(), { revoked: true, accessTokenLeft: true });
      assert.equal(world.stored().tokens, undefined);
    });
  }

  for (const [status, body] of [
    [400, { error: 'invalid_request', error_description: 'refresh token revoked' }],
    [400, { error: 'invalid_request', error_description: 'token not found' }],
    [400, { error: 'invalid_token' }],
    [400, { error: 'invalid_grant' }],
    [404, { message: 'Refresh token does not exist' }],
  ] as const) {
    it(`deletes a session that is dead already: ${JSON.stringify(body)}`, async () => {
      const world = await signedIn();
      const dead = [400, { error: 'invalid_request', error_description: 'Invalid access token' }] as const;
      const fetch = answering(world, { refresh_token: [status, body], access_token: dead });
      assert.equal((await ending(world, { fetch })()).revoked, true);
      assert.equal(world.stored().tokens, undefined);
    });
  }

  it('keeps the tokens where the request itself is wrong', async () => {
    for (const words of ['The token_type_hint parameter is missing', 'Client is not allowed']) {
      const world = await signedIn();
      const refused = [400, { error: 'invalid_request', error_description: words }] as const;
      const failure = await failureOf(ending(world, { fetch: answering(world, { refresh_token: refused }) })());
      assert.deepEqual([failure.code, failure.data.error_description], ['oauth_error', words]);
      assert.ok(world.stored().tokens);
    }
  });

  it('keeps the tokens where the issuer says with a 401 that it accepts no such request', async () => {
    const world = await signedIn();
    const refused = [401, { error: 'invalid_token', error_description: 'The access token is missing' }] as const;
    const failure = await failureOf(ending(world, { fetch: answering(world, { refresh_token: refused }) })('required'));
    assert.deepEqual([failure.code, failure.data.error], ['oauth_error', 'invalid_token']);
    assert.ok(world.stored().tokens);
  });

  it('says that revocation is not offered to this client, where the metadata and a refusal say so', async () => {
    const world = await signedIn();
    const refused = answering(world, { refresh_token: [401, { error: 'invalid_client' }] });
    const fetch: Fetch = async (input, init) => {
      if (!input.includes('/.well-known/')) return refused(input, init);
      const metadata = (await (await world.mock.fetch(input, init)).json()) as object;
      return Response.json({ ...metadata, revocation_endpoint_auth_methods_supported: ['client_secret_basic'] });
    };
    assert.equal(world.connection.tokenEndpointAuthMethod, 'none');
    const { code, data } = await failureOf(ending(world, { fetch })('required'));
    assert.deepEqual(
      [code, data.endpoint, data.method, data.offered],
      ['endpoint_missing', 'revocation_endpoint', 'none', 'client_secret_basic'],
    );
    assert.ok(world.stored().tokens);
    const page = '<html><title>Attention Required! | Cloudflare</title></html>';
    const blocked: Fetch = (input, init) =>
      input.includes('/.well-known/') ? fetch(input, init) : Promise.resolve(new Response(page, { status: 403 }));
    assert.equal((await failureOf(ending(world, { fetch: blocked })('required'))).code, 'http_error');
    // If revocation is optional, this is no reason to keep the tokens.
    assert.deepEqual(await ending(world, { fetch })('offered'), { revoked: false });
    assert.equal(world.stored().tokens, undefined);
  });

  it('sends the tokens to no issuer but their own', async () => {
    const world = await signedIn();
    const moved = { issuer: 'https://other.example', revocationEndpoint: 'https://other.example/revoke' };
    assert.equal((await failureOf(ending(world, { connection: moved })())).code, 'binding_mismatch');
    assert.ok(world.stored().tokens);
  });

  for (const reason of ['EROFS', 'damaged']) {
    it(`revokes and deletes where there can be no lock (${reason}), and says that other windows do not know`, async () => {
      const world = await signedIn();
      const fail = async () => {
        throw new WorkbenchError('lock_unavailable', { connection: id, reason });
      };
      Object.assign(world.lock, { withLock: fail, forget: fail });
      for (const revocation of ['required', 'offered'] as const) {
        const { revoked, untold } = await ending(world)(revocation);
        assert.deepEqual([revoked, untold?.data.reason], [revocation === 'required', reason]);
      }
      assert.equal(revocations(world).length, 2);
      assert.equal(world.stored().tokens, undefined);
    });
  }

  it('deletes what cannot be read unless it has to be revoked, and where there is nothing it tells nobody', async () => {
    const world = await signedIn();
    world.store.entries.set(key, '{');
    assert.equal((await failureOf(ending(world)('required'))).code, 'record_unreadable');
    assert.deepEqual(await ending(world)(), { revoked: false });
    assert.equal(world.store.entries.size, 0);
    assert.deepEqual(await ending(world)(), { revoked: false });
    assert.equal(revocations(world).length, 0);
  });
});
