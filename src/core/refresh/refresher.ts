import { classify, type ErrorCode, WorkbenchError } from '../errors.ts';
import { failed, type RefreshResult } from '../records/history.ts';
import { createFlights, type Flight } from '../waiting.ts';
import { type RefresherParts, refreshOnce } from './refreshOnce.ts';
import type { AskedBy } from './refreshSteps.ts';

export interface Refresher {
  /**
   * Never rejects: every failure is a result. Callers for the same id share one request. Aborting `signal` ends the
   * wait; the answer to a request that was already sent is still stored, because a rotated token would be lost
   * otherwise.
   * @param askedBy `timer`, the default, sends nothing after two answers in a row were lost; `user` does
   * @param protection `none` refreshes even though the folder that windows share cannot be written. Use it only after
   * the user was told the risk: another window may send the same token, and an answer can be lost with this process
   */
  refresh(id: string, signal?: AbortSignal, askedBy?: AskedBy, protection?: Protection): Promise<RefreshResult>;
  /** Who asked for the refresh that is running. */
  askedBy(id: string): AskedBy | undefined;
  /** Drops the result of a running refresh of `id`: a sign-out wins. */
  discard(id: string): void;
  /** Ends all waits and starts nothing new; answers to requests already sent are still stored. */
  dispose(): void;
}

type Protection = 'shared' | 'none';

/** Errors that mean the stored record cannot be read. They are a state of the connection and outlast this refresh. */
const unavailable: ReadonlySet<ErrorCode> = new Set([
  'record_unreadable',
  'record_newer_version',
  'secret_unavailable',
]);

export function createRefresher(parts: RefresherParts): Refresher {
  const { sessions, clock, log } = parts;
  const flights = createFlights<RefreshResult>();
  const askers = new Map<string, AskedBy>();
  let disposed = false;

  async function run(id: string, flight: Flight, askedBy: AskedBy, protection: Protection): Promise<RefreshResult> {
    const at = clock.now();
    const before = sessions.get(id)?.record;
    askers.set(id, askedBy);
    sessions.refreshing(id, true);
    const { lock, unshared = lock } = parts;
    const own = protection === 'none' ? { ...parts, lock: unshared } : parts;
    const result = await refreshOnce(own, id, flight, askedBy).catch(thrown => {
      const error = classify(thrown);
      if (unavailable.has(error.code)) sessions.unreadable(id, error);
      return failed(sessions.generation(id), error);
    });
    const { outcome, generation, error } = result;
    // The clock may have been set back meanwhile.
    const duration = Math.max(0, clock.now() - at);
    // If this refresh was cancelled and another one has started, only that one reports.
    if (flights.isCurrent(id, flight)) {
      askers.delete(id);
      if (error?.code === 'cancelled') sessions.refreshing(id, false);
      else sessions.refreshed(id, { at, duration, outcome, ...(error && { error }) });
      parts.finished?.({ id, at, duration, before, after: sessions.get(id)?.record, result });
    }
    const unprotected = protection === 'none' ? { protection } : {};
    log(error ? 'warn' : 'info', 'refresh', { connection: id, outcome, generation, error, ...unprotected });
    return result;
  }

  return {
    async refresh(id, signal, askedBy = 'timer', protection = 'shared') {
      try {
        if (disposed) throw new WorkbenchError('cancelled', { sent: false });
        const join = () => flights.join(id, signal, flight => run(id, flight, askedBy, protection));
        const shown = sessions.generation(id);
        const result = await join();
        // That refresh had begun before the user saw these tokens, so it has not brought what the user asked for.
        const isOld = askedBy === 'user' && result.outcome === 'adopted' && result.generation <= shown;
        return isOld ? await join() : result;
      } catch (thrown) {
        const error = classify(thrown);
        return failed(sessions.generation(id), error, error.data.sent === true ? 'unknown' : 'retryable');
      }
    },
    askedBy: id => askers.get(id),
    discard(id) {
      parts.discarded?.(id);
      askers.delete(id);
      flights.discard(id);
    },
    dispose() {
      disposed = true;
      flights.callOff();
    },
  };
}
