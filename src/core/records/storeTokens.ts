import { classify, WorkbenchError } from '../errors.ts';
import { meansSameIssuer } from '../tokens/tokenUse.ts';
import { changeRecord, type LockedRecord, type RecordParts, withRecord, writeRecord } from './changeRecord.ts';
import { bindingOf, type Connection } from './connection.ts';
import { familyOf, noteLateMembers } from './families.ts';
import { withRecordHandedOn } from './handOn.ts';
import {
  assertRoomForIntent,
  beforeImport,
  type ClientCredentials,
  clientCredentialsOf,
  isRefused,
  type Replaced,
  replacedBy,
  type StoredRecord,
  unansweredIntent,
  withoutTokens,
  withRoomForReplaced,
} from './record.ts';
import { bindingMismatch, imported, isSameClient, merge, type RawTokens, type TokenBinding } from './tokenSet.ts';

/** Tokens from our own sign-in: a new grant, so nothing of the old tokens is kept beside them. */
export interface SignedIn {
  readonly tokenEndpoint: string;
  /** The key that they are bound to (RFC 9449). */
  readonly dpopKey?: string;
  readonly grant?: 'client_credentials';
}

/**
 * Stores tokens that did not come from our own refresh, as a new generation bound to the current connection. A stored
 * refresh token stays unless a new one is given, and where it is shared it is handed on first. If the stored one was issued elsewhere, that is an error, because
 * tokens of two grants would end up in one record.
 * @param now milliseconds since the epoch
 * @throws WorkbenchError `binding_mismatch`, `record_too_large`, and what `withRecordHandedOn` and `writeRecord` throw
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
  /** `besides`: what stays in the record beside the new tokens. */
  const store = async (locked: LockedRecord, besides?: Replaced) => {
    const { current, nextGeneration } = locked;
    await parts.handover.ready(locked.lease);
    const family = refresh_token === undefined ? undefined : await familyOf(parts, locked, refresh_token);
    // The last check: after this point a sign-out must not be undone.
    if (signal.aborted) throw new WorkbenchError('cancelled', { sent: signedIn !== undefined });
    const tokens = signedIn
      ? {
          ...withNewGrant(current, nextGeneration, bindingOf(connection, signedIn.tokenEndpoint)),
          ...(signedIn.dpopKey !== undefined && { dpop_key: signedIn.dpopKey }),
          tokens: { ...merge(undefined, raw, now), ...(signedIn.grant && { grant: signedIn.grant }) },
          ...(besides && { replaced: besides }),
        }
      : withTokens(current, nextGeneration, bindingOf(connection), raw, now);
    const whole = { ...tokens, ...(family && { family }) };
    const { replaced: _, ...without } = whole;
    assertRoomForIntent(without);
    const record = withRoomForReplaced(whole);
    await writeRecord(parts, locked, record);
    return refresh_token === undefined ? record : noteLateMembers(parts, locked, record);
  };
  const leaves = ({ tokens }: StoredRecord) => isNewGrant && tokens?.refresh_token !== refresh_token;
  const { id } = connection;
  return withRecordHandedOn(parts, id, signal, leaves, locked => store(locked), { isNewGrant }).catch(error => {
    if (signedIn === undefined || signal.aborted || classify(error).data.withheldFrom === undefined) throw error;
    // What the issuer has just granted exists nowhere else. The earlier tokens stay beside it as after an import, and the
    // connection that could not get them finds them there (`syncWithFamily`).
    return withRecord(parts, id, signal, locked => store(locked, replacedBy(locked.current)), { isNewGrant });
  });
}

/**
 * Restores what the last import has replaced. If the imported tokens have been refreshed since, they exist nowhere else
 * and take the place of those that are restored: undoing again brings them back.
 * @throws WorkbenchError `nothing_to_undo`, and what `withRecordHandedOn` and `writeRecord` throw
 */
