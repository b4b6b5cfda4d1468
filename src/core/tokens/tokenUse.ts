import { own } from './json.ts';
import type { DecodedToken } from './jwt.ts';

export type TokenUse = 'access_token' | 'id_token' | 'refresh_token';

export interface UseHint {
  readonly use: TokenUse;
  /** False where other tokens may carry the same claims. */
  readonly certain: boolean;
}

/**
 * What a token says it is for, by the first of these that answers; `undefined` where nothing does.
 * 1. Header `typ`: `at+jwt` is an access token (RFC 9068 section 2.1). Plain `JWT` says nothing.
 * 2. Claims by which well-known issuers name it: `token_use` (`access`, `id`), `typ` (`Bearer`, `ID`,
 *    `Refresh`, `Offline`).
 * 3. Claims that only an ID token has: `nonce`, `at_hash`, `c_hash`, `s_hash` (OpenID Connect Core 2, 3.3.2.11).
 * 4. Not certain: claims that belong to access tokens (`scope`, `scp`, `client_id`, `cnf`, `roles`,
 *    `authorization_details`), then, next to an audience, `azp`, `auth_time`, `acr` or `amr` as in an ID token.
 */
export function tokenUse(decoded: DecodedToken): UseHint | undefined {
  if (decoded.kind === 'opaque') return undefined;
  const typ = own(decoded.header, 'typ');
  if (typeof typ === 'string' && /^(?:application\/)?at\+jwt$/i.test(typ)) return certain('access_token');
  if (decoded.kind === 'jwe') return undefined;
  const { payload } = decoded;
  const hasOneOf = (...names: string[]) => names.some(name => Object.hasOwn(payload, name));
  const named = uses.get(String(own(payload, 'token_use') ?? own(payload, 'typ')).toLowerCase());
  if (named) return certain(named);
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

const uses: ReadonlyMap<string, TokenUse> = new Map([
  ['access', 'access_token'],
  ['bearer', 'access_token'],
  ['dpop', 'access_token'],
  ['id', 'id_token'],
  ['refresh', 'refresh_token'],
  ['offline', 'refresh_token'],
]);
