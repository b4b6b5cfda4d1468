import { isWorkbenchError } from '../errors.ts';
import type { Clock, SharedNotes } from '../ports.ts';
import { emptied, emptyRecord, newest } from '../records/record.ts';
import type { Sessions } from '../records/sessions.ts';
import type { Vault } from '../records/vault.ts';

export interface SignOutParts {
  readonly vault: Vault;
  readonly lock: Pick<SharedNotes, 'forget'>;
  readonly sessions: Sessions;
  readonly clock: Clock;
  /** Drops what a refresh under way in this window still brings. */
  readonly discard: (id: string) => void;
}

/**
 * Deletes a connection's tokens and keeps its client secret. Waits for no lock and no issuer. What stays is an empty
 * record: other windows tell by it that this is no fault of the store, and the ledger makes their refreshes under way
 * lose against it. A record that cannot be read is deleted as a whole. The issuer is not told.
 * @throws WorkbenchError `secret_unavailable`, and what `forget` throws
 */
export async function signOut(parts: SignOutParts, id: string): Promise<void> {
  const { vault, lock, sessions, clock } = parts;
  parts.discard(id);
  const known = () => sessions.get(id)?.record;
  let generation = sessions.generation(id);
  try {
    generation = Math.max(generation, (await vault.read(id))?.generation ?? 0);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    await lock.forget(id, generation, clock.now());
    await vault.delete(id);
    sessions.forget(id);
    return;
  }
  const last = await lock.forget(id, generation, clock.now());
  const left = await vault.update(id, stored => {
    const record = newest(stored, known()) ?? emptyRecord(id);
    // Newer than what was forgotten: somebody has signed in meanwhile.
    return record.generation > last ? record : emptied(record, last);
  });
  sessions.apply(left);
}

function isUnreadable(error: unknown): boolean {
  return isWorkbenchError(error) && (error.code === 'record_unreadable' || error.code === 'record_newer_version');
}
