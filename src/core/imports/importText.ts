/** Tokens out of whatever a user pastes: a token response, a page around one, a command, a file, a bare token. */
import { WorkbenchError } from '../errors.ts';
import { hasToken, memberOf, type TokenName, tokenNames } from '../records/tokenMembers.ts';
import type { RawTokens } from '../records/tokenSet.ts';
import { findJwts } from '../tokens/findJwts.ts';
import { type DecodedToken, decodeToken, looksLikeJose, tokenLimit } from '../tokens/jwt.ts';
import { findOpaque, opaqueKind } from '../tokens/opaqueTokens.ts';
import { tokenUse } from '../tokens/tokenUse.ts';
import { accountSets, type Gathering, readDocuments, readSecrets } from './documents.ts';
import { base64Text, otherReadings, percentDecoded, undoWriting, unescaped } from './escapes.ts';
import {
  type ImportWarning,
  isJose,
  isPlaceholder,
  isRecognised,
  isWord,
  isWrapped,
  memberAtEnd,
  mergeSets,
  type Rank,
  readSet,
  requireSize,
  type TokenSetFound,
} from './tokenSets.ts';

export type { ImportWarning };

export type ImportSource =
  /** A token endpoint's JSON answer (RFC 6749 section 5.1), alone or inside other text. */
  | 'token_response'
  /** Members of one in a text that is no JSON, or in a request. */
  | 'pairs'
  /** `Authorization: Bearer ...` (RFC 6750 section 2.1). */
  | 'bearer_header'
  /** A JWT, alone or inside other text. */
  | 'jwt'
  /** One word that is no JWT. */
  | 'refresh_token'
  /** One that its issuer marks as an access token. */
  | 'access_token';

export interface ImportedTokens {
  readonly tokens: RawTokens;
  readonly source: ImportSource;
  readonly warnings: readonly ImportWarning[];
}

const sources: Readonly<Record<Rank, ImportSource>> = {
  response: 'token_response',
  guessed: 'token_response',
  request: 'pairs',
  pairs: 'pairs',
  header: 'bearer_header',
};

/**
 * Finds the tokens in a text, in time linear in its length. How the text is written is undone first; then every reader
 * reads all of it, and one set is put together from what they found.
 * @param claimsOnly a JWS that is no JWT is none of them
 * @throws WorkbenchError `nothing_to_import` {reason: 'empty' | 'error_response' | 'no_token' | 'masked' | 'base64', error?},
 * and for a lone JWT what `decodeToken` throws
 */
export function importText(text: string, claimsOnly = true): ImportedTokens {
  const plain = undoWriting(text);
  if (plain === '') throw new WorkbenchError('nothing_to_import', { reason: 'empty' });
  const bare = fromBareToken(plain, claimsOnly);
  if (bare) return bare;
  const gathering: Gathering = { sets: [], accounts: new Map(), left: mostValues };
  if (mayName.test(plain)) {
    gather(plain, gathering, 0);
    for (const reading of otherReadings(plain)) {
      if (gathering.sets.some(({ tokens }) => tokens.refresh_token !== undefined)) break;
      gather(reading, gathering, 0);
    }
  }
  const found = mergeSets([...gathering.sets, ...accountSets(gathering)]);
  const taken = found ? { ...found, source: sources[found.rank] } : fromProse(plain, claimsOnly);
  // A word in which a member was read, and no token, is not one itself.
  const word = taken || gathering.sets.length > 0 ? undefined : fromWord(plain);
  return taken ? complete(plain, taken) : (word ?? nothing(plain, gathering));
}

/** Without any of these words, no token in the text has a name. */
const mayName = /token|access|refresh|jwt|bearer|dpop|base64|secret/i;

/** Members and items of all JSON in a text that are looked at. */
const mostValues = 200_000;

/** Texts in texts in texts are read: JSON in a string of JSON in a log line. */
const textsInTexts = 20;

