import { type ErrorCode, type ErrorData, WorkbenchError } from '../errors.ts';
import { failureKind } from '../errorTable.ts';
import { redactText, sanitized } from '../redact.ts';
import { own } from '../tokens/json.ts';
import { type DecodedJws, decodeToken } from '../tokens/jwt.ts';
import type { StoredRecord } from './record.ts';
import type { TokenSet } from './tokenSet.ts';

/** One refresh in the history: no tokens, no claim values and no free text of errors. Plain JSON. */
export interface HistoryEntry {
  /** When it began, in milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly outcome: RefreshOutcome;
  /** The generation of the record afterwards. */
  readonly generation: number;
  /** This window sent nothing, because another window or caller had already refreshed. */
  readonly adopted: boolean;
  /** HTTP status of the answer, if there was one. */
  readonly status?: number;
  readonly error?: HistoryError;
  /** The differences from the tokens before; empty if nothing changed. */
  readonly changes: readonly HistoryChange[];
}

export interface HistoryError {
  readonly code: string;
  /** Codes, numbers and host names; see `safeData`. */
  readonly data: ErrorData;
}

export type HistoryChange =
  | ({ readonly what: 'scope' | 'claims'; readonly token?: HistoryToken } & Difference)
  /** In seconds; left out if unknown. */
  | { readonly what: 'lifetime'; readonly from?: number; readonly to?: number }
  | {
      readonly what: 'kid' | 'alg';
      readonly token: HistoryToken;
      readonly from?: string;
      readonly to?: string;
    }
  /** The issuer sent another refresh token. */
  | { readonly what: 'refresh_token' };

export type HistoryToken = 'access_token' | 'id_token';

interface Difference {
  readonly gained: readonly string[];
  readonly lost: readonly string[];
}

/** How many refreshes are kept. */
export const historyLength = 50;

/** The entry for a finished refresh. Never throws, whatever the tokens contain. */
export function historyEntry(over: {
  readonly at: number;
  readonly duration: number;
  readonly result: RefreshResult;
  readonly status?: number | undefined;
  readonly before: TokenSet | undefined;
  readonly after: TokenSet | undefined;
}): HistoryEntry {
  const { at, duration, result, before, after } = over;
  const { outcome, generation, error } = result;
  const status = over.status ?? numberOf(error?.data.status);
  return {
    at,
    duration,
    outcome,
    generation,
    adopted: outcome === 'adopted',
    ...(status !== undefined && { status }),
    ...(error && { error: { code: error.code, data: safeData(error) } }),
    changes: before === undefined || after === undefined ? [] : tokenChanges(before, after),
  };
}

/** Adds an entry. Sorted by time, oldest first, because two windows write to the list, and cut to `historyLength`. */
export function withEntry(list: readonly HistoryEntry[], entry: HistoryEntry): readonly HistoryEntry[] {
  return [...list, entry].sort((one, other) => one.at - other.at).slice(-historyLength);
}

const safeNames = ['status', 'error', 'reason', 'sent', 'host', 'retryAfter', 'at', 'after', 'claim'] as const;
const moreSafeNames = [
  'empty',
  'member',
  'signedOut',
  'ahead',
  'uncertainty',
  'limit',
  'size',
  'method',
  'other',
] as const;

/** The members of an error's data that are not free text: an issuer's message may contain anything, even the token. */
function safeData(error: WorkbenchError): ErrorData {
  const data: ErrorData = error.data;
  return Object.fromEntries(
    [...safeNames, ...moreSafeNames].flatMap(name => {
      const value = data[name];
      const isWord = typeof value === 'string' && isHarmless(value);
      return typeof value === 'number' || typeof value === 'boolean' || isWord ? [[name, value]] : [];
    }),
  );
}

