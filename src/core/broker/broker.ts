import { WorkbenchError } from '../errors.ts';
import type { Clock, Log, SecretVault } from '../ports.ts';
import { leastInterval } from '../records/record.ts';
import {
  type Asker,
  badgeOf,
  endOf,
  type HandOut,
  isRefreshable,
  type Session,
  type Sessions,
  tokenOf,
} from '../records/sessions.ts';
import { isBound } from '../records/tokenSet.ts';
import type { Refresher } from '../refresh/refresher.ts';
import { isObject } from '../tokens/json.ts';
import { createListeners } from '../waiting.ts';
import { type ConnectionAnswer, defaultMinTtl, type TokenAnswer, type TokenQuery } from './protocol.ts';

/** The only way in which access tokens and ID tokens leave the extension. */
export interface Broker {
  /**
   * A token that is valid for at least `minTtl` seconds; refreshes first if necessary. Never returns a refresh token, a
   * secret or a key.
   * @throws WorkbenchError `not_trusted`, `connection_unknown`, `connection_ambiguous`, `consent_denied`,
   * `consent_unanswered`, `no_such_token`, `token_not_sendable`, `lifetime_too_short`, `argument_invalid`, and why a refresh failed
   */
  token(asker: Asker, query: TokenQuery, signal?: AbortSignal): Promise<TokenAnswer>;
  /** All connections, without their tokens. @throws WorkbenchError `not_trusted` */
  connections(): readonly ConnectionAnswer[];
  /** Called after the hand-out was added to the list of its session. */
  onDidHandOut(listener: (handOut: HandOut) => void): () => void;
}

export interface BrokerParts {
  readonly sessions: Sessions;
  readonly refresher: Refresher;
  readonly consents: Consents;
  readonly clock: Clock;
  readonly log: Log;
  readonly isTrusted: () => boolean;
  /** Creates a DPoP proof (RFC 9449 §4.2) for one request with this access token. */
  readonly proof: (connection: string, accessToken: string, url: string, method: string) => Promise<string>;
}

/** How many hand-outs per connection are kept. */
const mostHandOuts = 50;

