import assert from 'node:assert/strict';
import { WorkbenchError } from '../../../../src/core/errors.ts';
import { longestRetryAfter } from '../../../../src/core/http/http.ts';
import { createDiscovery, type Discovery } from '../../../../src/core/issuer/discovery.ts';
import { createTokenClient, type TokenAnswer, type TokenClient } from '../../../../src/core/issuer/tokenEndpoint.ts';
import type { Fetch } from '../../../../src/core/ports.ts';
import { type Handover, noHandover } from '../../../../src/core/records/journalKeys.ts';
import { emptyRecord, recordLimit, type StoredRecord } from '../../../../src/core/records/record.ts';
import { stateOf } from '../../../../src/core/records/sessions.ts';
import type { RawTokens } from '../../../../src/core/records/tokenSet.ts';
import { planRefresh } from '../../../../src/core/refresh/autoRefresh.ts';
import { createLocalLock } from '../../../../src/core/waiting.ts';
import type { Rotation } from '../../../../src/mock/families.ts';
import { dataOf } from '../../../support/failureOf.ts';
import {
  createWorld,
  gate,
  id,
  key,
  present,
  printOf,
  settled,
  signedIn,
  type TestLock,
  testLock,
  testStore,
  until,
  type Window,
  type World,
} from './refreshWorld.ts';

const refreshTokenOf = ({ tokens }: StoredRecord) => present(tokens?.refresh_token);

/** A client with responses made up by the test, which our issuer would not send. */
function answering(world: World, answer: () => Promise<Partial<TokenAnswer> & { raw: RawTokens }>): TokenClient {
  const refresh = async () => ({
    status: 200,
    receivedAt: world.clock.now(),
    tokenEndpoint: `${world.mock.issuer}/token`,
    validate: async () => ({ warnings: [] }),
    ...(await answer()),
  });
  const never = () => assert.fail();
  return {
    newKey: never,
    exchange: never,
    refresh,
    clientCredentials: refresh,
    authorizationCode: refresh,
    deviceCode: refresh,
  };
}

/** The settings name the endpoint, so discovery must not be used. */
const none = { metadata: () => Promise.reject(new Error('not asked for')) } as unknown as Discovery;

const newerThan = ({ generation, tokens }: StoredRecord) => ({
  generation: generation + 1,
  tokens: { ...present(tokens), access_token: 'another window has brought this one' },
});

