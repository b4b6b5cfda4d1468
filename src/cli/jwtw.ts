import { parseArgs } from 'node:util';
import { type ConnectionAnswer, exitCodes, type TokenAnswer } from '../core/broker/protocol.ts';
import { askBroker, CliError, isCliError, refused } from './brokerClient.ts';

/*
 * `jwtw` prints a fresh token in a terminal. Standard output has only the result, messages go to standard error, and a
 * token is never an argument. Exit codes: core/broker/protocol.ts. Node's own parser reads the arguments, and code that
 * only some commands need is loaded by them, so that a token takes little longer than Node's start.
 */

type Options = Readonly<Record<string, string | boolean | undefined>>;

interface Given {
  /** The arguments that are not options. */
  readonly words: readonly string[];
  readonly options: Options;
  /** The arguments after `--`, or those for another program. */
  readonly rest: readonly string[];
}

/** To add a command, add a row. */
interface CommandRow {
  readonly usage: string;
  readonly help: string;
  /** `string` options take a value. */
  readonly options?: Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly help: string }>>;
  /** The maximum number of words. */
  readonly words: number;
  /** The arguments belong to another program, which has its own options. */
  readonly foreign?: true;
  readonly run: (given: Given) => Promise<unknown>;
}

const json = { json: { type: 'boolean', help: 'write JSON' } } as const;
const ofToken = {
  'min-ttl': { type: 'string', help: 'seconds that the token must still be valid (30)' },
  'id-token': { type: 'boolean', help: 'the ID token in place of the access token' },
  ...json,
} as const;

