import { spawn } from 'node:child_process';
import { CliError } from './brokerClient.ts';

/** Runs a program in place of this one, with the same streams and signals. Resolves with its exit code. */
export function run(
  command: string,
  args: readonly string[],
  { env = process.env, input, pipe }: { env?: NodeJS.ProcessEnv; input?: string; pipe?: string },
): Promise<number> {
  // VS Code starts jwtw with ELECTRON_RUN_AS_NODE; the programs that jwtw starts must not inherit it.
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
      const message = missing ? `The command "${command}" was not found.` : `"${command}" could not be started.`;
      reject(new CliError('usage', 'command_failed', message));
    });
    child.on('close', (code, signal) => resolve(code ?? 128 + (signal === 'SIGINT' ? 2 : 15)));
    for (const [stream, text] of [
      [child.stdin, input],
      [child.stdio[3], pipe],
    ] as const) {
      if (text === undefined || stream === null || stream === undefined || !('end' in stream)) continue;
      // The program may exit before it has read everything; its exit code tells why.
      stream.on('error', () => child.stdin?.destroy());
      stream.end(text);
    }
  });
}

/**
 * If curl itself reads standard input, the header is passed through a separate pipe. Node's pipes are sockets, which
 * cannot be opened as /dev/fd/3, so `cat` copies it into a real pipe.
 */
const besideStdin = 'exec 4<&0; cat <&3 | curl --config /dev/fd/5 "$@" 5<&0 0<&4 3<&- 4<&-';

export function runCurl(
  args: readonly string[],
  headers: Readonly<Record<string, string>>,
  readsStdin: boolean,
): Promise<number> {
  if (readsStdin && process.platform === 'win32')
    throw new CliError(
      'usage',
      'stdin_taken',
      'On Windows standard input carries the header, so curl cannot read it. Put the body into a file: -d @body.json',
    );
  const config = curlConfig(headers);
  return readsStdin
    ? run('sh', ['-c', besideStdin, 'sh', ...args], { pipe: config })
    : run('curl', ['--config', '-', ...args], { input: config });
}

/** The request that a curl command line makes. A DPoP proof is valid for one method and one URL. */
export interface CurlRequest {
  readonly method: string;
  readonly url?: string;
  /** curl itself reads standard input: `-d @-`, `-T -`, `-K -`. */
  readonly readsStdin: boolean;
}

/** Options of curl that take a value, as far as they occur before or between URLs. */
const takesValue =
  /^(?:-[AbcCDeEFhHKmoPQrtTuUwxXyYzd]|--(?:request|data(?:-\w+)?|json|header|url|output|user|user-agent|cookie|cookie-jar|form(?:-string)?|upload-file|config|proxy|max-time|connect-timeout|retry(?:-\w+)?|range|referer|write-out|cacert|capath|cert(?:-type)?|key(?:-type)?|resolve|connect-to|interface|limit-rate|dump-header|unix-socket|url-query|variable|expand-\w+|max-redirs|tls-max|ciphers|dns-servers|proto(?:-\w+)?|trace|trace-ascii|stderr|netrc-file|aws-sigv4|oauth2-bearer|etag-\w+))$/;

/** Reads the arguments as curl does, as far as the request depends on them. */
export function curlRequest(args: readonly string[]): CurlRequest {
  let method: string | undefined;
  let url: string | undefined;
  let implied = 'GET';
  let readsStdin = false;
  const option = (name: string, value: string | undefined) => {
    if (name === '-X' || name === '--request') method = value;
    else if (name === '--url') url ??= value;
    else if (/^(?:-d|--data(?:-\w+)?|--json|-F|--form(?:-string)?)$/.test(name)) implied = 'POST';
    else if (name === '-T' || name === '--upload-file') implied = 'PUT';
    const fromFile = /^(?:-d|--data(?:-\w+)?|--json|-F|--form)$/.test(name) && /(?:^|=)@-$/.test(value ?? '');
    readsStdin ||= fromFile || (/^(?:-T|--upload-file|-K|--config)$/.test(name) && (value === '-' || value === '.'));
  };
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? '';
    const [, name, value] = /^(--[\w-]+)=(.*)$/s.exec(arg) ?? [];
    if (name !== undefined) option(name, value);
    else if (arg === '-I' || arg === '--head') implied = 'HEAD';
    else if (arg === '-G' || arg === '--get') method ??= 'GET';
    else if (takesValue.test(arg)) option(arg, args[++index]);
    else if (/^-[A-Za-z]/.test(arg) && takesValue.test(arg.slice(0, 2))) option(arg.slice(0, 2), arg.slice(2));
    else if (/^-[a-zA-Z]+$/.test(arg) && takesValue.test(`-${arg.at(-1)}`)) option(`-${arg.at(-1)}`, args[++index]);
    else if (!arg.startsWith('-')) url ??= arg;
  }
  return { method: method ?? implied, ...(url !== undefined && { url }), readsStdin };
}

/** Lines for `curl --config`: header values in quotes, with curl's escapes. */
export function curlConfig(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => {
      if (/[\r\n\0]/.test(value))
        throw new CliError('issuer', 'token_invalid', 'The token has a line break in it, so no header can carry it.');
      return `header = "${name}: ${value.replace(/["\\]/g, '\\$&')}"\n`;
    })
    .join('');
}
