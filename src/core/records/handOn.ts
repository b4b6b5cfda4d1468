import { classify, type ErrorCode, WorkbenchError, withData } from '../errors.ts';
import type { Lease } from '../ports.ts';
import { sameData } from '../tokens/json.ts';
import { type LockedRecord, type LockOptions, type RecordParts, readLocked, writeRecord } from './changeRecord.ts';
import {
  connectionsSharingGrant,
  familyOf,
  isAhead,
  newestHeld,
  openOwed,
  puttingAside,
  receivedFrom,
  syncWithFamily,
  withFamily,
  withRecords,
} from './families.ts';
import { beforeImport, type Owed, type StoredRecord, sharedAlso, type TokenFamily, withOwed } from './record.ts';
import type { Sessions } from './sessions.ts';

/*
 * A connection may be the only one that holds the newest token of its family: the others take it over when they refresh.
 * So before it gives that token up, because of an import, other credentials or a sign-out, it hands the token on to them.
 * What an issuer has granted cannot wait for that, because it exists nowhere else: it is stored at once, and the earlier
 * token stays in the record as owed until the others have it.
 */

/**
 * As `withRecord`. If `leaves` says that the stored refresh token goes, the connections that share it get it first. If
 * one of them cannot get it, `work` does not run. What nobody can read is owed to them.
 * @throws WorkbenchError as `withRecord` and `writeRecord`; `withheldFrom` names the connection that could not get the
 * token
 */
export function withRecordHandedOn<T>(
  parts: RecordParts,
  id: string,
  signal: AbortSignal,
  leaves: (current: StoredRecord) => boolean,
  work: (locked: LockedRecord) => Promise<T>,
  options: Pick<LockOptions, 'isNewGrant'> = {},
): Promise<T> {
  let settled: LockedRecord;
  let own: Owed | undefined;
  return withRecords(
    parts,
    id,
    signal,
    async locked => {
      settled = await waitForUnread(parts, locked, signal);
      const held = leaves(settled.current) ? await sharedGrant(parts, settled) : undefined;
      // An earlier token of a grant that is owed may have come back by an import of its text.
      own = held && withOwed(settled.current, [...debtsOf(settled), held]).owed?.find(isOf(held));
      return own ? others(id, own.family) : [];
    },
    async (_, otherLeases) => {
      if (own === undefined) return work(settled);
      const isOwn = isOf(own);
      const earlier = debtsOf(settled).filter(owed => !isOwn(owed));
      const left = await handOn(parts, id, [own], otherLeases, signal);
      return work({ ...settled, current: withOwed(settled.current, [...earlier, ...left]) });
    },
    options,
  ).catch(thrown => {
    throw ofAnother(parts.sessions, id, classify(thrown));
  });
}

/**
 * Gives the other connections what the record owes them. Waits for their locks, but not for long: where one of them is
 * in use, it finds its token here at its next refresh (`syncWithFamily`).
 * @param tell gets the ids of those connections before it waits for them
 * @throws WorkbenchError as `withRecordHandedOn`: what could not be given stays owed
 */
export async function payOwed(
  parts: RecordParts,
  id: string,
  signal: AbortSignal,
  tell: (to: readonly string[]) => void = () => {},
): Promise<void> {
  const patience = new AbortController();
  const cancel = parts.clock.schedule(() => patience.abort(), patienceForOthers);
  let to: readonly string[] = [];
  try {
    const needed = (locked: LockedRecord) => {
      to = debtsOf(locked).flatMap(({ family }) => others(id, family));
      if (to.length > 0) tell(to);
      return to;
    };
    await withRecords(parts, id, AbortSignal.any([signal, patience.signal]), needed, async (locked, otherLeases) => {
      if (otherLeases.size === 0) return;
      const left = await handOn(parts, id, debtsOf(locked), otherLeases, signal);
      const current = withOwed(locked.current, left);
      await writeRecord(parts, locked, current);
      assertNothingOwed(parts, { id, current });
    });
  } catch (thrown) {
    const failure = classify(thrown);
    const [connection] = to;
    if (failure.code !== 'cancelled') throw ofAnother(parts.sessions, id, failure);
    const code = patience.signal.aborted ? 'lock_timeout' : 'cancelled';
    throw ofAnother(parts.sessions, id, new WorkbenchError(code, { connection }));
  } finally {
    cancel();
  }
}

/** Milliseconds. */
const patienceForOthers = 10_000;

/**
 * Takes over the newest token of the family of an imported text from a connection that has put it aside, because that
 * one may give it up before the first refresh here. Never rejects: if it fails, the first refresh here tries again.
 */
export async function takeFromAside(
  parts: RecordParts,
  record: StoredRecord,
  signal: AbortSignal,
): Promise<StoredRecord> {
  const patience = new AbortController();
  const cancel = parts.clock.schedule(() => patience.abort(), patienceForOthers);
  const either = AbortSignal.any([signal, patience.signal]);
  try {
    const from = await puttingAside(parts, record);
    if (from.length === 0) return record;
    const { connection } = record;
    return await withRecords(
      parts,
      connection,
      either,
      () => from,
      (locked, otherLeases) => syncWithFamily(parts, locked, otherLeases, either),
    );
  } catch {
    return record;
  } finally {
    cancel();
  }
}

/**
 * Adds to what the record owes its own grant, if other connections share it. If the newest record cannot be read, it is
 * kept as it was found: another window may have the key.
 */
