/** Reads the answers of an issuer's endpoints: the tokens in them, or the error. Every answer is read here. */
import { type ErrorData, WorkbenchError } from '../errors.ts';
import { issuerDate, retryAfter } from '../http/http.ts';
import { type FoundTokens, findTokens, hasToken, isErrorText, memberOf, normalized } from '../records/tokenMembers.ts';
import type { RawTokens, ResponseWarning } from '../records/tokenSet.ts';
import { firstLine, sanitized } from '../redact.ts';
import { decodeBase64 } from '../tokens/base64url.ts';
import { isObject, type JsonObject, own, readJson, withoutGuard } from '../tokens/json.ts';
import {
  challengeIn,
  codeNames,
  endedCode,
  errorContainers,
  type IssuerError,
  isFirewall,
  limitReset,
  meaningOf,
  messageNames,
  oauthCodes,
  sayNothing,
  waitIn,
} from './refusalWords.ts';

/** What the reader of an answer knows about the request. */
export interface AnswerContext {
  readonly host: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** What was sent and must not appear in an error's text. */
  readonly secrets: readonly string[];
  /** Identifiers that an issuer may repeat and that are not secrets, for example the `client_id`. */
  readonly known?: readonly string[];
  /** The setting that names the endpoint, if it is not the token endpoint. */
  readonly setting?: string | undefined;
  /** The refresh token that was sent, if any. The issuer's message may say in any words that it has ended. */
  readonly refreshToken?: string | undefined;
}

/** The most characters that are kept of an issuer's message. */
const longestText = 300;

/**
 * Throws if the answer is an error. Some issuers answer an error with status 200 (GitHub, Slack).
 * @throws WorkbenchError `oauth_error`, `http_error`
 */
export async function refuseError(response: Response, context: AnswerContext): Promise<void> {
  const text = await response.text();
  const value = parsed(text);
  if (!response.ok || (isObject(value) && isOauthError(value))) throw errorOf(response, text, value, context);
}

/**
 * The same for an answer of which nothing but its success matters. A body that denies the success counts: a page, or
 * `{"ok": false}` (Slack), `{"success": false}`, `{"errcode": 40001}` (WeChat).
 * @throws WorkbenchError `oauth_error`, `http_error`, `response_invalid` with `html`
 */
export async function refuseAnyError(response: Response, context: AnswerContext): Promise<void> {
  await refuseError(response.clone(), context);
  const text = await response.text();
  const value = parsed(text);
  if (isObject(value) && deniesSuccess(value)) throw errorOf(response, text, value, context);
  if (isPage(text)) throw unreadable(response, text, value, context);
}

function deniesSuccess(value: JsonObject): boolean {
  return Object.entries(value).some(([name, member]) =>
    /^(?:ok|success)$/i.test(name)
      ? member === false
      : /^err(?:or)?_?code$/i.test(name) && member !== 0 && member !== '0' && member !== null && member !== '',
  );
}

/**
 * Reads the JSON object in an answer.
 * @throws WorkbenchError `oauth_error`, `http_error`, `response_invalid`
 */
export async function readObject(response: Response, context: AnswerContext): Promise<JsonObject> {
  await refuseError(response.clone(), context);
  const text = await response.text();
  const value = parsed(text);
  if (!isObject(value)) throw unreadable(response, text, value, context);
  return value;
}

interface TokenResponse {
  readonly raw: RawTokens;
  readonly warnings: readonly ResponseWarning[];
  /** RFC 8693 §2.2.1. */
  readonly issuedTokenType?: string | undefined;
}

/**
 * Reads the tokens of a response, or throws the error in it. Tokens are found wherever they are: an answer that is
 * partly unreadable may still contain a refresh token that exists nowhere else.
 * @throws WorkbenchError `oauth_error`, `http_error`, `response_invalid`
 */
