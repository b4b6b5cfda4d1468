import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import type Provider from 'oidc-provider';
import { answer } from '../../scripts/bench/child.mjs';

const clientId = 'demo';
const api = 'https://api.example';
/** Its defaults, except for what a refresh needs: a client, a store for tokens, and an account for everybody. */
let provider: Provider;

answer({
  /**
   * @param alg algorithm of its signatures
   * @param jwt issue access tokens as JWTs (RFC 9068), as the other servers do; by default they are opaque
   */
  async start({ alg, jwt }: { alg: 'RS256' | 'ES256'; jwt: boolean }) {
    // Suppresses warnings about the version of Node and about settings that are unsuitable for production.
    Object.assign(console, { info() {}, warn() {} });
    const { default: OidcProvider } = await import('oidc-provider');
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    provider = new OidcProvider(issuer, {
      adapter: memoryAdapter(),
      jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'bench', alg, use: 'sig' }] },
      cookies: { keys: ['only for figures'] },
      clients: [
        {
          client_id: clientId,
          token_endpoint_auth_method: 'none',
          id_token_signed_response_alg: alg,
          grant_types: ['authorization_code', 'refresh_token'],
          redirect_uris: ['https://client.example/callback'],
        },
      ],
      features: {
        devInteractions: { enabled: false },
        resourceIndicators: {
          enabled: jwt,
          defaultResource: () => api,
          useGrantedResource: () => true,
          getResourceServerInfo: () => ({
            scope: 'openid profile offline_access',
            audience: api,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg } },
          }),
        },
      },
      rotateRefreshToken: true,
      ttl: { AccessToken: 3600, IdToken: 3600, RefreshToken: 3600, Grant: 3600 },
      findAccount: (_: unknown, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
    });
    server.on('request', provider.callback());
    return { tokenEndpoint: `${issuer}/token` };
  },
  async signIn(scope: string) {
    const account = { accountId: 'alice', clientId };
    const grant = new provider.Grant(account);
    grant.addOIDCScope(scope);
    Object.assign(grant, { resources: { [api]: scope } });
    const grantId = await grant.save(3600);
    const client = await provider.Client.find(clientId);
    const token = new provider.RefreshToken({
      ...account,
      client,
      grantId,
      scope,
      resource: api,
      gty: 'authorization_code',
      authTime: Math.floor(Date.now() / 1000),
      expiresWithSession: false,
    });
    return { refresh_token: await token.save(3600) };
  },
  cpu: () => process.cpuUsage(),
});

/** The built-in adapter prints a warning and keeps at most 1,000 tokens. */
function memoryAdapter() {
  type Payload = { grantId?: string; consumed?: number };
  const entries = new Map<string, Payload>();
  return class MemoryAdapter {
    readonly #model: string;
    constructor(model: string) {
      this.#model = model;
    }
    async upsert(id: string, payload: Payload) {
      entries.set(`${this.#model}:${id}`, payload);
    }
    async find(id: string) {
      return entries.get(`${this.#model}:${id}`);
    }
    async findByUid() {}
    async destroy(id: string) {
      entries.delete(`${this.#model}:${id}`);
    }
    async consume(id: string) {
      const payload = entries.get(`${this.#model}:${id}`);
      if (payload) payload.consumed = Math.floor(Date.now() / 1000);
    }
    async revokeByGrantId(grantId: string) {
      for (const [key, payload] of entries) if (payload.grantId === grantId) entries.delete(key);
    }
  };
}
