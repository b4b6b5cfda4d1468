import { isWorkbenchError, type WorkbenchError } from './errors.ts';
import type { CrossWindowLock } from './ports.ts';
import { emptyRecord, newest, recordVersion, type StoredRecord } from './record.ts';
import type { Sessions } from './sessions.ts';
import type { Vault } from './vault.ts';

export interface SignOutParts {
  readonly vault: Vault;
  readonly lock: CrossWindowLock;
  readonly sessions: Sessions;
  /** Drops what a refresh under way in this window still brings. */
  readonly discard: (id: string) => void;
}

/**
 * Deletes a connection's tokens and keeps its client secret. What stays is an empty record of a newer generation:
 * other windows tell by it that this is no fault of the store, and their refreshes under way lose against it.
 * A record that cannot be read is deleted as a whole. The issuer is not told.
 * @throws WorkbenchError `secret_unavailable`; `lock_timeout` and `cancelled` where the tokens are gone here, and a
 * refresh in another window may still bring new ones
 */
export async function signOut(parts: SignOutParts, id: string, signal: AbortSignal): Promise<void> {
  const { vault, lock, sessions } = parts;
  parts.discard(id);
  try {
    // At once, whatever another window is doing.
    await clear(0);
    await lock.withLock(id, signal, async lease => {
      const ledger = await lease.readLedger();
      // A refresh in another window may have ended meanwhile without having seen this.
      const { generation } = await clear(ledger?.generation ?? 0);
      if (!lease.lost) await lease.writeLedger({ generation });
    });
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    await vault.delete(id);
    sessions.forget(id);
  }

  /** @param known the newest generation that any window has stored */
  async function clear(known: number): Promise<StoredRecord> {
    const cleared = await vault.update(id, stored => {
      const record = newest(stored, sessions.get(id)?.record) ?? emptyRecord(id);
      const { generation, client_secret } = record;
      if (record.tokens === undefined && stored !== undefined && generation >= known) return record;
      return {
        version: recordVersion,
        connection: id,
        generation: Math.max(generation, known) + 1,
        ...(client_secret !== undefined && { client_secret }),
      };
    });
    sessions.apply(cleared);
    return cleared;
  }
}

function isUnreadable(error: unknown): error is WorkbenchError {
  return (
    isWorkbenchError(error) && (error.code === 'record_unreadable' || error.code === 'record_newer_version')
  );
}
