import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { selfSignedCertificate } from './keys.ts';
import { configShape, type MockServer, type MockServerOptions, openMockServer, readConfig } from './nodeServer.ts';
import { MockOptionError, parseJson, refuse } from './shape.ts';
import type { TortureShell } from './torture/command.ts';

/* The command `mock-issuer`. */

export const usage = `mock-issuer: a mock OAuth 2.0 and OpenID Connect issuer

  mock-issuer [--config FILE] [--port N] [--host ADDRESS] [--public-url URL]
              [--tls | --tls-key FILE --tls-cert FILE] [--control] [--until-stdin-closes]
  mock-issuer torture --start URL [...]      tests a client, see mock-issuer torture --help
  mock-issuer schema                         prints the JSON schema of the config file
  mock-issuer --version                      prints the version

When it is ready, it writes one line of JSON to standard output: the issuer, its clients, and with --control the address
and the bearer token of the control API. It ends on SIGTERM, or with --until-stdin-closes when standard input closes.
FILE is JSON, or a .mjs module whose default export is the object. Command-line options override those of the file.`;

/** What the process provides to the command. */
export interface Shell extends TortureShell {
  /** Resolves when the process is asked to end (and with `untilStdinCloses`, when stdin closes). */
  readonly ended: (untilStdinCloses: boolean) => Promise<void>;
}

/** The JSON schema of the config file. */
export function schemaText(): string {
  return JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...configShape.schema }, null, 2);
}

/** @returns the exit code: 0, or 2 if it could not start, with one line for each reason */
export async function main(argv: readonly string[], shell: Shell): Promise<number> {
  try {
    if (argv[0] === 'schema') {
      shell.write(schemaText());
      return 0;
    }
    if (argv[0] === 'torture') {
      const { tortureMain } = await import('./torture/command.ts');
      return await tortureMain(argv.slice(1), shell, serverConfig);
    }
    const options = {
      config: { type: 'string' },
      port: { type: 'string' },
      host: { type: 'string' },
      'public-url': { type: 'string' },
      tls: { type: 'boolean' },
      'tls-key': { type: 'string' },
      'tls-cert': { type: 'string' },
      control: { type: 'boolean' },
      'until-stdin-closes': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    } as const;
    const { values } = parseArgs({ args: [...argv], options });
    if (values.help) {
      shell.write(usage);
      return 0;
    }
    if (values.version) {
      // Beside dist in the package.
      const manifest = await readFile(new URL('../package.json', import.meta.url), 'utf8');
      shell.write(JSON.parse(manifest).version);
      return 0;
    }
    const settings = await settingsOf(values);
    const { server, ready } = await openMockServer(settings.options);
    const ended = shell.ended(values['until-stdin-closes']);
    for (const warning of warnings(settings.options)) shell.warn(`mock-issuer: ${warning}`);
    shell.write(JSON.stringify(readyLine(server, settings.certificate)));
    await ready();
    await ended;
    await server.close();
    return 0;
  } catch (error) {
    for (const line of reasons(error)) shell.warn(`mock-issuer: ${line}`);
    return 2;
  }
}

interface Given {
  readonly config?: string | undefined;
  readonly port?: string | undefined;
  readonly host?: string | undefined;
  readonly 'public-url'?: string | undefined;
  readonly tls?: boolean | undefined;
  readonly 'tls-key'?: string | undefined;
  readonly 'tls-cert'?: string | undefined;
  readonly control?: boolean | undefined;
}

interface StartSettings {
  readonly options: MockServerOptions;
  /** PEM of the certificate that `--tls` created. */
  readonly certificate: string | undefined;
}

