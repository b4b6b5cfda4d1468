import assert from 'node:assert/strict';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import { noHandover } from '../../../../src/core/records/journalKeys.ts';
import { recordLimit } from '../../../../src/core/records/record.ts';
import { storeTokens, undoImport } from '../../../../src/core/records/storeTokens.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { createWorld, gate, id, key, present, printOf, signedIn, testStore } from '../refresh/refreshWorld.ts';

describe('storeTokens', () => {
  it('binds tokens to the connection of today, as a new generation that all windows know', async () => {
    const world = await createWorld();
    const first = world.window();
    const tokens = await world.mock.issueTokens();
    const stored = await first.import(tokens);
    assert.deepEqual(world.stored(), stored);
    assert.deepEqual(first.record(), stored);
    assert.deepEqual(stored.binding, { issuer: world.mock.issuer, client_id: 'demo' });
    assert.equal(stored.generation, 1);
    assert.equal(stored.tokens?.refresh_token, tokens.refresh_token);
    assert.equal(world.lock.ledger.get(id)?.generation, 1);
    assert.equal((await first.import(tokens)).generation, 2);
  });

  it('takes a refresh token alone', async () => {
    const world = await createWorld();
    const first = world.window();
    const { refresh_token } = await world.mock.issueTokens();
    await first.import({ refresh_token: present(refresh_token) });
    assert.equal(await first.refresh(), 'refreshed');
  });

  it('keeps the refresh token and its data when only an access token is imported', async () => {
    const world = await signedIn({ rotation: 'strict' });
    const before = world.stored();
    const intent = { generation: 1, at: 5 };
    const refused = { generation: 1, at: 6, error: 'invalid_grant' };
    await world.first.vault.update(id, record => ({ ...present(record), intent, refused }));
    await world.first.import({ access_token: 'access' });
    const after = world.stored();
    assert.equal(after.tokens?.refresh_token, before.tokens?.refresh_token);
    assert.deepEqual(
      [after.intent, after.refused],
      [
        { ...intent, generation: 2 },
        { ...refused, generation: 2 },
      ],
    );
    await world.first.import(await world.mock.issueTokens());
    assert.deepEqual([world.stored().intent, world.stored().refused], [undefined, undefined]);
  });

  it('of another user leaves nothing of the first one behind', async () => {
    const world = await signedIn({ rotation: 'strict' });
    const { refresh_token } = await world.mock.issueTokens({ subject: 'somebody-else' });
    await world.first.import({ refresh_token: present(refresh_token) });
    assert.equal(world.stored().tokens?.id_token, undefined);
    assert.equal(await world.first.refresh(), 'refreshed');
  });

  it('keeps the endpoint that discovery once found', async () => {
    const world = await signedIn();
    await world.first.refresh();
    await world.first.import(await world.mock.issueTokens());
    assert.equal(world.stored().binding?.token_endpoint, `${world.mock.issuer}/token`);
  });

  describe('where the connection has moved', () => {
    const moved = { issuer: 'https://other.example' };

    it('does not combine an access token with a refresh token from another source', async () => {
      const world = await signedIn();
      const before = world.store.entries.get(key);
      const window = world.window({ connection: { ...world.connection, ...moved } });
      const { code, data } = await failureOf(window.import({ access_token: 'access' }));
      assert.deepEqual([code, data.member], ['binding_mismatch', 'issuer']);
      assert.equal(world.store.entries.get(key), before);
    });

    it('starts over with a refresh token, without the old secrets', async () => {
      const world = await signedIn();
      await world.first.vault.update(id, record => ({ ...present(record), client_secret: 'old' }));
      const window = world.window({ connection: { ...world.connection, ...moved } });
      await window.import({ refresh_token: 'other' });
      const { tokens, binding, client_secret } = world.stored();
      assert.deepEqual(binding, { ...moved, client_id: 'demo' });
      assert.deepEqual(Object.keys(tokens ?? {}).sort(), ['obtained_at', 'refresh_token', 'refresh_token_stored_at']);
      assert.equal(client_secret, undefined);
    });

    it('keeps the secret where only the endpoint is another', async () => {
      const world = await signedIn();
      await world.first.vault.update(id, record => ({
        ...present(record),
        client_secret: 'kept',
        binding: { ...present(record?.binding), token_endpoint: 'https://issuer.example/old' },
      }));
      const tokenEndpoint = 'https://issuer.example/new';
      const window = world.window({ connection: { ...world.connection, tokenEndpoint } });
      await window.import({ refresh_token: 'other' });
      assert.equal(world.stored().client_secret, 'kept');
      assert.equal(world.stored().binding?.token_endpoint, tokenEndpoint);
    });
  });

  for (const text of ['{', '{"version":7}']) {
    it(`leaves unreadable records byte for byte: ${text}`, async () => {
      const world = await signedIn();
      world.store.entries.set(key, text);
      const { code } = await failureOf(world.first.import(await world.mock.issueTokens()));
      assert.equal(code, text.includes('7') ? 'record_newer_version' : 'record_unreadable');
      assert.equal(world.store.entries.get(key), text);
      assert.equal(world.first.record()?.generation, 1);
    });
  }

  it('stores nothing that is too large to be marked later', async () => {
    const world = await createWorld();
    const first = world.window();
    const failure = await failureOf(
      first.import({ access_token: 'x'.repeat(recordLimit - 1200), refresh_token: 'refresh' }),
    );
    assert.equal(failure.code, 'record_too_large');
    assert.equal(world.store.entries.size, 0);
    await first.import({ access_token: 'x'.repeat(recordLimit - 2000), refresh_token: 'refresh' });
    await first.refresh();
    assert.equal(world.posts().length, 1);
  });

  it('stores no empty text', async () => {
    const world = await createWorld();
    const first = world.window();
    await first.import({ access_token: '', refresh_token: 'refresh', id_token: '' });
    assert.equal((await first.vault.read(id))?.tokens?.refresh_token, 'refresh');
  });

  it('never puts a superseded refresh token on top of a newer one', async () => {
    const world = await signedIn({ rotation: 'strict' });
    const late = world.window({ store: testStore(new Map(world.store.entries)) });
    await world.first.refresh();
    const newest = world.stored();
    assert.equal((await failureOf(late.import({ access_token: 'access' }))).code, 'record_behind');
    assert.deepEqual(world.stored(), newest);
    // An imported set needs nothing of the stored one, and continues the generation that all windows know.
    const tokens = await world.mock.issueTokens();
    assert.equal((await late.import(tokens)).generation, 3);
    assert.equal(await late.refresh(), 'refreshed');
    assert.equal(world.posts().at(-1), printOf(present(tokens.refresh_token)));
  });

  it('brings nothing back after a sign-out elsewhere, and counts on from it', async () => {
    const world = await signedIn({ rotation: 'strict' });
    await world.window({ store: testStore(new Map(world.store.entries)) }).signOut();
    await world.first.import({ access_token: 'access' });
    assert.equal(world.stored().tokens?.refresh_token, undefined);
    assert.equal(world.stored().generation, 3);
  });

  it('waits for a refresh that is under way', async () => {
    const world = await signedIn({ rotation: 'strict' });
    const hold = gate();
    world.onPost = hold.pass;
    const refreshed = world.first.refresh();
    await hold.reached;
    const tokens = await world.mock.issueTokens();
    const imported = world.window().import(tokens);
    hold.open();
    assert.equal(await refreshed, 'refreshed');
    assert.equal((await imported).generation, 3);
    assert.equal(world.stored().tokens?.refresh_token, tokens.refresh_token);
  });

  it('leaves an issuer that asked for rest its rest', async () => {
    const world = await signedIn();
    world.next({ type: 'tooManyRequests', retryAfter: 60 });
    await world.first.refresh();
    await world.first.import(await world.mock.issueTokens());
    assert.equal(await world.first.refresh(), 'retryable waiting_for_issuer');
    assert.equal(world.posts().length, 1);
  });

  for (const [when, call] of [
    ['before it writes', 'readLedger'],
    ['while it writes', 'writeLedger'],
  ] as const) {
    it(`is stored where this process stood still ${when} and no other one has taken the lock`, async () => {
      const world = await createWorld();
      world.lock.hook = each => {
        if (each === 'renew') world.lock.lost = false;
        if (each !== call) return;
        world.lock.hook = later => {
          if (later === 'renew') world.lock.lost = false;
        };
        world.lock.lost = true;
        if (call === 'writeLedger') throw new WorkbenchError('lock_lost', { connection: id });
      };
      await world.window().import(await world.mock.issueTokens());
      assert.ok(world.stored().tokens?.refresh_token);
      assert.equal(world.lock.ledger.get(id)?.generation, 1);
    });
  }

  it('does nothing without the lock', async () => {
    const world = await createWorld();
    const first = world.window();
    const tokens = await world.mock.issueTokens();
    world.lock.lost = true;
    assert.equal((await failureOf(first.import(tokens))).code, 'lock_lost');
    world.lock.lost = false;
    const { sessions, vault } = first;
    const parts = { vault, sessions, lock: world.lock, clock: world.clock, handover: noHandover };
    const cancelled = storeTokens(parts, world.connection, tokens, 0, AbortSignal.abort());
    assert.equal((await failureOf(cancelled)).code, 'cancelled');
    assert.equal(world.store.entries.size, 0);
  });
});

