import type { Claims } from './effects.ts';
import type { Of } from './shape.ts';
import { anything, isObject, list, needed, object, oneOf, optional, text } from './shape.ts';

/* RFC 6902, for metadata and answers that a test wants otherwise. */

const pointer = text('a JSON Pointer, /name for instance', value => /^(?:\/(?:[^~]|~[01])*)*$/.test(value));

export const patchShape = list(
  object({
    op: needed(oneOf(['add', 'remove', 'replace']), 'What is done.'),
    path: needed(pointer, 'Where, as a JSON Pointer (RFC 6901).'),
    value: optional(anything, 'The new value.'),
  }),
  'an array of operations',
);
export type Patch = Of<typeof patchShape>;

/** A changed copy. What a path does not lead to stays as it is: answers differ, and one patch is for all of them. */
export function patched(document: Claims, patch: Patch): Claims {
  if (patch.length === 0) return document;
  const copy: Claims = structuredClone(document);
  for (const { op, path, value } of patch) {
    const names = path
      .split('/')
      .slice(1)
      .map(name => name.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = names.pop();
    let target: unknown = copy;
    for (const name of names)
      target = isObject(target) || Array.isArray(target) ? Reflect.get(target, name) : undefined;
    if (last === undefined || last === '__proto__' || typeof target !== 'object' || target === null) continue;
    if (Array.isArray(target)) {
      const index = last === '-' ? target.length : Number(last);
      if (!Number.isInteger(index) || index < 0 || index > target.length) continue;
      if (op === 'add') target.splice(index, 0, value);
      else target.splice(index, 1, ...(op === 'replace' ? [value] : []));
    } else if (op === 'remove') Reflect.deleteProperty(target, last);
    else Reflect.set(target, last, value);
  }
  return copy;
}
