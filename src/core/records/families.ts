import { WorkbenchError } from '../errors.ts';
import type { Lease, LedgerEntry } from '../ports.ts';
import { type LockedRecord, type RecordParts, readLocked, writeRecord } from './changeRecord.ts';
import type { Connection } from './connection.ts';
import { isRefused, type StoredRecord, type TokenFamily, unansweredIntent } from './record.ts';
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

/** The family of an imported refresh token, from the ledgers of the other connections. */
export async function familyOf(
  { sessions, lock }: Pick<RecordParts, 'sessions' | 'lock'>,
  { id, lease }: Pick<LockedRecord, 'id' | 'lease'>,
  token: string,
): Promise<TokenFamily | undefined> {
  if (!lease.shared) return undefined;
  const print = lease.fingerprint(token);
  const notes = await notesOf(others(sessions, id), lock);
  const holds = notes.find(({ ledger }) => ledger?.fingerprint === print)?.ledger;
  const { id: name, turn } = holds?.family ?? { id: print, turn: 0 };
  const members = notes.filter(({ ledger }) => belongs(ledger, name, print));
  return { id: name, turn, ...(members.length > 0 && { with: members.map(({ other }) => other) }) };
}

/**
 * Of more connections than this, a refresh reads only the ledgers of those whose tokens this window does not know: with
 * hundreds, reading all of them took longer than the refresh.
 */
const mostRead = 20;

/**
 * The connections of the record's family whose locks are not held yet. This window learns late what another one has
 * imported, so `connectionsSharingToken` may have missed them; their ledgers are there when an import has ended.
 */
export async function unlockedMembers(
  { sessions, lock }: Pick<RecordParts, 'sessions' | 'lock'>,
  { id, lease, current }: LockedRecord,
  otherLeases: ReadonlyMap<string, Lease>,
): Promise<readonly string[]> {
  const token = current.tokens?.refresh_token;
  if (!lease.shared || token === undefined) return [];
  const print = lease.fingerprint(token);
  const name = current.family?.id ?? print;
  const unlocked = others(sessions, id).filter(other => !otherLeases.has(other));
  const unknown = unlocked.filter(other => sessions.get(other)?.record === undefined);
  const notes = await notesOf(unlocked.length > mostRead ? unknown : unlocked, lock);
  const isNews = ({ other, ledger }: NoteOfOther) =>
    (sessions.get(other)?.record?.generation ?? -1) < (ledger?.generation ?? 0);
  return notes.filter(note => belongs(note.ledger, name, print) && isNews(note)).map(({ other }) => other);
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
    const { family, tokens, binding } = sessions.get(other)?.record ?? {};
    // For records without an issuer, the token endpoint tells which issuer the token belongs to.
    const theirs = binding?.issuer === undefined ? binding?.token_endpoint : undefined;
    if (theirs !== undefined && endpoint !== undefined && theirs !== endpoint) return false;
    const isSame = family !== undefined && family.id === record.family?.id;
    return isSame || noted.includes(other) || tokens?.refresh_token === token;
  });
}

/**
 * Brings the record up to date with the other connections of its family, under all their locks: takes the tokens if
 * another one has rotated them, and notes missing answers and rejections.
 * @throws WorkbenchError `refresh_token_shared` if another connection has used the token and its new tokens cannot be
 * used here; and as `writeRecord`
 */
export async function syncWithFamily(
  parts: RecordParts,
  locked: LockedRecord,
  otherLeases: ReadonlyMap<string, Lease>,
  signal: AbortSignal,
): Promise<StoredRecord> {
  let record = locked.current;
  for (const [other, lease] of otherLeases) {
    const { current } = await readLocked(parts, { id: other, lease, signal }).catch(error => {
      if (signal.aborted) throw error;
      // Whether the other connection has used the token is unknown.
      throw new WorkbenchError('refresh_token_shared', { other, sent: false });
    });
    const theirs = withFamily(current, lease);
    const ours = withFamily(record, lease);
    if (theirs.tokens?.refresh_token === undefined || theirs.family?.id !== ours.family?.id) continue;
    const [turn, known] = [theirs.family?.turn ?? 0, ours.family?.turn ?? 0];
    if (turn > known) record = adopted(ours, theirs, other, locked.nextGeneration);
    else if (theirs.tokens.refresh_token === ours.tokens?.refresh_token) record = withNotesOf(ours, theirs);
  }
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
