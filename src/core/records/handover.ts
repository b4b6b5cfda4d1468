import { WorkbenchError } from '../errors.ts';
import type { HandedOver, Lease, Log } from '../ports.ts';
import { type JournalFault, type JournalKey, open, type Subject, seal } from './journal.ts';
import type { JournalKeys } from './journalKeys.ts';
import { parseRecord, type StoredRecord, serializeRecord } from './record.ts';

/** Windows hand each other the newest record, because their stores show it late or never. */
export interface Handover {
  /**
   * Brings the key along before anything is sent: an answer that has come must wait for nothing.
   * @throws WorkbenchError `lock_unavailable` with `reason` `journal_key`: nothing may be sent
   */
  ready(lease: Lease): Promise<void>;
  /**
   * Hands a record on, before it goes anywhere else: a store that has resolved is not on disk yet.
   * @throws WorkbenchError `lock_lost`, `superseded` with `signedOut`, `lock_unavailable` with `reason`
   */
  give(lease: Lease, subject: Subject, text: string): Promise<void>;
  /**
   * The text of a record that is newer than `generation`, or why what lies there cannot be read. Nothing is deleted:
   * a window that has its key may still come.
   * @param from what a lease's `takeOver` or a `peek` brought
   */
  take(
    from: HandedOver | undefined,
    connection: string,
    generation: number,
  ): Promise<TakenOver | HandoverFault | undefined>;
}

export interface TakenOver {
  readonly generation: number;
  readonly text: string;
}

export interface HandoverFault {
  readonly generation: number;
  readonly fault: JournalFault;
}

export function createHandover({ keys, log }: { readonly keys: JournalKeys; readonly log: Log }): Handover {
  async function keyFor(connection?: string): Promise<JournalKey> {
    const key = await keys.current();
    if (key !== undefined) return key;
    throw new WorkbenchError('lock_unavailable', { connection, reason: 'journal_key', sent: false });
  }

  return {
    async ready({ shared }) {
      if (shared) await keyFor();
    },
    async give(lease, subject, text) {
      if (!lease.shared) return;
      const sealed = await seal(await keyFor(subject.connection), subject, text);
      await lease.handOver(subject.generation, sealed);
    },
    async take(from, connection, generation) {
      if (from === undefined || from.generation <= generation) return undefined;
      const opened = await open(await keys.known(), { connection, generation: from.generation }, from.sealed);
      if ('text' in opened) return { generation: from.generation, text: opened.text };
      log('warn', 'journal not opened', {
        connection,
        generation: from.generation,
        reason: opened.fault,
      });
      return { generation: from.generation, fault: opened.fault };
    },
  };
}

/**
 * The record that another window, or this one before it ended, has left, where it is newer than `generation`.
 * @throws WorkbenchError `record_unreadable`, `record_newer_version`
 */
export async function handedRecord(
  handover: Handover,
  from: HandedOver | undefined,
  connection: string,
  generation: number,
): Promise<StoredRecord | undefined> {
  return recordOf(connection, await handover.take(from, connection, generation));
}

/** @throws WorkbenchError `record_unreadable`, `record_newer_version` */
export function recordOf(connection: string, taken: TakenOver | HandoverFault | undefined): StoredRecord | undefined {
  return taken && 'text' in taken ? parseRecord(connection, taken.text) : undefined;
}

/** @throws WorkbenchError what `Handover.give` throws, `record_too_large` */
export function handRecord(handover: Handover, lease: Lease, record: StoredRecord): Promise<void> {
  return handover.give(lease, record, serializeRecord(record));
}

/** Where no other window shares anything. */
export const noHandover: Handover = {
  ready: async () => {},
  give: async () => {},
  take: async () => undefined,
};
