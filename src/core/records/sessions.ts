import type { WorkbenchError } from '../errors.ts';
import { sameData } from '../tokens/json.ts';
import { expiresAt, tryDecode } from '../tokens/jwt.ts';
import { createListeners } from '../waiting.ts';
import type { ClockSkew } from './clockSkew.ts';
import type { Connection, ConnectionProblem } from './connection.ts';
import type { HistoryEntry, RefreshOutcome } from './history.ts';
import { clientCredentialsOf, isRefused, isRenewable, type StoredRecord, unansweredRetry } from './record.ts';

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
  /** The terminals and tasks of a workspace, identified by the URI of its first folder or of its file. */
  | { readonly kind: 'workspace'; readonly uri: string }
  /** Any program of this user that connects to the machine-wide socket. */
  | { readonly kind: 'machine' }
  /** Another extension. VS Code itself asks the user for consent. */
  | { readonly kind: 'extension' }
  /** A command that the user runs. Choosing the connection is the consent. */
  | { readonly kind: 'user' };

/** Which program got a token, when and what for. Never contains the token. */
export interface HandOut {
  /** A running number within this window. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly connection: string;
  readonly asker: Asker;
  readonly purpose: string;
  /** The generation of the record that the token came from. */
  readonly generation: number;
}

/** Everything known about one connection now. Replaced as a whole, never changed in place. */
export interface Session {
  readonly connection: Connection;
  /** True for the mock issuer's connection, which is never written to settings or SecretStorage. */
  readonly memoryOnly: boolean;
  readonly record?: StoredRecord;
  /** Why the record cannot be read. The stored text is left unchanged. */
  readonly problem?: WorkbenchError;
  readonly refreshing: boolean;
  readonly lastRefresh?: LastRefresh;
  /** How many refreshes have failed in a row. */
  readonly failures: number;
  /** The results of earlier refreshes, oldest first; absent until a view has asked for them. */
  readonly history?: readonly HistoryEntry[];
  /** The programs that got tokens in this window, newest first. */
  readonly handOuts?: readonly HandOut[];
  /** Set if this machine's clock and the issuer's differ enough to tell the user. */
  readonly clockSkew?: ClockSkew | undefined;
}

/** Members that are shown beside the tokens and do not affect them. */
type Notes = Partial<Pick<Session, 'history' | 'handOuts' | 'clockSkew'>>;

/** The read model of all connections. Its one event names the connection that changed, and views then read it. */
export interface Sessions {
  list(): readonly Session[];
  get(id: string): Session | undefined;
  connection(id: string): Connection | undefined;
  /** 0 if nothing is known. */
  generation(id: string): number;
  problems(): readonly ConnectionProblem[];
  /**
   * Applies the connections of the settings. Sessions whose connection is unchanged stay as they are; there is no event
   * if none has changed.
   */
  setConnections(connections: readonly ListedConnection[], problems: readonly ConnectionProblem[]): void;
  /**
   * Takes in a record. An older or equal record changes nothing. New tokens that no running refresh has brought, or a
   * new secret or key, reset earlier failures.
   */
  apply(record: StoredRecord): void;
  /** Removes the record after the user has deleted it. Never called because a read found nothing. */
  forget(id: string): void;
  /** Notes that the stored record cannot be read. What this window knows stays until `apply` is called again. */
  unreadable(id: string, problem: WorkbenchError): void;
  refreshing(id: string, refreshing: boolean): void;
  /**
   * Sets notes. No event if nothing changed or if `quiet`: a view that is asking for the children of a row must not be
   * told meanwhile that the row has changed.
   */
  note(id: string, notes: Notes, quiet?: boolean): void;
  /** Sets the result of a refresh and ends `refreshing`. */
  refreshed(id: string, last: LastRefresh): void;
  /**
   * The listener is called once per change, with `undefined` if the list itself changed. A listener that throws does
   * not stop the others. Returns the unsubscribe function.
   */
  onDidChange(listener: (id: string | undefined) => void): () => void;
}

interface ListedConnection {
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

  /**
   * A connection that has moved to or from memory starts without a record, because its record is in the other store.
   */
  function sessionFor({ connection, memoryOnly }: ListedConnection): Session {
    const before = sessions.get(connection.id);
    if (before?.memoryOnly !== memoryOnly) return { connection, memoryOnly, refreshing: false, failures: 0 };
    // What failed with the old settings may work with the new ones.
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
        failures: failuresAfter(session, lastRefresh),
      })),
    onDidChange: listeners.add,
  };
}

/** A refresh during a pause that the issuer has asked for is no further failure: nothing was sent. */
function failuresAfter({ failures }: Session, { error }: LastRefresh): number {
  if (error === undefined) return 0;
  return error.code === 'waiting_for_issuer' ? failures : failures + 1;
}

function withoutFailures(session: Session): Session {
  const { lastRefresh, ...rest } = session;
  return lastRefresh?.error ? { ...rest, failures: 0 } : session;
}

/**
 * Errors of the file system that mean a folder will not become writable later. A full disk is not one of them: it may
 * have room again.
 */
const lasting: readonly string[] = ['EROFS', 'EACCES', 'EPERM', 'ELOOP', 'ENOTDIR', 'EISDIR', 'ENXIO'];

/** True if this machine's windows have no folder for their locks, so that none may refresh automatically. */
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
  // Until the access token expires it can still be used; after that only the user can continue.
  const ended = unansweredRetry(record) ? 'reauthRequired' : 'expired';
  if (tokens.access_token === undefined) return tokens.refresh_token === undefined ? 'none' : ended;
  return tokens.expires_at !== undefined && tokens.expires_at <= now ? ended : 'active';
}

export type TokenName = 'access_token' | 'id_token' | 'refresh_token';

export function tokenOf({ record }: Session, name: TokenName): string | undefined {
  return record?.tokens?.[name];
}

/** True if there is an issuer to ask, and either a refresh token or a grant that needs none. */
export function isRefreshable({ connection, record }: Session): boolean {
  const issuer = connection.issuer ?? connection.tokenEndpoint;
  if (record === undefined || issuer === undefined) return false;
  return record.tokens?.refresh_token !== undefined || isRenewable(record);
}

/** True if there is an issuer to sign in at. */
export function isSignable({ connection }: Session): boolean {
  return (connection.issuer ?? connection.tokenEndpoint) !== undefined;
}

/** True if the client authenticates with a stored secret or key. */
export function isConfidential({ connection, memoryOnly }: Session): boolean {
  return connection.tokenEndpointAuthMethod !== 'none' && !memoryOnly;
}

export interface Badge {
  readonly state: SessionState;
  /** Milliseconds until the access token expires; negative after that. */
  readonly remaining?: number;
}

/** @param now milliseconds since the epoch */
export function badgeOf(session: Session, now: number): Badge {
  const ends = session.record?.tokens?.expires_at;
  return { state: stateOf(session, now), ...(ends !== undefined && { remaining: ends - now }) };
}

/** When a token expires, in milliseconds since the epoch, by its own `exp` or by what the issuer sent with it. */
export function endOf({ record }: Session, name: TokenName): number | undefined {
  const tokens = record?.tokens;
  if (name === 'access_token') return tokens?.expires_at;
  if (name === 'refresh_token') return tokens?.refresh_expires_at;
  const decoded = tokens?.id_token === undefined ? undefined : tryDecode(tokens.id_token);
  return decoded && !('error' in decoded) && decoded.kind === 'jws' ? expiresAt(decoded) : undefined;
}
