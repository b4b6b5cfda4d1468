import { classify, WorkbenchError } from '../errors.ts';
import type { Clock, CrossWindowLock, Lease, Log, SecretVault } from '../ports.ts';
import { type JournalKey, newKeyText, readKey } from './journal.ts';

export const journalKeyName = 'jwtWorkbench.journalKey';

/** The lock's name for the key. No connection's: those begin with a letter or a digit. */
const lockName = '_journal-key';

/** Milliseconds: how long a key that another window has made may take to be seen here, and how often to look. */
const arrival = { patience: 3000, interval: 100 };

export interface JournalKeysParts {
  readonly secrets: SecretVault;
  readonly lock: CrossWindowLock;
  readonly clock: Clock;
  readonly log: Log;
}

/** The key of this machine's journals, which all windows share as far as SecretStorage lets them. */
export interface JournalKeys {
  /** Makes the key where there is none. `undefined`, and reported, where it can neither be read nor stored. */
  current(): Promise<JournalKey | undefined>;
  /**
   * Makes the key where nobody ever has. One that is not seen here is not replaced before something has to be sealed:
   * the web workbench writes all secrets of a window at once, over those that other windows have stored.
   */
  prepare(): Promise<void>;
  /** For opening: what the store holds and what this window used before. Makes none: it would open nothing. */
  known(): Promise<readonly JournalKey[]>;
  dispose(): void;
}

export function createJournalKeys({ secrets, lock, clock, log }: JournalKeysParts): JournalKeys {
  const known = new Map<string, JournalKey>();
  let current: Promise<JournalKey | undefined> | undefined;

  /** @throws whatever the store throws; `not a key` where something else stands under the name */
  async function stored(): Promise<JournalKey | undefined> {
    const text = await secrets.get(journalKeyName);
    if (text === undefined) return undefined;
    const key = await readKey(text);
    // A later version's, or damage. Not ours to replace: what it opens may be the only copy.
    if (key === undefined) throw new WorkbenchError('secret_unavailable', { type: 'not a key' });
    return key;
  }

  async function find(): Promise<JournalKey> {
    return (
      (await stored()) ??
      (await lock.withLock(lockName, new AbortController().signal, async lease => {
        const ledger = await lease.readLedger();
        return (await arrived(ledger !== undefined)) ?? (await make(lease, (ledger?.generation ?? 0) + 1));
      }))
    );
  }

  /** Windows see each other's writes late, and the key is written once: it must not be made twice for that. */
  async function arrived(exists: boolean): Promise<JournalKey | undefined> {
    for (let waited = 0; ; waited += arrival.interval) {
      const key = await stored();
      if (key !== undefined || !exists || waited >= arrival.patience) return key;
      await new Promise<void>(resolve => clock.schedule(resolve, arrival.interval));
    }
  }

  async function make(lease: Lease, generation: number): Promise<JournalKey> {
    const text = newKeyText();
    const key = await readKey(text);
    if (key === undefined) throw new WorkbenchError('internal', { type: 'journal key' });
    // The web workbench never shows another window's key, and a reset keyring never brings it back. A new one opens
    // nothing that was sealed before: such a journal is left alone and reported.
    if (generation > 1) log('warn', 'journal key replaced');
    await secrets.store(journalKeyName, text);
    await lease.writeLedger({ generation, fingerprint: key.id });
    return key;
  }

  function load(): Promise<JournalKey | undefined> {
    return find().then(
      key => {
        known.set(key.id, key);
        return key;
      },
      error => {
        log('warn', 'journal key unavailable', { error: classify(error) });
        return undefined;
      },
    );
  }

  const stop = secrets.onDidChange(name => {
    // What the store holds is what survives: a key of another window replaces this window's own.
    if (name === journalKeyName) current = undefined;
  });

  async function get(): Promise<JournalKey | undefined> {
    current ??= load();
    const mine = current;
    const key = await mine;
    // Not for good: a keyring may be unlocked later.
    if (key === undefined && current === mine) current = undefined;
    return key;
  }

  return {
    current: get,
    async prepare() {
      try {
        if (await stored()) return;
        await lock.withLock(lockName, new AbortController().signal, async lease => {
          if ((await lease.readLedger()) === undefined && !(await stored())) await make(lease, 1);
        });
      } catch (error) {
        log('warn', 'journal key not made', { error: classify(error) });
      }
    },
    async known() {
      const key = await (current ?? stored()).catch(error => {
        log('warn', 'journal key unavailable', { error: classify(error) });
        return undefined;
      });
      if (key) known.set(key.id, key);
      return [...known.values()];
    },
    dispose: stop,
  };
}
