import {
  allowInsecureRequests,
  customFetch,
  type DeviceAuthorizationResponse,
  deviceAuthorizationRequest,
  processDeviceAuthorizationResponse,
} from 'oauth4webapi';
import { clientAuthentication } from './clientAuthentication.ts';
import { resolveEndpoints } from './discovery.ts';
import { classify, WorkbenchError } from './errors.ts';
import { boundedFetch, requireSecureUrl } from './http.ts';
import { pause } from './newestRecord.ts';
import type { Fetch } from './ports.ts';
import { requestParameters } from './requestParameters.ts';
import type { GrantRequest, SignInParts } from './signIn.ts';
import type { TokenAnswer } from './tokenEndpoint.ts';
import { readTokenResponse } from './tokenResponse.ts';

export interface DeviceParts extends SignInParts {
  readonly fetch: Fetch;
}

/** Milliseconds between two questions where the issuer says nothing, and what `slow_down` adds (RFC 8628 §3.2, §3.5). */
const usualInterval = 5000;
const slowDown = 5000;

/** Milliseconds: the longest that a code is waited for, and the longest time between two questions. */
const longestLife = 60 * 60_000;
const longestInterval = 60_000;

/**
 * RFC 8628: the user types a code into a browser that may be anywhere, while this side asks again and again.
 * @throws WorkbenchError `oauth_error` (`access_denied`, `expired_token` and others), `response_invalid`, `cancelled`,
 * and what the token endpoint's `deviceCode` throws
 */
export async function byDeviceCode(parts: DeviceParts, request: GrantRequest): Promise<TokenAnswer> {
  const { clock, tokenClient } = parts;
  const { connection, clientSecret, signal } = request;
  const since = clock.now();
  const device = await authorize(parts, request);
  const until = since + Math.min(device.expires_in * 1000, longestLife);
  request.tell?.({
    waitingFor: 'device',
    userCode: device.user_code,
    address: requireSecureUrl(device.verification_uri, 'verification_uri').href,
    ...(device.verification_uri_complete !== undefined && {
      complete: requireSecureUrl(device.verification_uri_complete, 'verification_uri_complete').href,
    }),
    until,
  });
  let interval = device.interval === undefined ? usualInterval : Math.max(device.interval * 1000, 1000);
  for (;;) {
    await pause(clock, interval, signal);
    if (clock.now() >= until) throw new WorkbenchError('oauth_error', { error: 'expired_token' });
    try {
      return await tokenClient.deviceCode({
        ...{ connection, signal, deviceCode: device.device_code },
        ...(clientSecret !== undefined && { clientSecret }),
      });
    } catch (thrown) {
      const error = classify(thrown);
      const wait = nextInterval(error, interval);
      if (wait === undefined) throw error;
      interval = Math.min(wait, longestInterval);
    }
  }
}

/** How long to wait before asking again, in milliseconds; `undefined` where it is over. */
function nextInterval({ code, data }: WorkbenchError, interval: number): number | undefined {
  if (code === 'oauth_error') {
    if (data.error === 'authorization_pending') return interval;
    if (data.error === 'slow_down') return Math.max(interval + slowDown, Number(data.retryAfter ?? 0));
    return undefined;
  }
  // RFC 8628 §3.5: where the network fails it is asked less often.
  const isPassing =
    ['timeout', 'connection_reset', 'connection_refused', 'host_unknown', 'network_failed'].includes(code) ||
    (code === 'http_error' && typeof data.status === 'number' && (data.status >= 500 || data.status === 429));
  return isPassing ? Math.max(interval * 2, Number(data.retryAfter ?? 0)) : undefined;
}

async function authorize(
  { discovery, fetch, clock }: DeviceParts,
  { connection, clientSecret, signal }: GrantRequest,
): Promise<DeviceAuthorizationResponse> {
  const authentication = clientAuthentication(connection, clientSecret);
  const endpoints = await resolveEndpoints(connection, discovery, signal, [
    'device_authorization_endpoint',
    'token_endpoint',
  ]);
  const { device_authorization_endpoint } = endpoints;
  const url = requireSecureUrl(device_authorization_endpoint, 'deviceAuthorizationEndpoint');
  const as = { issuer: endpoints.issuer ?? 'urn:none', device_authorization_endpoint: url.href };
  const client = { client_id: connection.clientId };
  const { scope, resource } = connection;
  const bounded = boundedFetch(fetch, { clock, signal });
  const response = await deviceAuthorizationRequest(
    as,
    client,
    authentication,
    requestParameters(connection, { scope, resource }),
    {
      // Only ever true for this machine's own address; see requireSecureUrl.
      [allowInsecureRequests]: url.protocol === 'http:',
      [customFetch]: (input, init) => bounded(input, init as RequestInit),
    },
  );
  // Says what went wrong in the terms of every other answer.
  await readTokenResponse(response.clone(), url.host, clock.now(), [clientSecret ?? '']);
  try {
    return await processDeviceAuthorizationResponse(as, client, response);
  } catch {
    throw new WorkbenchError('response_invalid', { host: url.host, reason: 'device_response', sent: true });
  }
}
