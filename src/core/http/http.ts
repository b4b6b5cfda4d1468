import { type ErrorDataOf, isWorkbenchError, WorkbenchError } from '../errors.ts';
import type { Clock, Fetch } from '../ports.ts';
import { printable, sanitized } from '../redact.ts';
import { systemClock, until } from '../waiting.ts';

/** Milliseconds for one request, headers and body together. */
const defaultTimeout = 30_000;

/** Bytes of one response body. Metadata, key sets and token responses are all far smaller. */
const defaultMaxBytes = 1024 * 1024;

/**
 * Parses a URL that secrets may be sent to: https, or http on this machine's loopback address, where no one can
 * intercept it. `localhost` counts as loopback; no other name does, whatever it resolves to.
 * @throws WorkbenchError `url_invalid`, `url_insecure` with `field` and `found`
 */
export function requireSecureUrl(text: string, field: string): URL {
  const invalid = (reason: ErrorDataOf['url_invalid']['reason'], found: string) =>
    new WorkbenchError('url_invalid', { field, found, reason });
  // The URL parser silently drops tabs and line breaks and turns backslashes into slashes, so it would send to another
  // URL than the one that was checked.
  if (/[\p{Cc}\p{Cf}\s\\]/u.test(text)) throw invalid('characters', sanitized(text, 200));
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid('not_absolute', sanitized(text, 200));
  }
  const found = withoutSecrets(url);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw invalid('scheme', `${url.protocol}//`);
  if (url.username !== '' || url.password !== '') throw invalid('userinfo', found);
  if (text.includes('#')) throw invalid('fragment', found);
  if (url.protocol === 'http:' && !isLoopback(url)) throw new WorkbenchError('url_insecure', { field, found });
  return url;
}

/** True for 127.0.0.0/8, `[::1]` and `localhost`. The parser has already normalized all other spellings of them. */
export function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(url.hostname);
}

/**
 * Adds the scheme to a host that a user typed: http for this machine, https for all others. Any other text is returned
 * unchanged.
 */
export function withScheme(text: string): string {
  const [, host] = /^(localhost|\[::1\]|[\w-]+(?:\.[\w-]+)+)(?::\d+)?(?:\/\S*)?$/.exec(text) ?? [];
  // A row of numbers can look like a host without being a valid one.
  if (host === undefined || !URL.canParse(`http://${text}`)) return text;
  return `${isLoopback(new URL(`http://${host}`)) ? 'http' : 'https'}://${text}`;
}

/**
 * The https URL that the user most likely meant by a host without a scheme or by an http URL of another machine.
 * `undefined` for an IP address.
 */
