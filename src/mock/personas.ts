import type { Grant } from './families.ts';
import { hasScope } from './families.ts';
import type { Claims } from './http.ts';
/* The peculiarities of well-known issuers, as data. To add a persona, add a row, with a source for each fact. */

export interface Persona {
  /** Pages that document these facts. */
  readonly sources: readonly string[];
  /** The issuer identifier ends in a slash. */
  readonly slash?: true;
  /** Last part of the path of the issuer identifier that the paths of the endpoints do not have. */
  readonly issuerEnd?: string;
  /** Paths of the endpoints, relative to the issuer. */
  readonly paths: Partial<Record<PathName, string>>;
  /** Its name for `post_logout_redirect_uri`, and the path of that endpoint if it differs. */
  readonly logout?: {
    readonly returnTo: string;
    readonly path?: string;
    /** A client that names itself but no URL gets the first one that is registered. */
    readonly first?: true;
  };
  /** `typ` in the headers of the tokens; undefined omits it. */
  readonly accessTyp: string | undefined;
  readonly idTyp: string | undefined;
  /** ID tokens have the claims of the granted scopes beside an access token too. */
  readonly userInIdToken?: true;
  /** Access tokens have no `aud`, so that an API cannot check it. */
  readonly withoutAudience?: true;
  /** The audience of access tokens is the client, unless the request or the option `audience` names another. */
  readonly clientAudience?: true;
  /**
   * Claims added to tokens; a value of undefined removes a claim. `scope`: that of the response. `usual`: the claims
   * without the persona.
   */
  readonly access: (grant: Grant, scope: string, usual: Claims) => Claims;
  readonly id: (grant: Grant, usual: Claims) => Claims;
  /** Members that error responses have in addition to those of RFC 6749. */
  readonly error?: (now: number) => Claims;
  /** Statuses of error responses of the token endpoint that differ from RFC 6749, which knows 400 and 401. */
  readonly statuses?: Readonly<Record<string, number>>;
}

const cognitoGroups = ({ groups }: Claims) =>
  groups === undefined ? {} : { 'cognito:groups': groups, groups: undefined };

