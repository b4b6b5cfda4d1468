import { classify, WorkbenchError } from '../errors.ts';
import type { Clock, CrossWindowLock, Lease, LedgerEntry, SharedNotes } from '../ports.ts';
import { pause } from '../waiting.ts';
import { type Handover, handRecord, recordOf } from './journalKeys.ts';
import {
  emptied,
  emptyRecord,
  isRefused,
  newest,
  type RefreshIntent,
  type StoredRecord,
  unansweredIntent,
} from './record.ts';
import type { Sessions } from './sessions.ts';
import type { Keeping, Vault } from './vault.ts';

/*
 * The one way to change what is stored of a connection: take its lock, find the newest record of all windows, decide on
 * that one, and write it where others find it before this window counts on it. A sign-out alone does not wait for the
 * lock (signIn/signOut.ts): it wins over all that is under way.
 */

export interface RecordParts {
  readonly vault: Vault;
  readonly lock: CrossWindowLock & Pick<SharedNotes, 'peek'>;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly handover: Handover;
}

/** A connection's record under its lock. */
export interface LockedRecord {
  readonly id: string;
  readonly lease: Lease;
  readonly ledger: LedgerEntry | undefined;
  /** The newest record of all windows. A new grant may come upon an older one. */
  readonly current: StoredRecord;
  /** The generation that a new set of tokens takes. */
  readonly nextGeneration: number;
  /** A file that all windows share is damaged: how far other windows have come is unknown. */
  readonly isDamaged: boolean;
}

export interface LockOptions {
  /** Connections whose locks are held as well. */
  readonly kin?: readonly string[];
  /** A new refresh token comes: nothing that is held is needed or sent, and what cannot be read is about older grants. */
  readonly isNewGrant?: boolean;
}

/**
 * @throws WorkbenchError `record_unreadable`, `record_newer_version`, `record_behind`, `secret_unavailable`, `cancelled`,
 * `lock_timeout`, `lock_unavailable` with `reason`, and what `work` throws
 */
export function withRecord<T>(
  parts: RecordParts,
  id: string,
  signal: AbortSignal,
  work: (locked: LockedRecord, kin: ReadonlyMap<string, Lease>) => Promise<T>,
  { kin = [], isNewGrant = false }: LockOptions = {},
): Promise<T> {
  const leases = new Map<string, Lease>();
  // In one order for all windows, or two could wait for each other.
  const take = ([next, ...rest]: readonly string[]): Promise<T> => {
    if (next !== undefined) {
      const enter = (lease: Lease) => {
        leases.set(next, lease);
        return take(rest);
      };
      return parts.lock.withLock(next, signal, enter, isNewGrant ? 'new_grant' : 'any');
    }
    const lease = leases.get(id);
    if (lease === undefined) throw new WorkbenchError('internal', { type: 'lease' });
    leases.delete(id);
    return readLocked(parts, { id, lease, signal, isNewGrant }).then(locked => work(locked, leases));
  };
  return take([id, ...kin].sort());
}

/**
 * Stores what `change` makes of the newest record, which waits for nothing. Where it throws nothing has changed.
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
 * Stores a record for all windows: first where a failure leaves everything as it is, and last where this window alone
 * looks.
 * @throws WorkbenchError `lock_unavailable` with `reason`, `lock_lost`, `superseded`, `secret_unavailable`
 */
export async function writeRecord(
  { vault, sessions, handover }: RecordParts,
  { lease, ledger, isDamaged }: LockedRecord,
  record: StoredRecord,
): Promise<void> {
  const { connection, generation } = record;
  const isLost = (now: StoredRecord | undefined) => now !== undefined && now.generation > generation;
  if (lease.lost) throw new WorkbenchError('lock_lost', { connection, sent: false });
  if (isDamaged) await lease.voidBelow(generation);
  // After a sign-out there is nothing to lose and nothing to leave for other windows.
  if (record.tokens !== undefined || generation > (ledger?.generation ?? 0)) {
    await handRecord(handover, lease, record);
    const { notBefore, notedAt } = ledger ?? {};
    await lease.writeLedger({ ...ledgerEntry(lease, record), ...(notBefore !== undefined && { notBefore, notedAt }) });
  }
  // What a sign-out has left since is newer, and stays.
  const stored = await vault.update(connection, now => (now !== undefined && isLost(now) ? now : record));
  sessions.apply(stored);
  if (isLost(stored)) throw new WorkbenchError('superseded', { connection, signedOut: true });
}

