import { createHash } from 'node:crypto';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Control, controlPath, createControl } from './control.ts';
import { bodyLimit, type ClientCertificate, firstHalf, type Handler, type MockReply } from './http.ts';
import { type MockIssuer, openMockIssuer } from './issuer.ts';
import { issuerFields } from './options.ts';
import {
  anyText,
  httpUrl,
  type Input,
  needed,
  object,
  optional,
  read,
  refuse,
  text,
  uniqueList,
  wholeNumber,
  yesOrNo,
} from './shape.ts';
import type { MockClock } from './shelf.ts';

// An import would read every export, among them WebSocket, for which Node 24 loads all of its fetch: a third of the start.
const { createServer } = process.getBuiltinModule('node:http');

const issuerPath = text('a path that starts with a slash and does not end with one', value =>
  /^(\/[\w.~-]+)*$/.test(value),
);
const pem = text('PEM', value => value !== '');
const tlsExpected = 'a key and its certificate as PEM';

const { issuer: _, mutualTls: __, ...ofIssuers } = issuerFields;

/** The options of an issuer and of its server. To add one, add a row here. */
export const serverFields = {
  port: optional(wholeNumber('a port from 0 to 65535', 0, 65_535), 'Port to listen on.', 'a free one'),
  host: optional(
    text('an IP address or a host name', value => /^[\w.:-]+$/.test(value)),
    'Address to listen on. Any other than 127.0.0.1 may let other machines connect.',
    '127.0.0.1',
  ),
  publicUrl: optional(
    httpUrl,
    'The issuer identifier, if it differs from the server’s own address: behind a proxy or in a container.',
    '`http://127.0.0.1:port` with `path`, or another `host`',
  ),
  path: optional(issuerPath, 'Path of the issuer identifier, `/tenants/one` for instance.', 'none'),
  control: optional(yesOrNo, 'Serves the control API at `/control`, see below.', 'false'),
  issuers: optional(
    uniqueList(
      object({ path: needed(issuerPath, 'Its path.'), ...ofIssuers }, 'an issuer, an object with path'),
      'path',
    ),
    'More issuers on the same server, each with its own path and options.',
    'none',
  ),
  tls: optional(
    object(
      {
        key: needed(pem, 'Private key, PEM.'),
        cert: needed(pem, 'Its certificate, PEM. Clients must trust it.'),
        ca: optional(
          pem,
          'CA certificates, PEM. One of them must have issued the client certificate of `tls_client_auth`.',
          'any issuer',
        ),
      },
      tlsExpected,
    ),
    'Serves https, and clients may authenticate with a certificate (RFC 8705).',
    'none',
  ),
  ...ofIssuers,
};

export type MockServerOptions = Input<typeof serverFields>;

/** The whole config file: the options of a server, and the address of its schema. */
export const configShape = object({ $schema: optional(anyText, 'Address of this schema.'), ...serverFields });

/** Reads the options from a config file. @throws MockOptionError with every problem */
export function readConfig(value: unknown): MockServerOptions {
  const { $schema: _, ...options } = read(configShape, value, '');
  return options;
}

type MockTls = NonNullable<MockServerOptions['tls']>;

export interface MockServer extends MockIssuer {
  readonly port: number;
  /** All issuers of this server. The members of the server itself are those of the first issuer. */
  readonly issuers: readonly MockIssuer[];
  /** Address and token of the control API, if the option `control` is set. */
  readonly control: Control | undefined;
  /** Closes every connection at once and frees the port. May be called again. */
  close(): Promise<void>;
}

/**
 * Starts the mock issuer at http://127.0.0.1:port, or https, reachable only from this machine unless `host` says
 * otherwise.
 * @throws MockOptionError for options that cannot be used; Error with `code` EADDRINUSE if the port is taken
 */
export async function startMockServer(options: MockServerOptions = {}): Promise<MockServer> {
  const { server, ready } = await openMockServer(options);
  await ready();
  return server;
}

