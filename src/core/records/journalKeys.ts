import { classify, WorkbenchError } from '../errors.ts';
import type { Clock, CrossWindowLock, HandedOver, Lease, Log, SecretVault } from '../ports.ts';
import { decodeBase64url, encodeBase64url, isCanonical } from '../tokens/base64url.ts';
import { pause } from '../waiting.ts';
import { parseRecord, type StoredRecord, serializeRecord } from './record.ts';

export const journalKeyName = 'jwtWorkbench.journalKey';

/** The name of the key's lock. It cannot be a connection's id, which begins with a letter or a digit. */
const lockName = '_journal-key';

/** Milliseconds: how long another window's key may take to become visible here, and how often to read. */
const storeWait = { patience: 3000, interval: 100 };

/**
 * Milliseconds for which a new key is also kept in a file beside the lock. VS Code reports a secret as stored a second
 * or more before it is on the disk, and nothing tells when it is. If the process were killed in between, no key would
 * open the journal. During this time only the permissions of that file protect the journal.
 */
const settling = 60_000;

/** Content of that file after the key was removed. */
const removedKey = '-';

export interface JournalKeysParts {
  readonly secrets: SecretVault;
  readonly lock: CrossWindowLock;
  readonly clock: Clock;
  readonly log: Log;
}

/** The key of this machine's journals. All windows share it, as far as SecretStorage lets them. */
interface JournalKeys {
  /**
   * Creates the key if there is none. If it can neither be read nor stored: logs that and resolves with `undefined`.
   */
  current(): Promise<JournalKey | undefined>;
  /**
   * Creates the key if no window has ever had one. A key that exists but is not visible here is replaced only when
   * something has to be sealed: the web workbench writes all secrets of a window at once and so overwrites those of
   * other windows.
   */
  prepare(): Promise<void>;
  /**
   * The keys for opening: the stored key and those that this window used before. Creates none, because a new key opens
   * nothing.
   */
  known(): Promise<readonly JournalKey[]>;
  dispose(): void;
}

