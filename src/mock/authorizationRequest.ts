import type { BackChannel } from './clients.ts';
import type { ProofDesk } from './dpop.ts';
import type { Answer, ParsedForm } from './http.ts';
import { jsonReply, oauthError } from './http.ts';
import type { MockClient, Settings } from './options.ts';
import { randomText } from './random.ts';
import { hasScope, isRegistered, isSupported, targetsOf } from './requested.ts';
import { createShelf } from './shelf.ts';

/** What a client wants somebody to agree to, found well-formed and allowed. */
export interface AuthorizationRequest {
  readonly client: MockClient;
  readonly redirectUri: string;
  /** The same, where it was sent: then the token request has to repeat it (RFC 6749 section 4.1.3). */
  readonly sentRedirectUri: string | undefined;
  readonly state: string | undefined;
  readonly nonce: string | undefined;
  /** S256, RFC 7636 section 4.2. */
  readonly challenge: string;
  readonly scope: string;
  readonly targets: readonly string[] | undefined;
  /** `dpop_jkt`, RFC 9449 section 10. */
  readonly jkt: string | undefined;
  readonly prompts: readonly string[];
  readonly loginHint: string | undefined;
}

export interface Problem {
  readonly error: string;
  readonly description: string;
  /** The value that it is about. */
  readonly sent?: string;
}

/** Where a browser goes back to, and what the client knows it by. */
export interface Return {
  readonly redirectUri: string;
  readonly state?: string | undefined;
}

export type Examined =
  | { readonly request: AuthorizationRequest }
  /** To be shown to whoever is there: who is behind the redirect URI is not known (RFC 6749 section 4.1.2.1). */
  | { readonly shown: Problem }
  | { readonly redirected: Problem; readonly to: Return };

export const promptValues: readonly string[] = ['none', 'login', 'consent', 'select_account'];

/** RFC 6749 section 4.1.1, RFC 7636 section 4.3, OpenID Connect Core section 3.1.2.1. `pushed`: it came by RFC 9126. */
export function examine(
  { form, duplicate }: ParsedForm,
  clients: ReadonlyMap<string, MockClient>,
  settings: Settings,
  pushed: boolean,
): Examined {
  const clientId = form.get('client_id');
  if (duplicate === 'client_id' || duplicate === 'redirect_uri')
    return shown('invalid_request', `${duplicate} is there twice`);
  const client = clientId === undefined ? undefined : clients.get(clientId);
  if (client === undefined)
    return shown('invalid_request', clientId === undefined ? 'No client_id' : 'Unknown client_id');
  const sentRedirectUri = form.get('redirect_uri');
  const scope = form.get('scope') ?? settings.scope;
  const [registered] = client.redirect_uris;
  // It may be left out only where there is nothing to choose (RFC 6749 section 3.1.2.3), with openid never.
  const choice = client.redirect_uris.length !== 1 || hasScope(scope, 'openid');
  const redirectUri = sentRedirectUri ?? (choice ? undefined : registered);
  if (redirectUri === undefined) return shown('invalid_request', 'No redirect_uri');
  if (sentRedirectUri !== undefined && !isRegistered(sentRedirectUri, client.redirect_uris))
    return shown('invalid_request', 'This redirect_uri is not registered for this client', sentRedirectUri);

  const state = form.get('state');
  const redirected = (error: string, description: string): Examined => ({
    redirected: { error, description },
    to: { redirectUri, state },
  });
  if (duplicate !== undefined) return redirected('invalid_request', 'A parameter is there twice');
  if (client.require_pushed_authorization_requests && !pushed)
    return redirected('invalid_request', 'This client has to push its authorization requests');
  for (const name of ['request', 'registration'] as const) {
    if (form.has(name)) return redirected(`${name}_not_supported`, `There is no support for ${name}`);
  }
  if (!client.grant_types.includes('authorization_code'))
    return redirected('unauthorized_client', 'This client is not registered for authorization codes');
  const responseType = form.get('response_type');
  if (responseType === undefined) return redirected('invalid_request', 'No response_type');
  if (responseType !== 'code') return redirected('unsupported_response_type', 'Only code');
  if ((form.get('response_mode') ?? 'query') !== 'query')
    return redirected('invalid_request', 'The only response_mode is query');
  const challenge = form.get('code_challenge');
  if (challenge === undefined) return redirected('invalid_request', 'No code_challenge: PKCE is required');
  if (form.get('code_challenge_method') !== 'S256')
    return redirected('invalid_request', 'The only code_challenge_method is S256');
  if (!isHash(challenge)) return redirected('invalid_request', 'code_challenge is not 43 characters of base64url');
  if (!isSupported(scope, settings)) return redirected('invalid_scope', 'There is no such scope here');
  const asked = targetsOf(form, settings.audiences);
  if ('refused' in asked) return redirected(asked.refused, asked.description);
  const jkt = form.get('dpop_jkt');
  if (jkt !== undefined && !isHash(jkt)) return redirected('invalid_request', 'dpop_jkt is no thumbprint');
  const prompts = form.get('prompt')?.split(' ') ?? [];
  if (!prompts.every(value => promptValues.includes(value)) || (prompts.includes('none') && prompts.length > 1))
    return redirected('invalid_request', 'No such prompt, or none with another');
  // Whoever signs in here does so now, which no max_age is too short for.
  if (!/^\d*$/.test(form.get('max_age') ?? '')) return redirected('invalid_request', 'max_age is a number of seconds');
  const nonce = form.get('nonce');
  const loginHint = form.get('login_hint');
  const { targets } = asked;
  return {
    request: {
      client,
      redirectUri,
      sentRedirectUri,
      state,
      nonce,
      challenge,
      scope,
      targets,
      jkt,
      prompts,
      loginHint,
    },
  };
}

