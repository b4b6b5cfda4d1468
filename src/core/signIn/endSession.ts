import { isWorkbenchError, WorkbenchError } from '../errors.ts';
import type { Revocation } from '../issuer/askIssuer.ts';
import type { CrossWindowLock } from '../ports.ts';
import { ledgerEntry } from '../records/ledger.ts';
import { lookAround, newestRecord, type RecordParts } from '../records/newestRecord.ts';
import type { StoredRecord } from '../records/record.ts';
import { type SignOutParts, signOut } from './signOut.ts';

export interface EndSessionParts extends RecordParts, Omit<SignOutParts, 'lock'> {
  readonly lock: CrossWindowLock & SignOutParts['lock'];
  /** Revokes what a record holds. Loaded when somebody signs out. */
  readonly revoke: (id: string, record: StoredRecord, signal: AbortSignal) => Promise<Revocation>;
}

/**
 * Revokes a connection's tokens at the issuer and then deletes them here. Both happen under the lock: a refresh under
 * way is waited for, so that what it brought is revoked as well, and none begins in between. Where revoking fails
 * nothing is deleted.
 * @param revocation `required` fails where the issuer revokes nothing; `offered` then deletes all the same
 * @returns what the issuer was told
 * @throws WorkbenchError what `revoke` throws, `lock_timeout`, `cancelled`, `record_behind`, `secret_unavailable`
 */
export async function endSession(
  parts: EndSessionParts,
  id: string,
  revocation: 'required' | 'offered',
  signal: AbortSignal,
): Promise<Revocation> {
  const { lock } = parts;
  try {
    return await lock.withLock(id, signal, async lease => {
      const sight = await lookAround(parts, id, lease, signal);
      const record = await newestRecord(parts, sight);
      // What cannot be written down afterwards must not be begun.
      if (record.tokens) await lease.writeLedger({ ...sight.ledger, ...ledgerEntry(lease, record) });
      if (lease.lost) throw new WorkbenchError('lock_lost', { connection: id, sent: false });
      const revoked = await revokeOffered(parts, id, record, revocation, signal);
      await signOut(parts, id);
      return revoked;
    });
  } catch (error) {
    if (!isWorkbenchError(error) || !unreadable.has(error.code)) throw error;
    // Nobody knows what there would be to revoke.
    await signOut(parts, id);
    return { revoked: false };
  }
}

const unreadable: ReadonlySet<string> = new Set(['record_unreadable', 'record_newer_version']);

async function revokeOffered(
  { revoke }: EndSessionParts,
  id: string,
  record: StoredRecord,
  revocation: 'required' | 'offered',
  signal: AbortSignal,
): Promise<Revocation> {
  try {
    return await revoke(id, record, signal);
  } catch (error) {
    if (revocation === 'offered' && isWorkbenchError(error) && error.code === 'endpoint_missing')
      return { revoked: false };
    throw error;
  }
}
