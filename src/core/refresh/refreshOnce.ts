import { classify, WorkbenchError, withData } from '../errors.ts';
import { failureKind } from '../errorTable.ts';
import type { TokenAnswer, TokenClient, TokenEndpoints } from '../issuer/tokenEndpoint.ts';
import type { Lease, Log } from '../ports.ts';
import { type LockedRecord, ledgerEntry, type RecordParts } from '../records/changeRecord.ts';
import { bindingOf, type Connection } from '../records/connection.ts';
import { connectionsSharingToken, membersOf, syncWithFamily, withFamily, withRecords } from '../records/families.ts';
import { type FinishedRefresh, failed, overtaken, type RefreshResult, succeeded } from '../records/history.ts';
import {
  credentialsOf,
  isReusable,
  type RefreshIntent,
  type StoredRecord,
  unansweredIntent,
  unansweredRetry,
} from '../records/record.ts';
import type { TokenBinding } from '../records/tokenSet.ts';
import { isNoIdToken } from '../tokens/tokenUse.ts';
import type { Flight } from '../waiting.ts';
import { pause } from '../waiting.ts';
import * as step from './refreshSteps.ts';
import { createWriter } from './refreshWriter.ts';

/**
 * Milliseconds to wait before the one retry after a server error: the issuer may need a moment to recover, and issuers
 * that accept the same token twice do so for a few seconds only. After a broken connection there is no wait.
 */
const retryDelay = 1000;

