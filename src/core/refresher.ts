import type { Connection } from './connection.ts';
import { classify, WorkbenchError } from './errors.ts';
import { failureKind } from './failure.ts';
import type { Clock, CrossWindowLock, Lease, Log } from './ports.ts';
import { emptyRecord, type StoredRecord } from './record.ts';
import { fingerprint } from './redact.ts';
import type { Sessions } from './sessions.ts';
import type { TokenAnswer, TokenClient } from './tokenEndpoint.ts';
import { bindingMismatch, merge, type TokenBinding } from './tokenSet.ts';
import type { Vault } from './vault.ts';

/**
 * - `refreshed`: the issuer gave new tokens and they are stored.
 * - `adopted`: another caller or window had refreshed already; nothing was sent.
 * - `reauthRequired`: the issuer will not take this refresh token any more; sign in again.
 * - `retryable`: nothing was lost; the same refresh token can be used again.
 * - `unknown`: it was sent and no readable answer came; the issuer may have rotated the token.
 */
export type RefreshOutcome = 'refreshed' | 'adopted' | 'reauthRequired' | 'retryable' | 'unknown';

export interface RefreshResult {
  readonly outcome: RefreshOutcome;
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  readonly error?: WorkbenchError;
}

export interface Refresher {
  /**
   * Never rejects: every failure is a result. Callers for one id share one request. Aborting `signal` ends the
   * wait; a request that is already on its way still has its answer stored, or a rotated token would be lost.
   */
  refresh(id: string, signal?: AbortSignal): Promise<RefreshResult>;
  /** Sign-out wins: whatever a refresh under way still brings for `id` is dropped. */
  discard(id: string): void;
  /** Ends waiting and starts nothing new; answers that are under way are still stored. */
  dispose(): void;
}

export interface RefresherParts {
  readonly vault: Vault;
  readonly lock: CrossWindowLock;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly log: Log;
  /** Loaded when the first refresh asks for it. */
  readonly tokenClient: () => Promise<TokenClient>;
  /** The token endpoint by the settings or the issuer's metadata. */
  readonly bindingOf: (connection: Connection, signal: AbortSignal) => Promise<TokenBinding>;
}

/** An access token with less than this left, in milliseconds, is not worth adopting. */
const worthAdopting = 10_000;

/** How often one refresh may send the same refresh token where no answer said what became of it. */
const attemptsPerRefresh = 2;

/** How long to wait, in milliseconds, for a record that the ledger says another window has stored, and how often to look. */
const arrival = { patience: 3000, interval: 100 };