export function likelyHttpsUrl(text: string): string | undefined {
  const bare = text.trim().replace(/^http:\/\//i, '');
  const meant = withScheme(bare);
  const isName = /^[^/]+\.[a-z]{2,}(?::\d+)?(?:\/[^?#]*)?$/i.test(bare);
  return isName && meant !== bare && meant.startsWith('https:') ? meant : undefined;
}

/**
 * A URL that is safe to show: user names, passwords, queries and fragments are removed, because they can be secrets.
 */
function withoutSecrets(url: URL): string {
  return printable(url.origin + (url.pathname === '/' ? '' : url.pathname), 200);
}

export interface FetchLimits {
  /** Milliseconds for headers and body; 30 seconds if omitted. */
  readonly timeout?: number;
  /** The largest body that is read, in bytes; 1 MiB if omitted. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
  /**
   * Follows up to three redirects within the origin, for requests that carry no secret. If omitted, no redirect is
   * followed.
   */
  readonly redirects?: 'same_origin';
  /** Called right before sending: if it throws, nothing is sent. */
  readonly guard?: (() => void) | undefined;
  /** Measures the timeout; the system's timers if omitted. */
  readonly clock?: Clock;
  /** Whether the text of a successful response that broke off has all that the caller must not lose. */
  readonly enough?: ((text: string) => boolean) | undefined;
}

/**
 * Wraps fetch with bounds: it follows only the redirects that `redirects` allows, limits time and size, and resolves
 * when the whole body has arrived. Every failure is a WorkbenchError with `host` and with `sent`: whether the request
 * may have reached the other side. An error never contains the query, a header or a body.
 * @throws WorkbenchError `redirect_refused`, `response_too_large`, `timeout`, `cancelled`, `connection_refused`,
 * `host_unknown`, `connection_reset`, `certificate_untrusted`, `network_failed`, `http_error`
 */
export function boundedFetch(fetch: Fetch, limits: FetchLimits = {}): Fetch {
  const {
    timeout = defaultTimeout,
    maxBytes = defaultMaxBytes,
    signal,
    guard,
    clock = systemClock,
    redirects,
    enough,
  } = limits;
  return async (input, init) => {
    const host = new URL(input).host;
    const callers = [signal, init.signal].filter(each => each instanceof AbortSignal);
    if (callers.some(each => each.aborted)) throw new WorkbenchError('cancelled', { host, sent: false });
    guard?.();
    const abort = new AbortController();
    let reason: 'timeout' | 'cancelled' | undefined;
    const stop = (why: 'timeout' | 'cancelled') => {
      reason ??= why;
      abort.abort();
    };
    const cancel = () => stop('cancelled');
    for (const each of callers) each.addEventListener('abort', cancel, { once: true });
    const stopTimer = clock.schedule(() => stop('timeout'), timeout);
    let answered = false;
    const arrived: Arrived = { chunks: [] };
    const headers = new Headers(init.headers);
    // Some gateways unpack a body but leave its Content-Encoding, or remove the header alone. fetch cannot read such a body.
    // Compression would not help much: these bodies are small.
    headers.set('accept-encoding', 'identity');
    try {
      const answer = async () => {
        for (let from = input, left = redirects === undefined ? 0 : 3; ; left--) {
          const response = await fetch(from, {
            ...init,
            headers,
            redirect: 'manual',
            credentials: 'omit',
            cache: 'no-store',
            signal: abort.signal,
          });
          answered = true;
          const target = redirectTarget(response, from);
          if (target === undefined) return await buffered(response, host, maxBytes, arrived);
          void response.body?.cancel().catch(() => {});
          if (left === 0 || target.href === undefined || target.origin !== new URL(from).origin)
            throw redirected(response, host, target, redirects);
          from = target.href;
        }
      };
      // A fetch may ignore the signal.
      return await until(answer(), abort.signal);
    } catch (error) {
      if (reason === undefined && isWorkbenchError(error)) throw error;
      const whole = reason === 'cancelled' ? undefined : wholeResponse(arrived, enough);
      if (whole !== undefined) return whole;
      if (reason === 'timeout') throw new WorkbenchError('timeout', { host, sent: true, after: timeout });
      if (reason === 'cancelled') throw new WorkbenchError('cancelled', { host, sent: true });
      throw networkError(error, host, answered);
    } finally {
      stopTimer();
      for (const each of callers) each.removeEventListener('abort', cancel);
    }
  };
}

/**
 * The target of a redirect; an empty object if `Location` is missing or invalid. `undefined` if the response is not a
 * redirect.
 */
function redirectTarget({ status, type, headers }: Response, from: string): Partial<URL> | undefined {
  if (type !== 'opaqueredirect' && !(status >= 300 && status <= 399 && status !== 304)) return undefined;
  const location = headers.get('location');
  return location !== null && URL.canParse(location, from) ? new URL(location, from) : {};
}

/** RFC 9700 §4.12: a 307 or 308 would send the refresh token and the client secret to another host. */
function redirected(
  { status }: Response,
  host: string,
  target: Partial<URL>,
  redirects: FetchLimits['redirects'],
): WorkbenchError {
  // For a public document the whole URL helps; for other requests the path may contain what was sent.
  const location = redirects === undefined ? target.host : `${target.origin}${target.pathname}`;
  return new WorkbenchError('redirect_refused', {
    host,
    sent: true,
    ...(status !== 0 && { status }),
    ...(target.host !== undefined && { location: sanitized(location ?? '', 200, [], [location ?? '']) }),
  });
}

/**
 * UTF-16 begins with a byte order mark, or has a zero in each of the first characters of JSON. All else is UTF-8, whatever
 * the header says; only a text that is not is read by the charset in the header (GBK, Shift_JIS, Latin-1).
 */
function decoded(bytes: Uint8Array<ArrayBuffer>, headers: Headers): string {
  const [first = 0, second = 0, third = 0, fourth = 0] = bytes;
  const isLittle = (first === 0xff && second === 0xfe) || (first === 0x7b && second === 0 && fourth === 0);
  const isBig = (first === 0xfe && second === 0xff) || (first === 0 && second === 0x7b && third === 0);
  if (isLittle || isBig) return new TextDecoder(isLittle ? 'utf-16le' : 'utf-16be').decode(bytes);
  const text = new TextDecoder().decode(bytes);
  const [, charset] = /;\s*charset=\s*"?([\w-]{1,40})/i.exec(headers.get('content-type') ?? '') ?? [];
  if (charset === undefined || !text.includes('\ufffd')) return text;
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return text;
  }
}

/** A response whose body has arrived. It can be read more than once, without the streams of a real body. */
class ReadResponse extends Response {
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>, { status, headers }: Response) {
    super(null, { status, headers: validHeaders(headers) });
    this.#bytes = bytes;
  }

  override async text(): Promise<string> {
    return decoded(this.#bytes, this.headers);
  }

  override async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  override clone(): Response {
    return new ReadResponse(this.#bytes, this);
  }
}

/**
 * The headers without those whose names or values a fetch receives, but a `Response` refuses, for example a name with a
 * space.
 */
function validHeaders(headers: Headers): Headers {
  const valid = new Headers();
  for (const [name, value] of headers) {
    try {
      valid.append(name, value);
    } catch {
      // No header that is read here has such a name.
    }
  }
  return valid;
}

/** What has arrived of a body so far. */
interface Arrived {
  response?: Response;
  readonly chunks: Uint8Array<ArrayBuffer>[];
}

/**
 * A response whose body has arrived although the connection broke off or hangs: some gateways announce a longer body than
 * they send. A JSON object shows by itself that nothing is missing, and the tokens in it exist nowhere else. A part of one is
 * returned if it is `enough`.
 */
function wholeResponse({ response, chunks }: Arrived, enough: FetchLimits['enough']): Response | undefined {
  if (response === undefined || !isPossible(response.status)) return undefined;
  const bytes = joined(chunks);
  const text = decoded(bytes, response.headers);
  return isObjectText(text) || (response.ok && enough?.(text) === true) ? new ReadResponse(bytes, response) : undefined;
}

function isObjectText(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}

/** `Response` accepts only this range (LinkedIn, for example, sends 999). */
const isPossible = (status: number) => status >= 200 && status <= 599;

/** The same response with its body in memory. */
async function buffered(response: Response, host: string, maxBytes: number, arrived: Arrived): Promise<Response> {
  const { chunks } = arrived;
  arrived.response = response;
  const reader = response.body?.getReader();
  for (let size = 0; reader !== undefined; ) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > maxBytes) {
      void reader.cancel().catch(() => {});
      throw new WorkbenchError('response_too_large', {
        host,
        limit: maxBytes,
        status: response.status,
        sent: true,
      });
    }
    chunks.push(value);
  }
  const { status } = response;
  if (!isPossible(status)) throw new WorkbenchError('http_error', { host, status, sent: true });
  const bytes = joined(chunks);
  return new ReadResponse((await unzipped(bytes, maxBytes)) ?? bytes, response);
}

/** The content of a body that is compressed and does not say so, as behind a gateway that drops the header. */
async function unzipped(
  bytes: Uint8Array<ArrayBuffer>,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b || typeof DecompressionStream === 'undefined') return undefined;
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  try {
    const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')).getReader();
    for (let size = 0; ; ) {
      const { done, value } = await reader.read();
      if (done) return joined(chunks);
      size += value.byteLength;
      if (size > maxBytes) {
        await reader.cancel();
        return undefined;
      }
      chunks.push(value);
    }
  } catch {
    return undefined;
  }
}

