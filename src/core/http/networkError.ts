import { WorkbenchError } from '../errors.ts';

type Failure = 'connection_refused' | 'host_unknown' | 'connection_reset' | 'certificate_untrusted' | 'timeout';

/** What Node's sockets and undici call it. `true`: the request may have been sent. */
const nodeCodes = new Map<string, readonly [Failure | 'network_failed', sent: boolean]>([
  ['ECONNREFUSED', ['connection_refused', false]],
  ['ENOTFOUND', ['host_unknown', false]],
  ['EAI_AGAIN', ['host_unknown', false]],
  ['EAI_NODATA', ['host_unknown', false]],
  ['EAI_NONAME', ['host_unknown', false]],
  ['ECONNRESET', ['connection_reset', true]],
  ['ECONNABORTED', ['connection_reset', true]],
  ['EPIPE', ['connection_reset', true]],
  ['UND_ERR_SOCKET', ['connection_reset', true]],
  ['UND_ERR_CONNECT_TIMEOUT', ['timeout', false]],
  ['UND_ERR_HEADERS_TIMEOUT', ['timeout', true]],
  ['UND_ERR_BODY_TIMEOUT', ['timeout', true]],
  ['ETIMEDOUT', ['timeout', true]],
  ['EHOSTUNREACH', ['network_failed', false]],
  ['ENETUNREACH', ['network_failed', false]],
  ['ENETDOWN', ['network_failed', false]],
  ['EPROTO', ['network_failed', false]],
]);

/** Codes of X.509 verification, which come before anything is sent. */
const certificateCode =
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w*(?:CERT|ISSUER|CRL|LEAF)\w*|CERT_\w+|CRL_\w+|ERR_TLS_CERT_ALTNAME_\w+|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH|ERROR_IN_CERT_\w+)$/;

/** What Chromium calls it: VS Code can route an extension's fetch through Electron. */
const chromiumCodes: readonly (readonly [RegExp, Failure | 'network_failed', sent: boolean])[] = [
  [/^(?:CERT_|SSL_CLIENT_AUTH_CERT|SSL_PINNED|BAD_SSL_CLIENT_AUTH)/, 'certificate_untrusted', false],
  [/^CONNECTION_REFUSED$/, 'connection_refused', false],
  [/^(?:NAME_NOT_RESOLVED|NAME_RESOLUTION_FAILED)$/, 'host_unknown', false],
  [/^CONNECTION_TIMED_OUT$/, 'timeout', false],
  [/^TIMED_OUT$/, 'timeout', true],
  [/^(?:CONNECTION_(?:RESET|CLOSED|ABORTED)|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)$/, 'connection_reset', true],
  [
    /^(?:INTERNET_DISCONNECTED|ADDRESS_(?:UNREACHABLE|INVALID)|CONNECTION_FAILED|PROXY_CONNECTION_FAILED|TUNNEL_CONNECTION_FAILED|SSL_|UNSAFE_PORT|BLOCKED_BY_CLIENT)/,
    'network_failed',
    false,
  ],
];

/**
 * What a fetch that failed failed of, by the codes that undici, Node's sockets and Chromium give; never by prose.
 * @param answered headers had come already, so that the request surely arrived
 */
export function networkError(error: unknown, host: string, answered: boolean): WorkbenchError {
  const make = (code: Failure | 'network_failed', sent: boolean, detail?: string) =>
    new WorkbenchError(code, { host, sent: sent || answered, ...(detail && { detail }) });
  for (const { code, syscall, message } of causes(error)) {
    // Electron reports a redirect that it was told not to follow as a failure.
    if (message === 'Redirect was cancelled') return new WorkbenchError('redirect_refused', { host, sent: true });
    const chromium = /net::ERR_([A-Z0-9_]+)/.exec(message)?.[1];
    if (chromium !== undefined) {
      const [, failure, sent] = chromiumCodes.find(([pattern]) => pattern.test(chromium)) ?? [];
      return make(failure ?? 'network_failed', sent ?? true, `ERR_${chromium}`);
    }
    if (code === undefined) continue;
    if (certificateCode.test(code)) return make('certificate_untrusted', false, code);
    const [failure, sent] = nodeCodes.get(code) ?? [];
    if (failure !== undefined) return make(failure, (sent ?? true) && syscall !== 'connect', code);
    // A handshake that fails, most often because the other side does not speak TLS.
    if (code.startsWith('ERR_SSL_')) return make('network_failed', false, code);
    if (/^[A-Z][A-Z0-9_]{2,60}$/.test(code)) return make('network_failed', syscall !== 'connect', code);
  }
  return make('network_failed', true);
}

interface Cause {
  readonly code: string | undefined;
  readonly syscall: string | undefined;
  readonly message: string;
}

/** The error and what it says it came from. fetch hides the telling one in `cause`, and that can be several. */
function causes(error: unknown, depth = 5): Cause[] {
  if (typeof error !== 'object' || error === null || depth === 0) return [];
  const { code, syscall, message, cause, errors } = error as Record<string, unknown>;
  return [
    {
      // A DOMException's code is a number; its name says what it is.
      code: typeof code === 'string' ? code : undefined,
      syscall: typeof syscall === 'string' ? syscall : undefined,
      message: typeof message === 'string' ? message : '',
    },
    ...causes(cause, depth - 1),
    ...(Array.isArray(errors) ? errors.slice(0, 4).flatMap(each => causes(each, depth - 1)) : []),
  ];
}
