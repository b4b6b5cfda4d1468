/** JSON.parse, and what it keeps to itself: members that come twice, and how deep the text goes. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** Deeper texts are refused: no token needs it, and whoever renders them would suffer. */
export const depthLimit = 100;

/** A member that comes twice in one object. JSON.parse keeps the last; other readers keep the first. */
export interface DuplicateMember {
  readonly member: string;
  /** JSON Pointer (RFC 6901). */
  readonly path: string;
}

/** As many duplicates as are named; one is enough to distrust a text. */
const duplicatesNamed = 16;

export type JsonReading =
  | { readonly ok: true; readonly value: unknown; readonly duplicates: readonly DuplicateMember[] }
  | { readonly ok: false; readonly reason: 'depth' | 'syntax' };

/** Linear in the text. The value is JSON.parse's own, so `__proto__` in it is a member like any other. */
export function readJson(text: string): JsonReading {
  const written = countMembers(text);
  if (written === undefined) return { ok: false, reason: 'depth' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, reason: 'syntax' };
  }
  // JSON.parse drops what comes twice: only where something is missing is there a name to find.
  return { ok: true, value, duplicates: written === membersIn(value) ? [] : duplicatesIn(text) };
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member of the object itself: a name like `constructor` must not find what every object inherits. */
export function own(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** The members that a JSON text writes, one for each colon that is in no string; `undefined` where it is too deep. */
function countMembers(text: string): number | undefined {
  let members = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) i = endOfString(text, i);
    else if (code === 0x3a) members++;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > depthLimit) return undefined;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return members;
}

/** No deeper than `depthLimit`. */
function membersIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const values = Object.values(value);
  let members = Array.isArray(value) ? 0 : values.length;
  for (const each of values) if (typeof each === 'object') members += membersIn(each);
  return members;
}

interface Frame {
  /** Members seen so far; `undefined` in an array. */
  readonly members: Set<string> | undefined;
  /** The member or index that the scan is in. */
  at: string | number;
  /** The next string is a member's name. */
  nameNext: boolean;
}

/** Of a text that JSON.parse accepts. */
function duplicatesIn(text: string): DuplicateMember[] {
  const duplicates: DuplicateMember[] = [];
  const stack: Frame[] = [];
  let frame: Frame | undefined;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: {
        const start = i;
        i = endOfString(text, i);
        if (!frame?.nameNext || !frame.members) break;
        const name = memberName(text.slice(start, i + 1));
        frame.nameNext = false;
        frame.at = name;
        if (frame.members.has(name) && duplicates.length < duplicatesNamed) {
          duplicates.push({ member: name, path: pointer(stack) });
        }
        frame.members.add(name);
        break;
      }
      case 0x7b:
        frame = { members: new Set(), at: '', nameNext: true };
        stack.push(frame);
        break;
      case 0x5b:
        frame = { members: undefined, at: 0, nameNext: false };
        stack.push(frame);
        break;
      case 0x7d:
      case 0x5d:
        stack.pop();
        frame = stack.at(-1);
        break;
      case 0x2c:
        if (frame?.members) frame.nameNext = true;
        else if (typeof frame?.at === 'number') frame.at++;
        break;
    }
  }
  return duplicates;
}

/** The offset of the closing quote, or of the text's end. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

function isEscaped(text: string, quote: number): boolean {
  let at = quote - 1;
  while (text.charCodeAt(at) === 0x5c) at--;
  return (quote - at) % 2 === 0;
}

/** `"\u0061ud"` and `"aud"` are one name. */
function memberName(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return String(JSON.parse(quoted));
  } catch {
    return quoted.slice(1, -1);
  }
}

function pointer(stack: readonly Frame[]): string {
  return stack.map(({ at }) => `/${String(at).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
