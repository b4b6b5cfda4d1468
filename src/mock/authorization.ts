import type {
  AuthorizationRequest,
  PushedRequest,
  PushedRequests,
  Refusal,
  ResponseTarget,
} from './authorizationRequest.ts';
import { targetsOf } from './authorizationRequest.ts';
import { sha256 } from './dpop.ts';
import type { Families, Family } from './families.ts';
import {
  type Answer,
  type Exchange,
  type MockReply,
  oauthError,
  readForm,
  readParameters,
  type Visitor,
  withParameters,
} from './http.ts';
import type { Settings } from './options.ts';
import { choice, errorPage, html, page, scopeList } from './pages.ts';
import { createExpiringMap, randomText } from './shelf.ts';
import { type GrantWork, narrowed } from './tokenEndpoint.ts';
import type { TokenReader } from './tokenStatus.ts';
import { consentOf, type Issuing, refreshTokenOf } from './tokens.ts';
import { type Session, type Sessions, subjectOfHint } from './users.ts';

/** A sign-in page that was shown and whose user has not decided yet. */
interface Pending {
  readonly request: AuthorizationRequest;
  readonly pushed?: PushedRequest;
}

export interface Authorization {
  /** RFC 6749 section 4.1.1 and OpenID Connect Core section 3.1.2.1. */
  readonly authorize: Answer;
  /** Takes the form of the sign-in page. */
  readonly signIn: Answer;
}

// Milliseconds.
const ticketLifetime = 600_000;

export interface AuthorizationParts {
  readonly settings: Settings;
  readonly codes: Codes;
  readonly pushedRequests: PushedRequests;
  readonly sessions: Sessions;
  readonly issuing: Issuing;
  readonly reader: TokenReader;
  /** Path that the sign-in page posts its form to. */
  readonly signInPath: string;
}