function shown(error: string, description: string, sent?: string): Examined {
  return { shown: { error, description, ...(sent === undefined ? {} : { sent }) } };
}

function isHash(value: string): boolean {
  return /^[\w-]{43}$/.test(value);
}

export interface PushedRequest {
  readonly request: AuthorizationRequest;
  /** It was answered, which happens once; until then the page may be loaded again. */
  spent: boolean;
}

export interface PushedRequests {
  /** RFC 9126 section 2. */
  readonly push: Answer;
  /** The request of an authorization URL, pushed or there in full. */
  find(parsed: ParsedForm, now: number): Examined & { readonly pushed?: PushedRequest };
}

const prefix = 'urn:ietf:params:oauth:request_uri:';
// Seconds.
const lifetime = 60;

export function createPushedRequests(
  settings: Settings,
  clients: ReadonlyMap<string, MockClient>,
  backChannel: BackChannel,
  proofs: ProofDesk,
): PushedRequests {
  const requests = createShelf<PushedRequest>(1_000);

  return {
    push: backChannel(async (client, form, exchange) => {
      if (form.has('request_uri')) return oauthError(400, 'invalid_request', 'A request_uri cannot be pushed itself');
      const proof = await proofs.check(exchange);
      const headers = exchange.request.header('dpop') ? proofs.headers : {};
      if ('refused' in proof) return oauthError(400, proof.refused, proof.description, headers);
      const known = new Map([...form, ['client_id', client.client_id]]);
      const examined = examine({ form: known, duplicate: undefined }, clients, settings, true);
      if (!('request' in examined)) {
        const { error, description } = 'shown' in examined ? examined.shown : examined.redirected;
        return oauthError(400, error, description, headers);
      }
      const { request } = examined;
      // RFC 9449 section 10.1: the proof says as much as dpop_jkt, and both have to say the same.
      const jkt = request.jkt ?? proof.jkt;
      if (proof.jkt !== undefined && jkt !== proof.jkt)
        return oauthError(400, 'invalid_request', 'dpop_jkt is not the key of the DPoP proof', headers);
      const requestUri = prefix + randomText(32);
      const now = exchange.now();
      requests.put(requestUri, { request: { ...request, jkt }, spent: false }, now + lifetime * 1000, now);
      return jsonReply(201, { request_uri: requestUri, expires_in: lifetime }, headers);
    }),

    find(parsed, now) {
      const { form } = parsed;
      const requestUri = form.get('request_uri');
      if (requestUri === undefined) return examine(parsed, clients, settings, false);
      if (!requestUri.startsWith(prefix))
        return shown('request_uri_not_supported', 'Only a request_uri that was pushed here is taken');
      const pushed = requests.get(requestUri, now);
      if (pushed === undefined || pushed.spent)
        return shown('invalid_request_uri', 'This request_uri is unknown, used or expired');
      // Whatever else is in the URL counts for nothing, RFC 9126 section 4.
      if (pushed.request.client.client_id !== form.get('client_id'))
        return shown('invalid_request', 'This request_uri belongs to another client_id');
      return { request: pushed.request, pushed };
    },
  };
}
