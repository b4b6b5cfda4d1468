import { classify, WorkbenchError } from '../errors.ts';
import type { Clock, HistoryStore, Log, SecretVault } from '../ports.ts';
import { isObject } from '../tokens/json.ts';
import { parseRecord, type StoredRecord, serializeRecord } from './record.ts';

/** Connections' records as the stores hold them, one key each. */
export interface Vault {
  /**
   * The record, or `undefined` where the store holds none *or cannot tell*: never read it as "signed out".
   * @throws WorkbenchError `record_unreadable`, `record_newer_version`, `secret_unavailable`
   */
  read(id: string): Promise<StoredRecord | undefined>;
  /**
   * Re-reads the record, gives it to `change` and stores what that returns; one change at a time per id.
   * `change` is given `undefined` where the store answers nothing, which may be a fault of the store.
   * An unreadable record is left as it stands: the change fails instead.
   */
  update(id: string, change: (record: StoredRecord | undefined) => StoredRecord): Promise<StoredRecord>;
  /** Deletes the record, readable or not. */
  delete(id: string): Promise<void>;
  onDidChange(listener: (id: string) => void): () => void;
}

const prefix = 'jwtWorkbench.connection.';

/** @param storeFor where the record of a connection lives: SecretStorage, or memory for the mock's. */
export function createVault(storeFor: (id: string) => SecretVault, shared: SecretVault): Vault {
  const queues = new Map<string, Promise<unknown>>();
  /** What was read or stored last: a refresh looks at the same text several times. */
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

  /** Runs `work` after everything queued for `id`, whether that failed or not. */
  function inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const turn = (queues.get(id) ?? Promise.resolve()).then(work, work);
    queues.set(id, turn);
    const forget = () => {
      if (queues.get(id) === turn) queues.delete(id);
    };
    turn.then(forget, forget);
    return turn;
  }

  return {
    read,
    update: (id, change) =>
      inTurn(id, async () => {
        const before = await read(id);
        const after = change(before);
        if (after !== before) await store(after);
        return after;
      }),
    delete: id =>
      inTurn(id, async () => {
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

/** A store that ends with the window: for connections that must never be written anywhere. */
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
 * Whether VS Code keeps secrets beyond its end. A VS Code server in the browser and Linux without a keyring hold them in
 * memory only, and no API says so. So a secret of no value is stored once, and a mark of it in a file: a later start
 * that finds the mark without the secret knows.
 */
export type Keeping = 'kept' | 'memory_only' | 'unknown';

export const probeName = 'jwtWorkbench.kept';

/** No connection's: those begin with a letter or a digit. */
const markName = '_kept';

/** Milliseconds for which a secret may not be on the disk yet although VS Code says that it is stored. */
const settling = 10_000;

interface Mark {
  /** When the secret was stored, in milliseconds since the epoch. */
  readonly at: number;
  /** The session that stored it: a secret in memory ends with it. */
  readonly session: string;
  /** The secret before this one was lost. */
  readonly lost?: boolean;
}

interface KeepingParts {
  readonly secrets: SecretVault;
  readonly marks: Pick<HistoryStore, 'read' | 'update'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Names what a secret in memory ends with: the window in a browser, the process of VS Code on the desktop. */
  readonly session: string;
}

/** Never rejects: where nothing can be read, nothing is known. */
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
    // The other window may have stored it a moment ago, and this one does not see it yet. A time to come: the clock was set.
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
    // Damaged or none: the next mark takes its place.
    return undefined;
  }
}
