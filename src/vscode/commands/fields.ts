/**
 * The members of a command's argument. Each is declared once; the declaration gives its type here, its reader, its line
 * in docs/commands.md and its completion in keybindings.json.
 */
import { WorkbenchError } from '../../core/errors.ts';
import { isObject, type JsonObject, own } from '../../core/tokens/json.ts';

export interface Field<T> {
  /** In TypeScript's notation. */
  readonly type: string;
  readonly schema: object;
  /** Whether a caller may omit it. */
  readonly mayOmit: boolean;
  /** @throws WorkbenchError `argument_invalid` */
  readonly read: (value: unknown, name: string) => T;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;

type ValueOf<F> = F extends Field<infer T> ? T : never;
type OptionalName<F extends Fields> = { [N in keyof F]: undefined extends ValueOf<F[N]> ? N : never }[keyof F];

/** The values of a command's fields after reading. */
export type Values<F extends Fields> = {
  readonly [N in Exclude<keyof F, OptionalName<F>>]: ValueOf<F[N]>;
} & { readonly [N in OptionalName<F>]?: ValueOf<F[N]> };

function invalid(field: string, expected: string): WorkbenchError {
  return new WorkbenchError('argument_invalid', { field, expected });
}

function field<T>(type: string, schema: object, fits: (value: unknown) => value is T, expected = type): Field<T> {
  const read = (value: unknown, name: string) => {
    if (!fits(value)) throw invalid(name, expected);
    return value;
  };
  return { type, schema, mayOmit: false, read };
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** A non-empty string. */
export const text = field('string', { type: 'string', minLength: 1 }, isText);

/** A token, without the quotes, line breaks and scheme that are copied along with it. */
export const tokenText: Field<string> = {
  ...text,
  read: (value, name) =>
    text.read(
      typeof value === 'string'
        ? value
            .trim()
            .replace(/^(["'`])(.*)\1$/s, '$2')
            .replace(/^(?:Bearer|DPoP)\s+/i, '')
        : value,
      name,
    ),
};

export const connectionId: Field<string> = { ...text, type: 'id' };

export const flag = field('boolean', { type: 'boolean' }, (each): each is boolean => typeof each === 'boolean');

export const seconds = field(
  'number',
  { type: 'number', minimum: 0 },
  (each): each is number => typeof each === 'number' && each >= 0,
);

export const amount = field(
  'number',
  { type: 'number' },
  (each): each is number => typeof each === 'number' && Number.isFinite(each),
);

export const object = field<JsonObject>('object', { type: 'object' }, isObject);

/** Passed unchanged to a reader that reports errors itself. */
export const anything = (type: string, schema: object = {}): Field<unknown> => ({
  type,
  schema,
  mayOmit: false,
  read: value => value,
});

export function choice<T extends string>(...choices: readonly T[]): Field<T> {
  const type = choices.map(each => JSON.stringify(each)).join(' | ');
  const fits = (value: unknown): value is T => (choices as readonly unknown[]).includes(value);
  return field(type, { enum: choices }, fits, choices.join(' | '));
}

export const texts: Field<readonly string[]> = {
  type: 'string | string[]',
  schema: { type: ['string', 'array'], items: { type: 'string' } },
  mayOmit: false,
  read(value, name) {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    const valid = list.filter(each => typeof each === 'string');
    if (valid.length !== list.length) throw invalid(name, 'string | string[]');
    return valid;
  },
};

export function optional<T>({ read, ...rest }: Field<T>): Field<T | undefined> {
  return { ...rest, mayOmit: true, read: (value, name) => (value === undefined ? undefined : read(value, name)) };
}

export function withDefault<T>({ read, schema, ...rest }: Field<T>, fallback: T): Field<T> {
  const reading = (value: unknown, name: string) => (value === undefined ? fallback : read(value, name));
  return { ...rest, schema: { ...schema, default: fallback }, mayOmit: true, read: reading };
}

/** Rejects undeclared members: they are most likely misspelt and would silently be ignored. */
export function readFields<F extends Fields>(fields: F, given: unknown): Values<F> {
  if (!isObject(given)) throw invalid('argument', 'object');
  const values = Object.entries(fields).map(([name, { read }]) => [name, read(own(given, name), name)] as const);
  const stranger = Object.keys(given).find(name => !Object.hasOwn(fields, name));
  const names = Object.keys(fields).join(' | ');
  if (stranger !== undefined)
    throw new WorkbenchError('argument_invalid', { field: stranger, ...(names !== '' && { expected: names }) });
  return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as Values<F>;
}

/** The declaration in the notation of docs/commands.md: `{ connection: id, url?: string }`. */
export function notation(fields: Fields): string {
  const members = Object.entries(fields).map(([name, { type, mayOmit }]) => `${name}${mayOmit ? '?' : ''}: ${type}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

/** The declaration as JSON Schema, for completion. */
export function schemaOf(fields: Fields): object {
  const entries = Object.entries(fields);
  const required = entries.filter(([, { mayOmit }]) => !mayOmit).map(([name]) => name);
  return {
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, { schema }]) => [name, schema])),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}
