import { WorkbenchError } from '../errors.ts';
import type { HandedOver, Lease, LedgerEntry } from '../ports.ts';
import { sameData } from '../tokens/json.ts';
import { meansSameIssuer } from '../tokens/tokenUse.ts';
import {
  type LockedRecord,
  type LockOptions,
  ledgerEntry,
  type RecordParts,
  readLocked,
  withRecord,
  writeRecord,
} from './changeRecord.ts';
import type { Connection } from './connection.ts';
import { readableRecord } from './journalKeys.ts';
import {
  beforeImport,
  isRefused,
  newest,
  type Owed,
  printsOf,
  type Replaced,
  recordOwed,
  replacedBy,
  type StoredRecord,
  sharedAlso,
  type TokenFamily,
  turnOfPrint,
  unansweredIntent,
  withPrints,
} from './record.ts';
import type { Sessions } from './sessions.ts';
import { isSameClient, type TokenBinding } from './tokenSet.ts';

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

/**
 * The family of a refresh token with this fingerprint, from the record and the ledgers of the other connections. It is
 * also recognised if it was rotated since. `known`: what is noted already.
 */
export async function familyOf(
  parts: Pick<RecordParts, 'sessions' | 'lock' | 'handover'>,
  locked: LockedRecord,
  print: string,
  known?: TokenFamily,
): Promise<TokenFamily | undefined> {
  const { id, lease } = locked;
  if (!lease.shared) return undefined;
  const notes = await notesOf(others(parts.sessions, id), parts.lock);
  const theirs = (await Promise.all(notes.map(note => heldElsewhere(parts, note, lease)))).flat();
  const holds = theirs.find(({ fingerprint }) => fingerprint === print)?.family;
  const family = holds ?? known ?? knownAmong([...heldBy(locked), ...theirs], print) ?? { id: print, turn: 0 };
  // A member's ledger may name a connection that has another grant by now: that one may still owe it the newest token.
  const members = notes
    .filter(note => belongs(note, family.id, print))
    .flatMap(({ other, ledger }) => [other, ...((ledger?.family?.id === family.id && ledger.family.with) || [])]);
  const { with: _, ...named } = family;
  const all = [...new Set([...(known?.with ?? []), ...members])].filter(other => other !== id);
  return { ...named, ...(all.length > 0 && { with: all }) };
}

type Held = Pick<LedgerEntry, 'fingerprint' | 'family'>;

/** The tokens that the record itself holds: those in use, and those that are kept beside. */
function heldBy({ current, ledger, lease }: LockedRecord): readonly Held[] {
  const aside = (current.owed ?? []).map(owed => recordOwed(current.connection, owed));
  const records = [current, beforeImport(current) ?? current, ...aside];
  return [...records.map(each => heldAs(each, lease)), ...heldIn(ledger)];
}

/** The tokens of another connection. Where its ledger is late, this window or the journal may know more. */
async function heldElsewhere(
  { sessions, handover }: Pick<RecordParts, 'sessions' | 'handover'>,
  { other, ledger, handedOver, isBehind }: NoteOfOther,
  lease: Lease,
): Promise<readonly Held[]> {
  const { generation = 0 } = ledger ?? {};
  const seen = sessions.get(other)?.record;
  const left = isBehind ? readableRecord(other, await handover.take(handedOver, other, generation)) : undefined;
  const newer = [left, seen].flatMap(record => (record && record.generation > generation ? heldAs(record, lease) : []));
  return [...heldIn(ledger), ...newer];
}

function heldAs(record: StoredRecord, lease: Lease): Held {
  const { tokens, family } = withFamily(record, lease);
  const token = tokens?.refresh_token;
  return { ...(family && { family }), ...(token !== undefined && { fingerprint: lease.fingerprint(token) }) };
}

function heldIn(ledger: LedgerEntry | undefined): readonly Held[] {
  return ledger ? [ledger, ...(ledger.aside ?? []).map(family => ({ family }))] : [];
}

/** The family that knows this fingerprint, with the turn of that token. */
function knownAmong(held: readonly Held[], print: string): TokenFamily | undefined {
  for (const { fingerprint, family } of held) {
    if (family === undefined) continue;
    const all = withPrints(family, fingerprint && printsOf(family.turn, fingerprint));
    const turn = fingerprint === print ? family.turn : turnOfPrint(family, print);
    if (turn !== undefined) return { ...all, turn };
    if (family.id === print) return { ...all, turn: 0 };
  }
  return undefined;
}

