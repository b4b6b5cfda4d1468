import { classify, type ErrorData } from '../errors.ts';
import type { HistoryStore, Log } from '../ports.ts';
import {
  type FinishedRefresh,
  type HistoryChange,
  type HistoryEntry,
  historyEntry,
  historyLength,
  type RefreshOutcome,
  safeName,
  withEntry,
} from './history.ts';
import type { Sessions } from './sessions.ts';

/** The results of earlier refreshes of each connection. */
export interface Histories {
  /** Notes the status of an answer to a running refresh. @param at milliseconds since the epoch */
  noteAnswer(id: string, status: number, at: number): void;
  /** Records a finished refresh in the background; write failures never reach the refresh. */
  add(finished: FinishedRefresh): void;
  /** All entries, oldest first, including those that other windows have added. Never rejects. */
  list(id: string): Promise<readonly HistoryEntry[]>;
  /** Deletes the history of a removed connection. A sign-out keeps the history. */
  remove(id: string): Promise<void>;
  /** Resolves when everything added so far is written. */
  settled(): Promise<void>;
}

export interface HistoriesParts {
  readonly storeFor: (id: string) => HistoryStore;
  readonly sessions: Sessions;
  readonly log: Log;
}

export function createHistories({ storeFor, sessions, log }: HistoriesParts): Histories {
  const answers = new Map<string, { readonly status: number; readonly at: number }>();
  const writing = new Set<Promise<void>>();

  async function write(finished: FinishedRefresh, status: number | undefined): Promise<void> {
    const { id, at, duration, result, before, after } = finished;
    const entry = historyEntry({
      at,
      duration,
      result,
      status,
      before: before?.tokens,
      after: after?.tokens,
    });
    let entries: readonly HistoryEntry[] = [];
    try {
      await storeFor(id).update(id, stored => {
        entries = withEntry(readHistory(stored), entry);
        return historyText(entries);
      });
    } catch (error) {
      log('warn', 'history not written', { connection: id, error: classify(error) });
      entries = withEntry(sessions.get(id)?.history ?? [], entry);
    }
    sessions.note(id, { history: entries });
  }

  return {
    noteAnswer: (id, status, at) => void answers.set(id, { status, at }),
    add(finished) {
      const { id, at, result } = finished;
      const answer = answers.get(id);
      answers.delete(id);
      // Nothing was sent, or the connection was removed and must not leave a file behind.
      if (result.error?.code === 'cancelled' || sessions.get(id) === undefined) return;
      const status = answer !== undefined && answer.at >= at ? answer.status : undefined;
      const written = Promise.resolve()
        .then(() => write(finished, status))
        .catch(error => log('error', 'history not kept', { connection: id, error: classify(error) }))
        .finally(() => writing.delete(written));
      writing.add(written);
    },
    async list(id) {
      try {
        const entries = readHistory(await storeFor(id).read(id));
        // No event for the first read: the view that asked for the list is about to show it.
        sessions.note(id, { history: entries }, sessions.get(id)?.history === undefined);
        return entries;
      } catch (error) {
        log('warn', 'history not read', { connection: id, error: classify(error) });
        return sessions.get(id)?.history ?? [];
      }
    },
    async remove(id) {
      await Promise.all(writing);
      sessions.note(id, { history: [] });
      await storeFor(id)
        .delete(id)
        .catch(error => log('warn', 'history not deleted', { connection: id, error: classify(error) }));
    },
    async settled() {
      await Promise.all(writing);
    },
  };
}

/** For connections that must leave no trace on the disk. */
export function createMemoryHistory(): HistoryStore {
  const texts = new Map<string, string>();
  return {
    read: async name => texts.get(name),
    update: async (name, change) => void texts.set(name, change(texts.get(name))),
    delete: async name => void texts.delete(name),
  };
}

/** The text in which a history is stored. */
export function historyText(entries: readonly HistoryEntry[]): string {
  return JSON.stringify({ version: 1, entries });
}

/**
 * Reads a stored history. An entry that is damaged or from a newer version is left out and does not affect the others.
 * Never throws.
 */
export function readHistory(text: string | undefined): readonly HistoryEntry[] {
  let stored: unknown;
  try {
    stored = JSON.parse(text ?? '');
  } catch {
    return [];
  }
  const list = member(stored, 'entries');
  if (!Array.isArray(list)) return [];
  return list
    .slice(-4 * historyLength)
    .flatMap((each: unknown) => readEntry(each) ?? [])
    .sort((one, other) => one.at - other.at)
    .slice(-historyLength);
}

const outcomes: readonly RefreshOutcome[] = ['refreshed', 'adopted', 'reauthRequired', 'retryable', 'unknown'];

function readEntry(value: unknown): HistoryEntry | undefined {
  const at = number(member(value, 'at'));
  const duration = number(member(value, 'duration'));
  const generation = number(member(value, 'generation'));
  const outcome = outcomes.find(each => each === member(value, 'outcome'));
  if (at === undefined || duration === undefined || generation === undefined || outcome === undefined) return undefined;
  const status = number(member(value, 'status'));
  const error = member(value, 'error');
  const code = member(error, 'code');
  const changes = member(value, 'changes');
  return {
    at,
    duration,
    outcome,
    generation,
    adopted: member(value, 'adopted') === true,
    ...(status !== undefined && { status }),
    ...(typeof code === 'string' && {
      error: { code: safeName(code), data: readData(member(error, 'data')) },
    }),
    changes: Array.isArray(changes) ? changes.flatMap((each: unknown) => readChange(each) ?? []) : [],
  };
}

function readData(value: unknown): ErrorData {
  if (typeof value !== 'object' || value === null) return {};
  const data: Record<string, string | number | boolean> = {};
  for (const [name, item] of Object.entries(value) as [string, unknown][]) {
    if (typeof item === 'string') data[name] = safeName(item);
    else if (typeof item === 'number' || typeof item === 'boolean') data[name] = item;
  }
  return data;
}

function readChange(value: unknown): HistoryChange | undefined {
  const what = member(value, 'what');
  const token = (['access_token', 'id_token'] as const).find(each => each === member(value, 'token'));
  const [from, to] = [member(value, 'from'), member(value, 'to')];
  switch (what) {
    case 'refresh_token':
      return { what };
    case 'scope':
    case 'claims':
      return {
        what,
        ...(token && { token }),
        gained: names(member(value, 'gained')),
        lost: names(member(value, 'lost')),
      };
    case 'lifetime': {
      const [before, after] = [number(from), number(to)];
      return {
        what,
        ...(before !== undefined && { from: before }),
        ...(after !== undefined && { to: after }),
      };
    }
    case 'kid':
    case 'alg':
      if (token === undefined) return undefined;
      return {
        what,
        token,
        ...(typeof from === 'string' && { from: safeName(from) }),
        ...(typeof to === 'string' && { to: safeName(to) }),
      };
    default:
      return undefined;
  }
}

function names(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(each => typeof each === 'string').map(safeName) : [];
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}
