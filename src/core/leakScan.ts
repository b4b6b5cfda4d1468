/** Tokens that lie in a text and still work: a copy of them is worth as much as they are. */
import { decodeToken, expiresAt } from './jwt.ts';
import { findTokens } from './tokenRanges.ts';

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

/** `refresh_token=...` in any notation, with a value that no person wrote. */
const refreshTokens = /refresh[_-]?token["']?[ \t]{0,4}[:=][ \t]{0,4}["']?([\w~+/.-]{20,4000})/gi;

/** Shorter ones could be any word. */
const leastKnown = 16;

/** In time linear in the text, for each known token. @param now milliseconds since the epoch */
export function scanForLeaks(text: string, known: readonly KnownToken[], now: number): Leak[] {
  const leaks: Leak[] = [];
  const add = (leak: Leak) => {
    if (!leaks.some(({ start, end }) => start < leak.end && leak.start < end)) leaks.push(leak);
  };
  for (const { token, connection, expiresAt } of known) {
    if (token.length < leastKnown || (expiresAt !== undefined && expiresAt <= now)) continue;
    for (let at = text.indexOf(token); at >= 0; at = text.indexOf(token, at + token.length)) {
      const end = expiresAt === undefined ? {} : { expiresAt };
      add({ start: at, end: at + token.length, kind: 'known_token', connection, ...end });
    }
  }
  for (const { start, end, kind, token } of findTokens(text)) {
    const leak = kind === 'jwe' ? { kind: 'encrypted_token' as const } : working(token, now);
    if (leak) add({ start, end, ...leak });
  }
  for (const match of text.matchAll(refreshTokens)) {
    const [whole, value = ''] = match;
    // REFRESH_TOKEN, your-refresh-token-here and the like are places for one.
    if (!/\d/.test(value) || !/[a-z]/i.test(value) || value.startsWith('ey')) continue;
    const start = match.index + whole.length - value.length;
    add({ start, end: start + value.length, kind: 'refresh_token' });
  }
  return leaks.toSorted((one, other) => one.start - other.start);
}

/** A signed token that has not ended, or has no end at all. */
function working(token: string, now: number): Pick<Leak, 'kind' | 'expiresAt'> | undefined {
  try {
    const decoded = decodeToken(token);
    if (decoded.kind !== 'jws' || decoded.signature === '') return undefined;
    const end = expiresAt(decoded);
    if (end === undefined) return { kind: 'endless_token' };
    return end > now ? { kind: 'token', expiresAt: end } : undefined;
  } catch {
    // What cannot be read opens nothing.
    return undefined;
  }
}
