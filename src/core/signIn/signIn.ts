import { allowInsecureRequests, customFetch, protectedResourceRequest } from 'oauth4webapi';
import { classify, WorkbenchError } from '../errors.ts';
import { requireSecureUrl } from '../http/http.ts';
import { issuerTime } from '../issuer/askEndpoint.ts';
import {
  type AskedToken,
  type IssuerAnswer,
  introspect,
  type Revocation,
  revoke,
  userInfo,
} from '../issuer/askIssuer.ts';
import { createProofs } from '../issuer/clientAuthentication.ts';
import { resolveEndpoints } from '../issuer/discovery.ts';
import {
  createTokenClient,
  type TokenAnswer,
  type TokenClient,
  type TokenClientParts,
} from '../issuer/tokenEndpoint.ts';
import type { Lease } from '../ports.ts';
import { bindingOf, type Connection } from '../records/connection.ts';
import { connectionsSharingGrant } from '../records/families.ts';
import { type Credentials, credentialsOf, emptyRecord, type StoredRecord } from '../records/record.ts';
import { storeTokens } from '../records/storeTokens.ts';
import { isSameClient, type ResponseWarning, thumbprintOf } from '../records/tokenSet.ts';
import { until } from '../waiting.ts';
import { type BrowserParts, byAuthorizationCode, logout } from './authorizationCode.ts';
import { byDeviceCode, type DeviceParts } from './deviceFlow.ts';
import { type Grant, type GrantRequest, grants, type SignInParts, type SignInRequest } from './grants.ts';

/** The flow of each grant. It gets the tokens and passes them to `keep`. */
const flows: {
  readonly [G in Grant]: <T>(
    parts: BrowserParts & DeviceParts,
    request: GrantRequest,
    keep: (answer: TokenAnswer) => Promise<T>,
  ) => Promise<T>;
} = {
  authorization_code: byAuthorizationCode,
  device_code: async (parts, request, keep) => keep(await byDeviceCode(parts, request)),
  client_credentials: async (parts, request, keep) => keep(await parts.tokenClient.clientCredentials(request)),
};

export interface SignInResult {
  readonly grant: Grant;
  readonly generation: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  /** False if the connection cannot be refreshed with a refresh token. */
  readonly hasRefreshToken: boolean;
  readonly warnings: readonly ResponseWarning[];
  /** Ids of other connections with the same refresh token: the first one to use it renews it for all. */
  readonly sharedWith: readonly string[];
  /** Why a connection that shares the earlier refresh token has not got the newest one yet. It is kept until then. */
  readonly notHandedOn?: WorkbenchError;
}

/**
 * A mismatch in one of these claims means that the answer belongs to another sign-in, client or issuer, so nothing of
 * it is stored.
 */
const foreign: ReadonlySet<unknown> = new Set(['nonce', 'iss', 'aud', 'azp']);

/**
 * Gets the first tokens from the issuer and stores them as a new generation. Until then nothing stored changes.
 * @throws WorkbenchError with `grant`, what the grant throws, and what `storeTokens` throws
 */
export async function signIn(parts: BrowserParts & DeviceParts, request: SignInRequest): Promise<SignInResult> {
  const { grant, signal } = request;
  let dpopKey: string | undefined;
  const { holding, release } = holdingLock(parts, request);
  const keep = (answer: TokenAnswer) => keepTokens(holding, request, answer, dpopKey);
  try {
    const credentials = await provingCredentials(parts, request);
    dpopKey = credentials.dpop_key;
    if (signal.aborted) throw new WorkbenchError('cancelled', { sent: false });
    return await flows[grant](holding, { ...request, credentials }, keep);
  } catch (thrown) {
    const { code, data } = classify(thrown);
    throw new WorkbenchError(code, { ...data, grant });
  } finally {
    await release();
  }
}

/** Milliseconds. A code may expire within a minute, so a window that keeps the lock for longer is not waited for. */
const patienceForLock = 10_000;

/**
 * What a code brings exists nowhere else until it is stored, which needs the connection's lock. So the lock is taken before
 * the code is redeemed and kept until the tokens are stored: another window that took it meanwhile could keep it longer
 * than this window lives. A code that is refused, or not usable yet, frees it.
 */
