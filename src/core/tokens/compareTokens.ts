/** What two decoded tokens say differently. Nothing here is verified. */
import { type JsonObject, own, sameData } from './json.ts';
import { type DecodedToken, membersOf } from './jwt.ts';
import { isTimeClaim, numericDate } from './tokenParts.ts';

export interface Difference {
  readonly part: 'header' | 'payload';
  readonly name: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly before?: unknown;
  readonly after?: unknown;
  /** Of two times: by how many seconds the second token's is later. */
  readonly seconds?: number;
}

/** Member by member, in the order of the first token and then of the second. */
export function compareTokens(before: DecodedToken, after: DecodedToken): Difference[] {
  return (['header', 'payload'] as const).flatMap(part => {
    return compareMembers(part, membersOf(before, part), membersOf(after, part));
  });
}

/** The same of one part, whatever says it. */
export function compareMembers(part: Difference['part'], one: JsonObject, other: JsonObject): Difference[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].flatMap(name => difference(part, name, one, other));
}

function difference(part: Difference['part'], name: string, one: JsonObject, other: JsonObject): Difference[] {
  const [before, after] = [own(one, name), own(other, name)];
  if (!Object.hasOwn(one, name)) return [{ part, name, change: 'added', after }];
  if (!Object.hasOwn(other, name)) return [{ part, name, change: 'removed', before }];
  if (sameData(before, after)) return [];
  const isTime = part === 'payload' && isTimeClaim(name);
  const [from, to] = [numericDate(before), numericDate(after)];
  const seconds = isTime && 'at' in from && 'at' in to ? (to.at - from.at) / 1000 : undefined;
  return [{ part, name, change: 'changed', before, after, ...(seconds !== undefined && { seconds }) }];
}

/** The members of both tokens in one order, so that a text comparison lines up: those of the first token lead. */
export function inOrderOf(first: JsonObject, second: JsonObject): JsonObject {
  const names = [...Object.keys(first).filter(name => Object.hasOwn(second, name)), ...Object.keys(second)];
  // A prototype would swallow a member called __proto__.
  return Object.assign(Object.create(null), Object.fromEntries([...new Set(names)].map(name => [name, second[name]])));
}