export function createRefresher(parts: RefresherParts): Refresher {
  const { vault, lock, sessions, clock, log } = parts;
  const flights = new Map<string, Flight>();
  let disposed = false;

  async function refresh(id: string, signal?: AbortSignal): Promise<RefreshResult> {
    if (disposed || signal?.aborted)
      return failed(sessions.generation(id), 'retryable', new WorkbenchError('cancelled'));
    let flight = flights.get(id);
    if (flight === undefined || flight.abort.signal.aborted) {
      flight = { abort: new AbortController(), waiting: 0, sent: false, signedOut: false, result: undefined };
      flights.set(id, flight);
      const mine = flight;
      flight.result = run(id, mine).finally(() => {
        if (flights.get(id) === mine) flights.delete(id);
      });
    }
    return wait(flight, sessions.generation(id), signal);
  }

  async function run(id: string, flight: Flight): Promise<RefreshResult> {
    const started = clock.now();
    const seen = sessions.generation(id);
    sessions.refreshing(id, true);
    let result: RefreshResult;
    try {
      result = await refreshOnce(id, seen, flight);
    } catch (error) {
      const failure = classify(error);
      const outcome = failureKind(failure) === 'refused' ? 'reauthRequired' : 'retryable';
      result = failed(sessions.generation(id), outcome, failure);
    } finally {
      sessions.refreshing(id, false);
    }
    const { outcome, error } = result;
    sessions.refreshed(id, {
      at: started,
      duration: clock.now() - started,
      outcome,
      ...(error && { error }),
    });
    log(error ? 'warn' : 'info', 'refresh', {
      connection: id,
      outcome,
      generation: result.generation,
      error,
    });
    return result;
  }

  async function refreshOnce(id: string, seen: number, flight: Flight): Promise<RefreshResult> {
    const { signal } = flight.abort;
    const connection = sessions.connection(id);
    if (connection === undefined) throw new WorkbenchError('connection_unknown', { connection: id });
    // Network work that sends no secret is done before the lock is taken.
    const [binding, client] = await Promise.all([parts.bindingOf(connection, signal), parts.tokenClient()]);
    return lock.withLock(id, signal, async lease => {
      const record = await newestRecord(id, lease, signal);
      sessions.apply(record);
      if (record.generation > seen && lifetime(record) > worthAdopting) return succeeded('adopted', record);
      return send({ connection, binding, client, lease, flight }, sendable(record, binding));
    });
  }

  /** The record, as new as the ledger says that it is. Visibility between windows lags behind the lock. */
  async function newestRecord(id: string, lease: Lease, signal: AbortSignal): Promise<StoredRecord> {
    const ledger = await lease.readLedger();
    const deadline = clock.now() + arrival.patience;
    for (;;) {
      // A store that answers nothing is no sign-out: what this window knows still counts.
      const record = (await vault.read(id)) ?? sessions.get(id)?.record ?? emptyRecord(id);
      if (ledger === undefined || record.generation >= ledger.generation) return record;
      if (clock.now() >= deadline) {
        throw new WorkbenchError('record_behind', {
          connection: id,
          generation: record.generation,
          newest: ledger.generation,
        });
      }
      await pause(clock, arrival.interval, signal);
    }
  }

  /** @throws WorkbenchError for every reason not to send this record's refresh token */
  function sendable(record: StoredRecord, binding: TokenBinding): Sendable {
    const { tokens, generation } = record;
    if (record.refused?.generation === generation) {
      throw new WorkbenchError('refresh_token_refused', {
        error: record.refused.error,
        at: record.refused.at,
      });
    }
    if (tokens?.refresh_token === undefined) throw new WorkbenchError('no_refresh_token');
    const mismatch = record.binding && bindingMismatch(record.binding, binding);
    if (mismatch) throw new WorkbenchError('binding_mismatch', mismatch);
    return { record, refreshToken: tokens.refresh_token };
  }

  async function send(job: Job, { record, refreshToken }: Sendable): Promise<RefreshResult> {
    const { connection, client, flight } = job;
    const clientSecret = record.client_secret;
    for (let attempt = 1; ; attempt++) {
      if (job.lease.lost) throw new WorkbenchError('lock_lost', { connection: connection.id });
      flight.abort.signal.throwIfAborted();
      const marked = await markIntent(record, clock.now());
      if (flight.abort.signal.aborted) {
        await settle(marked, flight, current => current);
        flight.abort.signal.throwIfAborted();
      }
      flight.sent = true;
      try {
        // No abort signal from here on: the answer may hold the only copy of a rotated token.
        const answer = await client.refresh({
          connection,
          ...(clientSecret && { clientSecret }),
          // The endpoint that the binding was compared with; another one by now, and nothing is sent.
          ...(job.binding.token_endpoint && { tokenEndpoint: job.binding.token_endpoint }),
          refreshToken,
        });
        return await take(job, marked, answer);
      } catch (error) {
        const failure = classify(error);
        const kind = failureKind(failure);
        if (kind === 'unknown' && attempt < attemptsPerRefresh && !disposed) continue;
        return await giveUp(job, record, failure, kind);
      }
    }
  }

  /** Says on record, before anything is sent, that this generation is being used. It holds no secret of its own. */
  function markIntent(record: StoredRecord, now: number): Promise<StoredRecord> {
    return vault.update(record.connection, (current = record) => {
      assertSame(current, record);
      const before = current.intent?.generation === record.generation ? current.intent : undefined;
      const { tokens } = current;
      return {
        ...current,
        ...(tokens && { tokens: { ...tokens, refresh_token_last_used_at: now } }),
        intent: {
          generation: record.generation,
          at: before?.at ?? now,
          attempts: (before?.attempts ?? 0) + 1,
        },
      };
    });
  }

  /** Stores what came, first of all; only then asks whether the rest of the answer is right. */
  async function take(job: Job, sent: StoredRecord, answer: TokenAnswer): Promise<RefreshResult> {
    const generation = sent.generation + 1;
    const stored = await settle(sent, job.flight, ({ refused: _, ...current }) => ({
      ...current,
      generation,
      binding: job.binding,
      tokens: merge(current.tokens, answer.raw, answer.receivedAt),
    }));
    sessions.apply(stored);
    if (stored.generation !== generation) return succeeded('adopted', stored);
    await writeLedger(job.lease, stored);
    try {
      const { warnings } = await answer.validate({
        ...(sent.tokens?.id_token && { id_token: sent.tokens.id_token }),
      });
      if (warnings.length > 0) log('info', 'refresh warnings', { connection: stored.connection, warnings });
      return succeeded('refreshed', stored);
    } catch (error) {
      const kept = await withoutInvalid(stored, sent);
      sessions.apply(kept);
      return failed(kept.generation, 'retryable', classify(error));
    }
  }

  /** An answer that fails validation still rotated the refresh token: that stays, the rest goes back to what was. */
  function withoutInvalid(stored: StoredRecord, before: StoredRecord): Promise<StoredRecord> {
    return vault.update(stored.connection, (current = stored) => {
      if (current.generation !== stored.generation || !stored.tokens) return current;
      const { refresh_token, refresh_expires_at, refresh_token_stored_at, obtained_at } = stored.tokens;
      const {
        refresh_token: _,
        refresh_expires_at: __,
        refresh_token_last_used_at: ___,
        ...rest
      } = before.tokens ?? {
        obtained_at,
      };
      const tokens = {
        ...rest,
        ...(refresh_token && { refresh_token }),
        ...(refresh_expires_at && { refresh_expires_at }),
        ...(refresh_token_stored_at && { refresh_token_stored_at }),
      };
      return { ...current, tokens };
    });
  }

  async function giveUp(
    job: Job,
    sent: StoredRecord,
    failure: WorkbenchError,
    kind: Kind,
  ): Promise<RefreshResult> {
    const { generation } = sent;
    if (kind === 'unknown') return failed(generation, 'unknown', failure);
    const lost = sent.intent?.generation === generation ? sent.intent : undefined;
    const stored = await settle(sent, job.flight, current =>
      kind === 'refused'
        ? {
            ...current,
            refused: { generation, error: String(failure.data.error ?? failure.code), at: clock.now() },
          }
        : current,
    );
    sessions.apply(stored);
    if (stored.generation > generation) return succeeded('adopted', stored);
    if (kind !== 'refused') return failed(generation, 'retryable', failure);
    // Refused after an answer went missing: that answer most likely held the successor. Say so, not "revoked".
    return failed(
      generation,
      'reauthRequired',
      lost ? new WorkbenchError('answer_lost', { ...failure.data, at: lost.at }) : failure,
    );
  }

  /** Takes the intent mark away and applies `change`, but only to the generation that was sent: a loser never writes. */
  function settle(
    sent: StoredRecord,
    flight: Flight,
    change: (record: StoredRecord) => StoredRecord,
  ): Promise<StoredRecord> {
    return vault.update(sent.connection, (current = sent) => {
      if (flight.signedOut)
        throw new WorkbenchError('superseded', { connection: sent.connection, signedOut: true });
      if (current.generation !== sent.generation) return current;
      const { intent: _, ...rest } = current;
      return change(rest);
    });
  }

  async function writeLedger(lease: Lease, { generation, tokens }: StoredRecord): Promise<void> {
    const token = tokens?.refresh_token;
    await lease.writeLedger({ generation, ...(token && { fingerprint: await fingerprint(token) }) });
  }

  function lifetime(record: StoredRecord): number {
    return (record.tokens?.expires_at ?? Number.NEGATIVE_INFINITY) - clock.now();
  }

  return {
    refresh,
    discard(id) {
      const flight = flights.get(id);
      if (flight === undefined) return;
      flight.signedOut = true;
      flight.abort.abort();
    },
    dispose() {
      disposed = true;
      for (const flight of flights.values()) flight.abort.abort();
    },
  };
}

