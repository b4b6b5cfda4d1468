/** Times as claims have them (RFC 7519 section 2), and which claims are times. */

export type TimeFlaw = 'time_not_a_number' | 'time_in_milliseconds' | 'time_out_of_range';

/** `at` in milliseconds since the epoch. */
export type NumericDate = { readonly at: number } | { readonly flaw: TimeFlaw };

/** The last second of the year 9999, in seconds since the epoch. */
const lastSecond = 253_402_300_799;
/** The year 2000 in milliseconds: far beyond `lastSecond`, so that the two units cannot be mistaken. */
const year2000 = 946_684_800_000;

/** Reads a NumericDate: seconds since the epoch, fractions allowed (RFC 7519 section 2). */
export function numericDate(value: unknown): NumericDate {
  if (typeof value !== 'number') return { flaw: 'time_not_a_number' };
  if (value >= 0 && value <= lastSecond) return { at: Math.floor(value * 1000) };
  if (value >= year2000 && value <= lastSecond * 1000) return { flaw: 'time_in_milliseconds' };
  return { flaw: 'time_out_of_range' };
}

/** Claims that are times (RFC 7519 section 4.1, OpenID Connect Core sections 2 and 5.1, RFC 8417 section 2.2). */
export const timeClaims = ['exp', 'nbf', 'iat', 'auth_time', 'updated_at', 'toe'] as const;

export function isTimeClaim(name: string): boolean {
  return (timeClaims as readonly string[]).includes(name);
}
