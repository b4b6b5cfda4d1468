import type { BackChannel } from './backChannel.ts';
import type { Answer } from './exchange.ts';
import type { Families } from './families.ts';
import { jsonReply, type MockReply, oauthError } from './http.ts';
import type { TokenReader } from './tokenReader.ts';

const inactive = jsonReply(200, { active: false });

/** RFC 7662. A public client, which anybody can claim to be, learns of its own tokens only. */
export function createIntrospection(
  issuer: string,
  backChannel: BackChannel,
  families: Families,
  reader: TokenReader,
): Answer {
  return backChannel(async (client, form, exchange) => {
    const token = form.get('token');
    if (token === undefined) return noToken();
    const now = exchange.now();
    const isTold = (clientId: unknown) => clientId === client.client_id || client.token_endpoint_auth_method !== 'none';
    const family = families.holderOf(token);
    if (family !== undefined) {
      const { grant, expiresAt } = family;
      if (!families.isUsable(family, token, now) || !isTold(grant.clientId)) return inactive;
      return jsonReply(200, {
        active: true,
        iss: issuer,
        sub: grant.subject,
        username: grant.subject,
        client_id: grant.clientId,
        scope: grant.scope,
        ...(expiresAt === undefined ? {} : { exp: Math.floor(expiresAt / 1000) }),
        ...(grant.cnf === undefined ? {} : { cnf: grant.cnf }),
      });
    }
    const read = await reader.read(token);
    if (read === undefined || !reader.isActive(read, now)) return inactive;
    const { kind, claims } = read;
    if (!isTold(kind === 'id_token' ? claims.aud : claims.client_id)) return inactive;
    if (kind === 'id_token') return jsonReply(200, { active: true, ...claims });
    const { iss, sub, aud, client_id, scope, jti, iat, exp, nbf, cnf } = claims;
    const token_type = Object(cnf).jkt === undefined ? 'Bearer' : 'DPoP';
    return jsonReply(200, {
      active: true,
      iss,
      sub,
      username: sub,
      aud,
      client_id,
      scope,
      token_type,
      jti,
      iat,
      exp,
      nbf,
      cnf,
    });
  });
}

/** RFC 7009. With a refresh token goes its whole family; an access token goes alone. */
export function createRevocation(backChannel: BackChannel, families: Families, reader: TokenReader): Answer {
  // Unknown or over already: what the client wanted is so (section 2.2).
  const done: MockReply = { status: 200, headers: { 'cache-control': 'no-store' }, body: '' };
  const foreign = () => oauthError(400, 'invalid_grant', 'This token was issued to another client');
  return backChannel(async (client, form, exchange) => {
    const token = form.get('token');
    if (token === undefined) return noToken();
    const family = families.holderOf(token);
    if (family !== undefined) {
      if (family.grant.clientId !== client.client_id) return foreign();
      families.revoke(family);
      return done;
    }
    const read = await reader.read(token);
    if (read === undefined) return done;
    if (read.kind === 'id_token')
      return oauthError(400, 'unsupported_token_type', 'ID tokens cannot be revoked; sign out at end_session_endpoint');
    if (read.claims.client_id !== client.client_id) return foreign();
    reader.revoke(read, exchange.now());
    return done;
  });
}

function noToken(): MockReply {
  return oauthError(400, 'invalid_request', 'No token');
}
