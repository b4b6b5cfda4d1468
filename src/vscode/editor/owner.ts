import { matchingConnections } from '../../core/imports/tokenOwner.ts';
import type { Connection } from '../../core/records/connection.ts';
import type { Sessions } from '../../core/records/sessions.ts';
import type { PlacedToken } from './scan.ts';

/** The connection that a token belongs to: the one that holds it, else one of its issuer. */
export function ownerOf(
  { token, known }: Pick<PlacedToken, 'token' | 'known'>,
  sessions: Sessions,
): Connection | undefined {
  const holder = known && sessions.connection(known.connection);
  return holder ?? matchingConnections(sessions.list(), { access_token: token })[0];
}
