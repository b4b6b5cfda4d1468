import { revocationRequest } from 'oauth4webapi';
import { WorkbenchError } from '../errors.ts';
import type { Connection } from '../records/connection.ts';
import { clientCredentialsOf } from '../records/credentials.ts';
import type { StoredRecord } from '../records/record.ts';
import { bindingMismatch } from '../records/tokenSet.ts';
import { refuseError } from './answers.ts';
import { asClient, type ClientParts } from './asClient.ts';
import type { Discovery } from './discovery.ts';
import { resolveEndpoints, settingOf } from './endpoints.ts';

export interface RevokeParts extends ClientParts {
  readonly discovery: Discovery;
}

/** Milliseconds for one request: whoever signs out does not want to wait for an issuer that is gone. */
const patience = 10_000;

/**
 * RFC 7009: the refresh token first, which ends the grant at most issuers, then the access token. A token that the
 * issuer does not know (any more) counts as revoked (§2.2), and one of a kind that it cannot revoke is left to its end.
 * @returns false where there was nothing to revoke
 * @throws WorkbenchError `endpoint_missing`, `binding_mismatch`, `oauth_error`, `http_error` and what boundedFetch and
 * Discovery throw; nothing that is stored has changed then
 */
export async function revoke(
  parts: RevokeParts,
  connection: Connection,
  record: StoredRecord,
  signal: AbortSignal,
): Promise<boolean> {
  const { tokens } = record;
  const { refresh_token, access_token } = tokens ?? {};
  if (refresh_token === undefined && access_token === undefined) return false;
  assertBound(connection, record);
  const credentials = clientCredentialsOf(record);
  const asking = await asClient(parts, connection, credentials);
  const name = 'revocation_endpoint';
  const endpoints = await resolveEndpoints(connection, parts.discovery, signal, [name]);
  const ask = async (token: string, hint: 'refresh_token' | 'access_token') => {
    const limits = { signal, timeout: patience };
    const { response, host } = await asking.ask(name, endpoints, limits, (as, client, auth, options) =>
      revocationRequest(as, client, auth, token, {
        ...options,
        additionalParameters: { token_type_hint: hint },
      }),
    );
    if (response.ok) return;
    // Says what went wrong in the terms of every other answer.
    const secrets = [token, credentials.client_secret ?? ''];
    await refuseError(response, {
      host,
      now: parts.clock.now(),
      secrets,
      known: [connection.clientId],
      setting: settingOf(name),
    });
  };
  if (refresh_token !== undefined) await ask(refresh_token, 'refresh_token');
  if (access_token === undefined) return true;
  try {
    await ask(access_token, 'access_token');
  } catch (error) {
    // Many issuers cannot revoke a JWT; the grant has ended with the refresh token, and the JWT ends by itself.
    if (refresh_token === undefined || !isUnsupported(error)) throw error;
  }
  return true;
}

/**
 * Tokens go to nobody but the issuer that gave them.
 * @throws WorkbenchError `binding_mismatch`
 */
export function assertBound(connection: Connection, { binding }: StoredRecord): void {
  const { issuer, clientId, tokenEndpoint } = connection;
  const mismatch =
    binding &&
    bindingMismatch(binding, {
      client_id: clientId,
      ...(issuer !== undefined && { issuer }),
      ...(tokenEndpoint !== undefined && { token_endpoint: tokenEndpoint }),
      // Where the settings name none it is the issuer's, as it was.
      ...(tokenEndpoint === undefined &&
        issuer !== undefined &&
        binding.token_endpoint !== undefined && { token_endpoint: binding.token_endpoint }),
    });
  if (mismatch) throw new WorkbenchError('binding_mismatch', { ...mismatch, sent: false });
}

function isUnsupported(error: unknown): boolean {
  return error instanceof WorkbenchError && error.data.error === 'unsupported_token_type';
}
