import type { Connection, ConnectionProblem } from './connection.ts';
import type { WorkbenchError } from './errors.ts';
import type { StoredRecord } from './record.ts';
import type { RefreshOutcome } from './refresher.ts';

export type SessionState = 'none' | 'active' | 'refreshing' | 'expired' | 'reauthRequired' | 'unavailable';

export interface LastRefresh {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly outcome: RefreshOutcome;
  readonly error?: WorkbenchError;
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
}

/** The read model of every connection: views pull from it when its one event names what changed. */
export interface Sessions {
  list(): readonly Session[];
  get(id: string): Session | undefined;
  connection(id: string): Connection | undefined;
  /** 0 where nothing is known. */
  generation(id: string): number;
  problems(): readonly ConnectionProblem[];
  /** What the settings say now. Sessions whose connection is unchanged stay as they are. */
  setConnections(connections: readonly ListedConnection[], problems: readonly ConnectionProblem[]): void;
  /** Takes a record in; one that is older than what is known changes nothing. */
  apply(record: StoredRecord): void;
  /** The stored record is gone because somebody asked for it, not because a read came back empty. */
  forget(id: string): void;
  unreadable(id: string, problem: WorkbenchError): void;
  refreshing(id: string, refreshing: boolean): void;
  refreshed(id: string, last: LastRefresh): void;
  /** `undefined` where the list itself changed. Returns the unsubscribe function. */
  onDidChange(listener: (id: string | undefined) => void): () => void;
}

export interface ListedConnection {
  readonly connection: Connection;
  readonly memoryOnly: boolean;
}

export function createSessions(): Sessions {
  let sessions = new Map<string, Session>();
  let problems: readonly ConnectionProblem[] = [];
  const listeners = new Set<(id: string | undefined) => void>();

  function fire(id: string | undefined): void {
    for (const listener of [...listeners]) listener(id);
  }

  function change(id: string, changed: (session: Session) => Session): void {
    const session = sessions.get(id);
    if (session === undefined) return;
    const next = changed(session);
    if (next === session) return;
    sessions.set(id, next);
    fire(id);
  }

  return {
    list: () => [...sessions.values()],
    get: id => sessions.get(id),
    connection: id => sessions.get(id)?.connection,
    generation: id => sessions.get(id)?.record?.generation ?? 0,
    problems: () => problems,
    setConnections(listed, listedProblems) {
      problems = listedProblems;
      sessions = new Map(
        listed.map(({ connection, memoryOnly }) => {
          const before = sessions.get(connection.id);
          return [connection.id, { refreshing: false, ...before, connection, memoryOnly }];
        }),
      );
      fire(undefined);
    },
    apply: record =>
      change(record.connection, session => {
        if (session.record === record) return session;
        if (session.record && record.generation < session.record.generation) return session;
        const { problem: _, ...rest } = session;
        return { ...rest, record };
      }),
    forget: id => change(id, ({ record: _, problem: __, lastRefresh: ___, ...session }) => session),
    unreadable: (id, problem) => change(id, session => ({ ...session, problem })),
    refreshing: (id, refreshing) =>
      change(id, session => (session.refreshing === refreshing ? session : { ...session, refreshing })),
    refreshed: (id, lastRefresh) => change(id, session => ({ ...session, lastRefresh })),
    onDidChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** @param now milliseconds since the epoch */
export function stateOf({ problem, refreshing, record }: Session, now: number): SessionState {
  if (problem) return 'unavailable';
  if (refreshing) return 'refreshing';
  const tokens = record?.tokens;
  if (record === undefined || tokens === undefined) return 'none';
  if (record.refused?.generation === record.generation) return 'reauthRequired';
  if (tokens.access_token === undefined) return tokens.refresh_token === undefined ? 'none' : 'expired';
  return tokens.expires_at !== undefined && tokens.expires_at <= now ? 'expired' : 'active';
}
