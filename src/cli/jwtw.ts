import { spawn } from 'node:child_process';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { type ConnectionAnswer, exitCodes, type TokenAnswer, type TokenQuery } from '../core/broker/protocol.ts';
import { askBroker, CliError } from './brokerClient.ts';
import type { VerifyOptions } from './cliTokens.ts';
import { curlConfig, curlRequest } from './curl.ts';

/*
 * `jwtw`: the fresh token in a terminal. Standard output holds the answer and nothing else, messages go to standard
 * error, and no token is ever an argument. Exit codes: core/broker/protocol.ts.
 */

interface Common {
  readonly json?: true;
  readonly minTtl?: number;
  readonly idToken?: true;
}

const program = new Command('jwtw');

function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of seconds.');
  return value;
}

/** A command that takes a token of a connection. */
function tokenCommand(usage: string, description: string): Command {
  return program
    .command(usage)
    .description(description)
    .option('--min-ttl <seconds>', 'how long the token must still be valid (30)', seconds)
    .option('--id-token', 'the ID token in place of the access token')
    .option('--json', 'write JSON');
}

function query(id: string | undefined, purpose: string, { minTtl, idToken }: Common): TokenQuery {
  return {
    purpose: `jwtw ${purpose}`,
    ...(id !== undefined && { connection: id }),
    ...(minTtl !== undefined && { minTtl }),
    ...(idToken && { token: 'id_token' }),
  };
}

function askToken(id: string | undefined, purpose: string, options: Common, more: Partial<TokenQuery> = {}) {
  return askBroker<TokenAnswer>('token', { ...query(id, purpose, options), ...more });
}

function headersOf({ type, token, proof }: TokenAnswer): Record<string, string> {
  return { Authorization: `${type} ${token}`, ...(proof !== undefined && { DPoP: proof }) };
}

/** A token that is bound to a key is of no use without a proof for the one request. */
function needsProof(answer: TokenAnswer, advice: string): void {
  if (answer.type === 'DPoP' && answer.proof === undefined)
    throw new CliError(
      'usage',
      'proof_needed',
      `The token is bound to a key (DPoP), and each request needs a proof. ${advice}`,
    );
}

/** Loaded when it is asked for: a token is printed before jose could be read. */
const tokens = () => import('./cliTokens.ts');

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

tokenCommand('token [connection]', 'print the access token').action(async (id: string | undefined, options: Common) => {
  const answer = await askToken(id, 'token', options);
  print(options.json ? JSON.stringify(answer) : answer.token);
});

tokenCommand('header [connection]', 'print the Authorization header, with DPoP the proof as well')
  .option('--method <method>', 'with DPoP: the method of the request', 'GET')
  .option('--url <url>', 'with DPoP: the address of the request')
  .action(async (id: string | undefined, options: Common & { method: string; url?: string }) => {
    const { method, url } = options;
    const answer = await askToken(id, 'header', options, { method, ...(url !== undefined && { url }) });
    needsProof(answer, 'Name the request: --method GET --url https://…');
    const headers = headersOf(answer);
    print(
      options.json
        ? JSON.stringify(headers)
        : Object.entries(headers)
            .map(([name, value]) => `${name}: ${value}`)
            .join('\n'),
    );
  });

tokenCommand(
  'headers [connection]',
  'print the headers as a JSON object, as headersHelper of Claude Code reads them',
).action(async (id: string | undefined, options: Common) => {
  const answer = await askToken(id, 'headers', options);
  needsProof(answer, 'Use jwtw header with --method and --url.');
  print(JSON.stringify(headersOf(answer)));
});

tokenCommand('exec [connection]', 'run a command with the token in the variable ACCESS_TOKEN of that command alone')
  .usage('[connection] [options] -- command [arguments…]')
  .option('--env <name>', 'another name for the variable', 'ACCESS_TOKEN')
  .allowExcessArguments()
  .action(async (_: string | undefined, options: Common & { env: string }) => {
    const { id, rest } = behindDashes;
    const [command, ...args] = rest;
    if (command === undefined)
      throw new CliError(
        'usage',
        'command_missing',
        'Name the command to run behind two dashes: jwtw exec demo -- npm test',
      );
    if (!/^[A-Za-z_]\w*$/.test(options.env))
      throw new CliError('usage', 'variable_invalid', `"${options.env}" cannot be the name of a variable.`);
    const answer = await askToken(id, `exec ${command}`, options);
    needsProof(answer, 'A program cannot make one from a variable.');
    const env = { ...process.env, [options.env]: answer.token };
    process.exitCode = await run(command, args, { env });
  });

