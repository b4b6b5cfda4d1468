import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import type { ClientCertificate } from './clients.ts';
import { type Control, controlPath, createControl } from './control.ts';
import { bodyLimit, firstHalf, type Handler, type MockReply } from './http.ts';
import { createMockIssuer, type MockIssuer } from './issuer.ts';
import { issuerFields } from './options.ts';
import {
  anyText,
  httpUrl,
  type Input,
  list,
  needed,
  object,
  optional,
  read,
  refuse,
  text,
  whole,
  yesOrNo,
} from './shape.ts';
import type { MockClock } from './shelf.ts';

/** Of the same bundle: the caller that makes the mock fail has started it. */
export { faultRows, readFaults } from './faults.ts';

const issuerPath = text('a path that starts with a slash and does not end with one', value =>
  /^(\/[\w.~-]+)*$/.test(value),
);
const pem = text('PEM', value => value !== '');
const tlsExpected = 'a key and its certificate as PEM';

const { issuer: _, mutualTls: __, ...ofIssuers } = issuerFields;

/** The options of an issuer, and of the server that it runs in. Another one is another row here. */
export const serverFields = {
  port: optional(whole('a port from 0 to 65535', 0, 65_535), 'Where it listens.', 'a free one'),
  host: optional(
    text('an IP address or a host name', value => /^[\w.:-]+$/.test(value)),
    'The address it listens at. Others than 127.0.0.1 may let other machines in.',
    '127.0.0.1',
  ),
  publicUrl: optional(
    httpUrl,
    'The issuer identifier where it is not the address itself: behind a proxy, or as a container.',
    '`http://127.0.0.1:port` with `path`',
  ),
  path: optional(issuerPath, 'Path of the issuer identifier, `/tenants/one` for instance.', 'none'),
  control: optional(yesOrNo, 'The issuer is controlled over HTTP at `/control`, see below.', 'false'),
  issuers: optional(
    list(object({ path: needed(issuerPath, 'Its path.'), ...ofIssuers }, 'an issuer, an object with path')),
    'More issuers of the same server, each with its path and options of its own.',
    'none',
  ),
  tls: optional(
    object(
      {
        key: needed(pem, 'Private key, PEM.'),
        cert: needed(pem, 'Its certificate, PEM. Clients have to trust it.'),
        ca: optional(pem, 'Who has to have signed the certificates of `tls_client_auth`.', 'anyone'),
      },
      tlsExpected,
    ),
    'The issuer is at https, and clients may authenticate with a certificate (RFC 8705).',
    'none',
  ),
  ...ofIssuers,
};

export type MockServerOptions = Input<typeof serverFields>;

/** The whole config file: the options of a server, and the address of its schema. */
export const configShape = object({ $schema: optional(anyText, 'Address of this schema.'), ...serverFields });

/** The options in a config file. @throws MockOptionError with every problem */
export function readConfig(value: unknown): MockServerOptions {
  const { $schema: _, ...options } = read(configShape, value, '');
  return options;
}

type MockTls = NonNullable<MockServerOptions['tls']>;

export interface MockServer extends MockIssuer {
  readonly port: number;
  /** All issuers of the server; the members of the server itself are those of the first. */
  readonly issuers: readonly MockIssuer[];
  /** Where and how it is controlled over HTTP, with the option `control`. */
  readonly control: Control | undefined;
  /** Ends every connection at once and frees the port. May be called again. */
  close(): Promise<void>;
}

/**
 * The mock issuer at http://127.0.0.1:port, or https, reachable from this machine only unless `host` says otherwise.
 * @throws MockOptionError for options that cannot be used; Error with `code` EADDRINUSE where the port is taken
 */
