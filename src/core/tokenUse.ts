import { isObject, own } from './json.ts';
import type { DecodedToken } from './jwt.ts';

export type TokenUse = 'access_token' | 'id_token' | 'refresh_token';

/**
 * What a token says it is for, by the first of these that answers; `undefined` where nothing does.
 * 1. Header `typ`: `at+jwt` is an access token (RFC 9068 section 2.1). Plain `JWT` says nothing.
 * 2. Claims by which well-known issuers name it: `token_use` (`access`, `id`), `typ` (`Bearer`, `ID`,
 *    `Refresh`, `Offline`).
 * 3. Claims that only an ID token has: `nonce`, `at_hash`, `c_hash`, `s_hash` (OpenID Connect Core 2, 3.3.2.11).
 * 4. Claims that only an access token has: `scope`, `scp`, `client_id`, `cnf`, `authorization_details`.
 * 5. Several audiences with an `azp` next to them, or an audience with `auth_time`, `acr`, `amr`: an ID token.
 */
export function tokenUse(decoded: DecodedToken): TokenUse | undefined {
  if (decoded.kind === 'opaque') return undefined;
  const typ = own(decoded.header, 'typ');
  if (typeof typ === 'string' && /^(?:application\/)?at\+jwt$/i.test(typ)) return 'access_token';
  if (decoded.kind === 'jwe') return undefined;
  const { payload } = decoded;
  const has = (name: string) => Object.hasOwn(payload, name);
  const named = uses.get(String(own(payload, 'token_use') ?? own(payload, 'typ')).toLowerCase());
  if (named) return named;
  if (['nonce', 'at_hash', 'c_hash', 's_hash'].some(has)) return 'id_token';
  if (['scope', 'scp', 'client_id', 'cnf', 'authorization_details'].some(has)) return 'access_token';
  if (isObject(own(payload, 'events'))) return undefined;
  return has('aud') && ['azp', 'auth_time', 'acr', 'amr'].some(has) ? 'id_token' : undefined;
}

const uses: ReadonlyMap<string, TokenUse> = new Map([
  ['access', 'access_token'],
  ['bearer', 'access_token'],
  ['dpop', 'access_token'],
  ['id', 'id_token'],
  ['refresh', 'refresh_token'],
  ['offline', 'refresh_token'],
]);
