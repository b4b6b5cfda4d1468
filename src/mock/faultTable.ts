import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto';
import type { Effect, Endpoint } from './effects.ts';
import {
  claimsOf,
  endpoints,
  flipFirst,
  inBody,
  inKeys,
  instead,
  isMeant,
  lost,
  onSuccess,
  secondsIn,
  setOrRemove,
  strangeKey,
  webPage,
  withHeaders,
} from './effects.ts';
import { jsonReply, oauthError, textReply } from './http.ts';
import type { Fields, Input } from './shape.ts';
import { anyText, anything, needed, numeric, oneOf, optional, whole, yesOrNo } from './shape.ts';
export const faultGroups = ['network', 'trouble', 'tokens', 'answers', 'browser', 'keys', 'metadata'] as const;
export type FaultGroup = (typeof faultGroups)[number];

interface Row<F extends Fields> {
  readonly group: FaultGroup;
  /** Where it strikes unless it is told otherwise. */
  readonly at: readonly Endpoint[];
  /** What a client sees of it, for pickers and the documentation. */
  readonly title: string;
  readonly parameters: F;
  readonly effect: (given: Input<F>) => Effect;
  /** A typical use of it, which a picker offers; without one it is too general to be picked. */
  readonly example?: Input<F> & { readonly at?: Endpoint };
}

/** One fault as the functions see it that work with all of them. */
export type AnyRow = Omit<Row<Fields>, 'effect' | 'example'> & {
  readonly effect: (given: never) => Effect;
  readonly example?: object;
};

const row = <F extends Fields>(
  group: FaultGroup,
  at: readonly Endpoint[],
  title: string,
  parameters: F,
  effect: (given: Input<F>) => Effect,
  example?: Input<F> & { readonly at?: Endpoint },
): Row<F> => ({ group, at, title, parameters, effect, ...(example && { example }) });

const tokenOnly: readonly Endpoint[] = ['token'];
const jwksOnly: readonly Endpoint[] = ['jwks'];
const metadataOnly: readonly Endpoint[] = ['metadata'];
const redirects: readonly Endpoint[] = ['authorization', 'sign_in'];

const anyNumber = numeric('a number');
const status = whole('a status from 200 to 599', 200, 599);
const none = {};
/** `commit`: the issuer does its work first, so that a rotation stands although its answer is lost. */
const commit = { commit: optional(yesOrNo, 'The issuer does its work first: a rotation stands.', 'false') };
/** `token`: only this one of the two is made wrong. */
const token = { token: optional(oneOf(['access_token', 'id_token']), 'Only this one.', 'both') };
const name = needed(anyText, 'Its name.');
const value = optional(anything, 'Its value.', 'it is left out');

