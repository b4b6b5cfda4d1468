import { classify, WorkbenchError, withData } from '../errors.ts';
import { failureKind } from '../errorTable.ts';
import type { TokenAnswer, TokenClient, TokenEndpoints } from '../issuer/tokenEndpoint.ts';
import type { Lease, Log } from '../ports.ts';
import { type LockedRecord, ledgerEntry, type RecordParts, withRecord } from '../records/changeRecord.ts';
import { bindingOf, type Connection } from '../records/connection.ts';
import { caughtUp, kinOf, withFamily } from '../records/families.ts';
import { type FinishedRefresh, failed, overtaken, type RefreshResult, succeeded } from '../records/history.ts';
import {
  credentialsOf,
  type RefreshIntent,
  type StoredRecord,
  spentIntent,
  unansweredIntent,
} from '../records/record.ts';
import type { TokenBinding } from '../records/tokenSet.ts';
import { pause } from '../waiting.ts';
import * as step from './refreshSteps.ts';
import { createWriter, type Flight } from './refreshWriter.ts';

/**
 * Milliseconds between a server's error and the one retry: an issuer in trouble needs a moment, and those that forgive
 * a second use of a token do so for seconds only. Where the connection broke there is nothing to wait for.
 */
const retryDelay = 1000;

/** One refresh from beginning to end. Where it stops early it throws why. */
export async function refreshOnce(
  parts: RefresherParts,
  id: string,
  flight: Flight,
  askedBy: step.AskedBy,
): Promise<RefreshResult> {
  const { vault, sessions, clock, log } = parts;
  const writer = createWriter(parts, id, flight);
  const {
    storeStep,
    renewLease,
    publishRecord,
    publishAgain,
    publishLate,
    publishLedger,
    assertNotDiscarded,
    assertSignedIn,
  } = writer;

  /** An answer that came when the lock was lost. */
  let late: StoredRecord | undefined;

  async function refresh(): Promise<RefreshResult> {
    const connection = sessions.connection(id);
    if (connection === undefined) throw new WorkbenchError('connection_unknown', { connection: id });
    // A window that has just started must not take what has long been stored for news.
    const seen = sessions.get(id)?.record ?? (await vault.read(id));
    // Network work that sends no secret is done before the lock is taken.
    const [endpoints, client] = await Promise.all([parts.endpointsOf(connection, flight.signal), parts.tokenClient()]);
    const binding = bindingOf(connection, endpoints.token_endpoint);
    // Made before it is known to be needed: under the lock nothing is waited for that can be had before.
    const fresh = connection.dpop && seen?.dpop_key === undefined ? await client.newKey(endpoints) : undefined;
    const result = await withRecord(
      parts,
      id,
      flight.signal,
      async (locked, kin) => {
        const before = await caughtUp(parts, locked, kin, flight.signal);
        const provable = (record: StoredRecord) => step.provable(record, connection, fresh);
        const begun = await begin({ seen, binding, locked, before, provable });
        if ('outcome' in begun) return begun;
        return send({ connection, endpoints, binding, client, lease: locked.lease, ...begun });
      },
      { kin: kinOf(sessions, id, endpoints.token_endpoint) },
    );
    if (late) await publishLate(late);
    return result;
  }

  /** Decides, on the newest record and under the lock, whether to send; if so, marks it as being used. */
  async function begin({ seen, binding, locked, before, provable }: Beginning): Promise<Begun | RefreshResult> {
    const { lease, ledger } = locked;
    try {
      const now = clock.now();
      if (step.isWorthAdopting(before, seen, now)) {
        // The window that brought it has stored it. This one's store may show that late, and may be behind it.
        await assertSignedIn(lease, before);
        return succeeded('adopted', before);
      }
      const grant = step.grantFor(before, binding, askedBy);
      step.assertMayAsk(ledger ?? {}, now, binding.token_endpoint);
      assertHeld(lease);
      assertWanted();
      const ready = withFamily(provable(before), lease);
      const sent = await mark(lease, before, grant.refreshToken === undefined ? ready : step.marked(ready, now));
      return { before, sent, grant };
    } finally {
      sessions.apply(before);
    }
  }

  /**
   * Puts on record that a token is being sent, where every window and the next start will find it. Where that is not
   * certain nothing may be sent, and nothing has changed.
   * @throws WorkbenchError `lock_unavailable` with `reason`, `secret_unavailable`, `superseded`, `lock_lost`, `cancelled`
   */
  async function mark(lease: Lease, before: StoredRecord, sent: StoredRecord): Promise<StoredRecord> {
    await parts.handover.ready(lease);
    // For the windows whose store shows the mark late: a second attempt must not pass for the first.
    await lease.mark(ledgerEntry(lease, sent), step.answerRoom(sent));
    try {
      const { record, isOvertaken, error } = await storeStep(before, () => sent);
      if (isOvertaken) throw new WorkbenchError('superseded', { connection: id, signedOut: true });
      if (error) throw error;
      await lease.renew();
      assertHeld(lease);
      assertWanted();
      return record;
    } catch (error) {
      // A window that has lost the lock writes nothing: another one may be writing this record.
      if (lease.lost) throw error;
      const { record } = await storeStep(sent, current => step.unsent(current, before));
      await publishLedger(lease, record);
      throw error;
    }
  }

  async function send(job: Job): Promise<RefreshResult> {
    const { connection, endpoints, client, lease, grant } = job;
    let { sent } = job;
    let unanswered = unansweredIntent(job.before);
    for (;;) {
      flight.sent = true;
      let answer: TokenAnswer;
      try {
        answer = await grant.ask(client, {
          connection,
          credentials: credentialsOf(sent),
          // Those that the binding was compared with.
          endpoints,
          // Between the last look at the lock and this moment the machine may have slept.
          guard() {
            assertHeld(lease);
            assertWanted();
          },
          // Ended by a sign-out alone: the answer may hold the only copy of a rotated token.
          signal: flight.discarded,
        });
        const { access_token, refresh_token } = answer.raw;
        // Throws if the response contains no token.
        if (access_token === undefined && refresh_token === undefined) await answer.validate();
      } catch (error) {
        assertNotDiscarded();
        const failure = classify(error);
        const kind = failureKind(failure);
        if (kind === 'unknown' && grant.refreshToken !== undefined) {
          unanswered = sent.intent;
          const again = await retry({ ...job, sent }, failure);
          if (again) {
            sent = again;
            continue;
          }
        }
        return giveUp({ ...job, sent }, failure, kind, unanswered);
      }
      return take({ ...job, sent }, answer);
    }
  }

  /** The record marked for the one retry, or `undefined` where that was made before or must not be made now. */
  async function retry(job: Job, { data: { status } }: WorkbenchError): Promise<StoredRecord | undefined> {
    const { lease, sent } = job;
    const { signal } = flight;
    if (sent.intent?.retried) return undefined;
    if (Number(status) >= 500) await pause(clock, retryDelay, signal).catch(() => {});
    // Asked again: waiting for the first answer may have taken long.
    const isHeld = await lease.renew().then(
      () => true,
      () => false,
    );
    if (!isHeld || lease.lost || signal.aborted) return undefined;
    return mark(lease, sent, step.marked(sent, clock.now())).catch(error => {
      log('warn', 'not asked again', { connection: id, error: classify(error) });
      return undefined;
    });
  }

  /** Stores what came, before anything asks whether the rest of the answer is right. Never throws but `superseded`. */
  async function take(job: Job, answer: TokenAnswer): Promise<RefreshResult> {
    const { lease, sent, binding } = job;
    const { receivedAt } = answer;
    const raw = step.storable(answer.raw, sent);
    const generation = sent.generation + 1;
    let cut: WorkbenchError | undefined;
    const expected = step.answered(sent, { raw, receivedAt, generation, binding }).record;
    // First of all where a crash cannot reach it: a store that has resolved is not on disk yet. And not side by side: a
    // window that sees the store late would put what it knows over the only copy.
    const handed = await publishRecord(lease, expected);
    const stored = await storeStep(job.sent, current => {
      const { record, error } = step.answered(current, { raw, receivedAt, generation, binding });
      cut = error;
      return record;
    });
    if (stored.isOvertaken) {
      sessions.apply(stored.record);
      return overtaken(stored.record);
    }
    const isHanded = handed === 'given' || (handed === 'failed' && (await publishAgain(lease, stored.record)));
    await publishLedger(lease, stored.record);
    const result = await validate(job, answer, stored.record, stored.error ?? cut);
    if (!isHanded || lease.lost) late = stored.record;
    return result;
  }

  /**
   * Under the lock as well: a wrong record must not reach another window.
   * @param flaw why the record could not be stored in full
   */
  async function validate(
    { before, lease }: Job,
    answer: TokenAnswer,
    stored: StoredRecord,
    flaw: WorkbenchError | undefined,
  ): Promise<RefreshResult> {
    const { connection, generation } = stored;
    try {
      const id_token = before.tokens?.id_token;
      const { warnings } = await answer.validate(id_token === undefined ? {} : { id_token });
      if (warnings.length > 0) log('info', 'refresh warnings', { connection, warnings });
      sessions.apply(stored);
      // Without its access token the new set cannot be used yet.
      const isUsable = stored.tokens?.access_token !== undefined;
      return isUsable || flaw === undefined
        ? succeeded('refreshed', stored, flaw)
        : failed(generation, flaw, 'retryable');
    } catch (error) {
      const kept = await storeStep(stored, record => step.withoutInvalid(record, before));
      sessions.apply(kept.record);
      if (!kept.isOvertaken) await publishRecord(lease, kept.record);
      return failed(generation, classify(error), 'retryable');
    }
  }

  /** @param unanswered an attempt whose answer is still missing */
  async function giveUp(
    job: Job,
    failure: WorkbenchError,
    kind: ReturnType<typeof failureKind>,
    unanswered: RefreshIntent | undefined,
  ): Promise<RefreshResult> {
    const { sent, lease, grant } = job;
    const { generation } = sent;
    const { retryAfter } = failure.data;
    const at = clock.now();
    const reason = String(failure.data.error ?? failure.code);
    await renewLease(lease);
    const { record, isOvertaken } = await storeStep(job.sent, current => {
      // The window that took the lock over has the newer record.
      if (kind !== 'refused' && lease.lost) return current;
      if (grant.refreshToken === undefined) return current;
      if (kind !== 'refused') return step.unmarked(current, unanswered);
      return step.refusedBy(current, reason, at, unanswered);
    });
    sessions.apply(record);
    if (isOvertaken) return overtaken(record);
    const wait = typeof retryAfter === 'number' ? retryAfter : 0;
    await publishLedger(lease, record, wait > 0 ? { notBefore: at + wait, notedAt: at } : {});
    if (grant.refreshToken === undefined) return failed(generation, failure);
    if (kind !== 'refused') {
      const lostAt = spentIntent(record)?.at;
      const error = lostAt === undefined ? failure : withData(failure, { lostAt });
      return failed(generation, error, unanswered ? 'unknown' : 'retryable');
    }
    return failed(
      generation,
      // Refused after an answer went missing: that answer most likely held the successor. Say so, not "revoked".
      unanswered ? new WorkbenchError('answer_lost', { ...failure.data, at: unanswered.at }) : failure,
      'reauthRequired',
    );
  }

  function assertHeld(lease: Lease): void {
    if (lease.lost) throw new WorkbenchError('lock_lost', { connection: id, sent: false });
  }

  function assertWanted(): void {
    assertNotDiscarded();
    if (flight.signal.aborted) throw new WorkbenchError('cancelled', { sent: false });
  }

  return refresh();
}

