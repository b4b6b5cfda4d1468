import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions, Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { TLSSocket } from 'node:tls';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The subject of the certificate that a client showed. */
  readonly client?: string | undefined;
}

/** A real server on 127.0.0.1 that answers as a test wants, and keeps what it was sent. */
export interface LoopbackServer {
  readonly origin: string;
  readonly requests: Received[];
  answer: (request: Received, response: ServerResponse) => unknown;
  close(): Promise<void>;
}

export async function loopbackServer(answer: LoopbackServer['answer'], tls?: ServerOptions): Promise<LoopbackServer> {
  const requests: Received[] = [];
  const listener: RequestListener = async (request, response) => {
    const { method = '', url: path = '', headers } = request;
    const { socket } = request;
    const client = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.subject : undefined;
    const received = { method, path, headers, body: await text(request), client };
    requests.push(received);
    // Tests bring a clock of their own, of which a date of today would know nothing.
    response.sendDate = false;
    server.answer(received, response);
  };
  const http = tls ? createTlsServer(tls, listener) : createServer(listener);
  // A failed handshake is what some tests are about.
  http.on('tlsClientError', () => {});
  const server: LoopbackServer = { requests, answer, ...(await listen(http)) };
  return server;
}

/** Listens on 127.0.0.1, on any free port where none is given. */
export async function listen(http: Server, port = 0): Promise<Pick<LoopbackServer, 'origin' | 'close'>> {
  http.listen(port, '127.0.0.1');
  await once(http, 'listening');
  return {
    origin: `${http instanceof TlsServer ? 'https' : 'http'}://127.0.0.1:${(http.address() as AddressInfo).port}`,
    async close() {
      http.close();
      http.closeAllConnections();
      await once(http, 'close');
    },
  };
}

/** Answers with JSON, or with the text as it is. */
export function reply(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json', ...headers });
  response.end(isText ? body : JSON.stringify(body));
}