/** Runs one refresh from beginning to end. Throws the reason if it stops before sending. */
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

  /** The stored answer of a refresh that lost the lock before it could leave the record for other windows. */
  let late: StoredRecord | undefined;

  async function refresh(): Promise<RefreshResult> {
    const connection = sessions.connection(id);
    if (connection === undefined) throw new WorkbenchError('connection_unknown', { connection: id });
    // A window that has just started has no session yet: without this read it would adopt an old record as new.
    const seen = sessions.get(id)?.record ?? (await vault.read(id));
    // Network work that sends no secret is done before the lock is taken.
    const [endpoints, client] = await Promise.all([parts.endpointsOf(connection, flight.signal), parts.tokenClient()]);
    const binding = bindingOf(connection, endpoints.token_endpoint);
    // Created before we know whether it is needed, so that nothing has to wait for it while the lock is held.
    const fresh = connection.dpop && seen?.dpop_key === undefined ? await client.newKey(endpoints) : undefined;
    const result = await withRecords(
      parts,
      id,
      flight.signal,
      locked => membersOf(sessions, locked, endpoints.token_endpoint),
      async (locked, otherLeases) => {
        const before = await syncWithFamily(parts, locked, otherLeases, flight.signal);
        const provable = (record: StoredRecord) => step.provable(record, connection, fresh);
        const begun = await begin({ seen, binding, locked, before, provable });
        if ('outcome' in begun) return begun;
        return send({ connection, endpoints, binding, client, lease: locked.lease, ...begun });
      },
      { alsoLocked: connectionsSharingToken(sessions, id, endpoints.token_endpoint) },
    );
    if (late) await publishLate(late);
    return result;
  }

  /** Decides under the lock, from the newest record, whether to send. If so, marks the token as being used. */
  async function begin({ seen, binding, locked, before, provable }: Beginning): Promise<Begun | RefreshResult> {
    const { lease, ledger } = locked;
    try {
      const now = clock.now();
      if (step.isWorthAdopting(before, seen, now)) {
        // The window that refreshed has already stored this record. SecretStorage of this window may show it late, and
        // a sign-out may have happened since.
        await assertSignedIn(lease, before);
        return succeeded('adopted', before);
      }
      const grant = step.grantFor(before, binding, askedBy);
      step.assertMayAsk(ledger ?? {}, now, binding.token_endpoint);
      assertHeld(lease);
      assertWanted();
      const ready = withFamily(provable(before), lease);
      const sent = await mark(lease, before, grant.refreshToken === undefined ? ready : step.withIntent(ready, now));
      return { before, sent, grant };
    } finally {
      sessions.apply(before);
    }
  }

  /**
   * Records that a token is being sent, where every window and the next start can read it. If this throws, nothing may
   * be sent, and the record is as before.
   * @throws WorkbenchError `lock_unavailable` with `reason`, `secret_unavailable`, `superseded`, `lock_lost`,
   * `cancelled`
   */
  async function mark(lease: Lease, before: StoredRecord, sent: StoredRecord): Promise<StoredRecord> {
    await parts.handover.ready(lease);
    // The ledger tells windows whose SecretStorage shows the mark late, so that they do not mistake a second attempt
    // for the first.
    await lease.mark(ledgerEntry(lease, sent), step.responseReserve(sent));
    try {
      const { record, isOvertaken, error } = await storeStep(before, () => sent);
      if (isOvertaken) throw new WorkbenchError('superseded', { connection: id, signedOut: true });
      if (error) throw error;
      await lease.renew();
      assertHeld(lease);
      assertWanted();
      return record;
    } catch (error) {
      // Without the lock this window must not write: another window may be writing this record.
      if (lease.lost) throw error;
      const { record } = await storeStep(sent, current => step.undoIntent(current, before));
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
          // The endpoints that the binding was compared with.
          endpoints,
          // The machine may have slept since the lock was last checked.
          guard() {
            assertHeld(lease);
            assertWanted();
          },
          // Only a sign-out aborts the request: the answer may hold the only copy of a rotated token.
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

  /**
   * Returns the record marked for the one retry, or `undefined` if it has been retried already or must not be retried
   * now.
   */
  async function retry(job: Job, { data: { status } }: WorkbenchError): Promise<StoredRecord | undefined> {
    const { lease, sent } = job;
    const { signal } = flight;
    if (sent.intent?.retried) return undefined;
    if (Number(status) >= 500) await pause(clock, retryDelay, signal).catch(() => {});
    // Renew the lease: waiting for the first answer may have taken long.
    const isHeld = await lease.renew().then(
      () => true,
      () => false,
    );
    if (!isHeld || lease.lost || signal.aborted) return undefined;
    return mark(lease, sent, step.withIntent(sent, clock.now())).catch(error => {
      log('warn', 'not asked again', { connection: id, error: classify(error) });
      return undefined;
    });
  }

  /** Stores the tokens before the rest of the answer is validated. Throws nothing but `superseded`. */
  async function take(job: Job, answer: TokenAnswer): Promise<RefreshResult> {
    const { lease, sent, binding } = job;
    const { receivedAt, incomplete } = answer;
    const raw = step.storable(answer.raw, sent);
    const generation = sent.generation + 1;
    const token = sent.tokens?.refresh_token;
    const print = token !== undefined && lease.shared ? lease.fingerprint(token) : undefined;
    const isIdTokenLeftOut = isNoIdToken(answer.raw.id_token);
    const brought = { raw, receivedAt, generation, binding, print, incomplete, isIdTokenLeftOut };
    let cut: WorkbenchError | undefined;
    const expected = step.answered(sent, brought);
    // The journal comes first, because it survives a crash: SecretStorage reports a write as done before it is on the
    // disk. The two writes must not run in parallel: a window that sees SecretStorage late would overwrite the only
    // copy.
    const handed = await publishRecord(lease, expected.record);
    const stored = await storeStep(job.sent, current => {
      const { record, error } = current === sent ? expected : step.answered(current, brought);
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
   * Runs under the lock as well, so that a wrong record does not reach another window.
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
      // If the access token was cut off because the record was too large, the new tokens cannot be used yet.
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
      // The window that took over the lock has the newer record.
      if (kind !== 'refused' && lease.lost) return current;
      if (grant.refreshToken === undefined) return current;
      if (kind !== 'refused') return step.withoutIntent(current, unanswered);
      return step.refusedBy(current, reason, at, unanswered);
    });
    sessions.apply(record);
    if (isOvertaken) return overtaken(record);
    const wait = typeof retryAfter === 'number' ? retryAfter : 0;
    await publishLedger(lease, record, wait > 0 ? { notBefore: at + wait, notedAt: at } : {});
    if (grant.refreshToken === undefined) return failed(generation, failure);
    if (kind !== 'refused') {
      const lostAt = unansweredRetry(record)?.at;
      const reusable = kind === 'unknown' && isReusable(record);
      const error = lostAt === undefined && !reusable ? failure : withData(failure, { lostAt, reusable });
      return failed(generation, error, unanswered ? 'unknown' : 'retryable');
    }
    return failed(
      generation,
      // Rejected after an answer was lost: that answer most likely held the successor. Report the lost answer rather
      // than a revoked token.
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
  /** The record as it was read. */
  readonly before: StoredRecord;
  /** The same record, marked as being used. */
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
  /** A lock among the callers of this window only; see `Refresher.refresh`. */
  readonly unshared?: RecordParts['lock'];
  /** Loads the client when the first refresh needs it. */
  readonly tokenClient: () => Promise<TokenClient>;
  /** Endpoints from the settings or the issuer's metadata; called once per refresh. */
  readonly endpointsOf: (connection: Connection, signal: AbortSignal) => Promise<TokenEndpoints>;
  /** Called for each refresh that was not replaced by a later one. */
  readonly finished?: (finished: FinishedRefresh) => void;
  /** Called by `discard`, to cancel other work for the connection. */
  readonly discarded?: (id: string) => void;
}
