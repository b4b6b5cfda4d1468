import { classify, type ErrorCode, WorkbenchError } from '../errors.ts';
import { failed, type RefreshResult } from '../records/history.ts';
import { type RefresherParts, refreshOnce } from './refreshOnce.ts';
import type { AskedBy } from './refreshSteps.ts';
import { createFlights, type Flight } from './refreshWriter.ts';

export type { FinishedRefresh, RefreshOutcome, RefreshResult } from '../records/history.ts';

export interface Refresher {
  /**
   * Never rejects: every failure is a result. Callers for one id share one request. Aborting `signal` ends the
   * wait; a request that is already on its way still has its answer stored, or a rotated token would be lost.
   * @param askedBy `timer`, the default, sends nothing once two answers in a row were lost; a `user` may
   * @param protection `none` goes on where the folder that windows share cannot be written, and only where the user has
   * been told what that risks: another window may send the same token, and an answer can be lost with this process
   */
  refresh(id: string, signal?: AbortSignal, askedBy?: AskedBy, protection?: Protection): Promise<RefreshResult>;
  /** The source of the refresh that is under way. */
  askedBy(id: string): AskedBy | undefined;
  /** Sign-out wins: whatever a refresh under way still brings for `id` is dropped. */
  discard(id: string): void;
  /** Ends waiting and starts nothing new; answers that are under way are still stored. */
  dispose(): void;
}

export type Protection = 'shared' | 'none';

/** What is stored cannot be told: that is a state of the connection, not of one refresh. */
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
    // The time of day may be set back meanwhile.
    const duration = Math.max(0, clock.now() - at);
    // Where it was called back and has been followed by another, that one has the say.
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
        return await flights.join(id, signal, flight => run(id, flight, askedBy, protection));
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
