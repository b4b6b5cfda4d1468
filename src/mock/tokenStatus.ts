import type { JWK } from 'jose';
import { compactVerify, createLocalJWKSet } from 'jose';
import type { BackChannel } from './clients.ts';
import type { Families, Family } from './families.ts';
import type { Answer, MockReply } from './http.ts';
import { type Claims, jsonReply, oauthError, type TokenKind } from './http.ts';
import type { KeyRing } from './keys.ts';
import { mockAlgs, type PublicJwk } from './keys.ts';
import type { ExpiringMap } from './shelf.ts';
import { createExpiringMap } from './shelf.ts';

export interface ReadToken {
  readonly kind: TokenKind;
  readonly claims: Claims;
  /** The client that it was issued to, and its scope, by whatever names the persona gives to these claims. */
  readonly clientId: unknown;
  readonly scope: string;
  /** The grant that the token was issued for. Undefined for client credentials, and if the grant was forgotten. */
  readonly family: Family | undefined;
}

/** Reads tokens of this issuer that come back in requests. */
export interface TokenReader {
  /** Undefined unless a published key of this issuer signed the token. The token may be expired. */
  read(token: string): Promise<ReadToken | undefined>;
  /** Neither expired nor revoked, and its grant is not revoked either. */
  isActive(token: ReadToken, now: number): boolean;
  revoke(token: ReadToken, now: number): void;
}

export function createTokenReader(
  issuer: string,
  ring: KeyRing,
  families: Families,
  /** Claims of opaque access tokens, keyed by token. */
  opaque: ExpiringMap<Claims>,
): TokenReader {
  const revoked = createExpiringMap<true>();
  let keys: { readonly of: unknown; readonly find: ReturnType<typeof createLocalJWKSet> } | undefined;

  const keySet = () => {
    const { published } = ring;
    if (keys?.of !== published)
      keys = { of: published, find: createLocalJWKSet({ keys: published as readonly PublicJwk[] as JWK[] }) };
    return keys.find;
  };

  const described = (kind: TokenKind, claims: Claims, session: unknown): ReadToken => {
    const family = typeof session === 'string' ? families.ofSession(session) : undefined;
    // Some issuers name the client in no claim. Without a grant, the client is the subject.
    const holder = claims.client_id ?? claims.azp ?? family?.grant.clientId ?? claims.sub;
    const clientId = kind === 'id_token' ? claims.aud : holder;
    return { kind, claims, clientId, scope: String(claims.scope ?? claims.scp ?? ''), family };
  };

  return {
    async read(token) {
      const kept = opaque.get(token, 0);
      if (kept !== undefined) return described('access_token', kept, kept.jti);
      try {
        const { payload, protectedHeader } = await compactVerify(token, keySet(), {
          algorithms: [...mockAlgs],
        });
        const claims: Claims = JSON.parse(new TextDecoder().decode(payload));
        if (claims.iss !== issuer) return undefined;
        // ID tokens of the mock have no jti, so it marks an access token whatever `typ` the persona gives it.
        const kind = protectedHeader.typ === 'at+jwt' || 'jti' in claims ? 'access_token' : 'id_token';
        return described(kind, claims, kind === 'access_token' ? claims.jti : claims.sid);
      } catch {
        return undefined;
      }
    },
    isActive({ claims, family }, now) {
      const { exp, nbf, jti } = claims;
      if (typeof exp !== 'number' || now >= exp * 1000) return false;
      if (typeof nbf === 'number' && now < nbf * 1000) return false;
      if (family?.revoked) return false;
      return typeof jti !== 'string' || revoked.get(jti, now) === undefined;
    },
    revoke({ claims }, now) {
      const { jti, exp } = claims;
      if (typeof jti === 'string' && typeof exp === 'number') revoked.put(jti, true, exp * 1000, now);
    },
  };
}

const inactive = jsonReply(200, { active: false });

/** RFC 7662. A public client learns only about its own tokens, because any program can claim to be that client. */
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
    const { kind, claims, clientId } = read;
    if (!isTold(clientId)) return inactive;
    if (kind === 'id_token') return jsonReply(200, { active: true, ...claims });
    const { iss, sub, aud, jti, iat, exp, nbf, cnf } = claims;
    const scope = read.scope === '' ? undefined : read.scope;
    const token_type = Object(cnf).jkt === undefined ? 'Bearer' : 'DPoP';
    return jsonReply(200, {
      active: true,
      iss,
      sub,
      username: sub,
      aud,
      client_id: clientId,
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

/** RFC 7009. Revoking a refresh token revokes its whole family; revoking an access token revokes only that token. */
export function createRevocation(backChannel: BackChannel, families: Families, reader: TokenReader): Answer {
  // Also for unknown and expired tokens: they are already unusable, which is what the client wants (section 2.2).
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
    if (read.clientId !== client.client_id) return foreign();
    reader.revoke(read, exchange.now());
    return done;
  });
}

function noToken(): MockReply {
  return oauthError(400, 'invalid_request', 'No token');
}
