import assert from 'node:assert/strict';
import { slowVariable } from '../../../../scripts/lib/results.mjs';
import { classify, WorkbenchError } from '../../../../src/core/errors.ts';
import { createDiscovery } from '../../../../src/core/issuer/discovery.ts';
import { createLoading, readLocked } from '../../../../src/core/records/changeRecord.ts';
import { createHandover, newKeyText, readKey } from '../../../../src/core/records/journalKeys.ts';
import { createWorld, present, type TestLock, testLock, testStore, type World } from '../refresh/refreshWorld.ts';
import { windowOf } from './familyWorld.ts';

type Random = (below: number) => number;

/** xorshift32 */
function randomOf(seed: number): Random {
  let state = seed * 2654435761 || 1;
  return below => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** An issuer that ends a grant when one of its tokens is used twice. Tokens say what they are: `7.2` of grant 7 was rotated twice. */
function strictIssuer() {
  const turns = new Map<number, number>();
  const ended = new Set<number>();
  const reused: string[] = [];
  const answer = (body: object, status = 200) =>
    new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
  return {
    turns,
    ended,
    reused,
    issue() {
      const grant = turns.size + 1;
      turns.set(grant, 0);
      return { access_token: `access ${grant}.0`, token_type: 'Bearer', expires_in: 3600, refresh_token: `${grant}.0` };
    },
    refresh(token: string) {
      const [grant = 0, turn = 0] = token.split('.').map(Number);
      if (ended.has(grant)) return answer({ error: 'invalid_grant' }, 400);
      if (turns.get(grant) !== turn) {
        reused.push(token);
        ended.add(grant);
        return answer({ error: 'invalid_grant' }, 400);
      }
      turns.set(grant, turn + 1);
      const refresh_token = `${grant}.${turn + 1}`;
      return answer({ access_token: `access ${refresh_token}`, token_type: 'Bearer', expires_in: 3600, refresh_token });
    },
  };
}

const ids = ['a', 'b', 'c'] as const;
const never = new Promise<never>(() => {});

/** @param often names of operations that come more often than the others */
async function history(seed: number, steps: number, often: readonly string[] = []) {
  const random = randomOf(seed);
  const one = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const issuer = strictIssuer();
  const base = await createWorld();
  const key = present(await readKey(newKeyText()));
  const mock = {
    ...base.mock,
    issuer: base.mock.issuer,
    fetch: async (input: string, init: RequestInit) =>
      init.method === 'POST'
        ? issuer.refresh(new URLSearchParams(String(init.body)).get('refresh_token') ?? '')
        : base.mock.fetch(input, init),
  };
  // All windows know the issuer's metadata, so that a history is not mostly about reading that.
  const discovery = createDiscovery({ fetch: mock.fetch, clock: base.clock });
  const entries = new Map<string, string>();
  const ledger: TestLock['ledger'] = new Map();
  let journal: TestLock['journal'] = new Map();
  const told: string[] = [];

  function open(kill: { left: number }) {
    const store = testStore(entries);
    const lock = testLock(ledger);
    for (const [name, sealed] of journal) lock.journal.set(name, sealed);
    journal = lock.journal;
    const world = { ...base, mock, store, lock } as unknown as World;
    const hook = () => (kill.left-- === 0 ? never : undefined);
    lock.hook = hook;
    store.hook = hook;
    const keys = { current: async () => key, known: async () => [key], prepare: async () => {}, dispose() {} };
    const window = windowOf(world, ids, {}, createHandover({ keys, log: () => {} }), discovery);
    return { world, window, lock, store };
  }
  type Opened = ReturnType<typeof open>;

  async function loaded(kill = { left: -1 }): Promise<Opened> {
    const opened = open({ left: -1 });
    const { parts } = opened.window;
    const loading = createLoading({ ...parts, lock: { ...opened.lock, onDidChange: () => () => {} } });
    await loading.loadNew();
    loading.dispose();
    const hook = () => (kill.left-- === 0 ? never : undefined);
    opened.lock.hook = hook;
    opened.store.hook = hook;
    return opened;
  }
  /** What each connection holds, as a window sees it that has just started. */
  async function held() {
    const { world, window } = await loaded();
    const signal = new AbortController().signal;
    const found = await Promise.all(
      ids.map(id =>
        world.lock.withLock(id, signal, async lease => {
          const { current } = await readLocked(window.parts, { id, lease, signal });
          return [id, current.tokens?.refresh_token] as const;
        }),
      ),
    );
    return Object.fromEntries(found) as Record<(typeof ids)[number], string | undefined>;
  }
  const grantOf = (token: string | undefined) => token?.split('.')[0];

  let before = await held();
  for (let step = 0; step < steps; step++) {
    const kill = { left: random(3) === 0 ? random(40) : -1 };
    const mayDie = kill.left >= 0;
    const { window, lock, store } = await loaded(kill);
    const id = one(ids);
    const shared = one([...Object.values(before).filter(token => token !== undefined), undefined]);
    const grant = Number(grantOf(shared) ?? 0);
    // The text of any of its tokens: the first one, the newest, or one in between.
    const raw =
      grant > 0 && !issuer.ended.has(grant)
        ? { refresh_token: `${grant}.${random((issuer.turns.get(grant) ?? 0) + 1)}` }
        : issuer.issue();
    const operations: Record<string, () => Promise<unknown>> = {
      import: () => window.import(id, raw),
      importNew: () => window.import(id, issuer.issue()),
      importAccess: () => window.import(id, { access_token: 'alone' }),
      signIn: () => window.signIn(id, issuer.issue()),
      signInAccess: () => window.signIn(id, { access_token: 'alone' }),
      refresh: () => window.refresh(id, 'user'),
      refreshAgain: () => window.refresh(id, 'user'),
      undo: () => window.undoImport(id),
      secret: () => window.storeSecret(id),
      signOut: () => window.signOut(id),
      offered: () => window.revokeAndSignOut(id, false),
    };
    const name = one([...Object.keys(operations), ...often]);
    const fault = one(['none', 'none', 'lock', 'store', 'ledger']);
    const other = one(ids);
    const { withLock } = lock;
    if (fault === 'lock' && other !== id)
      lock.withLock = (locked, ...rest) =>
        locked === other
          ? Promise.reject(new WorkbenchError('lock_timeout', { connection: locked }))
          : withLock(locked, ...rest);
    const { hook } = store;
    if (fault === 'store')
      store.hook = (call, value = '') => {
        if (call === 'store' && value.includes(`"connection":"${other}"`)) throw new Error('full');
        return hook(call, value);
      };
    let calls = random(6);
    const lockHook = lock.hook;
    if (fault === 'ledger')
      lock.hook = call => {
        if (call !== 'readLedger' && calls-- === 0)
          throw new WorkbenchError('lock_unavailable', { connection: other, reason: 'ENOSPC' });
        return lockHook(call);
      };
    const work = Promise.resolve(operations[name]?.()).then(
      result => (typeof result === 'string' ? result : 'done'),
      error => classify(error).code,
    );
    // A window that was killed never ends its work.
    let isOver = false;
    void work.then(() => {
      isOver = true;
    });
    const killed = (async () => {
      while (!isOver && kill.left >= 0) await new Promise(setImmediate);
      await new Promise(resolve => setTimeout(resolve, isOver ? 0 : 5));
      return 'killed';
    })();
    const end = mayDie ? await Promise.race([work, killed]) : await work;
    told.push(
      `${step}: ${name} ${id} ${name === 'import' ? raw.refresh_token : ''} ${fault} ${fault === 'none' ? '' : other}: ${end}`,
    );
    const now = await held();
    told.push(
      `   ${JSON.stringify(now)} ${JSON.stringify([...issuer.turns].map(([grant, turn]) => `${grant}.${turn}`).join(' '))}`,
    );
    const context = () => `seed ${seed}\n${told.join('\n')}`;
    assert.deepEqual(issuer.reused, [], context());
    for (const each of ids)
      if (each !== id) assert.equal(grantOf(now[each]), grantOf(before[each]), `${each} changed\n${context()}`);
    before = now;
  }
  const { window } = await loaded();
  for (let round = 0; round < 2; round++)
    for (const id of ids) {
      const token = (await held())[id];
      if (token === undefined || issuer.ended.has(Number(grantOf(token)))) continue;
      const end = await window.refresh(id, 'user');
      assert.match(end, /adopted|refreshed/, `${id} ${token} at the end: ${end}\nseed ${seed}\n${told.join('\n')}`);
    }
  assert.deepEqual(issuer.reused, [], `seed ${seed}\n${told.join('\n')}`);
}

describe('random histories of shared refresh tokens, with failing stores and locks and killed windows', function () {
  this.timeout(600_000);
  it('use no token twice and lose none', async () => {
    const count = process.env[slowVariable] ? 2000 : 60;
    for (let seed = 1; seed <= count; seed++) await history(seed, 14);
  });

  it('use no token twice where texts of earlier ones are imported again and again', async () => {
    const count = process.env[slowVariable] ? 2000 : 60;
    const often = ['import', 'refresh'].flatMap(name => Array<string>(8).fill(name));
    for (let seed = 1; seed <= count; seed++) await history(seed, 14, often);
  });
});
