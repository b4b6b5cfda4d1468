import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { isWorkbenchError, type WorkbenchError } from '../../../../src/core/errors.ts';
import { boundedFetch, requireSecureUrl } from '../../../../src/core/http/http.ts';
import { dataOf, failureOf } from '../../../support/failureOf.ts';
import { type LoopbackServer, loopbackServer, reply } from '../../../support/loopbackServer.ts';
import { manualClock } from '../../../support/manualClock.ts';
import { selfSigned } from '../../../support/selfSigned.ts';

describe('requireSecureUrl', () => {
  for (const text of [
    'https://login.example.com',
    'https://login.example.com:8443/realms/a?b=c',
    'https://127.0.0.1/token',
    'http://127.0.0.1',
    'http://127.0.0.1:8080/token',
    'http://127.255.255.254/',
    'http://localhost:3000',
    'http://LOCALHOST',
    'http://[::1]:9000/a',
    'http://[0:0:0:0:0:0:0:1]/',
    // Other spellings of the loopback address. The check uses the address that fetch will connect to.
    'http://2130706433/',
    'http://0177.0.0.1/',
    'http://0x7f.1/',
    'http://127.0.0.1./',
  ]) {
    it(`takes ${text}`, () => {
      assert.equal(requireSecureUrl(text, 'issuer').href, new URL(text).href);
    });
  }

  for (const text of [
    'http://login.example.com',
    'http://127.0.0.1.evil',
    'http://127.0.0.1.evil.example/token',
    'http://localhost.evil.example',
    'http://localhost.',
    'http://evil.localhost',
    'http://127.evil',
    'http://0.0.0.0',
    'http://[::]',
    'http://[::ffff:127.0.0.1]',
    'http://[::2]',
    'http://128.0.0.1',
    'http://2130706434.example',
    'http://0177.0.0.1.example',
    'http://10.0.0.1',
  ]) {
    it(`finds ${text} insecure`, () => {
      assert.deepEqual(
        codeAndReason(() => requireSecureUrl(text, 'issuer')),
        ['url_insecure', undefined],
      );
    });
  }

  for (const [text, reason] of [
    ['http://127.0.0.1@evil.example', 'userinfo'],
    ['https://user:hunter2@login.example.com', 'userinfo'],
    ['https://:hunter2@login.example.com', 'userinfo'],
    ['http://127.0.0.1\\@evil.example', 'characters'],
    ['http:\\\\127.0.0.1', 'characters'],
    ['https://login.exa\tmple.com', 'characters'],
    ['https://login.example.com\n', 'characters'],
    [' https://login.example.com', 'characters'],
    ['https://login.exam\u200bple.com', 'characters'],
    ['https://login.example.com/#', 'fragment'],
    ['https://login.example.com/#a', 'fragment'],
    ['ftp://login.example.com', 'scheme'],
    ['javascript:alert(1)', 'scheme'],
    ['file:///etc/passwd', 'scheme'],
    ['login.example.com', 'not_absolute'],
    ['/token', 'not_absolute'],
    ['', 'not_absolute'],
    ['https://', 'not_absolute'],
    ['http://127.0.0.256/', 'not_absolute'],
  ] as const) {
    it(`refuses ${JSON.stringify(text)} for its ${reason}`, () => {
      assert.deepEqual(
        codeAndReason(() => requireSecureUrl(text, 'issuer')),
        ['url_invalid', reason],
      );
    });
  }

  it('repeats neither a password nor a query', () => {
    for (const text of [
      'https://a:hunter2@b.example/c?hunter2',
      'http://b.example/c?hunter2',
      'https://b.example/?hunter2#hunter2',
    ]) {
      assert.throws(
        () => requireSecureUrl(text, 'issuer'),
        (error: WorkbenchError) => !JSON.stringify(error.data).includes('hunter2'),
      );
    }
  });
});

