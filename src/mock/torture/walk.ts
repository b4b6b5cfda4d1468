import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { patienceOf } from './lateness.ts';

/*
 * A browser without a screen, which handles cookies, redirects and self-submitting forms, to go through a client's
 * sign-in.
 */

interface Page {
  readonly url: string;
  readonly status: number;
  readonly body: string;
  readonly location?: string | undefined;
}

export interface Browser {
  /** Follows redirects and forms to the final page. @throws Error if the client does not respond in time */
  visit(url: string): Promise<Page>;
  /** Sends one request and follows nothing. */
  look(url: string): Promise<Page>;
  /** Deletes all cookies, to become another visitor. */
  forget(): void;
  /** All visited addresses, in order. */
  readonly visited: readonly string[];
  /** Whether a page made the browser request an address twice at once. */
  readonly twice: boolean;
}

const maxRedirects = 20;
/** The status that stands for a repeated callback to a program that has stopped listening. */
const gone = 410;

interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
}

/** One request of the simulated visitor. */
export interface Sent {
  readonly method: 'GET' | 'POST';
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** Headers of a browser whose user opens a page. */
const asNavigation = {
  accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
  'sec-fetch-dest': 'document',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-site': 'none',
  'upgrade-insecure-requests': '1',
};

/**
 * Sends a request over the network, and follows nothing. `fetch` cannot do it: it says that a script asks
 * (`Sec-Fetch-Mode: cors`), which clients answer with 401 in place of a redirect to the issuer.
 */
export function send(url: URL, { body, signal, ...init }: Sent): Promise<Response> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(signal.aborted ? signal.reason : error);
    const request = (url.protocol === 'https:' ? tlsRequest : plainRequest)(url, {
      ...init,
      signal,
      agent: false,
      // Lenient like browsers, because Apache may send a second body after an error.
      insecureHTTPParser: true,
    });
    request.on('error', failed);
    request.once('response', response => {
      // What follows a whole response, and is none, is ignored as in browsers.
      request.off('error', failed).on('error', error => {
        const isRest = 'code' in error && String(error.code).startsWith('HPE_') && response.complete;
        if (!isRest) failed(error);
      });
      const headers = new Headers();
      for (let i = 0; i < response.rawHeaders.length; i += 2)
        headers.append(response.rawHeaders[i] ?? '', response.rawHeaders[i + 1] ?? '');
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', failed);
      response.once('end', () => {
        const status = response.statusCode ?? 0;
        resolve(new Response(chunks.length === 0 ? null : Buffer.concat(chunks), { status, headers }));
      });
    });
    request.end(body);
  });
}

/** Sends a request of a script, and follows redirects as `fetch` does. Resolves with the final status. */
export async function sendAsScript(start: string, { method = 'GET', ...rest }: Partial<Sent>, signal: AbortSignal) {
  let url = new URL(start);
  let init: Sent = { ...rest, method, headers: { accept: '*/*', ...rest.headers }, signal };
  for (let step = 0; step < maxRedirects; step += 1) {
    const { status, headers } = await send(url, init);
    const location = headers.get('location');
    if (location === null || status < 300 || status >= 400) return status;
    const to = new URL(location, url);
    const { authorization, ...others } = init.headers;
    const kept = authorization !== undefined && to.origin === url.origin ? { ...others, authorization } : others;
    init = status < 307 ? { method: 'GET', headers: kept, signal } : { ...init, headers: kept };
    url = to;
  }
  throw new Error(`More than ${maxRedirects} redirects`);
}

/**
 * `patience`: timeout of one request in milliseconds. `send`: sends a request, usually over the network. Cookies are kept per
 * host without the port, as in real browsers.
 */
