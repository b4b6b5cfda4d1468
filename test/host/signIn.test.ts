import assert from 'node:assert/strict';
import type { JWK } from 'jose';
import { env } from 'vscode';
import type { MockServer, MockServerOptions } from '../../src/mock/nodeServer.ts';
import { startMockServer } from '../../src/mock/nodeServer.ts';
import { testKey } from '../support/clientKeys.ts';
import { loopbackServer } from '../support/loopbackServer.ts';
import { selfSigned, selfSignedClient } from '../support/selfSigned.ts';
import { activate, codeOf, row, rows, run } from './support.ts';

type Status = Record<string, { state: string; tokens: { name: string }[] }>;

describe('signing in', () => {
  let mock: MockServer;
  let opened: string[];
  let restore = () => {};

  async function start(options: MockServerOptions = {}): Promise<void> {
    mock = await startMockServer({ alg: 'ES256', signIn: 'auto', ...options });
    await run('addConnection', {
      connection: { id: 'fresh', issuer: mock.issuer, clientId: 'demo', scope: 'openid offline_access' },
    });
  }

  /** Replaces the browser with `open`. */
  async function browser(open: (url: string) => Promise<boolean>): Promise<void> {
    const { browser } = (await activate()).testing;
    const before = browser.open;
    opened = [];
    browser.open = async url => {
      opened.push(url);
      return open(url);
    };
    restore = () => {
      browser.open = before;
    };
  }

  /** Follows the redirects to the end in the background, as a browser does. */
  const follow = async (url: string) => {
    void fetch(url);
    return true;
  };

  afterEach(async () => {
    restore();
    await run('removeConnection', { connection: 'fresh' });
    await mock.close();
  });

  it('brings the first tokens over the browser, and they refresh', async () => {
    await start({ rotation: 'strict' });
    let page = '';
    await browser(async url => {
      void fetch(url)
        .then(response => response.text())
        .then(text => {
          page = text;
        });
      return true;
    });
    assert.deepEqual(
      (await (await row(['fresh'])).children()).map(({ text }) => text),
      ['Sign in: no tokens yet', 'Import tokens: paste existing tokens'],
    );
    const answer = await run<{ outcome: string; generation: number; expiresAt: number }>('signIn', {
      connection: 'fresh',
    });
    assert.equal(answer.outcome, 'refreshed');
    assert.ok(answer.expiresAt > Date.now());
    const status = (await run<Status>('status', { connection: 'fresh' })).fresh;
    assert.equal(status?.state, 'active');
    assert.deepEqual(
      status?.tokens.map(({ name }) => name),
      ['access_token', 'id_token', 'refresh_token'],
    );
    assert.equal((await run('refresh', { connection: 'fresh' })).outcome, 'refreshed');
    const redirect = new URL(opened[0] ?? '').searchParams.get('redirect_uri') ?? '';
    assert.match(redirect, /^http:\/\/127\.0\.0\.1:\d+\/callback$/);
    await assert.rejects(fetch(redirect), 'the listener is gone');
    assert.match(page, /<h1>Signed in<\/h1>/);
  });

  it('comes back by an address that VS Code opens, where that is asked for', async () => {
    await start();
    const redirectUri = () => new URL(opened[0] ?? '').searchParams.get('redirect_uri') ?? '';
    await browser(async () => false);
    const asked = { connection: 'fresh', redirect: 'uri_handler' };
    assert.equal(await codeOf(run('signIn', asked)), 'browser_not_opened');
    assert.match(redirectUri(), /jwt-workbench\.jwt-workbench.*callback/);
    // VS Code numbers the addresses of a window in the browser.
    const redirect_uris = Array.from({ length: 20 }, (_, at) => redirectUri().replace(/(?<=reqid=)\d+/, String(at)));
    restore();
    await run('removeConnection', { connection: 'fresh' });
    await mock.close();
    await start({ clients: [{ client_id: 'demo', redirect_uris: [...new Set(redirect_uris)] }] });
    const { handleUri } = (await activate()).testing;
    await browser(async url => {
      const request = new URL(url);
      // VS Code would open the address of the redirect; the test passes it on in the same way.
      const answer = await fetch(url, { redirect: 'manual' });
      const { searchParams } = new URL(answer.headers.get('location') ?? '');
      assert.equal(searchParams.get('state'), request.searchParams.get('state'));
      await handleUri('state=guess&code=forged');
      await handleUri(searchParams.toString());
      await handleUri(searchParams.toString());
      return true;
    });
    assert.equal((await run('signIn', asked)).outcome, 'refreshed');
    assert.equal((await run<Status>('status', { connection: 'fresh' })).fresh?.state, 'active');
  });

  it('says calmly that it was declined', async () => {
    await start({ signIn: 'deny' });
    await browser(follow);
    assert.equal(await codeOf(run('signIn', { connection: 'fresh' })), 'oauth_error');
    assert.equal((await run<Status>('status', { connection: 'fresh' })).fresh?.state, 'none');
  });

  it('ends when a second sign-in begins, and when somebody signs out', async () => {
    await start();
    const redirects = () => opened.map(url => new URL(url).searchParams.get('redirect_uri') ?? '');
    await browser(async () => true);
    const first = codeOf(run('signIn', { connection: 'fresh' }));
    while (opened.length < 1) await new Promise(resolve => setImmediate(resolve));
    const second = codeOf(run('signIn', { connection: 'fresh' }));
    assert.equal(await first, 'cancelled');
    while (opened.length < 2) await new Promise(resolve => setImmediate(resolve));
    await run('signOut', { connection: 'fresh' });
    assert.equal(await second, 'cancelled');
    for (const uri of redirects()) await assert.rejects(fetch(uri));
  });

  it('signs in with a device code that is confirmed elsewhere', async () => {
    await start({ signIn: 'auto', deviceInterval: 1 });
    const answer = await run('signIn', { connection: 'fresh', grant: 'device_code' });
    assert.equal(answer.outcome, 'refreshed');
    assert.equal((await run<Status>('status', { connection: 'fresh' })).fresh?.state, 'active');
  });

  it('asks as the client itself, again for each refresh, and says so', async () => {
    const clients = [{ client_id: 'demo', client_secret: 'only-for-the-service' }];
    await start({ clients, scope: 'read' });
    await run('removeConnection', { connection: 'fresh' });
    await run('addConnection', {
      connection: {
        id: 'fresh',
        issuer: mock.issuer,
        clientId: 'demo',
        scope: 'read',
        tokenEndpointAuthMethod: 'client_secret_basic',
      },
      clientSecret: 'only-for-the-service',
    });
    const answer = await run<{ outcome: string; generation: number }>('signIn', {
      connection: 'fresh',
      grant: 'client_credentials',
    });
    assert.equal(answer.outcome, 'refreshed');
    assert.match((await row(['fresh', 'Next'])).text, /^Next: refresh in .*, by a new token request$/);
    const refreshed = await run<{ outcome: string; generation: number }>('refresh', { connection: 'fresh' });
    assert.deepEqual([refreshed.outcome, refreshed.generation], ['refreshed', answer.generation + 1]);
    assert.equal(mock.requests.at(-1)?.grant_type, 'client_credentials');
  });

  it('proves itself with a private key, which can be replaced', async () => {
    const key = testKey('P-256');
    const jwks = { keys: [key.publicJwk as JWK] };
    const clients = [{ client_id: 'demo', token_endpoint_auth_method: 'private_key_jwt' as const, jwks }];
    await start({ clients, scope: 'read' });
    await run('removeConnection', { connection: 'fresh' });
    const connection = {
      id: 'fresh',
      issuer: mock.issuer,
      clientId: 'demo',
      scope: 'read',
      tokenEndpointAuthMethod: 'private_key_jwt',
    };
    const { publicJwk, pem } = testKey('P-256');
    const unusable = run('addConnection', { connection, privateKey: JSON.stringify(publicJwk) });
    assert.equal(await codeOf(unusable), 'credential_invalid');
    await run('addConnection', { connection, privateKey: pem });
    const signIn = () => run('signIn', { connection: 'fresh', grant: 'client_credentials' });
    assert.equal(await codeOf(signIn()), 'oauth_error');
    assert.deepEqual(await run('setClientSecret', { connection: 'fresh', privateKey: key.pem }), {
      id: 'fresh',
    });
    assert.equal((await signIn()).outcome, 'refreshed');
    assert.equal(await codeOf(run('setClientSecret', { connection: 'fresh' })), 'argument_invalid');
    assert.ok((await rows()).some(({ item }) => /\bconfidential\b/.test(item.contextValue ?? '')));
  });

  it('shows a certificate only to trusted servers', async () => {
    await start();
    await run('removeConnection', { connection: 'fresh' });
    const server = await loopbackServer(() => assert.fail(), { ...selfSigned, requestCert: true });
    const connection = {
      ...{ id: 'fresh', tokenEndpoint: `${server.origin}/token`, clientId: 'demo' },
      tokenEndpointAuthMethod: 'tls_client_auth',
    };
    const { key, cert } = selfSignedClient;
    assert.equal(await codeOf(run('addConnection', { connection, privateKey: key })), 'credential_invalid');
    await run('addConnection', { connection, privateKey: `${key}\n${cert}` });
    const answer = run('signIn', { connection: 'fresh', grant: 'client_credentials' });
    assert.equal(await codeOf(answer), 'certificate_untrusted');
    await server.close();
  });

  it('gets tokens that are bound to a key, and copies them with a proof', async () => {
    await start({ dpopNonce: 'required' });
    await run('removeConnection', { connection: 'fresh' });
    await run('addConnection', {
      connection: {
        id: 'fresh',
        issuer: mock.issuer,
        clientId: 'demo',
        scope: 'openid offline_access',
        dpop: true,
      },
    });
    await browser(follow);
    await run('signIn', { connection: 'fresh' });
    assert.equal((await run('refresh', { connection: 'fresh' })).outcome, 'refreshed');
    const copy = { connection: 'fresh', as: 'curl' };
    assert.equal(await codeOf(run('copyToken', copy)), 'argument_invalid');
    await run('copyToken', { ...copy, url: `${mock.issuer}/userinfo` });
    const line = await env.clipboard.readText();
    const [, authorization = '', dpop = '', url] =
      /^curl --header 'Authorization: (DPoP [^']+)' --header 'DPoP: ([^']+)' '([^']+)'$/.exec(line) ?? [];
    assert.equal(url, `${mock.issuer}/userinfo`);
    const use = () => fetch(url, { headers: { authorization, dpop } });
    assert.equal((await use()).status, 200, 'the nonce that the issuer gave last is in it');
    assert.equal((await use()).status, 401, 'a proof is used once');
    await run('copyToken', { connection: 'fresh', as: 'bearer' });
    assert.equal(await env.clipboard.readText(), `Authorization: ${authorization}`);
    await run('signOut', { connection: 'fresh' });
  });

  it('ends with revocation, and keeps the tokens where the issuer cannot be told', async () => {
    await start({ rotation: 'strict' });
    await browser(follow);
    await run('signIn', { connection: 'fresh' });
    mock.setFault({ type: 'serverError', status: 503, at: 'revocation', times: 1 });
    assert.equal(await codeOf(run('signOut', { connection: 'fresh' })), 'http_error');
    assert.equal((await run<Status>('status', { connection: 'fresh' })).fresh?.state, 'active');
    assert.deepEqual(await run('signOut', { connection: 'fresh' }), { revoked: true });
    assert.equal((await run<Status>('status', { connection: 'fresh' })).fresh?.state, 'none');
    await run('signIn', { connection: 'fresh' });
    const asked = mock.requests.length;
    assert.deepEqual(await run('signOut', { connection: 'fresh', revoke: false }), { revoked: false });
    assert.equal(mock.requests.length, asked, 'only deleted here');
  });

  it('rejects an unknown grant', async () => {
    await start();
    assert.equal(await codeOf(run('signIn', { connection: 'fresh', grant: 'password' })), 'argument_invalid');
  });

  it('shows the way back in where the refresh token was refused', async () => {
    await start({ rotation: 'strict' });
    await browser(follow);
    await run('signIn', { connection: 'fresh' });
    mock.revokeAll();
    await run('refresh', { connection: 'fresh' });
    assert.ok((await rows()).some(({ item }) => /\bsignedOut\b/.test(item.contextValue ?? '')));
    await run('signIn', { connection: 'fresh' });
    assert.equal((await run<Status>('status', { connection: 'fresh' })).fresh?.state, 'active');
  });
});
