import type { ErrorData } from '../errors.ts';
import { own } from '../tokens/json.ts';
import { decodeToken } from '../tokens/jwt.ts';
import { numericDate } from '../tokens/tokenParts.ts';
import type { Connection } from './connection.ts';
import type { RawTokens } from './tokenSet.ts';

/** The difference between this machine's clock and an issuer's, in milliseconds. */
export interface ClockSkew {
  /** Positive if this machine is ahead of the issuer, negative if it is behind. */
  readonly ahead: number;
  /**
   * The true difference is within this distance of `ahead`: `Date` has a resolution of a second, and an answer takes
   * time.
   */
  readonly uncertainty: number;
}

/** The times of one answer, in milliseconds since the epoch. */
export interface TimedAnswer {
  /** On this machine's clock. */
  readonly sentAt: number;
  readonly receivedAt: number;
  /** On the issuer's clock, from its `Date` header (RFC 9110 section 6.6.1). */
  readonly date?: number | undefined;
  /** On the issuer's clock, from a token in the answer. */
  readonly issuedAt?: number | undefined;
}

/** Milliseconds: `Date` and `iat` are whole seconds, rounded down. */
const resolution = 1000;

/** Milliseconds: a larger skew is shown to the user. */
const notable = 5000;

/** Milliseconds: between measurements that are further apart a clock may have been set. */
const comparableWithin = 10 * 60_000;

/**
 * Measures by the `Date` header, otherwise by `iat`. A token may have been issued long before it was sent, and some
 * issuers backdate it on purpose. So `iat` proves only that this machine is behind, never that it is ahead.
 */
export function measureSkew({ sentAt, receivedAt, date, issuedAt }: TimedAnswer): ClockSkew | undefined {
  const theirs = date ?? issuedAt;
  if (theirs === undefined || receivedAt < sentAt) return undefined;
  // The issuer answered at some moment between sending and receiving, up to one second after the time that it states.
  const [least, most] = [sentAt - theirs - resolution, receivedAt - theirs];
  const skew = { ahead: (least + most) / 2, uncertainty: (most - least) / 2 };
  return date === undefined && most >= 0 ? undefined : skew;
}

/** The latest `iat` of the tokens in an answer, in milliseconds since the epoch. */
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

/** True if there certainly is a skew, in a known direction. */
export function isCertain({ ahead, uncertainty }: ClockSkew): boolean {
  return Math.abs(ahead) > uncertainty;
}

export function isNotable(skew: ClockSkew): boolean {
  return Math.abs(skew.ahead) > notable && isCertain(skew);
}

/** True if a check that fails at `now` on this machine's clock may succeed on the issuer's. */
export function explains(skew: ClockSkew | undefined, now: number, holds: (at: number) => boolean): boolean {
  if (skew === undefined || !isCertain(skew)) return false;
  const theirs = now - skew.ahead;
  return holds(theirs - skew.uncertainty) || holds(theirs + skew.uncertainty);
}

/** The skew as the data of an error or a finding. */
export function skewData({ ahead, uncertainty }: ClockSkew): ErrorData {
  return { ahead: Math.round(ahead), uncertainty: Math.round(uncertainty) };
}

/** The clock skew of every issuer that has answered in this window. */
export interface ClockSkews {
  /** Takes a measurement. Connections to the same issuer share one skew. */
  measured(connection: Connection, answer: TimedAnswer): ClockSkew | undefined;
  /** By connection, or by the issuer's identifier. */
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
      const isRecent = before !== undefined && Math.abs(at - before.at) < comparableWithin;
      const better = (isRecent ? narrowed(before.skew, skew) : undefined) ?? skew;
      known.set(key, { skew: better, at });
      return better;
    },
    of: whose =>
      whose === undefined ? undefined : known.get(typeof whose === 'string' ? whose : clockOf(whose))?.skew,
  };
}

function clockOf({ issuer, tokenEndpoint, id }: Connection): string {
  return issuer ?? tokenEndpoint ?? id;
}

/** The truth is within both ranges, so it is where they overlap. If they do not overlap, a clock was set in between. */
function narrowed(one: ClockSkew, other: ClockSkew): ClockSkew | undefined {
  const least = Math.max(one.ahead - one.uncertainty, other.ahead - other.uncertainty);
  const most = Math.min(one.ahead + one.uncertainty, other.ahead + other.uncertainty);
  return least > most ? undefined : { ahead: (least + most) / 2, uncertainty: (most - least) / 2 };
}

/** The part of the sessions that notes clock skews. */
export interface TimedSessions {
  list(): readonly { readonly connection: Connection; readonly clockSkew?: ClockSkew | undefined }[];
  note(id: string, known: { readonly clockSkew: ClockSkew | undefined }): void;
}

/** Takes a measurement and notes a notable skew at every connection to that issuer. */
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
    const noted = session.clockSkew;
    // The skew is measured again each time; a change of less than a second is not shown.
    if (!isNotable(skew)) {
      if (noted) sessions.note(session.connection.id, { clockSkew: undefined });
    } else if (!noted || Math.abs(noted.ahead - skew.ahead) >= resolution) {
      sessions.note(session.connection.id, { clockSkew: skew });
    }
  }
}