describe('createRefresher', () => {
  describe('rotation', () => {
    for (const rotation of ['none', 'omit', 'strict', 'grace'] satisfies Rotation[]) {
      it(`goes on over many refreshes: ${rotation}`, async () => {
        const world = await signedIn({ rotation });
        const sent: string[] = [];
        for (let i = 0; i < 5; i++) {
          sent.push(refreshTokenOf(world.stored()));
          world.forward(60_000);
          assert.equal(await world.first.refresh(), 'refreshed');
        }
        assert.deepEqual(world.posts(), sent.map(printOf));
        assert.equal(new Set(sent).size, rotation === 'none' || rotation === 'omit' ? 1 : 5);
        const { generation, intent, tokens } = world.stored();
        assert.deepEqual([generation, intent], [6, undefined]);
        assert.equal(tokens?.expires_at, world.clock.now() + 3600_000);
        assert.deepEqual(world.first.record(), world.stored());
      });
    }

    it('notes in the ledger what is newest, without the token', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const before = world.lock.ledger.get(id);
      await world.first.refresh();
      const after = world.lock.ledger.get(id);
      assert.deepEqual([before?.generation, after?.generation], [1, 2]);
      assert.notEqual(before?.fingerprint, after?.fingerprint);
      assert.match(present(after?.fingerprint), /^[0-9a-f]{16}$/);
    });
  });

  describe('what came is stored first', () => {
    it('marks, posts, stores and only then validates', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const order: string[] = [];
      world.store.hook = (call, value) => {
        const { intent, generation } = JSON.parse(value ?? '{}');
        if (call === 'store') order.push(intent ? `mark ${generation}` : `store ${generation}`);
      };
      world.onPost = () => void order.push('post');
      world.lock.hook = call => void order.push(call);
      world.first.sessions.onDidChange(() => {
        if (world.first.record()?.generation === 2) order.push('shown');
      });
      assert.equal(await world.first.refresh(), 'refreshed');
      assert.deepEqual(order.slice(0, 8), [
        'readLedger',
        'mark',
        'mark 1',
        'renew',
        'post',
        'store 2',
        'writeLedger',
        'shown',
      ]);
    });

    for (const fault of [
      { type: 'wrongIss', token: 'id_token' },
      { type: 'wrongAud', token: 'id_token' },
      { type: 'wrongSub', token: 'id_token' },
      { type: 'algNone' },
    ] as const) {
      it(`keeps the rotated refresh token of an answer that is wrong: ${fault.type}`, async () => {
        const world = await signedIn({ rotation: 'strict' });
        const before = world.stored();
        world.next(fault);
        assert.equal(await world.first.refresh(), 'retryable response_invalid');
        const after = world.stored();
        assert.notEqual(refreshTokenOf(after), refreshTokenOf(before));
        assert.equal(after.tokens?.access_token, before.tokens?.access_token);
        assert.equal(after.tokens?.id_token, before.tokens?.id_token);
        assert.equal(after.tokens?.expires_at, before.tokens?.expires_at);
        assert.deepEqual(world.first.record(), after);
        assert.equal(await world.first.refresh(), 'refreshed');
      });
    }

    it('leaves out what is no ID token: the earlier one stays, and later ones are compared with it', async () => {
      const world = await signedIn();
      const { id_token } = world.stored().tokens ?? {};
      const [head = '', payload = '', end = ''] = present(id_token).split('.');
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
      const idToken = (more: object) =>
        `${head}.${Buffer.from(JSON.stringify({ ...claims, ...more })).toString('base64url')}.${end}`;
      const ids = [idToken({ iat: undefined }), 'no-jwt', idToken({ sub: undefined }), idToken({ sub: 'another' })];
      const fetch: Fetch = async () =>
        Response.json({ access_token: `access ${ids.length}`, token_type: 'Bearer', id_token: ids.shift() });
      const { clock } = world;
      const tokenClient = createTokenClient({ fetch, clock, discovery: createDiscovery({ fetch, clock }) });
      const window = world.window({ tokenClient });
      for (const left of [4, 3, 2]) {
        assert.equal(await window.refresh(), 'refreshed');
        const { tokens } = world.stored();
        assert.deepEqual(
          [tokens?.access_token, tokens?.id_token, tokens?.id_token_left_out],
          [`access ${left}`, id_token, true],
        );
      }
      assert.equal(await window.refresh(), 'retryable response_invalid');
      assert.deepEqual([world.stored().tokens?.access_token, world.stored().tokens?.id_token], ['access 2', id_token]);
      ids.push(idToken({}));
      assert.equal(await window.refresh(), 'refreshed');
      assert.equal(world.stored().tokens?.id_token_left_out, undefined);
    });

    it('never shows tokens of an answer that is wrong', async () => {
      const world = await signedIn();
      const before = world.stored().tokens?.access_token;
      world.first.sessions.onDidChange(() => {
        assert.equal(world.first.record()?.tokens?.access_token, before);
      });
      world.next({ type: 'wrongIss', token: 'id_token' });
      assert.equal(await world.first.refresh(), 'retryable response_invalid');
    });

    it('passes on the response at once, and keeps only the rotated token of an invalid one', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const before = world.stored();
      const handed: StoredRecord[] = [];
      const handover = {
        ...noHandover,
        give: async (_: unknown, __: unknown, text: string) => void handed.push(JSON.parse(text)),
      };
      world.next({ type: 'wrongIss', token: 'id_token' });
      assert.equal(await world.window({ handover }).refresh(), 'retryable response_invalid');
      assert.deepEqual(
        handed.map(({ generation }) => generation),
        [2, 2],
      );
      assert.equal(handed[1]?.tokens?.access_token, before.tokens?.access_token);
      assert.deepEqual(handed[1], world.stored());
    });

    it('keeps a refresh token that comes without an access token', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const client = answering(world, async () => ({
        raw: { refresh_token: 'rotated' },
        validate: () => Promise.reject(new WorkbenchError('response_invalid', { reason: 'access_token_missing' })),
      }));
      const second = world.window({ tokenClient: client });
      assert.equal(await second.refresh(), 'retryable response_invalid');
      assert.equal(refreshTokenOf(world.stored()), 'rotated');
    });

    it('takes an answer without any token for none at all', async () => {
      const world = await signedIn();
      const before = world.stored();
      let posts = 0;
      const client = answering(world, async () => {
        posts++;
        return {
          raw: {},
          validate: () => Promise.reject(new WorkbenchError('response_invalid', { reason: 'access_token_missing' })),
        };
      });
      const second = world.window({ tokenClient: client });
      assert.equal(await second.refresh(), 'unknown response_invalid');
      assert.equal(posts, 2);
      assert.equal(world.stored().generation, before.generation);
      assert.ok(world.stored().intent);
    });

    it('keeps the refresh token in memory where the store fails, and stores it with the next refresh', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const before = world.store.entries.get(key);
      world.onPost = () => {
        world.store.hook = call => {
          if (call === 'store') throw new Error('the keyring is locked');
        };
      };
      assert.equal(await world.first.refresh(), 'refreshed secret_unavailable');
      assert.equal(world.first.record()?.generation, 2);
      assert.equal(world.lock.ledger.get(id)?.generation, 2);
      assert.notEqual(JSON.parse(present(before)).tokens.refresh_token, world.first.record()?.tokens?.refresh_token);

      world.onPost = () => {};
      world.store.hook = () => {};
      assert.equal(await world.first.refresh(), 'refreshed');
      assert.equal(world.stored().generation, 3);
    });

    it('tries a store that failed once again', async () => {
      const world = await signedIn({ rotation: 'strict' });
      let faults = 1;
      world.onPost = () => {
        world.store.hook = call => {
          if (call === 'store' && faults-- > 0) throw new Error('busy');
        };
      };
      assert.equal(await world.first.refresh(), 'refreshed');
      assert.equal(world.stored().generation, 2);
    });

    it('says refreshed although the ledger cannot be written', async () => {
      const world = await signedIn({ rotation: 'strict' });
      world.lock.hook = call => {
        if (call === 'writeLedger') throw new Error('disk full');
      };
      assert.equal(await world.first.refresh(), 'refreshed');
      assert.equal(world.stored().generation, 2);
    });

    it('sends nothing if the mark cannot be written for the other windows, and changes nothing', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const before = [world.stored(), world.lock.ledger.get(id)];
      world.lock.hook = call => {
        if (call === 'mark') throw new WorkbenchError('lock_unavailable', { reason: 'ENOSPC' });
      };
      for (const askedBy of ['timer', 'user'] as const) {
        assert.equal(await world.first.refresh(undefined, askedBy), 'retryable lock_unavailable');
      }
      assert.deepEqual(world.posts(), []);
      assert.deepEqual([world.stored(), world.lock.ledger.get(id)], before);
    });

    it('does not wait out an hour by which the time of day was set back after the issuer asked to wait', async () => {
      const world = await signedIn();
      const ledger = present(world.lock.ledger.get(id));
      const now = world.clock.now();
      world.lock.ledger.set(id, { ...ledger, notBefore: now + 3600_000, notedAt: now });
      assert.equal(await world.first.refresh(), 'retryable waiting_for_issuer');
      world.lock.ledger.set(id, { ...ledger, notBefore: now + 3600_000, notedAt: now + 3_590_000 });
      assert.equal(await world.first.refresh(), 'refreshed');
    });

    it('sends nothing where what other windows have left cannot be read', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const before = world.stored();
      world.lock.hook = call => {
        if (call === 'readLedger') throw new WorkbenchError('lock_unavailable', { reason: 'EIO' });
      };
      assert.equal(await world.first.refresh(undefined, 'user'), 'retryable lock_unavailable');
      assert.deepEqual(world.posts(), []);
      assert.deepEqual(world.stored(), before);
    });

    it('continues without the lock only if the user agreed, never automatically', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const unwritable: TestLock = {
        ...testLock(world.lock.ledger),
        withLock: () => Promise.reject(new WorkbenchError('lock_unavailable', { reason: 'EROFS' })),
      };
      const second = world.window({ lock: unwritable, unshared: createLocalLock() });
      await second.vault.read(id);
      for (const askedBy of ['timer', 'user'] as const) {
        assert.equal(await second.refresh(undefined, askedBy), 'retryable lock_unavailable');
      }
      assert.deepEqual(planRefresh(present(second.sessions.get(id)), 0), { never: 'no_refresh_token' });
      second.sessions.apply(world.stored());
      assert.deepEqual(planRefresh(present(second.sessions.get(id)), 0), { never: 'folder_unwritable' });
      assert.deepEqual(world.posts(), []);
      const { outcome, generation } = await second.refresher.refresh(id, undefined, 'user', 'none');
      assert.deepEqual([outcome, generation], ['refreshed', 2]);
      assert.equal(world.stored().generation, 2);
      assert.ok('at' in planRefresh(present(second.sessions.get(id)), 0));
      // Once the folder can be written again, the other windows continue from there.
      assert.equal(await world.window().refresh(), 'refreshed');
      assert.equal(world.posts().length, 2);
    });

    it('sends nothing without a key for the response, and changes nothing', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const before = [world.stored(), world.lock.ledger.get(id)];
      const handover: Handover = {
        ...noHandover,
        ready: () => Promise.reject(new WorkbenchError('lock_unavailable', { reason: 'journal_key' })),
      };
      assert.equal(await world.window({ handover }).refresh(), 'retryable lock_unavailable');
      assert.deepEqual(world.posts(), []);
      assert.deepEqual([world.stored(), world.lock.ledger.get(id)], before);
    });

    it('does not ask again where the retry cannot be marked', async () => {
      const world = await signedIn({ rotation: 'strict' });
      world.next({ type: 'dropAfterCommit' });
      world.onPost = () => {
        world.lock.hook = call => {
          if (call === 'mark') throw new WorkbenchError('lock_unavailable', { reason: 'ENOSPC' });
        };
      };
      assert.equal(await world.first.refresh(), 'unknown network_failed');
      assert.equal(world.posts().length, 1);
      assert.equal(world.stored().intent?.retried, undefined);
      assert.ok(world.stored().intent, 'the first attempt is still without an answer');
    });

    it('keeps the lock while the journal cannot be written, until other windows see the store', async () => {
      const world = await signedIn({ rotation: 'strict' });
      let failing = 4;
      const given: number[] = [];
      const handover: Handover = {
        ...noHandover,
        async give(_, { generation }) {
          if (failing-- > 0) throw new WorkbenchError('lock_unavailable', { reason: 'EIO' });
          given.push(generation);
        },
      };
      assert.equal(await world.window({ handover }).refresh(), 'refreshed');
      assert.deepEqual(given, [2]);
      failing = Number.POSITIVE_INFINITY;
      const since = world.clock.now();
      assert.equal(await world.window({ handover }).refresh(), 'refreshed');
      assert.equal(world.clock.now() - since, 3000);
    });

    it('sends nothing where the mark cannot be stored', async () => {
      const world = await signedIn();
      world.store.hook = call => {
        if (call === 'store') throw new Error('the keyring is locked');
      };
      assert.equal(await world.first.refresh(), 'retryable secret_unavailable');
      assert.deepEqual(world.posts(), []);
    });
  });

  describe('callers', () => {
    it('share one request, 100 at a time', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const results = await Promise.all(Array.from({ length: 100 }, () => world.first.refresh()));
      assert.deepEqual(new Set(results), new Set(['refreshed']));
      assert.equal(world.posts().length, 1);
    });

    it('in other windows adopt what one has refreshed', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const windows = [world.first, ...Array.from({ length: 7 }, () => world.window())];
      for (const { vault, sessions } of windows) sessions.apply(present(await vault.read(id)));
      const results = await Promise.all(windows.map(window => window.refresh()));
      assert.deepEqual(results, ['refreshed', ...Array.from({ length: 7 }, () => 'adopted')]);
      assert.equal(world.posts().length, 1);
      for (const window of windows) assert.deepEqual(window.record(), world.stored());
    });

    it('in other windows adopt although those have only just started', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const windows = [world.first, world.window(), world.window()];
      const results = await Promise.all(windows.map(window => window.refresh()));
      assert.deepEqual(results, ['refreshed', 'adopted', 'adopted']);
    });

    it('adopt an access token without a known expiry', async () => {
      const world = await createWorld({ rotation: 'strict', faults: [{ type: 'expiresInMissing' }] });
      const first = world.window();
      const { refresh_token } = await world.mock.issueTokens();
      await first.import({ refresh_token: present(refresh_token) });
      let posts = 0;
      const client = answering(world, async () => {
        posts++;
        return { raw: { access_token: `opaque ${posts}`, token_type: 'Bearer' } };
      });
      const windows = [world.window({ tokenClient: client }), world.window({ tokenClient: client })];
      assert.deepEqual(await Promise.all(windows.map(window => window.refresh())), ['refreshed', 'adopted']);
      assert.equal(posts, 1);
    });

    it('adopt an access token that lives for seconds only', async () => {
      const world = await signedIn({ accessTokenLifetime: 5 });
      const results = await Promise.all([world.first.refresh(), world.window().refresh()]);
      assert.deepEqual(results, ['refreshed', 'adopted']);
    });

    it('do not adopt the old access token beside an imported refresh token', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const { refresh_token } = await world.mock.issueTokens();
      const hold = gate();
      const busy = world.lock.withLock(id, new AbortController().signal, hold.pass);
      const second = world.window();
      second.sessions.apply(world.stored());
      const imported = world.first.import({ refresh_token: present(refresh_token) });
      const refreshed = second.refresh();
      await hold.reached;
      hold.open();
      await Promise.all([busy, imported]);
      assert.equal(await refreshed, 'refreshed');
      assert.deepEqual(world.posts(), [printOf(present(refresh_token))]);
    });

    it('do not take for news what has long been stored', async () => {
      const world = await signedIn();
      const second = world.window();
      assert.equal(await second.refresh(), 'refreshed');
    });

    it('get newer tokens than those they saw, although a refresh that began earlier adopts just those', async () => {
      for (const [askedBy, outcome, posts] of [
        ['user', 'refreshed', 1],
        ['timer', 'adopted', 0],
      ] as const) {
        const world = await signedIn({ rotation: 'strict' });
        const second = world.window();
        second.sessions.apply(world.stored());
        const hold = gate();
        world.lock.hook = call => (call === 'readLedger' ? hold.pass() : undefined);
        const waiting = second.refresh();
        await hold.reached;
        await world.first.vault.update(id, record => ({ ...present(record), ...newerThan(present(record)) }));
        second.sessions.apply(world.stored());
        const asked = second.refresh(undefined, askedBy);
        hold.open();
        assert.deepEqual([await waiting, await asked], ['adopted', outcome]);
        assert.equal(world.posts().length, posts);
      }
    });

    it('send again when they ask again', async () => {
      const world = await signedIn();
      await world.first.refresh();
      await world.first.refresh();
      assert.equal(world.posts().length, 2);
    });

    it('get a result for a connection that is not there', async () => {
      const world = await createWorld();
      const { outcome, error } = await world.window().refresher.refresh('other');
      assert.deepEqual([outcome, error?.code], ['retryable', 'connection_unknown']);
    });

    it('get a result although a listener throws', async () => {
      const world = await signedIn();
      const uncaught: unknown[] = [];
      const mochas = process.listeners('uncaughtException');
      process.removeAllListeners('uncaughtException');
      process.on('uncaughtException', error => void uncaught.push(error.message));
      try {
        world.first.sessions.onDidChange(() => {
          throw new Error('a view is broken');
        });
        assert.equal(await world.first.refresh(), 'refreshed');
        await settled();
      } finally {
        process.removeAllListeners('uncaughtException');
        for (const listener of mochas) process.on('uncaughtException', listener);
      }
      assert.ok(uncaught.length > 0);
    });
  });

  describe('cancelling', () => {
    it('before anything is sent sends nothing and leaves no trace', async () => {
      const world = await signedIn();
      const before = world.stored();
      for (const call of ['readLedger', 'get', 'store']) {
        const abort = new AbortController();
        world.store.hook = each => void (each === call && abort.abort());
        world.lock.hook = each => void (each === call && abort.abort());
        const { outcome, error } = await world.first.refresher.refresh(id, abort.signal);
        assert.deepEqual([outcome, error?.code, error?.data.sent], ['retryable', 'cancelled', false], call);
        world.store.hook = () => {};
        world.lock.hook = () => {};
        await until(() => world.first.sessions.get(id)?.refreshing === false);
        assert.deepEqual(world.stored(), before, call);
      }
      assert.deepEqual(world.posts(), []);
      assert.equal(world.first.sessions.get(id)?.refreshing, false);
      assert.equal(await world.first.refresh(), 'refreshed');
    });

    it('beforehand starts nothing', async () => {
      const world = await signedIn();
      const before = world.first.events.length;
      assert.equal(await world.first.refresh(AbortSignal.abort()), 'retryable cancelled');
      assert.equal(world.first.events.length, before);
    });

    it('after sending ends the wait, and the answer is stored', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const abort = new AbortController();
      const hold = gate();
      world.onPost = async () => {
        abort.abort();
        await hold.pass();
      };
      const { outcome, error } = await world.first.refresher.refresh(id, abort.signal);
      assert.deepEqual([outcome, error?.code, error?.data.sent], ['unknown', 'cancelled', true]);
      assert.equal(world.stored().generation, 1);
      hold.open();
      await until(() => world.first.record()?.generation === 2);
      assert.deepEqual(world.first.record(), world.stored());
    });

    it('by one caller does not disturb another', async () => {
      const world = await signedIn();
      const abort = new AbortController();
      world.lock.hook = () => abort.abort();
      const [one, other] = await Promise.all([world.first.refresh(abort.signal), world.first.refresh()]);
      assert.deepEqual([one, other], ['retryable cancelled', 'refreshed']);
    });

    it('and asking again at once appears as one continuing refresh', async () => {
      const world = await signedIn();
      const hold = gate();
      const abort = new AbortController();
      world.lock.hook = call => (call === 'readLedger' ? hold.pass() : undefined);
      const one = world.first.refresh(abort.signal);
      await hold.reached;
      abort.abort();
      assert.equal(await one, 'retryable cancelled');
      const other = world.first.refresh();
      const seen: boolean[] = [];
      world.first.sessions.onDidChange(() => seen.push(present(world.first.sessions.get(id)).refreshing));
      hold.open();
      assert.equal(await other, 'refreshed');
      assert.equal(seen.at(-1), false);
      assert.deepEqual(seen.slice(0, -1).includes(false), false);
    });

    it('keeps an earlier mark of a lost answer', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const intent = { generation: 1, at: world.clock.now() - 60_000 };
      await world.first.vault.update(id, record => ({ ...present(record), intent }));
      const before = world.stored();
      const abort = new AbortController();
      world.store.hook = each => void (each === 'store' && abort.abort());
      assert.equal(await world.first.refresh(abort.signal), 'retryable cancelled');
      await settled();
      assert.deepEqual(world.stored(), before);
    });
  });

  describe('a lost answer', () => {
    const lost = { type: 'dropAfterCommit' } as const;

    it('is requested once more, and an issuer with a grace period returns it again', async () => {
      const world = await signedIn({ rotation: 'grace' });
      world.next(lost);
      const sent = refreshTokenOf(world.stored());
      assert.equal(await world.first.refresh(), 'refreshed');
      assert.deepEqual(world.posts(), [printOf(sent), printOf(sent)]);
      assert.notEqual(refreshTokenOf(world.stored()), sent);
      assert.equal(await world.first.refresh(), 'refreshed');
    });

    it('is named as the reason where the issuer is strict, then and later', async () => {
      const world = await signedIn({ rotation: 'strict' });
      world.next(lost);
      const at = world.clock.now();
      const { outcome, error } = await world.first.refresher.refresh(id);
      assert.deepEqual(
        [outcome, error?.code, dataOf(error).at, dataOf(error).error],
        ['reauthRequired', 'answer_lost', at, 'invalid_grant'],
      );
      assert.equal(world.posts().length, 2);
      world.forward(3600_000);
      const again = await world.window().refresher.refresh(id);
      assert.deepEqual(
        [again.outcome, again.error?.code, dataOf(again.error).at],
        ['reauthRequired', 'answer_lost', at],
      );
      assert.equal(world.posts().length, 2);
    });

    it('twice ends with the token kept and its fate unknown', async () => {
      const world = await signedIn({ rotation: 'grace' });
      world.next(lost, 2);
      const at = world.clock.now();
      assert.equal(await world.first.refresh(), 'unknown network_failed');
      assert.deepEqual(world.stored().intent, { generation: 1, at, retried: true });
      assert.deepEqual(world.lock.ledger.get(id)?.intent, { at, retried: true });
      assert.equal(present(world.first.sessions.get(id)?.lastRefresh?.error).data.lostAt, at);
      world.forward(20_000);
      // Neither automatically nor after a restart, only if a user asks.
      for (const window of [world.first, world.window()]) {
        assert.equal(await window.refresh(), 'unknown answer_missing');
        assert.deepEqual(planRefresh(present(window.sessions.get(id)), 0), { never: 'answer_missing' });
      }
      assert.equal(world.posts().length, 2);
      assert.equal(await world.first.refresh(undefined, 'user'), 'refreshed');
      assert.equal(world.stored().intent, undefined);
      assert.equal(world.posts().length, 3);
    });

    for (const rotation of ['none', 'omit'] as const)
      it(`twice is asked for again by itself where the issuer keeps the refresh token (${rotation})`, async () => {
        const world = await signedIn({ rotation });
        assert.equal(await world.first.refresh(), 'refreshed');
        assert.equal(world.stored().tokens?.refresh_token_kept, true);
        for (const fault of [lost, { type: 'serverError', status: 503 }] as const) {
          const posts = world.posts().length;
          const window = world.window();
          world.next(fault, 3);
          assert.match(await window.refresh(), /^unknown /);
          assert.equal(world.posts().length, posts + 2);
          const { data } = present(window.sessions.get(id)?.lastRefresh?.error);
          assert.deepEqual([data.lostAt, data.reusable], [undefined, true]);
          const plan = () => planRefresh(present(window.sessions.get(id)), 0);
          assert.deepEqual(plan(), { at: world.clock.now() + 5000, because: 'backing_off' });
          // Each later attempt is one request, less and less often, in a window that has just started as well.
          world.forward(5000);
          assert.match(await window.refresh(), /^unknown /);
          assert.deepEqual(plan(), { at: world.clock.now() + 10_000, because: 'backing_off' });
          assert.equal(await world.window().refresh(), 'refreshed');
          assert.equal(world.posts().length, posts + 4);
          assert.equal(world.stored().intent, undefined);
        }
      });

    it('twice ends there as elsewhere before the issuer has shown that it keeps the token', async () => {
      const world = await signedIn({ rotation: 'none' });
      world.next({ type: 'serverError', status: 503 }, 2);
      assert.equal(await world.first.refresh(), 'unknown http_error');
      const plan = () => planRefresh(present(world.first.sessions.get(id)), 0);
      assert.deepEqual(plan(), { never: 'answer_missing' });
      assert.equal(await world.first.refresh(undefined, 'user'), 'refreshed');
      assert.ok('at' in plan(), 'goes on after the user has refreshed');
    });

    it("once more on the user's request, is still a lost response", async () => {
      const world = await signedIn({ rotation: 'grace' });
      world.next(lost, 3);
      const at = world.clock.now();
      assert.equal(await world.first.refresh(), 'unknown network_failed');
      world.forward(20_000);
      assert.equal(await world.first.refresh(undefined, 'user'), 'unknown network_failed');
      assert.equal(world.posts().length, 3, 'asked for once is sent once');
      assert.deepEqual(world.stored().intent, { generation: 1, at, retried: true });
      assert.equal(await world.first.refresh(), 'unknown answer_missing');
    });

    it('used twice is reported to a window that sees the store late', async () => {
      const world = await signedIn({ rotation: 'grace' });
      const view = testStore(new Map(world.store.entries));
      world.next(lost, 2);
      assert.equal(await world.first.refresh(), 'unknown network_failed');
      assert.equal(await world.window({ store: view }).refresh(), 'unknown answer_missing');
      assert.equal(world.posts().length, 2);
    });

    it('twice ends with a sign-in when the access token ends, and not before', async () => {
      const world = await signedIn({ rotation: 'grace', accessTokenLifetime: 60 });
      world.next(lost, 2);
      await world.first.refresh();
      const state = () => stateOf(present(world.first.sessions.get(id)), world.clock.now());
      assert.equal(state(), 'active');
      world.forward(61_000);
      assert.equal(state(), 'reauthRequired');
    });

    it('is not asked for again where the retry cannot be put on record', async () => {
      const world = await signedIn({ rotation: 'grace' });
      world.next(lost);
      let stores = 0;
      world.store.hook = call => {
        if (call === 'store' && ++stores > 1) throw new Error('full');
      };
      assert.equal(await world.first.refresh(), 'unknown network_failed');
      assert.equal(world.posts().length, 1);
      world.store.hook = () => {};
      assert.equal(await world.first.refresh(), 'refreshed');
      assert.equal(world.posts().length, 2);
    });

    it('after which the retry did not reach the issuer, leaves the retry for later', async () => {
      const world = await signedIn({ rotation: 'grace' });
      world.next(lost);
      world.onPost = () => {
        if (world.posts().length === 1) throw new TypeError('', { cause: { code: 'ECONNREFUSED' } });
      };
      const at = world.clock.now();
      assert.equal(await world.first.refresh(), 'unknown connection_refused');
      assert.deepEqual(world.stored().intent, { generation: 1, at });
      world.onPost = () => {};
      assert.equal(await world.first.refresh(), 'refreshed');
    });

    it('in a server error is asked for again after a moment, which can be called off', async () => {
      const world = await signedIn({ rotation: 'grace' });
      world.next({ type: 'serverError', status: 500 });
      const times: number[] = [];
      world.onPost = () => void times.push(world.clock.now());
      assert.equal(await world.first.refresh(), 'refreshed');
      assert.equal(Number(times[1]) - Number(times[0]), 1000);
      world.next({ type: 'serverError', status: 500 });
      world.onAnswer = () => world.first.refresher.dispose();
      assert.equal(await world.first.refresh(), 'unknown http_error');
      assert.equal(times.length, 3);
      assert.equal(world.stored().intent?.retried, undefined);
    });

    it('before a crash is requested exactly once more', async () => {
      const world = await signedIn({ rotation: 'grace' });
      const intent = { generation: 1, at: world.clock.now() };
      await world.first.vault.update(id, record => ({ ...present(record), intent }));
      world.next(lost);
      assert.equal(await world.window().refresh(), 'unknown network_failed');
      assert.equal(world.posts().length, 1);
      assert.equal(await world.window().refresh(), 'unknown answer_missing');
      assert.equal(world.posts().length, 1);
      assert.equal(await world.window().refresh(undefined, 'user'), 'refreshed');
    });

    it('before a crash is named as the reason of a final no', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const at = world.clock.now();
      await world.first.vault.update(id, record => ({ ...present(record), intent: { generation: 1, at } }));
      world.mock.revokeAll();
      world.forward(60_000);
      const { outcome, error } = await world.window().refresher.refresh(id);
      assert.deepEqual([outcome, error?.code, dataOf(error).at], ['reauthRequired', 'answer_lost', at]);
    });

    it('stays recorded if the second attempt fails', async () => {
      const world = await signedIn({ rotation: 'strict' });
      world.next(lost);
      world.next({ type: 'tooManyRequests', retryAfter: 5 });
      const at = world.clock.now();
      assert.equal(await world.first.refresh(), 'unknown oauth_error');
      assert.deepEqual(world.stored().intent, { generation: 1, at });
      world.forward(6000);
      assert.equal(await world.first.refresh(), 'reauthRequired answer_lost');
    });

    for (const fault of [
      { type: 'serverError', status: 500, commit: true },
      { type: 'serverError', status: 502, commit: true },
      { type: 'htmlOk', commit: true },
      { type: 'invalidJson', commit: true },
      { type: 'truncate' },
    ] as const) {
      it(`can look like this: ${JSON.stringify(fault)}`, async () => {
        const world = await signedIn({ rotation: 'grace' });
        world.next(fault);
        assert.equal(await world.first.refresh(), 'refreshed');
        assert.equal(world.posts().length, 2);
      });
    }

    it('can be one that arrives too late', async () => {
      const world = await signedIn({ rotation: 'grace' });
      world.next({ type: 'delay', ms: 60_000, after: true });
      const result = world.first.refresh();
      await until(() => world.mock.clock.sleeping > 0);
      world.clock.advance(30_000);
      assert.equal(await result, 'refreshed');
      world.mock.clock.wakeAll();
    });
  });

  describe('a final no', () => {
    it('ends this generation only: never sent again, and the record kept', async () => {
      const world = await signedIn({ rotation: 'strict' });
      world.mock.revokeAll();
      const { outcome, error } = await world.first.refresher.refresh(id);
      assert.deepEqual([outcome, error?.code, dataOf(error).error], ['reauthRequired', 'oauth_error', 'invalid_grant']);
      const { refused, tokens, intent } = world.stored();
      assert.deepEqual(refused, { generation: 1, error: 'invalid_grant', at: world.clock.now() });
      assert.ok(tokens?.refresh_token);
      assert.equal(intent, undefined);
      assert.equal(stateOf(present(world.first.sessions.get(id)), world.clock.now()), 'reauthRequired');

      for (const window of [world.first, world.window()])
        assert.equal(await window.refresh(), 'reauthRequired refresh_token_refused');
      assert.equal(world.posts().length, 1);

      await world.first.import(await world.mock.issueTokens());
      assert.equal(await world.first.refresh(), 'refreshed');
    });

    it('is known to a window whose store shows it late', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const late = world.window({ store: testStore(new Map(world.store.entries)) });
      world.next({ type: 'dropAfterCommit' });
      assert.equal(await world.first.refresh(), 'reauthRequired answer_lost');
      assert.equal(await late.refresh(), 'reauthRequired answer_lost');
      assert.equal(world.posts().length, 2);
    });

    it('with an empty body counts by its status', async () => {
      const world = await signedIn();
      world.next({ type: 'emptyBadRequest' });
      assert.equal(await world.first.refresh(), 'reauthRequired http_error');
      assert.equal(world.stored().refused?.error, 'http_error');
    });

    it('gives way to newer tokens that another has stored meanwhile', async () => {
      const world = await signedIn({ rotation: 'strict' });
      world.mock.revokeAll();
      const { tokens } = world.stored();
      world.onPost = () => {
        const newer = { ...world.stored(), generation: 5, tokens: { ...tokens, refresh_token: 'newer' } };
        world.store.entries.set(key, JSON.stringify(newer));
      };
      assert.equal(await world.first.refresh(), 'adopted');
      assert.deepEqual([world.stored().generation, world.stored().refused], [5, undefined]);
    });

    for (const error of ['invalid_client', 'invalid_scope', 'unauthorized_client', 'invalid_request']) {
      it(`is not ${error}: the token stays`, async () => {
        const world = await signedIn({ rotation: 'strict' });
        const { tokens } = world.stored();
        world.next({ type: 'oauthError', error, status: 401 });
        assert.equal(await world.first.refresh(), 'retryable oauth_error');
        assert.equal(world.stored().refused, undefined);
        assert.equal(world.stored().intent, undefined);
        assert.equal(world.stored().tokens?.refresh_token, tokens?.refresh_token);
        assert.equal(await world.first.refresh(), 'refreshed');
      });
    }

    it('is the answer where there is no refresh token', async () => {
      const world = await createWorld();
      const window = world.window();
      assert.equal(await window.refresh(), 'reauthRequired no_refresh_token');
      assert.equal(world.store.entries.size, 0);
    });
  });

  describe('an issuer that asks to wait', () => {
    for (const [name, fault, code] of [
      ['429', { type: 'tooManyRequests', retryAfter: 30 }, 'oauth_error'],
      ['429 with a date', { type: 'tooManyRequests', retryAfter: 30, asDate: true }, 'oauth_error'],
    ] as const) {
      it(`gets its rest from all windows: ${name}`, async () => {
        const world = await signedIn({ rotation: 'strict' });
        world.next(fault);
        const windows = [world.first, world.window()];
        assert.equal(await windows[0]?.refresh(), `retryable ${code}`);
        assert.equal(world.stored().intent, undefined);
        const { outcome, error } = present(await windows[1]?.refresher.refresh(id));
        assert.deepEqual([outcome, error?.code, error?.data.sent], ['retryable', 'waiting_for_issuer', false]);
        assert.ok(Math.abs(Number(error?.data.retryAfter) - 30_000) <= 1000);
        assert.equal(await windows[0]?.refresh(), 'retryable waiting_for_issuer');
        assert.equal(world.first.sessions.get(id)?.failures, 1, 'a wait is no further failure');
        assert.equal(world.posts().length, 1);
        world.forward(31_000);
        assert.equal(await windows[1]?.refresh(), 'refreshed');
        assert.equal(world.lock.ledger.get(id)?.notBefore, undefined);
      });
    }

    it('does not keep anyone from adopting', async () => {
      const world = await signedIn();
      const second = world.window();
      second.sessions.apply(world.stored());
      await world.first.refresh();
      const ledger = present(world.lock.ledger.get(id));
      world.lock.ledger.set(id, { ...ledger, notBefore: world.clock.now() + 10_000 });
      assert.equal(await second.refresh(), 'adopted');
    });

    it('is not believed for longer than an hour, since the clock can have been set back', async () => {
      const world = await signedIn();
      const ledger = present(world.lock.ledger.get(id));
      world.lock.ledger.set(id, { ...ledger, notBefore: world.clock.now() + longestRetryAfter + 1 });
      assert.equal(await world.first.refresh(), 'refreshed');
    });

    for (const code of ['connection_refused', 'host_unknown', 'certificate_untrusted'] as const) {
      it(`or cannot be reached costs nothing: ${code}`, async () => {
        const world = await signedIn();
        const { tokens } = world.stored();
        const client = answering(world, () => Promise.reject(new WorkbenchError(code, { sent: false })));
        assert.equal(await world.window({ tokenClient: client }).refresh(), `retryable ${code}`);
        assert.equal(world.stored().tokens?.refresh_token, tokens?.refresh_token);
        assert.equal(world.stored().intent, undefined);
      });
    }
  });

  describe('a token is sent only to where it was issued', () => {
    const endpoint = { tokenEndpoint: 'https://issuer.example/elsewhere' };
    for (const change of [
      { issuer: 'https://other.example', tokenEndpoint: 'https://issuer.example/token' },
      { clientId: 'other' },
      endpoint,
    ]) {
      it(`and nothing where the settings say ${JSON.stringify(change)}`, async () => {
        const world = await signedIn();
        await world.first.refresh();
        const before = world.stored();
        const connection = { ...world.connection, ...change };
        assert.equal(await world.window({ connection }).refresh(), 'retryable binding_mismatch');
        assert.equal(world.posts().length, 1);
        assert.deepEqual(world.stored(), before);
      });
    }

    it('is any endpoint of the issuer while none is known, and that one from then on', async () => {
      const world = await signedIn();
      assert.equal(world.stored().binding?.token_endpoint, undefined);
      await world.first.refresh();
      assert.equal(world.stored().binding?.token_endpoint, `${world.mock.issuer}/token`);
      assert.equal(
        await world.window({ connection: { ...world.connection, ...endpoint } }).refresh(),
        'retryable binding_mismatch',
      );
    });

    it('sends the client secret of the record', async () => {
      const client = { client_id: 'confidential', client_secret: 'not-to-be-seen' };
      const world = await createWorld({ clients: [client] });
      const window = world.window();
      await window.vault.update(id, () => ({ ...emptyRecord(id), client_secret: 'not-to-be-seen' }));
      await window.import(await world.mock.issueTokens());
      assert.equal(await window.refresh(), 'refreshed');
      assert.equal(world.stored().client_secret, 'not-to-be-seen');
      assert.doesNotMatch(JSON.stringify(window.logged), /not-to-be-seen/);
    });
  });

  describe('signing out', () => {
    it('wins over an answer that is under way', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const hold = gate();
      world.onPost = hold.pass;
      const result = world.first.refresher.refresh(id);
      await hold.reached;
      world.first.refresher.discard(id);
      await world.first.vault.delete(id);
      world.first.sessions.forget(id);
      hold.open();
      const { outcome, error } = await result;
      assert.deepEqual([outcome, error?.code, dataOf(error).signedOut], ['retryable', 'superseded', true]);
      await settled();
      assert.equal(world.store.entries.size, 0);
      assert.equal(world.first.record(), undefined);
    });

    for (const call of ['readLedger', 'get', 'mark', 'store', 'writeLedger']) {
      it(`wins at any moment: ${call}`, async () => {
        for (let nth = 1; nth <= 3; nth++) {
          const world = await signedIn({ rotation: 'strict' });
          let left = nth;
          let gone: Promise<void> | undefined;
          const signOut = (each: string) => {
            if (each !== call || --left !== 0) return;
            world.first.refresher.discard(id);
            gone = world.first.vault.delete(id).then(() => world.first.sessions.forget(id));
          };
          world.store.hook = signOut;
          world.lock.hook = signOut;
          await world.first.refresh();
          await gone;
          if (gone === undefined) continue;
          await settled();
          assert.equal(world.store.entries.size, 0, `${call} ${nth}`);
        }
      });
    }

    it('wins over a refresh that was cancelled and has not ended', async () => {
      const world = await signedIn();
      const hold = gate();
      const abort = new AbortController();
      world.store.hook = call => (call === 'store' ? hold.pass() : undefined);
      const one = world.first.refresh(abort.signal);
      await hold.reached;
      abort.abort();
      await one;
      const other = world.first.refresh();
      world.first.refresher.discard(id);
      const gone = world.first.vault.delete(id);
      hold.open();
      await Promise.all([other, gone]);
      await settled();
      assert.equal(world.store.entries.size, 0);
    });

    it('in another window wins over an answer that is under way here', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const second = world.window();
      const hold = gate();
      world.onPost = hold.pass;
      const result = world.first.refresh();
      await hold.reached;
      await second.signOut();
      hold.open();
      assert.equal(await result, 'retryable superseded');
      assert.deepEqual(world.stored(), { ...emptyRecord(id), generation: 2 });
      assert.equal(world.first.record()?.tokens, undefined);
    });

    it('in another window wins although its trace in the store comes late', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const second = world.window({ store: testStore(new Map(world.store.entries)) });
      const hold = gate();
      world.onPost = hold.pass;
      const result = world.first.refresh();
      await hold.reached;
      await second.signOut();
      hold.open();
      assert.equal(await result, 'retryable superseded');
      assert.equal(world.first.record()?.tokens, undefined);
      assert.equal(world.stored().tokens, undefined);
    });

    it('in another window leaves nothing to refresh here', async () => {
      const world = await signedIn();
      await world.window({ store: testStore(new Map(world.store.entries)) }).signOut();
      assert.equal(await world.first.refresh(), 'reauthRequired no_refresh_token');
      assert.deepEqual(world.posts(), []);
      assert.equal(world.first.record()?.tokens, undefined);
      await world.first.import(await world.mock.issueTokens());
      assert.equal(await world.first.refresh(), 'refreshed');
    });

    it('does not keep from signing in again', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const hold = gate();
      world.onPost = hold.pass;
      const old = world.first.refresh();
      await hold.reached;
      world.first.refresher.discard(id);
      await world.first.vault.delete(id);
      world.first.sessions.forget(id);
      world.onPost = () => {};
      await world.first.import(await world.mock.issueTokens());
      hold.open();
      assert.equal(await old, 'retryable superseded');
      assert.equal(await world.first.refresh(), 'refreshed');
    });
  });

  describe('a store that fails', () => {
    it('and answers nothing loses nothing', async () => {
      const world = await signedIn({ rotation: 'strict' });
      world.store.entries.clear();
      assert.equal(await world.first.refresh(), 'refreshed');
      assert.equal(world.stored().generation, 2);
      assert.equal(await world.first.refresh(), 'refreshed');
    });

    it('and throws makes the connection unavailable until it answers again', async () => {
      const world = await signedIn({ rotation: 'strict' });
      world.store.hook = () => {
        throw new Error('no keyring');
      };
      assert.equal(await world.first.refresh(), 'retryable secret_unavailable');
      assert.deepEqual(world.posts(), []);
      const state = () => stateOf(present(world.first.sessions.get(id)), world.clock.now());
      assert.equal(state(), 'unavailable');
      assert.ok(world.first.record()?.tokens?.refresh_token);
      world.store.hook = () => {};
      assert.equal(await world.first.refresh(), 'refreshed');
      assert.equal(state(), 'active');
    });

    for (const [name, text, code] of [
      ['is unreadable', '{"version":1,', 'record_unreadable'],
      ['is of a newer version', '{"version":2,"anything":true}', 'record_newer_version'],
    ] as const) {
      it(`and what it holds ${name}: kept byte for byte, and nothing sent`, async () => {
        const world = await signedIn();
        world.store.entries.set(key, text);
        for (const window of [world.first, world.window()]) {
          assert.equal(await window.refresh(), `retryable ${code}`);
          assert.equal(window.sessions.get(id)?.problem?.code, code);
        }
        assert.equal(world.store.entries.get(key), text);
        assert.deepEqual(world.posts(), []);
      });

      it(`and what it holds ${name} when the answer comes: kept, and the new tokens live in memory`, async () => {
        const world = await signedIn({ rotation: 'strict' });
        const sent = refreshTokenOf(world.stored());
        world.onPost = () => void world.store.entries.set(key, text);
        assert.equal(await world.first.refresh(), `refreshed ${code}`);
        assert.equal(world.store.entries.get(key), text);
        assert.notEqual(world.first.record()?.tokens?.refresh_token, sent);
      });
    }
  });

  describe('size', () => {
    const big = (length: number) => 'x'.repeat(length);
    /** Encrypted, so that it counts as one whatever it contains. */
    const idToken = (text: string) => `a.b.c.d.${text}`;

    it('is checked before anything is posted', async () => {
      const world = await signedIn();
      const record = world.stored();
      const tokens = { ...record.tokens, obtained_at: 0, access_token: big(recordLimit) };
      world.first.sessions.apply({ ...record, generation: 2, tokens });
      assert.equal(await world.first.refresh(), 'retryable record_too_large');
      assert.deepEqual(world.posts(), []);
    });

    for (const [name, raw, outcome, kept] of [
      [
        'without its ID token',
        { access_token: 'access', id_token: idToken(big(recordLimit)), refresh_token: 'next' },
        'refreshed record_too_large',
        ['access_token', 'refresh_token'],
      ],
      [
        'without its access token',
        { access_token: big(recordLimit), id_token: idToken('id'), refresh_token: 'next' },
        'retryable record_too_large',
        ['refresh_token'],
      ],
      [
        'without either',
        { access_token: big(recordLimit), id_token: idToken(big(recordLimit)), refresh_token: 'next' },
        'retryable record_too_large',
        ['refresh_token'],
      ],
    ] as const) {
      it(`of an answer never costs the refresh token: stored ${name}`, async () => {
        const world = await signedIn();
        const window = world.window({ tokenClient: answering(world, async () => ({ raw })) });
        assert.equal(await window.refresh(), outcome);
        const { tokens } = world.stored();
        assert.equal(tokens?.refresh_token, 'next');
        const names = ['access_token', 'id_token', 'refresh_token'] as const;
        assert.deepEqual(
          names.filter(each => tokens?.[each]),
          kept,
        );
      });
    }

    it('of a refresh token alone keeps it in memory', async () => {
      const world = await signedIn();
      const raw = { access_token: 'access', refresh_token: big(recordLimit) };
      const window = world.window({ tokenClient: answering(world, async () => ({ raw })) });
      assert.equal(await window.refresh(), 'retryable record_too_large');
      assert.equal(window.record()?.tokens?.refresh_token, raw.refresh_token);
    });
  });

  describe('a ledger that is ahead of the store', () => {
    it('is waited for, and what arrives is adopted', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const slow = testStore(new Map(world.store.entries));
      const second = world.window({ store: slow });
      second.sessions.apply(world.stored());
      await world.first.refresh();
      let reads = 0;
      slow.hook = call => {
        if (call === 'get' && ++reads === 5) slow.entries.set(key, present(world.store.entries.get(key)));
      };
      assert.equal(await second.refresh(), 'adopted');
      assert.equal(world.posts().length, 1);
    });

    it('is not waited for without end: nothing superseded is ever sent', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const second = world.window({ store: testStore(new Map(world.store.entries)) });
      await world.first.refresh();
      const since = world.clock.now();
      assert.equal(await second.refresh(), 'retryable record_behind');
      assert.ok(world.clock.now() - since <= 4000);
      assert.equal(world.posts().length, 1);
    });

    it('does no harm where the refresh token is still the same', async () => {
      const world = await signedIn({ rotation: 'none' });
      const second = world.window({ store: testStore(new Map(world.store.entries)) });
      await world.first.refresh();
      const since = world.clock.now();
      assert.equal(await second.refresh(), 'refreshed');
      assert.ok(world.clock.now() - since <= 1000);
      assert.equal(second.record()?.generation, 3);
      assert.equal(world.lock.ledger.get(id)?.generation, 3);
    });

    it('can be called off', async () => {
      const world = await signedIn({ rotation: 'strict' });
      world.lock.ledger.set(id, { generation: 9 });
      const abort = new AbortController();
      let reads = 0;
      world.store.hook = () => void (++reads === 3 && abort.abort());
      assert.equal(await world.first.refresh(abort.signal), 'retryable cancelled');
      await settled();
      assert.equal(reads, 3);
    });
  });

  describe('a lock that is lost', () => {
    it('before sending: nothing is sent', async () => {
      const world = await signedIn();
      world.lock.lost = true;
      assert.equal(await world.first.refresh(), 'retryable lock_lost');
      assert.deepEqual(world.posts(), []);
      assert.equal(world.stored().intent, undefined);
    });

    it('between the last look at it and the request: nothing is sent', async () => {
      const world = await signedIn();
      const client = createTokenClient({
        fetch: (input, init) => world.mock.fetch(input, init),
        discovery: none,
        clock: world.clock,
      });
      const tokenClient: TokenClient = {
        ...client,
        refresh(request) {
          world.lock.lost = true;
          return client.refresh(request);
        },
      };
      const connection = { ...world.connection, tokenEndpoint: `${world.mock.issuer}/token` };
      assert.equal(await world.window({ tokenClient, connection }).refresh(), 'retryable lock_lost');
      assert.deepEqual(world.posts(), []);
      assert.ok(world.stored().intent, 'whoever holds the lock now has the say about the mark');
    });

    it('for a moment only, while the issuer responds: the result is still passed on', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const order: string[] = [];
      const handover: Handover = {
        ...noHandover,
        ready: async () => void order.push('ready'),
        async give(lease) {
          if (lease.lost) throw new WorkbenchError('lock_lost');
          order.push('given');
        },
      };
      world.onPost = () => {
        order.push('sent');
        world.lock.lost = true;
      };
      // A heartbeat would find this out a moment later.
      world.lock.hook = call => {
        if (call === 'renew') world.lock.lost = false;
      };
      assert.equal(await world.window({ handover }).refresh(), 'refreshed');
      assert.deepEqual(order, ['ready', 'sent', 'given']);
      assert.equal(world.lock.ledger.get(id)?.generation, 2);
    });

    it('while the response is stored, and regained before the end: the result is passed on late', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const given: boolean[] = [];
      const handover: Handover = {
        ...noHandover,
        async give() {
          given.push(given.length > 0);
          if (given.length === 1) throw new WorkbenchError('lock_lost');
        },
      };
      assert.equal(await world.window({ handover }).refresh(), 'refreshed');
      assert.deepEqual(given, [false, true]);
    });

    it('after sending, and the issuer asks to wait: the mark of the new holder stays', async () => {
      const world = await signedIn();
      world.next({ type: 'tooManyRequests', retryAfter: 5 });
      world.onPost = () => {
        world.lock.lost = true;
      };
      assert.equal(await world.first.refresh(), 'retryable oauth_error');
      assert.ok(world.stored().intent);
    });

    it('between two attempts: the second is not sent', async () => {
      const world = await signedIn({ rotation: 'grace' });
      world.next({ type: 'dropAfterCommit' });
      world.onPost = () => {
        world.lock.lost = true;
      };
      assert.equal(await world.first.refresh(), 'unknown network_failed');
      assert.equal(world.posts().length, 1);
      assert.ok(world.stored().intent);
    });

    it('after sending: the answer is stored, and the ledger left to its new holder', async () => {
      const world = await signedIn({ rotation: 'strict' });
      world.onPost = () => {
        world.lock.lost = true;
      };
      assert.equal(await world.first.refresh(), 'refreshed');
      assert.equal(world.stored().generation, 2);
      assert.equal(world.lock.ledger.get(id)?.generation, 1);
    });

    it('after sending, where the new holder was quicker: what that one stored stays', async () => {
      const world = await signedIn({ rotation: 'strict' });
      const { tokens } = world.stored();
      const newer = { ...world.stored(), generation: 2, tokens: { ...tokens, refresh_token: 'quicker' } };
      world.onPost = () => {
        world.lock.lost = true;
        world.store.entries.set(key, JSON.stringify(newer));
      };
      assert.equal(await world.first.refresh(), 'adopted');
      assert.deepEqual(world.stored(), newer);
    });
  });

  describe('dispose', () => {
    it('sends nothing new', async () => {
      const world = await signedIn();
      world.first.refresher.dispose();
      assert.equal(await world.first.refresh(), 'retryable cancelled');
      const second = world.window();
      world.lock.hook = () => second.refresher.dispose();
      assert.equal(await second.refresh(), 'retryable cancelled');
      assert.deepEqual(world.posts(), []);
      assert.equal(world.stored().intent, undefined);
    });

    it('still stores an answer', async () => {
      const world = await signedIn({ rotation: 'strict' });
      world.onPost = () => world.first.refresher.dispose();
      assert.equal(await world.first.refresh(), 'refreshed');
      assert.equal(world.stored().generation, 2);
    });

    it('does not try again, and leaves the mark', async () => {
      const world = await signedIn({ rotation: 'grace' });
      world.next({ type: 'dropAfterCommit' });
      world.onPost = () => world.first.refresher.dispose();
      assert.equal(await world.first.refresh(), 'unknown network_failed');
      assert.equal(world.posts().length, 1);
      assert.ok(world.stored().intent);
    });
  });

  describe('a crash', () => {
    for (const rotation of ['grace', 'strict'] as const) {
      for (const done of [false, true]) {
        it(`at any call, ${done ? 'after' : 'before'} it did its work: ${rotation}`, async () => {
          let nth = 1;
          for (; ; nth++) {
            const world = await signedIn({ rotation });
            const { window, crashed } = dying(world, nth, done);
            const first = await Promise.race([window.refresh(), crashed]);
            Object.assign(world, { onPost: () => {}, onAnswer: () => {} });
            if (first !== 'crashed') break;
            world.forward(1000);
            const result = await world.window().refresh();
            // Everything must be well, except that a strict issuer's response can be lost, which then is the reported
            // reason.
            const fine = ['refreshed', 'adopted', ...(rotation === 'strict' ? ['reauthRequired answer_lost'] : [])];
            assert.ok(fine.includes(result), `${nth}: ${result}`);
            assert.equal(world.stored().intent, undefined);
          }
          // The ledger, two reads, the mark, the request, a read, the tokens, the ledger.
          assert.ok(nth >= 9, String(nth));
        });
      }
    }
  });

  it('says in one event each what changed', async () => {
    const world = await signedIn();
    world.first.events.length = 0;
    await world.first.refresh();
    // Events for: refreshing, the mark and the new tokens, the result.
    assert.ok(world.first.events.length <= 4, String(world.first.events.length));
    assert.deepEqual(new Set(world.first.events), new Set([id]));
  });

  it('logs no token', async () => {
    const world = await signedIn({ rotation: 'strict' });
    const tokens = await world.mock.issueTokens();
    await world.first.import(tokens);
    world.next({ type: 'wrongIss', token: 'id_token' });
    await world.first.refresh();
    world.mock.revokeAll();
    await world.first.refresh();
    const log = JSON.stringify(world.first.logged);
    for (const token of [tokens.access_token, tokens.refresh_token, world.stored().tokens?.refresh_token])
      assert.ok(!log.includes(present(token)));
  });
});