export function createJournalKeys({ secrets, lock, clock, log }: JournalKeysParts): JournalKeys {
  const known = new Map<string, JournalKey>();
  let current: Promise<JournalKey | undefined> | undefined;
  /** Stops the timer that removes the file beside the lock; `undefined` until one was started. */
  let cancelSettling: (() => void) | undefined;
  const never = new AbortController().signal;

  /** @throws what the store throws; `not a key` if another value is stored under the name */
  async function stored(): Promise<JournalKey | undefined> {
    const text = await secrets.get(journalKeyName);
    if (text === undefined) return undefined;
    const key = await readKey(text);
    // The key of a later version, or damage. It must not be replaced: what it opens may be the only copy.
    if (key === undefined) throw new WorkbenchError('secret_unavailable', { type: 'not a key' });
    known.set(key.id, key);
    return key;
  }

  /** Reads the key that a window has left beside the lock. SecretStorage may show it late, or never after a crash. */
  async function readBesideLock(lease: Lease) {
    const damaged = (error: unknown) => {
      const { code, data } = classify(error);
      if (code !== 'lock_unavailable' || data.reason !== 'damaged') throw error;
      return 'damaged' as const;
    };
    const [ledger, beside] = [await lease.readLedger().catch(damaged), await lease.takeOver().catch(damaged)];
    const isDamaged = ledger === 'damaged' || beside === 'damaged';
    const written = ledger === 'damaged' ? undefined : ledger;
    const text = beside === 'damaged' || beside?.sealed === removedKey ? undefined : beside?.sealed;
    const key = text === undefined ? undefined : await readKey(text);
    if (key) known.set(key.id, key);
    return { ledger: written, isDamaged, ...(text !== undefined && key && { text, key }) };
  }

  async function find(): Promise<JournalKey> {
    const inStore = await stored();
    if (inStore !== undefined) {
      settleOnce();
      return inStore;
    }
    return lock.withLock(lockName, never, async lease => {
      const { ledger, isDamaged, text, key } = await readBesideLock(lease);
      const generation = (ledger?.generation ?? 0) + 1;
      // The window was killed before the store wrote the key to the disk, so it is stored again.
      if (text !== undefined && key) return (await stored()) ?? (await keep(lease, generation, text, key));
      return (await waitForStored(ledger !== undefined)) ?? (await make(lease, generation, isDamaged));
    });
  }

  /**
   * Waits for a key that another window has stored: windows see each other's writes late, and a second key must not be
   * made.
   */
  async function waitForStored(exists: boolean): Promise<JournalKey | undefined> {
    for (let waited = 0; ; waited += storeWait.interval) {
      const key = await stored();
      if (key !== undefined || !exists || waited >= storeWait.patience) return key;
      await pause(clock, storeWait.interval);
    }
  }

  async function make(lease: Lease, generation: number, isDamaged: boolean): Promise<JournalKey> {
    const text = newKeyText();
    const key = await readKey(text);
    if (key === undefined) throw new WorkbenchError('internal', { type: 'journal key' });
    // The web workbench never shows another window's key, and a reset keyring has lost it. The new key does not open
    // older journals; those are left alone and reported.
    if (generation > 1) log('warn', 'journal key replaced');
    if (isDamaged) await lease.voidBelow(generation);
    return keep(lease, generation, text, key);
  }

  /** Writes the file first: a journal whose key is stored nowhere cannot be opened. */
  async function keep(lease: Lease, generation: number, text: string, key: JournalKey): Promise<JournalKey> {
    await lease.handOver(generation, text);
    await secrets.store(journalKeyName, text);
    await lease.writeLedger({ generation, fingerprint: key.id, notBefore: clock.now() + settling });
    settleAfter(settling);
    known.set(key.id, key);
    return key;
  }

  function settleAfter(delay: number): void {
    cancelSettling?.();
    cancelSettling = clock.schedule(() => void settle().catch(reported('journal key not settled')), delay);
  }

  /** For a file that an earlier window has left. */
  function settleOnce(): void {
    if (cancelSettling === undefined) settleAfter(0);
  }

  /** Removes the file when the store has had time to write the key to the disk. */
  async function settle(): Promise<void> {
    await lock.withLock(lockName, never, async lease => {
      const { ledger, text } = await readBesideLock(lease);
      const at = ledger?.notBefore ?? 0;
      if (text === undefined) return;
      // `at` is further away than `settling` allows, so the clock was set back since.
      if (at <= clock.now() || at > clock.now() + settling) await lease.handOver(ledger?.generation ?? 1, removedKey);
      else settleAfter(at - clock.now());
    });
  }

  const reported = (event: string) => (error: unknown) => {
    log('warn', event, { error: classify(error) });
    return undefined;
  };

  const stop = secrets.onDidChange(name => {
    // The key in the store is the one that survives, so it replaces this window's own.
    if (name === journalKeyName) current = undefined;
  });

  return {
    async current() {
      current ??= find().catch(reported('journal key unavailable'));
      const mine = current;
      const key = await mine;
      // Do not keep the failure: the keyring may be unlocked later.
      if (key === undefined && current === mine) current = undefined;
      return key;
    },
    async prepare() {
      try {
        if (await stored()) return settleOnce();
        await lock.withLock(lockName, never, async lease => {
          const { ledger, isDamaged } = await readBesideLock(lease);
          if (ledger === undefined && !isDamaged && !(await stored())) await make(lease, 1, false);
        });
      } catch (error) {
        reported('journal key not made')(error);
      }
    },
    async known() {
      const key = await (current ?? stored().catch(reported('journal key unavailable')));
      if (key) known.set(key.id, key);
      else await lock.withLock(lockName, never, readBesideLock).catch(reported('journal key unavailable'));
      return [...known.values()];
    },
    dispose() {
      stop();
      cancelSettling?.();
    },
  };
}

/*
 * The newest record on its way to other windows and to the next start, sealed with AES-256-GCM. It is in a file, so it
 * is as safe as its key, which is in SecretStorage only.
 */

/** The version of the format. It is part of the authenticated data and is checked first. */
const format = 'jwtw1';

export interface JournalKey {
  /** Distinguishes keys without revealing anything about them. Public. */
  readonly id: string;
  readonly key: CryptoKey;
}

/**
 * - `format`: the text of another program or version, or an incomplete one.
 * - `key`: sealed with a key that this window does not have.
 * - `sealed`: the key is right, but the text was changed or belongs to another connection or generation.
 */
type JournalFault = 'format' | 'key' | 'sealed';

type Opened = { readonly text: string } | { readonly fault: JournalFault };

/** What a sealed text belongs to. It cannot be opened for another connection or generation. */
interface Subject {
  readonly connection: string;
  readonly generation: number;
}

