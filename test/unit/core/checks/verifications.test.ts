import assert from 'node:assert/strict';
import type { VerificationResult } from '../../../../src/core/checks/finding.ts';
import { createVerifications } from '../../../../src/core/checks/verifications.ts';
import type { StoredRecord } from '../../../../src/core/records/record.ts';
import { manualClock } from '../../../support/manualClock.ts';
import { createWorld, id, present, signedIn } from '../refresh/refreshWorld.ts';

/** Verifications whose checks are counted. The test decides when they end. */
async function setUp() {
  const world = await signedIn({ rotation: 'strict' });
  const { sessions } = world.first;
  const clock = manualClock(world.clock.now());
  const asked: string[] = [];
  const logged: string[] = [];
  const allowed = { now: true };
  let answer = async (): Promise<VerificationResult> => result;
  const verifications = createVerifications({
    sessions,
    clock,
    verify: (_, name) => {
      asked.push(name);
      return answer();
    },
    allowed: () => allowed.now,
    log: (_, event) => void logged.push(event),
  });
  const told: string[] = [];
  verifications.onDidChange((changed, name) => told.push(`${changed} ${name}`));
  const set = (each: typeof answer) => {
    answer = each;
  };
  return { world, sessions, clock, asked, told, verifications, set, allowed, logged };
}

const result: VerificationResult = { verified: true, checks: [] };
const forged: VerificationResult = {
  verified: false,
  checks: [{ id: 'signature', status: 'failed', code: 'signature_invalid' }],
};

