import { classify, isWorkbenchError, WorkbenchError, withData } from '../errors.ts';
import type { Clock, CrossWindowLock, Lease, LedgerEntry, SharedNotes } from '../ports.ts';
import { pause } from '../waiting.ts';
import { giveRecord, type Handover, readableRecord, recordOf } from './journalKeys.ts';
import {
  emptyRecord,
  isRefused,
  newest,
  printsOf,
  type RefreshIntent,
  type StoredRecord,
  sharedAlso,
  type TokenFamily,
  unansweredIntent,
  withoutTokens,
  withPrints,
} from './record.ts';
import type { Sessions } from './sessions.ts';
import type { Keeping, Vault } from './vault.ts';

/*
 * The one way to change what is stored for a connection: take its lock, find the newest record of all windows, decide
 * from that one, and write it where other windows find it before this window uses it. Only a sign-out does not wait for
 * the lock (signIn/signOut.ts): it wins over everything that is running.
 */

export interface RecordParts {
  readonly vault: Vault;
  readonly lock: CrossWindowLock & Pick<SharedNotes, 'peek'>;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly handover: Handover;
}

/** A connection's record, read under its lock. */
export interface LockedRecord {
  readonly id: string;
  readonly lease: Lease;
  readonly ledger: LedgerEntry | undefined;
  /** The newest record of all windows. For a new grant it may be an older one. */
  readonly current: StoredRecord;
  /** The generation for a new set of tokens. */
  readonly nextGeneration: number;
  /** A file that all windows share is damaged, so the newest generation of other windows is unknown. */
  readonly isDamaged: boolean;
  /** Set for a new grant if the newest record cannot be read: its generation, and what the journal has of it. */
  readonly unread?: { readonly generation: number; readonly sealed?: string };
}

export interface LockOptions {
  /** Other connections whose locks are held as well. */
  readonly alsoLocked?: readonly string[];
  /**
   * A new refresh token is coming: the stored one is not sent, so unreadable files about older grants do not matter.
   */
  readonly isNewGrant?: boolean;
}

/**
 * Runs `work` with the newest record under its lock.
 * @throws WorkbenchError `record_unreadable`, `record_newer_version`, `record_behind`, `secret_unavailable`,
 * `cancelled`, `lock_timeout`, `lock_unavailable` with `reason`, and what `work` throws
 */
export function withRecord<T>(
  parts: RecordParts,
  id: string,
  signal: AbortSignal,
  work: (locked: LockedRecord, otherLeases: ReadonlyMap<string, Lease>) => Promise<T>,
  { alsoLocked = [], isNewGrant = false }: LockOptions = {},
): Promise<T> {
  const leases = new Map<string, Lease>();
  // All windows take the locks in the same order; otherwise two could wait for each other.
  const take = ([next, ...rest]: readonly string[]): Promise<T> => {
    if (next !== undefined) {
      const enter = (lease: Lease) => {
        leases.set(next, lease);
        return take(rest);
      };
      // The new grant is for `id` alone: the other connections go on with their tokens.
      return parts.lock.withLock(next, signal, enter, isNewGrant && next === id ? 'new_grant' : 'any');
    }
    const lease = leases.get(id);
    if (lease === undefined) throw new WorkbenchError('internal', { type: 'lease' });
    leases.delete(id);
    return readLocked(parts, { id, lease, signal, isNewGrant }).then(locked => work(locked, leases));
  };
  // Each lock once: a second turn for the same one would wait for the first.
  return take([...new Set([id, ...alsoLocked])].sort()).catch(thrown => {
    throw aboutOther(parts.sessions, id, thrown);
  });
}

/** Adds the label of the connection that an error is about, if the caller asked for another one. */
function aboutOther(sessions: Sessions, id: string, thrown: unknown): unknown {
  const { connection: other } = isWorkbenchError(thrown) ? thrown.data : {};
  if (!isWorkbenchError(thrown) || other === undefined || other === id) return thrown;
  return withData(thrown, { otherLabel: sessions.connection(other)?.label ?? other });
}

/**
 * Stores what `change` returns for the newest record. `change` is synchronous. If it throws, nothing has changed.
 * @throws WorkbenchError as `withRecord` and `writeRecord`
 */
export function changeRecord(
  parts: RecordParts,
  id: string,
  signal: AbortSignal,
  change: (current: StoredRecord, locked: LockedRecord) => StoredRecord,
  options: LockOptions = {},
): Promise<StoredRecord> {
  return withRecord(
    parts,
    id,
    signal,
    async locked => {
      await parts.handover.ready(locked.lease);
      const record = change(locked.current, locked);
      await writeRecord(parts, locked, record);
      return record;
    },
    options,
  );
}

