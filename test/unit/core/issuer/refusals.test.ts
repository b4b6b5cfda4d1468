import assert from 'node:assert/strict';
import { errorOf } from '../../../../src/core/errors.ts';
import { failureKind, isTransient } from '../../../../src/core/errorTable.ts';
import { readTokenResponse } from '../../../../src/core/issuer/answers.ts';
import { failureOf } from '../../../support/failureOf.ts';

const json = JSON.stringify;

/** Responses of real issuers to an expired or revoked refresh token and to invalid requests. */
const refusals: readonly (readonly [
  name: string,
  status: number,
  type: string,
  body: string,
  means: 'ended' | 'later' | 'again' | 'other',
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
    'Facebook (https://developers.facebook.com/docs/graph-api/guides/error-handling)',
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
  [
    'WeChat (https://developers.weixin.qq.com/community/personal/oCJUsw0bi6h3eTU3PNitUGBMnifg/question)',
    200,
    'text/plain',
    json({ errcode: 40030, errmsg: 'invalid refresh_token, rid: 6500351b-2a0273e2-4af6b58d' }),
    'ended',
  ],
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
  [
    'X',
    400,
    'application/json',
    json({ error: 'invalid_request', error_description: 'Value passed for the token was invalid.' }),
    'ended',
  ],
  ['Zoom', 401, 'application/json', json({ reason: 'Invalid Token!', error: 'invalid_request' }), 'ended'],
  [
    'Dex',
    400,
    'application/json',
    json({
      error: 'invalid_request',
      error_description: 'Refresh token is invalid or has already been claimed by another client.',
    }),
    'ended',
  ],
  [
    'the words of RFC 6749 with another code',
    400,
    'application/json',
    json({
      error: 'invalid_request',
      error_description:
        'The provided authorization grant or refresh token is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client.',
    }),
    'ended',
  ],
  [
    'Synapse',
    403,
    'application/json',
    json({ errcode: 'M_FORBIDDEN', error: "refresh token isn't valid anymore" }),
    'ended',
  ],
  [
    'Gitea',
    400,
    'application/json',
    json({ error: 'unauthorized_client', error_description: 'token was already used' }),
    'ended',
  ],
  [
    'Gitea, of another instance',
    400,
    'application/json',
    json({ error: 'unauthorized_client', error_description: 'unable to parse refresh token' }),
    'ended',
  ],
  [
    'Fitbit without words (https://dev.fitbit.com/build/reference/web-api/troubleshooting-guide/error-messages)',
    400,
    'application/json',
    json({ errors: [{ errorType: 'invalid_grant' }], success: false }),
    'ended',
  ],
  [
    'Stytch (https://stytch.com/docs/api-reference/consumer/mobile-sdks/react-native-legacy/methods/sessions/authenticate-session)',
    404,
    'application/json',
    json({ status_code: 404, error_type: 'session_not_found', error_message: 'Session could not be found.' }),
    'ended',
  ],
  [
    'a code and words that name the token',
    200,
    'application/json',
    json({ error: 'invalid_token', error_description: 'refresh_token is missing or invalid' }),
    'ended',
  ],
  [
    'an object with the reason below (https://developer.open-douyin.com/docs/resource/zh-CN/dop/develop/openapi/account-permission/refresh-access-token)',
    200,
    'application/json',
    json({ data: { error_code: 10010, description: 'refresh_token过期' }, message: 'error' }),
    'ended',
  ],
  [
    'error_response (Pinduoduo)',
    200,
    'application/json',
    json({ error_response: { error_msg: 'refresh_token已过期', error_code: 10019 } }),
    'ended',
  ],
  [
    'a code below a code (Alipay, https://zhifubao.apifox.cn/api-127203914)',
    200,
    'application/json',
    json({
      error_response: {
        code: '40002',
        msg: 'Invalid Arguments',
        sub_code: 'isv.refresh-token-invalid',
        sub_msg: '刷新令牌refresh_token无效',
      },
      sign: 'x',
    }),
    'ended',
  ],
  ['Chinese words in another order', 400, 'application/json', json({ message: '不合法的refreshToken' }), 'ended'],
  ['traditional Chinese words', 401, 'application/json', json({ message: '刷新權杖已過期' }), 'ended'],
  ['Korean words', 401, 'application/json', json({ message: '리프레시 토큰이 만료되었습니다.' }), 'ended'],
  ['Russian words', 401, 'application/json', json({ message: 'Срок действия: refresh-токен истёк' }), 'ended'],
  ['Portuguese words', 401, 'application/json', json({ message: 'Refresh token inválido ou expirado' }), 'ended'],
  ['Italian words', 401, 'application/json', json({ message: 'Refresh token scaduto' }), 'ended'],
  ['Dutch words', 401, 'application/json', json({ message: 'Refresh token is verlopen' }), 'ended'],
  ['Polish words', 401, 'application/json', json({ message: 'Refresh token wygasł' }), 'ended'],
  ['Vietnamese words', 401, 'application/json', json({ message: 'Refresh token đã hết hạn' }), 'ended'],
  ['Turkish words', 401, 'application/json', json({ message: 'Yenileme jetonu süresi dolmuş' }), 'ended'],
  [
    'politeness',
    400,
    'application/json',
    json({ error: 'invalid_grant', error_description: 'The grant is gone. Please try again later.' }),
    'ended',
  ],
  ['some token of Tuya', 200, 'application/json', json({ code: 1010, msg: 'token invalid', success: false }), 'again'],
  ['some token of a framework', 401, 'application/json', json({ message: 'jwt expired' }), 'again'],
  [
    'Salesforce, while another refresh runs (https://github.com/segmentio/action-destinations/pull/2300)',
    400,
    'application/json',
    json({ error: 'invalid_grant', error_description: 'token request is already being processed' }),
    'later',
  ],
  [
    'Salesforce, too often',
    400,
    'application/json',
    json({ error: 'invalid_grant', error_description: 'login rate exceeded' }),
    'later',
  ],
  [
    'Exact Online (https://github.com/websmurf/laravel-exact-online/issues/31)',
    400,
    'application/json',
    json({ error: 'access_denied', error_description: 'Rate limit exceeded: access_token not expired' }),
    'later',
  ],
  [
    'Zoho, too often',
    400,
    'application/json',
    json({
      error: 'Access Denied',
      error_description: 'You have made too many requests continuously. Please try again after some time.',
      status: 'failure',
    }),
    'later',
  ],
  [
    'Withings, too often (https://github.com/jaroslawhartman/withings-sync/issues/237)',
    200,
    'application/json',
    json({ status: 601, error: 'Too Many Requests' }),
    'later',
  ],
  [
    'Withings, twice (https://github.com/kodymallory/MMM-withings/issues/15)',
    200,
    'application/json',
    json({ status: 601, body: { wait_seconds: 188 }, error: 'Same arguments in less than 10 seconds' }),
    'later',
  ],
  // Documented with status 429: https://devopsaitoolkit.com/blog/slack-error-ratelimited/
  ['Slack, too often', 200, 'application/json', json({ ok: false, error: 'ratelimited' }), 'later'],
  [
    'WeChat, busy (https://developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html)',
    200,
    'text/plain',
    json({ errcode: -1, errmsg: 'system error' }),
    'later',
  ],
  [
    'a general code with words about the token',
    200,
    'text/plain',
    json({ code: -1, msg: 'refresh_token已过期' }),
    'ended',
  ],
  [
    'a limit of the token itself',
    400,
    'application/json',
    json({ code: 'refresh_token_limit_exceeded', message: 'The refresh token is no longer valid' }),
    'ended',
  ],
  [
    'WeChat, a limit (https://developers.weixin.qq.com/doc/oplatform/developers/errCode/errCode.html)',
    200,
    'text/plain',
    json({ errcode: 45009, errmsg: 'reach max api daily quota limit' }),
    'later',
  ],
  [
    'AWS, throttled (https://github.com/aws-amplify/amplify-js/issues/3554)',
    400,
    'application/x-amz-json-1.1',
    json({ __type: 'TooManyRequestsException', message: 'Rate exceeded' }),
    'later',
  ],
  [
    'Google, throttled',
    403,
    'application/json',
    json({ error: { code: 403, message: 'Rate Limit Exceeded' } }),
    'later',
  ],
  [
    'Azure API Management, out of quota (https://github.com/thomasddn/ha-volvo-cars/issues/171)',
    403,
    'application/json',
    json({ statusCode: 403, message: 'Out of call volume quota. Quota will be replenished in 01:23:45.' }),
    'later',
  ],
  [
    'Facebook, throttled (https://github.com/python-social-auth/social-core/issues/859)',
    400,
    'application/json',
    json({ error: { message: '(#4) Application request limit reached', type: 'OAuthException', code: 4 } }),
    'later',
  ],
  [
    'Chinese words, throttled',
    400,
    'application/json',
    json({ code: 'Forbidden', message: '您的服务器调用接口超过了限流' }),
    'later',
  ],
  [
    'maintenance with status 200',
    200,
    'application/json',
    json({ message: 'We are down for maintenance. Please try again later.' }),
    'later',
  ],
  [
    'Exact Online, an old token (https://github.com/picqer/exact-php-client/issues/300)',
    401,
    'application/json',
    json({ error: 'unauthorized_client', error_description: 'Old refresh token used.' }),
    'ended',
  ],
  [
    'Alipay, too late (https://zhifubao.apifox.cn/api-127203914)',
    200,
    'application/json',
    json({
      error_response: {
        code: '40002',
        msg: 'Invalid Arguments',
        sub_code: 'isv.refresh-token-time-out',
        sub_msg: '刷新令牌(refresh_token)过期',
      },
    }),
    'ended',
  ],
  [
    'EVE Online, with a sentence in the code (https://github.com/ccpgames/sso-issues/issues/54)',
    400,
    'application/json',
    json({
      error: 'invalid_grant: Token is expired or invalid.',
      error_description: 'Token is expired or invalid.',
    }),
    'ended',
  ],
  [
    'Casdoor, in place of the access token (https://github.com/casdoor/casdoor/issues/611)',
    200,
    'application/json',
    json({
      access_token: 'error: token is expired by 23m58.37607235s',
      id_token: '',
      refresh_token: '',
      token_type: '',
      expires_in: 0,
      scope: '',
    }),
    'ended',
  ],
  [
    'Salesforce, in another network or at another time of day (https://github.com/gravityplus/Gravity-Forms-Salesforce/issues/272)',
    400,
    'application/json',
    json({ error: 'invalid_grant', error_description: 'ip restricted or invalid login hours' }),
    'later',
  ],
  [
    'a quota of Apigee (https://discuss.google.dev/t/http-429-as-default-status-code-for-quota-policy-violation/17548)',
    500,
    'application/json',
    json({
      fault: {
        faultstring: 'Rate limit quota violation. Quota limit exceeded. Identifier : _default',
        detail: { errorcode: 'policies.ratelimit.QuotaViolation' },
      },
    }),
    'later',
  ],
  [
    'Envoy without a server (https://github.com/product-os/jellyfish/issues/8461)',
    503,
    'text/plain',
    'no healthy upstream',
    'later',
  ],
  [
    'Envoy without a connection (https://www.netdata.cloud/guides/envoy/envoy-502-upstream-connection-termination/)',
    503,
    'text/plain',
    'upstream connect error or disconnect/reset before headers. reset reason: connection failure, transport failure reason: delayed connect error: 111',
    'later',
  ],
  ...[
    'upstream connect error or disconnect/reset before headers. reset reason: connection termination',
    'upstream connect error or disconnect/reset before headers. retried and the latest reset reason: remote connection failure',
  ].map(words => [`Envoy, after the request was sent: ${words}`, 503, 'text/plain', words, 'other'] as const),
  [
    'Traefik without a server (https://github.com/traefik/traefik/blob/06f0c80c1e41a82e61827f715e71758d00d2d0f0/pkg/server/service/loadbalancer/wrr/wrr.go)',
    503,
    'text/plain; charset=utf-8',
    'no available server\n',
    'later',
  ],
  [
    'HAProxy without a server (https://infrarunbook.com/article/haproxy-503-service-unavailable-error)',
    503,
    'text/html',
    '<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n',
    'later',
  ],
  ...[
    [
      502,
      '<html><body><h1>502 Bad Gateway</h1>\nThe server returned an invalid or incomplete response.\n</body></html>\n',
    ],
    [504, "<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n</body></html>\n"],
    [503, '<html><head><title>503 Service Temporarily Unavailable</title></head></html>'],
  ].map(
    ([status, page]) =>
      [`a gateway after the request was sent: ${status}`, Number(status), 'text/html', String(page), 'other'] as const,
  ),
  [
    'OpenShift without a pod (https://github.com/openshift/router/blob/7a9f1a0d50cf3188da355e1bdeb08b60ac8f1cad/images/router/haproxy/conf/error-page-503.http)',
    503,
    'text/html',
    '<html><head><style>p { margin: 0 }</style></head><body>\n<div>\n      <h1>Application is not available</h1>\n      <p>The application is currently not serving requests at this endpoint. It may not have been started or is still starting.</p></div></body></html>',
    'later',
  ],
  [
    'Cloudflare without a connection to the issuer (https://github.com/decocms/studio/pull/3929)',
    525,
    'text/html',
    '<!DOCTYPE html><html><head><title>525: SSL handshake failed</title></head></html>',
    'later',
  ],
  [
    'Cloudflare without a tunnel to the issuer (https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/error-530/)',
    530,
    'application/problem+json',
    json({ title: 'Error 1033: Cloudflare Tunnel error', status: 530, error_code: 1033, cloudflare_error: true }),
    'later',
  ],
  [
    'Entra ID, too often (https://github.com/AzureAD/MSAL.PS/issues/10)',
    400,
    'application/json',
    json({
      error: 'invalid_grant',
      error_description:
        'AADSTS50196: The server terminated an operation because it encountered a client request loop. Please contact your app vendor.',
    }),
    'later',
  ],
  [
    'a title above the words (https://developer.octopus.energy/graphql/reference/error-codes/kt-ct-1134/)',
    200,
    'application/json',
    json({
      errors: [
        {
          message: 'Invalid data.',
          extensions: {
            errorType: 'VALIDATION',
            errorDescription: 'The refresh token has expired.',
            errorCode: 'KT-CT-1134',
          },
        },
      ],
    }),
    'ended',
  ],
  ['JSON in a page', 400, 'text/html', '<html><body><pre>{"error":"invalid_grant"}</pre></body></html>', 'ended'],
  ['JSON in a page, escaped', 400, 'text/html', '<pre>{&quot;error&quot;: &quot;invalid_grant&quot;}</pre>', 'ended'],
  ['JSON that is truncated', 400, 'application/json', '{"error":"invalid_grant","error_desc', 'ended'],
  ['JSON in lines', 400, 'application/x-ndjson', '{"level":"info"}\n{"error":"invalid_grant"}\n', 'ended'],
  ['JSON behind a guard', 400, 'application/json', ')]}\',\n{"error":"invalid_grant"}', 'ended'],
  ['JSON in a page about something else', 400, 'text/html', '<pre>{"error":"invalid_client"}</pre>', 'other'],
  ['a list of sentences (Django)', 400, 'application/json', json(['Refresh token is expired.']), 'ended'],
  [
    'XML with prefixes (WSO2)',
    400,
    'application/xml',
    '<am:fault xmlns:am="http://wso2.org/apimanager"><am:code>900901</am:code><am:message>Invalid Credentials</am:message><am:description>The refresh token is illegal</am:description></am:fault>',
    'ended',
  ],
  ...['INVALID_GRANT', 'Invalid Grant', 'InvalidGrant', 'invalid-grant', 'invalid_grant: it is over'].map(
    error => [`the code ${error}`, 400, 'application/json', json({ error }), 'ended'] as const,
  ),
  ['a code with words as text', 400, 'text/plain', 'invalid_grant: it is over', 'ended'],
  ['a list of codes', 400, 'application/json', json({ errors: ['invalid_grant'] }), 'ended'],
  [
    'a list of codes with words (https://github.com/UsefulSoftwareCo/executor/pull/1507)',
    400,
    'application/json',
    json({ errors: ['invalid_grant - the token is gone'] }),
    'ended',
  ],
  ['text under err', 400, 'application/json', json({ status: 400, err: 'Invalid refresh token' }), 'ended'],
  [
    'OData, with a language',
    400,
    'application/json',
    json({ error: { code: 'XX/123', message: { lang: 'en', value: 'Refresh token is expired' } } }),
    'ended',
  ],
  [
    'Auth0, with a second factor (https://github.com/auth0/Auth0.Android/issues/562)',
    403,
    'application/json',
    json({ error: 'mfa_required', error_description: 'Multifactor authentication required', mfa_token: 'Fe26.2*x' }),
    'again',
  ],
  [
    'a client, politely',
    401,
    'application/json',
    json({ error: 'invalid_client', error_description: 'Unknown client. Please try again later.' }),
    'other',
  ],
];

describe('a refusal', () => {
  for (const [name, status, type, body, means] of refusals) {
    const title = {
      ended: 'ends the refresh token',
      later: 'passes, and the refresh token is not used up',
      again: 'may mean the refresh token',
      other: 'is about something else',
    };
    it(`of ${name} ${title[means]}`, async () => {
      const response = new Response(body, { status, headers: { 'content-type': type } });
      const asked = { host: 'as.example', now: Date.UTC(2030, 0, 1), secrets: [], refreshToken: 'sent-refresh-token' };
      const { code, data } = await failureOf(readTokenResponse(response, asked));
      const error = errorOf(code, data);
      assert.equal(failureKind(error) === 'refused', means === 'ended', json(data));
      assert.equal(data.later, means === 'later' ? true : undefined);
      if (means === 'later') assert.deepEqual([failureKind(error), isTransient(error)], ['retryable', true]);
      if (means === 'again') assert.equal(data.signInAgain, true);
    });
  }

  it('of a firewall, with a page or a number, blocks this request and no later one', async () => {
    const asked = { host: 'as.example', now: 0, secrets: [], refreshToken: 'sent-refresh-token' };
    const refuse = (status: number, body: string) =>
      failureOf(readTokenResponse(new Response(body, { status }), asked));
    for (const body of [
      // https://github.com/openclaw/openclaw/issues/84018
      '<!DOCTYPE html>\n<html><head><title>Attention Required! | Cloudflare</title></head></html>',
      // https://github.com/soundcloud/api/issues/489
      '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN" "x"><HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD></HTML>',
      '<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD><BODY>Reference&#32;&#35;18&#46;b1</BODY></HTML>',
      '<html><body>Request unsuccessful. Incapsula incident ID: 443000</body></html>',
      // https://github.com/JimmyLaurent/cloudflare-scraper/issues/27
      'error code: 1020',
    ]) {
      const { code, data } = await refuse(403, body);
      const error = errorOf(code, data);
      assert.deepEqual([data.blocked, failureKind(error), isTransient(error)], [true, 'retryable', true], body);
    }
    // https://docs.aws.amazon.com/waf/latest/developerguide/waf-captcha-and-challenge-actions.html
    for (const [status, action] of [
      [202, 'challenge'],
      [405, 'captcha'],
    ] as const) {
      const response = new Response('', { status, headers: { 'x-amzn-waf-action': action } });
      const { code, data } = await failureOf(readTokenResponse(response, asked));
      assert.deepEqual([data.blocked, failureKind(errorOf(code, data))], [true, 'retryable']);
    }
    for (const [status, body] of [
      [404, '<html><head><title>404 Not Found</title></head></html>'],
      [404, '<html><head><title>Not Found | Cloudflare</title></head></html>'],
      [403, '<html><head><title>403 Forbidden</title></head><body>nginx</body></html>'],
      [403, 'Forbidden'],
      [403, json({ message: 'Forbidden' })],
      [403, ''],
    ] as const) {
      const { code, data } = await refuse(status, body);
      assert.deepEqual([data.blocked, failureKind(errorOf(code, data))], [undefined, 'configuration'], body);
    }
  });

  for (const [wait, body] of [
    [188_000, { status: 601, body: { wait_seconds: 188 }, error: 'Same arguments in less than 10 seconds' }],
    [2000, { errcode: 'M_LIMIT_EXCEEDED', error: 'Too Many Requests', retry_after_ms: 2000 }],
    [64_570, { message: 'You are being rate limited.', retry_after: 64.57 }],
  ] as const) {
    it(`says in its body to wait ${wait} ms, with any status`, async () => {
      for (const status of [200, 400, 429]) {
        const asked = { host: 'as.example', now: 0, secrets: [], refreshToken: 'sent-refresh-token' };
        const { data } = await failureOf(readTokenResponse(Response.json(body, { status }), asked));
        assert.equal(data.retryAfter, wait);
      }
    });
  }

  it('may say that a part of the request succeeded (Slack)', async () => {
    for (const error of ['internal_error', 'fatal_error']) {
      const asked = { host: 'as.example', now: 0, secrets: [], refreshToken: 'sent-refresh-token' };
      const { code, data } = await failureOf(readTokenResponse(Response.json({ ok: false, error }), asked));
      assert.equal(failureKind(errorOf(code, data)), 'unknown');
    }
  });
});
