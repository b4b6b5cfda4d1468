/** Sets of tokens as they are found in a text, and how the right one is put together where there are several. */

import { isWorkbenchError, WorkbenchError } from '../errors.ts';
import { hasToken, memberOf, readMembers, type TokenName, tokenNames } from '../records/tokenMembers.ts';
import type { RawTokens } from '../records/tokenSet.ts';
import { defined, isObject, type JsonObject, own } from '../tokens/json.ts';
import { type DecodedToken, decodeToken, looksLikeJose, tokenLimit, tryDecode } from '../tokens/jwt.ts';
import { opaqueKind } from '../tokens/opaqueTokens.ts';
import { tokenUse } from '../tokens/tokenUse.ts';
import { base64Text, invisible, percentDecoded } from './escapes.ts';

export type ImportWarningCode =
  /** Spaces or line breaks stood inside the token. */
  | 'whitespace_removed'
  /** A number came as text. */
  | 'number_as_text'
  /** A list came where one text with spaces belongs. */
  | 'list_as_text'
  /** The member has no value of its kind and is left out. */
  | 'member_ignored'
  /** The member comes twice; the last one is taken. */
  | 'duplicate_member'
  /** The text holds more than one set of tokens; one is taken. */
  | 'several_found'
  /** The token looks like a JWT but cannot be decoded: `error` is the code why. It is imported as it is. */
  | 'token_damaged'
  /** What is taken for an access token has the claims of an ID token, or the other way round. */
  | 'looks_like_other_token'
  /** Nothing in the token says what it is for; `member` is a guess. */
  | 'use_assumed'
  /** The token stood in base64 and was decoded. */
  | 'base64_decoded'
  /** The token is base64 of a text that could be the token itself. It is imported as it is. */
  | 'base64_kept'
  /** The token stood in percent-encoding and was decoded. */
  | 'percent_decoded';

export interface ImportWarning {
  readonly code: ImportWarningCode;
  readonly member?: keyof RawTokens;
  readonly error?: string;
}

/** How much a set says for itself, the best first: its members' names, their place, or the form of the tokens alone. */
export const ranks = ['response', 'guessed', 'request', 'pairs', 'header'] as const;
export type Rank = (typeof ranks)[number];

export interface TokenSetFound {
  readonly rank: Rank;
  readonly tokens: RawTokens;
  readonly warnings: readonly ImportWarning[];
}

/**
 * Reads one object, whose members may have the names of a token response or end in them.
 * @param duplicates names that come twice in it
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

/** `MY_ACCESS_TOKEN`, `x.y.accessToken`, `access_token_cookie`. Names of old tokens and of CSRF tokens are left out. */
const longName =
  /^(?:[\w$.:@/-]*[^a-z\d]|[\w$.:@/-]*[a-z\d](?=[AIR]))?((?:access|id|refresh|oauth)[-_ ]?token)(?:[-_]?cookie)?$/i;
const otherPurpose = /csrf|xsrf|expired|revoked|invalid|hash/i;

/** The member at the end of a longer name. */
export function memberAtEnd(name: string): TokenName | undefined {
  if (name.length > 300 || otherPurpose.test(name)) return undefined;
  const end = longName.exec(name)?.[1];
  if (end === undefined) return undefined;
  return /^oauth/i.test(end) ? 'access_token' : (memberOf(end) as TokenName);
}

/** Longer names count where there is no plain one. */
function withPlainNames(object: JsonObject): JsonObject {
  const known = new Set(Object.keys(object).map(memberOf));
  const plain: Record<string, unknown> = { ...object };
  for (const [name, value] of Object.entries(object)) {
    if (memberOf(name) !== undefined) continue;
    const member = memberAtEnd(name);
    if (member !== undefined && !known.has(member)) plain[member] = value;
  }
  return plain;
}

// --- One token ---

