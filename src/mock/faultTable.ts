import {
  type Claims,
  claimsOf,
  type Effect,
  flipFirst,
  html,
  inBody,
  instead,
  lost,
  onSuccess,
  setOrRemove,
  type TokenKind,
} from './effects.ts';
import { type Endpoint, endpoints } from './endpoints.ts';
import { jsonReply, oauthError, textReply } from './http.ts';

export interface Row<P extends object> {
  readonly at: readonly Endpoint[];
  readonly effect: (parameters: P) => Effect;
}

type NoParameters = Record<never, never>;

/** `commit: true`: the issuer does its work first, so that a rotation stands although its answer is lost. */
interface Committable {
  readonly commit?: boolean;
}

/** `token`: only this one of the two is made wrong. */
interface OneToken {
  readonly token?: TokenKind;
}

const everywhere: readonly Endpoint[] = endpoints;
const tokenOnly: readonly Endpoint[] = ['token'];
const jwksOnly: readonly Endpoint[] = ['jwks'];
const metadataOnly: readonly Endpoint[] = ['metadata'];
const redirects: readonly Endpoint[] = ['authorization', 'sign_in'];

const row = <P extends object = NoParameters>(at: readonly Endpoint[], effect: (parameters: P) => Effect): Row<P> => ({
  at,
  effect,
});

const seconds = (claims: Claims, name: string) => Number(claims[name]);

