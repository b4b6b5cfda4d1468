import { type MockReply, textReply } from './http.ts';

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
  readonly header?: (header: Claims) => void;
  /** Changes the signature, base64url. */
  readonly signature?: (signature: string) => string;
  /** Changes what a redirect takes back to the client. */
  readonly parameters?: (parameters: URLSearchParams) => void;
}

export const instead = (commit: boolean | undefined, reply: (now: number) => MockReply): Effect =>
  commit ? { finish: (_, now) => reply(now) } : { reply };

export const claimsOf = (only: TokenKind | undefined, change: (claims: Claims) => void): Effect => ({
  claims: (claims, kind) => {
    if (only === undefined || only === kind) change(claims);
  },
});

export const onSuccess = (change: (reply: MockReply, now: number) => MockReply): Effect => ({
  finish: (reply, now) => (reply.status >= 200 && reply.status < 300 ? change(reply, now) : reply),
});

/** Changes a JSON answer and leaves pages alone. */
export const inBody = (change: (body: Claims) => void): Effect =>
  onSuccess(reply => {
    if (reply.headers['content-type'] !== 'application/json') return reply;
    const body: Claims = JSON.parse(reply.body);
    change(body);
    return { ...reply, body: JSON.stringify(body) };
  });

export const html = (status: number) =>
  textReply(
    status,
    '<!DOCTYPE html><title>Sign in to the network</title><p>Please sign in.',
    'text/html; charset=utf-8',
  );

export const lost: MockReply = { status: 0, headers: {}, body: '', broken: 'drop' };

export function setOrRemove(target: Claims, name: string, value: unknown): void {
  if (value === undefined) Reflect.deleteProperty(target, name);
  else target[name] = value;
}

export function flipFirst(signature: string): string {
  return (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1);
}
