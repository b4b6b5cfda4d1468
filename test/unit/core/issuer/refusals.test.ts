import assert from 'node:assert/strict';
import { errorOf } from '../../../../src/core/errors.ts';
import { failureKind } from '../../../../src/core/errorTable.ts';
import { readTokenResponse } from '../../../../src/core/issuer/answers.ts';
import { failureOf } from '../../../support/failureOf.ts';

const json = JSON.stringify;

/** Responses of real issuers to an expired or revoked refresh token and to invalid requests. */
const refusals: readonly (readonly [
  name: string,
  status: number,
  type: string,
  body: string,
  means: 'ended' | 'other',
])[] = [
  [
    'errors code',
    400,
    'application/json',
    json({ errors: [{ code: 'invalid_refresh_token', message: 'The refresh token is not valid' }] }),
    'ended',
  ],
  ['message expired', 401, 'application/json', json({ message: 'Refresh token expired', code: 40103 }), 'ended'],
  [
    'facebook',
    400,
    'application/json',
    json({
      error: {
        message: 'Error validating access token: Session has expired on Tuesday',
        type: 'OAuthException',
        code: 190,
        fbtrace_id: 'A',
      },
    }),
    'other',
  ],
  [
    'simplejwt',
    401,
    'application/json',
    json({ detail: 'Token is invalid or expired', code: 'token_not_valid' }),
    'ended',
  ],
  ['plain text', 400, 'text/plain', 'invalid_grant', 'ended'],
  ['form', 400, 'application/x-www-form-urlencoded', 'error=invalid_grant&error_description=expired', 'ended'],
  ['wechat', 200, 'text/plain', json({ errcode: 40030, errmsg: 'invalid refresh_token' }), 'ended'],
  [
    'feishu',
    200,
    'application/json',
    json({ code: 20026, message: 'The refresh token passed is invalid. Please check the value.' }),
    'ended',
  ],
  [
    'xml',
    400,
    'application/xml',
    '<OAuth><error_description>expired access/refresh token</error_description><error>invalid_grant</error></OAuth>',
    'ended',
  ],
  [
    'problem+json',
    400,
    'application/problem+json',
    json({ type: 'about:blank', title: 'Bad Request', status: 400, detail: 'Invalid or expired refresh token.' }),
    'ended',
  ],
  [
    'laravel',
    401,
    'application/json',
    json({
      error: 'invalid_request',
      error_description: 'The refresh token is invalid.',
      hint: 'Token has been revoked',
      message: 'The refresh token is invalid.',
    }),
    'ended',
  ],
  [
    'quickbooks',
    400,
    'application/json',
    json({ error: 'invalid_grant', error_description: 'Incorrect Token type or clientID' }),
    'ended',
  ],
  [
    'xero',
    400,
    'application/json',
    json({ error: 'unauthorized_client', error_description: 'refresh token not found' }),
    'ended',
  ],
  [
    'hubspot',
    400,
    'application/json',
    json({ status: 'BAD_REFRESH_TOKEN', message: 'missing or invalid refresh token', correlationId: 'x' }),
    'ended',
  ],
  ['discord', 400, 'application/json', json({ error: 'invalid_grant' }), 'ended'],
  [
    'supabase',
    400,
    'application/json',
    json({ code: 400, error_code: 'refresh_token_not_found', msg: 'Invalid Refresh Token: Refresh Token Not Found' }),
    'ended',
  ],
  [
    'firebase',
    400,
    'application/json',
    json({ error: { code: 400, message: 'TOKEN_EXPIRED', status: 'INVALID_ARGUMENT' } }),
    'ended',
  ],
  [
    'firebase2',
    400,
    'application/json',
    json({ error: { code: 400, message: 'INVALID_REFRESH_TOKEN', status: 'INVALID_ARGUMENT' } }),
    'ended',
  ],
  [
    'cognito',
    400,
    'application/x-amz-json-1.1',
    json({ __type: 'NotAuthorizedException', message: 'Refresh Token has expired' }),
    'ended',
  ],
  [
    'strava',
    400,
    'application/json',
    json({ message: 'Bad Request', errors: [{ resource: 'RefreshToken', field: 'refresh_token', code: 'invalid' }] }),
    'ended',
  ],
  ['reddit', 400, 'application/json', json({ message: 'Bad Request', error: 400 }), 'other'],
  [
    'dropbox',
    400,
    'application/json',
    json({ error_description: 'refresh token is invalid or revoked', error: 'invalid_grant' }),
    'ended',
  ],
  [
    'box',
    400,
    'application/json',
    json({ error: 'invalid_grant', error_description: 'Refresh token has expired' }),
    'ended',
  ],
  [
    'tiktok',
    200,
    'application/json',
    json({ error: 'invalid_grant', error_description: 'Refresh token is invalid or expired.', log_id: '2' }),
    'ended',
  ],
  ['bigcommerce html', 502, 'text/html', '<html><body>Bad gateway</body></html>', 'other'],
  [
    'etsy',
    400,
    'application/json',
    json({ error: 'invalid_grant', error_description: 'refresh_token is invalid' }),
    'ended',
  ],
  [
    'zendesk',
    401,
    'application/json',
    json({
      error: 'invalid_token',
      error_description: 'The access token provided is expired, revoked, malformed or invalid for other reasons.',
    }),
    'ended',
  ],
  [
    'graphql',
    200,
    'application/json',
    json({ errors: [{ message: 'Refresh token is expired', extensions: { code: 'UNAUTHENTICATED' } }], data: null }),
    'ended',
  ],
  [
    'client bad',
    401,
    'application/json',
    json({ error: 'invalid_client', error_description: 'Client authentication failed' }),
    'other',
  ],
  ['rate', 429, 'application/json', json({ message: 'Too many requests' }), 'other'],
  [
    'maintenance',
    503,
    'application/json',
    json({ message: 'Service temporarily unavailable, token service down' }),
    'other',
  ],
  [
    'scope bad',
    400,
    'application/json',
    json({ error: 'invalid_scope', error_description: 'scope expired_things is not valid' }),
    'other',
  ],
  [
    'secret expired',
    401,
    'application/json',
    json({
      error: 'invalid_client',
      error_description: 'AADSTS7000222: The provided client secret keys for app are expired.',
    }),
    'other',
  ],
  ['a list of messages', 400, 'application/json', json({ messages: ['Refresh token is no longer valid'] }), 'ended'],
  [
    'a list of texts',
    400,
    'application/json',
    json({ error: ['invalid_grant'], error_description: ['gone'] }),
    'ended',
  ],
  ['plain words', 400, 'text/plain', 'Refresh token expired', 'ended'],
  ['plain words about something else', 400, 'text/plain', 'Missing parameter refresh_token', 'other'],
  [
    'an API gateway (Apigee)',
    401,
    'application/json',
    json({ fault: { faultstring: 'Invalid refresh token' } }),
    'ended',
  ],
  ['Chinese words', 200, 'application/json', json({ code: 401, msg: '刷新令牌已过期' }), 'ended'],
  [
    'Japanese words',
    400,
    'application/json',
    json({ message: 'リフレッシュトークンの有効期限が切れています' }),
    'ended',
  ],
  ['German words', 400, 'application/json', json({ message: 'Das Aktualisierungstoken ist abgelaufen.' }), 'ended'],
  ['French words', 400, 'application/json', json({ message: 'Le jeton d’actualisation a expiré.' }), 'ended'],
  ['Spanish words', 400, 'application/json', json({ message: 'El token de actualización ha caducado.' }), 'ended'],
  ['German words about the client', 400, 'application/json', json({ message: 'Der Client ist unbekannt.' }), 'other'],
  [
    'redirect needed',
    400,
    'application/json',
    json({ error: 'invalid_request', error_description: 'Missing required parameter: refresh_token' }),
    'other',
  ],
];

describe('a refusal', () => {
  for (const [name, status, type, body, means] of refusals) {
    it(`of ${name} ${means === 'ended' ? 'ends the refresh token' : 'is about something else'}`, async () => {
      const response = new Response(body, { status, headers: { 'content-type': type } });
      const asked = { host: 'as.example', now: Date.UTC(2030, 0, 1), secrets: [], refreshToken: 'sent-refresh-token' };
      const { code, data } = await failureOf(readTokenResponse(response, asked));
      assert.equal(failureKind(errorOf(code, data)) === 'refused', means === 'ended', json(data));
    });
  }
});
