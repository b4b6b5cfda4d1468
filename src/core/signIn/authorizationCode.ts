import {
  calculatePKCECodeChallenge,
  generateRandomCodeVerifier,
  generateRandomNonce,
  generateRandomState,
  processPushedAuthorizationResponse,
  pushedAuthorizationRequest,
  validateAuthResponse,
} from 'oauth4webapi';
import { classify, type ErrorDataOf, WorkbenchError } from '../errors.ts';
import { readObject } from '../issuer/answers.ts';
import { askEndpoint, type ClientParts, clientOf, requestParameters } from '../issuer/askEndpoint.ts';
import { type Discovery, type Endpoints, resolveEndpoints } from '../issuer/discovery.ts';
import type { TokenAnswer } from '../issuer/tokenEndpoint.ts';
import type { Clock, ListenForRedirect, RedirectAnswer, RedirectListener } from '../ports.ts';
import type { Connection } from '../records/connection.ts';
import { thumbprintOf } from '../records/tokenSet.ts';
import { printable, sanitized } from '../redact.ts';
import { until } from '../waiting.ts';
import type { GrantRequest, SignInParts } from './grants.ts';

export type BrowserParts = SignInParts & ClientParts & Browser;

/**
 * RFC 6749 §4.1 with PKCE (RFC 7636), as RFC 8252 recommends for native apps: through the browser and back to a
 * listener on this machine that exists only during the sign-in.
 * @param keep stores the answer; the last page in the browser shows the result
 * @throws WorkbenchError with `redirectUri`: `browser_not_opened`, `sign_in_timeout`, `callback_invalid`,
 * `listener_failed`, `oauth_error`, `cancelled`, and what the token endpoint's `authorizationCode` throws
 */
export async function byAuthorizationCode<T>(
  parts: BrowserParts,
  request: GrantRequest,
  keep: (answer: TokenAnswer) => Promise<T>,
): Promise<T> {
  const { connection, credentials, signal } = request;
  // Checks the credentials before the user is sent to the browser.
  await clientOf(parts, connection, credentials);
  const endpoints = await resolveEndpoints(connection, parts.discovery, signal, [
    'authorization_endpoint',
    'token_endpoint',
  ]);
  if (signal.aborted) throw new WorkbenchError('cancelled', { sent: false });
  const secrets = {
    state: generateRandomState(),
    codeVerifier: generateRandomCodeVerifier(),
    ...(asksForIdToken(connection) && { nonce: generateRandomNonce() }),
  };
  const listener = await parts.listen({ way: request.redirect, port: connection.redirectPort });
  try {
    const { redirectUri } = listener;
    const jkt = thumbprintOf(credentials.dpop_key);
    const asked = await authorizationRequest(connection, redirectUri, secrets, jkt);
    const pushes = connection.pushedAuthorizationRequests || endpoints.require_pushed_authorization_requests;
    const carried = pushes ? await pushed(parts, request, endpoints, asked) : asked;
    const url = withQuery(endpoints.authorization_endpoint, carried);
    request.tell?.({ waitingFor: 'browser', redirectUri: registrable(redirectUri, connection), url });
    const answer = await waitForAnswer(parts, listener, secrets.state, url, signal);
    try {
      const callback = validated(answer.parameters, endpoints, connection, secrets.state);
      const { nonce, codeVerifier } = secrets;
      const tokens = await parts.tokenClient.authorizationCode({
        connection,
        credentials,
        signal,
        callback,
        redirectUri,
        codeVerifier,
        ...(nonce !== undefined && { nonce }),
      });
      const kept = await keep(tokens);
      answer.respond('signed_in');
      return kept;
    } catch (error) {
      const { data } = classify(error);
      answer.respond(data.error === 'access_denied' ? 'declined' : 'failed');
      throw error;
    }
  } catch (error) {
    const { code, data } = classify(error);
    throw new WorkbenchError(code, { ...data, redirectUri: registrable(listener.redirectUri, connection) });
  } finally {
    listener.close();
  }
}

function asksForIdToken({ scope }: Connection): boolean {
  return scope?.split(' ').includes('openid') === true;
}

async function authorizationRequest(
  connection: Connection,
  redirectUri: string,
  { state, codeVerifier, nonce }: { state: string; codeVerifier: string; nonce?: string },
  dpop_jkt: string | undefined,
): Promise<URLSearchParams> {
  const { clientId, scope, resource } = connection;
  return requestParameters(connection, {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope,
    resource,
    state,
    nonce,
    // RFC 9449 §10: a stolen code cannot be redeemed with another key.
    dpop_jkt,
    code_challenge: await calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
  });
}

/** RFC 6749 §4.1.2 and §4.1.2.1, RFC 9207 §2.4. The token request accepts only the parameters returned here. */
function validated(
  parameters: URLSearchParams,
  { issuer, authorization_response_iss_parameter_supported }: Endpoints,
  { clientId }: Connection,
  state: string,
): URLSearchParams {
  const invalid = (reason: ErrorDataOf['callback_invalid']['reason'], more = {}) =>
    new WorkbenchError('callback_invalid', { reason, sent: false, ...more });
  const as = {
    issuer: issuer ?? 'urn:none',
    ...(authorization_response_iss_parameter_supported !== undefined && {
      authorization_response_iss_parameter_supported,
    }),
  };
  // Without an issuer in the settings there is nothing to compare `iss` with.
  if (issuer === undefined) parameters.delete('iss');
  let callback: URLSearchParams;
  try {
    callback = validateAuthResponse(as, { client_id: clientId }, parameters, state);
  } catch {
    const found = parameters.get('iss');
    const isMixUp = issuer !== undefined && found !== issuer;
    if (isMixUp && (found !== null || authorization_response_iss_parameter_supported === true)) {
      throw invalid('issuer', { expected: issuer, ...(found !== null && { found: printable(found, 200) }) });
    }
    const error = parameters.get('error');
    if (error === null || parameters.getAll('error').length !== 1) throw invalid('malformed');
    throw new WorkbenchError('oauth_error', { sent: false, ...wordsOf(error, parameters) });
  }
  if (callback.getAll('code').length > 1) throw invalid('malformed');
  if (!callback.get('code')) throw invalid('code_missing');
  return callback;
}