/** What logs, manuals and templates put in a token's place. Taken for one, it would replace a refresh token that works. */
const placeholders = [
  /[*•●]{3}|\.{3}|…|redacted|masked\]|filtered\]|\$\{|\{\{|<[^<>]*>/i,
  /^[[<({%].*[\]>)}%]$|^\$/,
  /^(.)\1{2,}$/,
  // The line of a table
  /^[^a-z\d]+$/i,
  /^(?:x{4,}|.{0,12}x{8,}|string|secret|null|undefined|none)$/i,
  /^(?=.*_)[A-Z_]+$/,
  /^(?:your|my|insert|paste|enter|the)[-_][a-z_-]+$/i,
  // Where to find a token, what Move Token leaves, and code that reads one.
  /^(?:JWT_WORKBENCH_TOKEN\b|ENC\[)/,
  /^(?:[a-z][a-z\d+.-]*:\/\/|arn:|env[:.])/i,
  /^(?:process|os|self|this|config|tokens?|response|result|ctx|req|args|secrets?)[.[]/i,
];

export function isPlaceholder(token: string): boolean {
  return placeholders.some(pattern => pattern.test(token));
}

function readToken(member: TokenName, value: string, wrapped: boolean, warnings: ImportWarning[]): string | undefined {
  let token = value.replace(invisible, '').replace(/\s+/g, '');
  requireSize(token);
  const scheme = member === 'access_token' ? /^\s*(?:Bearer|DPoP)\s+(?=\S)/i.exec(value)?.[0] : undefined;
  if (scheme !== undefined) token = token.slice(scheme.trim().length);
  if (token === '' || /[^\x21-\x7e]/.test(token) || isPlaceholder(token)) return undefined;
  if (token !== value.slice(scheme?.length ?? 0)) warnings.push({ code: 'whitespace_removed', member });
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

/** A text that can be told for a token by its form. */
export function isRecognised(text: string | undefined): text is string {
  if (text === undefined) return false;
  return looksLikeJose(text) ? isJose(text) : opaqueKind(text) !== undefined;
}

/** Whether the text that a token is the base64 of could be the real one: a word of letters and digits as tokens are. */
export function isWrapped(inside: string, token: string): boolean {
  if (opaqueKind(token) !== undefined) return false;
  return isRecognised(inside) || (/^[\w.~+/-]{16,}={0,2}$/.test(inside) && /\d/.test(inside) && /[a-z]/i.test(inside));
}

/** One word that can be a token: long enough, and no name of something. */
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

/** What a token says it is for; `undefined` where it does not. */
export function useOf(token: string | undefined): TokenName | undefined {
  const decoded = token === undefined ? undefined : tryDecode(token);
  if (token === undefined || decoded === undefined || 'error' in decoded) return undefined;
  return (decoded.kind === 'opaque' ? opaqueKind(token) : tokenUse(decoded))?.use;
}

/** Says what is odd about a token, and leaves it as it is: only its issuer knows whether it is right. */
export function inspect(member: TokenName, token: string, warnings: ImportWarning[]): void {
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
 * The set to import, in the order of the text: of the best rank the last with a refresh token, since an older one may be
 * spent and sending it end the whole grant. What it lacks is taken from sets that do not contradict it.
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
      // A request's access token is older than its answer's, and its refresh token goes on (RFC 6749 section 6).
      const mayDiffer = best.rank === 'response' && (rank === 'request' || rank === 'header');
      if (isOfOther(tokens, other.tokens) && !mayDiffer) continue;
      const missing = tokenNames.filter(name => tokens[name] === undefined && other.tokens[name] !== undefined);
      if (missing.length === 0) continue;
      // The end beside a lone refresh token is not that of another set's access token.
      const { expires_in: _, expires_at: __, ...endless } = tokens;
      tokens = { ...besides(other.tokens, missing), ...(missing.includes('access_token') ? endless : tokens) };
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

/** Each once, where it stands last, with the warnings of where it stands first: as it was written. */
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

/** The tokens of these names, with what belongs to them. */
function besides(other: RawTokens, names: readonly TokenName[]): RawTokens {
  const { access_token, id_token, refresh_token, refresh_expires_at, refresh_expires_in, ...ofAccess } = other;
  return defined<RawTokens>({
    ...(names.includes('access_token') && { ...ofAccess, access_token }),
    ...(names.includes('id_token') && { id_token }),
    ...(names.includes('refresh_token') && { refresh_token, refresh_expires_at, refresh_expires_in }),
  });
}

/** Another value for the same token, or the name of another issuer or person. */
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