export function createBrowser(patience: number, send: (url: URL, init: Sent) => Promise<Response>): Browser {
  const jar = new Map<string, Cookie>();
  const visited: string[] = [];

  const cookiesFor = ({ hostname, pathname }: URL) =>
    [...jar]
      .filter(([key, { path }]) => key.startsWith(`${hostname} `) && pathname.startsWith(path))
      .map(([, { name, value }]) => `${name}=${value}`)
      .join('; ');

  const keep = ({ hostname, pathname }: URL, headers: Headers) => {
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(/; */);
      const [name = '', ...value] = pair.split('=');
      const attribute = (wanted: string) =>
        attributes.find(each => each.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
      const path = attribute('path') ?? pathname.replace(/[^/]*$/, '');
      const expires = Date.parse(attribute('expires') ?? '');
      const key = `${hostname} ${path} ${name}`;
      if (attribute('max-age') === '0' || expires < Date.now()) jar.delete(key);
      else jar.set(key, { name, value: value.join('='), path });
    }
  };

  const ask = async (url: URL, form?: URLSearchParams, from?: string): Promise<Response> => {
    // Only a callback: any other address that stops to answer shows a client that has crashed.
    const isRepeatedCallback = url.searchParams.has('code') && visited.includes(url.href);
    visited.push(url.href);
    const cookie = cookiesFor(url);
    const once = () =>
      send(url, {
        method: form === undefined ? 'GET' : 'POST',
        signal: patienceOf(patience),
        headers: {
          ...asNavigation,
          ...(cookie && { cookie }),
          ...(from && { origin: from }),
          ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
        },
        ...(form && { body: form.toString() }),
      });
    // A client that was restarted refuses the connection for a moment, so a failed request is tried once more.
    const response = await once()
      .catch(error =>
        'code' in Object(error) && Object(error).name !== 'TimeoutError' ? once() : Promise.reject(error),
      )
      .catch(error =>
        // A program on the user's machine listens for one callback only (RFC 8252 section 7.3).
        isRepeatedCallback && Object(error).code === 'ECONNREFUSED'
          ? new Response(null, { status: gone })
          : Promise.reject(error),
      );
    keep(url, response.headers);
    return response;
  };

  let twice = false;
  return {
    visited,
    get twice() {
      return twice;
    },
    forget: () => jar.clear(),
    async look(url) {
      const response = await ask(new URL(url));
      const location = response.headers.get('location') ?? undefined;
      return {
        url,
        status: response.status,
        body: await response.text(),
        location: location && new URL(location, url).href,
      };
    },
    async visit(start) {
      let url = new URL(start);
      let form: URLSearchParams | undefined;
      let from: string | undefined;
      const parts: Promise<unknown>[] = [];
      for (let step = 0; step < maxRedirects; step += 1) {
        const response = await ask(url, form, from);
        const body = await response.text();
        const location = response.headers.get('location');
        const hidden = hiddenParts(body).map(part => new URL(part, url));
        const refreshed = /<meta http-equiv="refresh" content="\d;url=([^"]+)">/.exec(body)?.[1];
        // The page does not depend on its hidden parts, so failures to load them are ignored.
        parts.push(
          ...hidden.map(part =>
            ask(part)
              .then(answer => answer.text())
              .catch(() => {}),
          ),
        );
        const posted = /<form method="post" action="([^"]+)">/.exec(body)?.[1];
        if (location !== null && response.status >= 300 && response.status < 400) {
          from = undefined;
          form = undefined;
          url = new URL(location, url);
        } else if (posted !== undefined && body.includes('document.forms[0].submit()')) {
          form = new URLSearchParams(hiddenFields(body));
          from = url.origin;
          url = new URL(plain(posted), url);
        } else if (refreshed !== undefined) {
          url = new URL(plain(refreshed), url);
          twice ||= hidden.some(part => part.href === url.href);
          from = undefined;
          form = undefined;
        } else {
          await Promise.all(parts);
          return { url: url.href, status: response.status, body };
        }
      }
      throw new Error(`More than ${maxRedirects} redirects`);
    },
  };
}

/** Addresses of the hidden images and frames of a page. */
function hiddenParts(body: string): string[] {
  return [...body.matchAll(/<(?:img|iframe) hidden src="([^"]+)"/g)].map(([, address = '']) => plain(address));
}

function hiddenFields(body: string): [string, string][] {
  const fields = body.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g);
  return [...fields].map(([, name = '', value = '']) => [plain(name), plain(value)]);
}

function plain(text: string): string {
  const signs: Readonly<Record<string, string>> = {
    '&lt;': '<',
    '&gt;': '>',
    '&quot;': '"',
    '&#39;': "'",
    '&amp;': '&',
  };
  return text.replace(/&(?:lt|gt|quot|#39|amp);/g, sign => signs[sign] ?? sign);
}
