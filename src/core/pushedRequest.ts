import {
  allowInsecureRequests,
  customFetch,
  processPushedAuthorizationResponse,
  pushedAuthorizationRequest,
} from 'oauth4webapi';
import { clientAuthentication } from './clientAuthentication.ts';
import type { Endpoints } from './discovery.ts';
import { WorkbenchError } from './errors.ts';
import { boundedFetch, requireSecureUrl } from './http.ts';
import type { Clock, Fetch } from './ports.ts';
import type { GrantRequest } from './signIn.ts';
import { readTokenResponse } from './tokenResponse.ts';

/**
 * RFC 9126: the request goes to the issuer directly, and the browser carries only its name.
 * @returns what the browser carries
 * @throws WorkbenchError `endpoint_missing`, `oauth_error`, `http_error`, `response_invalid` and what boundedFetch throws
 */
export async function pushed(
  { fetch, clock }: { readonly fetch: Fetch; readonly clock: Clock },
  { connection, clientSecret, signal }: GrantRequest,
  endpoints: Endpoints,
  parameters: URLSearchParams,
): Promise<URLSearchParams> {
  const endpoint = endpoints.pushed_authorization_request_endpoint;
  if (endpoint === undefined) {
    const missing = 'pushed_authorization_request_endpoint';
    throw new WorkbenchError('endpoint_missing', { endpoint: missing, sent: false });
  }
  const url = requireSecureUrl(endpoint, 'pushed_authorization_request_endpoint');
  const as = {
    issuer: endpoints.issuer ?? 'urn:none',
    pushed_authorization_request_endpoint: url.href,
  };
  const client = { client_id: connection.clientId };
  const bounded = boundedFetch(fetch, { clock, signal });
  const authentication = clientAuthentication(connection, clientSecret);
  const response = await pushedAuthorizationRequest(as, client, authentication, parameters, {
    // Only ever true for this machine's own address; see requireSecureUrl.
    [allowInsecureRequests]: url.protocol === 'http:',
    [customFetch]: (input, init) => bounded(input, init as RequestInit),
  });
  // Says what went wrong in the terms of every other answer.
  await readTokenResponse(response.clone(), url.host, clock.now(), [clientSecret ?? '']);
  try {
    const { request_uri } = await processPushedAuthorizationResponse(as, client, response);
    return new URLSearchParams({ client_id: connection.clientId, request_uri });
  } catch {
    throw new WorkbenchError('response_invalid', { host: url.host, reason: 'pushed_response', sent: true });
  }
}
