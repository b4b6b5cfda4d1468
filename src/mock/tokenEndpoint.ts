import { personalScopes, targetsOf } from './authorizationRequest.ts';
import { type BackChannel, confirmation } from './clients.ts';
import type { DpopVerifier } from './dpop.ts';
import { patched } from './effects.ts';
import { type Confirmation, type Families, type Grant, isWithin, newSid } from './families.ts';
import { type Answer, type Effect, type Form, jsonReply, type MockReply, oauthError, type TokenKind } from './http.ts';
import { clientCalled, type Settings } from './options.ts';
import type { GrantType, MockClient } from './registry.ts';
import { anyText, either, type Input, list, optional, seconds } from './shape.ts';
import type { TokenReader } from './tokenStatus.ts';
import type { Issuing, TokenResponse } from './tokens.ts';
import { audienceOf } from './tokens.ts';

export const firstTokenFields = {
  clientId: optional(anyText, 'Client to issue the tokens to.', 'the first client'),
  subject: optional(anyText, 'Subject of the user who signed in.', 'the default user'),
  scope: optional(anyText, 'Granted scope.', '`scope` of the issuer'),
  audience: optional(either(anyText, list(anyText)), '`aud` of the access token.', '`audience` of the issuer'),
  accessTokenLifetime: optional(seconds, 'Seconds. Applies to this first access token only.'),
  nonce: optional(anyText, 'Nonce of the first ID token only (OpenID Connect Core section 12.2).'),
  jkt: optional(anyText, 'RFC 7638 thumbprint of a key: binds the tokens to it as a DPoP proof would.'),
};

export type FirstTokens = Input<typeof firstTokenFields>;

/** One token request of an authenticated client. */
interface TokenRequest {
  readonly client: MockClient;
  readonly form: Form;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly effects: readonly Effect[];
  /** The key or certificate that the client proved to hold; its tokens are bound to it. */
  readonly cnf: Confirmation | undefined;
}

export type GrantWork = (request: TokenRequest) => MockReply | TokenResponse | Promise<MockReply | TokenResponse>;

const noCache = { pragma: 'no-cache' };

const refusals = {
  unknown: 'This refresh token is unknown',
  foreign: 'This refresh token was issued to another client',
  expired: 'This refresh token has expired',
  revoked: 'This refresh token has been revoked',
  reused: 'This refresh token was used before; all tokens of its grant are now revoked',
};

/** RFC 6749 section 6. All changes happen before the first await, so that two requests cannot interleave. */
export function refreshGrant(settings: Settings, families: Families, issuing: Issuing): GrantWork {
  return ({ client, form, now, effects, cnf }) => {
    const presented = form.get('refresh_token');
    if (presented === undefined) return oauthError(400, 'invalid_request', 'No refresh_token');
    const lookup = families.find(presented, client.client_id, now);
    if ('refused' in lookup) return oauthError(400, 'invalid_grant', refusals[lookup.refused]);
    const { family } = lookup;
    const { grant } = family;
    const { jkt, 'x5t#S256': certificate } = grant.cnf ?? {};
    if (jkt !== undefined && jkt !== cnf?.jkt)
      return oauthError(400, 'invalid_grant', 'This refresh token is bound to another DPoP key');
    if (certificate !== undefined && certificate !== cnf?.['x5t#S256'])
      return oauthError(400, 'invalid_grant', 'This refresh token is bound to another certificate');
    const scope = form.get('scope') ?? grant.scope;
    if (!isWithin(scope, grant.scope)) return scopeRefused();
    const asked = targetsOf(form, grant.targets ?? settings.audiences);
    if ('refused' in asked) return oauthError(400, asked.refused, asked.description);
    const refreshToken = families.rotate(family, presented, now);
    return issuing.respond({
      grant: narrowed(grant, asked.targets),
      scope,
      now,
      effects,
      family,
      refreshToken,
      cnf,
    });
  };
}

/** RFC 6749 section 4.4. */
export function clientCredentialsGrant(settings: Settings, issuing: Issuing): GrantWork {
  return ({ client, form, now, effects, cnf }) => {
    // Without a user there is neither an ID token nor a refresh token.
    const allowed = settings.scope
      .split(' ')
      .filter(value => !personalScopes.includes(value))
      .join(' ');
    const scope = form.get('scope') ?? allowed;
    if (!isWithin(scope, allowed)) return scopeRefused();
    const asked = targetsOf(form, settings.audiences);
    if ('refused' in asked) return oauthError(400, asked.refused, asked.description);
    const { client_id } = client;
    const { audience } = settings;
    const grant = { clientId: client_id, subject: client_id, scope, audience, sid: '', authTime: 0 };
    return issuing.respond({ grant: narrowed(grant, asked.targets), scope, now, effects, cnf });
  };
}

