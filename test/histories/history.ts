import type { StrictIssuer, Use } from './issuer.ts';
import type { Moment, Plan, Step } from './plan.ts';
import type { OrderName, Orders, Reply } from './window.ts';
import { type Rig, pace as speed, type TestWindow, WindowGone, World } from './world.ts';

export interface Verdict {
  /** Violations. Empty if all is well. */
  readonly broken: readonly string[];
  /** How often each event occurred. An event that never occurs was not tested. */
  readonly seen: Readonly<Record<string, number>>;
  /** What was done and what happened, for readers. */
  readonly story: readonly string[];
}

/** Executes a plan with real processes, and reports violations. */
export async function runHistory(rig: Rig, plan: Plan): Promise<Verdict> {
  const world = await World.begin(rig);
  const judge = createJudge(world);
  try {
    await play(world, plan, judge);
  } finally {
    await world.end();
  }
  return judge.verdict();
}

type Judge = ReturnType<typeof createJudge>;

/**
 * Observes every use of a token, every reply of a window and every death, and judges whether the consequences are
 * allowed.
 */
function createJudge(world: World) {
  const { issuer } = world;
  const broken: string[] = [];
  const seen: Record<string, number> = {};
  const story: string[] = [];
  const since = performance.now();
  /** The known generations of all issued tokens. */
  const generations = new Map<string, number>();
  /** Uses whose response was lost, or whose window died before the response was on disk. */
  const excused = new Set<Use>();
  let family: string | undefined;
  let isSignedOut = true;
  /** True while the connection's secrets may be missing for a planned reason. */
  let mayBeLost = false;

  const note = (text: string) => void story.push(`${(performance.now() - since).toFixed(0).padStart(6)} ${text}`);
  const count = (what: string) => {
    seen[what] = (seen[what] ?? 0) + 1;
  };
  const fail = (text: string) => {
    broken.push(text);
    note(`BROKEN ${text}`);
  };
  const short = (token: string | undefined) => token?.slice(3, 18) ?? 'none';

  /** Other windows may notice a death before it is reported here. */
  async function deathOf(use: Use): Promise<void> {
    const sender = world.windows.find(window => window.pid === use.pid);
    for (let waited = 0; waited < 300 && sender && !sender.isDead; waited += 10) await pause(10);
    if (sender?.isDead) await died(sender);
  }

  /** What the process wrote before its death stays on disk. */
  async function died(window: TestWindow): Promise<void> {
    const last = issuer.uses.findLast(use => use.pid === window.pid);
    if (last === undefined || last.family !== family || excused.has(last)) return;
    const generation = generations.get(last.token) ?? 0;
    const { ledger, handedOver } = await world.lock.peek('a');
    if (ledger?.signedOutAt !== undefined || (handedOver?.generation ?? 0) > generation) return;
    note(`${window.name} had not written down the answer to ${short(last.token)}`);
    count('killed before the answer was durable');
    excused.add(last);
    mayBeLost = true;
  }

  /** Called while the sender waits, so what is on disk now was there before it sent. */
  async function onUse(use: Use): Promise<void> {
    const generation = generations.get(use.token);
    note(`${use.by} sends ${short(use.token)}, generation ${generation}`);
    if (generation !== undefined && use.successor !== undefined) generations.set(use.successor, generation + 1);
    if (use.lost) excused.add(use);
    const earlier = issuer.uses.filter(each => each.token === use.token && each !== use);
    if (earlier.length > 1) fail(`${short(use.token)} is sent a third time, by ${use.by}`);
    for (const each of earlier) {
      if (excused.has(each)) continue;
      await deathOf(each);
      if (!excused.has(each)) fail(`${short(use.token)} was answered to ${each.by}, and ${use.by} sends it again`);
    }
    if (use.family === 'unknown') fail(`${use.by} sends a token that was never issued`);
    const { ledger } = await world.lock.peek('a');
    if (ledger?.signedOutAt !== undefined) return;
    if (ledger?.intent === undefined) fail(`${use.by} sends ${short(use.token)} and no mark is on disk`);
    else if (generation !== undefined && ledger.generation !== generation) {
      fail(`${use.by} sends generation ${generation}, the mark is of ${ledger.generation}`);
    }
  }
  issuer.onUse = onUse;

  return {
    onUse,
    note,
    count,
    fail,
    get family() {
      return family;
    },
    get shouldLive() {
      return !isSignedOut && !mayBeLost;
    },
    heard(window: TestWindow, what: string, reply: Reply) {
      const { outcome, error, generation, token } = reply;
      note(
        `${window.name} ${what}: ${outcome} ${error?.code ?? ''} ${generation} ${short(token)} ${JSON.stringify(error?.data ?? {})}`,
      );
      count(`${what} ${outcome}${error ? ` ${error.code}` : ''}`);
      if (error?.code === 'internal') fail(`${window.name} ${what}: internal ${JSON.stringify(error.data)}`);
    },
    signedIn({ refresh_token }: ReturnType<StrictIssuer['signIn']>, generation: number) {
      generations.set(refresh_token, generation);
      family = refresh_token.split('-')[1];
      isSignedOut = false;
      mayBeLost = false;
    },
    signedOut() {
      isSignedOut = true;
    },
    /** After a sign-in or sign-out that failed half way, either state is allowed. */
    unsettled() {
      mayBeLost = true;
    },
    async died(window: TestWindow) {
      note(`${window.name} is dead`);
      count('killed');
      await died(window);
    },
    lostAnswers: () => issuer.uses.some(use => use.family === family && excused.has(use)),
    verdict(): Verdict {
      for (const revoked of issuer.revoked) {
        const reuses = issuer.uses.filter(use => use.family === revoked && use.revoked);
        const explained = reuses.every(reuse =>
          issuer.uses.some(use => use.token === reuse.token && use !== reuse && excused.has(use)),
        );
        if (!explained) fail(`family ${revoked} is revoked`);
        count(explained ? 'revoked by the one retry' : 'REVOKED');
      }
      for (const { log, name } of world.windows) {
        const spoken = log.find(line => /[ra]t-[0-9a-f]/.test(line));
        if (spoken) fail(`${name} logs a token: ${spoken}`);
      }
      return { broken, seen, story };
    },
  };
}

