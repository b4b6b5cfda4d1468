import { classify, WorkbenchError } from '../errors.ts';
import { meansSameIssuer } from '../tokens/tokenUse.ts';
import { changeRecord, type LockedRecord, type RecordParts, withRecord, writeRecord } from './changeRecord.ts';
import { bindingOf, type Connection } from './connection.ts';
import { familyOf, newestHeld, noteLateMembers } from './families.ts';
import { owing, payOwed, takeFromAside, withRecordHandedOn } from './handOn.ts';
import {
  assertRoomForIntent,
  beforeImport,
  type ClientCredentials,
  clientCredentialsOf,
  isRefused,
  replacedBy,
  type StoredRecord,
  trimToLimit,
  unansweredIntent,
  withOwed,
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
  /** Called when the tokens are stored and an earlier one is being given to these connections, which share it. */
  readonly handingOn?: (to: readonly string[]) => void;
  /** Called if one of them could not get it. It stays in the record until it is there. */
  readonly notHandedOn?: (failure: WorkbenchError) => void;
}

/**
 * Stores tokens that did not come from our own refresh, as a new generation bound to the current connection. A stored
 * refresh token stays unless a new one is given. If it is shared, an import hands it on first, while tokens that an issuer
 * has just granted are stored first, because they exist nowhere else. If the stored token was issued elsewhere, that is an
 * error, because tokens of two grants would end up in one record.
 * @param now milliseconds since the epoch
 * @throws WorkbenchError `binding_mismatch`, `record_too_large`, and what `withRecordHandedOn` and `writeRecord` throw
 */
export async function storeTokens(
  parts: RecordParts,
  connection: Connection,
  raw: RawTokens,
  now: number,
  signal: AbortSignal,
  signedIn?: SignedIn,
): Promise<StoredRecord> {
  const { id } = connection;
  const { refresh_token } = raw;
  const isNewGrant = refresh_token !== undefined || signedIn !== undefined;
  const store = async (locked: LockedRecord) => {
    const { current, nextGeneration } = locked;
    await parts.handover.ready(locked.lease);
    const print = refresh_token === undefined ? undefined : locked.lease.fingerprint(refresh_token);
    const family = print === undefined ? undefined : await familyOf(parts, locked, print);
    // The last check: after this point a sign-out must not be undone.
    if (signal.aborted) throw new WorkbenchError('cancelled', { sent: signedIn !== undefined });
    const tokens = signedIn
      ? {
          ...withNewGrant(current, nextGeneration, bindingOf(connection, signedIn.tokenEndpoint)),
          ...(signedIn.dpopKey !== undefined && { dpop_key: signedIn.dpopKey }),
          tokens: { ...merge(undefined, raw, now), ...(signedIn.grant && { grant: signedIn.grant }) },
        }
      : withTokens(current, nextGeneration, bindingOf(connection), raw, now);
    const whole = { ...tokens, ...(family && { family }) };
    const { replaced: _, owed: __, ...without } = whole;
    assertRoomForIntent(withRoomForReplaced(without));
    // Beside what is owed, an ID token and an access token give way: the refresh token brings new ones.
    const { record } = trimToLimit(whole);
    await writeRecord(parts, locked, record);
    return refresh_token === undefined ? record : noteLateMembers(parts, locked, record);
  };
  const leaves = ({ tokens }: StoredRecord) => isNewGrant && tokens?.refresh_token !== refresh_token;
  if (signedIn === undefined) {
    const changed = await withRecordHandedOn(parts, id, signal, leaves, store, { isNewGrant });
    return takeFromAside(parts, changed, signal);
  }
  const stored = await withRecord(
    parts,
    id,
    signal,
    async locked => store(leaves(locked.current) ? await owing(parts, locked) : locked),
    { isNewGrant },
  );
  if (stored.owed === undefined) return stored;
  await payOwed(parts, id, signal, signedIn.handingOn).catch(error => {
    signedIn.notHandedOn?.(classify(error));
  });
  return stored;
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
    const moved = withOwed(empty, current.owed ?? []);
    const record = { ...(isUnmoved(current) ? current : moved), ...credentials };
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
  const { version, connection, owed = [] } = record;
  const credentials = isSameClient(record.binding, binding) && clientCredentialsOf(record);
  return withOwed({ version, connection, ...credentials, generation, binding }, owed);
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
  const named = { ...today, ...(token_endpoint !== undefined && { token_endpoint }) };
  const moved = current.binding && bindingMismatch(current.binding, named);
  const keepsRefreshToken = raw.refresh_token === undefined && current.tokens?.refresh_token !== undefined;
  if (moved && keepsRefreshToken) throw new WorkbenchError('binding_mismatch', moved);
  const { intent: _, refused, client_secret: __, private_key: ___, dpop_key, family, ...rest } = current;
  const intent = unansweredIntent(current);
  // An earlier token of what is kept already is used up, so that stays instead.
  const kept = newestHeld(current);
  const replaced = replacesLive(kept, raw, now) ? replacedBy(kept) : undefined;
  return {
    ...rest,
    ...(isSameClient(current.binding, named) && clientCredentialsOf(current)),
    // A new refresh token is bound to another key, if it is bound at all.
    ...(keepsRefreshToken && dpop_key !== undefined && { dpop_key }),
    ...(keepsRefreshToken && family && { family }),
    // A new access token alone does not make a rejected refresh token valid again, and does not replace a lost answer.
    ...(keepsRefreshToken && refused && isRefused(current) && { refused: { ...refused, generation } }),
    ...(keepsRefreshToken && intent && { intent: { ...intent, generation } }),
    ...(replaced && { replaced }),
    generation,
    binding: moved ? today : named,
    tokens: imported(moved ? undefined : current.tokens, raw, now),
  };
}
