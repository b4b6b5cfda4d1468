import type { AuthorizationRequest, Problem, PushedRequest, PushedRequests, Return } from './authorizationRequest.ts';
import { sha256 } from './dpop.ts';
import type { Families, Family } from './families.ts';
import type { Answer, Exchange, MockReply, Visitor } from './http.ts';
import { oauthError, readForm, readParameters } from './http.ts';
import type { Settings } from './options.ts';
import { choice, errorPage, html, page, scopeList } from './pages.ts';
import { randomText } from './random.ts';
import { targetsOf, withParameters } from './requested.ts';
import { createShelf } from './shelf.ts';
import type { GrantWork } from './tokenEndpoint.ts';
import { narrowed } from './tokenEndpoint.ts';
import type { Issuing } from './tokens.ts';
import { refreshTokenOf } from './tokens.ts';

/** A sign-in that waits for somebody to decide. */
interface Pending {
  readonly request: AuthorizationRequest;
  readonly pushed?: PushedRequest;
}

export interface Authorization {
  /** RFC 6749 section 4.1.1 and OpenID Connect Core section 3.1.2.1. */
  readonly authorize: Answer;
  /** What the page sends. */
  readonly signIn: Answer;
}

// Milliseconds.
const ticketLifetime = 600_000;

export function createAuthorization(
  settings: Settings,
  codes: Codes,
  pushedRequests: PushedRequests,
  /** Where the page sends its form. */
  signInPath: string,
): Authorization {
  const tickets = createShelf<Pending>(1_000);

  /** RFC 6749 section 4.1.2, with the `iss` of RFC 9207. */
  const back = (exchange: Exchange, to: Return, result: Record<string, string>): MockReply => {
    const parameters = new URLSearchParams(result);
    if (to.state !== undefined) parameters.set('state', to.state);
    parameters.set('iss', settings.issuer);
    for (const effect of exchange.effects) effect.parameters?.(parameters);
    const location = withParameters(to.redirectUri, parameters);
    // After a POST the browser is to come with a GET.
    const status = exchange.request.method === 'POST' ? 303 : 302;
    const error = parameters.get('error');
    return {
      status,
      headers: { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' },
      body: '',
      ...(error === null ? {} : { error }),
    };
  };

  const refuse = (exchange: Exchange, to: Return, { error, description }: Problem) =>
    back(exchange, to, { error, error_description: description });

  const decide = (exchange: Exchange, { request, pushed }: Pending, { deny, subject }: Visitor): MockReply => {
    if (pushed?.spent) return errorPage(400, 'invalid_request_uri', 'This request was answered before');
    if (pushed !== undefined) pushed.spent = true;
    if (deny)
      return refuse(exchange, request, {
        error: 'access_denied',
        description: 'Whoever was asked has declined',
      });
    return back(exchange, request, { code: codes.issue(request, subject ?? usual(request), exchange.now()) });
  };

  /** The hint counts for more than the client's usual subject, as somebody of that name would sign in. */
  const usual = ({ client, loginHint }: AuthorizationRequest) =>
    settings.signInSubject ?? loginHint ?? client.subject ?? settings.subject;

  const signInPage = (pending: Pending, now: number): MockReply => {
    const { client, scope, redirectUri, targets } = pending.request;
    const ticket = randomText(32);
    tickets.put(ticket, pending, now + ticketLifetime, now);
    const audience = targets === undefined ? [] : [html`<dt>For use at</dt><dd>${targets.join(' ')}</dd>`];
    const body = html`<dl><dt>Client</dt><dd>${client.client_id}</dd>
${scopeList(scope)}${audience}<dt>The answer goes to</dt><dd>${redirectUri}</dd></dl>
<form method="post" action="${signInPath}"><input type="hidden" name="ticket" value="${ticket}">
${choice(usual(pending.request))}</form>`;
    return page(200, 'Sign in', body, redirectUri);
  };

  return {
    async authorize(exchange) {
      const read = await readParameters(exchange);
      if ('refused' in read) return read.refused;
      const now = exchange.now();
      const found = pushedRequests.find(read, now);
      if ('shown' in found) {
        const { error, description, sent } = found.shown;
        return errorPage(400, error, description, sent);
      }
      if ('redirected' in found) return refuse(exchange, found.to, found.redirected);
      exchange.authenticated(found.request.client);
      if (settings.signIn === 'page' && found.request.prompts.includes('none'))
        return refuse(exchange, found.request, {
          error: 'login_required',
          description: 'Nobody is signed in',
        });
      if (exchange.visitor !== undefined) return decide(exchange, found, exchange.visitor);
      if (settings.signIn === 'page') return signInPage(found, now);
      return decide(exchange, found, { deny: settings.signIn === 'deny' });
    },

    async signIn(exchange) {
      const read = await readForm(exchange);
      if ('refused' in read) return read.refused;
      // A browser says where a form comes from; anywhere else was refused before.
      if (exchange.request.header('origin') === undefined)
        return errorPage(403, 'foreign_origin', 'This form was not sent by the page that it belongs to');
      const { form } = read;
      const ticket = form.get('ticket') ?? '';
      const pending = tickets.get(ticket, exchange.now());
      if (pending === undefined)
        return errorPage(400, 'invalid_request', 'This sign-in is over. Start again where you came from');
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

interface Code {
  readonly request: AuthorizationRequest;
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** What it gave when it was used. */
  family: Family | undefined;
}

export interface Codes {
  issue(request: AuthorizationRequest, subject: string, now: number): string;
  /** RFC 6749 section 4.1.3 with the code_verifier of RFC 7636 section 4.5. */
  readonly grant: GrantWork;
}

// Milliseconds.
const codeLifetime = 60_000;
/** How long a second use is recognised as one. */
const remembered = 3_600_000;

export function createCodes(settings: Settings, families: Families, issuing: Issuing): Codes {
  const codes = createShelf<Code>(1_000);
  const invalid = (description: string) => oauthError(400, 'invalid_grant', description);

  return {
    issue(request, subject, now) {
      const code = randomText(32);
      codes.put(code, { request, subject, expiresAt: now + codeLifetime, family: undefined }, now + remembered, now);
      return code;
    },
    async grant({ client, form, now, effects, cnf }) {
      const verifier = form.get('code_verifier');
      if (!form.has('code')) return oauthError(400, 'invalid_request', 'No code');
      if (verifier === undefined) return oauthError(400, 'invalid_request', 'No code_verifier: PKCE is required');
      const challenge = /^[\w.~-]{43,128}$/.test(verifier) ? await sha256(verifier) : undefined;
      // From here to the mark that it is used there is no await, so that no two requests interleave.
      const code = codes.get(form.get('code'), now);
      if (code === undefined) return invalid('This code is unknown');
      const { request, subject } = code;
      if (request.client !== client) return invalid('This code was issued to another client');
      if (code.family !== undefined) {
        families.revoke(code.family);
        return invalid('This code was used before; what it gave is now revoked');
      }
      if (now >= code.expiresAt) return invalid('This code has expired');
      if (form.get('redirect_uri') !== request.sentRedirectUri)
        return invalid('redirect_uri is not the one of the authorization request');
      if (challenge !== request.challenge) return invalid('code_verifier does not fit the code_challenge');
      if (request.jkt !== undefined && request.jkt !== cnf?.jkt)
        return invalid('This code is bound to another DPoP key');
      const { scope, nonce } = request;
      const asked = targetsOf(form, request.targets ?? settings.audiences);
      if ('refused' in asked) return oauthError(400, asked.refused, asked.description);
      const family = issuing.begin(client, { subject, scope, targets: request.targets }, cnf, now);
      code.family = family;
      const grant = narrowed(family.grant, asked.targets);
      const refreshToken = refreshTokenOf(client, family);
      return issuing.respond({ grant, scope, now, effects, family, refreshToken, nonce, cnf });
    },
  };
}
