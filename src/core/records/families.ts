import { WorkbenchError } from '../errors.ts';
import type { Lease, LedgerEntry } from '../ports.ts';
import { sameData } from '../tokens/json.ts';
import { type LockedRecord, type RecordParts, readLocked, writeRecord } from './changeRecord.ts';
import type { Connection } from './connection.ts';
import {
  beforeImport,
  isRefused,
  type StoredRecord,
  sharedAlso,
  type TokenFamily,
  unansweredIntent,
} from './record.ts';
import type { Sessions } from './sessions.ts';
import { isSameClient } from './tokenSet.ts';

/*
 * Two connections may hold the same refresh token. If both use it, the issuer takes the second use for theft and
 * revokes both. So each refresh token belongs to a family, which is named by a fingerprint of its first token and
 * counts its rotations. A refresh takes the locks of all connections of the family, and adopts the tokens that another
 * connection has received.
 */

/** The other connections that, as far as this window knows, hold the same grant as `record`. */
export function connectionsSharingGrant({ connection, family }: StoredRecord): readonly string[] {
  return (family?.with ?? []).filter(id => id !== connection);
}

/** The family of an imported refresh token, from the ledgers of the other connections. `known`: what is noted already. */
export async function familyOf(
  { sessions, lock }: Pick<RecordParts, 'sessions' | 'lock'>,
  { id, lease }: Pick<LockedRecord, 'id' | 'lease'>,
  token: string,
  known?: TokenFamily,
): Promise<TokenFamily | undefined> {
  if (!lease.shared) return undefined;
  const print = lease.fingerprint(token);
  const notes = await notesOf(others(sessions, id), lock);
  const holds = notes.find(({ ledger }) => ledger?.fingerprint === print)?.ledger;
  const { id: name, turn } = holds?.family ?? known ?? { id: print, turn: 0 };
  const members = notes.filter(({ ledger }) => belongs(ledger, name, print)).map(({ other }) => other);
  const all = [...new Set([...(known?.with ?? []), ...members])];
  return { id: name, turn, ...(all.length > 0 && { with: all }) };
}

/**
 * The connections that share the record's token and whose locks are not held yet. Found only under the lock: this
 * window learns late what another one has imported, and the ledger names everyone who has sent a token of the family.
 */
export function unlockedMembers(
  sessions: Sessions,
  { current }: LockedRecord,
  otherLeases: ReadonlyMap<string, Lease>,
  endpoint: string | undefined,
): readonly string[] {
  if (current.tokens?.refresh_token === undefined) return [];
  return connectionsSharingGrant(current).filter(
    other => !otherLeases.has(other) && !isElsewhere(sessions.get(other)?.record, endpoint),
  );
}

/**
 * Notes connections that imported the token of `record` at the same moment, after the record was stored: by then, at
 * least one of two sees the other. @throws WorkbenchError as `writeRecord`
 */
export async function noteLateMembers(
  parts: RecordParts,
  locked: LockedRecord,
  record: StoredRecord,
): Promise<StoredRecord> {
  const token = record.tokens?.refresh_token;
  const family = token === undefined ? undefined : await familyOf(parts, locked, token, record.family);
  if (family?.with === undefined || sameData(family, record.family)) return record;
  const noted = { ...record, family };
  await writeRecord(parts, locked, noted);
  return noted;
}

interface NoteOfOther {
  readonly other: string;
  readonly ledger: LedgerEntry | undefined;
}

function notesOf(ids: readonly string[], lock: RecordParts['lock']): Promise<readonly NoteOfOther[]> {
  return Promise.all(ids.map(async other => ({ other, ledger: (await lock.peek(other)).ledger })));
}

function belongs(ledger: LedgerEntry | undefined, family: string, fingerprint: string): boolean {
  return ledger?.family?.id === family || ledger?.fingerprint === fingerprint;
}

/** Starts a family for a record that has none, for example because an earlier version stored it. */
export function withFamily(record: StoredRecord, lease: Lease): StoredRecord {
  const token = record.tokens?.refresh_token;
  if (!lease.shared || token === undefined || record.family) return record;
  return { ...record, family: { id: lease.fingerprint(token), turn: 0 } };
}

/**
 * The connections whose locks a refresh of `id` needs as well. @param endpoint where its refresh token would be sent
 * now
 */
export function connectionsSharingToken(
  sessions: Sessions,
  id: string,
  endpoint: string | undefined,
): readonly string[] {
  const { record, memoryOnly } = sessions.get(id) ?? {};
  const token = record?.tokens?.refresh_token;
  if (record === undefined || token === undefined || memoryOnly) return [];
  const noted = connectionsSharingGrant(record);
  return others(sessions, id).filter(other => {
    const theirs = sessions.get(other)?.record;
    if (isElsewhere(theirs, endpoint)) return false;
    const isSame = theirs?.family !== undefined && theirs.family.id === record.family?.id;
    return isSame || noted.includes(other) || theirs?.tokens?.refresh_token === token;
  });
}

/** For records without an issuer, the token endpoint tells which issuer the token belongs to. */
function isElsewhere(theirs: StoredRecord | undefined, endpoint: string | undefined): boolean {
  const { issuer, token_endpoint } = theirs?.binding ?? {};
  return issuer === undefined && token_endpoint !== undefined && endpoint !== undefined && token_endpoint !== endpoint;
}