async function settingsOf(given: Given): Promise<StartSettings> {
  const config = given.config === undefined ? {} : await serverConfig(given.config);
  const { port, host, 'public-url': publicUrl, 'tls-key': key, 'tls-cert': cert, control } = given;
  if ((key === undefined) !== (cert === undefined)) refuse('--tls-key', 'given together with --tls-cert');
  const made = given.tls ? selfSignedCertificate(['localhost'], Date.now()) : undefined;
  const files =
    key === undefined || cert === undefined ? undefined : { key: await textOf(key), cert: await textOf(cert) };
  const tls = made ?? files;
  return {
    options: {
      ...config,
      ...(port !== undefined && { port: /^\d+$/.test(port) ? Number(port) : refuse('--port', 'a number') }),
      ...(host !== undefined && { host }),
      ...(publicUrl !== undefined && { publicUrl }),
      ...(tls && { tls }),
      ...(control && { control }),
    },
    certificate: made?.cert,
  };
}

async function serverConfig(file: string): Promise<MockServerOptions> {
  return readConfig(await configOf(file));
}

async function configOf(file: string): Promise<unknown> {
  if (/\.m?js$/.test(file)) {
    try {
      const module: { default?: unknown } = await import(pathToFileURL(resolve(file)).href);
      return await module.default;
    } catch (error) {
      const message = error instanceof Error ? error.message.split('\n')[0] : 'it cannot be read';
      return refuse(file, `a module whose default export is the options (${message})`);
    }
  }
  // Some editors of Windows put a byte order mark before it, which JSON has not.
  return parseJson((await textOf(file)).replace(/^\uFEFF/, ''), file);
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'it cannot be read';
    return refuse(file, `a file that can be read (${code})`);
  }
}

function readyLine(server: MockServer, certificate: string | undefined): object {
  return {
    ready: true,
    issuer: server.issuer,
    ...(server.issuers.length > 1 && { issuers: server.issuers.map(({ issuer }) => issuer) }),
    clients: server.clients.map(({ client_id, client_secret, token_endpoint_auth_method, redirect_uris }) => {
      return { client_id, ...(client_secret && { client_secret }), token_endpoint_auth_method, redirect_uris };
    }),
    ...(server.control && { control: server.control }),
    ...(certificate !== undefined && { certificate }),
    pid: process.pid,
  };
}

/** Options that make the issuer unsafe if other machines can reach it. */
function warnings({ host = '127.0.0.1', anyClient, anyRedirectUri }: MockServerOptions): readonly string[] {
  const local = ['127.0.0.1', 'localhost', '::1'].includes(host);
  return [
    ...(local ? [] : [`listens at ${host}: other machines may reach it, and it signs tokens for anyone who asks`]),
    ...(anyClient ? ['anyClient: every client_id and every secret is accepted'] : []),
    ...(anyRedirectUri ? ['anyRedirectUri: codes go to any address that a request names'] : []),
  ];
}

/** One line for each problem. */
export function reasons(error: unknown): readonly string[] {
  if (error instanceof MockOptionError)
    return error.problems.map(({ field, expected }) => `${field}: must be ${expected}`);
  if (!(error instanceof Error)) return ['it could not start'];
  const code = 'code' in error ? error.code : undefined;
  // Node's second sentence is about arguments that this command does not have.
  if (String(code).startsWith('ERR_PARSE_ARGS')) return [`${error.message.split('. ')[0]} (--help lists the options)`];
  if (code === 'EADDRINUSE') return ['port: already in use; choose another one, or 0 for a free one'];
  if (code === 'EACCES') return ['port: this user may not listen at it; choose one above 1023'];
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return ['host: must be an address of this machine'];
  return [error.message.split('\n')[0] ?? 'it could not start'];
}

/** Runs the command with the real process: its arguments, streams and signals. */
export async function start(): Promise<void> {
  process.exitCode = await main(process.argv.slice(2), {
    write: line => process.stdout.write(`${line}\n`),
    warn: line => process.stderr.write(`${line}\n`),
    line: () => new Promise<void>(resolve => process.stdin.once('data', () => resolve())),
    ended: untilStdinCloses =>
      new Promise<void>(resolve => {
        const end = () => resolve();
        process.once('SIGTERM', end).once('SIGINT', end);
        if (untilStdinCloses) process.stdin.once('end', end).once('error', end).resume();
      }),
  });
  process.stdin.destroy();
}
