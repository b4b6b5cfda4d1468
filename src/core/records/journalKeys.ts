import { classify, WorkbenchError } from '../errors.ts';
import type { Clock, CrossWindowLock, HandedOver, Lease, Log, SecretVault } from '../ports.ts';
import { decodeBase64url, encodeBase64url, isCanonical } from '../tokens/base64url.ts';
import { pause } from '../waiting.ts';
import { parseRecord, type StoredRecord, serializeRecord } from './record.ts';

export const journalKeyName = 'jwtWorkbench.journalKey';

/** The lock's name for the key. No connection's: those begin with a letter or a digit. */
const lockName = '_journal-key';

/** Milliseconds: how long a key that another window has made may take to be seen here, and how often to look. */
const arrival = { patience: 3000, interval: 100 };

/**
 * Milliseconds for which a new key lies in a file beside the lock as well. VS Code says that a secret is stored before
 * it is on the disk, a second or more, and nothing tells when it is: a process that is killed in between would leave a
 * journal that no key opens. For that time the journal is protected by the rights of its file alone.
 */
const settling = 60_000;

/** What is left of that file. */
const nothing = '-';

export interface JournalKeysParts {
  readonly secrets: SecretVault;
  readonly lock: CrossWindowLock;
  readonly clock: Clock;
  readonly log: Log;
}

/** The key of this machine's journals, which all windows share as far as SecretStorage lets them. */
interface JournalKeys {
  /** Makes the key where there is none. `undefined`, and reported, where it can neither be read nor stored. */
  current(): Promise<JournalKey | undefined>;
  /**
   * Makes the key where no window ever has. One that is not seen here is not replaced before something has to be sealed:
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
  /** Milliseconds since the epoch from which on the file beside the lock may go; `undefined` where there is none. */
  let settledAt: number | undefined;
  const never = new AbortController().signal;

  /** @throws what the store throws; `not a key` where something else stands under the name */
  async function stored(): Promise<JournalKey | undefined> {
    const text = await secrets.get(journalKeyName);
    if (text === undefined) return undefined;
    const key = await readKey(text);
    // A later version's, or damage. Not ours to replace: what it opens may be the only copy.
    if (key === undefined) throw new WorkbenchError('secret_unavailable', { type: 'not a key' });
    known.set(key.id, key);
    return key;
  }

  /** What a window has left beside the lock, which the store may not show yet, or never after a crash. */
  async function left(lease: Lease) {
    const damaged = (error: unknown) => {
      const { code, data } = classify(error);
      if (code !== 'lock_unavailable' || data.reason !== 'damaged') throw error;
      return 'damaged' as const;
    };
    const [ledger, beside] = [await lease.readLedger().catch(damaged), await lease.takeOver().catch(damaged)];
    const isDamaged = ledger === 'damaged' || beside === 'damaged';
    const written = ledger === 'damaged' ? undefined : ledger;
    const text = beside === 'damaged' || beside?.sealed === nothing ? undefined : beside?.sealed;
    const key = text === undefined ? undefined : await readKey(text);
    if (key) known.set(key.id, key);
    return { ledger: written, isDamaged, ...(text !== undefined && key && { text, key }) };
  }

  async function find(): Promise<JournalKey> {
    const inStore = await stored();
    if (inStore !== undefined) {
      if (settledAt === undefined) void settle().catch(reported('journal key not settled'));
      return inStore;
    }
    return lock.withLock(lockName, never, async lease => {
      const { ledger, isDamaged, text, key } = await left(lease);
      const generation = (ledger?.generation ?? 0) + 1;
      // Killed before the store wrote it down: it is stored once more.
      if (text !== undefined && key) return (await stored()) ?? (await keep(lease, generation, text, key));
      return (await arrived(ledger !== undefined)) ?? (await make(lease, generation, isDamaged));
    });
  }

  /** Windows see each other's writes late, and the key is written once: it must not be made twice for that. */
  async function arrived(exists: boolean): Promise<JournalKey | undefined> {
    for (let waited = 0; ; waited += arrival.interval) {
      const key = await stored();
      if (key !== undefined || !exists || waited >= arrival.patience) return key;
      await pause(clock, arrival.interval);
    }
  }

  async function make(lease: Lease, generation: number, isDamaged: boolean): Promise<JournalKey> {
    const text = newKeyText();
    const key = await readKey(text);
    if (key === undefined) throw new WorkbenchError('internal', { type: 'journal key' });
    // The web workbench never shows another window's key, and a reset keyring never brings it back. A new one opens
    // nothing that was sealed before: such a journal is left alone and reported.
    if (generation > 1) log('warn', 'journal key replaced');
    if (isDamaged) await lease.voidBelow(generation);
    return keep(lease, generation, text, key);
  }

