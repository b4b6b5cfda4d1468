import {
  type DeviceAuthorizationResponse,
  deviceAuthorizationRequest,
  processDeviceAuthorizationResponse,
} from 'oauth4webapi';
import { classify, WorkbenchError } from '../errors.ts';
import { requireSecureUrl } from '../http/http.ts';
import { readObject } from '../issuer/answers.ts';
import { askEndpoint, type ClientParts, requestParameters } from '../issuer/askEndpoint.ts';
import type { TokenAnswer } from '../issuer/tokenEndpoint.ts';
import { printable } from '../redact.ts';
import { type JsonObject, memberText, numberFrom, own } from '../tokens/json.ts';
import { pause } from '../waiting.ts';
import type { GrantRequest, SignInParts } from './grants.ts';

export type DeviceParts = SignInParts & ClientParts;

/** Milliseconds between two polls if the issuer names no interval, and what `slow_down` adds (RFC 8628 §3.2, §3.5). */
const usualInterval = 5000;
const slowDown = 5000;

/** Milliseconds: the longest lifetime of a code, and the longest interval between two polls. */
const longestLife = 60 * 60_000;
const longestInterval = 60_000;

/**
 * RFC 8628: the user enters a code in a browser on any device, while this side polls the token endpoint.
 * @throws WorkbenchError `oauth_error` (`access_denied`, `expired_token` and others), `response_invalid`, `cancelled`,
 * and what the token endpoint's `deviceCode` throws
 */
export async function byDeviceCode(parts: DeviceParts, request: GrantRequest): Promise<TokenAnswer> {
  const { clock, tokenClient } = parts;
  const { connection, credentials, signal } = request;
  const since = clock.now();
  const device = await authorize(parts, request);
  const until = since + Math.min(device.expires_in * 1000, longestLife);
  request.tell?.({
    waitingFor: 'device',
    userCode: printable(device.user_code, 100),
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
        connection,
        credentials,
        signal,
        deviceCode: device.device_code,
      });
    } catch (thrown) {
      const error = classify(thrown);
      const wait = nextInterval(error, interval);
      if (wait === undefined) throw error;
      interval = Math.min(wait, longestInterval);
    }
  }
}

/** Milliseconds to wait before the next poll; `undefined` if polling must stop. */
function nextInterval({ code, data }: WorkbenchError, interval: number): number | undefined {
  if (code === 'oauth_error' && data.later !== true) {
    if (data.error === 'authorization_pending') return interval;
    if (data.error === 'slow_down') return Math.max(interval + slowDown, Number(data.retryAfter ?? 0));
    return undefined;
  }
  // RFC 8628 §3.5: poll less often after a network failure.
  const isPassing =
    data.later === true ||
    data.blocked === true ||
    ['timeout', 'connection_reset', 'connection_refused', 'host_unknown', 'network_failed'].includes(code) ||
    (code === 'http_error' && typeof data.status === 'number' && (data.status >= 500 || data.status === 429));
  return isPassing ? Math.max(interval * 2, Number(data.retryAfter ?? 0)) : undefined;
}

async function authorize(
  parts: DeviceParts,
  { connection, credentials, signal }: GrantRequest,
): Promise<DeviceAuthorizationResponse> {
  const { scope, resource } = connection;
  const parameters = requestParameters(connection, { scope, resource });
  const { response, context, endpoints } = await askEndpoint(parts, {
    connection,
    credentials,
    name: 'device_authorization_endpoint',
    limits: { signal },
    send: (as, client, auth, options) => deviceAuthorizationRequest(as, client, auth, parameters, options),
  });
  const answer = await readObject(response, context);
  try {
    return await processDeviceAuthorizationResponse(
      { issuer: endpoints.issuer ?? 'urn:none' },
      { client_id: connection.clientId },
      asDefined(answer),
    );
  } catch {
    throw new WorkbenchError('response_invalid', { host: context.host, reason: 'device_response', sent: true });
  }
}

/** Google sends `verification_url` (https://developers.google.com/identity/protocols/oauth2/limited-input-device). */
function asDefined(answer: JsonObject): Response {
  const { verification_url, verification_uri, verification_uri_complete: complete, interval, ...others } = answer;
  const code = own(answer, 'user_code');
  return Response.json({
    ...others,
    verification_uri: verification_uri ?? verification_url,
    // Without it, the user enters the code. Some frameworks send members without a value.
    ...(complete !== null && complete !== '' && { verification_uri_complete: complete }),
    // A code of digits may be a number, of which no digit may be lost.
    ...(typeof code === 'number' && { user_code: memberText(answer, 'user_code') }),
    // Some issuers send the interval as text. If it is not a positive number, the usual interval applies.
    ...(numberFrom(interval) > 0 && { interval: numberFrom(interval) }),
  });
}
