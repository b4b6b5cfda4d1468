import { defined, isObject, own, readJson } from '../tokens/json.ts';
import { decodeToken, expiresAt } from '../tokens/jwt.ts';

/** What a stored refresh token was issued for. It is not sent if this does not match the connection. */
export interface TokenBinding {
  readonly issuer?: string;
  readonly token_endpoint?: string;
  readonly client_id: string;
}

/**
 * The tokens of one connection. Members of the response keep their RFC 6749 names; times are milliseconds since the
 * epoch.
 */
export interface TokenSet {
  readonly access_token?: string;
  readonly token_type?: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
  readonly scope?: string;
  /** When the access token expires, by `expires_in` or by its own `exp`. */
  readonly expires_at?: number;
  /** When the refresh token expires, if the issuer said so (`refresh_expires_in`, `refresh_token_expires_in`). */
  readonly refresh_expires_at?: number;
  /** When the access token was received. */
  readonly obtained_at: number;
  /** A refresh may return no ID token (OpenID Connect Core §12.2); the ID token is older than the access token then. */
  readonly id_token_obtained_at?: number;
  /** A later refresh brought something that is no ID token, which was left out. */
  readonly id_token_left_out?: true;
  readonly refresh_token_stored_at?: number;
  readonly refresh_token_last_used_at?: number;
  /** The issuer has answered a refresh with this refresh token and has not replaced it, so a use does not use it up. */
  readonly refresh_token_kept?: true;
  /** Set if this grant issues no refresh token: new tokens come from repeating the request. */
  readonly grant?: 'client_credentials';
  /** How many refreshes in a row have brought an access token that ends before the next refresh may begin. */
  readonly short_lived?: number;
}

/** A harmless mistake of an issuer. */
export interface ResponseWarning {
  readonly code:
    | 'member_invalid'
    | 'token_type_missing'
    /** Neither Bearer nor DPoP, for example Slack's `bot` and `user`; the token is used as a bearer token. */
    | 'token_type_unknown'
    /** The tokens were not at the top level of the response. */
    | 'response_nested'
    /** The response is truncated or not JSON; only complete members were used. */
    | 'response_incomplete'
    | 'token_not_bound'
    | 'clock_skew'
    | 'id_token_claim_changed'
    /** A time in the ID token is a text; it was read as the number that it contains. */
    | 'id_token_time_as_text'
    | 'id_token_encrypted'
    /** It is no JWT or lacks a required claim, so it was left out. */
    | 'id_token_left_out';
  /** The member of the response or the claim of the ID token. */
  readonly member?: string;
  /** Milliseconds by which this machine's clock is ahead of the issuer's. */
  readonly ahead?: number;
}

/**
 * The members of a token response that are kept, as they were sent (RFC 6749 §5.1): lifetimes in seconds; dates, which
 * some issuers send instead, in milliseconds since the epoch. `tokenMembers.ts` reads them.
 */
export interface RawTokens {
  readonly access_token?: string;
  readonly token_type?: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
  readonly scope?: string;
  readonly expires_in?: number;
  readonly expires_at?: number;
  readonly refresh_expires_in?: number;
  readonly refresh_expires_at?: number;
}

/**
 * The tokens after an answer: sent members replace the old ones, missing members stay. A response without a refresh
 * token means that the old one stays valid (RFC 6749 §6), one without a scope that the scope is unchanged (§5.1).
 * @param now milliseconds since the epoch at which the answer arrived
 */
export function merge(previous: TokenSet | undefined, response: RawTokens, now: number): TokenSet {
  const raw = withoutEmpty(response);
  const rotated = raw.refresh_token !== undefined && raw.refresh_token !== previous?.refresh_token;
  const { access_token = previous?.access_token, token_type = previous?.token_type } = raw;
  const { id_token = previous?.id_token, scope = previous?.scope } = raw;
  const refresh_token = raw.refresh_token ?? previous?.refresh_token;
  const expires_at =
    raw.access_token === undefined
      ? previous?.expires_at
      : (expiryAfter(now, raw.expires_in) ?? plausibleExpiry(now, raw.expires_at) ?? ownExpiry(raw.access_token));
  // A new lifetime also applies to a refresh token that stays; an old lifetime never applies to a new token.
  const refresh_expires_at =
    // Keycloak sends 0 for an offline token, which does not expire.
    raw.refresh_expires_in === 0
      ? undefined
      : (expiryAfter(now, raw.refresh_expires_in) ??
        plausibleExpiry(now, raw.refresh_expires_at) ??
        (rotated ? ownExpiry(raw.refresh_token) : previous?.refresh_expires_at));
  return defined<TokenSet>({
    access_token,
    token_type,
    refresh_token,
    id_token,
    scope,
    expires_at,
    refresh_expires_at,
    obtained_at: raw.access_token === undefined && previous ? previous.obtained_at : now,
    id_token_obtained_at: raw.id_token === undefined ? previous?.id_token_obtained_at : now,
    id_token_left_out: raw.id_token === undefined ? previous?.id_token_left_out : undefined,
    refresh_token_stored_at: rotated ? now : previous?.refresh_token_stored_at,
    refresh_token_last_used_at: rotated ? undefined : previous?.refresh_token_last_used_at,
    refresh_token_kept: rotated ? undefined : previous?.refresh_token_kept,
  });
}

/**
 * The tokens after an import by the user. The age of the response is unknown, so a token's own `exp` and a date are
 * preferred to `expires_in`. Another refresh token is another grant, maybe another user's, so nothing of the old tokens
 * is kept beside it.
 */
