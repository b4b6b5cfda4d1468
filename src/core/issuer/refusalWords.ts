import { issuerDate, longestRetryAfter } from '../http/http.ts';

/** Where issuers write what is wrong, and what it means for the refresh token that was sent, by its code and its words; how long to wait. */

export interface IssuerError {
  /** In the issuer's spelling: `invalid_grant`, `E0000011`, `40030`. */
  readonly code?: string;
  readonly message?: string;
}

/**
 * Names of members with codes and messages, in lower case without separators, the most specific first. Alipay and Taobao
 * say in `sub_code` and `sub_msg` what is wrong; `code` and `msg` only name its kind.
 */
export const codeNames = ['subcode', 'error', 'errorcode', 'errcode', 'errortype', 'code', 'type'];
export const messageNames = [
  'submsg',
  'errordescription',
  'errorsummary',
  'errormessage',
  'errormsg',
  'errmsg',
  'err',
  'message',
  'msg',
  'faultstring',
  'developermessage',
  'messages',
  'nonfielderrors',
  'detail',
  'details',
  'title',
  'description',
  'reason',
  'error',
  'errors',
];

/**
 * Members that may contain them: `{"error": {…}}`, `{"errors": [{…}]}`, `{"fault": {"detail": {…}}}`, `{"body":
 * "{…}"}`.
 */
export const errorContainers =
  /^(?:err(?:or)?s?|errorresponse|fault|details?|data|result|response|body|meta|errorcauses|extensions|status)$/;

/** Texts that name no error: Douyin has `"message": "error"` beside the object with the reason. */
export const sayNothing = /^(?:err(?:or)?|fail(?:ed|ure)?)$/i;

interface Meaning {
  /** The issuer was too busy and did nothing: the same request may succeed later, with the same token. */
  readonly later?: true;
  /** This refresh token is invalid for good, so it must not be sent again. */
  readonly ended?: true;
  /** The issuer asks for a new sign-in, but the token may still be valid. */
  readonly signInAgain?: true;
}

/** Codes that mean `ended`, beside OAuth's `invalid_grant`: GitHub, Slack, Zoho (`invalid_code`), OpenAI and others. */
export const endedCode =
  /^(?:(?:invalid|bad|expired|revoked|unknown|inactive)_?(?:refresh_?)?token|(?:refresh_?)?token_?(?:is_?)?(?:expired|revoked|invalid(?:ated)?|reused|inactive|not_?(?:found|valid)|(?:already_?)?used)|invalid_?code|invalid_?grant_?exception|session_?(?:expired|not_?found))$/i;

const bad =
  '(?:invalid|illegal|expired|revoked|unknown|inactive|malformed|reused|wrong|unable to (?:parse|decrypt)|(?:already |been )used|not (?:valid|found|active|recogni[sz]ed)|no longer|(?:is|does) ?n.t (?:valid|exist)|incorrect|blacklisted|blocklisted)';
const endedWords = new RegExp(
  `\\brefresh[ _-]?token\\b.{0,60}\\b${bad}|\\b${bad}\\b.{0,30}\\brefresh[ _-]?token\\b|\\bold refresh[ _-]?token\\b|\\btoken (?:is |has |was |been )*(?:expired|revoked|unknown|not found|invalid or expired|already used)\\b`,
  'i',
);
/** Words that mean `ended` in other languages of issuers, with their names of a refresh token. */
const endedElsewhere = new RegExp(
  [
    '(?:刷新(?:令牌|凭证|凭据|token|權杖|憑證)|refresh_?token).{0,20}(?:过期|過期|失效|无效|無效|不存在|已使用|吊销|撤销|撤銷)',
    '(?:过期|過期|失效|无效|無效|不合法)的?(?:刷新(?:令牌|凭证|權杖)|refresh_?token)',
    'リフレッシュ ?トークン.{0,30}(?:期限|無効|失効)',
    '(?:리프레시|갱신) ?토큰.{0,30}(?:만료|유효하지|무효)',
    '(?:Aktualisierungs|Refresh-? ?)token.{0,40}(?:abgelaufen|ungültig|widerrufen)',
    "(?:jeton d[’']actualisation|refresh[ -]?token).{0,40}(?:expiré|invalide|révoqué)",
    '(?:token de (?:actualización|atualização)|refresh[ -]?token).{0,40}(?:expirad|caducad|inv[aá]lid|no es válid|revo[cg]ad)',
    'refresh[ -]?token.{0,40}(?:scadut|non (?:è )?valid|revocat)',
    'refresh[ -]?token.{0,40}(?:verlopen|ongeldig|ingetrokken)',
    'refresh[ -]?token.{0,40}(?:wygasł|nieważn|nieprawidłow)',
    'refresh[ -]?token.{0,40}(?:hết hạn|không hợp lệ)',
    '(?:yenileme (?:jetonu|belirteci)|refresh[ -]?token).{0,40}(?:süresi dol|geçersiz)',
    '(?:refresh[ -]?токен|токен обновления).{0,40}(?:ист[её]к|недействител|отозван)',
  ].join('|'),
  'i',
);