export async function readTokenResponse(response: Response, context: AnswerContext): Promise<TokenResponse> {
  const text = await response.text();
  const value = parsed(text);
  const { refreshToken: sent } = context;
  const found = withSuccessor(findTokens(value, sent), text, response.headers, sent);
  const isError = isObject(value) && isOauthError(value);
  // New tokens that are sent with an error status exist nowhere else either.
  const isPair = found?.tokens.access_token !== undefined && isNew(found.tokens.refresh_token, sent);
  if (!response.ok && (isError || !isPair)) throw errorOf(response, text, value, context);
  if (found?.tokens.access_token === undefined && isError) throw errorOf(response, text, value, context);
  if (found !== undefined) {
    const warnings: ResponseWarning[] = [...found.notes].flatMap(({ code, member }) =>
      code === 'member_ignored' ? { code: 'member_invalid', member } : [],
    );
    if (found.nested) warnings.push({ code: 'response_nested' });
    const issued = isObject(value) ? value.issued_token_type : undefined;
    const issuedTokenType = typeof issued === 'string' ? issued : undefined;
    return { raw: inOurTime(found.tokens, response, context, warnings), warnings, issuedTokenType };
  }
  // No token, but an error message.
  const issuerError = isObject(value) ? errorIn(value) : {};
  if (saysAnything(issuerError) && !saysSuccess(issuerError)) throw errorOf(response, text, value, context);
  const rest = tokensWritten(text, sent);
  // The text is truncated or almost JSON. A member whose closing quote is present is complete.
  if (rest !== undefined && value === undefined && hasToken(rest) && !isPageWithToken(text, rest))
    return { raw: rest, warnings: [{ code: 'response_incomplete' }] };
  if (isObject(value)) return { raw: {}, warnings: [] };
  if (isFirewall(response, text)) throw errorOf(response, text, value, context);
  throw unreadable(response, text, value, context);
}

/**
 * True for JSON that broke off behind a whole new refresh token, which exists nowhere else. `readTokenResponse` finds it,
 * too. If only an access token is whole, a refresh token may have followed, so the answer counts as lost.
 */
export function hasSuccessor(text: string, sent: string | undefined): boolean {
  return isOpenObject(text) && isNew(tokensWritten(text, sent)?.refresh_token, sent);
}

/** True for a page whose script has a token of its own, as the pages of portals have: no token response. */
function isPageWithToken(text: string, { refresh_token, expires_in, expires_at }: RawTokens): boolean {
  return isPage(text) && [refresh_token, expires_in, expires_at].every(each => each === undefined);
}

function unreadable(response: Response, text: string, value: unknown, context: AnswerContext): WorkbenchError {
  const { common } = dataOf(response, context);
  const reason = value !== undefined ? 'not_an_object' : /^\s*</.test(text) ? 'html' : 'not_json';
  // A text that does not parse may be half a token response, so none of it is repeated.
  const line = reason === 'html' ? firstLine(text, longestText, context.secrets, context.known) : undefined;
  return new WorkbenchError('response_invalid', { ...common, reason, ...(line !== undefined && { firstLine: line }) });
}

/**
 * Converts an expiry date from the issuer's clock to this machine's. A date in the past is dropped: the token would be
 * refreshed without pause.
 */
function inOurTime(
  { expires_at, ...tokens }: RawTokens,
  { headers }: Response,
  { now }: AnswerContext,
  warnings: ResponseWarning[],
): RawTokens {
  if (expires_at === undefined) return tokens;
  const at = expires_at + now - (issuerDate(headers) ?? now);
  if (at > now) return { ...tokens, expires_at: at };
  if (tokens.expires_in === undefined) warnings.push({ code: 'member_invalid', member: 'expires_at' });
  return tokens;
}

// --- A new refresh token outside of the tokens that were found ---

const isNew = (token: string | undefined, sent: string | undefined) => token !== undefined && token !== sent;

/**
 * Adds an access token whose name is repeated without a value or that is in a header or a cookie alone, and the successor
 * of the refresh token that was sent, if the body has none or repeats the one that was sent. The successor may be in a
 * duplicate member (JSON.parse keeps the last one), in a header or in a cookie.
 */
