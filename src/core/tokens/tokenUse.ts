import { type JsonObject, memberAsWritten, own, sameMember, withMembers } from './json.ts';
import { type DecodedToken, decodeToken, membersOf } from './jwt.ts';
import { isTimeClaim, numericDate, typeOf } from './tokenParts.ts';

export type TokenUse = 'access_token' | 'id_token' | 'refresh_token';

export interface UseHint {
  readonly use: TokenUse;
  /** False if other tokens may have the same claims. */
  readonly certain: boolean;
}

/**
 * The use of a token, by the first of these rules that applies; `undefined` if none does.
 * 1. Header `typ`: `at+jwt` is an access token (RFC 9068 section 2.1), `rt+jwt` the refresh token of some issuers.
 *    Plain `JWT` tells nothing.
 * 2. Claims by which well-known issuers name it: `token_use` (`access`, `id`), `typ` (`Bearer`, `ID`, `Refresh`,
 *    `Offline`), `token_type` and `type` (`refresh`, `access`), `grant_type`, `drn` (`DS`, `DSR`), and `ati`. Of an
 *    encrypted token the header, if it is that of Cognito.
 * 3. Claims that only an ID token has: `nonce`, `at_hash`, `c_hash`, `s_hash` (OpenID Connect Core 2, 3.3.2.11).
 * 4. Not certain: claims that belong to access tokens (`scope`, `scp`, `client_id`, `cnf`, `roles`,
 *    `authorization_details`), then, together with an audience, `azp`, `auth_time`, `acr` or `amr` as in an ID token.
 */
export function tokenUse(decoded: DecodedToken): UseHint | undefined {
  if (decoded.kind === 'opaque') return undefined;
  const typ = typeOf(decoded.header);
  if (typ === 'at+jwt') return certain('access_token');
  if (typ === 'rt+jwt' || typ === 'refresh+jwt') return certain('refresh_token');
  // A type of its own: proofs and key bindings have a nonce as well, and are no ID tokens (RFC 8725 section 3.11).
  if (typ.endsWith('+jwt')) return undefined;
  if (decoded.kind === 'jwe')
    return decoded.headerText === cognitoHeader ? { use: 'refresh_token', certain: false } : undefined;
  const { payload } = decoded;
  const hasOneOf = (...names: string[]) => names.some(name => Object.hasOwn(payload, name));
  for (const name of useClaims) {
    const value = own(payload, name);
    const named = typeof value === 'string' ? uses.get(value.toLowerCase().replace(/[-_ ]?token$/, '')) : undefined;
    if (named) return certain(named);
  }
  // Spring puts the id of the access token into the refresh token that was issued with it.
  if (hasOneOf('ati')) return certain('refresh_token');
  if (hasOneOf('nonce', 'at_hash', 'c_hash', 's_hash')) return certain('id_token');
  if (hasOneOf('scope', 'scp', 'client_id', 'cnf', 'roles', 'authorization_details')) {
    return { use: 'access_token', certain: false };
  }
  if (hasOneOf('events')) return undefined;
  return hasOneOf('aud') && hasOneOf('azp', 'auth_time', 'acr', 'amr')
    ? { use: 'id_token', certain: false }
    : undefined;
}

function certain(use: TokenUse): UseHint {
  return { use, certain: true };
}

/** Every refresh token of Amazon Cognito has exactly this header, without a `kid`. Others may have it as well. */
const cognitoHeader = '{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}';

/** Claims in which issuers and frameworks name the use. */
const useClaims = ['token_use', 'typ', 'token_type', 'type', 'grant_type', 'drn'] as const;

const uses: ReadonlyMap<string, TokenUse> = new Map([
  ['access', 'access_token'],
  ['bearer', 'access_token'],
  ['dpop', 'access_token'],
  ['id', 'id_token'],
  ['refresh', 'refresh_token'],
  ['offline', 'refresh_token'],
  // The cookies of Descope that hold the session and its refresh token
  ['ds', 'access_token'],
  ['dsr', 'refresh_token'],
]);

export type Claims = Readonly<Record<string, unknown>>;

/** Nothing is verified. `undefined` if there is no readable JWS. */
export function claimsOf(idToken: string | undefined): Claims | undefined {
  if (idToken === undefined) return undefined;
  try {
    const decoded = decodeToken(idToken);
    return decoded.kind === 'jws' ? decoded.payload : undefined;
  } catch {
    return undefined;
  }
}

const isText = (value: unknown) => typeof value === 'string' && value !== '';
const isTime = (value: unknown) => typeof value === 'number' || (typeof value === 'string' && timeAsText.test(value));

/** A time that an issuer wrote as text. */
export const timeAsText = /^\d{1,12}(?:\.\d{1,9})?$/;

/** The claims of every ID token (OpenID Connect Core section 2). */
const required = {
  iss: isText,
  sub: isText,
  aud: (value: unknown) => (Array.isArray(value) ? value.length > 0 && value.every(isText) : isText(value)),
  exp: isTime,
  iat: isTime,
} as const;

type RequiredClaim = keyof typeof required;

/** The claims that an ID token lacks, or has with a value of the wrong type. */
export function missingClaims(claims: Claims): RequiredClaim[] {
  return (Object.keys(required) as RequiredClaim[]).filter(name => !required[name](own(claims as JsonObject, name)));
}

