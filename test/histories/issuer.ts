import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/*
 * A strict issuer, written independently of src/mock: a refresh token works once, and a second use ends its family (RFC
 * 9700 §4.14.2). It records every use, and can be told what to do with its responses.
 */

/**
 * What happens to one response. The request is always handled, and its token spent, before this, except for `refuse`.
 */
export type Answer =
  /** Sends the response after `after` milliseconds. */
  | { readonly how: 'send'; readonly after?: number }
  /** Closes the connection without a response. */
  | { readonly how: 'drop' }
  | { readonly how: 'error'; readonly status: number }
  /** Closes the connection before the request is handled, so the token stays valid. */
  | { readonly how: 'refuse' };

/** One use of a refresh token. Uses are listed in the order of arrival. */
export interface Use {
  readonly token: string;
  readonly family: string;
  /** Name of the window that sent it. */
  readonly by: string;
  /** Process id of the sender. */
  readonly pid: number;
  /** Time by the monotonic clock of this process. */
  readonly at: number;
  /** The new refresh token, or `undefined` if the use was rejected. */
  readonly successor: string | undefined;
  /** True if the response never arrived, so a retry is permitted. */
  readonly lost: boolean;
  readonly revoked: boolean;
  /** When the response was sent. */
  answered?: number;
}

export interface StrictIssuer {
  readonly origin: string;
  readonly uses: readonly Use[];
  /** Families that a second use has ended. */
  readonly revoked: ReadonlySet<string>;
  /** Starts a new family, as a sign-in does. */
  signIn(): { readonly access_token: string; readonly refresh_token: string; readonly expires_in: number };
  /** Sets what happens to the next responses, in order. Later ones are sent normally. */
  next(...answers: readonly Answer[]): void;
  /** From now on every request is answered. */
  behave(): void;
  /** Called for each use before the response is sent; the response waits for it. */
  onUse: (use: Use) => void | Promise<void>;
  onAnswered: (use: Use) => void;
  /** Forgets plans, records and listeners. */
  reset(): void;
  close(): Promise<void>;
}

interface Token {
  readonly family: string;
  spent: boolean;
}

export async function startStrictIssuer(): Promise<StrictIssuer> {
  const tokens = new Map<string, Token>();
  const revoked = new Set<string>();
  const uses: Use[] = [];
  const planned: Answer[] = [];

  function issue(family: string): string {
    const token = `rt-${family}-${randomBytes(12).toString('hex')}`;
    tokens.set(token, { family, spent: false });
    return token;
  }

  const response = (refresh_token: string) => ({
    access_token: `at-${randomBytes(12).toString('hex')}`,
    token_type: 'Bearer',
    expires_in: 3600,
    refresh_token,
  });

  /** The next token, or `undefined` if this one is invalid, which ends its family. */
  function rotate(token: string): { readonly family: string; readonly successor?: string; readonly reused: boolean } {
    const known = tokens.get(token);
    if (known === undefined) return { family: 'unknown', reused: false };
    const { family, spent } = known;
    if (spent) revoked.add(family);
    if (revoked.has(family)) return { family, reused: spent };
    known.spent = true;
    return { family, successor: issue(family), reused: false };
  }

  const untouched = (token: string): ReturnType<typeof rotate> => ({
    family: tokens.get(token)?.family ?? 'unknown',
    reused: false,
  });

  async function token(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await text(request));
    const sent = form.get('refresh_token') ?? '';
    const answer = planned.shift() ?? { how: 'send' };
    const { family, successor, reused } = answer.how === 'refuse' ? untouched(sent) : rotate(sent);
    const use: Use = {
      ...{ token: sent, family, successor, revoked: reused, at: performance.now() },
      by: String(request.headers['x-window']),
      pid: Number(request.headers['x-pid']),
      lost: answer.how !== 'send',
    };
    uses.push(use);
    await issuer.onUse(use);
    if (answer.how === 'drop' || answer.how === 'refuse') return void request.socket.destroy();
    if (answer.how === 'send' && answer.after) await new Promise(resolve => setTimeout(resolve, answer.after));
    const status = answer.how === 'error' ? answer.status : successor === undefined ? 400 : 200;
    const body = successor === undefined ? { error: 'invalid_grant' } : response(successor);
    reply.on('finish', () => {
      use.answered = performance.now();
      issuer.onAnswered(use);
    });
    reply.writeHead(status, { 'content-type': 'application/json' });
    reply.end(answer.how === 'error' ? '{}' : JSON.stringify(body));
  }

  const server = createServer((request, reply) => {
    if (request.url !== '/token' || request.method !== 'POST') return void reply.writeHead(404).end();
    token(request, reply).catch(() => reply.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  const issuer: StrictIssuer = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    uses,
    revoked,
    signIn: () => response(issue(randomBytes(4).toString('hex'))),
    next: (...answers) => void planned.push(...answers),
    behave: () => {
      planned.length = 0;
    },
    onUse: () => {},
    onAnswered: () => {},
    reset() {
      planned.length = 0;
      uses.length = 0;
      revoked.clear();
      issuer.onUse = () => {};
      issuer.onAnswered = () => {};
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return issuer;
}