/** Words about any token, which in an error of OAuth can mean only the one that was sent (X, Zoom). */
const thisToken = /\btoken was invalid\b|^\W*(?:invalid token|token (?:is )?invalid)\W*$/i;

/** `invalid_grant` in another spelling or with words behind it: `INVALID_GRANT`, `InvalidGrant`, `invalid_grant: gone`. */
const spelledGrant = /^invalid[ _-]?grant(?:$|:| -)/i;

/** What OpenID Connect, Auth0 and others send where only the user can continue; the token itself may stay valid. */
const signInCode =
  /^(?:mfa_(?:enrollment_)?required|re_?auth(?:entication)?_required|account_selection_required|unmet_authentication_requirements|insufficient_user_authentication)$/;

const signInWords =
  /\b(?:sign|log)(?:ing)?[ -]?(?:in|on) again|\bre-?(?:authenticat|authori[sz])|\bre-?login|\bsession (?:has |is |was )*(?:expired|ended|not found)|重新(?:登录|登陆|授权|认证)/i;

/** Either the token that was sent, for which a new sign-in helps, or one that a gateway uses (Tuya, Facebook). */
const someToken =
  /^\W*(?:invalid token|token (?:is )?invalid|jwt (?:expired|malformed))\W*$|\bvalidating access token\b/i;

/** The error is about something other than the token, even if the words above appear in it. */
const elsewhere =
  /client|assertion|secret|parameter|missing|required|redirect|content[ -]?type|scope|api[ -]?key|certificate/i;

/** A token of another client is a token that this client cannot use (RFC 6749 section 5.2; Dex says it so). */
const otherClient =
  /\b(?:by|to|for) another client\b|\bdoes not match the redirection URI used in the authorization request\b/gi;

/**
 * Registered codes of OAuth, which mean the same wherever they appear (RFC 6749 §5.2, RFC 8628 §3.5, RFC 8707, RFC
 * 9449).
 */
export const oauthCodes: ReadonlySet<string> = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'invalid_token',
  'access_denied',
  'server_error',
  'temporarily_unavailable',
  'slow_down',
  'authorization_pending',
  'expired_token',
  'interaction_required',
  'login_required',
  'consent_required',
  'use_dpop_nonce',
]);

/** OAuth codes that certainly mean another problem, whatever the message beside them says. */
const otherCodes: ReadonlySet<string> = new Set([
  'invalid_client',
  'invalid_scope',
  'invalid_target',
  'unsupported_grant_type',
  'server_error',
  'temporarily_unavailable',
  'slow_down',
  'use_dpop_nonce',
]);

/** Codes of a limit or of a server that is busy: AWS, Slack, PingOne, Withings, WeChat (`-1`), Alibaba Cloud. */
const laterCode =
  /(?:^|[._])(?:too_?many_?requests?|throttl(?:ed|ing)|rate_?limit(?:ed|_?exceeded)?|request_?limited|(?:over_)?\w{0,20}_rate_limit|limit_?exceeded|qps_?limit\w{0,20}|service_?(?:temporarily_?)?unavailable)(?:_?(?:exception|error))?$|^-1$/i;

