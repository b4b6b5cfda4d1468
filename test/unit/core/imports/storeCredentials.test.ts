import assert from 'node:assert/strict';
import type { Connection } from '../../../../src/core/records/connection.ts';
import { noHandover } from '../../../../src/core/records/journalKeys.ts';
import { recordLimit } from '../../../../src/core/records/record.ts';
import { renameIssuer, storeCredentials } from '../../../../src/core/records/storeTokens.ts';
import { createWorld, present, signedIn, type Window, type World } from '../refresh/refreshWorld.ts';

const never = new AbortController().signal;

function storing(world: World, { vault, sessions }: Window) {
  const { lock, clock } = world;
  const parts = { vault, sessions, lock, clock, handover: noHandover };
  return (credentials: object, connection: Partial<Connection> = {}) =>
    storeCredentials(parts, { ...world.connection, ...connection }, credentials, never);
}

describe('storing what a client proves itself with', () => {
  it('is possible before there is anything else', async () => {
    const world = await createWorld();
    const window = world.window();
    await storing(world, window)({ client_secret: 'first' });
    assert.deepEqual(world.stored(), {
      version: 1,
      connection: 'main',
      generation: 0,
      client_secret: 'first',
    });
    assert.equal(window.record()?.client_secret, 'first');
  });

  it('leaves the tokens as they are, and the next refresh uses it', async () => {
    const world = await signedIn({ clients: [{ client_id: 'app', client_secret: 'right' }] });
    const { first } = world;
    const store = storing(world, first);
    await store({ client_secret: 'wrong', private_key: 'key' });
    const { tokens, generation } = world.stored();
    assert.equal(await first.refresh(), 'retryable oauth_error');
    await store({ client_secret: 'right' });
    const { private_key, ...stored } = world.stored();
    assert.deepEqual(
      [stored.tokens?.refresh_token, stored.generation, private_key],
      [tokens?.refresh_token, generation, 'key'],
    );
    assert.equal(await first.refresh(), 'refreshed');
  });

  it('binds tokens to another name of their issuer, and to no other issuer', async () => {
    const world = await signedIn();
    const { vault, sessions } = world.first;
    const { lock, clock } = world;
    const parts = { vault, sessions, lock, clock, handover: noHandover };
    const { binding, tokens } = world.stored();
    const name = `${binding?.issuer}/`;
    await renameIssuer(parts, 'main', name, never);
    assert.deepEqual([world.stored().binding, world.stored().tokens], [{ ...binding, issuer: name }, tokens]);
    await renameIssuer(parts, 'main', 'https://evil.example', never);
    assert.equal(world.stored().binding?.issuer, name);
  });

  it('waits for a refresh under way, and both are kept', async () => {
    const world = await signedIn();
    let storing_: Promise<unknown> = Promise.resolve();
    const store = storing(world, world.first);
    world.onPost = () => {
      storing_ = store({ client_secret: 'new' });
    };
    assert.equal(await world.first.refresh(), 'refreshed');
    await storing_;
    assert.deepEqual([world.stored().generation, world.stored().client_secret], [2, 'new']);
  });

  it('never writes over tokens that another window has stored', async () => {
    const world = await signedIn();
    const other = world.window();
    await other.refresher.refresh('main');
    await storing(world, world.first)({ client_secret: 'new' });
    const { generation, client_secret } = world.stored();
    assert.deepEqual([generation, client_secret], [2, 'new']);
    assert.equal(await world.first.refresh(), 'refreshed');
  });

  it('is possible after a sign-out, which stays one', async () => {
    const world = await signedIn();
    await world.first.signOut();
    const { vault, sessions } = world.first;
    const handover = {
      ...noHandover,
      give: () => assert.fail('nothing may be handed on'),
    };
    const parts = { vault, sessions, handover, lock: world.lock, clock: world.clock };
    await storeCredentials(parts, world.connection, { client_secret: 'new' }, never);
    const { tokens, client_secret, generation } = world.stored();
    assert.deepEqual([tokens, client_secret, generation], [undefined, 'new', 2]);
    assert.equal(await world.first.refresh(), 'reauthRequired no_refresh_token');
  });

  it('is not refused because of the fingerprints of earlier tokens', async () => {
    const world = await signedIn();
    const family = { id: 'first', turn: 128 };
    const tokens = { ...present(world.stored().tokens), id_token: '' };
    const room = recordLimit - 1024 - JSON.stringify({ ...world.stored(), tokens, family }).length - 200;
    const full = { ...tokens, id_token: 'x'.repeat(room) };
    const earlier = `0:${'f'.repeat(16 * 128)}`;
    await world.first.vault.update('main', record => ({
      ...present(record),
      tokens: full,
      family: { ...family, earlier },
    }));
    await storing(world, world.first)({ client_secret: 's'.repeat(100) });
    const stored = world.stored();
    assert.deepEqual([stored.client_secret?.length, stored.tokens, stored.family], [100, full, family]);
  });

  it('begins anew where the settings are about another client by now', async () => {
    const world = await signedIn();
    const store = storing(world, world.first);
    await store({ client_secret: 'old', private_key: 'old' });
    await store({ client_secret: 'new' }, { clientId: 'other' });
    const { tokens, binding, private_key, client_secret, generation } = world.stored();
    assert.deepEqual([tokens, binding, private_key, client_secret], [undefined, undefined, undefined, 'new']);
    assert.equal(generation, 2);
    assert.equal(present(world.lock.ledger.get('main')).generation, 2);
  });
});
