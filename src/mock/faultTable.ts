import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto';
import type { Endpoint } from './effects.ts';
import {
  anyNumber,
  changeBody,
  changeKeys,
  claimsOf,
  endpoints,
  flipFirstCharacter,
  isMeant,
  lostResponse,
  none,
  onSuccess,
  replaceResponse,
  row,
  secondsIn,
  setOrRemove,
  status,
  weakKey,
  weakKid,
  webPage,
  withHeaders,
} from './effects.ts';
import { jsonReply, oauthError, textReply } from './http.ts';
import { browserAndKeyFaults } from './keyFaults.ts';
import { anyText, anything, either, list, needed, oneOf, optional, wholeNumber, yesOrNo } from './shape.ts';

const tokenOnly: readonly Endpoint[] = ['token'];

/** `commit`: the issuer does its work before the fault, so a rotation stays in effect although the response is lost. */
const commit = {
  commit: optional(yesOrNo, 'The issuer handles the request first, so a rotation stays in effect.', 'false'),
};
/** `token`: only this one of the two tokens is changed. */
const token = { token: optional(oneOf(['access_token', 'id_token']), 'Changes only this token.', 'both') };
const name = needed(anyText, 'Name of the claim, member or parameter.');
const value = optional(anything, 'New value.', 'removed');

