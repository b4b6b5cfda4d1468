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

/** The https address that a host without a scheme, or an http address of another machine, stands for. */
export function addressMeant(text: string): string | undefined {
  const [, rest] = /^(?:http:\/\/)?((?:[a-z\d-]+\.)+[a-z]{2,}(?::\d+)?(?:\/[\w.~/%-]*)?)$/i.exec(text.trim()) ?? [];
  return rest && `https://${rest}`;
}
