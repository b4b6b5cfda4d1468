import { defined } from '../defined.ts';
import { type ErrorData, WorkbenchError } from '../errors.ts';
import { firstLine, sanitized } from '../http/foreignText.ts';
import { retryAfter } from '../http/responseMeta.ts';
import type { RawTokens } from '../records/tokenSet.ts';
import { isObject, type JsonObject } from '../tokens/json.ts';
import type { ResponseWarning } from './tokenValidation.ts';

/** The most characters of an issuer's own words that are kept. */
const longestText = 300;

/**
 * What a token response holds, or the error that it is. Members of a wrong type are left out with a warning and
 * spoil nothing: beside them may stand a refresh token that exists nowhere else.
 * @param secrets what was sent, and must not come back in an error's text
 * @param setting what names the endpoint, where it is not the token endpoint
 * @throws WorkbenchError `oauth_error`, `http_error`, `response_invalid`
 */
export async function readTokenResponse(
  response: Response,
  host: string,
  now: number,
  secrets: readonly string[],
  setting?: string,
): Promise<{ readonly raw: RawTokens; readonly warnings: readonly ResponseWarning[] }> {
  const { status, headers } = response;
  const text = await response.text();
  // GitHub's way, where a proxy has dropped what we accept.
  const isForm = headers.get('content-type')?.startsWith('application/x-www-form-urlencoded');
  const json = isForm ? Object.fromEntries(new URLSearchParams(text)) : parse(text);
  const wait = retryAfter(headers, now);
  const common = {
    host,
    status,
    sent: true,
    ...(setting !== undefined && { setting }),
    ...(wait !== undefined && { retryAfter: wait }),
  };
  // Some issuers answer an error with status 200 (GitHub, Slack).
  const isError = !response.ok || (isObject(json) && json.access_token === undefined);
  if (isError && isObject(json) && typeof json.error === 'string' && json.error !== '') {
    throw new WorkbenchError('oauth_error', { ...common, ...oauthError(json, json.error, secrets) });
  }
  const line = isObject(json) ? ownWords(json, secrets) : firstLine(text, longestText, secrets);
  const words: ErrorData = line === undefined ? {} : { firstLine: line };
  if (!response.ok) {
    throw new WorkbenchError('http_error', {
      ...common,
      ...(text.trim() === '' && { empty: true }),
      ...words,
    });
  }
  if (!isObject(json)) {
    const reason = json !== undefined ? 'not_an_object' : /^\s*</.test(text) ? 'html' : 'not_json';
    // What does not parse may be half a token response: nothing of it is repeated.
    throw new WorkbenchError('response_invalid', { ...common, reason, ...(reason === 'html' && words) });
  }
  return taken(json);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function oauthError(json: JsonObject, error: string, secrets: readonly string[]): ErrorData {
  const { error_description, error_uri } = json;
  return {
    error: /^[a-z_]{1,64}$/.test(error) ? error : sanitized(error, 64, secrets),
    ...(typeof error_description === 'string' &&
      error_description.trim() !== '' && {
        error_description: sanitized(error_description, longestText, secrets),
      }),
    ...(typeof error_uri === 'string' &&
      /^https:\/\//.test(error_uri) && { error_uri: sanitized(error_uri, longestText, secrets) }),
  };
}

/** What gateways and frameworks call the message of an error that is not OAuth's. */
function ownWords(json: JsonObject, secrets: readonly string[]): string | undefined {
  const inner = isObject(json.error) ? json.error : {};
  const candidates = [json.error_description, json.message, inner.message, json.detail, json.title, json.error];
  const words = candidates.find(each => typeof each === 'string' && each.trim() !== '');
  return typeof words === 'string' ? sanitized(words, longestText, secrets) : undefined;
}

function taken(json: JsonObject): { raw: RawTokens; warnings: ResponseWarning[] } {
  const warnings: ResponseWarning[] = [];
  const wrong = (member: string) => {
    warnings.push({ code: 'member_invalid', member });
    return undefined;
  };
  const text = (name: string) => {
    const value = json[name];
    if (value === undefined || value === null || value === '') return undefined;
    return typeof value === 'string' ? value : wrong(name);
  };
  const seconds = (name: string) => {
    const value = json[name];
    if (value === undefined || value === null || value === '') return undefined;
    const number = typeof value === 'string' && /^\s*\d{1,15}(?:\.\d{1,15})?\s*$/.test(value) ? Number(value) : value;
    return typeof number === 'number' && number >= 0 && number <= longestLifetime ? number : wrong(name);
  };
  const raw = defined<RawTokens>({
    access_token: text('access_token'),
    token_type: text('token_type'),
    refresh_token: text('refresh_token'),
    id_token: text('id_token'),
    scope: text('scope'),
    expires_in: seconds('expires_in'),
    refresh_expires_in: seconds('refresh_expires_in') ?? seconds('refresh_token_expires_in'),
  });
  return { raw, warnings };
}

/** Seconds, a hundred years. More than that is a mistake of units or no number at all (`1e400`). */
const longestLifetime = 100 * 366 * 24 * 3600;
