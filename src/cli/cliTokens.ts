import { readFileSync } from 'node:fs';
import { type TokenStateKind, tokenStateOf } from '../core/checks/finding.ts';
import { createVerifier } from '../core/checks/verifier.ts';
import { isWorkbenchError } from '../core/errors.ts';
import { importText } from '../core/imports/importText.ts';
import { createDiscovery } from '../core/issuer/discovery.ts';
import { printable } from '../core/redact.ts';
import { jsonText } from '../core/tokens/json.ts';
import { type DecodedToken, decodeToken } from '../core/tokens/jwt.ts';
import { systemClock } from '../core/waiting.ts';
import { CliError } from './brokerClient.ts';

/** The token in a text: alone, in a header line or in a token response. */
function tokenIn(text: string): string {
  try {
    const { access_token, id_token } = importText(text, false).tokens;
    return access_token ?? id_token ?? text.trim();
  } catch {
    // No token in a known form: use the text itself.
    return text.trim();
  }
}

function decoded(token: string): DecodedToken {
  try {
    return decodeToken(token);
  } catch (error) {
    throw unusable(error);
  }
}

function unusable(error: unknown): unknown {
  if (!isWorkbenchError(error)) return error;
  const { code, data } = error;
  const details = Object.entries(data).map(([name, value]) => `${name} ${value}`);
  return new CliError(
    'usage',
    code,
    `${sentences[code] ?? 'The token cannot be verified with this.'} (${[code, ...details].join(', ')})`,
  );
}

/** What is wrong with a text that is to be a token. The details in parentheses say where. */
const sentences: Readonly<Record<string, string>> = {
  not_a_token: 'Standard input holds no token that can be read.',
  token_too_large: 'The token is longer than any that is read.',
  token_too_deep: 'A part of the token is nested deeper than any that is read.',
  token_part_count: 'The token does not have as many parts as its form requires: it may have been cut off.',
  token_encoding: 'A part of the token is no base64url: a character is wrong, or some are missing.',
  token_json: 'A part of the token is base64url, but what it encodes is no JSON.',
  token_not_an_object: 'A part of the token is JSON, but no object.',
};

/**
 * JSON with numbers as the token has them, and with escapes for what controls a terminal or turns its text around.
 */
function json(value: unknown, indent?: number): string {
  return visible(jsonText(value, indent));
}

/** The escapes are those of JSON, so that the text stays JSON. */
function visible(text: string): string {
  return text.replace(/[\x7f-\x9f\u2028\u2029]|\p{Cf}/gu, sign =>
    [...Array(sign.length).keys()].map(at => `\\u${sign.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  );
}

export function decodeText(text: string): string {
  const token = decoded(tokenIn(text));
  const { kind } = token;
  if (kind === 'opaque') return json({ kind });
  const { header } = token;
  if (kind === 'jwe') return json({ kind, header }, 2);
  return json({ kind, header, payload: token.content ? token.payloadText : token.payload }, 2);
}

/** Characters of a claim in a line: a token must not write lines of its own. */
const longest = 500;

export interface VerifyOptions {
  readonly jwks?: string;
  readonly key?: string;
  readonly issuer?: string;
  readonly audience?: string;
  readonly json?: true;
}

/** Fetches only the given URL of the key set, or the metadata of `issuer` and its key set. */
export async function verifyText(
  text: string,
  { jwks, key, issuer, audience, json }: VerifyOptions,
): Promise<{ readonly text: string; readonly verified: boolean }> {
  const fetch = (input: string, init: RequestInit) => globalThis.fetch(input, init);
  const discovery = createDiscovery({ fetch, clock: systemClock });
  const verifier = createVerifier({ fetch, clock: systemClock, discovery });
  const isAddress = jwks !== undefined && /^https?:\/\//.test(jwks);
  try {
    const { verified, checks } = await verifier.verify({
      token: tokenIn(text),
      ...(isAddress ? { jwksUri: jwks } : jwks !== undefined && { key: fileText(jwks) }),
      ...(key !== undefined && { key: fileText(key) }),
      ...(issuer !== undefined && { issuer }),
      ...(audience !== undefined && { audience }),
    });
    const state = tokenStateOf({ verified, checks });
    if (json) return { verified, text: visible(JSON.stringify({ verified, state: state.kind, checks })) };
    const lines = checks
      .filter(({ status }) => status !== 'skipped')
      .map(({ id, status, code, expected, found }) =>
        [
          status.padEnd(8),
          id.padEnd(12),
          code,
          ...(expected === undefined ? [] : [`expected ${printable(expected, longest)}`]),
          ...(found === undefined ? [] : [`found ${printable(found, longest)}`]),
        ].join('  '),
      );
    return { verified, text: [stateWords[state.kind], ...lines].join('\n') };
  } catch (error) {
    throw unusable(error);
  }
}

const stateWords: Readonly<Record<TokenStateKind, string>> = {
  not_checked: 'not checked',
  verified: 'verified',
  expired_valid_signature: 'expired, signature valid',
  failed: 'verification failed',
  unverifiable: 'cannot be verified here',
};

function fileText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new CliError('usage', 'file_unreadable', `The file "${file}" cannot be read.`);
  }
}