/** 32 random bytes as text, for SecretStorage. */
export function newKeyText(): string {
  return encodeBase64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** Resolves with `undefined` if the text is not a key. */
export async function readKey(text: string): Promise<JournalKey | undefined> {
  const bytes = decodeBase64url(text);
  if (!(bytes instanceof Uint8Array) || bytes.length !== 32 || !isCanonical(text)) return undefined;
  // Hashed with its own prefix, so that the id cannot be used for anything else.
  const named = new TextEncoder().encode(`${format} key ${text}`);
  const [key, digest] = await Promise.all([
    crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']),
    crypto.subtle.digest('SHA-256', named),
  ]);
  return { id: encodeBase64url(new Uint8Array(digest).subarray(0, 6)), key };
}

/** Format, key id, nonce and ciphertext, joined by dots. */
export async function seal({ id, key }: JournalKey, subject: Subject, text: string): Promise<string> {
  // A random nonce is safe for up to 2^32 records under one key (NIST SP 800-38D §8.3): at one per second, 136 years.
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt(
    { name: 'AES-GCM', iv, additionalData: additionalData(id, subject) },
    key,
    new TextEncoder().encode(text),
  );
  return [format, id, encodeBase64url(iv), encodeBase64url(new Uint8Array(sealed))].join('.');
}

export async function open(keys: readonly JournalKey[], subject: Subject, sealedText: string): Promise<Opened> {
  const [name, id, ivText, cipherText, ...rest] = sealedText.split('.');
  if (name !== format || id === undefined || ivText === undefined || cipherText === undefined || rest.length)
    return { fault: 'format' };
  const iv = decodeBase64url(ivText);
  const sealed = decodeBase64url(cipherText);
  if (!(iv instanceof Uint8Array) || iv.length !== 12 || !(sealed instanceof Uint8Array)) return { fault: 'format' };
  const known = keys.find(key => key.id === id);
  if (known === undefined) return { fault: 'key' };
  try {
    const plain = await crypto.subtle.decrypt(
      { name: 'AES-GCM', iv, additionalData: additionalData(id, subject) },
      known.key,
      sealed,
    );
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(plain) };
  } catch {
    return { fault: 'sealed' };
  }
}

/** A JSON array, so that no two subjects have the same encoding. */
function additionalData(keyId: string, { connection, generation }: Subject) {
  return new TextEncoder().encode(JSON.stringify([format, keyId, connection, generation]));
}

/** Passes the newest record between windows, because SecretStorage shows it late or never. */
export interface Handover {
  /**
   * Loads the key before anything is sent, so that an answer can be stored at once.
   * @throws WorkbenchError `lock_unavailable` with `reason` `journal_key`: nothing may be sent
   */
  ready(lease: Lease): Promise<void>;
  /**
   * Writes a record to the journal, before SecretStorage: a write to SecretStorage resolves before it is on the disk.
   * @throws WorkbenchError `lock_lost`, `superseded` with `signedOut`, `lock_unavailable` with `reason`
   */
  give(lease: Lease, subject: Subject, text: string): Promise<void>;
  /**
   * Opens a record that is newer than `generation`, or returns why it cannot be read. Nothing is deleted, because a
   * window that has the key may still open it.
   * @param from the result of a lease's `takeOver` or of `peek`
   */
  take(
    from: HandedOver | undefined,
    connection: string,
    generation: number,
  ): Promise<TakenOver | HandoverFault | undefined>;
}

interface TakenOver {
  readonly generation: number;
  readonly text: string;
}

interface HandoverFault {
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

/** @throws WorkbenchError `record_unreadable`, `record_newer_version` */
export function recordOf(connection: string, taken: TakenOver | HandoverFault | undefined): StoredRecord | undefined {
  return taken && 'text' in taken ? parseRecord(connection, taken.text) : undefined;
}

/** The same, or `undefined` if the record cannot be read. */
export function readableRecord(connection: string, taken: Parameters<typeof recordOf>[1]): StoredRecord | undefined {
  try {
    return recordOf(connection, taken);
  } catch {
    return undefined;
  }
}

/** @throws WorkbenchError what `Handover.give` throws, `record_too_large` */
export function giveRecord(handover: Handover, lease: Lease, record: StoredRecord): Promise<void> {
  return handover.give(lease, record, serializeRecord(record));
}

/** For stores that no other window shares. */
export const noHandover: Handover = {
  ready: async () => {},
  give: async () => {},
  take: async () => undefined,
};
