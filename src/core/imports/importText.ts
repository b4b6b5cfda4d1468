/** Extracts tokens from what a user pastes: a token response, a page around one, a command, a file, a bare token. */
import { WorkbenchError } from '../errors.ts';
import { hasToken, memberOf, type TokenName, tokenNames } from '../records/tokenMembers.ts';
import type { RawTokens } from '../records/tokenSet.ts';
import { findJwts } from '../tokens/findJwts.ts';
import { type DecodedToken, decodeToken, looksLikeJose, membersOf, tokenLimit } from '../tokens/jwt.ts';
import { findOpaque, opaqueKind } from '../tokens/opaqueTokens.ts';
import { findTokens } from '../tokens/tokenRanges.ts';
import { tokenUse } from '../tokens/tokenUse.ts';
import { rulesOfType } from '../tokens/varieties.ts';
import { accountSets, type ReadResults, readDocuments, readSecrets, withoutSealed } from './documents.ts';
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
  /** Members of a token response in a text that is not JSON, or in a request. */
  | 'pairs'
  /** `Authorization: Bearer ...` (RFC 6750 section 2.1). */
  | 'bearer_header'
  /** A JWT, alone or inside other text. */
  | 'jwt'
  /** A single word that is not a JWT. */
  | 'refresh_token'
  /** A single word whose prefix marks it as an access token. */
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
 * Finds the tokens in a text, in time linear in its length. First the encoding of the text is undone, then every reader
 * reads all of it, and one set is chosen and completed from the results.
 * @param claimsOnly ignore a JWS that is not a JWT, and a JWT that is for something else than a client's requests
 * @throws WorkbenchError `nothing_to_import` {reason: 'empty' | 'error_response' | 'no_token' | 'masked' | 'base64' |
 * 'other_kind', error?, variety?}, and for a lone JWT what `decodeToken` throws
 */
export function importText(text: string, claimsOnly = true): ImportedTokens {
  const plain = undoWriting(text);
  if (plain === '') throw new WorkbenchError('nothing_to_import', { reason: 'empty' });
  const bare = fromBareToken(plain, claimsOnly);
  if (bare) return bare;
  const gathering: ReadResults = { sets: [], accounts: new Map(), left: mostValues };
  if (mayName.test(plain)) {
    gather(plain, gathering, 0);
    for (const reading of otherReadings(plain)) {
      if (gathering.sets.some(({ tokens }) => tokens.refresh_token !== undefined)) break;
      gather(reading, gathering, 0);
    }
  }
  const found = mergeSets([...gathering.sets, ...accountSets(gathering)]);
  const taken = found ? { ...found, source: sources[found.rank] } : fromProse(plain, claimsOnly);
  // A word in which a member was recognized, but no token, is not a token itself.
  const word = taken || gathering.sets.length > 0 ? undefined : fromWord(plain);
  return taken ? complete(plain, taken) : (word ?? nothing(plain, gathering));
}

/** A text without any of these words contains no named token. */
const mayName = /token|access|refresh|jwt|bearer|dpop|base64|secret|"auths"/i;

/** The most members and items that are examined in all JSON of a text. */
const mostValues = 200_000;

/** How deep nested texts are read: JSON in a string of JSON in a log line. */
const textsInTexts = 20;

function gather(text: string, gathering: ReadResults, depth: number): void {
  if (depth > textsInTexts) return;
  const readText = (inner: string, deeper: number) => gather(inner, gathering, deeper);
  const { rest, data } = readSecrets(withoutSealed(readDocuments(text, gathering, readText, depth)), gathering);
  for (const secret of data) readDocuments(JSON.stringify(secret), gathering, readText, depth);
  if (rest.trim() === '') return;
  const pairs = readPairs(rest);
  const header = fromHeader(rest);
  gathering.sets.push(...[pairs, header].filter(set => set !== undefined));
}

/** Warns if a refresh token is named in the text but was not read: the user would believe that it is stored. */
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
  const other = claimsOnly ? rulesOfType(decoded.header) : undefined;
  if (other) throw new WorkbenchError('nothing_to_import', { reason: 'other_kind', variety: other.name });
  const warnings: ImportWarning[] = [];
  const member = assign(decoded, warnings);
  if (token !== word) warnings.unshift({ code: 'whitespace_removed', member });
  return { tokens: { [member]: token }, source: 'jwt', warnings };
}

/** A token of unknown use counts as an access token, which is what JWTs are copied for most often. */
function assign(decoded: DecodedToken, warnings: ImportWarning[]): TokenName {
  const use = tokenUse(decoded)?.use;
  if (use === undefined) warnings.push({ code: 'use_assumed', member: 'access_token' });
  return use ?? 'access_token';
}