function withSuccessor(
  found: FoundTokens | undefined,
  text: string,
  headers: Headers,
  sent: string | undefined,
): FoundTokens | undefined {
  const written = repeated(text) ? pairsOf(text) : [];
  const around = pairsOfHeaders(headers);
  const accessIn = (pairs: readonly [string, string][]) =>
    pairs.find(([name]) => memberOf(name) === 'access_token')?.[1];
  const [refresh_token] = [...written, ...around].flatMap(([name, value]) =>
    memberOf(name) === 'refresh_token' && isNew(value, sent) ? [value] : [],
  );
  // A page may set such a cookie for itself, so a token in a header alone counts beside a new refresh token only.
  const isPair = refresh_token !== undefined && !isPage(text);
  const access_token = found?.tokens.access_token ?? accessIn(written) ?? (isPair ? accessIn(around) : undefined);
  if (access_token === undefined) return found;
  const rest = { nested: false, several: false, notes: [], guessed: [], ...found };
  const whole = { ...rest, tokens: { ...found?.tokens, access_token } };
  if (refresh_token === undefined || isNew(found?.tokens.refresh_token, sent)) return whole;
  return { ...whole, tokens: { ...whole.tokens, refresh_token } };
}

function repeated(text: string): boolean {
  const reading = readJson(text);
  return reading.ok && reading.duplicates.some(({ member }) => isTokenMember(member));
}

/** Reads headers and cookies with the name of a token, except cookies that the answer deletes. */
function pairsOfHeaders(headers: Headers): [string, string][] {
  const cookies = (headers.getSetCookie?.() ?? []).flatMap(cookie => {
    const [, name = '', value = ''] = /^\s*(?:__(?:Host|Secure)-)?([\w.-]{1,64})="?([^;"]*)/.exec(cookie) ?? [];
    const isDeleted = /;\s*(?:max-age=\s*(?:0|-)|expires=[^;]*\b19\d\d\b)/i.test(cookie);
    return isDeleted ? [] : [[name, percentDecoded(value)] as const];
  });
  return [...headers, ...cookies].flatMap(([name, value]) => (isToken(value) ? [[name, value]] : []));
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Rejects words that a page may have after such a name: a token is long and has only visible characters. */
const isToken = (text: string) => /^[\x21-\x7e]{16,}$/.test(text);

// --- Parsing a body ---

/**
 * Parses JSON, whatever the content type, or the form encoding that some issuers use (GitHub). The JSON may be in base64 or
 * the payload of a JWT. `undefined` if it is none of them.
 */
