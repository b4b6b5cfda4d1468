import type { PublicJwk } from './keys.ts';
import type { MockClient } from './registry.ts';

/**
 * What the issuer needs to know about a request. Simpler than `Request`, because building and reading the WHATWG
 * objects costs a loopback server more than all its other work except signing.
 */
export interface MockRequest {
  readonly method: string;
  /** Path and query, as in the request line. */
  readonly target: string;
  /** The Host header, or the host of the URL for calls in process. */
  readonly host: string;
  /** The client certificate of the TLS connection, if there is one. It cannot be taken from the request itself. */
  readonly certificate?: ClientCertificate | undefined;
  /** A header by its lower-case name. */
  header(name: string): string | undefined;
  /** The body; undefined if it is longer than `bodyLimit`. */
  text(): Promise<string | undefined>;
}

export interface MockReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The OAuth error code in the body, for the request log. */
  readonly error?: string;
  /**
   * `drop`: the connection closes without a response. `truncate`: it closes in the middle of the body. `drip`: it stays
   * open in the middle of the body and sends nothing more.
   */
  readonly broken?: 'drop' | 'truncate' | 'drip';
}

export type Handler = (request: MockRequest) => Promise<MockReply>;

/** HEAD is answered as GET, whose body the server leaves out (RFC 9110 section 9.3.2): programs wait for a server with it. */
export const asGet = (method: string) => (method === 'HEAD' ? 'GET' : method);

/** Characters. A token request has a few hundred. */
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

/** An error response of the token endpoint, RFC 6749 section 5.2. */
export function oauthError(
  status: number,
  error: string,
  description: string,
  headers?: Record<string, string>,
): MockReply {
  return { ...jsonReply(status, { error, error_description: description }, headers), error };
}

/** `RequestInit` that also accepts members set to undefined, because libraries pass them. */
type FetchInit = { readonly [K in keyof RequestInit]?: RequestInit[K] | undefined };

export type Fetch = (input: RequestInfo | URL, init?: FetchInit) => Promise<Response>;

/** A `fetch` that calls the handler in process, without a network. Accepts what the global `fetch` accepts. */
export function fetchOf(handler: Handler): Fetch {
  return async (input, init) => {
    const request = input instanceof Request && init === undefined ? input : new Request(input, init as RequestInit);
    const { signal } = request;
    signal.throwIfAborted();
    const url = new URL(request.url);
    let body: Promise<string> | undefined;
    const handled = handler({
      method: request.method,
      target: url.pathname + url.search,
      host: url.host,
      header: name => request.headers.get(name) ?? undefined,
      text: async () => {
        body ??= request.text();
        const text = await body;
        return text.length > bodyLimit ? undefined : text;
      },
    });
    // An aborted caller gets its error at once. The issuer completes the request, because over a network it would not
    // notice the abort.
    const reply = await Promise.race([handled, aborted(signal)]);
    // This fetch reaches only this issuer, so it cannot follow redirects. It throws, so that a client that would follow
    // does not look like one that refuses to.
    if (reply.headers.location !== undefined && request.redirect !== 'manual') throw new TypeError('fetch failed');
    return responseOf(reply, request.method === 'HEAD');
  };
}

