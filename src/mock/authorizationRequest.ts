import type { BackChannel } from './clients.ts';
import type { DpopVerifier } from './dpop.ts';
import { type ClaimsRequest, hasScope } from './families.ts';
import { type Answer, type Form, jsonReply, listOf, oauthError, type ParsedForm } from './http.ts';
import type { Settings } from './options.ts';
import {
  isRedirectUri,
  isRegistered,
  type MockClient,
  type MockResponseType,
  standardScopeClaims,
} from './registry.ts';
import { createExpiringMap, randomText } from './shelf.ts';
import { parseClaims } from './users.ts';

/** A valid authorization request that the client is allowed to make. */
export interface AuthorizationRequest {
  readonly client: MockClient;
  readonly redirectUri: string;
  /** `redirect_uri` as sent, if it was sent. The token request must then repeat it (RFC 6749 section 4.1.3). */
  readonly sentRedirectUri: string | undefined;
  readonly state: string | undefined;
  readonly nonce: string | undefined;
  readonly responseType: MockResponseType;
  readonly responseMode: ResponseMode;
  /** RFC 7636 section 4.3. Undefined if the client may and does go without PKCE. */
  readonly pkce: { readonly challenge: string; readonly plain: boolean } | undefined;
  readonly scope: string;
  readonly targets: readonly string[] | undefined;
  /** `dpop_jkt`, RFC 9449 section 10. */
  readonly jkt: string | undefined;
  readonly prompts: readonly string[];
  readonly loginHint: string | undefined;
  /** Seconds. */
  readonly maxAge: number | undefined;
  readonly idTokenHint: string | undefined;
  readonly acrValues: readonly string[];
  readonly claims: ClaimsRequest | undefined;
}

export interface Refusal {
  readonly error: string;
  readonly description: string;
  /** The offending value. */
  readonly sent?: string;
}

export const responseModes = ['query', 'fragment', 'form_post'] as const;
type ResponseMode = (typeof responseModes)[number];

/** Where the browser is sent back to, and the `state` by which the client recognises the response. */
export interface ResponseTarget {
  readonly redirectUri: string;
  readonly responseMode: ResponseMode;
  readonly state?: string | undefined;
}

type Examined =
  | { readonly request: AuthorizationRequest }
  /**
   * Shown on a page instead of sent to the redirect URI, because nothing says whose URI it is (RFC 6749 section
   * 4.1.2.1).
   */
  | { readonly shown: Refusal }
  | { readonly redirected: Refusal; readonly to: ResponseTarget };

export const promptValues: readonly string[] = ['none', 'login', 'consent', 'select_account'];

/**
 * RFC 6749 section 4.1.1, RFC 7636 section 4.3, OpenID Connect Core section 3.1.2.1. `pushed`: the request came as a
 * pushed request (RFC 9126).
 */
