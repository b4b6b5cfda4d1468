import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import type Provider from 'oidc-provider';
import type { GrantContext } from 'oidc-provider';
import { type TestKey, testKey } from './clientKeys.ts';
import { rsaPair } from './rsaPair.ts';
import { selfSigned, selfSignedClient } from './selfSigned.ts';

/**
 * panva's oidc-provider on 127.0.0.1, as an independently written issuer. Its refresh tokens rotate, and reuse ends a
 * family.
 */
export interface OidcProvider {
  readonly issuer: string;
  /** A confidential client with `client_secret_basic`. */
  readonly clientId: string;
  readonly clientSecret: string;
  /** A client id for each authentication method. Clients with a secret all have the same one. */
  readonly clients: Readonly<Record<keyof typeof clients, string>>;
  /** The key for `private_key_jwt`. */
  readonly clientKey: TestKey;
  /** A refresh token as a sign-in with `openid offline_access` would return it. Each starts a family. */
  issueRefreshToken(clientId?: string): Promise<string>;
  close(): Promise<void>;
}

const clientSecret = 'a secret: with/odd+signs & 100% of_them-~';
const clients = {
  client_secret_basic: 'basic-client_1.0',
  client_secret_post: 'post-client',
  client_secret_jwt: 'signing-client',
  private_key_jwt: 'key-client',
  // With the certificate `selfSignedClient`, if the provider uses TLS.
  tls_client_auth: 'authority-client',
  self_signed_tls_client_auth: 'certificate-client',
  none: 'public-client',
};
const scope = 'openid offline_access';
const loopback = ['http://127.0.0.1/callback'];
const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** The only resource (RFC 8707) that it issues tokens for. These tokens are JWTs. */
export const knownResource = 'https://api.example';

/** A public client whose UserInfo responses are signed JWTs. */
export const signedAnswers = 'signed-answers';

/**
 * Clients of a strict provider, by the algorithm of their ID tokens; their UserInfo responses are signed in the same
 * way.
 */
export const strictClients = {
  EdDSA: 'eddsa-client',
  ES512: 'es512-client',
  PS256: 'ps256-client',
  // Signed with the client's secret (OpenID Connect Core 10.1), so this client needs one.
  HS256: 'hs256-client',
} as const;

/** A client for FAPI 2.0, which requires pushed requests, signed assertions and tokens bound to a key. */
export const fapiClient = 'fapi-client';

/**
 * - `grace`: a rotated token stays valid, as with issuers that tolerate a retry.
 * - `tls`: serves https with `selfSigned`, and requests the client's certificate.
 * - `dpopNonce`: a DPoP proof needs a nonce.
 * - `strict`: adds `strictClients` and `fapiClient`, which get pairwise subjects and signed responses.
 */
