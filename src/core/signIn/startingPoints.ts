import type { TokenEndpointAuthMethod } from '../records/connection.ts';

/**
 * Facts about well-known issuers: enough to fill in a connection, and what their refresh tokens do. Each with its
 * source; what is not documented is left out.
 */
export interface StartingPoint {
  readonly id: string;
  readonly label: string;
  /** What the user has to enter, by its name in the templates, with an example. */
  readonly placeholders: Readonly<Record<string, string>>;
  readonly connection: {
    readonly issuer?: string;
    readonly authorizationEndpoint?: string;
    readonly tokenEndpoint?: string;
    readonly deviceAuthorizationEndpoint?: string;
    readonly scope?: string;
    readonly tokenEndpointAuthMethod: TokenEndpointAuthMethod;
    /** Not used if the client signs nothing. */
    readonly clientAssertionAudience?: 'endpoint';
    readonly extraParameters?: Readonly<Record<string, string>>;
  };
  /** What makes the issuer return a refresh token, and what has to be configured at the issuer for it. */
  readonly refreshToken: 'offline_access' | 'offline_access_allowed' | 'access_type' | 'always' | 'expiring_tokens';
  /**
   * Whether a refresh replaces the refresh token: `always`; `optional`, depending on a setting of the client or the
   * realm; `kept_alive`, the old one stays valid as well; `never`, each answer contains the same one.
   */
  readonly rotation?: 'always' | 'optional' | 'kept_alive' | 'never';
  /**
   * Seconds for which the old token can be used again for a retry: the issuer's default, and the most that it allows.
   */
  readonly grace?: { readonly usual: number; readonly most?: number };
  /** The issuer's documentation about it. */
  readonly page: string;
}

