import { rm } from 'node:fs/promises';
import { buildScripts, startRig, World } from './world.ts';

export interface KillsResult {
  /** Milliseconds between a response and its durable record. */
  readonly window: { readonly p50: number; readonly p99: number; readonly refreshes: number };
  /** By milliseconds between the response being sent and the kill: how many kills lost the token. */
  readonly kills: readonly { readonly after: number; readonly lost: number; readonly of: number }[];
}

const delays = [0, 1, 2, 5, 10, 20];

/** Real time, as for a user. */
const realTime = { pace: 1, lag: 0, flush: 100 };

/**
 * Measures how long a response is in memory only, and what a kill in that time costs. The time cannot be zero: between
 * the issuer's last byte and the first write, the process can always be killed.
 */
export async function measureKills(rounds: number, progress: (text: string) => void): Promise<KillsResult> {
  const scripts = await buildScripts();
  const rig = await startRig(scripts);
  try {
    const times = await inMemory(rig, rounds * 20);
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    const kills: { after: number; lost: number; of: number }[] = [];
    for (const after of delays) {
      let lost = 0;
      for (let round = 0; round < rounds; round++) if (await isLost(rig, after)) lost++;
      kills.push({ after, lost, of: rounds });
      progress(`killed after ${after} ms: ${lost} of ${rounds} lost`);
    }
    return { window: { p50: at(0.5), p99: at(0.99), refreshes: times.length }, kills };
  } finally {
    await rig.close();
    await rm(scripts.folder, { recursive: true, force: true });
  }
}

type Rig = Awaited<ReturnType<typeof startRig>>;

async function inMemory(rig: Rig, refreshes: number): Promise<number[]> {
  const world = await World.begin(rig);
  try {
    const window = await world.open(realTime);
    await window.ask('signIn', { id: 'a', raw: world.issuer.signIn() });
    const times: number[] = [];
    for (let refresh = 0; refresh < refreshes; refresh++) {
      const { outcome, inMemory } = await window.ask('refresh', { id: 'a', askedBy: 'timer' });
      if (outcome !== 'refreshed') throw new Error(`a refresh on a healthy disk: ${outcome}`);
      times.push(inMemory);
    }
    return times.sort((one, other) => one - other);
  } finally {
    await world.end();
  }
}

/** Kills a window during one refresh. Resolves with whether the next window lacks what the issuer returned. */
async function isLost(rig: Rig, after: number): Promise<boolean> {
  const world = await World.begin(rig);
  try {
    const window = await world.open(realTime);
    await window.ask('signIn', { id: 'a', raw: world.issuer.signIn() });
    // A first refresh, so that connections are open and code is compiled, as for every later refresh.
    await window.ask('refresh', { id: 'a', askedBy: 'timer' });
    world.issuer.onAnswered = () => {
      if (after === 0) window.kill();
      else setTimeout(() => window.kill(), after);
    };
    await window.ask('refresh', { id: 'a', askedBy: 'timer' }).catch(() => {});
    await window.end();
    const next = await world.open(realTime);
    const { token } = await next.ask('state', { id: 'a' });
    return token !== world.issuer.uses.at(-1)?.successor;
  } finally {
    await world.end();
  }
}
