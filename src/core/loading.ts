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
  let pending: Promise<unknown> = Promise.resolve();

  async function load(id: string): Promise<void> {
    try {
      const record = await vault.read(id);
      // An empty read is no sign-out: what this window knows stays until somebody asks to delete it.
      if (record) sessions.apply(record);
    } catch (error) {
      sessions.unreadable(id, classify(error));
    }
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
      const ids = sessions.list().map(({ connection }) => connection.id);
      for (const id of loaded) if (!ids.includes(id)) loaded.delete(id);
      const fresh = ids.filter(id => !loaded.has(id));
      for (const id of fresh) loaded.add(id);
      return queue(Promise.all(fresh.map(load)));
    },
    settled: () => queue(Promise.resolve()),
    dispose: stop,
  };
}
