import { classify, WorkbenchError } from '../errors.ts';
import type { Clock, HistoryStore, Log, SecretVault } from '../ports.ts';
import { isObject } from '../tokens/json.ts';
import { createTurns } from '../waiting.ts';
import { parseRecord, type StoredRecord, serializeRecord } from './record.ts';

/** The records of the connections as the stores hold them, under one key each. */
export interface Vault {
  /**
   * The record, or `undefined` if the store holds none *or cannot tell*: it does not mean "signed out".
   * @throws WorkbenchError `record_unreadable`, `record_newer_version`, `secret_unavailable`
   */
  read(id: string): Promise<StoredRecord | undefined>;
  /**
   * Reads the record again, passes it to `change` and stores the result; one change at a time per id. `change` gets
   * `undefined` if the store returns nothing, which may be a fault of the store. An unreadable record is left
   * unchanged, and the update fails.
   */
  update(id: string, change: (record: StoredRecord | undefined) => StoredRecord): Promise<StoredRecord>;
  /** Deletes the record, readable or not. */
  delete(id: string): Promise<void>;
  onDidChange(listener: (id: string) => void): () => void;
}

const prefix = 'jwtWorkbench.connection.';

/** The secret that holds all remembered keys; see core/checks/rememberedKeys.ts. */
export const rememberedKeysName = 'jwtWorkbench.rememberedKeys';

/** @param storeFor the store of a connection's record: SecretStorage, or memory for the mock's connection. */
export function createVault(storeFor: (id: string) => SecretVault, shared: SecretVault): Vault {
  const turns = createTurns();
  /** The text that was read or stored last: a refresh reads the same text several times. */
  const known = new Map<string, { readonly text: string; readonly record: StoredRecord }>();

  async function read(id: string): Promise<StoredRecord | undefined> {
    let text: string | undefined;
    try {
      text = await storeFor(id).get(prefix + id);
    } catch (error) {
      throw new WorkbenchError('secret_unavailable', { connection: id, type: typeName(error) });
    }
    if (text === undefined) return undefined;
    const last = known.get(id);
    const record = last?.text === text ? last.record : parseRecord(id, text);
    known.set(id, { text, record });
    return record;
  }

  async function store(record: StoredRecord): Promise<void> {
    const text = serializeRecord(record);
    try {
      await storeFor(record.connection).store(prefix + record.connection, text);
    } catch (error) {
      throw new WorkbenchError('secret_unavailable', {
        connection: record.connection,
        type: typeName(error),
      });
    }
    known.set(record.connection, { text, record });
  }

  return {
    read,
    update: (id, change) =>
      turns.take(id, async () => {
        const before = await read(id);
        const after = change(before);
        if (after !== before) await store(after);
        return after;
      }),
    delete: id =>
      turns.take(id, async () => {
        try {
          known.delete(id);
          await storeFor(id).delete(prefix + id);
        } catch (error) {
          throw new WorkbenchError('secret_unavailable', { connection: id, type: typeName(error) });
        }
      }),
    onDidChange: listener =>
      shared.onDidChange(key => {
        if (key.startsWith(prefix)) listener(key.slice(prefix.length));
      }),
  };
}

/** A store in memory, for connections that must never be written to the disk. */
export function createMemoryStore(): SecretVault {
  const entries = new Map<string, string>();
  return {
    get: async key => entries.get(key),
    store: async (key, value) => void entries.set(key, value),
    delete: async key => void entries.delete(key),
    keys: async () => [...entries.keys()],
    onDidChange: () => () => {},
  };
}

function typeName(error: unknown): string {
  const { code, data } = classify(error);
  return 'type' in data && data.type !== undefined ? data.type : code;
}

/**
 * Whether VS Code keeps secrets after it exits. A VS Code server in the browser and Linux without a keyring keep them
 * in memory only, and no API says so. So a worthless secret is stored once, and a mark for it in a file: a later start
 * that finds the mark without the secret knows that secrets were lost.
 */
export type Keeping = 'kept' | 'memory_only' | 'unknown';

export const probeName = 'jwtWorkbench.kept';

/** Cannot be a connection's id, which begins with a letter or a digit. */
const markName = '_kept';

/** Milliseconds for which a secret may not be visible yet although VS Code has reported it as stored. */
const settling = 10_000;

interface Mark {
  /** When the secret was stored, in milliseconds since the epoch. */
  readonly at: number;
  /** The session that stored the secret: a secret in memory is lost when this session ends. */
  readonly session: string;
  /** The secret before this one was lost. */
  readonly lost?: boolean;
}

interface KeepingParts {
  readonly secrets: SecretVault;
  readonly marks: Pick<HistoryStore, 'read' | 'update'>;
  readonly clock: Clock;
  readonly log: Log;
  /** What a secret in memory lives as long as: the window in a browser, the process of VS Code on the desktop. */
  readonly session: string;
}

/** Never rejects: if something cannot be read, the result is `unknown`. */
export async function judgeKeeping({ secrets, marks, clock, log, session }: KeepingParts): Promise<Keeping> {
  const now = clock.now();
  const write = (mark: Mark) => marks.update(markName, () => JSON.stringify(mark));
  const store = async (lost: boolean) => {
    await secrets.store(probeName, String(now));
    await write({ at: now, session, ...(lost && { lost }) });
  };
  try {
    const [mark, probe] = [readMark(await marks.read(markName)), await secrets.get(probeName)];
    if (mark === undefined) {
      await store(false);
      return 'unknown';
    }
    if (probe !== undefined) {
      if (mark.session === session) return mark.lost ? 'memory_only' : 'unknown';
      if (mark.lost) await write({ at: mark.at, session: mark.session });
      return 'kept';
    }
    // Another window may have stored the secret a moment ago, not yet visible here. `Math.abs`: a mark from the future
    // means that the clock was set.
    if (mark.session === session || Math.abs(now - mark.at) < settling) return 'unknown';
    log('warn', 'secrets are kept in memory only');
    await store(true);
    return 'memory_only';
  } catch (error) {
    log('warn', 'not known whether secrets are kept', { error: classify(error) });
    return 'unknown';
  }
}

function readMark(text: string | undefined): Mark | undefined {
  try {
    const mark: unknown = JSON.parse(text ?? '');
    if (!isObject(mark) || typeof mark.at !== 'number' || typeof mark.session !== 'string') return undefined;
    return { at: mark.at, session: mark.session, lost: mark.lost === true };
  } catch {
    // Missing or damaged: the next mark replaces it.
    return undefined;
  }
}