export function undoImport(parts: RecordParts, id: string, signal: AbortSignal): Promise<StoredRecord> {
  const undo = async (locked: LockedRecord) => {
    const { current, nextGeneration } = locked;
    const before = beforeImport({ ...current, generation: nextGeneration });
    if (before === undefined) throw new WorkbenchError('nothing_to_undo', { connection: id });
    const { refreshed, undone } = current.replaced ?? {};
    const replaced = (refreshed || undone) && !isRefused(current) ? replacedBy(current) : undefined;
    const record = withRoomForReplaced({ ...before, ...(replaced && { replaced: { ...replaced, undone: true } }) });
    await parts.handover.ready(locked.lease);
    await writeRecord(parts, locked, record);
    // The replaced token may have been imported elsewhere meanwhile.
    return noteLateMembers(parts, locked, record);
  };
  return withRecordHandedOn(parts, id, signal, ({ replaced }) => replaced !== undefined, undo);
}

/** True if another refresh token would replace one that, as far as is known, still works. */
export function replacesLive(record: StoredRecord | undefined, raw: RawTokens, now: number): boolean {
  const { refresh_token, refresh_expires_at = Number.POSITIVE_INFINITY } = record?.tokens ?? {};
  if (record === undefined || refresh_token === undefined || raw.refresh_token === undefined) return false;
  return raw.refresh_token !== refresh_token && !isRefused(record) && refresh_expires_at > now;
}

/**
 * Replaces the client's credentials. Tokens and their generation stay. If the settings have moved to another issuer or
 * client since, the old tokens are removed: they cannot be used with other credentials, and the new credentials must
 * not be sent to the old issuer.
 * @throws WorkbenchError `record_too_large`, and what `withRecordHandedOn` and `writeRecord` throw
 */
export function storeCredentials(
  parts: RecordParts,
  connection: Connection,
  credentials: ClientCredentials,
  signal: AbortSignal,
): Promise<StoredRecord> {
  const isUnmoved = ({ binding }: StoredRecord) =>
    isSameClient(binding, bindingOf(connection, connection.tokenEndpoint ?? binding?.token_endpoint));
  const store = async (locked: LockedRecord) => {
    const { current } = locked;
    await parts.handover.ready(locked.lease);
    const { client_secret: _, private_key: __, ...empty } = withoutTokens(current, current.generation + 1);
    const record = { ...(isUnmoved(current) ? current : empty), ...credentials };
    assertRoomForIntent(record);
    await writeRecord(parts, locked, record);
    return record;
  };
  return withRecordHandedOn(parts, connection.id, signal, current => !isUnmoved(current), store);
}

/**
 * Changes the binding to another name of the same issuer. For a different issuer nothing changes, so that tokens are
 * sent only to the issuer that issued them.
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
  // If the settings name no endpoint, the one that discovery has found stays in the binding.
  const { token_endpoint } = { ...current.binding, ...today };
  const kept = { ...today, ...(token_endpoint !== undefined && { token_endpoint }) };
  const moved = current.binding && bindingMismatch(current.binding, kept);
  const keepsRefreshToken = raw.refresh_token === undefined && current.tokens?.refresh_token !== undefined;
  if (moved && keepsRefreshToken) throw new WorkbenchError('binding_mismatch', moved);
  const { intent: _, refused, client_secret: __, private_key: ___, dpop_key, family, ...rest } = current;
  const intent = unansweredIntent(current);
  const replaced = replacesLive(current, raw, now) ? replacedBy(current) : undefined;
  return {
    ...rest,
    ...(isSameClient(current.binding, kept) && clientCredentialsOf(current)),
    // A new refresh token is bound to another key, if it is bound at all.
    ...(keepsRefreshToken && dpop_key !== undefined && { dpop_key }),
    ...(keepsRefreshToken && family && { family }),
    // A new access token alone does not make a rejected refresh token valid again, and does not replace a lost answer.
    ...(keepsRefreshToken && refused && isRefused(current) && { refused: { ...refused, generation } }),
    ...(keepsRefreshToken && intent && { intent: { ...intent, generation } }),
    ...(replaced && { replaced }),
    generation,
    binding: moved ? today : kept,
    tokens: imported(moved ? undefined : current.tokens, raw, now),
  };
}
