import { createAuthorization, createCodes } from './authorization.ts';
import { createPushedRequests } from './authorizationRequest.ts';
import { createAssertionCheck, createBackChannel, createRegistration } from './clients.ts';
import { createDeviceCodes, createDevicePage, type DeviceCodes } from './device.ts';
import { createDpopVerifier, type DpopVerifier } from './dpop.ts';
import { type Endpoint, patched } from './effects.ts';
import { createEndSession, createLogoutNotices } from './endSession.ts';
import type { Families } from './families.ts';
import { type Answer, type Claims, jsonReply } from './http.ts';
import type { KeyRing } from './keys.ts';
import { metadataOf, pathsOf } from './metadata.ts';
import type { Settings } from './options.ts';
import { deviceCodeGrant, tokenExchangeGrant } from './registry.ts';
import { createAccessCheck, createResource, createUserInfo, resourceMetadataOf } from './resource.ts';
import { createExpiringMap } from './shelf.ts';
import {
  clientCredentialsGrant,
  createTokenEndpoint,
  exchangeGrant,
  type FirstTokens,
  firstTokens,
  refreshGrant,
} from './tokenEndpoint.ts';
import { createIntrospection, createRevocation, createTokenReader } from './tokenStatus.ts';
import { createIssuing, type Signer, type TokenResponse } from './tokens.ts';
import { createSessions, type Sessions } from './users.ts';

export interface Route {
  readonly methods: readonly ('GET' | 'POST' | 'PUT' | 'DELETE')[];
  readonly endpoint: Endpoint;
  readonly answer: Answer;
  /** Accepts forms only from the issuer's own pages. */
  readonly ownPage?: true;
}

/** The issuer's endpoints and the services they share, each created once. */
export interface Service {
  find(path: string): Route | undefined;
  readonly devices: DeviceCodes;
  readonly proofs: DpopVerifier;
  readonly sessions: Sessions;
  issue(first: FirstTokens, now: number): Promise<TokenResponse>;
}

export function createService(settings: Settings, families: Families, ring: KeyRing, sign: Signer): Service {
  const { issuer } = settings;
  const { origin } = new URL(issuer);
  const paths = pathsOf(settings);
  const opaque = createExpiringMap<Claims>();
  const { clients } = settings;
  const issuing = createIssuing(settings, families, sign, opaque);
  const reader = createTokenReader(issuer, ring, families, opaque);
  const proofs = createDpopVerifier(settings.dpopNonce);
  const assertions = createAssertionCheck(clients, [issuer, origin + paths.token]);
  const backChannel = createBackChannel({ clients, assertions });
  const codes = createCodes(settings, families, issuing);
  const pushedRequests = createPushedRequests(settings, backChannel, proofs);
  const sessions = createSessions(settings);
  const signInPath = paths.signIn;
  const authorization = createAuthorization({ settings, codes, pushedRequests, sessions, issuing, reader, signInPath });
  const devices = createDeviceCodes(settings, backChannel, issuing, origin + paths.device);
  const token = createTokenEndpoint(settings, backChannel, proofs, {
    authorization_code: codes.grant,
    refresh_token: refreshGrant(settings, families, issuing),
    client_credentials: clientCredentialsGrant(settings, issuing),
    [deviceCodeGrant]: devices.grant,
    [tokenExchangeGrant]: exchangeGrant(settings, reader, issuing),
  });

  const get = ['GET'] as const;
  const post = ['POST'] as const;
  const both = ['GET', 'POST'] as const;
  const metadata: Route = {
    methods: get,
    endpoint: 'metadata',
    answer: exchange =>
      jsonReply(200, patched(metadataOf(settings, new URL(exchange.url).origin), settings.metadataPatch)),
  };
  const jwks: Answer = () => jsonReply(200, { keys: ring.published });
  const introspection = createIntrospection(issuer, backChannel, families, reader);
  const revocation = createRevocation(backChannel, families, reader);
  const access = createAccessCheck(reader, proofs);
  const userInfo = createUserInfo(settings, access);
  const resource: Route = {
    methods: ['GET', 'POST', 'PUT', 'DELETE'],
    endpoint: 'resource',
    answer: createResource(settings, access),
  };
  const resourceMetadata: Route = {
    methods: get,
    endpoint: 'resource',
    answer: () => jsonReply(200, resourceMetadataOf(settings)),
  };
  const logout = createLogoutNotices(settings, ring);
  const endSession = createEndSession(settings, sessions, families, reader, logout);
  const devicePage = createDevicePage(settings, devices, paths.device);

  const routes = new Map<string, Route>([
    [paths.token, { methods: post, endpoint: 'token', answer: token }],
    [paths.jwks, { methods: get, endpoint: 'jwks', answer: jwks }],
    ...paths.metadata.map(path => [path, metadata] as const),
    [paths.authorization, { methods: both, endpoint: 'authorization', answer: authorization.authorize }],
    [paths.signIn, { methods: post, endpoint: 'sign_in', answer: authorization.signIn, ownPage: true }],
    [paths.par, { methods: post, endpoint: 'par', answer: pushedRequests.push }],
    [paths.deviceAuthorization, { methods: post, endpoint: 'device_authorization', answer: devices.authorize }],
    [paths.device, { methods: both, endpoint: 'device', answer: devicePage, ownPage: true }],
    [paths.introspection, { methods: post, endpoint: 'introspection', answer: introspection }],
    [paths.revocation, { methods: post, endpoint: 'revocation', answer: revocation }],
    [paths.userInfo, { methods: both, endpoint: 'userinfo', answer: userInfo }],
    ...paths.endSessions.map(path => [path, { methods: both, endpoint: 'end_session', answer: endSession }] as const),
    [paths.resource, resource],
    [paths.resourceMetadata, resourceMetadata],
    ...(settings.registration
      ? [
          [
            paths.registration,
            { methods: post, endpoint: 'registration', answer: createRegistration(settings) },
          ] as const,
        ]
      : []),
  ]);

  return {
    devices,
    proofs,
    sessions,
    issue: firstTokens(settings, families, issuing),
    find: path => routes.get(path) ?? (path.startsWith(`${paths.resource}/`) ? resource : undefined),
  };
}
