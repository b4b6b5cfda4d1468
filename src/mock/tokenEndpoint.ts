import { authenticateClient } from './clients.ts';
import type { Families, Family, Grant } from './families.ts';
import type { Effect } from './faults.ts';
import { bodyLimit, jsonReply, type MockReply, type MockRequest, oauthError } from './http.ts';
import type { MockClient, Settings } from './options.ts';
import { randomText } from './random.ts';
import type { Signer } from './tokens.ts';

/** A successful answer of the token endpoint, RFC 6749 section 5.1. */
export interface TokenResponse {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  /** Seconds. */
  readonly expires_in: number;
  readonly refresh_token?: string;
  /** Seconds. */
  readonly refresh_expires_in?: number;
  readonly id_token?: string;
  /** Left out where nothing was granted by that name, since an empty one is not well-formed. */
  readonly scope?: string;
}

export interface FirstTokens {
  readonly clientId?: string;
  readonly subject?: string;
  readonly scope?: string;
  readonly audience?: string | readonly string[];
  /** Seconds, of this first access token only. */
  readonly accessTokenLifetime?: number;
  /** Goes into the first ID token only, OpenID Connect Core section 12.2. */
  readonly nonce?: string;
}

/** One request as the endpoint sees it. */
export interface TokenExchange {
  readonly request: MockRequest;
  readonly effects: readonly Effect[];
  /** Milliseconds since the epoch. Asked once the body is there. */
  now(): number;
  /** Told what was sent, for the log. */
  saw(form: ReadonlyMap<string, string>): void;
  /** Told who it was, once that is known. */
  authenticated(client: MockClient): void;
}

export interface TokenEndpoint {
  handle(exchange: TokenExchange): Promise<MockReply>;
  /** A first token set, as if somebody had signed in. */
  issue(first: FirstTokens, now: number): Promise<TokenResponse>;
}

const refusals = {
  unknown: 'This refresh token is unknown',
  foreign: 'This refresh token was issued to another client',
  expired: 'This refresh token has expired',
  revoked: 'This refresh token has been revoked',
  reused: 'This refresh token was used before; every token that came of it is now revoked',
};

