import assert from 'node:assert/strict';

/** The part of a mock that a request needs, in process or over HTTP. */
export interface Reachable {
  readonly issuer: string;
  readonly fetch: (input: string, init: RequestInit) => Promise<Response>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** Posts a form to the token endpoint of a mock. */
export async function post(
  mock: Reachable,
  form: Record<string, string> | string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await mock.fetch(`${mock.issuer}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** A refresh by the public client `demo`. */
export function refresh(mock: Reachable, refreshToken: unknown, more: Record<string, string> = {}): Promise<Answer> {
  return post(mock, {
    grant_type: 'refresh_token',
    client_id: 'demo',
    refresh_token: text(refreshToken),
    ...more,
  });
}

export function basic(id: string, secret: string): { authorization: string } {
  return { authorization: `Basic ${btoa(`${id}:${secret}`)}` };
}

export function text(value: unknown): string {
  assert.equal(typeof value, 'string');
  return String(value);
}

export function assertError(answer: Answer, status: number, error: string): void {
  assert.deepEqual([answer.status, answer.body.error], [status, error]);
  assert.ok(text(answer.body.error_description).length > 0);
}
