import { readFileSync } from 'node:fs';
import { tokenStateOf } from '../core/checks/finding.ts';
import { createVerifier } from '../core/checks/verifier.ts';
import { isWorkbenchError } from '../core/errors.ts';
import { importText } from '../core/imports/importText.ts';
import { createDiscovery } from '../core/issuer/discovery.ts';
import { printable } from '../core/redact.ts';
import { jsonText } from '../core/tokens/json.ts';
import { type DecodedToken, decodeToken } from '../core/tokens/jwt.ts';
import { systemClock } from '../core/waiting.ts';
import { checkText } from '../vscode/text/checks.ts';
import { describeError } from '../vscode/text/errors.ts';
import { statusText, tokenStateText } from '../vscode/text/states.ts';
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
  return isWorkbenchError(error) ? new CliError('usage', error.code, line(describeError(error))) : error;
}

/** A sentence may quote a token or an issuer, which must not write lines of their own. */
const line = (text: string) => printable(text, 2000);

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
    const told = checks.map(check => ({ ...check, ...checkText(check) }));
    if (json) return { verified, text: visible(JSON.stringify({ verified, state: state.kind, checks: told })) };
    const lines = told
      .filter(({ status }) => status !== 'skipped')
      .map(({ status, title, detail, advice = '' }) =>
        line(`${statusText(status).padEnd(8)} ${title}: ${detail} ${advice}`.trimEnd()),
      );
    return { verified, text: [line(tokenStateText(state)), ...lines].join('\n') };
  } catch (error) {
    throw unusable(error);
  }
}

function fileText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new CliError('usage', 'file_unreadable', `The file "${file}" cannot be read.`);
  }
}
