/** Sets of tokens found in a text, and how the set to import is chosen and completed if there are several. */

import { isWorkbenchError, WorkbenchError } from '../errors.ts';
import { hasToken, memberOf, readMembers, type TokenName, tokenNames } from '../records/tokenMembers.ts';
import type { RawTokens } from '../records/tokenSet.ts';
import { carryNumber, defined, isObject, type JsonObject, own } from '../tokens/json.ts';
import { type DecodedToken, decodeToken, looksLikeJose, tokenLimit, tryDecode } from '../tokens/jwt.ts';
import { opaqueKind } from '../tokens/opaqueTokens.ts';
import { tokenUse } from '../tokens/tokenUse.ts';
import { varietyForOthers } from '../tokens/varieties.ts';
import { base64Text, invisible, percentDecoded } from './escapes.ts';

type ImportWarningCode =
  /** The token contained spaces or line breaks. */
  | 'whitespace_removed'
  /** A number was written as text. */
  | 'number_as_text'
  /** A list was given instead of one text with spaces. */
  | 'list_as_text'
  /** The value has the wrong type, so the member is left out. */
  | 'member_ignored'
  /** The member occurs twice; the last value is used. */
  | 'duplicate_member'
  /** The text contains more than one set of tokens; one of them is used. */
  | 'several_found'
  /** The token looks like a JWT but cannot be decoded: `error` is the code. It is imported unchanged. */
  | 'token_damaged'
  /** The member is an access token, but its claims are those of an ID token, or the other way round. */
  | 'looks_like_other_token'
  /** Nothing in the token tells its use; `member` is a guess. */
  | 'use_assumed'
  /** The token was encoded in base64 and was decoded. */
  | 'base64_decoded'
  /** The token is base64 of a text that could be the token itself. It is imported unchanged. */
  | 'base64_kept'
  /** The token was percent-encoded and was decoded. */
  | 'percent_decoded';

export interface ImportWarning {
  readonly code: ImportWarningCode;
  readonly member?: keyof RawTokens;
  readonly error?: string;
}

/** How reliable a set is, the best first: by its members' names, by their place, or by the form of the tokens alone. */
const ranks = ['response', 'guessed', 'request', 'pairs', 'header'] as const;
export type Rank = (typeof ranks)[number];

export interface TokenSetFound {
  readonly rank: Rank;
  readonly tokens: RawTokens;
  readonly warnings: readonly ImportWarning[];
}

/**
 * Reads one object whose members' names are those of a token response or end in them.
 * @param duplicates names that occur twice in it
 */
export function readSet(object: JsonObject, rank: Rank, duplicates: readonly string[] = []): TokenSetFound | undefined {
  const { tokens: read, notes, guessed } = readMembers(withPlainNames(object));
  if (!hasToken(read)) return undefined;
  const warnings: ImportWarning[] = [];
  for (const name of duplicates) {
    const member = memberOf(name);
    if (member) warnings.push({ code: 'duplicate_member', member });
  }
  const tokens: { -readonly [K in keyof RawTokens]: RawTokens[K] } = { ...read };
  const wrapped = tokenNames.some(name => isRecognised(base64Text(read[name] ?? '')));
  for (const member of tokenNames) {
    const value = read[member];
    if (value === undefined) continue;
    const token = readToken(member, value, wrapped, warnings);
    if (token === undefined) {
      delete tokens[member];
      warnings.push({ code: 'member_ignored', member });
    } else tokens[member] = token;
  }
  for (const member of guessed) {
    if (tokens[member] !== undefined && useOf(tokens[member]) === undefined)
      warnings.push({ code: 'use_assumed', member });
  }
  const isRequest = typeof (own(object, 'grant_type') ?? own(object, 'grantType')) === 'string';
  const isGuess = tokenNames.every(name => tokens[name] === undefined || guessed.includes(name));
  const actual = rank !== 'response' ? rank : isRequest ? 'request' : isGuess ? 'guessed' : rank;
  return { rank: actual, tokens, warnings: [...warnings, ...notes] };
}

/** `MY_ACCESS_TOKEN`, `x.y.accessToken`, `access_token_cookie`. Names of old tokens and of CSRF tokens do not count. */
const longName =
  /^(?:[\w$.:@/-]*[^a-z\d]|[\w$.:@/-]*[a-z\d](?=[AIR]))?((?:access|id|refresh|oauth)[-_ ]?token)(?:[-_]?cookie)?$/i;
