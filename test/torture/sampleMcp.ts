import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { listen } from '../support/loopbackServer.ts';
import type { Flaw, SampleClient } from './sampleOptions.ts';

/*
 * The authorization part of an MCP (Model Context Protocol) client: it knows only the address of an API. It is correct
 * except for the flaw that it is given.
 */

type Members = Readonly<Record<string, unknown>>;

interface Session {
  readonly state: string;
  readonly verifier: string;
  readonly clientId: string;
  readonly token_endpoint: string;
  readonly scope: string;
  access_token?: string;
}

export async function startSampleMcp(api: string, flaw: Flaw = ''): Promise<SampleClient> {
  const sessions = new Map<string, Session>();
  const is = (id: Flaw) => flaw === id;
  const issuerOfApi = api.replace(/\/api$/, '');
  let origin = '';

  const json = async (url: string, init?: RequestInit): Promise<Members> => {
    const response = await fetch(url, init);
    if (!response.ok) throw new Error(`status ${response.status}`);
    return response.json();
  };
  const text = () => randomBytes(32).toString('base64url');

  /** RFC 9728: finds the issuer of an API. */
  const issuerOf = async (challenge: string): Promise<string> => {
    if (is('mcp.discovery')) return issuerOfApi;
    const [, address = ''] = /resource_metadata="([^"]+)"/.exec(challenge) ?? [];
    const { resource, authorization_servers } = await json(address);
    if (resource !== api && !is('mcp.other-resource')) throw new Error('another resource');
    return String(Object(authorization_servers)[0]);
  };

  const clientIdAt = async (registration: string): Promise<string> => {
    if (is('mcp.registration')) return 'demo';
    const body = JSON.stringify({ redirect_uris: [`${origin}/callback`], token_endpoint_auth_method: 'none' });
    const headers = { 'content-type': 'application/json' };
    return String((await json(registration, { method: 'POST', headers, body })).client_id);
  };

  const resource = is('mcp.resource-parameter') ? {} : { resource: api };

  const authorize = async (id: string, challenge: string, scope: string): Promise<string> => {
    const issuer = await issuerOf(challenge);
    const metadata = await json(`${issuer}/.well-known/openid-configuration`);
    if (metadata.issuer !== issuer) throw new Error('another issuer');
    if (metadata.code_challenge_methods_supported === undefined && !is('mcp.no-pkce')) throw new Error('no PKCE');
    const verifier = text();
    const session: Session = {
      state: text(),
      verifier,
      scope,
      clientId: sessions.get(id)?.clientId ?? (await clientIdAt(String(metadata.registration_endpoint))),
      token_endpoint: String(metadata.token_endpoint),
    };
    sessions.set(id, session);
    const request = new URLSearchParams({
      response_type: 'code',
      client_id: session.clientId,
      redirect_uri: `${origin}/callback`,
      scope,
      state: session.state,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...resource,
    });
    return `${metadata.authorization_endpoint}?${request}`;
  };

  const callback = async (session: Session | undefined, query: URLSearchParams): Promise<void> => {
    if (session === undefined || query.get('state') !== session.state) throw new Error('state');
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code: query.get('code') ?? '',
      redirect_uri: `${origin}/callback`,
      client_id: session.clientId,
      code_verifier: session.verifier,
      ...resource,
    });
    session.access_token = String((await json(session.token_endpoint, { method: 'POST', body })).access_token);
  };

  const routes: Record<string, (id: string, url: URL) => Promise<number | string>> = {
    '/login': async id => {
      const challenge = (await fetch(api)).headers.get('www-authenticate') ?? '';
      return authorize(id, challenge, 'offline_access');
    },
    '/callback': async (id, url) => {
      await callback(sessions.get(id), url.searchParams);
      return '/';
    },
    '/me': async id => {
      const session = sessions.get(id);
      if (session?.access_token === undefined) return 401;
      const response = await fetch(api, { headers: { authorization: `Bearer ${session.access_token}` } });
      const challenge = response.headers.get('www-authenticate') ?? '';
      const [, wanted] = /scope="([^"]+)"/.exec(challenge) ?? [];
      if (response.status !== 403 || wanted === undefined || is('mcp.step-up')) return response.status;
      return authorize(id, (await fetch(api)).headers.get('www-authenticate') ?? '', `${session.scope} ${wanted}`);
    },
    '/': async () => 200,
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', origin);
    const id = /sid=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? text();
    response.setHeader('set-cookie', `sid=${id}; Path=/; HttpOnly`);
    const answer = routes[url.pathname]?.(id, url) ?? Promise.resolve(404);
    answer.then(
      to => (typeof to === 'number' ? response.writeHead(to) : response.writeHead(302, { location: to })).end(),
      () => response.writeHead(401).end(),
    );
  });
  const listening = await listen(server);
  ({ origin } = listening);
  return listening;
}
