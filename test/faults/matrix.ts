import assert from 'node:assert/strict';
import { createVerifier } from '../../src/core/checks/verifier.ts';
import { createDiscovery } from '../../src/core/issuer/discovery.ts';
import type { StoredRecord } from '../../src/core/records/record.ts';
import { stateOf } from '../../src/core/records/sessions.ts';
import { planRefresh } from '../../src/core/refresh/autoRefresh.ts';
import type { Rotation } from '../../src/mock/families.ts';
import { type Fault, type FaultType, faultRows, faultTypes } from '../../src/mock/faults.ts';
import { id, present, signedIn, type Window, type World } from '../unit/core/refresh/refreshWorld.ts';
import { type Case, cases } from './cases.ts';

export const rotations: readonly Rotation[] = ['none', 'omit', 'strict', 'grace'];

/** Milliseconds between the fault and the next refresh; within the grace period of 60 s. */
const pause = 30_000;

/** Seconds. */
const issuer = { graceSeconds: 60, accessTokenLifetime: 7200, idTokenLifetime: 7200 };

/** The effect of one fault on one connection, as described in docs/faults.md. */
export interface Row {
  readonly struck: string;
  /** How often the refresh token was sent. */
  readonly sent: number;
  readonly stored: string;
  readonly state: string;
  /** Failed checks and warnings of the tokens held afterwards. */
  readonly checks: string;
  readonly next: string;
}

export interface Cell {
  readonly type: string;
  readonly about: string;
  readonly rotation: Rotation;
  readonly row: Row;
}

/** The cases of a fault. A fault without cases is tried with the mock's example and expected to be harmless. */
export function casesOf(type: FaultType): readonly Case[] {
  const { title, example = {} } = faultRows[type];
  const harmless: Case = { about: title, fault: { type, ...example } as Fault, expected: ['refreshed', 'refreshed'] };
  return (cases as { readonly [T in FaultType]?: readonly Case[] })[type] ?? [harmless];
}

/** Runs every fault with every rotation. */
export async function runMatrix(types: readonly FaultType[] = faultTypes): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const type of types) {
    for (const each of casesOf(type)) {
      for (const rotation of rotations) {
        const row = await runCase(each, rotation);
        const expected = each.but?.[rotation] ?? each.expected;
        assert.deepEqual([row.struck, row.next], expected, `${type}: ${each.about}, ${rotation}`);
        cells.push({ type, about: each.about, rotation, row });
      }
    }
  }
  return cells;
}

/**
 * One connection meets one fault: a refresh under the fault, the checks of its tokens, and the next refresh. Asserts
 * what must hold for every fault.
 */
export async function runCase({ fault, times = 1 }: Case, rotation: Rotation): Promise<Row> {
  const world = await signedIn({ ...issuer, rotation });
  const watch = watchTokens(world);
  const { first } = world;
  // Expires the metadata that discovery cached at the import, so that faults of the metadata strike too.
  world.forward(11 * 60_000);
  world.mock.faults.next(times, fault);

  const before = world.stored();
  const struck = await inTime(world, first.refresh());
  const sent = watch.sent.splice(0);
  const after = world.stored();
  assert.ok(sent.length <= 2, `${sent.length} attempts`);
  assert.deepEqual(after, first.record(), 'this window and the store agree');
  assert.equal(after.tokens?.refresh_token, watch.newest(), 'the newest refresh token that arrived is kept');
  assert.equal(after.generation, before.generation + watch.answers(), 'a generation for each set of tokens');
  const [outcome] = struck.split(' ');
  assert.equal(after.refused !== undefined, outcome === 'reauthRequired', 'refused is on record');
  assert.equal(after.intent !== undefined, outcome === 'unknown', 'a lost answer is on record');
  const state = stateOf(present(first.sessions.get(id)), world.clock.now());
  const checks = outcome === 'refreshed' ? await inTime(world, checksOf(world)) : '';

  world.mock.faults.clear();
  world.forward(pause);
  // After two lost responses, the token is sent again only if the user asks for it.
  const plan = planRefresh(present(first.sessions.get(id)), 0);
  assert.equal('never' in plan && plan.never === 'answer_missing', after.intent?.retried === true);
  const next = await inTime(world, first.refresh(undefined, 'user'));
  assert.ok(watch.sent.length <= 1, 'the next refresh needs no retry');
  assert.equal(world.stored().tokens?.refresh_token, watch.newest());
  assert.ok(
    /^(refreshed|reauthRequired|retryable waiting_for_issuer)/.test(next),
    `it recovers or says why not: ${next}`,
  );
  watch.assertUnspoken();
  return { struck, sent: sent.length, stored: storedText(after), state, checks, next };
}

type SignedIn = World & { readonly first: Window };

/** The stored refresh token is the newest that arrived; this was asserted before. */
function storedText({ generation, refused, intent }: StoredRecord): string {
  const mark = refused ? ', refused' : intent ? ', answer missing' : '';
  return `generation ${generation}${mark}`;
}

/** Records every refresh token that is sent or arrives, and knows which is the newest that could be sent. */
function watchTokens(world: SignedIn) {
  const secrets = new Set<string>();
  let newest = present(world.stored().tokens?.refresh_token);
  let answers = 0;
  const sent: string[] = [];
  secrets.add(newest);
  world.onPost = refreshToken => {
    assert.equal(refreshToken, newest, 'nothing but the newest refresh token is ever sent');
    sent.push(present(refreshToken ?? undefined));
  };
  world.onAnswer = async response => {
    const { status } = response;
    const body = await response
      .clone()
      .text()
      .then(JSON.parse)
      .catch(() => undefined);
    if (status !== 200 || typeof body !== 'object') return;
    for (const name of ['access_token', 'id_token', 'refresh_token']) if (body[name]) secrets.add(body[name]);
    if (body.refresh_token || body.access_token) answers++;
    newest = body.refresh_token ?? newest;
  };
  return {
    sent,
    newest: () => newest,
    answers: () => answers,
    /** Asserts that neither the log nor an error contains any of them. */
    assertUnspoken() {
      const spoken = JSON.stringify([world.first.logged, world.first.sessions.get(id)?.lastRefresh]);
      for (const secret of secrets) assert.ok(!spoken.includes(secret.slice(-20)), 'a token in the log');
    },
  };
}

async function checksOf(world: SignedIn): Promise<string> {
  const { clock, connection, first, mock } = world;
  const { fetch } = mock;
  const verifier = createVerifier({ fetch, clock, discovery: createDiscovery({ fetch, clock }) });
  const session = present(first.sessions.get(id));
  const strict = { ...connection, audience: `${mock.issuer}/api` };
  const failed = new Set<string>();
  for (const name of ['access_token', 'id_token'] as const) {
    if (session.record?.tokens?.[name] === undefined) continue;
    const { checks } = await verifier.verifySession(strict, name, session);
    for (const { id, status } of checks) {
      if (status === 'failed') failed.add(id);
      if (status === 'warning') failed.add(`${id} (a warning)`);
    }
  }
  return [...failed].sort().join(', ');
}

/** Advances the clocks second by second while the mock delays something. */
async function inTime<T>(world: World, work: Promise<T>): Promise<T> {
  let done = false;
  const finished = () => {
    done = true;
  };
  work.then(finished, finished);
  while (!done) {
    await new Promise(resolve => setImmediate(resolve));
    if (!done && world.mock.clock.sleeping > 0) world.forward(1000);
  }
  return work;
}
