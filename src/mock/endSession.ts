import type { Families, Family } from './families.ts';
import { hasScope } from './families.ts';
import { type Answer, type MockReply, readParameters, withParameters } from './http.ts';
import { type KeyRing, nodeCrypto } from './keys.ts';
import type { Settings } from './options.ts';
import type { Markup } from './pages.ts';
import { errorPage, html, page } from './pages.ts';
import type { SettledClient } from './registry.ts';
import { isRedirectUri, isRegistered } from './registry.ts';
import { randomText } from './shelf.ts';
import type { TokenReader } from './tokenStatus.ts';
import { signAsAsked } from './tokens.ts';
import type { Sessions } from './users.ts';

/**
 * OpenID Connect RP-Initiated Logout section 2. Ends the session of this browser and the grant of the ID token, and
 * revokes their tokens, unless they were granted for offline use (OpenID Connect Back-Channel Logout section 2.7).
 */
export function createEndSession(
  settings: Settings,
  sessions: Sessions,
  families: Families,
  reader: TokenReader,
  notices: LogoutNotices,
): Answer {
  return async exchange => {
    const read = await readParameters(exchange);
    if ('refused' in read) return read.refused;
    const { form, duplicate } = read;
    if (duplicate !== undefined) return invalid('A parameter is there twice');
    const sent = form.get('id_token_hint');
    const hint = sent === undefined ? undefined : await reader.read(sent);
    // An expired hint is accepted, because it only identifies the user.
    if (sent !== undefined && hint?.kind !== 'id_token')
      return invalid('id_token_hint is not an ID token of this issuer');
    const hinted = hint?.claims.aud;
    const clientId = form.get('client_id') ?? (typeof hinted === 'string' ? hinted : undefined);
    if (hint !== undefined && clientId !== hinted) return invalid('id_token_hint was issued to another client_id');
    const client = clientId === undefined ? undefined : settings.clients.get(clientId);
    if (clientId !== undefined && client === undefined) return invalid('Unknown client_id');
    const { returnTo = '', first = false } = settings.persona?.logout ?? {};
    const named = form.get(returnTo) ?? form.get('post_logout_redirect_uri');
    const uri = named ?? (first && form.has('client_id') ? firstLogoutUri(client) : undefined);
    if (uri !== undefined && client === undefined)
      return invalid('post_logout_redirect_uri needs an id_token_hint or a client_id');
    const anywhere = (settings.anyRedirectUri || client?.anyone) && isRedirectUri(uri ?? '');
    if (uri !== undefined && !anywhere && !isRegistered(uri, client?.post_logout_redirect_uris ?? []))
      return invalid('This post_logout_redirect_uri is not registered for this client');
    if (client !== undefined) exchange.authenticated(client);
    const session = sessions.of(exchange);
    if (session !== undefined) sessions.end(session);
    const ended = new Set([...(session?.families.values() ?? []), ...(hint?.family ? [hint.family] : [])]);
    exchange.notified(await notices.send([...ended], exchange.now()));
    for (const family of ended) if (!hasScope(family.grant.scope, 'offline_access')) families.revoke(family);
    const headers = session === undefined ? {} : { 'set-cookie': sessions.cookie(undefined) };
    const frames = framesOf(settings, [...ended]);
    const signedOut = (rest: Markup): MockReply => {
      const parts = frames.map(address => html`<iframe hidden src="${address}"></iframe>`);
      const reply = page(200, 'Signed out', html`${rest}${parts}`, { frames });
      return { ...reply, headers: { ...reply.headers, ...headers } };
    };
    if (uri === undefined) return signedOut(html`<p>You can close this page.</p>`);
    const state = form.get('state');
    const parameters = new URLSearchParams(state === undefined ? {} : { state });
    for (const effect of exchange.effects) effect.parameters?.(parameters);
    const location = withParameters(uri, parameters);
    // The redirect waits one second, so that the frames can load.
    if (frames.length > 0)
      return signedOut(
        html`<meta http-equiv="refresh" content="1;url=${location}"><p><a href="${location}">Continue</a></p>`,
      );
    const status = exchange.request.method === 'POST' ? 303 : 302;
    return { status, headers: { ...headers, location, 'cache-control': 'no-store' }, body: '' };
  };
}

/** The first one that was registered for sign-out. By default, the redirect URIs are, and those wait for a code. */
function firstLogoutUri(client: SettledClient | undefined): string | undefined {
  const { post_logout_redirect_uris: uris = [], redirect_uris: others = [] }: Partial<SettledClient> = client ?? {};
  return uris.every(uri => others.includes(uri)) ? undefined : uris[0];
}

function invalid(description: string): MockReply {
  return errorPage(400, 'invalid_request', description);
}

/** The frames that tell the clients of these grants (OpenID Connect Front-Channel Logout section 2). */
function framesOf(settings: Settings, ended: readonly Family[]): readonly string[] {
  return ended.flatMap(({ grant: { clientId, sid } }) => {
    const { frontchannel_logout_uri: uri } = settings.clients.get(clientId) ?? {};
    return uri === undefined ? [] : [withParameters(uri, new URLSearchParams({ iss: settings.issuer, sid }))];
  });
}

/** OpenID Connect Back-Channel Logout section 2. */
export interface LogoutNotices {
  /** Notifies the clients of these grants. Resolves with those that responded, in at most two seconds. */
  send(ended: readonly Family[], now: number): Promise<readonly string[]>;
}

const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';
// Milliseconds that one client has to respond.
const responseTimeout = 2_000;

export function createLogoutNotices(settings: Settings, ring: KeyRing): LogoutNotices {
  const tell = async ({ grant: { clientId, subject, sid } }: Family, now: number) => {
    const { backchannel_logout_uri: uri } = settings.clients.get(clientId) ?? {};
    if (uri === undefined) return [];
    const seconds = Math.floor(now / 1000);
    const claims = {
      iss: settings.issuer,
      sub: subject,
      aud: clientId,
      iat: seconds,
      exp: seconds + 120,
      jti: randomText(16),
      sid,
      events: { [logoutEvent]: {} },
    };
    const logout_token = await signAsAsked(nodeCrypto, ring.signing, claims, { typ: 'logout+jwt' });
    const body = new URLSearchParams({ logout_token });
    // A client that does not respond stays signed in, as with a real issuer.
    const answer = await fetch(uri, {
      method: 'POST',
      body,
      // The client may close an idle connection at the moment in which it is used again, and would not be notified.
      headers: { connection: 'close' },
      redirect: 'error',
      signal: AbortSignal.timeout(responseTimeout),
    });
    await answer.body?.cancel();
    return [clientId];
  };
  return {
    async send(ended, now) {
      const told = await Promise.allSettled(ended.map(family => tell(family, now)));
      return told.flatMap(each => (each.status === 'fulfilled' ? each.value : []));
    },
  };
}