export function createBroker(parts: BrokerParts): Broker {
  const { sessions, refresher, consents, clock, log, isTrusted } = parts;
  let number = 0;
  const listeners = createListeners<[handOut: HandOut]>();
  /**
   * By connection: the generation whose tokens are new, but too short-lived for a caller. Refreshing again would not
   * help.
   */
  const tooShort = new Map<string, number>();

  function assertTrusted(): void {
    if (!isTrusted()) throw new WorkbenchError('not_trusted', { sent: false });
  }

  /** The connection with that id. Without an id: the only connection that has tokens or can get them. */
  function resolve(id: string | undefined): Session {
    if (id !== undefined) {
      const session = sessions.get(id);
      if (session === undefined) throw new WorkbenchError('connection_unknown', { connection: id });
      return session;
    }
    const usable = sessions.list().filter(each => tokenOf(each, 'access_token') !== undefined || isRefreshable(each));
    const [only] = usable;
    if (only !== undefined && usable.length === 1) return only;
    throw new WorkbenchError('connection_ambiguous', {
      connections: sessions
        .list()
        .map(({ connection }) => connection.id)
        .join(', '),
    });
  }

  /** Milliseconds until the token expires; infinite if its expiry is unknown. */
  function left(session: Session, name: 'access_token' | 'id_token'): number {
    if (tokenOf(session, name) === undefined) return Number.NEGATIVE_INFINITY;
    const end = endOf(session, name);
    return end === undefined ? Number.POSITIVE_INFINITY : end - clock.now();
  }

  async function freshSession(
    session: Session,
    name: 'access_token' | 'id_token',
    minTtl: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Session> {
    const { id } = session.connection;
    const wanted = minTtl === undefined ? usualMinimum(session) : minTtl * 1000;
    if (left(session, name) >= wanted) return session;
    if (!isRefreshable(session)) {
      if (tokenOf(session, name) === undefined)
        throw new WorkbenchError('no_such_token', { connection: id, token: name });
      throw new WorkbenchError('no_refresh_token', { connection: id, sent: false });
    }
    const before = session.record?.generation ?? 0;
    const shortage = (valid: number) =>
      new WorkbenchError('lifetime_too_short', {
        connection: id,
        left: Math.max(0, Math.floor(valid / 1000)),
        wanted: Math.ceil(wanted / 1000),
      });
    // A program that asks again and again does not make an issuer of such tokens send them faster.
    const age = clock.now() - (session.record?.tokens?.obtained_at ?? 0);
    const isNew = age >= 0 && age < leastInterval;
    if (tooShort.get(id) === before && (left(session, name) > 0 || isNew)) throw shortage(left(session, name));
    const { error } = await refresher.refresh(id, signal, 'user');
    const after = sessions.get(id);
    if (after === undefined) throw new WorkbenchError('connection_unknown', { connection: id });
    const valid = left(after, name);
    if (valid >= Math.min(wanted, minTtl === undefined ? usualMinimum(after) : wanted)) return after;
    if (error) throw error;
    if (after.record !== undefined && after.record.generation > before) tooShort.set(id, after.record.generation);
    throw shortage(valid);
  }

  function note(handOut: HandOut): void {
    const { connection: id, asker, purpose, generation } = handOut;
    const before = sessions.get(id)?.handOuts;
    // If the list exists already, the view has a row for it, and only the content of the list has changed: no event.
    sessions.note(id, { handOuts: [handOut, ...(before ?? [])].slice(0, mostHandOuts) }, before !== undefined);
    log('info', 'token handed out', { connection: id, asker: asker.kind, purpose, generation });
    listeners.tell(handOut);
  }

  return {
    async token(asker, query, signal) {
      assertTrusted();
      const { token: name = 'access_token', minTtl, purpose = '', method = 'GET', url } = query;
      const { connection } = resolve(query.connection);
      const { id } = connection;
      await consents.allowed(asker, id, purpose);
      // The user may have taken long to answer: trust and the connection may have changed.
      assertTrusted();
      const session = await freshSession(resolve(id), name, minTtl, signal);
      const token = tokenOf(session, name);
      if (token === undefined) throw new WorkbenchError('no_such_token', { connection: id, token: name });
      // A line break would begin another header, or another line of what a program reads.
      if (!/^[\x21-\x7e]+$/.test(token))
        throw new WorkbenchError('token_not_sendable', { connection: id, token: name });
      const type = name === 'access_token' && isDpop(session) ? 'DPoP' : 'Bearer';
      const proof =
        type === 'DPoP' && url !== undefined ? await parts.proof(id, token, url, method.toUpperCase()) : undefined;
      const expiresAt = endOf(session, name);
      note({
        number: ++number,
        at: clock.now(),
        connection: id,
        asker,
        purpose,
        generation: session.record?.generation ?? 0,
      });
      return {
        connection: id,
        token,
        type,
        ...(expiresAt !== undefined && { expiresAt }),
        ...(proof !== undefined && { proof }),
      };
    },
    connections() {
      assertTrusted();
      return sessions.list().map(session => {
        const { connection, record } = session;
        const { state } = badgeOf(session, clock.now());
        const { expires_at, scope } = record?.tokens ?? {};
        return {
          id: connection.id,
          label: connection.label,
          state,
          ...(expires_at !== undefined && { expiresAt: expires_at }),
          ...(scope !== undefined && { scope }),
        };
      });
    },
    onDidHandOut: listeners.add,
  };
}

/**
 * Milliseconds of the default `minTtl`, but at most half the lifetime, so that short-lived tokens are not refreshed for
 * each request.
 */
function usualMinimum({ record }: Session): number {
  const { expires_at, obtained_at } = record?.tokens ?? {};
  const usual = defaultMinTtl * 1000;
  return expires_at === undefined || obtained_at === undefined
    ? usual
    : Math.min(usual, (expires_at - obtained_at) / 2);
}

function isDpop({ record }: Session): boolean {
  return record?.tokens !== undefined && isBound(record.tokens);
}

/** `session`: until VS Code closes. */
export type Consent = 'session' | 'always' | 'denied';

export interface StoredConsent {
  readonly asker: Asker;
  readonly connection: string;
  readonly consent: Consent;
}

export interface Consents {
  /**
   * Resolves if the user allows it. Asks once per asker and connection, however many requests wait for the answer.
   * @throws WorkbenchError `consent_denied`, `consent_unanswered`
   */
  allowed(asker: Asker, connection: string, purpose: string): Promise<void>;
  list(): Promise<readonly StoredConsent[]>;
  /** Deletes an answer, so that the next request asks again. */
  revoke(entry: StoredConsent): Promise<void>;
  /** Deletes all answers about a removed connection. */
  forget(connection: string): Promise<void>;
}

interface ConsentParts {
  readonly secrets: SecretVault;
  readonly log: Log;
  /** Asks the user; resolves with `undefined` if the user chose nothing. */
  readonly ask: (asker: Asker, connection: string, purpose: string) => Promise<Consent | undefined>;
}

/** Answers that outlive the window are in SecretStorage, where neither a workspace nor Settings Sync can write them. */
const storageKey = 'jwtWorkbench.consents';
const mostConsents = 500;

export function createConsents({ secrets, log, ask }: ConsentParts): Consents {
  /** Answers for this window. `denied` is kept too, so that a loop in a terminal asks only once. */
  const inMemory = new Map<string, StoredConsent>();
  const asking = new Map<string, Promise<Consent | undefined>>();
  let writing: Promise<unknown> = Promise.resolve();

  async function stored(): Promise<readonly StoredConsent[]> {
    const text = await secrets.get(storageKey);
    if (text === undefined) return [];
    try {
      const value: unknown = JSON.parse(text);
      return Array.isArray(value) ? value.filter(isStored).slice(-mostConsents) : [];
    } catch {
      // Unreadable answers are ignored, so the user is asked again.
      log('warn', 'consents unreadable');
      return [];
    }
  }

  /** Runs one write at a time, each based on what is stored then. */
  function change(changed: (list: readonly StoredConsent[]) => readonly StoredConsent[]): Promise<void> {
    const work = writing.then(async () => {
      const before = await stored();
      const after = changed(before).slice(-mostConsents);
      if (after.length === before.length && after.every((each, index) => each === before[index])) return;
      await secrets.store(storageKey, JSON.stringify(after));
    });
    writing = work.catch(error => log('warn', 'consents not stored', { error }));
    return work;
  }

  /** The other kinds are allowed by other means than an answer here. */
  const isAsked = ({ kind }: Asker) => kind === 'workspace' || kind === 'machine';

  async function decide(asker: Asker, connection: string, purpose: string): Promise<Consent | undefined> {
    const consent = await ask(asker, connection, purpose);
    if (consent === undefined) return undefined;
    const entry = { asker, connection, consent };
    const remember = () => void inMemory.set(keyOf(entry), entry);
    if (consent !== 'always') remember();
    // Kept in the store alone: another window may revoke it. If the store fails, it counts until VS Code closes.
    else await change(list => [...list.filter(each => keyOf(each) !== keyOf(entry)), entry]).catch(remember);
    return consent;
  }

  return {
    async allowed(asker, connection, purpose) {
      if (!isAsked(asker)) return;
      const key = keyOf({ asker, connection });
      const known =
        inMemory.get(key)?.consent ?? (await stored()).find(each => keyOf(each) === key)?.consent ?? asking.get(key);
      let consent = await known;
      if (consent === undefined && known === undefined) {
        const question = asking.get(key) ?? decide(asker, connection, purpose).finally(() => asking.delete(key));
        asking.set(key, question);
        consent = await question;
      }
      if (consent === 'denied') throw new WorkbenchError('consent_denied', { connection });
      if (consent === undefined) throw new WorkbenchError('consent_unanswered', { connection });
    },
    async list() {
      const all = new Map((await stored()).map(each => [keyOf(each), each]));
      for (const [key, each] of inMemory) if (!all.has(key)) all.set(key, each);
      return [...all.values()];
    },
    async revoke(entry) {
      inMemory.delete(keyOf(entry));
      await change(list => list.filter(each => keyOf(each) !== keyOf(entry)));
    },
    async forget(connection) {
      for (const [key, each] of inMemory) if (each.connection === connection) inMemory.delete(key);
      await change(list => list.filter(each => each.connection !== connection));
    },
  };
}

function keyOf({ asker, connection }: Pick<StoredConsent, 'asker' | 'connection'>): string {
  return JSON.stringify([asker.kind, asker.kind === 'workspace' ? asker.uri : '', connection]);
}

function isStored(value: unknown): value is StoredConsent {
  if (!isObject(value) || typeof value.connection !== 'string' || value.consent !== 'always') return false;
  const { asker } = value;
  if (!isObject(asker)) return false;
  return asker.kind === 'machine' || (asker.kind === 'workspace' && typeof asker.uri === 'string');
}
