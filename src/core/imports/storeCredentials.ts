import { WorkbenchError } from '../errors.ts';
import { bindingOf, type Connection } from '../records/connection.ts';
import type { ClientCredentials } from '../records/credentials.ts';
import { lookAround, newestRecord, writeRecord } from '../records/newestRecord.ts';
import { assertRoom, emptied, type StoredRecord } from '../records/record.ts';
import { bindingMismatch } from '../records/tokenSet.ts';
import type { ImportParts } from './importTokens.ts';

/**
 * Replaces what the client proves itself with, whatever else is stored: tokens stay, and so does their generation.
 * Where the settings have moved to another issuer or client since, the tokens of the old one go: with credentials of
 * another they could only be lost, and the new credentials must not be taken for the old ones.
 * @throws WorkbenchError `record_unreadable`, `record_newer_version`, `record_too_large`, `record_behind`,
 * `secret_unavailable`, `lock_timeout`, `lock_lost`, `cancelled`
 */
export function storeCredentials(
  parts: ImportParts,
  connection: Connection,
  credentials: ClientCredentials,
  signal: AbortSignal,
): Promise<StoredRecord> {
  const { id } = connection;
  return parts.lock.withLock(id, signal, async lease => {
    const sight = await lookAround(parts, id, lease, signal);
    await parts.handover.ready(lease);
    const record = { ...atHome(await newestRecord(parts, sight), connection), ...credentials };
    if (lease.lost) throw new WorkbenchError('lock_lost', { connection: id, sent: false });
    assertRoom(record);
    // Where somebody has signed out there is nothing that could get lost, and nothing may be handed on.
    if (record.generation > (sight.ledger?.generation ?? 0) || record.tokens !== undefined) {
      return writeRecord(parts, lease, record);
    }
    const stored = await parts.vault.update(id, now =>
      now !== undefined && now.generation > record.generation ? now : record,
    );
    parts.sessions.apply(stored);
    return stored;
  });
}

function atHome(record: StoredRecord, connection: Connection): StoredRecord {
  const { binding, generation } = record;
  const token_endpoint = connection.tokenEndpoint ?? binding?.token_endpoint;
  const moved = binding && bindingMismatch(binding, bindingOf(connection, token_endpoint));
  if (!moved || moved.member === 'token_endpoint') return record;
  const { client_secret: _, private_key: __, ...empty } = emptied(record, generation + 1);
  return empty;
}
