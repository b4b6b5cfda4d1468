import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import { commands, window, workspace } from 'vscode';
import { secretsVariable } from '../support/secrets.mjs';

/** A global name, because each test file is a bundle with its own copy of this module. */
const name = 'jwtWorkbenchSecretWatch';

interface SecretWatch {
  readonly secrets: Set<string>;
  readonly seen: { readonly where: string; readonly text: string }[];
}

const watch = (): SecretWatch | undefined => Reflect.get(globalThis, name);

/** Records what the extension returned or showed. It is searched at the end of the run. */
export function saw(where: string, value: unknown): void {
  watch()?.seen.push({ where, text: typeof value === 'string' ? value : (JSON.stringify(value) ?? '') });
}

/** Records the secrets that a test passes in. */
export function handedIn(argument: object): void {
  for (const [member, value] of Object.entries(argument)) {
    if (typeof value === 'object' && value !== null) handedIn(value);
    else if (typeof value !== 'string') continue;
    else if (/^(clientSecret|privateKey|key|secret|k|d)$/.test(member)) note(value);
    else if (/^(token|text)$/.test(member))
      for (const [token] of value.matchAll(/eyJ[\w-]+(?:\.[\w-]*){2,4}/g)) note(token);
  }
}

function note(...secrets: unknown[]): void {
  for (const secret of secrets) if (typeof secret === 'string') watch()?.secrets.add(secret);
}

/**
 * Every issuer of the tests runs in this process, so all network traffic can be recorded. Called once, before anything
 * else.
 */
export function startSecretWatch(): void {
  Reflect.set(globalThis, name, { secrets: new Set(), seen: [] } satisfies SecretWatch);
  for (const { prototype } of [HttpServer, HttpsServer]) {
    const { emit } = prototype;
    prototype.emit = function (this: HttpServer, event: string, ...given: unknown[]) {
      if (event === 'request') overhear(given[0] as IncomingMessage, given[1] as ServerResponse);
      return Reflect.apply(emit, this, [event, ...given]);
    };
  }
  // Tests and the extension share one API object.
  overhearCalls(commands, ['executeCommand'], (id, answer) => {
    // Hovers, lenses, actions and links are results of VS Code's own commands.
    if (String(id).startsWith('vscode.execute')) saw(`what ${id} answers`, answer);
  });
  const messages = ['showInformationMessage', 'showWarningMessage', 'showErrorMessage'];
  overhearCalls(window, messages, message => saw('a notification', message));
  workspace.onDidOpenTextDocument(document => {
    if (document.uri.scheme === 'jwt-workbench') saw(document.uri.path, document.getText());
  });
}

function overhearCalls(
  target: object,
  names: readonly string[],
  heard: (first: unknown, answer: unknown) => void,
): void {
  for (const name of names) {
    const call = Reflect.get(target, name);
    const isSet = Reflect.set(target, name, (...given: unknown[]) => {
      const answer = Reflect.apply(call, target, given);
      heard(given[0], undefined);
      void Promise.resolve(answer).then(
        value => heard(given[0], value),
        () => {},
      );
      return answer;
    });
    if (!isSet) throw new Error(`${name} cannot be overheard`);
  }
}

/**
 * Environment variables and arguments of the processes of this run, as Linux shows them to every program of the user.
 */
export function sawProcesses(): void {
  for (const id of process.platform === 'linux' ? readdirSync('/proc').filter(name => /^\d+$/.test(name)) : []) {
    const read = (name: string) => {
      try {
        return readFileSync(`/proc/${id}/${name}`, 'utf8');
      } catch {
        // It has ended, or belongs to another user.
        return '';
      }
    };
    const variables = read('environ');
    // The capability that lets a terminal ask is not a token and is there on purpose.
    const own = variables.replace(/JWTW_CAPABILITY=[^\0]*/, '');
    if (variables.includes(`${secretsVariable}=`)) saw(`process ${read('comm').trim()}`, own + read('cmdline'));
  }
}

/** Writes the records for the search, which runs after VS Code has ended. */
export function writeSecretWatch(): void {
  sawProcesses();
  const file = process.env[secretsVariable];
  const { secrets, seen } = watch() ?? { secrets: [], seen: [] };
  if (file) writeFileSync(file, JSON.stringify({ secrets: [...secrets], seen }));
}

const sent = ['refresh_token', 'access_token', 'token', 'code', 'client_secret', 'code_verifier'].concat(
  'client_assertion',
  'subject_token',
  'id_token_hint',
  'device_code',
  'password',
);
const answered = ['access_token', 'refresh_token', 'id_token', 'device_code'];

function overhear(request: IncomingMessage, response: ServerResponse): void {
  const [scheme, credentials = ''] = (request.headers.authorization ?? '').split(' ');
  note(credentials);
  if (scheme === 'Basic') note(decodeURIComponent(Buffer.from(credentials, 'base64').toString().replace(/^.*?:/s, '')));
  let body = '';
  const { emit } = request;
  // Not a listener, because adding one would start the flow of the body before other listeners are attached.
  request.emit = (event: string, ...given: unknown[]) => {
    if (event === 'data') body += String(given[0]);
    if (event === 'end')
      for (const [member, value] of new URLSearchParams(body)) if (sent.includes(member)) note(value);
    return Reflect.apply(emit, request, [event, ...given]);
  };
  let answer = '';
  for (const method of ['write', 'end'] as const) {
    const call = response[method];
    Reflect.set(response, method, (...given: unknown[]) => {
      if (typeof given[0] === 'string' || Buffer.isBuffer(given[0])) answer += String(given[0]);
      if (method === 'end') heard(answer, String(response.getHeader('location') ?? ''));
      return Reflect.apply(call, response, given);
    });
  }
}

function heard(answer: string, location: string): void {
  if (location) note(/[?&]code=([^&]+)/.exec(location)?.[1]);
  try {
    const value: unknown = JSON.parse(answer);
    if (typeof value === 'object' && value !== null) note(...answered.map(member => Reflect.get(value, member)));
  } catch {
    // A page, or a truncated response.
  }
}
