import type { MockIssuer } from '../../../src/mock/issuer.ts';
import { type Answer, post } from './support.ts';

/** RFC 7636 appendix B. */
export const codeVerifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
export const codeChallenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
export const redirectUri = 'http://127.0.0.1:51004/callback';

/** Replaces default parameters; undefined removes one. */
export type Changes = Readonly<Record<string, string | undefined>>;

export function authorizationParameters(changes: Changes = {}): Record<string, string> {
  return apply(changes, {
    client_id: 'demo',
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid offline_access',
    state: 'xyz',
    nonce: 'n-0S6_WzA2Mj',
    code_challenge: codeChallenge,
    code_challenge_method: 'S256',
  });
}

export function authorizationUrl(mock: MockIssuer, changes: Changes = {}): string {
  return `${mock.issuer}/authorize?${new URLSearchParams(authorizationParameters(changes))}`;
}

/** A code for `demo`, or for the client in the changes. */
export async function codeOf(mock: MockIssuer, changes: Changes = {}): Promise<string> {
  return (await mock.authorize(authorizationUrl(mock, changes))).searchParams.get('code') ?? '';
}

export function redeem(
  mock: MockIssuer,
  code: string,
  changes: Changes = {},
  headers: Record<string, string> = {},
): Promise<Answer> {
  const form = apply(changes, {
    grant_type: 'authorization_code',
    client_id: 'demo',
    code,
    redirect_uri: redirectUri,
    code_verifier: codeVerifier,
  });
  return post(mock, form, headers);
}

/** Posts a form to a path of the issuer. */
export function send(
  mock: MockIssuer,
  path: string,
  form: Record<string, string> | string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return mock.fetch(mock.issuer + path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
    redirect: 'manual',
  });
}

/** As `send`, for JSON responses. */
export async function ask(
  mock: MockIssuer,
  path: string,
  form: Record<string, string> | string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await send(mock, path, form, headers);
  return { status: response.status, headers: response.headers, body: await response.json() };
}

function apply(changes: Changes, usual: Record<string, string>): Record<string, string> {
  const entries = Object.entries({ ...usual, ...changes });
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
