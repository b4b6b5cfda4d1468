import type { AuthorizationRequest } from './authorizationRequest.ts';
import {
  type ClaimsRequest,
  type Confirmation,
  type Families,
  type Family,
  type Grant,
  hasScope,
  newJti,
  newSid,
} from './families.ts';
import type { Claims, Effect, TokenKind } from './http.ts';
import type { KeyRing, MockCrypto, SigningKey } from './keys.ts';
import type { Settings } from './options.ts';
import type { Persona } from './personas.ts';
import type { MockClient } from './registry.ts';
import { type ExpiringMap, randomText } from './shelf.ts';
import { claimsOfUser, type Session, selectClaims } from './users.ts';

/** The contents of the tokens of one response. */
interface TokenOrder {
  readonly issuer: string;
  readonly grant: Grant;
  /** The scope of this response: that of the grant, or less. */
  readonly scope: string;
  /** Seconds since the epoch. */
  readonly now: number;
  /** Seconds. */
  readonly accessTokenLifetime: number;
  readonly idTokenLifetime: number;
  /** True if a user signed in. False for client credentials, which get no ID token. */
  readonly user: boolean;
  readonly nonce?: string | undefined;
  /** The key that the access token is bound to. */
  readonly cnf?: Confirmation | undefined;
  readonly accessClaims: Claims;
  /** Stores the claims and returns an opaque access token. */
  readonly opaque?: ((claims: Claims) => string) | undefined;
  /** The user's claims. `named`: only those requested by name, because UserInfo returns the others. */
  idClaims(named: boolean): Claims;
  /** The code issued with the ID token, for `c_hash`. */
  readonly code?: string | undefined;
  /** No access token is issued, so the claims cannot be fetched from UserInfo. */
  readonly alone?: boolean;
}

interface SignedTokens {
  readonly access_token: string;
  readonly id_token?: string;
}

export interface Signer {
  tokens(order: TokenOrder, effects: readonly Effect[]): Promise<SignedTokens>;
  idToken(order: TokenOrder, effects: readonly Effect[]): Promise<string>;
}

const usualTyp = { accessTyp: 'at+jwt', idTyp: 'JWT' };

export function createSigner(backend: MockCrypto, ring: KeyRing, persona: Persona | undefined): Signer {
  // All tokens of one key and type have the same header, so it is encoded once.
  const headers = new WeakMap<SigningKey, Record<TokenKind, string>>();

  const headersOf = (key: SigningKey) => {
    let encoded = headers.get(key);
    if (encoded === undefined) {
      encoded = {
        access_token: backend.encode(JSON.stringify(headerOf(key, 'access_token'))),
        id_token: backend.encode(JSON.stringify(headerOf(key, 'id_token'))),
      };
      headers.set(key, encoded);
    }
    return encoded;
  };

  const sign = async (key: SigningKey, kind: TokenKind, claims: Claims, effects: readonly Effect[]) => {
    let header = headersOf(key)[kind];
    if (effects.length > 0) {
      const changed = headerOf(key, kind);
      for (const effect of effects) {
        effect.claims?.(claims, kind);
        effect.header?.(changed, kind);
      }
      header = backend.encode(JSON.stringify(changed));
    }
    const input = `${header}.${backend.encode(JSON.stringify(claims))}`;
    let signature = await key.sign(input);
    for (const effect of effects) signature = effect.signature?.(signature, input, key.publicJwk, kind) ?? signature;
    return `${input}.${signature}`;
  };

  const headerOf = (key: SigningKey, kind: TokenKind): Claims => {
    const { accessTyp, idTyp } = persona ?? usualTyp;
    const typ = kind === 'id_token' ? idTyp : accessTyp;
    return { alg: key.alg, ...(typ !== undefined && { typ }), kid: key.publicJwk.kid };
  };

  const idClaimsOf = (order: TokenOrder, hashes: Hashes) => {
    const usual = idClaims(order, hashes);
    return personal(usual, persona?.id(order.grant, usual));
  };

  return {
    async tokens(order, effects) {
      // Both tokens use the same key, even if the keys rotate in between.
      const key = ring.signing;
      const usual = accessClaims(order);
      const claims = personal(usual, persona?.access(order.grant, order.scope, usual));
      const access_token = order.opaque?.(claims) ?? (await sign(key, 'access_token', claims, effects));
      if (!order.user || !hasScope(order.scope, 'openid')) return { access_token };
      const at_hash = await backend.atHash(access_token, key.alg);
      return { access_token, id_token: await sign(key, 'id_token', idClaimsOf(order, { at_hash }), effects) };
    },
    async idToken(order, effects) {
      const key = ring.signing;
      const { code } = order;
      const hashes = code === undefined ? {} : { c_hash: await backend.atHash(code, key.alg) };
      return sign(key, 'id_token', idClaimsOf(order, hashes), effects);
    },
  };
}