  /** In the file first: what is sealed with a key that is nowhere cannot be opened. */
  async function keep(lease: Lease, generation: number, text: string, key: JournalKey): Promise<JournalKey> {
    await lease.handOver(generation, text);
    await secrets.store(journalKeyName, text);
    settledAt = clock.now() + settling;
    await lease.writeLedger({ generation, fingerprint: key.id, notBefore: settledAt });
    known.set(key.id, key);
    return key;
  }

  /** Takes the file away once the store has had its time. */
  async function settle(): Promise<void> {
    settledAt = Number.POSITIVE_INFINITY;
    await lock.withLock(lockName, never, async lease => {
      const { ledger, text } = await left(lease);
      const at = ledger?.notBefore ?? 0;
      if (text === undefined) return;
      // Longer than it was ever meant to be: the time of day was set back since.
      if (at <= clock.now() || at > clock.now() + settling) await lease.handOver(ledger?.generation ?? 1, nothing);
      else settledAt = at;
    });
  }

  const reported = (event: string) => (error: unknown) => {
    log('warn', event, { error: classify(error) });
    return undefined;
  };

  const stop = secrets.onDidChange(name => {
    // What the store holds is what survives: a key of another window replaces this window's own.
    if (name === journalKeyName) current = undefined;
  });

  return {
    async current() {
      current ??= find().catch(reported('journal key unavailable'));
      const mine = current;
      const key = await mine;
      // Not for good: a keyring may be unlocked later.
      if (key === undefined && current === mine) current = undefined;
      if (key && settledAt !== undefined && settledAt <= clock.now()) {
        void settle().catch(reported('journal key not settled'));
      }
      return key;
    },
    async prepare() {
      try {
        if (await stored()) return;
        await lock.withLock(lockName, never, async lease => {
          const { ledger, isDamaged } = await left(lease);
          if (ledger === undefined && !isDamaged && !(await stored())) await make(lease, 1, false);
        });
      } catch (error) {
        reported('journal key not made')(error);
      }
    },
    async known() {
      const key = await (current ?? stored().catch(reported('journal key unavailable')));
      if (key) known.set(key.id, key);
      else await lock.withLock(lockName, never, left).catch(reported('journal key unavailable'));
      return [...known.values()];
    },
    dispose: stop,
  };
}

/*
 * The newest record on its way to other windows and to the next start, sealed with AES-256-GCM. It lies in a file, so
 * it is worth as much as its key, which lies in SecretStorage and nowhere else.
 */

/** The format: part of what is authenticated, and the first thing that is read. */
const format = 'jwtw1';

export interface JournalKey {
  /** Tells keys apart and says nothing about them. Public. */
  readonly id: string;
  readonly key: CryptoKey;
}

/**
 * - `format`: another program's text, another version's, or a torn one.
 * - `key`: sealed with a key that this window does not have.
 * - `sealed`: the key is right and the text is not: changed, or another connection's or generation's.
 */
type JournalFault = 'format' | 'key' | 'sealed';

type Opened = { readonly text: string } | { readonly fault: JournalFault };

/** What a sealed text is about. It opens for no other connection and no other generation. */
interface Subject {
  readonly connection: string;
  readonly generation: number;
}

/** 32 random bytes as text, for the store of secrets. */
export function newKeyText(): string {
  return encodeBase64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** `undefined` where the text is no key. */
export async function readKey(text: string): Promise<JournalKey | undefined> {
  const bytes = decodeBase64url(text);
  if (!(bytes instanceof Uint8Array) || bytes.length !== 32 || !isCanonical(text)) return undefined;
  // Hashed under a name of its own, so that the id is good for nothing else.
  const named = new TextEncoder().encode(`${format} key ${text}`);
  const [key, digest] = await Promise.all([
    crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']),
    crypto.subtle.digest('SHA-256', named),
  ]);
  return { id: encodeBase64url(new Uint8Array(digest).subarray(0, 6)), key };
}

/** Format, key id, nonce and cipher text, joined by dots. */
export async function seal({ id, key }: JournalKey, subject: Subject, text: string): Promise<string> {
  // Random: 2^32 records under one key would be too many (NIST SP 800-38D §8.3), at one a second that is 136 years.
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

/** An array, so that no two subjects are written alike. */
function additionalData(keyId: string, { connection, generation }: Subject) {
  return new TextEncoder().encode(JSON.stringify([format, keyId, connection, generation]));
}

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
