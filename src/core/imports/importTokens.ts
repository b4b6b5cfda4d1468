import { defined } from '../defined.ts';
import { WorkbenchError } from '../errors.ts';
import type { CrossWindowLock } from '../ports.ts';
import { bindingOf, type Connection } from '../records/connection.ts';
import { clientCredentialsOf } from '../records/credentials.ts';
import { lookAround, newestRecord, newGeneration, type RecordParts, writeRecord } from '../records/newestRecord.ts';
import { assertRoom, isRefused, type Replaced, type StoredRecord, unansweredIntent } from '../records/record.ts';
import { bindingMismatch, imported, merge, type RawTokens, type TokenBinding } from '../records/tokenSet.ts';

export interface ImportParts extends RecordParts {
  readonly lock: CrossWindowLock;
}

/** Tokens that a sign-in of ours brought: a new grant, so nothing of the old one stays beside them. */
export interface SignedIn {
  readonly tokenEndpoint: string;
  /** What they are bound to (RFC 9449). */
  readonly dpopKey?: string;
  readonly grant?: 'client_credentials';
}

/**
 * Stores tokens that did not come from a refresh of ours, as a new generation bound to the connection of today.
 * A refresh token that is held stays unless another one is brought; for one that was issued elsewhere that is an
 * error, because the two would end up in one record.
 * @param now milliseconds since the epoch
 * @throws WorkbenchError `binding_mismatch`, `record_unreadable`, `record_newer_version`, `record_too_large`,
 * `record_behind`, `secret_unavailable`, `lock_timeout`, `lock_unavailable`, `lock_lost`, `cancelled`
 */
export function storeTokens(
  parts: ImportParts,
  connection: Connection,
  raw: RawTokens,
  now: number,
  signal: AbortSignal,
  signedIn?: SignedIn,
): Promise<StoredRecord> {
  const keeps = raw.refresh_token === undefined && signedIn === undefined;
  return storeGeneration(
    parts,
    connection.id,
    signal,
    { keeps, sent: signedIn !== undefined },
    (current, generation) =>
      signedIn
        ? {
            ...withNewGrant(current, generation, bindingOf(connection, signedIn.tokenEndpoint)),
            ...(signedIn.dpopKey !== undefined && { dpop_key: signedIn.dpopKey }),
            tokens: { ...merge(undefined, raw, now), ...(signedIn.grant && { grant: signedIn.grant }) },
          }
        : withTokens(current, generation, bindingOf(connection), raw, now),
  );
}

/**
 * Puts back what the last import took the place of.
 * @throws WorkbenchError `nothing_to_undo`, and what `storeTokens` throws
 */
export function undoImport(parts: ImportParts, id: string, signal: AbortSignal): Promise<StoredRecord> {
  return storeGeneration(parts, id, signal, { keeps: true, sent: false }, (current, generation) => {
    if (current.replaced === undefined) throw new WorkbenchError('nothing_to_undo', { connection: id });
    const { version, connection, replaced } = current;
    const { unanswered, ...before } = replaced;
    const intent = unanswered && { intent: { ...unanswered, generation } };
    return { version, connection, ...clientCredentialsOf(current), generation, ...before, ...intent };
  });
}

/**
 * Writes a new generation under the lock.
 * @param keeps what is held stays a part of the record, so it must be the newest
 */
async function storeGeneration(
  parts: ImportParts,
  id: string,
  signal: AbortSignal,
  { keeps, sent }: { readonly keeps: boolean; readonly sent: boolean },
  change: (current: StoredRecord, generation: number) => StoredRecord,
): Promise<StoredRecord> {
  return parts.lock.withLock(
    id,
    signal,
    async lease => {
      const sight = await lookAround(parts, id, lease, signal, !keeps);
      await parts.handover.ready(lease);
      const { ledger, unopened, ...others } = sight;
      const needed = keeps ? sight : { ...others, ledger: ledger?.signedOutAt === undefined ? undefined : ledger };
      const current = await newestRecord(parts, needed);
      if (lease.lost) throw new WorkbenchError('lock_lost', { connection: id, sent: false });
      // The last moment: whoever signs out meanwhile must not be signed in by what comes after.
      if (signal.aborted) throw new WorkbenchError('cancelled', { sent });
      const record = withRoom(change(current, newGeneration(current, sight)));
      if (sight.damaged) await lease.voidBelow(record.generation);
      const { notBefore } = ledger ?? {};
      await writeRecord(parts, lease, record, notBefore === undefined ? {} : { notBefore });
      return record;
    },
    keeps ? 'any' : 'new_grant',
  );
}

