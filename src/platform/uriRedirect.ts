import { once } from 'node:events';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { WorkbenchError } from '../core/errors.ts';
import type { Clock, RedirectAnswer, RedirectListener, RedirectPage } from '../core/ports.ts';
import { readText, remove, replaceFile } from './files.ts';

/** Milliseconds between two looks for an answer that came to another window. */
const interval = 250;

/** Bytes of an answer. */
const longest = 64 * 1024;

/** Milliseconds after which a file of a window that has ended is stale. */
const abandoned = 60 * 60_000;

/** `handed_over`: the window that waits for it has it. `foreign`: no window of this machine waits for it. */
export type Arrival = 'taken' | 'handed_over' | 'foreign';

/** Answers of the browser that reach the extension as an address which VS Code opens, in whichever window it likes. */
export interface UriRedirects {
  listen(redirectUri: string): RedirectListener;
  arrived(parameters: URLSearchParams): Promise<Arrival>;
}

/**
 * A window that waits leaves an empty file that is named by a hash of its `state`. Another one that is opened with that
 * `state` seals the answer with it and lays it beside: a reader of the folder knows no `state`, and can neither
 * forge an answer nor read one.
 * @param folder shared by the windows of this machine
 */
export function createUriRedirects(folder: string, clock: Clock): UriRedirects {
  const waiting = new Map<string, (parameters: URLSearchParams) => void>();
  /** Marks that are being taken away: an answer that comes twice must not find them. */
  let closing: Promise<unknown> = Promise.resolve();
  return {
    listen(redirectUri) {
      let close = () => {};
      return {
        redirectUri,
        answer: state =>
          new Promise<RedirectAnswer>(resolve => {
            let isOver = false;
            let stop = () => {};
            close = () => {
              isOver = true;
              stop();
              waiting.delete(state);
              // The mark may still be on its way to the disk.
              const gone = marked.then(file => Promise.all([remove(file), remove(`${file}.answer`)]));
              closing = Promise.all([closing, gone.catch(() => {})]);
            };
            const take = (parameters: URLSearchParams) => {
              if (isOver) return;
              close();
              // VS Code shows the browser's last page, not this side.
              resolve({ parameters, respond() {} });
            };
            const look = async (file: string) => {
              const text = textOf(`${file}.answer`, longest);
              const opened = text === undefined ? undefined : await unsealed(state, text);
              if (opened !== undefined) return take(new URLSearchParams(opened));
              if (!isOver) stop = clock.schedule(() => void look(file), interval);
            };
            const marked = leaveMark(folder, state, clock);
            waiting.set(state, take);
            // Where there is no such folder, the answer can still come to this window.
            void marked.then(file => (isOver ? undefined : look(file))).catch(() => {});
          }),
        close: () => close(),
      };
    },
    async arrived(parameters) {
      const state = parameters.get('state') ?? '';
      const take = waiting.get(state);
      if (take !== undefined) {
        take(parameters);
        return 'taken';
      }
      await closing;
      const file = await fileOf(folder, state);
      if (textOf(file, 1) === undefined) return 'foreign';
      const text = await sealed(state, parameters.toString());
      await replaceFile(`${file}.answer`, `${file}.${crypto.randomUUID()}`, text);
      return 'handed_over';
    },
  };
}

function textOf(file: string, limit: number): string | undefined {
  try {
    return readText(file, limit);
  } catch {
    return undefined;
  }
}

async function leaveMark(folder: string, state: string, clock: Clock): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of await readdir(folder)) {
    const left = join(folder, name);
    const { mtimeMs } = (await stat(left).catch(() => undefined)) ?? {};
    if (mtimeMs !== undefined && clock.now() - mtimeMs > abandoned) await remove(left).catch(() => {});
  }
  const file = await fileOf(folder, state);
  await writeFile(file, '', { mode: 0o600 });
  return file;
}

async function digest(use: string, state: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest('SHA-256', new TextEncoder().encode(`${use}\n${state}`));
}

async function fileOf(folder: string, state: string): Promise<string> {
  return join(folder, Buffer.from(await digest('name', state)).toString('hex'));
}

async function keyOf(state: string): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', await digest('key', state), 'AES-GCM', false, ['encrypt', 'decrypt']);
}

async function sealed(state: string, text: string): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const data = new TextEncoder().encode(text);
  const box = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, await keyOf(state), data);
  return Buffer.concat([iv, Buffer.from(box)]).toString('base64');
}

async function unsealed(state: string, text: string): Promise<string | undefined> {
  try {
    const bytes = Buffer.from(text, 'base64');
    const algorithm = { name: 'AES-GCM', iv: bytes.subarray(0, 12) };
    const data = await crypto.subtle.decrypt(algorithm, await keyOf(state), bytes.subarray(12));
    return new TextDecoder().decode(data);
  } catch {
    return undefined;
  }
}

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