function holdingLock<P extends SignInParts>(parts: P, { connection: { id }, signal }: SignInRequest) {
  const { lock, clock, tokenClient } = parts;
  let held: Lease | undefined;
  let release = async () => {};

  /** Also resolves without the lock if another window keeps it for long. Then the tokens are stored when it is free. */
  async function hold(): Promise<void> {
    const patience = new AbortController();
    const cancel = clock.schedule(() => patience.abort(), patienceForLock);
    const either = AbortSignal.any([signal, patience.signal]);
    const taken = new Promise<void>((resolve, reject) => {
      const keep = (lease: Lease) =>
        new Promise<void>(end => {
          if (either.aborted) return end();
          held = lease;
          release = async () => {
            held = undefined;
            end();
            // `hold` has reported why there was no lock, and what was done under it has its own result.
            await freed.catch(() => {});
          };
          resolve();
        });
      const freed = lock.withLock(id, either, keep);
      freed.catch(reject);
    });
    try {
      await until(taken, either);
    } catch (error) {
      // A new grant takes the place of damaged files, and of a lock that a hung window holds. Without a folder for the
      // lock, it could not be stored.
      const { code, data } = classify(error);
      if (code === 'lock_unavailable' && (!('reason' in data) || data.reason !== 'damaged')) throw error;
    } finally {
      cancel();
    }
  }

  /** The first to need the connection's lock gets the one that is held, if it was not lost while the issuer was asked. */
  const withLock: typeof lock.withLock = async (name, asked, work, use) => {
    const lease = name === id ? held : undefined;
    const isHeld = await lease?.renew().then(
      () => true,
      () => false,
    );
    try {
      if (lease && isHeld) return await work(lease);
    } finally {
      if (lease) await release();
    }
    return lock.withLock(name, asked, work, use);
  };

  const locking =
    <Asked>(ask: (asked: Asked) => Promise<TokenAnswer>) =>
    async (asked: Asked): Promise<TokenAnswer> => {
      await hold();
      return ask(asked).catch(async error => {
        await release();
        throw error;
      });
    };
  const { authorizationCode, deviceCode } = tokenClient;
  const client: TokenClient = {
    ...tokenClient,
    authorizationCode: locking(authorizationCode),
    deviceCode: locking(deviceCode),
  };
  const holding: P = { ...parts, tokenClient: client, lock: { ...lock, withLock } };
  return { holding, release: () => release() };
}

/**
 * Validates the answer and then stores it in one write. Validation makes no request, so nothing is lost in between. If
 * the answer is invalid, its refresh token is stored nevertheless, because it exists nowhere else.
 */
async function keepTokens(
  parts: SignInParts,
  { connection, grant, signal, tell }: SignInRequest,
  { raw, receivedAt, tokenEndpoint, validate }: TokenAnswer,
  dpopKey: string | undefined,
): Promise<SignInResult> {
  let notHandedOn: WorkbenchError | undefined;
  const store = (tokens: TokenAnswer['raw']): Promise<StoredRecord> =>
    storeTokens(parts, connection, tokens, receivedAt, signal, {
      tokenEndpoint,
      ...(dpopKey !== undefined && { dpopKey }),
      ...(grants[grant].askAgain && tokens.refresh_token === undefined && { grant: 'client_credentials' }),
      handingOn: ids => tell?.({ waitingFor: 'connections', ids }),
      notHandedOn(failure) {
        notHandedOn = failure;
      },
    });
  let warnings: readonly ResponseWarning[];
  try {
    ({ warnings } = await validate());
  } catch (thrown) {
    const { refresh_token } = raw;
    const { code, data } = classify(thrown);
    const isForeign = code === 'response_invalid' && (data.reason === 'id_token_missing' || foreign.has(data.claim));
    if (refresh_token !== undefined && !isForeign) await store({ refresh_token });
    throw thrown;
  }
  const stored = await store(raw);
  const { generation, tokens } = stored;
  const { expires_at, refresh_token } = tokens ?? {};
  return {
    grant,
    generation,
    warnings,
    sharedWith: connectionsSharingGrant(stored),
    ...(notHandedOn && { notHandedOn }),
    hasRefreshToken: refresh_token !== undefined,
    ...(expires_at !== undefined && { expiresAt: expires_at }),
  };
}