/**
 * Brings the record up to date with the other connections of its family, under all their locks: takes the tokens if
 * another one has rotated them, notes missing answers and rejections, and notes in their ledgers that this connection
 * shares their token, because a window that has not heard of it would send a token that is used up here.
 * @throws WorkbenchError `refresh_token_shared` if another connection has used the token and its new tokens cannot be
 * used here; as `writeRecord`; and as `Lease.mark`
 */
export async function syncWithFamily(
  parts: RecordParts,
  locked: LockedRecord,
  otherLeases: ReadonlyMap<string, Lease>,
  signal: AbortSignal,
): Promise<StoredRecord> {
  let record = locked.current;
  const parted: string[] = [];
  for (const [other, lease] of otherLeases) {
    const { current, ledger } = await readLocked(parts, { id: other, lease, signal }).catch(error => {
      if (signal.aborted) throw error;
      // Whether the other connection has used the token is unknown.
      throw new WorkbenchError('refresh_token_shared', { other, sent: false });
    });
    const ours = withFamily(record, lease);
    // An import has put other tokens in the place of those of the family, which that connection may have used.
    const theirs = [current, beforeImport(current) ?? current]
      .map(each => withFamily(each, lease))
      .find(({ tokens, family }) => tokens?.refresh_token !== undefined && family?.id === ours.family?.id);
    const { family } = theirs ?? {};
    if (theirs?.tokens === undefined || family === undefined || ours.family === undefined) {
      parted.push(other);
      continue;
    }
    if (family.turn > ours.family.turn) record = adopted(ours, theirs, other, locked.nextGeneration);
    else if (theirs.tokens.refresh_token === ours.tokens?.refresh_token) record = withNotesOf(ours, theirs);
    record = sharedAlso(record, { ...family, with: [other] });
    const isNoted = ledger?.family?.with?.includes(locked.id) || theirs.tokens !== current.tokens;
    if (!lease.shared || ledger === undefined || isNoted) continue;
    await lease.mark({ ...ledger, family: { ...family, with: [...(family.with ?? []), locked.id] } }, 0);
  }
  if (record.family?.with?.some(other => parted.includes(other)))
    record = { ...record, family: { ...record.family, with: record.family.with.filter(id => !parted.includes(id)) } };
  if (record.generation > locked.current.generation) await writeRecord(parts, locked, record);
  return record;
}

function adopted(ours: StoredRecord, theirs: StoredRecord, other: string, generation: number): StoredRecord {
  const { tokens, binding } = theirs;
  const fits = ours.binding !== undefined && isSameClient(binding, ours.binding);
  if (!fits || tokens === undefined || binding === undefined || ours.family === undefined) {
    throw new WorkbenchError('refresh_token_shared', { other, sent: false });
  }
  const { intent: _, refused: __, dpop_key: ___, ...rest } = ours;
  const record = {
    ...rest,
    generation,
    binding,
    tokens,
    family: { ...ours.family, turn: theirs.family?.turn ?? 0 },
    ...(theirs.dpop_key !== undefined && { dpop_key: theirs.dpop_key }),
  };
  return withNotesOf(record, theirs);
}

/** Copies the notes about a missing answer or a rejection of the same refresh token. */
function withNotesOf(ours: StoredRecord, theirs: StoredRecord): StoredRecord {
  const { generation } = ours;
  const intent = unansweredIntent(theirs);
  const known = unansweredIntent(ours);
  const isNews = intent && (known === undefined || (intent.retried && !known.retried));
  return {
    ...ours,
    ...(isNews && { intent: { ...intent, generation } }),
    ...(theirs.refused && isRefused(theirs) && { refused: { ...theirs.refused, generation } }),
  };
}

function others(sessions: Sessions, id: string): string[] {
  const own = sessions.connection(id);
  return sessions
    .list()
    .filter(({ connection, memoryOnly }) => connection.id !== id && !memoryOnly && haveOneIssuer(connection, own))
    .map(({ connection }) => connection.id);
}

/**
 * True if both connections have the same issuer: equal refresh tokens of two issuers are different tokens. If the
 * settings do not tell, the URLs decide.
 */
function haveOneIssuer(one: Connection, other: Connection | undefined): boolean {
  if (other === undefined) return true;
  const { issuer, tokenEndpoint } = one;
  if (tokenEndpoint !== undefined && tokenEndpoint === other.tokenEndpoint) return true;
  if (issuer !== undefined && other.issuer !== undefined) return issuer === other.issuer;
  if (issuer === undefined && other.issuer === undefined) return false;
  // One has an issuer, the other only a token endpoint. They match if the endpoint is on the issuer's origin and below
  // the first segment of the issuer's path.
  const [named, asked] = issuer === undefined ? [other.issuer, tokenEndpoint] : [issuer, other.tokenEndpoint];
  const [name, address] = [new URL(named ?? 'urn:none'), new URL(asked ?? 'urn:none')];
  const [, first = ''] = name.pathname.split('/');
  return name.origin === address.origin && (first === '' || address.pathname.startsWith(`/${first}/`));
}
