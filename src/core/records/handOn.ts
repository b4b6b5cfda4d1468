import { classify, type ErrorCode, withData } from '../errors.ts';
import type { Lease } from '../ports.ts';
import { type LockedRecord, type LockOptions, type RecordParts, readLocked, writeRecord } from './changeRecord.ts';
import { connectionsSharingGrant, familyOf, receivedFrom, withFamily, withRecords } from './families.ts';
import type { StoredRecord } from './record.ts';

/*
 * A connection may be the only one that holds the newest token of its family: the others take it over when they refresh.
 * So before it gives that token up, because of a sign-in, an import, other credentials or a sign-out, it hands the token
 * on to them.
 */

/**
 * As `withRecord`. If `leaves` says that the stored refresh token goes, the connections that share it get it first. If
 * one of them cannot get it, `work` does not run.
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
  return withRecords(
    parts,
    id,
    signal,
    async locked => (leaves(locked.current) ? sharing(parts, locked) : []),
    async (locked, otherLeases) => {
      if (otherLeases.size > 0) await handOn(parts, locked, otherLeases, signal);
      return work(locked);
    },
    options,
  ).catch(thrown => {
    const failure = classify(thrown);
    const { connection } = failure.data;
    throw connection === undefined || connection === id ? failure : withData(failure, { withheldFrom: connection });
  });
}

/** The connections that hold a token of the record's family, also those of which only their ledgers tell. */
async function sharing(parts: RecordParts, locked: LockedRecord): Promise<readonly string[]> {
  const { current, lease } = locked;
  const token = current.tokens?.refresh_token;
  if (token === undefined) return [];
  const family = await familyOf(parts, locked, token, withFamily(current, lease).family);
  return family === undefined ? [] : connectionsSharingGrant({ ...current, family });
}

/** With these errors, the other connection has to sign in again in any case. */
const useless: ReadonlySet<ErrorCode> = new Set(['record_unreadable', 'superseded']);

async function handOn(
  parts: RecordParts,
  locked: LockedRecord,
  otherLeases: ReadonlyMap<string, Lease>,
  signal: AbortSignal,
): Promise<void> {
  const { id, lease } = locked;
  // A new grant does not wait for the newest record, but the others need it. What cannot be read cannot be handed on.
  const { current } = await readLocked(parts, { id, lease, signal }).catch(error => {
    if (signal.aborted) throw error;
    return locked;
  });
  const given = withFamily(current, lease);
  for (const [other, otherLease] of otherLeases) {
    try {
      const theirs = await readLocked(parts, { id: other, lease: otherLease, signal });
      const record = receivedFrom(given, theirs);
      if (record === undefined) continue;
      await parts.handover.ready(otherLease);
      await writeRecord(parts, theirs, record);
    } catch (error) {
      const { code, data } = classify(error);
      const isDamaged = code === 'lock_unavailable' && 'reason' in data && data.reason === 'damaged';
      if (!isDamaged && !useless.has(code)) throw error;
    }
  }
}