/** Applies the claims of a persona; a value of undefined removes a claim. */
function personal(claims: Claims, otherwise: Claims = {}): Claims {
  for (const [name, value] of Object.entries(otherwise)) {
    if (value === undefined) Reflect.deleteProperty(claims, name);
    else claims[name] = value;
  }
  return claims;
}

/**
 * Signs the caller's header and claims. `alg` and `kid` are set to those of the key. Claims that are given as text are
 * signed as written.
 */
export async function signAsAsked(
  backend: MockCrypto,
  { alg, publicJwk: { kid }, sign }: SigningKey,
  payload: Claims | string,
  header: Claims,
): Promise<string> {
  const written = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const input = [JSON.stringify({ ...header, alg, kid }), written].map(part => backend.encode(part)).join('.');
  return `${input}.${await sign(input)}`;
}

/** RFC 9068 section 2.2, and `cnf` of RFC 9449 section 6.1 and RFC 8705 section 3.1. */
function accessClaims(order: TokenOrder): Claims {
  const { grant, now, cnf } = order;
  return {
    iss: order.issuer,
    sub: grant.subject,
    aud: grant.audience,
    client_id: grant.clientId,
    ...(order.scope === '' ? {} : { scope: order.scope }),
    jti: newJti(grant.sid),
    iat: now,
    exp: now + order.accessTokenLifetime,
    ...(cnf === undefined ? {} : { cnf }),
    ...order.accessClaims,
  };
}

interface Hashes {
  readonly at_hash?: string;
  readonly c_hash?: string;
}

/** OpenID Connect Core section 2; section 12.2 for ID tokens of a refresh. */
function idClaims(order: TokenOrder, hashes: Hashes): Claims {
  const { grant, now, nonce } = order;
  return {
    iss: order.issuer,
    sub: grant.subject,
    aud: grant.clientId,
    azp: grant.clientId,
    sid: grant.sid,
    auth_time: grant.authTime,
    ...hashes,
    ...(grant.acr === undefined ? {} : { acr: grant.acr }),
    ...(grant.amr === undefined ? {} : { amr: grant.amr }),
    ...(nonce === undefined ? {} : { nonce }),
    iat: now,
    exp: now + order.idTokenLifetime,
    ...order.idClaims(order.alone !== true),
  };
}

/** A successful response of the token endpoint, RFC 6749 section 5.1. */
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
  /** Left out if no scope was granted, because an empty one is not well-formed. */
  readonly scope?: string;
}

/** What to put into one token response. */
interface Issuance {
  readonly grant: Grant;
  readonly scope: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly effects: readonly Effect[];
  /** Set if a user has signed in. */
  readonly family?: Family;
  readonly refreshToken?: string | undefined;
  /** Seconds, if it differs from the configured lifetime. */
  readonly lifetime?: number | undefined;
  readonly nonce?: string | undefined;
  /** The key that the access token is bound to. */
  readonly cnf?: Confirmation | undefined;
}

/** What a user has agreed to. */
export interface Consent {
  readonly subject: string;
  readonly scope: string;
  readonly targets: readonly string[] | undefined;
  /** Seconds since the epoch; the default is the current time. */
  readonly authTime?: number;
  readonly acr?: string | undefined;
  readonly amr?: readonly string[] | undefined;
  readonly claims?: ClaimsRequest | undefined;
}

