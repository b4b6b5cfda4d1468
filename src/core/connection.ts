/** A connection as the settings describe it. It holds no secret; names follow RFC 6749 and RFC 8414. */
export const tokenEndpointAuthMethods = [
  'none',
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
] as const;
export type TokenEndpointAuthMethod = (typeof tokenEndpointAuthMethods)[number];

export interface Connection {
  /** A slug; names the stored record. */
  readonly id: string;
  readonly label: string;
  /** Absent only where the issuer has no identifier and no metadata; then `tokenEndpoint` is set. */
  readonly issuer?: string;
  readonly clientId: string;
  /** Space separated, as on the wire. */
  readonly scope?: string;
  readonly tokenEndpoint?: string;
  readonly authorizationEndpoint?: string;
  readonly deviceAuthorizationEndpoint?: string;
  readonly jwksUri?: string;
  readonly revocationEndpoint?: string;
  readonly introspectionEndpoint?: string;
  readonly tokenEndpointAuthMethod: TokenEndpointAuthMethod;
  readonly audience?: string;
  readonly resource?: string;
  readonly extraParameters?: Readonly<Record<string, string>>;
  readonly autoRefresh: boolean;
  readonly dpop: boolean;
  readonly pushedAuthorizationRequests: boolean;
}

/** Why one entry of the setting cannot be used. The other entries go on working. */
export interface ConnectionProblem {
  /** Position in the setting's array; -1 where the setting as a whole is wrong. */
  readonly index: number;
  /** Names the entry on screen where it can be told. */
  readonly id?: string;
  readonly label?: string;
  readonly field?: string;
  readonly code:
    | 'not_an_array'
    | 'not_an_object'
    | 'missing'
    | 'wrong_type'
    | 'not_a_slug'
    | 'not_a_url'
    | 'insecure_url'
    | 'unknown_value'
    | 'unknown_field'
    | 'secret_in_settings'
    | 'duplicate_id';
  /** What stands there now, cut to a printable length; never for a field that may be a secret. */
  readonly found?: string;
}

export interface ConnectionSettings {
  readonly connections: readonly Connection[];
  readonly problems: readonly ConnectionProblem[];
}