function examine({ form, duplicate }: ParsedForm, settings: Settings, pushed: boolean): Examined {
  const clientId = form.get('client_id');
  if (duplicate === 'client_id' || duplicate === 'redirect_uri')
    return shown('invalid_request', `${duplicate} was sent twice`);
  const client = clientId === undefined ? undefined : settings.clients.get(clientId);
  if (client === undefined)
    return shown('invalid_request', clientId === undefined ? 'No client_id' : 'Unknown client_id');
  const sentRedirectUri = form.get('redirect_uri');
  const scope = form.get('scope') ?? settings.scope;
  const [registered] = client.redirect_uris;
  // It may be left out only if the client registered exactly one (RFC 6749 section 3.1.2.3), and never with openid.
  const choice = client.redirect_uris.length !== 1 || hasScope(scope, 'openid');
  const redirectUri = sentRedirectUri ?? (choice ? undefined : registered);
  if (redirectUri === undefined) return shown('invalid_request', 'No redirect_uri');
  const anywhere = (settings.anyRedirectUri || client.anyone) && isRedirectUri(sentRedirectUri ?? '');
  if (sentRedirectUri !== undefined && !anywhere && !isRegistered(sentRedirectUri, client.redirect_uris))
    return shown('invalid_request', 'This redirect_uri is not registered for this client', sentRedirectUri);

  const state = form.get('state');
  const responseType = form.get('response_type');
  const usualMode = responseType === undefined || responseType === 'code' ? 'query' : 'fragment';
  const sentMode = form.get('response_mode') ?? usualMode;
  const responseMode = responseModes.find(mode => mode === sentMode);
  const redirected = (error: string, description: string): Examined => ({
    redirected: { error, description },
    to: { redirectUri, state, responseMode: responseMode ?? usualMode },
  });
  if (duplicate !== undefined) return redirected('invalid_request', 'A parameter is there twice');
  if (client.require_pushed_authorization_requests && !pushed)
    return redirected('invalid_request', 'This client must push its authorization requests');
  for (const name of ['request', 'registration'] as const) {
    if (form.has(name)) return redirected(`${name}_not_supported`, `${name} is not supported`);
  }
  // RFC 9396 section 5. If it were ignored, something other than what was asked for would be granted.
  if (form.has('authorization_details'))
    return redirected('invalid_authorization_details', 'authorization_details is not supported');
  if (responseType === undefined) return redirected('invalid_request', 'No response_type');
  const type = client.response_types.find(each => each === responseType.split(' ').sort().join(' '));
  if (type === undefined)
    return redirected('unsupported_response_type', `Only ${client.response_types.join(', or ')} for this client`);
  if (type !== 'id_token' && !client.grant_types.includes('authorization_code'))
    return redirected('unauthorized_client', 'This client is not registered for authorization codes');
  if (responseMode === undefined || (responseMode === 'query' && type !== 'code'))
    return redirected('invalid_request', `This response_mode is not supported for ${type}`);
  const pkce = pkceOf(form, settings.requirePkce && type !== 'id_token');
  if (typeof pkce === 'string') return redirected('invalid_request', pkce);
  if (!isSupported(scope, settings)) return redirected('invalid_scope', 'This scope is not supported');
  const nonce = form.get('nonce');
  if (type !== 'code' && (nonce === undefined || !hasScope(scope, 'openid')))
    return redirected('invalid_request', `${type} needs a nonce and the scope openid`);
  const asked = targetsOf(form, settings.audiences);
  if ('refused' in asked) return redirected(asked.refused, asked.description);
  const jkt = form.get('dpop_jkt');
  if (jkt !== undefined && !isHash(jkt)) return redirected('invalid_request', 'dpop_jkt is no thumbprint');
  const prompts = form.get('prompt')?.split(' ') ?? [];
  if (!prompts.every(value => promptValues.includes(value)) || (prompts.includes('none') && prompts.length > 1))
    return redirected('invalid_request', 'Unknown prompt, or none combined with another');
  const maxAge = form.get('max_age') ?? '';
  if (!/^\d*$/.test(maxAge)) return redirected('invalid_request', 'max_age is a number of seconds');
  const sentClaims = form.get('claims');
  const claims = sentClaims === undefined ? undefined : parseClaims(sentClaims);
  if (sentClaims !== undefined && claims === undefined)
    return redirected('invalid_request', 'claims does not have the form of OpenID Connect Core section 5.5');
  return {
    request: {
      client,
      redirectUri,
      sentRedirectUri,
      state,
      nonce,
      responseType: type,
      responseMode,
      pkce,
      scope,
      targets: asked.targets,
      jkt,
      prompts,
      loginHint: form.get('login_hint'),
      maxAge: maxAge === '' ? undefined : Number(maxAge),
      idTokenHint: form.get('id_token_hint'),
      acrValues: form.get('acr_values')?.split(' ') ?? [],
      claims,
    },
  };
}

/** RFC 7636 section 4.3. Returns a description of the error if the parameters are invalid. */
function pkceOf(form: Form, required: boolean): AuthorizationRequest['pkce'] | string {
  const challenge = form.get('code_challenge');
  const method = form.get('code_challenge_method') ?? 'plain';
  if (challenge === undefined) return required ? 'No code_challenge: PKCE is required' : undefined;
  if (method === 'S256') {
    return isHash(challenge) ? { challenge, plain: false } : 'code_challenge is not 43 characters of base64url';
  }
  if (required || method !== 'plain') return `The only code_challenge_method is S256${required ? '' : ', or plain'}`;
  return /^[\w.~-]{43,128}$/.test(challenge)
    ? { challenge, plain: true }
    : 'code_challenge is not 43 to 128 characters';
}

