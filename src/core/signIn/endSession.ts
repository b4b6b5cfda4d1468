import { isWorkbenchError, WorkbenchError } from '../errors.ts';
import type { Revocation } from '../issuer/askIssuer.ts';
import { ledgerEntry, type RecordParts, withRecord } from '../records/changeRecord.ts';
import type { StoredRecord } from '../records/record.ts';
import { type SignOutParts, signOut } from './signOut.ts';

export interface EndSessionParts extends Omit<RecordParts, 'lock'>, Omit<SignOutParts, 'lock'> {
  readonly lock: RecordParts['lock'] & SignOutParts['lock'];
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
  try {
    return await withRecord(parts, id, signal, async ({ lease, ledger, current }) => {
      // What cannot be written down afterwards must not be begun.
      if (current.tokens) await lease.writeLedger({ ...ledger, ...ledgerEntry(lease, current) });
      if (lease.lost) throw new WorkbenchError('lock_lost', { connection: id, sent: false });
      const revoked = await revokeOffered(parts, id, current, revocation, signal);
      await signOut(parts, id);
      return revoked;
    });
  } catch (error) {
    if (!isWorkbenchError(error) || !isUnknown(error)) throw error;
    // What there would be to revoke cannot be read.
    await signOut(parts, id);
    return { revoked: false };
  }
}

function isUnknown({ code, data }: WorkbenchError): boolean {
  const isDamaged = code === 'lock_unavailable' && 'reason' in data && data.reason === 'damaged';
  return isDamaged || code === 'record_unreadable' || code === 'record_newer_version';
}

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
