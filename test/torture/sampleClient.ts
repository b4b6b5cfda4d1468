import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { listen } from '../support/loopbackServer.ts';
import { type Claims, flawed, type SampleClient, type SampleOptions, type Session } from './sampleOptions.ts';
import { createRequests } from './sampleRequests.ts';
import { claimsOf, createVerifier, half } from './sampleVerifier.ts';

/*
 * A small web application that signs in with OpenID Connect, and an API that verifies access tokens. It is correct
 * except for the flaw that it is given. For each torture scenario there is a flaw that the scenario must detect.
 */

export async function startSampleClient(options: SampleOptions): Promise<SampleClient> {
  const { issuer: first, clientId = 'demo', lapse, second = '', pace = 1, port = 0, late = 0, early = 0 } = options;
  const { renews = false, cachesUser = false, beside, endsAtRepeat = false, modern = false } = options;
  const { sessions = new Map(), origin: publicOrigin } = options;
  const secondLasts = 1_000 / pace;
  const users = new Map<unknown, Claims>();
  const timers = new Set<NodeJS.Timeout>();
  let closed = false;
  const is = flawed(options);
  const requests = createRequests(options);
  const { json, formOf, metadata, sleep } = requests;
  const { checkIdToken, checkLogoutToken, checkAccessToken } = createVerifier(options, requests);
  let origin = '';

  const tokenRequest = async (session: Session, form: Record<string, string>): Promise<Claims> => {
    const { token_endpoint = '' } = await metadata(session.issuer);
    const init: RequestInit = { ...formOf(form), redirect: is('token.redirect') ? 'follow' : 'error' };
    let answer: Claims;
    try {
      answer = await json(token_endpoint, init);
    } catch (error) {
      if (is('token.truncated', 'token.html')) {
        session.sub = 'somebody';
        session.tokens = { access_token: 'x', expiresAt: Number.POSITIVE_INFINITY };
        return {};
      }
      throw error;
    }
    if (!/^(?:bearer|dpop)$/i.test(String(answer.token_type)) && !is('token.type')) throw new Error('token_type');
    if (answer.expires_in === undefined && is('token.no-expiry')) throw new Error('expires_in');
    const lifetime = typeof answer.expires_in === 'number' ? answer.expires_in : 3600;
    const kept = is('refresh.omitted') ? undefined : session.tokens?.refresh_token;
    const rotated = is('refresh.rotation') && session.tokens?.refresh_token ? undefined : answer.refresh_token;
    session.tokens = {
      access_token: String(answer.access_token),
      refresh_token: String(rotated ?? kept ?? (is('refresh.omitted') ? '' : answer.refresh_token)),
      id_token: String(answer.id_token),
      expiresAt: Date.now() + lifetime * secondLasts,
    };
    if (renews) {
      const timer = setTimeout(() => void refreshOnce(session), 0.9 * lifetime * secondLasts);
      timers.add(timer);
    }
    return answer;
  };

  const refresh = async (session: Session): Promise<boolean> => {
    const before = session.tokens;
    const refresh_token = before?.refresh_token;
    if (before === undefined || !refresh_token) return false;
    const once = async () => {
      const answer = await tokenRequest(session, { grant_type: 'refresh_token', refresh_token });
      if (answer.id_token === undefined || is('refresh.other-subject', 'refresh.other-issuer')) return true;
      return (await checkIdToken(String(answer.id_token), session.issuer ?? first, undefined)) === session.sub;
    };
    try {
      const same = (await once()) && lapse !== 'signs out at a refresh';
      if (session.tokens && lapse === 'refreshes once') session.tokens.expiresAt = Number.POSITIVE_INFINITY;
      if (!same) Reflect.deleteProperty(session, 'tokens');
      return same;
    } catch (error) {
      const refused = String(Object(error).body ?? '').includes('invalid_grant');
      if (refused) {
        if (is('refresh.revoked')) return true;
        Reflect.deleteProperty(session, 'tokens');
        return false;
      }
      if (lapse === 'goes on without tokens') {
        session.tokens = { ...before, expiresAt: Number.POSITIVE_INFINITY };
        return true;
      }
      const { retryAfter = 0 } = Object(error);
      if (retryAfter > 0 && !is('refresh.retry-after')) session.notBefore = Date.now() + retryAfter * secondLasts;
      if (is('refresh.unavailable', 'refresh.lost-answer')) Reflect.deleteProperty(session, 'tokens');
      else session.tokens = before;
      return false;
    }
  };

  const isSignedIn = async (session: Session): Promise<boolean> => {
    if (session.tokens === undefined || session.sub === undefined) return false;
    if (session.looked && lapse === 'signs out at the second look') return false;
    session.looked = true;
    // The new tokens do not count before their ID token is checked.
    if (session.refreshing !== undefined) return session.refreshing;
    if (Date.now() < session.tokens.expiresAt + (late - early) * secondLasts) return true;
    if (Date.now() < (session.notBefore ?? 0)) return false;
    if (is('refresh.at-once')) return refresh(session);
    return refreshOnce(session);
  };

  const refreshOnce = (session: Session): Promise<boolean> => {
    session.refreshing ??= refresh(session).finally(() => {
      session.refreshing = undefined;
    });
    return session.refreshing;
  };

  const callback = async (session: Session, query: URLSearchParams): Promise<void> => {
    if (query.get('state') !== session.state && !is('answer.state')) throw new Error('state');
    const { issuer = first } = session;
    const iss = query.get('iss');
    if (iss === null && !is('answer.iss-missing')) throw new Error('iss');
    if (iss !== null && iss !== issuer && !is('answer.iss', 'answer.mix-up')) throw new Error('iss');
    if (query.has('error')) {
      if (!is('answer.error')) throw new Error('refused');
      session.sub = 'somebody';
      session.tokens = { access_token: 'x', expiresAt: Number.POSITIVE_INFINITY };
      return;
    }
    if (lapse === 'redeems no code') throw new Error('no code');
    const { nonce, verifier = '' } = session;
    // The state, and with it the code, is used only once.
    if (!is('answer.twice', 'answer.double', 'answer.state')) Reflect.deleteProperty(session, 'state');
    const form = {
      grant_type: 'authorization_code',
      code: query.get('code') ?? '',
      redirect_uri: `${origin}/callback`,
    };
    if (modern) await checkIdToken(query.get('id_token') ?? '', issuer, nonce, { c_hash: half(form.code) });
    const answer = await tokenRequest(session, { ...form, code_verifier: verifier });
    if (session.sub === 'somebody') return;
    if (lapse === 'uses no ID token') {
      session.sub = 'somebody';
      return;
    }
    const idToken = String(answer.id_token);
    const sub = await checkIdToken(idToken, issuer, nonce, { at_hash: half(String(answer.access_token)) });
    session.sid = claimsOf(idToken).sid;
    if (modern) {
      session.sub = sub;
      return;
    }
    const { userinfo_endpoint = '' } = await metadata(issuer);
    const authorization = `Bearer ${String(answer.access_token)}`;
    const user = users.get(sub) ?? (await json(userinfo_endpoint, { headers: { authorization } }));
    if (cachesUser && user.sub === sub) users.set(sub, user);
    if (user.sub !== sub && !is('userinfo.sub', 'id-token.sub-missing')) throw new Error('userinfo');
    session.sub = sub;
  };

  const login = async (session: Session, issuer = first): Promise<string> => {
    const { authorization_endpoint = '', pushed_authorization_request_endpoint: par = '' } = await metadata(issuer);
    const text = () => randomBytes(32).toString('base64url');
    Object.assign(session, { state: text(), nonce: text(), verifier: text(), issuer });
    const { state = '', nonce = '', verifier = '' } = session;
    const code_challenge = createHash('sha256').update(verifier).digest('base64url');
    const redirect_uri = `${origin}/callback`;
    const rest = {
      response_type: modern ? 'code id_token' : 'code',
      ...(modern && { response_mode: 'form_post' }),
      scope: lapse === 'uses no ID token' ? 'offline_access' : 'openid offline_access',
      code_challenge,
      code_challenge_method: 'S256',
    };
    const request = new URLSearchParams({ client_id: clientId, redirect_uri, state, nonce, ...rest });
    if (!modern || is('answer.pushed')) return `${authorization_endpoint}?${request}`;
    const { request_uri } = await json(par, { method: 'POST', body: request });
    return `${authorization_endpoint}?${new URLSearchParams({ client_id: clientId, request_uri: String(request_uri) })}`;
  };

  /** RFC 8628. Resolves with the status of the final response. */
  const device = async (session: Session): Promise<number> => {
    const { device_authorization_endpoint = '' } = await metadata();
    const asked = formOf({ scope: 'openid offline_access' });
    const { device_code, interval } = await json(device_authorization_endpoint, asked);
    let wait = is('device.interval') ? 0.1 : Number(interval);
    while (!closed) {
      await sleep(wait * 1.05);
      try {
        await tokenRequest(session, { grant_type: deviceCodeGrant, device_code: String(device_code) });
        return is('device.good') ? 401 : 200;
      } catch (error) {
        const { body = '' } = Object(error);
        if (lapse === 'polls once') return 401;
        if (body.includes('slow_down')) wait += is('device.slow-down') ? 0 : 5;
        else if (body.includes('access_denied') && is('device.denied')) return 200;
        else if (!body.includes('authorization_pending') && !is('device.expired')) return 401;
      }
    }
    return 503;
  };

  /** Tokens for a device or for the client itself, which have to do with no visitor. */
  const workBeside = async () => {
    while (!closed) {
      if (beside === 'device') await device({}).catch(() => {});
      else await tokenRequest({}, { grant_type: 'client_credentials' }).catch(() => {});
      await sleep(0.2);
    }
  };

  /** Ends the sessions that a logout token or logout frame names. */
  const end = (sub: unknown, sid: unknown) => {
    for (const [id, session] of sessions)
      if (sid === undefined ? session.sub === sub : session.sid === sid) sessions.set(id, {});
  };

  const backChannelLogout = async (token: string): Promise<number> => {
    if (is('logout.back-channel')) return 200;
    const { sub, sid } = await checkLogoutToken(token);
    end(sub, sid);
    return 200;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '', origin);
    if (url.pathname === '/api') {
      const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
      response.writeHead(await checkAccessToken(token).catch(() => 401)).end();
      return;
    }
    const form = request.method === 'POST' ? new URLSearchParams(await textOf(request)) : url.searchParams;
    if (url.pathname === '/backchannel') {
      response.writeHead(await backChannelLogout(form.get('logout_token') ?? '').catch(() => 400)).end();
      return;
    }
    if (url.pathname === '/frontchannel') {
      if (!is('logout.front-channel')) end(undefined, form.get('sid'));
      response.writeHead(200).end();
      return;
    }
    const id = /sid=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? randomBytes(16).toString('base64url');
    const session = sessions.get(id) ?? {};
    sessions.set(id, session);
    response.setHeader('set-cookie', `sid=${id}; Path=/; HttpOnly`);
    if (url.pathname === '/login')
      response.writeHead(302, { location: is('sign-in') ? '/broken' : await login(session) });
    else if (url.pathname === '/login2') response.writeHead(302, { location: await login(session, second) });
    else if (url.pathname === '/device') response.writeHead(await device(session));
    else if (url.pathname === '/me') response.writeHead((await isSignedIn(session)) ? 200 : 401);
    else if (url.pathname === '/logout') {
      const { end_session_endpoint = '' } = await metadata();
      const hint = session.tokens?.id_token ?? '';
      if (!is('logout.ends')) sessions.set(id, {});
      const query = is('logout.hint') ? '' : `?id_token_hint=${hint}`;
      response.writeHead(302, { location: is('logout.ends') ? '/' : `${end_session_endpoint}${query}` });
    } else if (url.pathname === '/callback') {
      const failed = await callback(session, form).then(
        () => false,
        () => true,
      );
      if (failed && (endsAtRepeat || is('answer.double'))) sessions.set(id, {});
      if (failed && session.sub === undefined) Reflect.deleteProperty(session, 'tokens');
      response.writeHead(failed ? (is('answer.twice') ? 500 : 400) : 302, failed ? {} : { location: '/' });
    } else response.writeHead(url.pathname === '/broken' ? 500 : 200);
    response.end();
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.writeHead(502).end());
  });
  const listening = await listen(server, port);
  origin = publicOrigin ?? listening.origin;
  const working = beside === undefined ? undefined : workBeside();
  return {
    origin: listening.origin,
    async close() {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      await listening.close();
      await working;
    },
  };
}

const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code';

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}
