import assert from 'node:assert/strict';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import { createHandover, type JournalKey, newKeyText, readKey } from '../../../../src/core/records/journalKeys.ts';
import { until } from '../../../../src/core/waiting.ts';
import { failureOf } from '../../../support/failureOf.ts';
import { createWorld, gate, present, printOf, type World } from '../refresh/refreshWorld.ts';
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
      it(`stays beside ${isWhole ? 'the tokens' : 'the access token'} of a sign-in until the other connection has got it: ${code}`, async () => {
        const { world, window, newest } = await lagging();
        const { withLock } = world.lock;
        const { hook } = world.store;
        fail(world);
        const granted = isWhole ? await world.mock.issueTokens() : { access_token: 'opaque' };
        const failures: WorkbenchError[] = [];
        await window.signIn('a', granted, { notHandedOn: failure => failures.push(failure) });
        assert.deepEqual(
          failures.map(each => [each.code, each.data.withheldFrom, each.data.otherLabel]),
          [[code, 'b', 'Main']],
        );
        const owed = () => window.record('a').owed?.map(({ tokens }) => tokens?.refresh_token);
        assert.deepEqual([window.record('a').tokens?.access_token, owed()], [granted.access_token, [newest]]);
        assert.equal(window.record('a').replaced, undefined, 'an undo would lose what the issuer has granted');
        // Beyond what is stored, the ledger of the other connection names what only a journal has, and here is none.
        if (code === 'secret_unavailable') return;
        for (let round = 0; isWhole && round < 3; round++) assert.equal(await window.refresh('a', 'user'), 'refreshed');
        assert.deepEqual(owed(), [newest]);
        world.lock.withLock = withLock;
        world.store.hook = hook;
        assert.equal(await window.refresh('b', 'user'), 'adopted');
        assert.equal(window.token('b'), newest);
        assert.equal(await window.refresh('b', 'user'), 'refreshed');
        if (isWhole) assert.equal(await window.refresh('a', 'user'), 'refreshed');
        assert.equal(await window.refresh('b', 'user'), 'refreshed');
      });
    }

  for (const [how, end] of [
    ['ten seconds', ({ clock }: World) => clock.advance(10_000)],
    ['a cancel', (_: World, abort: AbortController) => abort.abort()],
  ] as const)
    it(`is waited for with what was granted stored already, until ${how}`, async () => {
      const { world, window, newest } = await lagging();
      const waiting = gate();
      const { withLock } = world.lock;
      world.lock.withLock = (name, signal, ...rest) =>
        name === 'b'
          ? waiting.pass().then(() => until(new Promise<never>(() => {}), signal))
          : withLock(name, signal, ...rest);
      const granted = await world.mock.issueTokens();
      const abort = new AbortController();
      const told: unknown[] = [];
      const handingOn = (to: readonly string[]) => told.push(to);
      const notHandedOn = ({ code, data }: WorkbenchError) => told.push([code, data.withheldFrom]);
      const signedIn = window.signIn('a', granted, { handingOn, notHandedOn }, abort.signal);
      await waiting.reached;
      waiting.open();
      assert.deepEqual(told, [['b']]);
      const { tokens, owed } = JSON.parse(present(world.store.entries.get(keyOf('a'))));
      assert.deepEqual([tokens.refresh_token, owed[0].tokens.refresh_token], [granted.refresh_token, newest]);
      end(world, abort);
      assert.equal((await signedIn).tokens?.refresh_token, granted.refresh_token);
      assert.deepEqual(told[1], [how === 'a cancel' ? 'cancelled' : 'lock_timeout', 'b']);
      // What stayed is handed on by whatever takes it away.
      world.lock.withLock = withLock;
      if (how === 'a cancel') assert.deepEqual(await window.revokeAndSignOut('a', true), { revoked: true });
      else await window.signOut('a');
      assert.equal(window.token('b'), newest);
      assert.equal(await window.refresh('b'), 'refreshed');
    });

  /** A sign-in into `a` that could give `b` nothing. */
  async function owing() {
    const given = await lagging();
    const { world, window } = given;
    const { withLock } = world.lock;
    present(failing.lock_timeout)(world);
    await window.signIn('a', await world.mock.issueTokens());
    world.lock.withLock = withLock;
    return given;
  }

  for (const [how, leave] of Object.entries(leaving))
    it(`that is owed is not lost by ${how}`, async () => {
      const { world, window, newest } = await owing();
      await leave(window, world);
      const isGiven = how.startsWith('a sign-');
      assert.equal(window.sessions.get('a')?.record?.owed?.length, isGiven ? undefined : 1);
      assert.equal(await window.refresh('b', 'user'), isGiven ? 'refreshed' : 'adopted');
      if (!isGiven) assert.equal(window.token('b'), newest);
    });

  it('that is owed twice to one connection takes its lock once', async () => {
    const { world, window } = await owing();
    const raw = await world.mock.issueTokens();
    for (const id of ['a', 'b']) await window.import(id, raw);
    const { withLock } = world.lock;
    present(failing.lock_timeout)(world);
    await window.signIn('a', await world.mock.issueTokens());
    assert.equal(window.record('a').owed?.length, 2);
    world.lock.withLock = withLock;
    await window.signOut('a');
    assert.equal(window.token('a'), undefined);
    assert.equal(await window.refresh('b', 'user'), 'refreshed');
  });

  for (const how of ['a sign-in', 'an import'])
    it(`that is owed is not replaced by an earlier one that came back by an import of its text, at ${how}`, async () => {
      const { world, window, newest } = await lagging();
      const first = present(window.token('b'));
      const { withLock } = world.lock;
      present(failing.lock_timeout)(world);
      await window.signIn('a', await world.mock.issueTokens());
      await window.import('a', { refresh_token: first });
      if (how === 'an import') world.lock.withLock = withLock;
      await present(leaving[how])(window, world);
      world.lock.withLock = withLock;
      assert.match(await window.refresh('b', 'user'), /adopted|refreshed/);
      const used = world.posts().filter(post => post === printOf(first));
      assert.equal(used.length, 1);
      assert.equal(window.token('b') === newest || world.posts().includes(printOf(newest)), true);
    });

  it('is recognised by its text where the ledger of its connection is late', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const key = present(await readKey(newKeyText()));
    const keys = { current: async () => key, known: async () => [key], prepare: async () => {}, dispose() {} };
    const opened = () => windowOf(world, ['a', 'b'], {}, createHandover({ keys, log: () => {} }));
    const one = opened();
    await one.import('a', await world.mock.issueTokens());
    const late = present(world.lock.ledger.get('a'));
    assert.equal(await one.refresh('a'), 'refreshed');
    // As a window leaves it that is killed between the journal and the ledger.
    world.lock.ledger.set('a', late);
    const two = opened();
    await two.import('b', { refresh_token: present(one.token('a')) });
    assert.equal(await two.refresh('b', 'user'), 'refreshed');
    assert.equal(await one.refresh('a', 'user'), 'adopted');
    assert.equal(one.token('a'), two.token('b'));
  });

  for (const turn of [0, 1, 3])
    for (const how of ['owed', 'put aside', 'put aside, then a sign-in', 'put aside for another grant'])
      it(`is found by a third connection that imports its text of turn ${turn} of 3 while it is ${how}`, async () => {
        const world = await createWorld({ rotation: 'strict' });
        const raw = await world.mock.issueTokens();
        const window = windowOf(world, ['a', 'b', 'c']);
        for (const id of how === 'owed' ? ['a', 'b'] : ['a']) await window.import(id, raw);
        const texts = [raw.refresh_token];
        for (let round = 0; round < 3; round++) {
          assert.equal(await window.refresh('a', 'user'), 'refreshed');
          texts.push(window.token('a'));
        }
        const text = { refresh_token: present(texts[turn]) };
        const { withLock } = world.lock;
        if (how === 'owed') {
          present(failing.lock_timeout)(world);
          await window.signIn('a', await world.mock.issueTokens());
          world.lock.withLock = withLock;
        } else if (how.endsWith('another grant')) await window.import('a', await world.mock.issueTokens());
        else await window.import('a', { refresh_token: present(texts[0]) });
        await window.import('c', text);
        if (how.endsWith('sign-in')) await window.signIn('a', await world.mock.issueTokens());
        for (const id of ['c', 'c', 'a', 'c']) assert.match(await window.refresh(id, 'user'), /adopted|refreshed/);
        if (how.endsWith('another grant')) await window.undoImport('a');
        for (const id of ['a', 'c', 'a']) assert.match(await window.refresh(id, 'user'), /adopted|refreshed/);
        const posts = world.posts();
        assert.equal(new Set(posts).size, posts.length, 'a token was sent twice');
      });

  for (const [how, leave] of Object.entries(leaving))
    it(`that is put aside for another grant goes to a connection that has imported an earlier text of it since, at ${how}`, async () => {
      const { world, window } = await lagging();
      const first = present(window.token('b'));
      await window.signIn('b', await world.mock.issueTokens());
      await window.import('a', await world.mock.issueTokens());
      await window.import('b', { refresh_token: first });
      await leave(window, world);
      for (let round = 0; round < 3; round++) assert.match(await window.refresh('b', 'user'), /adopted|refreshed/);
      assert.equal(world.posts().filter(post => post === printOf(first)).length, 1);
    });

  const unread: Readonly<Record<string, (world: World, earlier: string) => unknown>> = {
    'cannot be read': ({ store }) => store.entries.set(keyOf('a'), '{'),
    'is missing': ({ store }) => store.entries.delete(keyOf('a')),
    'is an earlier one': ({ store }, earlier) => store.entries.set(keyOf('a'), earlier),
  };
  for (const [how, spoil] of Object.entries(unread))
    for (const leave of ['a sign-out', 'a sign-out that revokes nothing'])
      it(`that may be owed is not deleted by ${leave} where the record ${how}, and the other connection is named`, async () => {
        const { world, window } = await lagging();
        const earlier = present(world.store.entries.get(keyOf('a')));
        const { withLock } = world.lock;
        present(failing.lock_timeout)(world);
        await window.signIn('a', await world.mock.issueTokens());
        world.lock.withLock = withLock;
        spoil(world, earlier);
        // A window that has not seen the record before.
        const next = windowOf(world, ['a', 'b']);
        const failure = await failureOf(present(leaving[leave])(next, world));
        const code = how === 'cannot be read' ? 'record_unreadable' : 'record_behind';
        assert.deepEqual([failure.code, failure.data.withheldFrom, failure.data.connection], [code, 'b', 'a']);
        assert.equal(world.lock.ledger.get('a')?.signedOutAt, undefined);
      });

  it('that is owed, as this window remembers, is not deleted with a record that cannot be read', async () => {
    const { world, window } = await owing();
    world.lock.ledger.delete('b');
    world.store.entries.set(keyOf('a'), '{');
    const failure = await failureOf(window.signOut('a'));
    assert.deepEqual([failure.code, failure.data.withheldFrom], ['record_unreadable', 'b']);
    assert.ok(world.store.entries.has(keyOf('a')));
  });

  it('keeps nobody from signing out of a record that cannot be read where no connection names it', async () => {
    const world = await createWorld({ rotation: 'strict' });
    const window = windowOf(world, ['a', 'b']);
    for (const id of ['a', 'b']) await window.import(id, await world.mock.issueTokens());
    world.store.entries.set(keyOf('a'), '{');
    await windowOf(world, ['a', 'b']).signOut('a');
    assert.equal(world.store.entries.has(keyOf('a')), false);
  });

  it('that is owed keeps nothing else waiting', async () => {
    const { world, window } = await owing();
    present(failing.lock_timeout)(world);
    for (const how of ['an import', 'credentials for another client']) await leaving[how]?.(window, world);
    await window.import('a', { access_token: 'opaque' });
    assert.equal(window.record('a').owed?.length, 1);
    assert.equal((await failureOf(window.signOut('a'))).data.withheldFrom, 'b');
  });

  it('that is owed is not used up by an import of the text that it came from', async () => {
    const { world, window, newest } = await lagging();
    const first = window.token('b');
    const { withLock } = world.lock;
    present(failing.lock_timeout)(world);
    await window.signIn('a', await world.mock.issueTokens());
    world.lock.withLock = withLock;
    await window.import('a', { refresh_token: present(first) });
    const posts = world.posts().length;
    assert.match(await window.refresh('a', 'user'), /adopted|refreshed/);
    assert.equal(await window.refresh('a', 'user'), 'refreshed');
    assert.match(await window.refresh('b', 'user'), /adopted|refreshed/);
    assert.ok(
      !world
        .posts()
        .slice(posts)
        .includes(printOf(present(first))),
      newest,
    );
  });

  describe('that this window cannot open', () => {
    /** `b` is behind. What `a` has is in the journal alone, whose key only `before` and `opening` have. */
    async function unopened() {
      const world = await createWorld({ rotation: 'strict' });
      const [old, fresh] = await Promise.all([newKeyText(), newKeyText()].map(readKey));
      const having = (...keys: readonly (JournalKey | undefined)[]) => {
        const known = keys.map(present);
        const held = { current: async () => known[0], known: async () => known, prepare: async () => {}, dispose() {} };
        return windowOf(world, ['a', 'b'], {}, createHandover({ keys: held, log: () => {} }));
      };
      const before = having(old);
      const raw = await world.mock.issueTokens();
      for (const id of ['a', 'b']) await before.import(id, raw);
      const text = present(world.store.entries.get(keyOf('a')));
      assert.equal(await before.refresh('a'), 'refreshed');
      world.store.entries.set(keyOf('a'), text);
      const window = having(fresh);
      const opening = having(fresh, old);
      for (const each of [window, opening]) await each.load();
      return { world, window, opening, newest: present(before.token('a')) };
    }

    for (const how of ['a sign-in', 'an import'])
      it(`is kept as it is by ${how}, and the other connection sends nothing older`, async () => {
        const { world, window, opening, newest } = await unopened();
        await present(leaving[how])(window, world);
        const posts = world.posts().length;
        assert.equal(await window.refresh('b', 'user'), 'reauthRequired refresh_token_shared a');
        assert.equal(await window.refresh('a', 'user'), 'refreshed');
        assert.equal(world.posts().length, posts + 1);
        // A window that has the key gives it to the other connection, which goes on with it.
        assert.equal(await opening.refresh('b', 'user'), 'adopted');
        assert.equal(opening.token('b'), newest);
        assert.equal(await opening.refresh('b', 'user'), 'refreshed');
      });

    it('is said to be out of reach by the sign-in, and a sign-out deletes it only where it can be given', async () => {
      const { world, window, opening, newest } = await unopened();
      const failures: WorkbenchError[] = [];
      await window.signIn('a', await world.mock.issueTokens(), { notHandedOn: failure => failures.push(failure) });
      const failed = await failureOf(window.signOut('a'));
      for (const { code, data } of [present(failures[0]), failed])
        assert.deepEqual([code, data.withheldFrom], ['record_behind', 'b']);
      assert.ok(window.token('a'));
      await opening.signOut('a');
      assert.equal(opening.token('b'), newest);
    });

    it('keeps an undo from sending an older one', async () => {
      const { world, window } = await unopened();
      await window.import('a', await world.mock.issueTokens());
      await window.undoImport('a');
      const posts = world.posts().length;
      assert.equal(await window.refresh('a', 'user'), 'retryable record_behind');
      assert.equal(world.posts().length, posts);
    });

    it('is given up where the other connection has a new grant', async () => {
      const { world, window } = await unopened();
      await window.signIn('a', await world.mock.issueTokens());
      await window.signIn('b', await world.mock.issueTokens());
      await window.signOut('a');
      assert.equal(window.token('a'), undefined);
      assert.equal(await window.refresh('b', 'user'), 'refreshed');
    });
  });

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

  it('is not deleted unread by a sign-out while the other connection is behind, and that one is named', async () => {
    for (const isBehind of [true, false]) {
      const { world, window } = await lagging();
      if (!isBehind) await window.refresh('b');
      world.store.entries.set(keyOf('a'), '{');
      const signOut = window.signOut('a');
      if (isBehind) {
        const { code, data } = await failureOf(signOut);
        assert.deepEqual([code, data.withheldFrom, data.otherLabel], ['record_unreadable', 'b', 'Main']);
      } else await signOut;
      assert.equal(world.store.entries.has(keyOf('a')), isBehind);
    }
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
    assert.deepEqual(
      [uses[0], uses.slice(-2)],
      [
        ['a', 'new_grant'],
        [
          ['a', 'any'],
          ['b', 'any'],
        ],
      ],
    );
    await window.import('b', await world.mock.issueTokens());
    assert.deepEqual(uses.slice(-2), [
      ['a', 'any'],
      ['b', 'new_grant'],
    ]);
  });
});
