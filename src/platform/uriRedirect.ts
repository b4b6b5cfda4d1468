import { once } from 'node:events';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { WorkbenchError } from '../core/errors.ts';
import type { Clock, RedirectAnswer, RedirectListener, RedirectPage } from '../core/ports.ts';
import { type JournalKey, open, seal } from '../core/records/journalKeys.ts';
import { readText, remove, replaceFile } from './files.ts';

/** Milliseconds between two checks for an answer that another window has received. */
const interval = 250;

/** Bytes of an answer. */
const longest = 64 * 1024;

/** Milliseconds after which a file counts as left behind by a window that has ended. */
const abandoned = 60 * 60_000;

/** `handed_over`: passed to the window that waits for it. `foreign`: no window of this machine waits for it. */
export type Arrival = 'taken' | 'handed_over' | 'foreign';

/** The browser's answers that arrive as a URI that VS Code opens, in a window of its choice. */
export interface UriRedirects {
  listen(redirectUri: string): RedirectListener;
  arrived(parameters: URLSearchParams): Promise<Arrival>;
}

/**
 * A waiting window creates an empty file, named by a hash of its `state`. A window that receives that `state` seals the
 * answer with a key made from it and writes it beside that file. Other readers of the folder do not know `state`, so
 * they can neither forge nor read an answer.
 * @param folder shared by the windows of this machine
 */
export function createUriRedirects(folder: string, clock: Clock): UriRedirects {
  const waiting = new Map<string, (parameters: URLSearchParams) => void>();
  /** Files that are being removed. `arrived` waits for this, so that a repeated answer does not find them. */
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
              // The file may still be being written.
              const gone = marked.then(file => Promise.all([remove(file), remove(`${file}.answer`)]));
              closing = Promise.all([closing, gone.catch(() => {})]);
            };
            const take = (parameters: URLSearchParams) => {
              if (isOver) return;
              close();
              // No page to send: the browser has opened VS Code.
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
            // If the folder cannot be written, the answer can still arrive in this window.
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
      const text = await seal(await keyOf(state), subject, parameters.toString());
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

/** Sealed as the journal is, with a key that is made from `state`. */
async function keyOf(state: string): Promise<JournalKey> {
  const key = await crypto.subtle.importKey('raw', await digest('key', state), 'AES-GCM', false, [
    'encrypt',
    'decrypt',
  ]);
  return { id: 'state', key };
}

const subject = { connection: 'redirect', generation: 0 };

async function unsealed(state: string, text: string): Promise<string | undefined> {
  const opened = await open([await keyOf(state)], subject, text);
  return 'text' in opened ? opened.text : undefined;
}

const path = '/callback';

/** Milliseconds after which the connection of a browser that still loads the last page is closed. */
const lastPage = 1000;

/**
 * RFC 8252 §7.3 and §8.3: listens on the IP literal only, on a free port by default.
 * @param page the HTML that the browser shows
 * @param port for issuers that compare it; 0 for any free port
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
    // With DNS rebinding, a page's own host name resolves to 127.0.0.1, and its requests carry that name.
    if (request.headers.host !== host) return void response.writeHead(421).end();
    const [target = '', query = ''] = (request.url ?? '').split('?', 2);
    if (target !== path) return void response.writeHead(404).end();
    if (request.method !== 'GET') return void response.writeHead(405, { allow: 'GET' }).end();
    const parameters = new URLSearchParams(query);
    // Only the first answer counts; a repetition is rejected like any other request.
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
      // Lets the last page finish; idle connections are closed at once.
      setTimeout(() => server.closeAllConnections(), lastPage).unref();
    },
  };
}
