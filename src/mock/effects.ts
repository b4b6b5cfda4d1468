import type { MockReply } from './http.ts';
import { textReply } from './http.ts';
import type { PublicJwk } from './options.ts';

/** Where a request can go, for faults and the journal. */
export const endpoints = [
  'token',
  'jwks',
  'metadata',
  'authorization',
  /** Where the sign-in page sends the decision. */
  'sign_in',
  'par',
  'device_authorization',
  /** The page where a user code is approved. */
  'device',
  'introspection',
  'revocation',
  'userinfo',
  'end_session',
  'registration',
  'resource',
] as const;

export type Endpoint = (typeof endpoints)[number];
export type TokenKind = 'access_token' | 'id_token';
export type Claims = Record<string, unknown>;

/** Where a fault reaches into one exchange. Every hook is optional. */
export interface Effect {
  /** Milliseconds of the mock's time before the request is looked at. */
  readonly delay?: number;
  /** Milliseconds between the work done (a rotation is committed) and its answer. */
  readonly delayAfter?: number;
  /** Answers in place of the issuer, which never sees the request. `now` in milliseconds. */
  readonly reply?: (now: number) => MockReply;
  /** Changes what the issuer answered; its work is done. */
  readonly finish?: (reply: MockReply, now: number) => MockReply;
  /** Changes the claims before they are signed. */
  readonly claims?: (claims: Claims, kind: TokenKind) => void;
  /** Changes the JOSE header before it is signed. */
  readonly header?: (header: Claims, kind: TokenKind) => void;
  /** Changes the signature, base64url. */
  readonly signature?: (signature: string, signingInput: string, key: PublicJwk, kind: TokenKind) => string;
  /** Changes what a redirect takes back to the client. */
  readonly parameters?: (parameters: URLSearchParams) => void;
}

/* What faults do to answers, tokens and key sets, for the rows of faultTable.ts. */

export const lost: MockReply = { status: 0, headers: {}, body: '', broken: 'drop' };

/** A well-formed public key that signed nothing. */
export const strangeKey: Claims = {
  kty: 'EC',
  crv: 'P-256',
  x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
};

export function withHeaders(reply: MockReply, headers: Readonly<Record<string, string>>): MockReply {
  return { ...reply, headers: { ...reply.headers, ...headers } };
}

export function instead(commit: boolean | undefined, reply: (now: number) => MockReply): Effect {
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

/** Changes a JSON answer and leaves pages alone. */
export function inBody(change: (body: Claims) => void): Effect {
  return onSuccess(reply => {
    if (reply.headers['content-type'] !== 'application/json') return reply;
    const body: Claims = JSON.parse(reply.body);
    change(body);
    return { ...reply, body: JSON.stringify(body) };
  });
}

export function inKeys(change: (keys: readonly Claims[]) => readonly Claims[]): Effect {
  return inBody(body => Object.assign(body, { keys: change(Array.isArray(body.keys) ? body.keys : []) }));
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

export function flipFirst(signature: string): string {
  return (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1);
}
