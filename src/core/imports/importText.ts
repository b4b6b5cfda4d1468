/** Tokens out of whatever a user pastes: a token response, a page around one, a header line, a bare token. */
import { WorkbenchError } from '../errors.ts';
import type { RawTokens } from '../records/tokenSet.ts';
import { findJwts } from '../tokens/findJwts.ts';
import { isObject, type JsonObject, readJson } from '../tokens/json.ts';
import { type DecodedToken, decodeToken, looksLikeJose, tokenLimit } from '../tokens/jwt.ts';
import { tokenUse } from '../tokens/tokenUse.ts';
import { hasToken, type ImportWarning, inspect, readMembers, requireSize } from './importedMembers.ts';
import { isWord, readPairs } from './importPairs.ts';

export type { ImportWarning };

export type ImportSource =
  /** A token endpoint's JSON answer (RFC 6749 section 5.1), alone or inside other text. */
  | 'token_response'
  /** Members of one in a text that is no JSON: single quotes, `name=value` pairs, a cut-off answer. */
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

/**
 * Finds the tokens in a text, in time linear in its length.
 * @param claimsOnly a JWS that is no JWT is none of them
 * @throws WorkbenchError `nothing_to_import` {reason: 'empty' | 'error_response' | 'no_token', error?}, and for a
 * lone JWT what `decodeToken` throws
 */
export function importText(text: string, claimsOnly = true): ImportedTokens {
  const trimmed = text
    .replace(invisible, '')
    .replace(/[“”„‟«»＂]/g, '"')
    .replace(/[‘’‚‛]/g, "'")
    .trim();
  if (trimmed === '') throw new WorkbenchError('nothing_to_import', { reason: 'empty' });
  return (
    fromBareToken(trimmed, claimsOnly) ??
    fromResponse(trimmed) ??
    complete(trimmed, fromBearer(trimmed) ?? fromPairs(trimmed) ?? fromProse(trimmed, claimsOnly)) ??
    fromWord(trimmed) ??
    nothing(trimmed)
  );
}

/** What editors and web pages slip in: byte order marks, zero-width characters, soft hyphens. */
const invisible = /[\u00ad\u200b-\u200d\u2060\ufeff]/g;

