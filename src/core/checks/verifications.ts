import { createListeners } from '../listeners.ts';
import type { Clock } from '../ports.ts';
import type { Connection } from '../records/connection.ts';
import { endOf, type TokenName, tokenOf } from '../records/session.ts';
import type { Session, Sessions } from '../records/sessions.ts';
import type { VerificationResult } from './finding.ts';

/** Remembers what the checks said of each connection's tokens, for as long as that can still be true. */
export interface Verifications {
  /** The last result for the token that is held now; `undefined` where none was asked for or it is outdated. */
  known(id: string, name: TokenName): VerificationResult | undefined;
  /** Runs the checks unless their result is known; callers at one time share one run. */
  check(id: string, name: TokenName): Promise<VerificationResult | undefined>;
  /** Asks anew next time: the issuer's keys may have changed. */
  clear(id: string): void;
  onDidChange(listener: (id: string, name: TokenName) => void): () => void;
}

export interface VerificationsParts {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly verify: (connection: Connection, name: TokenName, session: Session) => Promise<VerificationResult>;
}

/** How long, in milliseconds, a result stands without asking again: keys are rotated and revoked. */
const freshFor = 5 * 60_000;

/** The same for checks that could not be run: who looks again at once must not ask the issuer without end. */
const failedFor = 30_000;

interface Entry {
  readonly token: string;
  /** What it was checked against. */
  readonly connection: Connection;
  /** Milliseconds since the epoch at which the result stops being true. */
  until: number;
  readonly running: Promise<VerificationResult>;
  result?: VerificationResult;
}

export function createVerifications({ sessions, clock, verify }: VerificationsParts): Verifications {
  const entries = new Map<string, Entry>();
  const listeners = createListeners<[id: string, name: TokenName]>();
  const keyFor = (id: string, name: TokenName) => `${id}/${name}`;

  function current(id: string, name: TokenName): Entry | undefined {
    const session = sessions.get(id);
    const entry = entries.get(keyFor(id, name));
    if (entry === undefined || session === undefined || entry.connection !== session.connection) return undefined;
    return entry.token === tokenOf(session, name) && clock.now() < entry.until ? entry : undefined;
  }

  async function check(id: string, name: TokenName): Promise<VerificationResult | undefined> {
    const known = current(id, name);
    if (known) return known.running;
    const session = sessions.get(id);
    const token = session && tokenOf(session, name);
    if (session === undefined || token === undefined) return undefined;
    const end = endOf(session, name) ?? Number.POSITIVE_INFINITY;
    const now = clock.now();
    // The moment a token expires its checks say something else.
    const until = Math.min(now + freshFor, end > now ? end : Number.POSITIVE_INFINITY);
    const { connection } = session;
    const entry: Entry = { token, connection, until, running: verify(connection, name, session) };
    entries.set(keyFor(id, name), entry);
    try {
      entry.result = await entry.running;
      return entry.result;
    } catch (error) {
      entry.until = Math.min(entry.until, clock.now() + failedFor);
      throw error;
    } finally {
      listeners.tell(id, name);
    }
  }

  return {
    known: (id, name) => current(id, name)?.result,
    check,
    clear(id) {
      for (const name of ['access_token', 'id_token'] as const) entries.delete(keyFor(id, name));
    },
    onDidChange: listeners.add,
  };
}
