import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WorkbenchError } from '../core/errors.ts';
import type { RedirectAnswer, RedirectListener, RedirectPage } from '../core/ports.ts';

const path = '/callback';

/** Milliseconds after which a browser that waits for the last page gets the connection closed. */
const lastPage = 1000;

/**
 * RFC 8252 §7.3 and §8.3: on the IP literal, on a port that is free, and nowhere else.
 * @param page the HTML that the browser shows
 * @param port for an issuer that compares it; 0 for any that is free
 * @throws WorkbenchError `listener_failed`
 */
export async function listenForRedirect(page: (page: RedirectPage) => string, port = 0): Promise<RedirectListener> {
  let expected: string | undefined;
  let take: ((answer: RedirectAnswer) => void) | undefined;
  let taken = false;

  const send = (response: ServerResponse, shown: RedirectPage) => {
    if (response.headersSent) return;
    response.writeHead(shown === 'foreign' ? 400 : 200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      connection: 'close',
    });
    response.end(page(shown));
  };

  const server = createServer((request, response) => {
    // A page whose name was made to resolve to 127.0.0.1 comes under that name (DNS rebinding).
    if (request.headers.host !== host) return void response.writeHead(421).end();
    const [target = '', query = ''] = (request.url ?? '').split('?', 2);
    if (target !== path) return void response.writeHead(404).end();
    if (request.method !== 'GET') return void response.writeHead(405, { allow: 'GET' }).end();
    const parameters = new URLSearchParams(query);
    // The first answer counts; the same one again is as foreign as any other.
    if (taken || take === undefined || parameters.get('state') !== expected) return send(response, 'foreign');
    taken = true;
    take({ parameters, respond: shown => send(response, shown) });
  });
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    const detail = { ...(code !== undefined && { detail: code }), ...(port !== 0 && { port }) };
    throw new WorkbenchError('listener_failed', { sent: false, ...detail });
  }
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    redirectUri: `http://${host}${path}`,
    answer(state) {
      expected = state;
      return new Promise(resolve => {
        take = resolve;
      });
    },
    close() {
      taken = true;
      server.close();
      server.closeIdleConnections();
      // A page that is being sent arrives; other connections are closed at once.
      setTimeout(() => server.closeAllConnections(), lastPage).unref();
    },
  };
}
