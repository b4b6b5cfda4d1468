/** JSON.parse, and what it does not tell: duplicate members, the depth of the text, and how numbers are written. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** Deeper texts are rejected: no token needs more, and rendering them would be slow. */
export const depthLimit = 100;

/** A member that occurs twice in one object. JSON.parse keeps the last; other readers keep the first. */
interface DuplicateMember {
  readonly member: string;
  /** JSON Pointer (RFC 6901). */
  readonly path: string;
}

/** The most duplicates that are reported; one is enough to distrust a text. */
const duplicatesNamed = 16;

export type JsonReading =
  | {
      readonly ok: true;
      readonly value: unknown;
      readonly duplicates: readonly DuplicateMember[];
      readonly rounded: readonly RoundedNumber[];
    }
  | { readonly ok: false; readonly reason: 'depth' | 'syntax' };

/** Linear in the text. The value is that of JSON.parse, so `__proto__` in it is a member like any other. */
export function readJson(text: string): JsonReading {
  const written = outlineOf(text);
  if (written === undefined) return { ok: false, reason: 'depth' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, reason: 'syntax' };
  }
  const { respelled } = written;
  if (respelled) noteSpellings(text, value);
  // JSON.parse drops duplicates, so they need to be searched only if members are missing.
  const members = written.objects === 1 && isObject(value) ? Object.keys(value).length : membersIn(value);
  const duplicates = written.members === members ? [] : duplicatesIn(text);
  return { ok: true, value, duplicates, rounded: respelled ? roundedNumbers(value) : [] };
}

/** JSON without the guard against being run as a script, and without the call around it in JSONP. */
export function withoutGuard(text: string): string {
  const plain = text.replace(/^\s*(?:\)\]\}',?|for ?\(;;\);|while ?\(1\);)/, '');
  const start = /^\s*(?:\/\*\*\/\s*)?[\w$.]{1,64}\s*\(\s*(?=[{[])/.exec(plain)?.[0];
  const end = start === undefined ? -1 : plain.lastIndexOf(')');
  return start !== undefined && end > start.length ? plain.slice(start.length, end) : plain;
}

/** The place where a text stops being JSON. Lines and columns count from 1; `expected` is what should be there. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  readonly expected: 'value' | 'name' | 'colon' | 'comma' | 'end' | 'quote';
}

/** For users who correct the text: the messages of JSON.parse depend on the engine. */
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

/** A member of the object itself: a name like `constructor` must not return what every object inherits. */
export function own(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** The member if it is a string. Other values are not converted: `String()` calls methods of a foreign object. */
export function textOf(object: JsonObject, name: string): string | undefined {
  const value = own(object, name);
  return typeof value === 'string' ? value : undefined;
}

/** Any value as a text to show. `String()` would call methods of a foreign object, and may throw. */
export function textFrom(value: unknown): string {
  return typeof value === 'string' ? value : jsonText(value);
}

/** A member as a text to show, a number as it is written; `undefined` if it is absent. */
export function memberText(object: JsonObject, name: string): string | undefined {
  const value = own(object, name);
  if (value === undefined || typeof value === 'string') return value;
  return spellings.get(object)?.get(name) ?? textFrom(value);
}

/** The value as a number if it is a number or a text, otherwise `NaN`: `Number()` of an object may throw. */
export function numberFrom(value: unknown): number {
  return typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN;
}

/**
 * True if two values of plain data (what JSON can hold) are equal, in whatever order their members are. Numbers are
 * compared as they are written: 2^53 and 2^53 + 1 differ.
 */
export function sameData(one: unknown, other: unknown): boolean {
  if (one === other || Object.is(one, other)) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every(name => Object.hasOwn(other, name) && sameMember(one, other, name))
  );
}

/** The same for one member of two objects. */
export function sameMember(one: object, other: object, name: string): boolean {
  const [mine, theirs] = [roundedMember(one, name), roundedMember(other, name)];
  if (mine !== undefined && theirs !== undefined) return normalized(mine) === normalized(theirs);
  return mine === theirs && sameData(Reflect.get(one, name), Reflect.get(other, name));
}

/** What a single pass over a JSON text shows. */
interface Outline {
  /** One per colon outside of strings. */
  readonly members: number;
  readonly objects: number;
  /** True if a number may not be written as JavaScript writes it. */
  readonly respelled: boolean;
}

/** `undefined` if the text is nested too deep. */
function outlineOf(text: string): Outline | undefined {
  let members = 0;
  let objects = 0;
  let respelled = false;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) i = endOfString(text, i);
    else if (code === 0x3a) members++;
    else if (code === 0x7b || code === 0x5b) {
      if (code === 0x7b) objects++;
      if (++depth > depthLimit) return undefined;
    } else if (code === 0x7d || code === 0x5d) depth--;
    else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      const end = endOfNumber(text, i);
      respelled ||= mayBeRespelled(text, i, end);
      i = end - 1;
    }
  }
  return { members, objects, respelled };
}

