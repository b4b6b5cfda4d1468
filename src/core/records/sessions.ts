import type { WorkbenchError } from '../errors.ts';
import { sameData } from '../tokens/json.ts';
import { createListeners } from '../waiting.ts';
import type { ClockSkew } from './clockSkew.ts';
import type { Connection, ConnectionProblem } from './connection.ts';
import type { HistoryEntry, RefreshOutcome } from './history.ts';
import { clientCredentialsOf, isRefused, type StoredRecord, spentIntent } from './record.ts';

export type SessionState = 'none' | 'active' | 'refreshing' | 'expired' | 'reauthRequired' | 'unavailable';

export interface LastRefresh {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly outcome: RefreshOutcome;
  readonly error?: WorkbenchError;
}

/** The program or user that asks for a token. */
export type Asker =
  /** The terminals and tasks of a workspace, by the URI of its first folder or of its file. */
  | { readonly kind: 'workspace'; readonly uri: string }
  /** Every program of this user, over the socket of the whole machine. */
  | { readonly kind: 'machine' }
  /** Another extension, whose consent VS Code itself asks for. */
  | { readonly kind: 'extension' }
  /** A command that the user runs: the choice of the connection is the consent. */
  | { readonly kind: 'user' };

/** The program that got a token, when, and what for. Never a token. */
export interface HandOut {
  /** Counts up within a window. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly connection: string;
  readonly asker: Asker;
  readonly purpose: string;
  /** Of the record that the token was taken from. */
  readonly generation: number;
}

/** All that is known of one connection at this moment. Replaced as a whole, never changed in place. */
export interface Session {
  readonly connection: Connection;
  /** True for the mock issuer's connection: nothing of it is ever written to settings or SecretStorage. */
  readonly memoryOnly: boolean;
  readonly record?: StoredRecord;
  /** Why the record cannot be read. It is kept as it stands. */
  readonly problem?: WorkbenchError;
  readonly refreshing: boolean;
  readonly lastRefresh?: LastRefresh;
  /** How many refreshes have failed in a row. */
  readonly failures: number;
  /** What earlier refreshes came to, oldest first; left out until it was asked for. */
  readonly history?: readonly HistoryEntry[];
  /** The programs that got its tokens in this window, newest first. */
  readonly handOuts?: readonly HandOut[];
  /** Set where this machine's clock and the issuer's are so far apart that it is worth telling. */
  readonly clockSkew?: ClockSkew | undefined;
}

/** What stands beside the tokens and changes nothing about them. */
export type Notes = Partial<Pick<Session, 'history' | 'handOuts' | 'clockSkew'>>;

/** The read model of every connection: views pull from it when its one event names what changed. */
export interface Sessions {
  list(): readonly Session[];
  get(id: string): Session | undefined;
  connection(id: string): Connection | undefined;
  /** 0 where nothing is known. */
  generation(id: string): number;
  problems(): readonly ConnectionProblem[];
  /** What the settings say now. Sessions whose connection is unchanged stay as they are; no event where all are. */
  setConnections(connections: readonly ListedConnection[], problems: readonly ConnectionProblem[]): void;
  /**
   * Takes a record in; one that is older than what is known, or holds the same, changes nothing. New tokens that no
   * refresh under way has brought make earlier failures a thing of the past, and so does a new secret or key.
   */
  apply(record: StoredRecord): void;
  /** The stored record is gone because the user asked for it, not because a read came back empty. */
  forget(id: string): void;
  /** What is stored cannot be read; what this window knows stays, until a record is taken in again. */
  unreadable(id: string, problem: WorkbenchError): void;
  refreshing(id: string, refreshing: boolean): void;
  /**
   * No event where all of it is known, and none where `quiet`: a view that asks for the children of a row must not be
   * told meanwhile that the row has changed.
   */
  note(id: string, notes: Notes, quiet?: boolean): void;
  /** Ends `refreshing`, too. */
  refreshed(id: string, last: LastRefresh): void;
  /**
   * Called once per change; with `undefined` where the list itself changed. A listener that throws does not stop
   * the others. Returns the unsubscribe function.
   */
  onDidChange(listener: (id: string | undefined) => void): () => void;
}

export interface ListedConnection {
  readonly connection: Connection;
  readonly memoryOnly: boolean;
}

