import { decodeToken } from './jwt.ts';

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
  for (const claim of ['iss', 'sub'] as const) {
    if (before[claim] !== undefined && before[claim] !== now[claim]) return claim;
  }
  const audience = list(now.aud);
  return list(before.aud).every(each => audience.includes(each)) ? undefined : 'aud';
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}