/** Rejects when `signal` is aborted. */
export function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function responseOf(reply: MockReply, isHead: boolean): Response {
  // Same type and message as a failed fetch in Node.
  if (reply.broken === 'drop') throw new TypeError('fetch failed');
  const init = { status: reply.status, headers: reply.headers };
  const empty = isHead || reply.status === 204 || reply.status === 304;
  return new Response(
    empty ? null : reply.broken === 'truncate' || reply.broken === 'drip' ? brokenBody(reply.body) : reply.body,
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
  /** The name of a parameter that was sent twice. */
  readonly duplicate: string | undefined;
}

/**
 * Parameters without a value count as left out. None may be repeated (RFC 6749 section 3.2), except `resource` (RFC
 * 8707 section 2) and `audience` (RFC 8693 section 2.1), whose values are joined with line breaks for `listOf`.
 */
function parseForm(body: string): ParsedForm {
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

/** Whether the body is a form, by its content type. */
export function hasForm(request: MockRequest): boolean {
  const mediaType = request.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  return mediaType === 'application/x-www-form-urlencoded';
}

/** Reads the form in the body of a POST and records its fields in the request log. */
export async function readForm(exchange: Exchange): Promise<ParsedForm | { readonly refused: MockReply }> {
  const { request } = exchange;
  if (!hasForm(request)) {
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

/** The parameters in the query of a GET or in the body of a POST. */
export function readParameters(exchange: Exchange): ParsedForm | Promise<ParsedForm | { readonly refused: MockReply }> {
  const { method, target } = exchange.request;
  if (method === 'POST') return readForm(exchange);
  const question = target.indexOf('?');
  const parsed = parseForm(question < 0 ? '' : target.slice(question + 1));
  exchange.saw(parsed.form);
  return parsed;
}

/** A client certificate from the TLS handshake, in which the client proved that it holds the private key. */
export interface ClientCertificate {
  /** DER in base64, as in `x5c`. */
  readonly der: string;
  /** SHA-256 of the DER, base64url (RFC 8705 section 3.1). */
  readonly thumbprint: string;
  /** Distinguished name, RFC 4514. */
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
  /** True if one of the server's `ca` issued it, or if the server has no `ca`. */
  readonly trusted: boolean;
}

export type TokenKind = 'access_token' | 'id_token';
export type Claims = Record<string, unknown>;

/** What a fault does to one exchange. Every hook is optional. */
export interface Effect {
  /** Milliseconds of the mock's clock to wait before the request is handled. */
  readonly delay?: number;
  /** Milliseconds to wait between the work (a rotation is committed by then) and its response. */
  readonly delayAfter?: number;
  /** Answers instead of the issuer, which does not see the request. `now`: milliseconds since the epoch. */
  readonly reply?: (now: number) => MockReply;
  /** Changes the issuer's response, after its work is done. */
  readonly finish?: (reply: MockReply, now: number) => MockReply;
  /** Changes the claims before signing. */
  readonly claims?: (claims: Claims, kind: TokenKind) => void;
  /** Changes the JOSE header before signing. */
  readonly header?: (header: Claims, kind: TokenKind) => void;
  /** Changes the signature (base64url). */
  readonly signature?: (signature: string, signingInput: string, key: PublicJwk, kind: TokenKind) => string;
  /** Changes the parameters that a redirect takes back to the client. */
  readonly parameters?: (parameters: URLSearchParams) => void;
}

/** How the user of the browser decides, if the settings do not say it. */
export interface Visitor {
  readonly deny?: boolean;
  readonly subject?: string;
}

/** One request as an endpoint sees it. */
export interface Exchange {
  readonly request: MockRequest;
  /** The requested address without its query. */
  readonly url: string;
  readonly effects: readonly Effect[];
  readonly visitor?: Visitor | undefined;
  /** Milliseconds since the epoch. Call it after the body was read. */
  now(): number;
  /** Records the fields that were sent, for the request log. */
  saw(form: ReadonlyMap<string, string>): void;
  /** Records the client, once it is known. */
  authenticated(client: MockClient): void;
  /** Records the clients that responded to a logout notification. */
  notified(clientIds: readonly string[]): void;
}

export type Answer = (exchange: Exchange) => MockReply | Promise<MockReply>;

const onThisMachine = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

/**
 * Whether a page of this origin may read responses: it is listed in `origins`, or both it and a listed origin are on
 * this machine.
 */
export function isAllowedOrigin(origin: string, origins: readonly string[]): boolean {
  return origins.includes(origin) || (onThisMachine.test(origin) && origins.some(each => onThisMachine.test(each)));
}

export function withParameters(uri: string, parameters: URLSearchParams): string {
  const text = parameters.toString();
  return text === '' ? uri : `${uri}${uri.includes('?') ? '&' : '?'}${text}`;
}