export async function owing(parts: RecordParts, locked: LockedRecord): Promise<LockedRecord> {
  const own = await sharedGrant(parts, locked);
  return own ? { ...locked, current: withOwed(locked.current, [...debtsOf(locked), own]) } : locked;
}

function debtsOf({ current }: LockedRecord): readonly Owed[] {
  return current.owed ?? [];
}

function isOf({ family }: Owed): (other: Owed) => boolean {
  return other => other.family.id === family.id;
}

function others(id: string, family: Owed['family']): readonly string[] {
  return connectionsSharingGrant({ connection: id, family } as StoredRecord);
}

async function sharedGrant(parts: RecordParts, locked: LockedRecord): Promise<Owed | undefined> {
  const { id, lease, ledger, current, unread } = locked;
  // What an import has put aside goes as well. If that is the newer one, the token in use is used up.
  const held = newestHeld(withFamily(current, lease));
  const { generation, binding, tokens, dpop_key, intent, refused, family: known } = held;
  const token = tokens?.refresh_token;
  const print = unread ? ledger?.fingerprint : token && lease.fingerprint(token);
  const noted = unread ? (ledger?.family ?? known) : known;
  if (print === undefined) return undefined;
  const found = await familyOf(parts, locked, print, noted);
  if (found === undefined || others(id, found).length === 0) return undefined;
  const family = { ...found, ...(noted && { id: noted.id, turn: noted.turn }) };
  if (unread) {
    // The ledger is written after the journal, so it may count one rotation less.
    const turn = family.turn + (unread.generation > (ledger?.generation ?? 0) ? 1 : 0);
    return { ...unread, family: { ...family, turn } };
  }
  return {
    generation,
    family,
    ...(binding && { binding }),
    ...(tokens && { tokens }),
    ...(dpop_key !== undefined && { dpop_key }),
    ...(intent && { intent }),
    ...(refused && { refused }),
  };
}

/** A new grant does not wait for the newest record, but the others need it. */
function waitForUnread(parts: RecordParts, locked: LockedRecord, signal: AbortSignal): Promise<LockedRecord> {
  const { id, lease, unread } = locked;
  if (unread === undefined) return Promise.resolve(locked);
  return readLocked(parts, { id, lease, signal }).catch(error => {
    if (signal.aborted) throw error;
    return locked;
  });
}

/** Gives what is owed. @returns what nobody can read and another connection still waits for */
async function handOn(
  parts: RecordParts,
  id: string,
  debts: readonly Owed[],
  otherLeases: ReadonlyMap<string, Lease>,
  signal: AbortSignal,
): Promise<readonly Owed[]> {
  const left: Owed[] = [];
  for (const owed of debts) {
    const given = await openOwed(parts, id, owed);
    const waiting: string[] = [];
    for (const other of others(id, owed.family)) {
      const lease = otherLeases.get(other);
      if (lease && (await give(parts, given, { id: other, lease, signal })) === 'waiting') waiting.push(other);
    }
    if (waiting.length > 0) left.push({ ...owed, family: { ...owed.family, with: waiting } });
  }
  return left;
}

function noteOf({ connection, family }: StoredRecord): TokenFamily | undefined {
  return family && { ...family, with: [connection] };
}

/** With these errors, the other connection has to sign in again in any case. */
const useless: ReadonlySet<ErrorCode> = new Set(['record_unreadable', 'superseded']);

async function give(
  parts: RecordParts,
  given: StoredRecord,
  to: Parameters<typeof readLocked>[1],
): Promise<'done' | 'waiting'> {
  const { lease } = to;
  try {
    const theirs = await readLocked(parts, to);
    const { current } = theirs;
    if (given.tokens === undefined) {
      const held = [current, beforeImport(current) ?? current].map(each => withFamily(each, lease).family);
      return held.some(family => isAhead(given.family, family)) ? 'waiting' : 'done';
    }
    // The token may go beside one that was imported, where it is found by this note only.
    const record = sharedAlso(receivedFrom(given, theirs) ?? withFamily(current, lease), noteOf(given));
    if (sameData(record, current)) return 'done';
    await parts.handover.ready(lease);
    await writeRecord(parts, theirs, record);
  } catch (error) {
    const { code, data } = classify(error);
    const isDamaged = code === 'lock_unavailable' && 'reason' in data && data.reason === 'damaged';
    if (!isDamaged && !useless.has(code)) throw error;
  }
  return 'done';
}

/** Adds the connection that could not get its token, as its user knows it. */
export function withheld(sessions: Sessions, other: string, failure: WorkbenchError): WorkbenchError {
  return withData(failure, { withheldFrom: other, otherLabel: sessions.connection(other)?.label });
}

/** Finds out whether an error is about another connection. */
function ofAnother(sessions: Sessions, id: string, failure: WorkbenchError): WorkbenchError {
  const { connection } = failure.data;
  return connection === undefined || connection === id ? failure : withheld(sessions, connection, failure);
}

/** @throws WorkbenchError `record_behind` if the record owes something that cannot be given, so it must not be deleted */
export function assertNothingOwed(
  { sessions }: Pick<RecordParts, 'sessions'>,
  { id, current }: Pick<LockedRecord, 'id' | 'current'>,
): void {
  const [owed] = current.owed ?? [];
  if (owed === undefined) return;
  const { generation } = current;
  const failure = new WorkbenchError('record_behind', {
    connection: id,
    generation,
    newest: owed.generation,
    unopened: true,
  });
  const [other = id] = others(id, owed.family);
  throw withheld(sessions, other, failure);
}
