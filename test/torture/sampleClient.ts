import {
  createHash,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify as verifySignature,
} from 'node:crypto';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { listen } from '../support/loopbackServer.ts';

/*
 * A small web application that signs in with OpenID Connect, and an API that verifies access tokens. It is correct
 * except for the flaw that it is given. For each torture scenario there is a flaw that the scenario must detect.
 */

/** Id of a scenario: the client makes the mistake that this scenario detects. */
export type Flaw = string;

/** What a client leaves out, so that it never comes to what some scenarios judge. */
export type Lapse =
  | 'polls once'
  | 'refreshes once'
  | 'goes on without tokens'
  | 'signs out at a refresh'
  | 'signs out at the second look'
  | 'redeems no code'
  | 'refuses every ID token'
  | 'uses no ID token'
  | 'keeps its keys';

/** What a client remembers of one visitor. */
export interface Session {
  issuer?: string;
  state?: string;
  nonce?: string;
  verifier?: string;
  tokens?: { access_token: string; refresh_token?: string; id_token?: string; expiresAt: number };
  sub?: string;
  sid?: unknown;
  /** Milliseconds since the epoch before which the issuer asked not to be contacted. */
  notBefore?: number;
  refreshing?: Promise<boolean> | undefined;
  looked?: boolean;
}

type Claims = Record<string, unknown>;

export interface SampleOptions {
  readonly issuer: string;
  readonly clientId?: string;
  readonly flaw?: Flaw;
  readonly lapse?: Lapse | undefined;
  /** Another issuer that the client supports. */
  readonly second?: string;
  /** How many times faster than real time its clock runs. */
  readonly pace?: number;
  readonly port?: number;
  /** Seconds for which it uses a token after its expiry, as clients do that count whole seconds. */
  readonly late?: number;
  /** Seconds before its expiry from which on it does not use a token. */
  readonly early?: number;
  /** Refreshes shortly before the expiry, whether or not anybody asks. */
  readonly renews?: boolean;
  /** Tries a request to the issuer once more after a lost response or a server error. */
  readonly retries?: boolean;
  /** Asks UserInfo only once about each subject. */
  readonly cachesUser?: boolean;
  /** A confidential client's secret, and how it is sent. */
  readonly secret?: { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly text: string };
  /** Requests for tokens that it sends all the time beside those of its visitors. */
  readonly beside?: 'device' | 'client_credentials';
  /** More headers of its requests to the issuer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds after which it gives up a request. */
  readonly timeout?: number;
  /** Ends the session if a callback is repeated. */
  readonly endsAtRepeat?: boolean;
  /** Uses pushed requests and DPoP, and gets an ID token beside the code. */
  readonly modern?: boolean;
  /** Sessions that other processes of the client share. */
  readonly sessions?: Map<string, Session>;
  /** Its address for visitors, if that is not its own. */
  readonly origin?: string;
}

export interface SampleClient {
  readonly origin: string;
  close(): Promise<void>;
}

