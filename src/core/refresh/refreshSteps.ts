/** How a refresh changes a record, step by step. Everything here is pure; times are milliseconds since the epoch. */
import { classify, WorkbenchError, withData } from '../errors.ts';
import { longestRetryAfter } from '../http/http.ts';
import type { TokenAnswer, TokenClient, TokenRequest } from '../issuer/tokenEndpoint.ts';
import type { LedgerEntry } from '../ports.ts';
import type { Connection } from '../records/connection.ts';
import {
  isRefused,
  isRenewable,
  leastInterval,
  printsOf,
  type RefreshIntent,
  recordLength,
  recordLimit,
  type StoredRecord,
  type TokenFamily,
  trimToLimit,
  unansweredIntent,
  unansweredRetry,
  withPrints,
} from '../records/record.ts';
import {
  bindingMismatch,
  boundTo,
  isBound,
  merge,
  onlyRotated,
  type RawTokens,
  type TokenBinding,
  type TokenSet,
  thumbprintOf,
} from '../records/tokenSet.ts';
import { changedClaim, claimsOf, isNoIdToken } from '../tokens/tokenUse.ts';

/** Milliseconds: an access token that expires sooner than this is not adopted. */
const leastAdoptedLifetime = 10_000;

/**
 * True if another window has refreshed since `seen`, so that nothing needs to be sent. A token with a lifetime of a few
 * seconds is fresh in the first half of its lifetime.
 * @param seen the record that the caller knew when it asked
 */
export function isWorthAdopting(record: StoredRecord, seen: StoredRecord | undefined, now: number): boolean {
  const { tokens, generation } = record;
  if (generation <= (seen?.generation ?? 0) || tokens?.access_token === undefined) return false;
  if (tokens.access_token === seen?.tokens?.access_token) return false;
  const { expires_at, obtained_at } = tokens;
  return expires_at === undefined || expires_at - now > Math.min(leastAdoptedLifetime, (expires_at - obtained_at) / 2);
}

/**
 * Who asked for a refresh. For a `user` (or a program acting for one) a token is sent again even if the answers to it
 * were lost.
 */
export type AskedBy = 'user' | 'timer';

/** How a record gets new tokens. */
export interface Grant {
  /**
   * The refresh token that the request may use up, so that losing the answer loses the token. Absent for client
   * credentials.
   */
  readonly refreshToken?: string;
  ask(client: TokenClient, request: TokenRequest): Promise<TokenAnswer>;
}

/** RFC 6749 §4.4.3: this grant issues no refresh token, so new tokens come from repeating the request. */
const clientCredentials: Grant = {
  ask: (client, request) =>
    client.clientCredentials(request).catch(thrown => {
      throw withData(classify(thrown), { grant: 'client_credentials' });
    }),
};

/**
 * Chooses the grant by which this record gets new tokens from the endpoint in `binding`.
 * @throws WorkbenchError `refresh_token_refused`, `answer_lost`, `answer_missing`, `no_refresh_token`,
 * `binding_mismatch`
 */
export function grantFor(record: StoredRecord, binding: TokenBinding, askedBy: AskedBy): Grant {
  const { tokens, refused, binding: bound } = record;
  if (refused && isRefused(record)) throw refusal(refused, { error: refused.error, sent: false });
  const refreshToken = tokens?.refresh_token;
  if ((refreshToken === undefined && !isRenewable(record)) || bound === undefined) {
    throw new WorkbenchError('no_refresh_token');
  }
  const mismatch = bindingMismatch(bound, binding);
  if (mismatch) throw new WorkbenchError('binding_mismatch', mismatch);
  if (refreshToken === undefined) return clientCredentials;
  const spent = unansweredRetry(record);
  if (spent && askedBy !== 'user') throw new WorkbenchError('answer_missing', { at: spent.at, sent: false });
  return { refreshToken, ask: (client, request) => client.refresh({ ...request, refreshToken }) };
}

