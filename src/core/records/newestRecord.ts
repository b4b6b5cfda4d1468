import { isWorkbenchError, WorkbenchError } from '../errors.ts';
import type { Clock, Lease, LedgerEntry } from '../ports.ts';
import { type Handover, recordOf } from './handover.ts';
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
  readonly signal: AbortSignal;
}

/** Milliseconds: how long to wait for a record that the ledger says another window has stored, and how often to look. */
const patience = 3000;
const interval = 100;

/** The same where the ledger says that the refresh token did not change: being behind is harmless then. */
const harmlessPatience = 500;

/**
 * Everything but the store that tells what is newest. Windows see each other's writes late or never, so the newest
 * record is handed over beside the ledger. It is looked at even where the ledger is not ahead: a window that ended
 * between the two writes has left its answer there and nowhere else.
 */
export async function lookAround(
  { sessions, handover }: RecordParts,
  id: string,
  lease: Lease,
  signal: AbortSignal,
): Promise<Sight> {
  const [ledger, from] = await Promise.all([lease.readLedger(), lease.takeOver()]);
  const taken = await handover.take(from, id, sessions.generation(id));
  if (taken && 'fault' in taken) return { id, lease, ledger, unopened: taken.generation, signal };
  return { id, lease, ledger, handedOver: recordOf(id, taken), signal };
}

/**
 * `vault.update` on the newest record there is: the store's, or this window's own where the store answers nothing
 * or something older, which then goes back into the store. Where the ledger or the journal knows of a newer one, that is waited
 * for, since windows see each other's writes late; what never comes is an error, and an older record is not used. Where
 * the ledger knows of a sign-out, the record is an empty one.
 * @throws WorkbenchError `record_behind`, `cancelled`, and what `vault.update` throws
 */
export async function updateNewest(
  parts: RecordParts,
  sight: Sight,
  change: (record: StoredRecord) => StoredRecord,
): Promise<StoredRecord> {
  const { vault } = parts;
  /** @param mayLag whether a record that is behind has turned out to be harmless */
  const update = (mayLag: boolean) =>
    vault.update(sight.id, stored => {
      const record = newestKnown(parts, sight, stored);
      if (!isBehind(record, sight)) return change(record);
      if (!mayLag || !sight.ledger) throw behind(record, sight);
      // The same refresh token under a newer number.
      const { generation } = sight.ledger;
      return change(withNotes({ ...record, generation }, sight.ledger));
    });
  try {
    return await update(false);
  } catch (error) {
    if (!isWorkbenchError(error) || error.code !== 'record_behind') throw error;
  }
  await arrival(parts, sight);
  return update(true);
}

async function arrival(parts: RecordParts, sight: Sight): Promise<void> {
  const { clock, vault } = parts;
  const { id, signal } = sight;
  const since = clock.now();
  for (;;) {
    await pause(clock, interval, signal);
    const record = newestKnown(parts, sight, await vault.read(id));
    if (!isBehind(record, sight)) return;
    const isHarmless = isSameToken(record, sight);
    if (clock.now() - since < (isHarmless ? harmlessPatience : patience)) continue;
    if (isHarmless) return;
    throw behind(record, sight);
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

/** @throws WorkbenchError `cancelled` */
export function pause(clock: Clock, delay: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      cancel();
      reject(new WorkbenchError('cancelled', { sent: false }));
    };
    const cancel = clock.schedule(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, delay);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