/** What was replaced is kept where there is room for it, its refresh token at least: all else is got with that. */
function withRoom(record: StoredRecord): StoredRecord {
  const { replaced, ...others } = record;
  assertRoom(others);
  if (replaced === undefined || fits(record)) return record;
  const { refresh_token, obtained_at } = replaced.tokens;
  const least = { ...record, replaced: { ...replaced, tokens: { obtained_at, ...defined({ refresh_token }) } } };
  return fits(least) ? least : others;
}

function fits(record: StoredRecord): boolean {
  try {
    assertRoom(record);
    return true;
  } catch {
    return false;
  }
}

/** True where another refresh token would take the place of one that, for all that is known, still works. */
export function replacesLive(record: StoredRecord | undefined, raw: RawTokens, now: number): boolean {
  const { refresh_token, refresh_expires_at = Number.POSITIVE_INFINITY } = record?.tokens ?? {};
  if (record === undefined || refresh_token === undefined || raw.refresh_token === undefined) return false;
  return raw.refresh_token !== refresh_token && !isRefused(record) && refresh_expires_at > now;
}

function withNewGrant(record: StoredRecord, generation: number, binding: TokenBinding): StoredRecord {
  const { version, connection, binding: before } = record;
  const moved = before && bindingMismatch(before, binding);
  const keepsCredentials = !moved || moved.member === 'token_endpoint';
  const credentials = keepsCredentials && clientCredentialsOf(record);
  return { version, connection, ...credentials, generation, binding };
}

function withTokens(
  current: StoredRecord,
  generation: number,
  today: TokenBinding,
  raw: RawTokens,
  now: number,
): StoredRecord {
  // What discovery once found stays part of the binding where the settings name no endpoint.
  const { token_endpoint } = { ...current.binding, ...today };
  const kept = { ...today, ...(token_endpoint !== undefined && { token_endpoint }) };
  const moved = current.binding && bindingMismatch(current.binding, kept);
  const keepsRefreshToken = raw.refresh_token === undefined && current.tokens?.refresh_token !== undefined;
  if (moved && keepsRefreshToken) throw new WorkbenchError('binding_mismatch', moved);
  const { intent: _, refused, client_secret: __, private_key: ___, dpop_key, ...rest } = current;
  const intent = unansweredIntent(current);
  const { binding, tokens } = current;
  const replaced: Replaced | undefined =
    tokens && binding && replacesLive(current, raw, now)
      ? {
          binding,
          tokens,
          ...(dpop_key !== undefined && { dpop_key }),
          ...(intent && { unanswered: { at: intent.at, ...(intent.retried && { retried: true }) } }),
        }
      : undefined;
  // A secret is known to one issuer and client only, and goes nowhere else.
  const keepsCredentials = !moved || moved.member === 'token_endpoint';
  return {
    ...rest,
    ...(keepsCredentials && clientCredentialsOf(current)),
    // Another refresh token was bound elsewhere, if it is bound at all.
    ...(keepsRefreshToken && dpop_key !== undefined && { dpop_key }),
    // An access token alone neither brings a refused refresh token back to life nor answers for a lost answer.
    ...(keepsRefreshToken && refused && isRefused(current) && { refused: { ...refused, generation } }),
    ...(keepsRefreshToken && intent && { intent: { ...intent, generation } }),
    ...(replaced && { replaced }),
    generation,
    binding: moved ? today : kept,
    tokens: imported(moved ? undefined : current.tokens, raw, now),
  };
}
