import type { Endpoint } from '../../src/mock/effects.ts';
import type { Rotation } from '../../src/mock/families.ts';
import type { Fault, FaultType } from '../../src/mock/faults.ts';

/** Outcome and error code of the refresh that meets the fault, and of the next one. */
export type Expected = readonly [struck: string, next: string];

export interface Case<Type extends FaultType = FaultType> {
  /** The description in docs/faults.md. */
  readonly about: string;
  readonly fault: Extract<Fault, { type: Type }>;
  /** How many requests the fault strikes; 1 by default. */
  readonly times?: number;
  readonly expected: Expected;
  /** Rotations with another expectation. */
  readonly but?: { readonly [R in Rotation]?: Expected };
}

const fine: Expected = ['refreshed', 'refreshed'];
/** The response is rejected, but its refresh token is kept. */
const responseRejected: Expected = ['retryable response_invalid', 'refreshed'];
/** The first response was lost with the successor, and an issuer without grace rejects the retry. */
const familyEnded: Expected = ['reauthRequired answer_lost', 'reauthRequired answer_lost'];
const at = (endpoint: Endpoint) => ({ at: endpoint });

/**
 * What the mock's faults do to a refresh, at the token endpoint unless stated otherwise. A fault without a row is tried
 * with its example and expected to be harmless.
 */
