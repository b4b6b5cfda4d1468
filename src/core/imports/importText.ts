/** Extracts tokens from what a user pastes: a token response, a page around one, a command, a file, a bare token. */
import { WorkbenchError } from '../errors.ts';
import { hasToken, memberOf, type TokenName, tokenNames } from '../records/tokenMembers.ts';
import type { RawTokens } from '../records/tokenSet.ts';
import { findJwts } from '../tokens/findJwts.ts';
import { type DecodedToken, decodeToken, looksLikeJose, tokenLimit } from '../tokens/jwt.ts';
import { findOpaque, opaqueKind } from '../tokens/opaqueTokens.ts';
import { findTokens } from '../tokens/tokenRanges.ts';
import { tokenUse } from '../tokens/tokenUse.ts';
import { varietyForOthers } from '../tokens/varieties.ts';
import { accountSets, type ReadResults, readDocuments, readSecrets, withoutSealed } from './documents.ts';
import { base64Text, mayHoldEncoded, otherReadings, undoWriting, wordsInBase64 } from './escapes.ts';
import { readPairs } from './pairs.ts';
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
 * 'compressed' | 'other_kind', error?, variety?}, and for a lone JWT what `decodeToken` throws
 */
export function importText(text: string, claimsOnly = true): ImportedTokens {
  const plain = undoWriting(text);
  if (plain === '') throw new WorkbenchError('nothing_to_import', { reason: 'empty' });
  const bare = fromBareToken(plain, claimsOnly);
  if (bare) return bare;
  const gathering: ReadResults = { sets: [], accounts: new Map(), left: mostValues };
  // A single word is read in `fromWord`, which tells that it was base64.
  if (mayName.test(plain) || (/[\s"<]/.test(plain) && mayHoldEncoded(plain))) {
    gather(plain, gathering, 0);
    for (const reading of otherReadings(plain)) {
      if (gathering.sets.some(({ tokens }) => tokens.refresh_token !== undefined)) break;
      gather(reading, gathering, 0);
    }
  }
  const found = mergeSets([...gathering.sets, ...accountSets(gathering)]);
  const taken = found
    ? { ...found, source: sources[found.rank] }
    : (fromProse(plain, claimsOnly) ?? fromEncoded(plain, claimsOnly));
  // A word in which a member was recognized, but no token, is not a token itself.
  const word = taken || gathering.sets.length > 0 ? undefined : fromWord(plain);
  return taken ? complete(plain, taken) : (word ?? nothing(plain, gathering));
}

/** A text without any of these words contains no named token, except in base64. */
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
  const other = claimsOnly ? varietyForOthers(token, decoded) : undefined;
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

/** Ends with the name of a value that is a JWT too but is not sent to an API as a token. */
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
  let other: { readonly name: string } | undefined;
  for (const { token, wrapped, start } of jwts) {
    if (claimsOnly && otherUse.test(text.slice(Math.max(0, start - 60), start))) continue;
    const marked = opaqueKind(token)?.use;
    if (!marked && !isJose(token, claimsOnly && looksLikeJose(token) && !token.includes('~'))) continue;
    const decoded = decodeToken(token);
    const forOthers = claimsOnly ? varietyForOthers(token, decoded) : undefined;
    other ??= forOthers;
    if (forOthers) continue;
    const member = marked ?? assign(decoded, warnings);
    if (wrapped) warnings.push({ code: 'whitespace_removed', member });
    take(member, token);
  }
  // A single word is read more carefully in `fromWord`.
  if (/\s|["'=:]/.test(text)) for (const { token, kind } of findOpaque(text, namelessTried)) take(kind.use, token);
  const source = jwts.length > 0 ? 'jwt' : tokens.access_token === undefined ? 'refresh_token' : 'access_token';
  if (hasToken(tokens)) return { tokens, source, warnings };
  if (other) throw new WorkbenchError('nothing_to_import', { reason: 'other_kind', variety: other.name });
  return undefined;
}

/** Finds JWTs that are base64 once more, as in a BinarySecurityToken of SOAP. A single word is read in `fromWord`. */
function fromEncoded(text: string, claimsOnly: boolean): ImportedTokens | undefined {
  const words = /\s|["'=:<>]/.test(text) ? wordsInBase64(text) : '';
  const found = words === '' ? undefined : fromProse(words, claimsOnly);
  if (!found) return undefined;
  const decoded = tokenNames.filter(member => found.tokens[member] !== undefined);
  const warnings = decoded.map((member): ImportWarning => ({ code: 'base64_decoded', member }));
  return { ...found, warnings: [...found.warnings, ...warnings] };
}

/** A refresh token has no fixed form (RFC 6749 appendix A.17): any printable word that is not a URL. */
function fromWord(text: string): ImportedTokens | undefined {
  const word = text.replace(/^["'`]{1,3}|["'`]{0,3}[,;]?$/g, '');
  requireNoOther(word);
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

// --- Words that are no tokens ---

/*
 * Words that are no tokens of a connection but that nothing distinguishes from a refresh token, which has no fixed form,
 * except the beginning that their makers gave them. To refuse another one by its name, add a row.
 */
interface Known {
  readonly name: string;
  readonly pattern: RegExp;
  /** A public page that shows the beginning. */
  readonly source: string;
}

const gitlab = 'https://docs.gitlab.com/security/tokens/#token-prefixes';
const gitlabSecrets = 'https://gitlab.com/gitlab-org/gitlab/-/merge_requests/131601';
const stripe = 'https://gitlab.com/gitlab-org/gitlab/-/issues/458019';
const gitleaks = 'https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml';

/** Credentials that are sent in another way than as a bearer token, or that identify a client. */
export const credentials: readonly Known[] = [
  {
    name: 'Atlassian API token',
    pattern: /^ATATT3[\w=-]{20,}$/,
    source: 'https://github.com/KKloudTarus/synapse-ce/pull/894',
  },
  { name: 'GitLab runner token', pattern: /^(?:glrtr?-|GR1348941)[\w.-]{16,}$/, source: gitlab },
  { name: 'GitLab deploy token', pattern: /^gldt-[\w.-]{16,}$/, source: gitlab },
  { name: 'GitLab CI/CD job token', pattern: /^glcbt-[\w.-]{16,}$/, source: gitlab },
  { name: 'GitLab pipeline trigger token', pattern: /^glptt-[\w.-]{16,}$/, source: gitlab },
  { name: 'GitLab feed token', pattern: /^glft-[\w.-]{16,}$/, source: gitlab },
  { name: 'GitLab agent token', pattern: /^glagent-[\w.-]{16,}$/, source: gitlab },
  { name: 'client secret of a GitLab application', pattern: /^gloas-[\w.-]{16,}$/, source: gitlabSecrets },
  { name: 'client secret of Google', pattern: /^GOCSPX-[\w-]{20,}$/, source: gitleaks },
  { name: 'Google API key', pattern: /^AIza[\w-]{35}$/, source: gitleaks },
  { name: 'Stripe API key', pattern: /^(?:sk|rk|pk)_(?:live|test)_\w{10,}$/, source: stripe },
  {
    name: 'AWS access key ID',
    pattern: /^A(?:KI|SI)A[A-Z\d]{16}$/,
    source: 'https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids',
  },
];

/** The magic numbers of packed data, as the beginning of its base64. */
export const packed: readonly Known[] = [
  {
    name: 'gzip',
    pattern: /^H4sI[A-P][\w+/-]{16,}={0,2}$/,
    source: 'https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1',
  },
  {
    name: 'zstd',
    pattern: /^KLUv[/_][\w+/-]{16,}={0,2}$/,
    source: 'https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1',
  },
  {
    name: 'zip',
    pattern: /^UEsDBB[\w+/-]{16,}={0,2}$/,
    source: 'https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT',
  },
  { name: 'xz', pattern: /^[/_]Td6WFoA[\w+/-]{16,}={0,2}$/, source: 'https://tukaani.org/xz/xz-file-format.txt' },
];

/** @throws WorkbenchError `nothing_to_import` if the word is one of these */
function requireNoOther(word: string): void {
  const refuse = (reason: 'compressed' | 'other_kind', known: readonly Known[], text: string) => {
    const variety = known.find(({ pattern }) => pattern.test(text))?.name;
    if (variety !== undefined) throw new WorkbenchError('nothing_to_import', { reason, variety });
  };
  refuse('other_kind', credentials, word);
  // Tools break long base64 into lines.
  refuse('compressed', packed, word.replace(/\s+/g, ''));
}