/**
 * Stores a record for all windows, in the order journal, ledger, SecretStorage, sessions of this window: the first step
 * changes nothing if it fails, and the last is seen by this window only.
 * @throws WorkbenchError `lock_unavailable` with `reason`, `lock_lost`, `superseded`, `secret_unavailable`
 */
export async function writeRecord(
  { vault, sessions, handover }: RecordParts,
  { lease, ledger, isDamaged }: LockedRecord,
  record: StoredRecord,
): Promise<void> {
  const { connection, generation } = record;
  const isLost = (now: StoredRecord | undefined) => now !== undefined && now.generation > generation;
  /** After this process stood still for long, its lock counts as lost. If `renew` succeeds, no other process has taken it. */
  async function held(write: () => Promise<void>): Promise<void> {
    await write().catch(async error => {
      if (classify(error).code !== 'lock_lost') throw error;
      await lease.renew();
      await write();
    });
  }
  if (lease.lost) await lease.renew();
  if (isDamaged) await held(() => lease.voidBelow(generation));
  // A record without tokens whose generation the ledger has already (after a sign-out) needs neither journal nor
  // ledger.
  if (record.tokens !== undefined || generation > (ledger?.generation ?? 0)) {
    await held(() => giveRecord(handover, lease, record));
    const { notBefore, notedAt } = ledger ?? {};
    const entry = { ...ledgerEntry(lease, record), ...(notBefore !== undefined && { notBefore, notedAt }) };
    await held(() => lease.writeLedger(entry));
  }
  // A newer record was left by a sign-out since, and is kept.
  const stored = await vault.update(connection, now => (now !== undefined && isLost(now) ? now : record));
  sessions.apply(stored);
  if (isLost(stored)) throw new WorkbenchError('superseded', { connection, signedOut: true });
}

/** The ledger entry of a record. */
export function ledgerEntry(lease: Lease, record: StoredRecord): LedgerEntry {
  const { generation, tokens, family } = record;
  const token = tokens?.refresh_token;
  const refused = isRefused(record) ? record.refused : undefined;
  const at = refused?.answer_lost_at;
  const intent: Omit<RefreshIntent, 'generation'> | undefined = at === undefined ? unansweredIntent(record) : { at };
  const aside = lease.shared ? familiesAside(lease, record) : [];
  return {
    generation,
    ...(token !== undefined && { fingerprint: lease.fingerprint(token) }),
    ...(token !== undefined && family && { family }),
    ...(aside.length > 0 && { aside }),
    ...(intent && { intent: { at: intent.at, ...(intent.retried && { retried: true }) } }),
    ...(refused && { refused: { at: refused.at, error: refused.error.slice(0, 100) } }),
  };
}

/** How many families that a record keeps beside its own are noted, so that a ledger stays small: the latest ones. */
const asideLimit = 4;

/** Of tokens that an import has put aside or that are owed: their texts may be imported into another connection. */
function familiesAside(lease: Lease, { family, replaced, owed = [] }: StoredRecord): readonly TokenFamily[] {
  const noted = [...owed, ...(replaced ? [replaced] : [])].flatMap(({ family: other, tokens }) => {
    if (other === undefined || other.id === family?.id) return [];
    const token = tokens?.refresh_token;
    const { with: _, ...named } = other;
    return withPrints(named, token && printsOf(other.turn, lease.fingerprint(token)));
  });
  return noted.slice(-asideLimit);
}

/** Adds what the ledger knows about the same refresh token. This window's store may show another window's note late. */
function withNotes(record: StoredRecord, { generation, intent, refused }: LedgerEntry): StoredRecord {
  if (record.generation !== generation) return record;
  if (refused && !isRefused(record)) {
    const answer_lost_at = intent && { answer_lost_at: intent.at };
    return { ...record, refused: { ...refused, generation, ...answer_lost_at } };
  }
  const known = unansweredIntent(record);
  return intent && (known === undefined || (intent.retried && !known.retried))
    ? { ...record, intent: { ...intent, generation } }
    : record;
}

interface RecordSources {
  readonly id: string;
  readonly lease: Lease;
  readonly ledger: LedgerEntry | undefined;
  /** The record that another window has left, if it is newer than what this window knew. */
  readonly handedOver?: StoredRecord | undefined;
  /** The generation of that record if this window does not have its key. */
  readonly unopened: number;
  readonly signal: AbortSignal;
}

/**
 * Milliseconds: how long to wait for a record that the ledger says another window has stored, and how often to read.
 */
const arrivalTimeout = 3000;
const pollInterval = 100;

/** Milliseconds to wait if the ledger says that the refresh token has not changed: an older record is harmless then. */
const harmlessTimeout = 500;

/**
 * `impossibleGeneration`: counting never reaches it, so the file is damaged. `generationGap`: how many generations to
 * skip if those of other windows cannot be read.
 */
