import { compactVerify, createLocalJWKSet } from 'jose';
import type { Claims, TokenKind } from './effects.ts';
import type { Families, Family } from './families.ts';
import { type KeyRing, mockAlgs } from './keys.ts';
import { createShelf } from './shelf.ts';

export interface ReadToken {
  readonly kind: TokenKind;
  readonly claims: Claims;
  /** The grant it came of; undefined for client credentials, and where it is forgotten. */
  readonly family: Family | undefined;
}

/** What the issuer makes of its own tokens when they come back. */
export interface TokenReader {
  /** Undefined where this issuer did not sign it with a key that is published. Its time may be over. */
  read(token: string): Promise<ReadToken | undefined>;
  /** Not expired, not revoked, nor what it came of. */
  isActive(token: ReadToken, now: number): boolean;
  revoke(token: ReadToken, now: number): void;
}

export function createTokenReader(issuer: string, ring: KeyRing, families: Families): TokenReader {
  const revoked = createShelf<true>();
  let keys: { readonly of: unknown; readonly find: ReturnType<typeof createLocalJWKSet> } | undefined;

  const keySet = () => {
    const { published } = ring;
    if (keys?.of !== published) keys = { of: published, find: createLocalJWKSet({ keys: [...published] }) };
    return keys.find;
  };

  return {
    async read(token) {
      try {
        const { payload, protectedHeader } = await compactVerify(token, keySet(), {
          algorithms: [...mockAlgs],
        });
        const claims: Claims = JSON.parse(new TextDecoder().decode(payload));
        if (claims.iss !== issuer) return undefined;
        const kind = protectedHeader.typ === 'at+jwt' ? 'access_token' : 'id_token';
        const session = kind === 'access_token' ? claims.jti : claims.sid;
        return {
          kind,
          claims,
          family: typeof session === 'string' ? families.ofSession(session) : undefined,
        };
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