interface Begun {
  /** As it was found. */
  readonly before: StoredRecord;
  /** The same, marked as being used. */
  readonly sent: StoredRecord;
  readonly grant: step.Grant;
}

interface Beginning {
  readonly seen: StoredRecord | undefined;
  readonly binding: TokenBinding;
  readonly locked: LockedRecord;
  readonly before: StoredRecord;
  readonly provable: (record: StoredRecord) => StoredRecord;
}

interface Job extends Begun {
  readonly connection: Connection;
  readonly endpoints: TokenEndpoints;
  readonly binding: TokenBinding;
  readonly client: TokenClient;
  readonly lease: Lease;
}

export interface RefresherParts extends RecordParts {
  readonly log: Log;
  /** Among the callers of this window alone; see `Refresher.refresh`. */
  readonly unshared?: RecordParts['lock'];
  /** Loaded when the first refresh asks for it. */
  readonly tokenClient: () => Promise<TokenClient>;
  /** By the settings or the issuer's metadata, once for each refresh. */
  readonly endpointsOf: (connection: Connection, signal: AbortSignal) => Promise<TokenEndpoints>;
  /** Called for each refresh that was not called back. */
  readonly finished?: (finished: FinishedRefresh) => void;
  /** Called by `discard`, for what else may be under way. */
  readonly discarded?: (id: string) => void;
}