/** Somebody who has pasted a refresh token would take it for kept: where it was not understood, that is said. */
function complete(text: string, found: ImportedTokens | undefined): ImportedTokens | undefined {
  if (!found || found.tokens.refresh_token !== undefined || !/refresh[-_ ]?token["'`\]]*\s*[:=>]/i.test(text))
    return found;
  return { ...found, warnings: [...found.warnings, { code: 'member_ignored', member: 'refresh_token' }] };
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

function isJose(token: string, claimsOnly = true): boolean {
  try {
    return decodeToken(token, claimsOnly).kind !== 'opaque';
  } catch {
    return false;
  }
}

/** An unreadable use is taken for an access token: that is what JWTs are copied for most. */
function assign(decoded: DecodedToken, warnings: ImportWarning[]): 'access_token' | 'id_token' | 'refresh_token' {
  const use = tokenUse(decoded)?.use;
  if (use === undefined) warnings.push({ code: 'use_assumed', member: 'access_token' });
  return use ?? 'access_token';
}

// --- A token response, as JSON somewhere in the text ---

/** As many objects that are none are looked into; a page with more is not a response. */
const objectsTried = 8;

function fromResponse(text: string): ImportedTokens | undefined {
  for (const view of views(text)) {
    const found = responsesIn(view);
    // The last one is the newest of a log. An older refresh token may be spent, and sending it end the whole grant.
    const best = found.findLast(({ tokens }) => tokens.refresh_token !== undefined) ?? found.at(-1);
    if (!best) continue;
    return found.length === 1 ? best : { ...best, warnings: [...best.warnings, { code: 'several_found' }] };
  }
  return undefined;
}

/** The text as it stands, as the HTML source of a page, and as a JSON text inside a JSON string. */
function* views(text: string): Generator<string> {
  yield text;
  if (/<\w|&quot;|&#34;/.test(text)) {
    yield text
      .replace(/<[^<>]*>/g, '')
      .replace(/&(?:quot|#34|#x22);/g, '"')
      .replaceAll('&amp;', '&');
  }
  for (let inner = text, depth = 0; inner.includes('\\"') && depth < 3; depth++) {
    inner = inner.replace(/\\(["\\/n])/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
    yield inner;
  }
}

function responsesIn(text: string): ImportedTokens[] {
  const found: ImportedTokens[] = [];
  let end = 0;
  let tried = 0;
  for (const name of text.matchAll(/"(?:access|id|refresh)_?token"\s*:/gi)) {
    if (name.index < end) continue;
    const start = openingBrace(text, name.index, end);
    const object = start === undefined ? undefined : objectAt(text, start);
    if (!object) {
      if (++tried === objectsTried) break;
      continue;
    }
    end = object.end;
    const read = readMembers(object.value, object.duplicates);
    if (hasToken(read.tokens)) found.push({ ...read, source: 'token_response' });
  }
  return found;
}

/** The brace that the member at `from` stands in, not before `limit`. */
function openingBrace(text: string, from: number, limit: number): number | undefined {
  let depth = 0;
  for (let i = from - 1; i >= limit; i--) {
    const code = text.charCodeAt(i);
    if (code === 0x7d) depth++;
    if (code === 0x7b && depth-- === 0) return i;
  }
  return undefined;
}

interface FoundObject {
  readonly value: JsonObject;
  readonly duplicates: readonly string[];
  readonly end: number;
}

/** The JSON object that starts here. Line breaks inside its strings, which JSON forbids, are let through. */
function objectAt(text: string, start: number): FoundObject | undefined {
  let json = '';
  let copied = start;
  let depth = 0;
  let inString = false;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i++;
      else if (code === 0x22) inString = false;
      else if (code < 0x20) {
        json += `${text.slice(copied, i)} `;
        copied = i + 1;
      }
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b) depth++;
    else if (code === 0x7d && --depth === 0) {
      const reading = readJson(json + text.slice(copied, i + 1));
      if (!reading.ok || !isObject(reading.value)) return undefined;
      const duplicates = reading.duplicates.filter(({ path }) => path.lastIndexOf('/') === 0);
      return { value: reading.value, duplicates: duplicates.map(({ member }) => member), end: i + 1 };
    }
  }
  return undefined;
}

// --- `Authorization: Bearer ...` ---

/** As many mentions of the scheme are looked into. */
const headersTried = 8;
const header = /(\bauthorization["']?(?:\s*[:=,]\s*|\s+)["']?)?\b(Bearer|DPoP)(?:\s|%20|\+){1,64}(?=[\w.~+/-]{8})/gi;

function fromBearer(text: string): ImportedTokens | undefined {
  let tried = 0;
  for (const match of text.matchAll(header)) {
    if (tried++ === headersTried) break;
    const rest = text.slice(match.index + match[0].length, match.index + match[0].length + tokenLimit + 1);
    const written = /^[\w.~+/=\s-]+/.exec(rest)?.[0] ?? '';
    const word = /^\S+/.exec(written)?.[0] ?? '';
    const joined = written.replace(/\s+/g, '');
    // A token broken over lines decodes as a whole only; other words after it are no part of it.
    const broken = joined !== word && looksLikeJose(word) && !isJose(word) && isJose(joined);
    const access_token = broken ? joined : word;
    // "the bearer authentication scheme" is no header: an opaque token needs one around it, or nothing at all.
    const alone = match.index === 0 && match[0].length + word.length === text.length;
    if (!looksLikeJose(access_token) && match[1] === undefined && !alone) continue;
    requireSize(access_token);
    const warnings: ImportWarning[] = [];
    if (broken) warnings.push({ code: 'whitespace_removed', member: 'access_token' });
    inspect('access_token', access_token, warnings);
    const token_type = match[2]?.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer';
    return { tokens: { access_token, token_type }, source: 'bearer_header', warnings };
  }
  return undefined;
}

// --- Members without JSON around them ---

function fromPairs(text: string): ImportedTokens | undefined {
  const read = readPairs(text);
  return hasToken(read.tokens) ? { ...read, source: 'pairs' } : undefined;
}

// --- Tokens in prose, and single words ---

function fromProse(text: string, claimsOnly: boolean): ImportedTokens | undefined {
  const warnings: ImportWarning[] = [];
  const tokens: { -readonly [K in 'access_token' | 'id_token' | 'refresh_token']?: string } = {};
  for (const { start, end } of findJwts(text).slice(0, objectsTried)) {
    const token = text.slice(start, end);
    if (!isJose(token, claimsOnly)) continue;
    const member = assign(decodeToken(token), warnings);
    if (tokens[member] === undefined) tokens[member] = token;
    else if (tokens[member] !== token) warnings.push({ code: 'several_found', member });
  }
  return hasToken(tokens) ? { tokens, source: 'jwt', warnings } : undefined;
}

/** A refresh token has no form of its own (RFC 6749 appendix A.17): one printable word that is no URL. */
function fromWord(text: string): ImportedTokens | undefined {
  const word = text.replace(/^["'`]{1,3}|["'`]{0,3}[,;]?$/g, '');
  if (!isWord(word) || /["'`]|^(?:[a-z][a-z\d+.-]*:\/\/|[{[<])/i.test(word)) return undefined;
  requireSize(word);
  // One that looks like a JWT and is none is damaged, and says why.
  if (looksLikeJose(word)) decodeToken(word);
  const member = ofAccess.test(word) ? 'access_token' : 'refresh_token';
  return { tokens: { [member]: word }, source: member, warnings: [] };
}

/** How issuers of opaque access tokens mark them: Google, GitHub, Slack. */
const ofAccess = /^(?:ya29\.|gh[opsu]_|github_pat_|xox[abp]-)/;

function nothing(text: string): never {
  const error = /"error"\s*:\s*"([\w.-]{1,64})"/.exec(text)?.[1];
  throw new WorkbenchError(
    'nothing_to_import',
    error === undefined ? { reason: 'no_token' } : { reason: 'error_response', error },
  );
}
