import { expiresAt, tryDecode } from '../tokens/jwt.ts';
import { isRenewable } from './record.ts';
import { type Session, type SessionState, stateOf } from './sessions.ts';

/** Questions about one session: its tokens, when they expire and what it can do. */
export type TokenName = 'access_token' | 'id_token' | 'refresh_token';

export function tokenOf({ record }: Session, name: TokenName): string | undefined {
  return record?.tokens?.[name];
}

/** True if there is an issuer to ask, and either a refresh token or a grant that needs none. */
export function isRefreshable({ connection, record }: Session): boolean {
  const issuer = connection.issuer ?? connection.tokenEndpoint;
  if (record === undefined || issuer === undefined) return false;
  return record.tokens?.refresh_token !== undefined || isRenewable(record);
}

/** True if there is an issuer to sign in at. */
export function isSignable({ connection }: Session): boolean {
  return (connection.issuer ?? connection.tokenEndpoint) !== undefined;
}

/** True if the client authenticates with a stored secret or key. */
export function isConfidential({ connection, memoryOnly }: Session): boolean {
  return connection.tokenEndpointAuthMethod !== 'none' && !memoryOnly;
}

export interface Badge {
  readonly state: SessionState;
  /** Milliseconds until the access token expires; negative after that. */
  readonly remaining?: number;
}

/** @param now milliseconds since the epoch */
export function badgeOf(session: Session, now: number): Badge {
  const ends = session.record?.tokens?.expires_at;
  return { state: stateOf(session, now), ...(ends !== undefined && { remaining: ends - now }) };
}

/** When a token expires, in milliseconds since the epoch, by its own `exp` or by what the issuer sent with it. */
export function endOf({ record }: Session, name: TokenName): number | undefined {
  const tokens = record?.tokens;
  if (name === 'access_token') return tokens?.expires_at;
  if (name === 'refresh_token') return tokens?.refresh_expires_at;
  const decoded = tokens?.id_token === undefined ? undefined : tryDecode(tokens.id_token);
  return decoded && !('error' in decoded) && decoded.kind === 'jws' ? expiresAt(decoded) : undefined;
}
