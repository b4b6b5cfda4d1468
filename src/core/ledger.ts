import { WorkbenchError } from './errors.ts';
import type { Lease, LedgerEntry } from './ports.ts';
import type { StoredRecord } from './record.ts';
import { longestRetryAfter } from './responseMeta.ts';

/** What all windows may know of a record. */
export function ledgerEntry(lease: Lease, { generation, tokens }: StoredRecord): LedgerEntry {
  const token = tokens?.refresh_token;
  return { generation, ...(token !== undefined && { fingerprint: lease.fingerprint(token) }) };
}

/**
 * The issuer's wish for rest (`Retry-After`, RFC 9110 §10.2.3) binds all windows.
 * @param now milliseconds since the epoch
 * @throws WorkbenchError `http_error` with `retryAfter` in milliseconds
 */
export function assertMayAsk(
  entry: LedgerEntry | undefined,
  now: number,
  endpoint: string | undefined,
): void {
  const wait = (entry?.notBefore ?? now) - now;
  // Longer than any that is believed: this machine's clock was set back since.
  if (wait <= 0 || wait > longestRetryAfter) return;
  throw new WorkbenchError('http_error', {
    ...(endpoint !== undefined && { host: new URL(endpoint).host }),
    ...{ status: 429, retryAfter: wait, sent: false },
  });
}