/** What all windows may know of a record. */
export function ledgerEntry(lease: Lease, record: StoredRecord): LedgerEntry {
  const { generation, tokens, family } = record;
  const token = tokens?.refresh_token;
  const refused = isRefused(record) ? record.refused : undefined;
  const at = refused?.answer_lost_at;
  const intent: Omit<RefreshIntent, 'generation'> | undefined = at === undefined ? unansweredIntent(record) : { at };
  return {
    generation,
    ...(token !== undefined && { fingerprint: lease.fingerprint(token) }),
    ...(token !== undefined && family && { family: { id: family.id, turn: family.turn } }),
    ...(intent && { intent: { at: intent.at, ...(intent.retried && { retried: true }) } }),
    ...(refused && { refused: { at: refused.at, error: refused.error.slice(0, 100) } }),
  };
}

/** What another window found out about the same refresh token, and this one's store may show only later. */
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

interface Sight {
  readonly id: string;
  readonly lease: Lease;
  readonly ledger: LedgerEntry | undefined;
  /** What another window has left for the others, where it is newer than what this one knew. */
  readonly handedOver?: StoredRecord | undefined;
  /** The generation of the same where this window does not have the key to it. */
  readonly unopened: number;
  readonly signal: AbortSignal;
}

/** Milliseconds: how long to wait for a record that the ledger says another window has stored, and how often to look. */
const patience = 3000;
const interval = 100;

/** The same where the ledger says that the refresh token did not change: being behind is harmless then. */
const harmlessPatience = 500;

/** A generation that counting never brings, and how many to skip where others cannot be read. */
const absurd = 2 ** 47;
const leap = 1024;

/**
 * Windows see each other's writes late or never, so the newest record is left beside the ledger. It is looked at
 * even where the ledger is not ahead: a window that ended between the two writes has left its answer there and nowhere
 * else.
 * @throws WorkbenchError `lock_unavailable` with `reason`, `damaged` among them, and what `newestRecord` throws
 */
export async function readLocked(
  parts: RecordParts,
  { id, lease, signal, isNewGrant = false }: Pick<Sight, 'id' | 'lease' | 'signal'> & { readonly isNewGrant?: boolean },
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
  const handedOver = taken && 'text' in taken ? recordOf(id, taken) : undefined;
  const unopened = taken && 'fault' in taken ? taken.generation : 0;
  let newestNumber = Math.max(ledger?.generation ?? 0, unopened);
  if (isNewGrant && newestNumber >= absurd) {
    // It would leave no room to count on.
    isDamaged = true;
    newestNumber = 0;
  }
  // A new refresh token needs nothing of what is held; one that is kept must be the newest.
  const isSignedOut = ledger?.signedOutAt !== undefined;
  const needed = isNewGrant
    ? { ledger: isSignedOut && !isDamaged ? ledger : undefined, unopened: 0 }
    : { ledger, unopened };
  const current = await newestRecord(parts, { id, lease, signal, handedOver, ...needed });
  const nextGeneration = Math.max(current.generation, newestNumber) + (isDamaged ? leap : 1);
  return { id, lease, ledger, current, nextGeneration, isDamaged };
}

/**
 * The newest record there is: the store's, or this window's own where the store answers nothing or something older.
 * Where the ledger or the journal knows of a newer one, that is waited for, since windows see each other's writes
 * late; what never comes is an error, and an older record is not used. Where the ledger knows of a sign-out, the record
 * is an empty one.
 * @throws WorkbenchError `record_behind`, `cancelled`, and what `vault.read` throws
 */