function parsed(text: string): unknown {
  // Removes the prefix with which some servers keep JSON from being executed as a script.
  const reading = readJson(withoutGuard(text));
  if (reading.ok) return typeof reading.value === 'string' ? (parsed(reading.value) ?? reading.value) : reading.value;
  const form = /^\s*[?#]?([\w.-]{1,64}=[^\s<{]*)\s*$/.exec(text)?.[1];
  if (form !== undefined && /token|error|access|refresh|jwt/i.test(form)) {
    const pairs = [...new URLSearchParams(form.replace(/&amp;|;(?=[\w.-]{4,64}=)/g, '&'))];
    // A plus sign of base64 that was not encoded: a token has no space, except behind its scheme.
    const members = Object.fromEntries(
      pairs.map(([name, value]) => [name, isTokenMember(name) ? value.replace(/(?<!^Bearer) /gi, '+') : value]),
    );
    if (typeof members.error === 'string' || findTokens(members)) return members;
  }
  const [, payload = text.trim()] = /^\s*[\w-]+\.([\w-]+)\.[\w-]*\s*$/.exec(text) ?? [];
  const bytes = /^[\w+/-]{32,}={0,2}$/.test(payload) ? decodeBase64(payload) : undefined;
  const inner = bytes instanceof Uint8Array ? readJson(new TextDecoder().decode(bytes)) : undefined;
  return inner?.ok && isObject(inner.value) ? inner.value : undefined;
}

const isTokenMember = (name: string) => memberOf(name)?.endsWith('_token') === true;

/** Finds the members of a token response in almost JSON, XML, YAML, properties and multipart forms. */
function pairsOf(text: string): [string, string][] {
  const plain = text.replace(/&(?:quot|#34|#x22);/gi, '"').replaceAll('&amp;', '&');
  const named = [...plain.matchAll(namedValue)].flatMap(
    ({ 0: { length }, 1: name = '', 2: double, 3: single, 4: bare, index }) => {
      // A number at the end of JSON that broke off may lack digits.
      if (bare !== undefined && isOpenObject(plain) && index + length === plain.length) return [];
      return [[name, double === undefined ? (single ?? bare ?? '') : unescaped(double)]];
    },
  );
  const marked = [...plain.matchAll(elementOrPart)].map(([, name = '', value = '']) => [name, value]);
  return [...named, ...marked].flatMap(([name = '', value = '']) => {
    const member = memberOf(name);
    if (member === undefined) return [];
    return !member.endsWith('_token') || isToken(value) ? [[name, value]] : [];
  });
}

function tokensWritten(text: string, sent: string | undefined): RawTokens | undefined {
  return findTokens(
    pairsOf(text).map(([key, value]) => ({ key, value })),
    sent,
  )?.tokens;
}

/** True for the beginning of a JSON object. */
const isOpenObject = (text: string) => /^\s*\{/.test(text);

/** `"a": "b"`, `'a' => 'b'`, `a=b`. A value without its closing quote is truncated and does not match. */
const namedValue =
  /(?<![\w.-])["']?([\w.-]{0,40}(?:token|jwt|expir|scope|lifetime)[\w.-]{0,20})["']?\s{0,4}(?:=>|[:=])\s{0,4}(?:"((?:[^"\\\n]|\\.){0,70000})"|'([^'\\\n]{0,70000})'|([^\s"'<>&;,{}[\]()]+))/gi;

/** An XML element or a part of multipart/form-data. */
const elementOrPart =
  /(?:<(?:\w{1,32}:)?|\bname=")([\w.-]{0,40}(?:token|jwt|expir|scope|lifetime)[\w.-]{0,20})(?:>\s{0,40}(?:<!\[CDATA\[)?\s{0,40}|"\r?\n\r?\n)([^\s<>[\]]+)(?=\s*(?:\]\]>\s*)?<\/|\r?\n)/gi;

function unescaped(text: string): string {
  const reading = readJson(`"${text}"`);
  return reading.ok && typeof reading.value === 'string' ? reading.value : text;
}

// --- Reading an error ---

const saysAnything = ({ code, message }: IssuerError) => code !== undefined || message !== undefined;

/** `{"code": 0, "message": "success"}`: the issuer may have used the refresh token, and there are no tokens all the same. */
const saysSuccess = ({ code = '0', message = 'ok' }: IssuerError) =>
  /^(?:0+|200|ok|success\w*)$/i.test(code) && /^(?:ok|success\w*)\W*$/i.test(message);

const isOauthError = (value: JsonObject) => typeof value.error === 'string' && value.error !== '';

/** Finds the code and the message of an error, at any depth and under any of these names. */
function errorIn(value: unknown): IssuerError {
  let code: string | undefined;
  let message: string | undefined;
  let vague: string | undefined;
  let level: unknown[] = [value];
  for (let depth = 0; depth < 4 && level.length > 0; depth++) {
    const below: unknown[] = [];
    for (const each of level.slice(0, 20)) {
      const item = typeof each === 'string' && /^\s*[{[]/.test(each) ? parsed(each) : each;
      if (Array.isArray(item)) {
        below.push(...item);
        // Django sends its validation errors as texts alone.
        message ??= item.find(text => typeof text === 'string' && /^[^\s{[]+\s\S/.test(text));
      }
      if (!isObject(item)) continue;
      const members = Object.entries(item).map(([name, member]) => [normalized(name), member] as const);
      const firstOf = (names: readonly string[], fits: (text: string) => boolean) => {
        for (const name of names) {
          const [, member] = members.find(([each]) => each.replace(/^_+/, '') === name) ?? [];
          // A number that repeats the HTTP status adds nothing.
          const isNumber = typeof member === 'number' && (member < 200 || member > 599);
          // OData names the language of a message beside it.
          const [first]: readonly unknown[] = Array.isArray(member)
            ? member
            : [isObject(member) ? own(member, 'value') : member];
          const text = isNumber ? String(member) : first;
          if (typeof text === 'string' && fits(text)) return text.trim();
        }
        return undefined;
      };
      const ownCode =
        firstOf(
          codeNames,
          text => /^[\w.:-]{1,64}$/.test(text.trim()) && !/^(?:error|about:blank)$/i.test(text.trim()),
        ) ?? firstOf(['status'], text => endedCode.test(text));
      // Strava names the member of the request that the code is about.
      const about = firstOf(['field', 'param', 'parameter'], text => normalized(text) === 'refreshtoken');
      if (about && ownCode && /^[a-z]+$/i.test(ownCode)) code = `refresh_token_${ownCode}`;
      code ??= ownCode;
      const isMore = (text: string) => text.trim() !== '' && text.trim() !== code;
      message ??= firstOf(messageNames, text => isMore(text) && !sayNothing.test(text.trim()));
      message ??= firstOf(['accesstoken'], isErrorText);
      // A title may be above the words that name the token, as in the extensions of GraphQL.
      const naming = firstOf(messageNames, namesRefreshToken);
      if (naming !== undefined && !namesRefreshToken(message ?? '')) message = naming;
      vague ??= firstOf(messageNames, isMore);
      // `{"errors": {"refresh_token": ["is expired"]}}` says more than the title beside it (Rails, Laravel, ASP.NET).
      const [field] = fieldErrors(own(item, 'errors'));
      if (field !== undefined) message = field;
      for (const [name, member] of members) if (errorContainers.test(name)) below.push(member);
    }
    level = below;
  }
  message ??= code === undefined ? vague : undefined;
  return { ...(code !== undefined && { code }), ...(message !== undefined && { message }) };
}

const namesRefreshToken = (text: string) => /\brefresh[ _-]?token\b.*\s/i.test(text.trim());

function fieldErrors(errors: unknown): string[] {
  if (!isObject(errors)) return [];
  return Object.entries(errors).flatMap(([name, texts]) =>
    Array.isArray(texts) && typeof texts[0] === 'string' ? [`${name}: ${texts[0]}`] : [],
  );
}

/** A code of OAuth in JSON that is truncated, or inside of a page or a log. */
const codeInside = /(?:"|&quot;)error(?:"|&quot;)\s{0,4}:\s{0,4}(?:"|&quot;)([a-z_]{1,64})(?:"|&quot;)/;

/** An error whose body is a plain word or XML. Some issuers send an OAuth code as plain text. */
function plainError(text: string): JsonObject {
  const word = text.trim();
  const [, inside = ''] = codeInside.exec(text) ?? [];
  if (oauthCodes.has(inside)) return { error: inside };
  if (/^[a-z]+(?:_[a-z]+)+$/.test(word) && word.length <= 64) return { error: word };
  // One line of plain words is all that some issuers say.
  if (/^[^<>{}[\]\n]{4,200}$/.test(word)) return { message: word };
  if (!/^\s*<(?!!doctype|html)/i.test(text)) return {};
  const elements = text.slice(0, 10_000).matchAll(/<((?:[\w-]{1,32}:)?([\w-]{1,64}))>([^<>]{1,1000})<\/\1>/g);
  return Object.fromEntries([...elements].map(([, , name, content]) => [String(name), content]));
}

function dataOf({ status, headers }: Response, { host, now, setting }: AnswerContext, body?: unknown, later?: boolean) {
  const isBusy = status === 429 || status === 503 || later;
  const reset = status === 429 ? limitReset(headers, now) : undefined;
  const wait = retryAfter(headers, now) ?? (isBusy ? waitIn(body) : undefined) ?? reset;
  const common: ErrorData = {
    host,
    status,
    sent: true,
    ...(setting !== undefined && { setting }),
    ...(wait !== undefined && { retryAfter: wait }),
  };
  return { common };
}

function errorOf(response: Response, text: string, value: unknown, context: AnswerContext): WorkbenchError {
  const issuerError = errorIn(isObject(value) || Array.isArray(value) ? value : plainError(text));
  const clean = (message: string, max = longestText) => sanitized(message, max, context.secrets, context.known);
  const { error: named, error_description: because } = challengeIn(response.headers);
  const said = saysAnything(issuerError)
    ? issuerError
    : { ...(named && { code: named }), ...(because && { message: because }) };
  const ownError = isObject(value) && typeof value.error === 'string' ? value.error.trim() : '';
  const { later, ...ending } = meaningOf({ ...(ownError && { code: ownError }), ...said }, response.status, text);
  const { common } = dataOf(response, context, value, later);
  const meaning = later ? { later } : context.refreshToken !== undefined ? ending : {};
  const registered = issuerError.code !== undefined && oauthCodes.has(issuerError.code) ? issuerError.code : undefined;
  const error = ownError || registered || named;
  if (error) {
    const description = ownError || registered ? issuerError.message : because;
    const uri = isObject(value) && typeof value.error_uri === 'string' ? value.error_uri : '';
    return new WorkbenchError('oauth_error', {
      ...common,
      error: /^[a-z_]{1,64}$/.test(error) ? error : clean(error, 64),
      ...(description !== undefined && description !== error && { error_description: clean(description) }),
      ...(uri.startsWith('https://') && { error_uri: clean(uri) }),
      ...meaning,
    });
  }
  const blocked = isFirewall(response, text) && ({ blocked: true } as const);
  return new WorkbenchError('http_error', {
    ...common,
    ...wordsOf(text, value, issuerError, context),
    ...meaning,
    ...blocked,
  });
}

const isPage = (text: string) => /^\s*<(?:!doctype|html)\b/i.test(text);

const repeatsStatus = /^\s*["']?(?:404\W{1,3})?(?:page )?not found\W{0,3}$/i;

interface Words {
  /** True if the body has no words. */
  readonly empty?: true;
  readonly firstLine?: string;
  readonly error?: string;
}

/** What the issuer says about an error that has no code of OAuth. */
function wordsOf(
  text: string,
  value: unknown,
  { code, message }: IssuerError,
  { secrets, known }: Pick<AnswerContext, 'secrets' | 'known'>,
): Words {
  const said = message ?? code;
  const line =
    said !== undefined
      ? sanitized(said, longestText, secrets, known)
      : isObject(value)
        ? undefined
        : firstLine(text, longestText, secrets, known);
  return {
    ...(text.trim() === '' && { empty: true }),
    ...(line !== undefined && { firstLine: line }),
    ...(code !== undefined && message !== undefined && { error: sanitized(code, 64, secrets, known) }),
  };
}

/** The error in an answer to a request that carries no token and no credentials, as for keys and metadata. */
export function publicError(
  response: Response,
  text: string,
  context: Pick<AnswerContext, 'host' | 'now'>,
): WorkbenchError {
  const whole = { ...context, secrets: [] };
  const value = parsed(text);
  const issuerError = errorIn(isObject(value) || Array.isArray(value) ? value : plainError(text));
  const { common } = dataOf(response, whole, value);
  const blocked = isFirewall(response, text) && ({ blocked: true } as const);
  const words = wordsOf(text, value, issuerError, whole);
  return new WorkbenchError('http_error', { ...common, ...words, ...blocked, sent: false });
}

/**
 * The issuer's words in an answer that is no error of OAuth and carries no token; empty for a web page, which is usually
 * a gateway's and not the issuer's.
 */
export function publicWords(text: string): Words {
  const value = parsed(text);
  const issuerError = errorIn(isObject(value) || Array.isArray(value) ? value : plainError(text));
  if (value === undefined && /^\s*</.test(text) && !saysAnything(issuerError)) return {};
  if (repeatsStatus.test(text)) return {};
  const { empty: _, ...words } = wordsOf(text, value, issuerError, { secrets: [] });
  return words;
}

/** True for a JSON object that says what is wrong, whatever its status. */
export function saysError(text: string): boolean {
  const value = parsed(text);
  return isObject(value) && (isOauthError(value) || errorIn(value).message !== undefined);
}
