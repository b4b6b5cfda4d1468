import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, RedirectAnswer, RedirectListener } from '../core/ports.ts';
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