export const personas = {
  auth0: {
    sources: [
      'https://auth0.com/docs/get-started/applications/configure-applications-with-oidc-discovery',
      'https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles',
      'https://auth0.com/docs/get-started/apis/scopes/openid-connect-scopes',
      'https://auth0.com/docs/api/authentication/logout/auth-0-logout',
      'https://auth0.com/docs/api/authentication/logout/oidc-logout',
      'https://auth0.com/docs/api/authentication/authorization-code-flow-with-enhanced-privacy-protection/push-authorization-requests',
      'https://auth0.com/docs/api/authentication/device-authorization-flow/authorize-device',
      'https://community.auth0.com/t/troubleshoot-refresh-token-unknown-or-invalid-before-expiry-403-unknown-or-invalid-refresh-token/120406',
    ],
    slash: true,
    paths: {
      token: 'oauth/token',
      authorization: 'authorize',
      jwks: '.well-known/jwks.json',
      userInfo: 'userinfo',
      revocation: 'oauth/revoke',
      deviceAuthorization: 'oauth/device/code',
      endSession: 'oidc/logout',
      registration: 'oidc/register',
      par: 'oauth/par',
    },
    logout: { returnTo: 'returnTo', path: 'v2/logout', first: true },
    accessTyp: 'JWT',
    idTyp: 'JWT',
    userInIdToken: true,
    access: ({ clientId, subject, sid }, scope, { aud, iss }) => ({
      azp: clientId,
      client_id: undefined,
      // Without a session there is no user.
      ...(sid === '' && subject === clientId && { sub: `${clientId}@clients`, gty: 'client-credentials' }),
      // UserInfo is an audience of its own.
      ...(hasScope(scope, 'openid') && { aud: [aud, `${iss}userinfo`].flat() }),
    }),
    id: () => ({ azp: undefined }),
    statuses: { invalid_grant: 403, authorization_pending: 403, slow_down: 429 },
  },
  entra: {
    sources: [
      'https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc',
      'https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference',
      'https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference',
      'https://learn.microsoft.com/entra/identity-platform/reference-error-codes',
    ],
    issuerEnd: 'v2.0',
    paths: {
      token: 'oauth2/v2.0/token',
      authorization: 'oauth2/v2.0/authorize',
      jwks: 'discovery/v2.0/keys',
      deviceAuthorization: 'oauth2/v2.0/devicecode',
      endSession: 'oauth2/v2.0/logout',
    },
    accessTyp: 'JWT',
    idTyp: 'JWT',
    userInIdToken: true,
    access: ({ clientId, subject, sid }, scope, { jti, iat }) => ({
      ver: '2.0',
      uti: jti,
      nbf: iat,
      tid: '00000000-0000-4000-8000-000000000000',
      oid: subject,
      azp: clientId,
      // Without a session there is no user, and Entra includes scp only for users.
      ...(sid !== '' && scope !== '' && { scp: scope }),
      scope: undefined,
      client_id: undefined,
    }),
    // Entra sends at_hash only from the authorization endpoint.
    id: ({ subject }, { iat }) => ({
      ver: '2.0',
      nbf: iat,
      tid: '00000000-0000-4000-8000-000000000000',
      oid: subject,
      azp: undefined,
      at_hash: undefined,
    }),
    error: now => ({
      error_codes: [70000],
      timestamp: `${new Date(now).toISOString().slice(0, 19).replace('T', ' ')}Z`,
      trace_id: '00000000-0000-4000-8000-000000000001',
      correlation_id: '00000000-0000-4000-8000-000000000002',
    }),
  },
  keycloak: {
    sources: [
      'https://www.keycloak.org/securing-apps/oidc-layers',
      'https://github.com/keycloak/keycloak/blob/main/services/src/main/java/org/keycloak/protocol/oidc/TokenManager.java',
      'https://github.com/keycloak/keycloak/blob/main/services/src/main/java/org/keycloak/protocol/oidc/OIDCLoginProtocolFactory.java',
      'https://github.com/keycloak/keycloak/blob/main/services/src/main/java/org/keycloak/protocol/oidc/par/endpoints/ParRootEndpoint.java',
    ],
    paths: {
      token: 'protocol/openid-connect/token',
      authorization: 'protocol/openid-connect/auth',
      jwks: 'protocol/openid-connect/certs',
      userInfo: 'protocol/openid-connect/userinfo',
      introspection: 'protocol/openid-connect/token/introspect',
      revocation: 'protocol/openid-connect/revoke',
      endSession: 'protocol/openid-connect/logout',
      deviceAuthorization: 'protocol/openid-connect/auth/device',
      par: 'protocol/openid-connect/ext/par/request',
      registration: 'clients-registrations/openid-connect',
    },
    accessTyp: 'JWT',
    idTyp: 'JWT',
    userInIdToken: true,
    access: ({ clientId, sid }) => ({ typ: 'Bearer', azp: clientId, sid, client_id: undefined }),
    id: () => ({ typ: 'ID' }),
  },
  cognito: {
    sources: [
      'https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html',
      'https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html',
      'https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html',
      'https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html',
    ],
    paths: {
      token: 'oauth2/token',
      authorization: 'oauth2/authorize',
      jwks: '.well-known/jwks.json',
      userInfo: 'oauth2/userInfo',
      revocation: 'oauth2/revoke',
      endSession: 'logout',
    },
    logout: { returnTo: 'logout_uri' },
    accessTyp: undefined,
    idTyp: undefined,
    userInIdToken: true,
    withoutAudience: true,
    access: ({ subject, authTime, sid }, _, usual) => ({
      token_use: 'access',
      ...cognitoGroups(usual),
      username: subject,
      version: 2,
      ...(sid !== '' && { auth_time: authTime }),
      aud: undefined,
    }),
    id: ({ subject }, usual) => ({
      token_use: 'id',
      'cognito:username': subject,
      ...cognitoGroups(usual),
      azp: undefined,
    }),
  },
  /**
   * Its issuer ends in `/oidc`; the option `path` sets that. A refresh returns the same refresh token. Its documentation
   * has no device authorization, pushed requests and registration, so these keep the mock's paths.
   */
  genauth: {
    sources: [
      'https://docs.genauth.ai/guides/federation/oidc.html',
      'https://docs.genauth.ai/federation/oidc/authorization-code/',
      'https://docs.genauth.ai/concepts/access-token.html',
      'https://docs.genauth.ai/concepts/refresh-token.html',
      'https://authing.apifox.cn/api-10238656',
      'https://github.com/Authing/authing-js-sdk',
    ],
    paths: {
      token: 'token',
      authorization: 'auth',
      jwks: '.well-known/jwks.json',
      userInfo: 'me',
      introspection: 'token/introspection',
      revocation: 'token/revocation',
      endSession: 'session/end',
    },
    accessTyp: 'JWT',
    idTyp: 'JWT',
    userInIdToken: true,
    clientAudience: true,
    access: ({ clientId, targets }, _, { aud, iss }) => ({
      client_id: undefined,
      ...(targets === undefined && aud === `${iss}/api` && { aud: clientId }),
    }),
    id: () => ({ azp: undefined }),
  },
} as const satisfies Record<string, Persona>;

export type PersonaName = keyof typeof personas;
export const personaNames = Object.keys(personas) as PersonaName[];

export function personaOf(name: PersonaName | undefined): Persona | undefined {
  return name === undefined ? undefined : personas[name];
}

/** The path that the endpoints of this issuer have in common. */
export function rootOf(issuer: string, persona: Persona | undefined): string {
  const path = new URL(issuer).pathname.replace(/\/$/, '');
  const end = `/${persona?.issuerEnd}`;
  return path.endsWith(end) ? path.slice(0, -end.length) : path;
}

export const pathNames = {
  jwks: 'jwks',
  token: 'token',
  authorization: 'authorize',
  signIn: 'sign-in',
  par: 'par',
  deviceAuthorization: 'device_authorization',
  device: 'device',
  introspection: 'introspect',
  revocation: 'revoke',
  userInfo: 'userinfo',
  endSession: 'end_session',
  registration: 'register',
  resource: 'api',
} as const;

export type PathName = keyof typeof pathNames;
