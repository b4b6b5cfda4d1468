import { WorkbenchError } from './errors.ts';
import type { LedgerEntry } from './ports.ts';
import type { StoredRecord } from './record.ts';
import { fingerprint } from './redact.ts';
import { longestRetryAfter } from './responseMeta.ts';

/**
 * What all windows may know of a record.
 * @param before the entry that it follows; the fingerprint in it is taken over where the refresh token is the same
 */
export async function ledgerEntry(
  { generation, tokens }: StoredRecord,
  before?: {
    readonly entry: LedgerEntry | undefined;
    readonly generation: number;
    readonly refreshToken: string;
  },
): Promise<LedgerEntry> {
  const token = tokens?.refresh_token;
  if (token === undefined) return { generation };
  const isSame = token === before?.refreshToken && before.entry?.generation === before.generation;
  const known = isSame ? before.entry?.fingerprint : undefined;
  return { generation, fingerprint: known ?? (await fingerprint(token)) };
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
