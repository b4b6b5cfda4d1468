import { classify, isWorkbenchError, WorkbenchError } from '../errors.ts';
import type { Revocation } from '../issuer/askIssuer.ts';
import type { Clock, SharedNotes } from '../ports.ts';
import { ledgerEntry, type RecordParts, withRecord } from '../records/changeRecord.ts';
import { emptied, emptyRecord, newest, type StoredRecord } from '../records/record.ts';
import type { Sessions } from '../records/sessions.ts';
import type { Vault } from '../records/vault.ts';
import type { SignInRequest, SignInStep } from './grants.ts';
import type { IssuerClient, SignInResult } from './signIn.ts';

export interface SignOutParts {
  readonly vault: Vault;
  readonly lock: Pick<SharedNotes, 'forget'>;
  readonly sessions: Sessions;
  readonly clock: Clock;
  /** Drops the result of a running refresh in this window. */
  readonly discard: (id: string) => void;
}

/**
 * Deletes a connection's tokens and keeps its client secret. Waits for no lock and no issuer. An empty record remains:
 * it tells other windows that the tokens were deleted rather than lost by the store, and the ledger voids the results
 * of their running refreshes. An unreadable record is deleted as a whole. Nothing is sent to the issuer.
 * @throws WorkbenchError `secret_unavailable`, and what `forget` throws
 */
export async function signOut(parts: SignOutParts, id: string): Promise<void> {
  const { vault, lock, sessions, clock } = parts;
  parts.discard(id);
  const known = () => sessions.get(id)?.record;
  let generation = sessions.generation(id);
  try {
    generation = Math.max(generation, (await vault.read(id))?.generation ?? 0);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    await lock.forget(id, generation, clock.now());
    await vault.delete(id);
    sessions.forget(id);
    return;
  }
  const last = await lock.forget(id, generation, clock.now());
  const left = await vault.update(id, stored => {
    const record = newest(stored, known()) ?? emptyRecord(id);
    // Newer than the voided generation: a sign-in has stored it meanwhile.
    return record.generation > last ? record : emptied(record, last);
  });
  sessions.apply(left);
}

function isUnreadable(error: unknown): boolean {
  return isWorkbenchError(error) && (error.code === 'record_unreadable' || error.code === 'record_newer_version');
}

export interface RevokingParts extends Omit<RecordParts, 'lock'>, Omit<SignOutParts, 'lock'> {
  readonly lock: RecordParts['lock'] & SignOutParts['lock'];
  /** Revokes the tokens of a record. Loaded at the first sign-out. */
  readonly revoke: (id: string, record: StoredRecord, signal: AbortSignal) => Promise<Revocation>;
}

/**
 * Revokes a connection's tokens at the issuer and then deletes them here. Both happen under the lock: a running refresh
 * finishes first, so that its tokens are revoked as well, and no new one starts in between. If revoking fails, nothing
 * is deleted.
 * @param revocation `required` fails if the issuer offers no revocation; `offered` deletes the tokens all the same
 * @returns what the issuer has revoked
 * @throws WorkbenchError what `revoke` throws, `lock_timeout`, `cancelled`, `record_behind`, `secret_unavailable`
 */
export async function revokeAndSignOut(
  parts: RevokingParts,
  id: string,
  revocation: 'required' | 'offered',
  signal: AbortSignal,
): Promise<Revocation> {
  try {
    return await withRecord(parts, id, signal, async ({ lease, ledger, current }) => {
      // Do not start if the sign-out could not be written afterwards.
      if (current.tokens) await lease.writeLedger({ ...ledger, ...ledgerEntry(lease, current) });
      if (lease.lost) throw new WorkbenchError('lock_lost', { connection: id, sent: false });
      const revoked = await revokeOffered(parts, id, current, revocation, signal);
      await signOut(parts, id);
      return revoked;
    });
  } catch (error) {
    if (!isUnreadable(error) && !isDamaged(error)) throw error;
    // The tokens that would be revoked cannot be read.
    await signOut(parts, id);
    return { revoked: false };
  }
}

function isDamaged(error: unknown): boolean {
  const { code, data } = classify(error);
  return code === 'lock_unavailable' && 'reason' in data && data.reason === 'damaged';
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
