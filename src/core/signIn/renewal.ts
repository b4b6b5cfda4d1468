import { classify } from '../errors.ts';
import type { Log } from '../ports.ts';
import { isRenewable, type StoredRecord } from '../records/record.ts';
import { failed, type RefreshResult, succeeded } from '../records/refreshResult.ts';
import type { Sessions } from '../records/sessions.ts';
import type { Vault } from '../records/vault.ts';
import type { FinishedRefresh, Refresher } from '../refresh/refresher.ts';
import type { SignIns } from './signIns.ts';

export interface RenewalParts {
  readonly refresher: Refresher;
  readonly sessions: Sessions;
  readonly signIns: SignIns;
  readonly vault: Vault;
  readonly clock: { now(): number };
  readonly log: Log;
  readonly finished: (finished: FinishedRefresh) => void;
}

/**
 * A refresher that knows connections without refresh tokens, too: the client credentials grant gives none (RFC 6749
 * §4.4.3), and asking again is all there is to it. Nothing can be lost there, so there is nothing to be careful about.
 */
export function withRenewal(parts: RenewalParts): Refresher {
  const { refresher, sessions, signIns, vault, clock, log } = parts;
  const flights = new Map<string, { readonly abort: AbortController; readonly result: Promise<RefreshResult> }>();

  async function renew(id: string, before: StoredRecord, signal: AbortSignal): Promise<RefreshResult> {
    const stored = await vault.read(id);
    // Another window has asked, and its answer has not been seen here.
    if (stored?.tokens?.access_token !== undefined && stored.generation > before.generation) {
      sessions.apply(stored);
      return succeeded('adopted', stored);
    }
    const { connection } = sessions.get(id) ?? {};
    if (connection === undefined) return refresher.refresh(id, signal);
    const { generation, expiresAt } = await signIns.run({ connection, grant: 'client_credentials', signal });
    return { outcome: 'refreshed', generation, ...(expiresAt !== undefined && { expiresAt }) };
  }

  async function flight(id: string, before: StoredRecord, signal: AbortSignal): Promise<RefreshResult> {
    const at = clock.now();
    sessions.refreshing(id, true);
    const result = await renew(id, before, signal).catch(error => failed(sessions.generation(id), classify(error)));
    const { outcome, generation, error } = result;
    const duration = clock.now() - at;
    if (error?.code === 'cancelled') sessions.refreshing(id, false);
    else sessions.refreshed(id, { at, duration, outcome, ...(error && { error }) });
    parts.finished({ id, at, duration, before, after: sessions.get(id)?.record, result });
    log(error ? 'warn' : 'info', 'renewal', { connection: id, outcome, generation, error });
    return result;
  }

  return {
    refresh(id, signal, askedBy) {
      const record = sessions.get(id)?.record;
      if (record === undefined || !isRenewable(record)) return refresher.refresh(id, signal, askedBy);
      const known = flights.get(id);
      if (known) return known.result;
      const abort = new AbortController();
      const all = signal ? AbortSignal.any([signal, abort.signal]) : abort.signal;
      const result = flight(id, record, all).finally(() => {
        if (flights.get(id)?.abort === abort) flights.delete(id);
      });
      flights.set(id, { abort, result });
      return result;
    },
    discard(id) {
      flights.get(id)?.abort.abort();
      signIns.cancel(id);
      refresher.discard(id);
    },
    dispose: refresher.dispose,
  };
}
