import { constants, createHash, generateKeyPair, type KeyObject, type SigningOptions, sign } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import type { JWK } from 'jose';
import type { MockClock } from './clock.ts';
import { bodyLimit, firstHalf, type Handler, type MockReply } from './http.ts';
import { createMockIssuer, type MockIssuer } from './issuer.ts';
import { describeKey, hashName, type MockAlg, type MockCrypto } from './keys.ts';
import { certificateOf, type MockTls, serverOf } from './nodeTls.ts';
import type { MockIssuerOptions } from './options.ts';

/** Of the same bundle: whoever has the mock fail has started it. */
export { readFaults } from './faultReader.ts';

export interface MockServerOptions extends Omit<MockIssuerOptions, 'issuer' | 'mutualTls'> {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Path of the issuer identifier, `/tenants/one` for instance; none by default. */
  readonly path?: string;
  /** The issuer is at https, and clients may prove themselves with a certificate. */
  readonly tls?: MockTls;
}

export interface MockServer extends MockIssuer {
  readonly port: number;
  /** Ends every connection at once and frees the port. May be called again. */
  close(): Promise<void>;
}

/**
 * The mock issuer at http://127.0.0.1:port, or https, reachable from this machine only. The issuer identifier is that
 * address and cannot be chosen, so that nothing it signs can pass for another issuer's.
 */
export async function startMockServer(options: MockServerOptions = {}): Promise<MockServer> {
  if ('issuer' in options) throw new TypeError('issuer: a server is its own issuer; use port and path');
  if ('mutualTls' in options) throw new TypeError('mutualTls: use tls');
  const { port: wanted = 0, path = '', tls, ...rest } = options;
  if (!Number.isInteger(wanted) || wanted < 0 || wanted > 65_535)
    throw new TypeError('port: a number from 0 to 65535 is needed');
  if (path !== '' && !/^(\/[\w.~-]+)+$/.test(path))
    throw new TypeError('path: it starts with a slash and does not end with one');

  let handle: Handler | undefined;
  let clock: MockClock | undefined;
  const server = serverOf(tls, (incoming, outgoing) => {
    if (handle === undefined) incoming.socket.destroy();
    else void exchange(handle, incoming, outgoing, Boolean(tls?.ca));
  });
  // Nobody waits for an idle connection to be reused at the very moment at which it is closed.
  server.keepAliveTimeout = 60_000;
  const port = await listen(server, wanted);
  const close = () =>
    new Promise<void>(resolve => {
      server.close(() => resolve());
      server.closeAllConnections();
      clock?.wakeAll();
    });

  try {
    const mock = await createMockIssuer(
      { ...rest, issuer: `http${tls ? 's' : ''}://127.0.0.1:${port}${path}`, mutualTls: tls !== undefined },
      nodeCrypto,
    );
    handle = mock.handle;
    clock = mock.clock;
    // Getters stay getters: a spread would freeze `requests` as it is now.
    return Object.defineProperties({ port, close } as MockServer, Object.getOwnPropertyDescriptors(mock));
  } catch (error) {
    await close();
    throw error;
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
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
    // The client went away while it was sending, or the mock has a fault of its own; there is nobody to tell.
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
  else outgoing.end(reply.body);
}

interface Recipe {
  generate(): Promise<{ publicKey: KeyObject; privateKey: KeyObject }>;
  readonly digest: string | null;
  readonly options: SigningOptions;
  /** Long enough to be worth a trip to the thread pool: an RSA signature takes 10 times as long as the others. */
  readonly slow: boolean;
}

const generate = promisify(generateKeyPair);
const rsa = () => generate('rsa', { modulusLength: 2048 });

const recipes: Record<MockAlg, Recipe> = {
  RS256: { generate: rsa, digest: 'sha256', options: {}, slow: true },
  PS256: {
    generate: rsa,
    digest: 'sha256',
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
    slow: true,
  },
  ES256: {
    generate: () => generate('ec', { namedCurve: 'P-256' }),
    digest: 'sha256',
    options: { dsaEncoding: 'ieee-p1363' },
    slow: false,
  },
  EdDSA: { generate: () => generate('ed25519'), digest: null, options: {}, slow: false },
};

/** Node's own cryptography: the same tokens as with WebCrypto, in less time. */
const nodeCrypto: MockCrypto = {
  async generateKey(alg) {
    const { generate: make, digest, options, slow } = recipes[alg];
    const { publicKey, privateKey } = await make();
    const key = { key: privateKey, ...options };
    return {
      alg,
      publicJwk: await describeKey(publicKey.export({ format: 'jwk' }) as JWK, alg),
      sign(signingInput) {
        const bytes = Buffer.from(signingInput, 'latin1');
        if (!slow) return sign(digest, bytes, key).toString('base64url');
        return new Promise((resolve, reject) => {
          sign(digest, bytes, key, (error, signature) => {
            if (error) reject(error);
            else resolve(signature.toString('base64url'));
          });
        });
      },
    };
  },
  encode: text => Buffer.from(text).toString('base64url'),
  atHash(accessToken, alg) {
    const hash = createHash(hashName(alg)).update(accessToken).digest();
    return hash.subarray(0, hash.length / 2).toString('base64url');
  },
};
