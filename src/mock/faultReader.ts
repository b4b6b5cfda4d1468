import type { FaultSetting } from './faultPlan.ts';
import { type FaultType, faultTypes, strikeOf } from './faults.ts';
import type { faultTable } from './faultTable.ts';

/** What a parameter may be; with `!` it cannot be left out. */
type Kind = `${'number' | 'text' | 'yes or no' | 'anything'}${'' | '!'}` | 'access_token | id_token';
type Names<T extends FaultType> = keyof Parameters<(typeof faultTable)[T]['effect']>[0];

const token = { token: 'access_token | id_token' } as const;
const commit = { commit: 'yes or no' } as const;

/** The parameters of every fault: for one that is misspelt or forgotten would make a fault do nothing, silently. */
const parameters: { readonly [T in FaultType]: { readonly [P in Names<T>]-?: Kind } } = {
  delay: { ms: 'number!', after: 'yes or no' },
  dropBeforeCommit: {},
  dropAfterCommit: {},
  truncate: {},
  tooManyRequests: { retryAfter: 'number', asDate: 'yes or no' },
  serverError: { status: 'number', ...commit },
  htmlOk: commit,
  htmlBadRequest: {},
  emptyBadRequest: {},
  invalidJson: commit,
  redirect: { location: 'text!', status: 'number' },
  oauthError: { error: 'text!', status: 'number', description: 'text' },
  wrongSignature: {},
  unknownKid: {},
  wrongIss: { ...token, iss: 'text' },
  wrongAud: { ...token, aud: 'text' },
  wrongSub: { ...token, sub: 'text' },
  expiredAtBirth: { ...token, by: 'number' },
  nbfInFuture: { ...token, by: 'number' },
  claim: { ...token, name: 'text!', value: 'anything' },
  header: { name: 'text!', value: 'anything' },
  algNone: {},
  clockSkew: { by: 'number!' },
  expiresInMissing: {},
  expiresIn: { literal: 'text!' },
  refreshTokenMissing: {},
  idTokenMissing: {},
  tokenType: { value: 'text!' },
  member: { name: 'text!', value: 'anything' },
  responseParameter: { name: 'text!', value: 'text' },
  authorizationError: { error: 'text!', description: 'text' },
  jwksDown: { status: 'number' },
  jwksSlow: { ms: 'number!' },
  jwksStale: {},
  jwksHtml: {},
  jwksEmpty: {},
  otherIssuer: { issuer: 'text' },
};

/**
 * Faults as somebody else's JSON describes them. All of them are read before any is set.
 * @throws TypeError that begins with the path of what is wrong: `faults[0].times: a whole number from 1 on`
 */
export function readFaults(value: unknown): readonly FaultSetting[] {
  if (!Array.isArray(value)) throw new TypeError('faults: an array');
  return value.map((each: unknown, index) => readFault(each, `faults[${index}]`));
}

function readFault(value: unknown, path: string): FaultSetting {
  if (typeof value !== 'object' || value === null) throw new TypeError(`${path}: an object with type`);
  const fields = new Map(Object.entries(value));
  const type = faultTypes.find(each => each === fields.get('type'));
  if (type === undefined) throw new TypeError(`${path}.type: one of ${faultTypes.join(', ')}`);
  const known = new Map<string, Kind>(Object.entries(parameters[type]));
  for (const [name, kind] of known) {
    const given = fields.get(name);
    if (given === undefined ? kind.endsWith('!') : !fits(given, kind))
      throw new TypeError(`${path}.${name}: ${kind.replace('!', '')}`);
  }
  for (const [name, given] of fields) {
    const odd = oddity(name, given);
    if (odd !== undefined) throw new TypeError(`${path}.${name}: ${odd}`);
    if (!common.has(name) && !known.has(name))
      throw new TypeError(`${path}.${name}: ${[...known.keys(), ...common].join(', ')}`);
  }
  // Checked member by member above, which the union of all faults cannot be told.
  const fault = value as FaultSetting;
  try {
    strikeOf(fault);
  } catch (error) {
    throw new TypeError(`${path}.at: ${error instanceof Error ? error.message : 'an endpoint'}`);
  }
  return fault;
}

const common: ReadonlySet<string> = new Set(['type', 'at', 'times', 'probability', 'seed']);

function fits(value: unknown, kind: Kind): boolean {
  if (kind.startsWith('anything')) return true;
  if (kind.startsWith('number')) return typeof value === 'number' && Number.isFinite(value);
  if (kind.startsWith('text')) return typeof value === 'string';
  if (kind.startsWith('yes')) return typeof value === 'boolean';
  return value === 'access_token' || value === 'id_token';
}

/** What the members that every fault may have are meant to be, where this one is not. */
function oddity(name: string, value: unknown): string | undefined {
  const isNumber = typeof value === 'number' && Number.isFinite(value);
  if (name === 'times' && !(isNumber && Number.isInteger(value) && value >= 1)) return 'a whole number from 1 on';
  if (name === 'probability' && !(isNumber && value >= 0 && value <= 1)) return 'a number from 0 to 1';
  if (name === 'seed' && !isNumber) return 'a number';
  return undefined;
}