/** Every fault there is. Another one is another row here and a test; pickers, the reader and the documentation follow. */
export const faultTable = {
  delay: row(
    'network',
    endpoints,
    'Answers come late',
    {
      ms: needed(anyNumber, 'Milliseconds of the mock’s clock.'),
      after: optional(yesOrNo, 'The work is done before the wait.', 'false'),
    },
    ({ ms, after }) => (after ? { delayAfter: ms } : { delay: ms }),
    { ms: 5000, at: 'token' },
  ),
  dropBeforeCommit: row(
    'network',
    endpoints,
    'Connection lost before the request is handled',
    none,
    () => ({ reply: () => lost }),
    { at: 'token' },
  ),
  dropAfterCommit: row(
    'network',
    endpoints,
    'Connection lost after the refresh token was rotated',
    none,
    () => ({ finish: () => lost }),
    { at: 'token' },
  ),
  truncate: row(
    'network',
    endpoints,
    'Half an answer',
    none,
    () => ({ finish: reply => ({ ...reply, broken: 'truncate' }) }),
    { at: 'token' },
  ),

  tooManyRequests: row(
    'trouble',
    endpoints,
    'Too many requests (429)',
    {
      retryAfter: optional(anyNumber, 'Seconds in `Retry-After`.', '1'),
      asDate: optional(yesOrNo, '`Retry-After` is a date.', 'false'),
    },
    ({ retryAfter = 1, asDate }) => ({
      reply: now => {
        const date = () => new Date(now + retryAfter * 1000).toUTCString();
        return jsonReply(429, { error: 'slow_down' }, { 'retry-after': asDate ? date() : String(retryAfter) });
      },
    }),
    { retryAfter: 10, at: 'token' },
  ),
  serverError: row(
    'trouble',
    endpoints,
    'Service unavailable (503)',
    { status: optional(status, 'Of the answer.', '503'), ...commit },
    ({ status = 503, commit }) => instead(commit, () => textReply(status, 'upstream error', 'text/plain')),
    { at: 'token' },
  ),
  htmlOk: row(
    'trouble',
    endpoints,
    'A web page instead of the answer',
    commit,
    ({ commit }) => instead(commit, () => webPage(200)),
    { at: 'token' },
  ),
  htmlBadRequest: row('trouble', endpoints, 'A web page with status 400', none, () => ({ reply: () => webPage(400) }), {
    at: 'token',
  }),
  emptyBadRequest: row(
    'trouble',
    endpoints,
    'Status 400 without a body',
    none,
    () => ({ reply: () => ({ status: 400, headers: {}, body: '' }) }),
    { at: 'token' },
  ),
  invalidJson: row(
    'trouble',
    endpoints,
    'Invalid JSON',
    commit,
    ({ commit }) => instead(commit, () => textReply(200, '{"access_token":', 'application/json')),
    { at: 'token' },
  ),
  redirect: row(
    'trouble',
    endpoints,
    'A redirect to another address',
    {
      location: needed(anyText, 'The address.'),
      status: optional(oneOf([301, 302, 303, 307, 308]), 'Of the answer.', '307'),
    },
    ({ location, status = 307 }) => ({ reply: () => ({ status, headers: { location }, body: '' }) }),
  ),
  oauthError: row(
    'trouble',
    tokenOnly,
    'The refresh token is rejected',
    {
      error: needed(anyText, 'The OAuth error code.'),
      status: optional(status, 'Of the answer.', '400'),
      description: optional(anyText, '`error_description`.'),
    },
    ({ error, status = 400, description = '' }) => ({ reply: () => oauthError(status, error, description) }),
    { error: 'invalid_grant' },
  ),
  clockSkew: row(
    'trouble',
    tokenOnly,
    'The clock of the issuer is 93 s behind',
    { by: needed(anyNumber, 'Seconds, in the tokens and in the `Date` header.') },
    ({ by }) => ({
      claims: claims => {
        for (const each of ['iat', 'exp', 'nbf', 'auth_time'])
          if (each in claims) claims[each] = secondsIn(claims, each) + by;
      },
      finish: (reply, now) => ({
        ...reply,
        headers: { ...reply.headers, date: new Date(now + by * 1000).toUTCString() },
      }),
    }),
    { by: -93 },
  ),

  wrongSignature: row(
    'tokens',
    tokenOnly,
    'Signature that does not match',
    token,
    given => ({ signature: (signature, _, __, kind) => (isMeant(given, kind) ? flipFirst(signature) : signature) }),
    {},
  ),
  unknownKid: row(
    'tokens',
    tokenOnly,
    'Key id that is not in the key set',
    token,
    given => ({
      header: (header, kind) => void (isMeant(given, kind) && Object.assign(header, { kid: 'no-such-key' })),
    }),
    {},
  ),
  wrongIss: row(
    'tokens',
    tokenOnly,
    'Another issuer (iss)',
    { ...token, iss: optional(anyText, 'The claim.', '`https://other.example`') },
    ({ token, iss = 'https://other.example' }) => claimsOf(token, claims => Object.assign(claims, { iss })),
    { token: 'access_token' },
  ),
  wrongAud: row(
    'tokens',
    tokenOnly,
    'Another audience (aud)',
    { ...token, aud: optional(anyText, 'The claim.', '`someone-else`') },
    ({ token, aud = 'someone-else' }) => claimsOf(token, claims => Object.assign(claims, { aud })),
    { token: 'access_token' },
  ),
  wrongSub: row(
    'tokens',
    tokenOnly,
    'Another subject (sub)',
    { ...token, sub: optional(anyText, 'The claim.', '`someone-else`') },
    ({ token, sub = 'someone-else' }) => claimsOf(token, claims => Object.assign(claims, { sub })),
    { token: 'id_token' },
  ),
  expiredAtBirth: row(
    'tokens',
    tokenOnly,
    'Already expired',
    { ...token, by: optional(anyNumber, 'Seconds between `exp` and `iat`.', '3600') },
    ({ token, by = 3600 }) => claimsOf(token, claims => Object.assign(claims, { exp: secondsIn(claims, 'iat') - by })),
    { token: 'access_token' },
  ),
  nbfInFuture: row(
    'tokens',
    tokenOnly,
    'Valid only in an hour (nbf)',
    { ...token, by: optional(anyNumber, 'Seconds.', '3600') },
    ({ token, by = 3600 }) => claimsOf(token, claims => Object.assign(claims, { nbf: secondsIn(claims, 'iat') + by })),
    { token: 'access_token' },
  ),
  claim: row(
    'tokens',
    tokenOnly,
    'Any claim, changed or left out',
    { ...token, name, value },
    ({ token, name, value }) => claimsOf(token, claims => setOrRemove(claims, name, value)),
  ),
  header: row('tokens', tokenOnly, 'Any member of the JOSE header, changed or left out', { name, value }, given => ({
    header: header => setOrRemove(header, given.name, given.value),
  })),
  /** An unsecured JWT, RFC 7519 section 6. */
  algNone: row(
    'tokens',
    tokenOnly,
    'Not signed (alg none)',
    token,
    given => ({
      header: (header, kind) => void (isMeant(given, kind) && setOrRemove(header, 'alg', 'none')),
      signature: (signature, _, __, kind) => (isMeant(given, kind) ? '' : signature),
    }),
    {},
  ),

  /** Signed with the public key as if it were a shared secret: what verifiers fall for that believe the header's alg. */
  hmacWithPublicKey: row(
    'tokens',
    tokenOnly,
    'Signed with HMAC and the public key (alg HS256)',
    token,
    given => ({
      header: (header, kind) => void (isMeant(given, kind) && setOrRemove(header, 'alg', 'HS256')),
      signature: (signature, signingInput, key, kind) => {
        if (!isMeant(given, kind)) return signature;
        const pem = createPublicKey({ key: { ...key } as JsonWebKey, format: 'jwk' }).export({
          format: 'pem',
          type: 'spki',
        });
        return createHmac('sha256', pem).update(signingInput).digest('base64url');
      },
    }),
    {},
  ),
  expiresInMissing: row(
    'answers',
    tokenOnly,
    'No lifetime (expires_in)',
    none,
    () => inBody(body => Reflect.deleteProperty(body, 'expires_in')),
    {},
  ),
  /** `literal` is put there as it stands, since JSON options could not carry `1e400`, nor `"3600"` clearly. */
  expiresIn: row(
    'answers',
    tokenOnly,
    'Absurd lifetime (expires_in)',
    { literal: needed(anyText, 'The JSON text of the value, `1e400` or `"3600"` for instance.') },
    ({ literal }) =>
      onSuccess(reply => ({
        ...reply,
        body: reply.body.replace(/"expires_in":\d+/, () => `"expires_in":${literal}`),
      })),
    { literal: '1e400' },
  ),
  refreshTokenMissing: row(
    'answers',
    tokenOnly,
    'No refresh token',
    none,
    () => inBody(body => Reflect.deleteProperty(body, 'refresh_token')),
    {},
  ),
  idTokenMissing: row(
    'answers',
    tokenOnly,
    'No ID token',
    none,
    () => inBody(body => Reflect.deleteProperty(body, 'id_token')),
    {},
  ),
  tokenType: row(
    'answers',
    tokenOnly,
    'Another token_type',
    { value: needed(anyText, 'The value.') },
    ({ value }) => inBody(body => Object.assign(body, { token_type: value })),
    { value: 'mac' },
  ),
  member: row('answers', tokenOnly, 'Any member of a JSON answer, changed or left out', { name, value }, given =>
    inBody(body => setOrRemove(body, given.name, given.value)),
  ),

  responseParameter: row(
    'browser',
    redirects,
    'Any parameter of the authorization response, changed or left out',
    { name, value: optional(anyText, 'Its value.', 'it is left out') },
    ({ name, value }) => ({
      parameters: parameters => {
        if (value === undefined) parameters.delete(name);
        else parameters.set(name, value);
      },
    }),
  ),
  /** RFC 6749 section 4.1.2.1. */
  authorizationError: row(
    'browser',
    redirects,
    'Sign-in ends in an error',
    { error: needed(anyText, 'The OAuth error code.'), description: optional(anyText, '`error_description`.') },
    ({ error, description }) => ({
      parameters: parameters => {
        parameters.delete('code');
        parameters.set('error', error);
        if (description !== undefined) parameters.set('error_description', description);
      },
    }),
    { error: 'server_error' },
  ),

  jwksDown: row(
    'keys',
    jwksOnly,
    'Key set unavailable (503)',
    { status: optional(status, 'Of the answer.', '503') },
    ({ status = 503 }) => ({ reply: () => textReply(status, 'upstream error', 'text/plain') }),
    {},
  ),
  jwksSlow: row(
    'keys',
    jwksOnly,
    'Key set comes 5 s late',
    { ms: needed(anyNumber, 'Milliseconds of the mock’s clock.') },
    ({ ms }) => ({ delay: ms }),
    { ms: 5000 },
  ),
  jwksStale: row('keys', jwksOnly, 'Key set without the newest key', none, () => inKeys(keys => keys.slice(0, -1)), {}),
  jwksHtml: row('keys', jwksOnly, 'A web page instead of the key set', none, () => ({ reply: () => webPage(200) }), {}),
  jwksEmpty: row('keys', jwksOnly, 'Key set is empty', none, () => inKeys(() => []), {}),
  jwksNoKid: row(
    'keys',
    jwksOnly,
    'Keys without kid',
    none,
    () => inKeys(keys => keys.map(({ kid: _, ...key }) => key)),
    {},
  ),
  jwksSameKid: row(
    'keys',
    jwksOnly,
    'Two keys with the same kid, the wrong one first',
    none,
    () => inKeys(keys => keys.flatMap(key => [{ ...strangeKey, alg: key.alg, kid: key.kid, use: 'sig' }, key])),
    {},
  ),
  jwksWrongUse: row(
    'keys',
    jwksOnly,
    'Keys that are for encryption (use enc)',
    none,
    () => inKeys(keys => keys.map(key => ({ ...key, use: 'enc' }))),
    {},
  ),
  jwksMany: row(
    'keys',
    jwksOnly,
    'A hundred keys, the right one last',
    none,
    () => inKeys(keys => [...Array.from({ length: 100 }, (_, i) => ({ ...strangeKey, kid: `other-${i}` })), ...keys]),
    {},
  ),
  hugeBody: row(
    'trouble',
    endpoints,
    'A body of 10 MB',
    { bytes: optional(whole('a whole number up to 100000000', 1, 100_000_000), 'How long it is.', '10000000') },
    ({ bytes = 10_000_000 }) => onSuccess(reply => ({ ...reply, body: reply.body + ' '.repeat(bytes) })),
    { at: 'token' },
  ),
  contentType: row(
    'trouble',
    endpoints,
    'Another content type',
    { value: optional(anyText, 'The content type.', '`text/html`') },
    ({ value = 'text/html' }) => onSuccess(reply => withHeaders(reply, { 'content-type': value })),
    { at: 'token' },
  ),
  notGzip: row(
    'trouble',
    endpoints,
    'Says gzip and is none',
    none,
    () => onSuccess(reply => withHeaders(reply, { 'content-encoding': 'gzip' })),
    { at: 'token' },
  ),
  /** The work is done, and the client is told that it was not. */
  errorAfterCommit: row(
    'trouble',
    ['revocation'],
    'Status 400 after the token was revoked',
    none,
    () => ({ finish: () => oauthError(400, 'invalid_request', 'Something went wrong afterwards') }),
    {},
  ),
  slowDrip: row(
    'network',
    endpoints,
    'The body comes byte by byte, and stops in the middle',
    none,
    () => ({ finish: reply => ({ ...reply, broken: 'drip' }) }),
    { at: 'token' },
  ),
  metadataRedirect: row(
    'metadata',
    metadataOnly,
    'Metadata behind a redirect',
    { location: needed(anyText, 'The address.') },
    ({ location }) => ({ reply: () => ({ status: 302, headers: { location }, body: '' }) }),
  ),
  otherIssuer: row(
    'metadata',
    metadataOnly,
    'Metadata of another issuer',
    { issuer: optional(anyText, 'The value.', '`https://other.example`') },
    ({ issuer = 'https://other.example' }) => inBody(body => Object.assign(body, { issuer })),
    {},
  ),
} as const;
