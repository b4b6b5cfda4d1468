import assert from 'node:assert/strict';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import { stateOf } from '../../../../src/core/records/sessions.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { createWorld, gate, id, key, present, signedIn, testStore } from '../refresh/refreshWorld.ts';

describe('signOut', () => {
  it('leaves an empty record with the client secret, and no token anywhere', async () => {
    const world = await signedIn();
    await world.first.vault.update(id, record => ({ ...present(record), client_secret: 'kept' }));
    await world.first.signOut();
    const left = { version: 1, connection: id, generation: 2, client_secret: 'kept' };
    assert.deepEqual(world.stored(), left);
    assert.deepEqual(world.first.record(), left);
    assert.equal(stateOf(present(world.first.sessions.get(id)), world.clock.now()), 'none');
    assert.deepEqual(world.lock.ledger.get(id), { generation: 2, signedOutAt: world.clock.now() });
  });

  it('does not wait for a refresh in another window, and wins over it', async () => {
    const world = await signedIn({ rotation: 'strict' });
    const hold = gate();
    world.onPost = hold.pass;
    const second = world.window();
    const refreshed = second.refresh();
    await hold.reached;
    await world.first.signOut();
    assert.equal(world.stored().tokens, undefined);
    hold.open();
    assert.equal(await refreshed, 'retryable superseded');
    assert.equal(world.stored().tokens, undefined);
    assert.equal(second.record()?.tokens, undefined);
  });

  it('leaves a sign-in that came after it', async () => {
    const world = await signedIn();
    const tokens = await world.mock.issueTokens();
    const hold = gate();
    const { forget } = world.lock;
    world.lock.forget = async (...parts) => {
      const last = await forget(...parts);
      await hold.pass();
      return last;
    };
    const gone = world.first.signOut();
    await hold.reached;
    await world.window().import(tokens);
    hold.open();
    await gone;
    assert.equal(world.stored().tokens?.refresh_token, tokens.refresh_token);
    assert.equal(world.first.record()?.generation, 3);
  });

  it('counts on from what the store knows, also where this window does not', async () => {
    const world = await signedIn();
    await world.first.import(await world.mock.issueTokens());
    world.lock.ledger.clear();
    await world.window().signOut();
    assert.equal(world.stored().generation, 3);
  });

  for (const text of ['{', '{"version":7}']) {
    it(`deletes what cannot be read: ${text}`, async () => {
      const world = await signedIn();
      world.store.entries.set(key, text);
      await world.first.signOut();
      assert.equal(world.store.entries.size, 0);
      assert.equal(world.first.record(), undefined);
      assert.equal(world.lock.ledger.get(id)?.generation, 2);
    });
  }

  for (const text of [undefined, '{']) {
    it(`deletes the tokens where other windows cannot be told, and says so${text ? ', unreadable ones too' : ''}`, async () => {
      const world = await signedIn();
      if (text) world.store.entries.set(key, text);
      world.lock.forget = async () => {
        throw new WorkbenchError('lock_unavailable', { connection: id, reason: 'EROFS' });
      };
      assert.equal((await world.first.signOut())?.data.reason, 'EROFS');
      assert.equal(world.first.record()?.tokens, undefined);
      assert.doesNotMatch([...world.store.entries.values()].join(), /refresh_token/);
      // A record stored by another window in the meantime does not restore them.
      if (!text) assert.ok(world.stored().generation > 1);
    });
  }

  it('fails where the store does, and says so', async () => {
    const world = await signedIn();
    world.store.hook = () => {
      throw new Error('no keyring');
    };
    assert.equal((await failureOf(world.first.signOut())).code, 'secret_unavailable');
    assert.ok(world.first.record()?.tokens);
  });

  it('works with nothing stored', async () => {
    const world = await createWorld();
    await world.window({ store: testStore() }).signOut();
    assert.equal(world.lock.ledger.get(id)?.generation, 1);
  });
});