export async function startSampleClient({
  issuer: first,
  clientId = 'demo',
  flaw = '',
  lapse,
  second = '',
  pace = 1,
  port = 0,
  late = 0,
  early = 0,
  renews = false,
  retries = false,
  cachesUser = false,
  secret,
  beside,
  headers: more = {},
  timeout = 1_000,
  endsAtRepeat = false,
  modern = false,
  sessions = new Map(),
  origin: publicOrigin,
}: SampleOptions): Promise<SampleClient> {
  const secondLasts = 1_000 / pace;
  const users = new Map<unknown, Claims>();
  const timers = new Set<NodeJS.Timeout>();
  let closed = false;
  const is = (...flaws: Flaw[]) => flaws.includes(flaw);
  const dpop = createProofs();
  const sleep = (seconds: number) => new Promise(resolve => setTimeout(resolve, seconds * secondLasts));
  const json = (url: string, init: RequestInit = {}): Promise<Claims & { keys?: Claims[] }> =>
    once(url, init).catch(async error => {
      if (!retries || Object(error).status < 500) throw error;
      await sleep(0.2);
      return once(url, init);
    });
  const once = async (url: string, init: RequestInit): Promise<Claims & { keys?: Claims[] }> => {
    const proof = modern && init.method === 'POST' ? { dpop: dpop.proof(init.method, url) } : {};
    const asked = { signal: AbortSignal.timeout(is('token.stalled') ? 600_000 : timeout), ...init };
    const response = await fetch(url, { ...asked, headers: { ...more, ...init.headers, ...proof } });
    const nonce = response.headers.get('dpop-nonce');
    if (nonce !== null && nonce !== dpop.nonce && !is('token.dpop-nonce')) {
      dpop.nonce = nonce;
      if (!response.ok) return once(url, init);
    }
    if (!response.ok && !is('keys.down'))
      throw Object.assign(new Error(`status ${response.status}`), {
        status: response.status,
        body: await response.text().catch(() => ''),
        retryAfter: Number(response.headers.get('retry-after')),
      });
    return (await response.json()) as Claims & { keys?: Claims[] };
  };
  let origin = '';

  /** A form of an authenticated client. */
  const formOf = (form: Record<string, string>): RequestInit => {
    const body = new URLSearchParams(form);
    const { method, text = '' } = secret ?? {};
    if (method !== 'client_secret_basic') {
      body.set('client_id', clientId);
      if (method !== undefined) body.set('client_secret', text);
      return { method: 'POST', body };
    }
    const basic = Buffer.from(`${clientId}:${text}`).toString('base64');
    return { method: 'POST', body, headers: { authorization: `Basic ${basic}` } };
  };

  const metadata = async (issuer = first) => {
    const found = await json(`${issuer}/.well-known/openid-configuration`);
    if (found.issuer !== issuer && !is('metadata.issuer')) throw new Error('another issuer');
    return found as Record<string, string>;
  };

  let cachedKeys: Claims[] | undefined;
  let misses = 0;
  /** The API looks up unknown key ids, but limits this, because attackers can make them up. */
  const mayFetch = (kid: unknown) => {
    if (is('resource.rotated') || cachedKeys?.some(key => key.kid === kid)) return false;
    misses += 1;
    return misses < 4 || is('resource.cool-down');
  };

  /** The claims of a JWT whose signature and header are valid. */
  const checked = async (token: string, issuer: string, typ?: string): Promise<Claims> => {
    const [head = '', body = '', signature = ''] = token.split('.');
    const header = JSON.parse(Buffer.from(head, 'base64url').toString());
    const claims: Claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    const own = typ === undefined ? 'id-token' : 'resource';
    if (typ !== undefined && header.typ !== typ && !is('resource.id-token')) throw new Error('typ');
    if (header.alg === 'none') {
      if (is(`${own}.alg-none`)) return claims;
      throw new Error('alg none');
    }
    const { jwks_uri = '' } = await metadata(issuer);
    const isCached = typ === undefined ? is('keys.rotated') || lapse === 'keeps its keys' : !mayFetch(header.kid);
    if (!isCached || cachedKeys === undefined) {
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
    if ((publicKey.asymmetricKeyDetails?.modulusLength ?? 2048) < 2048 && !is('id-token.weak-rsa'))
      throw new Error('weak');
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

  const checkIdToken = async (
    token: string,
    issuer: string,
    nonce: string | undefined,
    hashes: { at_hash?: string; c_hash?: string } = {},
  ): Promise<string> => {
    const claims = await checked(token, issuer);
    if (lapse === 'refuses every ID token') throw new Error('ID token');
    const now = Date.now() / 1000;
    const fail = (id: Flaw, wrong: boolean) => {
      if (wrong && !is(id)) throw new Error(id);
    };
    fail('id-token.iss', claims.iss !== issuer);
    const audiences = is('id-token.aud-list') ? [claims.aud] : [claims.aud].flat();
    fail('id-token.aud', !audiences.includes(clientId) && !(is('id-token.aud-several') && audiences.length > 1));
    fail('id-token.aud-several', audiences.length > 1);
    fail('id-token.azp', claims.azp !== undefined && claims.azp !== clientId);
    fail('id-token.at-hash', differs(claims.at_hash, hashes.at_hash));
    fail('id-token.c-hash', differs(claims.c_hash, hashes.c_hash));
    fail('id-token.exp', Number(claims.exp) < now);
    fail('id-token.iat-missing', typeof claims.iat !== 'number');
    fail('id-token.sub-missing', typeof claims.sub !== 'string');
    if (nonce !== undefined) fail('id-token.nonce', claims.nonce !== nonce);
    return String(claims.sub);
  };

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
    const isUnsigned = token.endsWith('.') && is('logout.back-channel-alg-none');
    const claims = isUnsigned || is('logout.back-channel-signature') ? claimsOf(token) : await checked(token, first);
    const wrong = {
      'logout.back-channel-iss': claims.iss !== first,
      'logout.back-channel-aud': claims.aud !== clientId,
      'logout.back-channel-event': !('http://schemas.openid.net/event/backchannel-logout' in Object(claims.events)),
      'logout.back-channel-nonce': claims.nonce !== undefined,
    };
    if (Object.entries(wrong).some(([id, is]) => is && id !== flaw)) throw new Error('no logout token');
    end(claims.sub, claims.sid);
    return 200;
  };

  const api = async (request: IncomingMessage): Promise<number> => {
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
    // Simulates code that splits the token into three parts: the second part of a JWE is not JSON.
    if (token.split('.').length === 5 && is('resource.jwe')) return 500;
    const claims = await checked(token, first, 'at+jwt');
    const now = Date.now() / 1000;
    const wrong: Record<Flaw, boolean> = {
      'resource.aud': claims.aud !== `${first}/api`,
      'resource.iss': claims.iss !== first,
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

/** Two processes of one client, which take its visitors' requests in turn and have their sessions in common. */
export async function startTwoProcesses({ port = 0, ...options }: SampleOptions): Promise<SampleClient> {
  const sessions = new Map<string, Session>();
  const processes: SampleClient[] = [];
  let turn = 0;
  const front = createServer((incoming, outgoing) => {
    turn += 1;
    const { method, headers, url = '' } = incoming;
    const to = new URL(url, processes[turn % processes.length]?.origin);
    const passed = request(to, { method, headers: { ...headers, host: to.host } }, answer => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    incoming.pipe(passed);
  });
  const { origin, close } = await listen(front, port);
  for (let i = 0; i < 2; i += 1) processes.push(await startSampleClient({ ...options, origin, sessions }));
  return {
    origin,
    async close() {
      await close();
      for (const each of processes) await each.close();
    },
  };
}

const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code';

const claimsOf = (token: string): Claims => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

/** OpenID Connect Core 1.0 section 3.1.3.6, for ES256. */
function half(text: string): string {
  return createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url');
}

const differs = (claim: unknown, right: string | undefined) =>
  claim !== undefined && right !== undefined && claim !== right;

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

/** RFC 9449 section 4.2. */
function createProofs() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  return {
    nonce: undefined as string | undefined,
    proof(method: string, url: string): string {
      const { nonce } = this;
      const jwk = publicKey.export({ format: 'jwk' });
      const claims = {
        htm: method,
        htu: url,
        iat: Math.floor(Date.now() / 1000),
        jti: randomBytes(16).toString('hex'),
      };
      const input = `${encoded({ typ: 'dpop+jwt', alg: 'ES256', jwk })}.${encoded({ ...claims, ...(nonce && { nonce }) })}`;
      const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
      return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
    },
  };
}
