import { isWorkbenchError, WorkbenchError } from '../errors.ts';
import type { RawTokens } from '../records/tokenSet.ts';
import type { JsonObject } from '../tokens/json.ts';
import { decodeToken, tokenLimit } from '../tokens/jwt.ts';
import { tokenUse } from '../tokens/tokenUse.ts';

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
  | 'use_assumed';

export interface ImportWarning {
  readonly code: ImportWarningCode;
  readonly member?: keyof RawTokens;
  readonly error?: string;
}

type Member = keyof RawTokens;

/** Spellings of the members as they are met, lower case and without underscores. */
const members: ReadonlyMap<string, Member> = new Map([
  ['accesstoken', 'access_token'],
  ['idtoken', 'id_token'],
  ['refreshtoken', 'refresh_token'],
  ['tokentype', 'token_type'],
  ['scope', 'scope'],
  ['expiresin', 'expires_in'],
  ['refreshexpiresin', 'refresh_expires_in'],
  ['refreshtokenexpiresin', 'refresh_expires_in'],
]);

export function memberOf(name: string): Member | undefined {
  return members.get(name.replace(/[-_ ]/g, '').toLowerCase());
}

/** Reads the members that are known, and says what was odd about them. */
export function readMembers(object: JsonObject, duplicates: readonly string[]) {
  const warnings: ImportWarning[] = [];
  const tokens: { -readonly [K in Member]?: string | number } = {};
  for (const name of duplicates) {
    const member = memberOf(name);
    if (member) warnings.push({ code: 'duplicate_member', member });
  }
  for (const [name, value] of Object.entries(object)) {
    const member = memberOf(name);
    if (!member) continue;
    const read = readMember(member, value, warnings);
    if (read !== undefined) tokens[member] = read;
    else if (value !== null) warnings.push({ code: 'member_ignored', member });
  }
  return { tokens: tokens as RawTokens, warnings };
}

function readMember(member: Member, value: unknown, warnings: ImportWarning[]): string | number | undefined {
  switch (member) {
    case 'access_token':
    case 'id_token':
    case 'refresh_token':
      return typeof value === 'string' ? readToken(member, value, warnings) : undefined;
    case 'expires_in':
    case 'refresh_expires_in':
      return readSeconds(member, value, warnings);
    case 'scope':
      if (Array.isArray(value) && value.every(item => typeof item === 'string')) {
        warnings.push({ code: 'list_as_text', member });
        return value.join(' ');
      }
      return typeof value === 'string' ? value : undefined;
    case 'token_type':
      return typeof value === 'string' ? value : undefined;
  }
}

/** What logs and manuals put in a token's place. Taken for one, it would replace a refresh token that works. */
const blackedOut = /\*{3}|\.{3}|^[[<({].*[\]>)}]$|^(?:x+|redacted|string)$/i;

function readToken(
  member: 'access_token' | 'id_token' | 'refresh_token',
  value: string,
  warnings: ImportWarning[],
): string | undefined {
  const token = value.replace(/[\s\u00ad\u200b-\u200d\u2060\ufeff]+/g, '');
  requireSize(token);
  if (token === '' || /[^\x21-\x7e]/.test(token) || blackedOut.test(token)) return undefined;
  if (token !== value) warnings.push({ code: 'whitespace_removed', member });
  inspect(member, token, warnings);
  return token;
}

/** Says what is odd about a token, and leaves it as it is: only its issuer knows whether it is right. */
export function inspect(
  member: 'access_token' | 'id_token' | 'refresh_token',
  token: string,
  warnings: ImportWarning[],
): void {
  try {
    const hint = tokenUse(decodeToken(token, true));
    if (hint?.certain && hint.use !== member) warnings.push({ code: 'looks_like_other_token', member });
  } catch (error) {
    warnings.push({ code: 'token_damaged', member, ...(isWorkbenchError(error) && { error: error.code }) });
  }
}

function readSeconds(member: Member, value: unknown, warnings: ImportWarning[]): number | undefined {
  if (typeof value === 'string' && /^\s*\d{1,15}(?:\.\d{1,6})?\s*$/.test(value)) {
    warnings.push({ code: 'number_as_text', member });
    return Number(value);
  }
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

export function hasToken(tokens: RawTokens): boolean {
  return [tokens.access_token, tokens.id_token, tokens.refresh_token].some(token => token !== undefined);
}

/** @throws WorkbenchError `token_too_large` */
export function requireSize(token: string): void {
  if (token.length > tokenLimit) throw new WorkbenchError('token_too_large', { size: token.length, limit: tokenLimit });
}
