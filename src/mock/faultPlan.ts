import type { Effect } from './effects.ts';
import type { Endpoint } from './endpoints.ts';
import { type Fault, type FaultType, type Strike, strikeOf } from './faults.ts';
import { seededRandom } from './random.ts';

/** When a standing fault strikes. Both limits may be given. */
export interface FaultOdds {
  /** It goes away after so many strikes. */
  readonly times?: number;
  /** 0 to 1; 1 by default. */
  readonly probability?: number;
  /** The same seed gives the same row of hits and misses; 1 by default. */
  readonly seed?: number;
}

/** A fault as options carry it. */
export type FaultSetting = Fault & FaultOdds;

export interface FaultPlan {
  /** The next `n` requests at the fault's endpoints get this fault (or these together); what was asked for first goes first. */
  next(n: number, fault: Fault | readonly Fault[]): void;
  /** A fault that stands until it has struck `times` times or is cleared; another of the same type replaces it. */
  set(fault: Fault, odds?: FaultOdds): void;
  clear(type?: FaultType): void;
  /** What strikes this request; each call uses up what has a limit. */
  strikes(endpoint: Endpoint): readonly Strike[];
}

interface Queued {
  left: number;
  readonly strikes: readonly Strike[];
}

interface Standing {
  left: number;
  readonly strike: Strike;
  readonly hits: () => boolean;
}

const nothing: readonly Strike[] = [];
export const noEffects: readonly Effect[] = [];

export function createFaultPlan(settings: readonly FaultSetting[] = []): FaultPlan {
  let queue: Queued[] = [];
  let standing: Standing[] = [];

  const plan: FaultPlan = {
    next(n, fault) {
      const faults = Array.isArray(fault) ? (fault as readonly Fault[]) : [fault as Fault];
      if (n > 0) queue.push({ left: n, strikes: faults.map(strikeOf) });
    },
    set(fault, odds = {}) {
      const { times = Number.POSITIVE_INFINITY, probability = 1, seed = 1 } = odds;
      const strike = strikeOf(fault);
      const random = seededRandom(seed);
      plan.clear(fault.type);
      standing.push({ left: times, strike, hits: () => random() < probability });
    },
    clear(type) {
      queue = type === undefined ? [] : queue.filter(entry => entry.strikes.every(strike => strike.type !== type));
      standing = type === undefined ? [] : standing.filter(entry => entry.strike.type !== type);
    },
    strikes(endpoint) {
      if (queue.length === 0 && standing.length === 0) return nothing;
      const struck: Strike[] = [];
      const first = queue.find(entry => entry.strikes.some(strike => strike.at.includes(endpoint)));
      if (first !== undefined) {
        first.left -= 1;
        struck.push(...first.strikes.filter(strike => strike.at.includes(endpoint)));
      }
      for (const entry of standing) {
        if (!entry.strike.at.includes(endpoint) || !entry.hits()) continue;
        entry.left -= 1;
        struck.push(entry.strike);
      }
      queue = queue.filter(entry => entry.left > 0);
      standing = standing.filter(entry => entry.left > 0);
      return struck;
    },
  };

  for (const setting of settings) plan.set(setting, setting);
  return plan;
}
