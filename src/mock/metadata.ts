import { promptValues, responseModes, supportedScopes } from './authorizationRequest.ts';
import { asymmetricAlgs, secretAlgs } from './dpop.ts';
import { mockAlgs } from './keys.ts';
import type { Settings } from './options.ts';
import { type PathName, pathNames, rootOf } from './personas.ts';
import { authMethods, byCertificate, grantTypes, type MockResponseType, responseTypes } from './registry.ts';

export type Paths = Readonly<Record<PathName, string>> & {
  readonly metadata: readonly string[];
  readonly endSessions: readonly string[];
  /** RFC 9728 section 3.1. */
  readonly resourceMetadata: string;
};

/**
 * The paths of the endpoints on the issuer's host. Metadata follows OpenID Connect Discovery section 4 and RFC 8414
 * sections 3 and 5.
 */
export function pathsOf({ issuer, persona }: Pick<Settings, 'issuer' | 'persona'>): Paths {
  const base = new URL(issuer).pathname.replace(/\/$/, '');
  const root = rootOf(issuer, persona);
  const own = Object.entries(pathNames).map(([name, path]) => [name, `${base}/${path}`]);
  const ofPersona = Object.entries(persona?.paths ?? {}).map(([name, path]) => [name, `${root}/${path}`]);
  const paths = Object.fromEntries([...own, ...ofPersona]) as Record<PathName, string>;
  return {
    ...paths,
    endSessions: [paths.endSession, ...(persona?.logout?.path ? [`${root}/${persona.logout.path}`] : [])],
    resourceMetadata: `/.well-known/oauth-protected-resource${base}/api`,
    metadata: [
      ...new Set([
        `${base}/.well-known/openid-configuration`,
        `/.well-known/openid-configuration${base}`,
        `/.well-known/oauth-authorization-server${base}`,
      ]),
    ],
  };
}

/**
 * RFC 8414 section 2, OpenID Connect Discovery section 3, and what the RFCs of the individual endpoints add. Endpoints
 * that clients call directly are at the origin that the client `asked`, because a container reaches the issuer under
 * another name than a browser.
 */
export function metadataOf(settings: Settings, asked: string): Record<string, unknown> {
  const { issuer, clients, mutualTls } = settings;
  const paths = pathsOf(settings);
  const { origin } = new URL(issuer);
  const methods = authMethods.filter(method => mutualTls || !byCertificate(method));
  const acrs = [...new Set(settings.users.flatMap(({ acr }) => acr ?? []))];
  const offered = (type: MockResponseType) => clients.all.some(client => client.response_types.includes(type));
  const signingAlgs = [...secretAlgs, ...asymmetricAlgs];
  return {
    issuer,
    authorization_endpoint: origin + paths.authorization,
    token_endpoint: asked + paths.token,
    jwks_uri: asked + paths.jwks,
    pushed_authorization_request_endpoint: asked + paths.par,
    device_authorization_endpoint: asked + paths.deviceAuthorization,
    introspection_endpoint: asked + paths.introspection,
    revocation_endpoint: asked + paths.revocation,
    userinfo_endpoint: asked + paths.userInfo,
    end_session_endpoint: origin + paths.endSession,
    ...(settings.registration && { registration_endpoint: asked + paths.registration }),
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    frontchannel_logout_supported: true,
    frontchannel_logout_session_supported: true,
    scopes_supported: supportedScopes(settings),
    response_types_supported: responseTypes.filter(type => type === 'code' || offered(type)),
    response_modes_supported: responseModes,
    prompt_values_supported: promptValues,
    grant_types_supported: grantTypes,
    code_challenge_methods_supported: settings.requirePkce ? ['S256'] : ['S256', 'plain'],
    token_endpoint_auth_methods_supported: methods,
    token_endpoint_auth_signing_alg_values_supported: signingAlgs,
    introspection_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_signing_alg_values_supported: signingAlgs,
    revocation_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_signing_alg_values_supported: signingAlgs,
    tls_client_certificate_bound_access_tokens: mutualTls,
    dpop_signing_alg_values_supported: asymmetricAlgs,
    authorization_response_iss_parameter_supported: true,
    require_pushed_authorization_requests: clients.all.every(
      client => client.require_pushed_authorization_requests === true,
    ),
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    claims_parameter_supported: true,
    ...(acrs.length > 0 && { acr_values_supported: acrs }),
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: mockAlgs,
    claims_supported: [
      'iss',
      'sub',
      'aud',
      'azp',
      'exp',
      'iat',
      'auth_time',
      'nonce',
      'at_hash',
      'sid',
      'acr',
      'amr',
      ...new Set(Object.values(settings.scopeClaims).flat()),
    ],
  };
}