function joined(chunks: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const [first = new Uint8Array(), ...rest] = chunks;
  if (rest.length === 0) return first;
  const all = new Uint8Array(chunks.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}

// --- Time in the headers of an answer ---

/** The longest wait that is accepted from a `Retry-After`, in milliseconds. */
export const longestRetryAfter = 60 * 60 * 1000;

/** The issuer's time: the `Date` header in milliseconds since the epoch. */
export function issuerDate(headers: Headers): number | undefined {
  const time = Date.parse(headers.get('date') ?? '');
  return Number.isFinite(time) ? time : undefined;
}

/**
 * `Retry-After` in milliseconds from now, capped (RFC 9110 §10.2.3). A date is compared with the issuer's own `Date` if
 * there is one, since this machine's clock can be wrong.
 * @param now milliseconds since the epoch
 */
export function retryAfter(headers: Headers, now: number): number | undefined {
  const [value = ''] = (headers.get('retry-after') ?? '').trim().split(/(?<=^\d{1,11}) ?[,;]/);
  if (value === '') return undefined;
  // Some write fractions or the unit.
  const [, seconds] = /^(\d+(?:\.\d+)?) ?(?:s|sec|seconds?)?$/i.exec(value) ?? [];
  const wait =
    seconds === undefined ? Date.parse(value) - (issuerDate(headers) ?? now) : Math.ceil(Number(seconds) * 1000);
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), longestRetryAfter);
}