export function createAuthorization(parts: AuthorizationParts): Authorization {
  const { settings, codes, pushedRequests, sessions, issuing, reader, signInPath } = parts;
  const tickets = createExpiringMap<Pending>(1_000);

  /**
   * Sends the browser back to the client in the response mode of the request (RFC 6749 section 4.1.2), with `iss` (RFC
   * 9207).
   */
  const back = (
    exchange: Exchange,
    to: ResponseTarget,
    result: Record<string, string>,
    session?: Session,
  ): MockReply => {
    const parameters = new URLSearchParams(result);
    if (to.state !== undefined) parameters.set('state', to.state);
    parameters.set('iss', settings.issuer);
    for (const effect of exchange.effects) effect.parameters?.(parameters);
    const error = parameters.get('error');
    const reply =
      to.responseMode === 'form_post' ? formPost(to.redirectUri, parameters) : redirect(exchange, to, parameters);
    const cookie = session === undefined ? undefined : { 'set-cookie': sessions.cookie(session) };
    return { ...reply, headers: { ...reply.headers, ...cookie }, ...(error === null ? {} : { error }) };
  };

  const refuse = (exchange: Exchange, to: ResponseTarget, { error, description }: Refusal) =>
    back(exchange, to, { error, error_description: description });

  /**
   * Answers the request once a decision is there: the user on the page, the settings, or the user earlier, in a
   * session that is still open.
   */
  const decide = async (
    exchange: Exchange,
    { request, pushed }: Pending,
    { deny, subject = defaultSubject(request) }: Visitor,
    known?: Session,
  ): Promise<MockReply> => {
    if (pushed?.spent) return errorPage(400, 'invalid_request_uri', 'This request has already been answered');
    if (pushed !== undefined) pushed.spent = true;
    if (deny) return refuse(exchange, request, { error: 'access_denied', description: 'The user declined' });
    const { claims, acrValues } = request;
    const problem = await requiredUserRefusal(request, subject);
    if (problem !== undefined) return refuse(exchange, request, problem);
    const now = exchange.now();
    const session = known ?? sessions.start(subject, claims?.acr?.[0] ?? acrValues[0], now);
    if (claims?.acr !== undefined && !claims.acr.includes(session.acr ?? ''))
      return refuse(exchange, request, {
        error: 'unmet_authentication_requirements',
        description: 'This user has none of the requested acr values',
      });
    const result: Record<string, string> = {};
    if (request.responseType !== 'id_token') result.code = codes.issue(request, session, now);
    if (request.responseType !== 'code')
      result.id_token = await issuing.frontChannel(request, session, result.code, exchange.effects, now);
    return back(exchange, request, result, session);
  };

  /** Refuses when the request requires one user (`id_token_hint` or the claim `sub`) and another one is signed in. */
  const requiredUserRefusal = async (request: AuthorizationRequest, subject: string): Promise<Refusal | undefined> => {
    const { idTokenHint, claims } = request;
    const hint = idTokenHint === undefined ? undefined : await reader.read(idTokenHint);
    if (idTokenHint !== undefined && hint?.kind !== 'id_token')
      return { error: 'invalid_request', description: 'id_token_hint is not an ID token of this issuer' };
    const wanted = claims?.sub ?? hint?.claims.sub;
    if (wanted === undefined || wanted === subject) return undefined;
    return { error: 'login_required', description: 'The request requires another user' };
  };

  /** A login hint takes precedence over the client's usual subject: a person of that name would sign in under it. */
  const defaultSubject = ({ client, loginHint }: AuthorizationRequest) =>
    settings.signInSubject ?? subjectOfHint(settings, loginHint) ?? client.subject ?? settings.subject;

  /** The session of this browser, if it answers this request without asking the user. */
  const reusableSession = (
    exchange: Exchange,
    { prompts, maxAge, loginHint }: AuthorizationRequest,
  ): Session | undefined => {
    const session = sessions.of(exchange);
    if (session === undefined || prompts.some(prompt => prompt !== 'none')) return undefined;
    if (maxAge !== undefined && Math.floor(exchange.now() / 1000) - session.authTime > maxAge) return undefined;
    const hinted = subjectOfHint(settings, loginHint);
    return hinted === undefined || hinted === session.subject ? session : undefined;
  };

  const signInPage = (pending: Pending, exchange: Exchange): MockReply => {
    const { client, scope, redirectUri, targets, loginHint } = pending.request;
    const ticket = randomText(32);
    const now = exchange.now();
    tickets.put(ticket, pending, now + ticketLifetime, now);
    const audience = targets === undefined ? [] : [html`<dt>For use at</dt><dd>${targets.join(' ')}</dd>`];
    const subject =
      loginHint === undefined
        ? (sessions.of(exchange)?.subject ?? defaultSubject(pending.request))
        : defaultSubject(pending.request);
    const body = html`<dl><dt>Client</dt><dd>${client.client_id}</dd>
${scopeList(scope)}${audience}<dt>The answer goes to</dt><dd>${redirectUri}</dd></dl>
<form method="post" action="${signInPath}"><input type="hidden" name="ticket" value="${ticket}">
${choice(subject, settings.users)}</form>`;
    return page(200, 'Sign in', body, { leadsTo: redirectUri });
  };

  return {
    async authorize(exchange) {
      const read = await readParameters(exchange);
      if ('refused' in read) return read.refused;
      const found = pushedRequests.find(read, exchange.now());
      if ('shown' in found) {
        const { error, description, sent } = found.shown;
        return errorPage(400, error, description, sent);
      }
      if ('redirected' in found) return refuse(exchange, found.to, found.redirected);
      const { request } = found;
      exchange.authenticated(request.client);
      if (exchange.visitor !== undefined) return decide(exchange, found, exchange.visitor);
      const session = reusableSession(exchange, request);
      const silent = request.prompts.includes('none');
      if (session !== undefined && (silent || settings.singleSignOn))
        return decide(exchange, found, { subject: session.subject }, session);
      if (settings.signIn === 'page') {
        if (!silent) return signInPage(found, exchange);
        return refuse(exchange, request, { error: 'login_required', description: 'No user is signed in' });
      }
      return decide(exchange, found, { deny: settings.signIn === 'deny' });
    },

    async signIn(exchange) {
      const read = await readForm(exchange);
      if ('refused' in read) return read.refused;
      // A browser sends Origin with a form. Other origins were rejected before this point.
      if (exchange.request.header('origin') === undefined)
        return errorPage(403, 'foreign_origin', 'This form did not come from its own page');
      const { form } = read;
      const ticket = form.get('ticket') ?? '';
      const pending = tickets.get(ticket, exchange.now());
      if (pending === undefined)
        return errorPage(400, 'invalid_request', 'This sign-in has ended. Start again in your application');
      tickets.delete(ticket);
      exchange.authenticated(pending.request.client);
      const subject = form.get('subject')?.trim();
      return decide(exchange, pending, {
        deny: form.get('decision') !== 'allow',
        ...(subject ? { subject } : {}),
      });
    },
  };
}

