/** JSON.parse, and what it keeps to itself: members that come twice, and how deep the text goes. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** Deeper texts are refused: no token needs it, and rendering them would be slow. */
export const depthLimit = 100;

/** A member that comes twice in one object. JSON.parse keeps the last; other readers keep the first. */
export interface DuplicateMember {
  readonly member: string;
  /** JSON Pointer (RFC 6901). */
  readonly path: string;
}

/** As many duplicates as are named; one is enough to distrust a text. */
const duplicatesNamed = 16;

/** A number that JavaScript cannot hold as it is written: beyond 2^53, or with more digits than a double has. */
export interface RoundedNumber {
  /** As it is written. */
  readonly written: string;
  /** JSON Pointer (RFC 6901). */
  readonly path: string;
}

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

/** Where a text stops being JSON. Lines and columns count from 1; `expected` is what should stand there. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  readonly expected: 'value' | 'name' | 'colon' | 'comma' | 'end' | 'quote';
}

/** For the person who has to correct the text: JSON.parse says it in words of the engine alone. */
export function jsonFault(text: string): JsonFault | undefined {
  const lexeme =
    /[ \t\r\n]*(?:("(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)|([{}[\],:]))/y;
  const open: string[] = [];
  let expected: JsonFault['expected'] = 'value';
  let mayClose = false;
  for (;;) {
    const start = lexeme.lastIndex + (/^[ \t\r\n]*/.exec(text.slice(lexeme.lastIndex))?.[0].length ?? 0);
    const [, value, mark] = lexeme.exec(text) ?? [];
    if (value === undefined && mark === undefined && expected === 'end' && start === text.length) return undefined;
    const top = open.at(-1);
    const closes = mark !== undefined && mark === top && (mayClose || expected === 'comma');
    if (closes) {
      open.pop();
      expected = open.length === 0 ? 'end' : 'comma';
    } else if (expected === 'value' && (mark === '{' || mark === '[')) {
      open.push(mark === '{' ? '}' : ']');
      expected = mark === '{' ? 'name' : 'value';
      mayClose = true;
      continue;
    } else if (expected === 'value' && value !== undefined) expected = top === undefined ? 'end' : 'comma';
    else if (expected === 'name' && value?.startsWith('"')) expected = 'colon';
    else if (expected === 'colon' && mark === ':') expected = 'value';
    else if (expected === 'comma' && mark === ',') expected = top === '}' ? 'name' : 'value';
    else {
      const before = text.slice(0, start).split('\n');
      const isOpen = text[start] === '"' && value === undefined;
      return {
        line: before.length,
        column: (before.at(-1)?.length ?? 0) + 1,
        expected: isOpen ? 'quote' : expected,
      };
    }
    mayClose = false;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member of the object itself: a name like `constructor` must not find what every object inherits. */
export function own(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** The same where it is a text. A value of another kind has none: `String()` of an object runs what the object says. */
export function textOf(object: JsonObject, name: string): string | undefined {
  const value = own(object, name);
  return typeof value === 'string' ? value : undefined;
}

/** Any value as a text to show. `String()` of a foreign object runs what the object says, and may throw. */
export function textFrom(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** The number that a value is, or says as text; `NaN` where it is of another kind, as `Number()` of an object may throw. */
export function numberFrom(value: unknown): number {
  return typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN;
}

/** True where two values of plain data (what JSON can hold) hold the same, in whatever order their members stand. */
export function sameData(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every(name => Object.hasOwn(other, name) && sameData(Reflect.get(one, name), Reflect.get(other, name)))
  );
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

/** Of a text that JSON.parse accepts: what it keeps to itself. */
function duplicatesIn(text: string): DuplicateMember[] {
  const duplicates: DuplicateMember[] = [];
  walk(text, {
    twice: (member, path) => {
      if (duplicates.length < duplicatesNamed) duplicates.push({ member, path });
    },
  });
  return duplicates;
}

/** Digits enough to be rounded, or an exponent: few texts have either, and only those are looked through. */
const mayRound = /[:[,]\s*-?\d(?:[\d.]{15}|[\d.]{0,15}[eE])/;

/** The numbers of a text that JSON.parse accepts that it rounds. Linear in the text. */
export function roundedNumbers(text: string): RoundedNumber[] {
  const rounded: RoundedNumber[] = [];
  if (!mayRound.test(text)) return rounded;
  walk(text, {
    number: (written, path) => {
      if (digitsOf(written) !== digitsOf(String(Number(written)))) rounded.push({ written, path: path() });
    },
  });
  return rounded;
}

/** A number in one spelling: its digits without zeros around them, and where the point stands. */
function digitsOf(number: string): string {
  const [, whole = '', fraction = '', exponent = '0'] = /^-?(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(number) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  return kept === ''
    ? whole === ''
      ? number
      : '0'
    : `${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`;
}

/** A value as JSON text with its numbers as they were written. @param indent spaces, none where it is left out */
export function jsonText(value: unknown, rounded: readonly RoundedNumber[], indent = 0, at = ''): string {
  if (rounded.length === 0) return JSON.stringify(value, undefined, indent) ?? '';
  const written = new Map(rounded.map(each => [each.path, each.written]));
  const text = (value: unknown, path: string, margin: string): string => {
    if (typeof value !== 'object' || value === null) return written.get(path) ?? JSON.stringify(value) ?? 'null';
    const inner = margin + ' '.repeat(indent);
    const items = Array.isArray(value)
      ? value.map((item, index) => text(item, `${path}/${index}`, inner))
      : Object.entries(value).map(
          ([name, item]) =>
            `${JSON.stringify(name)}:${indent > 0 ? ' ' : ''}${text(item, `${path}/${escaped(name)}`, inner)}`,
        );
    const [open, close] = Array.isArray(value) ? '[]' : '{}';
    if (items.length === 0) return `${open}${close}`;
    return indent > 0
      ? `${open}\n${inner}${items.join(`,\n${inner}`)}\n${margin}${close}`
      : `${open}${items.join(',')}${close}`;
  };
  return text(value, at, '');
}

/** A copy in which the numbers that are rounded are texts, as they were written: to be shown and compared. */
export function asWritten(value: unknown, rounded: readonly RoundedNumber[], path = ''): unknown {
  if (rounded.length === 0) return value;
  if (Array.isArray(value)) return value.map((item, index) => asWritten(item, rounded, `${path}/${index}`));
  if (!isObject(value)) return rounded.find(each => each.path === path)?.written ?? value;
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([name, item]) => [name, asWritten(item, rounded, `${path}/${escaped(name)}`)]),
  );
}

interface Visitor {
  readonly twice?: (member: string, path: string) => void;
  readonly number?: (written: string, path: () => string) => void;
}

function walk(text: string, { twice, number }: Visitor): void {
  const stack: Frame[] = [];
  let frame: Frame | undefined;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    switch (code) {
      case 0x22: {
        const start = i;
        i = endOfString(text, i);
        if (!frame?.nameNext || !frame.members) break;
        const name = memberName(text.slice(start, i + 1));
        frame.nameNext = false;
        frame.at = name;
        if (frame.members.has(name)) twice?.(name, pointer(stack));
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
      default: {
        if (!number || !(code === 0x2d || (code >= 0x30 && code <= 0x39))) break;
        const start = i;
        while (i + 1 < text.length && /[\d.eE+-]/.test(text[i + 1] ?? '')) i++;
        number(text.slice(start, i + 1), () => pointer(stack));
      }
    }
  }
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
  return stack.map(({ at }) => `/${escaped(String(at))}`).join('');
}

/** To a member of the first level (RFC 6901). */
export function pointerTo(name: string): string {
  return `/${escaped(name)}`;
}

/** RFC 6901 section 3. */
function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The same without members that are undefined, so that it compares and serializes as what it holds. */
export function defined<T extends object>(value: { [K in keyof T]?: T[K] | undefined }): T {
  const present: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) if (item !== undefined) present[name] = item;
  return present as T;
}

/** Where the members of a token's JSON stand, in the JSON and in its base64url: what links the two on screen. */

export interface MemberRange {
  /** As it stands in the text, quotes and escapes included. */
  readonly name: string;
  /** Offsets into the encoded part, `end` exclusive: the characters that hold any bit of the member. */
  readonly start: number;
  readonly end: number;
}

/** The top-level members of a JSON object that JSON.parse accepts, in their order, duplicates included. Linear. */
export function memberRanges(json: string): MemberRange[] {
  const found: { name: string; start: number; end: number }[] = [];
  let depth = 0;
  let start = -1;
  let name = '';
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === '"') {
      const end = closingQuote(json, at);
      if (depth === 1 && start < 0) {
        start = at;
        name = json.slice(at, end + 1);
      }
      at = end;
    } else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']' || character === ',') {
      if (depth === 1 && start >= 0) {
        found.push({ name, start, end: at });
        start = -1;
      }
      if (character !== ',') depth--;
    }
  }
  return toEncoded(json, found);
}

function closingQuote(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === '\\') at++;
    else if (json[at] === '"') return at;
  }
  return json.length;
}

/** Three bytes are four characters of base64url; a member that ends within them has a part of the character. */
function toEncoded(json: string, members: readonly MemberRange[]): MemberRange[] {
  const encoder = new TextEncoder();
  let bytes = 0;
  let read = 0;
  const bytesUntil = (offset: number) => {
    bytes += encoder.encode(json.slice(read, offset)).length;
    read = offset;
    return bytes;
  };
  return members.map(({ name, start, end }) => {
    const from = bytesUntil(start);
    const to = bytesUntil(start + json.slice(start, end).trimEnd().length);
    bytesUntil(end);
    return { name, start: Math.floor((from * 4) / 3), end: Math.ceil((to * 4) / 3) };
  });
}
