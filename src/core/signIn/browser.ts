import { generateRandomState } from 'oauth4webapi';
import { classify, WorkbenchError } from '../errors.ts';
import { type Discovery, resolveEndpoints } from '../issuer/discovery.ts';
import type { Clock, ListenForRedirect, RedirectAnswer, RedirectListener } from '../ports.ts';
import type { Connection } from '../records/connection.ts';

/** Milliseconds for whoever sits in front of the browser. */
export const patience = 10 * 60_000;

export interface Browser {
  readonly clock: Clock;
  readonly listen: ListenForRedirect;
  /** False where no browser was opened, because the user said no for instance. */
  readonly openBrowser: (url: string) => Promise<boolean>;
}

export function withQuery(endpoint: string, parameters: URLSearchParams): string {
  const url = new URL(endpoint);
  for (const [name, value] of parameters) url.searchParams.set(name, value);
  return url.href;
}

/**
 * Whoever does not know `state` is not heard: a request of anybody else leaves the sign-in as it is. The wait begins
 * before the browser is opened, which can come back before it is known to be open.
 * @throws WorkbenchError `browser_not_opened`, `sign_in_timeout`, `cancelled`
 */
export async function waitForAnswer(
  { clock, openBrowser }: Pick<Browser, 'clock' | 'openBrowser'>,
  listener: RedirectListener,
  state: string,
  url: string,
  signal: AbortSignal,
): Promise<RedirectAnswer> {
  let leave = () => {};
  let stopTimer = () => {};
  try {
    return await Promise.race([
      listener.answer(state),
      new Promise<never>((_, reject) => {
        leave = () => reject(new WorkbenchError('cancelled', { sent: false }));
        stopTimer = clock.schedule(() => {
          reject(new WorkbenchError('sign_in_timeout', { after: patience }));
        }, patience);
        if (signal.aborted) leave();
        else signal.addEventListener('abort', leave, { once: true });
        openBrowser(url).then(isOpen => {
          if (!isOpen) reject(new WorkbenchError('browser_not_opened', { sent: false }));
        }, reject);
      }),
    ]);
  } finally {
    signal.removeEventListener('abort', leave);
    stopTimer();
  }
}

/** What to register at the issuer: of the loopback address the port is free (RFC 8252 §7.3), unless the settings name one. */
export function registrable(redirectUri: string, { redirectPort }: Connection): string {
  return redirectPort === undefined ? redirectUri.replace(/^(http:\/\/127\.0\.0\.1):\d+\//, '$1/') : redirectUri;
}

export interface LogoutParts extends Browser {
  readonly discovery: Discovery;
}

/**
 * OpenID Connect RP-Initiated Logout §2: ends the user's session in the browser. Nothing that is stored depends on it.
 * @param idToken who it was: the hint
 * @param returns whether the browser is asked to come back, for which its address has to be registered
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