/**
 * As `withRecord`, with the locks of the connections that `alsoNeeded` names as well. Which ones are needed is known for
 * sure only under the lock of `id`, so the locks are taken anew until none is missing.
 * @throws WorkbenchError as `withRecord`
 */
export function withRecords<T>(
  parts: RecordParts,
  id: string,
  signal: AbortSignal,
  alsoNeeded: (locked: LockedRecord) => readonly string[] | Promise<readonly string[]>,
  work: (locked: LockedRecord, otherLeases: ReadonlyMap<string, Lease>) => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const under = async (alsoLocked: readonly string[]): Promise<T> => {
    const attempt = async (locked: LockedRecord, otherLeases: ReadonlyMap<string, Lease>) => {
      const missing = (await alsoNeeded(locked)).filter(other => !otherLeases.has(other));
      return missing.length > 0 ? { missing } : { result: await work(locked, otherLeases) };
    };
    const ended = await withRecord(parts, id, signal, attempt, { ...options, alsoLocked });
    return 'result' in ended ? ended.result : under([...alsoLocked, ...ended.missing]);
  };
  return under(options.alsoLocked ?? []);
}

/**
 * False if no other connection holds a token of the family, as far as this window and the ledgers know, and none may be
 * owed one. Needs no lock.
 */
export async function mayBeShared(
  { sessions, lock, vault }: Pick<RecordParts, 'sessions' | 'lock' | 'vault'>,
  id: string,
): Promise<boolean> {
  if (sessions.get(id)?.memoryOnly) return false;
  if (connectionsSharingToken(sessions, id, undefined).length > 0) return true;
  // Not reported here: if it may be shared, the caller reads the record again under its lock.
  const unreadable = () => 'unreadable' as const;
  const stored = await vault.read(id).catch(unreadable);
  const known = newest(stored === 'unreadable' ? undefined : stored, sessions.get(id)?.record);
  if (known?.owed) return true;
  const { ledger, handedOver } = await lock.peek(id);
  const { fingerprint, family } = ledger ?? {};
  if (family?.with?.some(other => other !== id)) return true;
  const noted = ledger?.signedOutAt === undefined ? (ledger?.generation ?? 0) : 0;
  const isUnknown = known === undefined ? stored === 'unreadable' || noted > 0 : known.generation < noted;
  const isNewer = (handedOver?.generation ?? 0) > Math.max(known?.generation ?? 0, ledger?.generation ?? 0);
  const mayOwe = isUnknown || isNewer;
  if (fingerprint === undefined && !mayOwe) return false;
  const notes = await notesOf(others(sessions, id), lock);
  return notes.some(note => {
    const isMember = fingerprint !== undefined && belongs(note, family?.id ?? fingerprint, fingerprint);
    return isMember || (mayOwe && mayBeOwed(note, id, family));
  });
}

/** True if the other connection's ledger names `id` as a member of a family that is not `own`: it may owe `id` a token. */
function mayBeOwed({ ledger }: NoteOfOther, id: string, own: TokenFamily | undefined): boolean {
  return ledger?.family?.with?.includes(id) === true && ledger.family.id !== own?.id;
}

/**
 * The connections that share a token with `id` and, by their ledgers, may not have its newest one. For a record that
 * cannot be read. Needs no lock.
 */
export async function connectionsBehind(
  { sessions, lock }: Pick<RecordParts, 'sessions' | 'lock'>,
  id: string,
): Promise<readonly string[]> {
  const own = (await lock.peek(id)).ledger?.family;
  const owed = (sessions.get(id)?.record?.owed ?? []).flatMap(({ family }) => family.with ?? []);
  const notes = await notesOf(others(sessions, id), lock);
  return notes
    .filter(note => isAhead(own, note.ledger?.family) || mayBeOwed(note, id, own) || owed.includes(note.other))
    .map(({ other }) => other);
}

/**
 * The connections that share the record's token. Found only under the lock: this window learns late what another one
 * has imported, and the ledger names everyone who has sent a token of the family.
 */
export function membersOf(
  sessions: Sessions,
  { current }: LockedRecord,
  endpoint: string | undefined,
): readonly string[] {
  if (current.tokens?.refresh_token === undefined) return [];
  return connectionsSharingGrant(current).filter(other => !isElsewhere(sessions.get(other)?.record, endpoint));
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
  const family =
    token === undefined ? undefined : await familyOf(parts, locked, locked.lease.fingerprint(token), record.family);
  if (family?.with === undefined || sameData(family, record.family)) return record;
  const noted = { ...record, family };
  await writeRecord(parts, locked, noted);
  return noted;
}

