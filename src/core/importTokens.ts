import { bindingOf, type Connection } from './connection.ts';
import { WorkbenchError } from './errors.ts';
import type { CrossWindowLock } from './ports.ts';
import { emptyRecord, type StoredRecord } from './record.ts';
import { fingerprint } from './redact.ts';
import type { Sessions } from './sessions.ts';
import { bindingMismatch, imported, type RawTokens } from './tokenSet.ts';
import type { Vault } from './vault.ts';

export interface ImportParts {
  readonly vault: Vault;
  readonly lock: CrossWindowLock;
  readonly sessions: Sessions;
}

/**
 * Stores tokens that did not come from a refresh of ours, as a new generation bound to the connection of today.
 * A refresh token that is held stays unless another one is brought; for one that was issued elsewhere that is an
 * error, because the two would end up in one record.
 * @param now milliseconds since the epoch
 * @throws WorkbenchError `binding_mismatch`, `record_unreadable`, `record_too_large`, `secret_unavailable`, `lock_timeout`
 */
export function storeTokens(
  { vault, lock, sessions }: ImportParts,
  connection: Connection,
  raw: RawTokens,
  now: number,
  signal: AbortSignal,
): Promise<StoredRecord> {
  const binding = bindingOf(connection);
  return lock.withLock(connection.id, signal, async lease => {
    const stored = await vault.update(
      connection.id,
      (current = sessions.get(connection.id)?.record ?? emptyRecord(connection.id)) => {
        const moved =
          current.binding &&
          bindingMismatch(current.binding, { ...binding, ...keptEndpoint(current, binding) });
        if (moved && raw.refresh_token === undefined && current.tokens?.refresh_token !== undefined) {
          throw new WorkbenchError('binding_mismatch', moved);
        }
        const { intent: _, refused, ...rest } = current;
        const tokens = imported(moved ? undefined : current.tokens, raw, now);
        const generation = current.generation + 1;
        // An access token alone does not bring a refused refresh token back to life.
        const stillRefused =
          refused && raw.refresh_token === undefined ? { refused: { ...refused, generation } } : {};
        return {
          ...rest,
          ...stillRefused,
          generation,
          binding: { ...binding, ...(!moved && keptEndpoint(current, binding)) },
          tokens,
        };
      },
    );
    const token = stored.tokens?.refresh_token;
    await lease.writeLedger({
      generation: stored.generation,
      ...(token && { fingerprint: await fingerprint(token) }),
    });
    sessions.apply(stored);
    return stored;
  });
}

/** What discovery once found stays part of the binding where the settings name no endpoint. */
function keptEndpoint(current: StoredRecord, { token_endpoint }: { readonly token_endpoint?: string }) {
  const kept = token_endpoint ?? current.binding?.token_endpoint;
  return kept === undefined ? {} : { token_endpoint: kept };
}
