import type { Connection } from '../records/connection.ts';
import type { Session } from '../records/sessions.ts';
import type { RawTokens } from '../records/tokenSet.ts';
import { tryDecode } from '../tokens/jwt.ts';

/** What tokens say of their origin. Nothing of it is verified: good for a proposal, never for a request. */
export interface TokenClaims {
  readonly issuer?: string;
  readonly clientId?: string;
}

/** Issuer and client by the ID token's `iss`, `azp` and `aud` (OpenID Connect Core §2) or the access token's `client_id` (RFC 9068 §2.2). */
export function tokenClaims({ id_token, access_token, refresh_token }: RawTokens): TokenClaims {
  const claims = [id_token, access_token, refresh_token].map(payloadOf);
  const first = (...names: string[]) =>
    claims.flatMap(payload => names.map(name => payload?.[name])).find(value => typeof value === 'string');
  const issuer = first('iss');
  const audience = payloadOf(id_token)?.aud;
  const clientId = first('azp', 'client_id', 'cid', 'appid') ?? (Array.isArray(audience) ? audience[0] : audience);
  return {
    ...(issuer !== undefined && { issuer }),
    ...(typeof clientId === 'string' && { clientId }),
  };
}

/** The connections that these tokens can belong to; those of the same client come alone where there are any. */
export function matchingConnections(sessions: readonly Session[], tokens: RawTokens): Connection[] {
  const { issuer, clientId } = tokenClaims(tokens);
  if (issuer === undefined) return [];
  const ofIssuer = sessions.map(({ connection }) => connection).filter(connection => connection.issuer === issuer);
  const ofClient = ofIssuer.filter(connection => connection.clientId === clientId);
  return ofClient.length > 0 ? ofClient : ofIssuer;
}

function payloadOf(token: string | undefined): Readonly<Record<string, unknown>> | undefined {
  const decoded = token === undefined ? undefined : tryDecode(token);
  return decoded && !('error' in decoded) && decoded.kind === 'jws' ? decoded.payload : undefined;
}
