import type { ErrorData } from '../errors.ts';
import { own } from '../tokens/json.ts';
import { decodeToken } from '../tokens/jwt.ts';
import { numericDate } from '../tokens/tokenParts.ts';
import type { Connection } from './connection.ts';
import type { RawTokens } from './tokenSet.ts';

/** How far the clock of this machine and an issuer's are apart. Milliseconds. */
export interface ClockSkew {
  /** Positive where this machine is ahead of the issuer, negative where it is behind. */
  readonly ahead: number;
  /** The truth is within so much of it: the `Date` header has a resolution of a second, and an answer takes its time. */
  readonly uncertainty: number;
}

/** What an answer says about the time. Milliseconds since the epoch. */
export interface TimedAnswer {
  /** On this machine's clock. */
  readonly sentAt: number;
  readonly receivedAt: number;
  /** On the issuer's clock, by its `Date` header (RFC 9110 section 6.6.1). */
  readonly date?: number | undefined;
  /** On the issuer's clock, by a token that came with the answer. */
  readonly issuedAt?: number | undefined;
}

/** `Date` and `iat` are whole seconds, cut off. */
const resolution = 1000;

/** A skew over this, in milliseconds, is worth a line of its own. */
const notable = 5000;

/** Measurements this far apart, in milliseconds, may have a clock set between them. */
const together = 10 * 60_000;

/**
 * By the `Date` header, else by `iat`. A token may have been issued long before it was handed out, and some issuers
 * date it back on purpose: an `iat` proves only that this machine is behind, never that it is ahead.
 */
export function measureSkew({ sentAt, receivedAt, date, issuedAt }: TimedAnswer): ClockSkew | undefined {
  const theirs = date ?? issuedAt;
  if (theirs === undefined || receivedAt < sentAt) return undefined;
  // The answer was made at some moment in between, and its second had begun up to one second before.
  const [least, most] = [sentAt - theirs - resolution, receivedAt - theirs];
  const skew = { ahead: (least + most) / 2, uncertainty: (most - least) / 2 };
  return date === undefined && most >= 0 ? undefined : skew;
}

/** `iat` of the tokens of an answer, the latest, in milliseconds since the epoch. */
export function issuedAtOf(raw: RawTokens): number | undefined {
  const times = [raw.access_token, raw.id_token].flatMap(token => {
    try {
      const decoded = decodeToken(token ?? '');
      const date = decoded.kind === 'jws' ? numericDate(own(decoded.payload, 'iat')) : undefined;
      return date !== undefined && 'at' in date ? [date.at] : [];
    } catch {
      return [];
    }
  });
  return times.length === 0 ? undefined : Math.max(...times);
}

/** Certain that there is one at all, and in which direction. */
export function isCertain({ ahead, uncertainty }: ClockSkew): boolean {
  return Math.abs(ahead) > uncertainty;
}

export function isNotable(skew: ClockSkew): boolean {
  return Math.abs(skew.ahead) > notable && isCertain(skew);
}

/** True where a check that fails at `now` on this machine's clock could hold on the issuer's. */
export function explains(skew: ClockSkew | undefined, now: number, holds: (at: number) => boolean): boolean {
  if (skew === undefined || !isCertain(skew)) return false;
  const theirs = now - skew.ahead;
  return holds(theirs - skew.uncertainty) || holds(theirs + skew.uncertainty);
}

/** As an error or a finding carries it. */
export function skewData({ ahead, uncertainty }: ClockSkew): ErrorData {
  return { ahead: Math.round(ahead), uncertainty: Math.round(uncertainty) };
}

/** The skew of every issuer that has answered in this window. */
export interface ClockSkews {
  /** Whose clock: connections to one issuer share one. */
  measured(connection: Connection, answer: TimedAnswer): ClockSkew | undefined;
  /** By connection, or by the name of an issuer. */
  of(whose: Connection | string | undefined): ClockSkew | undefined;
}

export function createClockSkews(): ClockSkews {
  const known = new Map<string, { readonly skew: ClockSkew; readonly at: number }>();
  return {
    measured(connection, answer) {
      const skew = measureSkew(answer);
      if (skew === undefined) return undefined;
      const key = clockOf(connection);
      const before = known.get(key);
      const at = answer.receivedAt;
      const isRecent = before !== undefined && Math.abs(at - before.at) < together;
      const better = (isRecent ? narrowed(before.skew, skew) : undefined) ?? skew;
      known.set(key, { skew: better, at });
      return better;
    },
    of: whose =>
      whose === undefined ? undefined : known.get(typeof whose === 'string' ? whose : clockOf(whose))?.skew,
  };
}

export function clockOf({ issuer, tokenEndpoint, id }: Connection): string {
  return issuer ?? tokenEndpoint ?? id;
}

/** Both are true, so the truth is where they overlap; where they do not, a clock was set in between. */
function narrowed(one: ClockSkew, other: ClockSkew): ClockSkew | undefined {
  const least = Math.max(one.ahead - one.uncertainty, other.ahead - other.uncertainty);
  const most = Math.min(one.ahead + one.uncertainty, other.ahead + other.uncertainty);
  return least > most ? undefined : { ahead: (least + most) / 2, uncertainty: (most - least) / 2 };
}

/** What the sessions of this window know of their issuers' clocks. */
export interface TimedSessions {
  list(): readonly { readonly connection: Connection; readonly clockSkew?: ClockSkew | undefined }[];
  note(id: string, known: { readonly clockSkew: ClockSkew | undefined }): void;
}

/** Takes a measurement, and tells every connection to that issuer where it is worth telling. */
export function noteSkew(
  { skews, sessions }: { readonly skews: ClockSkews; readonly sessions: TimedSessions },
  connection: Connection,
  answer: TimedAnswer,
): void {
  const skew = skews.measured(connection, answer);
  if (skew === undefined) return;
  const clock = clockOf(connection);
  for (const session of sessions.list()) {
    if (clockOf(session.connection) !== clock) continue;
    const told = session.clockSkew;
    // Measured anew each time: what reads the same is no news.
    if (!isNotable(skew)) {
      if (told) sessions.note(session.connection.id, { clockSkew: undefined });
    } else if (!told || Math.abs(told.ahead - skew.ahead) >= resolution) {
      sessions.note(session.connection.id, { clockSkew: skew });
    }
  }
}