async function play(world: World, plan: Plan, judge: Judge): Promise<void> {
  const { issuer } = world;
  const slots: TestWindow[] = [];
  const open = async (number: number) => {
    const window = await world.open(plan.windows[number] ?? { lag: 0, flush: 0 });
    slots[number] = window;
    judge.note(`${window.name} opens: ${JSON.stringify(plan.windows[number])}`);
    return window;
  };
  /** Reopens a window that died, as its user would. */
  const at = async (number: number) => {
    const window = slots[number];
    return window && !window.isDead ? window : open(number);
  };
  await Promise.all(plan.windows.map((_, number) => open(number)));

  /** `undefined` if the window is gone, which is a violation only if it hangs. */
  async function asked<Name extends OrderName>(window: TestWindow, name: Name, order: Orders[Name]) {
    try {
      const reply = await window.ask(name, order);
      judge.heard(window, name, reply);
      return reply;
    } catch (error) {
      await gone(window, name, error);
      return undefined;
    }
  }

  async function gone(window: TestWindow, name: string, error: unknown): Promise<void> {
    if (!(error instanceof WindowGone)) throw error;
    if (error.how === 'hung') {
      judge.fail(`${window.name} hangs in ${name}`);
      await window.end();
    }
    await judge.died(window);
  }

  /** Sends an order that only prepares the next step, so it may be skipped if the window is gone. */
  async function tell<Name extends OrderName>(window: TestWindow, name: Name, order: Orders[Name]): Promise<void> {
    if (!window.isDead) await window.ask(name, order).catch(error => gone(window, name, error));
  }

  const refresh = (window: TestWindow) => asked(window, 'refresh', { id: 'a', askedBy: 'timer' });

  async function signIn(window: TestWindow): Promise<Reply | undefined> {
    const raw = issuer.signIn();
    const reply = await asked(window, 'signIn', { id: 'a', raw });
    if (reply?.outcome === 'signedIn') judge.signedIn(raw, reply.generation);
    else judge.unsettled();
    return reply;
  }

  /** Arranges that the window receives the signal at this moment of its next refresh. */
  async function aim(window: TestWindow, when: Moment, signal: 'SIGKILL' | 'SIGSTOP', ms: number): Promise<void> {
    if (signal === 'SIGSTOP') void window.resumeAfter(ms / speed);
    if (typeof when === 'object') await tell(window, 'faults', { faults: [], signal: { call: when.call, signal } });
    else if (when !== 'inFlight') await tell(window, 'wire', { when, signal });
    else {
      let isHit = false;
      issuer.onUse = async use => {
        if (use.pid === window.pid && !isHit) {
          isHit = true;
          window.process.kill(signal);
        }
        await judge.onUse(use);
      };
    }
  }

  async function heal(): Promise<void> {
    judge.note('healed');
    for (const window of slots) {
      if (window.isDead) continue;
      await tell(window, 'faults', { faults: [] });
      await tell(window, 'store', {});
    }
  }

  await signIn(await at(0));
  for (const step of plan.steps) {
    judge.note(JSON.stringify(step));
    judge.count(`step ${step.do}`);
    await take(step);
  }

  async function take(step: Step): Promise<void> {
    switch (step.do) {
      case 'refresh':
        await Promise.all(step.by.map(async number => refresh(await at(number))));
        return;
      case 'answer':
        issuer.next(step.answer);
        return;
      case 'faults':
        await tell(await at(step.by), 'faults', { faults: step.faults });
        return;
      case 'faultsInFlight': {
        const window = await at(step.by);
        let isArmed = false;
        issuer.onUse = async use => {
          await judge.onUse(use);
          if (use.pid !== window.pid || isArmed) return;
          isArmed = true;
          await tell(window, 'faults', { faults: step.faults });
        };
        await refresh(window);
        issuer.onUse = judge.onUse;
        return;
      }
      case 'diskFull':
        for (const window of slots) {
          if (window.isDead) continue;
          const full = { operation: 'anyWrite', code: 'ENOSPC', after: 1, times: 1_000_000 } as const;
          await tell(window, 'faults', { faults: [full] });
        }
        return;
      case 'heal':
        return heal();
      case 'storeFails':
        await tell(await at(step.by), 'store', { fail: step.how });
        return;
      case 'stop':
      case 'kill': {
        const window = await at(step.by);
        const isStop = step.do === 'stop';
        await aim(window, step.when, isStop ? 'SIGSTOP' : 'SIGKILL', isStop ? step.ms : 0);
        const first = refresh(window);
        // Meanwhile the waiting windows find out the outcome.
        await pause(20);
        const others = slots.filter(other => other !== window && !other.isDead).map(refresh);
        await Promise.all([first, ...others]);
        issuer.onUse = judge.onUse;
        if (!window.isDead) {
          await tell(window, 'faults', { faults: [] });
          await tell(window, 'wire', {});
        }
        return;
      }
      case 'restart': {
        const window = await at(step.by);
        await world.begin(window, plan.windows[step.by]).catch(error => gone(window, 'begin', error));
        return;
      }
      case 'signIn':
        await signIn(await at(step.by));
        return;
      case 'signOut': {
        const window = await at(step.by);
        const reply = await asked(window, 'signOut', { id: 'a' });
        if (reply?.outcome === 'signedOut') judge.signedOut();
        else judge.unsettled();
        return;
      }
      case 'shift':
        await tell(await at(step.by), 'shift', { by: step.ms });
        return;
      case 'pause':
        return pause(step.ms / speed);
    }
  }

  /** On a busy machine the lock can be lost for no other reason. Nothing is sent then, so asking again is right. */
  async function persistently(ask: () => Promise<Reply | undefined>): Promise<Reply | undefined> {
    let reply = await ask();
    for (let more = 3; more > 0 && reply?.error?.code.startsWith('lock_'); more--) reply = await ask();
    return reply;
  }

  // Whatever happened, nothing may be lost, and a new sign-in must work.
  await heal();
  issuer.behave();
  const shouldLive = judge.shouldLive && !judge.lostAnswers();
  if (shouldLive) {
    const results: (string | undefined)[] = [];
    for (const window of [...slots, ...slots]) {
      if (!window.isDead) results.push((await refresh(window))?.outcome);
    }
    if (slots.some(window => !window.isDead) && !results.includes('refreshed')) {
      judge.fail(`no window can refresh any more: ${results.join(', ')}`);
    }
  }
  judge.count(shouldLive ? 'kept to the end' : 'may be lost');
  for (const window of [...slots.filter(each => !each.isDead).slice(0, 1), await world.open()]) {
    const reply = await persistently(() => signIn(window));
    if (reply?.outcome !== 'signedIn') {
      judge.fail(`a new sign-in fails: ${reply?.error?.code} ${JSON.stringify(reply?.error?.data)}`);
    }
    const after = await persistently(() => refresh(window));
    if (after?.outcome !== 'refreshed')
      judge.fail(`a refresh after a new sign-in: ${after?.outcome} ${after?.error?.code}`);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}