/**
 * A limit (of Salesforce also by network and time of day), or a request for the same token that is not answered yet:
 * nothing was done, whatever the code says.
 */
const busyWords =
  /\btoo many (?:\w{1,20} )?(?:requests?|attempts|calls|logins)\b|\b(?:rate|request|quota|qps|login rate|call volume)(?: limit| quota)?(?: is| has been| was)? (?:exceeded|reached|violation)|\bout of call volume quota|\breach(?:ed)? (?:the )?max(?:imum)? .{0,30}\b(?:limit|quota)\b|\balready being processed\b|\bsame arguments in less than\b|\brate[- ]limited\b|\bclient request loop\b|\bip restricted\b|\binvalid login hours\b|\bsystem (?:is )?busy\b|系统繁忙|请求过于频繁|限流/i;

/** Limits of Apigee, which sends them with status 500 unless it is told otherwise: the issuer was not asked. */
const gatewayLimit = /(?:Quota|SpikeArrest)Violation$/;

/**
 * A gateway found no server that it could pass the request to: Envoy, Kong, Traefik, HAProxy and OpenShift's router. What
 * Envoy has `retried` may have been passed on the first time.
 */
const notPassedOn = new RegExp(
  [
    '^no healthy upstream$',
    '^upstream connect error or disconnect/reset before headers\\. reset reason: (?:remote |local )?connection failure\\b',
    '\\bfailure to get a peer from the ring-balancer\\b',
    '^no available server$',
    '<h1>503 Service Unavailable</h1>\\s{1,9}No server is available to handle this request\\.',
    '<h1>Application is not available</h1>\\s{1,99}<p>The application is currently not serving requests at this endpoint\\.',
  ].join('|'),
  'i',
);

/** True if the issuer has not seen the request, by the words or the page of a gateway or its status. */
function isNotPassedOn(message: string, page: string, status: number): boolean {
  return (
    status >= 500 && ([message, page].some(each => notPassedOn.test(each.trim())) || notConnected.includes(status))
  );
}

/**
 * Cloudflare could not connect to the issuer (525 and 526: not by TLS; 530: its name or its tunnel was not found), so it
 * passed nothing on.
 */
const notConnected: readonly number[] = [521, 523, 525, 526, 530];

/** The issuer asks to come back. Beside a code that ends a token this is only politeness. */
const laterWords =
  /\b(?:try|retry)(?: it| this| your request| the request)?(?: again)?(?: later| after some time| in (?:a few|\d{1,6}) (?:seconds?|minutes?))\b|\bretry your request\b|稍后(?:再|重)试/i;

/** By the words of an error that was sent with this status and this body. */
export function meaningOf({ code = '', message = '' }: IssuerError, status: number, body = ''): Meaning {
  if (gatewayLimit.test(code) || isNotPassedOn(message, body, status)) return { later: true };
  if (status >= 500 || status === 429 || status === 408 || otherCodes.has(code)) return {};
  if (busyWords.test(code) || busyWords.test(message)) return { later: true };
  const text = `${code} ${message}`;
  if (hasEnded(code, message)) return { ended: true };
  // Some have one code for every failure (`-1`), so what they say about the token counts more.
  if (laterCode.test(code) || (code !== 'invalid_grant' && laterWords.test(message))) return { later: true };
  return signInCode.test(code) || signInWords.test(text) || someToken.test(message) ? { signInAgain: true } : {};
}

function hasEnded(code: string, message: string): boolean {
  const text = `${code} ${message}`;
  const isElsewhere = elsewhere.test(message.replace(otherClient, ''));
  // `isv.refresh-token-invalid` (Alipay), `keymanagement.service.refresh_token_expired` (Apigee).
  const last = code.replace(/^.*[.:]/, '').replaceAll('-', '_');
  const isCode = [code, last, message].some(each => endedCode.test(each));
  if (code !== 'invalid_grant' && [code, message].some(each => spelledGrant.test(each))) return true;
  if (isCode && (!isElsewhere || /refresh/i.test(text))) return true;
  if (isElsewhere) return false;
  return (
    endedWords.test(text) || endedElsewhere.test(text) || (/^[a-z]+_[a-z_]+$/.test(code) && thisToken.test(message))
  );
}

