import type { WorkbenchError } from '../errors.ts';
import { failureKind } from '../errorTable.ts';
import type { Clock } from '../ports.ts';
import { isRefused, isRenewable, leastInterval, unansweredRetry } from '../records/record.ts';
import { isUnwritable, type Session, type Sessions } from '../records/sessions.ts';
import type { Refresher } from './refresher.ts';

export interface AutoRefresh {
  /** When this window will refresh a connection next, or why it will not. */
  plan(session: Session): Plan;
  /** Plans all connections again: after the machine wakes, trust changes or the network returns. */
  reschedule(): void;
  dispose(): void;
}

export interface AutoRefreshParts {
  readonly sessions: Sessions;
  readonly refresher: Refresher;
  readonly clock: Clock;
  /** From 0 to 1, one per window. */
  readonly jitter: number;
  /** False while nothing may be sent, for example in Restricted Mode. */
  readonly allowed: () => boolean;
}

/**
 * The longest delay of a timer, in milliseconds. Timers do not run while a laptop sleeps, so the wall clock is checked
 * at least this often. This also keeps every delay far below 2^31 ms, at which timers overflow.
 */
const longestSleep = 30_000;

/** Milliseconds: a timer that fires this late was delayed by a sleep of the machine. */
const sleepThreshold = 5000;

/** Milliseconds over which the windows of a machine spread their first requests after it wakes. */
const wakeSpread = 2000;

/** Milliseconds: connections due within this time are refreshed together. */
const batchWindow = 50;

/** Refreshes connections before their tokens expire, with one timer for all of them. */
export function startAutoRefresh(parts: AutoRefreshParts): AutoRefresh {
  const { sessions, refresher, clock, jitter, allowed } = parts;
  let cancel: (() => void) | undefined;
  let planned = Number.POSITIVE_INFINITY;
  let expected = Number.POSITIVE_INFINITY;
  let disposed = false;

  function plan(session: Session): Plan {
    const next = planRefresh(session, jitter);
    return 'at' in next && !allowed() ? { never: 'not_trusted' } : next;
  }

  function run(): void {
    cancel = undefined;
    planned = Number.POSITIVE_INFINITY;
    if (disposed) return;
    const now = clock.now();
    const late = now - expected;
    const woke = late > sleepThreshold;
    // The clock was set back while the timer ran: a wait that was computed with the old time counts as over.
    const isSetBack = late < -sleepThreshold;
    expected = Number.POSITIVE_INFINITY;
    // After a sleep every connection is due in every window, so each window waits for its own moment.
    if (woke) {
      sleepUntil(now + jitter * wakeSpread, now);
      return;
    }
    let next = Number.POSITIVE_INFINITY;
    const dueNow: string[] = [];
    for (const session of sessions.list()) {
      if (session.refreshing) continue;
      const due = plan(session);
      if (!('at' in due)) continue;
      const isOver = isSetBack && due.because !== 'ending';
      if (isOver || due.at <= now + batchWindow) dueNow.push(session.connection.id);
      else next = Math.min(next, due.at);
    }
    sleepUntil(next, now);
    // Must come last: the changes of a refresh call `replan`, which compares with the sleep that is planned.
    for (const id of dueNow) void refresher.refresh(id);
  }

  function sleepUntil(next: number, now: number): void {
    cancel?.();
    if (!Number.isFinite(next)) return;
    planned = next;
    const delay = Math.min(Math.max(next - now, 0), longestSleep);
    expected = now + delay;
    cancel = clock.schedule(run, delay);
  }

  function reschedule(): void {
    cancel?.();
    expected = Number.POSITIVE_INFINITY;
    run();
  }

  /**
   * Plans again after a change. A change of one connection can only bring the next moment closer; otherwise the timer
   * stays.
   */
  function replan(id: string | undefined): void {
    if (id === undefined) reschedule();
    const session = id === undefined ? undefined : sessions.get(id);
    if (session === undefined || session.refreshing) return;
    const now = clock.now();
    const due = plan(session);
    if ('at' in due && due.at < planned) sleepUntil(Math.max(due.at, now), now);
  }

  const stop = sessions.onDidChange(replan);
  reschedule();
  return {
    plan,
    reschedule,
    dispose() {
      disposed = true;
      stop();
      cancel?.();
    },
  };
}

