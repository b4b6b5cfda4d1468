import { WorkbenchError } from '../errors.ts';
import { longestRetryAfter } from '../http/http.ts';
import type { Lease, LedgerEntry } from '../ports.ts';
import { isRefused, type RefreshIntent, type StoredRecord, unansweredIntent } from './record.ts';

/** What all windows may know of a record. */
export function ledgerEntry(lease: Lease, record: StoredRecord): LedgerEntry {
  const { generation, tokens } = record;
  const token = tokens?.refresh_token;
  const refused = isRefused(record) ? record.refused : undefined;
  const at = refused?.answer_lost_at;
  const intent: Omit<RefreshIntent, 'generation'> | undefined = at === undefined ? unansweredIntent(record) : { at };
  return {
    generation,
    ...(token !== undefined && { fingerprint: lease.fingerprint(token) }),
    ...(intent && { intent: { at: intent.at, ...(intent.retried && { retried: true }) } }),
    ...(refused && { refused: { at: refused.at, error: refused.error.slice(0, 100) } }),
  };
}

/**
 * The issuer's wish for rest (`Retry-After`, RFC 9110 §10.2.3) binds all windows.
 * @param now milliseconds since the epoch
 * @throws WorkbenchError `http_error` with `retryAfter` in milliseconds
 */
export function assertMayAsk(entry: LedgerEntry | undefined, now: number, endpoint: string | undefined): void {
  const wait = (entry?.notBefore ?? now) - now;
  // Longer than any that is believed: this machine's clock was set back since.
  if (wait <= 0 || wait > longestRetryAfter) return;
  throw new WorkbenchError('http_error', {
    ...(endpoint !== undefined && { host: new URL(endpoint).host }),
    status: 429,
    retryAfter: wait,
    sent: false,
  });
}