const impossibleGeneration = 2 ** 47;
const generationGap = 1024;

/**
 * Reads the newest record under the lock. Windows see each other's writes to SecretStorage late or never, so the newest
 * record is also in the journal beside the ledger. The journal is read even if the ledger is not ahead: a window that
 * ended between the two writes has left its answer only there.
 * @throws WorkbenchError `lock_unavailable` with `reason` (including `damaged`), and what `newestRecord` throws
 */
export async function readLocked(
  parts: RecordParts,
  {
    id,
    lease,
    signal,
    isNewGrant = false,
  }: Pick<RecordSources, 'id' | 'lease' | 'signal'> & { readonly isNewGrant?: boolean },
): Promise<LockedRecord> {
  const { sessions, handover } = parts;
  let isDamaged = false;
  const read = <T>(work: Promise<T>): Promise<T | undefined> =>
    work.catch(error => {
      const { code, data } = classify(error);
      if (!isNewGrant || code !== 'lock_unavailable' || !('reason' in data) || data.reason !== 'damaged') throw error;
      isDamaged = true;
      return undefined;
    });
  const [ledger, from] = await Promise.all([read(lease.readLedger()), read(lease.takeOver())]);
  const taken = await handover.take(from, id, sessions.generation(id));
  const handedOver = isNewGrant ? readableRecord(id, taken) : recordOf(id, taken);
  const unopened = taken && handedOver === undefined ? taken.generation : 0;
  let newestNumber = Math.max(ledger?.generation ?? 0, unopened);
  if (isNewGrant && newestNumber >= impossibleGeneration) {
    // Counting on from this number would soon overflow.
    isDamaged = true;
    newestNumber = 0;
  }
  // A new grant does not need the stored token. A stored token that is kept must be the newest.
  const isSignedOut = ledger?.signedOutAt !== undefined;
  const needed = isNewGrant
    ? { ledger: isSignedOut && !isDamaged ? ledger : undefined, unopened: 0 }
    : { ledger, unopened };
  const newestOne = await newestRecord(parts, { id, lease, signal, handedOver, ...needed });
  const current = sharedAlso(newestOne, ledger?.family);
  const nextGeneration = Math.max(current.generation, newestNumber) + (isDamaged ? generationGap : 1);
  const isUnread = newestNumber > current.generation && !isSameToken(current, { id, lease, ledger, unopened, signal });
  const sealed = unopened === newestNumber ? from?.sealed : undefined;
  const unread = isUnread && { unread: { generation: newestNumber, ...(sealed !== undefined && { sealed }) } };
  return { id, lease, ledger, current, nextGeneration, isDamaged, ...unread };
}

/**
 * The newest record: that of the store, or this window's own if the store returns nothing or an older one. If the
 * ledger or the journal knows of a newer record, this waits for it, since windows see each other's writes late. If it
 * does not arrive, that is an error; an older record is not used. If the ledger knows of a sign-out, the record is an
 * empty one.
 * @throws WorkbenchError `record_behind`, `cancelled`, and what `vault.read` throws
 */
async function newestRecord(parts: RecordParts, sources: RecordSources): Promise<StoredRecord> {
  const { clock, vault } = parts;
  const { id, signal, ledger } = sources;
  // Counts its own steps, because the clock may be set back meanwhile.
  for (let waited = 0; ; waited += pollInterval) {
    const record = newestKnown(parts, sources, await vault.read(id));
    if (record.generation >= Math.max(ledger?.generation ?? 0, sources.unopened)) return record;
    const isHarmless = isSameToken(record, sources);
    if (waited >= (isHarmless ? harmlessTimeout : arrivalTimeout)) {
      if (!isHarmless || ledger === undefined) throw recordBehind(record, sources);
      // The same refresh token, under the newer generation.
      return withNotes({ ...record, generation: ledger.generation }, ledger);
    }
    await pause(clock, pollInterval, signal);
  }
}

/** An empty store does not mean a sign-out: what this window knows still counts, unless the ledger says otherwise. */
function newestKnown(
  { sessions }: RecordParts,
  { id, ledger, handedOver }: RecordSources,
  stored: StoredRecord | undefined,
): StoredRecord {
  const record = newest(newest(stored, sessions.get(id)?.record), handedOver) ?? emptyRecord(id);
  if (ledger === undefined || record.generation > ledger.generation) return record;
  if (ledger.signedOutAt !== undefined) {
    const isGone = record.tokens === undefined && record.generation === ledger.generation;
    return isGone ? record : withoutTokens(record, ledger.generation);
  }
  return withNotes(record, ledger);
}

