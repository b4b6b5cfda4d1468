import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { StoredRecord } from '../../../src/core/record.ts';
import type { Rotation } from '../../../src/mock/families.ts';
import type { Fault } from '../../../src/mock/faults.ts';
import {
  createWorld,
  id,
  key,
  present,
  printOf,
  type TestStore,
  testStore,
  until,
  type Window,
  type World,
} from './refreshWorld.ts';

/** What can happen, in any order, in either of two windows on one store and one lock. */
type Step =
  | { readonly do: 'refresh' | 'import' | 'importAccessToken' | 'signOut' | 'cancelled'; readonly by: 0 | 1 }
  | { readonly do: 'both' | 'blind' | 'wait' | 'sync' }
  | { readonly do: 'fault'; readonly fault: Fault }
  | { readonly do: 'storeFails'; readonly after: number; readonly times: number }
  | { readonly do: 'restart'; readonly by: 0 | 1 };

const by = fc.constantFrom(0 as const, 1 as const);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('refresh' as const), by }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'import' as const,
        'importAccessToken' as const,
        'signOut' as const,
        'cancelled' as const,
      ),
      by,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('both' as const, 'blind' as const, 'wait' as const, 'sync' as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      fault: fc.constantFrom<Fault[]>(
        { type: 'dropAfterCommit' },
        { type: 'dropBeforeCommit' },
        { type: 'serverError', status: 500, commit: true },
        { type: 'serverError', status: 503 },
        { type: 'tooManyRequests', retryAfter: 2 },
        { type: 'invalidJson', commit: true },
        { type: 'wrongIss', token: 'id_token' },
        { type: 'refreshTokenMissing' },
        { type: 'idTokenMissing' },
        { type: 'oauthError', error: 'invalid_client', status: 401 },
        { type: 'redirect', location: 'https://elsewhere.example/token' },
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('storeFails' as const),
      after: fc.integer({ min: 0, max: 2 }),
      times: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), by }) },
);

/** What a fair observer between extension and issuer knows. */
interface Observer {
  /** Every refresh token that was received or imported, oldest first, as fingerprints; a sign-out ends the row. */
  received: string[];
  refused: Set<string>;
  readonly broken: string[];
}

async function run(rotation: Rotation, steps: readonly Step[]): Promise<void> {
  const world = await createWorld({ rotation, graceSeconds: 3600 });
  const view = lateView(world.store);
  const stores = [world.store, view] as const;
  const windows: Window[] = [world.window(), world.window({ store: view })];
  const seen: Observer = { received: [], refused: new Set(), broken: [] };
  let working = Number.POSITIVE_INFINITY;
  let failing = 0;
  const heal = () => {
    working = Number.POSITIVE_INFINITY;
  };
  world.store.hook = call => {
    if (call !== 'store' || --working >= 0) return;
    if (--failing < 0) return heal();
    throw new Error('the store fails');
  };
  const receive = (token: string | undefined) => {
    if (token === undefined) return;
    const print = printOf(token);
    if (seen.received.at(-1) !== print) seen.received.push(print);
  };
  watch(world, seen, receive);

  const window = (which: number) => present(windows[which]);
  const leave = async (which: 0 | 1) => {
    await window(which).signOut();
    seen.received = [];
  };
  for (const each of steps) {
    switch (each.do) {
      case 'refresh':
        await window(each.by).refresh();
        break;
      case 'both':
        await Promise.all(windows.map(each => each.refresh()));
        break;
      case 'cancelled': {
        const abort = new AbortController();
        const result = window(each.by).refresh(abort.signal);
        await Promise.resolve();
        abort.abort();
        await result;
        await until(() => window(each.by).sessions.get(id)?.refreshing === false);
        break;
      }
      case 'import':
      case 'importAccessToken': {
        const { refresh_token, ...others } = await world.mock.issueTokens();
        const isFull = each.do === 'import';
        try {
          await window(each.by).import(
            isFull ? { ...others, refresh_token: present(refresh_token) } : others,
          );
          if (isFull) receive(refresh_token);
        } catch {
          // The store fails: nothing was imported, and nobody was told otherwise.
        }
        break;
      }
      case 'signOut':
        try {
          await leave(each.by);
        } catch {
          // The store fails. Who wants to sign out tries again.
          heal();
          await leave(each.by);
        }
        break;
      case 'blind':
        // The store forgets, as it does with what it cannot decrypt.
        if (windows.some(({ record }) => record()?.generation === world.stored()?.generation))
          for (const { entries } of stores) entries.delete(key);
        break;
      case 'sync':
        view.catchUp();
        break;
      case 'wait':
        world.forward(3000);
        break;
      case 'fault':
        world.next(each.fault);
        break;
      case 'storeFails':
        working = each.after;
        failing = each.times;
        break;
      case 'restart':
        // Not while this window's memory is the only place.
        if (generationOf(window(each.by).record()) > generationOf(world.stored())) break;
        view.catchUp();
        windows[each.by] = world.window({ store: stores[each.by] });
        break;
    }
  }

  assert.deepEqual(seen.broken, []);
  // What was received last is in the store, or in a window that still runs where the store has failed.
  const newest = seen.received.at(-1);
  const held = [world.stored(), ...windows.map(({ record }) => record())]
    .filter(record => record != null)
    .sort((a, b) => b.generation - a.generation)[0];
  const token = held?.tokens?.refresh_token;
  assert.equal(token === undefined ? undefined : printOf(token), newest);
}

function generationOf(record: StoredRecord | null | undefined): number {
  return record?.generation ?? 0;
}

/** A window's view of the store: its own writes at once, those of others only after `catchUp`. */
function lateView(shared: TestStore): TestStore & { catchUp(): void } {
  const view = testStore();
  return Object.assign(view, {
    async store(name: string, value: string) {
      await shared.store(name, value);
      view.entries.set(name, value);
    },
    catchUp() {
      view.entries.clear();
      for (const [name, value] of shared.entries) view.entries.set(name, value);
    },
  });
}

/** Notes each request that breaks the rules: nothing older than the newest token is sent, nor one that was refused. */
function watch(world: World, seen: Observer, receive: (token: string | undefined) => void): void {
  let sent = '';
  world.onPost = token => {
    sent = printOf(present(token ?? undefined));
    if (sent !== seen.received.at(-1)) seen.broken.push('an older token was sent');
    if (seen.refused.has(sent)) seen.broken.push('a refused token was sent again');
  };
  world.onAnswer = async response => {
    const body: unknown = await response
      .clone()
      .json()
      .catch(() => undefined);
    if (typeof body !== 'object' || body === null) return;
    const { error, refresh_token } = body as { error?: string; refresh_token?: string };
    if (error === 'invalid_grant') seen.refused.add(sent);
    if (response.ok) receive(refresh_token);
  };
}

describe('any sequence of refreshes, imports, sign-outs and faults', () => {
  for (const rotation of ['none', 'omit', 'strict', 'grace'] satisfies Rotation[]) {
    it(`sends nothing but the newest refresh token, and keeps the newest: ${rotation}`, async function () {
      this.timeout(60_000);
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), steps => run(rotation, steps)),
        { numRuns: 150, seed: 20_190_406, endOnFailure: false },
      );
    });
  }
});
