import { classify } from '../errors.ts';
import type { Clock, Log } from '../ports.ts';
import type { Connection } from '../records/connection.ts';
import { endOf, type Session, type Sessions, type TokenName, tokenOf } from '../records/sessions.ts';
import { createListeners } from '../waiting.ts';
import { type TokenState, tokenStateOf, type VerificationResult } from './finding.ts';

/** Caches the results of the checks of each connection's tokens, as long as they can still be true. */
export interface Verifications {
  /** The last result for the current token; `undefined` if there was no check or the result is outdated. */
  known(id: string, name: TokenName): VerificationResult | undefined;
  /** Runs the checks unless their result is known. Concurrent callers share one run. */
  check(id: string, name: TokenName): Promise<VerificationResult | undefined>;
  /** The current state of the current token, from its last checks. Sends no request. */
  stateOf(id: string, name: TokenName): TokenState;
  /**
   * Checks the tokens that are on screen: each once, a few at a time. Failures are only logged. Does nothing unless
   * `allowed` returns true.
   * @param again also check tokens again that could not be verified some minutes ago
   */
  seen(tokens: readonly SeenToken[], again?: boolean): void;
  /** Drops the checks that have not begun, because the rows are out of sight. */
  unseen(): void;
  onDidChange(listener: (id: string, name: TokenName) => void): () => void;
}

interface SeenToken {
  readonly id: string;
  readonly name: TokenName;
}

export interface VerificationsParts {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly verify: (connection: Connection, name: TokenName, session: Session) => Promise<VerificationResult>;
  /** Whether checks may send requests without a command: the rows are on screen and the workspace is trusted. */
  readonly allowed: () => boolean;
  readonly log: Log;
}

/** Milliseconds for which a result is reused: keys are rotated and revoked. */
const freshFor = 5 * 60_000;

/** The same for checks that could not run, so that a view that asks again at once does not flood the issuer. */
const failedFor = 30_000;

/** How many checks of tokens on screen run at once, so that a view of many connections does not flood the network. */
const mostAtOnce = 4;

interface Entry {
  readonly token: string;
  /** The connection that the token was checked against. */
  readonly connection: Connection;
  /** Milliseconds since the epoch at which the token expires and its checks have another result. */
  readonly ends: number;
  /** Milliseconds since the epoch until which no request is repeated. */
  freshUntil: number;
  readonly running: Promise<VerificationResult>;
  result?: VerificationResult;
  /** The result of the checks, or why they could not run. */
  state: TokenState;
}

export function createVerifications({ sessions, clock, verify, allowed, log }: VerificationsParts): Verifications {
  const entries = new Map<string, Entry>();
  const listeners = createListeners<[id: string, name: TokenName]>();
  const keyFor = (id: string, name: TokenName) => `${id}/${name}`;

  /** Tokens on screen that are waiting for their check. */
  const waiting = new Map<string, SeenToken>();
  let running = 0;

  /** The entry for the current token under the current settings. */
  function current(id: string, name: TokenName): Entry | undefined {
    const session = sessions.get(id);
    const entry = entries.get(keyFor(id, name));
    if (entry === undefined || session === undefined || entry.connection !== session.connection) return undefined;
    return entry.token === tokenOf(session, name) ? entry : undefined;
  }

  function stateNow({ state, ends }: Entry): TokenState {
    return state.kind === 'verified' && clock.now() >= ends ? { kind: 'expired_valid_signature' } : state;
  }

  async function check(id: string, name: TokenName): Promise<VerificationResult | undefined> {
    const known = current(id, name);
    if (known && clock.now() < known.freshUntil) return known.running;
    const session = sessions.get(id);
    const token = session && tokenOf(session, name);
    if (session === undefined || token === undefined) return undefined;
    const end = endOf(session, name) ?? Number.POSITIVE_INFINITY;
    const now = clock.now();
    const ends = end > now ? end : Number.POSITIVE_INFINITY;
    const { connection } = session;
    const entry: Entry = {
      token,
      connection,
      ends,
      freshUntil: Math.min(now + freshFor, ends),
      running: verify(connection, name, session),
      // The last result stays until the new one arrives.
      ...(known?.result && now < known.ends && { result: known.result }),
      state: known ? stateNow(known) : { kind: 'not_checked' },
    };
    entries.set(keyFor(id, name), entry);
    try {
      entry.result = await entry.running;
      entry.state = tokenStateOf(entry.result);
      return entry.result;
    } catch (error) {
      const { code, data } = classify(error);
      entry.freshUntil = Math.min(entry.freshUntil, clock.now() + failedFor);
      entry.state = { kind: 'unverifiable', reason: { id: 'signature', status: 'failed', code, data: { ...data } } };
      throw error;
    } finally {
      listeners.tell(id, name);
    }
  }

  function isDue({ id, name }: SeenToken, again: boolean): boolean {
    const entry = current(id, name);
    if (entry === undefined) return true;
    return again && entry.state.kind !== 'verified' && clock.now() >= entry.freshUntil;
  }

  function next(): void {
    for (const [key, { id, name }] of waiting) {
      if (running >= mostAtOnce) return;
      waiting.delete(key);
      running++;
      check(id, name)
        .catch(error => log('warn', 'checks not run', { connection: id, error: classify(error) }))
        .finally(() => {
          running--;
          next();
        });
    }
  }

  return {
    known(id, name) {
      const entry = current(id, name);
      return entry && clock.now() < entry.ends ? entry.result : undefined;
    },
    check,
    stateOf(id, name) {
      const entry = current(id, name);
      return entry ? stateNow(entry) : { kind: 'not_checked' };
    },
    seen(tokens, again = false) {
      if (!allowed()) return;
      for (const token of tokens) if (isDue(token, again)) waiting.set(keyFor(token.id, token.name), token);
      next();
    },
    unseen: () => waiting.clear(),
    onDidChange: listeners.add,
  };
}
