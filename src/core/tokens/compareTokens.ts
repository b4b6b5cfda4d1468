/** What two decoded tokens say differently. Nothing here is verified. */
import { isObject, type JsonObject, own } from './json.ts';
import type { DecodedToken } from './jwt.ts';
import { isTimeClaim, numericDate } from './times.ts';

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

function membersOf(token: DecodedToken, part: 'header' | 'payload'): JsonObject {
  if (token.kind === 'opaque') return {};
  if (part === 'header') return token.header;
  return token.kind === 'jws' ? token.payload : {};
}

function difference(part: Difference['part'], name: string, one: JsonObject, other: JsonObject): Difference[] {
  const [before, after] = [own(one, name), own(other, name)];
  if (!Object.hasOwn(one, name)) return [{ part, name, change: 'added', after }];
  if (!Object.hasOwn(other, name)) return [{ part, name, change: 'removed', before }];
  if (isSame(before, after)) return [];
  const isTime = part === 'payload' && isTimeClaim(name);
  const [from, to] = [numericDate(before), numericDate(after)];
  const seconds = isTime && 'at' in from && 'at' in to ? (to.at - from.at) / 1000 : undefined;
  return [{ part, name, change: 'changed', before, after, ...(seconds !== undefined && { seconds }) }];
}

/** The order of members says nothing in JSON; the order of a list does. */
function isSame(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, index) => isSame(item, other[index]));
  }
  if (isObject(one) && isObject(other)) {
    const names = Object.keys(one);
    return (
      names.length === Object.keys(other).length &&
      names.every(name => Object.hasOwn(other, name) && isSame(one[name], other[name]))
    );
  }
  return one === other;
}

/** The members of both tokens in one order, so that a text comparison lines up: those of the first token lead. */
export function inOrderOf(first: JsonObject, second: JsonObject): JsonObject {
  const names = [...Object.keys(first).filter(name => Object.hasOwn(second, name)), ...Object.keys(second)];
  // A prototype would swallow a member called __proto__.
  return Object.assign(Object.create(null), Object.fromEntries([...new Set(names)].map(name => [name, second[name]])));
}