/** When a connection is refreshed next without a user asking for it, or why it is not. */
export type Plan =
  | { readonly at: number; readonly because: 'ending' | 'short_lived' | 'waiting_for_issuer' | Setback }
  | { readonly never: NoPlan };

/** `offline`: this machine has no network; `unreachable`: only the issuer may be down. */
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
 * How long before its expiry a token is refreshed: a fifth of its lifetime, within these bounds in milliseconds. For a
 * lifetime of a few seconds it is half the lifetime, so that a slow issuer or a busy machine does not let the token
 * expire.
 */
const lead = { share: 0.2, least: 10 * second, most: 5 * minute };

/** Milliseconds to wait after consecutive failures: doubled each time, up to the maximum. */
const backoff = { first: 5 * second, most: 10 * minute };

/**
 * Plans the next refresh of one connection. Pure and independent of the current time: the same session gives the same
 * plan, so a moment that has passed stays due until the session changes.
 * @param jitter from 0 to 1, one per window: windows that plan the same refresh run one after the other
 */
export function planRefresh(session: Session, jitter: number): Plan {
  const { connection, record, problem, lastRefresh, failures } = session;
  if (!connection.autoRefresh) return { never: 'off' };
  if (problem) return { never: problem.code === 'secrets_not_kept' ? 'sign_in' : 'unreadable' };
  const tokens = record?.tokens;
  if (record === undefined || tokens === undefined) return { never: 'no_refresh_token' };
  if (tokens.refresh_token === undefined && !isRenewable(record)) return { never: 'no_refresh_token' };
  if (isRefused(record)) return { never: 'sign_in' };
  if (unansweredRetry(record)) return { never: 'answer_missing' };
  const error = lastRefresh?.error;
  if (error && lastRefresh && error.code !== 'cancelled') {
    if (failureKind(error) === 'configuration') return { never: 'configuration' };
    if (isUnwritable(error)) return { never: 'folder_unwritable' };
    const failedAt = lastRefresh.at + lastRefresh.duration;
    const asked = Number(error.data.retryAfter ?? 0);
    // A user who did not wait changes nothing: the pause ends when it would have ended.
    if (error.code === 'waiting_for_issuer') return afterPause(failedAt, asked, jitter);
    return retry(failedAt, failures, asked, jitter, setback(error));
  }
  if (tokens.access_token === undefined) return { at: tokens.obtained_at + jitter * second, because: 'ending' };
  if (tokens.expires_at === undefined) return { never: 'end_unknown' };
  const { expires_at, obtained_at, short_lived = 0 } = tokens;
  // Tokens that end as soon as they arrive cannot be kept fresh, so the issuer is asked less and less often.
  const pace = Math.min(leastInterval * 2 ** Math.max(0, short_lived - 1), backoff.most);
  if (short_lived > 1) return { at: obtained_at + pace * (1 + jitter / 4), because: 'short_lived' };
  const at = expires_at - leadTime(expires_at - obtained_at) * (1 + jitter / 4);
  return { at: Math.max(at, obtained_at + pace), because: 'ending' };
}

/** Milliseconds before its expiry at which a token of this lifetime (milliseconds) is refreshed. */
export function leadTime(lifetime: number): number {
  // Without the half, a token whose lifetime is shorter than the least lead would be refreshed without pause.
  return Math.min(Math.max(lifetime * lead.share, lead.least), lead.most, Math.max(0, lifetime / 2));
}

/** @param retryAfter milliseconds, from the issuer's `Retry-After` (RFC 9110 §10.2.3); 0 if there was none */
function retry(failedAt: number, failures: number, retryAfter: number, jitter: number, because: Setback): Plan {
  const wait = Math.min(backoff.first * 2 ** Math.max(0, failures - 1), backoff.most);
  const spread = 1 + jitter / 4;
  return retryAfter > wait ? afterPause(failedAt, retryAfter, jitter) : { at: failedAt + wait * spread, because };
}

function afterPause(failedAt: number, retryAfter: number, jitter: number): Plan {
  return { at: failedAt + retryAfter + jitter * second, because: 'waiting_for_issuer' };
}

/** `offline` and `unreachable` only if no token was sent: otherwise the token may have been used. */
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