/**
 * Throws while the issuer's `Retry-After` (RFC 9110 §10.2.3) is not over. It applies to all windows.
 * @param now milliseconds since the epoch
 * @throws WorkbenchError `waiting_for_issuer` with `retryAfter` in milliseconds
 */
export function assertMayAsk(
  { notBefore = 0, notedAt = 0 }: Partial<LedgerEntry>,
  now: number,
  endpoint: string | undefined,
): void {
  const wait = notBefore - now;
  // If this machine's clock was set back meanwhile, the rest of the wait is unknown, so it is ignored.
  if (wait <= 0 || wait > longestRetryAfter || notedAt > now) return;
  throw new WorkbenchError('waiting_for_issuer', {
    ...(endpoint !== undefined && { host: new URL(endpoint).host }),
    retryAfter: wait,
    sent: false,
  });
}

/**
 * Adds or removes the DPoP key (RFC 9449). A key that the tokens are bound to stays, even if the settings have changed
 * since. If DPoP is on and there is no key yet, `fresh` is used; otherwise the record has no key.
 * @throws WorkbenchError `dpop_key_lost` if the refresh token is bound to a key that is not stored here
 */
export function provable(
  record: StoredRecord,
  { dpop, tokenEndpointAuthMethod }: Connection,
  fresh: string | undefined,
): StoredRecord {
  const { dpop_key = dpop ? fresh : undefined, ...others } = record;
  const isTied = record.tokens !== undefined && isBound(record.tokens);
  // The refresh token of a client that authenticates is not bound to the key (§5), so a lost key does not matter.
  if (isTied && tokenEndpointAuthMethod === 'none') {
    const jkt = boundTo(record.tokens?.access_token);
    const isOurs = jkt === undefined || jkt === thumbprintOf(record.dpop_key);
    if (record.dpop_key === undefined || !isOurs) throw new WorkbenchError('dpop_key_lost', { sent: false });
  }
  return dpop_key !== undefined && (dpop || isTied) ? { ...others, dpop_key } : others;
}

/**
 * The error for a permanent rejection. If an answer was lost before, it most likely held the successor of this token.
 */
export function refusal(
  { at, answer_lost_at }: { readonly at: number; readonly answer_lost_at?: number },
  data: WorkbenchError['data'],
): WorkbenchError {
  return answer_lost_at === undefined
    ? new WorkbenchError('refresh_token_refused', { ...data, at })
    : new WorkbenchError('answer_lost', { ...data, at: answer_lost_at });
}

/**
 * Notes in the record, before anything is sent, that this generation's token is being used, and whether for the second
 * time. Adds no secret.
 */
export function withIntent(record: StoredRecord, now: number): StoredRecord {
  const { generation, tokens } = record;
  const unanswered = unansweredIntent(record);
  return {
    ...record,
    ...(tokens && { tokens: { ...tokens, refresh_token_last_used_at: now } }),
    intent: unanswered ? { ...unanswered, retried: true } : { generation, at: now },
  };
}

/**
 * How many characters an answer may take in the journal: sealing turns three characters into four, and new tokens may
 * be longer than the old ones.
 */
export function responseReserve(record: StoredRecord): number {
  return Math.min(2 * recordLength(record) + 8192, 2 * recordLimit);
}

/** Removes the mark of an attempt. `earlier`, an attempt that is still unanswered, stays marked. */
export function withoutIntent({ intent: _, ...record }: StoredRecord, earlier?: RefreshIntent): StoredRecord {
  return earlier ? { ...record, intent: earlier } : record;
}

/** Undoes `withIntent` after a request that was never sent. */
export function undoIntent(record: StoredRecord, before: StoredRecord): StoredRecord {
  const { tokens } = before;
  return { ...withoutIntent(record, unansweredIntent(before)), ...(tokens && { tokens }) };
}

