import assert from 'node:assert/strict';
import { decodeJwt } from 'jose';
import { createDiscovery } from '../../../src/core/issuer/discovery.ts';
import { readConnection } from '../../../src/core/records/connection.ts';
import { noHandover } from '../../../src/core/records/journalKeys.ts';
import { emptyRecord } from '../../../src/core/records/record.ts';
import { createSessions } from '../../../src/core/records/sessions.ts';
import { createVault } from '../../../src/core/records/vault.ts';
import type { Grant, SignInStep } from '../../../src/core/signIn/grants.ts';
import { createIssuerClient } from '../../../src/core/signIn/signIn.ts';
import { systemClock } from '../../../src/core/waiting.ts';
import { listenForRedirect } from '../../../src/platform/uriRedirect.ts';
import { failureOf } from '../../support/failureOf.ts';
import { miniBrowser } from '../../support/miniBrowser.ts';
import { knownResource, type OidcProvider, signedAnswers, startOidcProvider } from '../../support/oidcProvider.ts';
import { present, testLock, testStore, until } from '../core/refresh/refreshWorld.ts';

describe('signing in at oidc-provider', function () {
  this.timeout(60_000);
  let provider: OidcProvider;
  before(async () => {
    provider = await startOidcProvider();
  });
  after(() => provider.close());

  function client(openBrowser: (url: string) => Promise<boolean>, extra: object = {}, time = 1) {
    // Shortens waits, because an issuer's interval is five seconds.
    const clock = {
      ...systemClock,
      schedule: (callback: () => void, delay: number) => systemClock.schedule(callback, delay / time),
    };
    const store = testStore();
    const vault = createVault(() => store, store);
    const { fetch } = globalThis;
    const sessions = createSessions();
    const { connection } = readConnection({
      id: 'interop',
      issuer: provider.issuer,
      clientId: provider.clients.none,
      scope: 'openid offline_access',
      extraParameters: { prompt: 'consent' },
      ...extra,
    });
    sessions.setConnections([{ connection: present(connection), memoryOnly: false }], []);
    const issuer = createIssuerClient({
      fetch,
      clock,
      sessions,
      openBrowser,
      handover: noHandover,
      lock: testLock(),
      vault,
      discovery: createDiscovery({ fetch, clock }),
      listen: () => listenForRedirect(page => page),
    });
    const steps: SignInStep[] = [];
    const signIn = (grant: Grant, tell = (step: SignInStep) => void steps.push(step)) =>
      issuer.signIn({
        connection: present(connection),
        grant,
        tell,
        signal: new AbortController().signal,
      });
    return {
      signIn,
      vault,
      issuer,
      connection: present(connection),
      record: () => sessions.get('interop')?.record,
      tokens: () => sessions.get('interop')?.record?.tokens,
    };
  }

  it('comes back over the loopback address with a code, and its tokens refresh', async () => {
    let last = '';
    const browse = async (url: string) => {
      void miniBrowser()
        .go(url)
        .then(({ html }) => {
          last = html;
        });
      return true;
    };
    const { signIn, issuer, connection, tokens } = client(browse);
    const { hasRefreshToken, warnings } = await signIn('authorization_code');
    assert.deepEqual([hasRefreshToken, warnings], [true, []]);
    const { access_token, id_token, refresh_token } = present(tokens());
    assert.ok(access_token && id_token && refresh_token);
    const refreshed = await issuer.tokenClient.refresh({ connection, refreshToken: refresh_token });
    assert.deepEqual(await refreshed.validate({ id_token }), { warnings: [] });
    assert.equal(last, 'signed_in');
  });

  it('takes a pushed request, and the browser carries its name alone', async () => {
    let opened = '';
    const browse = async (url: string) => {
      opened = url;
      void miniBrowser().go(url);
      return true;
    };
    const { signIn, tokens } = client(browse, { pushedAuthorizationRequests: true });
    await signIn('authorization_code');
    assert.deepEqual([...new URL(opened).searchParams.keys()].sort(), ['client_id', 'request_uri']);
    assert.ok(tokens()?.refresh_token);
  });

  it('ends the session: its tokens cannot be refreshed any more', async () => {
    const browse = async (url: string) => {
      void miniBrowser().go(url);
      return true;
    };
    const { signIn, issuer, connection, record } = client(browse);
    await signIn('authorization_code');
    const stored = present(record());
    assert.deepEqual(await issuer.revoke(connection, stored, new AbortController().signal), { revoked: true });
    const refreshToken = present(stored.tokens?.refresh_token);
    const { data } = await failureOf(issuer.tokenClient.refresh({ connection, refreshToken }));
    assert.equal(data.error, 'invalid_grant');
  });

  it('shows in the browser why it rejects a request', async () => {
    const browse = async (url: string) => {
      void miniBrowser().go(url);
      return true;
    };
    for (const [extraParameters, error] of [
      [{ prompt: 'none' }, 'login_required'],
      [{ prompt: 'sometimes' }, 'invalid_request'],
      [{ max_age: 'soon' }, 'invalid_request'],
    ] as const) {
      const { code, data } = await failureOf(client(browse, { extraParameters }).signIn('authorization_code'));
      assert.deepEqual([code, data.error], ['oauth_error', error]);
    }
  });

  it('gives tokens for the resource that is named, refreshed ones too, and for no other', async () => {
    const browse = async (url: string) => {
      void miniBrowser().go(url);
      return true;
    };
    const { signIn, issuer, connection, tokens } = client(browse, { resource: knownResource });
    await signIn('authorization_code');
    const { access_token, refresh_token } = present(tokens());
    assert.equal(decodeJwt(present(access_token)).aud, knownResource);
    const asked = { connection, refreshToken: present(refresh_token) };
    const { raw } = await issuer.tokenClient.refresh(asked);
    assert.equal(decodeJwt(present(raw.access_token)).aud, knownResource);
    const other = client(browse, { resource: 'https://nobody.example' });
    assert.equal((await failureOf(other.signIn('authorization_code'))).data.error, 'invalid_target');
  });

  it('is declined on another device', async () => {
    const { signIn, tokens } = client(async () => false, {}, 20);
    let declined: Promise<unknown> | undefined;
    const decline = async (address: string) => {
      const browser = miniBrowser();
      await browser.submit(await browser.submit(await browser.go(address)), { abort: 'yes' });
    };
    const failure = failureOf(
      signIn('device_code', step => {
        if (step.waitingFor === 'device') declined = decline(present(step.complete));
      }),
    );
    const { code, data } = await failure;
    await declined;
    assert.deepEqual([code, data.error, tokens()], ['oauth_error', 'access_denied', undefined]);
  });

  it('gives tokens for a code that is confirmed on another device', async () => {
    const { signIn, tokens } = client(async () => false, {}, 20);
    const confirm = async (step: SignInStep) => {
      assert.equal(step.waitingFor, 'device');
      if (step.waitingFor !== 'device') return;
      const browser = miniBrowser();
      const asked = await browser.submit(await browser.go(step.complete ?? ''));
      await browser.submit(asked, { confirm: 'yes' });
    };
    let confirmed: Promise<void> | undefined;
    const { hasRefreshToken } = await signIn('device_code', step => {
      confirmed = confirm(step);
    });
    await confirmed;
    assert.ok(tokens()?.access_token);
    assert.equal(hasRefreshToken, true);
  });

  const { signal } = new AbortController();
  const inBrowser = async (url: string) => {
    void miniBrowser().go(url);
    return true;
  };

  it('asks as the client itself', async () => {
    const { signIn, issuer, connection, record, tokens, vault } = client(async () => false, {
      clientId: provider.clientId,
      tokenEndpointAuthMethod: 'client_secret_basic',
      scope: 'openid',
      extraParameters: {},
    });
    await vault.update('interop', (held = emptyRecord('interop')) => ({
      ...held,
      client_secret: provider.clientSecret,
    }));
    const { hasRefreshToken } = await signIn('client_credentials');
    assert.equal(hasRefreshToken, false);
    const token = present(tokens()?.access_token);
    const { claims } = await issuer.introspect(connection, present(record()), token, 'access_token', signal);
    assert.deepEqual([claims.active, claims.client_id], [true, provider.clientId]);
  });

  it('is told of a token whether it is active', async () => {
    const { signIn, issuer, connection, record, tokens } = client(inBrowser);
    await signIn('authorization_code');
    const ask = (token?: string) => issuer.introspect(connection, present(record()), present(token), undefined, signal);
    const { claims, signed } = await ask(tokens()?.access_token);
    assert.deepEqual([claims.active, claims.sub, signed], [true, 'alice', false]);
    assert.equal((await ask(tokens()?.refresh_token)).claims.active, true);
    await issuer.revoke(connection, present(record()), signal);
    assert.equal((await ask(tokens()?.refresh_token)).claims.active, false);
    assert.equal((await ask(tokens()?.access_token)).claims.active, false);
  });

  it('is told who the user is, in JSON and signed', async () => {
    for (const clientId of [provider.clients.none, signedAnswers]) {
      const { signIn, issuer, connection, record } = client(inBrowser, { clientId });
      await signIn('authorization_code');
      const { claims, signed } = await issuer.userInfo(connection, present(record()), signal);
      assert.deepEqual([claims.sub, signed], ['alice', clientId === signedAnswers]);
    }
  });

  it('exchanges a token for one of another audience', async () => {
    const { signIn, issuer, connection, record } = client(inBrowser);
    await signIn('authorization_code');
    const asked = { connection, record: present(record()), signal };
    const { raw, issuedTokenType } = await issuer.tokenClient.exchange({
      ...asked,
      subjectToken: 'access_token',
      audience: 'https://api.example',
      scope: 'openid',
    });
    assert.equal(issuedTokenType, 'access_token');
    const token = present(raw.access_token);
    const { claims } = await issuer.introspect(connection, present(record()), token, undefined, signal);
    assert.deepEqual([claims.active, claims.sub], [true, 'alice']);
    await issuer.revoke(connection, present(record()), signal);
    const { data } = await failureOf(issuer.tokenClient.exchange({ ...asked, subjectToken: 'access_token' }));
    assert.equal(data.error, 'invalid_request');
  });

  it('ends the session in the browser, which comes back', async () => {
    const browser = miniBrowser();
    let last = '';
    const { signIn, issuer, connection, tokens } = client(async url => {
      void browser.go(url).then(async page => {
        const next = page.html.includes('<form') ? await browser.submit(page, { logout: 'yes' }) : page;
        last = next.html;
      });
      return true;
    });
    await signIn('authorization_code');
    await issuer.logout(connection, present(tokens()?.id_token), true, signal);
    await until(() => last === 'signed_out');
  });
});
