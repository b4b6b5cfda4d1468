import { WorkbenchError } from '../core/errors.ts';
import type { Lease, LedgerEntry, SharedLock } from '../core/ports.ts';
import { cancelled, createTurns } from '../core/waiting.ts';

/** A lock among the callers of this window, for stores that no other window shares. The ledger lives in memory. */
export function createLocalLock(): SharedLock {
  const turns = createTurns();
  const ledger = new Map<string, LedgerEntry>();

  function covered(name: string, generation: number): void {
    const { signedOutAt, generation: last = 0 } = ledger.get(name) ?? {};
    if (signedOutAt !== undefined && generation <= last) {
      throw new WorkbenchError('superseded', { connection: name, signedOut: true });
    }
  }

  const leaseOf = (name: string): Lease => ({
    lost: false,
    shared: false,
    renew: async () => {},
    // What no other window reads needs nothing to be compared by.
    fingerprint: () => '',
    readLedger: async () => ledger.get(name),
    writeLedger: async entry => {
      covered(name, entry.generation);
      ledger.set(name, entry);
    },
    mark: async entry => {
      covered(name, entry.generation);
      ledger.set(name, entry);
    },
    voidBelow: async () => {},
    // There is no other window to hand anything to, and a record in memory ends with this one.
    handOver: async generation => covered(name, generation),
    takeOver: async () => undefined,
  });

  return {
    withLock: (name, signal, work) =>
      new Promise((resolve, reject) => {
        const giveUp = () => reject(cancelled());
        if (signal.aborted) return giveUp();
        signal.addEventListener('abort', giveUp, { once: true });
        const enter = async () => {
          signal.removeEventListener('abort', giveUp);
          if (!signal.aborted) resolve(await work(leaseOf(name)));
        };
        // A caller that gives up keeps its place in the queue: passed on early, the next one would enter beside the holder.
        turns.take(name, enter).catch(reject);
      }),
    peek: async name => {
      const entry = ledger.get(name);
      return entry === undefined ? {} : { ledger: entry };
    },
    forget: async (name, generation, at) => {
      const last = Math.max(generation, ledger.get(name)?.generation ?? 0) + 1;
      ledger.set(name, { generation: last, signedOutAt: at });
      return last;
    },
    onDidChange: () => () => {},
  };
}

/** Connections that live in memory leave nothing on disk, not even a lock: no other window could share them anyway. */
export function routeLock(isMemoryOnly: (name: string) => boolean, shared: SharedLock, local: SharedLock): SharedLock {
  const of = (name: string) => (isMemoryOnly(name) ? local : shared);
  return {
    withLock: (name, ...asked) => of(name).withLock(name, ...asked),
    peek: name => of(name).peek(name),
    forget: (name, generation, at) => of(name).forget(name, generation, at),
    onDidChange: listener => shared.onDidChange(listener),
  };
}