function wordsOf(error: string, parameters: URLSearchParams) {
  const description = parameters.get('error_description')?.trim();
  return {
    error: sanitized(error, 64),
    ...(description && { error_description: sanitized(description, 300) }),
  };
}

/**
 * RFC 9126: sends the request to the issuer directly, so that the browser carries only its `request_uri`.
 * @returns the parameters for the browser
 * @throws WorkbenchError `endpoint_missing`, `oauth_error`, `http_error`, `response_invalid` and what askEndpoint
 * throws
 */
async function pushed(
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
  const { response, context } = await askEndpoint(parts, {
    connection,
    credentials,
    name,
    endpoints: { ...endpoints, [name]: endpoint },
    limits: { signal },
    send: (as, client, auth, options) => pushedAuthorizationRequest(as, client, auth, parameters, options),
  });
  await readObject(response.clone(), context);
  try {
    const client = { client_id: connection.clientId };
    const { request_uri } = await processPushedAuthorizationResponse({ issuer }, client, response);
    return new URLSearchParams({ ...client, request_uri });
  } catch {
    throw new WorkbenchError('response_invalid', { host: context.host, reason: 'pushed_response', sent: true });
  }
}

/** Milliseconds that the user has to sign in with the browser. */
export const patience = 10 * 60_000;

export interface Browser {
  readonly clock: Clock;
  readonly listen: ListenForRedirect;
  /** Resolves with false if no browser was opened, for example because the user declined. */
  readonly openBrowser: (url: string) => Promise<boolean>;
}

function withQuery(endpoint: string, parameters: URLSearchParams): string {
  const url = new URL(endpoint);
  for (const [name, value] of parameters) url.searchParams.set(name, value);
  return url.href;
}

/**
 * Waits for a request with the right `state`; other requests do not affect the sign-in. The wait starts before the
 * browser opens, because the browser may return before VS Code reports that it is open.
 * @throws WorkbenchError `browser_not_opened`, `sign_in_timeout`, `cancelled`
 */
export async function waitForAnswer(
  { clock, openBrowser }: Pick<Browser, 'clock' | 'openBrowser'>,
  listener: RedirectListener,
  state: string,
  url: string,
  signal: AbortSignal,
): Promise<RedirectAnswer> {
  let stopTimer = () => {};
  const failure = new Promise<never>((_, reject) => {
    stopTimer = clock.schedule(() => reject(new WorkbenchError('sign_in_timeout', { after: patience })), patience);
    openBrowser(url).then(isOpen => {
      if (!isOpen) reject(new WorkbenchError('browser_not_opened', { sent: false }));
    }, reject);
  });
  try {
    return await until(Promise.race([listener.answer(state), failure]), signal);
  } finally {
    stopTimer();
  }
}

/**
 * The redirect URI to register at the issuer: the port of a loopback address is arbitrary (RFC 8252 §7.3), unless the
 * settings name one.
 */
function registrable(redirectUri: string, { redirectPort }: Connection): string {
  return redirectPort === undefined ? redirectUri.replace(/^(http:\/\/127\.0\.0\.1):\d+\//, '$1/') : redirectUri;
}

interface LogoutParts extends Browser {
  readonly discovery: Discovery;
}

/**
 * OpenID Connect RP-Initiated Logout §2: ends the user's session in the browser. Changes nothing that is stored.
 * @param idToken identifies the user, sent as the hint
 * @param returns whether the browser should return, for which its redirect URI must be registered
 * @throws WorkbenchError `endpoint_missing`; with `redirectUri`: `browser_not_opened`, `sign_in_timeout`, `cancelled`
 */
export async function logout(
  parts: LogoutParts,
  connection: Connection,
  idToken: string | undefined,
  returns: boolean,
  signal: AbortSignal,
): Promise<void> {
  const name = 'end_session_endpoint';
  const { [name]: endpoint } = await resolveEndpoints(connection, parts.discovery, signal, [name]);
  const parameters = new URLSearchParams({ client_id: connection.clientId });
  if (idToken !== undefined) parameters.set('id_token_hint', idToken);
  if (!returns) {
    if (await parts.openBrowser(withQuery(endpoint, parameters))) return;
    throw new WorkbenchError('browser_not_opened', { sent: false });
  }
  const state = generateRandomState();
  const listener = await parts.listen({ port: connection.redirectPort });
  const { redirectUri } = listener;
  parameters.set('post_logout_redirect_uri', redirectUri);
  parameters.set('state', state);
  try {
    const answer = await waitForAnswer(parts, listener, state, withQuery(endpoint, parameters), signal);
    answer.respond('signed_out');
  } catch (error) {
    const { code, data } = classify(error);
    throw new WorkbenchError(code, { ...data, redirectUri: registrable(redirectUri, connection) });
  } finally {
    listener.close();
  }
}
