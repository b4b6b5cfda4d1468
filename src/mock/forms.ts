import type { Exchange } from './exchange.ts';
import { bodyLimit, type MockReply, oauthError } from './http.ts';

export type Form = ReadonlyMap<string, string>;

export interface ParsedForm {
  readonly form: Form;
  /** A parameter that came twice. */
  readonly duplicate: string | undefined;
}

/**
 * Parameters without a value count as left out, and none may come twice (RFC 6749 section 3.2) but for `resource`
 * (RFC 8707 section 2) and `audience` (RFC 8693 section 2.1): theirs are kept as lines, for `listOf`.
 */
export function parseForm(body: string): ParsedForm {
  const form = new Map<string, string>();
  let duplicate: string | undefined;
  for (const [name, value] of new URLSearchParams(body)) {
    const before = form.get(name);
    if (before === undefined) form.set(name, value);
    else if (name === 'resource' || name === 'audience') form.set(name, `${before}\n${value}`);
    else duplicate = name;
  }
  for (const [name, value] of form) if (value === '') form.delete(name);
  return { form, duplicate };
}

export function listOf(form: Form, name: 'resource' | 'audience'): readonly string[] {
  return form.get(name)?.split('\n') ?? [];
}

/** The form in the body of a POST. The log is told what is in it. */
export async function readForm(exchange: Exchange): Promise<ParsedForm | { readonly refused: MockReply }> {
  const { request } = exchange;
  const mediaType = request.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType !== 'application/x-www-form-urlencoded') {
    return {
      refused: oauthError(400, 'invalid_request', 'The body must be application/x-www-form-urlencoded'),
    };
  }
  const body = await request.text();
  if (body === undefined) return { refused: oauthError(413, 'invalid_request', `More than ${bodyLimit} characters`) };
  const parsed = parseForm(body);
  exchange.saw(parsed.form);
  return parsed;
}

/** What came in the query of a GET or in the body of a POST. */
export function readParameters(exchange: Exchange): ParsedForm | Promise<ParsedForm | { readonly refused: MockReply }> {
  const { method, target } = exchange.request;
  if (method === 'POST') return readForm(exchange);
  const question = target.indexOf('?');
  const parsed = parseForm(question < 0 ? '' : target.slice(question + 1));
  exchange.saw(parsed.form);
  return parsed;
}

export function isWithin(scope: string, granted: string): boolean {
  const allowed = granted.split(' ');
  return scope.split(' ').every(value => allowed.includes(value));
}
