import { classify, WorkbenchError } from '../errors.ts';
import type { SharedNotes } from '../ports.ts';
import { withNotes } from './changeRecord.ts';
import { type Handover, recordOf } from './handover.ts';
import { emptied, newest } from './record.ts';
import type { Sessions } from './sessions.ts';
import type { Vault } from './vault.ts';

export interface Loading {
  /** Reads what is stored for every connection that is not known yet. Never rejects. */
  loadNew(): Promise<void>;
  /** Resolves when everything asked for so far has been read. */
  settled(): Promise<void>;
  dispose(): void;
}

export interface LoadingParts {
  readonly vault: Vault;
  readonly sessions: Sessions;
  readonly lock: SharedNotes;
  readonly handover: Handover;
}

/** Brings stored records into the read model: at the start, for new connections, and when a store says it changed. */
export function createLoading({ vault, sessions, lock, handover }: LoadingParts): Loading {
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
      const isUnopened = taken !== undefined && 'fault' in taken && ledger?.signedOutAt === undefined;
      // Not "no tokens": they are somewhere else, in a window whose secrets end with it or behind a lost keyring.
      if (isUnopened && record?.tokens === undefined && !sessions.get(id)?.record?.tokens) {
        const data = { connection: id, generation: known, newest: taken.generation, unopened: true };
        sessions.unreadable(id, new WorkbenchError('record_behind', data));
        return;
      }
      // An empty read is no sign-out: what this window knows stays until somebody asks to delete it.
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