describe('an import over a refresh token that works', () => {
  const partsOf = (world: Awaited<ReturnType<typeof signedIn>>) => {
    const { vault, sessions } = world.first;
    return { vault, sessions, lock: world.lock, clock: world.clock, handover: noHandover };
  };
  const undo = (world: Awaited<ReturnType<typeof signedIn>>) =>
    undoImport(partsOf(world), id, new AbortController().signal);

  it('keeps the replaced tokens until the import is undone, which is a new generation', async () => {
    const world = await signedIn({ rotation: 'strict' });
    const before = world.stored();
    await world.first.import({ refresh_token: 'a-wrong-one' });
    assert.deepEqual(world.stored().replaced?.tokens, before.tokens);
    const undone = await undo(world);
    assert.deepEqual(undone, { ...before, generation: 3 });
    assert.deepEqual(world.stored(), undone);
    assert.equal(await world.first.refresh(), 'refreshed');
    assert.equal((await failureOf(undo(world))).code, 'nothing_to_undo');
  });

  it('forgets them with the second refresh, the next sign-out, and after a rejection', async () => {
    const world = await signedIn({ rotation: 'strict' });
    await world.first.import(await world.mock.issueTokens());
    assert.ok(world.stored().replaced);
    assert.equal(await world.first.refresh(), 'refreshed');
    assert.ok(world.stored().replaced);
    assert.equal(await world.first.refresh(), 'refreshed');
    assert.equal(world.stored().replaced, undefined);
    await world.first.import(await world.mock.issueTokens());
    await world.first.signOut();
    assert.equal(world.store.entries.get(key)?.includes('replaced') ?? false, false);
    await world.first.import({ refresh_token: 'a-wrong-one' });
    await world.first.refresh();
    await world.first.import(await world.mock.issueTokens());
    assert.equal(world.stored().replaced, undefined);
  });

  it('swaps both, again and again, once the imported token was used up by the refresh that gets its access token', async () => {
    const world = await signedIn({ rotation: 'strict' });
    const earlier = present(world.stored().tokens);
    const { refresh_token } = await world.mock.issueTokens();
    await world.first.import({ refresh_token: present(refresh_token) });
    assert.equal(await world.first.refresh(), 'refreshed');
    const used = present(world.stored().tokens);
    assert.notEqual(used.refresh_token, refresh_token);
    for (const [now, kept] of [
      [earlier, used],
      [used, earlier],
      [earlier, used],
    ] as const) {
      await undo(world);
      assert.deepEqual([world.stored().tokens, world.stored().replaced?.tokens], [now, kept]);
    }
    // Both are whole: neither was sent twice.
    assert.equal(await world.first.refresh(), 'refreshed');
    const renewed = present(world.stored().tokens);
    await undo(world);
    assert.equal(await world.first.refresh(), 'refreshed');
    await undo(world);
    assert.deepEqual(world.stored().tokens, renewed);
    for (let round = 0; round < 2; round++) assert.equal(await world.first.refresh(), 'refreshed');
    assert.equal((await failureOf(undo(world))).code, 'nothing_to_undo');
  });

  for (const [how, fault, outcome] of [
    ['is rejected', undefined, 'reauthRequired oauth_error'],
    ['is not answered', { type: 'dropBeforeCommit' }, 'unknown network_failed'],
  ] as const)
    it(`restores the earlier tokens whole where the refresh of the imported one ${how}`, async () => {
      const world = await signedIn({ rotation: 'strict' });
      const earlier = world.stored();
      await world.first.import({ refresh_token: 'a-wrong-one' });
      if (fault) world.next(fault, 2);
      assert.equal(await world.first.refresh(), outcome);
      assert.deepEqual(await undo(world), { ...earlier, generation: 3 });
      assert.equal(await world.first.refresh(), 'refreshed');
    });

  it('is undone with the mark of a lost answer, so that nothing is sent that must not be', async () => {
    const world = await signedIn({ rotation: 'strict' });
    const intent = { generation: 1, at: 5, retried: true } as const;
    await world.first.vault.update(id, record => ({ ...present(record), intent }));
    await world.first.import({ refresh_token: 'a-wrong-one' });
    assert.deepEqual((await undo(world)).intent, { ...intent, generation: 3 });
  });

  it('keeps only the refresh token of tokens that are too large', async () => {
    const world = await signedIn({ rotation: 'strict' });
    const { refresh_token } = present(world.stored().tokens);
    await world.first.import({ access_token: 'x'.repeat(recordLimit / 2), refresh_token: present(refresh_token) });
    await world.first.import({ access_token: 'y'.repeat(recordLimit / 2), refresh_token: 'a-wrong-one' });
    assert.equal(world.stored().replaced?.tokens.access_token, undefined);
    assert.equal((await undo(world)).tokens?.refresh_token, refresh_token);
  });
});
