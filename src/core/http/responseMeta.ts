/** The longest wait that a `Retry-After` is believed to ask for, in milliseconds. */
export const longestRetryAfter = 60 * 60 * 1000;

/** The issuer's clock: its `Date` header in milliseconds since the epoch. */
export function issuerDate(headers: Headers): number | undefined {
  const time = Date.parse(headers.get('date') ?? '');
  return Number.isFinite(time) ? time : undefined;
}

/**
 * `Retry-After` in milliseconds from now, capped (RFC 9110 §10.2.3). A date is measured on the issuer's own
 * clock where it says it, since this machine's can be wrong.
 * @param now milliseconds since the epoch
 */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const value = headers.get('retry-after')?.trim();
  if (!value) return undefined;
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - (issuerDate(headers) ?? now);
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), longestRetryAfter);
}
