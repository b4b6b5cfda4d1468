// @ts-nocheck The packages of these clients are not dependencies of this project.
import { randomBytes } from 'node:crypto';

/*
 * Client libraries, each with the calls of an application. `callback` and `refresh` return the tokens to keep, and
 * throw if the response is rejected.
 */

const text = () => randomBytes(32).toString('base64url');

/** Tokens as an application keeps them. @param {any} answer @param {any} [before] */
const kept = ({ access_token, refresh_token, id_token, expires_in = 3600 }, before) => ({
  access_token,
  refresh_token: refresh_token ?? before?.refresh_token,
  id_token: id_token ?? before?.id_token,
  expiresAt: Date.now() + Number(expires_in) * 1000,
});

/** OpenID Connect Core 1.0 section 12.2: these libraries leave this check to the application. */
const sameSubject = (claims, { sub }) => {
  if (claims !== undefined && claims.sub !== sub) throw new Error('another subject');
  return sub;
};

export const libraries = {
  async 'openid-client'({ issuer, clientId, clientSecret, redirectUri, origin }) {
    const client = await import('openid-client');
    const discover = () =>
      client.discovery(new URL(issuer), clientId, clientSecret, undefined, { execute: [client.allowInsecureRequests] });
    let config = await discover();
    return {
      async login(session) {
        config = await discover();
        const [state, nonce, verifier] = [client.randomState(), client.randomNonce(), client.randomPKCECodeVerifier()];
        Object.assign(session, { state, nonce, verifier });
        return client.buildAuthorizationUrl(config, {
          redirect_uri: redirectUri,
          scope: 'openid offline_access',
          state,
          nonce,
          code_challenge: await client.calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
        });
      },
      async callback({ state, nonce, verifier }, url) {
        const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier };
        const tokens = await client.authorizationCodeGrant(config, url, checks);
        await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
        return { ...kept(tokens), sub: tokens.claims().sub };
      },
      async refresh({ tokens }) {
        const answer = await client.refreshTokenGrant(config, tokens.refresh_token);
        return { ...kept(answer, tokens), sub: sameSubject(answer.claims(), tokens) };
      },
      async device() {
        config = await discover();
        const answer = await client.initiateDeviceAuthorization(config, { scope: 'openid' });
        await client.pollDeviceAuthorizationGrant(config, answer);
      },
      logout: async ({ tokens }) =>
        client.buildEndSessionUrl(config, {
          post_logout_redirect_uri: `${origin}/`,
          id_token_hint: tokens?.id_token ?? '',
        }),
    };
  },

  async oauth4webapi({ issuer, clientId, clientSecret, redirectUri }) {
    const oauth = await import('oauth4webapi');
    const insecure = { [oauth.allowInsecureRequests]: true };
    const client = { client_id: clientId };
    const secret = oauth.ClientSecretBasic(clientSecret);
    const discover = async () =>
      oauth.processDiscoveryResponse(new URL(issuer), await oauth.discoveryRequest(new URL(issuer), insecure));
    let server = await discover();
    return {
      async login(session) {
        server = await discover();
        Object.assign(session, {
          state: oauth.generateRandomState(),
          nonce: oauth.generateRandomNonce(),
          verifier: oauth.generateRandomCodeVerifier(),
        });
        const parameters = {
          client_id: clientId,
          redirect_uri: redirectUri,
          response_type: 'code',
          scope: 'openid offline_access',
          state: session.state,
          nonce: session.nonce,
          code_challenge: await oauth.calculatePKCECodeChallenge(session.verifier),
          code_challenge_method: 'S256',
        };
        return `${server.authorization_endpoint}?${new URLSearchParams(parameters)}`;
      },
      async callback({ state, nonce, verifier }, url) {
        const answer = oauth.validateAuthResponse(server, client, url, state);
        const response = await oauth.authorizationCodeGrantRequest(
          server,
          client,
          secret,
          answer,
          redirectUri,
          verifier,
          insecure,
        );
        const expected = { expectedNonce: nonce, requireIdToken: true };
        const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, expected);
        // Recommended by its documentation if the signature matters.
        await oauth.validateApplicationLevelSignature(server, response, insecure);
        const { sub } = oauth.getValidatedIdTokenClaims(tokens);
        const user = await oauth.userInfoRequest(server, client, tokens.access_token, insecure);
        await oauth.processUserInfoResponse(server, client, sub, user);
        return { ...kept(tokens), sub };
      },
      async refresh({ tokens }) {
        const response = await oauth.refreshTokenGrantRequest(server, client, secret, tokens.refresh_token, insecure);
        const answer = await oauth.processRefreshTokenResponse(server, client, response);
        return { ...kept(answer, tokens), sub: sameSubject(oauth.getValidatedIdTokenClaims(answer), tokens) };
      },
      async logout({ tokens }) {
        const response = await oauth.revocationRequest(server, client, secret, tokens.refresh_token, insecure);
        await oauth.processRevocationResponse(response);
      },
    };
  },

  async 'simple-oauth2'({ issuer, clientId, clientSecret, redirectUri }) {
    const { AuthorizationCode } = await import('simple-oauth2');
    const { origin, pathname } = new URL(issuer);
    const path = name => `${pathname.replace(/\/$/, '')}/${name}`;
    const client = new AuthorizationCode({
      client: { id: clientId, secret: clientSecret },
      auth: {
        tokenHost: origin,
        tokenPath: path('token'),
        authorizePath: path('authorize'),
        revokePath: path('revoke'),
      },
    });
    const tokensOf = held => ({ ...kept(held.token), held });
    return {
      async login(session) {
        session.state = text();
        return client.authorizeURL({ redirect_uri: redirectUri, scope: 'offline_access', state: session.state });
      },
      async callback({ state }, url) {
        if (url.searchParams.get('state') !== state) throw new Error('state');
        return tokensOf(await client.getToken({ code: url.searchParams.get('code'), redirect_uri: redirectUri }));
      },
      refresh: async ({ tokens }) => tokensOf(await tokens.held.refresh()),
      logout: async ({ tokens }) => tokens?.held.revokeAll(),
    };
  },

  async '@badgateway/oauth2-client'({ issuer, clientId, clientSecret, redirectUri }) {
    const { OAuth2Client, OAuth2Fetch, generateCodeVerifier } = await import('@badgateway/oauth2-client');
    const discoveryEndpoint = '/.well-known/oauth-authorization-server';
    const client = new OAuth2Client({ server: `${issuer}/`, clientId, clientSecret, discoveryEndpoint });
    return {
      async login(session) {
        session.state = text();
        session.codeVerifier = await generateCodeVerifier();
        const { state, codeVerifier } = session;
        return client.authorizationCode.getAuthorizeUri({
          redirectUri,
          state,
          codeVerifier,
          scope: ['offline_access'],
        });
      },
      async callback({ state, codeVerifier }, url) {
        const token = await client.authorizationCode.getTokenFromCodeRedirect(url, {
          redirectUri,
          state,
          codeVerifier,
        });
        // It refreshes automatically when it is asked for a token.
        const held = new OAuth2Fetch({ client, getNewToken: () => null, getStoredToken: () => token });
        return { held, token, expiresAt: 0 };
      },
      async isSignedIn({ tokens }) {
        if (tokens === undefined) return false;
        return Boolean(await tokens.held.getAccessToken().catch(() => undefined));
      },
      async logout({ tokens }) {
        if (tokens !== undefined) await client.revoke(await tokens.held.getToken(), 'refresh_token');
      },
    };
  },

  async arctic({ issuer, clientId, clientSecret, redirectUri }) {
    const { OAuth2Client, CodeChallengeMethod, ...arctic } = await import('arctic');
    const client = new OAuth2Client(clientId, clientSecret, redirectUri);
    const tokensOf = (answer, before) => {
      const { id_token, expires_in } = answer.data;
      return {
        refresh_token: answer.hasRefreshToken() ? answer.refreshToken() : before.refresh_token,
        expiresAt: expires_in === undefined ? Date.now() + 3_600_000 : Number(answer.accessTokenExpiresAt()),
        sub: id_token === undefined ? before.sub : arctic.decodeIdToken(id_token).sub,
      };
    };
    return {
      async login(session) {
        Object.assign(session, { state: arctic.generateState(), verifier: arctic.generateCodeVerifier() });
        const scopes = ['openid', 'offline_access'];
        const { S256 } = CodeChallengeMethod;
        return client.createAuthorizationURLWithPKCE(
          `${issuer}/authorize`,
          session.state,
          S256,
          session.verifier,
          scopes,
        );
      },
      async callback({ state, verifier }, { searchParams }) {
        const code = searchParams.get('code');
        if (code === null || searchParams.get('state') !== state) throw new Error('state');
        return tokensOf(await client.validateAuthorizationCode(`${issuer}/token`, code, verifier));
      },
      refresh: async ({ tokens }) =>
        tokensOf(await client.refreshAccessToken(`${issuer}/token`, tokens.refresh_token, []), tokens),
      logout: async ({ tokens }) => tokens && client.revokeToken(`${issuer}/revoke`, tokens.refresh_token),
    };
  },

  async '@azure/msal-node'({ issuer, clientId, clientSecret, redirectUri }) {
    const { ConfidentialClientApplication, CryptoProvider } = await import('@azure/msal-node');
    const client = new ConfidentialClientApplication({
      auth: { clientId, clientSecret, authority: issuer, knownAuthorities: [new URL(issuer).host] },
      system: { protocolMode: 'OIDC' },
    });
    const scopes = ['offline_access'];
    const tokensOf = ({ account, expiresOn }) => ({ account, expiresAt: Number(expiresOn) });
    return {
      async login(session) {
        const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
        Object.assign(session, { verifier, state: text(), nonce: text() });
        const { state, nonce } = session;
        const pkce = { codeChallenge: challenge, codeChallengeMethod: 'S256' };
        return client.getAuthCodeUrl({ scopes, redirectUri, state, nonce, responseMode: 'query', ...pkce });
      },
      async callback({ state, nonce, verifier }, url) {
        const answer = Object.fromEntries(url.searchParams);
        const request = { scopes, redirectUri, codeVerifier: verifier, code: answer.code, state, nonce };
        return tokensOf(await client.acquireTokenByCode(request, answer));
      },
      refresh: async ({ tokens: { account } }) => tokensOf(await client.acquireTokenSilent({ account, scopes })),
      async logout({ tokens }) {
        if (tokens !== undefined) await client.getTokenCache().removeAccount(tokens.account);
        return `${issuer}/end_session?client_id=${clientId}`;
      },
    };
  },

  async '@modelcontextprotocol/sdk'({ issuer, redirectUri }) {
    const { auth, extractWWWAuthenticateParams } = await import('@modelcontextprotocol/sdk/client/auth.js');
    const api = `${issuer}/api`;
    const providerOf = session => ({
      redirectUrl: redirectUri,
      clientMetadata: {
        client_name: 'torture',
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
      state: () => {
        session.state = text();
        return session.state;
      },
      clientInformation: () => session.client,
      saveClientInformation: client => {
        session.client = client;
      },
      tokens: () => session.held,
      saveTokens: held => {
        session.held = held;
      },
      redirectToAuthorization: url => {
        session.location = url;
      },
      saveCodeVerifier: verifier => {
        session.verifier = verifier;
      },
      codeVerifier: () => session.verifier,
      invalidateCredentials: () => {
        session.held = undefined;
        session.client = undefined;
      },
    });
    /** Calls the API with the current token. */
    const ask = async session => {
      const token = session.held?.access_token;
      return fetch(api, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
    };
    const authorize = async (session, response, more) => {
      const { resourceMetadataUrl, scope } =
        response === undefined ? session.challenge : extractWWWAuthenticateParams(response);
      session.challenge = { resourceMetadataUrl, scope };
      return auth(providerOf(session), { serverUrl: api, resourceMetadataUrl, scope, ...more });
    };
    const tokensOf = ({ held }) => kept(held);
    return {
      async login(session) {
        const response = await ask(session);
        if (response.status === 401) await authorize(session, response);
        return session.location ?? '/';
      },
      async callback(session, url) {
        if (url.searchParams.get('state') !== session.state) throw new Error('state');
        if (url.searchParams.has('error')) throw new Error('refused');
        await authorize(session, undefined, { authorizationCode: url.searchParams.get('code') });
        return tokensOf(session);
      },
      async isSignedIn(session) {
        if (session.tokens === undefined) return false;
        if (Date.now() >= session.tokens.expiresAt) {
          session.refreshing ??= authorize(session).finally(() => {
            session.refreshing = undefined;
          });
          if ((await session.refreshing) !== 'AUTHORIZED') return false;
          session.tokens = tokensOf(session);
        }
        const response = await ask(session);
        if (response.status !== 403) return response.ok;
        session.location = undefined;
        await authorize(session, response);
        return session.location;
      },
    };
  },
};
