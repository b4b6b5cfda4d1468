import { createHash, timingSafeEqual } from 'node:crypto';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import {
  type BrokerAddress,
  type BrokerAnswers,
  type BrokerSocket,
  type ErrorAnswer,
  type Refusal,
  requestLimit,
  routes,
} from '../core/broker/protocol.ts';
import { classify } from '../core/errors.ts';
import type { Log } from '../core/ports.ts';
import { isObject } from '../core/tokens/json.ts';

export interface BrokerSocketParts extends BrokerAnswers {
  readonly address: BrokerAddress;
  readonly log: Log;
}

/** Requests that are handled concurrently; further ones are told to retry. */
const mostAtOnce = 256;
/** Milliseconds in which a request must arrive. The answer may take as long as the user takes to answer a question. */
const arrivalTime = 5_000;

/**
 * Listens on the address. Every request must carry the capability, is limited in size and time, and gets a JSON answer.
 * @throws the system's error if the address cannot be used: `EADDRINUSE`, `EACCES`
 */
export async function openBrokerSocket(parts: BrokerSocketParts): Promise<BrokerSocket> {
  const { address, log } = parts;
  const folder = process.platform === 'win32' ? undefined : join(address.socket, '..');
  if (folder !== undefined) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // `mkdir` does not change the mode of an existing folder, through which others could reach the socket.
    await chmod(folder, 0o700);
  }
  const expected = hash(address.capability);
  let running = 0;
  const server = createServer({ requestTimeout: arrivalTime, maxHeaderSize: 8192 }, (request, response) => {
    if (running >= mostAtOnce) return refuse(response, 503, 'internal', 'busy');
    running++;
    serve(parts, expected, request, response)
      .catch(error => {
        log('error', 'broker request failed', { error: classify(error) });
        refuse(response, 500, 'internal', 'internal');
      })
      .finally(() => running--);
  });
  server.on('clientError', (_, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.socket, resolve);
  });
  if (folder !== undefined) await chmod(address.socket, 0o600);
  return {
    async close() {
      server.closeAllConnections();
      await new Promise<void>(resolve => server.close(() => resolve()));
      if (folder !== undefined && /^jwtw-[0-9a-f]+$/.test(folder.slice(folder.lastIndexOf('/') + 1)))
        await rm(folder, { recursive: true, force: true });
    },
  };
}

async function serve(
  { answer, refusal, asker }: BrokerSocketParts,
  expected: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, given = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
  if (!timingSafeEqual(hash(given), expected)) return refuse(response, 401, 'capability', 'capability');
  const route = (Object.keys(routes) as (keyof typeof routes)[]).find(each => routes[each] === request.url);
  if (route === undefined || request.method !== 'POST') return refuse(response, 404, 'usage', 'route_unknown');
  const body = await bodyOf(request);
  if (body === undefined) return refuse(response, 400, 'usage', 'body_invalid');
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  try {
    send(response, 200, await answer(route, body, asker(), gone.signal));
  } catch (error) {
    const failure = refusal(classify(error));
    send(response, statusOf[failure.reason] ?? 502, { error: failure });
  }
}

const statusOf: Partial<Record<Refusal, number>> = {
  usage: 400,
  connection: 404,
  sign_in: 409,
  denied: 403,
  unanswered: 403,
  untrusted: 403,
};

async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>> | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > requestLimit) return undefined;
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}');
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Rejects a request before the broker sees it. The command line has the message for the code. */
function refuse(response: ServerResponse, status: number, reason: Refusal, code: string): void {
  send(response, status, { error: { reason, code, message: '' } } satisfies ErrorAnswer);
}

function send(response: ServerResponse, status: number, answer: unknown): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(answer));
}

/** A hash has a fixed length, which `timingSafeEqual` needs. */
function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A new address, on which nothing listens yet. */
export function newBrokerAddress(): BrokerAddress {
  // The global `crypto`: the command line imports this file, and node:crypto would take a tenth of its run time.
  const random = (bytes: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes)));
  const name = `jwtw-${random(12).toString('hex')}`;
  const capability = random(16).toString('base64url');
  const socket = process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(socketFolder(), name, 's');
  return { socket, capability };
}

/** A short path: socket paths are limited to 104 bytes on macOS. */
function socketFolder(): string {
  return process.env.XDG_RUNTIME_DIR || tmpdir();
}

/** The address that all programs of this user know. The capability is in a file that only this user can read. */
export function machineBrokerPlace(): { readonly socket: string; readonly file: string } {
  if (process.platform === 'win32') {
    const name = Buffer.from(userInfo().username).toString('hex').slice(0, 64);
    return {
      socket: `\\\\.\\pipe\\jwt-workbench-${name}`,
      file: join(process.env.LOCALAPPDATA ?? tmpdir(), 'jwt-workbench', 'broker.json'),
    };
  }
  const folder = process.env.XDG_RUNTIME_DIR
    ? join(process.env.XDG_RUNTIME_DIR, 'jwt-workbench')
    : join(userInfo().homedir, '.jwt-workbench');
  return { socket: join(folder, 'broker.sock'), file: join(folder, 'broker.json') };
}