/** The table of faults. To add one, add a row and a test; pickers, the reader and the documentation follow. */
export const faultTable = {
  delay: row(
    'network',
    endpoints,
    'Delayed response',
    {
      ms: needed(anyNumber, 'Milliseconds of the mock’s clock.'),
      after: optional(yesOrNo, 'Handles the request first, then waits.', 'false'),
    },
    ({ ms, after }) => (after ? { delayAfter: ms } : { delay: ms }),
    { ms: 5000, at: 'token' },
  ),
  dropBeforeCommit: row(
    'network',
    endpoints,
    'Connection lost before the request is handled',
    none,
    () => ({ reply: () => lostResponse }),
    { at: 'token' },
  ),
  dropAfterCommit: row(
    'network',
    endpoints,
    'Connection lost after the refresh token was rotated',
    none,
    () => ({ finish: () => lostResponse }),
    { at: 'token' },
  ),
  truncate: row(
    'network',
    endpoints,
    'Truncated response',
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
      asDate: optional(yesOrNo, 'Sends `Retry-After` as a date.', 'false'),
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
    { status: optional(status, 'Status code of the response.', '503'), ...commit },
    ({ status = 503, commit }) => replaceResponse(commit, () => textReply(status, 'upstream error', 'text/plain')),
    { at: 'token' },
  ),
  htmlOk: row(
    'trouble',
    endpoints,
    'HTML page instead of the response',
    commit,
    ({ commit }) => replaceResponse(commit, () => webPage(200)),
    { at: 'token' },
  ),
  htmlBadRequest: row('trouble', endpoints, 'HTML page with status 400', none, () => ({ reply: () => webPage(400) }), {
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
    ({ commit }) => replaceResponse(commit, () => textReply(200, '{"access_token":', 'application/json')),
    { at: 'token' },
  ),
  redirect: row(
    'trouble',
    endpoints,
    'Redirect to another URL',
    {
      location: needed(anyText, 'Target URL.'),
      status: optional(oneOf([301, 302, 303, 307, 308]), 'Status code of the response.', '307'),
    },
    ({ location, status = 307 }) => ({ reply: () => ({ status, headers: { location }, body: '' }) }),
  ),
  oauthError: row(
    'trouble',
    tokenOnly,
    'Refresh token rejected',
    {
      error: needed(anyText, 'The OAuth error code.'),
      status: optional(status, 'Status code of the response.', '400'),
      description: optional(anyText, '`error_description`.'),
    },
    ({ error, status = 400, description = '' }) => ({ reply: () => oauthError(status, error, description) }),
    { error: 'invalid_grant' },
  ),
  clockSkew: row(
    'trouble',
    tokenOnly,
    'Issuer clock 93 s behind',
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
    'Invalid signature',
    token,
    given => ({
      signature: (signature, _, __, kind) => (isMeant(given, kind) ? flipFirstCharacter(signature) : signature),
    }),
    {},
  ),
  unknownKid: row(
    'tokens',
    tokenOnly,
    'Key ID (kid) not in the key set',
    token,
    given => ({
      header: (header, kind) => void (isMeant(given, kind) && Object.assign(header, { kid: 'no-such-key' })),
    }),
    {},
  ),
  wrongIss: row(
    'tokens',
    tokenOnly,
    'Wrong issuer (iss)',
    { ...token, iss: optional(anyText, 'Value of the claim.', '`https://other.example`') },
    ({ token, iss = 'https://other.example' }) => claimsOf(token, claims => Object.assign(claims, { iss })),
    { token: 'access_token' },
  ),
  wrongAud: row(
    'tokens',
    tokenOnly,
    'Wrong audience (aud)',
    { ...token, aud: optional(either(anyText, list(anyText)), 'Value of the claim.', '`someone-else`') },
    ({ token, aud = 'someone-else' }) => claimsOf(token, claims => Object.assign(claims, { aud })),
    { token: 'access_token' },
  ),
  wrongSub: row(
    'tokens',
    tokenOnly,
    'Wrong subject (sub)',
    { ...token, sub: optional(anyText, 'Value of the claim.', '`someone-else`') },
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
    'Not valid until an hour from now (nbf)',
    { ...token, by: optional(anyNumber, 'Seconds.', '3600') },
    ({ token, by = 3600 }) => claimsOf(token, claims => Object.assign(claims, { nbf: secondsIn(claims, 'iat') + by })),
    { token: 'access_token' },
  ),
  claim: row(
    'tokens',
    tokenOnly,
    'Any claim, changed or removed',
    { ...token, name, value },
    ({ token, name, value }) => claimsOf(token, claims => setOrRemove(claims, name, value)),
  ),
  header: row('tokens', tokenOnly, 'Any member of the JOSE header, changed or removed', { name, value }, given => ({
    header: header => setOrRemove(header, given.name, given.value),
  })),
  /** An unsecured JWT, RFC 7519 section 6. */
  algNone: row(
    'tokens',
    tokenOnly,
    'Unsigned (alg none)',
    token,
    given => ({
      header: (header, kind) => void (isMeant(given, kind) && setOrRemove(header, 'alg', 'none')),
      signature: (signature, _, __, kind) => (isMeant(given, kind) ? '' : signature),
    }),
    {},
  ),

  /** Signed with the public key as an HMAC secret. Verifiers that trust the `alg` of the header accept it. */
  hmacWithPublicKey: row(
    'tokens',
    tokenOnly,
    'Signed with the public key as HMAC secret (alg HS256)',
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
  /** RSA with 1,024 bits, below the minimum of RFC 7518 section 3.3. */
  weakRsa: row(
    'tokens',
    ['token', 'jwks'],
    'Signed with a weak RSA key from the key set',
    token,
    given => ({
      header: (header, kind) => void (isMeant(given, kind) && Object.assign(header, { alg: 'RS256', kid: weakKid })),
      signature: (signature, signingInput, _, kind) =>
        isMeant(given, kind) ? weakKey().sign(signingInput) : signature,
      ...changeKeys(keys => [weakKey().publicJwk, ...keys]),
    }),
    {},
  ),
  expiresInMissing: row(
    'answers',
    tokenOnly,
    'Missing lifetime (expires_in)',
    none,
    () => changeBody(body => Reflect.deleteProperty(body, 'expires_in')),
    {},
  ),
  /**
   * `literal` is inserted into the JSON as it stands, because JSON options cannot express `1e400`, nor `"3600"`
   * clearly.
   */
  expiresIn: row(
    'answers',
    tokenOnly,
    'Invalid lifetime (expires_in)',
    { literal: needed(anyText, 'The JSON text of the value, for example `1e400` or `"3600"`.') },
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
    () => changeBody(body => Reflect.deleteProperty(body, 'refresh_token')),
    {},
  ),
  idTokenMissing: row(
    'answers',
    tokenOnly,
    'No ID token',
    none,
    () => changeBody(body => Reflect.deleteProperty(body, 'id_token')),
    {},
  ),
  tokenType: row(
    'answers',
    tokenOnly,
    'Unexpected token_type',
    { value: needed(anyText, 'The value.') },
    ({ value }) => changeBody(body => Object.assign(body, { token_type: value })),
    { value: 'mac' },
  ),
  member: row('answers', tokenOnly, 'Any member of a JSON response, changed or removed', { name, value }, given =>
    changeBody(body => setOrRemove(body, given.name, given.value)),
  ),

  insufficientScope: row(
    'trouble',
    ['resource'],
    'API requires another scope (403)',
    { scope: needed(anyText, 'The required scope.') },
    ({ scope }) => ({
      reply: () =>
        oauthError(403, 'insufficient_scope', 'Another scope is needed', {
          'www-authenticate': `Bearer error="insufficient_scope", scope="${scope.replace(/[^\x21\x23-\x5b\x5d-\x7e ]/g, '')}"`,
        }),
    }),
    { scope: 'groups' },
  ),
  hugeBody: row(
    'trouble',
    endpoints,
    'Response body of 10 MB',
    {
      bytes: optional(
        wholeNumber('a whole number up to 100000000', 1, 100_000_000),
        'Bytes added to the body.',
        '10000000',
      ),
    },
    ({ bytes = 10_000_000 }) => onSuccess(reply => ({ ...reply, body: reply.body + ' '.repeat(bytes) })),
    { at: 'token' },
  ),
  contentType: row(
    'trouble',
    endpoints,
    'Wrong content type',
    { value: optional(anyText, 'The content type.', '`text/html`') },
    ({ value = 'text/html' }) => onSuccess(reply => withHeaders(reply, { 'content-type': value })),
    { at: 'token' },
  ),
  notGzip: row(
    'trouble',
    endpoints,
    'Declares gzip but is not compressed',
    none,
    () => onSuccess(reply => withHeaders(reply, { 'content-encoding': 'gzip' })),
    { at: 'token' },
  ),
  /** The token is revoked, but the response says that it was not. */
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
    'Body arrives byte by byte and stalls midway',
    none,
    () => ({ finish: reply => ({ ...reply, broken: 'drip' }) }),
    { at: 'token' },
  ),
  ...browserAndKeyFaults,
} as const;
