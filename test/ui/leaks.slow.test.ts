import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { type LoopbackServer, loopbackServer, reply } from '../support/loopbackServer.ts';
import { useWorkbench } from './harness.ts';
import { readAll, secretsAreKept } from './secrets.ts';

/** Part of every secret, so that any rest of one is found. */
const canary = 'CANARY';
const clientSecret = `${canary}-the-client-secret`;

/** A token response whose secrets contain the canary; the claims of the access token do not. */
function tokens(issuer: string, number: number) {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, sub: 'ada', aud: 'api', iat: now, exp: now + 3600, jti: String(number) };
  return {
    access_token: `${part({ alg: 'RS256', typ: 'at+jwt' })}.${part(claims)}.${canary}signature${number}${'aB3_'.repeat(20)}`,
    token_type: 'Bearer',
    expires_in: 3600,
    refresh_token: `${canary}refresh${number}${'x7Yz'.repeat(8)}`,
  };
}

describe('secrets stay where they belong', function () {
  this.timeout(120_000);
  let issuer: LoopbackServer;
  let answered = 0;
  /** The next response of the token endpoint for the given refresh token; by default new tokens. */
  let fault: ((sent: string) => [status: number, body: unknown]) | undefined;
  const userSettings: Record<string, unknown> = {};
  before(async () => {
    issuer = await loopbackServer(({ path, body }, response) => {
      const { origin } = issuer;
      if (path !== '/token') {
        const metadata = { issuer: origin, token_endpoint: `${origin}/token`, jwks_uri: `${origin}/jwks` };
        return reply(response, 200, path === '/jwks' ? { keys: [] } : metadata);
      }
      answered++;
      const sent = new URLSearchParams(body).get('refresh_token') ?? '';
      const [status, answer] = fault?.(sent) ?? [200, tokens(origin, answered)];
      return reply(response, status, answer);
    });
    userSettings['jwtWorkbench.connections'] = [
      { id: 'shop', label: 'Shop', issuer: issuer.origin, clientId: 'shop', autoRefresh: false },
    ];
  });
  const keybindings = [{ key: 'ctrl+shift+f3', command: 'jwtWorkbench.refresh', args: { connection: 'shop' } }];
  const ui = useWorkbench({ userSettings, keybindings, keepsSecrets: true });
  after(() => issuer.close());

  /** All texts that were visible during the test. */
  const seen: string[] = [];

  /** The number of finished refreshes, according to the extension's log. */
  async function refreshesLogged(): Promise<number> {
    const files = await readAll(join(ui.workbench.server.userDataDir, 'logs'));
    const log = files.filter(({ name }) => name.endsWith('JWT Workbench.log'));
    return log.reduce((sum, { text }) => sum + text.split(' refresh {').length - 1, 0);
  }

  it('through import, refresh, failures that echo them, and verification', async () => {
    const { window } = ui;
    const { page } = window;
    await window.openContainer('JWT Workbench');
    const row = (spoken: string) => page.locator(`[role=treeitem][aria-label^="${spoken}"]`).first();
    const look = async () => seen.push(await page.locator('body').innerText(), ...(await window.treeRows()));
    const shop = row('Connection Shop');

    await page.evaluate(text => navigator.clipboard.writeText(text), JSON.stringify(tokens(issuer.origin, 0)));
    await window.expand(shop);
    await window.treeItem('Import tokens').click();
    await window.quickItem('Clipboard').click();
    await row('Access token').waitFor();
    await page.evaluate(() => navigator.clipboard.writeText('nothing'));
    await look();

    const faults: (typeof fault)[] = [
      undefined,
      sent => [400, { error: 'invalid_scope', error_description: `no scope for ${sent}` }],
      sent => [200, `<html><body>signed out: ${sent} ${clientSecret}</body></html>`],
      sent => [502, `<html><body>bad gateway: ${sent}</body></html>`],
      sent => [200, { access_token: { nested: sent }, refresh_token: 7, token_type: sent }],
      sent => [400, { error: sent }],
      sent => [401, { error: 'invalid_client', error_uri: `https://issuer.example/${sent}` }],
    ];
    for (const each of faults) {
      fault = each;
      const before = await refreshesLogged();
      await page.keyboard.press('Control+Shift+F3');
      while ((await refreshesLogged()) === before) await page.waitForTimeout(50);
      await look();
    }
    // The tree collects changes for a moment before it redraws.
    await row('Last refresh').waitFor();
    await look();
    await window.expand(row('Refresh token'));
    await look();
    await window.expand(row('Access token'));
    await window.expand(row('Verification'));
    await look();
    assert.ok(
      seen.some(text => text.includes('Last refresh')),
      'the failures were seen',
    );
  });

  it('is so on the screen', () =>
    assert.deepEqual(
      seen.filter(text => text.includes(canary)),
      [],
    ));

  it('is so in every file of the user, the server and the logs', async () => {
    const files = await readAll(dirname(ui.workbench.server.userDataDir));
    assert.ok(
      files.some(({ name }) => name.endsWith('.log')),
      'there are logs',
    );
    assert.ok(
      files.some(({ text }) => /invalid_scope/.test(text)),
      'the extension’s log is among them',
    );
    assert.deepEqual(
      files.filter(({ text }) => leaks(text)).map(({ name }) => name),
      [],
    );
  });

  it('is so in the browser: SecretStorage is there, sealed', async () => {
    await secretsAreKept(ui.window.page);
    const storage = await ui.window.page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
    assert.match(storage, /secrets\.provider/);
    assert.ok(!leaks(storage), 'localStorage');
  });
});

/** Searches the plain text and its base64 forms, as in a Basic header or encrypted-looking text. */
function leaks(text: string): boolean {
  const encoded = [0, 1, 2].map(shift => {
    const whole = Buffer.from(`${'x'.repeat(shift)}${canary}xx`).toString('base64');
    return whole.slice(shift === 0 ? 0 : 4, -4);
  });
  return [canary, ...encoded].some(each => text.includes(each));
}
