import { processPushedAuthorizationResponse, pushedAuthorizationRequest } from 'oauth4webapi';
import { WorkbenchError } from '../errors.ts';
import { readObject } from '../issuer/answers.ts';
import { asClient, type ClientParts } from '../issuer/asClient.ts';
import type { Endpoints } from '../issuer/endpoints.ts';
import type { GrantRequest } from './signIn.ts';

/**
 * RFC 9126: the request goes to the issuer directly, and the browser carries only its name.
 * @returns what the browser carries
 * @throws WorkbenchError `endpoint_missing`, `oauth_error`, `http_error`, `response_invalid` and what boundedFetch throws
 */
export async function pushed(
  parts: ClientParts,
  { connection, credentials, signal }: GrantRequest,
  endpoints: Endpoints,
  parameters: URLSearchParams,
): Promise<URLSearchParams> {
  const name = 'pushed_authorization_request_endpoint';
  const { [name]: endpoint, issuer = 'urn:none' } = endpoints;
  if (endpoint === undefined)
    throw new WorkbenchError('endpoint_missing', {
      endpoint: name,
      sent: false,
      ...(connection.pushedAuthorizationRequests && { without: 'pushedAuthorizationRequests' }),
    });
  const asking = await asClient(parts, connection, credentials);
  const { response, host } = await asking.ask(
    name,
    { ...endpoints, [name]: endpoint },
    { signal },
    (as, client, auth, options) => pushedAuthorizationRequest(as, client, auth, parameters, options),
  );
  // Says what went wrong in the terms of every other answer.
  const secrets = [credentials.client_secret ?? ''];
  const known = [connection.clientId];
  await readObject(response.clone(), { host, now: parts.clock.now(), secrets, known, setting: name });
  try {
    const { request_uri } = await processPushedAuthorizationResponse(
      { issuer },
      { client_id: connection.clientId },
      response,
    );
    return new URLSearchParams({ client_id: connection.clientId, request_uri });
  } catch {
    throw new WorkbenchError('response_invalid', { host, reason: 'pushed_response', sent: true });
  }
}