/**
 * True for a text in the place of an ID token that is none: no JWT, or one without a claim that all have. An encrypted one
 * cannot be judged.
 */
export function isNoIdToken(token: string | undefined): boolean {
  if (token === undefined || token.split('.').length === 5) return false;
  const claims = claimsOf(token);
  return claims === undefined || missingClaims(claims).length > 0;
}

/** The first claim that differs between two ID tokens of one sign-in but must not (OpenID Connect Core §12.2). */
export function changedClaim(before: Claims, now: Claims): 'iss' | 'sub' | 'aud' | undefined {
  if (before.iss !== undefined && !isSameIssuer(before.iss, now.iss)) return 'iss';
  if (before.sub !== undefined && !sameMember(before, now, 'sub')) return 'sub';
  const audience = list(now.aud);
  return list(before.aud).every(each => audience.includes(each)) ? undefined : 'aud';
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

/** A difference between two decoded tokens. Nothing here is verified. */
export interface Difference {
  readonly part: 'header' | 'payload';
  readonly name: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly before?: unknown;
  readonly after?: unknown;
  /** For two times: how many seconds later that of the second token is. */
  readonly seconds?: number;
}

/** Compares member by member, in the order of the first token and then of the second. */
export function compareTokens(before: DecodedToken, after: DecodedToken): Difference[] {
  return (['header', 'payload'] as const).flatMap(part => {
    return compareMembers(part, membersOf(before, part), membersOf(after, part));
  });
}

/** The same for one part, or for any two objects. */
export function compareMembers(part: Difference['part'], one: JsonObject, other: JsonObject): Difference[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].flatMap(name => difference(part, name, one, other));
}

function difference(part: Difference['part'], name: string, one: JsonObject, other: JsonObject): Difference[] {
  const [before, after] = [memberAsWritten(one, name), memberAsWritten(other, name)];
  if (!Object.hasOwn(one, name)) return [{ part, name, change: 'added', after }];
  if (!Object.hasOwn(other, name)) return [{ part, name, change: 'removed', before }];
  if (sameMember(one, other, name)) return [];
  const isTime = part === 'payload' && isTimeClaim(name);
  const [from, to] = [numericDate(own(one, name)), numericDate(own(other, name))];
  const seconds = isTime && 'at' in from && 'at' in to ? (to.at - from.at) / 1000 : undefined;
  return [{ part, name, change: 'changed', before, after, ...(seconds !== undefined && { seconds }) }];
}

/** The members of both tokens in one order, those of the first token first, so that a text comparison lines up. */
export function inSameOrder(first: JsonObject, second: JsonObject): JsonObject {
  return withMembers(new Set([...Object.keys(first), ...Object.keys(second)]), second);
}

// --- Issuers with more than one name, and issuers that a wrong name may mean ---

/**
 * Issuers are compared character by character. Only Google uses two names:
 * https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken
 */
export function isSameIssuer(one: unknown, other: unknown): boolean {
  return one === other || (isGoogle(one) && isGoogle(other));
}

const isGoogle = (issuer: unknown) => issuer === 'https://accounts.google.com' || issuer === 'accounts.google.com';

/**
 * True for two names of the same issuer: with a slash at the end, Google's without the scheme, Entra's v1.0 name and
 * its names for any tenant.
 */
export function meansSameIssuer(one: string, other: string): boolean {
  const [mine, theirs] = [plainIssuer(one), plainIssuer(other)];
  if (mine === theirs) return true;
  const tenants = [mine, theirs].map(each => /^entra (.+)$/.exec(each)?.[1]);
  return tenants.every(each => each !== undefined) && tenants.some(each => each !== undefined && anyTenant.test(each));
}

const anyTenant = /^(?:common|organizations|consumers|\{tenantid\})$/;

function plainIssuer(issuer: string): string {
  const plain = issuer.replace(/\/$/, '').replace(/^accounts\.google\.com$/, 'https://accounts.google.com');
  const tenant = /^https:\/\/(?:sts\.windows\.net|login\.microsoftonline\.com)\/([^/]+)(?:\/v2\.0)?$/.exec(plain)?.[1];
  return tenant === undefined ? plain : `entra ${tenant}`;
}

/** Microsoft Entra ID's metadata for `common` and the like has a pattern instead of an issuer's name. */
const placeholder = /\{[a-z]+\}/i;

export function hasPlaceholder(issuer: string): boolean {
  return placeholder.test(issuer);
}

/** The id of a tenant of Microsoft Entra ID. */
export const tenantPattern = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** The v2.0 name of the tenant with this v1.0 name. Only v2.0 endpoints accept scopes. */
export function entraV2Issuer(issuer: string): string | undefined {
  const [, tenant] = /^https:\/\/sts\.windows\.net\/([\da-f-]{36})\/$/i.exec(issuer) ?? [];
  return tenant && `https://login.microsoftonline.com/${tenant}/v2.0`;
}

/**
 * The issuers that a setting may mean if its metadata names `found`, the most likely first. Empty if only the tenant is
 * missing.
 * @param tenant the tenant in the connection's tokens
 */
export function likelyIssuers(set: string, found: string, tenant: string | undefined): readonly string[] {
  const named = hasPlaceholder(found) ? (tenant ? found.replace(placeholder, tenant) : undefined) : found;
  const second = entraV2Issuer(found);
  return [second, named].filter((each): each is string => each !== undefined && each !== set);
}