const commands: Readonly<Record<string, CommandRow>> = {
  token: {
    usage: 'token [connection]',
    help: 'print the access token',
    options: ofToken,
    words: 1,
    async run(given) {
      const answer = await askToken(given, 'token');
      print(given.options.json ? JSON.stringify(answer) : answer.token);
    },
  },
  header: {
    usage: 'header [connection]',
    help: 'print the Authorization header, with DPoP the proof as well',
    options: {
      ...ofToken,
      method: { type: 'string', help: 'with DPoP: the method of the request (GET)' },
      url: { type: 'string', help: 'with DPoP: the address of the request' },
    },
    words: 1,
    async run(given) {
      const { method = 'GET', url } = given.options;
      const answer = await askToken(given, 'header', { method, ...(url !== undefined && { url }) });
      needsProof(answer, 'Name the request: --method GET --url https://…');
      const headers = headersOf(answer);
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      print(given.options.json ? JSON.stringify(headers) : lines.join('\n'));
    },
  },
  headers: {
    usage: 'headers [connection]',
    help: 'print the headers as a JSON object, as headersHelper of Claude Code reads them',
    options: ofToken,
    words: 1,
    async run(given) {
      const answer = await askToken(given, 'headers');
      needsProof(answer, 'Use jwtw header with --method and --url.');
      print(JSON.stringify(headersOf(answer)));
    },
  },
  exec: {
    usage: 'exec [connection] [options] -- command [arguments…]',
    help: 'run a command with the token in the variable ACCESS_TOKEN of that command alone',
    options: { ...ofToken, env: { type: 'string', help: 'another name for the variable' } },
    words: 1,
    async run(given) {
      const { env: name = 'ACCESS_TOKEN' } = given.options;
      const [command, ...args] = given.rest;
      if (command === undefined) throw usage('Name the command to run behind two dashes: jwtw exec demo -- npm test');
      if (!/^[A-Za-z_]\w*$/.test(String(name))) throw usage(`"${name}" cannot be the name of a variable.`);
      const answer = await askToken(given, `exec ${command}`);
      needsProof(answer, 'A program cannot make one from a variable.');
      const { run } = await import('./run.ts');
      process.exitCode = await run(command, args, { env: { ...process.env, [String(name)]: answer.token } });
    },
  },
  curl: {
    usage: 'curl [connection] [curl arguments…]',
    help: 'run curl with the token; the header goes over standard input, never over arguments',
    words: 1,
    foreign: true,
    async run(given) {
      const { curlRequest, runCurl } = await import('./run.ts');
      const { method, url, readsStdin } = curlRequest(given.rest);
      const answer = await askToken(given, 'curl', { method, ...(url !== undefined && { url }) });
      needsProof(answer, 'Name the address of the request.');
      process.exitCode = await runCurl(given.rest, headersOf(answer), readsStdin);
    },
  },
  'exec-credential': {
    usage: 'exec-credential [connection]',
    help: 'print an ExecCredential for kubectl (client.authentication.k8s.io/v1)',
    options: ofToken,
    words: 1,
    async run(given) {
      const { token, expiresAt } = await askToken(given, 'exec-credential');
      const status = {
        token,
        ...(expiresAt !== undefined && { expirationTimestamp: new Date(expiresAt).toISOString() }),
      };
      const apiVersion = execCredentialVersion(process.env.KUBERNETES_EXEC_INFO);
      print(JSON.stringify({ apiVersion, kind: 'ExecCredential', status }));
    },
  },
  'git-credential': {
    usage: 'git-credential [connection] get|store|erase',
    help: 'answer git 2.46 or later as a credential helper; git adds the last word',
    words: 2,
    async run({ words, ...given }) {
      // Our tokens are neither stored nor erased by git.
      if (words.at(-1) !== 'get') return;
      if (!/^capability\[\]=authtype$/m.test(await readStdin()))
        throw usage('This git cannot use bearer tokens from a credential helper. Install git 2.46 or later.');
      const answer = await askToken({ ...given, words: words.slice(0, -1) }, 'git-credential');
      const { token, type, expiresAt } = answer;
      const end = expiresAt === undefined ? [] : [`password_expiry_utc=${Math.floor(expiresAt / 1000)}`];
      const lines = ['capability[]=authtype', `authtype=${type}`, `credential=${token}`, 'ephemeral=1', ...end, ''];
      print(lines.join('\n'));
    },
  },
  status: {
    usage: 'status [connection]',
    help: 'print the state of each connection, or of one',
    options: json,
    words: 1,
    run: given =>
      list(given, ({ id, state, expiresAt }) =>
        [id, state, expiresAt === undefined ? '' : new Date(expiresAt).toISOString()].join('\t').trimEnd(),
      ),
  },
  connections: {
    usage: 'connections',
    help: 'print the ids of the connections',
    options: json,
    words: 0,
    run: given => list(given, ({ id }) => id),
  },
  decode: {
    usage: 'decode',
    help: 'decode the token on standard input; the signature is not checked',
    words: 0,
    async run() {
      print((await import('./cliTokens.ts')).decodeText(await readStdin()));
    },
  },
  verify: {
    usage: 'verify',
    help: 'verify the token on standard input; exit code 1 where it is not valid',
    options: {
      jwks: { type: 'string', help: 'the key set: an https address, or a file' },
      key: { type: 'string', help: 'a file with the key: PEM, JWK or a shared secret' },
      issuer: { type: 'string', help: 'the expected issuer' },
      audience: { type: 'string', help: 'the expected audience' },
      ...json,
    },
    words: 0,
    async run({ options }) {
      const { verifyText } = await import('./cliTokens.ts');
      const { text, verified } = await verifyText(await readStdin(), options);
      print(text);
      if (!verified) process.exitCode = 1;
    },
  },
};

function usage(message: string): CliError {
  return new CliError('usage', 'usage', message);
}

async function askToken(
  { words: [connection], options }: Given,
  purpose: string,
  more: object = {},
): Promise<TokenAnswer> {
  const minTtl = options['min-ttl'];
  if (minTtl !== undefined && !/^\d{1,9}$/.test(String(minTtl)))
    throw usage(`--min-ttl must be a whole number of seconds, not "${minTtl}".`);
  const answer = await askBroker<Partial<TokenAnswer>>('token', {
    purpose: `jwtw ${purpose}`,
    ...(connection !== undefined && { connection }),
    ...(minTtl !== undefined && { minTtl: Number(minTtl) }),
    ...(options['id-token'] && { token: 'id_token' }),
    ...more,
  });
  // Do not print an answer that contains no token.
  if (typeof answer.token !== 'string' || typeof answer.type !== 'string') throw refused('internal', 'internal');
  return answer as TokenAnswer;
}

function headersOf({ type, token, proof }: TokenAnswer): Record<string, string> {
  return { Authorization: `${type} ${token}`, ...(proof !== undefined && { DPoP: proof }) };
}