export async function startMockServer(options: MockServerOptions = {}): Promise<MockServer> {
  const {
    port: wanted = 0,
    host = '127.0.0.1',
    path = '',
    publicUrl,
    tls,
    hosts = [],
    control: isControlled = false,
    issuers: others = [],
    ...rest
  } = read(object(serverFields), options, '');

  let handle: Handler | undefined;
  let clocks: readonly MockClock[] = [];
  const server = serverOf(tls, (incoming, outgoing) => {
    if (handle === undefined) incoming.socket.destroy();
    else void exchange(handle, incoming, outgoing, Boolean(tls?.ca));
  });
  // A client may reuse an idle connection at the very moment at which it is closed.
  server.keepAliveTimeout = 60_000;
  const port = await listen(server, wanted, host);
  const close = () =>
    new Promise<void>(resolve => {
      server.close(() => resolve());
      server.closeAllConnections();
      for (const clock of clocks) clock.wakeAll();
    });

  try {
    const origin = publicUrl ?? `http${tls ? 's' : ''}://127.0.0.1:${port}`;
    const common = { hosts: [...hosts, `127.0.0.1:${port}`, `localhost:${port}`], mutualTls: tls !== undefined };
    const mock = await createMockIssuer({ ...rest, ...common, issuer: publicUrl ?? origin + path });
    const issuers = [mock];
    for (const { path, ...each } of others)
      issuers.push(await createMockIssuer({ ...each, ...common, issuer: new URL(origin).origin + path }));
    const control = isControlled ? createControl(`http${tls ? 's' : ''}://127.0.0.1:${port}`, issuers) : undefined;
    handle = request => {
      const [target = ''] = request.target.split('?', 1);
      if (control !== undefined && target.startsWith(controlPath)) return control.handle(request);
      return (issuers.find(each => each.serves(target)) ?? mock).handle(request);
    };
    clocks = issuers.map(each => each.clock);
    // Getters stay getters: a spread would freeze `requests` as it is now.
    const ofServer = { port, close, issuers, control: control && { url: control.url, token: control.token } };
    return Object.defineProperties(ofServer as typeof ofServer & MockIssuer, Object.getOwnPropertyDescriptors(mock));
  } catch (error) {
    await close();
    throw error;
  }
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('The server has no port'));
      else resolve(address.port);
    });
  });
}

async function exchange(
  handle: Handler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  byAuthority: boolean,
): Promise<void> {
  // Read at once, whatever becomes of the request: a client that hangs up after sending has sent all the same.
  const body = readBody(incoming);
  body.catch(() => {});
  try {
    const reply = await handle({
      method: incoming.method ?? '',
      target: incoming.url ?? '',
      host: incoming.headers.host ?? '',
      certificate: certificateOf(incoming, byAuthority),
      header: name => {
        const value = incoming.headers[name];
        return Array.isArray(value) ? value.join(', ') : value;
      },
      text: () => body,
    });
    send(reply, incoming, outgoing);
  } catch {
    // The client went away while it was sending, or the mock has a fault of its own; no response can be sent.
    incoming.socket.destroy();
  }
}

function readBody(incoming: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let body = '';
    incoming.setEncoding('utf8');
    incoming.on('data', (chunk: string) => {
      // What is too long is read to its end and not kept: an answer before that would be lost in a reset.
      if (body.length <= bodyLimit) body += chunk;
    });
    incoming.once('end', () => resolve(body.length > bodyLimit ? undefined : body));
    incoming.once('error', reject);
  });
}

function send(reply: MockReply, incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (reply.broken === 'drop') {
    incoming.socket.destroy();
    return;
  }
  const length = Buffer.byteLength(reply.body);
  outgoing.writeHead(reply.status, { ...reply.headers, 'content-length': length });
  if (reply.broken === 'truncate') outgoing.write(firstHalf(reply.body), () => incoming.socket.destroy());
  else if (reply.broken === 'drip') outgoing.write(firstHalf(reply.body));
  else outgoing.end(reply.body);
}

function serverOf(tls: MockTls | undefined, listener: RequestListener): Server {
  if (tls === undefined) return createServer(listener);
  try {
    // The issuer judges the certificate, and answers with an error of OAuth.
    return createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: false }, listener);
  } catch {
    // OpenSSL's words could hold parts of what it was given.
    return refuse('tls', `${tlsExpected} that belong together`);
  }
}

/** `byAuthority`: a certificate without a known authority is rejected. */
function certificateOf({ socket }: IncomingMessage, byAuthority: boolean): ClientCertificate | undefined {
  const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (shown === undefined) return undefined;
  return {
    der: shown.raw.toString('base64'),
    thumbprint: createHash('sha256').update(shown.raw).digest('base64url'),
    // Node has a line for each part, in the order of the certificate; RFC 4514 has it the other way round.
    subject: shown.subject.split('\n').reverse().join(',').replaceAll(' + ', '+'),
    from: Date.parse(shown.validFrom),
    until: Date.parse(shown.validTo),
    trusted: !byAuthority || (socket instanceof TLSSocket && socket.authorized),
  };
}