/** A window whose `nth` call of a port never returns, nor any later call. */
function dying(world: World, nth: number, done: boolean): { window: Window; crashed: Promise<'crashed'> } {
  let left = nth;
  let crash: (value: 'crashed') => void = () => {};
  const crashed = new Promise<'crashed'>(resolve => {
    crash = resolve;
  });
  const kill = async <T>(work: () => T | Promise<T>): Promise<T> => {
    if (left <= 0) return new Promise(() => {});
    const dies = --left === 0;
    if (!dies) return work();
    if (done) await work();
    crash('crashed');
    return new Promise(() => {});
  };
  const store = testStore(world.store.entries);
  const { ledger } = world.lock;
  const lock = testLock(world.lock.ledger);
  // A dead window's lock is taken over, so this window effectively has its own lock.
  lock.withLock = (name, _, work) =>
    work({
      lost: false,
      shared: true,
      renew: () => kill(() => undefined),
      fingerprint: printOf,
      readLedger: () => kill(async () => ledger.get(name)),
      writeLedger: entry => kill(async () => void ledger.set(name, entry)),
      mark: entry => kill(async () => void ledger.set(name, entry)),
      voidBelow: async () => {},
      handOver: async () => {},
      takeOver: async () => undefined,
    });
  world[done ? 'onAnswer' : 'onPost'] = () => kill(() => undefined);
  const window = world.window({
    lock,
    store: {
      ...store,
      get: name => kill(() => store.get(name)),
      store: (name, value) => kill(() => store.store(name, value)),
    },
  });
  return { window, crashed };
}