export function createSessions(): Sessions {
  let sessions = new Map<string, Session>();
  let problems: readonly ConnectionProblem[] = [];
  const listeners = createListeners<[id: string | undefined]>();

  function change(id: string, changed: (session: Session) => Session): void {
    const session = sessions.get(id);
    if (session === undefined) return;
    const next = changed(session);
    if (next === session) return;
    sessions.set(id, next);
    listeners.tell(id);
  }

  /** A connection that has moved to memory or out of it starts without the record of the other store. */
  function sessionFor({ connection, memoryOnly }: ListedConnection): Session {
    const before = sessions.get(connection.id);
    if (before?.memoryOnly !== memoryOnly) return { connection, memoryOnly, refreshing: false, failures: 0 };
    // What failed by the old settings may work by the new ones.
    return sameData(before.connection, connection) ? before : { ...withoutFailures(before), connection };
  }

  return {
    list: () => [...sessions.values()],
    get: id => sessions.get(id),
    connection: id => sessions.get(id)?.connection,
    generation: id => sessions.get(id)?.record?.generation ?? 0,
    problems: () => problems,
    setConnections(listed, listedProblems) {
      const next = new Map(listed.map(entry => [entry.connection.id, sessionFor(entry)]));
      const isSame =
        sameData(problems, listedProblems) &&
        sameData([...next.keys()], [...sessions.keys()]) &&
        [...next].every(([id, session]) => sessions.get(id) === session);
      sessions = next;
      problems = listedProblems;
      if (!isSame) listeners.tell(undefined);
    },
    apply: record =>
      change(record.connection, session => {
        const { record: known, problem, refreshing } = session;
        if (known && record.generation < known.generation) return session;
        if (problem === undefined && sameData(known, record)) return session;
        const { problem: _, ...rest } = { ...session, record };
        const isSame =
          known?.generation === record.generation && sameData(clientCredentialsOf(known), clientCredentialsOf(record));
        return refreshing || known === undefined || isSame ? rest : withoutFailures(rest);
      }),
    forget: id =>
      change(id, session => {
        if (!session.record && !session.problem && !session.lastRefresh) return session;
        const { record: _, problem: __, lastRefresh: ___, ...rest } = session;
        return { ...rest, failures: 0 };
      }),
    unreadable: (id, problem) =>
      change(id, session => {
        const { code, data } = session.problem ?? {};
        return code === problem.code && sameData(data, problem.data) ? session : { ...session, problem };
      }),
    refreshing: (id, refreshing) =>
      change(id, session => (session.refreshing === refreshing ? session : { ...session, refreshing })),
    note(id, notes, quiet = false) {
      const session = sessions.get(id);
      if (session === undefined) return;
      const isKnown = ([name, value]: [string, unknown]) => sameData(Reflect.get(session, name), value);
      if (Object.entries(notes).every(isKnown)) return;
      sessions.set(id, { ...session, ...notes });
      if (!quiet) listeners.tell(id);
    },
    refreshed: (id, lastRefresh) =>
      change(id, session => ({
        ...session,
        refreshing: false,
        lastRefresh,
        failures: lastRefresh.error ? session.failures + 1 : 0,
      })),
    onDidChange: listeners.add,
  };
}

function withoutFailures(session: Session): Session {
  const { lastRefresh, ...rest } = session;
  return lastRefresh?.error ? { ...rest, failures: 0 } : session;
}

/** What a file system says of a folder that will not take a file later either. A full disk may have room again. */
const lasting: readonly string[] = ['EROFS', 'EACCES', 'EPERM', 'ELOOP', 'ENOTDIR', 'EISDIR', 'ENXIO'];

/** True where the windows of this machine have no folder to agree in, so that none may refresh by itself. */
export function isUnwritable({ code, data }: WorkbenchError): boolean {
  return code === 'lock_unavailable' && 'reason' in data && lasting.includes(String(data.reason));
}

/** @param now milliseconds since the epoch */
export function stateOf({ problem, refreshing, record }: Session, now: number): SessionState {
  if (problem) return problem.code === 'secrets_not_kept' ? 'reauthRequired' : 'unavailable';
  if (refreshing) return 'refreshing';
  const tokens = record?.tokens;
  if (record === undefined || tokens === undefined) return 'none';
  if (isRefused(record)) return 'reauthRequired';
  // While the access token lasts there is time; after it nothing goes on without a hand.
  const ended = spentIntent(record) ? 'reauthRequired' : 'expired';
  if (tokens.access_token === undefined) return tokens.refresh_token === undefined ? 'none' : ended;
  return tokens.expires_at !== undefined && tokens.expires_at <= now ? ended : 'active';
}
