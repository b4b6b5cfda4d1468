import assert from 'node:assert/strict';
import { request } from 'node:http';
import type { RedirectListener } from '../../../src/core/ports.ts';
import { listenForRedirect } from '../../../src/platform/loopbackRedirect.ts';

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

  it('is gone once it is closed, and the last page still arrives', async () => {
    const answer = listener.answer('mine');
    const page = get('?code=1&state=mine');
    (await answer).respond('signed_in');
    listener.close();
    assert.equal((await page).text, '<p>signed_in</p>');
    await assert.rejects(fetch(listener.redirectUri));
  });
});