export async function startOidcProvider({
  grace = false,
  tls = false,
  dpopNonce = false,
  strict = false,
} = {}): Promise<OidcProvider> {
  // The package is ESM only. A dynamic import works in the bundles for VS Code's host too.
  const { default: OidcProvider, errors } = await quietly(() => import('oidc-provider'));
  const options = {
    ...selfSigned,
    ca: [selfSignedClient.cert],
    requestCert: true,
    rejectUnauthorized: false,
  };
  const server = (tls ? createTlsServer(options) : createServer()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const clientKey = testKey('P-256');
  const certificate = new X509Certificate(selfSignedClient.cert);
  const jwks = {
    private_key_jwt: [clientKey.publicJwk],
    self_signed_tls_client_auth: [
      {
        ...certificate.publicKey.export({ format: 'jwk' }),
        x5c: [certificate.raw.toString('base64')],
        'x5t#S256': createHash('sha256').update(certificate.raw).digest('base64url'),
      },
    ],
  };
  const available = Object.entries(clients).filter(([method]) => tls || !method.includes('tls'));
  const issuer = `http${tls ? 's' : ''}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = await quietly(
    async () =>
      new OidcProvider(issuer, {
        adapter: memoryAdapter({ grace }),
        jwks: { keys: [await signingKey(), ...(strict ? await strictKeys() : [])] },
        cookies: { keys: ['only for tests'] },
        clientAuthMethods: available.map(([method]) => method),
        ...(strict && strictRules),
        clients: [
          ...(strict ? strictRegistrations(clientKey) : []),
          ...[...available, ['none', signedAnswers] as const].map(([method, client_id]) => ({
            client_id,
            ...(method.startsWith('client_secret') && { client_secret: clientSecret }),
            ...(Object.hasOwn(jwks, method) && { jwks: { keys: jwks[method as keyof typeof jwks] } }),
            ...(method === 'tls_client_auth' && { tls_client_auth_subject_dn: certificate.subject }),
            token_endpoint_auth_method: method,
            grant_types: [
              'authorization_code',
              'refresh_token',
              'urn:ietf:params:oauth:grant-type:device_code',
              ...(method === 'none' ? [tokenExchange] : ['client_credentials']),
            ],
            ...(client_id === signedAnswers && { userinfo_signed_response_alg: 'RS256' }),
            // A native client may use any port of the loopback address (RFC 8252 §7.3).
            ...(method === 'none'
              ? { application_type: 'native', redirect_uris: loopback, post_logout_redirect_uris: loopback }
              : { redirect_uris: ['https://client.example/callback'] }),
            scope,
          })),
        ],
        features: {
          ...(strict && { fapi: { enabled: true, profile: fapiProfile } }),
          devInteractions: { enabled: false },
          dPoP: { nonceSecret: Buffer.alloc(32, 'only for tests'), requireNonce: () => dpopNonce },
          ...(tls && {
            mTLS: {
              enabled: true,
              selfSignedTlsClientAuth: true,
              tlsClientAuth: true,
              getCertificate: (context: TlsContext) => context.req.socket.getPeerX509Certificate(),
              certificateAuthorized: (context: TlsContext) => context.req.socket.authorized,
              certificateSubjectMatches: (context: TlsContext, property: string, expected: string) =>
                property === 'tls_client_auth_subject_dn' &&
                context.req.socket.getPeerX509Certificate()?.subject === expected,
            },
          }),
          clientCredentials: { enabled: true },
          deviceFlow: { enabled: true },
          introspection: { enabled: true },
          resourceIndicators: {
            enabled: true,
            getResourceServerInfo(_: unknown, resource: string) {
              if (resource !== knownResource) throw new errors.InvalidTarget();
              return { scope, accessTokenFormat: 'jwt' };
            },
          },
          jwtUserinfo: { enabled: true },
          revocation: {
            enabled: true,
            // The default, set explicitly because otherwise each revocation prints a notice.
            allowedPolicy: (_: unknown, client: { clientId: string }, token: { clientId?: string }) =>
              token.clientId === client.clientId,
          },
        },
        rotateRefreshToken: true,
        ttl: {
          ...{ AccessToken: 300, ClientCredentials: 300, IdToken: 300, RefreshToken: 3600, Grant: 3600 },
          ...{ Interaction: 600, Session: 600 },
        },
        interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
        findAccount: (_: unknown, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
      }),
  );
  provider.registerGrantType(tokenExchange, context => exchange(provider, context), [
    'subject_token',
    'subject_token_type',
    'requested_token_type',
    'audience',
    'scope',
  ]);
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
    clientKey,
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

/** Applies FAPI 2.0 only to the client that needs it. */
const fapiProfile = (_: unknown, client?: { readonly clientId: string }) =>
  client?.clientId === fapiClient ? '2.0' : undefined;

const strictRules = {
  subjectTypes: ['public', 'pairwise'],
  pairwiseIdentifier: (_: unknown, accountId: string, { clientId }: { clientId: string }) =>
    `${accountId} of ${clientId}`,
  enabledJWA: {
    idTokenSigningAlgValues: ['RS256', ...Object.keys(strictClients)],
    userinfoSigningAlgValues: ['RS256', ...Object.keys(strictClients)],
    introspectionSigningAlgValues: ['RS256', ...Object.keys(strictClients)],
    clientAuthSigningAlgValues: ['ES256', 'HS256', 'RS256', 'PS256', 'EdDSA'],
    dPoPSigningAlgValues: ['ES256'],
  },
};

function strictRegistrations(clientKey: TestKey) {
  const common = {
    application_type: 'native',
    redirect_uris: loopback,
    grant_types: ['authorization_code', 'refresh_token'],
    subject_type: 'pairwise',
    scope,
  };
  const bySecret = Object.entries(strictClients).map(([alg, client_id]) => ({
    ...common,
    client_id,
    id_token_signed_response_alg: alg,
    userinfo_signed_response_alg: alg,
    ...(alg === 'HS256'
      ? { client_secret: clientSecret, token_endpoint_auth_method: 'client_secret_basic' }
      : { token_endpoint_auth_method: 'none' }),
  }));
  const fapi = {
    ...common,
    client_id: fapiClient,
    id_token_signed_response_alg: 'EdDSA',
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: { keys: [clientKey.publicJwk] },
    require_pushed_authorization_requests: true,
    dpop_bound_access_tokens: true,
  };
  return [...bySecret, fapi];
}

async function strictKeys(): Promise<JWK[]> {
  const kinds = ['EdDSA', 'ES512', 'PS256'] as const;
  return Promise.all(
    kinds.map(async alg => {
      const { privateKey } = alg === 'PS256' ? rsaPair() : await generateKeyPair(alg, { extractable: true });
      return { ...(await exportJWK(privateKey)), kid: alg, alg, use: 'sig' };
    }),
  );
}

interface TlsContext {
  readonly req: { readonly socket: TLSSocket };
}

/** Signs in as Alice and consents to everything. */
async function signInAndConsent(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { params } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: 'alice', clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  if (params.resource !== undefined) grant.addResourceScope(params.resource, params.scope);
  const result = { login: { accountId: 'alice' }, consent: { grantId: await grant.save(3600) } };
  await provider.interactionFinished(request, response, result);
}

/** A minimal RFC 8693: exchanges an access token of a client for another one of the same grant. */
async function exchange(provider: Provider, context: GrantContext): Promise<void> {
  const { client, params } = context.oidc;
  const subject = await provider.AccessToken.find(params.subject_token ?? '');
  if (subject === undefined || subject.clientId !== client.clientId) {
    context.status = 400;
    context.body = { error: 'invalid_request', error_description: 'subject_token is not active' };
    return;
  }
  const { accountId, grantId } = subject;
  const token = new provider.AccessToken({
    client,
    accountId,
    grantId,
    scope: params.scope ?? subject.scope,
    gty: 'token_exchange',
    ...(params.audience && { extra: { for: params.audience } }),
  });
  const type = 'urn:ietf:params:oauth:token-type:access_token';
  context.body = {
    access_token: await token.save(60),
    issued_token_type: type,
    token_type: 'Bearer',
    expires_in: 60,
  };
}

async function signingKey(): Promise<JWK> {
  return { ...(await exportJWK(rsaPair().privateKey)), kid: 'test', alg: 'RS256', use: 'sig' };
}

/** Suppresses warnings about the version of Node and about settings that are unsuitable for production. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { info, warn } = console;
  Object.assign(console, { info() {}, warn() {} });
  try {
    return await work();
  } finally {
    Object.assign(console, { info, warn });
  }
}

/** The token store of oidc-provider. The built-in memory adapter is shared by all providers and prints a warning. */
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