// --- `Authorization: Bearer ...` ---

/** How many occurrences of the scheme are examined. */
const headersTried = 64;
const header =
  /(\bauthorization\\{0,3}["']?(?:\s*[:=,]\s*|\s+)\\{0,3}["']?)?\b(Bearer|DPoP|token(?=\s+gh[a-z]_))(?:\s|%20|\+){1,64}(?=[\w.~+/-]{8})/gi;

/** Reads the last header, which in a log is the newest. */
function fromHeader(text: string): TokenSetFound | undefined {
  let tried = 0;
  let last: TokenSetFound | undefined;
  for (const match of text.matchAll(header)) {
    if (tried++ === headersTried) break;
    const start = match.index + match[0].length;
    const word = /[\w.~+/=!$*-]+/y.exec(text.slice(start, start + tokenLimit + 1))?.[0] ?? '';
    const joined = looksLikeJose(word) && !isJose(word) ? joinedLines(text, start) : word;
    // A token broken over lines decodes only as a whole; words after it do not belong to it.
    const broken = joined !== word && isJose(joined);
    const access_token = broken ? joined : word;
    // "the bearer authentication scheme" is not a header: an opaque token must follow `Authorization`, or be the whole
    // text.
    const alone = match.index === 0 && match[0].length + word.length === text.length;
    if (match[1] === undefined && !alone && !looksLikeJose(access_token) && !isRecognised(access_token)) continue;
    requireSize(access_token);
    // A character that tokens cannot contain shows that the token was masked or cut.
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

/** How many unnamed tokens are examined. */
const namelessTried = 64;

/** The name of something that is a JWT as well, but no token to send to an API. */
const otherUse =
  /(?:client_?(?:secret|assertion)|registration_?access_?token|logout_?token|\bdpop|\brequest)\\*["']?\s*[:=]\s*\\*["']?$/i;

/** Finds tokens by what they are: JWTs by their claims, others by their prefix. */
function fromProse(text: string, claimsOnly: boolean): ImportedTokens | undefined {
  const warnings: ImportWarning[] = [];
  const tokens: { -readonly [K in TokenName]?: string } = {};
  const take = (member: TokenName, token: string) => {
    if (tokens[member] === undefined) tokens[member] = token;
    else if (tokens[member] !== token) warnings.push({ code: 'several_found', member });
  };
  const jwts = findTokens(text, namelessTried);
  for (const { token, wrapped, start } of jwts) {
    if (claimsOnly && otherUse.test(text.slice(Math.max(0, start - 60), start))) continue;
    const marked = opaqueKind(token)?.use;
    if (!marked && !isJose(token, claimsOnly && looksLikeJose(token) && !token.includes('~'))) continue;
    const decoded = decodeToken(token);
    if (claimsOnly && rulesOfType(membersOf(decoded, 'header'))) continue;
    const member = marked ?? assign(decoded, warnings);
    if (wrapped) warnings.push({ code: 'whitespace_removed', member });
    take(member, token);
  }
  // A single word is read more carefully in `fromWord`.
  if (/\s|["'=:]/.test(text)) for (const { token, kind } of findOpaque(text, namelessTried)) take(kind.use, token);
  const source = jwts.length > 0 ? 'jwt' : tokens.access_token === undefined ? 'refresh_token' : 'access_token';
  return hasToken(tokens) ? { tokens, source, warnings } : undefined;
}

/** A refresh token has no fixed form (RFC 6749 appendix A.17): any printable word that is not a URL. */
function fromWord(text: string): ImportedTokens | undefined {
  const word = text.replace(/^["'`]{1,3}|["'`]{0,3}[,;]?$/g, '');
  const [, name = '', sign] = /^([A-Za-z_][\w.-]{0,100})([=:])[^=]/.exec(word) ?? [];
  // A variable, or a member whose value cannot be a token.
  if (sign === '=' || (memberOf(name) ?? memberAtEnd(name)) !== undefined) return undefined;
  const inside = base64Text(word);
  if (inside !== undefined && /token/i.test(inside)) {
    // A whole response, as in a Secret or an environment variable.
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
    // A text that only may be a token is not imported: a wrong refresh token fails when it is sent, and the right one
    // has been replaced.
    if (!isRecognised(inside)) throw new WorkbenchError('nothing_to_import', { reason: 'base64' });
    const { tokens, source, warnings } = importText(inside);
    const member = tokenNames.find(name => tokens[name] !== undefined) ?? 'access_token';
    return { tokens, source, warnings: [...warnings, { code: 'base64_decoded', member }] };
  }
  // A text that looks like a JWT but cannot be decoded is damaged; the error tells how.
  if (looksLikeJose(word)) decodeToken(word);
  const member = opaqueKind(word)?.use ?? 'refresh_token';
  const set = readSet({ [member]: word }, 'response');
  return (
    set && { tokens: set.tokens, source: member === 'refresh_token' ? member : 'access_token', warnings: set.warnings }
  );
}

function gathered(text: string): TokenSetFound[] {
  const gathering: ReadResults = { sets: [], accounts: new Map(), left: mostValues };
  gather(text, gathering, 1);
  return gathering.sets;
}

/** A name of a token with a mask for its value, which is not even read as a member. */
const maskedMember =
  /token["'\\]*\s{0,4}[:=]\s{0,4}["'\\]*(?:\w{0,12}[*•]{3}|x{6}|[[<(]?(?:redacted|masked|filtered|hidden)\b)/i;

function nothing(text: string, { undecodable, sets }: ReadResults): never {
  const error = /"error"\s*:\s*"([\w.-]{1,64})"/.exec(text)?.[1];
  const masked =
    maskedMember.test(text) || sets.some(({ warnings }) => warnings.some(({ code }) => code === 'member_ignored'));
  const reason = undecodable ? 'base64' : error !== undefined ? 'error_response' : masked ? 'masked' : 'no_token';
  throw new WorkbenchError('nothing_to_import', { reason, ...(reason === 'error_response' && { error }) });
}

// --- Members of a token response in texts that are not JSON ---

/*
 * The readers below handle forms, `.env`, YAML, TOML, XML, tables, commands and literals of languages. There is no
 * parser for each format, because people usually paste a part of a file, of a log line or of a screen.
 */
/** Words that can name a member, including the dots and dashes of longer names. */
const words =
  /(?<![\w.$-])[\w.$-]*?(?:(?:access|id|refresh|oauth)[-_ ]?token(?:[-_]?cookie)?|oauth2-bearer|token[-_ ]?type|(?:refresh[-_ ]?)?(?:token[-_ ]?)?expir(?:(?:y|ation)(?:[-_ ]?(?:date|time))?|es[-_ ]?(?:in|at|on))|scopes?|token|access|refresh|jwt)(?![\w-])/gi;

/** Separators of name and value in JSON, forms, YAML, TOML, XML, tables, Ruby, PHP and multipart forms. */
const separator =
  /["'`\]]{0,2}(?:>>)?(?:\s*:\s*[A-Za-z]\w{0,20}[?!]?\s*=\s*|\s*(?:=>|:=|[:=|│>])\s*|\t\s*|[^\S\n]*\n\s*value:\s*|\r?\n\[1\] (?=")|(?<=["'])\r?\n\d{1,4}\)\s|<\/\w{1,20}>\s*<\w{1,20}>|\s+value\s*=\s*|(?<=["'])(?:\r?\n){2})(?:[|>][+-]?[ \t]*[\r\n]\s*|string\(\d+\) |\(string\) (?:\(len=\d+\) )?|!!\w+ |<!\[CDATA\[)?/y;

/** The same, or spaces, as after an option of a command and after `set`. */
const spaceToo = new RegExp(`${separator.source}|\\s{1,8}`, 'y');

/** A value in quotes, also as Rust, Scala and Python print it, or an unquoted value up to the next syntax character. */
const value =
  /(?:(?:(?:Some|Just|Optional|String|SecretString|Secret|\w{0,12}Token)[([ ]{1,2}){0,3}(?:\{\w{1,20} = )?(?:[@$bur]|<<)?(?:"([^"\\]*(?:\\[\s\S][^"\\]*)*)"|'([^'\\]*(?:\\[\s\S][^'\\]*)*)'|`([^`]*)`))|([^\s"'`,;&{}<>()#]+(?:\r?\n[ \t]+[\w.~+/-]+={0,2}(?=[ \t]*(?:[\r\n]|$)))*)/iy;

/** What Node's `util.inspect` writes after a text that it has cut. */
const cutAfter = /\.\.\. \d+ more character/y;

/** Further scopes on a line, as in `scope: openid profile`. */
const moreScopes = /(?:[ \t]+(?![\w-]+(?:=|\s*:\s))[^\s"'`,;&{}<>()]+){0,64}/y;

/** The time after a date without quotes, as Go and many logs write it: `2030-01-01 10:00:00.5 +0000 UTC`. */
const timeOfDay = /[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?/y;

/** How many different names are cached. */
const mostNames = 1000;

/** How well a name matches. A member is read by its best name; if names match equally well, the last one counts. */
type Fit = 'whole' | 'end' | 'short';
const fits: readonly Fit[] = ['whole', 'end', 'short'];

/** Reads the members in any of these notations. Linear in the text. */
function readPairs(text: string): TokenSetFound | undefined {
  const entries = new Map<keyof RawTokens, { value: string | number; fit: Fit }>();
  const duplicates: string[] = [];
  // Joins code literals that are split with a concatenation operator.
  const namesRead = new Map<string, ReturnType<typeof named>>();
  const joined = text.replace(/(["'])\s*[+.&]\s*\1/g, '');
  words.lastIndex = 0;
  for (let match = words.exec(joined); match; match = words.exec(joined)) {
    const { 0: word, index } = match;
    const end = index + word.length;
    const before = joined.slice(Math.max(0, index - 12), index);
    const isSpaced = word.startsWith('--') || /set|(?:^|\n)ENV\s+$|[{\s]:$/i.test(before);
    const between = isSpaced ? spaceToo : separator;
    between.lastIndex = end;
    const gap = between.exec(joined)?.[0];
    // A part of a URN, as in `urn:ietf:params:oauth:token-type:access_token`, does not name a token.
    if (gap === undefined || (/[a-z\d]:$/i.test(before) && !/env:$/i.test(before))) continue;
    const { member, fit } = namesRead.get(word) ?? named(word.replace(/^[-.$]+/, ''));
    if (namesRead.size < mostNames) namesRead.set(word, { fit, ...(member && { member }) });
    if (member === undefined) continue;
    value.lastIndex = end + gap.length;
    const [written, double, single, tick, bare = ''] = value.exec(joined) ?? [];
    if (written === undefined) continue;
    const quoted = double ?? single ?? tick;
    // A command whose output is the value.
    if (tick?.includes(' ')) continue;
    words.lastIndex = end + gap.length + (quoted === undefined ? bare.length : written.length);
    let read = quoted === undefined ? unquoted(member, bare) : unescaped(quoted);
    if (read === undefined || (fit === 'short' && !isToken(String(read)))) continue;
    // In a text of unknown format, a few quoted characters may be anything.
    if (/_token$/.test(member) && !isWord(String(read).replace(/\s+/g, ''))) continue;
    cutAfter.lastIndex = end + gap.length + written.length;
    if (quoted !== undefined && cutAfter.test(joined)) read = '***';
    if (member === 'scope' && quoted === undefined && gap.includes(':')) {
      moreScopes.lastIndex = words.lastIndex;
      const more = moreScopes.exec(joined)?.[0] ?? '';
      words.lastIndex += more.length;
      read += more;
    }
    if (/expires/.test(member) && /^\d{4}-\d\d-\d\d$/.test(String(read))) {
      timeOfDay.lastIndex = words.lastIndex;
      read += timeOfDay.exec(joined)?.[0] ?? '';
    }
    const known = entries.get(member);
    if (known && fits.indexOf(known.fit) < fits.indexOf(fit)) continue;
    if (known?.fit === fit && known.value !== read) duplicates.push(member);
    entries.set(member, { value: read, fit });
  }
  const object = Object.fromEntries([...entries].map(([member, { value }]) => [member, value]));
  const set = readSet(object, /\bgrant_?type["'`]?\s*[:=]/i.test(text) ? 'request' : 'pairs', duplicates);
  // Words around tokens often look like other members, so only tokens get this warning.
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
  if (/oauth2-bearer$/i.test(word)) return { member: 'access_token', fit: 'end' };
  const short = /(?:(refresh)|token|access|jwt)$/i.exec(word);
  return { ...(short && { member: short[1] ? 'refresh_token' : 'access_token' }), fit: 'short' };
}

/** `token: …` can be anything, so its value must be recognizable as a token. */
function isToken(text: string): boolean {
  return isRecognised(text) || isRecognised(base64Text(text));
}

/** Reads a value without quotes; `undefined` if it cannot be the member's value. */
function unquoted(member: keyof RawTokens, bare: string): string | number | undefined {
  if (/^\d+$/.test(bare)) return Number(bare);
  // Code around a response reads its members (`x = tokens.access_token`); that is not a token.
  if (/[()[]|^\$|^(?:null|undefined|none|0x[\da-f]+)$/i.test(bare)) return undefined;
  if (!/_token$/.test(member)) return percentDecoded(bare.replaceAll('+', ' '));
  // Properties files and shells escape with a backslash. Other backslashes are from nested strings, which
  // `otherReadings` undoes.
  const plain = bare.replace(/(?<!\])\]+$/, '').replace(/\\([:=#!&|$~ \\]|$)/g, '$1');
  if (plain.includes('\\')) return undefined;
  // A plus sign belongs to the token: no token contains the space that it would mean in a form.
  return isWord(plain.replace(/\s+/g, '')) ? percentDecoded(plain) : undefined;
}