export function imported(previous: TokenSet | undefined, raw: RawTokens, now: number): TokenSet {
  const isOtherGrant = raw.refresh_token !== undefined && raw.refresh_token !== previous?.refresh_token;
  const tokens = merge(isOtherGrant ? undefined : previous, raw, now);
  const expires_at =
    raw.access_token === undefined ? undefined : (ownExpiry(raw.access_token) ?? plausibleExpiry(now, raw.expires_at));
  const refresh_expires_at = ownExpiry(raw.refresh_token) ?? plausibleExpiry(now, raw.refresh_expires_at);
  return {
    ...tokens,
    ...(expires_at !== undefined && { expires_at }),
    ...(refresh_expires_at !== undefined && { refresh_expires_at }),
  };
}

/** From an answer that failed validation only the refresh token is kept: the issuer has rotated it all the same. */
export function onlyRotated(previous: TokenSet | undefined, answer: TokenSet): TokenSet {
  const { refresh_token, refresh_expires_at, refresh_token_stored_at, refresh_token_last_used_at } = answer;
  const { refresh_token_kept } = answer;
  const { obtained_at } = previous ?? answer;
  return defined<TokenSet>({
    ...previous,
    obtained_at,
    refresh_token,
    refresh_expires_at,
    refresh_token_stored_at,
    refresh_token_last_used_at,
    refresh_token_kept,
  });
}

/** The longest lifetime that is accepted: ten years, in seconds. A longer one counts as unknown. */
const longestLifetime = 10 * 366 * 24 * 3600;

function expiryAfter(now: number, seconds: number | undefined): number | undefined {
  if (seconds === undefined || !Number.isFinite(seconds) || seconds > longestLifetime) return undefined;
  return now + Math.max(0, seconds) * 1000;
}

/** A date in milliseconds since the epoch, within the same bound. */
function plausibleExpiry(now: number, at: number | undefined): number | undefined {
  return at !== undefined && Number.isFinite(at) && at <= now + longestLifetime * 1000 ? at : undefined;
}

/** `exp` of a readable token, in milliseconds since the epoch. Nothing is verified. */
function ownExpiry(token: string | undefined): number | undefined {
  if (token === undefined) return undefined;
  try {
    const decoded = decodeToken(token);
    if (decoded.kind !== 'jws') return undefined;
    const exp = own(decoded.payload, 'exp');
    // Some issuers write it as text.
    return expiresAt(decoded) ?? (typeof exp === 'string' && /^\d{9,10}$/.test(exp) ? Number(exp) * 1000 : undefined);
  } catch {
    // An access or refresh token may be any text (RFC 6749 §1.4), and then its expiry is unknown.
    return undefined;
  }
}

/** An empty text is not a token, wherever it comes from: it must neither replace a token nor be stored. */
function withoutEmpty(raw: RawTokens): RawTokens {
  const { access_token, refresh_token, id_token, token_type } = raw;
  return defined<RawTokens>({
    ...raw,
    access_token: access_token || undefined,
    refresh_token: refresh_token || undefined,
    id_token: id_token || undefined,
    token_type: token_type || undefined,
  });
}

/**
 * The reason why a stored refresh token must not be sent: the first member in which the current connection differs from
 * what the token was issued for. A token that was imported before its endpoint was known matches any endpoint of its
 * issuer.
 */
export function bindingMismatch(
  stored: TokenBinding,
  now: TokenBinding,
): { readonly member: keyof TokenBinding; readonly expected?: string; readonly found?: string } | undefined {
  for (const member of ['issuer', 'client_id', 'token_endpoint'] as const) {
    const expected = stored[member];
    const found = now[member];
    if (expected === found) continue;
    if (member === 'token_endpoint' && expected === undefined && stored.issuer !== undefined) continue;
    return { member, ...(expected && { expected }), ...(found && { found }) };
  }
  return undefined;
}

/**
 * True if credentials may be used: they are known to one issuer and client, and are sent nowhere else. Another endpoint
 * of the same issuer makes no difference.
 */
export function isSameClient(stored: TokenBinding | undefined, now: TokenBinding): boolean {
  const moved = stored && bindingMismatch(stored, now);
  return !moved || moved.member === 'token_endpoint';
}

// --- Reading DPoP keys (RFC 9449) without using them ---

/** The RFC 7638 thumbprint of a key as stored in a record. */
export function thumbprintOf(dpopKey: string | undefined): string | undefined {
  const reading = readJson(dpopKey ?? '');
  const kid = reading.ok && isObject(reading.value) ? own(reading.value, 'kid') : undefined;
  return typeof kid === 'string' ? kid : undefined;
}

/** RFC 9449 §6.1: the thumbprint of the key that an access token is bound to, if the token says so. */
export function boundTo(accessToken: string | undefined): string | undefined {
  try {
    const decoded = decodeToken(accessToken ?? '');
    const cnf = decoded.kind === 'jws' ? own(decoded.payload, 'cnf') : undefined;
    const jkt = isObject(cnf) ? own(cnf, 'jkt') : undefined;
    return typeof jkt === 'string' ? jkt : undefined;
  } catch {
    // An access token may be any text (RFC 6749 §1.4).
    return undefined;
  }
}

/** True for tokens that can be used only with a DPoP proof. */
export function isBound({ token_type, access_token }: TokenSet): boolean {
  return token_type?.toLowerCase() === 'dpop' || boundTo(access_token) !== undefined;
}
