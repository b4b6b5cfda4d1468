/**
 * Claims and header parameters with a registered meaning, and what kind of value they hold. Sentences about
 * them are in src/vscode/text/claims.ts. Maps and not objects: `constructor` is a possible claim, too.
 */

/** How a value can be shown. `time` is in seconds since the epoch. */
export type ValueKind =
  | 'time'
  | 'duration'
  | 'string'
  | 'strings'
  /** A string or an array of strings. */
  | 'string_or_strings'
  /** Words separated by spaces. */
  | 'words'
  | 'uri'
  | 'email'
  | 'boolean'
  | 'object'
  | 'objects'
  /** base64url of a part of a hash. */
  | 'hash'
  | 'number'
  /** A JSON Web Key or a way to one. */
  | 'key'
  /** Bytes as base64url. */
  | 'bytes'
  | 'any';

export interface Registered {
  readonly kind: ValueKind;
  /** Where it is defined. */
  readonly spec: string;
}

function table(rows: readonly (readonly [spec: string, kind: ValueKind, names: string])[]) {
  return new Map<string, Registered>(
    rows.flatMap(([spec, kind, names]) => names.split(' ').map(name => [name, { kind, spec }] as const)),
  );
}

/** Claims of the IANA "JSON Web Token Claims" registry that are met in OAuth and OpenID Connect, and a few more. */
export const registeredClaims: ReadonlyMap<string, Registered> = table([
  ['RFC 7519 section 4.1', 'string', 'iss sub jti'],
  ['RFC 7519 section 4.1.3', 'string_or_strings', 'aud'],
  ['RFC 7519 section 4.1', 'time', 'exp nbf iat'],
  ['OpenID Connect Core section 2', 'time', 'auth_time'],
  ['OpenID Connect Core section 2', 'string', 'nonce acr azp'],
  ['OpenID Connect Core section 2', 'strings', 'amr'],
  ['OpenID Connect Core section 3.1.3.6', 'hash', 'at_hash'],
  ['OpenID Connect Core section 3.3.2.11', 'hash', 'c_hash'],
  ['Financial-grade API Part 2 section 5.1', 'hash', 's_hash'],
  ['OpenID Connect Core section 7.4', 'key', 'sub_jwk'],
  [
    'OpenID Connect Core section 5.1',
    'string',
    'name given_name family_name middle_name nickname preferred_username gender birthdate zoneinfo locale phone_number',
  ],
  ['OpenID Connect Core section 5.1', 'uri', 'profile picture website'],
  ['OpenID Connect Core section 5.1', 'email', 'email'],
  ['OpenID Connect Core section 5.1', 'boolean', 'email_verified phone_number_verified'],
  ['OpenID Connect Core section 5.1', 'time', 'updated_at'],
  ['OpenID Connect Core section 5.1.1', 'object', 'address'],
  ['OpenID Connect Core section 5.6.2', 'object', '_claim_names _claim_sources'],
  ['OpenID Connect Front-Channel Logout section 3', 'string', 'sid'],
  ['RFC 8693 section 4.2', 'words', 'scope'],
  ['RFC 8693 section 4.3', 'string', 'client_id'],
  ['RFC 8693 section 4.1', 'object', 'act'],
  ['RFC 8693 section 4.4', 'object', 'may_act'],
  ['RFC 7800 section 3.1', 'object', 'cnf'],
  ['RFC 9068 section 2.2.3.1', 'strings', 'groups roles entitlements'],
  ['RFC 9396 section 9.1', 'objects', 'authorization_details'],
  ['RFC 8417 section 2.2', 'object', 'events'],
  ['RFC 8417 section 2.2', 'time', 'toe'],
  ['RFC 8417 section 2.2', 'string', 'txn'],
  ['RFC 9449 section 4.2', 'string', 'htm'],
  ['RFC 9449 section 4.2', 'uri', 'htu'],
  ['RFC 9449 section 4.2', 'hash', 'ath'],
  ['RFC 9493 section 4.1', 'object', 'sub_id'],
  ['RFC 9701 section 5', 'object', 'token_introspection'],
  ['RFC 9200 section 5.10.3', 'duration', 'exi'],
  ['OpenID Connect for Identity Assurance', 'object', 'verified_claims'],
  ['RFC 7662 section 2.2', 'boolean', 'active'],
  ['RFC 7662 section 2.2', 'string', 'username token_type'],
  // Not registered, but in so many tokens that they deserve an explanation.
  ['Microsoft Entra ID', 'string', 'oid tid ver appid upn unique_name idp uti rh'],
  ['Microsoft Entra ID', 'words', 'scp'],
  ['Microsoft Entra ID', 'strings', 'wids'],
  ['Keycloak', 'string', 'typ session_state'],
  ['Keycloak', 'object', 'realm_access resource_access'],
  ['Keycloak', 'strings', 'allowed-origins'],
  ['Auth0', 'strings', 'permissions'],
  ['Auth0', 'string', 'org_id gty'],
  ['Amazon Cognito', 'string', 'token_use cognito:username origin_jti event_id'],
  ['Amazon Cognito', 'strings', 'cognito:groups'],
  ['Google', 'string', 'hd'],
]);

/** Parameters of the IANA "JSON Web Signature and Encryption Header Parameters" registry. */
export const headerParameters: ReadonlyMap<string, Registered> = table([
  ['RFC 7515 section 4.1.1', 'string', 'alg'],
  ['RFC 7515 section 4.1', 'string', 'kid typ cty'],
  ['RFC 7515 section 4.1.2', 'uri', 'jku'],
  ['RFC 7515 section 4.1.3', 'key', 'jwk'],
  ['RFC 7515 section 4.1.5', 'uri', 'x5u'],
  ['RFC 7515 section 4.1.6', 'strings', 'x5c'],
  ['RFC 7515 section 4.1', 'hash', 'x5t x5t#S256'],
  ['RFC 7515 section 4.1.11', 'strings', 'crit'],
  ['RFC 7797 section 3', 'boolean', 'b64'],
  ['RFC 7516 section 4.1', 'string', 'enc zip'],
  ['RFC 7518 section 4.6.1', 'key', 'epk'],
  ['RFC 7518 section 4.6.1', 'bytes', 'apu apv'],
  ['RFC 7518 section 4.7.1', 'bytes', 'iv tag'],
  ['RFC 7518 section 4.8.1', 'bytes', 'p2s'],
  ['RFC 7518 section 4.8.1', 'number', 'p2c'],
  ['RFC 7519 section 5.3', 'any', 'iss sub aud'],
  ['RFC 8225 section 8.1', 'string', 'ppt'],
  ['RFC 8555 section 6.4', 'uri', 'url'],
  ['RFC 8555 section 6.5.2', 'string', 'nonce'],
  ['OpenID Federation section 4.3', 'strings', 'trust_chain'],
]);

/** What kind of value a claim holds, as far as its name tells. */
export function claimKind(name: string): ValueKind | undefined {
  return registeredClaims.get(name)?.kind;
}
