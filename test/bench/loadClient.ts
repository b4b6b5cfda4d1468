import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { answer } from '../../scripts/bench/child.mjs';

/**
 * The same client for every server. It writes its requests to kept-alive sockets itself: `node:http` as a client takes
 * as much CPU as the fastest server, so that the figures would be those of the client.
 */
interface Side {
  /** Each lane has the refresh token that it received last. */
  readonly lanes: Lane[];
  readonly port: number;
  readonly head: string;
}

interface Lane {
  refreshToken: string;
}

const sides = new Map<string, Side>();

answer({
  /** @returns how many tokens of the first response are JWTs, which is the number of signatures per refresh */
  async add({ name, tokenEndpoint, refreshTokens }: Added) {
    const { port, host, pathname } = new URL(tokenEndpoint);
    const lanes = refreshTokens.map(refreshToken => ({ refreshToken }));
    const type = 'application/x-www-form-urlencoded';
    const head = `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nConnection: keep-alive\r\nContent-Type: ${type}\r\n`;
    const side = { lanes, port: Number(port), head };
    sides.set(name, side);
    const [first] = lanes;
    if (first === undefined) throw new Error('No refresh tokens');
    const socket = await connected(side);
    const { access_token, id_token } = await refresh(side, first, socket);
    socket.destroy();
    return [access_token, id_token].filter(token => token?.startsWith('eyJ')).length;
  },
  /** Refreshes on all lanes at once, each as soon as the previous response is there, until the time is up. */
  async load({ name, milliseconds }: { name: string; milliseconds: number }) {
    const side = sides.get(name);
    if (side === undefined) throw new Error(`No side named ${name}`);
    // Anew each time, because servers close idle connections.
    const sockets = await Promise.all(side.lanes.map(() => connected(side)));
    const since = performance.now();
    let refreshes = 0;
    await Promise.all(
      side.lanes.map(async (lane, index) => {
        const socket = sockets[index];
        while (socket !== undefined && performance.now() - since < milliseconds) {
          await refresh(side, lane, socket);
          refreshes++;
        }
      }),
    );
    const seconds = (performance.now() - since) / 1000;
    for (const socket of sockets) socket.destroy();
    return { refreshes, seconds };
  },
});

interface Added {
  readonly name: string;
  readonly tokenEndpoint: string;
  readonly refreshTokens: readonly string[];
}

async function connected({ port }: Side): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setNoDelay();
  await once(socket, 'connect');
  return socket;
}

async function refresh(
  { head }: Side,
  lane: Lane,
  socket: Socket,
): Promise<{ access_token?: string; id_token?: string }> {
  const token = encodeURIComponent(lane.refreshToken);
  const body = `grant_type=refresh_token&client_id=demo&refresh_token=${token}`;
  socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  const tokens = JSON.parse(await response(socket));
  lane.refreshToken = tokens.refresh_token ?? lane.refreshToken;
  return tokens;
}

/** The body of the next response, whose length its head must tell. @throws Error for any status but 200 */
function response(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    const settle = (error: Error | undefined, body = '') => {
      socket.off('data', read).off('error', settle).off('close', closed);
      if (error === undefined) resolve(body);
      else reject(error);
    };
    const closed = () => settle(new Error('The server closed the connection'));
    const read = (chunk: Buffer) => {
      // All servers answer in ASCII, so that characters are bytes.
      received += chunk.toString('latin1');
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = /\r\ncontent-length: *(\d+)/i.exec(received.slice(0, end))?.[1];
      if (length === undefined || !received.startsWith('HTTP/1.1 200')) settle(new Error(received.slice(0, 500)));
      else if (received.length >= end + 4 + Number(length)) settle(undefined, received.slice(end + 4));
    };
    socket.on('data', read).on('error', settle).on('close', closed);
  });
}
