import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import type { RedirectListener } from '../../../src/core/ports.ts';
import { listenForRedirect } from '../../../src/platform/uriRedirect.ts';
import { failureOf } from '../../support/failureOf.ts';

describe('the loopback redirect', () => {
  let listener: RedirectListener;
  beforeEach(async () => {
    listener = await listenForRedirect(page => `<p>${page}</p>`);
  });
  afterEach(() => listener.close());
  const get = async (query: string) => {
    const response = await fetch(listener.redirectUri + query);
    return { status: response.status, text: await response.text(), headers: response.headers };
  };

  it('listens on the IP literal, on a port of its own', async () => {
    const other = await listenForRedirect(() => '');
    assert.match(listener.redirectUri, /^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    assert.notEqual(other.redirectUri, listener.redirectUri);
    other.close();
  });

  it('listens on the port that the settings name, and says where another program has it', async () => {
    const port = Number(new URL(listener.redirectUri).port);
    const { code, data } = await failureOf(listenForRedirect(() => '', port));
    assert.deepEqual([code, data.port, data.detail], ['listener_failed', port, 'EADDRINUSE']);
    listener.close();
    listener = await listenForRedirect(() => '', port);
    assert.equal(listener.redirectUri, `http://127.0.0.1:${port}/callback`);
  });

  it('hands the right answer on once and shows its page when that is known', async () => {
    const answer = listener.answer('mine');
    const forged = await get('?code=1&state=other');
    assert.deepEqual([forged.status, forged.text], [400, '<p>foreign</p>']);
    const page = get('?code=2&state=mine');
    const { parameters, respond } = await answer;
    assert.equal(parameters.get('code'), '2');
    assert.equal((await get('?code=2&state=mine')).text, '<p>foreign</p>', 'a replay');
    respond('signed_in');
    respond('failed');
    const { status, text, headers } = await page;
    assert.deepEqual([status, text], [200, '<p>signed_in</p>']);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal(headers.get('referrer-policy'), 'no-referrer');
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/);
  });

  it('turns away other paths, other methods and other names of this machine', async () => {
    const answer = listener.answer('mine');
    const { origin, port } = new URL(listener.redirectUri);
    assert.equal((await fetch(`${origin}/favicon.ico`)).status, 404);
    assert.equal((await fetch(listener.redirectUri, { method: 'POST' })).status, 405);
    const status = await new Promise((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port,
        path: '/callback?code=1',
        headers: { host: `evil.example:${port}` },
      };
      request(options, response => resolve(response.statusCode))
        .on('error', reject)
        .end();
    });
    assert.equal(status, 421);
    const page = get('?code=1&state=mine');
    (await answer).respond('signed_in');
    await page;
  });

  /** The status of the response to raw bytes that fetch would not send; undefined if the connection is refused. */
  const raw = (bytes: string) =>
    new Promise<number | undefined>(resolve => {
      let answer = '';
      const socket = connect(Number(new URL(listener.redirectUri).port), '127.0.0.1');
      socket.on('data', data => {
        answer += data;
      });
      // Only the received response counts, however the connection ended.
      socket.on('error', () => {});
      socket.on('close', () => {
        const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1];
        resolve(status === undefined ? undefined : Number(status));
      });
      socket.end(bytes);
    });

  it('of many right answers at the same moment hears one', async () => {
    const answer = listener.answer('mine');
    const pages = Array.from({ length: 20 }, (_, at) => get(`?code=${at}&state=mine`));
    const { parameters, respond } = await answer;
    respond('signed_in');
    const texts = (await Promise.all(pages)).map(({ text }) => text);
    const taken = texts.indexOf('<p>signed_in</p>');
    assert.equal(texts.filter(text => text === '<p>foreign</p>').length, 19);
    assert.equal(String(taken), parameters.get('code'), 'the page belongs to the code that was taken');
  });

  it('takes nothing of what a page or a program on this machine may try, and goes on waiting', async () => {
    const answer = listener.answer('mine');
    const { host, origin } = new URL(listener.redirectUri);
    const line = (target: string, headers = `host: ${host}\r\n`, method = 'GET') =>
      raw(`${method} ${target} HTTP/1.1\r\n${headers}connection: close\r\n\r\n`);
    const right = '/callback?code=1&state=mine';
    for (const name of [
      ...['localhost', '127.0.0.2', '[::1]', '127.0.0.1.evil.example', 'evil.example'].map(
        each => `${each}:${new URL(origin).port}`,
      ),
      '127.0.0.1',
      '127.0.0.1:1',
      '0x7f000001',
      '',
    ])
      assert.equal(await line(right, `host: ${name}\r\n`), 421, `the name ${name}`);
    assert.equal(await line(right, ''), 400, 'no name at all');
    assert.equal(await raw(`GET ${right} HTTP/1.0\r\n\r\n`), 421, 'nor in HTTP/1.0');
    for (const method of ['HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'])
      assert.equal(await line(right, undefined, method), 405, method);
    for (const target of [
      '/',
      '/favicon.ico',
      '/robots.txt',
      '/callback/',
      '//callback',
      '/CALLBACK',
      '/callback%3Fstate=mine',
      ...['/x/../callback', `http://${host}${right}`, '*', '/callback#?state=mine'],
    ])
      assert.equal(await line(target), 404, target);
    for (const query of ['', '?', '?state', '?state=', '?STATE=mine', '?state=mine%00', '?state=%20mine', '?code=1'])
      assert.equal(await line(`/callback${query}`), 400, query);
    assert.equal(await line(`/callback?state=other&x=${'x'.repeat(20_000)}`), 431, 'a query of any size');
    assert.equal(await raw('GET /callback?state=mine HTTP/9\r\n\r\n'), 400);
    assert.equal(await raw('\u0016\u0003\u0001'), 400, 'TLS');
    const page = get('?code=1&state=mine');
    (await answer).respond('signed_in');
    assert.equal((await page).text, '<p>signed_in</p>');
  });

  it('cannot be read or framed by another page', async () => {
    const { headers } = await get('?state=guess');
    assert.equal(headers.get('access-control-allow-origin'), null);
    assert.match(headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
  });

  it('does not stay open for a client that sends nothing', async () => {
    const silent = connect(Number(new URL(listener.redirectUri).port), '127.0.0.1');
    await new Promise(resolve => silent.once('connect', resolve));
    silent.on('error', () => {});
    const gone = new Promise(resolve => silent.once('close', resolve));
    listener.close();
    await gone;
  });

  it('is gone once it is closed, and the last page still arrives', async () => {
    const answer = listener.answer('mine');
    const page = get('?code=1&state=mine');
    (await answer).respond('signed_in');
    listener.close();
    assert.equal((await page).text, '<p>signed_in</p>');
    await assert.rejects(fetch(listener.redirectUri));
  });
});
