import { classify } from '../errors.ts';
import type { HistoryStore, Log } from '../ports.ts';
import { type HistoryEntry, historyEntry, withEntry } from './history.ts';
import { historyText, readHistory } from './historyReader.ts';
import type { FinishedRefresh } from './refreshResult.ts';
import type { Sessions } from './sessions.ts';

/** What earlier refreshes of each connection came to. */
export interface Histories {
  /** The status of an answer that came for a refresh under way. @param at milliseconds since the epoch */
  heard(id: string, status: number, at: number): void;
  /** Writes a refresh down, behind its back: it never waits for it and never fails of it. */
  add(finished: FinishedRefresh): void;
  /** Oldest first. What other windows have added meanwhile is in it. Never rejects. */
  list(id: string): Promise<readonly HistoryEntry[]>;
  /** For a connection that is removed, and nothing but that: a sign-out leaves the history as it is. */
  remove(id: string): Promise<void>;
  /** Resolves when all that was added by now is written. */
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
    heard: (id, status, at) => void answers.set(id, { status, at }),
    add(finished) {
      const { id, at, result } = finished;
      const answer = answers.get(id);
      answers.delete(id);
      // Nothing happened, and a connection that is gone must not leave a file behind.
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
        // Who reads it first is about to show it; later on it is news.
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

/** For connections that must leave no trace. */
export function createMemoryHistory(): HistoryStore {
  const texts = new Map<string, string>();
  return {
    read: async name => texts.get(name),
    update: async (name, change) => void texts.set(name, change(texts.get(name))),
    delete: async name => void texts.delete(name),
  };
}
