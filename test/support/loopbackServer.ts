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
  /** The subject of the client's certificate. */
  readonly client?: string | undefined;
}

/** A real server on 127.0.0.1 that responds as a test defines, and records the requests. */
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
    // Tests use their own clocks, which today's date would contradict.
    response.sendDate = false;
    server.answer(received, response);
  };
  const http = tls ? createTlsServer(tls, listener) : createServer(listener);
  // Some tests cause failed handshakes on purpose.
  http.on('tlsClientError', () => {});
  const server: LoopbackServer = { requests, answer, ...(await listen(http)) };
  return server;
}

/** Listens on 127.0.0.1, on a free port by default. */
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

/** Responds with JSON, or with a text as it is. */
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

/** A port for a server whose address another program must know before it runs. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const { origin, close } = await listen(server);
  await close();
  return Number(new URL(origin).port);
}
