/** Throws TypeError, as the others here do, naming the option that is wrong. */
export function oneOf<T extends string>(name: string, allowed: readonly T[], value: T): T {
  if (!allowed.includes(value)) throw new TypeError(`${name}: one of ${allowed.join(', ')} is needed`);
  return value;
}

export function string(name: string, value: string): string {
  if (typeof value !== 'string') throw new TypeError(`${name}: a string is needed`);
  return value;
}

export function strings(name: string, value: readonly string[]): readonly string[] {
  if (!Array.isArray(value)) throw new TypeError(`${name}: an array is needed`);
  for (const each of value) string(name, each);
  return value;
}