/** The stored credentials, with a DPoP key if the connection uses one: the stored key, or a new one. */
async function provingCredentials(parts: SignInParts, { connection, signal }: SignInRequest): Promise<Credentials> {
  const { dpop_key, ...credentials } = await credentialsFor(parts, connection);
  if (!connection.dpop) return credentials;
  const known = thumbprintOf(dpop_key) && dpop_key;
  return {
    ...credentials,
    dpop_key: known ?? (await parts.tokenClient.newKey(await resolveEndpoints(connection, parts.discovery, signal))),
  };
}

/** The stored credentials, if they belong to this issuer and client. */
export async function credentialsFor(
  { vault, sessions }: Pick<SignInParts, 'vault' | 'sessions'>,
  connection: Connection,
): Promise<Credentials> {
  const { id } = connection;
  const record = (await vault.read(id)) ?? sessions.get(id)?.record ?? emptyRecord(id);
  return isSameClient(record.binding, bindingOf(connection)) ? credentialsOf(record) : {};
}

/**
 * Everything that talks OAuth to an issuer, in one bundle, so that oauth4webapi is loaded only when it is first needed.
 */
export interface IssuerClient {
  readonly tokenClient: TokenClient;
  signIn(request: SignInRequest): Promise<SignInResult>;
  /**
   * Creates a DPoP proof for one request to `url` (GET by default) with an access token bound to `dpopKey` (RFC 9449
   * §7.1). Nothing is sent.
   * @throws WorkbenchError `dpop_key_lost`, `url_invalid`, `url_insecure`
   */
  proof(
    connection: Connection,
    dpopKey: string | undefined,
    accessToken: string,
    url: string,
    method?: string,
  ): Promise<string>;
  /** RFC 7009; see src/core/issuer/askIssuer.ts. */
  revoke(connection: Connection, record: StoredRecord, signal: AbortSignal): Promise<Revocation>;
  /** RFC 7662; see src/core/issuer/askIssuer.ts. */
  introspect(
    connection: Connection,
    record: StoredRecord,
    token: string,
    hint: AskedToken | undefined,
    signal: AbortSignal,
  ): Promise<IssuerAnswer>;
  /** OpenID Connect Core §5.3; see src/core/issuer/askIssuer.ts. */
  userInfo(connection: Connection, record: StoredRecord, signal: AbortSignal): Promise<IssuerAnswer>;
  /** OpenID Connect RP-Initiated Logout; see src/core/signIn/authorizationCode.ts. */
  logout(connection: Connection, idToken: string | undefined, returns: boolean, signal: AbortSignal): Promise<void>;
}

export type IssuerClientParts = Omit<TokenClientParts & BrowserParts, 'tokenClient' | 'proofs'>;

export function createIssuerClient(given: IssuerClientParts): IssuerClient {
  const parts = { ...given, proofs: createProofs() };
  const tokenClient = createTokenClient(parts);
  return {
    tokenClient,
    revoke: (...asked) => revoke(parts, ...asked),
    introspect: (...asked) => introspect(parts, ...asked),
    userInfo: (...asked) => userInfo(parts, ...asked),
    logout: (...asked) => logout(parts, ...asked),
    async proof(connection, dpopKey, accessToken, url, method = 'GET') {
      if (dpopKey === undefined) throw new WorkbenchError('dpop_key_lost', { sent: false });
      const target = requireSecureUrl(url, 'url');
      let proof = '';
      await protectedResourceRequest(accessToken, method, target, undefined, undefined, {
        DPoP: await parts.proofs.handle(dpopKey, issuerTime(parts, connection)),
        [allowInsecureRequests]: true,
        async [customFetch](_, { headers }) {
          proof = headers.dpop ?? '';
          return new Response();
        },
      });
      return proof;
    },
    signIn: request => signIn({ ...parts, tokenClient }, request),
  };
}
