import type { WorkbenchError } from '../errors.ts';
import { failureKind } from '../errorTable.ts';
import { isRefused, isRenewable, spentIntent } from '../records/record.ts';
import { isUnwritable, type Session } from '../records/sessions.ts';

/** When a connection is refreshed next without anyone asking, or why it is not. */
export type Plan =
  | { readonly at: number; readonly because: 'ending' | 'waiting_for_issuer' | Setback }
  | { readonly never: NoPlan };

/** `offline`: this machine found no way out; `unreachable`: the issuer alone may be down. */
type Setback = 'backing_off' | 'offline' | 'unreachable';

export type NoPlan =
  | 'off'
  | 'no_refresh_token'
  | 'end_unknown'
  | 'sign_in'
  | 'answer_missing'
  | 'configuration'
  | 'unreadable'
  | 'folder_unwritable'
  | 'not_trusted';

const second = 1000;
const minute = 60 * second;

/**
 * How long before its end a token is refreshed: a fifth of its lifetime, within these bounds; milliseconds. Half of it
 * where it lives for moments only, so that an issuer who takes a second, or a busy machine, does not cost it its end.
 */
export const lead = { share: 0.2, least: 10 * second, most: 5 * minute };

/** However short a lifetime is, an issuer is not asked more often than this, in milliseconds. */
export const leastInterval = 3 * second;

/** Waiting times after failures in a row, in milliseconds: doubled each time up to the most. */
export const backoff = { first: 5 * second, most: 10 * minute };

/**
 * Plans the next refresh of one connection. Pure, and blind to the time of day: the same session gives the same plan,
 * so that a moment that has passed stays due until something is done about it.
 * @param jitter from 0 to 1, one per window: windows that plan the same refresh come one after the other
 */
export function planRefresh(session: Session, jitter: number): Plan {
  const { connection, record, problem, lastRefresh, failures } = session;
  if (!connection.autoRefresh) return { never: 'off' };
  if (problem) return { never: 'unreadable' };
  const tokens = record?.tokens;
  if (record === undefined || tokens === undefined) return { never: 'no_refresh_token' };
  if (tokens.refresh_token === undefined && !isRenewable(record)) return { never: 'no_refresh_token' };
  if (isRefused(record)) return { never: 'sign_in' };
  if (spentIntent(record)) return { never: 'answer_missing' };
  const error = lastRefresh?.error;
  if (error && lastRefresh && error.code !== 'cancelled') {
    if (failureKind(error) === 'configuration') return { never: 'configuration' };
    if (isUnwritable(error)) return { never: 'folder_unwritable' };
    const failedAt = lastRefresh.at + lastRefresh.duration;
    return retry(failedAt, failures, Number(error.data.retryAfter ?? 0), jitter, setback(error));
  }
  if (tokens.access_token === undefined) return { at: tokens.obtained_at + jitter * second, because: 'ending' };
  if (tokens.expires_at === undefined) return { never: 'end_unknown' };
  const at = tokens.expires_at - leadTime(tokens.expires_at - tokens.obtained_at) * (1 + jitter / 4);
  return { at: Math.max(at, tokens.obtained_at + leastInterval), because: 'ending' };
}

/** Milliseconds before the end at which a token of this lifetime is refreshed. */
export function leadTime(lifetime: number): number {
  // A token that lives shorter than twice the least lead would be refreshed without pause.
  return Math.min(Math.max(lifetime * lead.share, lead.least), lead.most, Math.max(0, lifetime / 2));
}

/** @param retryAfter milliseconds, by the issuer's `Retry-After` (RFC 9110 §10.2.3); 0 where it said nothing */
function retry(failedAt: number, failures: number, retryAfter: number, jitter: number, because: Setback): Plan {
  const wait = Math.min(backoff.first * 2 ** Math.max(0, failures - 1), backoff.most);
  const spread = 1 + jitter / 4;
  return retryAfter > wait
    ? { at: failedAt + retryAfter + jitter * second, because: 'waiting_for_issuer' }
    : { at: failedAt + wait * spread, because };
}

/** Offline only where no token was on its way: then there is nothing to worry about but the network. */
function setback({ code, data }: WorkbenchError): Setback {
  switch (code) {
    case 'host_unknown':
      return 'offline';
    case 'connection_refused':
      return 'unreachable';
    case 'network_failed':
      return data.sent === false ? 'offline' : 'backing_off';
    case 'timeout':
    case 'connection_reset':
      return data.sent === false ? 'unreachable' : 'backing_off';
    default:
      return 'backing_off';
  }
}
