import { type AnyRow, type Endpoint, endpoints } from './effects.ts';
import { faultTable } from './faultTable.ts';
import type { Effect } from './http.ts';
import { grantTypes } from './registry.ts';
import {
  either,
  type Input,
  isObject,
  type JsonSchema,
  list,
  needed,
  numeric,
  object,
  oneOf,
  optional,
  read,
  type Shape,
  shape,
  wholeNumber,
} from './shape.ts';
import { seededRandom } from './shelf.ts';

type Table = typeof faultTable;
export type FaultType = keyof Table;

/** Which requests a fault affects. */
interface Aim {
  readonly at?: Endpoint | readonly Endpoint[];
  readonly grant_type?: string | readonly string[];
}

/**
 * One fault as plain JSON: `{ type, at?, grant_type?, ...parameters }`. `at` replaces the endpoints at which it strikes
 * by default.
 */
export type Fault = {
  [K in FaultType]: { readonly type: K } & Aim & Input<Table[K]['parameters']>;
}[FaultType];

/** How often a fault that was set strikes. */
const oddsFields = {
  times: optional(
    wholeNumber('a whole number from 1 on', 1),
    'Removes the fault after it has affected this many requests.',
    'until it is cleared',
  ),
  probability: optional(numeric('a number from 0 to 1', 0, 1), 'Probability that a request is affected.', '1'),
  seed: optional(numeric('a number'), 'The same seed gives the same sequence of hits and misses.', '1'),
};

/** A fault in options and in the control API. */
export type FaultSetting = Fault & Input<typeof oddsFields>;

export const faultTypes = Object.keys(faultTable) as readonly FaultType[];
export const faultRows: Readonly<Record<FaultType, AnyRow>> = faultTable;

// Any grant, because a request for one that the mock refuses can fail in other ways. The schema offers those it has.
const grantType = shape<string>(
  'a grant type',
  { type: 'string', examples: grantTypes },
  value => typeof value === 'string' && value !== '',
);
const at = either(oneOf(endpoints), list(oneOf(endpoints)));
/** Members that every fault may have. */
export const faultFields = {
  at: optional(at, 'The endpoint or endpoints that the fault affects.', 'as in the table'),
  grant_type: optional(
    either(grantType, list(grantType)),
    'Affects only token requests with this grant type, or with one of these: `refresh_token` spares a sign-in and a device that polls.',
    'every request',
  ),
  ...oddsFields,
};

const shapes = new Map(
  faultTypes.map(type => [
    type,
    object({ type: needed(oneOf([type]), faultRows[type].title), ...faultRows[type].parameters, ...faultFields }),
  ]),
);

export const faultShape: Shape<FaultSetting> = {
  expected: 'a fault, an object with type',
  schema: looseSchema(),
  check(value, field, problems) {
    if (!isObject(value)) {
      problems.push({ field, expected: 'a fault, an object with type' });
      return;
    }
    const ofType = shapes.get(value.type as FaultType);
    if (ofType === undefined) problems.push({ field: `${field}.type`, expected: `one of ${faultTypes.join(', ')}` });
    else ofType.check(value, field, problems);
    // It would never strike.
    const [type, at] = [value.type as FaultType, value.at as Fault['at']];
    if (ofType !== undefined && value.grant_type !== undefined && !endpointsOf(type, at).includes('token'))
      problems.push({ field: `${field}.grant_type`, expected: 'left out where at does not contain token' });
  },
};

/**
 * One object with the members of all faults, because editors complete that well and would not cope with fifty
 * alternatives. A member that belongs to another fault is rejected when the fault is read.
 */
function looseSchema(): JsonSchema {
  const parameters: Record<string, JsonSchema> = {};
  for (const type of faultTypes)
    for (const [name, { shape, about }] of Object.entries(faultRows[type].parameters))
      parameters[name] ??= { ...shape.schema, description: about };
  const { schema } = object({ type: needed(oneOf(faultTypes), 'The type of the fault.'), ...faultFields });
  const members = Object(schema.properties);
  return {
    ...schema,
    properties: {
      ...members,
      type: { ...members.type, enumDescriptions: faultTypes.map(type => faultRows[type].title) },
      ...parameters,
    },
  };
}

/** Reads faults from a user's JSON. @throws MockOptionError with every problem, before any fault is set */
export function readFaults(value: unknown): readonly FaultSetting[] {
  return read(list(faultShape, 'an array of faults'), value, 'faults');
}