interface NoteOfOther {
  readonly other: string;
  readonly ledger: LedgerEntry | undefined;
  readonly handedOver: HandedOver | undefined;
  /** The journal is newer: its writer is at work, or was killed. What it holds is found out under the lock. */
  readonly isBehind: boolean;
}

function notesOf(ids: readonly string[], lock: RecordParts['lock']): Promise<readonly NoteOfOther[]> {
  return Promise.all(
    ids.map(async other => {
      const { ledger, handedOver } = await lock.peek(other);
      return { other, ledger, handedOver, isBehind: (handedOver?.generation ?? 0) > (ledger?.generation ?? 0) };
    }),
  );
}

/** The connections that have put aside a later token of the record's family. They may give it up without asking others. */
export async function puttingAside(
  { sessions, lock }: Pick<RecordParts, 'sessions' | 'lock'>,
  { connection, family }: StoredRecord,
): Promise<readonly string[]> {
  if (family?.with === undefined) return [];
  const notes = await notesOf(others(sessions, connection), lock);
  return notes.filter(({ ledger }) => ledger?.aside?.some(each => isAhead(each, family))).map(({ other }) => other);
}

function belongs({ ledger, isBehind }: NoteOfOther, family: string, fingerprint: string): boolean {
  const isAside = ledger?.aside?.some(({ id }) => id === family);
  return isBehind || isAside || ledger?.family?.id === family || ledger?.fingerprint === fingerprint;
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
  const owedHere = await Promise.all((record.owed ?? []).map(each => openOwed(parts, locked.id, each)));
  for (const kept of [beforeImport(record) ?? record, ...owedHere]) {
    if (!isAhead(kept.family, record.family)) continue;
    // An earlier token of a grant that is kept here has come back, by an undo or an import of its old text.
    if (kept.tokens === undefined) {
      const { connection, generation } = record;
      const data = { connection, generation, newest: kept.generation, unopened: true, sent: false };
      throw new WorkbenchError('record_behind', data);
    }
    record = adopted(record, kept, locked.nextGeneration) ?? record;
  }
  const parted: string[] = [];
  for (const [other, lease] of otherLeases) {
    const { label: otherLabel } = parts.sessions.connection(other) ?? {};
    const mayBeUsed = () => new WorkbenchError('refresh_token_shared', { other, otherLabel, sent: false });
    const { current, ledger } = await readLocked(parts, { id: other, lease, signal }).catch(error => {
      if (signal.aborted) throw error;
      // Whether the other connection has used the token is unknown.
      throw mayBeUsed();
    });
    const ours = withFamily(record, lease);
    // Another grant has taken the place of the family's tokens, which that connection may have used.
    const owed = await Promise.all((current.owed ?? []).map(each => openOwed(parts, other, each)));
    const theirs = [current, beforeImport(current) ?? current, ...owed]
      .map(each => withFamily(each, lease))
      .filter(({ tokens, family }) => tokens?.refresh_token !== undefined && family?.id === ours.family?.id)
      .reduce<StoredRecord | undefined>((one, two) => (one && !isAhead(two.family, one.family) ? one : two), undefined);
    const { family } = theirs ?? {};
    const last = isAhead(family, ours.family) ? family : ours.family;
    if (owed.some(each => each.tokens === undefined && isAhead(each.family, last))) throw mayBeUsed();
    if (theirs?.tokens === undefined || family === undefined || ours.family === undefined) {
      parted.push(other);
      continue;
    }
    if (family.turn > ours.family.turn) {
      const newer = adopted(ours, theirs, locked.nextGeneration);
      if (newer === undefined) throw mayBeUsed();
      record = newer;
    } else if (theirs.tokens.refresh_token === ours.tokens?.refresh_token) record = withNotesOf(ours, theirs);
    record = sharedAlso(record, { ...family, with: [other] });
    const isNoted = ledger?.family?.with?.includes(locked.id) || theirs.tokens !== current.tokens;
    if (!lease.shared || isNoted) continue;
    // A window that was killed after it wrote the journal has left an earlier generation in the ledger, or a sign-out.
    const entry = ledger && ledger.generation >= current.generation ? ledger : ledgerEntry(lease, current);
    await lease.mark({ ...entry, family: { ...family, with: [...new Set([...(family.with ?? []), locked.id])] } }, 0);
  }
  if (record.family?.with?.some(other => parted.includes(other)))
    record = { ...record, family: { ...record.family, with: record.family.with.filter(id => !parted.includes(id)) } };
  if (record.generation > locked.current.generation) await writeRecord(parts, locked, record);
  return record;
}

