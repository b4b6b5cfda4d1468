import { generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { type Claims, type Effect, type MockReply, type TokenKind, textReply } from './http.ts';
import { certificateOf } from './keys.ts';
import { html } from './pages.ts';
import {
  anything,
  type Fields,
  type Input,
  isObject,
  list,
  needed,
  numeric,
  object,
  oneOf,
  optional,
  text,
  type ValueOf,
  wholeNumber,
} from './shape.ts';

/** Endpoints, as faults and the request log name them. */
export const endpoints = [
  'token',
  'jwks',
  'metadata',
  'authorization',
  /** Where the sign-in page posts the user's decision. */
  'sign_in',
  'par',
  'device_authorization',
  /** The page where a user enters and approves a user code. */
  'device',
  'introspection',
  'revocation',
  'userinfo',
  'end_session',
  'registration',
  'resource',
] as const;

export type Endpoint = (typeof endpoints)[number];

const faultGroups = ['network', 'trouble', 'tokens', 'answers', 'browser', 'keys', 'metadata'] as const;
export type FaultGroup = (typeof faultGroups)[number];

export interface Row<F extends Fields> {
  readonly group: FaultGroup;
  /** The endpoints where it strikes by default. */
  readonly at: readonly Endpoint[];
  /** What a client sees, for pickers and the documentation. */
  readonly title: string;
  readonly parameters: F;
  readonly effect: (given: Input<F>) => Effect;
  /** A typical use, offered by the picker. A fault without an example is too general for the picker. */
  readonly example?: Input<F> & { readonly at?: Endpoint };
}

/** A row of any fault, for functions that handle all of them. */
export type AnyRow = Omit<Row<Fields>, 'effect' | 'example'> & {
  readonly effect: (given: never) => Effect;
  readonly example?: object;
};

export const row = <F extends Fields>(
  group: FaultGroup,
  at: readonly Endpoint[],
  title: string,
  parameters: F,
  effect: (given: Input<F>) => Effect,
  example?: Input<F> & { readonly at?: Endpoint },
): Row<F> => ({ group, at, title, parameters, effect, ...(example && { example }) });

export const anyNumber = numeric('a number');
export const status = wholeNumber('a status from 200 to 599', 200, 599);
export const none = {};

/* Helpers for the rows of faultTable.ts and keyFaults.ts: what faults do to responses, tokens and key sets. */

export const lostResponse: MockReply = { status: 0, headers: {}, body: '', broken: 'drop' };

/** A well-formed public key that never signed anything. */
export const unrelatedKey: Claims = {
  kty: 'EC',
  crv: 'P-256',
  x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
};

export function withHeaders(reply: MockReply, headers: Readonly<Record<string, string>>): MockReply {
  return { ...reply, headers: { ...reply.headers, ...headers } };
}

export function replaceResponse(commit: boolean | undefined, reply: (now: number) => MockReply): Effect {
  return commit ? { finish: (_, now) => reply(now) } : { reply };
}

export function isMeant({ token }: { readonly token?: TokenKind }, kind: TokenKind): boolean {
  return token === undefined || token === kind;
}

export function claimsOf(only: TokenKind | undefined, change: (claims: Claims) => void): Effect {
  return {
    claims: (claims, kind) => {
      if (only === undefined || only === kind) change(claims);
    },
  };
}

export function onSuccess(change: (reply: MockReply, now: number) => MockReply): Effect {
  return { finish: (reply, now) => (reply.status >= 200 && reply.status < 300 ? change(reply, now) : reply) };
}

/** Changes the body of a JSON response; other responses, such as pages, stay as they are. */
export function changeBody(change: (body: Claims) => void): Effect {
  return onSuccess(reply => {
    if (reply.headers['content-type'] !== 'application/json') return reply;
    const body: Claims = JSON.parse(reply.body);
    change(body);
    return { ...reply, body: JSON.stringify(body) };
  });
}

export function changeKeys(change: (keys: readonly Claims[]) => readonly Claims[]): Effect {
  return changeBody(body => Object.assign(body, { keys: change(Array.isArray(body.keys) ? body.keys : []) }));
}

export function webPage(status: number): MockReply {
  const body = '<!DOCTYPE html><title>Sign in to the network</title><p>Please sign in.';
  return textReply(status, body, 'text/html; charset=utf-8');
}

export function setOrRemove(target: Claims, name: string, value: unknown): void {
  if (value === undefined) Reflect.deleteProperty(target, name);
  else target[name] = value;
}

export function secondsIn(claims: Claims, name: string): number {
  return Number(claims[name]);
}

export function flipFirstCharacter(signature: string): string {
  return (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1);
}

/* RFC 6902, for tests that want different metadata or responses. */

const pointer = text('a JSON Pointer, /name for instance', value => /^(?:\/(?:[^~/]|~[01])*)*$/.test(value));

const operation = object({
  op: needed(oneOf(['add', 'remove', 'replace']), 'The operation.'),
  path: needed(pointer, 'The place, as a JSON Pointer (RFC 6901).'),
  value: optional(anything, 'The new value.'),
});
const wholeOperation: typeof operation = {
  ...operation,
  check(given, field, problems) {
    operation.check(given, field, problems);
    const { op, value } = isObject(given) ? given : {};
    if ((op === 'add' || op === 'replace') && value === undefined)
      problems.push({ field: `${field}.value`, expected: `the new value, which ${op} requires` });
  },
};

export const patchShape = list(wholeOperation, 'an array of operations');
export type Patch = ValueOf<typeof patchShape>;

/**
 * Returns a changed copy. A path that does not exist in this document is skipped, because one patch applies to
 * responses of different shapes.
 */
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

export const weakKid = 'weak';
let weak: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } | undefined;

/** An RSA key of 1,024 bits, generated at the first call. */
export function weakKey(): { publicJwk: Claims; sign: (signingInput: string) => string } {
  weak ??= generateKeyPairSync('rsa', { modulusLength: 1024 });
  const { publicKey, privateKey } = weak;
  return {
    publicJwk: { ...publicKey.export({ format: 'jwk' }), kid: weakKid, alg: 'RS256', use: 'sig' },
    sign: signingInput => sign('sha256', Buffer.from(signingInput, 'latin1'), privateKey).toString('base64url'),
  };
}

/** Moves the public key into a certificate: the JWK has it only in `x5c` (RFC 7517 section 4.7). */
export function certified({ kty, kid, alg, use, ...key }: Claims): Claims {
  const der = certificateOf({ kty, ...key } as JsonWebKey, Date.now());
  return { kty, kid, alg, use, x5c: [der.toString('base64')] };
}

/** Replaces a redirect with a page that loads its address in a hidden image and redirects to it as well. */
export function redirectTwice(reply: MockReply): MockReply {
  const { location, ...headers } = reply.headers;
  if (location === undefined) return reply;
  const page = html`<!DOCTYPE html><title>Back to the client</title><img hidden src="${location}"><meta http-equiv="refresh" content="0;url=${location}">`;
  return {
    ...reply,
    status: 200,
    headers: { ...headers, 'content-type': 'text/html; charset=utf-8' },
    body: page.markup,
  };
}
