import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import type { Use } from './issuer.ts';
import type { OrderName, Orders, Reply } from './window.ts';
import { buildScripts, type Rig, startRig, type TestWindow, type WindowOptions, World } from './world.ts';

/** A new world for each test of a suite. */
export interface UsedWorld {
  readonly now: World;
  /** The folder of the locks, if it should not be a new one. Set it before the test, in a separate hook. */
  folder: string | undefined;
  open(options?: WindowOptions): Promise<TestWindow>;
  /** Signs in with a new family. The reply has its first token. */
  signIn(window: TestWindow, id?: string): Promise<Reply>;
  refresh(window: TestWindow, order?: Partial<Orders['refresh']>): Promise<Reply>;
  ask<Name extends OrderName>(window: TestWindow, name: Name, order: Orders[Name]): Promise<Reply>;
  /** Each use of a token, with its sender. */
  readonly uses: readonly Use[];
  /** Windows that sent a token while no mark was on disk. */
  readonly unmarked: readonly string[];
}

/** All suites of a process have one, because windows take longer to start than most of their tests. */
let started: Promise<Rig> | undefined;
// Registered when the module is loaded, so it runs once, after the last test of all files.
after(async () => {
  const rig = await started;
  if (rig === undefined) return;
  await rig.close();
  await rm(rig.scripts.folder, { recursive: true, force: true });
});

/** What all suites of a process share, until the last of them has ended. */
export function sharedRig(): Promise<Rig> {
  started ??= buildScripts().then(scripts => startRig(scripts));
  return started;
}

export function useWorld(): UsedWorld {
  let rig: Rig;
  let world: World;
  /** Violations that no test may have. */
  let unmarked: string[] = [];

  before(async () => {
    rig = await sharedRig();
  });
  beforeEach(async () => {
    world = await World.begin(rig, used.folder);
    unmarked = [];
    world.issuer.onUse = async ({ by }) => {
      const noted = await Promise.all(['a', 'b'].map(id => world.lock.peek(id)));
      if (noted.every(({ ledger }) => ledger?.intent === undefined)) unmarked.push(by);
    };
  });
  afterEach(() => world.end());

  const used: UsedWorld = {
    get now() {
      return world;
    },
    folder: undefined,
    open: options => world.open(options),
    async signIn(window, id = 'a') {
      const reply = await withoutLockLoss(() => window.ask('signIn', { id, raw: world.issuer.signIn() }));
      assert.equal(reply.outcome, 'signedIn', JSON.stringify(reply));
      return reply;
    },
    refresh: (window, order = {}) =>
      withoutLockLoss(() => window.ask('refresh', { id: 'a', askedBy: 'timer', ...order })),
    ask: (window, name, order) => window.ask(name, order),
    get uses() {
      return world.issuer.uses;
    },
    get unmarked() {
      return unmarked;
    },
  };
  return used;
}

/** A process that gets no CPU time for a while loses its lock. Then it sends nothing, so asking again is harmless. */
async function withoutLockLoss(ask: () => Promise<Reply>): Promise<Reply> {
  for (let more = 5; more > 0; more--) {
    const reply = await ask();
    if (reply.error?.code !== 'lock_lost') return reply;
  }
  return ask();
}

/** Outcome and error code of a reply, in short. */
export function said({ outcome, error }: Reply): string {
  return error ? `${outcome} ${error.code}` : outcome;
}

/** Asserts that no family was ended, and that each token was sent once, after it was recorded on disk. */
export function assertSentOnce({ now: { issuer }, unmarked }: UsedWorld): void {
  assert.deepEqual(unmarked, [], 'windows that sent a token without a mark on disk');
  assert.deepEqual([...issuer.revoked], [], 'families that were revoked');
  const sent = issuer.uses.map(({ token }) => token);
  assert.equal(new Set(sent).size, sent.length, 'a token was sent twice');
}