/** As `startMockServer`, but before its keys exist: see `openMockIssuer`. */
export async function openMockServer(
  options: MockServerOptions,
): Promise<{ readonly server: MockServer; ready(): Promise<unknown> }> {
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

  const same = others.findIndex(each => each.path === path);
  if (same >= 0) refuse(`issuers[${same}].path`, 'one that no other has');
  if (publicUrl !== undefined && path !== '') refuse('path', 'left out (publicUrl has the whole address)');
  const hidden = [path, ...others.map(each => each.path)].findIndex(each => `${each}/`.startsWith(controlPath));
  if (isControlled && hidden >= 0)
    refuse(hidden === 0 ? 'path' : `issuers[${hidden - 1}].path`, 'another than that of the control API');
  let handle: Handler | undefined;
  let clocks: readonly MockClock[] = [];
  const server = await serverOf(tls, (incoming, outgoing) => {
    if (handle === undefined) incoming.socket.destroy();
    else void exchange(handle, incoming, outgoing, Boolean(tls?.ca));
  });
  // Longer than Node's default, because a client may reuse an idle connection at the moment it is closed.
  server.keepAliveTimeout = 60_000;
  const port = await listen(server, wanted, host);
  const close = () =>
    new Promise<void>(resolve => {
      server.close(() => resolve());
      server.closeAllConnections();
      for (const clock of clocks) clock.wakeAll();
    });

  try {
    const { origin: own, hosts: ofServer } = addressesOf(host, port, tls !== undefined);
    const origin = publicUrl ?? own;
    const common = { hosts: [...hosts, ...ofServer], mutualTls: tls !== undefined };
    const first = await openMockIssuer({ ...rest, ...common, issuer: publicUrl ?? origin + path });
    const opened = [first];
    for (const { path, ...each } of others)
      opened.push(await openMockIssuer({ ...each, ...common, issuer: new URL(origin).origin + path }));
    const { mock } = first;
    const issuers = opened.map(each => each.mock);
    const control = isControlled ? createControl(own, issuers) : undefined;
    const addressed: Handler = request => {
      const [target = ''] = request.target.split('?', 1);
      if (control !== undefined && target.startsWith(controlPath)) return control.handle(request);
      return (issuers.find(each => each.serves(target)) ?? mock).handle(request);
    };
    handle = control === undefined && issuers.length === 1 ? mock.handle : addressed;
    clocks = issuers.map(each => each.clock);
    // Copies property descriptors: a spread would evaluate getters such as `requests` once, now.
    const added = { port, close, issuers, control: control && { url: control.url, token: control.token } };
    return {
      server: Object.defineProperties(added as typeof added & MockIssuer, Object.getOwnPropertyDescriptors(mock)),
      ready: () => Promise.all(opened.map(each => each.ready())),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Addresses at which a server listens that are no name of it. */
const wildcards = ['0.0.0.0', '::'];

/**
 * The server's own address, and the Host headers that it accepts. Names of other machines are not among them, because
 * a page could let its own name resolve to this machine (DNS rebinding). Default ports are left out, as clients do.
 */
export function addressesOf(
  host: string,
  port: number,
  isSecure: boolean,
): { readonly origin: string; readonly hosts: readonly string[] } {
  const urlOf = (name: string) => new URL(`http${isSecure ? 's' : ''}://${name}:${port}`);
  const name = wildcards.includes(host) ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  const { origin, host: own } = urlOf(name);
  return { origin, hosts: [own, ...['127.0.0.1', 'localhost', '[::1]'].map(each => urlOf(each).host)] };
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
  // Starts reading at once, so that the request counts even if the client disconnects after sending it.
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
    // The client disconnected while sending, or the mock has a bug. Either way no response can be sent.
    incoming.socket.destroy();
  }
}

/** Bytes that UTF-8 needs for one character of a string, at most. */
const longestCharacter = 3;

function readBody(incoming: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      // A body over the limit is read to its end and discarded. An earlier response would be lost in a connection
      // reset.
      if (size <= bodyLimit * longestCharacter) chunks.push(chunk);
      size += chunk.length;
    });
    incoming.on('end', () => {
      // Decoding the whole once costs less than a stream that decodes each chunk.
      const [only] = chunks;
      const body = (chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)).toString();
      resolve(body.length > bodyLimit ? undefined : body);
    });
    incoming.on('error', reject);
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

async function serverOf(tls: MockTls | undefined, listener: RequestListener): Promise<Server> {
  if (tls === undefined) return createServer(listener);
  // Loaded on demand, because most issuers use http.
  const { createServer: createTlsServer } = await import('node:https');
  try {
    // The issuer checks the certificate itself and responds with an OAuth error.
    return createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: false }, listener);
  } catch {
    // The message of OpenSSL is dropped, because it could contain parts of the key.
    return refuse('tls', `${tlsExpected} that belong together`);
  }
}

/** `byAuthority`: a certificate is trusted only if a known authority issued it. */
function certificateOf({ socket }: IncomingMessage, byAuthority: boolean): ClientCertificate | undefined {
  const secure = isSecure(socket) ? socket : undefined;
  const shown = secure?.getPeerX509Certificate();
  if (shown === undefined) return undefined;
  return {
    der: shown.raw.toString('base64'),
    thumbprint: createHash('sha256').update(shown.raw).digest('base64url'),
    // Node lists one attribute per line in the order of the certificate; RFC 4514 reverses that order.
    subject: shown.subject.split('\n').reverse().join(',').replaceAll(' + ', '+'),
    from: Date.parse(shown.validFrom),
    until: Date.parse(shown.validTo),
    trusted: !byAuthority || secure?.authorized === true,
  };
}

function isSecure(socket: Socket): socket is TLSSocket {
  return 'getPeerX509Certificate' in socket;
}