/** RFC 6750 §3: a resource server describes the error in this header, and may leave the body empty. */
export function challengeIn(headers: Headers): { error?: string; error_description?: string } {
  const challenge = headers.get('www-authenticate') ?? '';
  // The quotes are required for these members, but not every server writes them.
  const member = (name: string) => {
    const [, quoted, bare] = new RegExp(`\\b${name}=(?:"([^"]*)"|([^\\s",]+))`).exec(challenge) ?? [];
    return quoted ?? bare;
  };
  const error = member('error');
  const error_description = member('error_description');
  return { ...(error && { error }), ...(error_description && { error_description }) };
}

/**
 * Cloudflare, CloudFront, Akamai, Imperva, Azure, F5, Sucuri and proxies of companies turn away what they take for a bot or
 * a burst, with a page of their own; Cloudflare also with a number alone. Any other page may be the answer to every request.
 * AWS says so in a header, and its status is 202 or 405.
 */
export function isFirewall({ status, headers }: Response, text: string): boolean {
  if (headers.has('x-amzn-waf-action')) return true;
  const isMarked = headers.has('cf-mitigated') || /^error code: 1\d{3}\s*$/.test(text);
  return status === 403 && (isMarked || (/^\s*</.test(text) && firewallPage.test(text)));
}

const firewallPage =
  /\bcloudflare\b|\bthe request could not be satisfied\b|\breference(?:\s|&#32;)(?:#|&#35;)|\bincapsula\b|\bthe request is blocked\b|\bthe requested URL (?:was rejected|could not be retrieved)\b|\b(?:sucuri|zscaler)\b/i;

// --- How long to wait ---

/** The end of a limit, where `Retry-After` is missing. */
const resetNames = ['x-ratelimit-reset-after', 'ratelimit-reset', 'x-ratelimit-reset', 'x-rate-limit-reset'];

/**
 * Milliseconds until a limit ends: a date in seconds, as Auth0 writes it
 * (https://rubydoc.info/gems/auth0/Auth0/RateLimitEncountered), or the seconds that are left (https://developer.sepay.vn/en/sepay-api/v2/xac-thuc).
 * @param now milliseconds since the epoch
 */
export function limitReset(headers: Headers, now: number): number | undefined {
  const value = resetNames.map(name => headers.get(name)).find(each => each !== null) ?? '';
  if (!/^\d{1,11}(?:\.\d{1,9})?$/.test(value)) return undefined;
  const seconds = Number(value);
  const wait = seconds < 1e9 ? seconds * 1000 : seconds * 1000 - (issuerDate(headers) ?? now);
  return wait > 0 ? Math.min(Math.ceil(wait), longestRetryAfter) : undefined;
}

/**
 * How long the body of an error says to wait, in milliseconds: Discord has `{"retry_after": 64.57}` in seconds, Matrix
 * `retry_after_ms`, Withings `{"body": {"wait_seconds": 188}}`.
 */
export function waitIn(body: unknown): number | undefined {
  for (const object of [body, memberIn(body, /^error$|^parameters$|^body$/)]) {
    for (const [name, unit] of waitNames) {
      const value = memberIn(object, name);
      const number = typeof value === 'string' && /^\d{1,9}(?:\.\d{1,9})?$/.test(value) ? Number(value) : value;
      if (typeof number === 'number' && number >= 0) return Math.min(Math.ceil(number * unit), longestRetryAfter);
    }
  }
  return undefined;
}

const waitNames = [
  [/^(?:retry_?after|wait)(?:_?s(?:ec(?:ond)?s?)?)?$/i, 1000],
  [/^retry_?after_?ms$/i, 1],
] as const;

function memberIn(value: unknown, name: RegExp): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([each]) => name.test(each))?.[1]
    : undefined;
}