export const cases: { readonly [Type in FaultType]?: readonly Case<Type>[] } = {
  delay: [
    { about: 'The response takes 5 s', fault: { type: 'delay', ms: 5000, ...at('token') }, expected: fine },
    {
      about: 'The request is handled only after the limit of 30 s',
      fault: { type: 'delay', ms: 40_000, ...at('token') },
      expected: fine,
      // The second attempt arrived first, so the delayed one counts as a replay.
      but: { strict: ['refreshed', 'reauthRequired oauth_error'] },
    },
    {
      about: 'The tokens are issued, but the response takes longer than the limit of 30 s',
      fault: { type: 'delay', ms: 40_000, after: true, ...at('token') },
      expected: fine,
      but: { strict: familyEnded },
    },
    {
      about: 'The metadata takes longer than the limit of 30 s',
      fault: { type: 'delay', ms: 40_000, ...at('metadata') },
      expected: ['retryable timeout', 'refreshed'],
    },
  ],
  dropBeforeCommit: [
    {
      about: 'The connection ends before tokens are issued',
      fault: { type: 'dropBeforeCommit', ...at('token') },
      expected: fine,
    },
    {
      about: 'The same, twice in a row',
      fault: { type: 'dropBeforeCommit', ...at('token') },
      times: 2,
      expected: ['unknown network_failed', 'refreshed'],
    },
    {
      about: 'The connection ends during the metadata request',
      fault: { type: 'dropBeforeCommit', ...at('metadata') },
      expected: ['retryable network_failed', 'refreshed'],
    },
  ],
  dropAfterCommit: [
    {
      about: 'The connection ends after tokens were issued',
      fault: { type: 'dropAfterCommit', ...at('token') },
      expected: fine,
      but: { strict: familyEnded },
    },
    {
      about: 'The same, twice in a row',
      fault: { type: 'dropAfterCommit', ...at('token') },
      times: 2,
      expected: ['unknown network_failed', 'refreshed'],
      but: { strict: ['unknown network_failed', 'reauthRequired answer_lost'] },
    },
  ],
  truncate: [
    {
      about: 'Truncated response',
      fault: { type: 'truncate', ...at('token') },
      expected: fine,
      but: { strict: familyEnded },
    },
  ],
  hmacWithPublicKey: [
    {
      about: 'Tokens signed with the public key as HMAC secret',
      fault: { type: 'hmacWithPublicKey' },
      expected: responseRejected,
    },
  ],
  slowDrip: [
    {
      about: 'The body stops in the middle',
      fault: { type: 'slowDrip', ...at('token') },
      expected: fine,
      but: { strict: familyEnded },
    },
  ],
  hugeBody: [
    {
      about: 'Metadata of 10 MB',
      fault: { type: 'hugeBody', ...at('metadata') },
      expected: ['retryable response_too_large', 'refreshed'],
    },
  ],
  metadataRedirect: [
    {
      about: 'Metadata redirects to another host',
      fault: { type: 'metadataRedirect', location: 'https://other.example/metadata' },
      // Struck once, because the next well-known location has the metadata.
      expected: fine,
    },
  ],
  tooManyRequests: [
    {
      about: '429, Retry-After 20 s',
      fault: { type: 'tooManyRequests', retryAfter: 20, ...at('token') },
      expected: ['retryable oauth_error', 'refreshed'],
    },
    {
      about: '429, Retry-After as a date',
      fault: { type: 'tooManyRequests', retryAfter: 20, asDate: true, ...at('token') },
      expected: ['retryable oauth_error', 'refreshed'],
    },
    {
      about: '429, Retry-After 10 min: the next refresh is too early, so nothing is sent',
      fault: { type: 'tooManyRequests', retryAfter: 600, ...at('token') },
      expected: ['retryable oauth_error', 'retryable waiting_for_issuer'],
    },
  ],
  serverError: [
    { about: '503 once', fault: { type: 'serverError', ...at('token') }, expected: fine },
    {
      about: '500, twice in a row',
      fault: { type: 'serverError', status: 500, ...at('token') },
      times: 2,
      expected: ['unknown http_error', 'refreshed'],
    },
    {
      about: '502 after tokens were issued',
      fault: { type: 'serverError', status: 502, commit: true, ...at('token') },
      expected: fine,
      but: { strict: familyEnded },
    },
    {
      about: '503 for the metadata',
      fault: { type: 'serverError', ...at('metadata') },
      expected: ['retryable http_error', 'refreshed'],
    },
  ],
  htmlOk: [
    {
      about: 'A page with status 200, twice in a row',
      fault: { type: 'htmlOk', ...at('token') },
      times: 2,
      expected: ['unknown response_invalid', 'refreshed'],
    },
    {
      about: 'A page with status 200 after tokens were issued',
      fault: { type: 'htmlOk', commit: true, ...at('token') },
      expected: fine,
      but: { strict: familyEnded },
    },
  ],
  htmlBadRequest: [
    {
      about: 'A page with status 400',
      fault: { type: 'htmlBadRequest', ...at('token') },
      expected: ['retryable http_error', 'refreshed'],
    },
  ],
  emptyBadRequest: [
    {
      about: '400 without a body, which some issuers use to reject a token',
      fault: { type: 'emptyBadRequest', ...at('token') },
      expected: ['reauthRequired http_error', 'reauthRequired refresh_token_refused'],
    },
  ],
  invalidJson: [
    { about: 'Broken JSON once', fault: { type: 'invalidJson', ...at('token') }, expected: fine },
    {
      about: 'Broken JSON after tokens were issued',
      fault: { type: 'invalidJson', commit: true, ...at('token') },
      expected: fine,
      but: { strict: familyEnded },
    },
  ],
  redirect: [
    {
      about: 'Redirect to another URL',
      fault: { type: 'redirect', location: 'https://elsewhere.example/token', ...at('token') },
      expected: ['retryable redirect_refused', 'refreshed'],
    },
  ],
  oauthError: [
    {
      about: 'invalid_grant',
      fault: { type: 'oauthError', error: 'invalid_grant' },
      expected: ['reauthRequired oauth_error', 'reauthRequired refresh_token_refused'],
    },
    {
      about: 'invalid_client',
      fault: { type: 'oauthError', error: 'invalid_client', status: 401 },
      expected: ['retryable oauth_error', 'refreshed'],
    },
    {
      about: 'invalid_scope',
      fault: { type: 'oauthError', error: 'invalid_scope' },
      expected: ['retryable oauth_error', 'refreshed'],
    },
    {
      about: 'temporarily_unavailable',
      fault: { type: 'oauthError', error: 'temporarily_unavailable', status: 503 },
      expected: ['retryable oauth_error', 'refreshed'],
    },
    {
      about: 'server_error once',
      fault: { type: 'oauthError', error: 'server_error', status: 500 },
      expected: fine,
    },
  ],
  wrongSignature: [{ about: 'A wrong signature', fault: { type: 'wrongSignature' }, expected: fine }],
  unknownKid: [{ about: 'An unknown key id', fault: { type: 'unknownKid' }, expected: fine }],
  wrongIss: [
    {
      about: 'Wrong issuer in the access token',
      fault: { type: 'wrongIss', token: 'access_token' },
      expected: fine,
    },
    {
      about: 'Wrong issuer in the ID token',
      fault: { type: 'wrongIss', token: 'id_token' },
      expected: responseRejected,
    },
  ],
  wrongAud: [
    {
      about: 'Wrong audience in the access token',
      fault: { type: 'wrongAud', token: 'access_token' },
      expected: fine,
    },
    {
      about: 'Wrong audience in the ID token',
      fault: { type: 'wrongAud', token: 'id_token' },
      expected: responseRejected,
    },
  ],
  wrongSub: [
    {
      about: 'Wrong subject in the ID token',
      fault: { type: 'wrongSub', token: 'id_token' },
      expected: responseRejected,
    },
  ],
  expiredAtBirth: [
    {
      about: 'An access token that is already expired',
      fault: { type: 'expiredAtBirth', token: 'access_token' },
      expected: fine,
    },
  ],
  nbfInFuture: [
    {
      about: 'An access token that becomes valid in an hour',
      fault: { type: 'nbfInFuture', token: 'access_token' },
      expected: fine,
    },
  ],
  claim: [
    {
      about: 'No exp in the access token',
      fault: { type: 'claim', token: 'access_token', name: 'exp' },
      expected: fine,
    },
  ],
  header: [
    {
      about: 'An unknown critical header',
      fault: { type: 'header', name: 'crit', value: ['x'] },
      expected: responseRejected,
    },
  ],
  algNone: [{ about: 'Tokens without a signature (alg none)', fault: { type: 'algNone' }, expected: responseRejected }],
  clockSkew: [
    {
      about: 'An issuer whose clock is 93 s behind',
      fault: { type: 'clockSkew', by: -93 },
      expected: fine,
    },
    {
      about: 'An issuer whose clock is two hours ahead',
      fault: { type: 'clockSkew', by: 7200 },
      expected: fine,
    },
  ],
  expiresInMissing: [{ about: 'No expires_in', fault: { type: 'expiresInMissing' }, expected: fine }],
  expiresIn: [
    { about: 'expires_in 0', fault: { type: 'expiresIn', literal: '0' }, expected: fine },
    { about: 'expires_in -1', fault: { type: 'expiresIn', literal: '-1' }, expected: fine },
    {
      about: 'expires_in "3600", as a string',
      fault: { type: 'expiresIn', literal: '"3600"' },
      expected: fine,
    },
    { about: 'expires_in 1e400', fault: { type: 'expiresIn', literal: '1e400' }, expected: fine },
  ],
  refreshTokenMissing: [
    {
      about: 'No refresh_token in the response',
      fault: { type: 'refreshTokenMissing' },
      expected: fine,
      // The issuer rotated but did not return the new token, so the client can only send the old one.
      but: { strict: ['refreshed', 'reauthRequired oauth_error'] },
    },
  ],
  idTokenMissing: [{ about: 'No id_token in the response', fault: { type: 'idTokenMissing' }, expected: fine }],
  tokenType: [
    {
      about: 'An unregistered token_type, which is treated as Bearer',
      fault: { type: 'tokenType', value: 'bot' },
      expected: fine,
    },
  ],
  member: [
    {
      about: 'No access_token in the response',
      fault: { type: 'member', name: 'access_token' },
      expected: responseRejected,
      but: { omit: fine },
    },
  ],
  responseParameter: [
    {
      about: 'A wrong parameter of the sign-in, which a refresh does not use',
      fault: { type: 'responseParameter', name: 'state', value: 'other' },
      expected: fine,
    },
  ],
  authorizationError: [
    {
      about: 'An error of the sign-in, which a refresh does not use',
      fault: { type: 'authorizationError', error: 'access_denied' },
      expected: fine,
    },
  ],
  jwksDown: [{ about: 'The key set is unavailable', fault: { type: 'jwksDown' }, expected: fine }],
  jwksSlow: [{ about: 'The key set takes 5 s', fault: { type: 'jwksSlow', ms: 5000 }, expected: fine }],
  jwksStale: [{ about: 'The newest key is missing', fault: { type: 'jwksStale' }, expected: fine }],
  jwksHtml: [{ about: 'HTML page instead of the key set', fault: { type: 'jwksHtml' }, expected: fine }],
  jwksEmpty: [{ about: 'The key set is empty', fault: { type: 'jwksEmpty' }, expected: fine }],
  otherIssuer: [
    {
      about: 'Metadata names another issuer',
      fault: { type: 'otherIssuer' },
      times: 3,
      expected: ['retryable issuer_mismatch', 'refreshed'],
    },
  ],
};
