import { type ErrorDataOf, isWorkbenchError, WorkbenchError } from '../errors.ts';
import type { Clock, Fetch } from '../ports.ts';
import { printable } from '../redact.ts';
import { sanitized } from './foreignText.ts';
import { networkError } from './networkError.ts';

/** Milliseconds for one request, headers and body together. */
export const defaultTimeout = 30_000;

/** Bytes of one response body. Metadata, key sets and token responses are all far smaller. */
export const defaultMaxBytes = 1024 * 1024;

/**
 * A URL that a secret may be sent to: https, or http on this machine's own loopback address, where no one on
 * the way can read it. `localhost` counts as one; no other name does, whatever it resolves to.
 * @throws WorkbenchError `url_invalid`, `url_insecure` with `field` and `found`
 */
export function requireSecureUrl(text: string, field: string): URL {
  const invalid = (reason: ErrorDataOf['url_invalid']['reason'], found: string) =>
    new WorkbenchError('url_invalid', { field, found, reason });
  // The parser silently drops tabs and line breaks and turns backslashes round: what is checked must be what is sent.
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

/** True for 127.0.0.0/8, `[::1]` and `localhost`, after the parser has brought every spelling of them into one. */
export function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(url.hostname);
}

/** A URL as it may be shown: user names, passwords, queries and fragments can be secrets. */
function withoutSecrets(url: URL): string {
  return printable(url.origin + (url.pathname === '/' ? '' : url.pathname), 200);
}

export interface FetchLimits {
  /** Milliseconds over headers and body; 30 seconds where it is left out. */
  readonly timeout?: number;
  /** The largest body that is read; 1 MiB where it is left out. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal | undefined;
  /** Called in the moment of sending: where it throws, nothing is sent. */
  readonly guard?: (() => void) | undefined;
  /** Measures the timeout; the system's own timers where it is left out. */
  readonly clock?: Clock;
}

/**
 * A fetch that follows no redirect, waits and reads only so much, and answers with a response whose body has
 * arrived. Every failure is a WorkbenchError with `host` and with `sent`: whether the request may have reached
 * the other side. Neither the query, a header nor a body is ever part of one.
 * @throws WorkbenchError `redirect_refused`, `response_too_large`, `timeout`, `cancelled`, `connection_refused`,
 * `host_unknown`, `connection_reset`, `certificate_untrusted`, `network_failed`, `http_error`
 */
export function boundedFetch(fetch: Fetch, limits: FetchLimits = {}): Fetch {
  const { timeout = defaultTimeout, maxBytes = defaultMaxBytes, signal, guard, clock = systemClock } = limits;
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
    try {
      // Raced against the signal too: a fetch that ignores it must not keep anyone waiting.
      return await Promise.race([
        rejectOn(abort.signal),
        (async () => {
          const response = await fetch(input, {
            ...init,
            redirect: 'manual',
            credentials: 'omit',
            cache: 'no-store',
            signal: abort.signal,
          });
          answered = true;
          refuseRedirect(response, host, input);
          return await buffered(response, host, maxBytes);
        })(),
      ]);
    } catch (error) {
      if (isWorkbenchError(error)) throw error;
      if (reason === 'timeout') throw new WorkbenchError('timeout', { host, sent: true, after: timeout });
      if (reason === 'cancelled') throw new WorkbenchError('cancelled', { host, sent: true });
      throw networkError(error, host, answered);
    } finally {
      stopTimer();
      for (const each of callers) each.removeEventListener('abort', cancel);
    }
  };
}

const systemClock: Clock = {
  now: () => Date.now(),
  schedule(callback, delay) {
    const timer = setTimeout(callback, delay);
    return () => clearTimeout(timer);
  },
};

function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new DOMException('', 'AbortError')), { once: true });
  });
}

/** RFC 9700 §4.12: a 307 or 308 would carry the refresh token and the client secret to another host. */
function refuseRedirect(response: Response, host: string, from: string): void {
  const { status, type } = response;
  if (type !== 'opaqueredirect' && !(status >= 300 && status <= 399 && status !== 304)) return;
  void response.body?.cancel().catch(() => {});
  throw new WorkbenchError('redirect_refused', {
    host,
    sent: true,
    ...(status !== 0 && { status }),
    ...targetHost(response.headers.get('location'), from),
  });
}

function targetHost(location: string | null, from: string): { location?: string } {
  try {
    return location === null ? {} : { location: printable(new URL(location, from).host, 100) };
  } catch {
    return {};
  }
}

/** A response whose body has arrived. It can be read at once and more than once, without the streams of a real body. */
class ReadResponse extends Response {
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>, { status, statusText, headers }: Response) {
    super(null, { status, statusText, headers });
    this.#bytes = bytes;
  }

  override async text(): Promise<string> {
    return new TextDecoder().decode(this.#bytes);
  }

  override async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  override clone(): Response {
    return new ReadResponse(this.#bytes, this);
  }
}

/** The same response with its body in memory. */
async function buffered(response: Response, host: string, maxBytes: number): Promise<Response> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
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
  // Outside this range no Response can be made (LinkedIn's 999 is one that is seen).
  if (status < 200 || status > 599) throw new WorkbenchError('http_error', { host, status, sent: true });
  return new ReadResponse(joined(chunks), response);
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