describe('createVerifications', () => {
  it('asks once for callers at one time, and knows the result then', async () => {
    const { verifications, asked, told } = await setUp();
    assert.equal(verifications.known(id, 'access_token'), undefined);
    const results = await Promise.all([1, 2, 3].map(() => verifications.check(id, 'access_token')));
    assert.deepEqual(results, [result, result, result]);
    assert.equal(verifications.known(id, 'access_token'), result);
    await verifications.check(id, 'access_token');
    await verifications.check(id, 'id_token');
    assert.deepEqual(asked, ['access_token', 'id_token']);
    assert.deepEqual(told, [`${id} access_token`, `${id} id_token`]);
  });

  it('asks anew after five minutes and after the end of the token', async () => {
    const { verifications, clock, asked, sessions } = await setUp();
    await verifications.check(id, 'access_token');
    clock.advance(5 * 60_000);
    assert.equal(verifications.known(id, 'access_token'), result, 'until it is asked for again');
    await verifications.check(id, 'access_token');
    const record = present(sessions.get(id)?.record);
    const tokens = { ...present(record.tokens), access_token: 'short', expires_at: clock.now() + 10_000 };
    sessions.apply({ ...record, generation: 5, tokens });
    await verifications.check(id, 'access_token');
    clock.advance(10_000);
    await verifications.check(id, 'access_token');
    clock.advance(10_000);
    await verifications.check(id, 'access_token');
    assert.equal(asked.length, 4);
  });

  it('says that a verified token has expired, without a request', async () => {
    const { verifications, clock, asked, sessions, set } = await setUp();
    assert.equal(verifications.stateOf(id, 'access_token').kind, 'not_checked');
    const end = present(sessions.get(id)?.record?.tokens?.expires_at);
    await verifications.check(id, 'access_token');
    assert.equal(verifications.stateOf(id, 'access_token').kind, 'verified');
    clock.advance(end - clock.now());
    assert.equal(verifications.stateOf(id, 'access_token').kind, 'expired_valid_signature');
    assert.equal(verifications.known(id, 'access_token'), undefined, 'the checks would say something else');
    assert.equal(asked.length, 1);
    set(async () => forged);
    const again = verifications.check(id, 'access_token');
    assert.equal(
      verifications.stateOf(id, 'access_token').kind,
      'expired_valid_signature',
      'until the answer is there',
    );
    await again;
    assert.equal(verifications.stateOf(id, 'access_token').kind, 'failed');
  });

  describe('of tokens that are seen', () => {
    const both = [
      { id, name: 'access_token' },
      { id, name: 'id_token' },
    ] as const;
    /** Resolves when everything that was started has ended. */
    const settled = () => new Promise(resolve => setImmediate(resolve));

    it('asks once for each token, however often it is drawn', async () => {
      const { verifications, asked, world, clock } = await setUp();
      for (let i = 0; i < 3; i++) verifications.seen(both);
      await settled();
      verifications.seen(both, true);
      clock.advance(10 * 60_000);
      verifications.seen(both);
      verifications.seen(both, true);
      await settled();
      assert.deepEqual(asked, ['access_token', 'id_token']);
      await world.first.refresh();
      verifications.seen(both);
      await settled();
      assert.deepEqual(asked.slice(2), ['access_token', 'id_token'], 'a refresh has brought new ones');
    });

    it('is quiet where that fails, and asks again only where the view is opened again minutes later', async () => {
      const { verifications, asked, set, logged, clock } = await setUp();
      set(() => Promise.reject(new Error('offline')));
      verifications.seen(both.slice(0, 1));
      await settled();
      assert.deepEqual(logged, ['checks not run']);
      assert.equal(verifications.stateOf(id, 'access_token').kind, 'unverifiable');
      verifications.seen(both.slice(0, 1), true);
      clock.advance(10 * 60_000);
      verifications.seen(both.slice(0, 1));
      await settled();
      assert.equal(asked.length, 1);
      set(async () => result);
      verifications.seen(both.slice(0, 1), true);
      await settled();
      assert.equal(asked.length, 2);
      assert.equal(verifications.stateOf(id, 'access_token').kind, 'verified');
    });

    it('sends no request while that is not allowed', async () => {
      const { verifications, asked, allowed } = await setUp();
      allowed.now = false;
      verifications.seen(both, true);
      await settled();
      assert.equal(asked.length, 0);
    });

    it('verifies a few at a time, and drops waiting ones when the view is hidden', async () => {
      const { verifications, asked, set, sessions, world } = await setUp();
      const ids = Array.from({ length: 10 }, (_, index) => `c${index}`);
      const connections = ids.map(each => ({ connection: { ...world.connection, id: each }, memoryOnly: false }));
      const record = present(sessions.get(id)?.record);
      sessions.setConnections(connections, []);
      for (const each of ids) sessions.apply({ ...record, connection: each });
      let answer: (value: VerificationResult) => void = () => {};
      set(() => new Promise(resolve => (answer = resolve)));
      verifications.seen(ids.map(each => ({ id: each, name: 'access_token' })));
      assert.equal(asked.length, 4);
      answer(result);
      await settled();
      assert.equal(asked.length, 5);
      verifications.unseen();
      answer(result);
      await settled();
      assert.equal(asked.length, 5);
    });
  });

  it('knows nothing of another token, and nothing by other settings', async () => {
    const { verifications, sessions, world, asked } = await setUp();
    await verifications.check(id, 'access_token');
    sessions.setConnections([{ connection: { ...world.connection }, memoryOnly: false }], []);
    assert.equal(verifications.known(id, 'access_token'), result);
    sessions.setConnections([{ connection: { ...world.connection, audience: 'other' }, memoryOnly: false }], []);
    assert.equal(verifications.known(id, 'access_token'), undefined);
    await verifications.check(id, 'access_token');
    await world.first.refresh();
    assert.equal(verifications.known(id, 'access_token'), undefined);
    await verifications.check(id, 'access_token');
    assert.equal(asked.length, 3);
  });

  it('does not retry forever when a request fails', async () => {
    const { verifications, clock, asked, set, told } = await setUp();
    set(() => Promise.reject(new Error('offline')));
    // A view that checks again whenever it is notified of a change.
    verifications.onDidChange(() => void verifications.check(id, 'access_token').catch(() => {}));
    for (let i = 0; i < 5; i++) await assert.rejects(verifications.check(id, 'access_token'));
    assert.deepEqual([asked.length, told.length], [1, 1]);
    clock.advance(30_000);
    set(async () => result);
    assert.equal(await verifications.check(id, 'access_token'), result);
    assert.equal(asked.length, 2);
  });

  it('has no state if there is no token', async () => {
    const { verifications, asked } = await setUp();
    assert.equal(await verifications.check('unknown', 'access_token'), undefined);
    const world = await createWorld();
    const empty = createVerifications({
      sessions: world.window().sessions,
      clock: world.clock,
      verify: () => Promise.reject(new Error('nobody asked')),
      allowed: () => true,
      log: () => {},
    });
    assert.equal(await empty.check(id, 'id_token'), undefined);
    assert.equal(asked.length, 0);
  });

  it('forgets a result that comes for a token that is gone', async () => {
    const { verifications, sessions, set } = await setUp();
    let resolve: (value: VerificationResult) => void = () => {};
    set(
      () =>
        new Promise(done => {
          resolve = done;
        }),
    );
    const late = verifications.check(id, 'access_token');
    const record: StoredRecord = present(sessions.get(id)?.record);
    sessions.apply({ ...record, generation: 9, tokens: { ...present(record.tokens), access_token: 'new' } });
    resolve(result);
    assert.equal(await late, result);
    assert.equal(verifications.known(id, 'access_token'), undefined);
  });
});
