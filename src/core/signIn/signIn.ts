import { classify, WorkbenchError } from '../errors.ts';
import { resolveEndpoints } from '../issuer/discovery.ts';
import type { TokenAnswer } from '../issuer/tokenEndpoint.ts';
import type { ResponseWarning } from '../issuer/tokenValidation.ts';
import { bindingOf, type Connection } from '../records/connection.ts';
import { type Credentials, credentialsOf, thumbprintOf } from '../records/credentials.ts';
import { sharedWith } from '../records/families.ts';
import { emptyRecord, type StoredRecord } from '../records/record.ts';
import { storeTokens } from '../records/storeTokens.ts';
import { isSameClient } from '../records/tokenSet.ts';
import { type BrowserParts, byAuthorizationCode } from './authorizationCode.ts';
import { byDeviceCode, type DeviceParts } from './deviceFlow.ts';
import type { GrantRequest, SignInParts, SignInRequest } from './grants.ts';
import { type Grant, grants } from './grants.ts';

/** How each way to sign in gets its tokens, and hands them to `keep`. */
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
  /** Without one the connection cannot be refreshed. */
  readonly hasRefreshToken: boolean;
  readonly warnings: readonly ResponseWarning[];
  /** Ids of other connections that hold the same refresh token: the one that uses it first renews it for all. */
  readonly sharedWith: readonly string[];
}

/** Claims by which an answer belongs to another sign-in, client or issuer: of such an answer nothing is kept. */
const foreign: ReadonlySet<unknown> = new Set(['nonce', 'iss', 'aud', 'azp']);

/**
 * Gets a first token set from the issuer and stores it as a new generation. Until then nothing that is stored changes.
 * @throws WorkbenchError with `grant`, what the grant throws, and what `storeTokens` throws
 */
export async function signIn(parts: BrowserParts & DeviceParts, request: SignInRequest): Promise<SignInResult> {
  const { grant, signal } = request;
  let dpopKey: string | undefined;
  const keep = (answer: TokenAnswer) => keepTokens(parts, request, answer, dpopKey);
  try {
    const credentials = await provingCredentials(parts, request);
    dpopKey = credentials.dpop_key;
    if (signal.aborted) throw new WorkbenchError('cancelled', { sent: false });
    return await flows[grant](parts, { ...request, credentials }, keep);
  } catch (thrown) {
    const { code, data } = classify(thrown);
    throw new WorkbenchError(code, { ...data, grant });
  }
}

/**
 * The answer is checked and then stored at once, in one write. Checking waits for nothing and nobody, so that nothing
 * is lost between the two; an answer with a flaw still leaves its refresh token, which exists nowhere else.
 */
async function keepTokens(
  parts: SignInParts,
  { connection, grant, signal }: SignInRequest,
  { raw, receivedAt, tokenEndpoint, validate }: TokenAnswer,
  dpopKey: string | undefined,
): Promise<SignInResult> {
  const store = (tokens: TokenAnswer['raw']): Promise<StoredRecord> =>
    storeTokens(parts, connection, tokens, receivedAt, signal, {
      tokenEndpoint,
      ...(dpopKey !== undefined && { dpopKey }),
      ...(grants[grant].askAgain && tokens.refresh_token === undefined && { grant: 'client_credentials' }),
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
    sharedWith: sharedWith(stored),
    hasRefreshToken: refresh_token !== undefined,
    ...(expires_at !== undefined && { expiresAt: expires_at }),
  };
}

/** The same with a key for the new tokens, where they are to be bound to one: the stored one, or else a new one. */
async function provingCredentials(parts: SignInParts, { connection, signal }: SignInRequest): Promise<Credentials> {
  const { dpop_key, ...credentials } = await credentialsFor(parts, connection);
  if (!connection.dpop) return credentials;
  const known = thumbprintOf(dpop_key) && dpop_key;
  return {
    ...credentials,
    dpop_key: known ?? (await parts.tokenClient.newKey(await resolveEndpoints(connection, parts.discovery, signal))),
  };
}

/** The stored credentials, where they were given for this issuer and client. */
export async function credentialsFor(
  { vault, sessions }: Pick<SignInParts, 'vault' | 'sessions'>,
  connection: Connection,
): Promise<Credentials> {
  const { id } = connection;
  const record = (await vault.read(id)) ?? sessions.get(id)?.record ?? emptyRecord(id);
  return isSameClient(record.binding, bindingOf(connection)) ? credentialsOf(record) : {};
}