async function newestRecord(parts: RecordParts, sight: Sight): Promise<StoredRecord> {
  const { clock, vault } = parts;
  const { id, signal, ledger } = sight;
  // Counted in its own steps: the time of day may be set back meanwhile.
  for (let waited = 0; ; waited += interval) {
    const record = newestKnown(parts, sight, await vault.read(id));
    if (record.generation >= Math.max(ledger?.generation ?? 0, sight.unopened)) return record;
    const isHarmless = isSameToken(record, sight);
    if (waited >= (isHarmless ? harmlessPatience : patience)) {
      if (!isHarmless || ledger === undefined) throw behind(record, sight);
      // The same refresh token under a newer number.
      return withNotes({ ...record, generation: ledger.generation }, ledger);
    }
    await pause(clock, interval, signal);
  }
}

/** A store that answers nothing is no sign-out: what this window knows still counts. What the ledger says does more. */
function newestKnown(
  { sessions }: RecordParts,
  { id, ledger, handedOver }: Sight,
  stored: StoredRecord | undefined,
): StoredRecord {
  const record = newest(newest(stored, sessions.get(id)?.record), handedOver) ?? emptyRecord(id);
  if (ledger === undefined || record.generation > ledger.generation) return record;
  if (ledger.signedOutAt !== undefined) {
    const isGone = record.tokens === undefined && record.generation === ledger.generation;
    return isGone ? record : emptied(record, ledger.generation);
  }
  return withNotes(record, ledger);
}

function behind({ connection, generation }: StoredRecord, { ledger, unopened }: Sight): WorkbenchError {
  return new WorkbenchError('record_behind', {
    connection,
    generation,
    newest: Math.max(ledger?.generation ?? 0, unopened),
    ...(unopened > 0 && { unopened: true }),
  });
}

function isSameToken({ tokens }: StoredRecord, { ledger, unopened, lease }: Sight): boolean {
  const token = tokens?.refresh_token;
  if (token === undefined || ledger === undefined || unopened > ledger.generation) return false;
  return ledger.fingerprint === lease.fingerprint(token);
}

interface Loading {
  /** Reads what is stored for every connection that is not known yet. Never rejects. */
  loadNew(): Promise<void>;
  /** Resolves when everything asked for so far has been read. */
  settled(): Promise<void>;
  dispose(): void;
}

interface LoadingParts {
  readonly vault: Vault;
  readonly sessions: Sessions;
  readonly lock: SharedNotes;
  readonly handover: Handover;
  /** Asked where tokens are missing that were stored once. */
  readonly keeping?: () => Promise<Keeping>;
}

/** Brings stored records into the read model: at the start, for new connections, and when a store says it changed. */
export function createLoading({ vault, sessions, lock, handover, keeping }: LoadingParts): Loading {
  const loaded = new Set<string>();
  /** Reads under way, and whether the store has changed since they began. */
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
      // Not "no tokens": they are somewhere else, in a window whose secrets end with it or behind a lost keyring.
      if (isUnopened && isMissing) {
        const data = { connection: id, generation: known, newest: taken.generation, unopened: true };
        sessions.unreadable(id, new WorkbenchError('record_behind', data));
        return;
      }
      // An empty read is no sign-out: what this window knows stays until the user deletes it.
      if (record === undefined) return;
      const isVoid = ledger?.signedOutAt !== undefined && record.generation <= ledger.generation;
      if (!isVoid || record.tokens === undefined) {
        sessions.apply(ledger ? withNotes(record, ledger) : record);
        return;
      }
      // Signed out in another window, whose store may never be seen here; what is left here goes as well.
      const { generation } = ledger;
      const left = await vault.update(id, now =>
        now === undefined || (now.tokens && now.generation <= generation) ? emptied(now ?? record, generation) : now,
      );
      sessions.apply(left);
    } catch (error) {
      sessions.unreadable(id, classify(error));
    }
  }

  /** One read at a time for each: of two that overlap the older one could be the last to arrive. */
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
