import type { Confirmation } from './certificates.ts';
import type { MockClient } from './clientOptions.ts';
import type { Effect } from './effects.ts';
import { type Families, type Family, type Grant, newSid } from './families.ts';
import type { Settings } from './options.ts';
import { audienceOf } from './targets.ts';
import { hasScope, type Signer } from './tokens.ts';

/** A successful answer of the token endpoint, RFC 6749 section 5.1. */
export interface TokenResponse {
  readonly access_token: string;
  /** RFC 8693 section 2.2.1. */
  readonly issued_token_type?: string;
  readonly token_type: 'Bearer' | 'DPoP';
  /** Seconds. */
  readonly expires_in: number;
  readonly refresh_token?: string;
  /** Seconds. */
  readonly refresh_expires_in?: number;
  readonly id_token?: string;
  /** Left out where nothing was granted by that name, since an empty one is not well-formed. */
  readonly scope?: string;
}

/** One token response to be made. */
export interface Issuance {
  readonly grant: Grant;
  readonly scope: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly effects: readonly Effect[];
  /** There is one where somebody has signed in. */
  readonly family?: Family;
  readonly refreshToken?: string | undefined;
  /** Seconds, where it is not the usual one. */
  readonly lifetime?: number | undefined;
  readonly nonce?: string | undefined;
  /** What the access token is bound to. */
  readonly cnf?: Confirmation | undefined;
}

/** What somebody has agreed to. */
export interface Consent {
  readonly subject: string;
  readonly scope: string;
  readonly targets: readonly string[] | undefined;
}

export interface Issuing {
  respond(issuance: Issuance): Promise<TokenResponse>;
  /** A new grant. `cnf` binds its refresh tokens where the client proves itself with nothing else (RFC 9449 section 5, RFC 8705 section 4). */
  begin(client: MockClient, consent: Consent, cnf: Confirmation | undefined, now: number): Family;
}

export function createIssuing(settings: Settings, families: Families, sign: Signer): Issuing {
  return {
    async respond({ grant, scope, now, effects, family, refreshToken, lifetime, nonce, cnf }) {
      const accessTokenLifetime = lifetime ?? settings.accessTokenLifetime;
      const { idTokenLifetime, issuer } = settings;
      // Read before the first await: another request may rotate meanwhile.
      const expiresAt = family?.expiresAt;
      if (family !== undefined) family.accessUntil = Math.max(family.accessUntil, now + accessTokenLifetime * 1000);
      const tokens = await sign(
        {
          issuer,
          grant,
          scope,
          now: Math.floor(now / 1000),
          accessTokenLifetime,
          idTokenLifetime,
          user: family !== undefined,
          nonce,
          cnf,
        },
        effects,
      );
      return {
        access_token: tokens.access_token,
        token_type: cnf?.jkt === undefined ? 'Bearer' : 'DPoP',
        expires_in: accessTokenLifetime,
        ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
        ...(refreshToken === undefined || expiresAt === undefined
          ? {}
          : { refresh_expires_in: Math.floor((expiresAt - now) / 1000) }),
        ...(tokens.id_token === undefined ? {} : { id_token: tokens.id_token }),
        ...(scope === '' ? {} : { scope }),
      };
    },

    begin(client, { subject, scope, targets }, cnf, now) {
      const grant: Grant = {
        clientId: client.client_id,
        subject,
        scope,
        audience: targets === undefined ? settings.audience : audienceOf(targets),
        sid: newSid(),
        authTime: Math.floor(now / 1000),
        targets,
        cnf: client.token_endpoint_auth_method === 'none' ? cnf : undefined,
      };
      return families.start(grant, now);
    },
  };
}

/** With openid a refresh token has to be asked for (OpenID Connect Core section 11); without it there is always one. */
export function refreshTokenOf(client: MockClient, family: Family): string | undefined {
  const { scope } = family.grant;
  if (!client.grant_types.includes('refresh_token')) return undefined;
  return hasScope(scope, 'openid') && !hasScope(scope, 'offline_access') ? undefined : family.current;
}
