import { createHash, createHmac, createPublicKey, randomBytes, verify as verifySignature } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/*
 * A small web application that signs in with OpenID Connect, and an API that verifies access tokens. It is right, but for
 * the one flaw that it is given: each scenario of torture has a flaw here that it has to catch.
 */

/** Ids of scenarios: the client does wrong what that scenario looks for. */
export type Flaw = string;

interface Session {
  state?: string;
  nonce?: string;
  verifier?: string;
  tokens?: { access_token: string; refresh_token?: string; id_token?: string; expiresAt: number };
  sub?: string;
  refreshing?: Promise<boolean> | undefined;
}

type Claims = Record<string, unknown>;

export interface SampleClient {
  readonly origin: string;
  close(): Promise<void>;
}

export async function startSampleClient(issuer: string, clientId: string, flaw: Flaw = ''): Promise<SampleClient> {
  const sessions = new Map<string, Session>();
  const is = (...flaws: Flaw[]) => flaws.includes(flaw);
  const json = async (url: string, init: RequestInit = {}) => {
    const response = await fetch(url, { signal: AbortSignal.timeout(is('token.stalled') ? 600_000 : 1_000), ...init });
    if (!response.ok && !is('keys.down'))
      throw Object.assign(new Error(`status ${response.status}`), { body: await response.text().catch(() => '') });
    return (await response.json()) as Claims & { keys?: Claims[] };
  };
  let origin = '';

  const metadata = async () => {
    const found = await json(`${issuer}/.well-known/openid-configuration`);
    if (found.issuer !== issuer && !is('metadata.issuer')) throw new Error('another issuer');
    return found as Record<string, string>;
  };

  let cachedKeys: Claims[] | undefined;

  /** The claims of a JWT whose signature and header are right. */
  const checked = async (token: string, typ?: string): Promise<Claims> => {
    const [head = '', body = '', signature = ''] = token.split('.');
    const header = JSON.parse(Buffer.from(head, 'base64url').toString());
    const claims: Claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    const own = typ === undefined ? 'id-token' : 'resource';
    if (typ !== undefined && header.typ !== typ && !is('resource.id-token')) throw new Error('typ');
    if (header.alg === 'none') {
      if (is(`${own}.alg-none`)) return claims;
      throw new Error('alg none');
    }
    const { jwks_uri = '' } = await metadata();
    if (!is('keys.rotated') || cachedKeys === undefined) {
      try {
        cachedKeys = (await json(jwks_uri)).keys;
      } catch (error) {
        if (is('keys.down')) return claims;
        throw error;
      }
    }
    const keys = cachedKeys ?? [];
    const known =
      keys.find(key => key.kid === header.kid) ??
      (keys.length === 1 && keys[0]?.kid === undefined && !is('keys.no-kid') ? keys[0] : undefined);
    const key = known ?? (is('id-token.kid') ? keys[0] : undefined);
    if (key === undefined) {
      if (is('keys.down')) return claims;
      throw new Error('kid');
    }
    const publicKey = createPublicKey({ key: { ...key }, format: 'jwk' });
    if (header.alg === 'HS256') {
      const pem = publicKey.export({ format: 'pem', type: 'spki' });
      const mac = createHmac('sha256', pem).update(`${head}.${body}`).digest('base64url');
      if (is(`${own}.hmac-public-key`) && mac === signature) return claims;
      throw new Error('alg');
    }
    const bytes = Buffer.from(signature, 'base64url');
    const good = verifySignature(
      'sha256',
      Buffer.from(`${head}.${body}`),
      { key: publicKey, dsaEncoding: 'ieee-p1363' },
      bytes,
    );
    if (!good && !is(`${own}.signature`, 'id-token.kid', 'keys.down')) throw new Error('signature');
    return claims;
  };

  const checkIdToken = async (token: string, nonce: string | undefined): Promise<string> => {
    const claims = await checked(token);
    const now = Date.now() / 1000;
    const fail = (id: Flaw, wrong: boolean) => {
      if (wrong && !is(id)) throw new Error(id);
    };
    fail('id-token.iss', claims.iss !== issuer);
    fail('id-token.aud', claims.aud !== clientId);
    fail('id-token.exp', Number(claims.exp) < now);
    fail('id-token.iat-missing', typeof claims.iat !== 'number');
    fail('id-token.sub-missing', typeof claims.sub !== 'string');
    if (nonce !== undefined) fail('id-token.nonce', claims.nonce !== nonce);
    return String(claims.sub);
  };

  const tokenRequest = async (session: Session, form: Record<string, string>): Promise<Claims> => {
    const { token_endpoint = '' } = await metadata();
    const body = new URLSearchParams({ client_id: clientId, ...form });
    const redirect = is('token.redirect') ? 'follow' : 'error';
    const init = { method: 'POST', body, redirect } as const;
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
      expiresAt: Date.now() + lifetime * 1000,
    };
    return answer;
  };

  const refresh = async (session: Session): Promise<boolean> => {
    const before = session.tokens;
    const refresh_token = before?.refresh_token;
    if (before === undefined || !refresh_token) return false;
    const once = async () => {
      const answer = await tokenRequest(session, { grant_type: 'refresh_token', refresh_token });
      if (answer.id_token === undefined || is('refresh.other-subject')) return true;
      return (await checkIdToken(String(answer.id_token), undefined)) === session.sub;
    };
    try {
      const same = await once();
      if (!same) Reflect.deleteProperty(session, 'tokens');
      return same;
    } catch (error) {
      const refused = String(Object(error).body ?? '').includes('invalid_grant');
      if (refused) {
        if (is('refresh.revoked')) return true;
        Reflect.deleteProperty(session, 'tokens');
        return false;
      }
      if (is('refresh.unavailable', 'refresh.lost-answer')) Reflect.deleteProperty(session, 'tokens');
      else session.tokens = before;
      return false;
    }
  };

  const isSignedIn = async (session: Session): Promise<boolean> => {
    if (session.tokens === undefined || session.sub === undefined) return false;
    if (Date.now() < session.tokens.expiresAt) return true;
    if (is('refresh.at-once')) return refresh(session);
    session.refreshing ??= refresh(session).finally(() => {
      session.refreshing = undefined;
    });
    return session.refreshing;
  };

  const callback = async (session: Session, query: URLSearchParams): Promise<void> => {
    if (query.get('state') !== session.state && !is('answer.state')) throw new Error('state');
    if (query.get('iss') !== issuer && !is('answer.iss')) throw new Error('iss');
    if (query.has('error')) {
      if (!is('answer.error')) throw new Error('refused');
      session.sub = 'somebody';
      session.tokens = { access_token: 'x', expiresAt: Number.POSITIVE_INFINITY };
      return;
    }
    const { nonce, verifier = '' } = session;
    // A state is used once, and with it its code.
    if (!is('answer.twice', 'answer.state')) Reflect.deleteProperty(session, 'state');
    const form = {
      grant_type: 'authorization_code',
      code: query.get('code') ?? '',
      redirect_uri: `${origin}/callback`,
    };
    const answer = await tokenRequest(session, { ...form, code_verifier: verifier });
    if (session.sub === 'somebody') return;
    const sub = await checkIdToken(String(answer.id_token), nonce);
    const { userinfo_endpoint = '' } = await metadata();
    const user = await json(userinfo_endpoint, { headers: { authorization: `Bearer ${String(answer.access_token)}` } });
    if (user.sub !== sub && !is('userinfo.sub', 'id-token.sub-missing')) throw new Error('userinfo');
    session.sub = sub;
  };

  const login = async (session: Session): Promise<string> => {
    const { authorization_endpoint = '' } = await metadata();
    const text = () => randomBytes(32).toString('base64url');
    Object.assign(session, { state: text(), nonce: text(), verifier: text() });
    const { state = '', nonce = '', verifier = '' } = session;
    const code_challenge = createHash('sha256').update(verifier).digest('base64url');
    const redirect_uri = `${origin}/callback`;
    const rest = {
      response_type: 'code',
      scope: 'openid offline_access',
      code_challenge,
      code_challenge_method: 'S256',
    };
    return `${authorization_endpoint}?${new URLSearchParams({ client_id: clientId, redirect_uri, state, nonce, ...rest })}`;
  };

  const api = async (request: IncomingMessage): Promise<number> => {
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
    const claims = await checked(token, 'at+jwt');
    const now = Date.now() / 1000;
    const wrong: Record<Flaw, boolean> = {
      'resource.aud': claims.aud !== `${issuer}/api`,
      'resource.iss': claims.iss !== issuer,
      'resource.exp': Number(claims.exp) < now,
      'resource.nbf': Number(claims.nbf ?? 0) > now,
      'resource.good': flaw === 'resource.good',
    };
    if (is('resource.id-token')) return 200;
    const bad = Object.entries(wrong).some(([id, is]) => is && (id !== flaw || id === 'resource.good'));
    return bad ? 401 : 200;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '', origin);
    if (url.pathname === '/api') {
      response.writeHead(await api(request).catch(() => 401)).end();
      return;
    }
    const id = /sid=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? randomBytes(16).toString('base64url');
    const session = sessions.get(id) ?? {};
    sessions.set(id, session);
    response.setHeader('set-cookie', `sid=${id}; Path=/; HttpOnly`);
    if (url.pathname === '/login')
      response.writeHead(302, { location: is('sign-in') ? '/broken' : await login(session) });
    else if (url.pathname === '/me') response.writeHead((await isSignedIn(session)) ? 200 : 401);
    else if (url.pathname === '/logout') {
      const { end_session_endpoint = '' } = await metadata();
      const hint = session.tokens?.id_token ?? '';
      if (!is('logout.ends')) sessions.set(id, {});
      response.writeHead(302, { location: is('logout.ends') ? '/' : `${end_session_endpoint}?id_token_hint=${hint}` });
    } else if (url.pathname === '/callback') {
      const failed = await callback(session, url.searchParams).then(
        () => false,
        () => true,
      );
      if (failed && session.sub === undefined) Reflect.deleteProperty(session, 'tokens');
      response.writeHead(failed ? (is('answer.twice') ? 500 : 400) : 302, failed ? {} : { location: '/' });
    } else response.writeHead(url.pathname === '/broken' ? 500 : 200);
    response.end();
  };

  const server: Server = createServer((request, response) => {
    answer(request, response).catch(() => response.writeHead(502).end());
  });
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve);
  });
  origin = `http://127.0.0.1:${Object(server.address()).port}`;
  return {
    origin,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
