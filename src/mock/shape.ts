/*
 * Checks JSON that a user wrote against a shape. All problems are collected with their paths, so that the user sees
 * them at once. The same tables generate the JSON schema for editors and the tables of docs/mock-issuer.md.
 */

/** An invalid member: `{ field: 'clients[1].redirect_uris[0]', expected: 'an absolute URI' }`. */
export interface Problem {
  readonly field: string;
  readonly expected: string;
}

/**
 * Thrown for options, faults and other input that is invalid. The values are left out, because one could be a secret.
 */
export class MockOptionError extends TypeError {
  readonly code = 'mock_option_invalid';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ field, expected }) => `${field}: ${expected}`).join('\n'));
    this.problems = problems;
  }
}

export function refuse(field: string, expected: string): never {
  throw new MockOptionError([{ field, expected }]);
}

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Shape<T> {
  /** Completes the sentence "x must be …". */
  readonly expected: string;
  readonly schema: JsonSchema;
  /** Adds a problem for everything that does not fit. */
  check(value: unknown, path: string, problems: Problem[]): void;
  /** Never set; it carries the type. */
  readonly of?: T;
}

export type ValueOf<S> = S extends Shape<infer T> ? T : never;

/** A member of an object. `about` and `usual` (the default) appear in the documentation. */
export interface Field<T = unknown, Needed extends boolean = boolean> {
  readonly shape: Shape<T>;
  readonly about: string;
  readonly usual?: string;
  readonly needed: Needed;
}

export type Fields = Readonly<Record<string, Field>>;

type NeededNames<F> = { [K in keyof F]: F[K] extends { readonly needed: true } ? K : never }[keyof F];

/** The type of objects described by a table of fields. */
export type Input<F extends Fields> = { readonly [K in NeededNames<F>]: ValueOf<F[K]['shape']> } & {
  readonly [K in Exclude<keyof F, NeededNames<F>>]?: ValueOf<F[K]['shape']>;
};

export function optional<T>(shape: Shape<T>, about: string, usual?: string): Field<T, false> {
  return { shape, about, needed: false, ...(usual !== undefined && { usual }) };
}

export function needed<T>(shape: Shape<T>, about: string): Field<T, true> {
  return { shape, about, needed: true };
}

/** A shape that a single predicate checks. */
export function shape<T>(expected: string, schema: JsonSchema, fits: (value: unknown) => boolean): Shape<T> {
  return {
    expected,
    schema,
    check(value, field, problems) {
      if (!fits(value)) problems.push({ field, expected });
    },
  };
}

export const anything = shape<unknown>('any JSON value', {}, value => value !== undefined);
export const yesOrNo = shape<boolean>('true or false', { type: 'boolean' }, value => typeof value === 'boolean');
export const anyText = text('a string', () => true);
export const seconds = numeric('a number of seconds', 0);
export const httpUrl = text('an http or https URL with no query and no fragment', value => {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol) && !/[?#]/.test(value);
});

export function text<T extends string = string>(expected: string, fits: (value: string) => boolean): Shape<T> {
  return shape(expected, { type: 'string' }, value => typeof value === 'string' && fits(value));
}

export function numeric(
  expected: string,
  min = Number.NEGATIVE_INFINITY,
  max = Number.POSITIVE_INFINITY,
): Shape<number> {
  const bounds = { ...(Number.isFinite(min) && { minimum: min }), ...(Number.isFinite(max) && { maximum: max }) };
  return shape(expected, { type: 'number', ...bounds }, value => {
    return typeof value === 'number' && Number.isFinite(value) && value >= min && value <= max;
  });
}

export function wholeNumber(expected: string, min: number, max = Number.MAX_SAFE_INTEGER): Shape<number> {
  const schema = { type: 'integer', minimum: min, ...(max < Number.MAX_SAFE_INTEGER && { maximum: max }) };
  return shape(expected, schema, value => Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max);
}

export function oneOf<const T extends string | number | boolean>(values: readonly T[]): Shape<T> {
  return shape(`one of ${values.join(', ')}`, { enum: values }, value => values.some(each => each === value));
}

export function either<A, B>(one: Shape<A>, other: Shape<B>): Shape<A | B> {
  const expected = `${one.expected} or ${other.expected}`;
  return shape(expected, { anyOf: [one.schema, other.schema] }, value => {
    return [one, other].some(each => problemsOf(each, value, '').length === 0);
  });
}

export function list<T>(each: Shape<T>, expected = 'an array'): Shape<readonly T[]> {
  return {
    expected,
    schema: { type: 'array', items: each.schema },
    check(value, field, problems) {
      if (!Array.isArray(value)) problems.push({ field, expected });
      else for (const [index, item] of value.entries()) each.check(item, `${field}[${index}]`, problems);
    },
  };
}

/** A list of objects of which no two have the same value in this member. */
export function uniqueList<T>(each: Shape<T>, member: keyof T & string, expected?: string): Shape<readonly T[]> {
  const plain = list(each, expected);
  return {
    ...plain,
    check(value, field, problems) {
      plain.check(value, field, problems);
      if (!Array.isArray(value)) return;
      const seen = new Set<unknown>();
      for (const [index, item] of value.entries()) {
        const name = isObject(item) ? item[member] : undefined;
        if (name !== undefined && seen.has(name))
          problems.push({ field: `${field}[${index}].${member}`, expected: 'one that no other has' });
        seen.add(name);
      }
    },
  };
}