// --- Why a request failed ---

type Failure = 'connection_refused' | 'host_unknown' | 'connection_reset' | 'certificate_untrusted' | 'timeout';

/** Error codes of Node's sockets and undici. `true`: the request may have been sent. */
const nodeCodes = new Map<string, readonly [Failure | 'network_failed', sent: boolean]>([
  ['ECONNREFUSED', ['connection_refused', false]],
  ['ENOTFOUND', ['host_unknown', false]],
  ['EAI_AGAIN', ['host_unknown', false]],
  ['EAI_NODATA', ['host_unknown', false]],
  ['EAI_NONAME', ['host_unknown', false]],
  ['ECONNRESET', ['connection_reset', true]],
  ['ECONNABORTED', ['connection_reset', true]],
  ['EPIPE', ['connection_reset', true]],
  ['UND_ERR_SOCKET', ['connection_reset', true]],
  ['UND_ERR_CONNECT_TIMEOUT', ['timeout', false]],
  ['UND_ERR_HEADERS_TIMEOUT', ['timeout', true]],
  ['UND_ERR_BODY_TIMEOUT', ['timeout', true]],
  ['ETIMEDOUT', ['timeout', true]],
  ['EHOSTUNREACH', ['network_failed', false]],
  ['ENETUNREACH', ['network_failed', false]],
  ['ENETDOWN', ['network_failed', false]],
  ['EPROTO', ['network_failed', false]],
  ['UND_ERR_PRX_TLS', ['network_failed', false]],
]);

/** What undici says when a proxy opens no tunnel to the host, with the status of the proxy. */
const refusedTunnel = /^Proxy response \((\d{3})\) !== 200 when HTTP Tunneling$/;

/** TLS errors of a connection that was open: a record that is damaged, and a second handshake. */
const midway = /BAD_RECORD_MAC|DECRYPT|DECOMPRESSION|RENEGOTIATION|SERVER_CERT_CHANGED|AFTER_CLOSE_NOTIFY/;

/** Codes of X.509 verification, which happens before anything is sent. */
const certificateCode =
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w*(?:CERT|ISSUER|CRL|LEAF)\w*|CERT_\w+|CRL_\w+|ERR_TLS_CERT_ALTNAME_\w+|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH|ERROR_IN_CERT_\w+)$/;

