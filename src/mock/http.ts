import type { ClientCertificate } from './clients.ts';
import type { Effect } from './effects.ts';
import type { MockClient } from './options.ts';

/**
 * What the issuer needs to know of a request. Plainer than `Request`, because building the WHATWG objects and
 * taking them apart again costs a loopback server more than everything else it does but signing.
 */
export interface MockRequest {
  readonly method: string;
  /** Path and query, as in the request line. */
  readonly target: string;
  /** The Host header, or the host of the URL where there was no wire. */
  readonly host: string;
  /** Where there is TLS and the client has one. Nothing in the request itself can say it. */
  readonly certificate?: ClientCertificate | undefined;
  /** A header by its lower-case name. */
  header(name: string): string | undefined;
  /** The body, or undefined where it is longer than `bodyLimit`. */
  text(): Promise<string | undefined>;
}

export interface MockReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The OAuth error code in the body, for the request log. */
  readonly error?: string;
  /** `drop`: the connection ends without an answer; `truncate`: in the middle of the body; `drip`: it stays open
   * there, and no more comes. */
  readonly broken?: 'drop' | 'truncate' | 'drip';
}

export type Handler = (request: MockRequest) => Promise<MockReply>;

/** Characters; a token request has a few hundred. */
export const bodyLimit = 65_536;

export function jsonReply(status: number, body: unknown, headers?: Record<string, string>): MockReply {
  return textReply(status, JSON.stringify(body), 'application/json', headers);
}

export function textReply(
  status: number,
  body: string,
  contentType: string,
  headers?: Record<string, string>,
): MockReply {
  return { status, headers: { 'content-type': contentType, 'cache-control': 'no-store', ...headers }, body };
}

/** An error answer of the token endpoint, RFC 6749 section 5.2. */
export function oauthError(
  status: number,
  error: string,
  description: string,
  headers?: Record<string, string>,
): MockReply {
  return { ...jsonReply(status, { error, error_description: description }, headers), error };
}

/** `RequestInit` that also takes what libraries pass: members that are there and undefined. */
export type FetchInit = { readonly [K in keyof RequestInit]?: RequestInit[K] | undefined };

export type Fetch = (input: RequestInfo | URL, init?: FetchInit) => Promise<Response>;

/** The `fetch` of a handler: nothing goes over a network. Takes what the global `fetch` takes. */
export function fetchOf(handler: Handler): Fetch {
  return async (input, init) => {
    const request = input instanceof Request && init === undefined ? input : new Request(input, init as RequestInit);
    const { signal } = request;
    signal.throwIfAborted();
    const url = new URL(request.url);
    const handled = handler({
      method: request.method,
      target: url.pathname + url.search,
      host: url.host,
      header: name => request.headers.get(name) ?? undefined,
      text: async () => {
        const text = await request.text();
        return text.length > bodyLimit ? undefined : text;
      },
    });
    // A caller that gives up is answered at once, but the issuer goes on: over a wire it would not notice.
    const reply = await Promise.race([handled, aborted(signal)]);
    // Nothing but this issuer can be reached from here. A client that would follow must not look like one that refuses.
    if (reply.headers.location !== undefined && request.redirect !== 'manual') throw new TypeError('fetch failed');
    return responseOf(reply);
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function responseOf(reply: MockReply): Response {
  // The message and type of a failed fetch in Node.
  if (reply.broken === 'drop') throw new TypeError('fetch failed');
  const init = { status: reply.status, headers: reply.headers };
  const empty = reply.status === 204 || reply.status === 304;
  return new Response(
    reply.broken === 'truncate' || reply.broken === 'drip' ? brokenBody(reply.body) : empty ? null : reply.body,
    init,
  );
}

function brokenBody(body: string): ReadableStream<Uint8Array> {
  let sent = false;
  return new ReadableStream({
    pull(controller) {
      if (sent) return controller.error(new TypeError('terminated'));
      sent = true;
      controller.enqueue(firstHalf(body));
    },
  });
}

export function firstHalf(body: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(body);
  return bytes.slice(0, Math.floor(bytes.length / 2));
}

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

/** The user of the browser, where the settings do not name one. */
export interface Visitor {
  readonly deny?: boolean;
  readonly subject?: string;
}

/** One request as an endpoint sees it. */
export interface Exchange {
  readonly request: MockRequest;
  /** The address that was asked, with no query. */
  readonly url: string;
  readonly effects: readonly Effect[];
  readonly visitor?: Visitor | undefined;
  /** Milliseconds since the epoch. Asked once the body is there. */
  now(): number;
  /** Told what was sent, for the log. */
  saw(form: ReadonlyMap<string, string>): void;
  /** Called with the user, once that is known. */
  authenticated(client: MockClient): void;
}

export type Answer = (exchange: Exchange) => MockReply | Promise<MockReply>;
