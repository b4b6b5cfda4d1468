import assert from 'node:assert/strict';
import type { Connection } from '../../../../src/core/records/connection.ts';
import { connectionsSharingGrant } from '../../../../src/core/records/families.ts';
import { renameIssuer } from '../../../../src/core/records/storeTokens.ts';
import { createWorld, gate, present } from '../refresh/refreshWorld.ts';
import { keyOf, lagging, windowOf } from './familyWorld.ts';

describe('one refresh token in two connections', () => {
  it('is found on import, in any window', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const raw = await world.mock.issueTokens();
    const window = windowOf(world, ['a', 'b', 'c', 'd']);
    assert.deepEqual(connectionsSharingGrant(await window.import('a', raw)), []);
    assert.deepEqual(connectionsSharingGrant(await window.import('b', raw)), ['a']);
    assert.deepEqual(connectionsSharingGrant(await window.import('a', raw)), ['b']);
    // A window that has not read any record.
    assert.deepEqual(connectionsSharingGrant(await windowOf(world, ['a', 'b', 'c']).import('c', raw)), ['a', 'b']);
    assert.deepEqual(connectionsSharingGrant(await window.import('d', await world.mock.issueTokens())), []);
  });

  for (const changes of [
    { issuer: undefined, tokenEndpoint: 'https://other.example/token' },
    { issuer: undefined, tokenEndpoint: 'https://other.example/tenant/token' },
    { issuer: 'https://other.example' },
    { issuer: 'https://other.example/tenant', tokenEndpoint: undefined },
  ]) {
    it(`is two tokens where two issuers gave it: ${JSON.stringify(changes)}`, async () => {
      const world = await createWorld({ rotation: 'strict' });
      const raw = await world.mock.issueTokens();
      const window = windowOf(world, ['a', 'b'], changes as Partial<Connection>);
      await window.import('b', raw);
      assert.deepEqual(connectionsSharingGrant(await window.import('a', raw)), []);
      world.forward(3_000_000);
      assert.equal(await window.refresh('a'), 'refreshed');
      // It is bound to another issuer, so it was never the mock's, and the refresh changed nothing.
      assert.equal(window.token('b'), raw.refresh_token);
    });
  }

  it('is two tokens where only the endpoint tells that they go to two places of one host', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const raw = await world.mock.issueTokens();
    const changes = {
      issuer: undefined,
      tokenEndpoint: `${world.mock.issuer}/elsewhere`,
    } as unknown as Partial<Connection>;
    const window = windowOf(world, ['a', 'b'], changes);
    await window.import('b', raw);
    await window.refresh('b', 'user');
    await window.import('a', raw);
    world.forward(3_000_000);
    assert.equal(await window.refresh('a', 'user'), 'refreshed');
  });

  it('is used once: the other connection adopts the new tokens', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const raw = await world.mock.issueTokens();
    const window = windowOf(world, ['a', 'b']);
    await window.import('a', raw);
    await window.import('b', raw);
    world.forward(3_000_000);
    assert.equal(await window.refresh('a'), 'refreshed');
    assert.equal(await window.refresh('b'), 'adopted');
    assert.equal(window.token('b'), window.token('a'));
    assert.equal(world.posts().length, 1);
    world.forward(3_590_000);
    // Both at once, in alternating order, for several rounds.
    for (let round = 0; round < 3; round++) {
      world.forward(3_590_000);
      const both = await Promise.all(['b', 'a'].map(id => window.refresh(id)));
      assert.deepEqual(both.sort(), ['adopted', 'refreshed']);
    }
    assert.equal(window.token('b'), window.token('a'));
  });

  for (const known of [0, 21])
    it(`is not sent by a window that has not heard of the other connection, which has used it; it knows ${known} more`, async () => {
      const world = await createWorld({ rotation: 'strict' });
      const raw = await world.mock.issueTokens();
      const more = Array.from({ length: known }, (_, index) => `more-${index}`);
      const ids = ['a', 'b', 'c', ...more];
      const one = windowOf(world, ids);
      const two = windowOf(world, ids);
      await one.import('a', raw);
      for (const id of more) await one.import(id, await world.mock.issueTokens());
      await two.import('b', raw);
      await two.import('c', raw);
      world.forward(3_000_000);
      assert.equal(await two.refresh('b'), 'refreshed');
      assert.equal(await one.refresh('a'), 'adopted');
      assert.equal(one.token('a'), two.token('b'));
      assert.equal(world.posts().length, 1);
      // The next rotation is by the window that heard late.
      world.forward(3_590_000);
      assert.equal(await one.refresh('a'), 'refreshed');
      assert.equal(await two.refresh('c'), 'adopted');
      assert.equal(two.token('c'), one.token('a'));
    });

  it('is not sent by a window whose settings do not list the other connection yet', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const raw = await world.mock.issueTokens();
    const one = windowOf(world, ['a']);
    const two = windowOf(world, ['a', 'b']);
    await one.import('a', raw);
    await two.import('b', raw);
    world.forward(3_000_000);
    assert.equal(await two.refresh('b'), 'refreshed');
    assert.equal(await one.refresh('a'), 'adopted');
    assert.equal(one.token('a'), two.token('b'));
    assert.equal(world.posts().length, 1);
  });

  it('stays known as shared whatever else is stored in the meantime', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const raw = await world.mock.issueTokens();
    const one = windowOf(world, ['a', 'b']);
    const two = windowOf(world, ['a', 'b']);
    await one.import('a', raw);
    await two.import('b', raw);
    world.forward(3_000_000);
    assert.equal(await two.refresh('b'), 'refreshed');
    await one.storeSecret('a');
    await two.storeSecret('b');
    world.forward(3_590_000);
    assert.equal(await two.refresh('b'), 'refreshed');
    assert.equal(await one.refresh('a'), 'adopted');
    assert.equal(world.posts().length, 2);
  });

  it('is given to the other connection by an import, and adopted again when that is undone', async () => {
    const { world, window, newest } = await lagging('b');
    await window.import('b', await world.mock.issueTokens());
    assert.equal(window.token('a'), newest);
    assert.equal(await window.refresh('a'), 'refreshed');
    await window.undoImport('b');
    assert.equal(await window.refresh('b'), 'adopted');
    assert.equal(window.token('b'), window.token('a'));
    assert.equal(world.posts().length, 2);
  });

  it('is adopted from what an earlier version has kept before an import, without giving it to the other connection', async () => {
    const { world, window, newest } = await lagging('b');
    const [stored, ledger] = [world.store.entries.get(keyOf('a')), world.lock.ledger.get('a')];
    await window.import('b', await world.mock.issueTokens());
    world.store.entries.set(keyOf('a'), present(stored));
    world.lock.ledger.set('a', present(ledger));
    const next = windowOf(world, ['a', 'b']);
    await next.load();
    assert.equal(await next.refresh('a'), 'adopted');
    assert.equal(next.token('a'), newest);
    assert.equal(world.posts().length, 1);
  });

  it('is found again when an import is undone that hid it from another one', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const raw = await world.mock.issueTokens();
    const window = windowOf(world, ['a', 'b']);
    await window.import('a', raw);
    await window.import('a', await world.mock.issueTokens());
    // An earlier version has not noted it.
    const { aside, ...ledger } = present(world.lock.ledger.get('a'));
    assert.equal(aside?.length, 1);
    world.lock.ledger.set('a', ledger);
    const other = windowOf(world, ['a', 'b']);
    assert.deepEqual(connectionsSharingGrant(await other.import('b', raw)), []);
    assert.equal(await other.refresh('b'), 'refreshed');
    await window.undoImport('a');
    assert.equal(await window.refresh('a'), 'adopted');
    assert.equal(window.token('a'), other.token('b'));
    assert.equal(world.posts().length, 1);
  });

  it('is waited for where the other connection is using it, in a window that does not know of the first', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const raw = await world.mock.issueTokens();
    const one = windowOf(world, ['a', 'b']);
    const two = windowOf(world, ['a', 'b']);
    await one.import('a', raw);
    const hold = gate();
    world.onPost = hold.pass;
    const first = one.refresh('a');
    await hold.reached;
    world.onPost = () => {};
    await two.import('b', raw);
    const second = two.refresh('b');
    hold.open();
    assert.deepEqual(await Promise.all([first, second]), ['refreshed', 'adopted']);
    assert.equal(world.posts().length, 1);
  });

  it('that was rotated before is not sent again', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const raw = await world.mock.issueTokens();
    const window = windowOf(world, ['a', 'b']);
    await window.import('a', raw);
    for (let round = 0; round < 3; round++) await window.refresh('a');
    assert.deepEqual(connectionsSharingGrant(await window.import('b', raw)), ['a']);
    assert.equal(await window.refresh('b'), 'adopted');
    assert.equal(await window.refresh('b'), 'refreshed');
    assert.equal(await window.refresh('a'), 'adopted');
    assert.equal(world.posts().length, 4);
  });

  for (const turn of [0, 1, 2, 3])
    for (const into of ['another connection', 'its own', 'another one that shares it', 'another window'])
      it(`is not sent again where the text of its turn ${turn} of 3 is imported into ${into}`, async () => {
        const world = await createWorld({ rotation: 'strict' });
        const raw = await world.mock.issueTokens();
        const window = windowOf(world, ['a', 'b']);
        await window.import('a', raw);
        if (into === 'another one that shares it') await window.import('b', raw);
        const texts = [raw.refresh_token];
        for (let round = 0; round < 3; round++) {
          assert.equal(await window.refresh('a', 'user'), 'refreshed');
          texts.push(window.token('a'));
        }
        const id = into === 'its own' ? 'a' : 'b';
        const where = into === 'another window' ? windowOf(world, ['a', 'b']) : window;
        await where.import(id, { refresh_token: present(texts[turn]) });
        assert.match(await where.refresh(id, 'user'), turn === 3 ? /refreshed/ : /adopted|refreshed/);
        for (const each of ['a', 'b', 'a']) {
          if (window.record('a').family === undefined) break;
          const result = await (each === id ? where : window).refresh(each, 'user').catch(String);
          if (each === id || each === 'a') assert.match(result, /adopted|refreshed/, each);
        }
        const posts = world.posts();
        assert.equal(new Set(posts).size, posts.length, 'a token was sent twice');
      });

  it('is not lost where two of its earlier texts are imported over it, or one and another token', async () => {
    for (const isSecondOther of [false, true]) {
      const world = await createWorld({ rotation: 'strict' });
      const raw = await world.mock.issueTokens();
      const window = windowOf(world, ['a', 'b']);
      await window.import('a', raw);
      const texts = [raw.refresh_token];
      for (let round = 0; round < 3; round++) {
        assert.equal(await window.refresh('a', 'user'), 'refreshed');
        texts.push(window.token('a'));
      }
      await window.import('a', { refresh_token: present(texts[0]) });
      await window.import('a', isSecondOther ? await world.mock.issueTokens() : { refresh_token: present(texts[1]) });
      if (isSecondOther) await window.undoImport('a');
      assert.match(await window.refresh('a', 'user'), /adopted|refreshed/);
      assert.equal(await window.refresh('a', 'user'), 'refreshed');
      const posts = world.posts();
      assert.equal(new Set(posts).size, posts.length, 'a token was sent twice');
    }
  });

  it('is not sent, and that is said, where the other connection belongs to another client', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const raw = await world.mock.issueTokens();
    const window = windowOf(world, ['a', 'b'], { clientId: 'another' });
    await window.import('a', raw);
    await window.import('b', raw);
    assert.equal(await window.refresh('a'), 'refreshed');
    assert.equal(await window.refresh('b', 'user'), 'reauthRequired refresh_token_shared a');
    assert.equal(world.posts().length, 1);
    assert.equal(await window.refresh('a'), 'refreshed');
  });

  it('is not sent again where its old text is imported over what it was rotated into', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const raw = await world.mock.issueTokens();
    const window = windowOf(world, ['a']);
    await window.import('a', raw);
    assert.equal(await window.refresh('a'), 'refreshed');
    const newest = window.token('a');
    await window.import('a', raw);
    assert.equal(await window.refresh('a', 'user'), 'adopted');
    assert.equal(window.token('a'), newest);
    assert.equal(await window.refresh('a', 'user'), 'refreshed');
    assert.equal(world.posts().length, 2);
  });

  it('is known where an import has put it aside, until that is undone', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const raw = await world.mock.issueTokens();
    const window = windowOf(world, ['a', 'b']);
    for (const id of ['a', 'b']) await window.import(id, raw);
    await window.import('b', await world.mock.issueTokens());
    assert.equal(await window.refresh('a'), 'refreshed');
    const newest = window.token('a');
    await window.signIn('a', await world.mock.issueTokens());
    await window.undoImport('b');
    assert.equal(window.token('b'), newest);
    assert.equal(await window.refresh('b', 'user'), 'refreshed');
  });

  it('is used and found where a kill after the journal has left an old ledger, or none', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const raw = await world.mock.issueTokens();
    const window = windowOf(world, ['a', 'b', 'c']);
    for (const id of ['a', 'b']) await window.import(id, raw);
    world.lock.ledger.set('b', { generation: 0, signedOutAt: 1 });
    assert.equal(await window.refresh('a', 'user'), 'refreshed');
    assert.deepEqual(world.lock.ledger.get('b')?.family?.with, ['a']);
    world.lock.ledger.delete('b');
    world.lock.journal.set('b', { generation: 1, sealed: 'of the killed window' });
    assert.deepEqual(connectionsSharingGrant(await window.import('c', raw)), ['a', 'b']);
  });

  it('is adopted where the settings of the two name the issuer differently', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const raw = await world.mock.issueTokens();
    const window = windowOf(world, ['a', 'b']);
    for (const id of ['a', 'b']) await window.import(id, raw);
    assert.equal(await window.refresh('a'), 'refreshed');
    const { binding } = window.record('b');
    await renameIssuer(window.parts, 'a', `${world.mock.issuer}/`, new AbortController().signal);
    assert.notDeepEqual(window.record('a').binding, binding);
    assert.equal(await window.refresh('b', 'user'), 'adopted');
    assert.deepEqual([window.token('b'), window.record('b').binding], [window.token('a'), binding]);
    assert.equal(await window.refresh('b', 'user'), 'refreshed');
  });

  it('is retried by only one of them if the response is lost', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const raw = await world.mock.issueTokens();
    const window = windowOf(world, ['a', 'b']);
    await window.import('a', raw);
    await window.import('b', raw);
    world.next({ type: 'dropBeforeCommit' }, 2);
    assert.equal(await window.refresh('a'), 'unknown network_failed');
    assert.equal(world.posts().length, 2);
    assert.equal(await window.refresh('b'), 'unknown answer_missing');
    assert.equal(world.posts().length, 2);
    world.mock.revokeAll();
    assert.equal(await window.refresh('b', 'user'), 'reauthRequired answer_lost');
    assert.equal(await window.refresh('a', 'user'), 'reauthRequired answer_lost');
    assert.equal(world.posts().length, 3);
  });

  it('parts at a sign-out and at a new grant', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const raw = await world.mock.issueTokens();
    const window = windowOf(world, ['a', 'b', 'c']);
    for (const id of ['a', 'b', 'c']) await window.import(id, raw);
    await window.signOut('a');
    await window.import('b', await world.mock.issueTokens());
    assert.equal(await window.refresh('c'), 'refreshed');
    assert.equal(await window.refresh('b'), 'refreshed');
    assert.notEqual(window.token('b'), window.token('c'));
  });

  it('stays two tokens where the issuer rotates none', async () => {
    const world = await createWorld({ rotation: 'none' });
    const raw = await world.mock.issueTokens();
    const window = windowOf(world, ['a', 'b']);
    await window.import('a', raw);
    await window.import('b', raw);
    for (const id of ['a', 'b', 'a', 'b']) assert.equal(await window.refresh(id), 'refreshed');
  });
});
