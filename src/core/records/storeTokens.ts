import { WorkbenchError } from '../errors.ts';
import { defined, sameData } from '../tokens/json.ts';
import { meansSameIssuer } from '../tokens/tokenUse.ts';
import { changeRecord, type LockedRecord, type RecordParts, withRecord, writeRecord } from './changeRecord.ts';
import { bindingOf, type Connection } from './connection.ts';
import { familyOf } from './families.ts';
import {
  assertRoom,
  type ClientCredentials,
  clientCredentialsOf,
  emptied,
  hasRoom,
  isRefused,
  type Replaced,
  type StoredRecord,
  unansweredIntent,
} from './record.ts';
import { bindingMismatch, imported, isSameClient, merge, type RawTokens, type TokenBinding } from './tokenSet.ts';

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
 * @throws WorkbenchError `binding_mismatch`, `record_too_large`, and what `withRecord` and `writeRecord` throw
 */
export function storeTokens(
  parts: RecordParts,
  connection: Connection,
  raw: RawTokens,
  now: number,
  signal: AbortSignal,
  signedIn?: SignedIn,
): Promise<StoredRecord> {
  const { refresh_token } = raw;
  const isNewGrant = refresh_token !== undefined || signedIn !== undefined;
  const store = async (locked: LockedRecord) => {
    const { current, nextGeneration } = locked;
    await parts.handover.ready(locked.lease);
    const familyNow = async () => (refresh_token === undefined ? undefined : familyOf(parts, locked, refresh_token));
    const family = await familyNow();
    // The last moment: a sign-out meanwhile must not be undone by what comes after.
    if (signal.aborted) throw new WorkbenchError('cancelled', { sent: signedIn !== undefined });
    const tokens = signedIn
      ? {
          ...withNewGrant(current, nextGeneration, bindingOf(connection, signedIn.tokenEndpoint)),
          ...(signedIn.dpopKey !== undefined && { dpop_key: signedIn.dpopKey }),
          tokens: { ...merge(undefined, raw, now), ...(signedIn.grant && { grant: signedIn.grant }) },
        }
      : withTokens(current, nextGeneration, bindingOf(connection), raw, now);
    const record = withRoom({ ...tokens, ...(family && { family }) });
    await writeRecord(parts, locked, record);
    // Another connection may have taken the same token in at this very moment: now one of the two sees the other.
    const late = await familyNow();
    if (late?.with === undefined || sameData(late, family)) return record;
    const noted = { ...record, family: late };
    await writeRecord(parts, locked, noted);
    return noted;
  };
  return withRecord(parts, connection.id, signal, store, { isNewGrant });
}

/**
 * Puts back what the last import took the place of.
 * @throws WorkbenchError `nothing_to_undo`, and what `changeRecord` throws
 */
export function undoImport(parts: RecordParts, id: string, signal: AbortSignal): Promise<StoredRecord> {
  return changeRecord(parts, id, signal, (current, { nextGeneration: generation }) => {
    if (current.replaced === undefined) throw new WorkbenchError('nothing_to_undo', { connection: id });
    const { version, connection, replaced } = current;
    const { unanswered, ...before } = replaced;
    const intent = unanswered && { intent: { ...unanswered, generation } };
    return { version, connection, ...clientCredentialsOf(current), generation, ...before, ...intent };
  });
}

/** What was replaced is kept where there is room for it, its refresh token at least: all else is got with that. */
function withRoom(record: StoredRecord): StoredRecord {
  const { replaced, ...others } = record;
  assertRoom(others);
  if (replaced === undefined || hasRoom(record)) return record;
  const { refresh_token, obtained_at } = replaced.tokens;
  const least = { ...record, replaced: { ...replaced, tokens: { obtained_at, ...defined({ refresh_token }) } } };
  return hasRoom(least) ? least : others;
}

/** True where another refresh token would take the place of one that, for all that is known, still works. */
export function replacesLive(record: StoredRecord | undefined, raw: RawTokens, now: number): boolean {
  const { refresh_token, refresh_expires_at = Number.POSITIVE_INFINITY } = record?.tokens ?? {};
  if (record === undefined || refresh_token === undefined || raw.refresh_token === undefined) return false;
  return raw.refresh_token !== refresh_token && !isRefused(record) && refresh_expires_at > now;
}

/**
 * Replaces what the client proves itself with, whatever else is stored: tokens stay, and so does their generation.
 * Where the settings have moved to another issuer or client since, the tokens of the old one go: with credentials of
 * another they could only be lost, and the new credentials must not be taken for the old ones.
 * @throws WorkbenchError `record_too_large`, and what `changeRecord` throws
 */
export function storeCredentials(
  parts: RecordParts,
  connection: Connection,
  credentials: ClientCredentials,
  signal: AbortSignal,
): Promise<StoredRecord> {
  return changeRecord(parts, connection.id, signal, current => {
    const token_endpoint = connection.tokenEndpoint ?? current.binding?.token_endpoint;
    const isAtHome = isSameClient(current.binding, bindingOf(connection, token_endpoint));
    const { client_secret: _, private_key: __, ...empty } = emptied(current, current.generation + 1);
    const record = { ...(isAtHome ? current : empty), ...credentials };
    assertRoom(record);
    return record;
  });
}

/**
 * Binds what is stored to another name of the same issuer. For another issuer nothing changes, so that tokens are sent only
 * to the issuer that gave them.
 * @throws WorkbenchError what `changeRecord` throws
 */
export function renameIssuer(
  parts: RecordParts,
  id: string,
  issuer: string,
  signal: AbortSignal,
): Promise<StoredRecord> {
  return changeRecord(parts, id, signal, current => {
    const { binding } = current;
    const isName = binding?.issuer !== undefined && meansSameIssuer(binding.issuer, issuer);
    return isName ? { ...current, binding: { ...binding, issuer } } : current;
  });
}

function withNewGrant(record: StoredRecord, generation: number, binding: TokenBinding): StoredRecord {
  const { version, connection } = record;
  const credentials = isSameClient(record.binding, binding) && clientCredentialsOf(record);
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
  const { intent: _, refused, client_secret: __, private_key: ___, dpop_key, family, ...rest } = current;
  const intent = unansweredIntent(current);
  const { binding, tokens } = current;
  const replaced: Replaced | undefined =
    tokens && binding && replacesLive(current, raw, now)
      ? {
          binding,
          tokens,
          ...(dpop_key !== undefined && { dpop_key }),
          ...(family && { family }),
          ...(intent && { unanswered: { at: intent.at, ...(intent.retried && { retried: true }) } }),
        }
      : undefined;
  return {
    ...rest,
    ...(isSameClient(current.binding, kept) && clientCredentialsOf(current)),
    // Another refresh token was bound elsewhere, if it is bound at all.
    ...(keepsRefreshToken && dpop_key !== undefined && { dpop_key }),
    ...(keepsRefreshToken && family && { family }),
    // An access token alone neither brings a refused refresh token back to life nor answers for a lost answer.
    ...(keepsRefreshToken && refused && isRefused(current) && { refused: { ...refused, generation } }),
    ...(keepsRefreshToken && intent && { intent: { ...intent, generation } }),
    ...(replaced && { replaced }),
    generation,
    binding: moved ? today : kept,
    tokens: imported(moved ? undefined : current.tokens, raw, now),
  };
}