type Kind = ReturnType<typeof failureKind>;

interface Sendable {
  readonly record: StoredRecord;
  readonly refreshToken: string;
}

interface Job {
  readonly connection: Connection;
  readonly binding: TokenBinding;
  readonly client: TokenClient;
  readonly lease: Lease;
  readonly flight: Flight;
}

/** One refresh under way and those who wait for it. */
interface Flight {
  readonly abort: AbortController;
  waiting: number;
  /** From here on an abort can no longer undo anything. */
  sent: boolean;
  signedOut: boolean;
  result: Promise<RefreshResult> | undefined;
}

/** Waits for the flight. The last one to stop waiting calls it back, if it has not sent anything yet. */
function wait(flight: Flight, generation: number, signal: AbortSignal | undefined): Promise<RefreshResult> {
  const result = flight.result ?? Promise.reject(new WorkbenchError('internal', { type: 'flight' }));
  flight.waiting++;
  if (signal === undefined) return result;
  return new Promise((resolve, reject) => {
    const leave = () => {
      flight.waiting--;
      if (flight.waiting === 0 && !flight.sent) flight.abort.abort();
      resolve(
        failed(
          generation,
          flight.sent ? 'unknown' : 'retryable',
          new WorkbenchError('cancelled', { sent: flight.sent }),
        ),
      );
    };
    signal.addEventListener('abort', leave, { once: true });
    result.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}

function assertSame(current: StoredRecord, expected: StoredRecord): void {
  if (current.generation !== expected.generation) {
    throw new WorkbenchError('superseded', {
      connection: expected.connection,
      generation: current.generation,
    });
  }
}

function succeeded(outcome: 'refreshed' | 'adopted', { generation, tokens }: StoredRecord): RefreshResult {
  return { outcome, generation, ...(tokens?.expires_at !== undefined && { expiresAt: tokens.expires_at }) };
}

function failed(generation: number, outcome: RefreshOutcome, error: WorkbenchError): RefreshResult {
  return { outcome, generation, error };
}

function pause(clock: Clock, delay: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      cancel();
      reject(new WorkbenchError('cancelled'));
    };
    const cancel = clock.schedule(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, delay);
    signal.addEventListener('abort', stop, { once: true });
  });
}