function gather(text: string, gathering: Gathering, depth: number): void {
  if (depth > textsInTexts) return;
  const readText = (inner: string, deeper: number) => gather(inner, gathering, deeper);
  const { rest, data } = readSecrets(readDocuments(text, gathering, readText, depth), gathering);
  for (const secret of data) readDocuments(JSON.stringify(secret), gathering, readText, depth);
  if (rest.trim() === '') return;
  const pairs = readPairs(rest);
  const header = fromHeader(rest);
  gathering.sets.push(...[pairs, header].filter(set => set !== undefined));
}

/** A user who pasted a refresh token would believe that it is stored: where it was not read, a message says so. */
function complete(text: string, { tokens, source, warnings }: ImportedTokens): ImportedTokens {
  const isNamed = source !== 'token_response' && /refresh[-_ ]?token\\*["'`\]]*\s*[:=>,)]/i.test(text);
  const known = warnings.some(({ member }) => member === 'refresh_token');
  const missing = isNamed && !known && tokens.refresh_token === undefined;
  return {
    tokens,
    source,
    warnings: missing ? [...warnings, { code: 'member_ignored', member: 'refresh_token' }] : warnings,
  };
}

// --- A JWT, perhaps broken over lines ---

function fromBareToken(text: string, claimsOnly: boolean): ImportedTokens | undefined {
  const word = text.replace(/^(["'`])(.*)\1$/s, '$2');
  if (!looksLikeJose(word) || /[^\w.\s-]/.test(word)) return undefined;
  const token = word.replace(/\s+/g, '');
  if (token !== word) {
    // Two tokens, or a token and words after it, are not one broken token.
    const found = findJwts(word);
    if (found.length > 1 || (found.length === 1 && !isJose(token))) return undefined;
  }
  const decoded = decodeToken(token, claimsOnly);
  if (decoded.kind === 'opaque') return undefined;
  const warnings: ImportWarning[] = [];
  const member = assign(decoded, warnings);
  if (token !== word) warnings.unshift({ code: 'whitespace_removed', member });
  return { tokens: { [member]: token }, source: 'jwt', warnings };
}

/** An unreadable use is taken for an access token: that is what JWTs are copied for most. */
function assign(decoded: DecodedToken, warnings: ImportWarning[]): TokenName {
  const use = tokenUse(decoded)?.use;
  if (use === undefined) warnings.push({ code: 'use_assumed', member: 'access_token' });
  return use ?? 'access_token';
}

// --- `Authorization: Bearer ...` ---

/** As many mentions of the scheme are looked into. */
const headersTried = 64;
const header =
  /(\bauthorization\\{0,3}["']?(?:\s*[:=,]\s*|\s+)\\{0,3}["']?)?\b(Bearer|DPoP|token(?=\s+gh[a-z]_))(?:\s|%20|\+){1,64}(?=[\w.~+/-]{8})/gi;

/** The last one: of a log the newest. */
function fromHeader(text: string): TokenSetFound | undefined {
  let tried = 0;
  let last: TokenSetFound | undefined;
  for (const match of text.matchAll(header)) {
    if (tried++ === headersTried) break;
    const start = match.index + match[0].length;
    const word = /[\w.~+/=!$*-]+/y.exec(text.slice(start, start + tokenLimit + 1))?.[0] ?? '';
    const joined = looksLikeJose(word) && !isJose(word) ? joinedLines(text, start) : word;
    // A token broken over lines decodes as a whole only; other words after it are no part of it.
    const broken = joined !== word && isJose(joined);
    const access_token = broken ? joined : word;
    // "the bearer authentication scheme" is no header: an opaque token needs one around it, or nothing at all.
    const alone = match.index === 0 && match[0].length + word.length === text.length;
    if (match[1] === undefined && !alone && !looksLikeJose(access_token) && !isRecognised(access_token)) continue;
    requireSize(access_token);
    // What goes on with a sign that no token has was masked or cut.
    const next = text[start + word.length] ?? ' ';
    if (isPlaceholder(access_token) || !/[\s"'`,;:&<>()[\]{}\\|%^]/.test(next)) continue;
    const token_type = match[2]?.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer';
    const warnings: ImportWarning[] = broken ? [{ code: 'whitespace_removed', member: 'access_token' }] : [];
    last = { tokens: { access_token, token_type }, rank: 'header', warnings };
  }
  return last;
}

function joinedLines(text: string, start: number): string {
  const lines = /[\w.~+/=\s-]+/y.exec(text.slice(start, start + tokenLimit + 1))?.[0] ?? '';
  return lines.replace(/\s+/g, '');
}

// --- Tokens in prose, and single words ---

/** As many tokens without a name are looked at. */
const namelessTried = 64;

/** By what they say themselves: a JWT by its claims, another by how it begins. */
function fromProse(text: string, claimsOnly: boolean): ImportedTokens | undefined {
  const warnings: ImportWarning[] = [];
  const tokens: { -readonly [K in TokenName]?: string } = {};
  const take = (member: TokenName, token: string) => {
    if (tokens[member] === undefined) tokens[member] = token;
    else if (tokens[member] !== token) warnings.push({ code: 'several_found', member });
  };
  const jwts = findJwts(text).slice(0, namelessTried);
  for (const { start, end } of jwts) {
    const token = text.slice(start, end);
    if (isJose(token, claimsOnly)) take(assign(decodeToken(token), warnings), token);
  }
  // One word is read with more care below.
  if (/\s|["'=:]/.test(text)) for (const { token, kind } of findOpaque(text, namelessTried)) take(kind.use, token);
  const source = jwts.length > 0 ? 'jwt' : tokens.access_token === undefined ? 'refresh_token' : 'access_token';
  return hasToken(tokens) ? { tokens, source, warnings } : undefined;
}

/** A refresh token has no form of its own (RFC 6749 appendix A.17): one printable word that is no URL. */
function fromWord(text: string): ImportedTokens | undefined {
  const word = text.replace(/^["'`]{1,3}|["'`]{0,3}[,;]?$/g, '');
  const [, name = '', sign] = /^([A-Za-z_][\w.-]{0,100})([=:])[^=]/.exec(word) ?? [];
  // A variable, or a member whose value can be no token.
  if (sign === '=' || (memberOf(name) ?? memberAtEnd(name)) !== undefined) return undefined;
  const inside = base64Text(word);
  if (inside !== undefined && /token/i.test(inside)) {
    // A whole response, as a Secret or an environment variable may have it.
    const set = mergeSets(gathered(inside));
    if (set) {
      const member = tokenNames.find(name => set.tokens[name] !== undefined) ?? 'access_token';
      return {
        tokens: set.tokens,
        source: 'token_response',
        warnings: [...set.warnings, { code: 'base64_decoded', member }],
      };
    }
  }
  if (!isWord(word) || isPlaceholder(word) || /["'`]|^(?:[a-z][a-z\d+.-]*:\/\/|[{[<])/i.test(word)) return undefined;
  requireSize(word);
  if (inside !== undefined && isWrapped(inside, word)) {
    // What only may be a token is not: a wrong refresh token is found out when it is sent, and the right one is gone.
    if (!isRecognised(inside)) throw new WorkbenchError('nothing_to_import', { reason: 'base64' });
    const { tokens, source, warnings } = importText(inside);
    const member = tokenNames.find(name => tokens[name] !== undefined) ?? 'access_token';
    return { tokens, source, warnings: [...warnings, { code: 'base64_decoded', member }] };
  }
  // A text that looks like a JWT but is not one is damaged, and the error says how.
  if (looksLikeJose(word)) decodeToken(word);
  const member = opaqueKind(word)?.use ?? 'refresh_token';
  const set = readSet({ [member]: word }, 'response');
  return (
    set && { tokens: set.tokens, source: member === 'refresh_token' ? member : 'access_token', warnings: set.warnings }
  );
}

function gathered(text: string): TokenSetFound[] {
  const gathering: Gathering = { sets: [], accounts: new Map(), left: mostValues };
  gather(text, gathering, 1);
  return gathering.sets;
}

function nothing(text: string, { undecodable, sets }: Gathering): never {
  const error = /"error"\s*:\s*"([\w.-]{1,64})"/.exec(text)?.[1];
  const masked = sets.some(({ warnings }) => warnings.some(({ code }) => code === 'member_ignored'));
  const reason = undecodable ? 'base64' : error !== undefined ? 'error_response' : masked ? 'masked' : 'no_token';
  throw new WorkbenchError('nothing_to_import', { reason, ...(reason === 'error_response' && { error }) });
}

/**
 * Members of a token response in texts that are no JSON: forms, `.env`, YAML, TOML, XML, tables, commands, literals of
 * languages. Not by a parser for each: what people paste is a part of a file, a log line or a screen more often than not.
 */
/** Words that can name a member, dots and dashes of longer names included. */
const words =
  /(?<![\w.-])[\w.$-]*?(?:(?:access|id|refresh|oauth)[-_ ]?token(?:[-_]?cookie)?|token[-_ ]?type|(?:refresh[-_ ]?)?(?:token[-_ ]?)?expir(?:y|es[-_ ]?(?:in|at|on))|scopes?|token|access|refresh|jwt)(?![\w-])/gi;

/** What stands between a name and its value in JSON, forms, YAML, TOML, XML, tables, Ruby, PHP and multipart forms. */
const separator =
  /["'`\]]{0,2}(?:\s*:\s*[A-Za-z]\w{0,20}[?!]?\s*=\s*|\s*(?:=>|:=|[:=|│>])\s*|\t\s*|\s*\n\s*value:\s*|<\/\w{1,20}>\s*<\w{1,20}>|\s+value\s*=\s*|(?<=["'])(?:\r?\n){2})(?:[|>][+-]?[ \t]*[\r\n]\s*|string\(\d+\) |!!\w+ |<!\[CDATA\[)?/y;

/** The same after an option of a command, and after `set` and its like. */
const spaceToo = new RegExp(`${separator.source}|\\s{1,8}`, 'y');

/** In quotes, wrapped as Rust, Scala and Python print it; else as far as no sign of any syntax stands. */
const value =
  /(?:(?:(?:Some|Just|Optional|String|SecretString|Secret|\w{0,12}Token)[([]){0,3}[@$bur]?(?:"([^"\\]*(?:\\[\s\S][^"\\]*)*)"|'([^'\\]*(?:\\[\s\S][^'\\]*)*)'|`([^`]*)`))|([^\s"'`,;&{}<>()#]+(?:\r?\n[ \t]+[\w.~+/-]+={0,2}(?=[ \t]*(?:[\r\n]|$)))*)/iy;

/** Further scopes on a line such as `scope: openid profile`. */
const moreScopes = /(?:[ \t]+(?![\w-]+(?:=|\s*:\s))[^\s"'`,;&{}<>()]+){0,64}/y;

/** As many different names are remembered. */
const mostNames = 1000;

/** How well a name fits; a member counts by its best name, and of equal ones by the last. */
type Fit = 'whole' | 'end' | 'short';
const fits: readonly Fit[] = ['whole', 'end', 'short'];

/** Reads the members in whatever syntax they stand. Linear in the text. */
function readPairs(text: string): TokenSetFound | undefined {
  const entries = new Map<keyof RawTokens, { value: string | number; fit: Fit }>();
  const duplicates: string[] = [];
  // A long literal of code comes as a sum of short ones.
  const namesRead = new Map<string, ReturnType<typeof named>>();
  const joined = text.replace(/(["'])\s*[+.&]\s*(?:\r?\n\s*)?\1/g, '');
  words.lastIndex = 0;
  for (let match = words.exec(joined); match; match = words.exec(joined)) {
    const { 0: word, index } = match;
    const end = index + word.length;
    const before = joined.slice(Math.max(0, index - 12), index);
    const between = word.startsWith('--') || /set/i.test(before) ? spaceToo : separator;
    between.lastIndex = end;
    const gap = between.exec(joined)?.[0];
    // A part of a URN, as in `urn:ietf:params:oauth:token-type:access_token`, is no name of a token.
    if (gap === undefined || (/[a-z\d]:$/i.test(before) && !/env:$/i.test(before))) continue;
    const { member, fit } = namesRead.get(word) ?? named(word.replace(/^[-.$]+/, ''));
    if (namesRead.size < mostNames) namesRead.set(word, { fit, ...(member && { member }) });
    if (member === undefined) continue;
    value.lastIndex = end + gap.length;
    const [written, double, single, tick, bare = ''] = value.exec(joined) ?? [];
    if (written === undefined) continue;
    const quoted = double ?? single ?? tick;
    words.lastIndex = end + gap.length + (quoted === undefined ? bare.length : written.length);
    let read = quoted === undefined ? unquoted(member, bare) : unescaped(quoted);
    if (read === undefined || (fit === 'short' && !isToken(String(read)))) continue;
    // In a text of no format a few characters in quotes can be anything.
    if (/_token$/.test(member) && !isWord(String(read).replace(/\s+/g, ''))) continue;
    if (member === 'scope' && quoted === undefined && gap.includes(':')) {
      moreScopes.lastIndex = words.lastIndex;
      const more = moreScopes.exec(joined)?.[0] ?? '';
      words.lastIndex += more.length;
      read += more;
    }
    const known = entries.get(member);
    if (known && fits.indexOf(known.fit) < fits.indexOf(fit)) continue;
    if (known?.fit === fit && known.value !== read) duplicates.push(member);
    entries.set(member, { value: read, fit });
  }
  const object = Object.fromEntries([...entries].map(([member, { value }]) => [member, value]));
  const set = readSet(object, /\bgrant_?type["'`]?\s*[:=]/i.test(text) ? 'request' : 'pairs', duplicates);
  // Words around tokens often look like members, so they get no warning.
  return (
    set && {
      ...set,
      warnings: set.warnings.filter(({ code, member }) => code !== 'member_ignored' || /_token$/.test(member ?? '')),
    }
  );
}

function named(word: string): { member?: keyof RawTokens; fit: Fit } {
  const whole = memberOf(word);
  if (whole !== undefined) return { member: whole, fit: 'whole' };
  const end = memberAtEnd(word);
  if (end !== undefined) return { member: end, fit: 'end' };
  // `GITHUB_TOKEN`, `_authToken`, `refresh`
  const short = /(?:(refresh)|token|access|jwt)$/i.exec(word);
  return { ...(short && { member: short[1] ? 'refresh_token' : 'access_token' }), fit: 'short' };
}

/** `token: …` can be anything: one that shows what it is. */
function isToken(text: string): boolean {
  return isRecognised(text) || isRecognised(base64Text(text));
}

/** A value without quotes; `undefined` for any other text. */
function unquoted(member: keyof RawTokens, bare: string): string | number | undefined {
  if (/^\d+$/.test(bare)) return Number(bare);
  // Code around a response reads its members (`x = tokens.access_token`): that is no token.
  if (/[()[]|^\$|^(?:null|undefined|none)$/i.test(bare)) return undefined;
  if (!/_token$/.test(member)) return percentDecoded(bare.replaceAll('+', ' '));
  // Properties and shells escape with a backslash. Any other is a string's in a string, and read where it is undone.
  const plain = bare.replace(/\]+$/, '').replace(/\\([:=#!&|$~ \\]|$)/g, '$1');
  if (plain.includes('\\')) return undefined;
  // A plus sign is one of the token's own: no token has the space that a form would mean by it.
  return isWord(plain.replace(/\s+/g, '')) ? percentDecoded(plain) : undefined;
}
