import { mockAlgs } from './keys.ts';

export interface Paths {
  readonly metadata: readonly string[];
  readonly jwks: string;
  readonly token: string;
}

/** Paths at the issuer's host. Metadata is found by OpenID Connect Discovery section 4 and by RFC 8414 sections 3 and 5. */
export function pathsOf(issuer: string): Paths {
  const base = basePath(issuer);
  return {
    metadata: [
      ...new Set([
        `${base}/.well-known/openid-configuration`,
        `/.well-known/openid-configuration${base}`,
        `/.well-known/oauth-authorization-server${base}`,
      ]),
    ],
    jwks: `${base}/jwks`,
    token: `${base}/token`,
  };
}

/** RFC 8414 section 2. There is no authorization endpoint yet, so no response type either. */
export function metadataOf(issuer: string): Record<string, unknown> {
  const { jwks, token } = pathsOf(issuer);
  const { origin } = new URL(issuer);
  return {
    issuer,
    token_endpoint: origin + token,
    jwks_uri: origin + jwks,
    response_types_supported: [],
    grant_types_supported: ['refresh_token', 'client_credentials'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: mockAlgs,
    claims_supported: ['iss', 'sub', 'aud', 'azp', 'exp', 'iat', 'auth_time', 'nonce', 'at_hash', 'sid'],
  };
}

function basePath(issuer: string): string {
  return new URL(issuer).pathname.replace(/\/$/, '');
}
