import { generateRandomState } from 'oauth4webapi';
import { classify, WorkbenchError } from '../errors.ts';
import type { Discovery } from '../issuer/discovery.ts';
import { resolveEndpoints } from '../issuer/endpoints.ts';
import type { Connection } from '../records/connection.ts';
import { registrable } from './authorizationCode.ts';
import { type Browser, waitForAnswer, withQuery } from './browser.ts';

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
  const listener = await parts.listen();
  const { redirectUri } = listener;
  parameters.set('post_logout_redirect_uri', redirectUri);
  parameters.set('state', state);
  try {
    const answer = await waitForAnswer(parts, listener, state, withQuery(endpoint, parameters), signal);
    answer.respond('signed_out');
  } catch (error) {
    const { code, data } = classify(error);
    throw new WorkbenchError(code, { ...data, redirectUri: registrable(redirectUri) });
  } finally {
    listener.close();
  }
}