function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  for (let code = text.charCodeAt(end); ; code = text.charCodeAt(++end)) {
    const continues = (code >= 0x30 && code <= 0x39) || code === 0x2e || code === 0x2d || code === 0x2b;
    if (!continues && code !== 0x65 && code !== 0x45) return end;
  }
}

/** Counts recursively; the depth is limited by `depthLimit`. */
function membersIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const values = Object.values(value);
  let members = Array.isArray(value) ? 0 : values.length;
  for (const each of values) if (typeof each === 'object') members += membersIn(each);
  return members;
}

interface Frame {
  /** The members seen so far; `undefined` in an array. */
  readonly members: Set<string> | undefined;
  /** The member or index that the scan is in. */
  at: string | number;
  /** True if the next string is a member's name. */
  nameNext: boolean;
}

/** The duplicate members of a text that JSON.parse accepts. */
function duplicatesIn(text: string): DuplicateMember[] {
  const duplicates: DuplicateMember[] = [];
  walk(text, {
    twice: (member, path) => {
      if (duplicates.length < duplicatesNamed) duplicates.push({ member, path });
    },
  });
  return duplicates;
}

/**
 * Numbers as they are written, by the object or array of JSON.parse that contains them: 2^53 + 1, 1e400, 1.0. A
 * JavaScript number cannot hold that. Code that copies members must carry it along with `carryNumber`.
 */
const spellings = new WeakMap<object, Map<string, string>>();

/** Digits that a double can always hold. */
const exactDigits = 15;

/**
 * True for a number with enough digits to be rounded, an exponent, a zero at the end of a fraction, or a negative zero.
 * Few texts have one.
 */
function mayBeRespelled(text: string, start: number, end: number): boolean {
  if (end - start > exactDigits) return true;
  let whole = true;
  for (let i = start + 1; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x65 || code === 0x45) return true;
    if (code === 0x2e) whole = false;
  }
  return (!whole && text.charCodeAt(end - 1) === 0x30) || (text.charCodeAt(start) === 0x2d && text[start + 1] === '0');
}

/** @param value the result of JSON.parse for the text. Linear in the text. */
function noteSpellings(text: string, value: unknown): void {
  walk(text, {
    number: (written, keys) => {
      const number = Number(written);
      const isPlain = String(number) === written;
      const path = keys();
      const last = String(path.pop());
      const holder = path.reduce<unknown>(
        (inside, key) => (typeof inside === 'object' && inside !== null ? Reflect.get(inside, key) : undefined),
        value,
      );
      // Of a duplicate member, JSON.parse keeps the last.
      if (typeof holder !== 'object' || holder === null || !Object.is(Reflect.get(holder, last), number)) return;
      if (isPlain) spellings.get(holder)?.delete(last);
      else spellings.set(holder, (spellings.get(holder) ?? new Map<string, string>()).set(last, written));
    },
  });
}

/** Makes the number of a copied member be written as in the original. @param as its name in the copy */
export function carryNumber(from: object, name: string | number, to: object, as: string | number = name): void {
  const written = spellings.get(from)?.get(String(name));
  if (written !== undefined)
    spellings.set(to, (spellings.get(to) ?? new Map<string, string>()).set(String(as), written));
}

/**
 * A copy of an object with the named members, each from the last of `objects` that has it, with numbers as they were
 * written.
 */
export function withMembers(names: Iterable<string>, ...objects: readonly object[]): JsonObject {
  // With a prototype, assigning a member called __proto__ would be lost.
  const copy: Record<string, unknown> = Object.create(null);
  for (const name of names) {
    const from = objects.findLast(each => Object.hasOwn(each, name));
    if (!from) continue;
    copy[name] = Reflect.get(from, name);
    carryNumber(from, name, copy);
  }
  return copy;
}

/**
 * The number as it is written, if JavaScript cannot represent it: it is beyond 2^53 or has more digits than a double.
 */
