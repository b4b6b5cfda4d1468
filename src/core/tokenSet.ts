/** What a stored refresh token was issued for. Nothing is ever sent when it no longer matches the connection. */
export interface TokenBinding {
  readonly issuer?: string;
  readonly token_endpoint?: string;
  readonly client_id: string;
}

/** The tokens of one connection. Wire fields keep their RFC 6749 spelling; times are milliseconds since the epoch. */
export interface TokenSet {
  readonly access_token?: string;
  readonly token_type?: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
  readonly scope?: string;
  /** When the access token ends, by `expires_in` or by its own `exp`. */
  readonly expires_at?: number;
  /** When the refresh token ends, where the issuer said so (`refresh_expires_in`, `refresh_token_expires_in`). */
  readonly refresh_expires_at?: number;
  readonly obtained_at: number;
  readonly refresh_token_stored_at?: number;
  readonly refresh_token_last_used_at?: number;
}
