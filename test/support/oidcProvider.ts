import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import type Provider from 'oidc-provider';

/** panva's oidc-provider on 127.0.0.1: an issuer that none of us wrote. Its tokens rotate, and reuse ends a family. */
export interface OidcProvider {
  readonly issuer: string;
  /** A confidential client with `client_secret_basic`. */
  readonly clientId: string;
  readonly clientSecret: string;
  /** A client for each way to authenticate; all have the same secret, the public one aside. */
  readonly clients: Readonly<Record<'client_secret_basic' | 'client_secret_post' | 'none', string>>;
  /** A refresh token as a sign-in with `openid offline_access` would have brought it; each begins a family. */
  issueRefreshToken(clientId?: string): Promise<string>;
  close(): Promise<void>;
}

const clientSecret = 'a secret: with/odd+signs & 100% of_them-~';
const clients = {
  client_secret_basic: 'basic-client_1.0',
  client_secret_post: 'post-client',
  none: 'public-client',
};
const scope = 'openid offline_access';

/** `grace`: a token that has been rotated stays good, as with issuers that forgive a retry. */
export async function startOidcProvider({ grace = false } = {}): Promise<OidcProvider> {
  // ESM only: a dynamic import works in the bundles for VS Code's host as well.
  const { default: OidcProvider } = await quietly(() => import('oidc-provider'));
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = await quietly(
    async () =>
      new OidcProvider(issuer, {
        adapter: memoryAdapter({ grace }),
        jwks: { keys: [await signingKey()] },
        cookies: { keys: ['only for tests'] },
        clients: Object.entries(clients).map(([method, client_id]) => ({
          client_id,
          ...(method !== 'none' && { client_secret: clientSecret }),
          token_endpoint_auth_method: method,
          grant_types: [
            'authorization_code',
            'refresh_token',
            'urn:ietf:params:oauth:grant-type:device_code',
            ...(method === 'none' ? [] : ['client_credentials']),
          ],
          // A native client may come back to any port of the loopback address (RFC 8252 §7.3).
          ...(method === 'none'
            ? { application_type: 'native', redirect_uris: ['http://127.0.0.1/callback'] }
            : { redirect_uris: ['https://client.example/callback'] }),
          scope,
        })),
        features: {
          devInteractions: { enabled: false },
          clientCredentials: { enabled: true },
          deviceFlow: { enabled: true },
          introspection: { enabled: true },
          revocation: {
            enabled: true,
            // The default, said aloud: without it each revocation prints a notice.
            allowedPolicy: (_: unknown, client: { clientId: string }, token: { clientId?: string }) =>
              token.clientId === client.clientId,
          },
        },
        rotateRefreshToken: true,
        ttl: { AccessToken: 300, ClientCredentials: 300, IdToken: 300, RefreshToken: 3600, Grant: 3600 },
        interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
        findAccount: (_: unknown, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
      }),
  );
  const answer = provider.callback();
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!request.url?.startsWith('/interaction/')) return answer(request, response);
    void signInAndConsent(provider, request, response);
  });

  return {
    issuer,
    clientId: clients.client_secret_basic,
    clientSecret,
    clients,
    async issueRefreshToken(clientId = clients.client_secret_basic) {
      const account = { accountId: 'alice', clientId };
      const grant = new provider.Grant(account);
      grant.addOIDCScope(scope);
      const grantId = await grant.save(3600);
      const client = await provider.Client.find(clientId);
      const now = Math.floor(Date.now() / 1000);
      return new provider.RefreshToken({
        ...account,
        client,
        grantId,
        scope,
        gty: 'authorization_code',
        authTime: now,
        expiresWithSession: false,
      }).save(3600);
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** Alice, who says yes to everything. */
async function signInAndConsent(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { params } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: 'alice', clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const result = { login: { accountId: 'alice' }, consent: { grantId: await grant.save(3600) } };
  await provider.interactionFinished(request, response, result);
}

async function signingKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: 'test', alg: 'RS256', use: 'sig' };
}

/** It warns of the version of Node and of settings that no production should have: neither matters here. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { info, warn } = console;
  Object.assign(console, { info() {}, warn() {} });
  try {
    return await work();
  } finally {
    Object.assign(console, { info, warn });
  }
}

/** Where oidc-provider keeps its tokens; its own memory adapter is shared by all providers and prints a warning. */
function memoryAdapter({ grace }: { grace: boolean }) {
  type Payload = { grantId?: string; consumed?: number; uid?: string; userCode?: string };
  const entries = new Map<string, Payload>();
  return class MemoryAdapter {
    readonly #model: string;
    constructor(model: string) {
      this.#model = model;
    }
    #key(id: string): string {
      return `${this.#model}:${id}`;
    }
    async upsert(id: string, payload: Payload) {
      entries.set(this.#key(id), payload);
    }
    async find(id: string) {
      return entries.get(this.#key(id));
    }
    #findWhere(fits: (payload: Payload) => boolean): Payload | undefined {
      const own = [...entries].filter(([key]) => key.startsWith(`${this.#model}:`));
      return own.map(([, payload]) => payload).find(fits);
    }
    async findByUid(uid: string) {
      return this.#findWhere(payload => payload.uid === uid);
    }
    async findByUserCode(userCode: string) {
      return this.#findWhere(payload => payload.userCode === userCode);
    }
    async destroy(id: string) {
      entries.delete(this.#key(id));
    }
    async consume(id: string) {
      const payload = entries.get(this.#key(id));
      if (payload && !grace) payload.consumed = Math.floor(Date.now() / 1000);
    }
    async revokeByGrantId(grantId: string) {
      for (const [key, payload] of entries) if (payload.grantId === grantId) entries.delete(key);
    }
  };
}