export const startingPoints: readonly StartingPoint[] = [
  {
    // Issuer and offline_access: the example in https://authing.apifox.cn/api-10238656. Each refresh returns the same
    // refresh token until it expires: the page below.
    id: 'authing',
    label: 'GenAuth / Authing',
    placeholders: { domain: 'example.authing.cn' },
    connection: {
      issuer: 'https://{domain}/oidc',
      scope: 'openid profile offline_access',
      tokenEndpointAuthMethod: 'client_secret_post',
    },
    refreshToken: 'offline_access',
    rotation: 'never',
    page: 'https://docs.genauth.ai/concepts/refresh-token.html',
  },
  {
    // Allow Offline Access: https://auth0.com/docs/secure/tokens/refresh-tokens
    // Rotation per application, overlap period off by default: the page below.
    id: 'auth0',
    label: 'Auth0',
    placeholders: { domain: 'example.eu.auth0.com' },
    connection: {
      issuer: 'https://{domain}/',
      scope: 'openid profile offline_access',
      tokenEndpointAuthMethod: 'none',
    },
    refreshToken: 'offline_access_allowed',
    rotation: 'optional',
    grace: { usual: 0 },
    page: 'https://auth0.com/docs/secure/tokens/refresh-tokens/configure-refresh-token-rotation',
  },
  {
    // Rotation is the default for single-page apps, and there is a grace period: the page below. Its default of 30 s:
    // `leeway` in https://github.com/okta/okta-sdk-dotnet/blob/master/docs/OpenIdConnectApplicationSettingsRefreshToken.md
    id: 'okta',
    label: 'Okta',
    placeholders: { domain: 'example.okta.com', server: 'default' },
    connection: {
      issuer: 'https://{domain}/oauth2/{server}',
      scope: 'openid profile offline_access',
      tokenEndpointAuthMethod: 'none',
      // https://support.okta.com/help/s/article/the-audience-claim-for-client-assertion-must-be-the-endpoint-invoked-for-the-request
      clientAssertionAudience: 'endpoint',
    },
    refreshToken: 'offline_access_allowed',
    rotation: 'optional',
    grace: { usual: 30 },
    page: 'https://developer.okta.com/docs/guides/refresh-tokens/refresh-token-rotation/',
  },
  {
    // Replaced on every use, the old one is not revoked: the page below. Needs a tenant id: the metadata of `common`
    // names no issuer.
    id: 'entra',
    label: 'Microsoft Entra ID',
    placeholders: { tenant: '00000000-0000-0000-0000-000000000000' },
    connection: {
      issuer: 'https://login.microsoftonline.com/{tenant}/v2.0',
      scope: 'openid profile offline_access',
      tokenEndpointAuthMethod: 'none',
      // https://learn.microsoft.com/entra/identity-platform/certificate-credentials
      clientAssertionAudience: 'endpoint',
    },
    refreshToken: 'offline_access',
    rotation: 'kept_alive',
    page: 'https://learn.microsoft.com/entra/identity-platform/refresh-tokens',
  },
  {
    // Always issues a refresh token, with offline_access one that outlives the session. "Revoke Refresh Token" makes
    // each usable once: https://wjw465150.gitbooks.io/keycloak-documentation/server_admin/topics/sessions/timeouts.html
    // and offline.html beside it, from Keycloak's own Server Administration Guide. Its newest edition: the page below.
    id: 'keycloak',
    label: 'Keycloak',
    placeholders: { domain: 'keycloak.example.com', realm: 'my-realm' },
    connection: {
      issuer: 'https://{domain}/realms/{realm}',
      scope: 'openid profile',
      tokenEndpointAuthMethod: 'none',
    },
    refreshToken: 'always',
    rotation: 'optional',
    page: 'https://docs.redhat.com/en/documentation/red_hat_build_of_keycloak/26.4/html/server_administration_guide/managing-user-sessions',
  },
  {
    // Requires a client secret even for desktop apps: the page below. access_type=offline, and prompt=consent for
    // another one: https://stackoverflow.com/questions/10827920/not-receiving-google-oauth-refresh-token/65702100.
    // Rotation: not documented.
    id: 'google',
    label: 'Google',
    placeholders: {},
    connection: {
      issuer: 'https://accounts.google.com',
      scope: 'openid email profile',
      tokenEndpointAuthMethod: 'client_secret_post',
      extraParameters: { access_type: 'offline', prompt: 'consent' },
    },
    refreshToken: 'access_type',
    page: 'https://developers.google.com/identity/protocols/OAuth2InstalledApp',
  },
  {
    // A code always yields a refresh token:
    // https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
    // Rotation per app client, with a grace period of up to 60 s: the page below.
    id: 'cognito',
    label: 'Amazon Cognito',
    placeholders: { region: 'eu-central-1', userPool: 'eu-central-1_aBcDeFgHi' },
    connection: {
      issuer: 'https://cognito-idp.{region}.amazonaws.com/{userPool}',
      scope: 'openid',
      tokenEndpointAuthMethod: 'none',
    },
    refreshToken: 'always',
    rotation: 'optional',
    grace: { usual: 0, most: 60 },
    page: 'https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-refresh-token.html',
  },
  {
    // No metadata and no ID token; endpoints:
    // https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
    // For a GitHub App whose user access tokens expire; each refresh token can be used once: the page below.
    id: 'github',
    label: 'GitHub',
    placeholders: {},
    connection: {
      authorizationEndpoint: 'https://github.com/login/oauth/authorize',
      tokenEndpoint: 'https://github.com/login/oauth/access_token',
      deviceAuthorizationEndpoint: 'https://github.com/login/device/code',
      tokenEndpointAuthMethod: 'client_secret_post',
    },
    refreshToken: 'expiring_tokens',
    rotation: 'always',
    grace: { usual: 0 },
    page: 'https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens',
  },
  {
    // Requires offline_access, and refresh tokens enabled for the application; rotates: the page below. Grace: not
    // documented.
    id: 'zitadel',
    label: 'Zitadel',
    placeholders: { domain: 'example.us1.zitadel.cloud' },
    connection: {
      issuer: 'https://{domain}',
      scope: 'openid profile offline_access',
      tokenEndpointAuthMethod: 'none',
    },
    refreshToken: 'offline_access_allowed',
    rotation: 'always',
    page: 'https://help.zitadel.com/how-to-enable-and-receive-refresh-tokens',
  },
];

/** The members of a connection with all placeholders filled in. @throws RangeError if a value is missing */
export function fillIn(
  { connection }: StartingPoint,
  values: Readonly<Record<string, string>>,
): StartingPoint['connection'] {
  const filled = (text: string) =>
    text.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name];
      if (value === undefined) throw new RangeError(name);
      return value;
    });
  return Object.fromEntries(
    Object.entries(connection).map(([name, value]) => [name, typeof value === 'string' ? filled(value) : value]),
  ) as unknown as StartingPoint['connection'];
}

/** The starting point of an issuer, if it can be recognized: a custom domain may belong to any of them. */
export function startingPointOf(issuer: string): StartingPoint | undefined {
  return startingPoints.find(({ connection, placeholders }) => {
    if (connection.issuer === undefined || 'domain' in placeholders) return false;
    const pattern = connection.issuer.replace(/[.?+]/g, '\\$&').replace(/\{\w+\}/g, '[^/]+');
    return new RegExp(`^${pattern}$`).test(issuer);
  });
}

/** Removes what users type or paste around a host or a path: `https://example.com/`, `/realm/`. */
export function trimmedPlaceholder(text: string): string {
  return text
    .trim()
    .replace(/^https?:\/\//i, '')
    .replace(/^\/+|\/+$/g, '');
}
