// @ts-nocheck The packages of these clients are not dependencies of this project.
/* Clients that have their own routes and sessions. */

const secret = 'of a test, and thirty-two bytes at least';

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

  async 'jwks-rsa'({ issuer }) {
    const { default: express } = await import('express');
    const { expressjwt } = await import('express-jwt');
    const { default: jwks } = await import('jwks-rsa');
    const secret = jwks.expressJwtSecret({ jwksUri: `${issuer}/jwks`, cache: true, rateLimit: true });
    const app = express();
    app.use(expressjwt({ secret, audience: `${issuer}/api`, issuer, algorithms: ['RS256'] }));
    app.get('/api', (_, response) => response.send(''));
    return withPages(app);
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
      secret,
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

  /** Its pages need a form with a token against forged requests, which this application fills in for its visitors. */
  async 'next-auth'({ issuer, clientId, clientSecret, origin }) {
    process.env.NEXTAUTH_URL = origin;
    const { default: express } = await import('express');
    const { default: nextAuth } = await import('next-auth');
    const NextAuth = nextAuth.default ?? nextAuth;
    const silent = { error() {}, warn() {}, debug() {} };
    const provider = {
      id: 'mock',
      name: 'mock',
      type: 'oauth',
      wellKnown: `${issuer}/.well-known/openid-configuration`,
      authorization: { params: { scope: 'openid email profile' } },
      idToken: true,
      checks: ['pkce', 'state', 'nonce'],
      clientId,
      clientSecret,
      profile: ({ sub, name }) => ({ id: sub, name }),
    };
    const options = { providers: [provider], secret, logger: silent };
    const ask = async (path, cookies, form) => {
      const body = form && new URLSearchParams(form);
      const init = { method: form ? 'POST' : 'GET', redirect: 'manual', headers: { cookie: cookies.join('; ') }, body };
      const answer = await fetch(`${origin}/api/auth/${path}`, init);
      return { answer, text: await answer.text(), set: answer.headers.getSetCookie() };
    };
    const post = path => async (request, response) => {
      const cookies = request.headers.cookie === undefined ? [] : [request.headers.cookie];
      const form = await ask('csrf', cookies);
      const sent = [...cookies, ...form.set.map(cookie => cookie.split(';')[0])];
      const { csrfToken } = JSON.parse(form.text);
      const { answer, set } = await ask(path, sent, { csrfToken, callbackUrl: `${origin}/` });
      response.append('set-cookie', [...form.set, ...set]).redirect(answer.headers.get('location') ?? '/');
    };
    const app = express();
    app.use(express.urlencoded({ extended: false }));
    app.get('/login', post('signin/mock'));
    app.get('/logout', post('signout'));
    app.get('/me', async (request, response) => {
      const { text, set } = await ask('session', [request.headers.cookie ?? '']);
      response.append('set-cookie', set).sendStatus(text.includes('"user"') ? 200 : 401);
    });
    app.all(/^\/api\/auth\//, ({ path, query, body = {}, method, headers }, response) => {
      const cookies = Object.fromEntries(
        (headers.cookie ?? '').split('; ').map(each => {
          const [name, ...value] = each.split('=');
          return [name, decodeURIComponent(value.join('='))];
        }),
      );
      const nextauth = path.split('/').slice(3);
      return NextAuth({ query: { ...query, nextauth }, cookies, body, method, headers }, response, options);
    });
    return withPages(app);
  },

  async 'better-auth'({ issuer, clientId, clientSecret, origin }) {
    const { betterAuth } = await import('better-auth');
    const { genericOAuth } = await import('better-auth/plugins/generic-oauth');
    const { memoryAdapter } = await import('better-auth/adapters/memory');
    const { toNodeHandler } = await import('better-auth/node');
    const kept = { user: [], session: [], account: [], verification: [] };
    const discoveryUrl = `${issuer}/.well-known/openid-configuration`;
    const scopes = ['openid', 'email', 'profile', 'offline_access'];
    const provider = { providerId: 'mock', clientId, clientSecret, discoveryUrl, scopes, pkce: true };
    const auth = betterAuth({
      baseURL: origin,
      secret,
      database: memoryAdapter(kept),
      telemetry: { enabled: false },
      rateLimit: { enabled: false },
      logger: { disabled: true },
      plugins: [genericOAuth({ config: [provider] })],
    });
    const handle = toNodeHandler(auth);
    const ask = (path, cookie, body) => {
      const headers = { 'content-type': 'application/json', origin, cookie };
      const request = new Request(`${origin}/api/auth/${path}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      return auth.handler(request);
    };
    const routes = {
      async '/login'(cookie) {
        const answer = await ask('sign-in/social', cookie, { provider: 'mock', callbackURL: '/' });
        return { answer, location: (await answer.json()).url };
      },
      async '/me'(cookie) {
        const session = await auth.api.getSession({ headers: new Headers({ cookie }) });
        if (session === null) return { status: 401 };
        const account = kept.account.find(({ userId }) => userId === session.user.id);
        const answer = await ask('get-access-token', cookie, { accountId: account?.id });
        return { answer, status: answer.ok ? 200 : 401 };
      },
      '/logout': async cookie => ({ answer: await ask('sign-out', cookie, {}), location: '/' }),
      '/': async () => ({ status: 200 }),
    };
    return async (request, response) => {
      if (request.url.startsWith('/api/auth/')) return handle(request, response);
      const {
        answer,
        location,
        status = location ? 302 : 401,
      } = await routes[request.url](request.headers.cookie ?? '');
      const headers = { 'set-cookie': answer?.headers.getSetCookie() ?? [], ...(location && { location }) };
      return response.writeHead(status, headers).end();
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
      secret,
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