tokenCommand('curl [connection]', 'run curl with the token; the header goes over standard input, never over arguments')
  .usage('[connection] [curl arguments…]')
  .allowUnknownOption()
  .allowExcessArguments()
  .helpOption(false)
  .action(async () => {
    const { id, rest } = curlArguments;
    const { method, url, readsStdin } = curlRequest(rest);
    const answer = await askToken(id, 'curl', {}, { method, ...(url !== undefined && { url }) });
    needsProof(answer, 'Name the address of the request.');
    if (readsStdin && process.platform === 'win32')
      throw new CliError(
        'usage',
        'stdin_taken',
        'On Windows standard input carries the header, so curl cannot read it. Put the body into a file: -d @body.json',
      );
    const config = curlConfig(headersOf(answer));
    process.exitCode = readsStdin
      ? await run('sh', ['-c', besideStdin, 'sh', ...rest], { pipe: config })
      : await run('curl', ['--config', '-', ...rest], { input: config });
  });

tokenCommand(
  'exec-credential [connection]',
  'print an ExecCredential for kubectl (client.authentication.k8s.io/v1)',
).action(async (id: string | undefined, options: Common) => {
  const { token, expiresAt } = await askToken(id, 'exec-credential', options);
  print(
    JSON.stringify({
      apiVersion: execCredentialVersion(process.env.KUBERNETES_EXEC_INFO),
      kind: 'ExecCredential',
      status: { token, ...(expiresAt !== undefined && { expirationTimestamp: new Date(expiresAt).toISOString() }) },
    }),
  );
});

/**
 * Where curl reads standard input for itself, the header comes over a pipe of its own. What Node calls a pipe is a socket,
 * which cannot be opened as /dev/fd/3, so `cat` makes a true one of it.
 */
const besideStdin = 'exec 4<&0; cat <&3 | curl --config /dev/fd/5 "$@" 5<&0 0<&4 3<&- 4<&-';

/** kubectl says which version it speaks, and refuses another. */
function execCredentialVersion(info: string | undefined): string {
  try {
    const { apiVersion } = JSON.parse(info ?? '{}') as { readonly apiVersion?: unknown };
    if (apiVersion === 'client.authentication.k8s.io/v1beta1') return apiVersion;
  } catch {
    // Not from kubectl: the stable version.
  }
  return 'client.authentication.k8s.io/v1';
}

program
  .command('git-credential')
  .argument('<connection>', 'may be left out')
  .argument('[operation]', 'get, store or erase: git adds it')
  .description('answer git 2.46 or later as a credential helper')
  .action(async (first: string, second: string | undefined) => {
    const [id, operation] = second === undefined ? [undefined, first] : [first, second];
    // A token of ours is neither stored nor erased by git.
    if (operation !== 'get') return;
    const given = await readStdin();
    if (!/^capability\[\]=authtype$/m.test(given))
      throw new CliError(
        'usage',
        'git_too_old',
        'This git cannot use bearer tokens from a credential helper. Install git 2.46 or later.',
      );
    const { token, type, expiresAt } = await askToken(id, 'git-credential', {});
    print(
      [
        'capability[]=authtype',
        `authtype=${type}`,
        `credential=${token}`,
        'ephemeral=1',
        ...(expiresAt === undefined ? [] : [`password_expiry_utc=${Math.floor(expiresAt / 1000)}`]),
        '',
      ].join('\n'),
    );
  });

for (const [name, description] of [
  ['status', 'print the state of each connection, or of one'],
  ['connections', 'print the ids of the connections'],
] as const) {
  program
    .command(`${name} [connection]`)
    .description(description)
    .option('--json', 'write JSON')
    .action(async (id: string | undefined, { json }: Common) => {
      const all = await askBroker<readonly ConnectionAnswer[]>('connections', {});
      const some = id === undefined ? all : all.filter(each => each.id === id);
      if (id !== undefined && some.length === 0)
        throw new CliError(
          'connection',
          'connection_unknown',
          `There is no connection "${id}". jwtw connections lists them.`,
        );
      if (json) return print(JSON.stringify(some));
      for (const each of some) print(name === 'connections' ? each.id : statusLine(each));
    });
}

