import assert from 'node:assert/strict';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { createWorld, present, type World } from '../refresh/refreshWorld.ts';
import { keyOf, lagging, windowOf } from './familyWorld.ts';

describe('the newest of a refresh token in two connections', () => {
  type Window = ReturnType<typeof windowOf>;
  const leaving: Readonly<Record<string, (window: Window, world: World) => Promise<unknown>>> = {
    'a sign-in': async (window, { mock }) => window.signIn('a', await mock.issueTokens()),
    'a sign-in without a refresh token': window => window.signIn('a', { access_token: 'opaque' }),
    'an import': async (window, { mock }) => window.import('a', await mock.issueTokens()),
    'an import whose token is refreshed until there is no undo': async (window, { mock }) => {
      await window.import('a', await mock.issueTokens());
      for (let round = 0; round < 3; round++) assert.equal(await window.refresh('a', 'user'), 'refreshed');
    },
    'two imports': async (window, { mock }) => {
      for (let round = 0; round < 2; round++) await window.import('a', await mock.issueTokens());
    },
    'credentials for another client': window => window.moveClient('a'),
    'a sign-out': window => window.signOut('a'),
    'a sign-out that revokes nothing': window => window.revokeAndSignOut('a', false),
  };
  for (const [how, leave] of Object.entries(leaving))
    for (const knows of ['this', 'another']) {
      it(`is not lost to the other connection by ${how} in ${knows} window`, async () => {
        const world = await createWorld({ rotation: 'strict' });
        const raw = await world.mock.issueTokens();
        const one = windowOf(world, ['a', 'b']);
        const two = knows === 'this' ? one : windowOf(world, ['a', 'b']);
        await one.import('a', raw);
        await two.import('b', raw);
        assert.equal(await one.refresh('a'), 'refreshed');
        await leave(one, world);
        assert.notEqual(one.token('a'), two.token('b'));
        assert.match(await two.refresh('b', 'user'), /adopted|refreshed/);
        assert.equal(await two.refresh('b', 'user'), 'refreshed');
      });
    }

  it('is handed on with the key that it is bound to, its endpoint and its family', async () => {
    const { world, window } = await lagging();
    const given = { ...window.record('a'), dpop_key: '{"kid":"print"}' };
    window.sessions.apply({ ...given, generation: given.generation + 1 });
    world.store.entries.set(keyOf('a'), JSON.stringify(window.record('a')));
    await window.signOut('a');
    const { binding, tokens, dpop_key, family } = window.record('b');
    assert.deepEqual(
      { binding, tokens, dpop_key },
      { binding: given.binding, tokens: given.tokens, dpop_key: given.dpop_key },
    );
    assert.deepEqual([family?.id, family?.turn], [given.family?.id, 1]);
    assert.deepEqual(JSON.parse(present(world.store.entries.get(keyOf('b')))), window.record('b'));
  });

  it('is handed on to what the other connection restores after an import', async () => {
    const { world, window } = await lagging();
    await window.refresh('b');
    await window.import('b', await world.mock.issueTokens());
    const own = window.token('b');
    assert.equal(await window.refresh('a'), 'refreshed');
    const newest = window.token('a');
    await window.signIn('a', await world.mock.issueTokens());
    assert.equal(window.token('b'), own);
    await window.undoImport('b');
    assert.equal(window.token('b'), newest);
    assert.equal(await window.refresh('b'), 'refreshed');
  });

  it('is handed on with what is known of lost answers', async () => {
    const { world, window } = await lagging();
    await window.refresh('b');
    world.next({ type: 'dropBeforeCommit' }, 2);
    assert.equal(await window.refresh('a'), 'unknown network_failed');
    await window.signOut('a');
    const sent = world.posts().length;
    assert.equal(await window.refresh('b'), 'unknown answer_missing');
    assert.equal(world.posts().length, sent);
    assert.equal(await window.refresh('b', 'user'), 'refreshed');
  });

  it('is handed on to the other connections of the family by an undo', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const window = windowOf(world, ['a', 'b']);
    await window.import('a', await world.mock.issueTokens());
    const raw = await world.mock.issueTokens();
    for (const id of ['a', 'b']) await window.import(id, raw);
    assert.equal(await window.refresh('a'), 'refreshed');
    const newest = window.token('a');
    await window.undoImport('a');
    assert.equal(window.token('b'), newest);
    assert.equal(await window.refresh('b'), 'refreshed');
  });

  const failing: Readonly<Record<string, (world: World) => void>> = {
    secret_unavailable({ store }) {
      store.hook = (call, value = '') => {
        if (call === 'store' && value.includes('"connection":"b"')) throw new Error('full');
      };
    },
    lock_timeout({ lock }) {
      const { withLock } = lock;
      lock.withLock = (name, ...rest) =>
        name === 'b'
          ? Promise.reject(new WorkbenchError('lock_timeout', { connection: name }))
          : withLock(name, ...rest);
    },
  };
  for (const [code, fail] of Object.entries(failing))
    for (const [how, leave] of Object.entries(leaving)) {
      if (how.startsWith('a sign-in')) continue;
      it(`is not replaced by ${how} while the other connection cannot get it, and the error names that one: ${code}`, async () => {
        const { world, window, newest } = await lagging();
        const other = window.token('b');
        fail(world);
        const failure = await failureOf(leave(window, world));
        assert.deepEqual([failure.code, failure.data.withheldFrom], [code, 'b']);
        assert.deepEqual([window.token('a'), window.token('b')], [newest, other]);
      });
    }

  for (const [code, fail] of Object.entries(failing))
    for (const isWhole of [true, false]) {
      it(`stays beside ${isWhole ? 'the tokens' : 'the access token'} of a sign-in while the other connection cannot get it: ${code}`, async () => {
        const { world, window, newest } = await lagging();
        const { withLock } = world.lock;
        const { hook } = world.store;
        fail(world);
        const granted = isWhole ? await world.mock.issueTokens() : { access_token: 'opaque' };
        await window.signIn('a', granted);
        const { tokens, replaced } = window.record('a');
        assert.deepEqual([tokens?.access_token, replaced?.tokens.refresh_token], [granted.access_token, newest]);
        // Beyond what is stored, the ledger of the other connection names what only a journal has, and here is none.
        if (code === 'secret_unavailable') return;
        world.lock.withLock = withLock;
        world.store.hook = hook;
        assert.equal(await window.refresh('b', 'user'), 'adopted');
        assert.equal(window.token('b'), newest);
        assert.equal(await window.refresh('b', 'user'), 'refreshed');
        if (isWhole) assert.equal(await window.refresh('a', 'user'), 'refreshed');
      });
    }

  for (const [how, spoil] of [
    [
      'damaged',
      ({ lock }: World) => {
        const { withLock } = lock;
        const damaged = async () => {
          throw new WorkbenchError('lock_unavailable', { connection: 'b', reason: 'damaged' });
        };
        lock.withLock = (name, signal, work, use) =>
          withLock(
            name,
            signal,
            lease => work(name === 'b' ? { ...lease, lost: false, readLedger: damaged } : lease),
            use,
          );
      },
    ],
    ['unreadable', ({ store }: World) => store.entries.set(keyOf('b'), '{')],
  ] as const)
    it(`does not keep a user from signing in where the record of the other connection is ${how}, so that it needs a new grant`, async () => {
      const { world, window } = await lagging();
      spoil(world);
      const tokens = await world.mock.issueTokens();
      await window.signIn('a', tokens);
      assert.equal(window.token('a'), tokens.refresh_token);
    });

  it('is not handed on where the sign-out has revoked it', async () => {
    const { window, newest } = await lagging();
    const other = window.record('b');
    assert.deepEqual(await window.revokeAndSignOut('a', true), { revoked: true });
    assert.notEqual(other.tokens?.refresh_token, newest);
    assert.deepEqual(window.record('b'), other);
    assert.equal(window.token('a'), undefined);
  });

  it('takes no lock of another connection where none shares the token', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const window = windowOf(world, ['a', 'b']);
    for (const id of ['a', 'b']) await window.import(id, await world.mock.issueTokens());
    const taken: string[] = [];
    const { withLock } = world.lock;
    world.lock.withLock = (name, ...rest) => {
      taken.push(name);
      return withLock(name, ...rest);
    };
    await window.signIn('a', await world.mock.issueTokens());
    assert.deepEqual(taken, ['a']);
    await window.signOut('a');
    assert.deepEqual(taken, ['a']);
  });

  it('loses its lock to a new grant only where the new grant comes', async () => {
    const { world, window } = await lagging();
    const uses: unknown[] = [];
    const { withLock } = world.lock;
    world.lock.withLock = (name, signal, work, use) => {
      uses.push([name, use]);
      return withLock(name, signal, work, use);
    };
    await window.signIn('a', await world.mock.issueTokens());
    assert.deepEqual(uses.slice(-2), [
      ['a', 'new_grant'],
      ['b', 'any'],
    ]);
  });
});