interface Strike {
  readonly type: FaultType;
  readonly at: readonly Endpoint[];
  /** Undefined: every request. */
  readonly grants: readonly string[] | undefined;
  readonly effect: Effect;
}

export interface FaultPlan {
  /**
   * The next `n` requests at the fault's endpoints get this fault, or all of these faults together. Queued faults are
   * used in order.
   */
  next(n: number, fault: Fault | readonly Fault[]): void;
  /** Stays set until it has struck `times` times or is cleared. Replaces a fault of the same type. */
  set(fault: FaultSetting): void;
  clear(type?: FaultType): void;
  /** The faults that are set or queued; `times` is the number of strikes left. */
  readonly active: readonly FaultSetting[];
  /** Whether `strikes` needs the grant type of a request at this endpoint. */
  readsGrant(endpoint: Endpoint): boolean;
  /** The faults that strike this request. Each call counts against their limits. */
  strikes(endpoint: Endpoint, grantType?: string): readonly Strike[];
}

interface Queued {
  left: number;
  readonly faults: readonly Fault[];
  readonly strikes: readonly Strike[];
}

interface Standing {
  left: number;
  readonly fault: FaultSetting;
  readonly strike: Strike;
  readonly hits: () => boolean;
}

const nothing: readonly Strike[] = [];

export function createFaultPlan(settings: readonly FaultSetting[] = []): FaultPlan {
  let queue: Queued[] = [];
  let standing: Standing[] = [];

  const plan: FaultPlan = {
    next(n, fault) {
      const faults = readFaults([fault].flat());
      if (n > 0) queue.push({ left: n, faults, strikes: faults.map(strikeOf) });
    },
    set(setting) {
      const fault = read(faultShape, setting, 'fault');
      const { times = Number.POSITIVE_INFINITY, probability = 1, seed = 1 } = fault;
      const random = seededRandom(seed);
      plan.clear(fault.type);
      standing.push({ left: times, fault, strike: strikeOf(fault), hits: () => random() < probability });
    },
    clear(type) {
      queue = type === undefined ? [] : queue.filter(entry => entry.strikes.every(strike => strike.type !== type));
      standing = type === undefined ? [] : standing.filter(entry => entry.strike.type !== type);
    },
    get active() {
      return [
        ...queue.flatMap(({ faults, left }) => faults.map(fault => ({ ...fault, times: left }))),
        ...standing.map(({ fault, left }) => (Number.isFinite(left) ? { ...fault, times: left } : fault)),
      ];
    },
    readsGrant(endpoint) {
      const needsIt = ({ at, grants }: Strike) => grants !== undefined && at.includes(endpoint);
      return standing.some(({ strike }) => needsIt(strike)) || queue.some(({ strikes }) => strikes.some(needsIt));
    },
    strikes(endpoint, grantType = '') {
      if (queue.length === 0 && standing.length === 0) return nothing;
      const isMeant = ({ at, grants }: Strike) => at.includes(endpoint) && grants?.includes(grantType) !== false;
      const struck: Strike[] = [];
      const first = queue.find(entry => entry.strikes.some(isMeant));
      if (first !== undefined) {
        first.left -= 1;
        struck.push(...first.strikes.filter(isMeant));
      }
      for (const entry of standing) {
        if (!isMeant(entry.strike) || !entry.hits()) continue;
        entry.left -= 1;
        struck.push(entry.strike);
      }
      queue = queue.filter(entry => entry.left > 0);
      standing = standing.filter(entry => entry.left > 0);
      return struck;
    },
  };

  for (const setting of settings) plan.set(setting);
  return plan;
}

function strikeOf(fault: Fault): Strike {
  const { type, at, grant_type } = fault;
  const grants = grant_type === undefined ? undefined : [grant_type].flat();
  return { type, at: endpointsOf(type, at), grants, effect: effectOf(fault) };
}

function endpointsOf(type: FaultType, at: Fault['at']): readonly Endpoint[] {
  return at === undefined ? faultRows[type].at : [at].flat();
}

/** What this fault does to one exchange. */
export function effectOf(fault: Fault): Effect {
  // The cast is safe: the shape was checked, so the parameters are those of the row.
  return faultRows[fault.type].effect(fault as never);
}