function statusLine({ id, state, expiresAt }: ConnectionAnswer): string {
  return [id, state, expiresAt === undefined ? '' : new Date(expiresAt).toISOString()].join('\t').trimEnd();
}

program
  .command('decode')
  .description('decode the token on standard input; the signature is not checked')
  .action(async () => print((await tokens()).decodeText(await readStdin())));

program
  .command('verify')
  .description('verify the token on standard input')
  .option('--jwks <url or file>', 'the key set: an https address, or a file')
  .option('--key <file>', 'the key: PEM, JWK or a shared secret')
  .option('--issuer <issuer>', 'the expected issuer')
  .option('--audience <audience>', 'the expected audience')
  .option('--json', 'write JSON')
  .action(async (options: VerifyOptions) => {
    const { text, verified } = await (await tokens()).verifyText(await readStdin(), options);
    print(text);
    if (!verified) process.exitCode = 1;
  });

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Runs a program in the place of this one: its streams and signals are this one's, and so is its exit code. */
function run(
  command: string,
  args: readonly string[],
  { env = process.env, input, pipe }: { env?: NodeJS.ProcessEnv; input?: string; pipe?: string },
): Promise<number> {
  // VS Code starts this command with its own Node; programs below must not be started that way.
  const { ELECTRON_RUN_AS_NODE: _, ...clean } = env;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: clean,
      stdio: [
        input === undefined ? 'inherit' : 'pipe',
        'inherit',
        'inherit',
        ...(pipe === undefined ? [] : ['pipe' as const]),
      ],
      windowsHide: true,
    });
    const pass = (signal: NodeJS.Signals) => child.kill(signal);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, pass);
    child.on('error', error => {
      const missing = 'code' in error && error.code === 'ENOENT';
      reject(
        new CliError(
          'usage',
          'command_failed',
          missing ? `The command "${command}" was not found.` : `"${command}" could not be started.`,
        ),
      );
    });
    child.on('close', (code, signal) => resolve(code ?? 128 + (signal === 'SIGINT' ? 2 : 15)));
    for (const [stream, text] of [
      [child.stdin, input],
      [child.stdio[3], pipe],
    ] as const) {
      if (text === undefined || stream === null || stream === undefined || !('end' in stream)) continue;
      // The program may end before it has read everything: its exit code says why.
      stream.on('error', () => child.stdin?.destroy());
      stream.end(text);
    }
  });
}

/** What stands behind `exec` and `curl`: the id of a connection, where there is one, and the words of the other program. */
let behindDashes: { readonly id: string | undefined; readonly rest: readonly string[] } = { id: undefined, rest: [] };
let curlArguments = behindDashes;

async function main(argv: readonly string[]): Promise<void> {
  const [name, ...rest] = argv;
  let known = argv;
  const dashes = rest.indexOf('--');
  if (name === 'exec') {
    const own = dashes < 0 ? rest : rest.slice(0, dashes);
    const [first] = own;
    const id = first?.startsWith('-') ? undefined : first;
    behindDashes = { id, rest: dashes < 0 ? [] : rest.slice(dashes + 1) };
    known = [name, ...own];
  } else if (name === 'curl') {
    const [first = ''] = rest;
    // An address has a dot, a colon or a slash; an id of a connection has none of the last two.
    const isId = /^[A-Za-z0-9._-]+$/.test(first) && !first.startsWith('-') && !/^localhost$|\.[a-z]{2,}$/.test(first);
    curlArguments = { id: isId ? first : undefined, rest: isId ? rest.slice(1) : rest };
    known = [name];
  }
  program
    .description('Fresh OAuth tokens from JWT Workbench in VS Code, for this terminal.')
    .exitOverride()
    .showHelpAfterError('Run jwtw --help for the commands.')
    .configureOutput({ writeErr: text => process.stderr.write(text) });
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync([...known], { from: 'user' });
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  if (error instanceof CliError) {
    process.stderr.write(`jwtw: ${error.message}\n`);
    return error.exitCode;
  }
  process.stderr.write(`jwtw: ${error instanceof Error ? error.name : 'failed'}\n`);
  return exitCodes.internal;
}

await main(process.argv.slice(2));