/** Error codes of Chromium: VS Code can route an extension's fetch through Electron. */
const chromiumCodes: readonly (readonly [RegExp, Failure | 'network_failed', sent: boolean])[] = [
  [/^(?:CERT_|SSL_CLIENT_AUTH_CERT|SSL_PINNED|BAD_SSL_CLIENT_AUTH)/, 'certificate_untrusted', false],
  [/^CONNECTION_REFUSED$/, 'connection_refused', false],
  [/^(?:NAME_NOT_RESOLVED|NAME_RESOLUTION_FAILED|DNS_\w+)$/, 'host_unknown', false],
  [/^CONNECTION_TIMED_OUT$/, 'timeout', false],
  [/^TIMED_OUT$/, 'timeout', true],
  [/^(?:CONNECTION_(?:RESET|CLOSED|ABORTED)|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)$/, 'connection_reset', true],
  [
    /^(?:INTERNET_DISCONNECTED|ADDRESS_(?:UNREACHABLE|INVALID)|CONNECTION_FAILED|PROXY_(?:CONNECTION|AUTH|CERTIFICATE)_|MANDATORY_PROXY_|HTTPS_PROXY_|SOCKS_|TUNNEL_CONNECTION_FAILED|SSL_|NO_SSL_|ALPN_|UNSAFE_PORT|NETWORK_ACCESS_DENIED|BLOCKED_BY_(?:CLIENT|ADMINISTRATOR)|TEMPORARILY_THROTTLED)/,
    'network_failed',
    false,
  ],
];

/**
 * The cause of a failed fetch, by the codes of undici, Node's sockets and Chromium. Messages are used only where
 * Electron gives no code.
 * @param answered headers had arrived, so the request certainly was received
 */
function networkError(error: unknown, host: string, answered: boolean): WorkbenchError {
  const make = (code: Failure | 'network_failed', sent: boolean, detail?: string) =>
    new WorkbenchError(code, { host, sent: sent || answered, ...(detail && { detail }) });
  for (const { code, syscall, message } of causes(error)) {
    // If Electron is told not to follow a redirect, it reports the redirect as a failure.
    if (message === 'Redirect was cancelled') return new WorkbenchError('redirect_refused', { host, sent: true });
    const chromium = /net::ERR_([A-Z0-9_]+)/.exec(message)?.[1];
    if (chromium !== undefined) {
      const [, failure, sent] = chromiumCodes.find(([pattern]) => pattern.test(chromium)) ?? [];
      return make(failure ?? 'network_failed', (sent ?? true) || midway.test(chromium), `ERR_${chromium}`);
    }
    const [, proxyStatus] = refusedTunnel.exec(message) ?? [];
    if (proxyStatus !== undefined) return make('network_failed', false, `PROXY_${proxyStatus}`);
    if (code === undefined) continue;
    if (certificateCode.test(code)) return make('certificate_untrusted', false, code);
    const [failure, sent] = nodeCodes.get(code) ?? [];
    if (failure !== undefined) return make(failure, (sent ?? true) && syscall !== 'connect', code);
    // A failed TLS handshake, most often because the other side does not speak TLS.
    if (code.startsWith('ERR_SSL_')) return make('network_failed', midway.test(code), code);
    if (/^[A-Z][A-Z0-9_]{2,60}$/.test(code)) return make('network_failed', syscall !== 'connect', code);
  }
  return make('network_failed', true);
}

interface Cause {
  readonly code: string | undefined;
  readonly syscall: string | undefined;
  readonly message: string;
}

/** The error and all its causes. fetch puts the useful one in `cause`, which can hold several. */
function causes(error: unknown, depth = 5): Cause[] {
  if (typeof error !== 'object' || error === null || depth === 0) return [];
  const { code, syscall, message, cause, errors } = error as Record<string, unknown>;
  return [
    {
      // The code of a DOMException is a number and tells nothing, so it is ignored.
      code: typeof code === 'string' ? code : undefined,
      syscall: typeof syscall === 'string' ? syscall : undefined,
      message: typeof message === 'string' ? message : '',
    },
    ...causes(cause, depth - 1),
    ...(Array.isArray(errors) ? errors.slice(0, 4).flatMap(each => causes(each, depth - 1)) : []),
  ];
}