export function createTokenEndpoint(
  settings: Settings,
  backChannel: BackChannel,
  proofs: DpopVerifier,
  works: Readonly<Record<GrantType, GrantWork>>,
): Answer {
  const grants = new Map<string, GrantWork>(Object.entries(works));
  return backChannel(async (client, form, exchange) => {
    const grantType = form.get('grant_type');
    if (grantType === undefined) return oauthError(400, 'invalid_request', 'No grant_type');
    const grant = grants.get(grantType);
    if (grant === undefined) return oauthError(400, 'unsupported_grant_type', 'This grant_type is not supported');
    if (!client.grant_types.some(type => type === grantType)) {
      return oauthError(400, 'unauthorized_client', 'This client is not registered for this grant type');
    }
    // Most requests have no DPoP header, and skipping the check keeps them fast.
    const proof = exchange.request.header('dpop') === undefined ? undefined : await proofs.check(exchange);
    const headers = proof === undefined ? noCache : { ...noCache, ...proofs.headers };
    if (proof !== undefined && 'refused' in proof) return oauthError(400, proof.refused, proof.description, headers);
    const jkt = proof?.jkt;
    if (client.dpop_bound_access_tokens && jkt === undefined)
      return oauthError(400, 'invalid_dpop_proof', 'This client must send a DPoP proof');
    const cnf = confirmation(client, jkt, exchange.request.certificate);
    if (client.tls_client_certificate_bound_access_tokens && cnf?.['x5t#S256'] === undefined)
      return oauthError(400, 'invalid_request', 'This client must use a certificate');
    const result = await grant({ client, form, now: exchange.now(), effects: exchange.effects, cnf });
    if ('access_token' in result) return jsonReply(200, patched({ ...result }, settings.tokenResponsePatch), headers);
    const { persona } = settings;
    const refused = { ...result, headers: { ...result.headers, ...headers } };
    if (result.error === undefined || persona === undefined) return refused;
    const more = persona.error?.(exchange.now());
    return {
      ...refused,
      status: persona.statuses?.[result.error] ?? result.status,
      ...(more !== undefined && { body: JSON.stringify({ ...JSON.parse(result.body), ...more }) }),
    };
  });
}

/** Issues a first token set, as if a user had signed in. */
export function firstTokens(
  settings: Settings,
  families: Families,
  issuing: Issuing,
): (first: FirstTokens, now: number) => Promise<TokenResponse> {
  return async (first, now) => {
    const client = clientCalled(settings, first.clientId);
    const { jkt, nonce, accessTokenLifetime: lifetime } = first;
    const cnf = jkt === undefined ? undefined : { jkt };
    const grant: Grant = {
      clientId: client.client_id,
      subject: first.subject ?? client.subject ?? settings.subject,
      scope: first.scope ?? settings.scope,
      audience: first.audience ?? settings.audience,
      sid: newSid(),
      authTime: Math.floor(now / 1000),
      cnf,
    };
    const family = families.start(grant, now);
    const refreshToken = client.grant_types.includes('refresh_token') ? family.current : undefined;
    const { scope } = grant;
    return issuing.respond({ grant, scope, now, effects: [], family, refreshToken, lifetime, nonce, cnf });
  };
}

export function narrowed(grant: Grant, targets: readonly string[] | undefined): Grant {
  return targets === undefined ? grant : { ...grant, audience: audienceOf(targets) };
}

function scopeRefused(): MockReply {
  return oauthError(400, 'invalid_scope', 'The scope exceeds what was granted');
}

const type = (name: string) => `urn:ietf:params:oauth:token-type:${name}`;

/** RFC 8693 section 3: the kinds of token that each token type identifier covers. */
const kindsOf = new Map<string, readonly TokenKind[]>([
  [type('access_token'), ['access_token']],
  [type('id_token'), ['id_token']],
  [type('jwt'), ['access_token', 'id_token']],
]);

/**
 * RFC 8693 section 2.1: exchanges a token of this issuer for one with another audience. Delegation (actor_token) is not
 * supported.
 */
export function exchangeGrant(settings: Settings, reader: TokenReader, issuing: Issuing): GrantWork {
  return async ({ client, form, now, effects, cnf }) => {
    const subjectToken = form.get('subject_token');
    const subjectTokenType = form.get('subject_token_type');
    const wantedType = form.get('requested_token_type') ?? type('access_token');
    if (subjectToken === undefined || subjectTokenType === undefined)
      return invalid('subject_token and subject_token_type are needed');
    if (form.has('actor_token') || form.has('actor_token_type')) return invalid('actor_token is not supported');
    const kinds = kindsOf.get(subjectTokenType);
    if (kinds === undefined) return invalid('This subject_token_type is not supported');
    if (wantedType !== type('access_token') && wantedType !== type('jwt'))
      return invalid('Only access tokens, which are JWTs, can be requested');
    const subject = await reader.read(subjectToken);
    if (subject === undefined || !reader.isActive(subject, now))
      return invalid('The subject_token is not a valid token of this issuer');
    const { kind, claims, family, scope: ofToken } = subject;
    if (!kinds.includes(kind)) return invalid('The subject_token does not match the subject_token_type');
    // An ID token is meant for one client, so no other client may exchange it.
    if (kind === 'id_token' && claims.aud !== client.client_id)
      return invalid('The ID token was issued to another client');
    const granted = kind === 'id_token' ? (family?.grant.scope ?? '') : ofToken;
    const scope = form.get('scope') ?? granted;
    if (!isWithin(scope, granted))
      return oauthError(400, 'invalid_scope', 'The scope exceeds that of the subject_token');
    const asked = targetsOf(form, settings.audiences);
    if ('refused' in asked) return oauthError(400, asked.refused, asked.description);
    // The new token expires no later than the subject token, and is revoked with the same grant.
    const left = Math.floor(Number(claims.exp) - now / 1000);
    const lifetime = Math.max(0, Math.min(settings.accessTokenLifetime, left));
    const grant = {
      clientId: client.client_id,
      subject: String(claims.sub),
      scope,
      audience: asked.targets === undefined ? settings.audience : audienceOf(asked.targets),
      sid: family?.grant.sid ?? '',
      authTime: 0,
    };
    const tokens = await issuing.respond({ grant, scope, now, effects, lifetime, cnf });
    return { ...tokens, issued_token_type: wantedType };
  };
}

/** RFC 8693 section 2.2.2 requires invalid_request for an invalid subject_token too. */
function invalid(description: string): MockReply {
  return oauthError(400, 'invalid_request', description);
}
