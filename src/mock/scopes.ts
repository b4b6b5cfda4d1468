import type { Settings } from './options.ts';

/** Of somebody who has signed in; OpenID Connect Core sections 5.4 and 11. */
export const personalScopes: readonly string[] = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'];

export function supportedScopes(settings: Settings): readonly string[] {
  return [...new Set([...personalScopes, ...settings.scope.split(' ')])].filter(value => value !== '');
}

/** Whether there is such a scope to grant. */
export function isSupported(scope: string, settings: Settings): boolean {
  const supported = supportedScopes(settings);
  return scope.split(' ').every(value => supported.includes(value));
}