function roundedMember(holder: object, name: string): string | undefined {
  const written = spellings.get(holder)?.get(name);
  return written !== undefined && normalized(written) !== normalized(String(Number(written))) ? written : undefined;
}

/** A number in a canonical spelling: its sign, its digits without zeros around them, and the exponent. */
function normalized(number: string): string {
  const [, sign = '', whole, fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(number) ?? [];
  if (whole === undefined) return number;
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  let end = digits.length;
  while (digits.charAt(end - 1) === '0') end--;
  const kept = digits.slice(0, end);
  return kept === '' ? '0' : `${sign}${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`;
}

/** A number that JavaScript cannot represent as it is written. */
export interface RoundedNumber {
  /** As it is written. */
  readonly written: string;
  /** JSON Pointer (RFC 6901). */
  readonly path: string;
}

/** The numbers that JavaScript rounds, in a value that comes from readJson or from its parts. */
export function roundedNumbers(value: unknown, at = '', depth = 0): RoundedNumber[] {
  if (typeof value !== 'object' || value === null || depth > depthLimit) return [];
  return Object.entries(value).flatMap(([name, item]) => {
    const path = `${at}/${escaped(name)}`;
    const written = roundedMember(value, name);
    return written === undefined ? roundedNumbers(item, path, depth + 1) : [{ written, path }];
  });
}

/** A value as JSON text with its numbers as they were written. @param indent spaces; none if omitted */
export function jsonText(value: unknown, indent = 0): string {
  const text = (value: unknown, margin: string, depth: number): string => {
    if (typeof value !== 'object' || value === null || depth > depthLimit) return JSON.stringify(value) ?? 'null';
    const inner = margin + ' '.repeat(indent);
    const written = spellings.get(value);
    const item = (each: unknown, name: string) => written?.get(name) ?? text(each, inner, depth + 1);
    const items = Array.isArray(value)
      ? value.map((each, index) => item(each, String(index)))
      : Object.entries(value).flatMap(([name, each]) =>
          each === undefined ? [] : [`${JSON.stringify(name)}:${indent > 0 ? ' ' : ''}${item(each, name)}`],
        );
    const [open, close] = Array.isArray(value) ? '[]' : '{}';
    if (items.length === 0) return `${open}${close}`;
    return indent > 0
      ? `${open}\n${inner}${items.join(`,\n${inner}`)}\n${margin}${close}`
      : `${open}${items.join(',')}${close}`;
  };
  return value === undefined ? '' : text(value, '', 0);
}

/** The same for one member. */
export function memberJson(holder: object, name: string, indent = 0): string {
  return spellings.get(holder)?.get(name) ?? jsonText(Reflect.get(holder, name), indent);
}

/** A member for display: numbers that JavaScript rounds become texts, as they were written. */
export function memberAsWritten(holder: object, name: string): unknown {
  const value: unknown = Object.hasOwn(holder, name) ? Reflect.get(holder, name) : undefined;
  if (typeof value !== 'object' || value === null) return roundedMember(holder, name) ?? value;
  return Array.isArray(value)
    ? value.map((_, index) => memberAsWritten(value, String(index)))
    : Object.fromEntries(Object.keys(value).map(each => [each, memberAsWritten(value, each)]));
}

/** A copy with each text replaced, and with numbers as they were written. */
export function withTexts(value: unknown, replaced: (text: string) => string): unknown {
  if (typeof value === 'string') return replaced(value);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Array.isArray(value)
    ? value.map(each => withTexts(each, replaced))
    : Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withTexts(each, replaced)]));
  for (const name of spellings.get(value)?.keys() ?? []) carryNumber(value, name, copy);
  return copy;
}

interface Visitor {
  readonly twice?: (member: string, path: string) => void;
  readonly number?: (written: string, keys: () => (string | number)[]) => void;
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
        const end = endOfNumber(text, i);
        number(text.slice(i, end), () => stack.map(({ at }) => at));
        i = end - 1;
      }
    }
  }
}

/** The offset of the closing quote, or of the end of the text. */
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

/** `"\u0061ud"` and `"aud"` are the same name. */
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

/** RFC 6901 section 3. */
function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** A copy without undefined members, so that it compares and serializes by its content. */
export function defined<T extends object>(value: { [K in keyof T]?: T[K] | undefined }): T {
  const present: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) if (item !== undefined) present[name] = item;
  return present as T;
}
