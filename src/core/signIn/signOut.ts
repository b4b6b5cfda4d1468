import { classify, isWorkbenchError, WorkbenchError } from '../errors.ts';
import type { Revocation } from '../issuer/askIssuer.ts';
import type { Clock, SharedNotes } from '../ports.ts';
import { type LockedRecord, ledgerEntry, type RecordParts, withRecord } from '../records/changeRecord.ts';
import { connectionsBehind, mayBeShared } from '../records/families.ts';
import { assertNothingOwed, payOwed, withheld, withRecordHandedOn } from '../records/handOn.ts';
import { emptyRecord, isUnreadable, newest, type StoredRecord, withoutTokens } from '../records/record.ts';
import type { Sessions } from '../records/sessions.ts';
import type { Vault } from '../records/vault.ts';
import type { SignInRequest, SignInStep } from './grants.ts';
import type { IssuerClient, SignInResult } from './signIn.ts';

export interface SignOutParts {
  readonly vault: Vault;
  readonly lock: Pick<SharedNotes, 'forget' | 'peek'>;
  readonly sessions: Sessions;
  readonly clock: Clock;
  /** Drops the result of a running refresh in this window. */
  readonly discard: (id: string) => void;
}

/**
 * Deletes a connection's tokens and keeps its client secret. Waits for no lock and no issuer. An empty record remains:
 * it tells other windows that the tokens were deleted rather than lost by the store, and the ledger voids the results
 * of their running refreshes. An unreadable record is deleted as a whole. Nothing is sent to the issuer. If the shared
 * folder cannot be written, the tokens are deleted all the same, and other windows learn of it from SecretStorage alone.
 * @returns `lock_unavailable` if other windows could not be told
 * @throws WorkbenchError `secret_unavailable`
 */
export async function signOut(parts: SignOutParts, id: string): Promise<Untold> {
  const { vault, lock, sessions, clock } = parts;
  parts.discard(id);
  let untold: Untold;
  /** The newest generation that is void from now on. */
  async function forget(generation: number): Promise<number> {
    try {
      return await lock.forget(id, generation, clock.now());
    } catch (error) {
      const failure = classify(error);
      if (failure.code !== 'lock_unavailable') throw failure;
      untold = failure;
      const { ledger, handedOver } = await lock.peek(id);
      return Math.max(generation, ledger?.generation ?? 0, handedOver?.generation ?? 0) + 1;
    }
  }
  const known = () => sessions.get(id)?.record;
  let generation = sessions.generation(id);
  try {
    generation = Math.max(generation, (await vault.read(id))?.generation ?? 0);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    await forget(generation);
    await vault.delete(id);
    sessions.forget(id);
    return untold;
  }
  const last = await forget(generation);
  const left = await vault.update(id, stored => {
    const record = newest(stored, known()) ?? emptyRecord(id);
    // Newer than the voided generation: a sign-in has stored it meanwhile.
    return record.generation > last ? record : withoutTokens(record, last);
  });
  sessions.apply(left);
  return untold;
}

/**
 * As `signOut`, but the connections that share the refresh token get it first, because it may be stored here only. Waits
 * for locks only if there are such connections.
 * @throws WorkbenchError as `withRecordHandedOn`: nothing is deleted then
 */
export async function handOnAndSignOut(
  parts: RecordParts & SignOutParts,
  id: string,
  signal: AbortSignal,
): Promise<Untold> {
  if (!(await mayBeShared(parts, id))) return signOut(parts, id);
  const end = (locked: LockedRecord) => {
    assertNothingOwed(parts, locked);
    return signOut(parts, id);
  };
  try {
    await payOwed(parts, id, signal);
    return await withRecordHandedOn(parts, id, signal, () => true, end);
  } catch (error) {
    const failure = classify(error);
    const isUnread = isUnreadable(failure) || failure.code === 'record_behind';
    if (!isUnread || failure.data.withheldFrom !== undefined) throw failure;
    const named = await namingOther(parts, id, failure);
    if (named !== failure || !isUnreadable(failure)) throw named;
    return signOut(parts, id);
  }
}

/** What cannot be read cannot be handed on, so the user has to know whose tokens are at stake. */
async function namingOther(
  parts: Parameters<typeof connectionsBehind>[0],
  id: string,
  failure: WorkbenchError,
): Promise<WorkbenchError> {
  const [other] = await connectionsBehind(parts, id);
  return other === undefined ? failure : withheld(parts.sessions, other, failure);
}

type Untold = WorkbenchError<'lock_unavailable'> | undefined;

export interface RevokingParts extends Omit<RecordParts, 'lock'>, Omit<SignOutParts, 'lock'> {
  readonly lock: RecordParts['lock'] & SignOutParts['lock'];
  /** Revokes the tokens of a record. Loaded at the first sign-out. */
  readonly revoke: (id: string, record: StoredRecord, signal: AbortSignal) => Promise<Revocation>;
}