export interface Issuing {
  respond(issuance: Issuance): Promise<TokenResponse>;
  /** The ID token of an authorization response (OpenID Connect Core sections 3.2.2.10 and 3.3.2.11). */
  frontChannel(
    request: AuthorizationRequest,
    session: Session,
    code: string | undefined,
    effects: readonly Effect[],
    now: number,
  ): Promise<string>;
  /**
   * Starts a new grant. `cnf` binds its refresh tokens if the client has no other means of authentication (RFC 9449
   * section 5, RFC 8705 section 4).
   */
  begin(client: MockClient, consent: Consent, cnf: Confirmation | undefined, now: number): Family;
}

export function createIssuing(
  settings: Settings,
  families: Families,
  sign: Signer,
  opaque: ExpiringMap<Claims>,
): Issuing {
  const orderOf = (grant: Grant, scope: string, now: number): Omit<TokenOrder, 'user'> => {
    const { issuer, accessTokenLifetime, idTokenLifetime, persona } = settings;
    const { userInIdToken }: Partial<Persona> = persona ?? {};
    const { claims: ofClient = {} } = settings.clients.get(grant.clientId) ?? {};
    const ofUser = () => claimsOfUser(settings, grant.subject);
    const { groups } = hasScope(scope, 'groups') ? ofUser() : {};
    return {
      issuer,
      grant,
      scope,
      now: Math.floor(now / 1000),
      accessTokenLifetime,
      idTokenLifetime,
      opaque: settings.opaque
        ? claims => {
            const token = randomText(32);
            opaque.put(token, claims, Number(claims.exp) * 1000 + 3_600_000, now);
            return token;
          }
        : undefined,
      accessClaims: {
        ...(groups !== undefined && { groups }),
        ...ofClient,
      },
      idClaims: named => ({
        ...selectClaims(settings, ofUser, named && !userInIdToken ? '' : scope, grant.claims?.idToken ?? []),
        ...ofClient,
      }),
    };
  };
  return {
    async respond({ grant, scope, now, effects, family, refreshToken, lifetime, nonce, cnf }) {
      const accessTokenLifetime = lifetime ?? settings.accessTokenLifetime;
      // Read before the first await, because another request may rotate in the meantime.
      const expiresAt = family?.expiresAt;
      if (family !== undefined) family.accessUntil = Math.max(family.accessUntil, now + accessTokenLifetime * 1000);
      const order = { ...orderOf(grant, scope, now), accessTokenLifetime, user: family !== undefined, nonce, cnf };
      const tokens = await sign.tokens(order, effects);
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

    async frontChannel(request, session, code, effects, now) {
      const { client, scope, nonce } = request;
      const family = this.begin(client, consentOf(request, session), undefined, now);
      session.families.set(client.client_id, family);
      const { grant } = family;
      return sign.idToken(
        { ...orderOf(grant, scope, now), user: true, nonce, code, alone: code === undefined },
        effects,
      );
    },

    begin(client, { targets, authTime, ...consent }, cnf, now) {
      const grant: Grant = {
        ...consent,
        clientId: client.client_id,
        audience: targets === undefined ? settings.audience : audienceOf(targets),
        sid: newSid(),
        authTime: authTime ?? Math.floor(now / 1000),
        targets,
        cnf: client.token_endpoint_auth_method === 'none' ? cnf : undefined,
      };
      return families.start(grant, now);
    },
  };
}

/**
 * With openid, a refresh token must be requested (OpenID Connect Core section 11); without openid there is always one.
 */
export function refreshTokenOf(client: MockClient, family: Family): string | undefined {
  const { scope } = family.grant;
  if (!client.grant_types.includes('refresh_token')) return undefined;
  return hasScope(scope, 'openid') && !hasScope(scope, 'offline_access') ? undefined : family.current;
}

/** What the user agreed to in the browser. */
export function consentOf({ scope, targets, claims }: AuthorizationRequest, session: Session): Consent {
  const { subject, authTime, acr, amr } = session;
  return { subject, scope, targets, authTime, acr, amr, claims };
}

/** The `aud` claim: a string for one target, an array for several. */
export function audienceOf(targets: readonly string[]): string | readonly string[] {
  const [only] = targets;
  return targets.length === 1 && only !== undefined ? only : targets;
}
