import { WorkbenchError } from '../core/errors.ts';
import type { CrossWindowLock, Lease, LedgerEntry } from '../core/ports.ts';

/** A lock among the callers of this window, for stores that no other window shares. The ledger lives in memory. */
export function createLocalLock(): CrossWindowLock {
  const queues = new Map<string, Promise<unknown>>();
  const ledger = new Map<string, LedgerEntry>();

  return {
    async withLock(name, signal, work) {
      const before = queues.get(name) ?? Promise.resolve();
      let release: () => void = () => {};
      const mine = new Promise<void>(resolve => {
        release = resolve;
      });
      const turn = before.then(() => mine);
      queues.set(name, turn);
      try {
        await raced(before, signal);
        return await work(lease(name));
      } finally {
        release();
        if (queues.get(name) === turn) queues.delete(name);
      }
    },
  };

  function lease(name: string): Lease {
    return {
      lost: false,
      readLedger: async () => ledger.get(name),
      writeLedger: async entry => void ledger.set(name, entry),
    };
  }
}

function raced(turn: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  if (signal.aborted) return Promise.reject(new WorkbenchError('cancelled', { sent: false }));
  return new Promise((resolve, reject) => {
    const stop = () => reject(new WorkbenchError('cancelled', { sent: false }));
    signal.addEventListener('abort', stop, { once: true });
    turn.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
