import { classify, WorkbenchError } from '../errors.ts';
import type { Clock, Lease, LedgerEntry } from '../ports.ts';
import { pause } from '../waiting.ts';
import { type Handover, handRecord, recordOf } from './handover.ts';
import { ledgerEntry } from './ledger.ts';
import { emptied, emptyRecord, isRefused, newest, type StoredRecord, unansweredIntent } from './record.ts';
import type { Sessions } from './sessions.ts';
import type { Vault } from './vault.ts';

export interface RecordParts {
  readonly vault: Vault;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly handover: Handover;
}

export interface Sight {
  readonly id: string;
  readonly lease: Lease;
  readonly ledger: LedgerEntry | undefined;
  /** What another window has left for the others, where it is newer than what this one knew. */
  readonly handedOver?: StoredRecord | undefined;
  /** The generation of the same where this window does not have the key to it. */
  readonly unopened?: number;
  /** A file that all windows share holds none of our texts: how far others have come is not known. */
  readonly damaged?: true;
  readonly signal: AbortSignal;
}

/** Milliseconds: how long to wait for a record that the ledger says another window has stored, and how often to look. */
const patience = 3000;
const interval = 100;

/** A generation that counting never brings, and how many to skip where others cannot be read. */
const absurd = 2 ** 47;
const leap = 1024;

/** The same where the ledger says that the refresh token did not change: being behind is harmless then. */
const harmlessPatience = 500;

/**
 * Everything but the store that tells what is newest. Windows see each other's writes late or never, so the newest
 * record is handed over beside the ledger. It is looked at even where the ledger is not ahead: a window that ended
 * between the two writes has left its answer there and nowhere else.
 * @param isNewGrant what is damaged then counts as lost, as it can only be about older grants
 * @throws WorkbenchError `lock_unavailable` with `reason`, `damaged` among them
 */
export async function lookAround(
  { sessions, handover }: RecordParts,
  id: string,
  lease: Lease,
  signal: AbortSignal,
  isNewGrant = false,
): Promise<Sight> {
  let damaged = false;
  const read = <T>(work: Promise<T>): Promise<T | undefined> =>
    work.catch(error => {
      const { code, data } = classify(error);
      if (!isNewGrant || code !== 'lock_unavailable' || data.reason !== 'damaged') throw error;
      damaged = true;
      return undefined;
    });
  const [written, from] = await Promise.all([read(lease.readLedger()), read(lease.takeOver())]);
  // Nobody gets that far by counting: a number like this would leave a new grant no room to count on.
  const ledger = isNewGrant && (written?.generation ?? 0) >= absurd ? undefined : written;
  if (ledger !== written) damaged = true;
  const sight: Sight = { id, lease, ledger, signal, ...(damaged && { damaged: true }) };
  const taken = await handover.take(from, id, sessions.generation(id));
  if (taken === undefined) return sight;
  if ('text' in taken) return { ...sight, handedOver: recordOf(id, taken) };
  return isNewGrant && taken.generation >= absurd
    ? { ...sight, damaged: true }
    : { ...sight, unopened: taken.generation };
}

/** @see Lease.voidBelow */
export function newGeneration(current: StoredRecord, sight: Sight): number {
  return Math.max(current.generation, newestNumber(sight)) + (sight.damaged ? leap : 1);
}

/**
 * The newest record there is: the store's, or this window's own where the store answers nothing or something older.
 * Where the ledger or the journal knows of a newer one, that is waited for, since windows see each other's writes
 * late; what never comes is an error, and an older record is not used. Where the ledger knows of a sign-out, the record
 * is an empty one.
 * @throws WorkbenchError `record_behind`, `cancelled`, `lock_unavailable`, and what `vault.read` throws
 */
export async function newestRecord(parts: RecordParts, sight: Sight): Promise<StoredRecord> {
  const { clock, vault } = parts;
  const { id, signal, ledger } = sight;
  // Counted in its own steps: the time of day may be set back meanwhile.
  for (let waited = 0; ; waited += interval) {
    const record = newestKnown(parts, sight, await vault.read(id));
    if (!isBehind(record, sight)) return record;
    const isHarmless = isSameToken(record, sight);
    if (waited >= (isHarmless ? harmlessPatience : patience)) {
      if (!isHarmless || ledger === undefined) throw behind(record, sight);
      // The same refresh token under a newer number.
      return withNotes({ ...record, generation: ledger.generation }, ledger);
    }
    await pause(clock, interval, signal);
  }
}

/**
 * Stores a record that no answer has brought, for all windows: first where a failure leaves everything as it is, and
 * last where this window alone looks.
 * @throws WorkbenchError `lock_unavailable` with `reason`, `lock_lost`, `superseded`, `secret_unavailable`
 */
export async function writeRecord(
  { vault, sessions, handover }: RecordParts,
  lease: Lease,
  record: StoredRecord,
  notes: Pick<LedgerEntry, 'notBefore'> = {},
): Promise<StoredRecord> {
  await handRecord(handover, lease, record);
  await lease.writeLedger({ ...ledgerEntry(lease, record), ...notes });
  // A sign-out waits for no lock: what it has left since is newer, and stays.
  const stored = await vault.update(record.connection, now =>
    now !== undefined && now.generation > record.generation ? now : record,
  );
  sessions.apply(stored);
  if (stored !== record) throw new WorkbenchError('superseded', { connection: record.connection, signedOut: true });
  return stored;
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

/** What another window found out about the same refresh token, and this one's store may show only later. */
export function withNotes(record: StoredRecord, { generation, intent, refused }: LedgerEntry): StoredRecord {
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

/** Of a window that ended before it wrote the ledger only the journal tells, even where it cannot be opened. */
export function newestNumber({ ledger, unopened = 0 }: Pick<Sight, 'ledger' | 'unopened'>): number {
  return Math.max(ledger?.generation ?? 0, unopened);
}

function isBehind({ generation }: StoredRecord, sight: Sight): boolean {
  return generation < newestNumber(sight);
}

function behind({ connection, generation }: StoredRecord, sight: Sight): WorkbenchError {
  const unopened = sight.unopened !== undefined;
  return new WorkbenchError('record_behind', {
    connection,
    generation,
    newest: newestNumber(sight),
    ...(unopened && { unopened }),
  });
}

function isSameToken({ tokens }: StoredRecord, { ledger, unopened = 0, lease }: Sight): boolean {
  const token = tokens?.refresh_token;
  if (token === undefined || ledger === undefined || unopened > ledger.generation) return false;
  return ledger.fingerprint === lease.fingerprint(token);
}