/** A token that is bound to a key needs a proof for each request. */
function needsProof(answer: TokenAnswer, advice: string): void {
  if (answer.type === 'DPoP' && answer.proof === undefined)
    throw usage(`The token is bound to a key (DPoP), and each request needs a proof. ${advice}`);
}

/** kubectl tells which version it speaks, and rejects another one. */
function execCredentialVersion(info: string | undefined): string {
  try {
    const { apiVersion } = JSON.parse(info ?? '{}') as { readonly apiVersion?: unknown };
    if (apiVersion === 'client.authentication.k8s.io/v1beta1') return apiVersion;
  } catch {
    // Not called by kubectl: the stable version.
  }
  return 'client.authentication.k8s.io/v1';
}

async function list({ words: [id], options }: Given, line: (each: ConnectionAnswer) => string): Promise<void> {
  const all = await askBroker<readonly ConnectionAnswer[]>('connections', {});
  if (!Array.isArray(all)) throw refused('internal', 'internal');
  const some = id === undefined ? all : all.filter(each => each.id === id);
  if (id !== undefined && some.length === 0)
    throw new CliError(
      'connection',
      'connection_unknown',
      `There is no connection "${id}". jwtw connections lists them.`,
    );
  for (const text of options.json ? [JSON.stringify(some)] : some.map(line)) print(text);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** @throws CliError `usage` */
function read(name: string, row: CommandRow, args: readonly string[]): Given {
  if (row.foreign) {
    // A URL has a colon or a slash and a host name a dot. A word without these is read as the id of a connection.
    const [first = ''] = args;
    const isId = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/.test(first) && first !== 'localhost';
    return { words: isId ? [first] : [], options: {}, rest: isId ? args.slice(1) : args };
  }
  const dashes = args.indexOf('--');
  const own = dashes < 0 ? args : args.slice(0, dashes);
  try {
    const { values, positionals } = parseArgs({ args: [...own], options: row.options ?? {}, allowPositionals: true });
    if (positionals.length > row.words) throw usage(`"${positionals[row.words]}" is one word too many.`);
    return { words: positionals, options: values as Options, rest: dashes < 0 ? [] : args.slice(dashes + 1) };
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('. ')[0] ?? '') : '';
    throw usage(`${why.replace(/\.?$/, '.')} Usage: jwtw ${row.usage}. jwtw ${name} --help lists the options.`);
  }
}

function helpText(row: CommandRow | undefined): string {
  if (row === undefined) {
    const width = Math.max(...Object.keys(commands).map(name => name.length));
    const lines = Object.entries(commands).map(([name, { help }]) => `  ${name.padEnd(width)}  ${help}`);
    return [
      'Fresh OAuth tokens from JWT Workbench in VS Code, for this terminal.',
      '',
      ...lines,
      '',
      'jwtw <command> --help lists its options.',
    ].join('\n');
  }
  const options = Object.entries(row.options ?? {});
  const named = options.map(([name, { type }]) => `--${name}${type === 'string' ? ' <value>' : ''}`);
  const width = Math.max(0, ...named.map(each => each.length));
  const lines = options.map(([, { help }], index) => `  ${named[index]?.padEnd(width)}  ${help}`);
  return [`jwtw ${row.usage}`, '', row.help, ...(lines.length > 0 ? ['', ...lines] : [])].join('\n');
}

async function main([name = '--help', ...args]: readonly string[]): Promise<void> {
  const row = Object.hasOwn(commands, name) ? commands[name] : undefined;
  try {
    if (['--help', '-h', 'help'].includes(name)) return print(helpText(commands[args[0] ?? '']));
    if (row === undefined) throw usage(`unknown command "${name}". jwtw --help lists the commands.`);
    const behind = args.indexOf('--');
    if (!row.foreign && args.slice(0, behind < 0 ? undefined : behind).some(each => each === '--help' || each === '-h'))
      return print(helpText(row));
    await row.run(read(name, row, args));
  } catch (error) {
    const known = isCliError(error);
    process.stderr.write(
      `jwtw: ${known ? error.message : `failed (${error instanceof Error ? error.name : typeof error})`}\n`,
    );
    process.exitCode = known ? error.exitCode : exitCodes.internal;
  }
}

await main(process.argv.slice(2));
