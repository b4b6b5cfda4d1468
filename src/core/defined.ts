/** The same without members that are undefined, so that it compares and serializes as what it holds. */
export function defined<T extends object>(value: { [K in keyof T]?: T[K] | undefined }): T {
  const present: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) if (item !== undefined) present[name] = item;
  return present as T;
}
