import { classify } from './errors.ts';
import type { Sessions } from './sessions.ts';
import type { Vault } from './vault.ts';

export interface Loading {
  /** Reads what is stored for every connection that is not known yet. Never rejects. */
  loadNew(): Promise<void>;
  /** Resolves when everything asked for so far has been read. */
  settled(): Promise<void>;
  dispose(): void;
}

/** Brings stored records into the read model: at the start, for new connections, and when a store says it changed. */
export function createLoading(vault: Vault, sessions: Sessions): Loading {
  const loaded = new Set<string>();
  /** Reads under way, and whether the store has changed since they began. */
  const reading = new Map<string, { again: boolean; readonly done: Promise<void> }>();
  let pending: Promise<unknown> = Promise.resolve();

  async function read(id: string): Promise<void> {
    try {
      const record = await vault.read(id);
      // An empty read is no sign-out: what this window knows stays until somebody asks to delete it.
      if (record) sessions.apply(record);
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

  const stop = vault.onDidChange(id => {
    if (sessions.get(id)) void queue(load(id));
  });

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
    dispose: stop,
  };
}
