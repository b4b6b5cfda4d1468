import { isSameIssuer } from './issuerNames.ts';
import { own } from './json.ts';
import { type DecodedToken, decodeToken } from './jwt.ts';

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
  if (before.sub !== undefined && before.sub !== now.sub) return 'sub';
  const audience = list(now.aud);
  return list(before.aud).every(each => audience.includes(each)) ? undefined : 'aud';
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}