/** Every fault there is. A new one is a new row: its name, where it strikes unless told otherwise, what it does. */
export const faultTable = {
  // The way there and back.
  delay: row(everywhere, ({ ms, after }: { ms: number; after?: boolean }) =>
    after ? { delayAfter: ms } : { delay: ms },
  ),
  dropBeforeCommit: row(everywhere, () => ({ reply: () => lost })),
  dropAfterCommit: row(everywhere, () => ({ finish: () => lost })),
  truncate: row(everywhere, () => ({ finish: reply => ({ ...reply, broken: 'truncate' }) })),

  // Answers that come from something in between, or from an issuer in trouble.
  tooManyRequests: row(everywhere, ({ retryAfter = 1, asDate }: { retryAfter?: number; asDate?: boolean }) => ({
    reply: now =>
      jsonReply(
        429,
        { error: 'slow_down' },
        {
          'retry-after': asDate ? new Date(now + retryAfter * 1000).toUTCString() : String(retryAfter),
        },
      ),
  })),
  serverError: row(everywhere, ({ status = 503, commit }: { status?: number } & Committable) =>
    instead(commit, () => textReply(status, 'upstream error', 'text/plain')),
  ),
  htmlOk: row(everywhere, ({ commit }: Committable) => instead(commit, () => html(200))),
  htmlBadRequest: row(everywhere, () => ({ reply: () => html(400) })),
  emptyBadRequest: row(everywhere, () => ({ reply: () => ({ status: 400, headers: {}, body: '' }) })),
  invalidJson: row(everywhere, ({ commit }: Committable) =>
    instead(commit, () => textReply(200, '{"access_token":', 'application/json')),
  ),
  redirect: row(
    everywhere,
    ({ location, status = 307 }: { location: string; status?: 301 | 302 | 303 | 307 | 308 }) => ({
      reply: () => ({ status, headers: { location }, body: '' }),
    }),
  ),
  oauthError: row(
    tokenOnly,
    ({ error, status = 400, description = '' }: { error: string; status?: number; description?: string }) => ({
      reply: () => oauthError(status, error, description),
    }),
  ),

  // Tokens that must not be believed.
  wrongSignature: row(tokenOnly, () => ({ signature: flipFirst })),
  unknownKid: row(tokenOnly, () => ({ header: header => Object.assign(header, { kid: 'no-such-key' }) })),
  wrongIss: row(tokenOnly, ({ token, iss = 'https://other.example' }: OneToken & { iss?: string }) =>
    claimsOf(token, claims => Object.assign(claims, { iss })),
  ),
  wrongAud: row(tokenOnly, ({ token, aud = 'someone-else' }: OneToken & { aud?: string }) =>
    claimsOf(token, claims => Object.assign(claims, { aud })),
  ),
  wrongSub: row(tokenOnly, ({ token, sub = 'someone-else' }: OneToken & { sub?: string }) =>
    claimsOf(token, claims => Object.assign(claims, { sub })),
  ),
  expiredAtBirth: row(tokenOnly, ({ token, by = 3600 }: OneToken & { by?: number }) =>
    claimsOf(token, claims => Object.assign(claims, { exp: seconds(claims, 'iat') - by })),
  ),
  nbfInFuture: row(tokenOnly, ({ token, by = 3600 }: OneToken & { by?: number }) =>
    claimsOf(token, claims => Object.assign(claims, { nbf: seconds(claims, 'iat') + by })),
  ),
  /** Any claim at all: set to `value`, or taken out where there is none. */
  claim: row(tokenOnly, ({ token, name, value }: OneToken & { name: string; value?: unknown }) =>
    claimsOf(token, claims => setOrRemove(claims, name, value)),
  ),
  /** Any member of the JOSE header, likewise. */
  header: row(tokenOnly, ({ name, value }: { name: string; value?: unknown }) => ({
    header: header => setOrRemove(header, name, value),
  })),
  /** An unsecured JWT, RFC 7519 section 6. */
  algNone: row(tokenOnly, () => ({
    header: header => setOrRemove(header, 'alg', 'none'),
    signature: () => '',
  })),
  /** An issuer whose clock is wrong by so many seconds; the Date header goes with it. */
  clockSkew: row(tokenOnly, ({ by }: { by: number }) => ({
    claims: claims => {
      for (const name of ['iat', 'exp', 'nbf', 'auth_time']) {
        if (name in claims) claims[name] = seconds(claims, name) + by;
      }
    },
    finish: (reply, now) => ({
      ...reply,
      headers: { ...reply.headers, date: new Date(now + by * 1000).toUTCString() },
    }),
  })),

  // Responses with something missing or odd in them.
  expiresInMissing: row(tokenOnly, () => inBody(body => Reflect.deleteProperty(body, 'expires_in'))),
  /** `literal` is put there as it stands, since JSON options could not carry `1e400`, nor `"3600"` clearly. */
  expiresIn: row(tokenOnly, ({ literal }: { literal: string }) =>
    onSuccess(reply => ({
      ...reply,
      body: reply.body.replace(/"expires_in":\d+/, () => `"expires_in":${literal}`),
    })),
  ),
  refreshTokenMissing: row(tokenOnly, () => inBody(body => Reflect.deleteProperty(body, 'refresh_token'))),
  idTokenMissing: row(tokenOnly, () => inBody(body => Reflect.deleteProperty(body, 'id_token'))),
  tokenType: row(tokenOnly, ({ value }: { value: string }) =>
    inBody(body => Object.assign(body, { token_type: value })),
  ),
  /** Any member of a JSON answer at any endpoint (`at`): set to `value`, or taken out where there is none. */
  member: row(tokenOnly, ({ name, value }: { name: string; value?: unknown }) =>
    inBody(body => setOrRemove(body, name, value)),
  ),

  // What the browser brings back.
  /** Any parameter of the authorization response, likewise: `state` and `iss` for instance. */
  responseParameter: row(redirects, ({ name, value }: { name: string; value?: string }) => ({
    parameters: parameters => {
      if (value === undefined) parameters.delete(name);
      else parameters.set(name, value);
    },
  })),
  /** RFC 6749 section 4.1.2.1. */
  authorizationError: row(redirects, ({ error, description }: { error: string; description?: string }) => ({
    parameters: parameters => {
      parameters.delete('code');
      parameters.set('error', error);
      if (description !== undefined) parameters.set('error_description', description);
    },
  })),

  // Keys and metadata.
  jwksDown: row(jwksOnly, ({ status = 503 }: { status?: number }) => ({
    reply: () => textReply(status, 'upstream error', 'text/plain'),
  })),
  jwksSlow: row(jwksOnly, ({ ms }: { ms: number }) => ({ delay: ms })),
  /** A cache that has not seen the newest key yet. */
  jwksStale: row(jwksOnly, () =>
    inBody(body => Object.assign(body, { keys: Array.isArray(body.keys) ? body.keys.slice(0, -1) : [] })),
  ),
  jwksHtml: row(jwksOnly, () => ({ reply: () => html(200) })),
  jwksEmpty: row(jwksOnly, () => inBody(body => Object.assign(body, { keys: [] }))),
  otherIssuer: row(metadataOnly, ({ issuer = 'https://other.example' }: { issuer?: string }) =>
    inBody(body => Object.assign(body, { issuer })),
  ),
} as const;