describe('boundedFetch', () => {
  const servers: LoopbackServer[] = [];
  const serve = async (...parameters: Parameters<typeof loopbackServer>) => {
    const server = await loopbackServer(...parameters);
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    await Promise.all(servers.splice(0).map(server => server.close()));
  });

  const send = (url: string, limits: Parameters<typeof boundedFetch>[1] = {}) =>
    boundedFetch(globalThis.fetch, limits)(url, {
      method: 'POST',
      body: new URLSearchParams({ refresh_token: 'canary-token' }),
    });

  it('returns status, headers and body', async () => {
    const server = await serve((_, response) => reply(response, 201, { a: 1 }, { 'x-a': 'b' }));
    const response = await send(server.origin);
    assert.equal(response.status, 201);
    assert.equal(response.headers.get('x-a'), 'b');
    assert.deepEqual(await response.json(), { a: 1 });
    assert.equal(server.requests[0]?.body, 'refresh_token=canary-token');
  });

  for (const status of [204, 205, 304]) {
    it(`returns a ${status}, which has no body`, async () => {
      const server = await serve((_, response) => response.writeHead(status).end());
      assert.equal((await send(server.origin)).status, status);
    });
  }

  for (const status of [301, 302, 303, 307, 308]) {
    it(`refuses a ${status}: the second host sees nothing`, async () => {
      const second = await serve((_, response) => reply(response, 200, {}));
      const first = await serve((_, response) =>
        response.writeHead(status, { location: `${second.origin}/steal?canary=1` }).end('moved'),
      );
      const error = await failureOf(send(first.origin));
      assert.deepEqual(
        [error.code, error.data],
        ['redirect_refused', { host: hostOf(first), sent: true, status, location: hostOf(second) }],
      );
      assert.equal(first.requests.length, 1);
      assert.equal(second.requests.length, 0);
    });
  }

  it('refuses a redirect of a browser, which says nothing about it', async () => {
    const opaque = Object.defineProperties(new Response(null), {
      type: { value: 'opaqueredirect' },
      status: { value: 0 },
    });
    const error = await failureOf(boundedFetch(async () => opaque)('https://a.example', {}));
    assert.deepEqual([error.code, error.data], ['redirect_refused', { host: 'a.example', sent: true }]);
  });

  it('reads no more than it may', async () => {
    let chunks = 0;
    const server = await serve((_, response) => {
      const chunk = 'x'.repeat(10_000);
      const more = () => {
        chunks++;
        if (!response.destroyed && chunks < 10_000) response.write(chunk, more);
      };
      response.writeHead(200);
      more();
    });
    const error = await failureOf(send(server.origin, { maxBytes: 50_000 }));
    assert.deepEqual(
      [error.code, error.data],
      ['response_too_large', { host: hostOf(server), limit: 50_000, status: 200, sent: true }],
    );
    assert.ok(chunks < 10_000);
  });

  it('takes a body of exactly the largest size', async () => {
    const server = await serve((_, response) => response.end('x'.repeat(1000)));
    assert.equal((await (await send(server.origin, { maxBytes: 1000 })).text()).length, 1000);
  });

  it('counts the bytes that come out of a compressed body', async () => {
    const bomb = gzipSync(Buffer.alloc(5_000_000));
    const server = await serve((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));
    assert.equal((await failureOf(send(server.origin))).code, 'response_too_large');
  });

  it('waits 30 seconds for the headers', async () => {
    const arrived = withResolvers();
    const server = await serve(() => arrived.resolve(undefined));
    const clock = manualClock();
    const result = failureOf(send(server.origin, { clock }));
    await arrived.promise;
    clock.advance(29_999);
    assert.equal(clock.pending, 1);
    clock.advance(1);
    const error = await result;
    assert.deepEqual([error.code, error.data], ['timeout', { host: hostOf(server), sent: true, after: 30_000 }]);
  });

  it('waits no longer for the body than for the whole', async () => {
    const clock = manualClock();
    const server = await serve((_, response) => {
      response.writeHead(200);
      response.write('{"access_token":');
    });
    const watched: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      setImmediate(() => clock.advance(30_000));
      return response;
    };
    const error = await failureOf(boundedFetch(watched, { clock })(server.origin, {}));
    assert.deepEqual([error.code, error.data.sent], ['timeout', true]);
  });

  it('leaves no timer and no listener behind', async () => {
    const clock = manualClock();
    const server = await serve((_, response) => reply(response, 200, {}));
    const abort = new AbortController();
    await send(server.origin, { clock, signal: abort.signal });
    assert.equal(clock.pending, 0);
    abort.abort();
  });

  it('sends nothing once the caller has given up', async () => {
    const server = await serve((_, response) => reply(response, 200, {}));
    const error = await failureOf(send(server.origin, { signal: AbortSignal.abort() }));
    assert.deepEqual([error.code, error.data.sent], ['cancelled', false]);
    assert.equal(server.requests.length, 0);
  });

  it('says that it was cancelled, and that the request may have arrived', async () => {
    const abort = new AbortController();
    const server = await serve(() => abort.abort());
    const error = await failureOf(send(server.origin, { signal: abort.signal }));
    assert.deepEqual([error.code, error.data], ['cancelled', { host: hostOf(server), sent: true }]);
  });

  it('does not wait for a fetch that ignores its signal', async () => {
    const abort = new AbortController();
    const never: typeof fetch = () => {
      queueMicrotask(() => abort.abort());
      return new Promise(() => {});
    };
    const error = await failureOf(boundedFetch(never, { signal: abort.signal })('https://a.example', {}));
    assert.equal(error.code, 'cancelled');
  });

  it('says that nothing listens there, and that nothing was sent', async () => {
    const server = await loopbackServer(() => {});
    const { origin } = server;
    await server.close();
    const error = await failureOf(send(origin));
    assert.deepEqual(
      [error.code, error.data],
      ['connection_refused', { host: new URL(origin).host, sent: false, detail: 'ECONNREFUSED' }],
    );
  });

  it('says that nothing listens on any address of a name', async () => {
    const server = await loopbackServer(() => {});
    const { port } = new URL(server.origin);
    await server.close();
    const error = await failureOf(send(`http://localhost:${port}`));
    assert.deepEqual([error.code, error.data.sent], ['connection_refused', false]);
  });

  it('says that a host is unknown', async () => {
    const error = await failureOf(send('https://no-such-host.invalid/token?canary=1'));
    assert.deepEqual([error.code, error.data.host, error.data.sent], ['host_unknown', 'no-such-host.invalid', false]);
  });

  it('says that a certificate is not trusted, before anything is sent', async () => {
    const server = await serve((_, response) => reply(response, 200, {}), selfSigned);
    const error = await failureOf(send(server.origin));
    assert.deepEqual(
      [error.code, error.data],
      ['certificate_untrusted', { host: hostOf(server), sent: false, detail: 'DEPTH_ZERO_SELF_SIGNED_CERT' }],
    );
    assert.equal(server.requests.length, 0);
  });

  it('says that the server has no TLS', async () => {
    const server = await serve((_, response) => reply(response, 200, {}));
    const error = await failureOf(send(server.origin.replace('http:', 'https:')));
    assert.deepEqual([error.code, error.data.sent], ['network_failed', false]);
    assert.match(String(error.data.detail), /^(?:ERR_SSL_|EPROTO)/);
    assert.equal(server.requests.length, 0);
  });

  it('says that the connection was reset before an answer', async () => {
    const server = await serve((_, response) => response.destroy());
    const error = await failureOf(send(server.origin));
    assert.deepEqual([error.code, error.data.sent], ['connection_reset', true]);
  });

  it('says that the connection ended in the middle of the body', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"refresh_token":"canary-token', () => response.destroy());
    });
    const error = await failureOf(send(server.origin));
    assert.deepEqual([error.code, error.data.sent], ['connection_reset', true]);
  });

  it('returns a JSON object that arrived whole although the connection ends or hangs behind it', async () => {
    const body = JSON.stringify({ refresh_token: 'canary-token', scope: 'ä' });
    const broken: readonly ((response: ServerResponse) => unknown)[] = [
      response => response.writeHead(200, { 'content-length': '5000' }).write(body, () => response.destroy()),
      response => response.writeHead(200).write(body, () => response.socket?.end('zz\r\n')),
    ];
    for (const answer of broken) {
      const server = await serve((_, response) => answer(response));
      assert.equal(await (await send(server.origin)).text(), body);
    }
    // The body hangs until the time is over.
    const clock = manualClock();
    const server = await serve((_, response) => response.writeHead(200, { 'content-length': '5000' }).write(body));
    const watched: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      const { body: stream } = response;
      assert.ok(stream);
      const passed = stream.pipeThrough(
        new TransformStream({
          transform(chunk, controller) {
            controller.enqueue(chunk);
            setImmediate(() => clock.advance(30_000));
          },
        }),
      );
      return new Response(passed, response);
    };
    assert.equal(await (await boundedFetch(watched, { clock })(server.origin, {})).text(), body);
  });

  it('returns a part of a successful response if the caller finds it enough', async () => {
    const part = '{"refresh_token":"canary-token","scope":"a';
    const broken = (status: number) =>
      serve((_, response) => {
        response.writeHead(status, { 'content-length': '5000' });
        response.write(part, () => response.destroy());
      });
    const server = await broken(200);
    assert.equal(await (await send(server.origin, { enough: text => text === part })).text(), part);
    assert.equal((await failureOf(send(server.origin, { enough: () => false }))).code, 'connection_reset');
    const failing = await broken(500);
    assert.equal((await failureOf(send(failing.origin, { enough: () => true }))).code, 'connection_reset');
  });

  it('asks for a body that is not compressed, which no gateway can call by the wrong name', async () => {
    const server = await serve(({ headers }, response) => {
      // As a gateway that unpacks what it has packed, and leaves the header.
      const packs = /gzip/.test(String(headers['accept-encoding']));
      response.writeHead(200, packs ? { 'content-encoding': 'gzip' } : {}).end('{"a":1}');
    });
    assert.equal(await (await send(server.origin)).text(), '{"a":1}');
  });

  it('returns the body behind headers and a status line that a Response refuses', async () => {
    const bytes = '{"a":1}';
    const sockets = createServer(socket => {
      socket.once('data', () =>
        socket.end(
          `HTTP/1.1 200 成功\r\nx y: z\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nx-z: 1\r\ncontent-length: ${bytes.length}\r\n\r\n${bytes}`,
        ),
      );
    });
    await new Promise<void>(resolve => sockets.listen(0, '127.0.0.1', resolve));
    const { port } = sockets.address() as AddressInfo;
    const response = await send(`http://127.0.0.1:${port}`);
    sockets.close();
    assert.equal(await response.text(), bytes);
    assert.deepEqual([response.headers.get('x-z'), response.headers.getSetCookie()], ['1', ['a=1', 'b=2']]);
  });

  it('unpacks a body that is compressed and does not say so, within its bounds', async () => {
    const server = await serve((_, response) => response.writeHead(200).end(gzipSync('{"a":1}')));
    assert.equal(await (await send(server.origin)).text(), '{"a":1}');
    const bomb = gzipSync(Buffer.alloc(5_000_000));
    const second = await serve((_, response) => response.writeHead(200).end(bomb));
    assert.equal((await (await send(second.origin)).text()).length < 100_000, true);
  });

  it('reads UTF-16 without a byte order mark', async () => {
    const wide = Buffer.from('{"a":1}', 'utf16le');
    for (const body of [wide, Buffer.from(wide).swap16()]) {
      const server = await serve((_, response) => response.writeHead(200).end(body));
      assert.deepEqual(await (await send(server.origin)).json(), { a: 1 });
    }
  });

  it('reads a text that is not UTF-8 by the charset in the header, and no other', async () => {
    for (const [charset, bytes, text] of [
      ['GBK', Buffer.from('cba2d0c2c1eec5c6d2d1b9fdc6da', 'hex'), '刷新令牌已过期'],
      ['"Shift_JIS"', Buffer.from('8367815b834e8393', 'hex'), 'トークン'],
      ['iso-8859-1', Buffer.from('Jürgen', 'latin1'), 'Jürgen'],
      ['iso-8859-1', Buffer.from('Jürgen'), 'Jürgen'],
      ['no-such-charset', Buffer.from('J\xfcrgen', 'latin1'), 'J\ufffdrgen'],
    ] as const) {
      const server = await serve((_, response) =>
        response.writeHead(200, { 'content-type': `text/plain; charset=${charset}` }).end(bytes),
      );
      assert.equal(await (await send(server.origin)).text(), text);
    }
  });

  it('says that the response is not HTTP', async () => {
    const sockets = createServer(socket => socket.end('SSH-2.0-canary-token\r\n').on('error', () => {}));
    sockets.listen(0, '127.0.0.1');
    await once(sockets, 'listening');
    const host = `127.0.0.1:${(sockets.address() as AddressInfo).port}`;
    const error = await failureOf(send(`http://${host}`));
    sockets.close();
    assert.deepEqual([error.code, error.data.sent], ['network_failed', true]);
    assert.match(String(error.data.detail), /^HPE_/);
  });

  it('says that a status is beyond what a response can have', async () => {
    const odd = Object.defineProperty(new Response('x'), 'status', { value: 999 });
    const error = await failureOf(boundedFetch(async () => odd)('https://a.example', {}));
    assert.deepEqual([error.code, error.data.status], ['http_error', 999]);
  });

  describe('knows what Chromium calls it', () => {
    for (const [message, code, sent] of [
      ['net::ERR_CONNECTION_REFUSED', 'connection_refused', false],
      ['net::ERR_NAME_NOT_RESOLVED', 'host_unknown', false],
      ['net::ERR_CERT_AUTHORITY_INVALID', 'certificate_untrusted', false],
      ['net::ERR_CERT_DATE_INVALID', 'certificate_untrusted', false],
      ['net::ERR_CONNECTION_RESET', 'connection_reset', true],
      ['net::ERR_EMPTY_RESPONSE', 'connection_reset', true],
      ['net::ERR_TIMED_OUT', 'timeout', true],
      ['net::ERR_CONNECTION_TIMED_OUT', 'timeout', false],
      ['net::ERR_INTERNET_DISCONNECTED', 'network_failed', false],
      ['net::ERR_SSL_PROTOCOL_ERROR', 'network_failed', false],
      ['net::ERR_SSL_BAD_RECORD_MAC_ALERT', 'network_failed', true],
      ['net::ERR_PROXY_CONNECTION_FAILED', 'network_failed', false],
      ['net::ERR_PROXY_AUTH_UNSUPPORTED', 'network_failed', false],
      ['net::ERR_PROXY_AUTH_REQUESTED', 'network_failed', false],
      ['net::ERR_PROXY_CERTIFICATE_INVALID', 'network_failed', false],
      ['net::ERR_TUNNEL_CONNECTION_FAILED', 'network_failed', false],
      ['net::ERR_SOCKS_CONNECTION_FAILED', 'network_failed', false],
      ['net::ERR_MANDATORY_PROXY_CONFIGURATION_FAILED', 'network_failed', false],
      ['net::ERR_NETWORK_ACCESS_DENIED', 'network_failed', false],
      ['net::ERR_DNS_TIMED_OUT', 'host_unknown', false],
      ['net::ERR_NETWORK_CHANGED', 'network_failed', true],
      ['net::ERR_SOMETHING_NEW', 'network_failed', true],
      ['Redirect was cancelled', 'redirect_refused', true],
    ] as const) {
      it(message, async () => {
        const failing = async () => Promise.reject(new Error(message));
        const error = await failureOf(boundedFetch(failing)('https://a.example/?canary=1', {}));
        assert.deepEqual([error.code, error.data.host, error.data.sent], [code, 'a.example', sent]);
      });
    }
  });

  describe('knows what Node calls it', () => {
    for (const [cause, code, sent] of [
      [{ code: 'CERT_HAS_EXPIRED' }, 'certificate_untrusted', false],
      [{ code: 'ERR_TLS_CERT_ALTNAME_INVALID' }, 'certificate_untrusted', false],
      [{ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }, 'certificate_untrusted', false],
      [{ code: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY' }, 'certificate_untrusted', false],
      [{ code: 'SELF_SIGNED_CERT_IN_CHAIN' }, 'certificate_untrusted', false],
      [{ code: 'EAI_AGAIN' }, 'host_unknown', false],
      [{ code: 'UND_ERR_CONNECT_TIMEOUT' }, 'timeout', false],
      [{ code: 'UND_ERR_HEADERS_TIMEOUT' }, 'timeout', true],
      [{ code: 'ETIMEDOUT', syscall: 'connect' }, 'timeout', false],
      [{ code: 'ETIMEDOUT', syscall: 'read' }, 'timeout', true],
      [{ code: 'ECONNRESET', syscall: 'read' }, 'connection_reset', true],
      [{ code: 'EHOSTUNREACH', syscall: 'connect' }, 'network_failed', false],
      [{ code: 'EACCES', syscall: 'connect' }, 'network_failed', false],
      [{ code: 'ERR_SSL_WRONG_VERSION_NUMBER' }, 'network_failed', false],
      [{ code: 'ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC' }, 'network_failed', true],
      [
        { code: 'UND_ERR_ABORTED', message: 'Proxy response (407) !== 200 when HTTP Tunneling' },
        'network_failed',
        false,
      ],
      [{ code: 'UND_ERR_ABORTED' }, 'network_failed', true],
      [{ code: 'ESOMETHING' }, 'network_failed', true],
      [{ errors: [{ code: 'ECONNREFUSED', syscall: 'connect' }] }, 'connection_refused', false],
      [{ code: 'canary-token' }, 'network_failed', true],
      ['canary-token', 'network_failed', true],
    ] as const) {
      it(JSON.stringify(cause), async () => {
        const failing = async () => Promise.reject(Object.assign(new TypeError('fetch failed'), { cause }));
        const error = await failureOf(boundedFetch(failing)('https://a.example/', {}));
        assert.deepEqual([error.code, error.data.sent], [code, sent]);
        assert.doesNotMatch(JSON.stringify(error.data), /canary/);
      });
    }
  });
});

function withResolvers() {
  let resolve: (value: unknown) => void = () => {};
  const promise = new Promise(settle => {
    resolve = settle;
  });
  return { promise, resolve };
}

function hostOf({ origin }: LoopbackServer): string {
  return new URL(origin).host;
}

function codeAndReason(act: () => unknown): [string, unknown] {
  try {
    act();
  } catch (error) {
    assert.ok(isWorkbenchError(error));
    const { field, reason } = dataOf(error);
    assert.equal(field, 'issuer');
    return [error.code, reason];
  }
  return assert.fail('nothing was thrown');
}