const otherPurpose = /csrf|xsrf|expired|revoked|invalid|hash|registration/i;

/** The member that a longer name ends in. */
export function memberAtEnd(name: string): TokenName | undefined {
  if (name.length > 300 || otherPurpose.test(name)) return undefined;
  const end = longName.exec(name)?.[1];
  if (end === undefined) return undefined;
  return /^oauth/i.test(end) ? 'access_token' : (memberOf(end) as TokenName);
}

/** Adds the members of longer names. A plain name takes precedence. */
function withPlainNames(object: JsonObject): JsonObject {
  const known = new Set(Object.keys(object).map(memberOf));
  const plain: Record<string, unknown> = { ...object };
  for (const [name, value] of Object.entries(object)) {
    carryNumber(object, name, plain);
    if (memberOf(name) !== undefined) continue;
    const member = memberAtEnd(name) ?? registryMember(name, value, known.has('access_token'));
    if (member !== undefined && !known.has(member)) plain[member] = value;
  }
  const isOther = (name: string) =>
    memberOf(name) === undefined && memberAtEnd(name) === undefined && prefixed.test(name);
  const [only, ...others] = Object.keys(object).filter(name => isOther(name) && isJoseText(object[name]));
  if (only !== undefined && others.length === 0 && plain.access_token === undefined) plain.token ??= object[only];
  return plain;
}

/** `ROCP_token`: the word before it says nothing of its use, so it counts as `token` does, and only for one JWT. */
const prefixed =
  /^(?!.*(?:csrf|xsrf|expired|revoked|invalid|hash|device|push|reset|verif))[a-z][a-z\d]{0,15}[-_.]token$/i;

/** Libraries that keep every value as JSON write quotes around a token. */
const unquoted = (value: string) => value.replace(/^\s*"([^"]*)"\s*$/, '$1');

function isJoseText(value: unknown): boolean {
  return typeof value === 'string' && looksLikeJose(unquoted(value)) && isJose(unquoted(value));
}

/**
 * What a registry gives to Docker: `registrytoken` is sent as a bearer token, `identitytoken` as a refresh token. Apple's
 * sign-in and Insomnia have an ID token under that name, Insomnia beside an access token.
 */
function registryMember(name: string, value: unknown, hasAccess: boolean): TokenName | undefined {
  if (/^registry_?token$/i.test(name)) return 'access_token';
  if (!/^identity_?token$/i.test(name) || typeof value !== 'string') return undefined;
  const use = useOf(value);
  return use === 'id_token' || (use === undefined && hasAccess && isJoseText(value)) ? 'id_token' : 'refresh_token';
}

// --- One token ---

/**
 * What logs, manuals and templates write in place of a token. Imported as a token, it would replace a working refresh
 * token.
 */
