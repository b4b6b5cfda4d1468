// @ts-nocheck The packages of these clients are not dependencies of this project.
/* Clients that have their own routes and sessions. */

export const frameworks = {
  'express-openid-connect': given =>
    expressOpenidConnect(given, { response_type: 'code', scope: 'openid offline_access' }),
  /** Its default: an ID token by form_post, without a code. */
  'express-openid-connect (default)': given => expressOpenidConnect(given, undefined),

  async 'passport-openidconnect'({ issuer, clientId, clientSecret, redirectUri }) {
    const { default: express } = await import('express');
    const { default: session } = await import('express-session');
    const { default: passport } = await import('passport');
    const { default: Strategy } = await import('passport-openidconnect');
    const urls = {
      authorizationURL: `${issuer}/authorize`,
      tokenURL: `${issuer}/token`,
      userInfoURL: `${issuer}/userinfo`,
    };
    const options = { issuer, ...urls, clientID: clientId, clientSecret, callbackURL: redirectUri, scope: ['profile'] };
    passport.use(new Strategy(options, (_, profile, done) => done(null, profile)));
    passport.serializeUser((user, done) => done(null, user));
    passport.deserializeUser((user, done) => done(null, user));
    const app = express();
    app.use(session({ secret: 'of a test', resave: false, saveUninitialized: false }), passport.session());
    app.get('/login', passport.authenticate('openidconnect'));
    app.get('/callback', passport.authenticate('openidconnect', { failureRedirect: '/failed' }), (_, response) =>
      response.redirect('/'),
    );
    app.get('/me', (request, response) => response.sendStatus(request.user ? 200 : 401));
    app.get('/logout', (request, response, next) => {
      request.logout(error => (error ? next(error) : response.redirect('/')));
    });
    return withPages(app);
  },

  async jose({ issuer }) {
    const { createRemoteJWKSet, jwtVerify } = await import('jose');
    const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
    return async ({ headers }, response) => {
      const token = headers.authorization?.replace(/^Bearer /, '') ?? '';
      const expected = { issuer, audience: `${issuer}/api`, typ: 'at+jwt' };
      const good = await jwtVerify(token, keys, expected).then(
        () => true,
        () => false,
      );
      response.writeHead(good ? 200 : 401).end();
    };
  },

  async 'express-oauth2-jwt-bearer'({ issuer }) {
    const { default: express } = await import('express');
    const { auth } = await import('express-oauth2-jwt-bearer');
    const app = express();
    app.use(auth({ issuerBaseURL: issuer, audience: `${issuer}/api` }));
    app.get('/api', (_, response) => response.send(''));
    return withPages(app);
  },

  async '@auth/core'({ issuer, clientId, clientSecret, origin }) {
    const { Auth, skipCSRFCheck } = await import('@auth/core');
    const config = {
      providers: [{ id: 'mock', name: 'mock', type: 'oidc', issuer, clientId, clientSecret }],
      secret: 'of a test, and thirty-two bytes at least',
      trustHost: true,
      basePath: '/auth',
      skipCSRFCheck,
      logger: { error() {}, warn() {}, debug() {} },
    };
    const ask = (path, init) => Auth(new Request(origin + path, init), config);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    return async (request, response) => {
      const cookie = request.headers.cookie ?? '';
      const posted = { method: 'POST', headers: { ...form, cookie }, body: 'callbackUrl=/' };
      const answer = await (request.url === '/login'
        ? ask('/auth/signin/mock', posted)
        : request.url === '/logout'
          ? ask('/auth/signout', posted)
          : request.url === '/me'
            ? ask('/auth/session', { headers: { cookie } })
            : request.url.startsWith('/auth/')
              ? ask(request.url, { headers: { cookie } })
              : new Response(''));
      const body = await answer.text();
      const isIn = request.url !== '/me' || body.includes('"user"');
      const headers = Object.fromEntries([...answer.headers].filter(([name]) => name === 'location'));
      response.writeHead(isIn ? answer.status : 401, { ...headers, 'set-cookie': answer.headers.getSetCookie() }).end();
    };
  },
};

async function expressOpenidConnect({ issuer, clientId, clientSecret, origin }, authorizationParams) {
  const { default: express } = await import('express');
  const { default: connect } = await import('express-openid-connect');
  const app = express();
  app.use(
    connect.auth({
      ...(authorizationParams && { backchannelLogout: { store: memoryStore() } }),
      issuerBaseURL: issuer,
      baseURL: origin,
      clientID: clientId,
      secret: 'of a test, and thirty-two bytes at least',
      authRequired: false,
      idpLogout: true,
      ...(authorizationParams && { clientSecret, authorizationParams }),
    }),
  );
  app.get('/me', async (request, response) => {
    const { oidc } = request;
    if (!oidc.isAuthenticated()) return response.sendStatus(401);
    // It has no access token in its default, nor after a response without a lifetime.
    if (authorizationParams && oidc.accessToken.isExpired()) await oidc.accessToken.refresh();
    return response.sendStatus(200);
  });
  return withPages(app);
}

/** An express-session store, which the client's documentation requires for back-channel logout. */
function memoryStore() {
  const kept = new Map();
  return {
    get: (id, done) => done(null, kept.get(id)),
    set: (id, value, done) => done(null, void kept.set(id, value)),
    destroy: (id, done) => done(null, void kept.delete(id)),
  };
}

/** Adds a start page, and shows errors to visitors as error statuses. */
function withPages(app) {
  app.get('/', (_, response) => response.send(''));
  app.use((error, _, response, __) => response.sendStatus(error?.status >= 400 ? error.status : 401));
  return app;
}