/**
 * Revokes a connection's tokens at the issuer and then deletes them here. Both happen under the lock: a running refresh
 * finishes first, so that its tokens are revoked as well, and no new one starts in between. If revoking fails, nothing
 * is deleted. If there can be no lock, what this window knows is revoked without it: that uses up no token. Tokens that
 * were not revoked still work for the connections that share them, which get them first.
 * @param revocation `required` fails if the issuer offers no revocation; `offered` deletes the tokens all the same
 * @returns what the issuer has revoked, and `untold` as `signOut` returns it
 * @throws WorkbenchError what `revoke` throws, `lock_timeout`, `cancelled`, `record_behind`, `secret_unavailable`
 */
export async function revokeAndSignOut(
  parts: RevokingParts,
  id: string,
  revocation: 'required' | 'offered',
  signal: AbortSignal,
): Promise<SignedOut> {
  const deleted = (untold: Untold, revoked: Revocation = { revoked: false }): SignedOut => ({
    ...revoked,
    ...(untold && { untold }),
  });
  /** `handOn`: the tokens still work for other connections, which have to get them first. That takes more locks. */
  const end = async (record: StoredRecord, isWhole = true): Promise<SignedOut | { readonly handOn: Revocation }> => {
    const revoked = await revokeOffered(parts, id, record, revocation, signal);
    const mayOwe = !revoked.revoked || record.owed || !isWhole;
    if (mayOwe && (await mayBeShared(parts, id))) return { handOn: revoked };
    return deleted(await signOut(parts, id), revoked);
  };
  const revokeUnderLock = () =>
    withRecord(parts, id, signal, async ({ lease, ledger, current }) => {
      // Do not start if the sign-out could not be written afterwards.
      if (current.tokens) await lease.writeLedger({ ...ledger, ...ledgerEntry(lease, current) });
      if (lease.lost) throw new WorkbenchError('lock_lost', { connection: id, sent: false });
      return end(current);
    });
  const ended = await revokeUnderLock().catch(async error => {
    if (classify(error).code === 'lock_unavailable') {
      // Without the stored record, this window revokes the tokens that it has in memory.
      let isWhole = true;
      const stored = await parts.vault.read(id).catch(() => {
        isWhole = false;
        return undefined;
      });
      return end(newest(stored, parts.sessions.get(id)?.record) ?? emptyRecord(id), isWhole);
    }
    // The tokens that would be revoked cannot be read.
    const failure = classify(error);
    if (failure.code === 'record_behind') throw await namingOther(parts, id, failure);
    if (!isUnreadable(failure)) throw failure;
    if (revocation === 'required') throw await namingOther(parts, id, failure);
    return { handOn: { revoked: false } };
  });
  return 'handOn' in ended ? deleted(await handOnAndSignOut(parts, id, signal), ended.handOn) : ended;
}

export interface SignedOut extends Revocation {
  readonly untold?: WorkbenchError<'lock_unavailable'>;
}

async function revokeOffered(
  { revoke }: RevokingParts,
  id: string,
  record: StoredRecord,
  revocation: 'required' | 'offered',
  signal: AbortSignal,
): Promise<Revocation> {
  try {
    return await revoke(id, record, signal);
  } catch (error) {
    if (revocation === 'offered' && isWorkbenchError(error) && error.code === 'endpoint_missing')
      return { revoked: false };
    throw error;
  }
}

/** The running sign-ins of this window, one per connection: a second one cancels the first. */
export interface SignIns {
  /** @throws WorkbenchError what `signIn` throws; `cancelled` after `cancel` or when another sign-in starts */
  run(request: SignInRequest): Promise<SignInResult>;
  cancel(id: string): void;
  /** What the sign-in of a connection is waiting for in the browser. */
  waiting(id: string): BrowserStep | undefined;
  dispose(): void;
}

type BrowserStep = Extract<SignInStep, { waitingFor: 'browser' }>;

export function createSignIns(client: () => Promise<IssuerClient>): SignIns {
  const running = new Map<string, AbortController>();
  const waiting = new Map<string, BrowserStep>();
  let disposed = false;
  return {
    async run(request) {
      if (disposed) throw new WorkbenchError('cancelled', { sent: false });
      const { id } = request.connection;
      running.get(id)?.abort();
      const own = new AbortController();
      running.set(id, own);
      const cancel = () => own.abort();
      request.signal.addEventListener('abort', cancel, { once: true });
      if (request.signal.aborted) cancel();
      try {
        const tell = (step: SignInStep) => {
          if (step.waitingFor === 'browser' && running.get(id) === own) waiting.set(id, step);
          request.tell?.(step);
        };
        return await (await client()).signIn({ ...request, tell, signal: own.signal });
      } finally {
        request.signal.removeEventListener('abort', cancel);
        if (running.get(id) === own) {
          running.delete(id);
          waiting.delete(id);
        }
      }
    },
    cancel: id => running.get(id)?.abort(),
    waiting: id => waiting.get(id),
    dispose() {
      disposed = true;
      for (const each of running.values()) each.abort();
    },
  };
}
