/** Independently written issuers from npm, each on a port of 127.0.0.1. They are installed only for slow tests. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { root } from '../../scripts/lib/project.mjs';

export interface OtherIssuers {
  readonly folder: string;
  remove(): Promise<void>;
}

/** Installs them with the versions and hashes of test/fixtures/issuers, without install scripts. */
export async function installIssuers(): Promise<OtherIssuers> {
  const folder = await mkdtemp(join(tmpdir(), 'issuers-'));
  await cp(join(root, 'test', 'fixtures', 'issuers'), folder, { recursive: true });
  const flags = ['--ignore-scripts', '--prefer-offline', '--legacy-peer-deps', '--no-audit', '--no-fund'];
  await promisify(execFile)('npm', ['ci', ...flags], { cwd: folder, shell: process.platform === 'win32' });
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

// biome-ignore lint/suspicious/noExplicitAny: the types of these packages are not installed where the project is checked
type Untyped = any;

export interface Running {
  readonly issuer: string;
  close(): Promise<void>;
}

type Answer = (request: Request) => Promise<Response> | Response;

async function serve(answer: (origin: string) => Promise<Answer>, path = ''): Promise<Running> {
  let handler: Answer = () => new Response(null, { status: 503 });
  const server = createServer(async (asked, reply) => {
    const parts: Buffer[] = [];
    for await (const part of asked) parts.push(part);
    const body = Buffer.concat(parts);
    const headers = Object.entries(asked.headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((each): [string, string] => [name, each]),
    );
    const request = new Request(`${origin}${asked.url}`, {
      method: asked.method ?? 'GET',
      headers,
      ...(body.length > 0 && { body }),
    });
    const response = await handler(request);
    reply.statusCode = response.status;
    for (const [name, value] of response.headers) if (name !== 'set-cookie') reply.setHeader(name, value);
    reply.setHeader('set-cookie', response.headers.getSetCookie());
    reply.end(Buffer.from(await response.arrayBuffer()));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  handler = await answer(origin);
  const close = () =>
    new Promise<void>(resolve => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { issuer: origin + path, close };
}

const load = ({ folder }: OtherIssuers, file: string): Promise<Untyped> =>
  import(pathToFileURL(join(folder, 'node_modules', ...file.split('/'))).href);

/** OpenAuth: only RFC 8414 metadata, ES256, rotating refresh tokens. Signs the user in without a page. */
export async function startOpenAuth(installed: OtherIssuers): Promise<Running> {
  const at = (file: string) => load(installed, `@openauthjs/openauth/dist/esm/${file}`);
  const [{ issuer }, { MemoryStorage }, { createSubjects }] = [
    await at('index.js'),
    await at('storage/memory.js'),
    await at('subject.js'),
  ];
  const anything = { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } };
  const provider = {
    type: 'test',
    init(routes: Untyped, context: Untyped) {
      routes.get('/authorize', (request: Untyped) => context.success(request, { id: 'alice' }));
    },
  };
  const app = issuer({
    subjects: createSubjects({ user: anything }),
    storage: MemoryStorage(),
    providers: { test: provider },
    allow: async () => true,
    success: async (context: Untyped, { id }: { id: string }) => context.subject('user', { id }),
  });
  return serve(async () => (request: Request) => app.fetch(request));
}

/** better-auth with its OAuth provider plugin, a public client, and a user that its sign-in page accepts. */
export async function startBetterAuth(
  installed: OtherIssuers,
  redirectUri: string,
): Promise<Running & { readonly clientId: string }> {
  const [{ betterAuth }, { memoryAdapter }, { jwt }, { oauthProvider }] = [
    await load(installed, 'better-auth/dist/index.mjs'),
    await load(installed, 'better-auth/dist/adapters/memory-adapter/index.mjs'),
    await load(installed, 'better-auth/dist/plugins/index.mjs'),
    await load(installed, '@better-auth/oauth-provider/dist/index.mjs'),
  ];
  const tables = ['user', 'session', 'account', 'verification', 'jwks', 'oauthClient', 'oauthConsent'];
  const tokens = ['oauthAccessToken', 'oauthRefreshToken', 'oauthResource', 'oauthClientResource'];
  const user = { email: 'alice@example.com', password: 'a-long-password', name: 'Alice' };
  let clientId = '';
  const running = await serve(async origin => {
    const auth = betterAuth({
      baseURL: origin,
      secret: 'a-secret-of-thirty-two-characters!',
      database: memoryAdapter(Object.fromEntries([...tables, ...tokens].map(name => [name, []]))),
      emailAndPassword: { enabled: true },
      telemetry: { enabled: false },
      rateLimit: { enabled: false },
      plugins: [jwt(), oauthProvider({ loginPage: '/sign-in', consentPage: '/consent' })],
    });
    await auth.api.signUpEmail({ body: user });
    const signIn = (): Promise<Response> => auth.api.signInEmail({ body: user, asResponse: true });
    const cookies = (await signIn()).headers.getSetCookie().map(each => each.split(';')[0]);
    const body = {
      ...{ redirect_uris: [redirectUri], application_type: 'native', token_endpoint_auth_method: 'none' },
      ...{ grant_types: ['authorization_code', 'refresh_token'], skip_consent: true },
    };
    const headers = new Headers({ cookie: cookies.join('; ') });
    ({ client_id: clientId } = await auth.api.adminCreateOAuthClient({ body, headers }));
    return async request => {
      const { pathname, search } = new URL(request.url);
      // It returns the address of its page to scripts, but redirects browsers.
      if (pathname.endsWith('/authorize')) request.headers.set('sec-fetch-mode', 'navigate');
      if (pathname !== '/sign-in') return auth.handler(request);
      const headers = new Headers({ location: `/api/auth/oauth2/authorize${search}` });
      for (const cookie of (await signIn()).headers.getSetCookie()) headers.append('set-cookie', cookie);
      return new Response(null, { status: 302, headers });
    };
  }, '/api/auth');
  return { ...running, clientId };
}

/** node-oauth2-server: only a token endpoint, as in many frameworks. */
export async function startNodeOAuth(installed: OtherIssuers, firstToken: string): Promise<Running> {
  const { default: OAuth2Server } = await load(installed, '@node-oauth/oauth2-server/index.js');
  const client = { id: 'app', grants: ['refresh_token'] };
  const live = new Map<string, object>([
    [firstToken, { refreshToken: firstToken, client, user: { id: 'alice' }, scope: ['read'] }],
  ]);
  const model = {
    getClient: async () => client,
    getRefreshToken: async (token: string) => live.get(token),
    revokeToken: async ({ refreshToken }: { refreshToken: string }) => live.delete(refreshToken),
    saveToken: async (token: { refreshToken: string }, of: object, user: object) => {
      const saved = { ...token, client: of, user };
      live.set(token.refreshToken, saved);
      return saved;
    },
    getAccessToken: async () => undefined,
  };
  const server = new OAuth2Server({ model, requireClientAuthentication: { refresh_token: false } });
  return serve(async () => async request => {
    const body = Object.fromEntries(new URLSearchParams(await request.text()));
    const reply = new OAuth2Server.Response({});
    const { method } = request;
    const headers = Object.fromEntries(request.headers);
    try {
      await server.token(new OAuth2Server.Request({ method, headers, query: {}, body }), reply);
    } catch {
      // The response describes the error.
    }
    return Response.json(reply.body, { status: reply.status, headers: reply.headers });
  });
}
