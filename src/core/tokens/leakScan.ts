/** Tokens that lie in a text and still work: a copy of them is worth as much as they are. */
import { decodeBase64 } from './base64url.ts';
import { decodeToken, expiresAt, tokenLimit } from './jwt.ts';
import { findTokens, mostTokens } from './tokenRanges.ts';

export interface KnownToken {
  readonly token: string;
  readonly name: 'access_token' | 'id_token' | 'refresh_token';
  readonly connection: string;
  /** Milliseconds since the epoch, where it is known. */
  readonly expiresAt?: number;
}

export interface Leak {
  /** Offsets in UTF-16 code units, `end` exclusive. */
  readonly start: number;
  readonly end: number;
  readonly kind: 'token' | 'endless_token' | 'encrypted_token' | 'refresh_token' | 'known_token';
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  /** The connection that holds this very token. */
  readonly connection?: string;
}

/**
 * `refresh_token=...` in any notation, with a value that no person wrote; in a string within a string and in
 * percent-encoding as well.
 */
const refreshTokens =
  /refresh[_-]?token(?:\\{0,7}["']|%22)?(?:[ \t]{0,4}[:=]|%3A|%3D)(?:%20|[ \t]{0,4})(?:\\{0,7}["']|%22)?([\w~+/.-]{20,4000})/gi;

/** Shorter ones could be any word. */
const leastKnown = 16;

/** The most leaks of one kind that are named for one text: whoever sees them has seen enough. */
const mostLeaks = mostTokens;

/** In time linear in the text, for each known token. @param now milliseconds since the epoch */
export function scanForLeaks(text: string, known: readonly KnownToken[], now: number): Leak[] {
  let leaks: readonly Leak[] = [];
  for (const token of known) leaks = merged(leaks, placesOf(token, text, now));
  leaks = merged(leaks, workingTokens(text, now));
  leaks = merged(leaks, encodedIn(text, now));
  return [...merged(leaks, refreshTokensIn(text))];
}

function placesOf({ token, connection, expiresAt }: KnownToken, text: string, now: number): Leak[] {
  const leaks: Leak[] = [];
  if (token.length < leastKnown || (expiresAt !== undefined && expiresAt <= now)) return leaks;
  const end = expiresAt === undefined ? {} : { expiresAt };
  for (let at = text.indexOf(token); at >= 0 && leaks.length < mostLeaks; at = text.indexOf(token, at + token.length)) {
    leaks.push({ start: at, end: at + token.length, kind: 'known_token', connection, ...end });
  }
  return leaks;
}

function workingTokens(text: string, now: number): Leak[] {
  return findTokens(text, mostLeaks).flatMap(({ start, end, kind, token }) => {
    const leak = kind === 'jwe' ? { kind: 'encrypted_token' as const } : working(token, now);
    return leak ? [{ start, end, ...leak }] : [];
  });
}

/** base64 of a text that starts like a JWT, as the Secrets of Kubernetes hold them. */
const encodedTokens = /(?<![\w+/-])ZXlK[\w+/-]{56,}={0,2}/g;

function encodedIn(text: string, now: number): Leak[] {
  const leaks: Leak[] = [];
  for (const { 0: found, index } of text.matchAll(encodedTokens)) {
    const bytes = found.length > tokenLimit ? undefined : decodeBase64(found);
    const token = bytes && new TextDecoder().decode(bytes).trim();
    const leak = token === undefined ? undefined : working(token, now);
    if (leak) leaks.push({ start: index, end: index + found.length, ...leak });
    if (leaks.length >= mostLeaks) break;
  }
  return leaks;
}

function refreshTokensIn(text: string): Leak[] {
  const leaks: Leak[] = [];
  for (const match of text.matchAll(refreshTokens)) {
    const [whole, value = ''] = match;
    // REFRESH_TOKEN, your-refresh-token-here and the like are places for one.
    if (!/\d/.test(value) || !/[a-z]/i.test(value) || value.startsWith('ey')) continue;
    const start = match.index + whole.length - value.length;
    leaks.push({ start, end: start + value.length, kind: 'refresh_token' });
    if (leaks.length >= mostLeaks) break;
  }
  return leaks;
}

/** Both in the order of the text. Where two overlap, the first list's counts. */
function merged(first: readonly Leak[], second: readonly Leak[]): readonly Leak[] {
  if (first.length === 0 || second.length === 0) return first.length === 0 ? second : first;
  const leaks: Leak[] = [];
  let next = 0;
  for (const leak of second) {
    for (let each = first[next]; each && each.end <= leak.start; each = first[++next]) leaks.push(each);
    const other = first[next];
    if (!other || leak.end <= other.start) leaks.push(leak);
  }
  return leaks.concat(first.slice(next));
}

/** A signed token that has not ended, or has no end at all. */
function working(token: string, now: number): Pick<Leak, 'kind' | 'expiresAt'> | undefined {
  try {
    const decoded = decodeToken(token);
    if (decoded.kind !== 'jws' || decoded.signature === '' || decoded.content) return undefined;
    const end = expiresAt(decoded);
    if (end === undefined) return { kind: 'endless_token' };
    return end > now ? { kind: 'token', expiresAt: end } : undefined;
  } catch {
    // What cannot be read opens nothing.
    return undefined;
  }
}
