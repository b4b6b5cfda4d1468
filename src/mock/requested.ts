import type { Form } from './http.ts';
import { listOf } from './http.ts';
import type { Settings } from './options.ts';
import { standardScopeClaims } from './users.ts';
/* What a request may ask for: redirect URIs, scopes, and the APIs that tokens are for. */

/**
 * Whether a browser may be sent to this address: it has no fragment (RFC 6749 section 3.1.2) and is not a script or
 * local scheme.
 */
export function isRedirectUri(uri: string): boolean {
  // A Location header holds ASCII without blanks only.
  if (!URL.canParse(uri) || !/^[\x21\x22\x24-\x7e]+$/.test(uri)) return false;
  return !/^(javascript|data|vbscript|blob|file|about):/i.test(uri);
}

/**
 * An exact match, except for the port of a loopback address, which a client learns only when it listens (RFC 8252
 * section 7.3).
 */
export function isRegistered(uri: string, registered: readonly string[]): boolean {
  const wanted = withoutLoopbackPort(uri);
  return isRedirectUri(uri) && registered.some(each => withoutLoopbackPort(each) === wanted);
}

function withoutLoopbackPort(uri: string): string {
  return uri.replace(/^(http:\/\/(?:127\.0\.0\.1|\[::1\])):\d{1,5}(?=[/?]|$)/, '$1');
}

export function isOrigin(value: string): boolean {
  return URL.canParse(value) && new URL(value).origin === value;
}

const onThisMachine = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

/**
 * Whether a page of this origin may read responses: it is listed in `origins`, or both it and a listed origin are on
 * this machine.
 */
export function isAllowedOrigin(origin: string, origins: readonly string[]): boolean {
  return origins.includes(origin) || (onThisMachine.test(origin) && origins.some(each => onThisMachine.test(each)));
}

export function withParameters(uri: string, parameters: URLSearchParams): string {
  const text = parameters.toString();
  return text === '' ? uri : `${uri}${uri.includes('?') ? '&' : '?'}${text}`;
}

/** Scopes that need a signed-in user; OpenID Connect Core sections 5.4 and 11. */
export const personalScopes: readonly string[] = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'];

export function supportedScopes(settings: Settings): readonly string[] {
  const asked = Object.keys(settings.scopeClaims).filter(
    name => !(name in standardScopeClaims) || (name === 'groups' && settings.users.length > 0),
  );
  return [...new Set([...personalScopes, ...asked, ...settings.scope.split(' ')])].filter(value => value !== '');
}

/** Whether every scope in this list exists. */
export function isSupported(scope: string, settings: Settings): boolean {
  const supported = supportedScopes(settings);
  return scope.split(' ').every(value => supported.includes(value));
}

export function hasScope(scope: string, value: string): boolean {
  // Most scopes that are asked for are not in the text at all, which costs less to see than to split it.
  return scope.includes(value) && scope.split(' ').includes(value);
}

export function isWithin(scope: string, granted: string): boolean {
  if (scope === granted) return true;
  const allowed = granted.split(' ');
  return scope.split(' ').every(value => allowed.includes(value));
}

/**
 * The APIs that tokens are requested for: `resource` (RFC 8707) and `audience` (RFC 8693), which issuers accept in
 * other requests too.
 */
export type Targets =
  | { readonly targets: readonly string[] | undefined }
  | { readonly refused: 'invalid_target'; readonly description: string };

/** `allowed`: the targets that exist; undefined allows any. */
export function targetsOf(form: Form, allowed: readonly string[] | undefined): Targets {
  if (!form.has('resource') && !form.has('audience')) return { targets: undefined };
  const resources = listOf(form, 'resource');
  if (!resources.every(each => URL.canParse(each) && !each.includes('#')))
    return { refused: 'invalid_target', description: 'A resource is an absolute URI with no fragment' };
  const targets = [...new Set([...resources, ...listOf(form, 'audience')])];
  if (allowed !== undefined && !targets.every(target => allowed.includes(target)))
    return { refused: 'invalid_target', description: 'Unknown resource or audience, or one that was not granted' };
  return { targets };
}

/** The `aud` claim: a string for one target, an array for several. */
export function audienceOf(targets: readonly string[]): string | readonly string[] {
  const [only] = targets;
  return targets.length === 1 && only !== undefined ? only : targets;
}
