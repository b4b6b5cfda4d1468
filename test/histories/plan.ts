import { type FsFault, fsOperations } from './faultyFs.ts';
import type { Answer } from './issuer.ts';

/** What happens in one history. Windows are identified by number. Times are in the windows' milliseconds. */
export type Step =
  | { readonly do: 'refresh'; readonly by: readonly number[] }
  | { readonly do: 'answer'; readonly answer: Answer }
  | { readonly do: 'faults'; readonly by: number; readonly faults: readonly FsFault[] }
  /** The faults start when the issuer has received a request of this window. */
  | { readonly do: 'faultsInFlight'; readonly by: number; readonly faults: readonly FsFault[] }
  | { readonly do: 'diskFull' | 'heal' }
  | { readonly do: 'storeFails'; readonly by: number; readonly how: 'throw' | 'empty' }
  /** `by` refreshes and is stopped at this moment, for this long; then all others refresh. */
  | { readonly do: 'stop'; readonly by: number; readonly when: Moment; readonly ms: number }
  | { readonly do: 'kill'; readonly by: number; readonly when: Moment }
  | { readonly do: 'restart' | 'signIn' | 'signOut'; readonly by: number }
  | { readonly do: 'shift'; readonly by: number; readonly ms: number }
  | { readonly do: 'pause'; readonly ms: number };

/**
 * `inFlight`: the issuer has the request, but nobody has the response yet. `call`: before this many calls of the file
 * system.
 */
export type Moment = 'beforeWire' | 'inFlight' | 'afterAnswer' | { readonly call: number };

export interface Plan {
  readonly seed: number;
  readonly windows: readonly { readonly lag: number | 'never'; readonly flush: number }[];
  readonly steps: readonly Step[];
}

export interface Random {
  /** From 0 to `below`, exclusive. */
  number(below: number): number;
  of<T>(list: readonly T[]): T;
}

/** The same seed gives the same sequence on every machine (mulberry32). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  // Neighbouring seeds start with similar numbers, so the first ones are skipped.
  for (let round = 0; round < 5; round++) next();
  return {
    number: below => Math.floor(next() * below),
    of<T>(list: readonly T[]): T {
      return list[Math.floor(next() * list.length)] as T;
    },
  };
}

export const errnos = ['ENOSPC', 'EBUSY', 'EACCES', 'EIO', 'EMFILE', 'EROFS', 'SHORT'] as const;

const kinds = [
  ...['refresh', 'refresh', 'refresh', 'together', 'together', 'answer', 'faults', 'faults', 'faults', 'diskFull'],
  ...[
    'faultsInFlight',
    'faultsInFlight',
    'heal',
    'storeFails',
    'stop',
    'stop',
    'kill',
    'restart',
    'signIn',
    'signOut',
    'shift',
    'pause',
  ],
] as const;

const answers: readonly Answer[] = [
  { how: 'drop' },
  { how: 'refuse' },
  { how: 'error', status: 500 },
  { how: 'error', status: 503 },
  { how: 'send', after: 30 },
];

export function planHistory(seed: number): Plan {
  const random = createRandom(seed);
  const windows = Array.from({ length: 2 + random.number(2) }, () => ({
    lag: random.of([0, 100, 500, 1500, 'never'] as const),
    flush: random.of([0, 0, 100]),
  }));
  const one = () => random.number(windows.length);
  const moment = (): Moment =>
    random.of<() => Moment>([
      () => 'beforeWire',
      () => 'inFlight',
      () => 'afterAnswer',
      () => ({ call: 1 + random.number(90) }),
      () => ({ call: 1 + random.number(90) }),
    ])();
  const step = (): Step => {
    const kind = random.of(kinds);
    switch (kind) {
      case 'refresh':
        return { do: 'refresh', by: [one()] };
      case 'together':
        return { do: 'refresh', by: windows.map((_, number) => number) };
      case 'answer':
        return { do: 'answer', answer: random.of(answers) };
      case 'faults':
      case 'faultsInFlight':
        return { do: kind, by: one(), faults: Array.from({ length: 1 + random.number(3) }, () => fault(random)) };
      case 'diskFull':
      case 'heal':
        return { do: kind };
      case 'storeFails':
        return { do: kind, by: one(), how: random.of(['throw', 'empty']) };
      case 'stop':
        return { do: 'stop', by: one(), when: moment(), ms: random.of([3000, 14_000]) };
      case 'kill':
        return { do: 'kill', by: one(), when: moment() };
      case 'restart':
      case 'signIn':
      case 'signOut':
        return { do: kind, by: one() };
      case 'shift':
        return { do: 'shift', by: one(), ms: random.of([-3600_000, 9 * 3600_000]) };
      case 'pause':
        return { do: 'pause', ms: random.of([100, 1500]) };
    }
  };
  return { seed, windows, steps: Array.from({ length: 3 + random.number(6) }, step) };
}

function fault(random: Random): FsFault {
  const operation = random.of<FsFault['operation']>([...fsOperations, ...(['any', 'anyWrite', 'write'] as const)]);
  const code = random.of(errnos);
  const suffix = random.of([undefined, undefined, '.ledger', '.journal', '.signed-out', 'ledger', 'journal'] as const);
  return {
    operation: code === 'SHORT' ? 'write' : operation,
    code,
    after: 1 + random.number(random.of([1, 3, 12])),
    times: random.of([1, 2, 5, 1_000_000]),
    ...(suffix !== undefined && { suffix }),
  };
}
