import { classify } from '../errors.ts';
import type { Clock, HistoryStore, Log, SecretVault } from '../ports.ts';
import { isObject } from '../tokens/json.ts';

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

export interface KeepingParts {
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
