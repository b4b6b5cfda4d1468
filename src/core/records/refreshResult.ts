import { type ErrorCode, WorkbenchError } from '../errors.ts';
import { failureKind } from '../errorTable.ts';
import type { StoredRecord } from './record.ts';

/**
 * - `refreshed`: the issuer gave new tokens and they are stored.
 * - `adopted`: another caller or window had refreshed already; nothing was sent.
 * - `reauthRequired`: the issuer will not take this refresh token any more, or there is none; sign in again.
 * - `retryable`: nothing was lost; the same refresh token can be used again.
 * - `unknown`: it was sent and no readable answer came; the issuer may have rotated the token.
 */
export type RefreshOutcome = 'refreshed' | 'adopted' | 'reauthRequired' | 'retryable' | 'unknown';

export interface RefreshResult {
  readonly outcome: RefreshOutcome;
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  /** Set for every failure; beside `refreshed` where the new tokens could not be stored in full. */
  readonly error?: WorkbenchError;
}

/** A refresh that is over, for the history. */
export interface FinishedRefresh {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds. */
  readonly duration: number;
  /** What this window knew when it began, and what it knows now. */
  readonly before: StoredRecord | undefined;
  readonly after: StoredRecord | undefined;
  readonly result: RefreshResult;
}

export function succeeded(
  outcome: 'refreshed' | 'adopted',
  { generation, tokens }: StoredRecord,
  error?: WorkbenchError,
): RefreshResult {
  return {
    outcome,
    generation,
    ...(tokens?.expires_at !== undefined && { expiresAt: tokens.expires_at }),
    ...(error && { error }),
  };
}

/** @param outcome what the error itself says, where it is left out */
export function failed(
  generation: number,
  error: WorkbenchError,
  outcome: RefreshOutcome = outcomeOf(error),
): RefreshResult {
  return { outcome, generation, error };
}

/** What a caller gets that somebody overtook: tokens that are there now are as good as the own ones. */
export function overtaken(record: StoredRecord): RefreshResult {
  if (record.tokens?.access_token !== undefined) return succeeded('adopted', record);
  const { connection, generation } = record;
  return failed(generation, new WorkbenchError('superseded', { connection, signedOut: true }));
}

const final: ReadonlySet<ErrorCode> = new Set([
  'no_refresh_token',
  'answer_lost',
  'dpop_key_lost',
  'refresh_token_shared',
]);

function outcomeOf(error: WorkbenchError): RefreshOutcome {
  if (error.code === 'answer_missing') return 'unknown';
  return final.has(error.code) || failureKind(error) === 'refused' ? 'reauthRequired' : 'retryable';
}