export function refusedBy(
  record: StoredRecord,
  error: string,
  at: number,
  earlier: RefreshIntent | undefined,
): StoredRecord {
  const { generation } = record;
  const refused = { generation, error, at, ...(earlier && { answer_lost_at: earlier.at }) };
  return { ...withoutIntent(record), refused };
}

/**
 * Removes an ID token whose issuer or subject has changed, because the record is stored before the answer is validated.
 * If the window closes in between, later ID tokens would be compared with the wrong one. What is no ID token is removed
 * for the same reason: nothing could be compared with it.
 */
export function storable(raw: RawTokens, { tokens, binding }: StoredRecord): RawTokens {
  const { id_token, ...others } = raw;
  if (isNoIdToken(id_token)) return others;
  const now = claimsOf(id_token);
  if (now === undefined) return raw;
  const before = claimsOf(tokens?.id_token) ?? (binding?.issuer === undefined ? {} : { iss: binding.issuer });
  return changedClaim(before, now) === undefined ? raw : others;
}

/**
 * The record after an answer, cut to a size that can be stored. What an import has replaced outlasts the first answer:
 * a refresh token without an access token is refreshed at once, and its user could undo nothing.
 */
export function answered(
  { intent: _, refused: __, replaced, ...record }: StoredRecord,
  answer: {
    readonly raw: RawTokens;
    readonly receivedAt: number;
    readonly generation: number;
    readonly binding: TokenBinding;
    /** The fingerprint of the token that was sent, if windows share it. */
    readonly print?: string | undefined;
    readonly incomplete?: true | undefined;
    /** The answer had something that is no ID token. */
    readonly isIdTokenLeftOut?: boolean;
  },
): ReturnType<typeof trimToLimit> {
  const { raw, receivedAt, generation, binding, print, incomplete, isIdTokenLeftOut } = answer;
  if (isRenewable(record)) {
    const grant = raw.refresh_token === undefined && ({ grant: 'client_credentials' } as const);
    const tokens = counted(merge(undefined, raw, receivedAt), record.tokens);
    return trimToLimit({ ...record, generation, binding, tokens: { ...tokens, ...grant } });
  }
  const merged = counted(merge(record.tokens, raw, receivedAt), record.tokens);
  const { family } = record;
  const isRotated = merged.refresh_token !== record.tokens?.refresh_token;
  const isKept = !isRotated && raw.access_token !== undefined && incomplete !== true;
  const tokens = {
    ...merged,
    ...(isKept && { refresh_token_kept: true as const }),
    ...(isIdTokenLeftOut && merged.id_token !== undefined && { id_token_left_out: true as const }),
  };
  const turned = family && isRotated && { family: rotated(family, print) };
  const undoable = replaced && !replaced.refreshed && { replaced: { ...replaced, refreshed: true as const } };
  return trimToLimit({ ...record, ...turned, ...undoable, generation, binding, tokens });
}

function rotated(family: TokenFamily, print: string | undefined): TokenFamily {
  const { turn } = family;
  return { ...withPrints(family, print && printsOf(turn, print)), turn: turn + 1 };
}

/**
 * Counts access tokens that end before the next refresh may begin. One alone may be the rest of a token that the issuer
 * sends until it ends; an issuer that sends one after the other is asked less and less often.
 */
function counted(tokens: TokenSet, { short_lived = 0 }: Partial<TokenSet> = {}): TokenSet {
  const { expires_at, obtained_at } = tokens;
  const isShort = expires_at !== undefined && expires_at - obtained_at <= leastInterval;
  return isShort ? { ...tokens, short_lived: short_lived + 1 } : tokens;
}

/**
 * The record after an answer that failed validation: it keeps the old tokens and only a rotated refresh token is new.
 */
export function withoutInvalid(record: StoredRecord, before: StoredRecord): StoredRecord {
  return record.tokens ? { ...record, tokens: onlyRotated(before.tokens, record.tokens) } : record;
}