export function createTokenEndpoint(settings: Settings, families: Families, sign: Signer): TokenEndpoint {
  const clients = new Map(settings.clients.map(client => [client.client_id, client]));

  const respond = async (
    grant: Grant,
    scope: string,
    now: number,
    effects: readonly Effect[],
    rest: {
      family?: Family;
      refreshToken?: string | undefined;
      lifetime?: number | undefined;
      nonce?: string | undefined;
    },
  ): Promise<TokenResponse> => {
    const { family, refreshToken, nonce } = rest;
    const accessTokenLifetime = rest.lifetime ?? settings.accessTokenLifetime;
    const { idTokenLifetime, issuer } = settings;
    // Read before the first await: another request may rotate meanwhile.
    const expiresAt = family?.expiresAt;
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
      },
      effects,
    );
    return {
      access_token: tokens.access_token,
      token_type: 'Bearer',
      expires_in: accessTokenLifetime,
      ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
      ...(refreshToken === undefined || expiresAt === undefined
        ? {}
        : { refresh_expires_in: Math.floor((expiresAt - now) / 1000) }),
      ...(tokens.id_token === undefined ? {} : { id_token: tokens.id_token }),
      ...(scope === '' ? {} : { scope }),
    };
  };

  /** RFC 6749 section 6. What it changes, it changes before its first await, so that no two requests interleave. */
  const refresh = (client: MockClient, form: ReadonlyMap<string, string>, exchange: TokenExchange) => {
    const now = exchange.now();
    const { effects } = exchange;
    const presented = form.get('refresh_token');
    if (presented === undefined) return oauthError(400, 'invalid_request', 'No refresh_token');
    const lookup = families.find(presented, client.client_id, now);
    if ('refused' in lookup) return oauthError(400, 'invalid_grant', refusals[lookup.refused]);
    const { family } = lookup;
    const scope = form.get('scope') ?? family.grant.scope;
    if (!isWithin(scope, family.grant.scope)) return scopeRefused();
    const refreshToken = families.rotate(family, presented, now);
    return respond(family.grant, scope, now, effects, { family, refreshToken });
  };

  /** RFC 6749 section 4.4. */
  const clientCredentials = (
    client: MockClient,
    form: ReadonlyMap<string, string>,
    exchange: TokenExchange,
  ) => {
    const now = exchange.now();
    const { effects } = exchange;
    const allowed = withoutUser(settings.scope);
    const scope = form.get('scope') ?? allowed;
    if (!isWithin(scope, allowed)) return scopeRefused();
    const grant: Grant = {
      clientId: client.client_id,
      subject: client.client_id,
      scope,
      audience: settings.audience,
      sid: '',
      authTime: 0,
    };
    return respond(grant, scope, now, effects, {});
  };

  const grants = new Map(Object.entries({ refresh_token: refresh, client_credentials: clientCredentials }));

  return {
    async handle(exchange) {
      const { request } = exchange;
      const mediaType = request.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
      if (mediaType !== 'application/x-www-form-urlencoded') {
        return oauthError(400, 'invalid_request', 'The body must be application/x-www-form-urlencoded');
      }
      const body = await request.text();
      if (body === undefined) return oauthError(413, 'invalid_request', `More than ${bodyLimit} characters`);
      const { form, duplicate } = parseForm(body);
      exchange.saw(form);
      if (duplicate !== undefined) return oauthError(400, 'invalid_request', `${duplicate} is there twice`);
      const authentication = authenticateClient(clients, request.header('authorization'), form);
      if ('refused' in authentication) return authentication.refused;
      const { client } = authentication;
      exchange.authenticated(client);
      const grantType = form.get('grant_type');
      if (grantType === undefined) return oauthError(400, 'invalid_request', 'No grant_type');
      const grant = grants.get(grantType);
      if (grant === undefined) return oauthError(400, 'unsupported_grant_type', 'No such grant here');
      if (!client.grant_types.some(type => type === grantType)) {
        return oauthError(400, 'unauthorized_client', `This client is not registered for ${grantType}`);
      }
      const result = await grant(client, form, exchange);
      return 'access_token' in result ? jsonReply(200, result, { pragma: 'no-cache' }) : result;
    },

    async issue(first, now) {
      const client = first.clientId === undefined ? settings.clients[0] : clients.get(first.clientId);
      if (client === undefined) throw new TypeError(`No client is called ${JSON.stringify(first.clientId)}`);
      const grant: Grant = {
        clientId: client.client_id,
        subject: first.subject ?? client.subject ?? settings.subject,
        scope: first.scope ?? settings.scope,
        audience: first.audience ?? settings.audience,
        sid: randomText(16),
        authTime: Math.floor(now / 1000),
      };
      const family = families.start(grant, now);
      const refreshToken = client.grant_types.includes('refresh_token') ? family.current : undefined;
      const { accessTokenLifetime: lifetime, nonce } = first;
      return respond(grant, grant.scope, now, [], { family, refreshToken, lifetime, nonce });
    },
  };
}

/** Parameters without a value count as left out, and none may come twice (RFC 6749 section 3.2). */
function parseForm(body: string): { form: ReadonlyMap<string, string>; duplicate: string | undefined } {
  const form = new Map<string, string>();
  let duplicate: string | undefined;
  for (const [name, value] of new URLSearchParams(body)) {
    if (form.has(name)) duplicate = name;
    else form.set(name, value);
  }
  for (const [name, value] of form) if (value === '') form.delete(name);
  return { form, duplicate };
}

function isWithin(scope: string, granted: string): boolean {
  const allowed = granted.split(' ');
  return scope.split(' ').every(value => allowed.includes(value));
}

/** Where nobody signed in there is nothing to say about them, and nothing to refresh. */
function withoutUser(scope: string): string {
  const personal = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'];
  return scope
    .split(' ')
    .filter(value => !personal.includes(value))
    .join(' ');
}

function scopeRefused(): MockReply {
  return oauthError(400, 'invalid_scope', 'More than was granted');
}