function redirect(exchange: Exchange, to: ResponseTarget, parameters: URLSearchParams): MockReply {
  const location =
    to.responseMode === 'fragment' ? `${to.redirectUri}#${parameters}` : withParameters(to.redirectUri, parameters);
  // After a POST, 303 makes the browser continue with GET.
  const status = exchange.request.method === 'POST' ? 303 : 302;
  const headers = { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' };
  return { status, headers, body: '' };
}

/** OAuth 2.0 Form Post Response Mode section 2. The button is for browsers without scripts. */
function formPost(redirectUri: string, parameters: URLSearchParams): MockReply {
  const fields = [...parameters].map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`);
  const body = html`<form method="post" action="${redirectUri}">${fields}<button>Continue</button></form>`;
  return page(200, 'Back to the client', body, { leadsTo: redirectUri, script: 'document.forms[0].submit()' });
}

interface Code {
  readonly request: AuthorizationRequest;
  readonly session: Session;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** The grant that this code was redeemed for; undefined until then. */
  family: Family | undefined;
}

export interface Codes {
  issue(request: AuthorizationRequest, session: Session, now: number): string;
  /** RFC 6749 section 4.1.3 with the code_verifier of RFC 7636 section 4.5. */
  readonly grant: GrantWork;
}

// Milliseconds.
const codeLifetime = 60_000;
/** How long a redeemed code is kept, in milliseconds, so that a second use is recognised. */
const rememberedFor = 3_600_000;

export function createCodes(settings: Settings, families: Families, issuing: Issuing): Codes {
  const codes = createExpiringMap<Code>(1_000);
  const invalid = (description: string) => oauthError(400, 'invalid_grant', description);

  return {
    issue(request, session, now) {
      const code = randomText(32);
      codes.put(code, { request, session, expiresAt: now + codeLifetime, family: undefined }, now + rememberedFor, now);
      return code;
    },
    async grant({ client, form, now, effects, cnf }) {
      const verifier = form.get('code_verifier');
      if (!form.has('code')) return oauthError(400, 'invalid_request', 'No code');
      if (verifier === undefined && settings.requirePkce)
        return oauthError(400, 'invalid_request', 'No code_verifier: PKCE is required');
      const wellFormed = /^[\w.~-]{43,128}$/.test(verifier ?? '') ? verifier : undefined;
      const hash = wellFormed === undefined ? undefined : await sha256(wellFormed);
      // There is no await from here until the code is marked as used, so two requests cannot both redeem it.
      const code = codes.get(form.get('code'), now);
      if (code === undefined) return invalid('This code is unknown');
      const { request, session } = code;
      if (request.client !== client) return invalid('This code was issued to another client');
      if (code.family !== undefined) {
        families.revoke(code.family);
        return invalid('This code was used before; its tokens are now revoked');
      }
      if (now >= code.expiresAt) return invalid('This code has expired');
      if (form.get('redirect_uri') !== request.sentRedirectUri)
        return invalid('redirect_uri is not the one of the authorization request');
      // A verifier without a challenge indicates a PKCE downgrade attack (RFC 9700 section 2.1.1).
      const { pkce } = request;
      if (pkce === undefined ? verifier !== undefined : pkce.challenge !== (pkce.plain ? wellFormed : hash))
        return invalid('code_verifier does not fit the code_challenge');
      if (request.jkt !== undefined && request.jkt !== cnf?.jkt)
        return invalid('This code is bound to another DPoP key');
      const { scope, nonce } = request;
      const asked = targetsOf(form, request.targets ?? settings.audiences);
      if ('refused' in asked) return oauthError(400, asked.refused, asked.description);
      const family = issuing.begin(client, consentOf(request, session), cnf, now);
      code.family = family;
      session.families.set(client.client_id, family);
      const grant = narrowed(family.grant, asked.targets);
      const refreshToken = refreshTokenOf(client, family);
      return issuing.respond({ grant, scope, now, effects, family, refreshToken, nonce, cnf });
    },
  };
}
