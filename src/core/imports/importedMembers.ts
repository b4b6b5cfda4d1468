import { isWorkbenchError, WorkbenchError } from '../errors.ts';
import { hasToken, memberOf, readMembers as readTokenMembers, tokenNames } from '../records/tokenMembers.ts';
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

export { hasToken, memberOf };

/** Reads the members that are known, and says what was odd about them. */
export function readMembers(object: JsonObject, duplicates: readonly string[]) {
  const warnings: ImportWarning[] = [];
  for (const name of duplicates) {
    const member = memberOf(name);
    if (member) warnings.push({ code: 'duplicate_member', member });
  }
  const { tokens: read, notes } = readTokenMembers(object);
  const tokens: { -readonly [K in keyof RawTokens]: RawTokens[K] } = { ...read };
  for (const member of tokenNames) {
    const value = tokens[member];
    if (value === undefined) continue;
    delete tokens[member];
    const token = readToken(member, value, warnings);
    if (token === undefined) warnings.push({ code: 'member_ignored', member });
    else tokens[member] = token;
  }
  return { tokens: tokens as RawTokens, warnings: [...warnings, ...notes] };
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

/** @throws WorkbenchError `token_too_large` */
export function requireSize(token: string): void {
  if (token.length > tokenLimit) throw new WorkbenchError('token_too_large', { size: token.length, limit: tokenLimit });
}