function shown(error: string, description: string, sent?: string): Examined {
  return { shown: { error, description, ...(sent === undefined ? {} : { sent }) } };
}

function isHash(value: string): boolean {
  return /^[\w-]{43}$/.test(value);
}

export interface PushedRequest {
  readonly request: AuthorizationRequest;
  /** Set when the request was answered, which happens once. Until then the browser may reload the page. */
  spent: boolean;
}

export interface PushedRequests {
  /** RFC 9126 section 2. */
  readonly push: Answer;
  /** The request of an authorization URL, whether it was pushed or is in the URL. */
  find(parsed: ParsedForm, now: number): Examined & { readonly pushed?: PushedRequest };
}

const prefix = 'urn:ietf:params:oauth:request_uri:';
// Seconds.
const lifetime = 60;

export function createPushedRequests(
  settings: Settings,
  backChannel: BackChannel,
  proofs: DpopVerifier,
): PushedRequests {
  const requests = createExpiringMap<PushedRequest>(1_000);

  return {
    push: backChannel(async (client, form, exchange) => {
      if (form.has('request_uri')) return oauthError(400, 'invalid_request', 'A request_uri cannot be pushed itself');
      const proof = await proofs.check(exchange);
      const headers = exchange.request.header('dpop') ? proofs.headers : {};
      if ('refused' in proof) return oauthError(400, proof.refused, proof.description, headers);
      const known = new Map([...form, ['client_id', client.client_id]]);
      const examined = examine({ form: known, duplicate: undefined }, settings, true);
      if (!('request' in examined)) {
        const { error, description } = 'shown' in examined ? examined.shown : examined.redirected;
        return oauthError(400, error, description, headers);
      }
      const { request } = examined;
      // RFC 9449 section 10.1: the DPoP proof binds like dpop_jkt, so if both are sent they must name the same key.
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
      if (requestUri === undefined) return examine(parsed, settings, false);
      if (!requestUri.startsWith(prefix))
        return shown('request_uri_not_supported', 'Only a request_uri of a pushed request is accepted');
      const pushed = requests.get(requestUri, now);
      if (pushed === undefined || pushed.spent)
        return shown('invalid_request_uri', 'This request_uri is unknown, used or expired');
      // All other parameters of the URL are ignored (RFC 9126 section 4).
      if (pushed.request.client.client_id !== form.get('client_id'))
        return shown('invalid_request', 'This request_uri belongs to another client_id');
      return { request: pushed.request, pushed };
    },
  };
}

/** Scopes that need a signed-in user; OpenID Connect Core sections 5.4 and 11. */
export const personalScopes: readonly string[] = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'];

export function supportedScopes(settings: Settings): readonly string[] {
  const asked = Object.keys(settings.scopeClaims).filter(
    name => !(name in standardScopeClaims) || (name === 'groups' && settings.users.length > 0),
  );
  return [...new Set([...personalScopes, ...asked, ...settings.scope.split(' ')])].filter(value => value !== '');
}

/** Whether every scope in this list exists. */
export function isSupported(scope: string, settings: Settings): boolean {
  const supported = supportedScopes(settings);
  return scope.split(' ').every(value => supported.includes(value));
}

/**
 * The APIs that tokens are requested for: `resource` (RFC 8707) and `audience` (RFC 8693), which issuers accept in
 * other requests too.
 */
export type Targets =
  | { readonly targets: readonly string[] | undefined }
  | { readonly refused: 'invalid_target'; readonly description: string };

/** `allowed`: the targets that exist; undefined allows any. */
export function targetsOf(form: Form, allowed: readonly string[] | undefined): Targets {
  if (!form.has('resource') && !form.has('audience')) return { targets: undefined };
  const resources = listOf(form, 'resource');
  if (!resources.every(each => URL.canParse(each) && !each.includes('#')))
    return { refused: 'invalid_target', description: 'A resource is an absolute URI with no fragment' };
  const targets = [...new Set([...resources, ...listOf(form, 'audience')])];
  if (allowed !== undefined && !targets.every(target => allowed.includes(target)))
    return { refused: 'invalid_target', description: 'Unknown resource or audience, or one that was not granted' };
  return { targets };
}
