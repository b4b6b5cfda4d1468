import { WorkbenchError } from '../errors.ts';
import type { Lease } from '../ports.ts';
import { type LockedRecord, type RecordParts, readLocked, writeRecord } from './changeRecord.ts';
import type { Connection } from './connection.ts';
import { isRefused, type StoredRecord, type TokenFamily, unansweredIntent } from './record.ts';
import type { Sessions } from './sessions.ts';
import { isSameClient } from './tokenSet.ts';

/*
 * One refresh token in two connections: where one uses it up, an issuer takes the other's use for a theft and revokes
 * both. They are known by the family of the token, which is named by a fingerprint of its first member and counts its
 * rotations. A connection that shares a family takes the locks of all of it, and adopts what another has brought.
 */

/** The connections that hold the same grant as `record`, as far as it is known here. */
export function sharedWith({ connection, family }: StoredRecord): readonly string[] {
  return (family?.with ?? []).filter(id => id !== connection);
}

/** The family that a refresh token from outside belongs to, by what all windows have noted of the other connections. */
export async function familyOf(
  { sessions, lock }: Pick<RecordParts, 'sessions' | 'lock'>,
  { id, lease }: Pick<LockedRecord, 'id' | 'lease'>,
  token: string,
): Promise<TokenFamily | undefined> {
  if (!lease.shared) return undefined;
  const print = lease.fingerprint(token);
  const notes = await Promise.all(
    others(sessions, id).map(async other => ({ other, ledger: (await lock.peek(other)).ledger })),
  );
  const holds = notes.find(({ ledger }) => ledger?.fingerprint === print)?.ledger;
  const { id: name, turn } = holds?.family ?? { id: print, turn: 0 };
  const kin = notes.filter(({ ledger }) => ledger?.family?.id === name || ledger?.fingerprint === print);
  return { id: name, turn, ...(kin.length > 0 && { with: kin.map(({ other }) => other) }) };
}

/** Before a record is sent for the first time under this version. */
export function withFamily(record: StoredRecord, lease: Lease): StoredRecord {
  const token = record.tokens?.refresh_token;
  if (!lease.shared || token === undefined || record.family) return record;
  return { ...record, family: { id: lease.fingerprint(token), turn: 0 } };
}

/** Whose locks a refresh of `id` needs beside its own. @param endpoint where its refresh token would be sent now */
export function kinOf(sessions: Sessions, id: string, endpoint: string | undefined): readonly string[] {
  const { record, memoryOnly } = sessions.get(id) ?? {};
  const token = record?.tokens?.refresh_token;
  if (record === undefined || token === undefined || memoryOnly) return [];
  const noted = sharedWith(record);
  return others(sessions, id).filter(other => {
    const { family, tokens, binding } = sessions.get(other)?.record ?? {};
    // Where the settings left it open: of a token without an issuer the endpoint tells whose it is.
    const theirs = binding?.issuer === undefined ? binding?.token_endpoint : undefined;
    if (theirs !== undefined && endpoint !== undefined && theirs !== endpoint) return false;
    const isSame = family !== undefined && family.id === record.family?.id;
    return isSame || noted.includes(other) || tokens?.refresh_token === token;
  });
}

/**
 * The record after a look at its kin, under all their locks: with the tokens of the one that has rotated the token since,
 * and with what is missing or refused for all of them.
 * @throws WorkbenchError `refresh_token_shared` where another connection has used the token and this one cannot go on
 * with what that has brought; and as `writeRecord`
 */
export async function caughtUp(
  parts: RecordParts,
  locked: LockedRecord,
  kin: ReadonlyMap<string, Lease>,
  signal: AbortSignal,
): Promise<StoredRecord> {
  let record = locked.current;
  for (const [other, lease] of kin) {
    const { current } = await readLocked(parts, { id: other, lease, signal }).catch(error => {
      if (signal.aborted) throw error;
      // What it may have done with the token cannot be told.
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

/** Of the same refresh token. */
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

/** A text that two issuers give for a refresh token is two tokens. Where the settings leave it open, the address decides. */
function haveOneIssuer(one: Connection, other: Connection | undefined): boolean {
  if (other === undefined) return true;
  const { issuer, tokenEndpoint } = one;
  if (tokenEndpoint !== undefined && tokenEndpoint === other.tokenEndpoint) return true;
  if (issuer !== undefined && other.issuer !== undefined) return issuer === other.issuer;
  if (issuer === undefined && other.issuer === undefined) return false;
  // One is known by its name, the other by its token endpoint, which is at most below the first step of that name's path.
  const [named, asked] = issuer === undefined ? [other.issuer, tokenEndpoint] : [issuer, other.tokenEndpoint];
  const [name, address] = [new URL(named ?? 'urn:none'), new URL(asked ?? 'urn:none')];
  const [, first = ''] = name.pathname.split('/');
  return name.origin === address.origin && (first === '' || address.pathname.startsWith(`/${first}/`));
}
