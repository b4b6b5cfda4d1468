import { type JsonObject, memberAsWritten, own, sameMember, withMembers } from './json.ts';
import { type DecodedToken, decodeToken, membersOf } from './jwt.ts';
import { isTimeClaim, numericDate } from './tokenParts.ts';

export type TokenUse = 'access_token' | 'id_token' | 'refresh_token';

export interface UseHint {
  readonly use: TokenUse;
  /** False where other tokens may carry the same claims. */
  readonly certain: boolean;
}

/**
 * What a token says it is for, by the first of these that answers; `undefined` where nothing does.
 * 1. Header `typ`: `at+jwt` is an access token (RFC 9068 section 2.1), `rt+jwt` some issuers' refresh token. Plain
 *    `JWT` says nothing.
 * 2. Claims by which well-known issuers name it: `token_use` (`access`, `id`), `typ` (`Bearer`, `ID`, `Refresh`,
 *    `Offline`), `token_type` and `type` (`refresh`, `access`), `grant_type`, and `ati`.
 * 3. Claims that only an ID token has: `nonce`, `at_hash`, `c_hash`, `s_hash` (OpenID Connect Core 2, 3.3.2.11).
 * 4. Not certain: claims that belong to access tokens (`scope`, `scp`, `client_id`, `cnf`, `roles`,
 *    `authorization_details`), then, next to an audience, `azp`, `auth_time`, `acr` or `amr` as in an ID token.
 */
export function tokenUse(decoded: DecodedToken): UseHint | undefined {
  if (decoded.kind === 'opaque') return undefined;
  const typ = own(decoded.header, 'typ');
  const [, kind] = /^(?:application\/)?(at|rt|refresh)\+jwt$/i.exec(typeof typ === 'string' ? typ : '') ?? [];
  if (kind !== undefined) return certain(/^at$/i.test(kind) ? 'access_token' : 'refresh_token');
  if (decoded.kind === 'jwe') return undefined;
  const { payload } = decoded;
  const hasOneOf = (...names: string[]) => names.some(name => Object.hasOwn(payload, name));
  for (const name of useClaims) {
    const value = own(payload, name);
    const named = typeof value === 'string' ? uses.get(value.toLowerCase().replace(/[-_ ]?token$/, '')) : undefined;
    if (named) return certain(named);
  }
  // Spring puts the id of the access token into the refresh token that came with it.
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

/** Claims by which issuers and frameworks name the use. */
const useClaims = ['token_use', 'typ', 'token_type', 'type', 'grant_type'] as const;

const uses: ReadonlyMap<string, TokenUse> = new Map([
  ['access', 'access_token'],
  ['bearer', 'access_token'],
  ['dpop', 'access_token'],
  ['id', 'id_token'],
  ['refresh', 'refresh_token'],
  ['offline', 'refresh_token'],
]);

export type Claims = Readonly<Record<string, unknown>>;

/** Nothing about them is verified. `undefined` where there is nothing to read. */
export function claimsOf(idToken: string | undefined): Claims | undefined {
  if (idToken === undefined) return undefined;
  try {
    const decoded = decodeToken(idToken);
    return decoded.kind === 'jws' ? decoded.payload : undefined;
  } catch {
    return undefined;
  }
}

/** What must not differ between two ID tokens of one sign-in, and does (OpenID Connect Core §12.2). */
export function changedClaim(before: Claims, now: Claims): 'iss' | 'sub' | 'aud' | undefined {
  if (before.iss !== undefined && !isSameIssuer(before.iss, now.iss)) return 'iss';
  if (before.sub !== undefined && !sameMember(before, now, 'sub')) return 'sub';
  const audience = list(now.aud);
  return list(before.aud).every(each => audience.includes(each)) ? undefined : 'aud';
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

/** What two decoded tokens say differently. Nothing here is verified. */
export interface Difference {
  readonly part: 'header' | 'payload';
  readonly name: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly before?: unknown;
  readonly after?: unknown;
  /** Of two times: by how many seconds the second token's is later. */
  readonly seconds?: number;
}

/** Member by member, in the order of the first token and then of the second. */
export function compareTokens(before: DecodedToken, after: DecodedToken): Difference[] {
  return (['header', 'payload'] as const).flatMap(part => {
    return compareMembers(part, membersOf(before, part), membersOf(after, part));
  });
}

/** The same of one part, whatever says it. */
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

/** The members of both tokens in one order, so that a text comparison lines up: those of the first token lead. */
export function inOrderOf(first: JsonObject, second: JsonObject): JsonObject {
  return withMembers(new Set([...Object.keys(first), ...Object.keys(second)]), second);
}

/** Issuers that go by more than one name, and what was meant where a name is almost one. */

/**
 * Issuers are compared character by character. Google alone calls itself by two names:
 * https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken
 */
export function isSameIssuer(one: unknown, other: unknown): boolean {
  return one === other || (isGoogle(one) && isGoogle(other));
}

const isGoogle = (issuer: unknown) => issuer === 'https://accounts.google.com' || issuer === 'accounts.google.com';

/** Two names of one issuer: with a slash at the end, Google's without its scheme, Entra's v1.0 and its any-tenant names. */
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

/** Microsoft Entra ID answers with a pattern for `common` and its like, which are no issuer's name. */
const placeholder = /\{[a-z]+\}/i;

export function hasPlaceholder(issuer: string): boolean {
  return placeholder.test(issuer);
}

/** The id of a tenant of Microsoft Entra ID. */
export const tenantPattern = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** The v2.0 name of a tenant whose v1.0 name this is: the one whose endpoints take scopes. */
export function secondVersion(issuer: string): string | undefined {
  const [, tenant] = /^https:\/\/sts\.windows\.net\/([\da-f-]{36})\/$/i.exec(issuer) ?? [];
  return tenant && `https://login.microsoftonline.com/${tenant}/v2.0`;
}

/**
 * The issuers that a setting can mean whose metadata names `found`, the likeliest first. None where only a tenant is missing.
 * @param tenant of the tokens that the connection has
 */
export function issuersMeant(set: string, found: string, tenant: string | undefined): readonly string[] {
  const named = hasPlaceholder(found) ? (tenant ? found.replace(placeholder, tenant) : undefined) : found;
  const second = secondVersion(found);
  return [second, named].filter((each): each is string => each !== undefined && each !== set);
}
