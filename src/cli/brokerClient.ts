import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { type BrokerAddress, type ErrorAnswer, exitCodes, type Refusal, routes } from '../core/broker/protocol.ts';
import { machineBrokerPlace } from '../platform/brokerSocket.ts';

/** Ends `jwtw` with the exit code of its reason; `message` goes to stderr. */
export class CliError extends Error {
  readonly reason: Refusal;
  readonly code: string;

  constructor(reason: Refusal, code: string, message: string) {
    super(message);
    this.reason = reason;
    this.code = code;
  }

  get exitCode(): number {
    return exitCodes[this.reason];
  }
}

/** Messages for requests that fail before VS Code handles them. All others come from VS Code, in its language. */
const sentences: Readonly<Record<string, string>> = {
  no_vscode:
    'JWT Workbench is not reachable: no VS Code window with it is open, or this terminal was not opened in VS Code. Open a new terminal in VS Code. For terminals outside VS Code set jwtWorkbench.broker to "machine".',
  address_unreadable:
    'The file in which VS Code names the address of JWT Workbench cannot be read. Reload the VS Code windows: one of them writes it again.',
  window_closed:
    'The VS Code window that this terminal belongs to was closed or reloaded. Open a new terminal in VS Code.',
  capability:
    'JWT Workbench does not know this terminal: JWTW_CAPABILITY belongs to another window or was changed. Open a new terminal in VS Code.',
  other_user:
    'The broker of JWT Workbench belongs to another user of this machine, and only that user may ask it. Run the command as that user.',
  route_unknown:
    'The running version of JWT Workbench does not know this request. Reload the VS Code window, then open a new terminal.',
  body_invalid: 'The request is too large. Shorten the arguments.',
  busy: 'Too many requests are waiting for JWT Workbench. Try again in a moment.',
  internal: 'JWT Workbench could not answer. Its log in VS Code has the details.',
};

/** By its members rather than `instanceof`: lazily loaded bundles contain a copy of the class. */
export function isCliError(error: unknown): error is CliError {
  return error instanceof Error && 'reason' in error && 'exitCode' in error;
}

export function refused(reason: Refusal, code: string): CliError {
  return new CliError(reason, code, sentences[code] ?? sentences.internal ?? code);
}

/** The broker of this terminal, otherwise that of the machine. @throws CliError `no_vscode`, `other_user` */
function brokerAddress(env: NodeJS.ProcessEnv): BrokerAddress {
  const { JWTW_SOCKET: socket, JWTW_CAPABILITY: capability } = env;
  if (socket && capability) return { socket, capability };
  const { file } = machineBrokerPlace();
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Partial<BrokerAddress>;
    if (typeof value.socket === 'string' && typeof value.capability === 'string')
      return { socket: value.socket, capability: value.capability };
  } catch (error) {
    if (isPermission(error)) throw refused('other_user', 'other_user');
    if (codeOf(error) === 'ENOENT') throw refused('no_vscode', 'no_vscode');
  }
  throw refused('no_vscode', 'address_unreadable');
}

/** Milliseconds: VS Code starts the broker when the first terminal opens, which may be this one. */
const startTime = 3000;

/**
 * Calls the broker. Waits without a limit for the user's answer or for the issuer.
 * @throws CliError with the reason
 */
export async function askBroker<Answer>(
  route: keyof typeof routes,
  body: object,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Answer> {
  const address = brokerAddress(env);
  const until = performance.now() + startTime;
  for (;;) {
    try {
      return await post<Answer>(address, route, body);
    } catch (error) {
      if (isCliError(error)) throw error;
      if (isPermission(error)) throw refused('other_user', 'other_user');
      const isStarting = ['ENOENT', 'ECONNREFUSED'].includes(codeOf(error)) && env.JWTW_SOCKET !== undefined;
      if (!isStarting || performance.now() > until)
        throw refused('no_vscode', env.JWTW_SOCKET ? 'window_closed' : 'no_vscode');
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }
}

/**
 * Sends one HTTP/1.0 request, after which the broker closes the connection. Written by hand, because loading node:http
 * takes a fifth of the time that Node needs to start.
 */
function post<Answer>(
  { socket: path, capability }: BrokerAddress,
  route: keyof typeof routes,
  body: object,
): Promise<Answer> {
  const text = JSON.stringify(body);
  const lines = [
    `POST ${routes[route]} HTTP/1.0`,
    `authorization: Bearer ${capability}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
  ];
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let answered = '';
    socket.setEncoding('utf8').on('data', part => {
      answered += part;
    });
    socket.on('error', reject);
    socket.on('end', () => {
      try {
        const [, content = ''] = answered.split('\r\n\r\n', 2);
        const answer = JSON.parse(content) as Answer & Partial<ErrorAnswer>;
        if (answer.error === undefined) return resolve(answer);
        const { code, message } = answer.error;
        // Another version may send unknown reasons; they end with the exit code of `internal`.
        const reason = Object.hasOwn(exitCodes, answer.error.reason) ? answer.error.reason : 'internal';
        reject(message ? new CliError(reason, code, `${message}`) : refused(reason, code));
      } catch (error) {
        // An incomplete or empty answer: the window was closed.
        reject(error);
      }
    });
    socket.write(`${lines.join('\r\n')}\r\n\r\n${text}`);
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? `${error.code}` : '';
}

function isPermission(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes(codeOf(error));
}