/**
 * The record of a grant that is owed, or one without tokens if it cannot be read: its family tells how often the token
 * has been used.
 */
export async function openOwed({ handover }: RecordParts, id: string, owed: Owed): Promise<StoredRecord> {
  const { sealed, generation, family } = owed;
  const taken = sealed === undefined ? undefined : await handover.take({ generation, sealed }, id, 0);
  const opened = readableRecord(id, taken);
  return opened ? { ...opened, family: opened.family ?? family } : recordOwed(id, owed);
}

/** True if `theirs` is a later token of the same family. */
export function isAhead(theirs: TokenFamily | undefined, ours: TokenFamily | undefined): boolean {
  return theirs !== undefined && theirs.id === ours?.id && theirs.turn > ours.turn;
}

/** The record, or what an import has put aside in it if that is a later token of the same family. */
export function newestHeld(record: StoredRecord): StoredRecord {
  const before = beforeImport(record);
  return before && isAhead(before.family, record.family) ? before : record;
}

/** The record with the newer tokens of the same family, unless they belong to another client. */
function adopted(ours: StoredRecord, theirs: StoredRecord, generation: number): StoredRecord | undefined {
  const { tokens } = theirs;
  const binding = bindingFor(ours, theirs);
  if (tokens === undefined || binding === undefined || ours.family === undefined) return undefined;
  const { intent: _, refused: __, dpop_key: ___, ...rest } = ours;
  const record = {
    ...rest,
    generation,
    binding,
    tokens,
    family: { ...withPrints(ours.family, theirs.family?.earlier), turn: theirs.family?.turn ?? 0 },
    ...(theirs.dpop_key !== undefined && { dpop_key: theirs.dpop_key }),
  };
  return withNotesOf(record, theirs);
}

/** What the tokens of `theirs` are bound to in `ours`; `undefined` if they belong to another client. */
function bindingFor({ binding: own }: StoredRecord, { binding }: StoredRecord): TokenBinding | undefined {
  if (own === undefined || binding === undefined || isSameClient(binding, own)) return own && binding;
  // The settings of one of the two name the same issuer differently.
  const isRenamed = meansSameIssuer(binding.issuer ?? '', own.issuer ?? '') && binding.client_id === own.client_id;
  return isRenamed ? own : undefined;
}

/**
 * The record of a connection after another one of its family has given it what it holds: newer tokens, or notes about
 * the same token. Tokens that an import has put aside are renewed as well. `undefined` if there is nothing new.
 */
export function receivedFrom(
  given: StoredRecord,
  { current, lease, nextGeneration }: LockedRecord,
): StoredRecord | undefined {
  const renewed = renewedBy(given, withFamily(current, lease), nextGeneration);
  const before = beforeImport(current);
  const kept = before && renewedBy(given, withFamily(before, lease), nextGeneration);
  if (kept === undefined) return renewed;
  const record = renewed ?? withNotesOf({ ...current, generation: nextGeneration }, current);
  return { ...record, replaced: { ...current.replaced, ...(replacedBy(kept) as Replaced) } };
}

function renewedBy(given: StoredRecord, ours: StoredRecord, generation: number): StoredRecord | undefined {
  if (given.family === undefined || given.family.id !== ours.family?.id) return undefined;
  if (isAhead(given.family, ours.family)) return adopted(ours, given, generation);
  if (given.tokens?.refresh_token !== ours.tokens?.refresh_token) return undefined;
  const noted = withNotesOf(ours, given);
  return sameData(noted, ours) ? undefined : withNotesOf({ ...ours, generation }, noted);
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
  if (issuer !== undefined && other.issuer !== undefined) return meansSameIssuer(issuer, other.issuer);
  if (issuer === undefined && other.issuer === undefined) return false;
  // One has an issuer, the other only a token endpoint. They match if the endpoint is on the issuer's origin and below
  // the first segment of the issuer's path.
  const [named, asked] = issuer === undefined ? [other.issuer, tokenEndpoint] : [issuer, other.tokenEndpoint];
  const [name, address] = [new URL(named ?? 'urn:none'), new URL(asked ?? 'urn:none')];
  const [, first = ''] = name.pathname.split('/');
  return name.origin === address.origin && (first === '' || address.pathname.startsWith(`/${first}/`));
}