function recordBehind({ connection, generation }: StoredRecord, { ledger, unopened }: RecordSources): WorkbenchError {
  return new WorkbenchError('record_behind', {
    connection,
    generation,
    newest: Math.max(ledger?.generation ?? 0, unopened),
    ...(unopened > 0 && { unopened: true }),
  });
}

function isSameToken({ tokens }: StoredRecord, { ledger, unopened, lease }: RecordSources): boolean {
  const token = tokens?.refresh_token;
  if (token === undefined || ledger === undefined || unopened > ledger.generation) return false;
  return ledger.fingerprint === lease.fingerprint(token);
}

interface Loading {
  /** Reads the stored record of every connection that is not known yet. Never rejects. */
  loadNew(): Promise<void>;
  /** Resolves when everything requested so far has been read. */
  settled(): Promise<void>;
  dispose(): void;
}

interface LoadingParts {
  readonly vault: Vault;
  readonly sessions: Sessions;
  readonly lock: SharedNotes;
  readonly handover: Handover;
  /** Called when tokens that were stored before are missing. */
  readonly keeping?: () => Promise<Keeping>;
}

/** Loads stored records into the read model: at the start, for new connections, and when a store reports a change. */
export function createLoading({ vault, sessions, lock, handover, keeping }: LoadingParts): Loading {
  const loaded = new Set<string>();
  /** Running reads, and whether the store has changed since they began. */
  const reading = new Map<string, { again: boolean; readonly done: Promise<void> }>();
  let pending: Promise<unknown> = Promise.resolve();

  async function read(id: string): Promise<void> {
    try {
      const [stored, { ledger, handedOver }] = await Promise.all([vault.read(id), lock.peek(id)]);
      const known = stored?.generation ?? 0;
      const taken = await handover.take(handedOver, id, known);
      const record = newest(stored, recordOf(id, taken));
      const hadTokens = ledger !== undefined && ledger.signedOutAt === undefined && ledger.generation > 0;
      const isMissing = record?.tokens === undefined && !sessions.get(id)?.record?.tokens;
      if (hadTokens && isMissing && (await keeping?.()) === 'memory_only') {
        sessions.unreadable(id, new WorkbenchError('secrets_not_kept', { connection: id }));
        return;
      }
      const isUnopened = taken !== undefined && 'fault' in taken && ledger?.signedOutAt === undefined;
      // Do not report "no tokens": they exist, but only in a window that keeps secrets in memory, or behind a lost
      // keyring.
      if (isUnopened && isMissing) {
        const data = { connection: id, generation: known, newest: taken.generation, unopened: true };
        sessions.unreadable(id, new WorkbenchError('record_behind', data));
        return;
      }
      // An empty read does not mean a sign-out: what this window knows stays until the user deletes it.
      if (record === undefined) return;
      const isVoid = ledger?.signedOutAt !== undefined && record.generation <= ledger.generation;
      if (!isVoid || record.tokens === undefined) {
        sessions.apply(ledger ? withNotes(record, ledger) : record);
        return;
      }
      // Another window has signed out, and its store may never be seen here. So the tokens in this store are removed as
      // well.
      const { generation } = ledger;
      const left = await vault.update(id, now =>
        now === undefined || (now.tokens && now.generation <= generation)
          ? withoutTokens(now ?? record, generation)
          : now,
      );
      sessions.apply(left);
    } catch (error) {
      sessions.unreadable(id, classify(error));
    }
  }

  /** Runs one read at a time per connection: of two overlapping reads, the older one could finish last. */
  function load(id: string): Promise<void> {
    const known = reading.get(id);
    if (known) {
      known.again = true;
      return known.done;
    }
    const run = async () => {
      do {
        entry.again = false;
        await read(id);
      } while (entry.again);
      reading.delete(id);
    };
    const entry = { again: false, done: Promise.resolve().then(run) };
    reading.set(id, entry);
    return entry.done;
  }

  function queue(work: Promise<unknown>): Promise<void> {
    const all = Promise.all([pending, work]).then(() => undefined);
    pending = all;
    return all;
  }

  const changed = (id: string) => {
    if (sessions.get(id)) void queue(load(id));
  };
  const stops = [vault.onDidChange(changed), lock.onDidChange(changed)];

  return {
    loadNew() {
      const listed = new Map(
        // The same id in another store is another record.
        sessions.list().map(({ connection: { id }, memoryOnly }) => [`${memoryOnly} ${id}`, id]),
      );
      for (const key of loaded) if (!listed.has(key)) loaded.delete(key);
      const fresh = [...listed].filter(([key]) => !loaded.has(key));
      for (const [key] of fresh) loaded.add(key);
      return queue(Promise.all(fresh.map(([, id]) => load(id))));
    },
    settled: () => queue(Promise.resolve()),
    dispose() {
      for (const stop of stops) stop();
    },
  };
}
