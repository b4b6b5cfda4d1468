// @ts-nocheck The packages of these clients are not dependencies of this project.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

/*
 * A web application around one client, in a separate process: `node host.mjs NAME`. The client is used as its
 * documentation shows, with its defaults. If the client leaves refreshing to the application, this one refreshes
 * expired tokens, once for all waiting requests.
 */

const { ISSUER: issuer, SECOND: second, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret } = process.env;
/** Port for a client's own server. It is known in advance, because the `logout` address must be too. */
const ownPort = Number(process.env.PORT);
const [, , name] = process.argv;

let handler = (_, response) => response.writeHead(503).end();
const server = createServer((request, response) => handler(request, response));
const listensItself = ['mod_auth_openidc', 'python3-authlib'].includes(name);
await new Promise(resolve => server.listen(listensItself ? 0 : ownPort || 0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;
const given = { issuer, clientId, clientSecret, origin, ownPort, redirectUri: `${origin}/callback` };

const { libraries } = await import('./libraries.mjs');
const { frameworks } = await import('./frameworks.mjs');
const { pages } = await import('./pages.mjs');
const { debian } = await import('./debian.mjs');
let served = origin;
if (name in libraries) {
  const clients = [await libraries[name](given)];
  if (second) clients.push(await libraries[name]({ ...given, issuer: second }));
  handler = webApplication(clients);
} else {
  const made = await (frameworks[name] ?? pages[name] ?? debian[name])(given);
  if (typeof made === 'function') handler = made;
  else served = made.origin;
}

// Unhandled errors come from the client. The application continues, as it would under a process manager.
process.on('unhandledRejection', error => console.error(`${name}: ${error?.message}`));
process.on('uncaughtException', error => console.error(`${name}: ${error?.message}`));
process.stdin.on('end', () => process.exit()).resume();
console.log(JSON.stringify({ origin: served }));

/** Sessions, cookies and routes around a client library, which has one instance per issuer. */
function webApplication(clients) {
  const sessions = new Map();
  const clientOf = session => clients[session.issuer ?? 0];
  const login = async (session, which) => {
    session.issuer = which;
    session.waiting = true;
    return { location: await clientOf(session).login(session) };
  };

  const freshly = async session => {
    if (!session.tokens) return false;
    if (Date.now() < session.tokens.expiresAt) return true;
    const client = clientOf(session);
    if (!client.refresh) return false;
    session.refreshing ??= client.refresh(session).finally(() => {
      session.refreshing = undefined;
    });
    try {
      session.tokens = await session.refreshing;
      return true;
    } catch (error) {
      // RFC 6749 section 5.2: invalid_grant means that the refresh token is lost. Other errors may be temporary.
      if (JSON.stringify([error, error?.cause, error?.data, error?.message]).includes('invalid_grant'))
        session.tokens = undefined;
      return false;
    }
  };

  const routes = {
    '/login': session => login(session, 0),
    '/second': session => login(session, 1),
    '/device': async () => {
      await clients[0].device();
      return { status: 200 };
    },
    '/callback': async (session, url) => {
      // A callback is accepted only once, and only if one is expected.
      if (!session.waiting) throw new Error('not waited for');
      session.waiting = false;
      session.tokens = await clientOf(session).callback(session, url);
      return { location: '/' };
    },
    '/me': async session => {
      const is = await (clientOf(session).isSignedIn ?? freshly)(session);
      return typeof is === 'boolean' ? { status: is ? 200 : 401 } : { location: is };
    },
    '/logout': async session => {
      const location = await clientOf(session).logout?.(session);
      session.tokens = undefined;
      return { location: location ?? '/' };
    },
    '/': async () => ({ status: 200 }),
  };

  return async (request, response) => {
    const url = new URL(request.url, origin);
    const id = /sid=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? randomBytes(16).toString('base64url');
    const session = sessions.get(id) ?? {};
    sessions.set(id, session);
    response.setHeader('set-cookie', `sid=${id}; Path=/; HttpOnly`);
    try {
      const answer = (await routes[url.pathname]?.(session, url)) ?? { status: 404 };
      if (answer.location) response.writeHead(302, { location: String(answer.location) }).end();
      else response.writeHead(answer.status).end();
    } catch (error) {
      if (process.env.DEBUG) console.error(error);
      response.writeHead(401).end();
    }
  };
}