const placeholders = [
  /[*•●]{3}|\.{3}|…|redacted|masked\]|filtered\]|\$\{|\{\{|<[^<>]*>/i,
  /^[[<({%].*[\]>)}%]$|^\$/,
  /^(.)\1{2,}$/,
  // A rule in a table
  /^[^a-z\d]+$/i,
  /^(?:x{4,}|.{0,12}x{8,}|string|secret|null|undefined|none)$/i,
  /^(?=.*_)[A-Z_]+$/,
  /^(?:your|my|insert|paste|enter|the)[-_][a-z_-]+$/i,
  // References to a token's location, what Move Token leaves in the file, and code that reads a token.
  /^(?:JWT_WORKBENCH_TOKEN\b|ENC\[)/,
  /^(?:[a-z][a-z\d+.-]*:\/\/|arn:|env[:.]|vault:|@Microsoft\.|\{cipher\})/i,
  // An alias of YAML, an address in memory, and a text that Jasypt has encrypted.
  /^(?:\*[A-Za-z]\w*(?:[.-]\w+)*|0x[\da-f]{4,16}|ENC\(.*)$/i,
  // A mail address, a date, an IP address with its port, and the path of a file.
  /^[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}$/,
  /^\d{4}-\d\d-\d\dT[\d:.]{5,18}(?:Z|[+-]\d\d:?\d\d)?$/,
  /^\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?$/,
  /^(?:[a-z]:[\\/]|\\\\|(?:~|\.{0,2})\/.*\.[a-z]{1,5}$)/i,
  // A host name with one of these endings. With any other, it could be a token with dots.
  /^(?:[a-z\d-]{1,63}\.){1,8}(?:com|org|net|io|dev|app|cloud|local|internal|example)(?::\d{1,5})?$/,
  // How .NET prints a secret that it protects.
  /^System\.[A-Z][\w.]+$/,
  // How Java prints an object whose class does not say how.
  /^\[?[A-Za-z][\w$]*(?:\.[\w$]+)+;?@[\da-f]{1,8}$/,
  /^(?:process|os|self|this|config|tokens?|response|result|ctx|req|args|secrets?)[.[]/i,
];

export function isPlaceholder(token: string): boolean {
  return placeholders.some(pattern => pattern.test(token));
}

function readToken(member: TokenName, value: string, wrapped: boolean, warnings: ImportWarning[]): string | undefined {
  let token = unquoted(value).replace(invisible, '').replace(/\s+/g, '');
  requireSize(token);
  const scheme = member === 'access_token' ? /^\s*(?:Bearer|DPoP)\s+(?=\S)/i.exec(value)?.[0] : undefined;
  if (scheme !== undefined) token = token.slice(scheme.trim().length);
  if (token === '' || /[^\x21-\x7e]/.test(token) || isPlaceholder(token)) return undefined;
  if (token !== unquoted(value).slice(scheme?.length ?? 0)) warnings.push({ code: 'whitespace_removed', member });
  const plain = percentDecoded(token);
  if (plain !== token && !/[^\x21-\x7e]/.test(plain)) {
    warnings.push({ code: 'percent_decoded', member });
    token = plain;
  }
  const inside = base64Text(token);
  if (inside === undefined || !(wrapped || isWrapped(inside, token))) return token;
  if (isRecognised(inside) || (wrapped && isWord(inside))) {
    warnings.push({ code: 'base64_decoded', member });
    return inside;
  }
  warnings.push({ code: 'base64_kept', member });
  return token;
}

/** True if the text's form shows that it is a token. */
export function isRecognised(text: string | undefined): text is string {
  if (text === undefined) return false;
  return looksLikeJose(text) ? isJose(text) && !isOfOtherKind(text) : opaqueKind(text) !== undefined;
}

/** True for a JWT whose type or claims say that it is for something else, such as a logout token. */
function isOfOtherKind(token: string): boolean {
  const decoded = tryDecode(token);
  return !('error' in decoded) && varietyForOthers(token, decoded) !== undefined;
}

/** True if `inside`, the decoded text, may be the real token: it consists of letters and digits as tokens do. */
export function isWrapped(inside: string, token: string): boolean {
  if (opaqueKind(token) !== undefined) return false;
  return isRecognised(inside) || (/^[\w.~+/-]{16,}={0,2}$/.test(inside) && /\d/.test(inside) && /[a-z]/i.test(inside));
}

/** True for a word that can be a token: it is long enough and not the name of something. */
export function isWord(text: string): boolean {
  return text.length >= 8 && !/[^\x21-\x7e]/.test(text) && !(text.length < 20 && /^[a-z_-]+[:=]?$/i.test(text));
}

export function isJose(token: string, claimsOnly = true): boolean {
  try {
    return decodeToken(token, claimsOnly).kind !== 'opaque';
  } catch {
    return false;
  }
}

/** The use that the token itself states; `undefined` if it states none. */
function useOf(token: string | undefined): TokenName | undefined {
  const decoded = token === undefined ? undefined : tryDecode(token);
  if (token === undefined || decoded === undefined || 'error' in decoded) return undefined;
  return (decoded.kind === 'opaque' ? opaqueKind(token) : tokenUse(decoded))?.use;
}

/** Warns about oddities of a token and leaves it unchanged: only its issuer knows whether it is right. */
function inspect(member: TokenName, token: string, warnings: ImportWarning[]): void {
  try {
    const decoded: DecodedToken = decodeToken(token, true);
    const hint = decoded.kind === 'opaque' ? undefined : tokenUse(decoded);
    const use = decoded.kind === 'opaque' ? opaqueKind(token)?.use : hint?.certain ? hint.use : undefined;
    if (use !== undefined && use !== member) warnings.push({ code: 'looks_like_other_token', member });
  } catch (error) {
    warnings.push({ code: 'token_damaged', member, ...(isWorkbenchError(error) && { error: error.code }) });
  }
}

/** @throws WorkbenchError `token_too_large` */
export function requireSize(token: string): void {
  if (token.length > tokenLimit) throw new WorkbenchError('token_too_large', { size: token.length, limit: tokenLimit });
}

// --- Several sets in one text ---

/**
 * The set to import. Of the sets with the best rank it is the last one with a refresh token, since an older refresh
 * token may be spent, and sending it could end the whole grant. Missing tokens are taken from sets that do not
 * contradict it.
 */
export function mergeSets(sets: readonly TokenSetFound[]): TokenSetFound | undefined {
  const distinct = distinctSets(sets);
  const best = ranks
    .map(rank => distinct.filter(set => set.rank === rank && hasToken(set.tokens)))
    .map(ranked => ranked.findLast(({ tokens }) => tokens.refresh_token !== undefined) ?? ranked.at(-1))
    .find(set => set !== undefined);
  if (best === undefined) return undefined;
  let { tokens } = best;
  const warnings = [...best.warnings];
  const others = distinct.filter(set => set !== best && hasToken(set.tokens));
  for (const rank of ranks) {
    for (const other of others.filter(set => set.rank === rank).reverse()) {
      // The access token of a request is older than that of the answer; its refresh token stays valid (RFC 6749 section
      // 6).
      const mayDiffer = best.rank === 'response' && (rank === 'request' || rank === 'header');
      if (isOfOther(tokens, other.tokens) && !mayDiffer) continue;
      const missing = tokenNames.filter(name => tokens[name] === undefined && other.tokens[name] !== undefined);
      if (missing.length === 0) continue;
      // The lifetime beside a lone refresh token does not apply to another set's access token.
      const { expires_in: _, expires_at: __, ...endless } = tokens;
      // Nor does the scope, if the other set has its own.
      tokens = missing.includes('access_token')
        ? { ...endless, ...tokensNamed(other.tokens, missing) }
        : { ...tokensNamed(other.tokens, missing), ...tokens };
      warnings.push(...other.warnings.filter(({ member }) => missing.includes(member as TokenName)));
    }
  }
  const rivals = others.filter(({ rank, tokens: rival }) => rank === best.rank && isOfOther(tokens, rival));
  if (rivals.length > 0) warnings.push({ code: 'several_found' });
  for (const member of tokenNames) {
    const token = tokens[member];
    if (token !== undefined) inspect(member, token, warnings);
  }
  return { rank: best.rank, tokens, warnings };
}

/**
 * Each set once: the last position counts, and of equal ranks the first occurrence, whose warnings are about the text as it
 * was written.
 */
function distinctSets(sets: readonly TokenSetFound[]): TokenSetFound[] {
  const distinct = new Map<string, TokenSetFound>();
  for (const set of sets) {
    const key = tokenNames.map(name => set.tokens[name]).join(' ');
    const first = distinct.get(key) ?? set;
    distinct.delete(key);
    distinct.set(key, ranks.indexOf(set.rank) < ranks.indexOf(first.rank) ? set : first);
  }
  return [...distinct.values()];
}

/** The tokens with these names and the members that belong to them. */
function tokensNamed(other: RawTokens, names: readonly TokenName[]): RawTokens {
  const { access_token, id_token, refresh_token, refresh_expires_at, refresh_expires_in, ...ofAccess } = other;
  return defined<RawTokens>({
    ...(names.includes('access_token') && { ...ofAccess, access_token }),
    ...(names.includes('id_token') && { id_token }),
    ...(names.includes('refresh_token') && { refresh_token, refresh_expires_at, refresh_expires_in }),
  });
}

/** True if the sets differ in a token, in the issuer or in the subject. */
function isOfOther(one: RawTokens, other: RawTokens): boolean {
  if (tokenNames.some(name => one[name] !== undefined && other[name] !== undefined && one[name] !== other[name]))
    return true;
  const [mine, theirs] = [one, other].map(set => tokenNames.map(name => payloadOf(set[name])));
  return (['iss', 'sub'] as const).some(claim => {
    const [here, there] = [mine, theirs].map(payloads => payloads?.map(payload => payload?.[claim]).find(isText));
    return here !== undefined && there !== undefined && here !== there;
  });
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

export function payloadOf(token: string | undefined): JsonObject | undefined {
  if (token === undefined || !looksLikeJose(token)) return undefined;
  const decoded = tryDecode(token);
  return !('error' in decoded) && decoded.kind === 'jws' && isObject(decoded.payload) ? decoded.payload : undefined;
}