/** An object with arbitrary member names, whose values all have one shape. */
export function members<T>(each: Shape<T>): Shape<Readonly<Record<string, T>>> {
  const expected = 'an object';
  return {
    expected,
    schema: { type: 'object', additionalProperties: each.schema },
    check(value, field, problems) {
      if (!isObject(value)) problems.push({ field, expected });
      else for (const [name, item] of Object.entries(value)) each.check(item, pathOf(field, name), problems);
    },
  };
}

/** An object with these members only. Others are rejected, because a misspelt member would silently do nothing. */
export function object<F extends Fields>(fields: F, expected = 'an object'): Shape<Input<F>> {
  const names = Object.keys(fields);
  const required = names.filter(name => fields[name]?.needed);
  return {
    expected,
    schema: {
      type: 'object',
      properties: Object.fromEntries(
        Object.entries(fields).map(([name, { shape, about, usual }]) => [
          name,
          { ...shape.schema, description: usual === undefined ? about : `${about} Default: ${usual}.` },
        ]),
      ),
      ...(required.length > 0 && { required }),
      additionalProperties: false,
    },
    check(value, path, problems) {
      if (!isObject(value)) {
        problems.push({ field: path || 'options', expected });
        return;
      }
      const at = (name: string) => pathOf(path, name);
      const given = new Map(Object.entries(value));
      for (const [name, { shape, needed }] of Object.entries(fields)) {
        const member = given.get(name);
        if (member !== undefined) shape.check(member, at(name), problems);
        else if (needed) problems.push({ field: at(name), expected: shape.expected });
      }
      for (const name of given.keys())
        if (!names.includes(name))
          problems.push({
            field: at(name),
            expected: `left out (no such member; there are ${names.join(', ') || 'none'})`,
          });
    },
  };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function problemsOf(of: Shape<unknown>, value: unknown, path: string): readonly Problem[] {
  const problems: Problem[] = [];
  of.check(value, path, problems);
  return problems;
}

/** Checks a value and returns it typed. @throws MockOptionError with every problem */
export function read<T>(of: Shape<T>, value: unknown, path: string): T {
  const problems = problemsOf(of, value, path);
  if (problems.length > 0) throw new MockOptionError(problems);
  return value as T;
}

const jsonToken =
  /([{}[\],:])|("[ !#-[\]-\u{10ffff}]*(?:\\(?:["\\/bfnrt]|u[\da-fA-F]{4})[ !#-[\]-\u{10ffff}]*)*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/uy;

/**
 * Reads JSON strictly: of two members with the same name, one would silently do nothing. Errors name a line and repeat
 * nothing of the text, which could be a secret. `source` is the name of the text.
 * @throws MockOptionError
 */
export function parseJson(text: string, source: string): unknown {
  const problems: Problem[] = [];
  const open: { readonly path: string; readonly names?: Set<string>; name: string; index: number }[] = [];
  const wrong = (at: number, wanted: string) => {
    const lines = text.slice(0, at).split('\n');
    const isComment = /^(?:\/[/*]|#)/.test(text.slice(at, at + 2));
    const why = isComment ? 'it has no comments' : text.trim() === '' ? 'it is empty' : `expected ${wanted}`;
    return refuse(source, `JSON (line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}: ${why})`);
  };
  let wanted: 'value' | 'first value' | 'name' | 'first name' | ':' | 'next' = 'value';
  const words = { value: 'a value', 'first value': 'a value or ]', name: 'a name in double quotes' };
  for (let at = 0; ; at = jsonToken.lastIndex) {
    while (' \t\r\n'.includes(text[at] ?? '?')) at += 1;
    const frame = open.at(-1);
    const isDone = frame === undefined && wanted === 'next';
    if (isDone && at === text.length) break;
    jsonToken.lastIndex = at;
    const [, sign, string, literal] = jsonToken.exec(text) ?? [];
    const isValue = wanted === 'value' || wanted === 'first value';
    const close = frame?.names ? '}' : ']';
    if (!isDone && isValue && (string ?? literal) !== undefined) wanted = 'next';
    else if (isValue && (sign === '{' || sign === '[')) {
      const path =
        frame === undefined ? '' : frame.names ? pathOf(frame.path, frame.name) : `${frame.path}[${frame.index}]`;
      open.push({ path, name: '', index: 0, ...(sign === '{' && { names: new Set<string>() }) });
      wanted = sign === '{' ? 'first name' : 'first value';
    } else if (frame?.names && (wanted === 'name' || wanted === 'first name') && string !== undefined) {
      frame.name = JSON.parse(string);
      const field = pathOf(frame.path, frame.name);
      if (frame.names.has(frame.name) && !problems.some(each => each.field === field))
        problems.push({ field, expected: 'there only once' });
      frame.names.add(frame.name);
      wanted = ':';
    } else if (wanted === ':' && sign === ':') wanted = 'value';
    else if (frame && wanted === 'next' && sign === ',') {
      frame.index += 1;
      wanted = frame.names ? 'name' : 'value';
    } else if (frame && (wanted === 'next' || wanted.startsWith('first')) && sign === close) {
      open.pop();
      wanted = 'next';
    } else if (isDone) wrong(at, 'nothing more');
    else if (wanted === 'next') wrong(at, `, or ${close}`);
    else if (wanted === 'first name') wrong(at, `${words.name} or }`);
    else wrong(at, wanted === ':' ? wanted : words[wanted]);
  }
  if (problems.length > 0) throw new MockOptionError(problems);
  return JSON.parse(text);
}

function pathOf(path: string, name: string): string {
  if (!/^[\w$-]+$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}