/** True for a code, a number or a host name that redaction would not hide. */
function isHarmless(text: string): boolean {
  return /^[\w.:[\]-]{1,100}$/.test(text) && redactText(text) === text;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** How many names of each kind one entry keeps. */
const mostNames = 20;

/**
 * Seconds: a smaller difference is not a changed lifetime, because `exp` and `expires_in` count from different moments.
 */
const sameLifetime = 2;

/** What a refresh changed, apart from the text of the tokens. Names only: a claim's value can be a person's name. */
function tokenChanges(before: TokenSet, after: TokenSet): HistoryChange[] {
  const changes: HistoryChange[] = [];
  if (before.refresh_token !== undefined && before.refresh_token !== after.refresh_token)
    changes.push({ what: 'refresh_token' });
  const scope = difference(words(before.scope), words(after.scope));
  if (scope) changes.push({ what: 'scope', ...scope });
  for (const token of ['access_token', 'id_token'] as const)
    changes.push(...changesOf(token, before[token], after[token]));
  const [from, to] = [lifetimeOf(before), lifetimeOf(after)];
  const isSame = from === undefined || to === undefined ? from === to : Math.abs(from - to) <= sameLifetime;
  // If there is no new access token, a missing lifetime is not a change.
  if (!isSame && before.access_token !== after.access_token)
    changes.push({ what: 'lifetime', ...(from !== undefined && { from }), ...(to !== undefined && { to }) });
  return changes;
}

/** A name from the issuer, made safe to store and show. */
export function safeName(value: unknown): string {
  return sanitized(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''), 80);
}

function changesOf(token: HistoryToken, before: string | undefined, after: string | undefined) {
  if (before === undefined || after === undefined || before === after) return [];
  const [old, fresh] = [decoded(before), decoded(after)];
  if (old === undefined || fresh === undefined) return [];
  const changes: HistoryChange[] = [];
  const claims = difference(Object.keys(old.payload), Object.keys(fresh.payload));
  if (claims) changes.push({ what: 'claims', token, ...claims });
  for (const what of ['alg', 'kid'] as const) {
    const [from, to] = [own(old.header, what), own(fresh.header, what)];
    if (from === to) continue;
    changes.push({
      what,
      token,
      ...(from !== undefined && { from: safeName(from) }),
      ...(to !== undefined && { to: safeName(to) }),
    });
  }
  return changes;
}

function difference(before: readonly string[], after: readonly string[]): Difference | undefined {
  const [old, fresh] = [new Set(before), new Set(after)];
  const names = (list: Iterable<string>, without: ReadonlySet<string>) =>
    [...list]
      .filter(name => !without.has(name))
      .slice(0, mostNames)
      .map(safeName);
  const found = { gained: names(fresh, old), lost: names(old, fresh) };
  return found.gained.length + found.lost.length > 0 ? found : undefined;
}

function words(scope: string | undefined): string[] {
  return scope?.split(' ').filter(Boolean) ?? [];
}

function lifetimeOf({ expires_at, obtained_at }: TokenSet): number | undefined {
  return expires_at === undefined ? undefined : Math.round((expires_at - obtained_at) / 1000);
}

function decoded(token: string): DecodedJws | undefined {
  try {
    const read = decodeToken(token);
    return read.kind === 'jws' ? read : undefined;
  } catch {
    // An access token may be any text (RFC 6749 section 1.4).
    return undefined;
  }
}

/**
 * - `refreshed`: the issuer sent new tokens and they are stored.
 * - `adopted`: another caller or window had already refreshed; nothing was sent.
 * - `reauthRequired`: the issuer rejects this refresh token for good, or there is none; sign in again.
 * - `retryable`: nothing was lost; the same refresh token can be used again.
 * - `unknown`: the token was sent and no readable answer came; the issuer may have rotated it.
 */
export type RefreshOutcome = 'refreshed' | 'adopted' | 'reauthRequired' | 'retryable' | 'unknown';

export interface RefreshResult {
  readonly outcome: RefreshOutcome;
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  /** Set for every failure, and for `refreshed` if the new tokens could not be stored in full. */
  readonly error?: WorkbenchError;
}

/** A finished refresh, for the history. */
export interface FinishedRefresh {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds. */
  readonly duration: number;
  /** The record that this window knew when the refresh began, and the one that it knows now. */
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

/** @param outcome if omitted, it follows from the error */
export function failed(
  generation: number,
  error: WorkbenchError,
  outcome: RefreshOutcome = outcomeOf(error),
): RefreshResult {
  return { outcome, generation, error };
}

/** The result of a refresh that another one has overtaken: the tokens of the other one serve as well. */
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
